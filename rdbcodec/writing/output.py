"""Where a snapshot is written to: a file that appears whole or not at all, or any binary file object.

A path is written beside itself under a temporary name and renamed when everything is there. An object
with `write` gets the bytes as they come; after an error it gets no more, so no snapshot in it ends like
a whole one.

The rules this file keeps:

* Whatever ends a process, but SIGKILL and a power cut, leaves no temporary file: its removal is arranged
  before it is made. What those two leave has a random name and is in nobody's way.
* A file that is replaced keeps its mode, and its owner where we may give it away. A new one takes the mode
  that was asked for (that of the source: see `like`), within the umask.
* A write that does not say what it took is an error: nothing may be lost by it, and nothing loops.
* An error of the output names it as its user did, never the temporary name and never the input.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from rdbcodec.remote.opening import open_write
from rdbcodec.remote.urls import scheme_of
from rdbcodec.wire.crc64 import chosen, crc64
from rdbcodec.wire.flat import flat
from rdbcodec.writing.naming import named, naming
from rdbcodec.writing.packing import Compression, packer

CHUNK = 256 << 10  # bytes collected before they go to the checksum and the file

NEW_MODE = 0o666  # of a file that has no predecessor and no source; the umask takes from it
NAME_SHOWN = 40  # characters of the output's name in the temporary one: 160 bytes at most, of 255
_FLAGS = ("O_CLOEXEC", "O_BINARY")  # where there are such
_NAME_TRIES = 10  # random names never meet; more failures than this have another reason


class Writable(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take `data` and answer how many bytes of it were taken."""


OutputLike = str | os.PathLike[str] | Writable


class OutputPath(os.PathLike[str]):
    """A path or URL to write to, with the mode that a new file there gets; the umask takes from it."""

    def __init__(self, path: str | os.PathLike[str], mode: int, *, page: bool = False) -> None:
        self.path = os.fspath(path)
        self.mode = mode
        self.page = page  # of a URL: a page blob

    def __fspath__(self) -> str:
        return self.path


def like(path: str | os.PathLike[str], source: object) -> OutputPath:
    """The path as an output whose mode is that of `source`, if that is a path or a file descriptor."""
    mode = NEW_MODE
    if isinstance(source, str | os.PathLike | int):
        with suppress(OSError, ValueError):  # what cannot be asked will not be read either
            found = os.stat(source)  # noqa: PTH116 - Path has none for a descriptor
            mode = stat.S_IMODE(found.st_mode) & 0o777 if stat.S_ISREG(found.st_mode) else mode
    return OutputPath(path, mode)


class Output:
    """Bytes on their way into a file; `crc` is that of what was written so far."""

    def __init__(
        self, output: OutputLike, *, compression: Compression | None = None, replace: bool = True
    ) -> None:
        self.crc = 0
        pack = packer(compression)  # what cannot be packed opens nothing
        chosen()  # nor does a module in C stop half made with the file open, when a signal comes
        self._opened = _open(output, replace=replace)
        self._file: Any = self._opened.file
        try:
            self._packer = pack(self._opened.file) if pack is not None else None
        except BaseException:
            self._opened.discard()
            raise
        self._file = self._packer or self._opened.file

    def write(self, data: bytes, *, checked: bool = True) -> None:
        """Write; the checksum itself is not `checked`."""
        if checked:
            self.crc = crc64(data, self.crc)
        self._file.write(data)

    def commit(self) -> None:
        """Everything is there: finish the compression and give the file its name."""
        try:
            if self._packer is not None:
                self._packer.close()
            self._opened.commit()
        except BaseException:
            self._opened.discard()
            raise

    def discard(self) -> None:
        """Leave no file behind."""
        self._opened.discard()


@contextmanager
def whole_output(output: OutputLike, *, replace: bool = True) -> Iterator[Any]:
    """A binary file for text or other bytes: there whole when the body is done, not at all when it fails."""
    opened = _open(output, replace=replace)
    try:
        yield opened.file
        opened.commit()
    except BaseException:
        opened.discard()
        raise


class _Opened(Protocol):
    file: Any

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class Whole:
    """A file to which every byte is written, or it is an error; raw files may take less than they are given.

    Errors carry `name`, what the user calls the file. `forget` makes it take everything and keep nothing:
    a compressor that is dropped wants to write its last bytes, after an error too.
    """

    def __init__(self, raw: Writable, name: str | None = None) -> None:
        self.raw: Writable | None = raw
        self._name = name

    def write(self, data: bytes | memoryview, /) -> int:
        """Write all of it. BlockingIOError when a file that does not wait is full."""
        size = len(data)
        if self.raw is None:
            return size
        try:
            taken = self.raw.write(data)
            if taken != size:
                _write_rest(self.raw, flat(data), taken)
        except OSError as error:
            raise named(error, self._name) from error
        return size

    def flush(self) -> None:
        """Hand on what the file holds back."""
        flush = getattr(self.raw, "flush", None)
        if flush is not None:
            with naming(self._name):
                flush()

    def forget(self) -> None:
        """Nothing that comes from now on is written."""
        self.raw = None


def _write_rest(raw: Writable, rest: memoryview, taken: object) -> None:
    """What is left when `taken` is what the first write answered."""
    while rest:
        if taken is None:
            raise BlockingIOError(errno.EAGAIN, "takes nothing and does not wait: its write answered None")
        if not isinstance(taken, int) or not 0 < taken <= len(rest):
            raise OSError(errno.EIO, f"its write answered {taken!r} to {len(rest)} bytes")
        rest = rest[taken:]
        taken = raw.write(rest) if rest else 0


