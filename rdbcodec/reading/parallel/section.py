"""A reader of a file that stops between two records, and goes on from another place between two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, TypedDict

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.parallel.guess import Guesser
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import CHUNK
from rdbcodec.records.hash_template import Templates
from rdbcodec.records.state import Position

if TYPE_CHECKING:
    from rdbcodec.formats import Dialect
    from rdbcodec.reading.runs import InRuns
    from rdbcodec.reading.window import Records
    from rdbcodec.records import Record
    from rdbcodec.records.state import FileContext

_BEYOND = 1 << 10  # bytes fetched behind a stop that stands in a record, and twice as many each time
_NEVER = 1 << 62  # more bytes than any file has


class How(TypedDict, total=False):
    """How a file is read: the parameters of Decoder."""

    dialect: Dialect | None
    max_value: int
    max_record: int | None
    verify_checksum: bool
    any_version: bool


class Span(NamedTuple):
    """A part that was read: from where to where, what is known at its end, and the checksum of its bytes.

    `opcodes` are the first places of those that were met.
    """

    begin: int
    end: int
    context: FileContext
    crc: int
    opcodes: dict[str, int]


class Stored:
    """A file as a source: with a size and a name, and read from wherever it is told to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file: IO[bytes] = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123 - closed by its section
        self.name = os.fspath(path)
        told = os.fstat(self._file.fileno())
        self.size = told.st_size or None
        # Servers put a new snapshot in the place of the old one while others read that.
        self.identity = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        return self._file.read(size)

    def seek(self, offset: int) -> None:
        """Read on from there."""
        self._file.seek(offset)

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes that stand elsewhere; what is read next stays what it was."""
        before = self._file.tell()
        try:
            self._file.seek(offset)
            pieces, missing = [], size
            while missing and (piece := self._file.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
            return b"".join(pieces)
        finally:
            self._file.seek(before)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Section(Reader):
    """A reader of a path whose `stretches` end at a stop, or at a place between two records behind it.

    `holds_end`: they end before the End record, too, which only who knows the checksum of all can read.
    `has_stopped` says that they ended for one of these reasons.
    """

    def __init__(self, path: str | os.PathLike[str], how: How) -> None:
        self.stored = Stored(path)
        self._given = 0  # offset of the first byte that was not fetched
        self._stop = _NEVER
        self._beyond = _BEYOND
        self.holds_end = self.is_at_end = self.has_stopped = False
        try:
            super().__init__(self.stored, **how)
        except BaseException:
            self.stored.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.stored.close()

    # --- stopping ------------------------------------------------------------------------------------

    def until(self, stop: int | None) -> None:
        """Read on, until there."""
        self._stop = _NEVER if stop is None else stop
        self._beyond = _BEYOND
        self.has_stopped = False

    def stretches(self, size: int, *, in_runs: InRuns | None = None) -> Iterator[Iterator[Record]]:
        """Those of a reader, up to where this one stops."""
        while self.ended_at is None and not self.has_stopped:
            if self._failure is not None:
                self._fail_again()
            self._records, self._is_stretched = self._run(size, in_runs=in_runs), True
            yield self._records  # type: ignore[misc] # NEED_DATA does not occur
            self._look_around()

    def _look_around(self) -> None:
        """Where the loop left off: at the stop the window is empty, and is not where a record crossed it."""
        window = self._window
        at = window.base + window.pos
        if not self.has_stopped and self.ended_at is None and window.attributes is None:
            self.has_stopped = at >= self._stop or self.is_at_end

    def _fetch(self, wanted: int) -> bytes:
        window = self._window
        size, room = max(CHUNK, min(wanted, window.max_record)), self._stop - self._given
        if room <= 0:
            if window.is_between:
                window.may_end = True
                return b""
            window.weight = _NEVER  # the stretch ends with the record that crosses the stop
            size = room = max(self._beyond, min(wanted, window.max_record))
            self._beyond = min(2 * self._beyond, CHUNK)
        window.may_end = False
        data = self._source.read(min(size, room))
        self._given += len(data)
        return data

    def _end(self) -> Records:
        if not self.holds_end:
            yield from super()._end()
            return
        self._check_tags()
        self.is_at_end = True

    # --- where it is ---------------------------------------------------------------------------------

    @property
    def offset(self) -> int:
        """Where the next record begins, or the pieces of one."""
        return self._window.base + self._window.pos

    @property
    def context(self) -> FileContext | None:
        """What is known there; None when it is no place between two records of the file."""
        if self._is_nested or self._tags is not None or self._window.attributes is not None:
            return None
        return self._window.file_context()

    def span(self, begin: int) -> Span | None:
        """What was read from `begin` on; None when another cannot go on here."""
        window, context = self._window, self.context
        if context is None:
            return None
        window.drop(window.pos)
        return Span(begin, window.base, context, window.crc, dict(window.opcodes))

    @property
    def crc(self) -> int:
        """The checksum of what was read; 0 when none is made."""
        window = self._window
        window.drop(window.pos)
        return window.crc

    @property
    def makes_crc(self) -> bool:
        """Whether a checksum is made."""
        return self._window.verify

    def go_on(self, place: Position, *, crc: int) -> None:
        """Read on from a place between two records, behind bytes with this checksum."""
        window = self._window
        window.buf, window.pos, window.weight, window.crc = b"", 0, 0, crc
        window.templates, window.template_names, window.template_bytes = Templates(), 0, 0
        window.resume(place.context, place.offset)
        self._source.pass_head()
        self._source.raw.position = self._given = place.offset
        self.stored.seek(place.offset)

    def take(self, span: Span, crc: int) -> None:
        """Go on behind what another has read from here on; `crc` is the checksum up to there."""
        self.go_on(Position(span.end, span.context), crc=crc)
        for name, offset in span.opcodes.items():
            self._window.opcodes.setdefault(name, offset)

    def guesser(self, records: int) -> Guesser:
        """Guesses for this file, as its dialect is known so far; so many records make one."""
        window = self._window
        return Guesser(
            self.stored.read_at,
            window.walks,
            window.opcode_rows,
            has_resizedb="resizedb" in window.opcodes,
            records=records,
        )
