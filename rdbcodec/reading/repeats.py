"""Which hashes occur twice, among any number of them, in bounded memory.

Up to HELD of them stay in memory, packed, and are compared in the end; more are spread over a temporary file
by their bits, part by part few enough for that. The parts of a file can be compared by other processes.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import pack
from typing import IO, Any

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.placed import read_at, temporary_file
from rdbcodec.reading.sorted_runs import write_all

HELD = 1 << 20  # hashes that stay in memory: 8 MiB
TOGETHER = 1 << 16  # hashes that are compared at once, 100 bytes each; more are shared out first
AT_MOST = 1 << 17  # of a file: to share out those of a part once more takes longer than to compare them
SPREAD = 1 << 14  # hashes spread at once: few enough to stay in the caches of a processor
CANDIDATES = 1 << 16  # hashes that occurred twice; with more, all names are compared

HASH = 8  # bytes

Ask = Callable[[Sequence["Errand"]], Sequence[Any]]  # others do them; of each what came of it, or None


class Errand(NamedTuple):
    """Hashes to be compared by another process: a file, and where those of one part stand in it."""

    path: str
    runs: Sequence[tuple[int, int]]  # offset and bytes

    def do(self) -> Candidates:
        """Those that occur twice. Raises OSError for a file that cannot be opened here."""
        candidates = Candidates()
        below = Hashes(1, candidates)
        with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123 - of another process, by its number
            for offset, size in self.runs:
                below.add(_numbers(read_at(file, offset, size)))
        try:
            return below.candidates()
        finally:
            below.close()


class Candidates:
    """Hashes that occurred twice, and perhaps some more: names decide."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()
        self._all = False

    @property
    def any(self) -> bool:
        return self._all or bool(self._hashes)

    def add(self, hashes: Iterable[int]) -> None:
        self._hashes.update(hashes)
        if len(self._hashes) > CANDIDATES:
            self._all = True
            self._hashes.clear()

    def join(self, others: Candidates) -> None:
        """Those of both."""
        self.add(others._hashes)
        self._all = self._all or others._all

    def among(self, hashes: Sequence[int]) -> Iterable[bool]:
        return [True] * len(hashes) if self._all else map(self._hashes.__contains__, hashes)


class Hashes:
    """Finds hashes that occur twice; those in one part of `level` are alike in the parts above it."""

    def __init__(self, level: int = 0, candidates: Candidates | None = None) -> None:
        self._level = level
        self._candidates = Candidates() if candidates is None else candidates
        self._compared: set[int] = set()  # parts, by others
        self._known = array("q")
        self._waiting: list[int] = []
        self._file: IO[bytes] | None = None
        self._sizes: list[array[int]] = []  # bytes of each part, run by run

    def add(self, hashes: list[int]) -> None:
        if self._file is None:
            self._known.frombytes(pack(f"{len(hashes)}q", *hashes))  # a fifth of the time of extend
            if len(self._known) > HELD:
                self._begin_file()
            return
        self._waiting += hashes
        if len(self._waiting) >= SPREAD:
            self._spread()

    def _begin_file(self) -> None:
        """What is known goes there, and what comes from now on."""
        self._file = temporary_file()
        for parts in self._shared_out():
            self._write(parts)
        self._known = array("q")

    def _spread(self) -> None:
        """What waits goes to the parts."""
        assert self._file is not None
        parts = spread(self._waiting, self._level)
        self._waiting.clear()
        self._write(parts)

    def _write(self, parts: Sequence[bytes]) -> None:
        assert self._file is not None
        self._sizes.append(array("Q", map(len, parts)))
        write_all(self._file, b"".join(parts))

    def add_parts(self, parts: Sequence[bytes]) -> None:
        """Hashes that were shared out already."""
        if self._file is not None:
            self._write(parts)
            return
        for part in parts:
            self.add(array("q", part).tolist())  # a file may begin in between

    def candidates(self) -> Candidates:
        """All hashes that occur twice; may be asked more than once."""
        if self._file is None:
            self._compare()
            return self._candidates
        self._spread()
        for part in range(_MODULI[self._level]):
            if part not in self._compared:
                self._look_at(part)
        return self._candidates

    def compare(self, ask: Ask) -> None:
        """All hashes are here, and others compare those of the file."""
        if self._file is None:
            return
        self._spread()
        path = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"  # it has no name
        found = ask([Errand(path, [*self._places(part)]) for part in range(_MODULI[self._level])])
        for part, candidates in enumerate(found):
            if candidates is not None:
                self._candidates.join(candidates)
                self._compared.add(part)

    def _compare(self) -> None:
        """Those in memory; of many only those of one part at a time are objects of Python."""
        parts = [self._known]
        if len(self._known) > (AT_MOST if self._level else TOGETHER):
            parts = [array("q") for _ in range(_MODULI[self._level])]
            for shares in self._shared_out():
                for part, share in zip(parts, shares, strict=True):
                    part.frombytes(share)
        for part in parts:
            hashes = part.tolist()
            if len(set(hashes)) < len(hashes):
                self._candidates.add(value for value, times in Counter(hashes).items() if times > 1)

    def _shared_out(self) -> Iterator[list[bytes]]:
        for begin in range(0, len(self._known), SPREAD):
            yield spread(self._known[begin : begin + SPREAD], self._level)

    def _look_at(self, part: int) -> None:
        below = Hashes(self._level + 1, self._candidates)
        try:
            for hashes in self._runs(part):
                below.add(hashes)
            below.candidates()
        finally:
            below.close()

    def _runs(self, part: int) -> Iterator[list[int]]:
        assert self._file is not None
        for offset, size in self._places(part):
            yield _numbers(read_at(self._file, offset, size))

    def _places(self, part: int) -> Iterator[tuple[int, int]]:
        """Where the hashes of a part stand: in each run some."""
        begin = 0
        for sizes in self._sizes:
            yield begin + sum(sizes[:part]), sizes[part]
            begin += sum(sizes)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._known = array("q")
        self._waiting.clear()


def _numbers(data: bytes) -> list[int]:
    numbers = array("q")
    numbers.frombytes(data)
    return numbers.tolist()


def spread(hashes: Iterable[int], level: int = 0) -> list[bytes]:
    """Hashes, shared out to the parts of a level; a loop, because none of the C functions can do that."""
    parts: list[list[int]] = [[] for _ in range(_MODULI[level])]
    appends, modulus = [part.append for part in parts], _MODULI[level]
    for value in hashes:
        appends[value % modulus](value)
    return [array("q", part).tobytes() for part in parts]


# The parts of each level. No two have a common factor, so that each level shares out what the one above
# could not; all eight are enough for 10**16 keys.
_MODULI = (61, 16, 17, 19, 23, 25, 27, 29, 31)
