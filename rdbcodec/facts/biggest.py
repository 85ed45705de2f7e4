"""The biggest keys, by bytes on disk."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from rdbcodec.errors import DecodeError
from rdbcodec.facts.named import Named
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.records import Entry
from rdbcodec.showing import kept_key

BIGGEST = 10  # how many are kept by default


class BigKey(Named):
    """A key among the biggest, by bytes on disk; of equal ones the first in the file is the biggest."""

    size: int
    offset: int
    db: int
    key: bytes
    type: str
    encoding: str
    count: int | None

    def __lt__(self, other: BigKey) -> bool:
        return (self.size, -self.offset) < (other.size, -other.offset)


class BigKeys(list[BigKey]):
    """The biggest keys, the smallest of them first."""

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
        for index, size in enumerate(batch.sizes):
            if size > self.threshold:
                heapq.heappush(self.keys, _big_key(batch.entry(index), size))
                if len(self.keys) > self.keys.wanted:
                    heapq.heappop(self.keys)
                    self.threshold = self.keys[0].size

    def fork(self) -> Biggest:
        """As many, of which most are too small already."""
        fork = Biggest(self.keys.wanted)
        fork.threshold = max(fork.threshold, self.threshold)
        return fork

    def part(self) -> BigKeys:
        """The keys so far."""
        return self.keys

    def join(self, part: BigKeys) -> None:
        """The biggest of both."""
        self.keys = self.keys.merge(part)
        if self.keys and len(self.keys) == self.keys.wanted:
            self.threshold = self.keys[0].size

    def end(self) -> BigKeys:
        """The keys."""
        self.keys.sort()
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
