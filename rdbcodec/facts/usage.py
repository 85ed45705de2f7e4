"""Where the memory of a snapshot goes: keys, elements, memory and disk by type, database, expiry, prefix.

    stat("dump.rdb", server=Server.of("redis-8.2")).by["type"]["hash"].memory

Memory is that of a server, by its model (`facts.memory`), and of keys that a server loads: those that have
expired are counted apart. A prefix is what stands before the first `:`, `/`, `|` or `.` of a key.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rdbcodec.errors import DecodeError
from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import EntryPass
from rdbcodec.facts.passes import Progress, run
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import TypeRow
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry, Record, ResizeDb
from rdbcodec.servers import Server

ASPECTS = ("type", "encoding", "db", "ttl", "size", "prefix")
PREFIXES = 10_000  # prefixes that are held; keys of further ones are of OTHER
OTHER, BINARY = "(other prefixes)", "(binary keys)"
_SEPARATED = re.compile(rb"[^:/|.]*[:/|.]")
_IDENTIFIER = re.compile(rb"\d+")
_LONGEST_PREFIX = 64

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


@dataclass(slots=True)
class Stat:
    """The totals of a snapshot, and those of each aspect; memory is that of `server`."""

    server: Server
    allocator: str
    total: Usage = field(default_factory=Usage)
    expired: Usage = field(default_factory=Usage)
    by: dict[str, dict[str, Usage]] = field(default_factory=dict)


class StatPass(EntryPass[Stat]):
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
        super().__init__(server, allocator=allocator, selection=selection)
        self._now_ms = now_ms
        self._total, self._expired = Usage(), Usage()
        self._by: dict[str, dict[str, Usage]] = {aspect: {} for aspect in by}
        self._wants_prefix = "prefix" in by
        self._cells: dict[tuple[int, int, int, int, str], Usage] = {}
        self._rows: dict[int, TypeRow] = {}
        self._prefixes: dict[bytes, str] = {}
        self._seen: set[str] = set()
        self._databases: dict[int, list[int]] = {}
        self._sized: dict[int, tuple[int, int]] = {}

    def record(self, record: Record) -> None:
        """Tables are made as large as announced."""
        super().record(record)
        if isinstance(record, ResizeDb):
            self._sized[record.db] = record.keys, record.expires

    def add(self, entry: Entry, memory: float, disk: int, count: int | None, largest: int | None) -> None:
        """One more key."""
        del largest
        at = entry.expires_at_ms
        elements = _count_of(entry) if count is None else count
        if at is not None and at <= self._now_ms:
            self._expired.add(1, elements, memory, disk)
            return
        expires = int(at is not None)
        database = self._databases.setdefault(entry.db, [0, 0])
        database[0] += 1
        database[1] += expires
        self._total.add(expires, elements, memory, disk)
        prefix = self._prefix(entry) if self._wants_prefix else ""
        cell = entry.code, entry.db, self._ttl_class(at), bisect_left(_SIZE_LIMITS, memory), prefix
        usage = self._cells.get(cell)
        if usage is None:
            usage = self._cells[cell] = Usage()
            self._rows[entry.code] = entry.row
        usage.add(expires, elements, memory, disk)

    def _ttl_class(self, at: int | None) -> int:
        return len(_TTL_NAMES) - 1 if at is None else bisect_right(_TTL_LIMITS, at - self._now_ms)

    def _prefix(self, entry: Entry) -> str:
        """The prefix of a key; most have one that was seen before, in the same bytes."""
        key = entry.key
        found = _SEPARATED.match(key)
        raw = key[:_LONGEST_PREFIX] if found is None else found[0]
        prefix = self._prefixes.get(raw)
        if prefix is None:
            prefix = prefix_of(key)
            if prefix not in self._seen and len(self._seen) >= PREFIXES:
                return OTHER
            self._seen.add(prefix)
            if len(self._prefixes) < PREFIXES:
                self._prefixes[raw] = prefix
        return prefix

    def _sum_up(self) -> None:
        """The cells, each of one type, database, expiry, size and prefix, as rows of every aspect."""
        for (code, db, ttl, size, prefix), usage in self._cells.items():
            row = self._rows[code]
            names = {
                "type": row.type,
                "encoding": row.name,
                "db": str(db),
                "ttl": _TTL_NAMES[ttl],
                "size": _SIZE_NAMES[size],
                "prefix": prefix,
            }
            for aspect, rows in self._by.items():
                rows.setdefault(names[aspect], Usage()).take(usage)

    def end(self) -> Stat:
        """The totals; the tables of databases are shared out among the keys."""
        self._sum_up()
        self._share_tables()
        found = Stat(self.meant, self.allocator)
        found.total, found.expired, found.by = self._total, self._expired, self._by
        return found

    def _share_tables(self) -> None:
        for_keys = for_expiring = 0.0
        for db, (keys, expiring) in self._databases.items():
            sized = self._sized.get(db, (0, 0)) if self._selection is None else (0, 0)
            whole = self.model.tables(keys, expiring, sized=sized)
            alone = self.model.tables(keys, 0, sized=(sized[0], 0))
            for_keys += alone
            for_expiring += whole - alone
        total = self._total
        a_key = for_keys / total.keys if total.keys else 0.0
        an_expiry = for_expiring / total.expiring if total.expiring else 0.0
        for row in [total, *(row for rows in self._by.values() for row in rows.values())]:
            row.memory += a_key * row.keys + an_expiry * row.expiring


def prefix_of(key: bytes) -> str:
    """What stands before the first separator; of a key without one its name, numbers folded to `*`."""
    found = _SEPARATED.match(key[:_LONGEST_PREFIX])
    folded = _IDENTIFIER.sub(b"*", key[:_LONGEST_PREFIX] if found is None else found[0])
    try:
        text = folded.decode("utf-8")
    except UnicodeDecodeError:
        return BINARY
    return text if text.isprintable() else BINARY


def _count_of(entry: Entry) -> int:
    if not entry.code:
        return 1
    try:
        return 0 if entry.is_large else entry.count or 0
    except (DecodeError, IndexError):
        return 0


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
    if isinstance(source, Reader):
        found: Stat = run(source, [each], progress=progress)[0]
    else:
        with open_snapshot(source, max_value=COUNTED_VALUE) as reader:
            found = run(reader, [each], progress=progress)[0]
    return found
