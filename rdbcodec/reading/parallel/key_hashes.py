"""The keys of a part of a snapshot: who compares those of all parts needs no more than their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rdbcodec.errors import RdbError
from rdbcodec.reading.duplicates import hashes_in, hashes_of, key_hashes
from rdbcodec.reading.repeats import SPREAD, spread
from rdbcodec.reading.runs import Run
from rdbcodec.records import Entry


class KeyHashes:
    """Collects the hashes of keys, for KeyIndex.join."""

    def __init__(self) -> None:
        self._waiting: list[int] = []  # not shared out yet
        self._shared: list[list[bytes]] = []
        self._salt = hash(_PROBE)

    def add(self, keys: Iterable[bytes], db: int) -> None:
        """Names in one database. Raises RdbError where hashes are others."""
        self._expect_same_hashes()
        self._add(key_hashes(keys, db))

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """The keys of a batch. Raises DecodeError for a damaged key, RdbError where hashes are others."""
        self._expect_same_hashes()
        for hashes in hashes_of(entries):
            self._add(hashes)

    def add_run(self, run: Run) -> None:
        """The keys of a run. Raises DecodeError for a damaged key, RdbError where hashes are others."""
        self._expect_same_hashes()
        self._add(hashes_in(run))

    def _expect_same_hashes(self) -> None:
        if hash(_PROBE) != self._salt:
            raise RdbError("this process has other hashes than the one that compares them")

    def _add(self, hashes: list[int]) -> None:
        """Few are shared out at once: more would not stay in the caches of the processor."""
        self._waiting += hashes
        if len(self._waiting) >= SPREAD:
            self._shared.append(spread(self._waiting))
            self._waiting.clear()

    def packed(self) -> list[bytes]:
        """All of them, shared out here: who joins them has only to write them to a file."""
        return [b"".join(parts) for parts in zip(*self._shared, spread(self._waiting), strict=True)]


_PROBE = b"the hashes of two processes"
