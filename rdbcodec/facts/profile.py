"""One reading of a snapshot, to facts: what `inspect` shows and the compatibility rules judge.

Facts only: no judgement, no words. Each kind of them is a pass with a file of its own; `ProfilePass` is all
of them together, and a Profile what they found.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rdbcodec.errors import DecodeError, LimitExceeded, UnsupportedVersion
from rdbcodec.facts.attributes import AttributePass, MetaFact
from rdbcodec.facts.biggest import BIGGEST, Biggest, BigKeys
from rdbcodec.facts.composite import Composite, look
from rdbcodec.facts.databases import Database, Databases
from rdbcodec.facts.expiries import Expiries, ExpiryPass
from rdbcodec.facts.kinds import Kind, Kinds
from rdbcodec.facts.modules import Module, Modules
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Pass, Progress, all_or_none, feed, run
from rdbcodec.facts.places import OddFact, Place, merged
from rdbcodec.facts.profile_part import ProfilePart
from rdbcodec.facts.records import AuxFact, Library, RecordPass, merged_aux
from rdbcodec.facts.selected import selected
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import Dialect, known_versions
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Checksum, LargeEntry
from rdbcodec.records.header import read_magic
from rdbcodec.tail import Tail

if TYPE_CHECKING:
    from rdbcodec.facts.duplicates import Duplicates
    from rdbcodec.facts.memory.counted import Memory, MemoryPass
    from rdbcodec.facts.values import ValuePass


class Profile(Named):
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
    aux: dict[bytes, AuxFact] = made(factory=dict)
    aux_unlisted: int = 0
    databases: dict[int, Database] = made(factory=dict)
    kinds: dict[str, Kind] = made(factory=dict)
    expiries: Expiries = made(factory=Expiries)
    idle_keys: int = 0
    freq_keys: int = 0
    meta_keys: int = 0
    large_values: int = 0
    biggest: BigKeys = made(factory=BigKeys)
    modules: dict[str, Module] = made(factory=dict)
    meta_classes: dict[str, MetaFact] = made(factory=dict)
    functions: list[Library] = made(factory=list)
    opcodes: Counter[str] = made(factory=Counter)  # by their names in the table; attributes excluded
    places: dict[str, Place] = made(factory=dict)  # of the first opcode of each name, all of them
    duplicates: int | None = None  # None: not looked for, which costs more than the rest of the pass
    duplicate_at: int | None = None  # the offset of one of them
    oddities: dict[str, OddFact] | None = None  # by trait; None: nobody looked at values and records
    losable: dict[str, OddFact] = made(factory=dict)  # by kind of loss: what old servers cannot keep
    streams_unread: int = 0  # of which nobody knows that
    memory: Memory | None = None  # what its memory follows from; None: nobody counted that
    filtered: bool = False  # whether keys are those that filters chose
    damage: DecodeError | None = None  # what ended the reading: the facts are those of what stands before it

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

    def merge(self, other: Profile) -> Profile:
        """The facts of two files, or of two parts of one, as one; see `total` for a report on several.

        Counts are sums, places and the header those of the first. What is known of one only, is not known.
        """
        aux, unlisted = merged_aux(self.aux, other.aux)
        return self.replace(
            containers=self.containers if self.containers == other.containers else (),
            file_size=_sum(self.file_size, other.file_size),
            size=self.size + other.size,
            tail=self.tail if self.tail == other.tail else None,
            aux=aux,
            aux_unlisted=self.aux_unlisted + other.aux_unlisted + unlisted,
            databases=merged(self.databases, other.databases),
            kinds=merged(self.kinds, other.kinds),
            expiries=self.expiries.merge(other.expiries),
            idle_keys=self.idle_keys + other.idle_keys,
            freq_keys=self.freq_keys + other.freq_keys,
            meta_keys=self.meta_keys + other.meta_keys,
            large_values=self.large_values + other.large_values,
            biggest=self.biggest.merge(other.biggest),
            modules=merged(self.modules, other.modules),
            meta_classes=merged(self.meta_classes, other.meta_classes),
            functions=self.functions + other.functions,
            opcodes=self.opcodes + other.opcodes,
            places=merged(self.places, other.places),
            duplicates=_sum(self.duplicates, other.duplicates),
            duplicate_at=other.duplicate_at if self.duplicate_at is None else self.duplicate_at,
            oddities=_merged_oddities(self.oddities, other.oddities),
            losable=merged(self.losable, other.losable),
            streams_unread=self.streams_unread + other.streams_unread,
            memory=None if self.memory is None or other.memory is None else self.memory.merge(other.memory),
        )

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


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _merged_oddities(
    first: dict[str, OddFact] | None, second: dict[str, OddFact] | None
) -> dict[str, OddFact] | None:
    return None if first is None or second is None else merged(first, second)


class ProfilePass(Composite[Profile]):
    """Everything there is to count, in one pass.

    With `duplicates`, how many keys are there twice, too, for which `reopen` gives a second reader; with
    `values`, what is odd about values and records, as loaders would find it; with `memory`, what decides how
    much memory the keys take in a server.
    """

    def __init__(
        self,
        *,
        now_ms: int,
        biggest: int = BIGGEST,
        duplicates: bool = False,
        values: bool = False,
        memory: bool = False,
        reopen: Callable[[], Reader] | None = None,
    ) -> None:
        self.facts = Profile(now_ms)
        self.looks_at_large = values or memory
        self.needs_same_hashes = duplicates
        self._records, self._databases, self._kinds = RecordPass(), Databases(), Kinds()
        self._attributes, self._expiries = AttributePass(), ExpiryPass(now_ms)
        self._modules, self._biggest = Modules(), Biggest(biggest)
        self._values = _values() if values else None
        self._memory = _memory(now_ms) if memory else None
        self._duplicates = _duplicates(reopen) if duplicates else None
        parts = (
            *(self._records, self._databases, self._kinds, self._modules, self._biggest),
            *(self._attributes, self._expiries, self._values, self._memory),
            self._duplicates,
        )
        self._parts: tuple[Pass[Any], ...] = tuple(part for part in parts if part is not None)

    def large(self, entry: LargeEntry) -> None:
        """The parts that look at values look at it."""
        look([each for each in (self._memory, self._values) if each is not None], entry)

    def after(self, reader: Reader) -> None:
        """What the reader knows of the file."""
        super().after(reader)
        self.facts.dialect, self.facts.containers = reader.dialect, reader.containers
        self.facts.tail = reader.tail()
        self.facts.file_size = reader.bytes_read if reader.size is None else reader.size

    def fork(self) -> Pass[Any] | None:
        """The forks of all parts."""
        forks = all_or_none(part.fork() for part in self._parts)
        if forks is None:
            return None
        return ProfilePart(forks, [fork for fork in forks if fork.looks_at_large])

    def end(self) -> Profile:
        """The facts of all parts."""
        self._take_records()
        facts, expiries, attributes = self.facts, self._expiries.end(), self._attributes.end()
        facts.databases, facts.kinds = self._databases.end(), self._kinds.end()
        facts.modules, facts.biggest = self._modules.end(), self._biggest.end()
        facts.expiries, facts.losable = expiries.expiries, expiries.losable
        facts.idle_keys, facts.freq_keys = attributes.idle_keys, attributes.freq_keys
        facts.meta_keys, facts.meta_classes = attributes.meta_keys, attributes.meta_classes
        facts.large_values = attributes.large_values
        facts.places = _in_order(merged(attributes.places, facts.places), lambda place: place.offset)
        if self._values is not None:
            values = self._values.end()
            losable = merged(facts.losable, values.losable)
            facts.oddities, facts.streams_unread = values.oddities, values.streams_unread
            facts.losable = _in_order(losable, lambda fact: fact.first.offset)
        if self._memory is not None:
            facts.memory = self._memory.end()
        if self._duplicates is not None:
            duplicates = self._duplicates.end()
            facts.duplicates, facts.duplicate_at = duplicates.count, duplicates.at
        return facts

    def _take_records(self) -> None:
        facts, records = self.facts, self._records.end()
        facts.magic, facts.version = records.magic, records.version
        facts.size, facts.checksum = records.size, records.checksum
        facts.aux, facts.aux_unlisted = records.aux, records.aux_unlisted
        facts.functions, facts.opcodes, facts.places = records.functions, records.opcodes, records.places


# What inspect does not ask for is not loaded for it: a tenth of its start.


def _values() -> ValuePass:
    from rdbcodec.facts.values import ValuePass  # noqa: PLC0415

    return ValuePass()


def _memory(now_ms: int) -> MemoryPass:
    from rdbcodec.facts.memory.counted import MemoryPass  # noqa: PLC0415

    return MemoryPass(now_ms)


def _duplicates(reopen: Callable[[], Reader] | None) -> Duplicates:
    from rdbcodec.facts.duplicates import Duplicates  # noqa: PLC0415

    return Duplicates(reopen)


Row = TypeVar("Row")


def _in_order(table: dict[str, Row], offset_of: Callable[[Row], int]) -> dict[str, Row]:
    """As they stand in the file."""
    return dict(sorted(table.items(), key=lambda item: offset_of(item[1])))


def profile(
    reader: Reader,
    *,
    now_ms: int,
    biggest: int = BIGGEST,
    duplicates: bool = False,
    values: bool = False,
    memory: bool = False,
    reopen: Callable[[], Reader] | None = None,
    progress: Progress | None = None,
) -> Profile:
    """The facts of a snapshot, in one reading; see ProfilePass for the parameters, and `run`."""
    each = ProfilePass(
        now_ms=now_ms, biggest=biggest, duplicates=duplicates, values=values, memory=memory, reopen=reopen
    )
    facts: Profile = run(reader, [each], progress=progress)[0]
    return facts


def cut_short(facts: Profile, reader: Reader, damage: DecodeError) -> None:
    """The facts are of what stands before this damage, which ended the reading."""
    facts.damage, facts.dialect, facts.containers = damage, reader.dialect, reader.containers
    facts.file_size, facts.size = reader.size, damage.offset or 0


def partial_profile(
    reader: Reader,
    *,
    now_ms: int,
    biggest: int = BIGGEST,
    selection: Selection | None = None,
    also: Sequence[Pass[Any]] = (),
    progress: Progress | None = None,
) -> Profile:
    """The facts of what stands before the damage, which `damage` tells; of a snapshot without any, of all.

    With a selection they are those of its keys, and of what is no key. `also` are passes that are fed in the
    same reading; their results are asked for by who gave them. Raises what opening and reading raise
    when there is nothing before the damage, and LimitExceeded.
    """
    each = selected(ProfilePass(now_ms=now_ms, biggest=biggest), selection)
    try:
        feed(reader, [each, *also], progress=progress, also_damaged=True)
        facts = each.end()
    except DecodeError as error:
        facts = each.end()
        if not facts.magic or isinstance(error, LimitExceeded):
            raise
        cut_short(facts, reader, error)
    finally:
        each.close()
    facts.filtered = not (selection is None or selection.is_empty)
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
                memory=True,
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
