"""Bytes that can be read at any place, and as often as wanted."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


def temporary_file() -> IO[bytes]:
    """An empty file without a name, which is gone when it is closed; not buffered."""
    import tempfile  # noqa: PLC0415 - with all that it imports it takes 5 ms, and most snapshots need none

    return tempfile.TemporaryFile(buffering=0)


def read_at(file: IO[bytes], pos: int, size: int) -> bytes:
    """So many bytes of a file from a place on; fewer where it ends."""
    file.seek(pos)
    return file.read(size)


class Placed:
    """The bytes of a file, which it closes; close it, or use it in `with`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read_at(self, pos: int, size: int) -> bytes:
        """So many bytes from a place on; fewer where they end."""
        return read_at(self._file, pos, size)

    def stream(self, pos: int) -> Stream:
        """The bytes from a place on, in their order."""
        return Stream(self, pos)

    def close(self) -> None:
        """Give up the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Stream:
    """A source of the bytes from `pos` on."""

    def __init__(self, whole: Placed, pos: int) -> None:
        self._whole = whole
        self.pos = pos
        self.size = whole.size - pos

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        data = self._whole.read_at(self.pos, size)
        self.pos += len(data)
        return data
