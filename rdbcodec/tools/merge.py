"""Several snapshots become one.

    done = merge(["shard-1.rdb", "shard-2.rdb"], "all.rdb", on_conflict="last")

All are read twice: first for the names of keys, of which a digest and a rank go to sorted files on disk, so
that it is known which of equal ones stays, and how many keys each database has; then they are copied, one
file after the other. What belongs to no key is there once: function libraries by their names, records of
modules, hash templates. A template whose id another has already is not written: its hashes carry their own
field names then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Literal, get_args

from rdbcodec.errors import EncodeError
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.slots import Coverage, key_slot
from rdbcodec.formats import Dialect
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.sorted_runs import SortedRuns
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
)
from rdbcodec.servers import Server
from rdbcodec.tools.hashing import DIGEST, digest
from rdbcodec.tools.split import AFTER_KEYS, UNTRUE_AUX
from rdbcodec.writing.output import OutputLike
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.writer import Writer

OnConflict = Literal["error", "first", "last", "longest-ttl"]
Open = Callable[[], Reader]

# Digest of database and key; rank, the least of which stays; number; database; whether it expires.
_NAME = Struct(f">{DIGEST}sQQQB")
_NUMBER = Struct(">Q")
_NEVER = (1 << 63) - 1


@dataclass(slots=True)
class Merge:
    """What became one: the files and the keys of each, keys in the output, and those that were there before.

    `coverage` has the slots of each file that has keys in them. `left_out` counts records that only one
    server wrote and that cannot be true of all: they are no data.
    """

    files: list[tuple[str, int]] = field(default_factory=list)
    keys: int = 0
    conflicts: int = 0
    functions: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def slots(self) -> list[int]:
        """Slots with keys."""
        return self.coverage.covered

    @property
    def slots_twice(self) -> list[int]:
        """Slots with keys in more than one file."""
        return self.coverage.twice

    @property
    def slots_missing(self) -> list[int]:
        """Slots without keys, unless they are so many that nobody expected keys in them."""
        return self.coverage.missing


def merge(
    sources: Sequence[tuple[str, Open]],
    output: OutputLike,
    *,
    on_conflict: OnConflict = "error",
    selection: Selection | None = None,
    to: Server | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    check: Callable[[str, Reader], Any] | None = None,
    progress: Callable[[], Any] | None = None,
) -> Merge:
    """Write one snapshot of several: names, for messages, and what opens them, which happens twice.

    `selection` says which keys of each. Without `to` it has the newest version of them. `check` is called
    with each when it was read: what it raises ends the merge. Raises EncodeError for files of different
    dialects, when the target cannot hold something, for two libraries of one name, and for a key that several
    have, unless `on_conflict` says which stays: that of the first file, of the last, or the one that lives
    longest.
    """
    if not sources:
        raise ValueError("there is no snapshot to merge")
    if on_conflict not in get_args(OnConflict):
        raise ValueError(f"on_conflict is {on_conflict!r}, expected {', '.join(get_args(OnConflict))}")
    with SortedRuns(_NAME.size) as names, SortedRuns(_NUMBER.size) as surplus:
        job = _Job(sources, on_conflict, selection or Selection(), names, surplus)
        for at, (name, _) in enumerate(sources):
            job.look_at(at, name, check, progress)
        job.choose()
        job.write(output, to, compression, replace, progress)
    return job.found


class _Job:
    def __init__(
        self,
        sources: Sequence[tuple[str, Open]],
        on_conflict: OnConflict,
        selection: Selection,
        names: SortedRuns,
        surplus: SortedRuns,
    ) -> None:
        self.found = Merge()
        self._sources = sources
        self._on_conflict = on_conflict
        self._selection = selection
        self._names, self._surplus = names, surplus
        self._headers: list[tuple[Dialect, int]] = []
        self._has_counts = False
        self._once: dict[object, Record] = {}  # what belongs to no key, by what makes two of them the same
        self._number = 0
        self._keys: Counter[int] = Counter()  # that stay, by database
        self._expires: Counter[int] = Counter()

    # --- what there is -------------------------------------------------------------------------------

    def look_at(
        self,
        at: int,
        name: str,
        check: Callable[[str, Reader], Any] | None,
        progress: Callable[[], Any] | None,
    ) -> None:
        """The names of a file, and what in it belongs to no key."""
        slots: set[int] = set()
        before = self._number
        with self._sources[at][1]() as reader:
            version = 0
            for record in self._records(reader, self.found.left_out):
                if isinstance(record, Entry):
                    self._note(record)
                    slots.add(key_slot(record.key))
                    if progress is not None and not self._number & _TICK:
                        progress()
                elif isinstance(record, Header):
                    version = record.version
                else:
                    self._note_record(record)
            self._headers.append((reader.dialect, version))
            if check is not None:
                check(name, reader)
        self.found.coverage.add(name, slots)
        self.found.files.append((name, self._number - before))

    def _records(self, reader: Reader, left_out: Counter[str] | None = None) -> Iterator[Record]:
        selection = self._selection
        return iter(reader) if selection.is_empty else selection.select(reader, left_out)

    def _note(self, entry: Entry) -> None:
        number, at_ms = self._number, entry.expires_at_ms
        rank = number
        if self._on_conflict == "last":
            rank = _NEVER - number
        elif self._on_conflict == "longest-ttl":
            rank = _NEVER - max(0, _NEVER if at_ms is None else at_ms)
        self._names.add(_NAME.pack(digest(entry.db, entry.key), rank, number, entry.db, at_ms is not None))
        self._number += 1

    def _note_record(self, record: Record) -> None:
        if isinstance(record, ResizeDb):
            self._has_counts = True
        elif isinstance(record, SlotInfo):
            self.found.left_out["slot-info"] += 1
        elif isinstance(record, Aux):
            self._note_aux(record)
        elif isinstance(record, ModuleAux):
            self._note_module(record)
        elif isinstance(record, HashTemplate):
            self._once.setdefault(("template", record.id), record)
        elif not isinstance(record, SelectDb | End | Entry | Header):
            self._once.setdefault((type(record), record.raw), record)

    def _note_aux(self, record: Aux) -> None:
        if record.of_next_key or record.of_last_key:
            return
        name = record.name.lower()
        if name in UNTRUE_AUX:
            self.found.left_out[name.decode()] += 1
        else:  # of scripts each is one of its own, of other remarks that of the first file counts
            self._once.setdefault(("aux", name, record.value if name == b"lua" else b""), record)

    def _note_module(self, record: ModuleAux) -> None:
        place = ("module", record.module, record.when)
        known = self._once.setdefault(place, record)
        if isinstance(known, ModuleAux) and known.raw != record.raw:
            if self._on_conflict == "error":
                raise EncodeError(
                    f"two files have different records of module {record.module.name} beside the keys: "
                    "on-conflict first keeps that of the first file"
                )
            if self._on_conflict == "last":
                self._once[place] = record
            self.found.left_out["module-aux"] += 1

    def choose(self) -> None:
        """Which of equal keys stay."""
        before = None
        for name, _, number, db, expires in map(_NAME.unpack, self._names.merged()):
            if name == before:
                self._surplus.add(_NUMBER.pack(number))
                self.found.conflicts += 1
            else:
                self._keys[db] += 1
                self._expires[db] += expires
            before = name
        if self.found.conflicts and self._on_conflict == "error":
            self._refuse_conflict()

    def _refuse_conflict(self) -> None:
        """Name one of the keys, and the files that have it."""
        numbers = iter(_NUMBER.unpack(record)[0] for record in self._surplus.merged())
        wanted = next(numbers)
        for number, entry, name in self._entries():
            if number == wanted:
                others = self.found.conflicts - 1
                more = f", and so are {others:,} more keys" if others else ""
                more = ", and so is 1 more key" if others == 1 else more
                error = EncodeError(
                    f"the key is in an earlier file and in {name}{more}: "
                    "on-conflict first, last or longest-ttl says which stays"
                )
                error.db, error.key = entry.db, entry.key
                raise error

    def _entries(self) -> Iterator[tuple[int, Entry, str]]:
        number = 0
        for name, opener in self._sources:
            with opener() as reader:
                for record in self._records(reader):
                    if isinstance(record, Entry):
                        yield number, record, name
                        number += 1

    # --- the file ------------------------------------------------------------------------------------

    def write(
        self,
        output: OutputLike,
        to: Server | None,
        compression: Compression | None,
        replace: bool,
        progress: Callable[[], Any] | None,
    ) -> None:
        """What belongs to no key, all keys, and what modules want behind them."""
        with Writer(
            output, to or self._server(), compression=compression, replace=replace, allow_loss=False
        ) as writer:
            late: list[Record] = []
            for record in self._once.values():
                if isinstance(record, ModuleAux) and record.when == AFTER_KEYS:
                    late.append(record)
                else:
                    writer.write_record(record)
                    self.found.functions += isinstance(record, Function)
            self._write_keys(writer, progress)
            for record in late:
                writer.write_record(record)
            self.found.keys = writer.keys

    def _server(self) -> Server:
        dialects = sorted({dialect for dialect, _ in self._headers})
        if len(dialects) > 1:
            raise EncodeError(f"the files are of {' and '.join(dialects)}: say for which server (to)")
        return Server(self._headers[0][0], max(version for _, version in self._headers))

    def _write_keys(self, writer: Writer, progress: Callable[[], Any] | None) -> None:
        numbers = (_NUMBER.unpack(record)[0] for record in self._surplus.merged())
        surplus, number, is_kept = next(numbers, None), -1, True
        uncounted = set(self._keys) if self._has_counts else set()
        for _, opener in self._sources:
            with opener() as reader:
                for record in self._records(reader):
                    if isinstance(record, Entry):
                        number += 1
                        is_kept = number != surplus
                        if is_kept:
                            if record.db in uncounted:
                                uncounted.remove(record.db)
                                writer.select_db(record.db, self._keys[record.db], self._expires[record.db])
                            writer.write_entry(record)
                        else:
                            surplus = next(numbers, None)
                        if progress is not None and not number & _TICK:
                            progress()
                    elif is_kept and isinstance(record, Aux) and record.of_last_key:
                        writer.write_record(record)


_TICK = 0x3FF  # keys between two looks at the progress, a power of two less one
