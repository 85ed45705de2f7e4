"""The largest keys of a snapshot, by memory, bytes on disk, elements, the longest element; or by their use.

    top("dump.rdb", 10, order="memory", server=Server.of("redis-8.2"))

Memory is that of a server, by its model (`facts.memory`), with the key's share of the tables of a database.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import EntryPass, Measured
from rdbcodec.facts.passes import Progress, run_over
from rdbcodec.facts.selection import Selection
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry
from rdbcodec.servers import Server
from rdbcodec.showing import kept_key

ORDERS = ("memory", "disk", "elements", "largest-element", "idle", "freq")
USES = ("idle", "freq")  # of these a server writes one, by its policy of eviction, or none


@dataclass(slots=True)
class KeySize:
    """A key and how large it is; None is what its headers do not tell.

    `elements` of a string are 1, `largest` is the length of its text; `key` is a CutKey when it is long.
    `idle` are seconds since it was used, `freq` is a counter, logarithmic and up to 255. `file` is what
    the pass was told.
    """

    db: int
    key: bytes
    type: str
    encoding: str
    memory: int
    disk: int
    elements: int | None
    largest: int | None
    expires_at_ms: int | None
    offset: int
    idle: int | None = None
    freq: int | None = None
    file: str | None = None


class LargestKeys(list[KeySize]):
    """The `wanted` keys with the most of `order`, of all that were `seen` in so many `files`."""

    def __init__(
        self,
        keys: Iterable[KeySize],
        *,
        order: str,
        wanted: int,
        servers: Sequence[Server],
        allocator: str,
        seen: int = 0,
        files: int = 1,
    ) -> None:
        super().__init__(keys)
        self.seen = seen
        self.files = files
        self.order = order
        self.wanted = wanted
        self.servers = list(servers)
        self.allocator = allocator

    def merge(self, other: LargestKeys) -> LargestKeys:
        """The largest of both; of equal ones those of the first."""
        keys = sorted([*self, *other], key=lambda key: _size_of(key, self.order), reverse=True)
        names = {server.name for server in self.servers}
        servers = [*self.servers, *(server for server in other.servers if server.name not in names)]
        return LargestKeys(
            keys[: self.wanted],
            order=self.order,
            wanted=self.wanted,
            servers=servers,
            allocator=self.allocator,
            seen=self.seen + other.seen,
            files=self.files + other.files,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (list(self), vars(self))


def _made(keys: list[KeySize], told: dict[str, Any]) -> LargestKeys:
    return LargestKeys(keys, **told)


def _size_of(key: KeySize, order: str) -> tuple[int, int]:
    """What the order looks at; of keys used alike the larger ones come first."""
    if order in USES:
        return (key.idle if order == "idle" else key.freq) or 0, key.memory
    told = {"memory": key.memory, "disk": key.disk, "elements": key.elements}
    return told.get(order, key.largest) or 0, 0


class TopPass(EntryPass[LargestKeys]):
    """Keeps `wanted` of the largest keys by `order`, one of ORDERS."""

    def __init__(
        self,
        server: Server | None = None,
        *,
        wanted: int = 10,
        order: str = "memory",
        allocator: str = DEFAULT,
        selection: Selection | None = None,
        file: str | None = None,
    ) -> None:
        super().__init__(server, allocator=allocator, selection=selection)
        self._file = file
        self._wanted = wanted
        if order not in ORDERS:
            raise ValueError(f"{order!r} is none of {', '.join(ORDERS)}")
        self._order = order
        self._seen = 0
        self._kept: list[tuple[Any, int, KeySize]] = []

    def measured(self, keys: Measured) -> None:
        """Keep those that are among the largest so far; most are not, and not looked at further."""
        self._seen += len(keys)
        kept, wanted = self._kept, self._wanted
        if not wanted:
            return
        for at, size in enumerate(self._sizes(keys)):
            if size is None or (len(kept) == wanted and size <= kept[0][0]):
                continue
            key = self.sized(keys, at)
            item = (size, -key.offset, key)
            if len(kept) < wanted:
                heapq.heappush(kept, item)
            else:
                heapq.heapreplace(kept, item)

    def _sizes(self, keys: Measured) -> Sequence[Any]:
        """What the order looks at, of each; None for a key that does not tell."""
        order = self._order
        if order in USES:
            if keys.expiries is None:
                return [None] * len(keys)
            uses = [entry.idle if order == "idle" else entry.freq for entry in keys.entries]
            return [None if use is None else (use, size) for use, size in zip(uses, keys.memory, strict=True)]
        if order == "memory":
            return keys.memory
        if order == "disk":
            return keys.disk
        if order == "elements":
            return [elements or 0 for elements in keys.elements]
        if keys.longest is not None:
            return [keys.longest]
        return [largest_of(entry) or 0 for entry in keys.entries]

    def sized(self, keys: Measured, at: int) -> KeySize:
        """What is told of one of the keys."""
        entry, model = keys.entry(at), self.model
        expiry = entry.expires_at_ms
        share = model.share() + (0 if expiry is None else model.expiry_share())
        return KeySize(
            db=entry.db,
            key=kept_key(entry.key),
            type=entry.type,
            encoding=entry.encoding,
            memory=round(keys.memory[at] + share),
            disk=keys.disk[at],
            elements=keys.elements[at],
            largest=largest_of(entry) if keys.longest is None else keys.longest,
            expires_at_ms=expiry,
            offset=entry.offset,
            idle=entry.idle,
            freq=entry.freq,
            file=self._file,
        )

    def fork_for(self, server: Server) -> TopPass | None:
        """As many by the same order."""
        return TopPass(
            server, wanted=self._wanted, order=self._order, allocator=self.allocator, file=self._file
        )

    def part(self) -> tuple[int, list[tuple[Any, int, KeySize]]]:
        """How many keys there were, and the largest, with what the order looks at."""
        return self._seen, self._kept

    def join(self, part: tuple[int, list[tuple[Any, int, KeySize]]]) -> None:
        """The largest of both; of equal ones the first in the file."""
        seen, kept = part
        self._seen += seen
        self._kept = heapq.nlargest(self._wanted, self._kept + kept, key=lambda item: item[:2])[::-1]

    def end(self) -> LargestKeys:
        """The keys, the largest first."""
        kept = sorted(self._kept, key=lambda item: item[:2], reverse=True)
        return LargestKeys(
            [key for *_, key in kept],
            order=self._order,
            wanted=self._wanted,
            servers=[self.meant],
            allocator=self.allocator,
            seen=self._seen,
        )


class EveryPass(TopPass):
    """Hands each key to `sink` as it comes, and keeps none."""

    def __init__(
        self, sink: Callable[[KeySize], object], server: Server | None = None, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._sink = sink

    def measured(self, keys: Measured) -> None:
        """Every one is told."""
        self._seen += len(keys)
        for at in range(len(keys)):
            self._sink(self.sized(keys, at))

    def fork_for(self, server: Server) -> None:
        """They are told in the order of the file."""


def largest_of(entry: Entry) -> int | None:
    """Bytes of the longest element; of a string, its own. None for what passed by, or has none."""
    if entry.is_large:
        return None
    longest = 0
    try:
        for batch in entry.items():
            for element in batch:
                parts = element if isinstance(element, tuple) else (element,)
                longest = max(longest, *(len(part) for part in parts if isinstance(part, bytes)), 0)
    except (DecodeError, IndexError):
        return None
    return longest or None


def top(
    source: Source | Reader,
    wanted: int = 10,
    *,
    order: str = "memory",
    server: Server | str | None = None,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    progress: Progress | None = None,
) -> LargestKeys:
    """The largest keys of a snapshot, the largest first, in one reading.

    `server` is by default the one that wrote the file. Raises what opening and reading raise, EncodeError
    for a server or an allocator nobody knows, ValueError for an order that is none of ORDERS.
    """
    each = TopPass(
        None if server is None else Server.of(server),
        wanted=wanted,
        order=order,
        allocator=allocator,
        selection=selection,
    )
    return run_over(source, each, progress=progress)
