"""What the bytes of a snapshot are, record by record: `rdbcodec.explain`.

    for meaning in explain("dump.rdb", key=b"user:17"):
        print(meaning.start, meaning.end, meaning.label, meaning.value)

The records are found by a reading, which knows what stood before them, and explained from the bytes of the
file. So what no record is made of (pieces, attributes without a key, damage) is explained as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rdbcodec.errors import DecodeError
from rdbcodec.limits import COPIED_VALUE, MAX_RECORD
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.resumed import Resumed
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records import End, Entry, HashTemplate, Record, SelectDb
from rdbcodec.records.state import FileContext, Position
from rdbcodec.tools.anatomy import Walker
from rdbcodec.tools.meanings import DAMAGED, SHOWN, Meaning

if TYPE_CHECKING:
    from rdbcodec.formats import Dialect
    from rdbcodec.reading.source import Source
    from rdbcodec.tools.key_files import KeyFile


def explain(
    source: Source,
    *,
    offset: int | None = None,
    key: bytes | None = None,
    db: int | None = None,
    index: KeyFile | None = None,
    shown: int = SHOWN,
    dialect: Dialect | None = None,
    any_version: bool = False,
    verify_checksum: bool = True,
    max_record: int = MAX_RECORD,
    progress: Callable[[int, int, int], Any] | None = None,
) -> Iterator[Meaning]:
    """What each byte is: of the record that byte `offset` belongs to, of a key (in each database that has
    it, or in `db`), or of all records.

    Nothing comes for an offset behind the snapshot and for a key that is not in it. A value that does not
    decode has a Meaning of kind "damaged". Damage behind which nothing can be found raises DecodeError, after
    what stands before it. Meanings keep the first `shown` bytes. Memory is bounded, whatever the file.
    """
    with Unwrapped(source) as whole:
        job = _Job(whole, shown, progress or _nothing)
        job.limits = {"max_record": max_record}
        if key is not None and index is not None:
            for number in index.databases if db is None else [db]:
                entry = index.find(number, key)
                if entry is not None:
                    yield from job.entry(entry)
            return
        reader = Reader(
            whole.stream(0),
            dialect=dialect,
            max_value=COPIED_VALUE,
            max_record=max_record,
            verify_checksum=verify_checksum,
            any_version=any_version,
        )
        if key is not None:
            yield from job.key(reader, key, db)
        elif offset is not None:
            yield from job.one(reader, offset)
        else:
            yield from job.all(reader)


class _Job:
    def __init__(self, whole: Unwrapped, shown: int, progress: Callable[[int, int, int], Any]) -> None:
        self.limits: dict[str, int] = {}
        self._whole = whole
        self._walker = Walker(whole, shown=shown)
        self._progress = progress
        self._context = FileContext("redis", True, 0, 0, {})
        self._templates: dict[int, tuple[bytes, ...]] = {}
        self._error: DecodeError | None = None
        self._told: int | None = None  # the record whose damage was told

    def all(self, reader: Reader) -> Iterator[Meaning]:
        """Every record."""
        for record in self._records(reader):
            yield from self._up_to(record.offset)
            if isinstance(record, Entry):
                yield from self._verified(record)
        yield from self._rest()

    def one(self, reader: Reader, offset: int) -> Iterator[Meaning]:
        """The record that has the byte at `offset`."""
        last = 0
        for record in self._records(reader):
            end = self._end_of(record)
            if offset < end:
                self._walker.pos = last
                yield from self._holding(offset)
                yield from self._verified_at(record)
                return
            last = max(last, end)
        error, self._walker.pos = self._error, last
        if error is not None:
            yield from self._holding(offset)
            if self._walker.is_at_end or self._walker.pos > (error.offset or 0):
                raise error

    def key(self, reader: Reader, key: bytes, db: int | None) -> Iterator[Meaning]:
        """The records of a key."""
        unreadable: DecodeError | None = None
        is_found = False
        for record in self._records(reader):
            if not isinstance(record, Entry) or db not in (None, record.db):
                continue
            try:
                is_it = record.key == key
            except DecodeError as error:  # compressed, and damaged
                unreadable, is_it = unreadable or error, False
            if is_it:
                is_found = True
                yield from self.entry(record)
        ended = self._error
        if ended is not None and ended.key == key and db in (None, ended.db):
            self._walker.pos = ended.offset or 0
            yield from self._rest()
        unreadable = ended or unreadable
        if unreadable is not None and not is_found:
            raise unreadable

    def entry(self, entry: Entry) -> Iterator[Meaning]:
        """A key's record, which was just read."""
        origin = entry.origin
        templates = {id: tuple(fields) for id, fields in entry.scope().templates.items()}
        self._context = FileContext(origin.dialect, True, origin.version, entry.db, templates)
        self._walker.pos = entry.offset
        yield from self._up_to(entry.offset)
        yield from self._verified(entry)

    # --- reading -------------------------------------------------------------------------------------

    def _records(self, reader: Reader) -> Iterator[Record]:
        """Those that can be read; then the error is kept."""
        try:
            for number, record in enumerate(reader):
                self._note(record, reader)
                if not number & _TICK:
                    self._progress(reader.bytes_read, self._whole.size, number)
                yield record
        except DecodeError as error:
            if not reader.version:
                raise
            self._error = error
            self._context = self._context._replace(dialect=reader.dialect, version=reader.version)
            if error.db is not None:
                self._context = self._context._replace(db=error.db)

    def _note(self, record: Record, reader: Reader) -> None:
        """What is known behind a record."""
        if isinstance(record, HashTemplate):
            self._templates[record.id] = record.fields
        known = self._context
        db = record.db if isinstance(record, Entry | SelectDb) else known.db
        if db != known.db or reader.dialect != known.dialect or not known.version:
            self._context = FileContext(reader.dialect, True, reader.version, db, self._templates)

    def _end_of(self, record: Record) -> int:
        """Where a record ends; one that stands in another has no end of its own."""
        if isinstance(record, End):
            return record.size
        if self._context.dialect == "dragonfly" and self._whole.read_at(record.offset, 1) in _HOLDERS:
            return record.offset
        return record.offset + (record.serialized_size if isinstance(record, Entry) else len(record.raw))

    # --- explaining ----------------------------------------------------------------------------------

    def _next(self) -> Iterator[Meaning]:
        """The record where the walker stands, and damage that hides its end, which is raised."""
        walker = self._walker
        try:
            for meaning in walker.record(walker.pos, self._context) if walker.pos else walker.header():
                if meaning.kind == DAMAGED:
                    self._told = meaning.record
                yield meaning
        except DecodeError as error:
            yield walker.damaged(error)
            raise self._error or error from None

    def _up_to(self, offset: int) -> Iterator[Meaning]:
        """All from where the walker stands to the record at `offset`, and that."""
        while self._walker.pos <= offset and not self._walker.is_at_end:
            yield from self._next()

    def _holding(self, offset: int) -> Iterator[Meaning]:
        """The record that has this byte, or whose end is hidden, of those from where the walker stands."""
        walker = self._walker
        while not walker.is_at_end:
            start = walker.pos
            with suppress(DecodeError):  # raised below
                for _ in self._next():
                    pass
                if walker.pos <= offset:
                    continue
            walker.pos = start
            yield from self._next()
            return

    def _rest(self) -> Iterator[Meaning]:
        """What stands before damage in the record that has it; then the damage is raised."""
        if self._error is not None:
            yield from self._up_to(self._error.offset or 0)
            raise self._error

    def _verified(self, entry: Entry) -> Iterator[Meaning]:
        """A Meaning for what is wrong with the value beyond its framing, unless the damage was told."""
        try:
            entry.verify()
        except DecodeError as error:
            if self._told != entry.offset:
                yield self._walker.damaged(error)

    def _verified_at(self, record: Record) -> Iterator[Meaning]:
        """The same for one that has passed by."""
        if not isinstance(record, Entry):
            return
        place = Position(record.offset, self._context)
        again = Resumed(self._whole.stream(record.offset), place, max_value=COPIED_VALUE, **self.limits)
        entry = again.next_record()
        if isinstance(entry, Entry):
            yield from self._verified(entry)


def _nothing(_: int, __: int, ___: int) -> None:
    """Nobody watches."""


_HOLDERS = (b"\xc9", b"\xca", b"\xe0")
_TICK = 0x3FF  # records between two looks at the progress, a power of two less one
