"""The listpack: small strings and integers packed into one blob (types 16, 17, 18, 20, 23, 25, streams).

Layout:

    u32 total        size of the whole blob, little endian like everything here that does not say BE
    u16 count        number of elements; 65535 means "unknown, walk to the terminator"
    element*         encoding byte(s), data, back-length
    0xFF             terminator, the last byte

Encodings, by the first byte:

    0xxxxxxx                       7-bit unsigned integer, 0 to 127
    10llllll data                  string, length in 6 bits
    110xxxxx xxxxxxxx              13-bit two's complement integer, BE
    1110llll llllllll data         string, length in 12 bits, BE
    11110000 u32 data              string, length in 32 bits
    11110001 i16                   integer
    11110010 i24                   integer
    11110011 i32                   integer
    11110100 i64                   integer
    11110101 to 11111110           invalid
    11111111                       terminator

The back-length is the size of the encoding and the data, in base 128, the high digit first, every byte
but the first with its top bit set, so that a server can read it from right to left. How many bytes it
takes depends on who wrote it:

    size            classic    new        classic: Redis to 8.6, Valkey to 9.0
    to 127          1          1          new: Redis from 8.8, Valkey from 9.1
    to 16382        2          2
    16383           3          2          classic 00 ff ff, new 7f ff
    to 2097150      3          3
    2097151         4          3
    to 268435454    4          4
    268435455       5          4
    above           5          5

Neither family of servers can read the other's form of the three sizes with a line of their own. The
decoder accepts both; the encoder is told which one its target reads.

An integer stands for its decimal text: `decode` gives that text, `decode_mixed` the number, because
stream nodes and field expiry times are numbers to begin with. The elements "a", 5, 300, -70000,
9999999999, "" and -1, with every back-length beside its element:

    23 00 00 00                     | total, 35 bytes
    07 00                           | count, 7
    81 61 02                        | string of 1 byte: "a"; 2 bytes back
    05 01                           | 7-bit integer: 5
    c1 2c 02                        | 13-bit integer: 0x12c, 300
    f2 90 ee fe 04                  | i24: -70000
    f4 ff e3 0b 54 02 00 00 00 09   | i64: 9999999999
    80 01                           | string of 0 bytes
    df ff 02                        | 13-bit integer: 0x1fff, -1
    ff                              | terminator

The rules this file keeps: sizes, counts and back-lengths are compared with what the walk finds, never
trusted; nothing is allocated by a declared length; a violation is a CorruptStructure whose `pos` is
the position in the blob, whether the blob came whole or in chunks.
"""

from __future__ import annotations

import itertools
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures.back_length import back_length, pass_back_length, wrong_back_length
from rdbcodec.structures.frames import EVERY, LARGEST, Frames
from rdbcodec.structures.parts import ELEMENT, Part
from rdbcodec.structures.pieces import Pieces
from rdbcodec.wire.integers import integer_in
from rdbcodec.wire.long_strings import HELD, Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

T = TypeVar("T", bytes, "bytes | int")
Rendering: TypeAlias = "tuple[tuple[T, ...], Callable[[int], T]]"  # what integers become: small ones, all

_HEADER = struct.Struct("<IH")
_UNKNOWN_COUNT = 0xFFFF
_LONG_HEAD = 5  # bytes before a long text: F0 and its size
_SIZE_LIMIT = 0xFFFFFFFF  # what the u32 `total` can say

_ENTRY_I16 = struct.Struct("<BhB")  # encoding, integer, back-length
_ENTRY_I24 = struct.Struct("<iB")  # encoding and integer in one, as `take` reads it
_ENTRY_I32 = struct.Struct("<BiB")
_ENTRY_I64 = struct.Struct("<BqB")
_i16 = struct.Struct("<h").unpack_from
_i32 = struct.Struct("<i").unpack_from
_i64 = struct.Struct("<q").unpack_from

# The tables hold every 7-bit and 13-bit integer, indexed by the bits as they stand in the blob: built
# once in 2 ms, and a look-up costs half of formatting the number.
SMALL = (*range(4096), *range(-4096, 0))
TEXTS: Rendering[bytes] = (tuple((b"%d " * len(SMALL) % SMALL).split()), b"%d".__mod__)
NUMBERS: Rendering[bytes | int] = (SMALL, int)

