"""One pass over a snapshot, to facts: what `inspect` shows and the compatibility rules judge.

Facts only: no judgement, no words. The loop takes records in batches and counts with C functions what
is the same for all of them, so that a profile costs little more than iterating.
"""

from __future__ import annotations

import heapq
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any

from rdbcodec.datatypes.modules import metas_of
from rdbcodec.datatypes.odd import Oddity
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import Stream, tail_in, tail_of
from rdbcodec.datatypes.streams.versions import losable
from rdbcodec.errors import DecodeError, LimitExceeded, UnsupportedVersion
from rdbcodec.formats import Dialect, TypeRow, known_versions
from rdbcodec.integrity.oddities import candidates, large_oddities, oddities
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.limits import COUNTED_VALUE, JUDGED_KEYS, MAX_AUX, MAX_AUX_VALUE, MAX_DATABASES, MAX_MODULES
from rdbcodec.reading.containers import Source
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.records import (
    AttributedEntry,
    Aux,
    Checksum,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotImport,
    SlotInfo,
    Vendor,
)
from rdbcodec.records.header import read_magic
from rdbcodec.showing import kept_key
from rdbcodec.tail import Tail
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, decode_module_id
from rdbcodec.wire.strings import Budget

STRETCH = (
    8 << 20
)  # bytes of records, keys and AUX fields among them, that a batch holds at most, and one more
BATCH = 512  # records held at once, so batch times value must stay small: see COUNTED_VALUE

_LAST_SECOND_MS = ((1 << 31) - 1) * 1000  # where expiries in seconds end, rounded up as they are written
BIGGEST = 10  # how many of the biggest keys are kept by default

_OPCODE_NAMES: dict[type, str] = {
    Aux: "aux",
    End: "eof",
    Function: "function",
    HashTemplate: "hash-template",
    ModuleAux: "module-aux",
    ResizeDb: "resizedb",
    SelectDb: "selectdb",
    SlotImport: "slot-import",
    SlotInfo: "slot-info",
}
_record_of = attrgetter("_record")
_code_of = attrgetter("code")


@dataclass(slots=True)
class Place:
    """Where something was seen first; no db and no key for what belongs to none.

    A long key is a CutKey, as it is in BigKey: the beginning, and how long the whole is.
    """

    offset: int
    db: int | None = None
    key: bytes | None = None


@dataclass(slots=True)
class Kind:
    """The keys of one value type: how many, how many bytes, the first one."""

    row: TypeRow
    first: Place
    keys: int = 0
    size: int = 0


@dataclass(slots=True)
class Database:
    """What one database holds, and what its RESIZEDB promised (None: it had none)."""

    first: Place | None = None
    keys: int = 0
    expires: int = 0
    told_keys: int | None = None
    told_expires: int | None = None


@dataclass(slots=True)
class Expiries:
    """The keys that expire; times are absolute milliseconds. `expired` counts those before `now_ms`."""

    keys: int = 0
    expired: int = 0
    first_ms: int | None = None
    last_ms: int | None = None


@dataclass(order=True, slots=True)
class BigKey:
    """A key among the biggest, by bytes on disk."""

    size: int
    offset: int
    db: int = field(compare=False)
    key: bytes = field(compare=False)
    type: str = field(compare=False)
    encoding: str = field(compare=False)
    count: int | None = field(compare=False)


@dataclass(slots=True)
class Module:
    """A module the snapshot needs: encoding version, keys of its type, records beside the keys.

    `empty_aux` of the records hold nothing; `full_aux` is where the first stands that does.
    """

    name: str
    version: int
    first: Place
    keys: int = 0
    aux: int = 0
    empty_aux: int = 0
    full_aux: Place | None = None


@dataclass(slots=True)
class MetaFact:
    """A class of module metadata: its version, whether servers may pass it over, the keys that have it."""

    name: str
    version: int
    may_be_ignored: bool
    first: Place
    keys: int = 0


@dataclass(slots=True)
class AuxFact:
    """An AUX field: its first value, and how often it occurs (some come once a slot, or once a key).

    Of a value longer than MAX_AUX_VALUE only the beginning is kept; `size` is that of the whole.
    """

    value: bytes
    size: int
    count: int = 0


@dataclass(slots=True)
class Library:
    """A function library; the name is None when its first line does not tell."""

    name: bytes | None
    size: int


@dataclass(slots=True)
class OddFact:
    """Values or records with one trait, or with something to lose: how many, the first, what it has."""

    first: Place
    count: int = 0
    detail: str = ""


