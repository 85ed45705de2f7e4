"""LZF blocks out of LZ4 blocks: LZ4 finds the matches, in C, and what it found is spelled again here.

An LZ4 block is a row of sequences, the last of which ends with its literals:

    CCCCLLLL     the token: C literals, a match of L + 4 bytes
    more ...     if C is 15: to be added to it, up to and including the first byte that is not 255
    literals     C bytes as they are
    dddddddd dddddddd   the distance of the match, 1..65535, little endian
    more ...     if L is 15: the same

One real instance, ten times abc, and the LZF for it:

    3f           3 literals, a match of 19 and more    02         literal run of 3
    61 62 63     "abc"                                 61 62 63   "abc"
    03 00 03     3 back, 19 + 3 bytes                  e0 0d 02   0x0d + 9 = 22 bytes from 2 + 1 back
    50           5 literals, the last ones             04         literal run of 5
    62 63 61 62 63                                     62 63 61 62 63

What makes it quick, for a sequence costs as much Python as ten bytes may take:

* LZ4 gets 8192 bytes at a time, so no distance is ever too far for LZF.
* All that a token says is a row of a table: one call of struct takes the sequence apart, the token after
  it included. The bytes to write stand in tables too, and are joined once.
* Distances count from 1 there, from 0 here. The low byte is taken down by the table it goes through;
  only a low byte of 0 borrows from the high one. A distance of 0 cannot be: END uses it to end the loop.
"""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any

from rdbcodec.wire.lzf.blocks import MAX_DISTANCE, MAX_LITERAL, MAX_MATCH, MIN_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    # Takes a sequence apart: its literals, the distance, low byte first, and the byte that comes next.
    Unpack: TypeAlias = Callable[[bytes, int], tuple[Any, ...]]
    # What a token says: `unpack`, where no more bytes follow; for each high byte of the distance what its
    # reference begins with; for each low byte of the distance before what that reference ends with and the
    # control byte of these literals; how far on the next token is.
    Row: TypeAlias = tuple[Unpack | None, list[bytes], list[bytes], int]

SEGMENT = MAX_DISTANCE
END = bytes(4)  # what SEQUENCES read behind the last literals
BYTES = [bytes((byte,)) for byte in range(256)]
FULL_RUN = BYTES[MAX_LITERAL - 1]
LENGTHS = BYTES[15 + 4 - 9 :]  # the length byte of a long reference, for one byte of more


def compressor(lz4: Callable[[bytes, str, bool], bytes]) -> Callable[[bytes], bytes | None]:
    """compress() out of LZ4's: None where LZ4 saves nothing, whatever LZF may make of it.

    That may lose a block, but not one worth having: matches are then of 4 bytes, among runs of 15 and more.
    """

    def compress(data: bytes) -> bytes | None:
        size = len(data)
        if size <= SEGMENT:
            found = lz4(data, "default", False)
            return respell(found) if len(found) < size else None
        segments = [lz4(data[pos : pos + SEGMENT], "default", False) for pos in range(0, size, SEGMENT)]
        return b"".join(map(respell, segments)) if sum(map(len, segments)) < size else None

    return compress


def respell(found: bytes) -> bytes:
    """The LZF block for the LZ4 block `found`, which must be sound and reach no farther than 8192 back.

    A loop for the sequences of few literals and a short match, inside one for the others; long, so that
    nothing of Python is called per sequence: 300 bytes have fifteen.
    """
    rows = table()
    found += END
    pos = 0
    token = found[0]
    unpack, heads, tails, step = rows[token]
    parts = [tails[0][1:]]  # no match before the first literals
    while True:
        while unpack is not None:
            literals, low, high, token = unpack(found, pos)
            parts.append(literals)
            if not low:
                if not high:
                    return b"".join(parts)
                high -= 1
            parts.append(heads[high])
            pos += step
            unpack, heads, tails, step = rows[token]
            parts.append(tails[low])
        if token < 240:
            literals, low, high, more, then = SEQUENCES[token >> 4](found, pos)
            parts.append(literals)
            pos += step
        else:
            count = found[pos + 1]
            pos += 2
            if count == 255:
                count, pos = add_more(count, found, pos)
            end = pos + count + 15
            stop = end - 32
            while pos < stop:
                start = pos
                pos += 32
                parts.append(FULL_RUN)
                parts.append(found[start:pos])
            left = end - pos
            parts.append(BYTES[left - 1])
            literals, low, high, more, then = SEQUENCES[left](found, pos - 1)
            parts.append(literals)
            if low == high == 0:
                return b"".join(parts)
            pos = end + 3
        if not low:
            high -= 1
        parts.append(heads[high])
        if token & 15 < 15:
            token = more
            pos -= 1
        elif more < 246:  # 264 bytes or less: one reference
            parts.append(LENGTHS[more])
            token = then
        else:
            length, pos = add_more(19, found, pos - 1)
            parts[-1] = long_match(length, high, low - 1 & 255)[:-1]
            token = found[pos]
        unpack, heads, tails, step = rows[token]
        parts.append(tails[low])


def add_more(count: int, found: bytes, pos: int) -> tuple[int, int]:
    """`count` with the bytes from `pos` on added up to it, and the position after them."""
    while (more := found[pos]) == 255:
        count += 255
        pos += 1
    return count + more, pos + 1


def long_match(length: int, high: int, low: int) -> bytes:
    """A match longer than LZF can say at once, as several of 3 to 264 bytes, all from equally far back."""
    full, rest = divmod(length, MAX_MATCH)
    if 0 < rest < MIN_MATCH:  # 1 or 2 bytes cannot be said: let the last full one lend some
        full, rest = full - 1, rest + MAX_MATCH - MIN_MATCH
        tail = bytes((32 + high, low))
    else:
        tail = b""
    out = bytes((224 + high, MAX_MATCH - 9, low)) * full
    if rest > 8:
        return out + bytes((224 + high, rest - 9, low)) + tail
    return out + bytes(((rest << 5) - 64 + high, low)) if rest else out


# From the byte before the literals on, for each count of them: the literals and the four bytes after them.
SEQUENCES: list[Unpack] = [Struct(f"<x{count}s4B").unpack_from for count in range(33)]


@cache
def table() -> list[Row]:
    """A row for each token. Made on first use: it takes a millisecond that reading does not need."""
    heads = [[head(length, high) for high in range(32)] for length in range(16)]
    tails = [[tail(count, low) for low in range(256)] for count in range(16)]
    rows: list[Row] = []
    for token in range(256):
        count, length = token >> 4, token & 15
        plain = count < 15 and length < 15
        unpack = Struct(f"<x{count}s3B").unpack_from if plain else None
        rows.append((unpack, heads[length], tails[count], count + (3 if plain else 4)))
    return rows


def head(length: int, high: int) -> bytes:
    """What a reference begins with, all but its last byte, for the L of a token."""
    if length == 15:
        return bytes((0xE0 | high,))  # and then its length, out of LENGTHS
    return bytes((length + 2 << 5 | high,)) if length < 5 else bytes((0xE0 | high, length - 5))


def tail(count: int, low: int) -> bytes:
    """The last byte of a reference, 255 for 0, and the control byte of the `count` literals after it."""
    return BYTES[low - 1] + (BYTES[count - 1] if 0 < count < 15 else b"")
