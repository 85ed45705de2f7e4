"""More records than memory holds, sorted: full runs go to a temporary file, and are merged in the end."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, TYPE_CHECKING

from rdbcodec.reading.placed import read_at, temporary_file

if TYPE_CHECKING:
    from typing_extensions import Self

RUN = 1 << 16  # records sorted at once: 5 MiB
_READ = 64  # records read at a time of each run, which there may be thousands of


class SortedRuns:
    """Records of one size, in bytes, sorted. Close it, or use it in `with`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._ends = [0]  # where each run of the file ends; one file, or they would use up the descriptors

    def add(self, record: bytes) -> None:
        """One more record."""
        self._held.append(record)
        if len(self._held) >= RUN:
            self._spill()

    def merged(self) -> Iterator[bytes]:
        """All records, the least first."""
        runs = [self._records(start, end) for start, end in pairwise(self._ends)]
        return heapq.merge(sorted(self._held), *runs)

    def _spill(self) -> None:
        if self._file is None:
            self._file = temporary_file()
        self._held.sort()
        write_all(self._file, b"".join(self._held))
        self._ends.append(self._ends[-1] + len(self._held) * self._size)
        self._held.clear()

    def _records(self, pos: int, end: int) -> Iterator[bytes]:
        assert self._file is not None
        size = self._size
        while pos < end:
            piece = read_at(self._file, pos, min(_READ * size, end - pos))
            pos += len(piece)
            for at in range(0, len(piece), size):
                yield piece[at : at + size]

    def close(self) -> None:
        """Give up the temporary file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def write_all(file: IO[bytes], data: bytes) -> None:
    """All of it: an unbuffered file may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
