"""Where things were seen first, and tables of facts by name, which merge."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Protocol, TypeVar

from rdbcodec.facts.named import Named
from rdbcodec.records import Entry
from rdbcodec.showing import kept_key


class Mergeable(Protocol):
    """A fact of one file that becomes one with the same fact of another."""

    def merge(self, other: Any, /) -> Any:
        """Both as one; the place of something is where the first of them saw it."""


Name = TypeVar("Name", bound=Hashable)
Merged = TypeVar("Merged", bound=Mergeable)


class Table(dict[Name, Merged]):
    """Facts by their names, in the order they were met."""

    def merge(self, other: Mapping[Name, Merged]) -> Table[Name, Merged]:
        """The facts of both."""
        return Table(merged(self, other))


def merged(first: Mapping[Name, Merged], second: Mapping[Name, Merged]) -> dict[Name, Merged]:
    """The facts of both tables; those of one name become one."""
    both = dict(first)
    for name, fact in second.items():
        both[name] = first[name].merge(fact) if name in first else fact
    return both


class Place(Named):
    """Where something was seen first; no db and no key for what belongs to none.

    A long key is a CutKey, as it is in BigKey: the beginning, and how long the whole is.
    """

    offset: int
    db: int | None = None
    key: bytes | None = None

    def merge(self, other: Place) -> Place:
        """The first is the first."""
        del other
        return self


def place_of(entry: Entry) -> Place:
    """Where an entry stands."""
    return Place(entry.offset, entry.db, kept_key(entry.key))


class OddFact(Named):
    """Values or records with one trait, or with something to lose: how many, the first, what it has."""

    first: Place
    count: int = 0
    detail: str = ""

    def merge(self, other: OddFact) -> OddFact:
        """As many as both."""
        return OddFact(self.first, self.count + other.count, self.detail)


def count_at(table: dict[str, OddFact], name: str, entry: Entry, count: int = 1) -> None:
    """Count more of what has a name; the first has its place kept."""
    fact = table.get(name)
    if fact is None:  # caches have a loss of a kind, a fraction of a second, before each key
        fact = table[name] = OddFact(place_of(entry))
    fact.count += count
