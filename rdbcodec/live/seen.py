"""Which keys were seen: exact, in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

_CACHE = 16 << 10  # KiB of the table that are held in memory


class Seen:
    """Keys as digests of 16 bytes, in a table that goes to a temporary file as it grows."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._table.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._table.execute("BEGIN")  # one transaction: nothing of it outlives us

    def fresh(self, db: int, keys: Sequence[bytes]) -> list[bytes]:
        """Those that were not there before; from now on they are."""
        insert, salt = "INSERT OR IGNORE INTO seen VALUES (?)", db.to_bytes(8, "little")
        digests = (blake2b(key, digest_size=16, salt=salt).digest() for key in keys)
        run = self._table.execute
        return [key for key, digest in zip(keys, digests, strict=True) if run(insert, (digest,)).rowcount]

    def close(self) -> None:
        """Forget them."""
        self._table.close()
