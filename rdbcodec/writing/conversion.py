"""From one snapshot to another: copied, filtered, for another server, its databases folded into one.

    rdbcodec.convert("redis8.rdb", "redis7.rdb", to="redis-7.0", allow_loss=True)

One pass, in bounded memory. Everything the target cannot hold is counted with its first place; when that
was not allowed, the list is the error and there is no file. Without a target the snapshot keeps its form,
and what is kept of it is copied byte for byte, its checksum's absence and what follows it included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import islice
from mmap import mmap
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from rdbcodec.datatypes.registry import type_named
from rdbcodec.errors import DecodeError, EncodeError, LossyConversion
from rdbcodec.formats import writable_types
from rdbcodec.limits import LAID_OUT_VALUE
from rdbcodec.module_names import product_of
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    Header,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
)
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.servers import Server
from rdbcodec.writing.arguments import check_word
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.guard import Guard
from rdbcodec.writing.output import OutputLike, OutputPath, like
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.result import Conversion
from rdbcodec.writing.writer import Writer

OnDuplicate = Literal["error", "first", "last", "allow"]


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
    Raises LossyConversion, and writes nothing, when data would be lost and `allow_loss` is not set;
    EncodeError for a value no server loads and for two keys that fold into one; DecodeError for a source
    that cannot be read.
    """
    check_word("on_duplicate", on_duplicate, get_args(OnDuplicate))
    server = Server.of(to) if isinstance(to, str) else to
    if isinstance(output, str | PathLike) and not isinstance(output, OutputPath):
        output = like(output, source)
    fold = Folding(fold_databases) if isinstance(fold_databases, str) else fold_databases
    again = _reopener(source)
    job = _Job(server, keep=keep, functions=functions, fold=fold, progress=progress)
    job.compression, job.replace, job.checksum = compression, replace, checksum
    job.ignore_tail = ignore_tail
    job.on_duplicate, job.drop_empty, job.again = on_duplicate, drop_empty, again
    job.look = look
    if again is None:
        with _opened(source) as reader:
            done = job.run(reader, output, allow_loss=allow_loss, trusting=False)
        assert done is not None  # only a trusting run gives up
        return done
    with KeyIndex() as index:
        if on_duplicate in ("first", "last"):
            job.count_keys(index, again)
        for trusting in (True, False) if _is_replaceable(output) else (False,):
            with again() as reader:
                done = job.run(reader, output, allow_loss=allow_loss, trusting=trusting)
            if done is not None:
                break
    assert done is not None
    return done


def _reopener(source: Source | Reader | Callable[[], Reader]) -> Callable[[], Reader] | None:
    """How to read the source once more; None when it passes by only once."""
    if isinstance(source, str | PathLike) and not can_be_read_again(source):
        return None
    if isinstance(source, bytes | bytearray | memoryview | mmap | str | PathLike):
        return lambda: open_snapshot(source, max_value=LAID_OUT_VALUE)
    return source if callable(source) else None


def _opened(source: Source | Reader | Callable[[], Reader]) -> AbstractContextManager[Reader]:
    """A source that passes by once; a Reader stays open, as it is the caller's."""
    if isinstance(source, Reader):
        return nullcontext(source)
    return source() if callable(source) else open_snapshot(source, max_value=LAID_OUT_VALUE)


