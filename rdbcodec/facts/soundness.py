"""Is a snapshot sound? Everything verified that a file can be wrong about.

Reading verifies framing and checksum; `value()` verifies what is inside values. This module looks at
the rest: keys that occur twice, counts that were promised, bytes behind the end, and what decodes
but will not be loaded or will not behave (rdb-format.md, 6.4).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.errors import DecodeError, LimitExceeded
from rdbcodec.facts.databases import check_databases
from rdbcodec.integrity.oddities import large_oddities, oddities
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.integrity.traits import TRAITS
from rdbcodec.limits import MAX_PROBLEMS
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.reader import Reader
from rdbcodec.records import AttributedEntry, Checksum, End, Entry, Function, HashTemplate, Record, ResizeDb
from rdbcodec.showing import Hiding, kept_key, key_words
from rdbcodec.tail import Tail

# "not verified" is no fault of the data: a limit of memory ended the verifying.
Severity = Literal["error", "warning", "not verified"]
Verdict = Literal["sound", "not sound", "not verified"]

NOT_A_SCORE: tuple[Severity, str] = ("error", "a score is not a number: servers refuse the file")


@dataclass(slots=True)
class Problem:
    """Something that is not as it should be; an error means that it will not load or not all of it."""

    severity: Severity
    message: str
    offset: int | None = None
    db: int | None = None
    key: bytes | None = None
    cause: DecodeError | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.key is not None:
            self.key = kept_key(self.key)  # a hundred problems are kept, and keys may have 64 MiB
            if self.cause is not None:
                self.cause.key = self.key

    @classmethod
    def of(cls, error: DecodeError) -> Problem:
        """The error as a problem; a limit of this process is none of the data."""
        severity: Severity = "not verified" if isinstance(error, LimitExceeded) else "error"
        return cls(severity, error.message, error.offset, error.db, error.key, error)

    def place(self, *, hide_keys: Hiding = False) -> str:
        """Where it is, in words."""
        words = [f"offset {self.offset}"] if self.offset is not None else []
        if self.key is not None:
            words += [f"db {self.db}", key_words(self.key, hide_keys) or "a key"]
        return ", ".join(words)


@dataclass(slots=True)
class Soundness:
    """What a check found. `complete` is False when reading ended before the end of the snapshot."""

    keys: int = 0
    expired: int = 0
    size: int = 0
    checksum: Checksum = "absent"
    complete: bool = False
    tail: Tail | None = None
    problems: list[Problem] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    unverified: int = 0
    keys_by_db: Counter[int] = field(default_factory=Counter)
    expires_by_db: Counter[int] = field(default_factory=Counter)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong that would keep a server from loading all of it, as far as it was seen."""
        return self.complete and not self.errors

    @property
    def verdict(self) -> Verdict:
        """Sound; not sound; or not verified: nothing was found, but not all of it was seen."""
        if self.errors or not (self.complete or self.unverified):
            return "not sound"
        return "not verified" if self.unverified else "sound"

    def add(self, problem: Problem) -> None:
        """Count a problem, and list it while the list is short."""
        if problem.severity == "error":
            self.errors += 1
        elif problem.severity == "warning":
            self.warnings += 1
        else:
            self.unverified += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def check(
    reader: Reader,
    *,
    now_ms: int,
    reopen: Callable[[], Reader] | None = None,
    progress: Callable[[], Any] | None = None,
) -> Soundness:
    """Verify a snapshot, from its first byte to the last.

    Does not raise for damaged data: that is what it reports. A damaged value does not end the check,
    damage that hides where the next record begins does. `reopen` gives a second reader, which spares
    keeping the keys' names on disk until it is clear that none occurs twice.
    """
    found = Soundness()
    with KeyIndex(reopen) as index:
        try:
            _check_records(reader, found, index, now_ms, progress)
        except DecodeError as error:
            # One inside a large value was met there already and ends the reading as well.
            if Problem.of(error) not in found.problems[-1:]:
                found.add(Problem.of(error))
        for duplicate in index.duplicates():
            message = f"the key is there twice, first at offset {duplicate.first}"
            found.add(Problem("error", message, duplicate.place, duplicate.db, duplicate.key))
    return found


def unreadable(error: DecodeError) -> Soundness:
    """The report on a file of which nothing can be read."""
    error.locate(offset=0)
    found = Soundness()
    found.add(Problem.of(error))
    return found


def _check_records(
    reader: Reader, found: Soundness, index: KeyIndex, now_ms: int, progress: Callable[[], Any] | None
) -> None:
    told: dict[int, ResizeDb] = {}
    libraries: set[bytes | None] = set()
    for record in reader:
        if isinstance(record, Entry):
            _check_entry(record, found, index, now_ms)
            if progress is not None and not found.keys & 0xFF:
                progress()
        elif isinstance(record, ResizeDb):
            check_databases(len(told))
            told[record.db] = record if record.db not in told else _sum(told[record.db], record)
        elif isinstance(record, Function):
            _add_oddities(record_oddities(record), record, found)
            if record.library is not None and record.library in libraries:
                _add_oddities([Oddity("function-twice", "")], record, found)
            libraries.add(record.library)
        elif isinstance(record, HashTemplate):
            _add_oddities(record_oddities(record), record, found)
        elif isinstance(record, End):
            found.size, found.checksum = record.size, record.checksum
    _check_hints(told, found)
    found.tail = reader.tail()
    _check_tail(found, found.tail)
    found.complete = True


