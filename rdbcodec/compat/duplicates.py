"""Which names occur twice, among any number of them, in bounded memory.

A name becomes a 16-byte digest with the offset it was seen at. Full batches are sorted and written to
a temporary file; in the end the sorted runs are merged, and equal digests stand side by side. Two
different names have the same digest once in 2**64 snapshots of four billion keys.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from typing import IO, NamedTuple

RUN = 1 << 16  # names held at a time, 64 bytes of memory each
_DIGEST, _OFFSET = 16, 8
_RECORD = _DIGEST + _OFFSET


class Duplicate(NamedTuple):
    """A name seen at `offset` that was there before, at `first`."""

    offset: int
    first: int


class Names:
    """Collects names; `duplicates` tells which of them were not new."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._runs: list[IO[bytes]] = []

    def add(self, name: bytes, offset: int, db: int = 0) -> None:
        """A name of database `db`, seen at `offset`."""
        digest = blake2b(b"%d " % db + name, digest_size=_DIGEST).digest()
        self._held.append(digest + offset.to_bytes(_OFFSET, "big"))
        if len(self._held) >= RUN:
            self._spill()

    def duplicates(self) -> Iterator[Duplicate]:
        """Every name after the first of its kind, in no particular order; ends the collection."""
        runs = [_records(file) for file in self._runs]
        previous = b""
        try:
            for record in heapq.merge(self._sorted(), *runs):
                if record[:_DIGEST] == previous[:_DIGEST]:
                    yield Duplicate(_offset(record), _offset(previous))
                else:
                    previous = record
        finally:
            self.close()

    def close(self) -> None:
        """Give up the temporary files."""
        for file in self._runs:
            file.close()
        self._runs.clear()
        self._held.clear()

    def _sorted(self) -> list[bytes]:
        return sorted(self._held)

    def _spill(self) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the collection
        self._runs.append(file)
        file.write(b"".join(self._sorted()))
        file.seek(0)
        self._held.clear()


def _records(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_RECORD * 256):
        for at in range(0, len(piece), _RECORD):
            yield piece[at : at + _RECORD]


def _offset(record: bytes) -> int:
    return int.from_bytes(record[_DIGEST:], "big")
