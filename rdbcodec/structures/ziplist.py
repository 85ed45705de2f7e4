"""The ziplist: small strings and integers packed into one blob (types 10, 12, 13 and the nodes of 14).

Layout:

    u32 zlbytes      size of the whole blob, little endian like everything here that does not say BE
    u32 zltail       where the last entry begins; 10 when there is none
    u16 zllen        number of entries; 65535 means "unknown, walk to the terminator"
    entry*           prevlen, encoding byte(s), data
    0xFF             terminator, the last byte

prevlen is the size of the whole entry before, 0 for the first:

    0 to 253                       in this byte
    11111110 u32                   in the u32; legal for small sizes too, servers leave such forms behind

Encodings, by the first byte:

    00llllll data                  string, length in 6 bits
    01llllll llllllll data         string, length in 14 bits, BE
    10...... u32 data              string, length in the u32, BE; the six bits mean nothing, written as 0
    11000000 i16                   integer
    11010000 i32                   integer
    11100000 i64                   integer
    11110000 i24                   integer, since RDB 6
    11110001 to 11111101           integer, 0 to 12, nothing follows, since RDB 6
    11111110 i8                    integer, since RDB 6

Anything else is invalid. The encodings "since RDB 6" crash Redis 2.4: the encoder leaves them out when told.

An integer stands for its decimal text. The elements "a", 5, 300, -70000, 9999999999 and "":

    25 00 00 00                     | zlbytes, 37
    22 00 00 00                     | zltail, the last entry begins at 34
    06 00                           | zllen, 6
    00 01 61                        | nothing before; string of 1 byte: "a"
    03 f6                           | 3 bytes before; immediate 5
    02 c0 2c 01                     | 2 bytes before; i16: 300
    04 f0 90 ee fe                  | 4 bytes before; i24: -70000
    05 e0 ff e3 0b 54 02 00 00 00   | 5 bytes before; i64: 9999999999
    0a 00                           | 10 bytes before; string of 0 bytes
    ff                              | terminator

The rules this file keeps: sizes, counts and offsets are compared with what the walk finds, never
trusted; nothing is allocated by a declared length; a violation is a CorruptStructure whose `pos` is
the position in the blob, whether the blob came whole or in chunks.
"""

from __future__ import annotations

import itertools
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures.frames import EVERY, LARGEST, Frames
from rdbcodec.structures.parts import ELEMENT, Part
from rdbcodec.structures.pieces import Pieces
from rdbcodec.wire.integers import integer_in
from rdbcodec.wire.long_strings import HELD, Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = struct.Struct("<IIH")
_UNKNOWN_COUNT = 0xFFFF
_SIZE_LIMIT = 0xFFFFFFFF  # what the u32 zlbytes can say

_ENTRY_I16 = struct.Struct("<Bh")
_ENTRY_I24 = struct.Struct("<i")  # encoding and integer in one, as `take` reads it
_ENTRY_I32 = struct.Struct("<Bi")
_ENTRY_I64 = struct.Struct("<Bq")
_i16 = struct.Struct("<h").unpack_from
_i32 = struct.Struct("<i").unpack_from
_i64 = struct.Struct("<q").unpack_from

_TEXTS = tuple(b"%d" % number for number in (*range(128), *range(-128, 0)))  # of an i8, by its byte

_LENGTHS = tuple(b"%c" % size for size in range(254))  # of texts below 64, of entries before below 254

# Size of encoding and data by encoding byte; 0 where more bytes must be read to know it, or nothing fits.
_SIZES = (
    *range(1, 65),      # 00llllll
    *[0] * 128,         # 01llllll, 10......
    3, *[0] * 15,       # C0
    5, *[0] * 15,       # D0
    9, *[0] * 15,       # E0
    4, *[1] * 13, 2, 0  # F0, F1 to FD, FE, FF
)  # fmt: skip


