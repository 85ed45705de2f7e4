"""Parts of a file handed out, and taken in their order when they fit.

    while there are parts:
        the next one, if it begins where reading stands, knowing what is known there: take what it found
        else: read to its end here

One `Work` does the reading here; others of its kind, which it makes, do that in other processes. What they
bring back is joined in the order of the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.parallel.guess import RECORDS, Guesser
from rdbcodec.reading.parallel.jobs import PART
from rdbcodec.reading.parallel.section import Section
from rdbcodec.records.state import Position
from rdbcodec.wire.crc64 import combine

if TYPE_CHECKING:
    from rdbcodec.reading.parallel.section import How, Span

HEAD = 64 << 10  # bytes read first: header, AUX fields, templates and the first keys
LONGEST_STEP = 32  # parts of a size in which no boundary was found that are skipped at once, at most
AHEAD = 2  # parts that each of the others has: one to read, one to go on with
LEAST = 8  # to which fraction parts become smaller towards the end, so that all are done at once


class PartWork(Protocol):
    """What is done with the records of a part. It can be pickled, and what `part` gives."""

    def read(self, section: Section) -> None:
        """Read the section to where it stops. Raises what reading raises."""

    def part(self) -> Any:
        """What came of a part; None when it must be read by the one who has read what stands before it."""


class Work(Protocol):
    """What is done with the records of a file, some of it by others."""

    @property
    def needs_same_hashes(self) -> bool:
        """Whether `hash` must give in other processes what it gives here."""

    def read(self, section: Section) -> None:
        """Read the section to where it stops. Raises what reading raises."""

    def fork(self) -> PartWork | None:
        """One that does the same for a part behind what this one has read; None: that cannot be."""

    def fits(self, part: Any, /) -> bool:
        """Whether it can be joined; all that was read here is known then."""

    def join(self, part: Any, /) -> None:
        """Go on as if it had been read here."""

    def finish(self, ask: Callable[[Sequence[Any]], Sequence[Any]], /) -> None:
        """All was read; those who read parts can be asked for something more: an Errand."""


class Errand(Protocol):
    """What others do that is no part. It can be pickled, and what comes of it."""

    def do(self) -> Any:
        """Do it. When that raises, nothing came of it: None."""


class Part(NamedTuple):
    """A part to read: `stop` None is the end of the file."""

    place: Position
    stop: int | None


class Job(NamedTuple):
    """What is to be done with parts of a file, which must be the one of that identity."""

    path: str
    identity: object
    how: How
    work: PartWork

    def read(self, part: Part | Errand) -> Any:
        """What comes of a part, or of something else, in a process of its own."""
        if isinstance(part, Part):
            return self._read(part)
        try:
            return part.do()
        except Exception:  # noqa: BLE001 - whoever asked does it himself, and is told why it cannot be
            return None

    def _read(self, part: Part) -> Found | None:
        """Read a part.

        None for what must be read in one piece: damage, a wrong guess, a file that is another one meanwhile.
        Whoever reads it then raises what there is to raise.
        """
        try:
            with Section(self.path, self.how) as section:
                if section.stored.identity != self.identity:
                    return None
                section.go_on(part.place, crc=0)
                section.until(part.stop)
                section.holds_end = True
                self.work.read(section)
                span, result = section.span(part.place.offset), self.work.part()
        except Exception:  # noqa: BLE001 - see above; behind a wrong guess there may be anything
            return None
        return None if span is None or result is None else Found(span, result)


class Found(NamedTuple):
    """A part that was read, and what came of it."""

    span: Span
    result: Any


class Hands(Protocol):
    """Those who read parts: processes, or whoever is there."""

    count: int

    def begin(self, job: Job) -> None:
        """Be ready for parts of this file."""

    def give(self, part: Part | Errand) -> None:
        """Read a part, now or later, or do something else."""

    def take(self, waiting: Callable[[], Any]) -> Any:
        """What came of the part that was given first of those not taken; `waiting` is called meanwhile."""

    def close(self) -> None:
        """End, whatever is being done."""


# Called when there is something to do; None when nobody can. With True `hash` must give what it gives here.
Start = Callable[[bool], "Hands | None"]


class Scan:
    """Reads a section to its end with the help of others, who begin when its head was read.

    So they know what is known then, and have what was imported and compiled for it.
    """

    def __init__(
        self,
        section: Section,
        work: Work,
        start: Start,
        how: How,
        *,
        size: int = PART,
        records: int = RECORDS,
        progress: Callable[[], Any] | None = None,
    ) -> None:
        self._section = section
        self._work = work
        self._start = start
        self._how = how
        self._size = size
        self._records = records
        self._progress = progress or _nothing
        self._waiting = deque[Part]()  # parts that others have, and that were not taken yet
        self._looks_for_databases = self._begins_anew = False
        self.joined = self.read_here = 0  # parts

    def run(self) -> None:
        """Read all. Raises what reading raises."""
        self._read(min(HEAD, self._size))
        hands = self._begin()
        if hands is not None:
            try:
                self._read_with(hands)
            finally:
                hands.close()
        self._read(None)

    def _begin(self) -> Hands | None:
        """Those who help, with the job told; None when there is nothing that they could do."""
        work, stored = self._fork(), self._section.stored
        hands = None if work is None else self._start(self._work.needs_same_hashes)
        if hands is None or work is None:
            return None
        try:
            hands.begin(Job(stored.name, stored.identity, self._how, work))
        except BaseException:
            hands.close()
            raise
        return hands

    def _fork(self) -> PartWork | None:
        is_between = self._section.has_stopped and self._section.context is not None
        return self._work.fork() if is_between else None

    def _read_with(self, hands: Hands) -> None:
        for part, found in self._in_order(hands):
            if not self._join(part, found) and not self._is_of_another_database(part):
                self._read_over(part)
            self._progress()
        self._read(None)
        self._work.finish(partial(self._ask, hands))

    def _ask(self, hands: Hands, errands: Sequence[Errand]) -> list[Any]:
        """What came of each, after all parts."""
        self._give_up(hands)
        for errand in errands:
            hands.give(errand)
        return [hands.take(self._progress) for _ in errands]

    def _give_up(self, hands: Hands) -> None:
        """Leave what comes of the parts that others have."""
        while self._waiting:
            self._waiting.popleft()
            hands.take(self._progress)

    def _read(self, stop: int | None) -> None:
        if self._section.ended_at is None:
            self._section.until(stop)
            self._work.read(self._section)

    def _read_over(self, part: Part) -> None:
        """Read here what is not read up to the end of a part."""
        if part.stop is None or self._section.offset < part.stop:
            self.read_here += 1
            self._read(part.stop)

    def _join(self, part: Part, found: Found | None) -> bool:
        section, context = self._section, self._section.context
        if found is None or context is None or Position(section.offset, context) != part.place:
            return False
        if not self._work.fits(found.result):
            return False
        span = found.span
        crc = combine(section.crc, span.crc, span.end - span.begin) if section.makes_crc else 0
        self._work.join(found.result)
        section.take(span, crc)
        self.joined += 1
        return True

    def _in_order(self, hands: Hands) -> Iterator[tuple[Part, Found | None]]:
        """The parts, with what came of them, while more are handed out."""
        section, waiting, at_once = self._section, self._waiting, AHEAD * hands.count
        parts = self._parts(at_once)
        while section.ended_at is None and section.context is not None:
            while len(waiting) < at_once and (part := next(parts, None)) is not None:
                hands.give(part)
                waiting.append(part)
            if not waiting:
                return
            yield waiting.popleft(), hands.take(self._progress)
            if self._begins_anew:
                self._begins_anew = False
                self._give_up(hands)
                parts = self._parts(at_once)

    def _is_of_another_database(self, part: Part) -> bool:
        """Whether a part was read for a wrong database, and nothing else is wrong with it, the first time.

        Most files have one database, or one that has most of them: to look for others in all bytes takes 4%
        of what all processes do to inspect a file. So it begins here; the parts that others have are given
        again.
        """
        section, context = self._section, self._section.context
        if self._looks_for_databases or context is None:
            return False
        place = Position(section.offset, context._replace(db=part.place.context.db))
        self._looks_for_databases = self._begins_anew = place == part.place and place.context != context
        return self._begins_anew

    def _parts(self, at_once: int) -> Iterator[Part]:
        """From guess to guess. What is likely to be known there is what is known here by then, but for the
        database: once there was another one it is looked for in the bytes between."""
        section, guesser = self._section, self._section.guesser(self._records)
        begin: int | None = section.offset
        selected = 0, 0
        while begin is not None and (context := section.context) is not None:
            db = selected[1] if selected[0] > section.offset else context.db
            stop = self._boundary(guesser, begin, at_once)
            yield Part(Position(begin, context._replace(db=db)), stop)
            if self._looks_for_databases and stop is not None:
                found = guesser.database(begin, stop)
                selected = selected if found is None else (stop, found)
            begin = stop

    def _boundary(self, guesser: Guesser, begin: int, at_once: int) -> int | None:
        """The next guess, further away where there is none; None for the end of the file."""
        size = self._section.size or 0
        step = max(self._size // LEAST, min(self._size, (size - begin) // at_once))
        at = begin + step
        while at < size - step // 4:
            found = guesser.boundary(at, begin)
            if found is not None and found < size:
                return found
            at += step
            step = min(2 * step, LONGEST_STEP * self._size)
        return None


def _nothing() -> None:
    pass
