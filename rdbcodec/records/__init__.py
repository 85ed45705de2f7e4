"""What a snapshot is made of: the records a reader yields, in file order.

    Header      the magic: dialect and version
    Aux         a named remark of the writer
    SelectDb, ResizeDb, SlotInfo, SlotImport      where the next keys belong, and hints how many come
    Function, ModuleAux, HashTemplate             what belongs to the data set and not to a key
    Entry       a key with its value
    Vendor      an opcode only its dialect knows the meaning of
    End         the EOF mark and what became of the checksum

An Entry holds the bytes of its record and decodes nothing before it is asked. Records other than Entry
are few; they keep their bytes in `raw`, opcode included, so that copying is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, NoReturn, Protocol

from rdbcodec.datatypes.registry import codec_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure, DecodeError, EncodeError, RdbError
from rdbcodec.formats import LAST_KEY_AUX, Dialect, TypeRow, VersionRow
from rdbcodec.records.libraries import library_name
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, Spool, skip
from rdbcodec.wire.module_ids import ModuleId
from rdbcodec.wire.strings import Budget

Checksum = Literal["ok", "disabled", "absent", "not verified"]


class Header(NamedTuple):
    """The first bytes. `dialect` is what the magic says; AUX fields may tell more later."""

    offset: int
    raw: bytes
    dialect: Dialect
    version: int


class Aux(NamedTuple):
    """A named remark of the writer. A number is its decimal text.

    `of_next_key` says that it stands among the attributes of the key that follows and belongs to it:
    that entry's bytes hold it too, and whoever leaves the key out leaves the remark out.
    """

    offset: int
    raw: bytes
    name: bytes
    value: bytes
    of_next_key: bool = False

    @property
    def of_last_key(self) -> bool:
        """Whether it is about the key before it: KeyDB's expiries of members."""
        return self.name.lower() in LAST_KEY_AUX


class SelectDb(NamedTuple):
    """The keys that follow belong to this database."""

    offset: int
    raw: bytes
    db: int


class ResizeDb(NamedTuple):
    """A hint for the database selected: its keys, and those of them that expire."""

    offset: int
    raw: bytes
    db: int
    keys: int
    expires: int


class SlotInfo(NamedTuple):
    """A hint of a cluster node: keys in a slot, and those of them that expire."""

    offset: int
    raw: bytes
    slot: int
    keys: int
    expires: int


class SlotImport(NamedTuple):
    """Valkey 9: slots that were being imported, as (first, last) ranges."""

    offset: int
    raw: bytes
    job: bytes
    ranges: tuple[tuple[int, int], ...]


class Function(NamedTuple):
    """A function library. `name` and `engine` are told apart only by the form of Redis 7.0-rc1 and rc2."""

    offset: int
    raw: bytes
    code: bytes
    name: bytes | None = None
    engine: bytes | None = None

    @property
    def library(self) -> bytes | None:
        """The library's name, from the record or from the code's first line: `#!lua name=mylib`.

        None when the first line names none that a server takes.
        """
        return self.name if self.name is not None else library_name(self.code)