# What stands before and behind a text, by its size; small integers.
_HEADS = tuple(b"%c" % (0x80 | size) for size in range(64))
_BACKS = tuple(b"%c" % (size + 1) for size in range(64))
_SMALL_ENTRIES = tuple(b"%c\x01" % number for number in range(128))

# Size of encoding and data by first byte; 0 where more bytes must be read to know it.
SIZES = (
    *[1] * 128,       # 0xxxxxxx
    *range(1, 65),    # 10llllll
    *[2] * 32,        # 110xxxxx
    *[0] * 16,        # 1110llll
    0, 3, 4, 5, 9,    # F0 to F4
    *[0] * 11,        # F5 to FF
)  # fmt: skip


def decode(blob: bytes) -> list[bytes]:
    """Give the elements of a listpack, integers as decimal text; raise CorruptStructure."""
    return _decode(blob, TEXTS)


def decode_mixed(blob: bytes) -> list[bytes | int]:
    """Give the elements of a listpack, integers as int; raise CorruptStructure."""
    return _decode(blob, NUMBERS)


def iter_decode(chunks: Iterable[bytes], held: Held = HELD) -> Iterator[list[bytes]]:
    """Give the elements in batches, as `decode` would, from a listpack that comes in chunks.

    Holds the chunk in hand and one element, for a moment twice; of one too large to hold, it gives what
    `held` makes of it. Raises CorruptStructure at damage: batches given before it are then worth nothing.
    """
    return _iter_decode(chunks, TEXTS, held)


def iter_decode_mixed(chunks: Iterable[bytes], held: Held = HELD) -> Iterator[list[bytes | int]]:
    """Give the elements in batches, as `decode_mixed` would, from a listpack that comes in chunks."""
    return _iter_decode(chunks, NUMBERS, held)


def count(head: bytes) -> int | None:
    """Say how many elements the header declares, None when it does not know; `head` is 6 bytes or more."""
    _, declared = _read_header(head)
    return None if declared == _UNKNOWN_COUNT else declared


def parts(blob: bytes) -> Iterator[Part]:
    """What its bytes are; raises CorruptStructure behind the parts before the damage."""
    total, declared = _read_header(blob)
    yield Part(0, 4, "total", "u32", total)
    yield Part(4, 6, "count", "u16", declared)
    elements: list[bytes | int] = []
    with suppress(CorruptStructure):  # which `decode` raises below
        take(blob, _HEADER.size, total - 1, elements, NUMBERS)
    pos = _HEADER.size
    for element in elements:
        size, kind = _form(blob[pos : pos + _LONG_HEAD])
        end = pass_back_length(blob, pos + size, size)
        yield Part(pos, end, ELEMENT, kind, element)
        pos = end
    decode(blob)
    yield Part(pos, pos + 1, "terminator", "u8", blob[pos])


def _form(head: bytes) -> tuple[int, str]:
    """Size of encoding and data of an element that begins so, and how it is written."""
    first = head[0]
    if 0x80 <= first < 0xC0 or 0xE0 <= first <= 0xF0:
        long = (first & 0x0F) << 8 | head[1] if first < 0xF0 else _long_size(head) + 3
        return SIZES[first] or long + 2, "string"
    return SIZES[first], "u7" if first < 0x80 else "i13" if first < 0xE0 else _INTEGERS[first]


_INTEGERS = {0xF1: "i16", 0xF2: "i24", 0xF3: "i32", 0xF4: "i64"}


def _decode(blob: bytes, rendering: Rendering[T]) -> list[T]:
    total, declared = _read_header(blob)
    if total != len(blob):
        raise CorruptStructure(f"listpack is {len(blob)} bytes, its header says {total}", 0)
    frame = _FRAMES.get(total)
    if frame is not None:
        found = frame[0](blob)
        if found[::2] == frame[1]:
            return list(found[1::2])
        _FRAMES.pop(total, None)
    elements: list[T] = []
    pos = take(blob, 6, total - 1, elements, rendering)
    if pos != total - 1 or len(elements) != declared or blob[pos] != 0xFF:  # else all is well
        _check_end(blob[pos:], pos, len(elements), declared)
    if not next(_MET) % EVERY and total <= LARGEST:
        _FRAMES.remember(blob, parts(blob), lambda part: part.start + _form(blob[part.start :])[0])
    return elements


