"""The text of a snapshot whose parts several processes write: what they write is joined in order.

NDJSON and commands are what they are whatever stands before them, but for the database that commands have
selected. Each part goes to a file of a folder, which whoever reads all of it makes and removes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

from rdbcodec.exports import ndjson
from rdbcodec.facts.passes import STRETCH
from rdbcodec.losses import Losses
from rdbcodec.records import Entry, Header, Record

if TYPE_CHECKING:
    from rdbcodec.reading.parallel.section import Section
    from rdbcodec.reading.reader import Reader

COPIED = 1 << 20  # bytes of a part that are copied at a time


class Form(Protocol):
    """Text of records, in pieces. It can be pickled."""

    @property
    def needs_header(self) -> bool:
        """Before the records of a part, too."""

    def pieces(self, records: Iterator[Record], *, losses: Losses, db: int | None) -> Iterator[bytes]:
        """The text; `db` is the database that is selected by what stands before."""


class Ndjson(NamedTuple):
    """Lines of JSON."""

    everything: bool = False
    needs_header: bool = False

    def pieces(self, records: Iterator[Record], *, losses: Losses, db: int | None) -> Iterator[bytes]:
        """The lines."""
        del losses, db
        return (piece.encode() for piece in ndjson.lines(records, everything=self.everything))


class Commands(NamedTuple):
    """Commands for a server; see exports.resp."""

    version: int | None = None
    to: str | None = None
    modules: list[str] | None = None
    restore: bool = False
    now_ms: int = 0
    needs_header: bool = True

    def pieces(self, records: Iterator[Record], *, losses: Losses, db: int | None) -> Iterator[bytes]:
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
            db=db,
        )


class Written(NamedTuple):
    """A part that was written: where, the database of the keys before and of the last, what was lost."""

    path: str
    before: int
    last: int | None
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
        self._db: int | None = None  # of the last key
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
        records = self._noted(chain.from_iterable(section.stretches(STRETCH)))
        if self._form.needs_header and self._header is not None:
            records = chain((self._header,), records)
        for piece in self._form.pieces(records, losses=self._losses, db=db):
            out.write(piece)
            if self._progress is not None:
                self._progress()

    def _noted(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if isinstance(record, Entry):
                self._db = record.db
            elif isinstance(record, Header):
                self._header = record
            yield record

    def fork(self) -> Writing | None:
        """None before the first key: what stands before it may say something of the header."""
        if self._db is None:
            return None
        return Writing(self._form, None, self._folder, losses=Losses(), header=self._header)

    def part(self) -> Written:
        """Where it was written."""
        return Written(self._path, self._before, self._db, self._losses)

    def fits(self, part: Written) -> bool:
        """Whether the database of the last key is still the one that is selected."""
        return part.before == self._db

    def join(self, part: Written) -> None:
        """Write it behind what was written, which removes it."""
        assert self._out is not None
        path = Path(part.path)
        with path.open("rb") as file:
            shutil.copyfileobj(file, self._out, COPIED)
        path.unlink()
        self._db = self._db if part.last is None else part.last
        self._losses.join(part.losses)


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
    return True