class ModuleAux(NamedTuple):
    """What a module saved beside the keys; `when` is 1 before them, 2 after them."""

    offset: int
    raw: bytes
    module: ModuleId
    when: int

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing: no item, or the one number 0 that says "nothing follows"."""
        pos = 1
        for _ in range(3):  # module, and `when` as an item
            _, pos = lengths.read(self.raw, pos)
        return self.raw[pos:] in (b"\x00", b"\x02\x00\x00")


class HashTemplate(NamedTuple):
    """Redis 8.10: field names that hashes of this file refer to by `id`."""

    offset: int
    raw: bytes
    id: int
    fields: tuple[bytes, ...]


class Vendor(NamedTuple):
    """An opcode of one dialect, kept as it came; `name` is that of the table."""

    offset: int
    raw: bytes
    name: str


class End(NamedTuple):
    """The end of the snapshot.

    `offset` is that of the EOF byte, `size` the bytes up to and with the checksum. `checksum` says
    "ok", "disabled" (eight zero bytes: the server had rdbchecksum no), "absent" (before version 5) or
    "not verified" (the caller asked for that); a wrong one is an error, not a record.
    """

    offset: int
    raw: bytes
    size: int
    checksum: Checksum


class Context:
    """What the entries of one stretch of a file share."""

    __slots__ = ("base", "db", "limit", "origin", "record_limit", "templates", "types")

    def __init__(
        self,
        origin: VersionRow,
        base: int,
        db: int,
        types: Mapping[int, TypeRow],
        templates: Mapping[int, Sequence[bytes]],
        *,
        limit: int,
        record_limit: int,
    ) -> None:
        self.origin = origin
        self.base = base
        self.db = db
        self.types = types
        self.templates = templates
        self.limit = limit
        self.record_limit = record_limit


class Attributes:
    """What stands before a key and belongs to it alone; `raw` is all of it as on disk."""

    __slots__ = ("aux", "disputed", "expires_at_ms", "freq", "idle", "meta", "offset", "raw", "vendor")

    def __init__(self, offset: int, raw: bytes = b"") -> None:
        self.offset = offset
        self.raw: bytes | bytearray = raw
        self.disputed: str | None = None
        self.expires_at_ms: int | None = None
        self.idle: int | None = None
        self.freq: int | None = None
        self.meta: bytes | None = None
        self.aux: list[Aux] = []  # remarks that stand among them, KeyDB's time stamps mostly
        self.vendor: str | None = None  # the name of an opcode only its vendor's server understands

    def append(self, raw: bytes) -> None:
        """One more. There may be millions before one key, so what is there is not copied for each."""
        if isinstance(self.raw, bytes):
            self.raw = bytearray(self.raw)
        self.raw += raw


class Entry:
    """A key and its value, self-contained; nothing is decoded before it is asked for.

    Made by the reader only. It is filled slot by slot, without `__init__`: that is a third of the
    time of iterating over small keys.
    """

    __slots__ = ("_context", "_pos", "_record", "_start", "code")

    _context: Context
    _pos: int  # of the type byte, from the context's base
    _record: bytes  # type byte, key and value as on disk
    _start: int  # of the value in the record
    code: int
    """The type byte; together with the dialect it says how the value is laid out."""

    @property
    def db(self) -> int:
        """The database number."""
        return self._context.db

    @property
    def key(self) -> bytes:
        """The key's name."""
        record = self._record
        size = record[1]
        if size < 0x40:
            return record[2 : 2 + size]
        try:
            return strings.read(record, 1, Budget(self._context.record_limit))[0]
        except DecodeError as error:
            error.locate(offset=self.offset, db=self.db)
            raise

    @property
    def row(self) -> TypeRow:
        """The table's row for this value."""
        return self._context.types[self.code]

    @property
    def type(self) -> str:
        """The Redis type: "string", "list", "set", "zset", "hash", "stream", "module", ..."""
        return self.row.type

    @property
    def encoding(self) -> str:
        """The layout on disk: "listpack", "quicklist", "hashtable", "intset", ..."""
        return self.row.encoding

    @property
    def offset(self) -> int:
        """Where the record begins, its attributes included: bytes from the start of the snapshot."""
        return self._context.base + self._pos

    @property
    def max_value(self) -> int:
        """The reader's limit: bytes of a value that is held, and that it may unpack to."""
        return self._context.limit

    @property
    def origin(self) -> VersionRow:
        """Dialect and version of the file."""
        return self._context.origin

    @property
    def expires_at_ms(self) -> int | None:
        """When the key expires, absolute milliseconds; None for never."""
        return None

    @property
    def idle(self) -> int | None:
        """Seconds since the key was last used; only written under an LRU policy."""
        return None

    @property
    def freq(self) -> int | None:
        """The LFU counter, 0 to 255, logarithmic; only written under an LFU policy."""
        return None

    @property
    def meta(self) -> bytes | None:
        """Module metadata of the key as on disk, opcode included (Redis 8.6)."""
        return None

    @property
    def disputed(self) -> str | None:
        """What servers take differently in the attributes of this key; None, as good as always: nothing."""
        return None

    @property
    def raw(self) -> bytes:
        """The value as on disk. Raises LimitExceeded for one larger than `max_value`: see `chunks`."""
        return self._record[self._start :]

    @property
    def is_large(self) -> bool:
        """Whether the value is larger than `max_value` and streams by instead of being held."""
        return False

    @property
    def serialized_size(self) -> int:
        """Bytes of the record on disk: attributes, type, key and value."""
        return len(self._record)

    @property
    def count(self) -> int | None:
        """How many elements the value's headers tell, without decoding it; None when they do not.

        Pairs for hashes and sorted sets, entries for streams, 1 for strings.
        """
        count: int | None = self._decoded(codec_of(self.row).count_of)
        return count

    def value(self) -> Any:
        """The decoded value: bytes, List, Set, ZSet, Hash, Stream, ModuleValue, Array, ...

        Raises DecodeError, with offset, db and key, when the value contradicts itself, and
        LimitExceeded when it is larger than `max_value` or unpacks to more than that.
        """
        if not self.code:  # a short plain string, as most are: half the time of the general way
            record, start = self._record, self._start
            if record[start] < 0x40:
                return record[start + 1 :]
        return self._decoded(codec_of(self.row).decode)

    def items(self, *, skip_large: bool = False, spool: Spool | None = None) -> Iterator[list[Any]]:
        """The elements in batches, in bounded memory whatever the size of the value.

        bytes for strings (in pieces), lists and sets; (member, score) for sorted sets; (field, value,
        expires_at_ms or None) for hashes; StreamEntry for streams; (opcode, item) for modules.
        Verifies less than `value`: doubles are not noticed. Raises as `value` does. A single string
        larger than `max_value` raises LimitExceeded; with `skip_large` it is verified and stands as a
        `Skipped` among the elements, with a `spool` it goes there and a `LongString` stands for it.
        """
        keep = spool.keep if spool is not None else skip if skip_large else None
        budget = Budget(self._context.limit)
        held = Held(budget.limit, keep, needed=self._context.record_limit)
        cursor = Cursor(self.chunks(), budget, streaming=True, held=held)
        try:
            yield from codec_of(self.row).items(cursor, Scope(budget, self._context.templates))
            cursor.expect_end()
        except DecodeError as error:
            self._locate(error)
            raise

    def chunks(self) -> Iterator[bytes]:
        """The value as on disk, in pieces."""
        yield self.raw

    def dump(self, version: int) -> bytes:
        """The payload with which RESTORE of a server of this RDB version makes the value; not its expiry.

        A version does not say which modules a server has: RESTORE of a module's value answers "Bad data
        format" where it is not, and of metadata of a key (Redis 8.6) as well.
        The value's bytes go in as they are where that version has their type. Raises EncodeError when it
        cannot hold the value, or not all of it, and as `value` does.
        """
        # The writing half is not loaded by those who only read.
        from rdbcodec.encoding.payloads import reencode  # noqa: PLC0415

        context = self._context
        try:
            scope = Scope(Budget(context.limit), context.templates)
            return reencode(self.row, self.raw, scope, context.origin, version=version, meta=self.meta)
        except DecodeError as error:
            self._locate(error)
            raise
        except EncodeError as error:
            error.db, error.key = self.db, self.key
            raise

    def verify(self) -> None:
        """Raise unless the value is sound: `value()` for one that is held, in bounded memory for others."""
        self.value()

    def rename(self, key: bytes) -> None:
        """Give it another name, in place: for those who may not see the one it has."""
        head = lengths.encode(len(key)) + key
        self._record = self._record[:1] + head + self._record[self._start :]
        self._start = 1 + len(head)

    def _decoded(self, decode: Any) -> Any:
        try:
            return decode(self.raw, Scope(Budget(self._context.limit), self._context.templates))
        except DecodeError as error:
            self._locate(error)
            raise
        except IndexError:
            ends = CorruptStructure("the value ends inside an element")
            self._locate(ends)
            raise ends from None

    def _locate(self, error: DecodeError) -> None:
        """Positions inside a value mean little once it is unpacked: the record's offset finds it."""
        try:
            key: bytes | None = self.key
        except DecodeError:
            key = None
        error.locate(offset=self.offset, db=self.db, key=key, type=self.row.name)

    def __repr__(self) -> str:
        return f"<Entry db={self.db} key={self.key!r} type={self.row.name} offset={self.offset}>"


