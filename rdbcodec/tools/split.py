"""One snapshot becomes several: by slots, databases, types, prefixes or sizes.

    done = split("dump.rdb", "part-{slot}.rdb", way_of("slots:4"))
    done.parts[0].path, done.parts[0].keys

The source is read once. What belongs to each part waits in one temporary file, so that thousands of parts
need neither memory nor descriptors, and counts of keys are known before they are written. Records keep their
bytes. What belongs to the data set and not to a key (function libraries, hash templates, records of modules,
remarks) is in every part; remarks that would not be true of a part are in none.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

from rdbcodec.errors import EncodeError
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import CRC_SINCE
from rdbcodec.limits import COPIED_VALUE, MAX_RECORD
from rdbcodec.losses import row_of
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.resumed import Resumed
from rdbcodec.reading.source import Source
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    Header,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
    select_db,
)
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.records.header import MAGIC_SIZE
from rdbcodec.records.registry import kind_of
from rdbcodec.records.state import FileContext, Position
from rdbcodec.remote.urls import scheme_of
from rdbcodec.servers import Server
from rdbcodec.tools.streams import Joined, Streams
from rdbcodec.tools.ways import Way
from rdbcodec.writing.output import like
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.together import Together
from rdbcodec.writing.writer import Writer

MAX_PARTS = 1 << 14  # as many as a cluster has slots
HEAD, TAIL = 0, 1  # the streams that every part has before its own and behind it
# Remarks about the server that wrote the file, which are not true of a part or of several files together.
UNTRUE_AUX = frozenset(
    {b"used-mem", b"repl-id", b"repl-offset", b"repl-stream-db", b"aof-base", b"aof-preamble"}
)
AFTER_KEYS = 2  # when a module wants a record of its to be loaded


@dataclass(slots=True)
class Part:
    """A file of the split: the keys in it by database, and how many of them expire."""

    label: str
    path: str = ""
    keys: Counter[int] = field(default_factory=Counter)
    expires: Counter[int] = field(default_factory=Counter)
    size: int = 0
    db: int | None = None  # that was selected last

    @property
    def count(self) -> int:
        """Keys of all databases."""
        return self.keys.total()


@dataclass(slots=True)
class Split:
    """What became of a snapshot: its parts, in the order of their first keys, and what is in each of them."""

    parts: list[Part] = field(default_factory=list)
    keys: int = 0
    functions: int = 0
    functions_left_out: int = 0


def split(
    source: Source | Callable[[], Reader],
    pattern: str,
    way: Way,
    *,
    compression: Compression | None = None,
    replace: bool = True,
    mode_of: object = None,
    max_record: int = MAX_RECORD,
    selection: Selection | None = None,
    check: Callable[[Reader], Any] | None = None,
    progress: Callable[[], Any] | None = None,
) -> Split:
    """Write the parts of a snapshot; `pattern` is the path of each, with {slot}, {db} or {part} in it.

    All of them appear, or none. `selection` says which keys are in one. `mode_of` is whose mode they get, the
    source's by default. `check` is called with the reader when all was read: what it raises ends the split.
    Raises ValueError for a pattern that gives all parts one name, EncodeError for more parts than there may
    be and for keys that are there twice, DecodeError for a source that cannot be read.
    """
    _check_pattern(pattern, way)
    if mode_of is None and isinstance(source, str | PathLike):
        mode_of = source
    opened = source() if callable(source) else open_snapshot(source, max_value=COPIED_VALUE)
    with opened as reader, Streams() as streams, Together(replace=replace) as together:
        job = _Job(reader, way, streams, max_record)
        job.read(opened if selection is None else selection.select(opened, job.left_out), progress)
        if check is not None:
            check(reader)
        for number, part in enumerate(job.parts.values(), 1):
            part.path = path_of(pattern, way, part.label, number)
            _refuse_input(part.path, mode_of)
            place = together.place_for(part.path, like(part.path, mode_of).mode)
            job.write(part, place, compression)
            part.size = Path(place).stat().st_size
            if progress is not None:
                progress()
    parts = list(job.parts.values())
    return Split(parts, sum(part.count for part in parts), job.functions, job.left_out["function"])


def _refuse_input(path: str, source: object) -> None:
    if scheme_of(path):
        raise OSError(errno.EINVAL, "parts are written to files, not to URLs: upload them", path)
    if not isinstance(source, str | PathLike) or scheme_of(source):
        return
    if Path(path).exists() and Path(source).samefile(path):
        raise OSError(errno.EINVAL, "is the input, which is never written over", path)


def path_of(pattern: str, way: Way, label: str, number: int) -> str:
    """The path of a part."""
    return pattern.replace(f"{{{way.field}}}", label).replace("{part}", str(number))


def _check_pattern(pattern: str, way: Way) -> None:
    fields = dict.fromkeys((way.field, "part"))
    if not any(f"{{{name}}}" in pattern for name in fields):
        words = " or ".join(f"{{{name}}}" for name in fields)
        raise ValueError(f"{pattern!r} would be the name of every part: put {words} in it")


class _Job:
    def __init__(self, reader: Reader, way: Way, streams: Streams, max_record: int) -> None:
        self.parts: dict[str, Part] = {}
        self.functions = 0
        self.left_out: Counter[str] = Counter()
        self._reader = reader
        self._way = way
        self._streams = streams
        self._max_record = max_record
        self._numbers: dict[str, int] = {}
        self._header: Header | None = None
        self._has_counts = False
        self._db = 0
        for label in way.labels:
            self._part(label)

    def _part(self, label: str) -> Part:
        part = self.parts.get(label)
        if part is None:
            if len(self.parts) >= MAX_PARTS:
                raise EncodeError(f"there would be more than {MAX_PARTS:,} parts: split in another way")
            part = self.parts[label] = Part(label)
            self._numbers[label] = TAIL + len(self.parts)
        return part

    # --- reading -------------------------------------------------------------------------------------

    def read(self, records: Iterable[Record], progress: Callable[[], Any] | None) -> None:
        """Share out what there is of the source."""
        last: Part | None = None
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                last = self._take(record)
            elif isinstance(record, Header):
                self._header = record
            else:
                self._share(record, last)
            if progress is not None and not at & _TICK:
                progress()
        if not self.parts:
            self._part(self._way.nothing)  # for function libraries, and what else belongs to no key

    def _take(self, entry: Entry) -> Part:
        part = self._part(self._way.label_of(entry))
        number, db = self._numbers[part.label], entry.db
        self._select(part, db)
        part.keys[db] += 1
        part.expires[db] += entry.expires_at_ms is not None
        self._streams.add(number, entry.attribute_bytes + bytes((entry.code,)) + entry.name_bytes)
        for piece in entry.chunks():
            self._streams.add(number, piece)
        return part

    def _select(self, part: Part, db: int) -> None:
        if part.db != db:
            self._streams.add(self._numbers[part.label], select_db.encode(db))
            part.db = db

    def _share(self, record: Record, last: Part | None) -> None:
        """A record that is no key goes to the last key's part, to all, or to none."""
        if isinstance(record, Aux) and record.of_last_key:
            if last is not None:
                self._streams.add(self._numbers[last.label], record.raw)
        elif isinstance(record, Aux) and (record.of_next_key or record.name.lower() in UNTRUE_AUX):
            return  # the key brings its own
        elif isinstance(record, SlotInfo):
            if self._way.slots is not None:
                part = self.parts[self._way.slots(record.slot)]
                self._select(part, self._db)
                self._streams.add(self._numbers[part.label], record.raw)
        elif isinstance(record, ResizeDb):
            self._has_counts = True
        elif isinstance(record, SelectDb):
            self._db = record.db
        elif not isinstance(record, End) and not _is_hint(record):
            is_late = isinstance(record, ModuleAux) and record.when == AFTER_KEYS
            self.functions += isinstance(record, Function)
            self._streams.add(TAIL if is_late else HEAD, record.raw)

    # --- writing -------------------------------------------------------------------------------------

    def write(self, part: Part, place: Any, compression: Compression | None) -> None:
        """The file of a part: what its streams hold, with counts."""
        assert self._header is not None  # every snapshot begins with one
        server = Server(self._header.dialect, self._header.version)
        with Writer(place, server, compression=compression, verbatim=True, allow_loss=True) as writer:
            counted: set[int] = set()
            for record in self._records(part):
                if isinstance(record, Entry):
                    writer.write_entry(record)
                elif isinstance(record, SelectDb) and self._has_counts and record.db not in counted:
                    counted.add(record.db)
                    writer.select_db(record.db, part.keys[record.db], part.expires[record.db])
                else:
                    writer.write_record(record)

    def _records(self, part: Part) -> Iterator[Any]:
        assert self._header is not None
        version = self._header.version
        end = b"\xff" + (bytes(CRC_SIZE) if version >= CRC_SINCE else b"")
        streams = (HEAD, self._numbers[part.label], TAIL)
        pieces = chain.from_iterable(map(self._streams.pieces, streams))
        context = FileContext(self._reader.dialect, True, version, 0, {})
        reader = Resumed(
            Joined(chain(pieces, (end,))),
            Position(MAGIC_SIZE, context),
            max_value=self._reader.max_value,
            max_record=self._max_record,
        )
        while not isinstance(record := reader.next_record(), End):
            yield record


def _is_hint(record: Any) -> bool:
    """Whether it is a vendor's hint about what follows it, or about the file as a whole."""
    kind = kind_of(record)
    return kind is not None and kind.loss == "vendor-hint" and row_of(kind.loss).severity == "hint"


_TICK = 0x3FF  # records between two looks at the progress, a power of two less one
