"""Whether two snapshots hold the same data, whatever version, layout and order they have.

    comparison = diff("before.rdb", "after.rdb")
    comparison.is_equal, comparison.missing, comparison.extra, comparison.changed

Each file is read once, and of each key a record of fixed size goes to sorted files on disk: digests of its
name and value, and when it expires. Both are then gone through side by side, so that the memory this takes
does not grow with the files. Those of which more is wanted to know are read a second time.

A key that has expired and is in one file only is no difference: a server that loaded the other has dropped
it. It is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import Any, Literal, TypeVar, get_args

from rdbcodec.facts.selection import Selection
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.sorted_runs import SortedRuns
from rdbcodec.records import Entry, Function, ModuleAux, Record
from rdbcodec.tail import Tail
from rdbcodec.tools.changes import Change, changes
from rdbcodec.tools.digests import value_digest
from rdbcodec.tools.hashing import DIGEST, digest

Kind = Literal["missing", "extra", "changed"]
Ignored = Literal["ttl", "functions", "modules"]
Open = Callable[[], Reader]
Name = TypeVar("Name", bytes, str)

MOST = 20  # differences that are shown unless more are wanted
SHOWN_VALUES = 32 << 20  # bytes of values that are held to say what changed inside

_NEVER = (1 << 63) - 1
_NONE = (1 << 64) - 1


Behind = tuple[Tail, int] | None


class Difference(NamedTuple):
    """A key that is not the same in both.

    `missing` from the second, `extra` in it, or `changed`: `what` says in which of "value", "type" and
    "ttl". `inside` lists what changed in the value, None for one that was too large to look into.
    """

    kind: Kind
    db: int
    key: bytes
    type: str
    what: tuple[str, ...] = ()
    inside: tuple[Change, ...] | None = None
    expires_at_ms: tuple[int | None, int | None] = (None, None)


@dataclass(slots=True)
class Comparison:
    """What `diff` found. Of `missing` and `extra` keys those that had expired are no difference.

    `keys` counts those of either file that were compared. `functions` are the names of libraries that are
    not the same, `modules` those of modules that saved not the same beside the keys. `tails` say what stands
    behind each snapshot, and from which byte on: it was not compared. `differences` are the first in the
    order of the files, as many as were asked for.
    """

    keys: tuple[int, int] = (0, 0)
    equal: int = 0
    missing: int = 0
    extra: int = 0
    changed: int = 0
    missing_expired: int = 0
    extra_expired: int = 0
    functions: list[bytes] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    tails: tuple[Behind, Behind] = (None, None)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether no data differs; what had expired is none."""
        apart = self.missing - self.missing_expired + self.extra - self.extra_expired + self.changed
        return not apart and not self.functions and not self.modules


@dataclass(frozen=True)
class Terms:
    """What counts as the same.

    `ttl_tolerance_ms` is how far expiries may lie apart. `map_db` puts databases of the first file into
    others, and `rename` gives keys of its databases the names they have in the second. `now_ms` says what has
    expired. `selection` chooses keys of both, by the names they have there.
    """

    ttl_tolerance_ms: int = 0
    ignore: frozenset[Ignored] = frozenset()
    map_db: Mapping[int, int] = field(default_factory=dict)
    rename: Callable[[int, bytes], bytes] | None = None
    now_ms: int = 0
    selection: Selection | None = None


def diff(
    first: Open,
    second: Open,
    terms: Terms = Terms(),
    *,
    most: int = MOST,
    progress: Callable[[], Any] | None = None,
) -> Comparison:
    """Compare two snapshots; `first` and `second` open them, which may happen twice.

    `most` differences are listed, all are counted. `progress` is called now and then. Raises DecodeError for
    data that cannot be read, and LimitExceeded for values of types that cannot pass by.
    """
    unknown = set(terms.ignore) - set(get_args(Ignored))
    if unknown:
        raise ValueError(f"ignore is {min(unknown)!r}, expected {' or '.join(get_args(Ignored))}")
    sides = (_Side(first, terms, is_first=True), _Side(second, terms, is_first=False))
    try:
        for side in sides:
            side.read(progress)
        return _compared(*sides, terms, most)
    finally:
        for side in sides:
            side.runs.close()


# --- one file ---------------------------------------------------------------------------------------

_RECORD = Struct(f">{DIGEST}s{DIGEST}s{DIGEST}sqQ")  # key, member or zeros, value, expiry, number of the key
_KEY_ITSELF = bytes(DIGEST)
_name_of = itemgetter(0)