def decode(blob: bytes) -> list[bytes]:
    """Give the elements of a ziplist, integers as decimal text; raise CorruptStructure."""
    zlbytes, zltail, zllen = _read_header(blob)
    if zlbytes != len(blob):
        raise CorruptStructure(f"ziplist is {len(blob)} bytes, its header says {zlbytes}", 0)
    frame = _FRAMES.get(zlbytes)
    if frame is not None:
        found = frame[0](blob)
        if found[::2] == frame[1]:
            return list(found[1::2])
        _FRAMES.pop(zlbytes, None)
    elements: list[bytes] = []
    pos, previous = take(blob, 10, zlbytes - 1, 0, elements)
    if blob[pos:] != b"\xff" or len(elements) != zllen or pos - previous != zltail:  # else all is well
        _check_end(blob[pos:], pos, len(elements), zllen)
        _check_tail(pos - previous, zltail)
    if not next(_MET) % EVERY and zlbytes <= LARGEST:
        _FRAMES.remember(blob, parts(blob), lambda part: part.end)
    return elements


_FRAMES = Frames()  # of ziplists of strings alone
_MET = itertools.count(1)  # ziplists that were taken apart entry by entry


def parts(blob: bytes) -> Iterator[Part]:
    """What its bytes are; raises CorruptStructure behind the parts before the damage."""
    zlbytes, zltail, zllen = _read_header(blob)
    yield Part(0, 4, "zlbytes", "u32", zlbytes)
    yield Part(4, 8, "zltail", "u32", zltail)
    yield Part(8, 10, "zllen", "u16", zllen)
    elements: list[bytes] = []
    with suppress(CorruptStructure):  # which `decode` raises below
        take(blob, _HEADER.size, zlbytes - 1, 0, elements)
    pos = _HEADER.size
    for element in elements:
        at = pos + (5 if blob[pos] == 0xFE else 1)
        size, kind = _form(blob[at : at + _LONG_HEAD])
        yield Part(pos, at + size, ELEMENT, kind, element if kind == "string" else int(element))
        pos = at + size
    decode(blob)
    yield Part(pos, pos + 1, "terminator", "u8", blob[pos])


def _form(head: bytes) -> tuple[int, str]:
    """Size of an entry whose encoding begins so, without its prevlen, and how it is written."""
    first = head[0]
    if first < 0x80:
        return _SIZES[first] or ((first & 0x3F) << 8 | head[1]) + 2, "string"
    if first < 0xC0:
        return _LONG_HEAD + int.from_bytes(head[1:], "big"), "string"
    return _SIZES[first], _INTEGERS.get(first, "u4")


_LONG_HEAD = 5  # bytes before a long text: 80 and its size
_INTEGERS = {0xC0: "i16", 0xD0: "i32", 0xE0: "i64", 0xF0: "i24", 0xFE: "i8"}


def iter_decode(chunks: Iterable[bytes], held: Held = HELD) -> Iterator[list[bytes]]:
    """Give the elements in batches, as `decode` would, from a ziplist that comes in chunks.

    Holds the chunk in hand and one element, for a moment twice; of one too large to hold, it gives what
    `held` makes of it. Raises CorruptStructure at damage: batches given before it are then worth nothing.
    """
    pieces = Pieces(chunks, held)
    pieces.need(_HEADER.size)
    zlbytes, zltail, zllen = _read_header(pieces.buf)
    pieces.drop(_HEADER.size)
    found = previous = 0
    more = True
    while more:
        if pieces.received > zlbytes:
            raise CorruptStructure(f"ziplist goes on after the {zlbytes} bytes its header says", zlbytes)
        elements: list[bytes] = []
        try:
            pos, previous = take(pieces.buf, 0, zlbytes - 1 - pieces.base, previous, elements)
        except CorruptStructure as error:
            error.pos = pieces.base + (error.pos or 0)
            raise
        if elements:
            yield elements
        found += len(elements)
        pieces.drop(pos)
        head, size = _long_size(pieces.buf)
        if pieces.is_long(size):
            yield [pieces.long(head, size)]
            found, previous = found + 1, head + size
        else:
            more = pieces.fill()
    if pieces.received != zlbytes:
        raise CorruptStructure(f"ziplist is {pieces.received} bytes, its header says {zlbytes}", 0)
    _check_end(pieces.buf, pieces.base, found, zllen)
    _check_tail(pieces.base - previous, zltail)