_FRAMES = Frames()  # of listpacks of strings alone
_MET = itertools.count(1)  # listpacks that were taken apart element by element


def _iter_decode(chunks: Iterable[bytes], rendering: Rendering[T], held: Held) -> Iterator[list[T]]:
    pieces = Pieces(chunks, held)
    pieces.need(_HEADER.size)
    total, declared = _read_header(pieces.buf)
    pieces.drop(_HEADER.size)
    found = 0
    more = True
    while more:
        if pieces.received > total:
            raise CorruptStructure(f"listpack goes on after the {total} bytes its header says", total)
        elements: list[T] = []
        try:
            pos = take(pieces.buf, 0, total - 1 - pieces.base, elements, rendering)
        except CorruptStructure as error:
            error.pos = pieces.base + (error.pos or 0)
            raise
        if elements:
            yield elements
        found += len(elements)
        pieces.drop(pos)
        size = _long_size(pieces.buf)
        if pieces.is_long(size):
            yield [_long(pieces, size)]
            found += 1
        else:
            more = pieces.fill()
    if pieces.received != total:
        raise CorruptStructure(f"listpack is {pieces.received} bytes, its header says {total}", 0)
    _check_end(pieces.buf, pieces.base, found, declared)


def _long_size(head: bytes) -> int:
    """Bytes of the text that begins here, when it is one of the form for long ones."""
    return int.from_bytes(head[1:_LONG_HEAD], "little") if head[:1] == b"\xf0" and head[4:] else 0


def _long(pieces: Pieces, size: int) -> Any:
    """An element too large to hold, its back-length verified."""
    element = pieces.long(_LONG_HEAD, size)
    pieces.need(_LONG_HEAD + 1)  # the longest back-length and the byte after it
    with suppress(IndexError):  # the structure ends here, as the caller will say
        try:
            pieces.drop(pass_back_length(pieces.buf, 0, size + _LONG_HEAD))
        except CorruptStructure as error:
            error.pos = pieces.base + (error.pos or 0)
            raise
    return element


def _read_header(head: bytes) -> tuple[int, int]:
    try:
        total, declared = _HEADER.unpack_from(head)
    except struct.error as error:
        raise CorruptStructure(f"listpack is {len(head)} bytes, its header takes 6", 0) from error
    return total, declared


def _check_end(rest: bytes, pos: int, found: int, declared: int) -> None:
    if rest != b"\xff":
        raise CorruptStructure("listpack ends without its terminator 0xff", pos)
    if found != declared != _UNKNOWN_COUNT:
        raise CorruptStructure(f"listpack has {found} elements, its header says {declared}", 4)


def take(buf: bytes, pos: int, limit: int, out: list[T], rendering: Rendering[T]) -> int:
    """Append the whole elements from `pos` on to `out`; return where the terminator or the rest begins.

    `limit` is where the terminator must stand; `buf` may end before it, not after. Raises CorruptStructure.
    """
    # Long and without helpers: a call per element costs as much as the element. An element counts as
    # whole when its back-length could be read, so IndexError there is the only bounds check. The 7-bit
    # branch before the table makes small integers 20% faster and the others no slower.
    small, convert = rendering
    append = out.append
    sizes = SIZES
    end = pos
    try:
        while True:
            head = buf[pos]
            if head < 0x80:
                if buf[pos + 1] != 1:
                    raise wrong_back_length(buf, pos + 1, 1)
                append(small[head])
                pos += 2
                continue
            if head < 0xC0:
                size = head - 0x7F
                end = pos + size
                if buf[end] != size:
                    raise wrong_back_length(buf, end, size)
                append(buf[pos + 1 : end])
                pos = end + 1
                continue
            size = sizes[head]
            if size:
                end = pos + size
                if buf[end] != size:
                    raise wrong_back_length(buf, end, size)
                if head < 0xE0:
                    append(small[(head << 8 | buf[pos + 1]) - 0xC000])
                elif head == 0xF1:
                    append(convert(_i16(buf, pos + 1)[0]))
                elif head == 0xF2:  # the encoding byte makes it an i32, the shift drops that byte again
                    append(convert(_i32(buf, pos)[0] >> 8))
                elif head == 0xF3:
                    append(convert(_i32(buf, pos + 1)[0]))
                else:
                    append(convert(_i64(buf, pos + 1)[0]))
                pos = end + 1
            elif head < 0xF0:
                size = ((head & 0x0F) << 8 | buf[pos + 1]) + 2
                end = pos + size
                if size < 128:
                    if buf[end] != size:
                        raise wrong_back_length(buf, end, size)
                    append(buf[pos + 2 : end])
                    pos = end + 1
                else:
                    if buf[end] != size >> 7 or buf[end + 1] != size & 0x7F | 0x80:
                        raise wrong_back_length(buf, end, size)
                    append(buf[pos + 2 : end])
                    pos = end + 2
            elif head == 0xF0:
                size = (buf[pos + 1] | buf[pos + 2] << 8 | buf[pos + 3] << 16 | buf[pos + 4] << 24) + 5
                end = pos + size
                after = pass_back_length(buf, end, size)
                append(buf[pos + 5 : end])
                pos = after
            elif head == 0xFF:
                if pos != limit:
                    raise CorruptStructure(f"listpack terminator comes {limit - pos} bytes early", pos)
                return pos
            else:
                raise CorruptStructure(f"listpack element begins with {head:#04x}, no such encoding", pos)
    except IndexError:
        if pos < end and limit <= end:
            message = f"listpack element of {end - pos} bytes begins {limit - pos} bytes before the end"
            raise CorruptStructure(message, pos) from None
        return pos


