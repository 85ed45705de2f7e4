"""Writing snapshots for a chosen server: `rdbcodec.create`.

    with rdbcodec.create("out.rdb", version=9) as writer:
        writer.write(b"greeting", b"hello", expires_at_ms=1893456000000)
        writer.write("board", rdbcodec.ZSet({b"ann": 3.0}), db=1)
        for record in snapshot:
            writer.write(record)

The rules this module keeps:

* A value goes out byte for byte when the target's servers read it so; else it is decoded, a layout is
  chosen as those servers choose it, and it is encoded. What a target cannot load is never written.
* The same input gives the same bytes: no clock, no random order, nothing of the machine.
* Attributes stand directly before their key, expiry first: servers up to 4.0 read no other order.
* A file that was not closed without an error does not exist, and has no valid end where it cannot vanish.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, overload

from rdbcodec.datatypes.natural import text_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.encoding.transcoding import (
    copies,
    encode_as,
    transcode,
)
from rdbcodec.errors import DecodeError, EncodeError, LimitExceeded
from rdbcodec.formats import SINCE, TypeRow
from rdbcodec.reading.runs import ShortStrings
from rdbcodec.records import CacheEntry, Context, Entry, LargeEntry
from rdbcodec.records.attributes import EXPIRY_SIZE
from rdbcodec.servers import Server
from rdbcodec.wire import lzf, strings
from rdbcodec.wire.strings import LAST_DIGIT, MAX_INTEGER_TEXT, Budget
from rdbcodec.writing.arguments import check_db
from rdbcodec.writing.attributes import KEEP, Keep
from rdbcodec.writing.file import failing
from rdbcodec.writing.output import CHUNK, OutputLike
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.passing import transcode_large
from rdbcodec.writing.values import OF_STRINGS, ValueWriter
from rdbcodec.writing.written import OnDuplicate

if TYPE_CHECKING:
    from rdbcodec.datatypes.natural import Text
    from rdbcodec.datatypes.values import Writable
    from rdbcodec.reading.runs import Run
    from rdbcodec.records import Record

_NO_VALUE = object()
_LONG_LENGTH, _LONG_LENGTHS_SINCE = b"\x81", SINCE["long-lengths"]
_SHORT = 0x40  # lengths of keys below are one byte, and the text follows


class Writer(ValueWriter):
    """A snapshot being written; close it, or leave its `with` block, to make it whole.

    `keys` counts the keys written, `dropped` those the target could not hold; `losses` collects what it
    could not hold of the records given. Unless `allow_loss`, losing data raises EncodeError at once.
    `verbatim` is for copies in the form of the original: nothing is looked at. `db` is the database
    selected already: loaders begin with 0. After an exception in the `with` block the target is left as
    if nothing had happened; a file object is left without an EOF mark.

    After any error a Writer stays in error: nothing more can be written, and there is no snapshot. Keys and
    function libraries that are there twice, which no server loads, are an error as well, of keys at the
    close; `duplicates="allow"` is for those who know that there are none, or want such a file.
    """

    def __init__(
        self,
        output: OutputLike,
        server: Server,
        *,
        checksum: bool = True,
        compression: Compression | None = None,
        replace: bool = True,
        allow_loss: bool = False,
        verbatim: bool = False,
        db: int | None = None,
        duplicates: OnDuplicate = "error",
    ) -> None:
        self._templates = {}
        self._template_ids = set()
        super().__init__(
            output,
            server,
            checksum=checksum,
            compression=compression,
            replace=replace,
            allow_loss=allow_loss,
            duplicates=duplicates,
        )
        self._verbatim = verbatim
        self._context: Context | None = None
        self._copies = [False] * 256
        self._shortens = False
        opcodes = server.opcodes
        self._keeps_expiries = verbatim or "expiretime-ms" in opcodes
        self._keeps_hints = verbatim or {"expiretime-ms", "idle", "freq"} <= opcodes.keys()
        self._db = db
        # Shorter ones are never compressed, and their length takes one byte.
        self._plain_size = lzf.MIN_SIZE if server.compress else 64
        self._press = lzf.writer()
        if server.dialect == "dragonfly" and not verbatim:
            self.write_aux("df-ver", "unknown")  # its magic is that of Redis: only this tells them apart

    @overload
    def write(self, subject: Record, *, db: int | None = None, expires_at_ms: int | None = None) -> None: ...

    @overload
    def write(
        self,
        subject: Text,
        value: Writable,
        *,
        db: int | None = None,
        expires_at_ms: int | None = None,
        idle: int | None = None,
        freq: int | None = None,
        meta: bytes | None = None,
        type: str | None = None,
        encoding: str | None = None,
    ) -> None: ...

    def write(
        self,
        subject: Any,
        value: Any = _NO_VALUE,
        *,
        db: int | None = None,
        expires_at_ms: int | None = None,
        idle: int | None = None,
        freq: int | None = None,
        meta: bytes | None = None,
        type: str | None = None,
        encoding: str | None = None,
    ) -> None:
        """A record of a reader, or a key and its value.

        An entry of a reader goes to `db` and expires at `expires_at_ms` if they are given (write_entry can
        say more); no other argument fits a record. A key goes to database 0 by default.
        Keys, elements and fields are bytes, str or int; values are plain Python or the value classes.
        `expires_at_ms` is absolute milliseconds, `idle` seconds, `freq` the LFU counter, 0 to 255.
        `encoding` (and `type`, for what has no class) ask for a layout in the table's words, which is
        taken if the target has it. Raises EncodeError, which names key, type, target and rule.
        """
        # The order of these is that of how often they decide.
        if (
            value.__class__ is bytes
            and subject.__class__ is bytes
            and subject
            and value
            and (db == self._db if db is not None else self._db == 0)
            and expires_at_ms is None
            and idle is None
            and freq is None
            and meta is None
            and type in OF_STRINGS
            and encoding in OF_STRINGS
        ):
            # Most of what is written one by one: short strings that are no integers. This takes a third
            # of the time of the general way, whose rules (strings.encode) it repeats for them.
            key_size, size, most = len(subject), len(value), self._plain_size
            if (
                key_size < most
                and (key_size > MAX_INTEGER_TEXT or subject[0] > LAST_DIGIT)
                and (size > MAX_INTEGER_TEXT or value[0] > LAST_DIGIT)
                and (size < most or (size < 64 and self._stays_plain(value)))
            ):
                self._parts.append(b"\0%c%b%c%b" % (key_size, subject, size, value))
                self._fresh.append(subject)
                self._held += key_size + size + 3
                self.keys += 1
                if self._held > CHUNK:
                    self._flush()
            else:
                self._write_string(subject, value)
            return
        if value is _NO_VALUE:
            self._write_given(subject, db, expires_at_ms, (idle, freq, meta, type, encoding))
        else:
            self._write_value(subject, value, db, (expires_at_ms, idle, freq, meta), (type, encoding))

    def _stays_plain(self, text: bytes) -> bool:
        """Whether a text long enough for it is not worth compressing, as lzf.compress decides."""
        block = self._press(text)
        return block is None or len(block) > len(text) - lzf.MIN_SAVED

    @failing
    def _write_value(
        self,
        subject: object,
        value: object,
        db: int | None,
        attributes: tuple[int | None, int | None, int | None, bytes | None],
        asked: tuple[str | None, str | None],
    ) -> None:
        """A key and its value, the general way."""
        key, to = text_of(subject), 0 if db is None else db

        def lose(kind: str) -> None:
            self._lose(kind, db=to, key=key)

        try:
            self._check_database(to)
            made = self._encoded(value, *asked, lose)
            head = b"" if made is None else self._attributes(*attributes, lose)
        except EncodeError as error:
            error.locate(type=str(asked[0] or "value"), server=self.server.name, db=to, key=key)
            raise
        self._put_value(key, to, head, made)

    @failing
    def _write_given(
        self, record: Record, db: int | None, expires_at_ms: int | None, others: tuple[object, ...]
    ) -> None:
        """A record with what `write` was given beside it."""
        if any(other is not None for other in others):
            raise EncodeError(
                "idle, freq, meta, type and encoding go with a key and a value, not with a record"
            )
        if db is None and expires_at_ms is None:
            self.write_record(record)
        elif isinstance(record, Entry):
            self.write_entry(record, db=db, expires_at_ms=KEEP if expires_at_ms is None else expires_at_ms)
        else:
            raise EncodeError(f"db and expires_at_ms are for keys, found {record.__class__.__name__}")

    def write_entry(
        self,
        entry: Entry,
        *,
        db: int | None = None,
        key: bytes | None = None,
        expires_at_ms: int | Keep | None = KEEP,
        value: object = None,
    ) -> bool:
        """An entry of a reader, in another database, under another key, with another expiry if told so.

        With `expires_at_ms` None it never expires. `value` is what entry.value() gave to one who asked
        already, so that it is not decoded twice. False when the target cannot hold it, and the loss is
        counted. The short way to the bytes is what copying and filtering live on: nearly all entries of
        most files take it.
        """
        try:
            context = entry._context
            if context is not self._context:
                self._enter(context)
            if context.db != self._db or db is not None:
                to = context.db if db is None else check_db(db)
                if not self._has_database(to, entry):
                    self.dropped += 1
                    return False
                if to != self._db:
                    self._select(to)
            record = entry._record
            if (
                not self._copies[entry.code]
                or key is not None
                or expires_at_ms is not KEEP
                or (self._shortens and _LONG_LENGTH in record and not entry.is_large)
            ):
                return self._write_changed(entry, key, expires_at_ms, value)
            if entry.__class__ is Entry:
                self._parts.append(record)
                self._held += len(record)
                if self._held > CHUNK:
                    self._flush()
            elif entry.__class__ is CacheEntry and (
                self._keeps_hints or (self._keeps_expiries and len(entry._head) == EXPIRY_SIZE)
            ):
                whole = entry._head + record
                self._parts.append(whole)
                self._held += len(whole)
                if self._held > CHUNK:
                    self._flush()
            elif isinstance(entry, LargeEntry):
                if not self._copy_large(entry):
                    return False
            else:
                self._put(self._attributes_of(entry) + record)
            self._fresh.append(record[2 : entry._start] if record[1] < _SHORT else entry.key)
        except BaseException:
            self._fail()
            raise
        self.keys += 1
        return True

    @failing
    def write_run(self, run: Run) -> bool:
        """Keys of a reader, all at once; False, and nothing is written, when each has to be looked at."""
        context, data = run.context, run.buf[run.begin : run.end]
        if context is not self._context:
            self._enter(context)
        if not (self._verbatim or self._copies_short(run, data)) or not self._holds(context.db):
            return False
        if context.db != self._db:
            self._select(context.db)
        self._fresh += run.names()
        self.keys += len(run)
        self._put(data)
        return True

    def _copies_short(self, run: Run, data: bytes) -> bool:
        """Whether it is of short strings that `write_entry` would copy."""
        return (
            isinstance(run, ShortStrings)
            and self._copies[0]
            and not (self._shortens and _LONG_LENGTH in data)
            and (self._keeps_expiries or run.head_sizes == {0})
        )

    def _copy_large(self, entry: LargeEntry) -> bool:
        pieces = entry.chunks()
        first = next(pieces, b"")
        if first[:1] == _LONG_LENGTH and self.server.version < _LONG_LENGTHS_SINCE:
            self.lose("length-64-bit", entry)
            self.dropped += 1
            return False
        self._put(self._attributes_of(entry) + entry._record)
        self._put(first)
        self._pour(pieces)
        return True

    def _write_changed(
        self, entry: Entry, key: bytes | None, expires_at_ms: int | Keep | None, value: object
    ) -> bool:
        record = entry._record
        shown = record[1 : entry._start]
        if key is not None or (self._shortens and shown[:1] == _LONG_LENGTH):
            key = entry.key if key is None else key
            shown = strings.encode(key, compress=self.server.compress)
        try:
            made = self._transcoded(entry, value)
            if made is None:
                self.dropped += 1
                return False
            row, pieces = made
            self._put(self._attributes_of(entry, expires_at_ms) + bytes((row.code,)) + shown)
            self._pour(pieces)
            self._fresh.append(entry.key if key is None else key)
        except EncodeError as error:
            error.locate(type=entry.type, server=self.server.name, db=entry.db, key=entry.key)
            raise
        except DecodeError as error:
            entry.locate(error)
            raise
        self.keys += 1
        return True

    def _transcoded(self, entry: Entry, value: object) -> tuple[TypeRow, Iterable[bytes]] | None:
        context, row = entry._context, entry.row
        is_copied = self._copies[entry.code] or self._refers_to_written(row, context)
        if is_copied and (entry.is_large or not self._shortens or _LONG_LENGTH not in entry.raw):
            return row, entry.chunks()

        def lose(kind: str) -> None:
            self.lose(kind, entry)

        if isinstance(entry, LargeEntry):
            return transcode_large(entry, self.server, lose)
        if is_copied:  # but for its lengths, which this writes in their short form
            made = encode_as(row, entry.value(), self.server, lose, self._templates)
            return None if made is None else (made[0], (made[1],))
        scope = Scope(Budget(context.limit), context.templates)
        try:
            made = transcode(
                row, entry.raw, scope, context.origin, server=self.server, lose=lose, value=value
            )
        except LimitExceeded:  # it unpacks to more than is held
            return transcode_large(entry, self.server, lose)
        return None if made is None else (made[0], (made[1],))

    def _refers_to_written(self, row: TypeRow, context: Context) -> bool:
        """Whether a value that names a template finds the very template in this file too."""
        if self.server.types.get(row.name) is not row or not row.refers:
            return False
        written = self._templates
        return all(written.get(tuple(fields)) == id for id, fields in context.templates.items())

    def _enter(self, context: Context) -> None:
        """Entries of another stretch of a file: what of them can be copied as it is?"""
        self._context = context
        self._copies = [self._verbatim] * 256
        if not self._verbatim:
            for code, row in context.types.items():
                self._copies[code] = copies(row, context.origin, self.server)
        self._shortens = not self._verbatim and self.server.version < _LONG_LENGTHS_SINCE

    @failing
    def write_record(self, record: Record) -> None:
        """Any record of a reader; the header and the end of its file are this file's own."""
        if isinstance(record, Entry):
            self.write_entry(record)
        else:
            super().write_record(record)
