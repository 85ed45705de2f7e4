"""The keys of a part of a snapshot: who compares those of all parts needs no more than their hashes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from rdbcodec.errors import RdbError
from rdbcodec.reading.duplicates import SPREAD, KeyIndex, hashes_of
from rdbcodec.records import Entry


class KeyHashes:
    """Collects the hashes of keys, in their order."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._salt = hash(_PROBE)

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """The keys of a batch. Raises DecodeError for a damaged key, RdbError where hashes are others."""
        if hash(_PROBE) != self._salt:
            raise RdbError("this process has other hashes than the one that compares them")
        for hashes in hashes_of(entries):
            self._hashes.extend(hashes)

    def packed(self) -> bytes:
        """All of them, for `join`."""
        return self._hashes.tobytes()


def join(index: KeyIndex, packed: bytes) -> None:
    """Add the keys of a part behind those that an index has."""
    size = SPREAD * array("q").itemsize
    for begin in range(0, len(packed), size):
        index.join(array("q", packed[begin : begin + size]))


_PROBE = b"the hashes of two processes"