def encode(elements: Iterable[bytes | int], *, short_backlen: bool = False) -> bytes:
    """Pack elements as a server would: what is or reads as an i64 in its shortest integer form.

    `short_backlen` chooses the new back-length rule. Raises ValueError for an int beyond 64 bits and
    for a listpack beyond what its u32 size can say.
    """
    # Long and without helpers for what most elements are, as in `take`.
    elements = list(elements)
    parts: list[bytes] = []
    append = parts.append
    heads, backs, small = _HEADS, _BACKS, _SMALL_ENTRIES
    for element in elements:
        if element.__class__ is bytes:
            size = len(element)
            # No integer's text: asked first is what most begin with.
            if size < 64 and (element > b":" or not (element.isdigit() or element[:1] == b"-")):
                parts += (heads[size], element, backs[size])
                continue
        elif element.__class__ is int and -1 < element < 128:  # in streams most elements are that
            append(small[element])
            continue
        elif isinstance(element, int):
            append(_encode_integer(element))
            continue
        number = integer_in(element)
        append(_encode_string(element, short_backlen) if number is None else _encode_integer(number))
    append(b"\xff")
    body = b"".join(parts)
    total = _HEADER.size + len(body)
    if total > _SIZE_LIMIT:
        raise ValueError(f"listpack would take {total} bytes, its header can say {_SIZE_LIMIT}")
    return _HEADER.pack(total, min(len(elements), _UNKNOWN_COUNT)) + body


def _encode_integer(number: int) -> bytes:
    if 0 <= number < 1 << 7:
        return b"%c\x01" % number
    if -1 << 12 <= number < 1 << 12:
        return b"%c%c\x02" % (0xC0 | (number >> 8 & 0x1F), number & 0xFF)
    if -1 << 15 <= number < 1 << 15:
        return _ENTRY_I16.pack(0xF1, number, 3)
    if -1 << 23 <= number < 1 << 23:
        return _ENTRY_I24.pack(number << 8 | 0xF2, 4)
    if -1 << 31 <= number < 1 << 31:
        return _ENTRY_I32.pack(0xF3, number, 5)
    if -1 << 63 <= number < 1 << 63:
        return _ENTRY_I64.pack(0xF4, number, 9)
    raise ValueError(f"listpack integers have 64 bits, this one takes {number.bit_length() + 1}")


def _encode_string(data: bytes, short_backlen: bool) -> bytes:
    size = len(data)
    if size < 64:
        return b"%b%b%b" % (_HEADS[size], data, _BACKS[size])
    if size < 4096:
        return b"%c%c%b%b" % (0xE0 | size >> 8, size & 0xFF, data, back_length(size + 2))
    if size > _SIZE_LIMIT:
        raise ValueError(f"listpack strings are at most {_SIZE_LIMIT} bytes, this one has {size}")
    return b"\xf0%b%b%b" % (size.to_bytes(4, "little"), data, back_length(size + 5, short=short_backlen))
