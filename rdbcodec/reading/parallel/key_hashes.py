"""The keys of a part of a snapshot: who compares those of all parts needs no more than their hashes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from rdbcodec.errors import RdbError
from rdbcodec.reading.duplicates import hashes_in, hashes_of, key_hashes
from rdbcodec.reading.repeats import spread
from rdbcodec.reading.runs import ShortStrings
from rdbcodec.records import Entry


class KeyHashes:
    """Collects the hashes of keys, for KeyIndex.join."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._salt = hash(_PROBE)

    def add(self, keys: Iterable[bytes], db: int) -> None:
        """Names in one database. Raises RdbError where hashes are others."""
        self._expect_same_hashes()
        self._hashes.extend(key_hashes(keys, db))

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """The keys of a batch. Raises DecodeError for a damaged key, RdbError where hashes are others."""
        self._expect_same_hashes()
        for hashes in hashes_of(entries):
            self._hashes.extend(hashes)

    def add_run(self, run: ShortStrings) -> None:
        """The keys of a run. Raises RdbError where hashes are others."""
        self._expect_same_hashes()
        self._hashes.extend(hashes_in(run))

    def _expect_same_hashes(self) -> None:
        if hash(_PROBE) != self._salt:
            raise RdbError("this process has other hashes than the one that compares them")

    def packed(self) -> list[bytes]:
        """All of them, shared out here: who joins them has only to write them to a file."""
        return spread(self._hashes)


_PROBE = b"the hashes of two processes"
