"""How much memory a snapshot takes in a server: an estimate, and what it is worth.

    bytes_in(profile, Server.of("redis-8.2"))      of a profile that was taken with `memory`, or of several
    model_of(Server.of("redis-8.2"))               of a key: model.total(shapes of it) + model.share()

Bytes are those of `used_memory` after the server has loaded the file, without those of the empty server (1.0
to 1.5 MB), of clients and of replicas, when tables of keys have moved: Valkey 8.0 holds up to half one more
for some seconds. What a release that was measured takes is known to 2%, streams and expiries of fields, which
hang on the order of loading too, to 4%. A release that was not is taken for the one before it,
a service for the release it loads like: `like` says which, and the tolerance is wider.
"""

from __future__ import annotations

import math

from rdbcodec.facts.memory.allocators import DEFAULT, Allocator, allocator_of
from rdbcodec.facts.memory.columns import COLUMNS, Column
from rdbcodec.facts.memory.counted import Memory
from rdbcodec.facts.memory.kinds import (
    CONSUMER,
    EXPIRING,
    GROUP,
    GROUPS,
    OPAQUE,
    PENDING,
    PENDING_ID,
    RADIX,
    REFERENCE,
    SEGMENT,
    STREAM,
    STREAM_NODE,
    TTL_PACKED,
    WINDOW,
    WINDOW_TABLE,
)
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.profile import Profile
from rdbcodec.facts.total import Total
from rdbcodec.formats import RELEASES
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.servers.names import version_key

MEASURED, INDEXED, BETWEEN, ELSEWHERE, UNKNOWN = 0.02, 0.04, 0.05, 0.10, 0.50
_INDEXED = frozenset(
    {STREAM, STREAM_NODE, GROUPS, GROUP, CONSUMER, PENDING, PENDING_ID, RADIX, REFERENCE}
    | {TTL_PACKED, EXPIRING, SEGMENT, WINDOW, WINDOW_TABLE}
)
# What forks are like; nobody of ours has measured one, and Dragonfly is like none.
_FORKS = {
    "keydb": ("redis-6.2", ELSEWHERE),
    "redict": ("redis-7.2", BETWEEN),
    "dragonfly": ("redis-7.2", UNKNOWN),
}


class Estimate(NamedTuple):
    """Bytes of `used_memory` that a snapshot adds to a server, give or take the share `tolerance` of them.

    `server` is the one that was asked for, `like` the measured release it was taken for; `is_measured` says
    that it is this very release. `opaque` are bytes of modules among them, taken as large as on disk.
    """

    bytes: int
    tolerance: float
    server: str
    allocator: str
    like: str
    is_measured: bool
    opaque: int

    @property
    def at_least(self) -> int:
        """The low end."""
        return int(self.bytes * (1 - self.tolerance))

    @property
    def at_most(self) -> int:
        """The high end."""
        return math.ceil(self.bytes * (1 + self.tolerance))


class Match(NamedTuple):
    """The column a server is estimated by, and how much the estimate may be off."""

    column: Column
    tolerance: float

    @property
    def is_measured(self) -> bool:
        """Whether the server is one that was measured."""
        return self.tolerance == MEASURED


def bytes_in(facts: Profile | Total, server: Server, *, allocator: str = DEFAULT) -> Estimate | None:
    """What the files take in a server together; None when nobody counted shapes: see `profile`'s `memory`.

    `allocator` is "jemalloc", "debian" or "libc". Raises EncodeError for another.
    """
    profile = facts.facts if isinstance(facts, Total) else facts
    if profile is None or profile.memory is None:
        return None
    return estimate(profile.memory, server, allocator=allocator)


def estimate(memory: Memory, server: Server, *, allocator: str = DEFAULT) -> Estimate:
    """What was counted, in a server."""
    match, row = match_of(server), allocator_of(allocator)
    model = Model(match.column, row)
    parts = dict.fromkeys((MEASURED, INDEXED, UNKNOWN), 0.0)
    for shape, count in memory.shapes.items():
        parts[_worth(shape[0])] += count * model[shape]
    for tables in memory.databases.values():
        parts[MEASURED] += model.tables(tables.keys, tables.expiring, sized=tables.sized)
    return _estimate(parts, server, match, row)


def _worth(kind: str) -> float:
    """How far off the part of a total may be that is of such shapes."""
    return UNKNOWN if kind == OPAQUE else INDEXED if kind in _INDEXED else MEASURED


def _estimate(parts: dict[float, float], server: Server, match: Match, allocator: Allocator) -> Estimate:
    total = sum(parts.values())
    off = sum(max(worth, match.tolerance) * size for worth, size in parts.items())
    return Estimate(
        bytes=round(total),
        tolerance=round(off / total, 3) if total else match.tolerance,
        server=server.name,
        allocator=allocator.name,
        like=match.column.release,
        is_measured=match.is_measured,
        opaque=round(parts[UNKNOWN]),
    )


def model_of(server: Server, *, allocator: str = DEFAULT) -> Model:
    """What a server takes for each shape."""
    return Model(match_of(server).column, allocator_of(allocator))


def match_of(server: Server) -> Match:
    """The column of a server; of one that is known by its version only, that of the first release with it."""
    release = server.release or _release_of(server)
    product, _, version = release.rpartition("-")
    if product in _FORKS:
        like, tolerance = _FORKS[product]
        return Match(COLUMNS[like], tolerance)
    column = _column_of(product, version_key(version)[:2])
    if server.release is None or server.name != server.release:
        return Match(column, ELSEWHERE)
    return Match(column, MEASURED if _is_of(column, product, version) else BETWEEN)


def _column_of(product: str, version: tuple[int, ...]) -> Column:
    """The newest column of a product that is not newer, or its first; Valkey began as Redis 7.2."""
    own = [(version_key(name.partition("-")[2]), name) for name in COLUMNS if name.startswith(product)]
    older = [name for number, name in own if number <= version]
    if older:
        return COLUMNS[older[-1]]
    return COLUMNS["redis-7.2" if product == "valkey" else own[0][1]]


def _is_of(column: Column, product: str, version: str) -> bool:
    wanted, _, number = column.release.partition("-")
    return wanted == product and version_key(number) == version_key(version)[:2]


def _release_of(server: Server) -> str:
    rows = [row for row in RELEASES if row.dialect == server.dialect and row.accepts >= server.version]
    row = min(rows, key=lambda row: row.accepts, default=RELEASES[-1])
    return f"{row.product.lower()}-{row.release}"
