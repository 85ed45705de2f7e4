"""Many streams of bytes in one temporary file: in bounded memory, with one descriptor."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rdbcodec.reading.placed import read_at

if TYPE_CHECKING:
    from typing_extensions import Self

HELD = 8 << 20  # bytes of all streams together that are in memory
PIECE = 256 << 10


class Streams:
    """Add to any of them; then read each from its beginning. Close it, or use it in `with`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the streams
        self._end = 0
        self._held: dict[int, bytearray] = {}
        self._size = 0
        self._places: dict[int, array[int]] = {}  # of each stream: where a piece stands, and its size

    def add(self, number: int, data: bytes) -> None:
        """More of a stream."""
        self._held.setdefault(number, bytearray()).extend(data)
        self._size += len(data)
        if self._size > HELD:
            self._spill()

    def _spill(self) -> None:
        self._file.seek(self._end)
        for number, data in self._held.items():
            self._file.write(data)
            self._places.setdefault(number, array("Q")).extend((self._end, len(data)))
            self._end += len(data)
        self._held.clear()
        self._size = 0

    def pieces(self, number: int) -> Iterator[bytes]:
        """All of a stream."""
        places = self._places.get(number, array("Q"))
        for pos, size in zip(places[::2], places[1::2], strict=True):
            for at in range(pos, pos + size, PIECE):
                yield read_at(self._file, at, min(PIECE, pos + size - at))
        if number in self._held:
            yield bytes(self._held[number])

    def close(self) -> None:
        """Give up the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Joined:
    """Pieces as a source that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
