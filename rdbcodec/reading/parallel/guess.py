"""Where in the middle of a snapshot a record may begin.

From a place on, the first bytes are looked for from which many records in a row make sense. Where that row
*ends* is the guess: one that began in the middle of something runs into the true records after a few.
Each search is bounded in bytes and in time. Without that it took minutes in files of few large collections;
so where nothing is found, nothing is guessed, and the next search may take half as long.

Among large strings no row is long enough, but there is a way from record to record which passes by their
bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from itertools import islice

from rdbcodec.errors import RdbError
from rdbcodec.formats import OpcodeRow
from rdbcodec.framing import WalkFunction, compile_walk
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.wire import lengths, strings

RECORDS = 64  # in a row, all of which make sense
FEW = 12  # that are enough where values are so large that more do not go into a window
SECONDS = 0.05  # for one guess
_LEAST_SECONDS = 0.003  # for one behind many that found nothing
WINDOWS = (128 << 10, 1 << 20, 4 << 20)  # bytes that are looked at, more when records ran out of fewer
_STEP = 1 << 20  # bytes in which a SELECTDB is looked for at once
_GLANCE = 64 << 10  # bytes in which the first byte of one is looked for
_HOP = 1 << 10  # bytes that are looked at to pass by a large string
_WORTH = 64 << 10  # bytes that are passed by with each look, or else a search is quicker
_LOOKS = 2  # that need not be worth it yet
_HEAD = 16  # bytes that SELECTDB and RESIZEDB take at most, and more
_PROOF = 16  # records behind a SELECTDB that make it believed

_FAR = 1 << 62

ReadAt = Callable[[int, int], bytes]  # offset, size


class Chain(NamedTuple):
    """Records in a row: how many, where the last of them ends, whether the bytes ended before they did.

    `beyond` is where the one ends in which they did, when its bytes need not be seen for that; else 0.
    """

    records: int
    end: int
    ran_out: bool
    beyond: int = 0


class Guesser:
    """Guesses for one file, whose bytes `read_at` gives; `walks` and `opcodes` are those of its dialect.

    `has_resizedb` says that a RESIZEDB stands behind each SELECTDB, which are found faster then.
    """

    def __init__(
        self,
        read_at: ReadAt,
        walks: list[WalkFunction | None],
        opcodes: Mapping[int, OpcodeRow],
        *,
        has_resizedb: bool,
        records: int = RECORDS,
    ) -> None:
        self._read_at = read_at
        self._wanted, self._few = records, min(FEW, records)
        self._seconds = SECONDS
        self._walks = walks
        known = {code: row for code, row in opcodes.items() if row.name not in _NEVER}
        self._opcodes = {code: compile_walk(row.framing, {}) for code, row in known.items()}
        self._attributes = frozenset(code for code, row in known.items() if row.name in _ATTRIBUTES)
        types = bytes(code for code, walk in enumerate(walks) if walk is not None)
        self._begins = re.compile(b"[" + re.escape(types + bytes(known)) + b"]", re.DOTALL)
        self._selects = _WITH_RESIZEDB if has_resizedb else _SELECTDB

    def boundary(self, offset: int, begin: int) -> int | None:
        """Where a record may begin at or behind `offset`, when one may at `begin`; None when not found."""
        found = self._by_hops(begin, offset)
        if found is None:
            found = self._by_rows(offset)
        self._seconds = max(self._seconds / 2, _LEAST_SECONDS) if found is None else SECONDS
        return found

    def _by_hops(self, begin: int, offset: int) -> int | None:
        """From record to record, while most of their bytes need not be seen."""
        at, looks = begin, 0
        while at < offset:
            if looks * _WORTH > at - begin + _LOOKS * _WORTH:
                return None
            chain = self.chain(self._read_at(at, _HOP), 0, _FAR, offset - at)
            passed = chain.beyond or chain.end
            if not passed or not chain.ran_out:
                return None
            at, looks = at + passed, looks + 1
        return at

    def _by_rows(self, offset: int) -> int | None:
        deadline = time.monotonic() + self._seconds
        for size in WINDOWS:
            window = self._read_at(offset, size)
            found, ran_out = self._search(window, deadline)
            if found is not None:
                return offset + found
            if not ran_out or len(window) < size or time.monotonic() > deadline:
                break
        return None

    def _search(self, window: bytes, deadline: float) -> tuple[int | None, bool]:
        """The end of the first row that is long enough; whether one ended with the window."""
        ran_out = False
        for tried, begin in enumerate(self._begins.finditer(window)):
            chain = self.chain(window, begin.start(), self._wanted)
            if chain.records >= self._wanted or (chain.ran_out and chain.records >= self._few):
                return chain.end, False
            ran_out = ran_out or chain.ran_out
            if not tried & 0x3F and time.monotonic() > deadline:
                break
        return None, ran_out

    def chain(self, buf: bytes, pos: int, most: int, stop: int = _FAR) -> Chain:
        """Up to `most` records in a row from `pos` on, the last of which ends at or behind `stop`."""
        walks, opcodes, attributes = self._walks, self._opcodes, self._attributes
        records, end, size, beyond = 0, pos, len(buf), 0
        try:
            while records < most and end < stop:
                code = buf[pos]
                walk = walks[code]
                if walk is not None:
                    pos = walk(buf, strings.walk(buf, pos + 1))
                elif code in opcodes:
                    pos = opcodes[code](buf, pos + 1)
                    if code in attributes:
                        continue
                else:
                    return Chain(records, end, ran_out=False)
                if pos > size:
                    beyond = pos
                    break
                records, end = records + 1, pos
        except IndexError:
            pass
        except (RdbError, KeyError):
            return Chain(records, end, ran_out=False)
        return Chain(records, end, records < most, beyond)

    def database(self, begin: int, end: int) -> int | None:
        """The database that the last SELECTDB between two offsets selects; None when there is none."""
        while end > begin:
            start = max(begin, end - _STEP)
            if self._may_select(start, end):
                found = self._last_select(self._read_at(start, end - start + _HEAD), end - start)
                if found is not None:
                    return found
            end = start
        return None

    def _may_select(self, begin: int, end: int) -> bool:
        """Most bytes are text, in which there is no SELECTDB: little at a time stays in the caches."""
        return any(_SELECT in self._read_at(at, _GLANCE) for at in range(begin, end, _GLANCE))

    def _last_select(self, window: bytes, size: int) -> int | None:
        for select in reversed([*self._selects.finditer(window)]):
            if select.start() < size and self._is_believed(window, select.start()):
                return lengths.read(window, select.start() + 1)[0]
        return None

    def _is_believed(self, window: bytes, pos: int) -> bool:
        chain = self.chain(window, pos, _PROOF)
        behind = chain.records >= _PROOF or (chain.ran_out and chain.records >= _FEW_PROVE)
        return behind and self._is_reached(window, pos)

    def _is_reached(self, window: bytes, pos: int) -> bool:
        """Whether records in a row end there: a row that begins within a record is soon a right one, too."""
        start = max(0, pos - _BEFORE)
        if pos - start < _LITTLE:
            return True
        for begin in islice(self._begins.finditer(window, start, pos), _TRIED):
            chain = self.chain(window, begin.start(), _FAR, pos)
            if chain.end >= pos and chain.records >= _FEW_PROVE:
                return chain.end == pos
        return False


_FEW_PROVE = 3
_BEFORE = 64 << 10  # bytes before a SELECTDB in which a row of records that ends there is looked for
_LITTLE = 1 << 10  # bytes that are too few for that
_TRIED = 512  # places where it may begin
# Behind these is no record of the kind that is looked for, or none that can be read without the one before.
_NEVER = ("eof", "tagged-chunk", "zstd-blob", "lz4-blob", "blob-end", "full-sync-end")
_ATTRIBUTES = ("expiretime", "expiretime-ms", "freq", "idle", "key-meta", "key-attributes", "ram-lru")
_SELECT = b"\xfe"
_SELECTDB = re.compile(rb"\xfe(?:[\x00-\x3f]|[\x40-\x7f].|\x80....)", re.DOTALL)
_WITH_RESIZEDB = re.compile(_SELECTDB.pattern + rb"\xfb", re.DOTALL)