def _is_replaceable(output: OutputLike) -> bool:
    """Whether a first try leaves no trace: a file object, a pipe or a device has what it was given."""
    if not isinstance(output, str | PathLike):
        return False
    path = Path(output)
    return path.is_file() or not path.exists()


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
        self.filtered = self.filtered_functions = 0
        self.modules: set[str] = set()
        self.end: End | None = None

    def run(
        self, reader: Reader, output: OutputLike, *, allow_loss: bool, trusting: bool
    ) -> Conversion | None:
        """Convert all of it. `trusting` copies counts of keys before it is known whether they stay true,
        and gives up, with None, when they did not.
        """
        records = iter(reader)
        header = next(records)
        assert isinstance(header, Header)  # every snapshot begins with one
        self.filtered = self.filtered_functions = 0
        self.modules.clear()
        if self.fold is not None:
            self.fold.renamed.clear()
        if self.on_duplicate in ("first", "last") and self.index is None:
            raise EncodeError("to keep the first or last of equal keys the source is read twice: give a file")
        writer = self._writer(output, header)
        counted = self._counts_hold(reader, header, trusting=trusting)
        has_counts = self.server is None or not _COUNT_OPCODES.isdisjoint(self.server.opcodes)
        skipped = _COUNTS if not counted else () if has_counts else (SelectDb,)
        gives_up = counted and has_counts
        try:
            if self.index is not None or self.drop_empty:
                records = self._without_surplus(records, writer)
            if not self._copy(records, self._guarded(writer), skipped, writer if gives_up else None):
                writer.abort()
                return None
            tail = self._tail(reader, writer)
            if self.fold is not None:
                self.fold.check()
            self._check_losses(writer, allow_loss)
            self._check_duplicates(writer)
            writer.checksum = self._wants_checksum() if self.checksum is None else self.checksum
            writer.close(tail)
        except BaseException:
            writer.abort()
            raise
        done = Conversion(writer.server.name, writer, self.filtered, self.filtered_functions, self.modules)
        done.renamed = {} if self.fold is None else dict(sorted(self.fold.renamed.items()))
        return done

    def _writer(self, output: OutputLike, header: Header) -> Writer:
        return Writer(
            output,
            self.server or Server(header.dialect, header.version),
            compression=self.compression,
            replace=self.replace,
            allow_loss=True,
            verbatim=self.server is None,
            db=0 if self._is_plain_copy() else None,
            duplicates="allow" if self.on_duplicate == "allow" else "error",
        )

    def _guarded(self, writer: Writer) -> Writer | Guard:
        """A copy in the form of the original is exact, and as good or bad as that."""
        return Guard(writer) if self.server is not None and self.look else writer

    def _copy(
        self,
        records: Iterator[Record],
        writer: Writer | Guard,
        skipped: tuple[type, ...],
        counting: Writer | None,
    ) -> bool:
        """Every record but the kinds `skipped`. Keys come first in the loop: it runs once for each of them.

        False when counts were copied and are wrong: the writer that is `counting` dropped a key.
        """
        keep, fold, write_entry, tick = self.keep, self.fold, writer.write_entry, self.progress
        dropped_at = -1  # of the last key that was not written, or of a remark about it
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                if keep is not None and not keep(record):
                    self.filtered += 1
                    dropped_at = at
                elif not (write_entry(record) if fold is None else self._fold(record, writer, fold)):
                    dropped_at = at
            elif isinstance(record, End):
                self.end = record
            elif isinstance(record, Function) and not self.functions:
                self.filtered_functions += 1
            elif dropped_at == at - 1 and isinstance(record, Aux) and record.of_last_key:
                dropped_at = at
            elif keep is not None and isinstance(record, Aux) and record.name == b"used-mem":
                writer.losses.add("used-mem", offset=record.offset)
            elif not isinstance(record, skipped):
                writer.write_record(record)
                if isinstance(record, ModuleAux) and keep is not None and self.server is None:
                    self.modules.add(product_of(*record.module))
            if not at & _TICK:
                tick()
                if counting is not None and counting.dropped:
                    return False
        return counting is None or not counting.dropped

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

    def _fold(self, entry: Entry, writer: Writer | Guard, fold: Folding) -> bool:
        if fold.renames(entry.db):
            fold.renamed[entry.db] += 1
        return writer.write_entry(entry, db=0, key=fold.key_of(entry.db, entry.key))

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

    def _without_surplus(self, records: Iterator[Record], writer: Writer) -> Iterator[Record]:
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

    def _wants_checksum(self) -> bool:
        """A copy has none where the original has none; anything else gets one."""
        return self.server is not None or self.end is None or self.end.checksum != "disabled"


_COUNTS = (SelectDb, ResizeDb, SlotInfo)  # the writer selects databases by itself
_COUNT_OPCODES = {"resizedb", "slot-info"}  # a server without them is told no count that could be wrong
_TICK = 0x3FF  # records between two looks at the progress, a power of two less one


def _is_empty(entry: Entry) -> bool:
    """Whether it is a collection without elements; a damaged one is not, and is met where it is decoded."""
    if type_named(entry.type).empty == "kept":
        return False
    with suppress(DecodeError):
        return entry.count == 0
    return False


def _nothing() -> None:
    """Nobody watches."""