def count(head: bytes) -> int | None:
    """Say how many elements the header declares, None when it does not know; `head` is 10 bytes or more."""
    _, _, zllen = _read_header(head)
    return None if zllen == _UNKNOWN_COUNT else zllen


def _long_size(head: bytes) -> tuple[int, int]:
    """Bytes before and in the text that begins here, when it is one of the form for long ones.

    The prevlen before it was compared already, when the bytes at hand were searched for whole entries.
    """
    at = 5 if head[:1] == b"\xfe" else 1
    if len(head) < at + 5 or not 0x80 <= head[at] < 0xC0:
        return 0, 0
    return at + 5, int.from_bytes(head[at + 1 : at + 5], "big")


def _read_header(head: bytes) -> tuple[int, int, int]:
    try:
        zlbytes, zltail, zllen = _HEADER.unpack_from(head)
    except struct.error as error:
        raise CorruptStructure(f"ziplist is {len(head)} bytes, its header takes 10", 0) from error
    return zlbytes, zltail, zllen


def _check_end(rest: bytes, pos: int, found: int, zllen: int) -> None:
    if rest != b"\xff":
        raise CorruptStructure("ziplist ends without its terminator 0xff", pos)
    if found != zllen != _UNKNOWN_COUNT:
        raise CorruptStructure(f"ziplist has {found} entries, its header says {zllen}", 8)


def _check_tail(tail: int, zltail: int) -> None:
    if tail != zltail:
        raise CorruptStructure(f"ziplist has its last entry at {tail}, its header says {zltail}", 4)


def take(buf: bytes, pos: int, limit: int, previous: int, out: list[bytes]) -> tuple[int, int]:
    """Append the whole entries from `pos` on to `out`; return where the terminator or the rest begins.

    `previous` is the size of the entry before `pos`, and with the result comes that of the last one
    taken. `limit` is where the terminator must stand; `buf` may end before it, not after. Raises
    CorruptStructure.
    """
    # Long and without helpers: a call per entry costs as much as the entry. An entry counts as whole
    # when the byte after it could be read, so IndexError there is the only bounds check.
    append = out.append
    sizes = _SIZES
    end = pos
    try:
        first = buf[pos]
        while first != 0xFF:
            if first < 0xFE:
                at = pos + 1
                prevlen = first
            else:
                at = pos + 5
                prevlen = buf[pos + 1] | buf[pos + 2] << 8 | buf[pos + 3] << 16 | buf[pos + 4] << 24
            if prevlen != previous:
                raise CorruptStructure(f"ziplist prevlen is {prevlen}, the entry before has {previous}", pos)
            head = buf[at]
            size = sizes[head]
            if size:
                end = at + size
                first = buf[end]
                if head < 0x40:
                    append(buf[at + 1 : end])
                elif head == 0xFE:
                    append(_TEXTS[buf[at + 1]])
                elif head > 0xF0:
                    append(_TEXTS[head - 0xF1])
                elif head == 0xC0:
                    append(b"%d" % _i16(buf, at + 1)[0])
                elif head == 0xF0:  # the encoding byte makes it an i32, the shift drops that byte again
                    append(b"%d" % (_i32(buf, at)[0] >> 8))
                elif head == 0xD0:
                    append(b"%d" % _i32(buf, at + 1)[0])
                else:
                    append(b"%d" % _i64(buf, at + 1)[0])
            elif head < 0x80:
                start = at + 2
                end = start + ((head & 0x3F) << 8 | buf[at + 1])
                first = buf[end]
                append(buf[start:end])
            elif head < 0xC0:
                start = at + 5
                end = start + (buf[at + 1] << 24 | buf[at + 2] << 16 | buf[at + 3] << 8 | buf[at + 4])
                first = buf[end]
                append(buf[start:end])
            else:
                raise CorruptStructure(f"ziplist entry has encoding {head:#04x}, there is none such", at)
            previous = end - pos
            pos = end
    except IndexError:
        if pos < end and limit < end:
            message = f"ziplist entry of {end - pos} bytes begins {limit - pos} bytes before the end"
            raise CorruptStructure(message, pos) from None
        return pos, previous
    if pos != limit:
        raise CorruptStructure(f"ziplist terminator comes {limit - pos} bytes early", pos)
    return pos, previous


