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

import enum
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, TypeVar, get_args, overload

from rdbcodec.datatypes.hashes import template_of
from rdbcodec.datatypes.modules import metas_held
from rdbcodec.datatypes.natural import text_of
from rdbcodec.datatypes.packed import encode_strings
from rdbcodec.datatypes.registry import types
from rdbcodec.datatypes.scope import Scope
from rdbcodec.encoding.transcoding import (
    copies,
    encode_as,
    encode_value,
    natural,
    row_named,
    transcode,
)
from rdbcodec.errors import DecodeError, EncodeError, LimitExceeded
from rdbcodec.formats import (
    CRC_SINCE,
    OPCODES,
    SINCE,
    TELLTALE_AUX,
    TYPES,
    Dialect,
    TypeRow,
)
from rdbcodec.losses import OPCODE_LOSSES, Lose, Losses, row_of
from rdbcodec.records import (
    Attributes,
    Aux,
    Context,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    ModuleAux,
    ResizeDb,
    SelectDb,
    SlotImport,
    SlotInfo,
    Vendor,
)
from rdbcodec.records.libraries import library_name, refusal
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, lzf, strings
from rdbcodec.wire.strings import MAX_INTEGER_TEXT, Budget
from rdbcodec.writing.arguments import (
    check_container,
    check_db,
    check_expiry,
    check_freq,
    check_idle,
    check_meta,
    check_word,
)
from rdbcodec.writing.output import CHUNK, Compression, Output, OutputLike
from rdbcodec.writing.passing import transcode_large
from rdbcodec.writing.written import OnDuplicate, Written

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.datatypes.natural import Text
    from rdbcodec.datatypes.values import Writable
    from rdbcodec.reading.duplicates import Duplicate
    from rdbcodec.records import Record

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_DATABASES = 16  # of every server that is not configured otherwise

_CODES = {row.name: bytes((row.code,)) for row in OPCODES if row.dialect == "redis"}

_SECOND = 1000
_MAX_SECONDS = (1 << 31) - 1  # EXPIRETIME is a signed 32-bit number: 2038-01-19
_NO_VALUE = object()
_LONG_LENGTH, _LONG_LENGTHS_SINCE = b"\x81", SINCE["long-lengths"]
_SHORT = 0x40  # lengths of keys below are one byte, and the text follows
_LAST_DIGIT = 0x39  # no integer's text begins with a greater byte


class Keep(enum.Enum):
    """The type of KEEP."""

    KEEP = "as it is"


KEEP: Final = Keep.KEEP  # the entry's own expiry, where None stands for no expiry


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


def _failing(method: Callable[Concatenate[Writer, P], R]) -> Callable[Concatenate[Writer, P], R]:
    """After an exception out of this method the writer stays in error."""

    @wraps(method)
    def watched(writer: Writer, /, *args: P.args, **options: P.kwargs) -> R:
        try:
            return method(writer, *args, **options)
        except BaseException:
            writer._fail()
            raise

    return watched


