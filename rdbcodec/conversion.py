"""From one snapshot to another: copied, filtered, for another server, its databases folded into one.

    rdbcodec.convert("redis8.rdb", "redis7.rdb", target="redis-7.0", allow_loss=True)

One pass, in bounded memory. Everything the target cannot hold is counted with its first place; when that
was not allowed, the list is the error and there is no file. Without a target the snapshot keeps its form,
and what is kept of it is copied byte for byte, its checksum's absence and what follows it included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from rdbcodec.containers import Source
from rdbcodec.datatypes.form import Form
from rdbcodec.datatypes.plain import Plain
from rdbcodec.duplicates import Names
from rdbcodec.errors import EncodeError, LossyConversion
from rdbcodec.formats import writable_types
from rdbcodec.reader import Reader
from rdbcodec.reader import open as open_snapshot
from rdbcodec.records import End, Entry, Header, Record, ResizeDb, SelectDb, SlotInfo
from rdbcodec.sink import Compression, Target
from rdbcodec.writer import Writer, make_form


class Conversion(Plain):
    """What became of a snapshot: keys written and left out by the filter, losses of data and of hints."""

    __slots__ = ("filtered", "hints", "keys", "losses", "target")

    def __init__(self, target: str, writer: Writer, filtered: int) -> None:
        self.target = target
        self.keys = writer.keys
        self.filtered = filtered
        self.losses = writer.losses.of("data")
        self.hints = writer.losses.of("hint")


def convert(
    source: Source | Reader,
    target_file: Target,
    *,
    target: str | Form | None = None,
    allow_loss: bool = False,
    keep: Callable[[Entry], bool] | None = None,
    fold_databases: str | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    checksum: bool | None = None,
    progress: Callable[[], None] | None = None,
) -> Conversion:
    """Write a snapshot for another server; what of it could not be held is in the answer.

    `target` is a release ("redis-6.2", "valkey-8.0") or a Form (see make_form); None keeps the form of
    the source. `keep` says which keys to write. `fold_databases` is a prefix with {db} in it: all keys go
    to database 0, under it. `checksum` None is as in the source. Raises LossyConversion, and writes
    nothing, when data would be lost and `allow_loss` is not set; EncodeError for a value no server loads
    and for two keys that fold into one; DecodeError for a source that cannot be read.
    """
    reader = source if isinstance(source, Reader) else open_snapshot(source)
    try:
        form = make_form(target) if isinstance(target, str) else target
        job = _Job(reader, form)
        job.keep, job.prefix, job.progress = keep, fold_databases, progress
        return job.run(
            target_file, allow_loss=allow_loss, compression=compression, replace=replace, checksum=checksum
        )
    finally:
        if reader is not source:
            reader.close()


class _Job:
    """One conversion under way."""

    keep: Callable[[Entry], bool] | None = None
    prefix: str | None = None
    progress: Callable[[], None] | None = None

    def __init__(self, reader: Reader, form: Form | None) -> None:
        self.reader = reader
        self.form = form
        self.filtered = 0
        self.names = Names()
        self.end: End | None = None

    def run(
        self,
        target_file: Target,
        *,
        allow_loss: bool,
        compression: Compression | None,
        replace: bool,
        checksum: bool | None,
    ) -> Conversion:
        records = iter(self.reader)
        header = next(records)
        assert isinstance(header, Header)  # every snapshot begins with one
        form = self.form or Form(header.dialect, header.version)
        writer = Writer(
            target_file,
            form,
            compression=compression,
            replace=replace,
            allow_loss=True,
            verbatim=self.form is None,
            db=0 if self._is_plain_copy() else None,
        )
        try:
            self._copy(records, writer, header)
            tail = self._tail(writer)
            self._check_losses(writer, allow_loss)
            self._check_folded()
            writer.checksum = self._wants_checksum() if checksum is None else checksum
            writer.close(tail)
        except BaseException:
            writer.abort()
            raise
        finally:
            self.names.close()
        return Conversion(form.name, writer, self.filtered)

    def _copy(self, records: Iterator[Record], writer: Writer, header: Header) -> None:
        """Every record. Keys come first in the loop: it runs once for each of them."""
        keep, prefix, write_entry = self.keep, self.prefix, writer.write_entry
        counts_hold = self._counts_hold(writer, header)
        tick = self.progress or _nothing
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                if keep is not None and not keep(record):
                    self.filtered += 1
                elif prefix is None:
                    write_entry(record)
                else:
                    self._fold(record, writer, prefix)
            elif isinstance(record, End):
                self.end = record
            elif counts_hold or not isinstance(record, _COUNTS):
                writer.write_record(record)
            if not at & _TICK:
                tick()

    def _counts_hold(self, writer: Writer, header: Header) -> bool:
        """Whether the counts of keys stay true: nothing is filtered, and every type of the source is held.

        Keys of modules that the target lacks are not looked for: a few counted too many cost a server
        some empty slots in a table, no count at all the growing of it.
        """
        if self.keep is not None or self.prefix is not None or writer.form.databases is not None:
            return False
        if self.form is None:
            return True
        held = {row.type for row in self.form.types.values()}
        return all(row.type in held for row in writable_types(self.reader.dialect, header.version).values())

    def _fold(self, entry: Entry, writer: Writer, prefix: str) -> None:
        key = prefix.replace("{db}", str(entry.db)).encode() + entry.key
        self.names.add(key, entry.offset)
        writer.write_entry(entry, db=0, key=key)

    def _check_folded(self) -> None:
        found = next(self.names.duplicates(), None)
        if found is not None:
            raise EncodeError(
                f"the keys at offsets {found.first} and {found.offset} have the same name once their "
                f"databases are folded with the prefix {self.prefix!r}"
            )

    def _tail(self, writer: Writer) -> Iterator[bytes]:
        """What follows the snapshot: kept by a plain copy, otherwise counted as lost."""
        pieces = self.reader.tail_pieces()
        head = next(pieces, b"")
        if self._is_plain_copy():
            return chain((head,), pieces)
        if head and self.end is not None:
            kind = "aof-commands" if head[:1] in (b"*", b"#") else "padding"
            writer.losses.add(kind, offset=self.end.size)
        return iter(())

    def _is_plain_copy(self) -> bool:
        return self.form is None and self.keep is None and self.prefix is None

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
