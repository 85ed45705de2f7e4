"""How much some keys are: their number, their elements, their bytes in a server and on disk.

How large the tables of a database are, which hold its keys and expiries, is known when all keys are. Their
bytes are added last: each key has the same share of them, and each expiry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from rdbcodec.facts.memory.counted import Tables
from rdbcodec.facts.memory.model import Model
from rdbcodec.formats import TYPES
from rdbcodec.limits import MAX_DATABASES

TYPE_NAMES = tuple(dict.fromkeys(row.type for row in TYPES))  # a bit each, in this order
TYPE_BITS: Mapping[str, int] = {name: 1 << at for at, name in enumerate(TYPE_NAMES)}
OTHER_DATABASES = -1  # keys of databases beyond those that are told apart


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

    def add(self, expires: int, elements: int, memory: float, disk: int, types: int = 0) -> None:
        """One more key."""
        self.keys += 1
        self.expiring += expires
        self.elements += elements
        self.memory += memory
        self.disk += disk
        self.types |= types

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
        both = replace(self)
        both.take(other)
        return both

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


class Shares(NamedTuple):
    """Bytes of the tables of databases for a key, and for the expiry of one."""

    key: float = 0.0
    expiry: float = 0.0

    def added(self, usage: Usage) -> Usage:
        """The same keys, with their shares of the tables."""
        memory = usage.memory + self.key * usage.keys + self.expiry * usage.expiring
        return Usage(usage.keys, usage.expiring, usage.elements, memory, usage.disk, usage.types)


def shares_of(model: Model, databases: Mapping[int, Tables]) -> Shares:
    """The tables, shared out among the keys of all databases."""
    for_keys = for_expiring = 0.0
    keys = expiring = 0
    for tables in databases.values():
        sized = tables.sized
        alone = model.tables(tables.keys, 0, sized=(sized[0], 0))
        for_keys += alone
        for_expiring += model.tables(tables.keys, tables.expiring, sized=sized) - alone
        keys += tables.keys
        expiring += tables.expiring
    return Shares(for_keys / keys if keys else 0.0, for_expiring / expiring if expiring else 0.0)


def tables_of(databases: dict[int, Tables], db: int) -> Tables:
    """The tables of a database; of more than are told apart, those of all others."""
    tables = databases.get(db)
    if tables is None:
        if len(databases) >= MAX_DATABASES:
            db = OTHER_DATABASES
        tables = databases.setdefault(db, Tables())
    return tables
