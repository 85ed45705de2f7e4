"""Which names occur twice, among any number of them, in bounded memory.

A name becomes a 16-byte digest with the offset it was seen at. Full batches are sorted and written to
a temporary file; in the end the sorted runs are merged, and equal digests stand side by side. Two
different names have the same digest once in 2**64 snapshots of four billion keys.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import IO, NamedTuple

RUN = 1 << 16  # names held at a time, 64 bytes of memory each
_DIGEST, _OFFSET = 16, 8
_RECORD = _DIGEST + _OFFSET
_READ = 64  # records read at a time of each run, which there may be thousands of


class Duplicate(NamedTuple):
    """A name seen at `offset` that was there before, at `first`."""

    offset: int
    first: int


class Names:
    """Collects names; `duplicates` tells which of them were not new."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._runs: list[int] = []  # where each run of the file begins; all but the last are RUN long

    def add(self, name: bytes, offset: int, db: int = 0) -> None:
        """A name of database `db`, seen at `offset`."""
        digest = blake2b(b"%d " % db + name, digest_size=_DIGEST).digest()
        self._held.append(digest + offset.to_bytes(_OFFSET, "big"))
        if len(self._held) >= RUN:
            self._spill()

    def add_many(self, names: Iterable[bytes]) -> None:
        """Names whose places do not matter, at half the time of `add`."""
        place = bytes(_OFFSET)
        self._held += [blake2b(name, digest_size=_DIGEST).digest() + place for name in names]
        if len(self._held) >= RUN:
            self._spill()

    def duplicates(self) -> Iterator[Duplicate]:
        """Every name after the first of its kind, in no particular order; ends the collection."""
        starts = [*self._runs, self._end()]
        runs = [self._records(start, end) for start, end in pairwise(starts)]
        previous = b""
        try:
            for record in heapq.merge(sorted(self._held), *runs):
                if record[:_DIGEST] == previous[:_DIGEST]:
                    yield Duplicate(_offset(record), _offset(previous))
                else:
                    previous = record
        finally:
            self.close()

    def close(self) -> None:
        """Give up the temporary file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._runs.clear()
        self._held.clear()

    def _spill(self) -> None:
        """One file for all runs: a file for each would use up the descriptors of a process."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the collection
        self._runs.append(self._end())
        self._held.sort()
        data = memoryview(b"".join(self._held))
        while data:
            data = data[self._file.write(data) :]
        self._held.clear()

    def _end(self) -> int:
        return 0 if self._file is None else self._file.seek(0, os.SEEK_END)

    def _records(self, pos: int, end: int) -> Iterator[bytes]:
        assert self._file is not None
        while pos < end:
            piece = os.pread(self._file.fileno(), min(_READ * _RECORD, end - pos), pos)
            pos += len(piece)
            for at in range(0, len(piece), _RECORD):
                yield piece[at : at + _RECORD]


def _offset(record: bytes) -> int:
    return int.from_bytes(record[_DIGEST:], "big")
