"""Totals by name, also of more names than memory holds.

    with Sums() as sums:
        sums.of(b"session:").add(...)       as often as there is a key
        for name, usage in sums.rows(): ...     in the order of the names, each once

A table that is full goes, sorted, to a temporary file, as one run; in the end the runs are merged, and what
has one name in several of them is added up. So nothing is ever dropped, and 10 million names take no more
memory than 30 thousand. A row of a run:

    2 bytes   size of the name        48 bytes   the numbers of a Usage        the name
"""

from __future__ import annotations

import heapq
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from operator import itemgetter
from struct import Struct
from typing import IO, TYPE_CHECKING, Any

from rdbcodec.facts.amounts import Usage
from rdbcodec.reading.placed import read_at, temporary_file
from rdbcodec.reading.sorted_runs import write_all

if TYPE_CHECKING:
    from typing_extensions import Self

HELD = 1 << 15  # names in memory: 8 MiB, more where they are long
MOST_RUNS = 512  # merged at once: each has a piece of the file in memory
_PIECE = 4096  # bytes of a run that are read at a time
_ROW = Struct("<HQQQdQQ")
_name_of = itemgetter(0)

Row = tuple[bytes, Usage]
_Numbered = tuple[bytes, int, Usage]  # with the number of its run, so that usages need not be compared


class Sums:
    """Usages by name, at most of 65,535 bytes. Close it, or use it in `with`.

    What is in `held` may be added to until the next call of `of`. It can be pickled: what is in its file is
    copied to another, which belongs to the first who unpickles it.
    """

    def __init__(self, held: int = HELD) -> None:
        self._most = held
        self.held: dict[bytes, Usage] = {}  # for who looks there first
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, int]] = []  # where each run of the file begins and ends

    def of(self, name: bytes) -> Usage:
        """The usage of a name, to add to at once."""
        usage = self.held.get(name)
        if usage is None:
            if len(self.held) >= self._most:
                self._spill()
            usage = self.held[name] = Usage()
        return usage

    def rows(self) -> Iterator[Row]:
        """All names in their order, each once. While it runs nothing may be added."""
        if not self._runs:
            yield from sorted(self.held.items(), key=_name_of)
            return
        held = ((name, -1, usage) for name, usage in sorted(self.held.items(), key=_name_of))
        yield from _added_up(heapq.merge(held, *self._all_runs()))

    def take(self, other: Sums) -> None:
        """Add what another has."""
        for name, usage in other.rows():
            self.of(name).take(usage)

    def _spill(self) -> None:
        rows = sorted(self.held.items(), key=_name_of)
        self.held.clear()
        self._append(iter(rows))
        if len(self._runs) >= MOST_RUNS:
            runs, self._runs = self._all_runs(), []
            self._append(_added_up(heapq.merge(*runs)))

    def _append(self, rows: Iterator[Row]) -> None:
        """One more run, at the end of the file."""
        if self._file is None:
            self._file = temporary_file()
        start = end = self._file.seek(0, os.SEEK_END)
        for piece in _pieces(rows):
            self._file.seek(end)  # merged runs are read from other places between two pieces
            write_all(self._file, piece)
            end += len(piece)
        self._runs.append((start, end))

    def _all_runs(self) -> list[Iterator[_Numbered]]:
        return [self._run(number, start, end) for number, (start, end) in enumerate(self._runs)]

    def _run(self, number: int, pos: int, end: int) -> Iterator[_Numbered]:
        assert self._file is not None
        rest = b""
        while pos < end:
            piece = read_at(self._file, pos, min(_PIECE, end - pos))
            pos += len(piece)
            rest += piece
            at = 0
            while at + _ROW.size <= len(rest):
                size, *numbers = _ROW.unpack_from(rest, at)
                start = at + _ROW.size
                if start + size > len(rest):
                    break
                at = start + size
                yield rest[start:at], number, Usage(*numbers)
            rest = rest[at:]

    def close(self) -> None:
        """Give up the temporary file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._runs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()

    def __getstate__(self) -> tuple[int, dict[bytes, Usage], list[tuple[int, int]], str | None]:
        return self._most, self.held, self._runs, None if self._file is None else _copied(self._file)

    def __setstate__(self, state: tuple[int, dict[bytes, Usage], list[tuple[int, int]], str | None]) -> None:
        self._most, self.held, self._runs, path = state
        self._file = None if path is None else _taken(path)


def _added_up(rows: Iterable[_Numbered]) -> Iterator[Row]:
    """Rows of one name, which follow one another, as one."""
    current, total = b"", None
    for name, _, usage in rows:
        if total is not None and name == current:
            total = total.merge(usage)
            continue
        if total is not None:
            yield current, total
        current, total = name, usage
    if total is not None:
        yield current, total


def _pieces(rows: Iterator[Row]) -> Iterator[bytes]:
    pack, piece = _ROW.pack, bytearray()
    for name, of in rows:
        piece += pack(len(name), of.keys, of.expiring, of.elements, of.memory, of.disk, of.types)
        piece += name
        if len(piece) > 1 << 16:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _copied(file: IO[bytes]) -> str:
    """A file with the same bytes, for another process."""
    with tempfile.NamedTemporaryFile(prefix="rdbcodec-", delete=False) as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
    return copy.name


def _taken(path: str) -> IO[bytes]:
    """The same file without a name, as TemporaryFile would have made it."""
    with open(path, "rb", buffering=0) as named:  # noqa: PTH123 - as tempfile opens it
        file: Any = temporary_file()
        while piece := named.read(1 << 20):
            write_all(file, piece)
    os.unlink(path)  # noqa: PTH108
    taken: IO[bytes] = file
    return taken
