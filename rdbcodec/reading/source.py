"""Where a snapshot's bytes come from: a path, a URL, memory, or anything with `read(size)`.

    class Blob:                       # all that is asked of a source of one's own
        def read(self, size): ...     # up to `size` bytes; b"" at the end

With a `size` (bytes of the whole, None if that is not known) progress can be shown, with a `name` a report
can say what was read. Files, sockets' makefile(), the bodies of HTTP clients and the objects of fsspec are
sources as they are.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
from collections.abc import Callable
from typing import Protocol, Union

from rdbcodec.errors import RdbError
from rdbcodec.remote.opening import open_read
from rdbcodec.remote.urls import scheme_of
from rdbcodec.wire.flat import flat

CHUNK = 256 << 10  # bytes read at a time; larger ones measured no faster, smaller ones slower


class Readable(Protocol):
    """The one thing asked of a source that is neither a path nor memory.

    `size` and `name` are used when it has them.
    """

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""


Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, mmap.mmap, Readable]


class Raw:
    """The outermost bytes: a file, a pipe or memory; counts what was read."""

    def __init__(
        self, read: Callable[[int], bytes | None], size: int | None, name: str | None = None
    ) -> None:
        self._read = read
        self._pushed = b""
        self.position = 0
        self.size = size
        self.name = name

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        if self._pushed:
            pushed, self._pushed = self._pushed[:size], self._pushed[size:]
            return pushed
        try:
            data = self._read(size)
        except ValueError as error:  # what Python raises for a file that was closed meanwhile
            raise RdbError(f"the source cannot be read: {error}") from error
        if data is None:
            waits = "the source has no bytes yet: a snapshot is read from one that waits for them"
            raise BlockingIOError(errno.EAGAIN, waits)
        if not isinstance(data, bytes):
            data = _as_bytes(data)
        self.position += len(data)
        return data

    def push_back(self, data: bytes) -> None:
        """Give back what was read too much."""
        self._pushed = data + self._pushed


class Memory:
    """Bytes, a memoryview or an mmap, read in pieces without being copied whole."""

    def __init__(self, data: bytes | bytearray | memoryview | mmap.mmap) -> None:
        self._view = data if isinstance(data, mmap.mmap) else flat(data)
        self._pos = 0
        self.size = len(self._view)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        data = bytes(self._view[self._pos : self._pos + size])
        self._pos += len(data)
        return data


def open_raw(source: Source) -> tuple[Raw, Callable[[], None]]:
    """The bytes of whatever was given, and how to close what was opened for it."""
    if isinstance(source, (bytes, bytearray, memoryview, mmap.mmap)):
        memory = Memory(source)
        return Raw(memory.read, memory.size), _nothing
    if isinstance(source, str) and scheme_of(source):
        remote = open_read(source)
        return Raw(remote.read, remote.size, remote.name), remote.close
    if isinstance(source, (str, os.PathLike)):
        file = open(source, "rb", buffering=0)  # noqa: SIM115, PTH123 - the reader closes it
        return Raw(file.read, _file_size(file.fileno()), os.fspath(source)), file.close
    if isinstance(source, io.TextIOBase) or not callable(getattr(source, "read", None)):
        kind = "a file opened in text mode" if isinstance(source, io.TextIOBase) else type(source).__name__
        raise TypeError(f"source is {kind}, expected a path, bytes or a file opened in binary mode")
    size, name = getattr(source, "size", None), getattr(source, "name", None)
    return Raw(
        source.read, size if isinstance(size, int) else None, name if isinstance(name, str) else None
    ), _nothing


def _as_bytes(data: object) -> bytes:
    """What some clients give instead of bytes: a buffer of their own (obstore), a bytearray, a memoryview."""
    try:
        return bytes(memoryview(data))  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"source.read() gave {type(data).__name__}, expected bytes") from None


def _nothing() -> None:
    pass


def _file_size(fd: int) -> int | None:
    size = os.fstat(fd).st_size
    return size or None  # pipes and devices say 0