def _check_entry(entry: Entry, found: Soundness, index: KeyIndex, now_ms: int) -> None:
    found.keys += 1
    if entry.db not in found.keys_by_db:
        check_databases(len(found.keys_by_db))
    found.keys_by_db[entry.db] += 1
    expiry = entry.expires_at_ms
    if expiry is not None:
        found.expires_by_db[entry.db] += 1
        found.expired += expiry <= now_ms
    try:
        index.note(entry.key, entry.offset, entry.db)
        if isinstance(entry, AttributedEntry):
            _add_oddities(attribute_oddities(entry), entry, found)
        if layout_of(entry.row).odd.is_checked:
            _add_oddities(large_oddities(entry) if entry.is_large else oddities(entry), entry, found)
            return
        value = None if entry.is_large else value_of(entry)
        if isinstance(value, bytes):
            return  # most are; there is nothing more to say about a string
        remarks = _check_large(entry) if value is None else _check_value(entry, value)
        for severity, message in remarks:
            found.add(Problem(severity, message, entry.offset, entry.db, entry.key))
    except DecodeError as error:
        found.add(Problem.of(error))


def _add_oddities(told: Iterable[Oddity], record: Record, found: Soundness) -> None:
    for oddity in told:
        severity, message = _odd_words(oddity)
        if isinstance(record, Entry):
            found.add(Problem(severity, message, record.offset, record.db, record.key))
        else:
            found.add(Problem(severity, message, record.offset))


def _odd_words(oddity: Oddity) -> tuple[Severity, str]:
    """What is odd, and who refuses it where that is not everybody."""
    trait = TRAITS[oddity.trait]
    words = oddity.detail or trait.says
    if trait.is_refused_everywhere:
        return "error", words
    refusing, dying = trait.words("refuses"), trait.words("dies")
    words += f"; {refusing} refuse it" if refusing else ""
    words += f"; {dying} may end when it is used" if dying else ""
    return "warning" if trait.is_harmless else "error", words


def value_of(entry: Entry) -> Any:
    """The decoded value; None for one that unpacks to more than is held: it passes by like a large one."""
    try:
        return entry.value()
    except LimitExceeded:
        return None


def _check_value(entry: Entry, value: Any) -> Iterator[tuple[Severity, str]]:
    if hasattr(value, "__len__") and not len(value):
        yield "warning", f"an empty {entry.type}: servers drop the key or refuse the file"
    if isinstance(value, ZSet):
        yield from _check_scores(value, entry)


def _check_scores(value: ZSet, entry: Entry) -> Iterator[tuple[Severity, str]]:
    if any(map(math.isnan, value.values())):
        yield NOT_A_SCORE
    elif entry.encoding in ("ziplist", "listpack"):
        pairs = [(score, member) for member, score in value.items()]
        if pairs != sorted(pairs):
            yield "warning", "the members are not in order of score: range queries will be wrong"


def _check_large(entry: Entry) -> Iterator[tuple[Severity, str]]:
    """A value that passes by: verified in batches, its members collected to find doubles."""
    unique = entry.type in ("set", "zset", "hash")
    bad_scores = False
    batches: Iterator[list[Any]] = entry.items(skip_large=True)
    with KeyIndex() as index:
        for batch in batches:
            if unique:
                members = batch if entry.type == "set" else [item[0] for item in batch]
                index.add(members)
            if entry.type == "zset":
                bad_scores = bad_scores or any(math.isnan(score) for _, score in batch)
        doubles = sum(1 for _ in index.duplicates())
    if bad_scores:
        yield NOT_A_SCORE
    if doubles:
        yield "error", f"{doubles} members or fields occur more than once"


def _sum(first: ResizeDb, second: ResizeDb) -> ResizeDb:
    """Dragonfly writes databases in several parts."""
    keys, expires = first.keys + second.keys, first.expires + second.expires
    return ResizeDb(first.offset, first.raw, first.db, keys, expires)


def _check_hints(told: dict[int, ResizeDb], found: Soundness) -> None:
    for db, hint in told.items():
        keys, expires = found.keys_by_db[db], found.expires_by_db[db]
        if (hint.keys, hint.expires) != (keys, expires):
            promised = f"{hint.keys} keys and {hint.expires} that expire"
            message = f"db {db} was announced with {promised}, it has {keys} and {expires}"
            found.add(Problem("warning", message, hint.offset))


def _check_tail(found: Soundness, tail: Tail) -> None:
    if tail.kind in ("another snapshot", "other bytes"):
        found.add(Problem("warning", f"{tail.size} bytes follow the snapshot: {tail.kind}", found.size))