class Writer:
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
        check_word("duplicates", duplicates, get_args(OnDuplicate))
        self._templates: dict[tuple[bytes, ...], int] = {}  # those written so far
        self._template_ids: set[int] = set()
        check_container(server, compression)
        self.server = server.replaced(templates=self._templates)
        self.losses = Losses()
        self.keys = 0
        self.databases = 1  # that a server needs for it
        self.dropped = 0
        self.checksum = checksum
        self._allow_loss = allow_loss
        self._verbatim = verbatim
        self._context: Context | None = None
        self._copies = [False] * 256
        self._shortens = False
        self._db = db
        # Shorter ones are never compressed, and their length takes one byte.
        self._plain_size = lzf.MIN_SIZE if server.compress else 64
        self._parts: list[bytes] = [server.magic]
        self._held = 0
        self._fresh: list[bytes] = []  # keys of the selected database that `_written` has not got yet
        self._ending: Literal["closed", "failed"] | None = None
        self._output = Output(output, compression=compression, replace=replace)
        self._written = Written() if duplicates == "error" else None
        if self._written is not None:
            weakref.finalize(self, self._written.close)  # for a Writer that is dropped
        if server.dialect == "dragonfly" and not verbatim:
            self.write_aux("df-ver", "unknown")  # its magic is that of Redis: only this tells them apart

    # --- keys ----------------------------------------------------------------------------------------

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
            and type is None
            and encoding is None
        ):
            # Most of what is written one by one: short strings that are no integers. This takes a third
            # of the time of the general way, whose rules (strings.encode) it repeats for them.
            key_size, size, most = len(subject), len(value), self._plain_size
            if (
                key_size < most
                and size < most
                and (key_size > MAX_INTEGER_TEXT or subject[0] > _LAST_DIGIT)
                and (size > MAX_INTEGER_TEXT or value[0] > _LAST_DIGIT)
            ):
                self._parts.append(b"\0%c%b%c%b" % (key_size, subject, size, value))
                self._fresh.append(subject)
                self._held += key_size + size + 3
                self.keys += 1
                if self._held > CHUNK:
                    self._flush()
                return
        if value is _NO_VALUE:
            self._write_given(subject, db, expires_at_ms, (idle, freq, meta, type, encoding))
        else:
            self._write_value(subject, value, db, (expires_at_ms, idle, freq, meta), (type, encoding))

    @_failing
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
            if made is None:
                self.dropped += 1
                return
            head = self._attributes(*attributes, lose)
        except EncodeError as error:
            error.locate(type=str(asked[0] or "value"), target=self.server.name, db=to, key=key)
            raise
        if to != self._db:
            self._select(to)
        row, raw = made
        self._put(head + bytes((row.code,)) + strings.encode(key, compress=self.server.compress) + raw)
        self._fresh.append(key)
        self.keys += 1

    def _attributes(
        self, expires_at_ms: int | None, idle: int | None, freq: int | None, meta: bytes | None, lose: Lose
    ) -> bytes:
        """What the caller said of a key, checked."""
        head = b"" if expires_at_ms is None else self._expiry(check_expiry(expires_at_ms), lose)
        return head + self._hints(
            None if idle is None else check_idle(idle),
            None if freq is None else check_freq(freq),
            None if meta is None else check_meta(meta),
            lose,
        )

    @_failing
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

    def _check_database(self, db: object) -> None:
        limit = self.server.databases
        if limit is not None and check_db(db) >= limit:
            raise EncodeError(f"db {db}: the target has {limit} databases; databases= says if it has more")
        check_db(db)

    def _encoded(
        self, value: Any, type_: str | None, encoding: str | None, lose: Lose
    ) -> tuple[TypeRow, bytes] | None:
        server = self.server
        kind = types().get(type_) if isinstance(type_, str) else None
        own, value = (kind.name, value) if kind is not None and kind.is_named else natural(value)
        if type_ is not None and type_ != own:
            check_word("type", type_, (row.type for row in TYPES))
            raise EncodeError(f"a {own} cannot be written as a {type_}")
        found = own
        row = None if encoding is None else row_named(found, encoding, server)
        if row is None and encoding is not None:
            check_word("encoding", encoding, (row.encoding for row in TYPES))
        if row is not None:
            return encode_as(row, value, server, lose)
        return encode_value(found, value, server, lose)

    def _expiry(self, at_ms: int, lose: Lose) -> bytes:
        if "expiretime-ms" in self.server.opcodes:
            return _CODES["expiretime-ms"] + at_ms.to_bytes(8, "little", signed=True)
        seconds = -(-at_ms // _SECOND)  # up: a key must never expire early
        if seconds > _MAX_SECONDS:
            lose("expiry-after-2038")
            return b""
        if at_ms % _SECOND:
            lose("sub-second-expiry")
        return _CODES["expiretime"] + max(seconds, -_MAX_SECONDS).to_bytes(4, "little", signed=True)

    def _hints(self, idle: int | None, freq: int | None, meta: bytes | None, lose: Lose) -> bytes:
        head = b""
        if idle is not None:
            head += self._hint("idle", "idle", _CODES["idle"] + lengths.encode(idle), lose)
        if freq is not None:
            head += self._hint("freq", "freq", _CODES["freq"] + bytes((freq,)), lose)
        if meta is not None:
            head += self._meta(meta, lose)
        return head

    def _meta(self, meta: bytes, lose: Lose) -> bytes:
        """Metadata of the classes the target has or may pass over; a loss when that is not all of it."""
        try:
            held = metas_held(meta, self.server.modules) if "key-meta" in self.server.opcodes else b""
        except (IndexError, DecodeError) as error:
            raise EncodeError("the module metadata is not whole") from error
        if held != meta:
            lose("key-metadata")
        return held

    def _hint(self, opcode: str, kind: str, data: bytes, lose: Lose) -> bytes:
        if opcode in self.server.opcodes:
            return data
        lose(kind)
        return b""

    def write_entry(
        self,
        entry: Entry,
        *,
        db: int | None = None,
        key: bytes | None = None,
        expires_at_ms: int | Keep | None = KEEP,
    ) -> bool:
        """An entry of a reader, in another database, under another key, with another expiry if told so.

        With `expires_at_ms` None it never expires. False when the target cannot hold it, and the loss is
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
                return self._write_changed(entry, key, expires_at_ms)
            if entry.__class__ is Entry:
                self._parts.append(record)
                self._held += len(record)
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

    def _copy_large(self, entry: LargeEntry) -> bool:
        pieces = entry.chunks()
        first = next(pieces, b"")
        if first[:1] == _LONG_LENGTH and self.server.version < _LONG_LENGTHS_SINCE:
            self.lose("length-64-bit", entry)
            self.dropped += 1
            return False
        self._put(self._attributes_of(entry) + entry._record + first)
        self._pour(pieces)
        return True

    def _write_changed(self, entry: Entry, key: bytes | None, expires_at_ms: int | Keep | None) -> bool:
        record = entry._record
        shown = record[1 : entry._start]
        if key is not None or (self._shortens and shown[:1] == _LONG_LENGTH):
            key = entry.key if key is None else key
            shown = strings.encode(key, compress=self.server.compress)
        try:
            made = self._transcoded(entry)
            if made is None:
                self.dropped += 1
                return False
            row, pieces = made
            self._put(self._attributes_of(entry, expires_at_ms) + bytes((row.code,)) + shown)
            self._pour(pieces)
            self._fresh.append(entry.key if key is None else key)
        except EncodeError as error:
            error.locate(type=entry.type, target=self.server.name, db=entry.db, key=entry.key)
            raise
        except DecodeError as error:
            entry.locate(error)
            raise
        self.keys += 1
        return True

    def _transcoded(self, entry: Entry) -> tuple[TypeRow, Iterable[bytes]] | None:
        context, row = entry._context, entry.row
        is_copied = self._copies[entry.code] or self._refers_to_written(row, context)
        if is_copied and (entry.is_large or not self._shortens or _LONG_LENGTH not in entry.raw):
            return row, entry.chunks()

        def lose(kind: str) -> None:
            self.lose(kind, entry)

        if isinstance(entry, LargeEntry):
            return transcode_large(entry, self.server, lose)
        if is_copied:  # but for its lengths, which this writes in their short form
            made = encode_as(row, entry.value(), self.server, lose)
            return None if made is None else (made[0], (made[1],))
        scope = Scope(Budget(context.limit), context.templates)
        try:
            made = transcode(row, entry.raw, scope, context.origin, server=self.server, lose=lose)
        except LimitExceeded:  # it unpacks to more than is held
            return transcode_large(entry, self.server, lose)
        return None if made is None else (made[0], (made[1],))

    def _refers_to_written(self, row: TypeRow, context: Context) -> bool:
        """Whether a value that names a template finds the very template in this file too."""
        if self.server.types.get(row.name) is not row or not row.refers:
            return False
        written = self._templates
        return all(written.get(tuple(fields)) == id for id, fields in context.templates.items())

    def _attributes_of(self, entry: Entry, expires_at_ms: int | Keep | None = KEEP) -> bytes:
        """What stands before the key, with another expiry if that is not to be kept."""
        attributes: Attributes | None = getattr(entry, "_attributes", None)
        if expires_at_ms is KEEP and (attributes is None or self._verbatim or not attributes.raw):
            return b"" if attributes is None else bytes(attributes.raw)

        def lose(kind: str) -> None:
            self.lose(kind, entry)

        head = b""
        if attributes is None:
            attributes = Attributes(entry.offset)
        else:
            head = self._vendor_attributes(attributes, entry, lose)
        if expires_at_ms is not KEEP:
            head += b"" if expires_at_ms is None else self._expiry(check_expiry(expires_at_ms), lose)
        elif attributes.expires_at_ms is not None:
            head += self._expiry(attributes.expires_at_ms, lose)
            is_short = len(attributes.raw) == 5 and attributes.raw[:1] == _CODES["expiretime"]
            if is_short and self.server.dialect != "dragonfly":
                return bytes(attributes.raw)  # seconds: read by all others, so left as they are
        return head + self._hints(attributes.idle, attributes.freq, attributes.meta, lose)

    def _vendor_attributes(self, attributes: Attributes, entry: Entry, lose: Lose) -> bytes:
        if attributes.vendor is not None:
            self._lose_opcode(attributes.vendor, entry)
        head = b""
        for aux in attributes.aux:
            if self._holds_aux(aux):
                head += aux.raw
            else:
                lose("aux")
        return head

    def _has_database(self, db: int, entry: Entry) -> bool:
        limit = self.server.databases
        if limit is None or db < limit:
            return True
        self.lose("database", entry)
        return False

    def _enter(self, context: Context) -> None:
        """Entries of another stretch of a file: what of them can be copied as it is?"""
        self._context = context
        self._copies = [self._verbatim] * 256
        if not self._verbatim:
            for code, row in context.types.items():
                self._copies[code] = copies(row, context.origin, self.server)
        self._shortens = not self._verbatim and self.server.version < _LONG_LENGTHS_SINCE

    # --- records -------------------------------------------------------------------------------------

    @_failing
    def write_record(self, record: Record) -> None:
        """Any record of a reader; the header and the end of its file are this file's own."""
        if isinstance(record, Entry):
            self.write_entry(record)
            return
        handle = _RECORDS.get(record.__class__)
        if handle is None:
            raise EncodeError(f"expected a record or a key and a value, found {record.__class__.__name__}")
        handle(self, record)

    @_failing
    def select_db(self, db: int, keys: int | None = None, expires: int = 0) -> None:
        """The keys that follow belong to this database; with `keys`, how many, and how many expire.

        The counts must be true: servers size their tables by them.
        """
        self._check_database(db)
        self._select(db)
        if keys is not None and "resizedb" in self.server.opcodes:
            self._put(_CODES["resizedb"] + lengths.encode(keys) + lengths.encode(expires))

    def _select(self, db: int) -> None:
        self._settle()
        self._put(_CODES["selectdb"] + lengths.encode(db))
        self._db = db
        self.databases = max(self.databases, db + 1)

    def _settle(self) -> None:
        """The keys written last are known by their database."""
        if self._written is not None:
            self._written.add_keys(self._fresh, self._db or 0)
        self._fresh.clear()

    @_failing
    def write_aux(self, name: bytes | str, value: bytes | str | int) -> None:
        """A remark; raises EncodeError for a target before Redis 3.2."""
        self._check_opcode("aux")
        encoded = [strings.encode(text_of(text), compress=self.server.compress) for text in (name, value)]
        self._put(_CODES["aux"] + b"".join(encoded))

    @_failing
    def write_function(self, code: bytes | str) -> None:
        """A function library, its complete text; one that is there already is not written again.

        Raises EncodeError for a library the target's servers refuse, and for one that has the name of
        another; for a target before Redis 7.0.
        """
        self._check_opcode("function")
        text = text_of(code)
        reason = refusal(text, self.server.dialect)
        if reason is not None:
            raise EncodeError(reason, type="function", target=self.server.name)
        if self._is_new_library(text):
            self._put(_CODES["function"] + strings.encode(text, compress=self.server.compress))

    def _is_new_library(self, code: bytes) -> bool:
        name = library_name(code)
        return self._written is None or name is None or self._written.is_new_library(name, code)

    @_failing
    def write_slot_info(self, slot: int, keys: int, expires: int) -> None:
        """How many keys a slot has, before its first; raises EncodeError for a target that reads none."""
        self._check_opcode("slot-info")
        self._put(_CODES["slot-info"] + b"".join(map(lengths.encode, (slot, keys, expires))))

    @_failing
    def write_template(self, fields: Iterable[bytes]) -> int:
        """A template, before the hashes that shall share it; its id. Raises EncodeError before Redis 8.10."""
        self._check_opcode("hash-template")
        names = template_of(fields)
        id = max(self._template_ids, default=-1) + 1
        self._templates[names] = id
        self._template_ids.add(id)
        head = _CODES["hash-template"] + lengths.encode(id) + lengths.encode(len(names))
        self._put(head + encode_strings(names, self.server))
        return id

    def _check_opcode(self, name: str) -> None:
        if name not in self.server.opcodes:
            raise EncodeError("the target has no such record", type=name, target=self.server.name)

    def _copy(self, record: Record) -> None:
        assert not isinstance(record, Entry)
        self._put(record.raw)

    def _copy_if_known(self, record: Record) -> None:
        """A record the target has, byte for byte; else a loss of its kind."""
        opcode = _OPCODES[record.__class__]
        if self._verbatim or opcode in self.server.opcodes:
            self._copy(record)
        else:
            self._lose_opcode(opcode, record)

    def _copy_select(self, record: SelectDb) -> None:
        limit = self.server.databases
        if limit is None or record.db < limit:
            self._settle()
            self._copy(record)
            self._db = record.db
            self.databases = max(self.databases, record.db + 1)

    def _copy_resize(self, record: ResizeDb) -> None:
        if record.db == self._db:  # else its database was left out
            self._copy_if_known(record)

    def _copy_aux(self, record: Aux) -> None:
        """A remark that is not the next key's, which brings its own (see _attributes_of)."""
        if record.of_next_key:
            return
        if self._verbatim or self._holds_aux(record):
            self._copy(record)
        else:
            self.lose(_AUX_LOSSES.get(record.name.lower(), "aux"), record)

    def _holds_aux(self, record: Aux) -> bool:
        """AUX fields of another vendor would make this file look like one of that vendor's."""
        vendor = TELLTALE_AUX.get(record.name.lower())
        return "aux" in self.server.opcodes and vendor in (None, self.server.dialect)

    def _copy_function(self, record: Function) -> None:
        """The form of 7.0-rc1 and rc2, which 7.2 and later refuse, says its name beside the code."""
        text = shebang_of(record) + record.code if record.name is not None else record.code
        if not self._verbatim and "function" not in self.server.opcodes:
            self.lose("function", record)
        elif not self._verbatim and refusal(text, self.server.dialect) is not None:
            self.lose("function-refused", record)
        elif not self._is_new_library(text):
            self.lose("function-again", record)
        elif self._verbatim or record.name is None:
            self._copy(record)
        else:
            self.lose("description", record)
            self._put(_CODES["function"] + strings.encode(text, compress=self.server.compress))

    def _copy_module_aux(self, record: ModuleAux) -> None:
        modules = self.server.modules
        has_module = modules is None or record.module.name in modules
        if self._verbatim or (has_module and "module-aux" in self.server.opcodes):
            self._copy(record)
        else:
            self.lose("module-aux-empty" if record.is_empty else "module-aux", record)

    def _copy_template(self, record: HashTemplate) -> None:
        templates = self._templates
        if self._verbatim:
            self._copy(record)
        elif "hash-template" in self.server.opcodes and record.id not in self._template_ids:
            templates[record.fields] = record.id
            self._template_ids.add(record.id)
            self._copy(record)
        # Else nothing is lost: the hashes that refer to it are written with their own field names.

    def _copy_vendor(self, record: Vendor) -> None:
        if self._verbatim or record.name in self.server.opcodes:
            self._copy(record)
        else:
            self._lose_opcode(record.name, record)

    def _ignore(self, record: Record) -> None:
        """The header and the end of another file."""

    # --- losses --------------------------------------------------------------------------------------

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
        kind = OPCODE_LOSSES[name]
        if kind is not None:
            self.lose(kind, record)

    def _lose(
        self, kind: str, *, offset: int | None = None, db: int | None = None, key: bytes | None = None
    ) -> None:
        if not self._allow_loss and row_of(kind).severity == "data":
            error = EncodeError(f"cannot be written whole: {row_of(kind).says}", target=self.server.name)
            error.db, error.key, error.loss = db, key, kind
            raise error
        self.losses.add(kind, offset=offset, db=db, key=key)

    # --- bytes ---------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        if self._held > CHUNK:
            self._flush()

    def _pour(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._put(piece)

    def _flush(self) -> None:
        data = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        self._settle()
        self._output.write(data)

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

    @_failing
    def _close(self, tail: Iterable[bytes]) -> None:
        self._parts.append(b"")  # raises when the writer has failed
        self._check_duplicates()
        self._put(_CODES["eof"])
        self._flush()
        if self.server.version >= CRC_SINCE:
            crc = self._output.crc if self.checksum else 0
            self._output.write(crc.to_bytes(8, "little"), checked=False)
        for piece in tail:
            self._output.write(piece, checked=False)
        self._output.commit()
        self._end("closed")

    def _check_duplicates(self) -> None:
        duplicate = self.first_duplicate()
        if duplicate is not None:
            numbers = f"number {duplicate.first + 1:,} and number {duplicate.place + 1:,}"
            error = EncodeError(
                f"the key was written twice, as {numbers}, and no server loads that", target=self.server.name
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


def shebang_of(record: Function) -> bytes:
    """The first line in which libraries since 7.0 say their name; 7.0 makes the same of the old form."""
    if record.code.startswith(b"#!"):
        return b""
    return b"#!%b name=%b\n" % ((record.engine or b"lua").lower(), record.name or b"")


_OPCODES: dict[type, str] = {  # the opcode of the table
    ResizeDb: "resizedb",
    SlotInfo: "slot-info",
    SlotImport: "slot-import",
    Function: "function",
    ModuleAux: "module-aux",
}
_AUX_LOSSES = {b"lua": "cached-script", b"keydb-subexpire-when": "member-ttl"}

_RECORDS: dict[type, Callable[[Writer, Any], None]] = {
    Header: Writer._ignore,
    End: Writer._ignore,
    Aux: Writer._copy_aux,
    SelectDb: Writer._copy_select,
    ResizeDb: Writer._copy_resize,
    SlotInfo: Writer._copy_if_known,
    SlotImport: Writer._copy_if_known,
    Function: Writer._copy_function,
    ModuleAux: Writer._copy_module_aux,
    HashTemplate: Writer._copy_template,
    Vendor: Writer._copy_vendor,
}


def create(
    output: OutputLike,
    *,
    to: str | Server | None = None,
    version: int | None = None,
    dialect: Dialect | None = None,
    compress: bool = True,
    checksum: bool = True,
    aux: Mapping[str | bytes, str | bytes | int] | None = None,
    settings: Mapping[str, int] | None = None,
    simplest: bool = False,
    compression: Compression | None = None,
    replace: bool = True,
    allow_loss: bool = False,
    modules: Iterable[str] | None = None,
    databases: int | Literal["default"] | None = "default",
    duplicates: OnDuplicate = "error",
) -> Writer:
    """A writer for a path (written atomically) or a binary file object.

    `to`, such as "redis-6.2" or "amr-balanced-7.4" (see Server.of), or `version` and `dialect` say who must
    load it; by default RDB 11, which Redis 7.2 and Valkey 7.2 and all later ones do. `compress` is
    rdbcompression, `checksum` rdbchecksum. `aux` is written behind the header. `settings` are thresholds
    under the servers' names ({"hash-max-listpack-entries": 128}); `simplest` uses the layouts every server
    since 1.3 loads. `compression` wraps the file in gzip or LZ4. `replace` False refuses an existing file.
    `allow_loss` counts losses instead of raising. `modules` are those the target has besides its own, by any
    of their names; what is of others is lost. `databases` is how many it has, its setting of that name: by
    default what is known of it, else 16; None for enough. `duplicates="allow"` does not look for keys and
    libraries that are there twice. Raises EncodeError for a server nobody knows.
    """
    server = Server.of(
        to,
        version=version,
        dialect=dialect,
        compress=compress,
        settings=settings,
        simplest=simplest,
        modules=modules,
        databases=None if databases == "default" else databases,
    )
    if databases == "default" and server.databases is None:
        server = server.replaced(databases=DEFAULT_DATABASES)
    writer = Writer(
        output,
        server,
        checksum=checksum,
        compression=compression,
        replace=replace,
        allow_loss=allow_loss,
        duplicates=duplicates,
    )
    try:
        for name, value in (aux or {}).items():
            writer.write_aux(name, value)
    except BaseException:
        writer.abort()
        raise
    return writer
