"""Where a snapshot is written to: a file that appears whole or not at all, or any binary file object.

A path is written beside itself under a temporary name and renamed when everything is there. An object
with `write` gets the bytes as they come; after an error it gets no more, so no snapshot in it ends like
a whole one. Compression goes around the whole file, with no time or name in it: equal input, equal bytes.
"""

from __future__ import annotations

import errno
import gzip
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from rdbcodec.errors import ContainerError
from rdbcodec.wire.crc64 import crc64

Compression = Literal["gzip", "lz4"]
SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".lz4": "lz4"}

CHUNK = 256 << 10  # bytes collected before they go to the checksum and the file


class Writable(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take all of `data`."""


Target = str | os.PathLike[str] | Writable


class Sink:
    """Bytes on their way into a target; `crc` is that of what was written so far."""

    def __init__(
        self, target: Target, *, compression: Compression | None = None, replace: bool = True
    ) -> None:
        self.crc = 0
        self._output = _open(target, replace=replace)
        self._file: Any = self._output.file
        try:
            self._packer = _packer(self._output.file, compression)
        except BaseException:
            self._output.abort()
            raise
        self._file = self._packer or self._output.file

    def write(self, data: bytes, *, checked: bool = True) -> None:
        """Write; the checksum itself is not `checked`."""
        if checked:
            self.crc = crc64(data, self.crc)
        self._file.write(data)

    def close(self) -> None:
        """Everything is there: finish the compression and give the file its name."""
        try:
            if self._packer is not None:
                self._packer.close()
            self._output.commit()
        except BaseException:
            self._output.abort()
            raise

    def abort(self) -> None:
        """Leave no file behind."""
        self._output.abort()


@contextmanager
def output(target: Target, *, replace: bool = True) -> Iterator[Any]:
    """A binary file for text or other bytes: there whole when the body is done, not at all when it fails."""
    opened = _open(target, replace=replace)
    try:
        yield opened.file
        opened.commit()
    except BaseException:
        opened.abort()
        raise


class _Output(Protocol):
    file: Any

    def commit(self) -> None: ...

    def abort(self) -> None: ...


class _Given:
    """A file object of the caller's, who also closes it."""

    def __init__(self, file: Writable) -> None:
        self.file = _Whole(file)

    def commit(self) -> None:
        flush = getattr(self.file.raw, "flush", None)
        if flush is not None:
            flush()

    def abort(self) -> None:
        pass


class _Whole:
    """Raw files may take less than they are given; nothing may be lost by that."""

    def __init__(self, raw: Writable) -> None:
        self.raw = raw

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            taken = self.raw.write(rest if len(rest) < len(data) else data)
            if not isinstance(taken, int):
                break
            rest = rest[taken:]
        return len(data)

    def flush(self) -> None:
        pass


class _Direct:
    """A pipe, a terminal, /dev/null: what cannot be replaced is written in place."""

    def __init__(self, path: Path) -> None:
        self.file: IO[bytes] = path.open("wb")

    def commit(self) -> None:
        self.file.close()

    def abort(self) -> None:
        with suppress(OSError):  # the error that brought us here says more
            self.file.close()


class _Replaced:
    """A regular file, written under a temporary name in its own directory."""

    def __init__(self, path: Path, *, replace: bool) -> None:
        self._path = path.resolve()  # what a symbolic link points at is replaced, not the link
        self._replace = replace
        self._temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        # Not tempfile: its files are for their owner only, and a snapshot is read by a server's user.
        self.file: IO[bytes] = os.fdopen(os.open(self._temporary, flags, 0o666), "wb")

    def commit(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())  # the rename must not reach the disk before the bytes
        self.file.close()
        if not self._replace and self._path.exists():
            raise FileExistsError(errno.EEXIST, "exists already", str(self._path))
        self._temporary.replace(self._path)

    def abort(self) -> None:
        with suppress(OSError):
            self.file.close()
        self._temporary.unlink(missing_ok=True)


def _open(target: Target, *, replace: bool) -> _Output:
    if isinstance(target, str | os.PathLike):
        return _open_path(Path(target), replace=replace)
    return _Given(target)


def _open_path(path: Path, *, replace: bool) -> _Direct | _Replaced:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _Replaced(path, replace=replace)
    if stat.S_ISREG(mode):
        if not replace:
            raise FileExistsError(errno.EEXIST, "exists already", str(path))
        return _Replaced(path, replace=replace)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(path))
    return _Direct(path)


def compression_of_name(name: str) -> Compression | None:
    """What the suffix of a file name asks for."""
    return SUFFIXES.get(Path(name).suffix.lower())


def _packer(file: Any, compression: Compression | None) -> Any:
    if compression is None:
        return None
    if compression == "gzip":
        return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6)
    try:
        import lz4.frame  # noqa: PLC0415 - optional
    except ImportError:
        raise ContainerError("writing LZ4 needs the package lz4: pip install lz4") from None
    return lz4.frame.LZ4FrameFile(file, mode="wb")
