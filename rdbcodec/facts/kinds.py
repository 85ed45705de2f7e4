"""The keys of each value type."""

from __future__ import annotations

from rdbcodec.facts.named import Named
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import Place, Table, place_of
from rdbcodec.formats import TYPES, TypeRow
from rdbcodec.records import Entry


class Kind(Named):
    """The keys of one value type: how many, how many bytes, the first one."""

    row: TypeRow
    first: Place
    keys: int = 0
    size: int = 0

    def __reduce__(self) -> tuple[object, ...]:
        """A row is one of the table, in every process: it is compared by identity."""
        return _kind_of, (self.row.name, self.first, self.keys, self.size)

    def merge(self, other: Kind) -> Kind:
        """The keys of both."""
        return self.replace(keys=self.keys + other.keys, size=self.size + other.size)


def _kind_of(name: str, first: Place, keys: int, size: int) -> Kind:
    return Kind(next(row for row in TYPES if row.name == name), first, keys, size)


class Kinds(Pass[Table[str, Kind]]):
    """Counts keys and bytes by value type; the result has the names of the table of formats."""

    def __init__(self) -> None:
        self.kinds: Table[str, Kind] = Table()

    def batch(self, batch: Batch) -> None:
        """Batches of one type, as many are, are counted as a whole."""
        codes, kinds = batch.codes, batch.kinds
        sizes = [0] * 256  # by type code
        if len(kinds) == 1:
            sizes[codes[0]] = batch.weight
        else:
            for code, size in zip(codes, batch.sizes):  # noqa: B905 - strict doubles the time of zip
                sizes[code] += size
        for code in kinds:
            kind = self._kind(batch.entry(codes.index(code)))
            kind.keys += codes.count(code)
            kind.size += sizes[code]

    def _kind(self, entry: Entry) -> Kind:
        row = entry.row
        kind = self.kinds.get(row.name)
        if kind is None:
            kind = self.kinds[row.name] = Kind(row, place_of(entry))
        return kind

    def fork(self) -> Kinds:
        """It needs to know nothing."""
        return Kinds()

    def part(self) -> Table[str, Kind]:
        """The kinds."""
        return self.kinds

    def join(self, part: Table[str, Kind]) -> None:
        """The kinds of both."""
        self.kinds = self.kinds.merge(part)

    def end(self) -> Table[str, Kind]:
        """The kinds, in the order they were met."""
        return self.kinds
