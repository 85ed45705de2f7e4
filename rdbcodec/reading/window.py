"""The bytes in hand: how more come, and how those that were read go.

The window holds one record at most. The checksum runs over the bytes as they are dropped, so what stands
behind the EOF mark never enters it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final

from rdbcodec.errors import ChecksumMismatch, CorruptStructure, DecodeError, Truncated
from rdbcodec.formats import DIALECTS
from rdbcodec.framing import Walk
from rdbcodec.records.entry import Entry
from rdbcodec.records.state import State
from rdbcodec.wire.crc64 import crc64

if TYPE_CHECKING:
    from rdbcodec.formats import Dialect
    from rdbcodec.records import Record
    from rdbcodec.records.end import Checksum


class NeedData(enum.Enum):
    """The type of NEED_DATA."""

    NEED_DATA = "feed more"


NEED_DATA: Final = NeedData.NEED_DATA

Records = Generator["Record | NeedData", None, None]


class Window(State):
    """A State whose bytes come from `fetch`.

    `fetch(wanted)` gives more bytes, `wanted` of them if they can be had; b"" at the end, None when more must
    be fed. `is_between` says that the loop waits between two records, `may_end` that it need not: a part
    ends there (see reading.parallel), as a blob may. `weight` counts the bytes handed out in records since
    the last stretch began (see Reader.stretches).
    """

    __slots__ = ("crc", "fetch", "is_between", "may_end", "verify", "weight")

    def __init__(
        self,
        dialect: Dialect | None,
        *,
        max_value: int,
        max_record: int,
        verify: bool,
        fetch: Callable[[int], bytes | None],
    ) -> None:
        super().__init__(dialect, max_value=max_value, max_record=max_record)
        self.fetch = fetch
        self.verify = verify
        self.crc = 0
        self.weight = 0
        self.is_between = self.may_end = False

    def locate(self, error: DecodeError) -> None:
        """Say where in the snapshot an error at a place in the window is; there is no way on behind it."""
        error.ends_reading = True
        if self.inside is not None:
            error.locate(offset=self.inside, db=self.db)
            return
        pos = self.pos if error.pos is None else error.pos
        error.locate(offset=self.base + pos, db=self.db)

    def drop(self, keep: int) -> None:
        """Drop the window before `keep`: its bytes go to the checksum."""
        if self.verify:
            self.crc = crc64(memoryview(self.buf)[:keep], self.crc)
        self.base += keep
        self.weight += keep
        self.buf = self.buf[keep:]
        self.pos = 0

    def weigh(self, record: Record) -> None:
        """Count what a record that is no key holds beside its bytes on disk."""
        parts = () if isinstance(record, Entry) else record[2:]
        self.weight += sum(len(part) for part in parts if isinstance(part, bytes))

    def check(self, trailer: bytes) -> Checksum:
        """What the bytes behind the EOF mark say of all that was dropped; raises ChecksumMismatch."""
        if not trailer:
            return "absent"
        expected = int.from_bytes(trailer, "little")
        if not expected:
            return "disabled"
        if not self.verify:
            return "not verified"
        if expected != self.crc:
            raise ChecksumMismatch(expected, self.crc)
        return "ok"

    def wait(self, keep: int, wanted: int = 1) -> Records:
        """Until `wanted` more bytes are in the window, which then begins at `keep`."""
        self.drop(keep)
        data = yield from self._next_bytes(wanted, len(self.buf))
        self.buf = self.buf + data if self.buf else data

    def refill(self) -> Generator[Record | NeedData, None, bool]:
        """Go on between two records; False when a blob or a part ends there, where a file must not."""
        self.is_between = self.attributes is None
        self.drop(self.pos)
        while (data := self.fetch(1)) is None:
            yield NEED_DATA
        if data:
            self.buf = data
        elif not self.is_between or (self.inside is None and not self.may_end):
            yield from self._next_bytes(1, 0)
        self.is_between = False
        return bool(data)

    def gather(self, walk: Walk, at: int, limit: int) -> Generator[Record | NeedData, None, int]:
        """Walk on from `at` until the walk is done or has gone further than `limit` bytes; where it stands.

        What it went through is in the window then, from `pos` on. Each byte is looked at once, and
        copied once into the window however many pieces it came in.
        """
        buf, start, before = self.buf, at, 0
        pieces: list[bytes] = []
        while True:
            try:
                at = walk.advance(buf, at, start + limit - before)
            except CorruptStructure as error:
                error.pos = None if error.pos is None else error.pos + before
                raise
            if walk.done or before + at - start + walk.missing > limit:
                break
            if not pieces:
                keep = self.pos
                self.drop(keep)
                buf, start, at = self.buf, start - keep, at - keep
            pieces.append(buf[:at])
            before += at
            rest = buf[at:]
            buf = rest + (yield from self._next_bytes(walk.missing, before + len(rest)))
            at = 0
        if pieces:
            self.buf = b"".join([*pieces, buf])
        return before + at

    def _next_bytes(self, wanted: int, held: int) -> Generator[Record | NeedData, None, bytes]:
        """At least `wanted` more bytes; `held` are there from the start of the window on."""
        pieces: list[bytes] = []
        while wanted > 0:
            data = self.fetch(wanted)
            if data is None:
                yield NEED_DATA
            elif data:
                pieces.append(data)
                wanted -= len(data)
                held += len(data)
            elif self.inside is not None:
                raise CorruptStructure("a compressed blob ends inside a record")
            else:
                raise Truncated("the file ends inside a record", held)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def check_options(dialect: object, max_value: object) -> None:
    """Raise TypeError or ValueError, which name the parameter, for what cannot be meant."""
    if not isinstance(max_value, int) or isinstance(max_value, bool):
        raise TypeError(f"max_value is {type(max_value).__name__}, expected a number of bytes")
    if dialect is not None and dialect not in DIALECTS:
        raise ValueError(f"dialect is {dialect!r}, expected None or one of {', '.join(DIALECTS)}")
