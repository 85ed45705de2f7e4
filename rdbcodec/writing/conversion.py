"""From one snapshot to another: copied, filtered, for another server, its databases folded into one.

    rdbcodec.convert("redis8.rdb", "redis7.rdb", to="redis-7.0", allow_loss=True)

One pass, in bounded memory. Everything the target cannot hold is counted with its first place; when that
was not allowed, the list is the error and there is no file. Without a target the snapshot keeps its form,
and what is kept of it is copied byte for byte, its checksum's absence and what follows it included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from os import PathLike
from typing import TypeVar, get_args

from rdbcodec.datatypes.registry import type_named
from rdbcodec.errors import DecodeError, EncodeError, LossyConversion
from rdbcodec.formats import writable_types
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.runs import Run
from rdbcodec.reading.source import Source
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Header,
    Record,
    SelectDb,
)
from rdbcodec.servers import Server
from rdbcodec.writing.again import OnDuplicate, is_replaceable, opened, reopener, suits_parts
from rdbcodec.writing.arguments import check_word
from rdbcodec.writing.copying import COUNTS, Copying
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.guard import Guard
from rdbcodec.writing.output import OutputLike, OutputPath, like
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.result import Conversion
from rdbcodec.writing.writer import Writer

W = TypeVar("W", bound=Writer)


def convert(
    source: Source | Reader | Callable[[], Reader],
    output: OutputLike,
    *,
    to: str | Server | None = None,
    allow_loss: bool = False,
    keep: Callable[[Entry], bool] | None = None,
    functions: bool = True,
    fold_databases: str | Folding | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    checksum: bool | None = None,
    ignore_tail: bool = False,
    on_duplicate: OnDuplicate = "error",
    drop_empty: bool = False,
    look: bool = True,
    jobs: int | None = 1,
    progress: Callable[[], None] | None = None,
) -> Conversion:
    """Write a snapshot for another server; what of it could not be held is in the answer.

    A new file gets the mode of the source.

    `source` is what `open` takes, a Reader, or a function that opens one; the last is called again when
    counts of keys turn out to be wrong. `to` is the name of a server ("redis-6.2", "amr-balanced-7.4") or
    a Server (see Server.of); None keeps the form of the source. `keep` says which keys to write,
    `functions` whether function libraries are. `fold_databases` is a prefix with {db} in it: all keys go to
    database 0, those of others under it. `checksum` None is as in the source. Data behind the snapshot (AOF
    commands, another snapshot) is a loss too, unless `ignore_tail` is set. A key that is there twice,
    which no server loads, is an error;
    `on_duplicate` "first" and "last" keep one of them and read the source once more, "allow" copies both.
    `drop_empty` leaves out lists, sets, sorted sets and hashes without elements, as Redis since 6.2 does.
    Values that the target refuses are mended where that keeps all of them, else lost; `look` False copies
    them unread, which is faster. Without `to` nothing is looked at: the copy is as good as the original.
    `jobs` processes copy a path in parts, None: one a core if it is large; the bytes are those of one. `keep`
    is pickled for them and may count nothing. One does it alone where that cannot be: folded databases,
    `drop_empty`, on_duplicate "first" and "last", outputs that are no files, sources that are wrapped, where
    processes cannot be forked.
    Raises LossyConversion, and writes nothing, when data would be lost and `allow_loss` is not set;
    EncodeError for a value no server loads and for two keys that fold into one; DecodeError for a source
    that cannot be read.
    """
    check_word("on_duplicate", on_duplicate, get_args(OnDuplicate))
    server = Server.of(to) if isinstance(to, str) else to
    if isinstance(output, str | PathLike) and not isinstance(output, OutputPath):
        output = like(output, source)
    fold = Folding(fold_databases) if isinstance(fold_databases, str) else fold_databases
    suits = suits_parts(output, fold=fold, on_duplicate=on_duplicate, drop_empty=drop_empty)
    again = reopener(source, jobs if suits else 1)
    job = _Job(server, keep=keep, functions=functions, fold=fold, progress=progress)
    job.compression, job.replace, job.checksum = compression, replace, checksum
    job.ignore_tail = ignore_tail
    job.on_duplicate, job.drop_empty, job.again = on_duplicate, drop_empty, again
    job.look = look
    if again is None:
        with opened(source) as reader:
            done = job.run(reader, output, allow_loss=allow_loss, trusting=False)
        assert done is not None  # only a trusting run and one that is not alone give up
        return done
    with KeyIndex() as index:
        if on_duplicate in ("first", "last"):
            job.count_keys(index, again)
        trusting = is_replaceable(output)
        job.is_alone = not suits
        while True:
            was_alone = job.is_alone
            with again() as reader:
                done = job.run(reader, output, allow_loss=allow_loss, trusting=trusting)
            if done is not None:
                return done
            trusting = trusting and job.is_alone is not was_alone


class _Job:
    """One conversion under way."""

    compression: Compression | None = None
    replace: bool = True
    checksum: bool | None = None
    ignore_tail: bool = False
    on_duplicate: OnDuplicate = "error"
    drop_empty: bool = False
    again: Callable[[], Reader] | None = None
    index: KeyIndex | None = None  # of all keys, when some of them are surplus
    look: bool = True
    is_alone: bool = True  # whatever others the reader has

    def __init__(
        self,
        server: Server | None,
        *,
        keep: Callable[[Entry], bool] | None,
        functions: bool,
        fold: Folding | None,
        progress: Callable[[], None] | None,
    ) -> None:
        self.server = server
        self.keep = keep
        self.functions = functions
        self.fold = fold
        self.progress = progress or _nothing

    def run(
        self, reader: Reader, output: OutputLike, *, allow_loss: bool, trusting: bool
    ) -> Conversion | None:
        """Convert all of it. `trusting` copies counts of keys before it is known whether they stay true,
        and gives up, with None, when they did not.
        """
        if reader.in_parts is not None and not self.is_alone:
            return self._run_in_parts(reader, output, allow_loss=allow_loss, trusting=trusting)
        records = self._records(reader)
        header = next(records)
        assert isinstance(header, Header)  # every snapshot begins with one
        if self.fold is not None:
            self.fold.renamed.clear()
        if self.on_duplicate in ("first", "last") and self.index is None:
            raise EncodeError("to keep the first or last of equal keys the source is read twice: give a file")
        writer = self._writer(output, header, Writer)
        copying, counting = self._copying(reader, header, writer, trusting=trusting)
        try:
            if self.index is not None or self.drop_empty:
                records = self._without_surplus(records, writer)
            if not copying.copy(records, self._guarded(writer), self.progress, counting):
                writer.abort()
                return None
            return self._finished(reader, writer, copying, allow_loss=allow_loss)
        except BaseException:
            writer.abort()
            raise

    def _run_in_parts(
        self, reader: Reader, output: OutputLike, *, allow_loss: bool, trusting: bool
    ) -> Conversion | None:
        """The same with the help of other processes.

        None, too, when a key may be there twice: who does it alone knows the names, and says where.
        """
        # Most files are read by one process, which needs none of it.
        from rdbcodec.writing.conversion_parts import copied_in_parts  # noqa: PLC0415
        from rdbcodec.writing.part_writer import WholeWriter  # noqa: PLC0415

        def begin(section: Reader, header: Header) -> tuple[WholeWriter, Copying, Writer | None]:
            writer = self._writer(output, header, WholeWriter)
            return writer, *self._copying(section, header, writer, trusting=trusting)

        asks = {"is_guarded": self._looks, "asks_keys": self.keep is not None}
        with copied_in_parts(reader, begin, self.progress, **asks) as copied:
            if copied is None:
                return None
            writer, copying = copied
            if writer.may_repeat():
                self.is_alone = True
                return None
            return self._finished(reader, writer, copying, allow_loss=allow_loss)

    def _finished(self, reader: Reader, writer: Writer, copying: Copying, *, allow_loss: bool) -> Conversion:
        """All records are written: what follows them, whether that may be, and what was done."""
        tail = self._tail(reader, writer)
        if self.fold is not None:
            self.fold.check()
        self._check_losses(writer, allow_loss)
        self._check_duplicates(writer)
        writer.checksum = self._wants_checksum(copying.end) if self.checksum is None else self.checksum
        writer.close(tail)
        name, filtered = writer.server.name, copying.filtered
        done = Conversion(name, writer, filtered, copying.filtered_functions, copying.modules)
        done.renamed = {} if self.fold is None else dict(sorted(self.fold.renamed.items()))
        return done

    def _copying(
        self, reader: Reader, header: Header, writer: Writer, *, trusting: bool
    ) -> tuple[Copying, Writer | None]:
        """What is done with each record; the writer, if its dropped keys make counts wrong."""
        counted = self._counts_hold(reader, header, trusting=trusting)
        has_counts = self.server is None or not _COUNT_OPCODES.isdisjoint(self.server.opcodes)
        copying = Copying(
            keep=self.keep,
            functions=self.functions,
            copies_modules=self.keep is not None and self.server is None,
            fold=self.fold,
            skipped=COUNTS if not counted else () if has_counts else (SelectDb,),
        )
        return copying, writer if counted and has_counts else None

    def _writer(self, output: OutputLike, header: Header, kind: type[W]) -> W:
        return kind(
            output,
            self.server or Server(header.dialect, header.version),
            compression=self.compression,
            replace=self.replace,
            allow_loss=True,
            verbatim=self.server is None,
            db=0 if self._is_plain_copy() else None,
            duplicates="allow" if self.on_duplicate == "allow" else "error",
        )

    @property
    def _looks(self) -> bool:
        """A copy in the form of the original is exact, and as good or bad as that."""
        return self.server is not None and self.look

    def _guarded(self, writer: Writer) -> Writer | Guard:
        return Guard(writer) if self._looks else writer

    def _counts_hold(self, reader: Reader, header: Header, *, trusting: bool) -> bool:
        """Whether counts of keys may be copied: they stay true when every key is written."""
        if self.keep is not None or self.fold is not None or self.index is not None or self.drop_empty:
            return False
        server = self.server
        if server is None or trusting:
            return True
        held = {row.type for row in server.types.values()}
        types = {row.type for row in writable_types(reader.dialect, header.version).values()}
        return types <= held and server.modules is None and server.databases is None

    def _name(self, entry: Entry) -> tuple[int, bytes]:
        """Database and key of an entry in the output."""
        return (entry.db, entry.key) if self.fold is None else (0, self.fold.key_of(entry.db, entry.key))

    def count_keys(self, index: KeyIndex, again: Callable[[], Reader]) -> None:
        """Look at all keys before the first is written: which are surplus is not known earlier."""
        with again() as reader:
            for number, entry in enumerate(record for record in reader if isinstance(record, Entry)):
                db, key = self._name(entry)
                index.note(key, number, db)
        self.index = index

    def _records(self, reader: Reader) -> Iterator[Record | Run]:
        """Keys in runs where none is looked at alone."""
        if self.index is None and not self.drop_empty and self.keep is None and self.fold is None:
            return chain.from_iterable(reader.runs(_STRETCH))
        return iter(reader)

    def _without_surplus(self, records: Iterator[Record | Run], writer: Writer) -> Iterator[Record | Run]:
        """The records but for keys of which another stays, and empty ones if those shall go."""
        surplus: Iterator[int] = iter(())
        if self.index is not None:
            surplus = self.index.surplus("first" if self.on_duplicate == "first" else "last")
        number, unwanted, was_dropped = -1, next(surplus, None), False
        for record in records:
            if not isinstance(record, Entry):
                if not (was_dropped and isinstance(record, Aux) and record.of_last_key):
                    was_dropped = False
                    yield record
                continue
            number += 1
            kind = None
            if number == unwanted:
                kind, unwanted = "duplicate", next(surplus, None)
            elif self.drop_empty and _is_empty(record):
                kind = "empty-dropped"
            was_dropped = kind is not None
            if kind is None:
                yield record
            else:
                writer.lose(kind, record)

    def _check_duplicates(self, writer: Writer) -> None:
        """Say of keys that are there twice where they are, if the source can still be asked."""
        duplicate = writer.first_duplicate()
        if duplicate is None:
            return
        places = list(islice(self._offsets(duplicate.db, duplicate.key), 2))
        if self.fold is None:
            where = f", at offsets {places[0]} and {places[1]}" if len(places) == 2 else ""
            error = EncodeError(
                f"the key is there twice{where}, which no server loads: on-duplicate first or last keeps one",
                server=writer.server.name,
            )
            error.db, error.key = duplicate.db, duplicate.key
            raise error
        where = f" at offsets {places[0]} and {places[1]}" if len(places) == 2 else ""
        raise EncodeError(
            f"the keys{where} have the same name once their databases are folded "
            f"with the prefix {self.fold.template!r}"
        )

    def _offsets(self, db: int, key: bytes) -> Iterator[int]:
        if self.again is None:
            return
        with self.again() as reader:
            for record in reader:
                if isinstance(record, Entry) and self._name(record) == (db, key):
                    yield record.offset

    def _tail(self, reader: Reader, writer: Writer) -> Iterator[bytes]:
        """What follows the snapshot: kept by a plain copy, otherwise counted as lost."""
        if self._is_plain_copy():
            return reader.tail_pieces()
        if not self.ignore_tail:
            loss = reader.tail().loss
            if loss:
                writer.losses.add(loss, offset=reader.ended_at)
        return iter(())

    def _is_plain_copy(self) -> bool:
        return self.server is None and self.keep is None and self.fold is None and self.functions

    def _check_losses(self, writer: Writer, allow_loss: bool) -> None:
        losses = writer.losses.of("data")
        if losses and not allow_loss:
            raise LossyConversion(losses, server=writer.server.name)

    def _wants_checksum(self, end: End | None) -> bool:
        """A copy has none where the original has none; anything else gets one."""
        return self.server is not None or end is None or end.checksum != "disabled"


_STRETCH = 8 << 20  # bytes of records handed on as one iterator
_COUNT_OPCODES = {"resizedb", "slot-info"}  # a server without them is told no count that could be wrong


def _is_empty(entry: Entry) -> bool:
    """Whether it is a collection without elements; a damaged one is not, and is met where it is decoded."""
    if type_named(entry.type).empty == "kept":
        return False
    with suppress(DecodeError):
        return entry.count == 0
    return False


def _nothing() -> None:
    """Nobody watches."""
