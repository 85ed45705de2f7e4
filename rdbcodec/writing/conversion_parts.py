"""A conversion by several processes: each writes parts to files of a folder, and one joins them in order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Header
from rdbcodec.writing.copying import Copying
from rdbcodec.writing.guard import Guard
from rdbcodec.writing.part_writer import Known, PartWriter, WholeWriter, WrittenPart

if TYPE_CHECKING:
    from rdbcodec.reading.parallel.section import Section
    from rdbcodec.reading.reader import Reader
    from rdbcodec.reading.repeats import Ask
    from rdbcodec.writing.writer import Writer

_STRETCH = 1 << 20  # bytes read between two looks at whether a part ends

Begin = Callable[["Reader", Header], "tuple[WholeWriter, Copying, Writer | None]"]


class CountsWrong(Exception):
    """Counts of keys were copied, and a key was dropped."""


class CopiedPart(NamedTuple):
    """What was written of a part, and what was not."""

    written: WrittenPart
    was_kept: bool | None
    filtered: int
    filtered_functions: int
    modules: set[str]


class PartCopying:
    """Copies a part to a file of `folder` (a reading.parallel.scan.PartWork)."""

    def __init__(self, copying: Copying, known: Known, folder: str, *, is_guarded: bool) -> None:
        self._copying = copying
        self._known = known
        self._folder = folder
        self._is_guarded = is_guarded
        self._part: WrittenPart | None = None

    def read(self, section: Section) -> None:
        """Write what is kept of it."""
        context = section.context
        assert context is not None, "a part begins between two records"
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            writer = PartWriter(file, self._known, context.db)
            records = chain.from_iterable(
                section.stretches(_STRETCH, in_runs=None if self._copying.asks_keys else "all")
            )
            self._copying.copy(records, Guard(writer) if self._is_guarded else writer, _nothing)
            self._part = writer.part(file.name)

    def part(self) -> CopiedPart | None:
        """What was written."""
        if self._part is None:
            return None
        copying = self._copying
        left_out = copying.filtered, copying.filtered_functions, copying.modules
        return CopiedPart(self._part, copying.was_kept, *left_out)


class WholeCopying:
    """Copies what is read here, and joins the parts of others (a reading.parallel.scan.Work)."""

    def __init__(
        self, begin: Begin, folder: str, tick: Callable[[], object], *, is_guarded: bool, asks_keys: bool
    ) -> None:
        self._begin = begin
        self._folder = folder
        self._tick = tick
        self._is_guarded = is_guarded
        self._asks_keys = asks_keys
        self.writer: WholeWriter | None = None
        self.copying: Copying | None = None
        self._counting: Writer | None = None
        self._guarded: Writer | Guard | None = None

    @property
    def needs_same_hashes(self) -> bool:
        """Keys are compared by them, unless nobody cares."""
        return self.writer is not None and self.writer.known().compares_keys

    def read(self, section: Section) -> None:
        """Write what is kept of it; the header, which is first, says to what."""
        records = chain.from_iterable(section.stretches(_STRETCH, in_runs=None if self._asks_keys else "all"))
        if self.writer is None or self.copying is None:
            header = next(records)
            assert isinstance(header, Header)  # every snapshot begins with one
            self.writer, self.copying, self._counting = self._begin(section, header)
            self._guarded = Guard(self.writer) if self._is_guarded else self.writer
        assert self._guarded is not None
        if not self.copying.copy(records, self._guarded, self._tick, self._counting):
            raise CountsWrong

    def fork(self) -> PartCopying | None:
        """One that knows what stands before, but not what became of the key before."""
        if self.writer is None or self.copying is None:
            return None
        copying = self.copying.of_a_part()
        return PartCopying(copying, self.writer.known(), self._folder, is_guarded=self._is_guarded)

    def fits(self, part: CopiedPart) -> bool:
        """Whether it was written for what stands here."""
        return self.writer is not None and self.writer.fits(part.written)

    def join(self, part: CopiedPart) -> None:
        """Write it behind what was written, which removes it."""
        assert self.writer is not None
        assert self.copying is not None
        self.writer.join(part.written)
        Path(part.written.path).unlink()
        if part.was_kept is not None:
            self.copying.was_kept = part.was_kept
        self.copying.filtered += part.filtered
        self.copying.filtered_functions += part.filtered_functions
        self.copying.modules |= part.modules
        if self._counting is not None and self._counting.dropped:
            raise CountsWrong

    def finish(self, ask: Ask) -> None:
        """Others compare the hashes of keys."""
        if self.writer is not None:
            self.writer.compare_keys(ask)


@contextmanager
def copied_in_parts(
    reader: Reader, begin: Begin, tick: Callable[[], object], *, is_guarded: bool, asks_keys: bool
) -> Iterator[tuple[WholeWriter, Copying] | None]:
    """The writer of all records of a reader that others help, still open; None when counts went wrong.

    An error there or in the body leaves no output, and no file of a part.
    """
    assert reader.in_parts is not None
    with tempfile.TemporaryDirectory(prefix="rdbcodec-") as folder:
        work = WholeCopying(begin, folder, tick, is_guarded=is_guarded, asks_keys=asks_keys)
        try:
            try:
                reader.in_parts(work, tick)
            except CountsWrong:
                yield None
            else:
                assert work.writer is not None
                assert work.copying is not None
                yield work.writer, work.copying
        finally:
            if work.writer is not None and not work.writer.closed:
                work.writer.abort()


def _nothing() -> None:
    pass