class AttributedEntry(Entry):
    """An Entry with an expiry, an eviction hint or metadata."""

    __slots__ = ("_attributes",)

    _attributes: Attributes

    @property
    def offset(self) -> int:
        return self._attributes.offset

    @property
    def expires_at_ms(self) -> int | None:
        return self._attributes.expires_at_ms

    @property
    def idle(self) -> int | None:
        return self._attributes.idle

    @property
    def freq(self) -> int | None:
        return self._attributes.freq

    @property
    def meta(self) -> bytes | None:
        return self._attributes.meta

    @property
    def disputed(self) -> str | None:
        return self._attributes.disputed

    @property
    def serialized_size(self) -> int:
        return len(self._attributes.raw) + len(self._record)


PASSED_BY = "the value has passed by: read it before asking for the next record, and once"


class ValueSource(Protocol):
    """Where the bytes of a large value come from, while the decoder stands inside the value."""

    def pieces(self) -> Iterator[bytes]:
        """What was not read of the value yet; raises RdbError once the next record was asked for."""

    def drain(self) -> int:
        """Walk to the end of the value; its size in bytes."""


class Kept:
    """The bytes of a large value in a temporary file."""

    __slots__ = ("_value",)

    def __init__(self, value: LongString) -> None:
        self._value = value

    def pieces(self) -> Iterator[bytes]:
        """All of it, as often as it is asked for."""
        return self._value.pieces()

    def drain(self) -> int:
        """Its size."""
        return len(self._value)


