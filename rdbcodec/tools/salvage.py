"""What can be saved of a damaged snapshot: a sound file of it, and an account of what is not in it.

    saved = salvage("damaged.rdb", "saved.rdb", resync=True)
    saved.keys, saved.dropped, saved.gaps, saved.missing

A single byte that was changed is told by the checksum and put right (see mending): nothing is lost then. Else
all that stands before the damage is copied byte for byte, and with `resync` what is found behind it. A value
that does not decode, or that no server loads, is left out, unless `keep_damaged`. What is in no key of the
output is accounted for three times: keys that were met and left out, stretches of the file that could not be
read, and what databases had announced and did not come. docs/salvage.md says what became of each key.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import IO, Any, Literal

from rdbcodec.errors import DecodeError, Truncated
from rdbcodec.facts.problems import Problem
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import Dialect
from rdbcodec.limits import CHECKED_VALUE, MAX_PROBLEMS, MAX_RECORD
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.source import Source
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records import (
    Aux,
    Entry,
    Function,
    HashTemplate,
    Header,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
    Vendor,
)
from rdbcodec.servers import Server
from rdbcodec.tail import Tail
from rdbcodec.tools.damage_signs import Doubts
from rdbcodec.tools.mending import Mended, Mending, mend
from rdbcodec.tools.survivors import Gap, Survivors
from rdbcodec.writing.guard import Guard
from rdbcodec.writing.output import OutputLike, OutputPath, Whole, like
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.writer import Writer

Checksum = Literal["ok", "wrong", "none", "not verified", "not reached"]
LEAST_RECORD = 3  # bytes of a key: its type, an empty name, an empty value


class Beside(NamedTuple):
    """A key that was kept, right before damage or right behind it."""

    side: Literal["before", "behind"]
    db: int
    key: bytes


@dataclass(slots=True)
class Salvage:
    """What became of a damaged snapshot.

    `keys` are in the output, by database in `kept`; of them `behind` stood behind damage, and
    `kept_damaged` are known to be damaged, and `rewritten` hold what they held in a layout that servers load,
    which they did not. `beside` names those that stand right before damage, which may have taken the end of
    their value, and right behind it, which may have taken their expiry. `not_wanted` are those that filters
    did not choose. `dropped` keys and other records were met and left out; `problems` says why, of the first.
    `gaps` are the stretches that could not be read, the first of `gap_count`; `announced` is how many keys
    each database was said to have. `ends` says whether the end of the snapshot was met. `mended` is the one
    byte that was put right, which `mended_key` has, or something that is no key.
    """

    size: int = 0
    keys: int = 0
    kept: Counter[int] = field(default_factory=Counter)
    behind: int = 0
    functions: int = 0
    dropped: Counter[int] = field(default_factory=Counter)
    dropped_records: int = 0
    not_wanted: Counter[int] = field(default_factory=Counter)
    kept_damaged: int = 0
    unverified: int = 0
    rewritten: int = 0
    problems: list[Problem] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    gap_count: int = 0
    gap_bytes: int = 0
    announced: dict[int, int] = field(default_factory=dict)
    ends: bool = False
    mended: Mended | None = None
    mended_key: tuple[int, bytes] | None = None
    checksum: Checksum = "not reached"
    tail: Tail | None = None
    header: Header | None = None
    is_header_guessed: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing was wrong with the snapshot: the output has all of it."""
        nothing = not self.gap_count and not self.dropped and not self.dropped_records
        return nothing and not self.kept_damaged and self.checksum != "wrong" and self.mended is None

    @property
    def unvouched(self) -> int:
        """Keys that are kept as they stand: without a right checksum nothing says that no name, text, expiry
        or number of a database was changed, nor that each was a key."""
        return 0 if self.checksum == "ok" else self.keys

    @property
    def missing(self) -> dict[int, int] | None:
        """Keys of each database that were announced and not met, as far as there is a gap they can be in.

        None when the numbers cannot be: more keys than the gaps have room for.
        """
        if not self.gap_count:
            return {}
        met = self.kept + self.dropped + self.not_wanted
        found = {db: keys - met[db] for db, keys in sorted(self.announced.items()) if keys > met[db]}
        is_cut = not self.ends
        return found if is_cut or sum(found.values()) * LEAST_RECORD <= self.gap_bytes else None

    def add_beside(self, side: Literal["before", "behind"], entry: Entry) -> None:
        """Name a key while few are named."""
        if len(self.beside) < MAX_PROBLEMS:
            self.beside.append(Beside(side, entry.db, entry.key))

    def add_problem(self, problem: Problem) -> None:
        """List it while the list is short."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def salvage(
    source: Source,
    output: OutputLike,
    *,
    resync: bool = False,
    keep_damaged: bool = False,
    dialect: Dialect | None = None,
    any_version: bool = False,
    verify_checksum: bool = True,
    max_value: int = CHECKED_VALUE,
    max_record: int = MAX_RECORD,
    selection: Selection | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    progress: Callable[[int, int], Any] | None = None,
) -> Salvage:
    """Write what can be saved of a snapshot; what cannot is in the answer.

    `resync` looks for records behind damage, `keep_damaged` keeps values that do not decode and whose end
    is known all the same. `selection` says which keys are to be saved, `progress` is called with bytes
    read and bytes there are. Raises DecodeError for a file that is no snapshot or whose first bytes are
    of a version nobody knows.
    """
    with Unwrapped(source) as whole, _target(output, source) as target, KeyIndex() as index:
        job = _Job(whole, target, keep_damaged=keep_damaged, progress=progress)
        job.mending = mend(whole) if verify_checksum else Mending(False)
        job.reading = {
            "resync": resync,
            "dialect": dialect,
            "any_version": any_version,
            "verify_checksum": verify_checksum,
            "max_value": max_value,
            "max_record": max_record,
        }
        job.selection = selection or Selection()
        job.writing = {"compression": compression, "replace": replace}
        done = job.run(index)
        if done is None:  # keys are there twice, which is known when all were read
            job.surplus = set(index.surplus("first"))
            done = job.run(None)
    assert done is not None  # the second time nothing is there twice
    return done


@contextmanager
def _target(output: OutputLike, source: Source) -> Iterator[OutputPath | IO[bytes]]:
    """A path, or a temporary file: what is written twice cannot go to a file object at once."""
    if isinstance(output, str | PathLike):
        yield output if isinstance(output, OutputPath) else like(output, source)
        return
    with tempfile.TemporaryFile() as spool:
        yield spool
        spool.seek(0)
        shutil.copyfileobj(spool, Whole(output))


class _Job:
    def __init__(
        self,
        whole: Unwrapped,
        target: OutputPath | IO[bytes],
        *,
        keep_damaged: bool,
        progress: Callable[[int, int], Any] | None,
    ) -> None:
        self.reading: dict[str, Any] = {}
        self.selection = Selection()
        self.mending = Mending(False)
        self.writing: dict[str, Any] = {}
        self.surplus: set[int] = set()  # numbers, among those that are sound, of keys that stood there before
        self._whole = whole
        self._target = target
        self._keep_damaged = keep_damaged
        self._progress = progress or _nothing
        self._libraries: set[bytes] = set()
        self._are_templates_whole = True
        self._doubts = Doubts(are_none=False)
        self._is_odd = False  # the key in hand has what only some servers load
        self._number = 0

    def run(self, index: KeyIndex | None) -> Salvage | None:
        """All of it once; None, and no file, when keys turn out to be there twice."""
        if not isinstance(self._target, OutputPath):
            self._target.seek(0)
            self._target.truncate()
        mended = self.mending.byte
        found = Salvage(size=self._whole.size, mended=mended)
        mended_at = -1 if mended is None else mended.offset
        self._doubts = Doubts(are_none=self.mending.is_right)
        last: Entry | Gap | None = None  # what stood before the record in hand
        survivors = Survivors(self._whole, **self.reading)
        self._libraries.clear()
        self.selection.taken = 0
        self._number, writer, is_kept = 0, None, True
        try:
            for at, record in enumerate(self._without_lone_hints(survivors, found)):
                if not isinstance(record, Gap) and record.offset <= mended_at:
                    found.mended_key = (record.db, record.key) if isinstance(record, Entry) else None
                if isinstance(record, Gap):
                    # A cut takes nothing of what stands before it: that had its end.
                    if is_kept and isinstance(last, Entry) and not isinstance(record.error, Truncated):
                        found.add_beside("before", last)
                    self._note_gap(found, record)
                    last = record
                elif isinstance(record, Header):
                    found.header, found.is_header_guessed = record, survivors.guess is not None
                    writer = self._writer(record)
                elif isinstance(record, Entry):
                    assert writer is not None
                    is_kept = self._is_wanted(record, found) and self._take(record, found, writer, index)
                    if is_kept and isinstance(last, Gap) and record.expires_at_ms is None:
                        found.add_beside("behind", record)
                    last = record
                elif is_kept or not (isinstance(record, Aux) and record.of_last_key):
                    assert writer is not None
                    last = None
                    self._take_record(record, found, writer)
                if not at & _TICK:
                    self._progress(record.end if isinstance(record, Gap) else record.offset, found.size)
            assert writer is not None  # every snapshot has a header, or reading it raises
            if index is not None and next(index.duplicates(), None) is not None:
                writer.abort()
                return None
            writer.close()
        except BaseException:
            if writer is not None:
                writer.abort()
            raise
        self._note_end(found, survivors)
        return found

    def _without_lone_hints(self, records: Iterable[Record | Gap], found: Salvage) -> Iterator[Record | Gap]:
        """Vendors' hints are about the key behind them. One before a gap has none, and may be a type byte
        that was changed: servers of others would refuse the file for it."""
        held: deque[Vendor] = deque()
        for record in records:
            if isinstance(record, Vendor):
                held.append(record)
                if len(held) > _HINTS_OF_A_KEY:
                    yield held.popleft()
                continue
            if isinstance(record, Gap):
                for hint in held:
                    message = f"a vendor's record {hint.name}, and damage behind it"
                    found.add_problem(Problem("error", message, hint.offset))
                    found.dropped_records += 1
            else:
                yield from held
            held.clear()
            yield record

    def _writer(self, header: Header) -> Writer:
        return Writer(
            self._target,
            Server(header.dialect, header.version),
            allow_loss=True,
            verbatim=True,
            duplicates="allow",  # the index of the job looks for them
            **self.writing,
        )

    def _is_wanted(self, entry: Entry, found: Salvage) -> bool:
        """Whether the filters want it. What is too damaged to be asked is wanted: its damage is told."""
        try:
            is_wanted = self.selection.is_empty or self.selection.take(entry)
        except DecodeError:
            return True
        found.not_wanted[entry.db] += not is_wanted
        return is_wanted

    def _take(self, entry: Entry, found: Salvage, writer: Writer, index: KeyIndex | None) -> bool:
        is_kept = self._is_kept(entry, found)
        if is_kept and index is not None:
            index.note(entry.key, self._number, entry.db)
        if is_kept:
            is_kept = self._number not in self.surplus
            self._number += 1
            if not is_kept:
                found.add_problem(
                    Problem("error", "the key stood there before", entry.offset, entry.db, entry.key)
                )
        if is_kept and self._write(entry, found, writer):
            found.keys += 1
            found.kept[entry.db] += 1
            found.behind += bool(found.gap_count)
        else:
            found.dropped[entry.db] += 1
        return is_kept

    def _write(self, entry: Entry, found: Salvage, writer: Writer) -> bool:
        """As it stands; what not all servers load that read its version in a form that they load."""
        if not self._is_odd or entry.is_large:
            return writer.write_entry(entry)
        before = sum(loss.times for loss in writer.losses.all())
        is_written = Guard(writer).write_entry(entry)
        found.rewritten += is_written and sum(loss.times for loss in writer.losses.all()) > before
        return is_written

    def _is_kept(self, entry: Entry, found: Salvage) -> bool:
        try:
            name = entry.key
        except DecodeError as error:  # compressed, and damaged
            found.add_problem(Problem.of(error))
            return False
        problems = self._doubts.of_key(entry, is_behind=found.gap_count > 0)
        if entry.row.refers and not self._are_templates_whole:
            problems.append(Problem("error", "its template is left out", entry.offset, entry.db, name))
        errors = [problem for problem in problems if problem.severity == "error"]
        found.unverified += any(problem.severity == "not verified" for problem in problems)
        self._is_odd = any(problem.severity == "warning" for problem in problems)
        for problem in errors[:1]:
            found.add_problem(problem)
        if not errors:
            return True
        found.kept_damaged += self._keep_damaged
        return self._keep_damaged

    def _take_record(self, record: Record, found: Salvage, writer: Writer) -> None:
        if isinstance(record, ResizeDb):
            found.announced[record.db] = found.announced.get(record.db, 0) + record.keys
        if isinstance(record, _COUNTS):
            return  # the writer selects databases; how many keys they have now is known too late
        problems = self._doubts.of_record(record)
        if isinstance(record, Function):
            name = record.library or record.code
            if name in self._libraries:
                problems.append(Problem("error", "a function library of this name stood there before"))
            self._libraries.add(name)
        for problem in problems[:1]:
            problem.offset = record.offset
            found.add_problem(problem)
            found.dropped_records += 1
            self._are_templates_whole = self._are_templates_whole and not isinstance(record, HashTemplate)
        if not problems:
            found.functions += isinstance(record, Function)
            writer.write_record(record)

    def _note_gap(self, found: Salvage, gap: Gap) -> None:
        found.gap_count += 1
        found.gap_bytes += gap.end - gap.start
        if len(found.gaps) < MAX_PROBLEMS:
            found.gaps.append(gap)

    def _note_end(self, found: Salvage, survivors: Survivors) -> None:
        found.tail, found.ends = survivors.tail, survivors.ended is not None
        if survivors.checksum_error is not None:
            found.checksum = "wrong"
        elif survivors.ended is not None:
            told = survivors.ended.checksum
            found.checksum = "none" if told in ("disabled", "absent") else told  # type: ignore[assignment]


_COUNTS = (SelectDb, ResizeDb, SlotInfo)
_HINTS_OF_A_KEY = 4  # at most
_TICK = 0x3FF  # records between two looks at the progress, a power of two less one


def _nothing(_: int, __: int) -> None:
    """Nobody watches."""