class _Record(NamedTuple):
    """A key, or a field or member of it that expires: `name` and `member` are digests."""

    name: bytes
    member: bytes
    value: bytes
    expires_at_ms: int
    number: int


_Records = list[_Record]


class _Side:
    """A file: its keys as records, sorted, its function libraries, and what modules saved beside the keys."""

    def __init__(self, opener: Open, terms: Terms, *, is_first: bool) -> None:
        self.open = opener
        self.runs = SortedRuns(_RECORD.size)
        self.keys = 0
        self.functions: dict[bytes, bytes] = {}
        self.modules: dict[str, bytes] = {}
        self.tail: Behind = None
        self._terms = terms
        self._is_first = is_first

    def read(self, progress: Callable[[], Any] | None) -> None:
        """Go through the file once."""
        with self.open() as reader:
            for record in self._records(reader):
                if isinstance(record, Entry):
                    self._add(record)
                    if progress is not None and not self.keys & 0xFF:
                        progress()
                elif isinstance(record, Function):
                    self.functions[record.library or record.code] = record.code
                elif isinstance(record, ModuleAux) and not record.is_empty:
                    before = self.modules.get(record.module.name, b"")
                    self.modules[record.module.name] = digest(before, record.when, record.items)
            if reader.ended_at is not None:  # None when the selection had a limit
                self.tail = reader.tail(), reader.ended_at

    def _records(self, reader: Reader) -> Iterator[Record]:
        selection = self._terms.selection
        return iter(reader) if selection is None or selection.is_empty else selection.select(reader)

    def _add(self, entry: Entry) -> None:
        db, key = self._named(entry)
        number, name = self.keys, digest(db, key)
        heeds_ttl = "ttl" not in self._terms.ignore

        def add(member: bytes, at_ms: int | None, value: bytes = _KEY_ITSELF) -> None:
            expiry = at_ms if at_ms is not None and heeds_ttl else _NEVER
            self.runs.add(_RECORD.pack(name, member, value, expiry, number))

        def add_member(member: bytes, at_ms: int) -> None:
            if heeds_ttl:
                add(member, at_ms)

        add(_KEY_ITSELF, entry.expires_at_ms, value_digest(entry, add_member))
        self.keys += 1

    def _named(self, entry: Entry) -> tuple[int, bytes]:
        """Database and name as they are in the second file."""
        terms = self._terms
        if not self._is_first:
            return entry.db, entry.key
        key = entry.key if terms.rename is None else terms.rename(entry.db, entry.key)
        return terms.map_db.get(entry.db, entry.db), key

    def records(self) -> Iterator[tuple[bytes, _Records]]:
        """The records of each key, by the digests of the names."""
        records = map(_Record._make, map(_RECORD.unpack, self.runs.merged()))
        for name, of_name in groupby(records, _name_of):
            yield name, list(of_name)

    def entries(self, numbers: Collection[int]) -> Iterator[tuple[int, Entry]]:
        """Those keys, in a second reading."""
        last, number = max(numbers, default=-1), 0
        if last < 0:
            return
        with self.open() as reader:
            for record in self._records(reader):
                if isinstance(record, Entry):
                    if number in numbers:
                        yield number, record
                    number += 1
                    if number > last:
                        return


# --- side by side -----------------------------------------------------------------------------------

# Which of those that differ come first: by their numbers in the first file, then those it does not have.
_APART = Struct(">QQB")  # number in the first file, in the second, _NONE for neither; flags
_VALUE, _TTL = 1, 2


def _compared(first: _Side, second: _Side, terms: Terms, most: int) -> Comparison:
    found = Comparison(keys=(first.keys, second.keys), tails=(first.tail, second.tail))
    if "functions" not in terms.ignore:
        found.functions = _unlike(first.functions, second.functions)
    if "modules" not in terms.ignore and (terms.selection is None or terms.selection.is_empty):
        found.modules = _unlike(first.modules, second.modules)
    with SortedRuns(_APART.size) as apart:
        for mine, other in _side_by_side(first, second):
            _compare_key(mine, other, terms, found, apart)
        wanted = [_APART.unpack(record) for _, record in zip(range(most), apart.merged(), strict=False)]
    found.differences = list(_look_at(first, second, wanted))
    return found


def _unlike(here: Mapping[Name, bytes], there: Mapping[Name, bytes]) -> list[Name]:
    """The names under which the two have not the same."""
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def _side_by_side(first: _Side, second: _Side) -> Iterator[tuple[_Records, _Records]]:
    """The records of each key of either, those of the same name together."""
    ends: tuple[bytes, _Records] = (b"\xff" * (DIGEST + 1), [])
    left, right = first.records(), second.records()
    mine, other = next(left, ends), next(right, ends)
    while mine is not ends or other is not ends:
        name = min(mine[0], other[0])
        yield (mine[1] if mine[0] == name else []), (other[1] if other[0] == name else [])
        if mine[0] == name:
            mine = next(left, ends)
        if other[0] == name:
            other = next(right, ends)


