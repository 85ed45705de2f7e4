"""The largest keys of a snapshot, by memory, bytes on disk, elements, or the longest element.

    top("dump.rdb", 10, order="memory", server=Server.of("redis-8.2"))

Memory is that of a server, by its model (`facts.memory`), with the key's share of the tables of a database.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import EntryPass, Measured
from rdbcodec.facts.passes import Progress, run
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry
from rdbcodec.servers import Server
from rdbcodec.showing import kept_key

ORDERS = ("memory", "disk", "elements", "largest-element")


@dataclass(slots=True)
class KeySize:
    """A key and how large it is; None is what its headers do not tell.

    `elements` of a string are 1, `largest` is the length of its text; `key` is a CutKey when it is long.
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


class TopPass(EntryPass[list[KeySize]]):
    """Keeps `wanted` of the largest keys by `order`, one of ORDERS."""

    def __init__(
        self,
        server: Server | None = None,
        *,
        wanted: int = 10,
        order: str = "memory",
        allocator: str = DEFAULT,
        selection: Selection | None = None,
    ) -> None:
        super().__init__(server, allocator=allocator, selection=selection)
        self._wanted = wanted
        if order not in ORDERS:
            raise ValueError(f"{order!r} is none of {', '.join(ORDERS)}")
        self._order = order
        self._kept: list[tuple[Any, int, KeySize]] = []

    def measured(self, keys: Measured) -> None:
        """Keep those that are among the largest so far; most are not, and not looked at further."""
        kept, wanted = self._kept, self._wanted
        if not wanted:
            return
        for at, size in enumerate(self._sizes(keys)):
            if len(kept) == wanted and size <= kept[0][0]:
                continue
            key = self.sized(keys, at)
            item = (size, -key.offset, key)
            if len(kept) < wanted:
                heapq.heappush(kept, item)
            else:
                heapq.heapreplace(kept, item)

    def _sizes(self, keys: Measured) -> Sequence[Any]:
        """What the order looks at, of each."""
        order = self._order
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
        entry, model = keys.entries[at], self.model
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
        )

    def end(self) -> list[KeySize]:
        """The keys, the largest first."""
        return [key for *_, key in sorted(self._kept, key=lambda item: item[:2], reverse=True)]


class EveryPass(TopPass):
    """Hands each key to `sink` as it comes, and keeps none; `told` counts them."""

    def __init__(
        self, sink: Callable[[KeySize], object], server: Server | None = None, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._sink = sink
        self.told = 0

    def measured(self, keys: Measured) -> None:
        """Every one is told."""
        self.told += len(keys)
        for at in range(len(keys)):
            self._sink(self.sized(keys, at))


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
) -> list[KeySize]:
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
    if isinstance(source, Reader):
        keys: list[KeySize] = run(source, [each], progress=progress)[0]
    else:
        with open_snapshot(source, max_value=COUNTED_VALUE) as reader:
            keys = run(reader, [each], progress=progress)[0]
    return keys
