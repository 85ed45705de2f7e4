"""A pass: what is counted or looked for while a snapshot is read once. Several run in one reading.

    run(reader, [Kinds(), Biggest(20)])  ->  the result of each

    begin(header)   the Header record: once, first
    batch(batch)    entries of one database, in the order of the file, some hundred at a time
    record(record)  a record that is no entry; between the batches, where it stands in the file
    large(entry)    a value too large to hold, while it passes by; its entry comes in the next batch
    after(reader)   all was read: what the reader knows of the whole file, such as what follows the snapshot
    end()           the result, which has `merge(other)`: of two files, or two passes, it makes one

A file may be read by several processes (see rdbcodec.scan), each of which counts parts of it:

    fork()          another pass, which counts parts behind what this one has seen
    part()          what that one counted; goes to this one's process
    fits(part)      whether it can be joined, or must be counted here
    join(part)      go on as if it had been counted here
    finish(ask)     all was counted: `ask` has the others do something more (reading.parallel.scan.Errand)

The rules of this file:

* A batch costs a call, so that a pass counts with C functions what is the same for all entries of it:
  reading a million keys and counting them takes hardly longer than reading them.
* What several passes ask of a batch is computed once, and only when somebody asks.
* A pass can be pickled before it begins and its result at any time: both go to other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from rdbcodec.errors import DecodeError
from rdbcodec.facts.batches import Batch, EntryBatch, RunBatch
from rdbcodec.facts.entry_columns import BRIEF
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.repeats import Ask
from rdbcodec.reading.runs import Run
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry, Header, LargeEntry, Record

__all__ = [
    "BATCH",
    "STRETCH",
    "Batch",
    "Counting",
    "Pass",
    "Progress",
    "Result",
    "all_or_none",
    "feed",
    "fit",
    "join",
    "run",
    "run_over",
]

# Bytes of records, keys and AUX fields among them, that are held at once, and one record more.
STRETCH = 8 << 20
BATCH = 512  # records held at once, so batch times value must stay small: see COUNTED_VALUE

Result = TypeVar("Result")
Progress = Callable[[], Any]


class Pass(Generic[Result]):
    """What a pass may do, all of it nothing; `end` is what each must have."""

    looks_at_large = False  # whether `large` does anything: only one pass of a reading may
    needs_same_hashes = False  # whether forks work only where `hash` is the same: in forked processes

    def begin(self, header: Header) -> None:
        """The first record of the file."""

    def batch(self, batch: Batch) -> None:
        """Count entries."""

    def record(self, record: Record) -> None:
        """Count a record that is neither entry nor header."""

    def large(self, entry: LargeEntry) -> None:
        """Look at a value that passes by, which it does once."""

    def after(self, reader: Reader) -> None:
        """Ask the reader, which has read all."""

    def end(self) -> Result:
        """The result."""
        raise NotImplementedError

    def fork(self) -> Pass[Any] | None:
        """One that begins behind the header and some more of the file, knowing of those what it needs.

        None says that parts cannot be counted apart: the file is read by one process then.
        """
        return None

    def part(self) -> Any:
        """What a fork counted, which can be pickled; None when what it met cannot be joined."""
        return None

    def fits(self, part: Any) -> bool:
        """Whether the count of the part behind can be joined; if not, that part is counted here."""
        del part
        return True

    def join(self, part: Any) -> None:
        """Count the part behind what was counted so far."""
        raise NotImplementedError

    def finish(self, ask: Ask) -> None:
        """All was counted, some of it by others, whom `ask` has do something more."""

    def close(self) -> None:
        """Give up what is held outside of memory, also when reading ended in an error."""


def run(reader: Reader, passes: Sequence[Pass[Any]], *, progress: Progress | None = None) -> list[Any]:
    """Read a snapshot once, for all passes; their results, in their order.

    `progress` is called now and then. Raises what reading raises: there is no result of half a file. Use a
    reader with `max_value` COUNTED_VALUE to stay below 64 MiB whatever the file holds.
    """
    try:
        feed(reader, passes, progress=progress)
        return [each.end() for each in passes]
    finally:
        for each in passes:
            each.close()


def run_over(source: Source | Reader, each: Pass[Result], *, progress: Progress | None = None) -> Result:
    """The result of one pass over a snapshot, or a reader of one; see `run`."""
    if isinstance(source, Reader):
        found: Result = run(source, [each], progress=progress)[0]
        return found
    with open_snapshot(source, max_value=COUNTED_VALUE) as reader:
        return run_over(reader, each, progress=progress)


def feed(
    reader: Reader,
    passes: Sequence[Pass[Any]],
    *,
    stretch: int = STRETCH,
    progress: Progress | None = None,
    also_damaged: bool = False,
) -> None:
    """Give the passes all records of a snapshot, for who asks them for their results himself.

    With `also_damaged` they get what stands before the damage, too, before it is raised.
    """
    work = Counting(passes, stretch=stretch, progress=progress, also_damaged=also_damaged)
    if reader.in_parts is None:
        work.read(reader)
    else:
        reader.in_parts(work, progress)
    for each in passes:
        each.after(reader)


class Counting:
    """Gives passes the records of a reader: all, or those of parts (a reading.parallel.scan.Work)."""

    def __init__(
        self,
        passes: Sequence[Pass[Any]],
        *,
        stretch: int,
        progress: Progress | None = None,
        also_damaged: bool = False,
    ) -> None:
        self._passes = passes
        self._stretch = stretch
        self._progress = progress
        self._also_damaged = also_damaged

    def read(self, reader: Reader) -> None:
        """To the end, or to where it stops."""
        progress = self._progress
        for _ in self.steps(reader):
            if progress is not None:
                progress()

    def steps(self, reader: Reader) -> Iterator[None]:
        """The same, batch by batch, for who takes what a pass has collected on the way."""
        passes = self._passes
        waiting: list[Record] = []  # what is no run: few records, as a rule

        def give_waiting() -> None:
            given = waiting.copy()
            waiting.clear()
            _give(given, passes)

        _look_at_large(reader, passes, give_waiting)
        for records in reader.runs(self._stretch):
            try:
                for record in records:
                    if not isinstance(record, Run):
                        waiting.append(record)
                        if len(waiting) < BATCH:
                            continue
                    give_waiting()
                    if isinstance(record, Run):
                        batch = RunBatch(record)
                        for each in passes:
                            each.batch(batch)
                    yield
            except DecodeError:
                if self._also_damaged:
                    give_waiting()
                raise
            give_waiting()
            yield

    @property
    def needs_same_hashes(self) -> bool:
        """Whether one of the passes does."""
        return any(each.needs_same_hashes for each in self._passes)

    def fork(self) -> Counting | None:
        """The forks of all passes."""
        forks = all_or_none(each.fork() for each in self._passes)
        return None if forks is None else Counting(forks, stretch=self._stretch)

    def part(self) -> list[Any] | None:
        """The parts of all passes."""
        return all_or_none(each.part() for each in self._passes)

    def fits(self, part: list[Any]) -> bool:
        """Whether all of them fit."""
        return fit(self._passes, part)

    def join(self, part: list[Any]) -> None:
        """Join all of them."""
        join(self._passes, part)

    def finish(self, ask: Ask) -> None:
        """Each may ask."""
        for each in self._passes:
            each.finish(ask)


Thing = TypeVar("Thing")


def all_or_none(things: Iterable[Thing | None]) -> list[Thing] | None:
    """All of them, such as the forks of several passes, or their parts; None when one is None."""
    found = [*things]
    known = [thing for thing in found if thing is not None]
    return known if len(known) == len(found) else None


def fit(passes: Sequence[Pass[Any]], part: Sequence[Any]) -> bool:
    """Whether what was counted for each of the passes can be joined."""
    return all(each.fits(counted) for each, counted in zip(passes, part, strict=True))


def join(passes: Sequence[Pass[Any]], part: Sequence[Any]) -> None:
    """Each of the passes joins its own."""
    for each, counted in zip(passes, part, strict=True):
        each.join(counted)


def _look_at_large(reader: Reader, passes: Sequence[Pass[Any]], give_waiting: Callable[[], None]) -> None:
    """A value that passes by comes behind what stands before it: that says of what file and server it is."""
    looking = [each for each in passes if each.looks_at_large]
    if len(looking) > 1:
        names = ", ".join(type(each).__name__ for each in looking)
        raise ValueError(f"only one pass of a reading may look at values that pass by: {names}")
    if looking:

        def large(entry: LargeEntry) -> None:
            give_waiting()
            looking[0].large(entry)

        reader.on_large = large


def _give(batch: list[Record], passes: Sequence[Pass[Any]]) -> None:
    kinds = set(map(type, batch))
    if kinds and kinds <= BRIEF:
        whole = EntryBatch(batch, kinds)  # type: ignore[arg-type] # as nearly all are: that was asked
        for each in passes:
            each.batch(whole)
        return
    for part in _parts(batch):
        for each in passes:
            if isinstance(part, Batch):
                each.batch(part)
            elif isinstance(part, Header):
                each.begin(part)
            else:
                each.record(part)


def _parts(batch: list[Record]) -> Iterator[Batch | Record]:
    """Runs of entries, which other records part, and those: databases begin with such a record."""
    entries: list[Entry] = []
    for record in batch:
        if isinstance(record, Entry):
            entries.append(record)
            continue
        if entries:
            yield EntryBatch(entries)
            entries = []
        yield record
    if entries:
        yield EntryBatch(entries)
