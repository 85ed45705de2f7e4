"""Which servers load a snapshot: what `inspect` shows in one line, by the same tables as the verdicts.

A server is asked nothing here: no modules may be loaded into it, and none of its settings count.
"""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.facts.profile import Profile
from rdbcodec.formats import RELEASES, ReleaseRow, releases_of
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.servers.names import of_release

BUILT_IN = frozenset(name for row in RELEASES for name in row.modules)  # nobody loads these: they are there
PRODUCTS = ("Redis", "Valkey")  # whose releases are named; a vendor's own types load in its servers only


class Span(NamedTuple):
    """Releases of a product that load the file: from `since` on, up to `until` where a later one does not."""

    product: str
    since: str
    until: str | None

    def words(self) -> str:
        """For a person: "Redis 7.0 and later", "Redis 7.0 only"."""
        if self.until is None:
            return f"{self.product} {self.since} and later"
        if self.until == self.since:
            return f"{self.product} {self.since} only"
        return f"{self.product} {self.since} to {self.until}"


def loading_releases(facts: Profile, headers: Iterable[tuple[bytes, int]] | None = None) -> list[Span]:
    """For each product the releases that accept the header and know every type and opcode in the file.

    Configuration (number of databases, memory, cluster mode) is not looked at, nor modules that can be
    loaded. Empty when no release in the table does. For several files whose facts were merged, `headers`
    are the magic and the version of each.
    """
    known = [(facts.magic, facts.version)] if headers is None else list(headers)
    spans = []
    for product in PRODUCTS:
        rows = releases_of(product)
        loads = [_loads(facts, known, Server.reading(of_release(row, row.release))) for row in rows]
        if any(loads):
            spans.append(_span(rows, loads))
    return spans


def _span(rows: list[ReleaseRow], loads: list[bool]) -> Span:
    """The newest stretch of releases without a gap."""
    last = len(loads) - 1 - loads[::-1].index(True)
    first = last
    while first and loads[first - 1]:
        first -= 1
    until = None if last == len(rows) - 1 else rows[last].release
    return Span(rows[0].product, rows[first].release, until)


def _loads(facts: Profile, headers: list[tuple[bytes, int]], loader: Server) -> bool:
    for magic, version in headers:
        if not loader.reads_header(own_magic=magic.startswith(b"VALKEY"), version=version):
            return False
    kinds = {kind.row.name for kind in facts.kinds.values()}
    built_in = {module.name for module in facts.modules.values()} & BUILT_IN
    knows = kinds <= loader.types.keys() and facts.codes() <= loader.opcodes.keys()
    return knows and built_in <= (loader.modules or frozenset())
