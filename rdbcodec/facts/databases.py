"""What each database holds."""

from __future__ import annotations

from rdbcodec.errors import LimitExceeded
from rdbcodec.facts.named import Named
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import Place, Table, place_of
from rdbcodec.limits import MAX_DATABASES
from rdbcodec.records import Record, ResizeDb, SelectDb


class Database(Named):
    """What one database holds, and what its RESIZEDB promised (None: it had none)."""

    first: Place | None = None
    keys: int = 0
    expires: int = 0
    told_keys: int | None = None
    told_expires: int | None = None

    def merge(self, other: Database) -> Database:
        """What both hold, and what is promised of both."""
        return Database(
            self.first or other.first,
            self.keys + other.keys,
            self.expires + other.expires,
            _sum(self.told_keys, other.told_keys),
            _sum(self.told_expires, other.told_expires),
        )


def _sum(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else first + second


def check_databases(count: int) -> None:
    """Raise LimitExceeded when a file names more databases than anybody has."""
    if count >= MAX_DATABASES:
        raise LimitExceeded(
            "too many databases to count each", limit=MAX_DATABASES, wanted=count + 1, unit="databases"
        )


class Databases(Pass[Table[int, Database]]):
    """Counts the keys of each database, and what expires in it."""

    def __init__(self) -> None:
        self.databases: Table[int, Database] = Table()

    def batch(self, batch: Batch) -> None:
        """A batch is of one database."""
        database = self._database(batch.db)
        if database.first is None:
            database.first = place_of(batch.entry(0))
        database.keys += len(batch)
        database.expires += len(batch.expiries)

    def record(self, record: Record) -> None:
        """A server ends on a database it does not have, whether keys follow or not. Dragonfly announces
        databases in several parts."""
        if isinstance(record, SelectDb):
            self._database(record.db)
        elif isinstance(record, ResizeDb):
            database = self._database(record.db)
            database.told_keys = (database.told_keys or 0) + record.keys
            database.told_expires = (database.told_expires or 0) + record.expires

    def _database(self, db: int) -> Database:
        if db not in self.databases:
            check_databases(len(self.databases))
            self.databases[db] = Database()
        return self.databases[db]

    def fork(self) -> Databases:
        """It needs to know nothing."""
        return Databases()

    def part(self) -> Table[int, Database]:
        """The databases."""
        return self.databases

    def fits(self, part: Table[int, Database]) -> bool:
        """Unless there are too many, which is said where the first of those stands."""
        return len(self.databases.keys() | part.keys()) <= MAX_DATABASES

    def join(self, part: Table[int, Database]) -> None:
        """The databases of both."""
        self.databases = self.databases.merge(part)

    def end(self) -> Table[int, Database]:
        """The databases, in the order they were met."""
        return self.databases
