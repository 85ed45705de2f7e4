"""A URL as something to read from or to write to, whatever it takes."""

from __future__ import annotations

import importlib
import io
from typing import Protocol

from rdbcodec.remote.urls import SERVERS, STORES, WEB, scheme_of


class RemoteFile(Protocol):
    """A source of bytes that lies elsewhere."""

    name: str
    size: int | None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def close(self) -> None:
        """Give it up."""


class RemoteOutput(Protocol):
    """Something that is written elsewhere: there whole after `commit`, not at all after `discard`."""

    name: str

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""

    def commit(self) -> None:
        """Everything is there."""

    def discard(self) -> None:
        """Leave nothing behind."""


def open_read(url: str) -> RemoteFile:
    """The bytes of a URL, to be read once from the front. OSError, which names the URL."""
    scheme = scheme_of(url)
    if scheme in SERVERS:
        # Above this floor, found by its name: what a server gives is written by the writer, among others.
        server: RemoteFile = importlib.import_module(_LIVE).open_server(url)
        return server
    if scheme in WEB:
        from rdbcodec.remote.web import WebFile  # noqa: PLC0415 - urllib takes longer than all of this

        return WebFile(url)
    from rdbcodec.remote.objects import ObjectFile  # noqa: PLC0415

    return _stream(url) or ObjectFile(url)


def _stream(url: str) -> RemoteFile | None:
    """An object of Azure or S3 as one answer, when its credentials are known in a way that allows it."""
    store = STORES.get(scheme_of(url) or "")
    if store == STORES["az"]:
        from rdbcodec.remote.account import open_blob  # noqa: PLC0415

        return open_blob(url)
    if store == STORES["s3"]:
        from rdbcodec.remote.buckets import open_bucket  # noqa: PLC0415

        return open_bucket(url)
    return None


_LIVE = "rdbcodec.live.source"


def open_write(url: str, *, replace: bool, page: bool = False) -> RemoteOutput:
    """An output at a URL; `page` makes a page blob of it, padded to whole pages of 512 bytes."""
    if page or scheme_of(url) in WEB:
        from rdbcodec.remote.blobs import output_of  # noqa: PLC0415

        return output_of(url, replace=replace, page=page)
    from rdbcodec.remote.objects import ObjectOutput  # noqa: PLC0415

    return ObjectOutput(url, replace=replace)


class _Forward(io.RawIOBase):
    """A remote file in the shape of Python's own."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_lines(url: str) -> io.BufferedReader:
    """The same as a file object that has lines."""
    return io.BufferedReader(_Forward(open_read(url)), 1 << 20)
