"""The types few servers have: arrays, path hashes, JSON, cron jobs, sketches.

Facts: rdb-v13-15.md 5.2, 6, 7.1; rdb-format.md 9.

28 array      LENGTH n  LENGTH flag  [LENGTH cursor if flag]  (LENGTH index  LENGTH tag  value)*n
              tag 0 STRING, 1 I64, 2 F64, 3 STRING of at most 7 bytes
23 valkey     LENGTH n  (STRING path  LENGTH m  (STRING field  STRING value)*m)*n
64 keydb      STRING script  I64 start ms  I64 interval ms  STRINGs keys  STRINGs arguments
33 redis      LENGTH, microseconds
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.packed import encode_strings
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope, check_distinct
from rdbcodec.datatypes.strings import decode_string
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.servers import Server
from rdbcodec.wire import grisu, lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.integers import integer_in

_F64 = struct.Struct("<d")
NO_INDEX = (1 << 64) - 1
SHORT_TEXT = 7  # bytes
TAG_TEXT, TAG_INTEGER, TAG_FLOAT, TAG_SHORT = range(4)
_ARRAY_INTEGERS = range(-(1 << 61), 1 << 61)  # what servers hold as integers (rdb-v13-15.md, 5.2)
_FLOAT_TEXT = re.compile(rb"-?[0-9]+\.[0-9]+")


class Array(Plain):
    """A sparse array: index -> text, and where the last insert went (None: never inserted)."""

    __slots__ = ("cursor", "elements")

    def __init__(self, elements: dict[int, bytes] | None = None, cursor: int | None = None) -> None:
        self.elements = {} if elements is None else elements
        self.cursor = cursor


class PathHash(dict[bytes, Hash]):
    """A Valkey path hash: path -> small hash."""

    __slots__ = ()


class Cron(Plain):
    """A KeyDB cron job; times in milliseconds."""

    __slots__ = ("arguments", "interval_ms", "keys", "script", "start_ms")

    def __init__(
        self, script: bytes, start_ms: int, interval_ms: int, keys: list[bytes], arguments: list[bytes]
    ) -> None:
        self.script = script
        self.start_ms = start_ms
        self.interval_ms = interval_ms
        self.keys = keys
        self.arguments = arguments


class Gcra(int):
    """A rate limit of Redis's GCRA: the theoretical arrival time, microseconds since 1970.

    An int with a class of its own, so that writing it back makes no string of it.
    """

    __slots__ = ()


class Json(bytes):
    """A JSON document of Dragonfly, its text; not a string, and not written as one."""

    __slots__ = ()


class RawValue(Plain):
    """A value whose extent is known and whose meaning is its server's own: the bytes as on disk."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def decode_array(raw: bytes, scope: Scope) -> Array:
    """Type 28; for an index that occurs twice the later value counts, as for the server."""
    cursor = Cursor([raw], scope.budget)
    value = Array()
    count, value.cursor = _array_head(cursor)
    for _ in range(count):
        index, text = _array_element(cursor)
        value.elements[index] = text
    cursor.expect_end()
    return value


def array_items(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[int, bytes]]]:
    """Type 28: (index, text) one at a time."""
    del scope
    count, _ = _array_head(cursor)
    for _ in range(count):
        cursor.budget.refill()
        yield [_array_element(cursor)]


def _array_head(cursor: Cursor) -> tuple[int, int | None]:
    count, flag = cursor.length(), cursor.length()
    if not count:
        raise CorruptStructure("array without elements")
    if flag > 1:
        raise CorruptStructure(f"array cursor flag is {flag}, expected 0 or 1")
    return count, _index(cursor) if flag else None


def _index(cursor: Cursor) -> int:
    index = cursor.length()
    if index == NO_INDEX:
        raise CorruptStructure("array index is 2**64 - 1")
    return index


def _array_element(cursor: Cursor) -> tuple[int, bytes]:
    index, tag = _index(cursor), cursor.length()
    if tag == TAG_INTEGER:
        return index, b"%d" % cursor.signed()
    if tag == TAG_FLOAT:
        return index, _float_text(cursor.fixed(8))
    if tag not in (TAG_TEXT, TAG_SHORT):
        raise CorruptStructure(f"array element tag is {tag}, expected 0 to 3")
    text = cursor.element()
    if tag == TAG_SHORT and len(text) > SHORT_TEXT:
        raise CorruptStructure(f"short array text of {len(text)} bytes, at most {SHORT_TEXT} can be")
    return index, text


