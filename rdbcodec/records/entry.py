"""A key with its value: the record that snapshots are made of.

    [attributes]  type byte  STRING key  value as its type is framed

An entry holds the bytes of its record and decodes nothing before it is asked.
"""

from __future__ import annotations

import builtins
import copy
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Decode, Scope
from rdbcodec.errors import CorruptStructure, DecodeError, EncodeError
from rdbcodec.formats import TypeRow, VersionRow
from rdbcodec.showing import show_key
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, Spool, skip
from rdbcodec.wire.strings import INT8, INT16, INT32, Budget

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.datatypes.layout import FromBlob
    from rdbcodec.datatypes.values import Element, Value

V = TypeVar("V")

_decoding: dict[str, tuple[Decode, FromBlob | None, int, bytes]] = {}  # by names of rows, as they are met


def _remembered(row: TypeRow) -> tuple[Decode, FromBlob | None, int, bytes]:
    layout = layout_of(row)
    short_way = layout.decode, layout.from_blob, layout.blob_at, layout.blob_head
    return _decoding.setdefault(row.name, short_way)


_Number = Callable[[bytes, int], tuple[int]]
_i8: _Number = struct.Struct("<b").unpack_from
_i16: _Number = struct.Struct("<h").unpack_from
_i32: _Number = struct.Struct("<i").unpack_from


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


class Entry:
    """A key and its value, self-contained; nothing is decoded before it is asked for.

    Made by the reader only. It is filled slot by slot, without `__init__`: that is a third of the
    time of iterating over small keys.
    """

    __slots__ = ("_context", "_pos", "_record", "_start", "code")

    _context: Context
    _pos: int  # where it begins, from the context's base
    _record: bytes  # type byte, key and value as on disk
    _start: int  # of the value in the record
    _head = b""  # what stands before the type byte, where it is only kept
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
        count: int | None = self._decoded(layout_of(self.row).count_of)
        return count

    def value(self) -> Value:
        """The decoded value: bytes, List, Set, ZSet, Hash, Stream, ModuleValue, Array, ...

        Raises DecodeError, with offset, db and key, when the value contradicts itself, and
        LimitExceeded when it is larger than `max_value` or unpacks to more than that.
        """
        # What `_decoded` does, in place and without a budget where none is needed: small values are many, and
        # what is around them costs as much as they do.
        record = self._record
        start = self._start
        try:
            if not self.code:
                head = record[start]
                if head < 0x40:
                    return record[start + 1 :]
                if head == INT32:
                    return b"%d" % _i32(record, start + 1)
                if head < 0x80:
                    return record[start + 2 :]
                if head == INT16:
                    return b"%d" % _i16(record, start + 1)
                if head == INT8:
                    return b"%d" % _i8(record, start + 1)
                text = strings.read_rest(record, start, self._context.limit)
                if text is not None:
                    return text
            context = self._context
            row = context.types[self.code]
            decode, from_blob, at, before = _decoding.get(row.name) or _remembered(row)
            if from_blob is not None and (not before or record.startswith(before, start)):
                blob = strings.read_rest(record, start + at, context.limit)
                if blob is not None:
                    return from_blob(blob)
            value: Value = decode(record[start:], Scope(Budget(context.limit), context.templates))
        except DecodeError as error:
            self.locate(error)
            raise
        except (IndexError, struct.error):
            raise self._ends_inside() from None
        return value

    def value_as(self, kind: builtins.type[V]) -> V:
        """The decoded value, for who knows what it is: `entry.value_as(Hash).expires_at_ms`.

        Raises TypeError for a value of another class, and as `value` does.
        """
        value = self.value()
        if isinstance(value, kind):
            return value
        found = value.__class__.__name__
        raise TypeError(f"the {self.type} {show_key(self.key)} is {found}, expected {kind.__name__}")

    def items(self, *, skip_large: bool = False, spool: Spool | None = None) -> Iterator[list[Element]]:
        """The elements in batches, in bounded memory whatever the size of the value.

        bytes for strings (in pieces), lists and sets; (member, score) for sorted sets; (field, value,
        expires_at_ms or None) for hashes; StreamEntry for streams; (opcode, item) for modules.
        Verifies less than `value`: doubles are not noticed. Raises as `value` does. A single string
        larger than `max_value` raises LimitExceeded; with `skip_large` it is verified and stands as a
        `Skipped` among the elements, with a `spool` it goes there and a `LongString` stands for it.
        """
        keep = spool.keep if spool is not None else skip if skip_large else None
        return self.read_by(layout_of(self.row).items, keep)

    def read_by(
        self, read: Callable[[Cursor, Scope], Iterator[V]], keep: Callable[[Iterator[bytes]], Any] | None
    ) -> Iterator[V]:
        """What `read` makes of the bytes, all of them; for `items`, and who needs less of the value."""
        budget = Budget(self._context.limit)
        held = Held(budget.limit, keep, needed=self._context.record_limit)
        cursor = Cursor(self.chunks(), budget, streaming=True, held=held)
        try:
            yield from read(cursor, Scope(budget, self._context.templates))
            cursor.expect_end()
        except DecodeError as error:
            self.locate(error)
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
            return reencode(self.row, self.raw, self.scope(), context.origin, version=version, meta=self.meta)
        except DecodeError as error:
            self.locate(error)
            raise
        except EncodeError as error:
            error.db, error.key = self.db, self.key
            raise

    def verify(self) -> None:
        """Raise unless the value is sound: `value()` for one that is held, in bounded memory for others."""
        self.value()

    @property
    def name_bytes(self) -> bytes:
        """The key as on disk: its length, or how it is compressed, and its text."""
        return self._record[1 : self._start]

    @property
    def attribute_bytes(self) -> bytes:
        """What stands before the type byte and belongs to the key, as on disk."""
        return self._head

    def scope(self, limit: int | None = None) -> Scope:
        """What decoding the value needs of the file; `limit` is how many bytes it may unpack to."""
        return Scope(Budget(self._context.limit if limit is None else limit), self._context.templates)

    def with_value(self, raw: bytes, name: bytes | None = None) -> Self:
        """Another entry for the same key, with this value as on disk, and its key in this form if given."""
        changed = copy.copy(self)
        name = self.name_bytes if name is None else name
        changed._record = self._record[:1] + name + raw
        changed._start = 1 + len(name)
        return changed

    def stand_in_another(self) -> None:
        """Its place in the file is that of the record it stands in."""
        self._pos = 0

    def rename(self, key: bytes) -> None:
        """Give it another name, in place: for those who may not see the one it has."""
        head = lengths.encode(len(key)) + key
        self._record = self._record[:1] + head + self._record[self._start :]
        self._start = 1 + len(head)

    def _decoded(self, decode: Any) -> Any:
        try:
            return decode(self.raw, self.scope())
        except DecodeError as error:
            self.locate(error)
            raise
        except IndexError:
            raise self._ends_inside() from None

    def _ends_inside(self) -> CorruptStructure:
        ends = CorruptStructure("the value ends inside an element")
        self.locate(ends)
        return ends

    def locate(self, error: DecodeError) -> None:
        """Positions inside a value mean little once it is unpacked: the record's offset finds it."""
        try:
            key: bytes | None = self.key
        except DecodeError:
            key = None
        error.locate(offset=self.offset, db=self.db, key=key, type=self.row.name)

    def __repr__(self) -> str:
        return f"<Entry db={self.db} key={self.key!r} type={self.row.name} offset={self.offset}>"
