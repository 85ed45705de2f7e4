"""A snapshot that several writers write: what stands in the middle of it, and what all is joined to.

A part is the same whatever stands before it, but for the SELECTDB before its first key, which is not needed
where that database is selected already. It is left out and written where parts are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

from rdbcodec.errors import EncodeError
from rdbcodec.losses import Losses
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.parallel.key_hashes import KeyHashes
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.repeats import Ask
from rdbcodec.records import Record, SelectDb
from rdbcodec.servers import Server
from rdbcodec.wire.crc64 import combine
from rdbcodec.writing.file import failing
from rdbcodec.writing.output import CHUNK, OutputLike
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.writer import Writer
from rdbcodec.writing.written import OnDuplicate, Written

Templates = dict[tuple[bytes, ...], int]


class WrittenPart(NamedTuple):
    """A part in a file: its bytes and their checksum, and all that a writer knows behind it.

    `first_db` is the database of its first key when nothing in it selects that, `needed_db` the one that must
    be selected before it, `last_db` the one that is selected behind it; each None when there is none.
    """

    path: str
    size: int
    crc: int
    first_db: int | None
    needed_db: int | None
    last_db: int | None
    keys: int
    databases: int
    dropped: int
    losses: Losses
    hashes: list[bytes] | None
    templates_before: Templates
    templates: Templates
    template_ids: set[int]


class Known(NamedTuple):
    """What is known before a part is written; it can be pickled."""

    server: Server
    is_verbatim: bool
    compares_keys: bool
    templates: Templates
    template_ids: set[int]


class PartWriter(Writer):
    """Writes records that stand in the middle of a snapshot, without what begins and ends that.

    They begin in database `db` of that snapshot.
    """

    def __init__(self, file: IO[bytes], known: Known, db: int) -> None:
        super().__init__(file, known.server, allow_loss=True, verbatim=known.is_verbatim, duplicates="allow")
        self._parts.clear()
        self._held = 0
        self._file = file
        self._db_there = db
        self._first_db: int | None = None
        self._needed_db: int | None = None
        self._known = known
        self._templates, self._template_ids = dict(known.templates), set(known.template_ids)
        self._hashes = KeyHashes() if known.compares_keys else None
        self._written = None if self._hashes is None else _Hashed(self._hashes)

    def _select(self, db: int) -> None:
        if self._db is None:
            self._first_db = self._db = db
            self.databases = max(self.databases, db + 1)
        else:
            super()._select(db)

    def write_record(self, record: Record) -> None:
        """Any record; before the first key the database that is likely to be selected must be."""
        if self._db is None and not isinstance(record, SelectDb):
            self._needed_db = self._db = self._db_there
        super().write_record(record)

    def part(self, path: str) -> WrittenPart:
        """What was written to the file of that path."""
        self._flush()
        return WrittenPart(
            path,
            self._file.tell(),
            self._output.crc,
            self._first_db,
            self._needed_db,
            self._db,
            self.keys,
            self.databases,
            self.dropped,
            self.losses,
            None if self._hashes is None else self._hashes.packed(),
            self._known.templates,
            self._templates,
            self._template_ids,
        )


class WholeWriter(Writer):
    """A writer to which parts are joined.

    It knows no names of keys, only whether one may be there twice.
    """

    def __init__(
        self,
        output: OutputLike,
        server: Server,
        *,
        compression: Compression | None = None,
        replace: bool = True,
        allow_loss: bool = False,
        verbatim: bool = False,
        db: int | None = None,
        duplicates: OnDuplicate = "error",
    ) -> None:
        super().__init__(
            output,
            server,
            compression=compression,
            replace=replace,
            allow_loss=allow_loss,
            verbatim=verbatim,
            db=db,
            duplicates="allow",
        )
        self._index: KeyIndex | None = None
        if duplicates == "error":
            self._index = KeyIndex(_no_second_look)
            self._written = _Unnamed(self._index)

    def known(self) -> Known:
        """What those that write parts have to know."""
        return Known(
            self.server,
            self._verbatim,
            self._index is not None,
            dict(self._templates),
            set(self._template_ids),
        )

    def compare_keys(self, ask: Ask) -> None:
        """Others compare the hashes of all keys."""
        self._settle()
        if self._index is not None:
            self._index.compare(ask)

    def may_repeat(self) -> bool:
        """Whether a key may be there twice."""
        self._settle()
        return self._index is not None and self._index.may_repeat()

    def fits(self, part: WrittenPart) -> bool:
        """Whether a part was written for what stands here."""
        return self._templates == part.templates_before and part.needed_db in (None, self._db)

    @failing
    def join(self, part: WrittenPart) -> None:
        """Write a part behind what was written."""
        if part.first_db is not None and part.first_db != self._db:
            self._select(part.first_db)
        self._flush()
        with Path(part.path).open("rb", buffering=0) as file:
            while piece := file.read(CHUNK):
                self._output.write(piece, checked=False)
        self._output.crc = combine(self._output.crc, part.crc, part.size)
        self._db = self._db if part.last_db is None else part.last_db
        self._templates, self._template_ids = part.templates, part.template_ids
        self.keys += part.keys
        self.dropped += part.dropped
        self.databases = max(self.databases, part.databases)
        self.losses.join(part.losses)
        if self._index is not None and part.hashes is not None:
            self._index.join(part.hashes)


class _Hashed(Written):
    """Of a part only the hashes of keys are kept. Whether a library is there already is not known in it."""

    def __init__(self, hashes: KeyHashes) -> None:
        self._hashes = hashes

    def add_keys(self, keys: Sequence[bytes], db: int) -> None:
        """Their hashes."""
        self._hashes.add(keys, db)

    def is_new_library(self, name: bytes, code: bytes) -> NoReturn:
        """Nobody knows."""
        del name, code
        raise EncodeError("a library stands where those before it are not known", type="function")

    def close(self) -> None:
        """There is nothing on disk."""


class _Unnamed(Written):
    """Keys of which only hashes are known: none of them has the place of another."""

    def first_duplicate(self) -> None:
        """See WholeWriter.may_repeat."""


def _no_second_look() -> Reader:
    raise AssertionError("who knows no names is not asked which are there twice")
