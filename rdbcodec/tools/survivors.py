"""All records of a damaged snapshot that can be read, and the gaps between them.

    for record in Survivors(whole, resync=True):      records, and a Gap for each stretch that cannot be read

The records before the first gap are those of any reading. Behind it they are what `resync` finds.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator
from itertools import islice

from rdbcodec.errors import (
    BadMagic,
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    Truncated,
    UnsupportedVersion,
)
from rdbcodec.formats import FIRST_VALKEY, Dialect, releases_of
from rdbcodec.limits import CHECKED_VALUE, MAX_RECORD
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.core import Core
from rdbcodec.reading.decoder import NEED_DATA
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.resumed import Resumed
from rdbcodec.reading.source import CHUNK
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records import End, Entry, Header, LargeEntry, Record
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.records.header import MAGIC_SIZE
from rdbcodec.records.state import FileContext, Position
from rdbcodec.tail import Tail, measure
from rdbcodec.tools.damage_signs import is_word
from rdbcodec.tools.resync import find, verify


class Gap(NamedTuple):
    """Bytes that cannot be read, from `start` up to `end`, and why."""

    start: int
    end: int
    error: DecodeError


class Survivors:
    """The records; iterate once. Then `ended` says whether the end of the snapshot was met.

    `checksum_error` is set when all could be read and the checksum is another; `tail` is what stands behind
    the end; `guess` the header that was taken for one that is damaged.
    """

    def __init__(
        self,
        whole: Unwrapped,
        *,
        resync: bool = False,
        dialect: Dialect | None = None,
        any_version: bool = False,
        verify_checksum: bool = True,
        max_value: int = CHECKED_VALUE,
        max_record: int = MAX_RECORD,
    ) -> None:
        self.ended: End | None = None
        self.checksum_error: ChecksumMismatch | None = None
        self.tail: Tail | None = None
        self.guess: Header | None = None
        self._whole = whole
        self._resync = resync
        self._limits = {"max_value": max_value, "max_record": max_record}
        self._reader: Core = Reader(
            whole.stream(0),
            dialect=dialect,
            any_version=any_version,
            verify_checksum=verify_checksum,
            max_value=max_value,
            max_record=max_record,
        )
        self._dialect = dialect
        self._place = Position(0, FileContext("redis", False, 0, 0, {}))
        self._is_found = False  # what is in a damaged value can be read
        self._is_nested = False  # the last record stood in another, and tells no place

    def __iter__(self) -> Iterator[Record | Gap]:
        yield from self._begin()
        while True:
            error = yield from self._stretch()
            if error is None:
                return
            gap, place = self._gap(error)
            yield gap
            if place is None:
                return
            self._go_on(place)

    def _begin(self) -> Iterator[Record | Gap]:
        """The header, or another in its place when it is damaged."""
        try:
            header = self._reader.next_record()
            assert isinstance(
                header, Header
            )  # a Reader needs nothing fed, and every snapshot begins with one
            self._note(header)
        except (BadMagic, UnsupportedVersion) as error:
            header = self.guess = _guessed(self._whole.read_at(0, _HEAD), error)
            yield Gap(0, MAGIC_SIZE, error)
            context = FileContext(
                self._dialect or header.dialect, self._dialect is not None, header.version, 0, {}
            )
            self._go_on(Position(MAGIC_SIZE, context))
        yield header

    def _stretch(self) -> Generator[Record | Gap, None, DecodeError | None]:
        """Records up to damage, which is the answer; None at the end of the snapshot."""
        recent: deque[tuple[Record, Position]] = deque()  # with the place of each
        error: DecodeError | None
        try:
            while True:
                place = self._place
                record = self._next()
                if isinstance(record, End):
                    error = self._error_at_end(record)
                    break
                if self._resync:
                    self._look_into(record, place)
                recent.append((record, place))
                if len(recent) > (_LOOK_BACK if self._resync else 0):
                    yield recent.popleft()[0]
        except ChecksumMismatch as mismatch:
            size = mismatch.offset or 0
            self.ended = End(size - 1 - CRC_SIZE, b"", size, "not verified")
            error = self._error_at_end(self.ended, mismatch)
        except DecodeError as damage:
            error = damage
        sound = len(recent)
        if self._resync and error is not None and not self._is_found:
            sound = self._before_swallowing(recent)
        self._is_found = False
        for record, _ in islice(recent, sound):
            yield record
        return error

    def _next(self) -> Record:
        """The next record, and where it ends."""
        record = self._reader.next_record()
        assert record is not None  # behind the End record nobody asks
        assert record is not NEED_DATA  # there is nothing to feed
        if isinstance(record, LargeEntry):
            record.keep()  # so that damage in it is met before anybody has it
        if not isinstance(record, End):
            self._note(record)
        return record

    def _look_into(self, record: Record, place: Position) -> None:
        """Raise what is wrong with a value when others can be read in its bytes: reading goes on in them."""
        if not isinstance(record, Entry) or self._is_nested:
            return
        try:
            verify(record)
        except DecodeError:
            if self._find(place, self._place.offset) is None:
                return  # damaged, and alone in that
            self._place, self._is_found = place, True
            raise

    def _find(self, place: Position, end: int) -> Position | None:
        """The first place in a record from which others can be read."""
        stop = min(end, place.offset + _SEARCHED)
        return find(self._whole, place.context, place.offset, stop) if place.offset < stop else None

    def _before_swallowing(self, recent: deque[tuple[Record, Position]]) -> int:
        """How many of the last records stand before one in whose bytes others can be read: its length was
        damaged, and it took in what stood behind it. Reading goes on in it.

        A record whose name is a word begins where another ends: what stands before it is sound.
        """
        if not recent:
            return 0
        ends = [*(place.offset for _, place in islice(recent, 1, None)), self._place.offset]
        first = max((at for at, (record, _) in enumerate(recent) if _is_named(record)), default=0)
        for number, ((record, place), end) in enumerate(zip(recent, ends, strict=True)):
            is_candidate = number >= first and isinstance(record, Entry)
            if is_candidate and (_is_nameless(record) or self._find(place, end) is not None):
                self._place = place
                return number
        return len(recent)

    def _note(self, record: Record) -> None:
        """Where the record behind this one begins, and what is known there."""
        place = self._reader.position()
        self._is_nested = False
        if place is not None:
            self._place = place
        elif isinstance(record, LargeEntry) and record.offset >= self._place.offset:
            self._place = self._place._replace(offset=record.offset + record.serialized_size)
        elif isinstance(record, Entry):
            self._is_nested = True
            context = self._place.context._replace(db=record.db)
            self._place = Position(max(record.offset, self._place.offset), context)

    def _error_at_end(self, end: End, mismatch: ChecksumMismatch | None = None) -> DecodeError | None:
        """None for what is the end of the snapshot; a byte that looks like an EOF mark is damage."""
        tail = measure(self._pieces(end.size))
        if end.checksum != "ok" and tail.kind == "other bytes":
            error = CorruptStructure("an EOF mark, and behind it bytes that belong to no snapshot's end")
            error.locate(offset=end.offset)
            return error
        self.ended, self.tail, self.checksum_error = end, tail, mismatch
        return None

    def _pieces(self, pos: int) -> Iterator[bytes]:
        """What stands behind the snapshot, without the mark that ends a replication."""
        source, mark = self._whole.stream(pos), self._whole.mark
        head = source.read(CHUNK)
        head = head.removeprefix(mark) if mark else head
        while head:
            yield head
            head = source.read(CHUNK)

    def _gap(self, error: DecodeError) -> tuple[Gap, Position | None]:
        """What cannot be read, and where it goes on behind it."""
        start = self._place.offset
        if self._is_nested:  # the record that holds the damage has a place, what stands in it has none
            start = max(start, error.offset or 0)
        if isinstance(error, Truncated) and self._whole.failure is not None:
            self._whole.failure.locate(offset=error.offset, db=error.db, key=error.key)
            error = self._whole.failure
        place = find(self._whole, self._place.context, start) if self._resync else None
        return Gap(start, self._whole.size if place is None else place.offset, error), place

    def _go_on(self, place: Position) -> None:
        self._place = place
        self._reader = Resumed(self._whole.stream(place.offset), place, **self._limits)


_LOOK_BACK = 4  # records that are held until it is clear that the next ones can be read
_SEARCHED = 8 << 20  # bytes of one that are looked through


def _is_named(record: Record) -> bool:
    """Whether it is a key whose name is a word."""
    try:
        return isinstance(record, Entry) and is_word(record.key)
    except DecodeError:
        return False


def _is_nameless(record: Record) -> bool:
    """Whether it is a key without a name, as zeros read."""
    return isinstance(record, Entry) and record.name_bytes == b"\0"


# --- headers that are damaged -----------------------------------------------------------------------

_HEAD = 4096  # bytes in which a server says its version
_SAID = re.compile(rb"\xfa[\x09\x0a](redis|valkey)-ver([\x03-\x20])(\d+\.\d+)")
_ALIKE = 6  # of the nine bytes of a header, those that must be right
_BEFORE_AUX = 6  # the last version of files in which no server says who it is


def _guessed(head: bytes, error: BadMagic | UnsupportedVersion) -> Header:
    """The header that stood there, by what the server says of itself behind it. Raises the error again when
    the file does not begin like a snapshot with some damage."""
    if isinstance(error, BadMagic) and (error.next_step or not _is_alike(head[:MAGIC_SIZE])):
        raise error
    said = _SAID.search(head)
    version = _BEFORE_AUX if said is None and head[MAGIC_SIZE : MAGIC_SIZE + 1] == b"\xfe" else None
    if said is not None:
        version = _version_of(said[1].decode(), said[3].decode())
    if version is None:
        raise error
    dialect: Dialect = "valkey" if version >= FIRST_VALKEY else "redis"
    word = dialect.upper().encode()
    return Header(0, b"%b%0*d" % (word, MAGIC_SIZE - len(word), version), dialect, version)


def _is_alike(magic: bytes) -> bool:
    return any(
        sum(
            byte == of or (of == 0x30 and chr(byte).isdecimal())
            for byte, of in zip(magic, form, strict=False)
        )
        >= _ALIKE
        for form in (b"REDIS0000", b"VALKEY000")
    )


def _version_of(product: str, release: str) -> int | None:
    """The version that a release writes."""
    wanted = tuple(map(int, release.split(".")))
    rows = [row.accepts for row in releases_of(product) if tuple(map(int, row.release.split("."))) <= wanted]
    return max(rows, default=None)
