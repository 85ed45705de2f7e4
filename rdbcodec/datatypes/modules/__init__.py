"""Module values: walked by their own sub-opcodes, kept as they came (rdb-format.md, 4.8).

7    LENGTH module id  (LENGTH opcode, data)*  LENGTH 0

opcode  1 SINT    LENGTH, two's complement
        2 UINT    LENGTH (servers write signed numbers with this one too)
        3 FLOAT   4 bytes
        4 DOUBLE  8 bytes
        5 STRING  STRING
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from rdbcodec.datatypes.layout import DataType, Layout, unknown_count
from rdbcodec.datatypes.modules.codecs import codec_of
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.sketches import decode_raw, raw_items
from rdbcodec.errors import CorruptStructure, DecodeError, EncodeError
from rdbcodec.formats import ITEMS, U32
from rdbcodec.framing import (
    ITEM_DOUBLE,
    ITEM_EOF,
    ITEM_FLOAT,
    ITEM_SINT,
    ITEM_STRING,
    ITEM_UINT,
    compile_walk,
)
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.module_ids import MetaClass, ModuleId, decode_meta_class, decode_module_id
from rdbcodec.wire.strings import Budget

ModuleItem = int | float | bytes

_WALK_CLASS = compile_walk((U32, ITEMS), {})
_F32, _F64 = struct.Struct("<f"), struct.Struct("<d")


class ModuleValue(Plain):
    """A value only its module understands: who wrote it, and its bytes as on disk (with the module id)."""

    __slots__ = ("module", "raw")

    def __init__(self, module: ModuleId, raw: bytes) -> None:
        self.module = module
        self.raw = raw

    def decoded(self) -> Any:
        """What the codec of the module makes of it (see codecs.py); the value itself where there is none.

        Raises DecodeError when the codec cannot read it.
        """
        return codec_of(self.module.name).decode(self)

    def items(self) -> list[tuple[int, ModuleItem]]:
        """The (opcode, item) pairs the module wrote, in order."""
        cursor = Cursor([self.raw], Budget())
        cursor.length()
        return list(read_items(cursor))


class Meta(NamedTuple):
    """What one class of module metadata keeps for a key: the class, and its bytes as on disk."""

    meta_class: MetaClass
    raw: bytes


def metas_of(meta: bytes) -> list[Meta]:
    """The classes in the metadata of a key, opcode included (Entry.meta).

    F3  LENGTH n  (u32 class  items)*n      rdb-v13-15.md, 3.2
    """
    count, pos = lengths.read(meta, 1)
    found = []
    for _ in range(count):
        end = _WALK_CLASS(meta, pos)
        spec = decode_meta_class(int.from_bytes(meta[pos : pos + 4], "little"))
        found.append(Meta(spec, meta[pos:end]))
        pos = end
    return found


def metas_held(meta: bytes, modules: frozenset[str] | None) -> bytes:
    """The metadata without the classes that a server with these modules must not pass over; b"" for none.

    None is for a server of which nobody knows what it has.
    """
    metas = metas_of(meta)
    held = [told for told in metas if modules is None or not told.meta_class.is_needed(modules)]
    if len(held) == len(metas):
        return meta
    return meta[:1] + lengths.encode(len(held)) + b"".join(told.raw for told in held) if held else b""


def decode_module(raw: bytes, scope: Scope) -> ModuleValue:
    """Type 7, with every item verified."""
    cursor = Cursor([raw], scope.budget)
    module = decode_module_id(cursor.length())
    for _ in read_items(cursor):
        pass
    cursor.expect_end()
    return ModuleValue(module, raw)


def encode_module(value: ModuleValue, server: Server) -> bytes:
    """Type 7: the bytes as they came; raises EncodeError when they are not those of the module named."""
    del server
    try:
        told = decode_module(value.raw, Scope(Budget(), {})).module
    except DecodeError as error:
        raise EncodeError(f"the module value is not whole: {error.message}") from error
    if told != value.module:
        raise EncodeError(f"the module value is one of {told.name} version {told.version}")
    return value.raw


def module_items(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[int, ModuleItem]]]:
    """Type 7: the (opcode, item) pairs one at a time."""
    del scope
    cursor.length()
    for item in read_items(cursor):
        cursor.budget.refill()
        yield [item]


def read_items(cursor: Cursor) -> Iterator[tuple[int, ModuleItem]]:
    """Items up to and with their end mark."""
    while (opcode := cursor.length()) != ITEM_EOF:
        yield opcode, _read_item(opcode, cursor)


def _read_item(opcode: int, cursor: Cursor) -> ModuleItem:
    if opcode == ITEM_STRING:
        return cursor.element()
    if opcode in (ITEM_SINT, ITEM_UINT):
        value = cursor.length()
        return value - (1 << 64) if opcode == ITEM_SINT and value >> 63 else value
    if opcode == ITEM_DOUBLE:
        return float(_F64.unpack(cursor.fixed(8))[0])
    if opcode == ITEM_FLOAT:
        return float(_F32.unpack(cursor.fixed(4))[0])
    raise CorruptStructure(f"module item opcode {opcode} is none of 0 to 5", cursor.offset)


def is_held(raw: bytes, server: Server) -> bool:
    """Whether a server has the module whose value begins so; where nobody knows its modules, it has."""
    return server.modules is None or decode_module_id(lengths.read(raw, 0)[0]).name in server.modules


# Nobody can walk, read or write a value of type 6 without its module; no reader asks for its layout.
LAYOUTS = {
    "module": Layout(decode_raw, raw_items, unknown_count),
    "module-2": Layout(decode_module, module_items, unknown_count, encode_module),
}
TYPES = (DataType("module", (ModuleValue,)),)
