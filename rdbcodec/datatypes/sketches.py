"""Sketches and filters of Dragonfly, kept as they came (rdb-format.md, 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.datatypes.layout import DataType, Layout, unknown_count
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
from rdbcodec.servers import Server
from rdbcodec.wire.cursor import Cursor


class RawValue(Plain):
    """A value whose extent is known and whose meaning is its server's own: the bytes as on disk."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


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


LAYOUTS = dict.fromkeys(
    ("sbf", "sbf-2", "cms", "topk", "cuckoo"), Layout(decode_raw, raw_items, unknown_count, encode_raw)
)
TYPES = tuple(DataType(name, (), is_named=True) for name in ("bloom", "cms", "topk", "cuckoo"))
