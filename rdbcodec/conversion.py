"""From one snapshot to another: copied, filtered, for another server, its databases folded into one.

    rdbcodec.convert("redis8.rdb", "redis7.rdb", target="redis-7.0", allow_loss=True)

One pass, in bounded memory. Everything the target cannot hold is counted with its first place; when that
was not allowed, the list is the error and there is no file. Without a target the snapshot keeps its form,
and what is kept of it is copied byte for byte, its checksum's absence and what follows it included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from mmap import mmap
from os import PathLike
from pathlib import Path

from rdbcodec.containers import Source
from rdbcodec.datatypes.form import Form
from rdbcodec.datatypes.plain import Plain
from rdbcodec.duplicates import KeyIndex
from rdbcodec.errors import EncodeError, LossyConversion
from rdbcodec.formats import writable_types
from rdbcodec.module_names import product_of
from rdbcodec.reader import Reader
from rdbcodec.reader import open as open_snapshot
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
from rdbcodec.sink import Compression, OutputPath, Target, like
from rdbcodec.writer import Writer, make_form


class Conversion(Plain):
    """What became of a snapshot: keys written, keys and function libraries left out by the filter, losses of
    data and of hints.

    `modules` are those whose records beside the keys a filter let through: only servers that have them load
    the file, whether keys of theirs are in it or not.
    """

    __slots__ = ("filtered", "filtered_functions", "hints", "keys", "losses", "modules", "target")

    def __init__(
        self, target: str, writer: Writer, filtered: int, filtered_functions: int, modules: Iterable[str] = ()
    ) -> None:
        self.modules = tuple(sorted(modules))
        self.target = target
        self.keys = writer.keys
        self.filtered = filtered
        self.filtered_functions = filtered_functions
        self.losses = writer.losses.of("data")
        self.hints = writer.losses.of("hint")


def convert(
    source: Source | Reader | Callable[[], Reader],
    target_file: Target,
    *,
    target: str | Form | None = None,
    allow_loss: bool = False,
    keep: Callable[[Entry], bool] | None = None,
    functions: bool = True,
    fold_databases: str | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    checksum: bool | None = None,
    ignore_tail: bool = False,
    progress: Callable[[], None] | None = None,
) -> Conversion:
    """Write a snapshot for another server; what of it could not be held is in the answer.

    A new file gets the mode of the source.

    `source` is what `open` takes, a Reader, or a function that opens one; the last is called again when
    counts of keys turn out to be wrong. `target` is a release ("redis-6.2", "valkey-8.0") or a Form (see
    make_form); None keeps the form of the source. `keep` says which keys to write, `functions` whether
    function libraries are. `fold_databases` is a prefix with {db} in it: all keys go to database 0, under
    it. `checksum` None is as in the source. Data behind the snapshot (AOF commands, another snapshot) is a
    loss too, unless `ignore_tail` is set.
    Raises LossyConversion, and writes nothing, when data would be lost and `allow_loss` is not set;
    EncodeError for a value no server loads and for two keys that fold into one; DecodeError for a source
    that cannot be read.
    """
    form = make_form(target) if isinstance(target, str) else target
    if isinstance(target_file, str | PathLike) and not isinstance(target_file, OutputPath):
        target_file = like(target_file, source)
    again = _reopener(source)
    job = _Job(form, keep=keep, functions=functions, prefix=fold_databases, progress=progress)
    job.compression, job.replace, job.checksum = compression, replace, checksum
    job.ignore_tail = ignore_tail
    done = None
    if again is None:
        with _opened(source) as reader:
            done = job.run(reader, target_file, allow_loss=allow_loss, trusting=False)
    for trusting in (True, False) if _is_replaceable(target_file) else (False,):
        if done is None and again is not None:
            with again() as reader:
                done = job.run(reader, target_file, allow_loss=allow_loss, trusting=trusting)
    assert done is not None  # only a trusting run gives up
    return done


def _reopener(source: Source | Reader | Callable[[], Reader]) -> Callable[[], Reader] | None:
    """How to read the source once more; None when it passes by only once."""
    if isinstance(source, bytes | bytearray | memoryview | mmap):
        return lambda: open_snapshot(source)
    if isinstance(source, str | PathLike):
        return (lambda: open_snapshot(source)) if Path(source).is_file() else None
    return source if callable(source) else None


def _opened(source: Source | Reader | Callable[[], Reader]) -> AbstractContextManager[Reader]:
    """A source that passes by once; a Reader stays open, as it is the caller's."""
    if isinstance(source, Reader):
        return nullcontext(source)
    return source() if callable(source) else open_snapshot(source)


def _is_replaceable(target_file: Target) -> bool:
    """Whether a first try leaves no trace: a file object, a pipe or a device has what it was given."""
    if not isinstance(target_file, str | PathLike):
        return False
    path = Path(target_file)
    return path.is_file() or not path.exists()


