"""What the keys of each prefix take: a tree of names, with identifiers folded to `*`.

    with prefixes("dump.rdb", "redis-8.2", depth=3) as found:
        for name, usage in found.rows(): ...            every prefix in the order of the names
        largest = found.largest(20)                     those that take the most, and what all others take
        root = found.tree(nodes=1000)                   as a tree of so many nodes, its totals exact

Every key is of one prefix: the first `depth` parts of its name (see `folding`). Memory is that of a server,
and of the keys that it loads, as `stat` tells it. However many prefixes there are, they take no more of ours:
further ones wait in a temporary file (see `sums`), and no total is ever rounded or left out.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from rdbcodec.facts.amounts import TYPE_BITS, Usage
from rdbcodec.facts.folding import DEPTH, SEPARATORS, Folding
from rdbcodec.facts.loaded import Loaded, LoadedPart, LoadedPass, OfLoaded
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import Measured
from rdbcodec.facts.passes import Progress, run_over
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.sums import Sums
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import Source
from rdbcodec.servers import Server

MEASURES = ("memory", "disk", "keys", "elements", "never")
NODES = 1000  # of a tree, when nobody says


@dataclass(slots=True)
class Node:
    """A prefix in the tree: its name from the root on, all keys below it, its largest children first.

    `hidden` is how many of its children the tree has no room for; `rest` what is of none of `children`.
    """

    name: bytes
    part: bytes
    usage: Usage
    children: list[Node] = field(default_factory=list)
    hidden: int = 0

    @property
    def rest(self) -> Usage:
        """The keys of hidden children, and of the prefix itself."""
        shown = Usage()
        for child in self.children:
            shown.take(child.usage)
        return self.usage.less(shown)


_FEW = 4  # keys of a prefix
_Kept = tuple[float, int, bytes, Usage, int]  # measure, level below the root, name, usage, children


class Largest(NamedTuple):
    """The prefixes that take the most, and those that are not among them: how many, and all they take."""

    rows: list[tuple[bytes, Usage]]
    others: int
    rest: Usage


class PrefixSums:
    """Adds up keys by prefix; `sums` are those of each, without tables."""

    def __init__(self, folding: Folding) -> None:
        self.folding = folding
        self.sums = Sums()
        self._types: dict[int, int] = {}

    def add(self, keys: Measured) -> None:
        """Keys of one database. All keys of a snapshot come this way: a usage is added to in place."""
        names = self.names(keys)
        if not are_few(names):
            self.add_singly(names, keys)
            return
        for name, of_name in keys.by(names):
            usage = self.sums.of(name)
            usage.add_all(of_name)
            codes = of_name.codes
            for code in {*codes}:
                usage.types |= self._types.get(code) or self._type(of_name, code, codes.index(code))

    def names(self, keys: Measured) -> list[bytes]:
        """The prefix of each."""
        return self.folding.patterns(keys.names)

    def add_singly(self, names: list[bytes], keys: Measured) -> None:
        """Keys of which hardly two have the same prefix."""
        held, of, types = self.sums.held, self.sums.of, self._types
        columns = zip(names, keys.codes, keys.memory, keys.disk, keys.elements, keys.times, strict=True)
        for place, (name, code, memory, disk, elements, at) in enumerate(columns):
            usage = held.get(name) or of(name)
            usage.keys += 1
            usage.memory += memory
            usage.disk += disk
            if elements:
                usage.elements += elements
            if at is not None:
                usage.expiring += 1
            usage.types |= types.get(code) or self._type(keys, code, place)

    def _type(self, keys: Measured, code: int, place: int) -> int:
        bit = self._types[code] = TYPE_BITS[keys.entry(place).type]
        return bit

    def close(self) -> None:
        """Give up the file of a reading that ended in an error."""
        self.sums.close()


def are_few(names: Sequence[bytes]) -> bool:
    """Whether so many keys have one prefix that it is worth while to look at those together."""
    return len(set(names)) <= len(names) // _FEW


class Prefixes(OfLoaded):
    """The prefixes of a snapshot, and all that a server loads of it. Close it, or use it in `with`.

    It can be pickled, and unpickled once: see `Sums`.
    """

    def __init__(self, loaded: Loaded, sums: PrefixSums) -> None:
        self.loaded = loaded
        self.separators = sums.folding.separators
        self.depth = sums.folding.depth
        self.sums = sums.sums

    def rows(self) -> Iterator[tuple[bytes, Usage]]:
        """Every prefix and its usage, in the order of the names."""
        shares = self.loaded.shares
        for name, usage in self.sums.rows():
            yield name, shares.added(usage)

    def largest(self, wanted: int, *, by: str = "memory", least: float = 0.0) -> Largest:
        """The prefixes with the most of a measure, one of MEASURES, and with `least` of it at least."""
        kept: list[tuple[float, int, bytes, Usage]] = []
        others, rest, shares = 0, Usage(), self.loaded.shares
        size_of = shares.memory if by == "memory" else attrgetter(by)
        for at, (name, usage) in enumerate(self.sums.rows()):
            item = (size_of(usage), -at, name, usage)
            if item[0] >= least and len(kept) < wanted:
                heapq.heappush(kept, item)
                continue
            if item[0] >= least and wanted:
                item = heapq.heappushpop(kept, item)
            others += 1
            rest.take(item[3])
        kept.sort(key=lambda item: item[:2], reverse=True)
        return Largest(
            [(name, shares.added(usage)) for _, _, name, usage in kept], others, shares.added(rest)
        )

    def tree(
        self, *, nodes: int = NODES, by: str = "memory", least: float = 0.0, joined: bool = False
    ) -> Node:
        """The prefixes as a tree, with the `nodes` that have the most of a measure; the root has no name.

        With `joined` a prefix all of whose keys go on with the same part is one node with that.
        """
        kept: list[_Kept] = []
        for level, name, usage, children, alone in self._closed():
            item = (getattr(usage, by), -level, name, usage, children)
            if level and (item[0] < least or (joined and alone)):
                continue
            if len(kept) <= nodes:
                heapq.heappush(kept, item)
            else:  # no parent goes before its children: it has as much as each, and is less deep
                heapq.heappushpop(kept, item)
        return self._grown(kept, by)

    def _grown(self, kept: list[_Kept], by: str) -> Node:
        """The nodes, each below the nearest one that its name goes on from."""
        folding = Folding(self.separators, self.depth)
        root = Node(b"", b"", Usage())
        found: dict[tuple[int, bytes], Node] = {}
        for _, depth, name, usage, children in sorted(kept, key=lambda item: -item[1]):
            if not depth:
                root = found[0, b""] = Node(b"", b"", usage, hidden=children)
                continue
            parent, stem = root, b""
            for level, part in enumerate(folding.parts(name), start=1):
                stem += part
                parent = found.get((level, stem), parent)
            node = found[-depth, name] = Node(name, name[len(parent.name) :], usage, hidden=children)
            parent.children.append(node)
            parent.hidden -= 1
        for node in found.values():
            node.children.sort(key=lambda child: (-getattr(child.usage, by), child.name))
        return root

    def _closed(self) -> Iterator[tuple[int, bytes, Usage, int, bool]]:
        """Each node of the whole tree behind those below it: level, name, usage, how many children.

        And whether a single child has all of its keys.
        """
        folding = Folding(self.separators, self.depth)
        ends = tuple(sign.encode() for sign in self.separators)
        open_: list[_Open] = [_Open(b"")]
        for name, usage in self.rows():
            while not name.startswith(open_[-1].name) or (len(open_) > 1 and not open_[-1].is_open):
                yield _close(open_)
            for part in folding.parts(name[len(open_[-1].name) :]):
                open_.append(_Open(open_[-1].name + part, part.endswith(ends)))
            open_[-1].usage.take(usage)
        while len(open_) > 1:
            yield _close(open_)
        root = open_[0]
        yield 0, b"", root.usage, root.children, False

    def merge(self, other: Prefixes) -> Prefixes:
        """Those of both, in the first of them; what the other holds is given up."""
        self.loaded = self.loaded.merge(other.loaded)
        self.sums.take(other.sums)
        other.close()
        return self

    def close(self) -> None:
        """Give up the temporary file."""
        self.sums.close()


class _Open:
    """A node that more keys may come below."""

    __slots__ = ("children", "is_open", "last", "name", "usage")

    def __init__(self, name: bytes, is_open: bool = True) -> None:
        self.name = name
        self.is_open = is_open
        self.usage = Usage()
        self.children = 0
        self.last = 0  # keys of the child that was closed last


def _close(open_: list[_Open]) -> tuple[int, bytes, Usage, int, bool]:
    done = open_.pop()
    parent = open_[-1]
    parent.usage.take(done.usage)
    parent.children += 1
    parent.last = done.usage.keys
    alone = done.children == 1 and done.last == done.usage.keys
    return len(open_), done.name, done.usage, done.children, alone


class PrefixPass(LoadedPass[Prefixes]):
    """Adds up the keys of each prefix; those whose time was up at `now_ms` are counted apart."""

    def __init__(
        self,
        server: Server | None = None,
        *,
        now_ms: int,
        separators: str = SEPARATORS,
        depth: int = DEPTH,
        allocator: str = DEFAULT,
        selection: Selection | None = None,
    ) -> None:
        super().__init__(server, now_ms=now_ms, allocator=allocator, selection=selection)
        self._folding = Folding(separators, depth)
        self._sums = PrefixSums(self._folding)

    def count(self, keys: Measured) -> None:
        """More keys."""
        self._sums.add(keys)

    def fork_for(self, server: Server) -> PrefixPass:
        """By the same parts of names."""
        separators, depth = self._folding.separators, self._folding.depth
        how: dict[str, Any] = {"separators": separators, "depth": depth, "allocator": self.allocator}
        return PrefixPass(server, now_ms=self.now_ms, **how)

    def part(self) -> LoadedPart:
        """The sums, whose file goes with them."""
        return LoadedPart(self.loaded, self._sums.sums)

    def join_counted(self, counted: Sums) -> None:
        """The keys of both."""
        self._sums.sums.take(counted)
        counted.close()

    def end(self) -> Prefixes:
        """The totals, whose file is theirs from now on."""
        found = Prefixes(self.loaded, self._sums)
        self._sums = PrefixSums(self._folding)
        return found

    def close(self) -> None:
        """Give up the file of a reading that ended in an error."""
        self._sums.close()


def prefixes(
    source: Source | Reader,
    server: Server | str | None = None,
    *,
    separators: str = SEPARATORS,
    depth: int = DEPTH,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    now_ms: int | None = None,
    progress: Progress | None = None,
) -> Prefixes:
    """What the keys of each prefix take, in one reading; close it in the end.

    `server` is by default the one that wrote the file. Raises what opening and reading raise, EncodeError
    for a server or an allocator nobody knows, ValueError for separators or a depth that are none.
    """
    each = PrefixPass(
        None if server is None else Server.of(server),
        now_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        separators=separators,
        depth=depth,
        allocator=allocator,
        selection=selection,
    )
    return run_over(source, each, progress=progress)
