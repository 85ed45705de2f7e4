"""How much some keys are: their number, their elements, their bytes in a server and on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rdbcodec.facts.memory.entries import Measured
from rdbcodec.formats import TYPES

TYPE_NAMES = tuple(dict.fromkeys(row.type for row in TYPES))  # a bit each, in this order
TYPE_BITS: Mapping[str, int] = {name: 1 << at for at, name in enumerate(TYPE_NAMES)}


@dataclass(slots=True)
class Usage:
    """Some keys: how many, how many of them expire, their elements, their bytes in memory and on disk.

    `types` are the bits of their types; see `names_of`.
    """

    keys: int = 0
    expiring: int = 0
    elements: int = 0
    memory: float = 0.0
    disk: int = 0
    types: int = 0

    def add_all(self, keys: Measured) -> None:
        """More keys; their types are not looked at."""
        self.keys += len(keys)
        if keys.expiries is not None:
            self.expiring += len(keys) - keys.expiries.count(None)
        self.elements += sum(filter(None, keys.elements))
        self.memory += sum(keys.memory)
        self.disk += sum(keys.disk)

    def take(self, other: Usage) -> None:
        """The keys of another, too."""
        self.keys += other.keys
        self.expiring += other.expiring
        self.elements += other.elements
        self.memory += other.memory
        self.disk += other.disk
        self.types |= other.types

    def merge(self, other: Usage) -> Usage:
        """The keys of both, as another."""
        return Usage(
            self.keys + other.keys,
            self.expiring + other.expiring,
            self.elements + other.elements,
            self.memory + other.memory,
            self.disk + other.disk,
            self.types | other.types,
        )

    def less(self, other: Usage) -> Usage:
        """The keys that are not of the other, which is a part of these."""
        return Usage(
            self.keys - other.keys,
            self.expiring - other.expiring,
            self.elements - other.elements,
            max(0.0, self.memory - other.memory),
            self.disk - other.disk,
            self.types,
        )

    @property
    def never(self) -> int:
        """How many of the keys never expire."""
        return self.keys - self.expiring


def names_of(types: int) -> list[str]:
    """The types of these bits."""
    return [name for name, bit in TYPE_BITS.items() if types & bit]
