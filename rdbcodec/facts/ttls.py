"""When keys expire, and fields of hashes: how many in how long, which all at once, and what never does.

    with ttl("dump.rdb") as found:
        found.histogram["under 1 hour"].keys
        found.cliffs(5)                     minutes in which far more keys expire than in others
        found.never.largest(10)             prefixes of keys that never expire

A key has expired when its time is up now; how many had when the file was written is told, too. Minutes, hours
and prefixes are counted as exactly as there are, in bounded memory (see `sums`).
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rdbcodec.errors import DecodeError
from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.cliffs import HOUR, MINUTE, Cliff, Expiries, ends_of
from rdbcodec.facts.folding import DEPTH, SEPARATORS, Folding
from rdbcodec.facts.loaded import Loaded, LoadedPart, LoadedPass, OfLoaded
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import Measured
from rdbcodec.facts.passes import Progress, run_over
from rdbcodec.facts.places import merged
from rdbcodec.facts.prefixes import Prefixes, PrefixSums
from rdbcodec.facts.selection import Selection
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import Source
from rdbcodec.records import Aux, Entry, LargeEntry, Record
from rdbcodec.servers import Server

DAY = 24 * HOUR
EXPIRED, LATER, NEVER = "expired", "over 1 year", "never"
CLASSES = (
    *((EXPIRED, 1), ("under 1 minute", MINUTE), ("1 to 60 minutes", HOUR), ("1 to 24 hours", DAY)),
    *(("1 to 7 days", 7 * DAY), ("7 to 30 days", 30 * DAY), ("30 to 365 days", 365 * DAY)),
)
NAMES = (*(name for name, _ in CLASSES), LATER, NEVER)
_LIMITS = [most for _, most in CLASSES]


@dataclass(slots=True)
class FieldTtls:
    """Fields of hashes, or members of sets, that expire: `keys` have some, `counts` are by time left.

    Of `unread` keys nobody knows: their values are damaged, or sets too large to hold.
    """

    keys: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None
    unread: int = 0

    def add(self, times: Sequence[int], now_ms: int) -> None:
        """Expiries of one key."""
        self.counts.update(NAMES[bisect_right(_LIMITS, at - now_ms)] for at in times)
        self.first_ms, self.last_ms = ends_of((self.first_ms, self.last_ms, min(times), max(times)))

    def merge(self, other: FieldTtls) -> FieldTtls:
        """Those of both."""
        ends = ends_of((self.first_ms, self.last_ms, other.first_ms, other.last_ms))
        return FieldTtls(
            self.keys + other.keys, self.counts + other.counts, *ends, self.unread + other.unread
        )


class Ttls(OfLoaded):
    """When the keys of a snapshot expire. Close it, or use it in `with`.

    `written_ms` is when the file was written, if it tells, `expired_then` are the keys that had expired then.
    `first_ms` and `last_ms` are of the keys that expire after now. It can be pickled: see `Sums`.
    """

    def __init__(self, loaded: Loaded, now_ms: int, never: Prefixes, expiries: Expiries) -> None:
        self.loaded = loaded
        self.expiries = expiries
        self.now_ms = now_ms
        self.never = never
        self.written_ms: int | None = None
        self.expired_then = 0
        self.fields = FieldTtls()
        self.classes: dict[str, Usage] = {}  # without tables, and without what has expired

    @property
    def first_ms(self) -> int | None:
        """When the first key expires."""
        return self.expiries.first_ms

    @property
    def last_ms(self) -> int | None:
        """When the last key expires."""
        return self.expiries.last_ms

    @property
    def histogram(self) -> dict[str, Usage]:
        """The keys by the time that they have left; those that have expired among them."""
        shares = self.loaded.shares
        rows = {name: shares.added(self.classes[name]) for name in NAMES if name in self.classes}
        return {EXPIRED: self.loaded.expired, **rows} if self.loaded.expired.keys else rows

    @property
    def expiring(self) -> Usage:
        """The keys that expire after now."""
        total, never = self.loaded.total, self.histogram.get(NEVER, Usage())
        return total.less(never)

    def cliffs(self, wanted: int = 5, *, unit: str = "minute") -> list[Cliff]:
        """The minutes or hours in which far more keys expire than in others, the highest first."""
        return self.expiries.cliffs(self.loaded, wanted, unit=unit)

    def merge(self, other: Ttls) -> Ttls:
        """The keys of both, in the first of them; what the other holds is given up."""
        self.loaded = self.loaded.merge(other.loaded)
        self.never = self.never.merge(other.never)
        self.never.loaded = self.loaded
        self.written_ms = self.written_ms if self.written_ms == other.written_ms else None
        self.expired_then += other.expired_then
        self.fields = self.fields.merge(other.fields)
        self.expiries.take(other.expiries)
        self.classes = merged(self.classes, other.classes)
        other.close()
        return self

    def close(self) -> None:
        """Give up the temporary files."""
        self.never.close()
        self.expiries.close()


class TtlPass(LoadedPass[Ttls]):
    """Counts keys, and fields of hashes, by the time they have left at `now_ms`."""

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
        self._never = PrefixSums(self._folding)
        self._expiries = Expiries(self._folding)
        self._classes: dict[str, Usage] = {}
        self._written_ms: int | None = None
        self._expired_then = 0
        self._fields = FieldTtls()
        self._without_fields: set[int] = set()  # type codes

    def record(self, record: Record) -> None:
        """When the file was written."""
        super().record(record)
        if isinstance(record, Aux) and record.name == b"ctime" and record.value.isdigit():
            self._written_ms = int(record.value[:18]) * 1000

    def look(self, entry: LargeEntry) -> None:
        """A value whose fields expire is looked at twice."""
        if entry.row.expires:
            entry.keep()

    def measured(self, keys: Measured) -> None:
        """Those that had expired when the file was written; then as all others."""
        written = self._written_ms
        if keys.expiries is not None and written is not None:
            self._expired_then += sum(at is not None and at <= written for at in keys.expiries)
        super().measured(keys)

    def count(self, keys: Measured) -> None:
        """The keys of one database that live."""
        if keys.expiries is None:
            self._usage(NEVER).add_all(keys)
            self._never.add(keys)
        else:
            expires = [at is not None for at in keys.expiries]
            self._count_expiring(keys if all(expires) else keys.only(expires))
            never = keys.only([not each for each in expires])
            if len(never):
                self._usage(NEVER).add_all(never)
                self._never.add(never)
        if not set(keys.codes) <= self._without_fields:
            self._look_for_fields(keys.entries)

    def _look_for_fields(self, entries: Sequence[Entry]) -> None:
        """In the keys of those types that may have fields or members which expire."""
        for entry in entries:
            if entry.code not in self._without_fields:
                if entry.row.expires:
                    self._count_fields(entry)
                else:
                    self._without_fields.add(entry.code)

    def _count_expiring(self, keys: Measured) -> None:
        """Keys by class, and by minute with their prefix."""
        times = [at for at in keys.times if at is not None]
        if not times:
            return
        classes = [bisect_right(_LIMITS, at - self.now_ms) for at in times]
        for each in set(classes):
            of_class = keys.only([other == each for other in classes])
            self._usage(NAMES[each]).add_all(of_class)
        self._expiries.add(keys, times)

    def _usage(self, name: str) -> Usage:
        return self._classes.setdefault(name, Usage())

    def _count_fields(self, entry: Entry) -> None:
        """The expiries of its fields or members, which only few layouts have."""
        told, some = self._fields, False
        try:
            for times in _field_times(entry):
                if times:
                    told.add(times, self.now_ms)
                    some = True
        except DecodeError:
            told.unread += 1
        told.keys += some

    def fork_for(self, server: Server) -> TtlPass:
        """By the same parts of names, for a file written then."""
        separators, depth = self._folding.separators, self._folding.depth
        how: dict[str, Any] = {"separators": separators, "depth": depth, "allocator": self.allocator}
        fork = TtlPass(server, now_ms=self.now_ms, **how)
        fork._written_ms = self._written_ms
        return fork

    def part(self) -> LoadedPart:
        """All that was counted, whose files go with it."""
        return LoadedPart(self.loaded, self.end())

    def join_counted(self, counted: Ttls) -> None:
        """The keys of both."""
        self._never.sums.take(counted.never.sums)
        self._expiries.take(counted.expiries)
        self._classes = merged(self._classes, counted.classes)
        self._expired_then += counted.expired_then
        self._fields = self._fields.merge(counted.fields)
        counted.close()

    def end(self) -> Ttls:
        """What was counted, whose files are its own from now on."""
        found = Ttls(self.loaded, self.now_ms, Prefixes(self.loaded, self._never), self._expiries)
        found.written_ms, found.expired_then = self._written_ms, self._expired_then
        found.fields, found.classes = self._fields, self._classes
        self._never, self._expiries = PrefixSums(self._folding), Expiries(self._folding)
        return found

    def close(self) -> None:
        """Give up the files of a reading that ended in an error."""
        self._never.close()
        self._expiries.close()


def _field_times(entry: Entry) -> Iterator[list[int]]:
    if entry.type == "hash":
        for batch in entry.items(skip_large=True):
            fields: list[Any] = batch
            yield [at for *_, at in fields if at is not None]
    else:
        value: Any = entry.value()
        yield list(value.expires_at_ms.values())


def ttl(
    source: Source | Reader,
    server: Server | str | None = None,
    *,
    separators: str = SEPARATORS,
    depth: int = DEPTH,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    now_ms: int | None = None,
    progress: Progress | None = None,
) -> Ttls:
    """When the keys of a snapshot expire, in one reading; close it in the end.

    Memory is that of `server`, by default the one that wrote the file. Raises what opening and reading
    raise, EncodeError for a server or an allocator nobody knows, ValueError as `prefixes` does.
    """
    each = TtlPass(
        None if server is None else Server.of(server),
        now_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        separators=separators,
        depth=depth,
        allocator=allocator,
        selection=selection,
    )
    return run_over(source, each, progress=progress)
