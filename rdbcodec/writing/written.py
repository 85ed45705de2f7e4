"""What an output holds already, where a server takes each only once: keys and function libraries."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

from rdbcodec.errors import EncodeError
from rdbcodec.reading.duplicates import Duplicate, KeyIndex

OnDuplicate = Literal["error", "allow"]


class Written:
    """The names in one output; its index of keys is on disk, and `close` gives that up."""

    def __init__(self, index: KeyIndex | None = None) -> None:
        self._index = KeyIndex() if index is None else index
        self._libraries: dict[bytes, bytes] = {}  # name -> digest of the text

    def add_keys(self, keys: Sequence[bytes], db: int) -> None:
        """Keys of one database, in the order they are in the file."""
        if keys:
            self._index.add(keys, None, db)

    def first_duplicate(self) -> Duplicate | None:
        """The first key that was there before; its places count the keys from 0."""
        return next(self._index.duplicates(), None)

    def is_new_library(self, name: bytes, code: bytes) -> bool:
        """False for a library that is there with the same text; EncodeError for one with another text.

        Each shard of a cluster carries all libraries, so that equal ones meet whenever shards are merged.
        """
        digest = blake2b(code, digest_size=16).digest()
        known = self._libraries.setdefault(name, digest)
        if known is digest:
            return True
        if known == digest:
            return False
        shown = name.decode("utf-8", "backslashreplace")
        raise EncodeError(f"two function libraries have the name {shown!r} and different text")

    def close(self) -> None:
        """Give up what is on disk."""
        self._index.close()