@dataclass(slots=True)
class Profile:
    """The facts of one snapshot."""

    now_ms: int
    magic: bytes = b""
    dialect: Dialect = "redis"
    version: int = 0
    containers: tuple[str, ...] = ()
    file_size: int | None = None
    size: int = 0
    checksum: Checksum = "absent"
    tail: Tail | None = None
    aux: dict[bytes, AuxFact] = field(default_factory=dict)
    aux_unlisted: int = 0
    databases: dict[int, Database] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    expiries: Expiries = field(default_factory=Expiries)
    idle_keys: int = 0
    freq_keys: int = 0
    meta_keys: int = 0
    large_values: int = 0
    biggest: list[BigKey] = field(default_factory=list)
    modules: dict[str, Module] = field(default_factory=dict)
    meta_classes: dict[str, MetaFact] = field(default_factory=dict)
    functions: list[Library] = field(default_factory=list)
    opcodes: Counter[str] = field(default_factory=Counter)  # by their names in the table; attributes excluded
    places: dict[str, Place] = field(default_factory=dict)  # of the first opcode of each name, all of them
    duplicates: int | None = None  # None: not looked for, which costs more than the rest of the pass
    duplicate_at: int | None = None  # the offset of one of them
    oddities: dict[str, OddFact] | None = None  # by trait; None: nobody looked at values and records
    losable: dict[str, OddFact] = field(default_factory=dict)  # by kind of loss: what old servers cannot keep
    streams_unread: int = 0  # of which nobody knows that

    @property
    def keys(self) -> int:
        """All keys."""
        return sum(database.keys for database in self.databases.values())

    @property
    def used_memory(self) -> int | None:
        """Bytes of memory the writer used, as its AUX field `used-mem` tells; None when it does not."""
        return self._aux_number(b"used-mem")

    @property
    def created_s(self) -> int | None:
        """When the snapshot was made, Unix seconds, as its AUX field `ctime` tells."""
        return self._aux_number(b"ctime")

    @property
    def memory_at_least(self) -> int:
        """Bytes of memory below which no server holds these keys.

        What is on disk, and two pointers a key: LZF and integers only make the disk smaller than memory.
        """
        return sum(kind.size for kind in self.kinds.values()) + 16 * self.keys

    @property
    def was_looked_at(self) -> bool:
        """Whether values were looked at and duplicate keys looked for."""
        return self.oddities is not None and self.duplicates is not None

    @property
    def has_module_values(self) -> bool:
        """Whether there are values of modules, as keys or beside them: only the module can judge those."""
        return any(kind.row.type == "module" for kind in self.kinds.values()) or any(
            module.full_aux is not None for module in self.modules.values()
        )

    @property
    def is_header(self) -> bool:
        """Whether nothing but the header was read, because no known server writes its version."""
        return self.size == 0

    def codes(self) -> set[str]:
        """The names of all opcodes in the file, those that stand before keys included."""
        return set(self.places)

    def _aux_number(self, name: bytes) -> int | None:
        fact = self.aux.get(name)
        return int(fact.value) if fact is not None and fact.value.isdigit() and fact.size < 20 else None

    @property
    def producer(self) -> str | None:
        """Who says to have written the file: "Redis 7.2.6", from its AUX fields."""
        for name, product in ((b"df-ver", "Dragonfly"), (b"valkey-ver", "Valkey"), (b"redis-ver", "Redis")):
            if name in self.aux:
                version = self.aux[name].value.decode("utf-8", "backslashreplace")
                return f"{'KeyDB' if self.dialect == 'keydb' else product} {version}"
        return None