class _Job:
    """One conversion under way."""

    compression: Compression | None = None
    replace: bool = True
    checksum: bool | None = None
    ignore_tail: bool = False

    def __init__(
        self,
        form: Form | None,
        *,
        keep: Callable[[Entry], bool] | None,
        functions: bool,
        prefix: str | None,
        progress: Callable[[], None] | None,
    ) -> None:
        self.form = form
        self.keep = keep
        self.functions = functions
        self.prefix = prefix
        self.progress = progress or _nothing
        self.filtered = self.filtered_functions = 0
        self.modules: set[str] = set()
        self.names = KeyIndex()
        self.end: End | None = None

    def run(
        self, reader: Reader, target_file: Target, *, allow_loss: bool, trusting: bool
    ) -> Conversion | None:
        """Convert all of it. `trusting` copies counts of keys before it is known whether they stay true,
        and gives up, with None, when they did not.
        """
        records = iter(reader)
        header = next(records)
        assert isinstance(header, Header)  # every snapshot begins with one
        self.filtered = self.filtered_functions = 0
        self.modules.clear()
        try:
            writer = self._writer(target_file, header)
        except BaseException:
            self.names.close()
            raise
        counted = self._counts_hold(reader, header, trusting=trusting)
        try:
            self._copy(records, writer, counted=counted)
            tail = self._tail(reader, writer)
            self._check_losses(writer, allow_loss)
            if counted and writer.dropped:
                writer.abort()
                return None
            self._check_folded()
            writer.checksum = self._wants_checksum() if self.checksum is None else self.checksum
            writer.close(tail)
        except BaseException:
            writer.abort()
            raise
        finally:
            self.names.close()
        return Conversion(writer.form.name, writer, self.filtered, self.filtered_functions, self.modules)

    def _writer(self, target_file: Target, header: Header) -> Writer:
        return Writer(
            target_file,
            self.form or Form(header.dialect, header.version),
            compression=self.compression,
            replace=self.replace,
            allow_loss=True,
            verbatim=self.form is None,
            db=0 if self._is_plain_copy() else None,
        )

    def _copy(self, records: Iterator[Record], writer: Writer, *, counted: bool) -> None:
        """Every record. Keys come first in the loop: it runs once for each of them."""
        keep, prefix, write_entry, tick = self.keep, self.prefix, writer.write_entry, self.progress
        dropped_at = -1  # of the last key that was not written, or of a remark about it
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                if keep is not None and not keep(record):
                    self.filtered += 1
                    dropped_at = at
                elif not (write_entry(record) if prefix is None else self._fold(record, writer, prefix)):
                    dropped_at = at
            elif isinstance(record, End):
                self.end = record
            elif isinstance(record, Function) and not self.functions:
                self.filtered_functions += 1
            elif dropped_at == at - 1 and isinstance(record, Aux) and record.of_last_key:
                dropped_at = at
            elif keep is not None and isinstance(record, Aux) and record.name == b"used-mem":
                writer.losses.add("used-mem", offset=record.offset)
            elif counted or not isinstance(record, _COUNTS):
                writer.write_record(record)
                if isinstance(record, ModuleAux) and keep is not None and self.form is None:
                    self.modules.add(product_of(*record.module))
            if not at & _TICK:
                tick()

    def _counts_hold(self, reader: Reader, header: Header, *, trusting: bool) -> bool:
        """Whether counts of keys may be copied: they stay true when every key is written."""
        if self.keep is not None or self.prefix is not None:
            return False
        form = self.form
        if form is None or trusting:
            return True
        held = {row.type for row in form.types.values()}
        types = {row.type for row in writable_types(reader.dialect, header.version).values()}
        return types <= held and form.modules is None and form.databases is None

    def _fold(self, entry: Entry, writer: Writer, prefix: str) -> bool:
        # Words of a command line that are no UTF-8 come as surrogates: the key gets the bytes typed.
        key = prefix.replace("{db}", str(entry.db)).encode("utf-8", "surrogateescape") + entry.key
        self.names.add([key], [entry.offset])
        return writer.write_entry(entry, db=0, key=key)

    def _check_folded(self) -> None:
        found = next(self.names.duplicates(), None)
        if found is not None:
            raise EncodeError(
                f"the keys at offsets {found.first} and {found.place} have the same name once their "
                f"databases are folded with the prefix {self.prefix!r}"
            )

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
        return self.form is None and self.keep is None and self.prefix is None and self.functions

    def _check_losses(self, writer: Writer, allow_loss: bool) -> None:
        losses = writer.losses.of("data")
        if losses and not allow_loss:
            raise LossyConversion(losses, target=writer.form.name)

    def _wants_checksum(self) -> bool:
        """A copy has none where the original has none; anything else gets one."""
        return self.form is not None or self.end is None or self.end.checksum != "disabled"


_COUNTS = (SelectDb, ResizeDb, SlotInfo)  # the writer selects databases by itself
_TICK = 0x3FF  # records between two looks at the progress, a power of two less one


def _nothing() -> None:
    """Nobody watches."""
