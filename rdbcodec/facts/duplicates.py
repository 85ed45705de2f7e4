"""How many keys are there twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdbcodec.facts.named import Named
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.parallel.key_hashes import KeyHashes
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.repeats import Ask
from rdbcodec.records import Header


class DuplicateKeys(Named):
    """How many keys were not the first of their name, and where one of them is.

    Keys are compared within a file: two files merged may have keys in common, which nobody has looked for.
    """

    count: int = 0
    at: int | None = None

    def merge(self, other: DuplicateKeys) -> DuplicateKeys:
        """Those of each file."""
        return DuplicateKeys(self.count + other.count, other.at if self.at is None else self.at)


class Duplicates(Pass[DuplicateKeys]):
    """Collects the names of the keys, in bounded memory; it costs more than counting everything else.

    `reopen` gives a second reader, which spares keeping the names until that is known.
    """

    needs_same_hashes = True

    def __init__(self, reopen: Callable[[], Reader] | None = None) -> None:
        self._reopen = reopen
        self._index: KeyIndex | None = None

    def begin(self, header: Header) -> None:
        """Only now are there files: what has begun cannot be pickled."""
        del header
        self._index = KeyIndex(self._reopen)

    def batch(self, batch: Batch) -> None:
        """The names of a batch."""
        assert self._index is not None
        if batch.short_strings is None:
            self._index.add_entries(batch.entries)
        else:
            self._index.add_run(batch.short_strings)

    def fork(self) -> DuplicatesPart | None:
        """It collects hashes, of which there are names only in a second reading."""
        return None if self._index is None or self._reopen is None else DuplicatesPart()

    def join(self, part: list[bytes]) -> None:
        """The hashes of both."""
        assert self._index is not None
        self._index.join(part)

    def finish(self, ask: Ask) -> None:
        """Others compare the hashes of keys."""
        if self._index is not None:
            self._index.compare(ask)

    def end(self) -> DuplicateKeys:
        """Compare the names."""
        if self._index is None:
            return DuplicateKeys()
        offsets = [duplicate.place for duplicate in self._index.duplicates()]
        return DuplicateKeys(len(offsets), min(offsets, default=None))

    def close(self) -> None:
        """Give up the files, also of a reading that ended in an error."""
        if self._index is not None:
            self._index.close()
            self._index = None


class DuplicatesPart(Pass[Any]):
    """The keys of a part."""

    def __init__(self) -> None:
        self._hashes = KeyHashes()

    def batch(self, batch: Batch) -> None:
        """The hashes of a batch."""
        if batch.short_strings is None:
            self._hashes.add_entries(batch.entries)
        else:
            self._hashes.add_run(batch.short_strings)

    def part(self) -> list[bytes]:
        """All of them."""
        return self._hashes.packed()