def encode_array(value: Array, server: Server) -> bytes:
    """Type 28, each text under the tag a server would choose, indexes ascending."""
    head = lengths.encode(len(value.elements))
    head += b"\0" if value.cursor is None else b"\1" + _encode_index(value.cursor)
    return head + b"".join(
        [
            _encode_index(index) + _encode_text(value.elements[index], server)
            for index in sorted(value.elements)
        ]
    )


def _encode_index(index: int) -> bytes:
    if not 0 <= index < NO_INDEX:
        raise EncodeError(f"an array index is {index}, expected 0 to 2**64 - 2")
    return lengths.encode(index)


def _encode_text(text: bytes, server: Server) -> bytes:
    number = integer_in(text)
    if number is not None and number in _ARRAY_INTEGERS:
        return lengths.encode(TAG_INTEGER) + number.to_bytes(8, "little", signed=True)
    if _FLOAT_TEXT.fullmatch(text):
        packed = _F64.pack(float(text))
        if _float_text(packed) == text:
            return lengths.encode(TAG_FLOAT) + packed
    tag = TAG_SHORT if len(text) <= SHORT_TEXT else TAG_TEXT
    return lengths.encode(tag) + strings.encode(text, compress=server.compress)


def _float_text(packed: bytes) -> bytes:
    """What the server answers for a float element. It keeps two bits of its own in the double's lowest."""
    (value,) = _F64.unpack(bytes((packed[0] & ~3,)) + packed[1:])
    return grisu.text(value)


def decode_path_hash(raw: bytes, scope: Scope) -> PathHash:
    """Valkey type 23."""
    cursor = Cursor([raw], scope.budget)
    pairs = list(_paths(cursor))
    cursor.expect_end()
    value = PathHash(pairs)
    check_distinct(len(value), len(pairs), "paths")
    return value


def encode_path_hash(value: PathHash, server: Server) -> bytes:
    """Valkey type 23."""
    parts = [lengths.encode(len(value))]
    for path, fields in value.items():
        if not fields:
            raise EncodeError("a path without fields, which no server loads")
        parts.append(strings.encode(path, compress=server.compress))
        parts.append(lengths.encode(len(fields)))
        parts.append(encode_strings([text for pair in fields.items() for text in pair], server))
    return b"".join(parts)


def path_hash_items(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[bytes, Hash]]]:
    """Valkey type 23: (path, hash) one at a time."""
    del scope
    for pair in _paths(cursor):
        cursor.budget.refill()
        yield [pair]


def _paths(cursor: Cursor) -> Iterator[tuple[bytes, Hash]]:
    for _ in range(cursor.length()):
        path, count = cursor.needed(), cursor.length()
        if not count:
            raise CorruptStructure("a path without fields")
        value = Hash()
        for _ in range(count):
            name = cursor.needed()
            value[name] = cursor.element()
        check_distinct(len(value), count, "fields of a path")
        yield path, value


def decode_cron(raw: bytes, scope: Scope) -> Cron:
    """KeyDB type 64."""
    cursor = Cursor([raw], scope.budget)
    value = Cron(cursor.string(), cursor.signed(), cursor.signed(), _strings(cursor), _strings(cursor))
    cursor.expect_end()
    return value


def encode_cron(value: Cron, server: Server) -> bytes:
    """KeyDB type 64."""
    times = struct.pack("<qq", value.start_ms, value.interval_ms)
    lists = [
        lengths.encode(len(texts)) + encode_strings(texts, server) for texts in (value.keys, value.arguments)
    ]
    return strings.encode(value.script, compress=server.compress) + times + b"".join(lists)


def _strings(cursor: Cursor) -> list[bytes]:
    return [cursor.string() for _ in range(cursor.length())]


def decode_gcra(raw: bytes, scope: Scope) -> Gcra:
    """Redis type 33."""
    cursor = Cursor([raw], scope.budget)
    value = Gcra(cursor.length())
    cursor.expect_end()
    return value


def encode_gcra(value: int, server: Server) -> bytes:
    """Redis type 33."""
    del server
    return lengths.encode(value)


def decode_json(raw: bytes, scope: Scope) -> Json:
    """Dragonfly types 20 and 30."""
    return Json(decode_string(raw, scope))


def decode_raw(raw: bytes, scope: Scope) -> RawValue:
    """Dragonfly's sketches and filters, kept as they came."""
    del scope
    return RawValue(raw)


def raw_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """The same in pieces."""
    del scope
    while not cursor.at_end():
        yield [cursor.buf[cursor.pos :]]
        cursor.pos = len(cursor.buf)


def encode_raw(value: RawValue, server: Server) -> bytes:
    """The bytes as they came."""
    del server
    return value.raw
