"""The text of a snapshot whose parts several processes write: what they write is joined in order.

Text is what it is whatever stands before it, but for the database that commands have selected, and for what
begins a table or an array. Each part goes to a file of a folder, which whoever reads all of it makes and
removes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from rdbcodec.exports import ndjson, tables
from rdbcodec.exports.rows import InRuns
from rdbcodec.facts.passes import STRETCH
from rdbcodec.losses import Losses
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.runs import ShortStrings
from rdbcodec.records import Entry, Header

if TYPE_CHECKING:
    from rdbcodec.reading.parallel.section import Section
    from rdbcodec.reading.reader import Reader

COPIED = 256 << 10  # bytes of a part that are copied at a time: they stay in the caches; 1 MiB takes 1.6x


class Before(NamedTuple):
    """What stands before: whether any text, and the database that is selected by it.

    `on_select` is told which one the text selects then.
    """

    is_text: bool = False
    db: int | None = None
    on_select: Callable[[int], object] | None = None


class Form(Protocol):
    """Text of records, in pieces. It can be pickled."""

    @property
    def needs_header(self) -> bool:
        """Before the records of a part, too."""

    def pieces(self, records: Iterator[InRuns], *, losses: Losses, before: Before) -> Iterator[bytes]:
        """The text of all records, or of some and what ends it; `ending` is missing."""

    def ending(self, before: Before) -> bytes:
        """What stands behind the text of all records."""


def whole(form: Form, records: Iterator[InRuns], losses: Losses) -> Iterator[bytes]:
    """The text of all records, its ending too."""
    is_text = False
    for piece in form.pieces(records, losses=losses, before=Before()):
        is_text = is_text or bool(piece)
        yield piece
    yield form.ending(Before(is_text))


class Ndjson(NamedTuple):
    """Lines of JSON."""

    everything: bool = False
    needs_header: bool = False

    def pieces(self, records: Iterator[InRuns], *, losses: Losses, before: Before) -> Iterator[bytes]:
        """The lines."""
        del losses, before
        return (piece.encode() for piece in ndjson.lines(records, everything=self.everything))

    def ending(self, before: Before) -> bytes:
        """None."""
        del before
        return b""


class Json(NamedTuple):
    """One array of JSON."""

    everything: bool = False
    needs_header: bool = False

    def pieces(self, records: Iterator[InRuns], *, losses: Losses, before: Before) -> Iterator[bytes]:
        """The objects, what separates them from those before first."""
        del losses
        text = tables.json_objects(records, everything=self.everything, is_begun=before.is_text)
        return (piece.encode() for piece in text)

    def ending(self, before: Before) -> bytes:
        """The end of the array."""
        return tables.json_end(is_begun=before.is_text).encode()


class Csv(NamedTuple):
    """Rows of CSV."""

    safe: bool = False
    needs_header: bool = False

    def pieces(self, records: Iterator[InRuns], *, losses: Losses, before: Before) -> Iterator[bytes]:
        """The rows, the first of all rows first."""
        del losses
        text = tables.csv_rows(records, safe=self.safe, head=not before.is_text)
        return (piece.encode() for piece in text)

    def ending(self, before: Before) -> bytes:
        """None."""
        del before
        return b""


class Commands(NamedTuple):
    """Commands for a server; see exports.resp."""

    version: int | None = None
    to: str | None = None
    modules: list[str] | None = None
    restore: bool = False
    now_ms: int = 0
    needs_header: bool = True

    def pieces(self, records: Iterator[InRuns], *, losses: Losses, before: Before) -> Iterator[bytes]:
        """The commands."""
        from rdbcodec.exports import (  # noqa: PLC0415 - brings the writing half, which no other format needs
            resp,
        )

        return resp.commands(
            records,
            version=self.version,
            to=self.to,
            modules=self.modules,
            restore=self.restore,
            now_ms=self.now_ms,
            losses=losses,
            db=before.db,
            on_select=before.on_select,
        )

    def ending(self, before: Before) -> bytes:
        """None."""
        del before
        return b""


class Written(NamedTuple):
    """A part that was written: where, the databases that are selected before and by it, what was lost."""

    path: str
    before: int
    selected: int | None
    losses: Losses


class Writing:
    """Writes the text of records to `out` (a reading.parallel.scan.Work); forks write files in `folder`."""

    needs_same_hashes = False

    def __init__(
        self,
        form: Form,
        out: BinaryIO | None,
        folder: Path,
        *,
        losses: Losses,
        header: Header | None = None,
        progress: Callable[[], Any] | None = None,
    ) -> None:
        self._form = form
        self._out = out
        self._folder = folder
        self._losses = losses
        self._header = header
        self._progress = progress
        self._before = 0
        self._is_text = False  # whether any stands before
        self._has_keys = False
        self._db: int | None = None  # that the text selects
        self._path = ""

    def read(self, section: Section) -> None:
        """Write what is read."""
        if self._out is not None:
            self._write(section, self._out, self._db)
            return
        context = section.context
        assert context is not None, "a part begins between two records"
        self._before = context.db
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as out:
            self._path = out.name
            self._write(section, out, context.db)  # type: ignore[arg-type] # it has `write`

    def _write(self, section: Section, out: BinaryIO, db: int | None) -> None:
        source = chain.from_iterable(self._stretches(section))
        # Behind the first key nothing is looked at here: that would cost each record a call.
        records = source if self._has_keys else chain(self._to_first_key(source), source)
        if self._form.needs_header and self._header is not None:
            records = chain((self._header,), records)
        before = Before(self._is_text, db, self._select)
        for piece in self._form.pieces(records, losses=self._losses, before=before):
            out.write(piece)
            self._is_text = self._is_text or bool(piece)
            if self._progress is not None:
                self._progress()

    def _stretches(self, section: Section) -> Iterator[Iterator[InRuns]]:
        """Those up to where the section stops; all of them where no key stands before that.

        What is told of the header depends on all that stands before the first key.
        """
        yield from section.short_runs(STRETCH)
        if not self._has_keys and section.ended_at is None:
            section.until(None)
            yield from section.short_runs(STRETCH)

    def _to_first_key(self, records: Iterator[InRuns]) -> Iterator[InRuns]:
        for record in records:
            if isinstance(record, Header):
                self._header = record
            self._has_keys = isinstance(record, (Entry, ShortStrings))
            yield record
            if self._has_keys:
                return

    def _select(self, db: int) -> None:
        self._db = db

    def fork(self) -> Writing | None:
        """None before the first key: what stands before it may say something of the header."""
        if not self._has_keys:
            return None
        fork = Writing(self._form, None, self._folder, losses=Losses(), header=self._header)
        fork._is_text, fork._has_keys = self._is_text, True
        return fork

    def part(self) -> Written:
        """Where it was written."""
        return Written(self._path, self._before, self._db, self._losses)

    def fits(self, part: Written) -> bool:
        """Whether it was written for the database that is selected, where text selects any."""
        return self._db in (None, part.before)

    def join(self, part: Written) -> None:
        """Write it behind what was written, which removes it."""
        assert self._out is not None
        path = Path(part.path)
        with path.open("rb", buffering=0) as file:
            shutil.copyfileobj(file, self._out, COPIED)
        path.unlink()
        self._db = self._db if part.selected is None else part.selected
        self._losses.join(part.losses)

    def finish(self, ask: object) -> None:
        """Nobody is asked for more."""

    def end(self) -> None:
        """All was read: what ends the text."""
        assert self._out is not None
        self._out.write(self._form.ending(Before(self._is_text)))


def write_in_parts(
    reader: Reader,
    form: Form,
    out: BinaryIO,
    *,
    losses: Losses,
    progress: Callable[[], Any] | None = None,
) -> bool:
    """Write what a reader reads with the help of other processes; False when it has none."""
    if reader.in_parts is None:
        return False
    with tempfile.TemporaryDirectory(prefix="rdbcodec-") as folder:
        work = Writing(form, out, Path(folder), losses=losses, progress=progress)
        reader.in_parts(work, progress)
        work.end()
    return True
