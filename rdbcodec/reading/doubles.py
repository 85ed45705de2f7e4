"""How many of the names of one large value are not the first of theirs, in bounded memory.

    with Doubles() as names:
        names.add(batch)                # as often as there is one
        names.count()

Most large values have some hundred thousand short names. A set of them takes half of the time of KeyIndex,
which shares out hashes and writes names to a file; it is for those that have more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rdbcodec.reading.duplicates import BATCH, KeyIndex

if TYPE_CHECKING:
    from typing_extensions import Self

# With the objects and the table of the set 28 MB at most, beside the 8 MiB of the hashes of keys.
HELD = 3 << 16  # names
HELD_BYTES = 4 << 20  # of their texts


class Doubles:
    """Counts names that were there before. Close it, or use it in `with`."""

    def __init__(self) -> None:
        self._names: list[bytes] = []  # a set of all in the end takes half of the time of one that grows
        self._bytes = 0
        self._index: KeyIndex | None = None  # of more names than are held

    def add(self, names: Sequence[bytes]) -> None:
        """Some more names."""
        if self._index is not None:
            self._index.add(names)
            return
        self._names += names
        self._bytes += len(b"".join(names))  # a third of the time of adding up sizes
        if len(self._names) > HELD or self._bytes > HELD_BYTES:
            self._begin_index()

    def _begin_index(self) -> None:
        """What is held goes there, and what comes from now on."""
        self._index = KeyIndex()
        for begin in range(0, len(self._names), BATCH):
            self._index.add(self._names[begin : begin + BATCH])
        self._names = []

    def count(self) -> int:
        """How many of the names were not the first of theirs."""
        if self._index is not None:
            return sum(1 for _ in self._index.duplicates())
        return len(self._names) - len(set(self._names))

    def close(self) -> None:
        """Give up the temporary files."""
        if self._index is not None:
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
