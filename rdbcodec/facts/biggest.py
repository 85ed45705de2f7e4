"""The biggest keys, by bytes on disk."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from rdbcodec.errors import DecodeError
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.records import Entry
from rdbcodec.showing import kept_key

BIGGEST = 10  # how many are kept by default


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


class BigKeys(list[BigKey]):
    """The biggest keys, in no order but that the smallest is first."""

    def __init__(self, keys: Iterable[BigKey] = (), *, wanted: int = BIGGEST) -> None:
        super().__init__(keys)
        self.wanted = wanted

    def __reduce__(self) -> tuple[object, ...]:
        return _big_keys_of, (list(self), self.wanted)

    def merge(self, other: list[BigKey]) -> BigKeys:
        """The biggest of both, as many as the one wanted that wanted more."""
        wanted = max(self.wanted, other.wanted) if isinstance(other, BigKeys) else self.wanted
        return BigKeys(heapq.nlargest(wanted, [*self, *other])[::-1], wanted=wanted)


def _big_keys_of(keys: list[BigKey], wanted: int) -> BigKeys:
    return BigKeys(keys, wanted=wanted)


class Biggest(Pass[BigKeys]):
    """Keeps `wanted` of the biggest keys."""

    def __init__(self, wanted: int = BIGGEST) -> None:
        self.keys = BigKeys(wanted=wanted)
        self.threshold = -1 if wanted else 1 << 64  # sizes above it may be among the biggest

    def batch(self, batch: Batch) -> None:
        """Soon none of a batch is bigger than those that are kept."""
        if max(batch.sizes) <= self.threshold:
            return
        for entry, size in zip(batch.entries, batch.sizes, strict=True):
            if size > self.threshold:
                heapq.heappush(self.keys, _big_key(entry, size))
                if len(self.keys) > self.keys.wanted:
                    heapq.heappop(self.keys)
                    self.threshold = self.keys[0].size

    def end(self) -> BigKeys:
        """The keys."""
        return self.keys


def _big_key(entry: Entry, size: int) -> BigKey:
    key = kept_key(entry.key)
    return BigKey(size, entry.offset, entry.db, key, entry.type, entry.encoding, _count_of(entry))


def _count_of(entry: Entry) -> int | None:
    """How many elements a value has; a damaged one does not tell, and `oddities` and a check say why."""
    try:
        return entry.count
    except DecodeError:
        return None
