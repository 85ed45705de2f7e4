"""Arrays, sparse, of Redis 8.10 (rdb-v13-15.md, 5.2).

28   LENGTH n  LENGTH flag  [LENGTH cursor if flag]  (LENGTH index  LENGTH tag  value)*n
     tag 0 STRING, 1 I64, 2 F64, 3 STRING of at most 7 bytes
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from rdbcodec.datatypes.layout import DataType, Layout, count_length
from rdbcodec.datatypes.natural import texts_of
from rdbcodec.datatypes.odd import Odd
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
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
    if not value.elements:
        raise EncodeError("an empty array does not exist, and no server loads one")
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


def natural_array(value: Array) -> Array:
    """The array, its elements bytes."""
    return Array(dict(zip(value.elements, texts_of(value.elements.values()), strict=True)), value.cursor)


LAYOUTS = {"array": Layout(decode_array, array_items, count_length, encode_array, odd=Odd(damage="array"))}
TYPES = (DataType("array", (Array,), natural_array, empty="refused"),)
