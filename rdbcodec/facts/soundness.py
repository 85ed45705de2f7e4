"""Is a snapshot sound? Everything verified that a file can be wrong about.

Reading verifies framing and checksum; `value()` verifies what is inside values. This module looks at
the rest: keys that occur twice, counts that were promised, bytes behind the end, and what decodes
but will not be loaded or will not behave (rdb-format.md, 6.4).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.errors import DecodeError
from rdbcodec.facts.batches import EntryBatch
from rdbcodec.facts.databases import check_databases
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Batch, Pass, Progress, feed
from rdbcodec.facts.problems import Problem, doubtful, entry_problems, odd_problems, problems_in
from rdbcodec.facts.selected import selected
from rdbcodec.facts.selection import Selection
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.limits import MAX_DATABASES, MAX_PROBLEMS
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.parallel.key_hashes import KeyHashes
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.repeats import Ask
from rdbcodec.records import (
    AttributedEntry,
    Aux,
    Checksum,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    Record,
    ResizeDb,
)
from rdbcodec.tail import Tail

Verdict = Literal["sound", "not sound", "not verified"]


class Soundness(Named):
    """What a check found. `complete` is False when reading ended before the end of the snapshot.

    `filtered` says that the values of some keys only were looked at.
    """

    keys: int = 0
    expired: int = 0
    size: int = 0
    checksum: Checksum = "absent"
    complete: bool = False
    filtered: bool = False
    tail: Tail | None = None
    problems: list[Problem] = made(factory=list)
    errors: int = 0
    warnings: int = 0
    unverified: int = 0
    keys_by_db: Counter[int] = made(factory=Counter)
    expires_by_db: Counter[int] = made(factory=Counter)

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

    def merge(self, other: Soundness) -> Soundness:
        """What was found in two files, or in two parts of one; offsets are those of each."""
        return Soundness(
            keys=self.keys + other.keys,
            expired=self.expired + other.expired,
            size=self.size + other.size,
            checksum=self.checksum,
            complete=self.complete and other.complete,
            filtered=self.filtered or other.filtered,
            tail=self.tail if self.tail == other.tail else None,
            problems=[*self.problems, *other.problems][:MAX_PROBLEMS],
            errors=self.errors + other.errors,
            warnings=self.warnings + other.warnings,
            unverified=self.unverified + other.unverified,
            keys_by_db=self.keys_by_db + other.keys_by_db,
            expires_by_db=self.expires_by_db + other.expires_by_db,
        )


def check(
    reader: Reader,
    *,
    now_ms: int,
    reopen: Callable[[], Reader] | None = None,
    selection: Selection | None = None,
    progress: Progress | None = None,
) -> Soundness:
    """Verify a snapshot, from its first byte to the last; with a selection, of its values those of its keys.

    Does not raise for damaged data: that is what it reports. A damaged value does not end the check,
    damage that hides where the next record begins does. `reopen` gives a second reader, which spares
    keeping the keys' names on disk until it is clear that none occurs twice.
    """
    filtered = selection is not None and not selection.is_empty
    each = SoundnessPass(now_ms=now_ms, reopen=None if filtered else reopen)
    each.found.filtered = filtered
    try:
        feed(reader, [selected(each, selection)], stretch=_STRETCH, progress=progress, also_damaged=True)
    except DecodeError as error:
        each.stop(error)
    try:
        return each.end()
    finally:
        each.close()


# Values of CHECKED_VALUE become many Python objects one after the other; few of them wait for that.
_STRETCH = 1 << 20


def unreadable(error: DecodeError) -> Soundness:
    """The report on a file of which nothing can be read."""
    error.locate(offset=0)
    found = Soundness()
    found.add(Problem.of(error))
    return found


class SoundnessPart(NamedTuple):
    """What was found in a part of a file: also what its databases were announced with, and its keys."""

    found: Soundness
    hints: dict[int, ResizeDb]
    hashes: list[bytes]


class SoundnessPass(Pass[Soundness]):
    """Verifies entries and records; `stop` tells it of damage that ended the reading."""

    looks_at_large = needs_same_hashes = True

    def __init__(self, *, now_ms: int, reopen: Callable[[], Reader] | None = None) -> None:
        self.found = Soundness()
        self.now_ms = now_ms
        self._reopen = reopen
        self._index: KeyIndex | KeyHashes | None = None
        self._hints: dict[int, ResizeDb] = {}
        self._libraries: set[bytes | None] = set()
        # Of large values, in their order: the entries come later, and those in one blob share an offset.
        self._passed: deque[list[Problem]] = deque()

    def begin(self, header: Header) -> None:
        """Only now are there files: what has begun cannot be pickled."""
        del header
        self._index = KeyIndex(self._reopen)

    def batch(self, batch: Batch) -> None:
        """Count all, and look at those in which something can be wrong."""
        self._count(batch)
        are_noted = self._note(batch)
        if batch.short_strings is not None:
            return
        if batch.is_brief and are_noted:
            for entry in doubtful(batch):
                self._look_at(entry)
            return
        for entry in batch.entries:
            if are_noted or self._note(EntryBatch([entry]), tell=True):
                self._look_at(entry)

    def _count(self, batch: Batch) -> None:
        found, db = self.found, batch.db
        if db not in found.keys_by_db:
            check_databases(len(found.keys_by_db))
        found.keys += len(batch)
        found.keys_by_db[db] += len(batch)
        if batch.expiries:
            found.expires_by_db[db] += len(batch.expiries)
            found.expired += sum(time <= self.now_ms for time in batch.expiries)

    def _note(self, batch: Batch, *, tell: bool = False) -> bool:
        """Note the keys, none of them when one is damaged; that one tells which it is when it is alone."""
        assert self._index is not None
        try:
            if batch.run is None:
                self._index.add_entries(batch.entries)
            else:
                self._index.add_run(batch.run)
        except DecodeError as error:
            if tell:
                self.found.add(Problem.of(error))
            return False
        return True

    def large(self, entry: LargeEntry) -> None:
        """What passes by is verified as it does; what was found is told with its entry."""
        problems: list[Problem] = []
        self._passed.append(problems)
        try:
            problems += problems_in(entry, None)
        except DecodeError as error:
            problems.append(Problem.of(error))

    def record(self, record: Record) -> None:
        """What databases promise, libraries and templates, the end."""
        if isinstance(record, ResizeDb):
            told = self._hints
            check_databases(len(told))
            told[record.db] = record if record.db not in told else _sum(told[record.db], record)
        elif isinstance(record, Function):
            self._add(odd_problems(record_oddities(record), record))
            if record.library is not None and record.library in self._libraries:
                self._add(odd_problems([Oddity("function-twice", "")], record))
            self._libraries.add(record.library)
        elif isinstance(record, Aux | HashTemplate):
            self._add(odd_problems(record_oddities(record), record))
        elif isinstance(record, End):
            self.found.size, self.found.checksum = record.size, record.checksum

    def _look_at(self, entry: Entry) -> None:
        if not entry.is_large:
            self._add(entry_problems(entry))
            return
        passed = self._passed.popleft()
        try:
            if isinstance(entry, AttributedEntry):
                self._add(odd_problems(attribute_oddities(entry), entry))
            self._add(passed)
        except DecodeError as error:
            self.found.add(Problem.of(error))

    def _add(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.found.add(problem)

    def after(self, reader: Reader) -> None:
        """Whether promises were kept, and what follows; then all has been seen."""
        found = self.found
        self._add(_broken_hints(self._hints, found))
        found.tail = reader.tail()
        self._add(_problems_behind(found, found.tail))
        found.complete = True

    def stop(self, error: DecodeError) -> None:
        """Damage ended the reading. One inside a large value was met there already."""
        if Problem.of(error) not in self.found.problems[-1:]:
            self.found.add(Problem.of(error))

    def fork(self) -> SoundnessPass | None:
        """The time is the same, and the keys are compared in the end, which takes a second reading."""
        if self._index is None or self._reopen is None:
            return None
        fork = SoundnessPass(now_ms=self.now_ms)
        fork._index = KeyHashes()
        return fork

    def part(self) -> SoundnessPart | None:
        """What was found, unless libraries are among it: whether they are there twice is not known here."""
        if self._libraries or self._passed or not isinstance(self._index, KeyHashes):
            return None
        return SoundnessPart(self.found, self._hints, self._index.packed())

    def fits(self, part: SoundnessPart) -> bool:
        """Unless there are too many databases, which is said where the first of those stands."""
        told, found = self._hints.keys() | part.hints, self.found.keys_by_db.keys() | part.found.keys_by_db
        return max(len(told), len(found)) <= MAX_DATABASES

    def join(self, part: SoundnessPart) -> None:
        """What was found in both."""
        assert isinstance(self._index, KeyIndex)
        self.found = self.found.merge(part.found)
        for db, hint in part.hints.items():
            self._hints[db] = _sum(self._hints[db], hint) if db in self._hints else hint
        self._index.join(part.hashes)

    def finish(self, ask: Ask) -> None:
        """Others compare the hashes of keys."""
        if isinstance(self._index, KeyIndex):
            self._index.compare(ask)

    def end(self) -> Soundness:
        """What was found, keys that are there twice among it."""
        for duplicate in self._index.duplicates() if isinstance(self._index, KeyIndex) else ():
            message = f"the key is there twice, first at offset {duplicate.first}"
            self.found.add(Problem("error", message, duplicate.place, duplicate.db, duplicate.key))
        return self.found

    def close(self) -> None:
        """Give up the files."""
        if isinstance(self._index, KeyIndex):
            self._index.close()
        self._index = None


def _sum(first: ResizeDb, second: ResizeDb) -> ResizeDb:
    """Dragonfly writes databases in several parts."""
    keys, expires = first.keys + second.keys, first.expires + second.expires
    return ResizeDb(first.offset, first.raw, first.db, keys, expires)


def _broken_hints(told: dict[int, ResizeDb], found: Soundness) -> Iterator[Problem]:
    for db, hint in told.items():
        keys, expires = found.keys_by_db[db], found.expires_by_db[db]
        if (hint.keys, hint.expires) != (keys, expires):
            promised = f"{hint.keys} keys and {hint.expires} that expire"
            message = f"db {db} was announced with {promised}, it has {keys} and {expires}"
            yield Problem("warning", message, hint.offset)


def _problems_behind(found: Soundness, tail: Tail) -> Iterator[Problem]:
    if tail.kind in ("another snapshot", "other bytes"):
        yield Problem("warning", f"{tail.size} bytes follow the snapshot: {tail.kind}", found.size)
