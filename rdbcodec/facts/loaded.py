"""What a server loads of a snapshot: all of its keys together, and how large their databases become.

Keys whose time is up are not loaded: they are counted apart. How large the tables of a database are, which
hold its keys and expiries, is known when all keys are: each key has the same share of them, and each expiry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.counted import Tables
from rdbcodec.facts.memory.entries import EntryPass, Measured, Result
from rdbcodec.facts.memory.estimates import model_of
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.places import merged
from rdbcodec.facts.selection import Selection
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Record, ResizeDb
from rdbcodec.servers import Server

if TYPE_CHECKING:
    from typing_extensions import Self

DATABASES = 1 << 14  # that are told apart: servers are configured for 16
_FURTHER = -1  # the keys of all others


class Shares(NamedTuple):
    """Bytes of the tables of databases for a key, and for the expiry of one."""

    key: float = 0.0
    expiry: float = 0.0

    def added(self, usage: Usage) -> Usage:
        """The same keys, with their shares of the tables."""
        return Usage(usage.keys, usage.expiring, usage.elements, self.memory(usage), usage.disk, usage.types)

    def memory(self, usage: Usage) -> float:
        """Their bytes, with the shares."""
        return usage.memory + self.key * usage.keys + self.expiry * usage.expiring


class Loaded:
    """The keys of a snapshot that a server loads, and those that have `expired`.

    Of several files each may be loaded by the server that wrote it: `servers` are all of them.
    """

    def __init__(self, server: Server, allocator: str = DEFAULT) -> None:
        self.allocator = allocator
        self.expired = Usage()
        self._keys = Usage()  # without tables
        self._databases: dict[str, tuple[Server, dict[int, Tables]]] = {server.name: (server, {})}

    def add(self, keys: Measured) -> None:
        """Keys of one database."""
        self._keys.add_all(keys)
        tables = self._tables(keys.db)
        tables.keys += len(keys)
        if keys.expiries is not None:
            tables.expiring += len(keys) - keys.expiries.count(None)

    def announce(self, record: ResizeDb) -> None:
        """The tables of a database are made for so many keys."""
        tables = self._tables(record.db)
        tables.sized = tables.sized[0] + record.keys, tables.sized[1] + record.expires

    def _tables(self, db: int) -> Tables:
        databases = next(iter(self._databases.values()))[1]
        if db not in databases and len(databases) >= DATABASES:
            db = _FURTHER
        return databases.setdefault(db, Tables())

    @property
    def servers(self) -> list[Server]:
        """Those whose memory it is."""
        return [server for server, _ in self._databases.values()]

    @property
    def seen(self) -> int:
        """How many keys there were, those that have expired among them."""
        return self._keys.keys + self.expired.keys

    @property
    def shares(self) -> Shares:
        """The tables of all databases, shared out among their keys."""
        for_keys = for_expiring = 0.0
        for server, databases in self._databases.values():
            model = model_of(server, allocator=self.allocator)
            for tables in databases.values():
                alone, whole = _tables_in(model, tables)
                for_keys += alone
                for_expiring += whole - alone
        keys = self._keys
        return Shares(
            for_keys / keys.keys if keys.keys else 0.0, for_expiring / keys.expiring if keys.expiring else 0.0
        )

    @property
    def total(self) -> Usage:
        """All keys, with the tables."""
        return self.shares.added(self._keys)

    def merge(self, other: Loaded) -> Loaded:
        """The keys of both; databases of one number are one where one server has them."""
        both = Loaded(self.servers[0], self.allocator)
        both.expired = self.expired.merge(other.expired)
        both._keys = self._keys.merge(other._keys)
        both._databases = dict(self._databases)
        for name, (server, databases) in other._databases.items():
            own = self._databases[name][1] if name in self._databases else {}
            both._databases[name] = server, merged(own, databases)
        return both

    @property
    def databases(self) -> set[int]:
        """Their numbers, as far as they are told apart."""
        return {db for _, databases in self._databases.values() for db in databases}


def _tables_in(model: Model, tables: Tables) -> tuple[float, float]:
    """Bytes of the table of keys, and of both."""
    sized = tables.sized
    alone = model.tables(tables.keys, 0, sized=(sized[0], 0))
    return alone, model.tables(tables.keys, tables.expiring, sized=sized)


class OfLoaded:
    """What is told of the keys that a server loads. Close it, or use it in `with`."""

    loaded: Loaded

    @property
    def total(self) -> Usage:
        """All keys that a server loads."""
        return self.loaded.total

    @property
    def expired(self) -> Usage:
        """Those whose time is up, which are told apart."""
        return self.loaded.expired

    @property
    def seen(self) -> int:
        """How many keys there were, those that have expired among them."""
        return self.loaded.seen

    def close(self) -> None:
        """Give up temporary files."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class LoadedPart(NamedTuple):
    """What a server loads of a part of a file, and what was counted of its keys."""

    loaded: Loaded
    counted: Any


class LoadedPass(EntryPass[Result], Generic[Result]):
    """Gives `count` the keys that a server loads: without those whose time was up at `now_ms`."""

    def __init__(
        self,
        server: Server | None = None,
        *,
        now_ms: int,
        allocator: str = DEFAULT,
        selection: Selection | None = None,
    ) -> None:
        super().__init__(server, allocator=allocator, selection=selection)
        self.now_ms = now_ms
        self._loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """All that was counted so far."""
        if self._loaded is None:
            self._loaded = Loaded(self.meant, self.allocator)
        return self._loaded

    def record(self, record: Record) -> None:
        """Tables are made as large as announced, when all of their keys are looked at."""
        super().record(record)
        if isinstance(record, ResizeDb) and self.selection is None:
            self.loaded.announce(record)

    def measured(self, keys: Measured) -> None:
        """The dead and the living."""
        if keys.expiries is not None:
            lives = [at is None or at > self.now_ms for at in keys.expiries]
            if not all(lives):
                self.loaded.expired.add_all(keys.only([not alive for alive in lives]))
                keys = keys.only(lives)
                if not len(keys):
                    return
        self.loaded.add(keys)
        self.count(keys)

    def count(self, keys: Measured) -> None:
        """Keys of one database, one at least."""
        raise NotImplementedError

    def fits(self, part: LoadedPart) -> bool:
        """Unless there are more databases than are told apart."""
        return len(self.loaded.databases | part.loaded.databases) < DATABASES

    def join(self, part: LoadedPart) -> None:
        """The keys of both."""
        self._loaded = self.loaded.merge(part.loaded)
        self.join_counted(part.counted)

    def join_counted(self, counted: Any) -> None:
        """What `count` made of the keys of a part."""
        raise NotImplementedError
