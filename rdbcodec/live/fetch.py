"""A snapshot of a server that runs: `rdbcodec.fetch`.

    found = rdbcodec.fetch("redis://localhost", "dump.rdb")
    found.method      "replication": all data of one moment, or "scan": key by key (see scanning)

A cluster gives one file of all its primaries, or one for each: "dump-{node}.rdb". Each of them has a moment
of its own.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from rdbcodec.facts.scan import ScanProgress
from rdbcodec.limits import COPIED_VALUE, COUNTED_VALUE
from rdbcodec.live.address import Options
from rdbcodec.live.connect import Live, Node, connect
from rdbcodec.live.errors import LiveError, live_error
from rdbcodec.live.identity import Identity
from rdbcodec.live.replication import Replication, is_forbidden
from rdbcodec.live.scanning import Scan, Scanned
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.records import Entry
from rdbcodec.showing import masked
from rdbcodec.tools.merge import merge
from rdbcodec.writing.output import Output, OutputLike, OutputPath
from rdbcodec.writing.packing import Compression

Method = Literal["auto", "replication", "scan"]
NODE = "{node}"  # in an output's name: one file for each primary of a cluster
TICK = 0x3FF  # keys between two calls of a progress, less one

log = logging.getLogger(__name__)


@dataclass
class Fetched:
    """What was fetched: `method`, and in `reason` why it was not replication; files with their keys.

    `scanned` is the account of the scan method: keys that went meanwhile, and what its user may not ask for.
    """

    url: str
    identity: Identity
    method: str
    reason: str | None = None
    files: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    scanned: Scanned | None = None

    @property
    def keys(self) -> int:
        """Of all files."""
        return sum(self.files.values())


def fetch(
    url: str,
    output: OutputLike,
    *,
    options: Options | None = None,
    method: Method = "auto",
    compression: Compression | None = None,
    replace: bool = True,
    progress: ScanProgress | None = None,
) -> Fetched:
    """Write a snapshot of all databases of a running server, or of a cluster's primaries.

    `method` "replication" asks for the stream that replicas get, as `redis-cli --rdb` does; "scan" for each
    key, and promises less (rdbcodec.live.scanning); "auto" does the second where the first is forbidden or
    unknown. Bytes are verified while they come, checksum and structure. `options` are passwords,
    certificates and times. An `output` with {node} in its name is one file for each primary of a cluster,
    all of them or none. `progress` is called with bytes, bytes there will be (None: not known) and keys;
    what it raises ends it all. Raises LiveError, an OSError, for what goes wrong between here and the server.
    """
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}, expected {', '.join(get_args(Method))}")
    with connect(url, options) as live:
        tell_of_databases(live)
        job = _Job(live, compression, replace, progress)
        if method != "scan":
            try:
                return job.replicated(output)
            except _Forbidden as error:
                if method == "replication":
                    raise error.why from None
                job.found.reason = error.why.strerror
        return job.scanned(output)


def tell_of_databases(live: Live) -> None:
    """A database in the URL is where a client begins, and no choice of what is fetched."""
    if live.database:
        log.info("%s: every database is in it, not %d alone", live.url, live.database)


class _Forbidden(Exception):
    """The server gives no replication stream."""

    def __init__(self, why: LiveError) -> None:
        super().__init__(why)
        self.why = why


def _stream_of(live: Live, node: Node) -> Replication:
    try:
        return Replication(live, node)
    except LiveError as error:
        if is_forbidden(error):
            raise _Forbidden(error) from error
        raise


class _Job:
    """One fetch."""

    def __init__(
        self, live: Live, compression: Compression | None, replace: bool, progress: ScanProgress | None
    ) -> None:
        self.live = live
        self.found = Fetched(live.url, live.identity, "replication")
        self._file: dict[str, Any] = {"compression": compression, "replace": replace}
        self._progress = progress

    def replicated(self, output: OutputLike) -> Fetched:
        """By the replication stream."""
        nodes = self.live.primaries()
        if NODE in _path(output) or not self.live.is_cluster:
            outputs = [(node, _named(output, node)) for node in nodes]
            self._each(outputs, **self._file)
        else:
            self._merged(nodes, output)
        if self.live.primaries() != nodes:
            words = "slots moved from node to node while it was fetched: the files may lack keys"
            raise live_error(self.live.url, words)
        return self.found

    def _each(self, outputs: list[tuple[Node, OutputLike]], **file: Any) -> None:
        """A file for each node; none of them has its name before all are whole."""
        with ExitStack() as stack:
            opened = []
            for node, output in outputs:
                out = Output(output, **file)  # where it cannot be written, no server need save anything
                stack.callback(out.discard)
                opened.append(out)
                with closing(_stream_of(self.live, node)) as stream:
                    self.found.files[_shown(output)] = self._copied(stream, out)
            for out in opened:
                out.commit()
            stack.pop_all()

    def _copied(self, stream: Replication, out: Output) -> int:
        """Write a stream, and read it; the keys."""
        tee = _Tee(stream, out)
        keys = 0
        with Reader(tee, max_value=COUNTED_VALUE) as reader:
            for record in reader:
                if isinstance(record, Entry):
                    keys += 1
                    if not keys & TICK:
                        self._tell(tee, self.found.keys + keys)
        if tee.read(1) or tee.position != reader.ended_at:
            raise live_error(stream.name, "more bytes follow the end of the snapshot")
        self.found.bytes += tee.position
        self._tell(None, self.found.keys + keys)
        return keys

    def _tell(self, tee: _Tee | None, keys: int) -> None:
        if self._progress is not None:
            done = self.found.bytes + (tee.position if tee else 0)
            self._progress(done, tee.size if tee else None, keys)

    def _merged(self, nodes: tuple[Node, ...], output: OutputLike) -> None:
        """One file of all nodes, each of which is fetched to a temporary one first."""
        with tempfile.TemporaryDirectory(prefix="rdbcodec-fetch-") as folder:
            paths = {str(node): Path(folder) / f"{at}.rdb" for at, node in enumerate(nodes)}
            self._each([(node, paths[str(node)]) for node in nodes])
            self.found.files.clear()
            done = merge([(name, _opener(path)) for name, path in paths.items()], output, **self._file)
        self.found.files[_shown(output)] = done.keys

    def scanned(self, output: OutputLike) -> Fetched:
        """Key by key."""
        if NODE in _path(output) and self.live.is_cluster:
            words = f"{NODE} in the name of the output needs replication: this method writes one file"
            raise live_error(self.live.url, words)
        output = _named(output, Node())
        scan = Scan(self.live)
        for _ in scan.steps(output, **self._file):
            if self._progress is not None and not scan.found.keys & TICK:
                self._progress(scan.bytes, None, scan.found.keys)
        self.found.method, self.found.scanned, self.found.bytes = "scan", scan.found, scan.bytes
        self.found.files = {_shown(output): scan.found.keys}
        return self.found


class _Tee:
    """A stream that is written while it is read."""

    def __init__(self, stream: Replication, out: Output) -> None:
        self._stream = stream
        self._out = out
        self.name = stream.name
        self.size = stream.size

    @property
    def position(self) -> int:
        """Bytes that came so far."""
        return self._stream.position

    def read(self, size: int, /) -> bytes:
        """What the stream gives; it is written already."""
        data = self._stream.read(size)
        self._out.write(data, checked=False)
        return data


def _path(output: OutputLike) -> str:
    return os.fspath(output) if isinstance(output, str | os.PathLike) else ""


def _named(output: OutputLike, node: Node) -> OutputLike:
    """The output for a node; a server alone has its own name in it."""
    path = _path(output)
    if NODE not in path:
        return output
    name = f"{node.host}-{node.port}".replace(":", ".") if node.host else "server"
    path = path.replace(NODE, name)
    return OutputPath(path, output.mode, page=output.page) if isinstance(output, OutputPath) else path


def _shown(output: OutputLike) -> str:
    return masked(_path(output)) or "the output"


def _opener(path: Path) -> Callable[[], Reader]:
    return lambda: open_snapshot(path, max_value=COPIED_VALUE)
