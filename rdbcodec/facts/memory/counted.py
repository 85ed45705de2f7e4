"""The pass that counts shapes: what the memory of a file follows from, for every server at once."""

from __future__ import annotations

from collections import Counter

from rdbcodec.facts.memory.kinds import Shape
from rdbcodec.facts.memory.shapes import shapes_of, string_shape
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import merged
from rdbcodec.records import Entry, LargeEntry, Record, ResizeDb

EXACT = 1 << 15  # shapes that are counted as they are, some 8 MiB; lengths of further ones are rounded


class Tables(Named):
    """The keys of a database that a server loads, those of them that expire, and what RESIZEDB announced."""

    keys: int = 0
    expiring: int = 0
    sized: tuple[int, int] = (0, 0)

    def merge(self, other: Tables) -> Tables:
        """The keys of both."""
        sized = (self.sized[0] + other.sized[0], self.sized[1] + other.sized[1])
        return Tables(self.keys + other.keys, self.expiring + other.expiring, sized)


class Memory(Named):
    """What decides how much memory a snapshot takes: how often each shape occurs, and its databases."""

    shapes: Counter[Shape] = made(factory=Counter)
    databases: dict[int, Tables] = made(factory=dict)

    def merge(self, other: Memory) -> Memory:
        """Both."""
        return Memory(self.shapes + other.shapes, merged(self.databases, other.databases))


class MemoryPass(Pass[Memory]):
    """Counts the shapes of the keys that a server loads: keys whose time was up at `now_ms` are not."""

    looks_at_large = True

    def __init__(self, now_ms: int) -> None:
        self.memory = Memory()
        self._now_ms = now_ms

    def batch(self, batch: Batch) -> None:
        """Count the keys of one database; large ones were counted while they passed by."""
        entries = batch.entries
        if not batch.is_plain:
            entries = [entry for entry in entries if not entry.is_large and self._lives(entry)]
            if not entries:
                return
        tables = self._tables(entries[0].db)
        tables.keys += len(entries)
        if not batch.is_plain:
            tables.expiring += sum(entry.expires_at_ms is not None for entry in entries)
        self._count([string_shape(entry) for entry in entries if not entry.code])
        for entry in entries:
            if entry.code:
                for shapes in shapes_of(entry):
                    self._count(shapes)

    def large(self, entry: LargeEntry) -> None:
        """Count a value that passes by."""
        if not self._lives(entry):
            return
        tables = self._tables(entry.db)
        tables.keys += 1
        tables.expiring += entry.expires_at_ms is not None
        for shapes in shapes_of(entry):
            self._count(shapes)

    def record(self, record: Record) -> None:
        """Tables are made as large as announced."""
        if isinstance(record, ResizeDb):
            tables = self._tables(record.db)
            tables.sized = (tables.sized[0] + record.keys, tables.sized[1] + record.expires)

    def fork(self) -> MemoryPass:
        """The time is the same."""
        return MemoryPass(self._now_ms)

    def part(self) -> Memory | None:
        """What was counted, while every shape was counted as it is."""
        return self.memory if len(self.memory.shapes) < EXACT else None

    def fits(self, part: Memory) -> bool:
        """Unless shapes begin to be rounded in the midst of it."""
        counted = self.memory.shapes
        return len(counted) >= EXACT or len(counted.keys() | part.shapes.keys()) < EXACT

    def join(self, part: Memory) -> None:
        """What both hold; shapes that are not counted yet are rounded when there are enough."""
        counted = self.memory.shapes
        is_full = len(counted) >= EXACT
        for shape, times in part.shapes.items():
            counted[_rounded(shape) if is_full and shape not in counted else shape] += times
        self.memory.databases = merged(self.memory.databases, part.databases)

    def end(self) -> Memory:
        """What was counted."""
        return self.memory

    def _lives(self, entry: Entry) -> bool:
        at = entry.expires_at_ms
        return at is None or at > self._now_ms

    def _tables(self, db: int) -> Tables:
        return self.memory.databases.setdefault(db, Tables())

    def _count(self, shapes: list[Shape]) -> None:
        counted = self.memory.shapes
        if len(counted) < EXACT:
            counted.update(shapes)
        else:
            counted.update(shape if shape in counted else _rounded(shape) for shape in shapes)


def _rounded(shape: Shape) -> Shape:
    """Lengths to an eighth of their power of two, which is what they are on the average then."""
    kind, first, second, third = shape
    return kind, _round(first), _round(second), third


def _round(size: int) -> int:
    if size < 16:
        return size
    step = 1 << size.bit_length() - 4
    return (size + step // 2) // step * step