class LargeEntry(AttributedEntry):
    """An Entry whose value is not held. Its bytes pass by once, before the next record is asked for."""

    __slots__ = ("_is_open", "_passed", "_size", "_source")

    _is_open: bool  # whether somebody asked for the bytes
    _passed: int  # how many of them they took
    _size: int | None
    _source: ValueSource | None

    @property
    def raw(self) -> NoReturn:
        self._refuse()

    @property
    def is_large(self) -> bool:
        return True

    @property
    def count(self) -> int | None:
        """Not told: the header passed by with the rest."""
        return None

    @property
    def serialized_size(self) -> int:
        """Bytes of the record on disk; asking walks to the end of the value, after which it is gone."""
        if self._size is None:
            if self._source is None:
                raise RdbError(PASSED_BY)
            self._is_open = True
            self._size = self._passed + self._source.drain()
        return len(self._attributes.raw) + len(self._record) + self._size

    def value(self) -> NoReturn:
        self._refuse()

    def chunks(self) -> Iterator[bytes]:
        return self._counted(self._open())

    def _counted(self, source: ValueSource) -> Iterator[bytes]:
        for piece in source.pieces():
            self._passed += len(piece)
            yield piece

    def verify(self) -> None:
        for _ in self.items(skip_large=True):
            pass

    def keep(self) -> None:
        """Put the value into a temporary file: it can then be read as often as wanted, still before the next
        record is asked for."""
        if not isinstance(self._source, Kept):
            kept = Kept(Spool().keep(self._open().pieces()))
            self._source, self._size = kept, kept.drain()

    def _refuse(self) -> NoReturn:
        error = Held(self._context.limit).refuse("the value", self._context.limit + 1)
        self._locate(error)
        raise error

    def _open(self) -> ValueSource:
        if self._source is None or (self._is_open and not isinstance(self._source, Kept)):
            raise RdbError(PASSED_BY)
        self._is_open = True
        return self._source


Record = (
    Header
    | Aux
    | SelectDb
    | ResizeDb
    | SlotInfo
    | SlotImport
    | Function
    | ModuleAux
    | HashTemplate
    | Vendor
    | Entry
    | End
)
