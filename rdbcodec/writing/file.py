"""The bytes of a snapshot under way: what is lost, what was written twice, and how it ends."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, TypeVar, get_args

from rdbcodec.errors import EncodeError
from rdbcodec.losses import Losses, row_of
from rdbcodec.records import Entry, end
from rdbcodec.records.registry import LOSSES
from rdbcodec.servers import Server
from rdbcodec.writing.arguments import check_container, check_word
from rdbcodec.writing.output import CHUNK, Output, OutputLike
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.written import OnDuplicate, Written

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.reading.duplicates import Duplicate
    from rdbcodec.records import Record

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound="FileWriter")


class _Ended(list[bytes]):
    """The bytes of a writer that takes no more: so the way most keys take need not ask whether it does."""

    def __init__(self, ending: Literal["closed", "failed"]) -> None:
        super().__init__()
        self._ending = ending

    def append(self, data: bytes) -> None:
        del data
        if self._ending == "closed":
            raise EncodeError("the snapshot is closed: nothing can be written to it any more")
        raise EncodeError("the writer has failed before: there will be no snapshot")


def failing(method: Callable[Concatenate[F, P], R]) -> Callable[Concatenate[F, P], R]:
    """After an exception out of this method the writer stays in error."""

    @wraps(method)
    def watched(writer: F, /, *args: P.args, **options: P.kwargs) -> R:
        try:
            return method(writer, *args, **options)
        except BaseException:
            writer._fail()
            raise

    return watched


class FileWriter:
    """The file of a Writer: bytes are collected, counted and handed on in chunks."""

    def __init__(
        self,
        output: OutputLike,
        server: Server,
        *,
        checksum: bool = True,
        compression: Compression | None = None,
        replace: bool = True,
        allow_loss: bool = False,
        duplicates: OnDuplicate = "error",
    ) -> None:
        check_word("duplicates", duplicates, get_args(OnDuplicate))
        check_container(server, compression)
        self.server = server
        self.losses = Losses()
        self.keys = 0
        self.databases = 1  # that a server needs for it
        self.dropped = 0
        self.checksum = checksum
        self._allow_loss = allow_loss
        self._db: int | None = None
        self._parts: list[bytes] = [server.magic]
        self._held = 0
        self._fresh: list[bytes] = []  # keys of the selected database that `_written` has not got yet
        self._ending: Literal["closed", "failed"] | None = None
        self._output = Output(output, compression=compression, replace=replace)
        self._written = Written() if duplicates == "error" else None
        if self._written is not None:
            weakref.finalize(self, self._written.close)  # for a Writer that is dropped

    def lose(self, kind: str, record: Record) -> None:
        """Count a loss; raise EncodeError when it is one of data and that is not allowed."""
        if isinstance(record, Entry):
            self._lose(kind, offset=record.offset, db=record.db, key=record.key)
        else:
            self._lose(kind, offset=record.offset)

    def lose_key(self, kind: str, db: int, key: bytes) -> None:
        """`lose`, for a key that comes from no file."""
        self._lose(kind, db=db, key=key)

    def _lose_opcode(self, name: str, record: Record) -> None:
        """Count what goes with a record, or an attribute, that the target does not know."""
        kind = LOSSES[name]
        if kind is not None:
            self.lose(kind, record)

    def _lose(
        self, kind: str, *, offset: int | None = None, db: int | None = None, key: bytes | None = None
    ) -> None:
        if not self._allow_loss and row_of(kind).severity == "data":
            error = EncodeError(f"cannot be written whole: {row_of(kind).says}", server=self.server.name)
            error.db, error.key, error.loss = db, key, kind
            raise error
        self.losses.add(kind, offset=offset, db=db, key=key)

    def _has_database(self, db: int, entry: Entry) -> bool:
        if self._holds(db):
            return True
        self.lose("database", entry)
        return False

    def _holds(self, db: int) -> bool:
        return self.server.databases is None or db < self.server.databases

    def _put(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        if self._held > CHUNK:
            self._flush()

    def _pour(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._put(piece)

    def _flush(self) -> None:
        # What is large by itself is not joined with what stands before it: both would be held.
        large = self._parts.pop() if self._parts and len(self._parts[-1]) > CHUNK else b""
        data = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        self._settle()
        for piece in (data, large) if large else (data,):
            self._output.write(piece)

    def _settle(self) -> None:
        """The keys written last are known by their database."""
        if self._written is not None:
            self._written.add_keys(self._fresh, self._db or 0)
        self._fresh.clear()

    @property
    def closed(self) -> bool:
        """Whether the snapshot is there, whole."""
        return self._ending == "closed"

    def first_duplicate(self) -> Duplicate | None:
        """The first key written that was there before, if any; its places count the keys from 0."""
        self._settle()
        return None if self._written is None else self._written.first_duplicate()

    def close(self, tail: Iterable[bytes] = ()) -> None:
        """Write the EOF mark, the checksum and then `tail`, and give the file its name; once.

        Raises EncodeError for keys that are there twice, and when the writer has failed before.
        """
        if not self.closed:
            self._close(tail)

    @failing
    def _close(self, tail: Iterable[bytes]) -> None:
        self._parts.append(b"")  # raises when the writer has failed
        self._check_duplicates()
        self._put(end.encode())
        self._flush()
        crc = self._output.crc if self.checksum else 0
        self._output.write(end.encode_checksum(self.server.version, crc), checked=False)
        for piece in tail:
            self._output.write(piece, checked=False)
        self._output.commit()
        self._end("closed")

    def _check_duplicates(self) -> None:
        duplicate = self.first_duplicate()
        if duplicate is not None:
            numbers = f"number {duplicate.first + 1:,} and number {duplicate.place + 1:,}"
            error = EncodeError(
                f"the key was written twice, as {numbers}, and no server loads that", server=self.server.name
            )
            error.db, error.key = duplicate.db, duplicate.key
            raise error

    def abort(self) -> None:
        """Give up: no file, and no EOF mark in what was written to a file object."""
        self._fail()

    def _fail(self) -> None:
        """From here on there will be no snapshot, whatever the caller does."""
        if self._ending is None:
            self._end("failed")
            self._output.discard()

    def _end(self, ending: Literal["closed", "failed"]) -> None:
        self._ending = ending
        self._parts = _Ended(ending)
        self._fresh.clear()
        if self._written is not None:
            self._written.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
