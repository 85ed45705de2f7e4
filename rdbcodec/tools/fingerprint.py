"""What a snapshot holds in a few lines: a digest of all, of each database, and of each prefix in it.

    fingerprint("dump.rdb").digest == fingerprint("converted.rdb").digest
    here.differences(there)         the databases and prefixes in which two are not the same

The same data has the same digests, whatever version, layout and order it has on disk and whichever server
wrote it. What goes into them, of each key: its name, its type, its value as a server would answer it (see
`digests`), when it expires, and when its fields and members do, to the millisecond. Of the snapshot: the text
of its function libraries. What does not: idle times and frequencies, metadata of keys, what modules saved
beside the keys, counters and times that reading a stream changes, and remarks of the writer.

The digest of a database is of what is in it, not of its number, so that what moved to another database can be
found there. Digests of keys are added up, modulo 2**128: so they depend on no order, what is there twice
counts twice, and the sum of all prefixes is that of their database.

`ignore={"ttl"}` leaves expiries out: a server before 2.6 has none in milliseconds. A server that loads a
snapshot drops what has expired; `Selection(not_ttl="expired")` leaves that out on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from rdbcodec.facts.databases import check_databases
from rdbcodec.facts.folding import SEPARATORS, Folding
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import CHECKED_VALUE, MAX_TOLD_PREFIXES
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry, Function, Record
from rdbcodec.tools.digests import value_digest
from rdbcodec.tools.hashing import DIGEST, Part, digest

FORM = "rdbcodec fingerprint 1"
Ignored = Literal["ttl", "functions"]
_ALL = 1 << (8 * DIGEST)


class Sum(NamedTuple):
    """Keys, and their digests added up."""

    keys: int = 0
    total: int = 0

    def __add__(self, other: Sum) -> Sum:  # type: ignore[override] # sums, not tuples
        return Sum(self.keys + other.keys, (self.total + other.total) % _ALL)

    @property
    def digest(self) -> str:
        """Of what was added up, as hexadecimal digits."""
        return self.total.to_bytes(DIGEST, "big").hex()


class Place(NamedTuple):
    """A database, and a prefix in it; None for all of them."""

    db: int
    prefix: bytes | None = None


@dataclass(frozen=True)
class How:
    """What goes into a fingerprint; only those that were made in the same way can be compared."""

    ignore: frozenset[Ignored] = frozenset()
    separators: str = SEPARATORS
    depth: int = 1
    filtered: bool = False


@dataclass(slots=True)
class Fingerprint:
    """The digests of a snapshot; `functions` is that of its libraries, and None when it has none.

    `prefixes` is None when there are more than MAX_TOLD_PREFIXES, or `depth` is 0.
    """

    how: How = field(default_factory=How)
    databases: dict[int, Sum] = field(default_factory=dict)
    prefixes: dict[Place, Sum] | None = field(default_factory=dict)
    functions: str | None = None

    @property
    def keys(self) -> int:
        """Keys of all databases."""
        return sum(one.keys for one in self.databases.values())

    @property
    def digest(self) -> str:
        """Of the whole snapshot: which databases hold what, and the libraries."""
        parts: list[Part] = [self.functions]
        for db, one in sorted(self.databases.items()):
            parts += [db, one.keys, one.total]
        return digest(*parts).hex()

    def places(self) -> Iterator[tuple[Place, Sum]]:
        """The databases in their order, each with its prefixes behind it."""
        within: dict[int, list[tuple[Place, Sum]]] = {}
        for place, one in sorted((self.prefixes or {}).items()):
            within.setdefault(place.db, []).append((place, one))
        for db, one in sorted(self.databases.items()):
            yield Place(db), one
            yield from within.get(db, ())

    def differences(self, other: Fingerprint) -> list[tuple[Place, Sum, Sum]]:
        """Where two are not the same: each place, and what either has there.

        Raises ValueError for fingerprints that were made in different ways.
        """
        if self.how != other.how:
            raise ValueError("they were made in different ways: filters, ignore, separators, depth")
        here, there = dict(self.places()), dict(other.places())
        if self.prefixes is None or other.prefixes is None:
            here, there = ({at: one for at, one in of.items() if at.prefix is None} for of in (here, there))
        nothing = Sum()
        places = sorted(here.keys() | there.keys(), key=lambda place: (place.db, place.prefix or b""))
        pairs = [(place, here.get(place, nothing), there.get(place, nothing)) for place in places]
        return [(place, mine, its) for place, mine, its in pairs if mine != its]


def fingerprint(
    source: Source | Reader,
    *,
    ignore: Collection[Ignored] = (),
    separators: str = SEPARATORS,
    depth: int = 1,
    selection: Selection | None = None,
    progress: Callable[[], Any] | None = None,
) -> Fingerprint:
    """The digests of a snapshot, in one reading and bounded memory.

    Prefixes are of `depth` parts, with identifiers folded to * (see `prefixes`); with 0 there are none.
    `progress` is called now and then. Raises DecodeError for data that cannot be read, and ValueError for
    separators that are none.
    """
    unknown = set(ignore) - set(get_args(Ignored))
    if unknown:
        raise ValueError(f"ignore is {min(unknown)!r}, expected {' or '.join(get_args(Ignored))}")
    filtered = selection is not None and not selection.is_empty
    how = How(frozenset(ignore), separators, depth, filtered)
    if not isinstance(source, Reader):
        with open_snapshot(source, max_value=CHECKED_VALUE) as reader:
            return _Job(how).of(reader, selection, progress)
    return _Job(how).of(source, selection, progress)


class _Job:
    def __init__(self, how: How) -> None:
        self.found = Fingerprint(how, prefixes={} if how.depth else None)
        self._pattern = Folding(how.separators, how.depth).pattern if how.depth else None
        self._heeds_ttl = "ttl" not in how.ignore
        self._libraries: dict[bytes, bytes] = {}
        self._databases: dict[int, list[int]] = {}
        self._prefixes: dict[tuple[int, bytes], list[int]] = {}

    def of(
        self, reader: Reader, selection: Selection | None, progress: Callable[[], Any] | None
    ) -> Fingerprint:
        """Read all of it."""
        records: Iterator[Record] = iter(reader) if selection is None else selection.select(reader)
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                self._add(record)
            elif isinstance(record, Function):
                self._libraries[record.library or record.code] = record.code
            if progress is not None and not at & _TICK:
                progress()
        return self._result()

    def _add(self, entry: Entry) -> None:
        key, db = entry.key, entry.db
        if db not in self._databases:
            check_databases(len(self._databases))
        total = int.from_bytes(self._digest_of(entry, key), "big")
        _count(self._databases, db, total)
        if self._pattern is not None:
            _count(self._prefixes, (db, self._pattern(key)), total)
            if len(self._prefixes) > MAX_TOLD_PREFIXES:
                self._pattern = self.found.prefixes = None
                self._prefixes.clear()

    def _digest_of(self, entry: Entry, key: bytes) -> bytes:
        expiring = 0

        def add(member: bytes, at_ms: int) -> None:
            nonlocal expiring
            expiring += int.from_bytes(digest(member, at_ms), "big")

        value = value_digest(entry, add)
        if not self._heeds_ttl:
            return digest(key, value)
        return digest(key, value, entry.expires_at_ms, expiring % _ALL)

    def _result(self) -> Fingerprint:
        found = self.found
        found.databases = {db: Sum(keys, total % _ALL) for db, (keys, total) in self._databases.items()}
        if found.prefixes is not None:
            found.prefixes = {
                Place(*place): Sum(keys, total % _ALL) for place, (keys, total) in self._prefixes.items()
            }
        if self._libraries and "functions" not in found.how.ignore:
            libraries = sorted(self._libraries.items())
            found.functions = digest(*(part for library in libraries for part in library)).hex()
        return found


def _count(sums: dict[Any, list[int]], place: Any, total: int) -> None:
    found = sums.get(place)
    if found is None:
        sums[place] = [1, total]
    else:
        found[0] += 1
        found[1] += total


_TICK = 0x3FF  # records between two looks at the progress, a power of two less one