def _compare_key(
    mine: _Records,
    other: _Records,
    terms: Terms,
    found: Comparison,
    apart: SortedRuns,
) -> None:
    """Keys of one name; a file may have several, which are taken in their order."""
    here, there = _keys(mine), _keys(other)
    for at in range(max(len(here), len(there))):
        if at >= len(there):
            found.missing += 1
            found.missing_expired += here[at][0].expires_at_ms <= terms.now_ms
            apart.add(_APART.pack(here[at][0].number, _NONE, 0))
        elif at >= len(here):
            found.extra += 1
            found.extra_expired += there[at][0].expires_at_ms <= terms.now_ms
            apart.add(_APART.pack(_NONE, there[at][0].number, 0))
        elif flags := _flags(here[at], there[at], terms):
            found.changed += 1
            apart.add(_APART.pack(here[at][0].number, there[at][0].number, flags))
        else:
            found.equal += 1


def _keys(records: _Records) -> list[_Records]:
    """The records of each key: first its own, then those of its members that expire."""
    if len(records) == 1:
        return [records]
    by_number: dict[int, _Records] = {}
    for record in records:
        by_number.setdefault(record.number, []).append(record)
    return [by_number[number] for number in sorted(by_number)]


def _flags(mine: _Records, other: _Records, terms: Terms) -> int:
    flags = 0 if mine[0].value == other[0].value else _VALUE
    here = {record.member: record.expires_at_ms for record in mine}
    there = {record.member: record.expires_at_ms for record in other}
    alike = here.keys() == there.keys() and all(
        _is_near(at_ms, there[member], terms.ttl_tolerance_ms) for member, at_ms in here.items()
    )
    return flags if alike else flags | _TTL


def _is_near(first_ms: int, second_ms: int, tolerance_ms: int) -> bool:
    if _NEVER in (first_ms, second_ms):
        return first_ms == second_ms
    return abs(first_ms - second_ms) <= tolerance_ms


# --- what differs -----------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """What is kept of a key until that of the other file is met."""

    db: int
    key: bytes
    type: str
    expires_at_ms: int | None
    value: Any  # None when it is too large to keep


def _look_at(first: _Side, second: _Side, wanted: Iterable[tuple[int, int, int]]) -> Iterator[Difference]:
    wanted = list(wanted)
    budget = _Budget(SHOWN_VALUES)
    pairs = [(a, b) for a, b, _ in wanted if _NONE not in (a, b)]
    held_a, held_b = {a for a, _ in pairs}, {b for _, b in pairs}
    here = {n: budget.seen(e, n in held_a) for n, e in first.entries({a for a, _, _ in wanted} - {_NONE})}
    there = {n: budget.seen(e, n in held_b) for n, e in second.entries({b for _, b, _ in wanted} - {_NONE})}
    for a, b, flags in wanted:
        if b == _NONE:
            yield _alone("missing", here[a])
        elif a == _NONE:
            yield _alone("extra", there[b])
        else:
            yield _changed(here[a], there[b], flags)


class _Budget:
    """Values are kept until there are so many bytes of them."""

    def __init__(self, left: int) -> None:
        self._left = left

    def seen(self, entry: Entry, keep: bool) -> _Seen:
        """What is kept of an entry."""
        value = None
        if keep and not entry.is_large and entry.serialized_size <= self._left:
            value = entry.value()
            self._left -= entry.serialized_size
        return _Seen(entry.db, entry.key, entry.type, entry.expires_at_ms, value)


def _alone(kind: Kind, seen: _Seen) -> Difference:
    expiries = (seen.expires_at_ms, None) if kind == "missing" else (None, seen.expires_at_ms)
    return Difference(kind, seen.db, seen.key, seen.type, expires_at_ms=expiries)


def _changed(mine: _Seen, other: _Seen, flags: int) -> Difference:
    what = ["type"] if mine.type != other.type else ["value"] if flags & _VALUE else []
    what += ["ttl"] if flags & _TTL else []
    inside: tuple[Change, ...] | None = None
    if mine.value is not None and other.value is not None and mine.type == other.type:
        inside = tuple(changes(mine.value, other.value))
    expiries = (mine.expires_at_ms, other.expires_at_ms)
    return Difference("changed", mine.db, mine.key, mine.type, tuple(what), inside, expiries)