def profile(
    reader: Reader,
    *,
    now_ms: int,
    biggest: int = BIGGEST,
    duplicates: bool = False,
    values: bool = False,
    reopen: Callable[[], Reader] | None = None,
    progress: Callable[[], Any] | None = None,
) -> Profile:
    """The facts of a snapshot, in one pass.

    With `duplicates`, how many keys are there twice, too; with `values`, what is odd about values and
    records, as loaders would find it.

    `reopen` gives a second reader, which spares keeping the keys' names until that is known.
    Raises what reading raises: there is no profile of half a file. Use a reader with `max_value`
    COUNTED_VALUE to stay below 64 MiB whatever the file holds.
    """
    facts = Profile(now_ms, containers=reader.containers, file_size=reader.size)
    if values:
        facts.oddities = {}
    collector = _Collector(facts, biggest)
    with KeyIndex(reopen, held=JUDGED_KEYS) as index:
        if values:
            reader.on_large = collector.look_at_large
        for stretch in reader.stretches(STRETCH):
            while batch := list(islice(stretch, BATCH)):
                collector.add(batch)
                if duplicates:
                    index.add_entries(_entries_of(batch))
                if progress is not None:
                    progress()
        if duplicates:
            offsets = [duplicate.place for duplicate in index.duplicates()]
            facts.duplicates, facts.duplicate_at = len(offsets), min(offsets, default=None)
    if values:
        collector.look_at_libraries()
    for name, offset in reader.opcodes.items():  # those that no record tells of: what others are packed in
        facts.places.setdefault(name, Place(offset))
    facts.dialect = reader.dialect
    facts.tail = reader.tail()
    facts.file_size = reader.bytes_read if facts.file_size is None else facts.file_size
    return facts