def encode(elements: Iterable[bytes | int], *, small_integers: bool = True) -> bytes:
    """Pack elements as a server would: what is or reads as an i64 in its shortest integer form.

    `small_integers` off leaves out the encodings that came with RDB 6. Raises ValueError for an int
    beyond 64 bits and for a ziplist beyond what its u32 size can say.
    """
    # Long and without helpers for what most elements are, as in `take`.
    elements = list(elements)
    parts: list[bytes] = []
    append = parts.append
    sizes = _LENGTHS
    previous = 0  # size of the entry before
    for element in elements:
        if previous < 254:
            append(sizes[previous])
            before = 1
        else:
            append(b"\xfe" + previous.to_bytes(4, "little"))
            before = 5
        if element.__class__ is bytes:
            size = len(element)
            # No integer's text: asked first is what most begin with.
            if size < 64 and (element > b":" or not (element.isdigit() or element[:1] == b"-")):
                append(sizes[size])
                append(element)
                previous = before + 1 + size
                continue
        if isinstance(element, int):
            entry = _encode_integer(element, small_integers)
        else:
            number = integer_in(element)
            entry = _encode_string(element) if number is None else _encode_integer(number, small_integers)
        append(entry)
        previous = before + len(entry)
    append(b"\xff")
    body = b"".join(parts)
    total = _HEADER.size + len(body)
    if total > _SIZE_LIMIT:
        raise ValueError(f"ziplist would take {total} bytes, its header can say {_SIZE_LIMIT}")
    return _HEADER.pack(total, total - 1 - previous, min(len(elements), _UNKNOWN_COUNT)) + body


def _encode_integer(number: int, small_integers: bool) -> bytes:
    if small_integers and 0 <= number <= 12:
        return b"%c" % (0xF1 + number)
    if small_integers and -1 << 7 <= number < 1 << 7:
        return b"\xfe%c" % (number & 0xFF)
    if -1 << 15 <= number < 1 << 15:
        return _ENTRY_I16.pack(0xC0, number)
    if small_integers and -1 << 23 <= number < 1 << 23:
        return _ENTRY_I24.pack(number << 8 | 0xF0)
    if -1 << 31 <= number < 1 << 31:
        return _ENTRY_I32.pack(0xD0, number)
    if -1 << 63 <= number < 1 << 63:
        return _ENTRY_I64.pack(0xE0, number)
    raise ValueError(f"ziplist integers have 64 bits, this one takes {number.bit_length() + 1}")


def _encode_string(data: bytes) -> bytes:
    size = len(data)
    if size < 1 << 6:
        return b"%c%b" % (size, data)
    if size < 1 << 14:
        return b"%c%c%b" % (0x40 | size >> 8, size & 0xFF, data)
    if size > _SIZE_LIMIT:
        raise ValueError(f"ziplist strings are at most {_SIZE_LIMIT} bytes, this one has {size}")
    return b"\x80%b%b" % (size.to_bytes(4, "big"), data)
