"""Where the memory of a snapshot goes: keys, elements, bytes by type, database, expiry, size, prefix, use.

    stat("dump.rdb", server=Server.of("redis-8.2")).by["type"]["hash"].memory

Memory is that of a server, by its model (`facts.memory`), and of keys that a server loads: those that have
expired are counted apart. A prefix is the first part of a key's name (see `prefixes`).
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

from rdbcodec.facts.amounts import TYPE_BITS, Usage
from rdbcodec.facts.folding import Folding
from rdbcodec.facts.loaded import DATABASES, Loaded, LoadedPart, LoadedPass, OfLoaded
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import Measured
from rdbcodec.facts.passes import Progress, run_over
from rdbcodec.facts.places import merged
from rdbcodec.facts.prefixes import Prefixes, PrefixSums, are_few
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.sums import Sums
from rdbcodec.formats import TYPES, TypeRow
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import Source
from rdbcodec.servers import Server

ASPECTS = ("type", "encoding", "db", "ttl", "size", "prefix", "idle", "freq")
PREFIXES = 10_000  # prefixes that are told apart, the largest; the keys of all further ones are of OTHER
OTHER, OTHER_DATABASES = "(other prefixes)", "(other databases)"

_HOUR_MS = 3_600_000
TTLS = (("under 1 hour", _HOUR_MS), ("1 to 24 hours", 24 * _HOUR_MS), ("1 to 30 days", 720 * _HOUR_MS))
LATER, NEVER = "over 30 days", "never"
SIZES = (
    *(("to 100 B", 100), ("to 1 KiB", 1 << 10), ("to 10 KiB", 10 << 10)),
    *(("to 100 KiB", 100 << 10), ("to 1 MiB", 1 << 20), ("to 10 MiB", 10 << 20)),
)
LARGEST = "over 10 MiB"
_TTL_NAMES, _TTL_LIMITS = (*(name for name, _ in TTLS), LATER, NEVER), [most for _, most in TTLS]
_SIZE_NAMES, _SIZE_LIMITS = (*(name for name, _ in SIZES), LARGEST), [most for _, most in SIZES]
_NEVER = (len(_TTL_NAMES) - 1) << 4  # as it stands in a cell
FREQS = (("0", 0), ("1 to 5", 5), ("6 to 20", 20), ("21 to 100", 100))  # new keys begin with 5
HOTTEST = "over 100"
# How long ago a key was used, in seconds, and how often: names of classes, their limits, which class it is.
_USES: dict[str, tuple[tuple[str, ...], list[int], Callable[[list[int], int], int]]] = {
    "idle": ((*(name for name, _ in TTLS), LATER), [most // 1000 for _, most in TTLS], bisect_right),
    "freq": ((*(name for name, _ in FREQS), HOTTEST), [most for _, most in FREQS], bisect_left),
}

Rows = dict[str, Usage]
CELL = ("type", "encoding", "ttl", "size")  # what the keys of a cell have in common
Cell = tuple[str, str, str, str]


class Stat(OfLoaded):
    """The totals of a snapshot, and those of each aspect. Close it, or use it in `with`.

    Keys have an aspect `idle` or `freq` only where the server that wrote them had an LRU or LFU policy.
    """

    def __init__(self, loaded: Loaded, by: Sequence[str]) -> None:
        self.loaded = loaded
        self.aspects = tuple(by)
        self.cells: dict[Cell, Usage] = {}
        self.named: dict[str, Rows] = {}  # aspects that have names of their own
        self.prefixes: Prefixes | None = None
        self._by: dict[str, Rows] | None = None

    @property
    def server(self) -> Server:
        """The server whose memory it is; the first of them, when files were written by several."""
        return self.loaded.servers[0]

    @property
    def allocator(self) -> str:
        """What the server is built with."""
        return self.loaded.allocator

    @property
    def by(self) -> dict[str, Rows]:
        """The totals of each aspect that was asked for, by names."""
        if self._by is None:
            self._by = {aspect: self._rows(aspect) for aspect in self.aspects}
        return self._by

    def _rows(self, aspect: str) -> Rows:
        if aspect == "prefix" and self.prefixes is not None:
            return self._largest(self.prefixes)
        rows: Rows = {}
        if aspect in self.named:
            rows = self.named[aspect]
        else:
            for cell, usage in self.cells.items():
                rows.setdefault(cell[CELL.index(aspect)], Usage()).take(usage)
        shares = self.loaded.shares
        return {name: shares.added(usage) for name, usage in rows.items()}

    def _largest(self, prefixes: Prefixes) -> Rows:
        found = prefixes.largest(PREFIXES)
        rows = {name.decode("utf-8"): usage for name, usage in found.rows}
        return rows | {OTHER: found.rest} if found.others else rows

    def merge(self, other: Stat) -> Stat:
        """The keys of both, in the first of them; what the other holds is given up."""
        self._by = None
        self.loaded = self.loaded.merge(other.loaded)
        self.cells = merged(self.cells, other.cells)
        self.named = {aspect: merged(rows, other.named[aspect]) for aspect, rows in self.named.items()}
        if self.prefixes is not None and other.prefixes is not None:
            self.prefixes = self.prefixes.merge(other.prefixes)
            self.prefixes.loaded = self.loaded
        return self

    def close(self) -> None:
        """Give up the temporary file of the prefixes."""
        if self.prefixes is not None:
            self.prefixes.close()


class StatPass(LoadedPass[Stat]):
    """Adds up keys by the aspects that are asked for."""

    def __init__(
        self,
        server: Server | None = None,
        *,
        now_ms: int,
        by: Sequence[str] = ASPECTS,
        allocator: str = DEFAULT,
        selection: Selection | None = None,
    ) -> None:
        super().__init__(server, now_ms=now_ms, allocator=allocator, selection=selection)
        self._by = by
        self._cells: dict[int, Usage] = {}
        self._rows: dict[int, TypeRow] = {}
        self._named: dict[str, Rows] = {name: {} for name in ("db", "idle", "freq") if name in by}
        self._prefixes = PrefixSums(Folding(depth=1))

    def count(self, keys: Measured) -> None:
        """More keys, in cells of one layout, expiry and size: this is done with every key of a snapshot."""
        cells = self._cells_of(keys)
        if "prefix" not in self._by:
            self._add(keys, cells)
        elif are_few(names := self._prefixes.names(keys)):
            self._add_both(keys, [*zip(cells, names, strict=True)])
        else:
            self._add(keys, cells)
            self._prefixes.add_singly(names, keys)
        if keys.have_hints:
            self._count_uses(keys)

    def _add(self, keys: Measured, cells: list[int]) -> None:
        for cell, of_cell in keys.by(cells):
            self._take(cell, of_cell)

    def _add_both(self, keys: Measured, marks: list[tuple[int, bytes]]) -> None:
        """Keys by cell and prefix, which have one type then."""
        for (cell, name), of_both in keys.by(marks):
            more = self._take(cell, of_both)
            more.types = TYPE_BITS[self._rows[cell >> 8].type]
            self._prefixes.sums.of(name).take(more)

    def _take(self, cell: int, keys: Measured) -> Usage:
        """Keys of one cell and one database; their usage."""
        more = Usage()
        more.add_all(keys)
        usage = self._cells.get(cell)
        if usage is None:
            usage = self._cells[cell] = Usage()
            self._rows[cell >> 8] = keys.entry(0).row
        usage.take(more)
        if "db" in self._named:
            row_of(self._named["db"], str(keys.db), OTHER_DATABASES).take(more)
        return more

    def _cells_of(self, keys: Measured) -> list[int]:
        """The cell of each key: its type byte, then the class of its expiry, then that of its size."""
        sizes = map(bisect_left, repeat(_SIZE_LIMITS), keys.memory)
        if keys.expiries is None:
            return [code << 8 | _NEVER | size for code, size in zip(keys.codes, sizes, strict=True)]
        now_ms = self.now_ms
        return [
            code << 8 | (_NEVER if at is None else bisect_right(_TTL_LIMITS, at - now_ms) << 4) | size
            for code, size, at in zip(keys.codes, sizes, keys.expiries, strict=True)
        ]

    def _count_uses(self, keys: Measured) -> None:
        named = self._named
        if "idle" in named:
            self._count_used("idle", keys, [entry.idle for entry in keys.entries])
        if "freq" in named:
            self._count_used("freq", keys, [entry.freq for entry in keys.entries])

    def _count_used(self, aspect: str, keys: Measured, told: list[int | None]) -> None:
        """How long ago, or how often, keys were used, of those that tell."""
        if told.count(None) == len(told):
            return
        rows, (names, limits, place) = self._named[aspect], _USES[aspect]
        classes = [-1 if use is None else place(limits, use) for use in told]
        for at in {*classes} - {-1}:
            usage = row_of(rows, names[at], OTHER_DATABASES)
            usage.add_all(keys.only([each == at for each in classes]))

    def fork_for(self, server: Server) -> StatPass:
        """By the same aspects."""
        return StatPass(server, now_ms=self.now_ms, by=self._by, allocator=self.allocator)

    def part(self) -> LoadedPart:
        """The cells, the names of their layouts, and the rest."""
        layouts = {code: row.name for code, row in self._rows.items()}
        return LoadedPart(self.loaded, (self._cells, layouts, self._named, self._prefixes.sums))

    def join_counted(self, counted: tuple[dict[int, Usage], dict[int, str], dict[str, Rows], Sums]) -> None:
        """Cell by cell, name by name."""
        cells, layouts, named, sums = counted
        self._cells = merged(self._cells, cells)
        for code, name in layouts.items():
            self._rows.setdefault(code, next(row for row in TYPES if row.name == name))
        self._named = {aspect: merged(rows, named[aspect]) for aspect, rows in self._named.items()}
        self._prefixes.sums.take(sums)
        sums.close()

    def end(self) -> Stat:
        """The totals."""
        found = Stat(self.loaded, self._by)
        for cell, usage in self._cells.items():
            row = self._rows[cell >> 8]
            names = row.type, row.name, _TTL_NAMES[cell >> 4 & 0xF], _SIZE_NAMES[cell & 0xF]
            found.cells[names] = usage
        found.named = self._named
        if "prefix" in self._by:
            found.prefixes = Prefixes(self.loaded, self._prefixes)
            self._prefixes = PrefixSums(self._prefixes.folding)
        return found

    def close(self) -> None:
        """Give up the file of a reading that ended in an error."""
        self._prefixes.close()


def row_of(rows: Rows, name: str, further: str) -> Usage:
    """The row of a name; that of `further` ones when there are too many to tell apart."""
    usage = rows.get(name)
    if usage is None:
        usage = rows.setdefault(name if len(rows) < DATABASES else further, Usage())
    return usage


def biggest_first(rows: Mapping[str, Usage]) -> list[tuple[str, Usage]]:
    """Rows by memory."""
    return sorted(rows.items(), key=lambda row: -row[1].memory)


def stat(
    source: Source | Reader,
    server: Server | str | None = None,
    *,
    by: Sequence[str] = ASPECTS,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    now_ms: int | None = None,
    progress: Progress | None = None,
) -> Stat:
    """Where the memory of a snapshot goes, in one reading; see StatPass.

    `server` is by default the one that wrote the file. Raises what opening and reading raise, EncodeError
    for a server or an allocator nobody knows.
    """
    each = StatPass(
        None if server is None else Server.of(server),
        now_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        by=by,
        allocator=allocator,
        selection=selection,
    )
    return run_over(source, each, progress=progress)