def profile_of(source: Source, *, now_ms: int | None = None) -> Profile:
    """All that can be told of a snapshot: its facts, what is odd about its values, keys that are there twice.

    A path or bytes are read a second time where keys may be there twice. Of a version newer than all known
    ones only the header is told. Raises what opening and reading raise.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    again = isinstance(source, (str, os.PathLike, bytes))
    with open_snapshot(source, max_value=COUNTED_VALUE) as reader:
        try:
            return profile(
                reader,
                now_ms=now_ms,
                duplicates=True,
                values=True,
                reopen=(lambda: open_snapshot(source, max_value=COUNTED_VALUE)) if again else None,
            )
        except UnsupportedVersion as error:
            return header_profile(reader, error, now_ms=now_ms)


def header_profile(reader: Reader, error: UnsupportedVersion, *, now_ms: int) -> Profile:
    """What is known of a snapshot of a version newer than all known ones: its header.

    That is enough to judge it: no loader reads a version it does not know. Raises the error again when
    the version is none that a newer server would write.
    """
    dialect, version = read_magic(error.magic)
    if version < known_versions(dialect).stop:
        raise error
    return Profile(
        now_ms,
        magic=error.magic,
        dialect=dialect,
        version=version,
        containers=reader.containers,
        file_size=reader.size,
    )


def _entries_of(batch: list[Record]) -> list[Entry]:
    """Those of a batch, which mostly has nothing else."""
    if set(map(type, batch)) == {Entry}:
        return batch  # type: ignore[return-value]
    return [record for record in batch if isinstance(record, Entry)]


def check_databases(count: int) -> None:
    """Raise LimitExceeded when a file names more databases than anybody has."""
    if count >= MAX_DATABASES:
        raise LimitExceeded(
            "too many databases to count each", limit=MAX_DATABASES, wanted=count + 1, unit="databases"
        )


class _Collector:
    """Adds batches of records to a profile."""

    def __init__(self, facts: Profile, biggest: int) -> None:
        self.facts = facts
        self.wanted = biggest
        self.threshold = -1 if biggest else 1 << 64  # sizes above it may be among the biggest

    def look_at_large(self, entry: LargeEntry) -> None:
        """Look at a value that passes by, while it does."""
        tail = bytearray()
        self._add_oddities(entry, large_oddities(entry, tail))
        if entry.type == "stream":
            self._add_stream(entry, bytes(tail), tail_in)
        elif entry.row.expires:
            self._add_member_ttl(entry)  # it has passed by, and mostly they do expire

    def look_at_libraries(self) -> None:
        """Libraries that are there twice."""
        names = Counter(library.name for library in self.facts.functions if library.name is not None)
        twice = sum(count - 1 for count in names.values())
        if twice and self.facts.oddities is not None:
            self.facts.oddities["function-twice"] = OddFact(self.facts.places["function"], twice)

    def _look(self, batch: list[Entry]) -> None:
        for entry in candidates(batch):
            self._add_oddities(entry, oddities(entry))
            if entry.type == "stream":
                self._add_stream(entry, entry.raw, tail_of)
            elif entry.row.expires and _has_expiries(entry):
                self._add_member_ttl(entry)

    def _add_member_ttl(self, entry: Entry) -> None:
        self._add_loss("field-ttl" if entry.type == "hash" else "member-ttl", entry)

    def _add_stream(self, entry: Entry, data: bytes, read: Callable[[bytes, Scope, int], Stream]) -> None:
        """What a stream remembers that not every version of streams can keep."""
        try:
            tail = read(data, Scope(Budget(max(entry.max_value, len(data))), {}), entry.row.generation)
        except (DecodeError, IndexError):  # oddities tell of it
            self.facts.streams_unread += 1
            return
        for kind in losable(tail):
            self._add_loss(kind, entry)

    def _add_loss(self, kind: str, entry: Entry) -> None:
        fact = self.facts.losable.get(kind)
        if fact is None:  # caches have a loss of this kind, a fraction of a second, before each key
            fact = self.facts.losable[kind] = OddFact(_place(entry))
        fact.count += 1

    def _add_oddities(self, record: Record, found: Iterable[Oddity]) -> None:
        odd = self.facts.oddities
        for trait, detail in found:
            assert odd is not None  # nobody looks otherwise
            if trait not in odd:
                place = _place(record) if isinstance(record, Entry) else Place(record.offset)
                odd[trait] = OddFact(place, 0, detail)
            odd[trait].count += 1

    def add(self, batch: list[Record]) -> None:
        """Count a batch; one of nothing but plain entries is counted without looking at each."""
        if set(map(type, batch)) == {Entry}:
            self._add_plain(batch)  # type: ignore[arg-type]
            return
        for is_entry, run in _runs(batch):
            if is_entry:
                self._add_entries(run)
            else:
                for record in run:
                    self._add_record(record)

    def _add_plain(self, batch: list[Entry]) -> None:
        codes = Counter(map(_code_of, batch))
        sizes = list(map(len, map(_record_of, batch)))
        self._database_of(batch[0]).keys += len(batch)
        if len(codes) > 1:
            self._add_mixed(batch, sizes)
        else:
            kind = self._kind(batch[0])
            kind.keys += len(batch)
            kind.size += sum(sizes)
            self._count_modules(kind.row, batch)
        self._add_biggest(batch, sizes)
        if self.facts.oddities is not None:
            self._look(batch)

    def _add_entries(self, batch: list[Entry]) -> None:
        sizes = [entry.serialized_size for entry in batch]
        self._database_of(batch[0]).keys += len(batch)
        self._add_mixed(batch, sizes)
        self._add_biggest(batch, sizes)
        for entry in batch:
            if isinstance(entry, AttributedEntry):
                self._add_attributes(entry)
        if self.facts.oddities is not None:
            self._look([entry for entry in batch if not entry.is_large])

    def _add_mixed(self, batch: list[Entry], sizes: list[int]) -> None:
        for entry, size in zip(batch, sizes, strict=True):
            kind = self._kind(entry)
            kind.keys += 1
            kind.size += size
            if kind.row.type == "module":
                self._count_modules(kind.row, [entry])

    def _add_biggest(self, batch: list[Entry], sizes: list[int]) -> None:
        if max(sizes) <= self.threshold:
            return
        biggest = self.facts.biggest
        for entry, size in zip(batch, sizes, strict=True):
            if size > self.threshold:
                heapq.heappush(biggest, _big_key(entry, size))
                if len(biggest) > self.wanted:
                    heapq.heappop(biggest)
                    self.threshold = biggest[0].size

    def _add_attributes(self, entry: AttributedEntry) -> None:
        facts = self.facts
        if entry.idle is not None:
            facts.idle_keys += 1
            self._add_place("idle", entry)
        if entry.freq is not None:
            facts.freq_keys += 1
            self._add_place("freq", entry)
        if entry.meta is not None:
            facts.meta_keys += 1
            self._add_place("key-meta", entry)
            self._add_meta(entry, entry.meta)
        if facts.oddities is not None:
            self._add_oddities(entry, attribute_oddities(entry))
        facts.large_values += entry.is_large
        expiry = entry.expires_at_ms
        if expiry is None:
            return
        self._database(entry.db).expires += 1
        told = facts.expiries
        told.keys += 1
        told.expired += expiry <= facts.now_ms
        if expiry > _LAST_SECOND_MS:
            self._add_loss("expiry-after-2038", entry)
        elif expiry % 1000:
            self._add_loss("sub-second-expiry", entry)
        told.first_ms = expiry if told.first_ms is None else min(told.first_ms, expiry)
        told.last_ms = expiry if told.last_ms is None else max(told.last_ms, expiry)

    def _add_meta(self, entry: Entry, meta: bytes) -> None:
        for told in {meta.meta_class for meta in metas_of(meta)}:
            name = f"{told.name} {told.version} {told.flags}"
            if name not in self.facts.meta_classes:
                fact = MetaFact(told.name, told.version, told.may_be_ignored, _place(entry))
                self.facts.meta_classes[name] = fact
            self.facts.meta_classes[name].keys += 1

    def _add_place(self, name: str, entry: Entry) -> None:
        if name not in self.facts.places:
            self.facts.places[name] = _place(entry)

    def _add_record(self, record: Record) -> None:
        facts = self.facts
        if isinstance(record, Header):
            facts.magic, facts.version = record.raw, record.version
        elif isinstance(record, Aux):
            self._add_aux(record)
        elif isinstance(record, ResizeDb):
            database = self._database(record.db)
            database.told_keys = (database.told_keys or 0) + record.keys
            database.told_expires = (database.told_expires or 0) + record.expires
        elif isinstance(record, Function):
            facts.functions.append(Library(record.library, len(record.code)))
        elif isinstance(record, ModuleAux):
            self._add_module_aux(record)
        elif isinstance(record, End):
            facts.checksum, facts.size = record.checksum, record.size
        if facts.oddities is not None:
            self._add_oddities(record, record_oddities(record))
        self._add_rare(record)

    def _add_aux(self, record: Aux) -> None:
        aux = self.facts.aux
        if record.name in aux or len(aux) < MAX_AUX:
            fact = AuxFact(record.value[:MAX_AUX_VALUE], len(record.value))
            aux.setdefault(record.name[:MAX_AUX_VALUE], fact).count += 1
        else:
            self.facts.aux_unlisted += 1

    def _add_module_aux(self, record: ModuleAux) -> None:
        module = self._module(record.module, Place(record.offset))
        module.aux += 1
        if record.is_empty:
            module.empty_aux += 1
        elif module.full_aux is None:
            module.full_aux = Place(record.offset)

    def _add_rare(self, record: Record) -> None:
        if isinstance(record, Header):
            return
        name = record.name if isinstance(record, Vendor) else _OPCODE_NAMES[type(record)]
        self.facts.opcodes[name] += 1
        if name not in self.facts.places:
            self.facts.places[name] = Place(record.offset)

    def _database(self, db: int) -> Database:
        databases = self.facts.databases
        if db not in databases:
            check_databases(len(databases))
            databases[db] = Database()
        return databases[db]

    def _database_of(self, entry: Entry) -> Database:
        database = self._database(entry.db)
        if database.first is None:
            database.first = _place(entry)
        return database

    def _kind(self, entry: Entry) -> Kind:
        row = entry.row
        kind = self.facts.kinds.get(row.name)
        if kind is None:
            kind = self.facts.kinds[row.name] = Kind(row, _place(entry))
        return kind

    def _module(self, module: ModuleId, place: Place) -> Module:
        name = f"{module.name} {module.version}"
        if len(self.facts.modules) >= MAX_MODULES and name not in self.facts.modules:
            wanted = MAX_MODULES + 1
            raise LimitExceeded(
                "too many modules to name each", limit=MAX_MODULES, wanted=wanted, unit="modules"
            )
        return self.facts.modules.setdefault(name, Module(*module, place))

    def _count_modules(self, row: TypeRow, entries: Iterable[Entry]) -> None:
        if row.type != "module":
            return
        for entry in entries:
            if not entry.is_large:
                module = decode_module_id(lengths.read(entry.raw, 0)[0])
                self._module(module, _place(entry)).keys += 1


def _runs(batch: list[Record]) -> Iterator[tuple[bool, list[Any]]]:
    """The batch as runs of entries of one database, and runs of other records."""
    run: list[Record] = []
    for record in batch:
        if run and isinstance(record, Entry) != isinstance(run[0], Entry):
            yield isinstance(run[0], Entry), run
            run = []
        run.append(record)
    if run:
        yield isinstance(run[0], Entry), run


def _has_expiries(entry: Entry) -> bool:
    """Whether a member has an expiry; a value that was made to have them may have lost the last one."""
    try:
        return bool(entry.value().expires_at_ms)
    except DecodeError:  # oddities tell of it
        return True


def _place(entry: Entry) -> Place:
    return Place(entry.offset, entry.db, kept_key(entry.key))


def _big_key(entry: Entry, size: int) -> BigKey:
    key = kept_key(entry.key)
    return BigKey(size, entry.offset, entry.db, key, entry.type, entry.encoding, _count_of(entry))


def _count_of(entry: Entry) -> int | None:
    """How many elements a value has; a damaged one does not tell, and `oddities` and a check say why."""
    try:
        return entry.count
    except DecodeError:
        return None
