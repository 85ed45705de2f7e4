"""To a server by its URL: the connection, what is there, and the nodes when it is a cluster.

    with connect("redis://localhost") as live:
        live.identity.server            what it reads and writes
        live.link.call("PING")
        for node in live.primaries():   a server alone is a cluster of one
            with live.link_to(node) as link: ...

A server that says cluster_enabled:1 is a cluster, unless `Options.one_node` takes it for itself. A cluster is
asked by any of its nodes; which nodes there are is what CLUSTER SLOTS says.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rdbcodec.live.address import Options, parts_of, without_password
from rdbcodec.live.errors import live_error
from rdbcodec.live.identity import Identity, identity_of
from rdbcodec.live.link import Link

if TYPE_CHECKING:
    from typing_extensions import Self

SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Node:
    """A primary and the slots it serves, each first and last; `host` is None for a server alone."""

    host: str | None = None
    port: int | None = None
    id: str | None = None
    slots: tuple[tuple[int, int], ...] = ((0, SLOTS - 1),)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else "the server"


class Live:
    """A server that was reached; `url` is its URL as it may be shown, `link` a connection to it."""

    def __init__(self, url: str, options: Options) -> None:
        self.url = without_password(url)
        self.options = options
        self._keywords = _keywords(getattr(url, "full", url), self.url, options)
        self.link = Link(self.url, self._keywords)
        try:
            self.identity: Identity = identity_of(self.link, self._keywords.get("host"))
            _refuse_sentinel(self.url, self.identity)
        except BaseException:
            self.link.close()
            raise

    @property
    def is_cluster(self) -> bool:
        """Whether it is taken as a whole cluster."""
        return self.identity.is_cluster and not self.options.one_node

    @property
    def database(self) -> int | None:
        """The database that the URL names, if it names one."""
        return self._keywords.get("db")

    def primaries(self) -> tuple[Node, ...]:
        """The primaries of a cluster in the order of their slots; of a server alone, that one.

        LiveError when slots have no node: the data would not be whole.
        """
        if not self.is_cluster:
            return (Node(),)
        nodes = nodes_of(self.link.call("CLUSTER", "SLOTS"), self._keywords.get("host"))
        missing = SLOTS - sum(last - first + 1 for node in nodes for first, last in node.slots)
        if missing:
            raise live_error(self.url, f"{missing} slots of the cluster have no node: its data is not whole")
        return nodes

    def link_to(self, node: Node | None = None, *, db: int | None = None) -> Link:
        """A further connection: to a node, and to a database."""
        place = {"host": node.host, "port": node.port} if node is not None and node.host else {}
        database = {} if db is None else {"db": db}
        url = self.url if not place else f"{self.url.partition('://')[0]}://{node}"
        return Link(url, {**self._keywords, **place, **database})

    def close(self) -> None:
        """Give it up."""
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(url: str, options: Options | None = None) -> Live:
    """Reach a server. LiveError, an OSError, says why not; its texts hold no password."""
    return Live(url, options or Options())


def _refuse_sentinel(url: str, identity: Identity) -> None:
    if identity.role == "sentinel":
        words = "this is a Sentinel, which has no data: its SENTINEL GET-MASTER-ADDR-BY-NAME says who has it"
        raise live_error(url, words, errno.EINVAL)


def nodes_of(answer: Iterable[Any], host: str | None) -> tuple[Node, ...]:
    """The primaries that CLUSTER SLOTS names: first, last, [host, port, id], replicas.

    A node that does not know its own name gives none: it is the one that was asked.
    """
    slots: dict[tuple[str, int, str], list[tuple[int, int]]] = {}
    for first, last, primary, *_ in sorted(answer, key=lambda row: int(row[0])):
        name = primary[0].decode() if primary[0] and primary[0] != b"?" else host or "localhost"
        key = (name, int(primary[1]), primary[2].decode() if len(primary) > 2 else "")
        slots.setdefault(key, []).append((int(first), int(last)))
    return tuple(Node(*key, slots=tuple(ranges)) for key, ranges in slots.items())


def _keywords(url: str, shown: str, options: Options) -> dict[str, Any]:
    """For redis-py's connection: what the URL says, and the options, which count before it."""
    try:
        import redis.connection  # noqa: PLC0415 - optional
    except ImportError:
        words = "servers need the extra live: pip install 'rdbcodec[live]'"
        raise live_error(shown, words, errno.ENOSYS) from None
    times = {"socket_timeout": options.timeout, "socket_connect_timeout": options.connect_timeout}
    said = options.keywords()
    parts = parts_of(url)
    kind = parts.setdefault("connection_class", redis.connection.Connection)
    if kind is not redis.connection.SSLConnection and any(
        name.startswith("ssl_") for name in {**parts, **said}
    ):
        raise live_error(shown, "certificates are for rediss:// URLs", errno.EINVAL)
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        path = {**parts, **said}.get(name)
        if path is not None and not os.path.exists(path):  # noqa: PTH110 - as the user wrote it
            raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
    if kind is redis.connection.UnixDomainSocketConnection:
        times.pop("socket_connect_timeout")
    return {**times, **parts, **said}
