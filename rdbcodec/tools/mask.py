"""The same snapshot with other content, to be given away: `rdbcodec.mask`.

    masked = mask("dump.rdb", "masked.rdb", secret=b"...")

Each key keeps its type, layout, size, expiry, place and what it takes in memory; its texts, integers and
scores are others of the same form, made with a secret. What cannot be masked (values of modules, sketches,
what modules keep beside the keys, functions unless they are to stay) is a loss, and refused unless it is
allowed.

Stays as it is: keys unless `keys`, IDs of streams, times, lengths, counts, punctuation in texts, what follows
the decimal point of scores, and of the writer's remarks those that name a version or a number.
"""

from __future__ import annotations

import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from rdbcodec.errors import DecodeError, LossyConversion
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import opcodes_of
from rdbcodec.limits import COPIED_VALUE, MAX_RECORD
from rdbcodec.losses import Loss
from rdbcodec.reading.placed import read_at
from rdbcodec.reading.reader import Reader
from rdbcodec.records import (
    AttributedEntry,
    Aux,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    ModuleAux,
    Record,
    ResizeDb,
    SlotInfo,
    Vendor,
)
from rdbcodec.records.registry import kind_of
from rdbcodec.servers import Server
from rdbcodec.tail import Tail
from rdbcodec.tools.masking.disguise import Disguise
from rdbcodec.tools.masking.names import Names
from rdbcodec.tools.masking.values import REFUSED, Values
from rdbcodec.tools.split import UNTRUE_AUX
from rdbcodec.wire import strings
from rdbcodec.writing.writer import Writer

if TYPE_CHECKING:
    from rdbcodec.formats import Dialect
    from rdbcodec.reading.source import Source
    from rdbcodec.writing.output import OutputLike
    from rdbcodec.writing.packing import Compression

# Remarks of the writer that say a version, a time, a size or a state; others may name machines or hold data.
SAFE_AUX = frozenset(
    (
        *(b"redis-ver", b"valkey-ver", b"df-ver", b"redis-bits", b"ctime", b"used-mem"),
        *(b"aof-base", b"aof-preamble", b"repl-stream-db", b"mvcc-tstamp"),
    )
)
_SAFE_RECORDS = frozenset(("slot-number", "full-sync-end", "blob-end", "journal-offset"))
_MEMBER_AUX = b"keydb-subexpire-key"


@dataclass(slots=True)
class Masked:
    """What was made: `keys` in the file, of which `same_name` could get no other name in their slot.

    Of `compressed` strings `resized` take another room on disk. `losses` are what could not be masked and is
    left out, `remarks` how many of the writer's are.
    """

    keys: int = 0
    dropped: int = 0
    same_name: int = 0
    compressed: int = 0
    resized: int = 0
    remarks: int = 0
    functions: int = 0
    functions_left_out: int = 0
    losses: list[Loss] = field(default_factory=list)
    tail: Tail | None = None
    size: int = 0


def mask(
    source: Source,
    output: OutputLike,
    *,
    secret: bytes | None = None,
    keys: bool = False,
    keep_prefix: int = 0,
    any_slot: bool = False,
    keep_fields: bool = False,
    keep_functions: bool = False,
    allow_loss: bool = False,
    dialect: Dialect | None = None,
    any_version: bool = False,
    verify_checksum: bool = True,
    max_record: int = MAX_RECORD,
    selection: Selection | None = None,
    compression: Compression | None = None,
    replace: bool = True,
    progress: Callable[[int, int, int], Any] | None = None,
) -> Masked:
    """Write the snapshot with other content; the same secret makes the same of it, None is another each time.

    `keys` gives other names as well, which stay in their cluster slots unless `any_slot`; the first
    `keep_prefix` parts of a name, up to a colon each, stay. `keep_fields` keeps the names of fields,
    `keep_functions` the libraries as they are. `selection` says which keys are written. Raises
    LossyConversion for what cannot be masked, unless `allow_loss` leaves it out; DecodeError, and leaves
    no file, for a damaged snapshot. Memory is bounded.
    """
    disguise = Disguise(secrets.token_bytes(32) if secret is None else secret)
    names = Names(disguise, same_slot=not any_slot, keep=keep_prefix) if keys else None
    job = _Job(Values(disguise, keep_fields=keep_fields), names)
    job.keeps_functions, job.allow_loss = keep_functions, allow_loss
    job.selection = selection or Selection()
    reader = Reader(
        source,
        dialect=dialect,
        max_value=COPIED_VALUE,
        max_record=max_record,
        verify_checksum=verify_checksum,
        any_version=any_version,
    )
    with reader:
        return job.run(reader, output, progress or _nothing, {"compression": compression, "replace": replace})


