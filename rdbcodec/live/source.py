"""A server as a source: what is read where a FILE is `redis://...`.

    rdbcodec.stat("redis://localhost")
    rdbcodec.open("rediss://alice:password@shop.example:6380")

It passes by once. Which way its data comes is logged by `rdbcodec.live.source` (INFO): the command line shows
that on stderr.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rdbcodec.live.connect import Live, Node, connect
from rdbcodec.live.errors import LiveError
from rdbcodec.live.fetch import Fetched, fetch, tell_of_databases
from rdbcodec.live.replication import Replication, is_forbidden
from rdbcodec.live.scanning import Scan
from rdbcodec.remote.opening import RemoteFile

log = logging.getLogger(__name__)

ONE_MOMENT = "by replication, all data of one moment"
EACH_MOMENT = "by replication, each node's data of one moment"
NO_MOMENT = "key by key (SCAN), of no single moment"


def open_server(url: str) -> RemoteFile:
    """A snapshot of a server, or of all primaries of a cluster, as it is now. LiveError, an OSError."""
    live = connect(url)
    try:
        return _opened(live, url)
    except BaseException:
        live.close()
        raise


def _opened(live: Live, url: str) -> RemoteFile:
    if live.is_cluster:
        with closing(live):
            return _Spooled(live, url)
    tell_of_databases(live)
    try:
        stream = Replication(live, Node())
    except LiveError as error:
        if not is_forbidden(error):
            raise
        log.info("%s: %s: %s: %s", live.url, live.identity, error.strerror, NO_MOMENT)
        return _Scanned(live)
    log.info("%s: %s: %s", live.url, live.identity, ONE_MOMENT)
    live.close()
    return stream


class _Scanned:
    """Key by key, as fast as it is read."""

    size: int | None = None

    def __init__(self, live: Live) -> None:
        self.name = live.url
        self._live = live
        self._taken: list[bytes] = []
        self._held = b""
        self._steps: Iterator[None] = Scan(live).steps(self)

    def write(self, data: bytes | memoryview, /) -> int:
        """What the writer of the snapshot gives."""
        self._taken.append(bytes(data))
        return len(data)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        while not self._held and not self._taken:
            try:
                next(self._steps)
            except StopIteration:
                break
        if not self._held:
            self._held = b"".join(self._taken)
            self._taken.clear()
        data, self._held = self._held[:size], self._held[size:]
        return data

    def close(self) -> None:
        """Give it up."""
        close: Any = getattr(self._steps, "close")  # noqa: B009 - of a generator
        close()
        self._live.close()


class _Spooled:
    """A cluster: each node's data is fetched before the first byte is read, and waits in a temporary file."""

    def __init__(self, live: Live, url: str) -> None:
        self.name = live.url
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - close() is the source's
        try:
            told(fetch(url, self._file))
        except BaseException:
            self._file.close()
            raise
        self.size: int | None = self._file.tell()
        self._file.seek(0)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        return self._file.read(size)

    def close(self) -> None:
        """Remove it."""
        self._file.close()


class Spool:
    """A server's snapshot in a temporary file, for who must read it more than once; `close` removes it.

    So does the end of the process.
    """

    def __init__(self, url: str) -> None:
        folder = tempfile.mkdtemp(prefix="rdbcodec-")
        self.close = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = str(Path(folder) / "server.rdb")
        self.found = told(fetch(url, self.path))


def told(found: Fetched) -> Fetched:
    """Log which way it came."""
    way = EACH_MOMENT if found.identity.is_cluster else ONE_MOMENT
    if found.method == "scan":
        way = f"{found.reason}: {NO_MOMENT}"
    log.info("%s: %s: %s", found.url, found.identity, way)
    return found