class _Given:
    """A file object of the caller's, who also closes it."""

    def __init__(self, file: Writable) -> None:
        self.file = Whole(file)

    def commit(self) -> None:
        self.file.flush()

    def discard(self) -> None:
        self.file.forget()


class _Elsewhere:
    """A URL."""

    def __init__(self, url: str, *, replace: bool, page: bool) -> None:
        self._remote = open_write(url, replace=replace, page=page)
        self.file = Whole(self._remote, url)
        self._finalizer = weakref.finalize(self, self._remote.discard)

    def commit(self) -> None:
        self._remote.commit()
        self._finalizer.detach()

    def discard(self) -> None:
        self.file.forget()
        self._finalizer()


class _Direct:
    """A pipe, a terminal, /dev/null: what cannot be replaced is written in place."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._opened: IO[bytes] = path.open("wb")
        self.file = Whole(self._opened, name)

    def commit(self) -> None:
        with naming(self._name):
            self._opened.close()

    def discard(self) -> None:
        self.file.forget()
        with suppress(OSError):  # the error that brought us here says more
            self._opened.close()


class _Replaced:
    """A regular file, written under a temporary name in its own directory."""

    def __init__(self, path: Path, name: str, *, replace: bool, mode: int) -> None:
        self._name = name
        self._path = path.resolve()  # what a symbolic link points at is replaced, not the link
        self._replace = replace
        self._scratch = _Scratch(self._path)
        # Arranged before there is a file: wherever an exception or the end of the process comes from.
        self._finalizer = weakref.finalize(self, self._scratch.discard)
        with naming(name):
            self.file = self._scratch.make(mode, name)

    def commit(self) -> None:
        with naming(self._name):
            if not self._replace and os.path.lexists(self._path):
                raise FileExistsError(errno.EEXIST, "exists already")
            self._scratch.rename()
            self._finalizer.detach()
            _sync_folder(self._path.parent)

    def discard(self) -> None:
        self._finalizer()


class _Scratch:
    """The temporary file beside `target`; made, then either finished or discarded."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._process = os.getpid()
        self.path: Path | None = None  # until it is tried to make it
        self._opened: IO[bytes] | None = None
        self._file: Whole | None = None

    def make(self, mode: int, name: str) -> Whole:
        """Create it; for its user alone at first if it is to get the mode and owner of another."""
        try:
            old = self._target.stat()
        except FileNotFoundError:
            old = None
        fd = self._create(mode if old is None else 0o600)
        if old is not None:
            _keep_owner_and_mode(fd, old)
        self._opened = os.fdopen(fd, "wb")
        self._file = Whole(self._opened, name)
        return self._file

    def _create(self, mode: int) -> int:
        # Not tempfile: its files are for their owner only, and a snapshot is read by a server's user.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in _FLAGS)
        start = self._target.name[:NAME_SHOWN]
        for tries in range(_NAME_TRIES):
            self.path = self._target.with_name(f".{start}.{secrets.token_hex(8)}.tmp")
            try:
                return os.open(self.path, flags, mode)
            except FileExistsError:
                self.path = None  # it is not ours to remove
                if tries == _NAME_TRIES - 1:
                    raise
            except FileNotFoundError:
                raise FileNotFoundError(errno.ENOENT, "there is no such folder") from None
        raise AssertionError  # the last try returns or raises

    def rename(self) -> None:
        """Give it the name of the target, once all its bytes are on the disk."""
        assert self._opened is not None  # make() came first
        assert self.path is not None
        self._opened.flush()
        os.fsync(self._opened.fileno())  # the rename must not reach the disk before the bytes
        self._opened.close()
        self.path.replace(self._target)

    def discard(self) -> None:
        """Remove it. Called again, or before it was made, or in a fork, it does nothing."""
        if self._process != os.getpid():
            return
        if self._file is not None:
            self._file.forget()
        if self._opened is not None:
            with suppress(OSError):  # what is held back need not reach a full disk
                self._opened.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _keep_owner_and_mode(fd: int, old: os.stat_result) -> None:
    if not hasattr(os, "fchown"):  # Windows: files have neither
        return
    with suppress(PermissionError):  # only root may give a file away
        os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, stat.S_IMODE(old.st_mode))  # after the owner, whose change takes bits away


def _sync_folder(folder: Path) -> None:
    """The name is on the disk too. Some file systems cannot sync a folder; they keep names their own way."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _open(output: OutputLike, *, replace: bool) -> _Opened:
    if isinstance(output, str | os.PathLike) and scheme_of(os.fspath(output)):
        return _Elsewhere(os.fspath(output), replace=replace, page=getattr(output, "page", False))
    if isinstance(output, str | os.PathLike):
        mode = output.mode if isinstance(output, OutputPath) else NEW_MODE
        name = os.fspath(output)
        with naming(name):
            return _open_path(Path(output), name, replace=replace, mode=mode)
    if not callable(getattr(output, "write", None)):
        raise TypeError(
            f"output is {type(output).__name__}, expected a path or a file opened in binary mode for writing"
        )
    return _Given(output)


def _open_path(path: Path, name: str, *, replace: bool, mode: int) -> _Direct | _Replaced:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return _Replaced(path, name, replace=replace, mode=mode)
    if stat.S_ISREG(kind):
        if not replace:
            raise FileExistsError(errno.EEXIST, "exists already")
        return _Replaced(path, name, replace=replace, mode=mode)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    return _Direct(path, name)