class _Job:
    def __init__(self, values: Values, names: Names | None) -> None:
        self.keeps_functions = self.allow_loss = False
        self.selection = Selection()
        self._values = values
        self._names = names
        self._found = Masked()

    def run(
        self,
        reader: Reader,
        output: OutputLike,
        progress: Callable[[int, int, int], Any],
        how: dict[str, Any],
    ) -> Masked:
        """All of it."""
        found = self._found
        left_out: Counter[str] = Counter()
        records = self.selection.select(reader, left_out)
        header = next(records)
        assert isinstance(header, Header)  # every snapshot begins with one
        server = Server(header.dialect, header.version)
        writer = Writer(output, server, allow_loss=True, verbatim=True, **how)
        try:
            for number, record in enumerate(records):
                if not number & _TICK:
                    progress(reader.bytes_read, reader.size or 0, writer.keys)
                if isinstance(record, Entry):
                    self._take(record, writer)
                else:
                    self._take_record(record, writer)
            self._check(writer)
            writer.close()
        except BaseException:
            writer.abort()
            raise
        found.keys, found.losses = writer.keys, writer.losses.of("data")
        found.compressed, found.resized = self._values.compressed, self._values.resized
        found.functions_left_out = left_out["function"]
        if reader.ended_at is not None:  # None when the selection had a limit
            found.tail, found.size = reader.tail(), reader.ended_at
        return found

    def _check(self, writer: Writer) -> None:
        losses = writer.losses.of("data")
        if losses and not self.allow_loss:
            raise LossyConversion(losses, server="a masked copy")

    # --- keys ----------------------------------------------------------------------------------------

    def _take(self, entry: Entry, writer: Writer) -> None:
        if entry.type in REFUSED:
            writer.lose("not-masked", entry)
            self._found.dropped += 1
            return
        if entry.meta is not None:
            writer.lose("key-metadata", entry)
        try:
            writer.write_entry(self._masked(self._with_attributes(entry)))
        except DecodeError as error:
            entry.locate(error)
            raise

    def _masked(self, entry: Entry) -> Entry:
        name = self._name(entry)
        row, templates = entry.row, entry.scope().templates
        if isinstance(entry, LargeEntry):
            changed = entry.with_value(b"", name)
            spooled = _Spooled(entry.chunks())
            changed.pass_by(_Passing(self._values.masked(row.framing, spooled, row, templates), spooled))
            return changed
        return entry.with_value(b"".join(self._values.masked(row.framing, entry.raw, row, templates)), name)

    def _name(self, entry: Entry) -> bytes:
        """The name on disk; one that was compressed is compressed again."""
        if self._names is None:
            return entry.name_bytes
        key = self._names.of(entry.key)
        self._found.same_name += key == entry.key
        return strings.encode(key, compress=entry.name_bytes[0] == strings.LZF)

    def _with_attributes(self, entry: Entry) -> Entry:
        """Without the metadata of modules and without remarks that may say anything."""
        if not isinstance(entry, AttributedEntry):
            return entry
        raw = bytes(entry.attribute_bytes)
        gone = [aux.raw for aux in entry.remarks if aux.name.lower() not in SAFE_AUX]
        self._found.remarks += len(gone)
        for piece in (*gone, *(() if entry.meta is None else (entry.meta,))):
            raw = raw.replace(piece, b"", 1)
        return entry.with_attributes(raw)

    # --- other records -------------------------------------------------------------------------------

    def _take_record(self, record: Record, writer: Writer) -> None:
        if isinstance(record, Aux):
            self._take_aux(record, writer)
        elif isinstance(record, Function):
            if self.keeps_functions:
                self._found.functions += 1
                writer.write_record(record)
            else:
                writer.lose("function", record)
        elif isinstance(record, HashTemplate):
            writer.write_record(self._template(record, writer.server))
        elif isinstance(record, ModuleAux):
            writer.lose("module-aux", record)
        elif isinstance(record, Vendor) and record.name not in _SAFE_RECORDS:
            kind = kind_of(record)
            assert kind is not None  # what has a name has a kind
            writer.lose(kind.loss or "vendor-record", record)
        elif not (
            isinstance(record, ResizeDb | SlotInfo) and (self.allow_loss or not self.selection.is_empty)
        ):
            writer.write_record(record)  # counts are not true any more when keys are left out

    def _take_aux(self, record: Aux, writer: Writer) -> None:
        name = record.name.lower()
        if record.of_next_key:
            return  # it goes with its key
        if name == _MEMBER_AUX:
            writer.write_aux(record.name, self._values.text(record.value))
        elif name in UNTRUE_AUX and not self.selection.is_empty:
            self._found.remarks += 1  # it is of all keys
        elif name in SAFE_AUX or record.of_last_key:
            writer.write_record(record)
        else:
            self._found.remarks += 1

    def _template(self, record: HashTemplate, server: Server) -> HashTemplate:
        framing = opcodes_of(server.dialect, server.version)[record.raw[0]].framing
        operands, fields = self._values.template(framing, record.raw[1:])
        return record._replace(raw=record.raw[:1] + operands, fields=fields)


class _Spooled:
    """The bytes of a large value, to be read at any place; they are there once, and go through a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self._file.writelines(pieces)
        self.size = self._file.tell()

    def read_at(self, pos: int, size: int, /) -> bytes:
        """Some of them."""
        return read_at(self._file, pos, size)

    def close(self) -> None:
        """They are not needed any more."""
        self._file.close()


class _Passing:
    """A large value that is made while it is written."""

    def __init__(self, pieces: Iterator[bytes], spooled: _Spooled) -> None:
        self._pieces = pieces
        self._spooled = spooled

    def pieces(self) -> Iterator[bytes]:
        """All of it, once."""
        try:
            yield from self._pieces
        finally:
            self._spooled.close()

    def drain(self) -> int:
        """Its size."""
        return sum(map(len, self.pieces()))


def _nothing(_: int, __: int, ___: int) -> None:
    """Nobody watches."""


_TICK = 0x3FF  # records between two looks at the progress, a power of two less one
