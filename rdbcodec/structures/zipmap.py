"""The zipmap: the small hash of Redis before 2.6 (type 9).

Layout:

    u8 count         number of pairs; 254 or more means "unknown, walk to the terminator"
    pair*            field length, field, value length, u8 free, value, free bytes of padding
    0xFF             terminator, the last byte

A length, and with it the end of the pairs:

    0 to 253                       in this byte
    11111110 u32                   in the u32, little endian; legal for small lengths too
    11111111                       terminator, where a field length would stand

Old comments and other parsers say that 253 is the first length in five bytes; it is 254. The padding is
what a shorter value left behind when it was written over a longer one: its bytes mean nothing. Nothing
here is ever an integer.

The pairs "f": "v" and "g": "hi", the latter with two bytes left over from a longer value:

    02                              | count, 2
    01 66                           | field of 1 byte: "f"
    01 00 76                        | value of 1 byte, 0 free: "v"
    01 67                           | field of 1 byte: "g"
    02 02 68 69 21 21               | value of 2 bytes, 2 free: "hi" and the padding
    ff                              | terminator

The rules this file keeps: the count is compared with what the walk finds, never trusted; nothing is
allocated by a declared length; a violation is a CorruptStructure whose `pos` is the position in the blob,
whether the blob came whole or in chunks. A field that comes twice is given twice: the caller judges.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure
from rdbcodec.limits import MAX_ELEMENT
from rdbcodec.structures.parts import ELEMENT, Part
from rdbcodec.structures.pieces import Pieces
from rdbcodec.wire.long_strings import HELD, Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNKNOWN_COUNT = 254
_SIZE_LIMIT = 0xFFFFFFFF  # what the u32 of a length can say


def decode(blob: bytes) -> list[tuple[bytes, bytes]]:
    """Give the pairs of a zipmap in the order of the blob; raise CorruptStructure."""
    declared = count(blob)
    pairs: list[tuple[bytes, bytes]] = []
    pos = take(blob, 1, pairs)
    _check_end(blob[pos : pos + 2], pos)
    _check_count(len(pairs), declared)
    return pairs


def parts(blob: bytes) -> Iterator[Part]:
    """What its bytes are, padding with the value before it; raises CorruptStructure behind the rest."""
    declared = count(blob)
    yield Part(0, 1, "count", "u8", blob[0] if declared is None else declared)
    pairs: list[tuple[bytes, bytes]] = []
    with suppress(CorruptStructure):  # which `decode` raises below
        take(blob, 1, pairs)
    pos = 1
    for field, value in pairs:
        end = pos + (5 if blob[pos] == 0xFE else 1) + len(field)
        yield Part(pos, end, ELEMENT, "string", field)
        pos = end + (5 if blob[end] == 0xFE else 1)
        free = blob[pos]
        yield Part(end, pos + 1 + len(value) + free, ELEMENT, "string", value)
        pos += 1 + len(value) + free
    decode(blob)
    yield Part(pos, pos + 1, "terminator", "u8", blob[pos])


def iter_decode(chunks: Iterable[bytes], held: Held = HELD) -> Iterator[list[tuple[bytes, bytes]]]:
    """Give the pairs in batches, as `decode` would, from a zipmap that comes in chunks.

    Holds the chunk in hand and one pair, for a moment twice. Raises CorruptStructure at damage:
    batches given before it are then worth nothing. Raises LimitExceeded for a pair too large to hold.
    """
    # Pairs are held, however little is held of other things: the servers that wrote zipmaps (up to 2.4)
    # put nothing of some size into them.
    pieces = Pieces(chunks, Held(max(held.limit, MAX_ELEMENT)))
    pieces.need(1)
    declared = count(pieces.buf)
    pieces.drop(1)
    found = 0
    more = True
    while more:
        pairs: list[tuple[bytes, bytes]] = []
        try:
            pos = take(pieces.buf, 0, pairs)
        except CorruptStructure as error:
            error.pos = pieces.base + (error.pos or 0)
            raise
        if pairs:
            yield pairs
        found += len(pairs)
        pieces.drop(pos)
        # Two bytes after the last pair are told now, not at the end: what follows could be endless.
        more = not (len(pieces.buf) > 1 and pieces.buf[0] == 0xFF) and pieces.fill()
    _check_end(pieces.buf[:2], pieces.base)
    _check_count(found, declared)


def count(head: bytes) -> int | None:
    """Say how many pairs the header declares, None when it does not know; `head` is 1 byte or more."""
    if not head:
        raise CorruptStructure("zipmap is 0 bytes, its header takes 1", 0)
    return head[0] if head[0] < _UNKNOWN_COUNT else None


def _check_end(rest: bytes, pos: int) -> None:
    if rest[:1] != b"\xff":
        raise CorruptStructure("zipmap ends without its terminator 0xff", pos)
    if len(rest) > 1:
        raise CorruptStructure("zipmap goes on after its terminator", pos + 1)


def _check_count(found: int, declared: int | None) -> None:
    if declared is not None and found != declared:
        raise CorruptStructure(f"zipmap has {found} pairs, its header says {declared}", 0)


def take(buf: bytes, pos: int, out: list[tuple[bytes, bytes]]) -> int:
    """Append the whole pairs from `pos` on to `out`; return where the terminator or the rest begins.

    Raises CorruptStructure.
    """
    # A pair counts as whole when the byte after it could be read, so IndexError is the only bounds check.
    append = out.append
    try:
        size = buf[pos]
        while size != 0xFF:
            start = pos + 1
            if size == 0xFE:
                size = buf[start] | buf[start + 1] << 8 | buf[start + 2] << 16 | buf[start + 3] << 24
                start += 4
            end = start + size
            size = buf[end]
            value = end + 2
            if size >= 0xFE:
                if size == 0xFF:
                    raise CorruptStructure("zipmap value has length byte 0xff, that is the terminator", end)
                size = buf[end + 1] | buf[end + 2] << 8 | buf[end + 3] << 16 | buf[end + 4] << 24
                value += 4
            value_end = value + size
            after = value_end + buf[value - 1]
            size = buf[after]
            append((buf[start:end], buf[value:value_end]))
            pos = after
    except IndexError:
        pass  # the pair at `pos` is not wholly there
    return pos


def encode(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Pack pairs in the order given, without padding; raise ValueError for what a u32 length cannot say."""
    parts = [b""]
    for field, value in pairs:
        parts.append(b"%b%b%b\x00%b" % (_length(len(field)), field, _length(len(value)), value))
    parts[0] = b"%c" % min(len(parts) - 1, _UNKNOWN_COUNT)
    parts.append(b"\xff")
    return b"".join(parts)


def _length(size: int) -> bytes:
    if size < 0xFE:
        return b"%c" % size
    if size > _SIZE_LIMIT:
        raise ValueError(f"zipmap strings are at most {_SIZE_LIMIT} bytes, this one has {size}")
    return b"\xfe" + size.to_bytes(4, "little")
