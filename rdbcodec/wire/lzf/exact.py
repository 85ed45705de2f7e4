"""The LZF block that servers themselves would write, byte for byte, without any package.

Any valid block loads anywhere; the same bytes are wanted where "decode, then encode" is held against a
file. From 3.2 on every Redis and Valkey packs strings by one procedure (rdb-format.md, section 3.3). Older
ones carry another revision of their library and disagree for one string in five or so.

The procedure remembers, for each of 65536 slots, the last position whose three bytes fell into it, and
takes what it remembers or nothing: no chains, no second thoughts. What has to be kept to the letter:

* Position 0 is written into its slot and never used.
* The slot is ((a << 8 | b) - 5 * (b << 8 | c)) mod 65536 for the bytes a, b, c.
* Inside a reference only its last two positions are remembered.
* Near the end of the data a reference ends early, by a rule of its own: see length_of().
* It gives up when what follows might pass the limit, not only when it does, so a block that would just fit
  may still be refused. It looks before every token; the last look is the strictest, and enough here.

Instance: 30 times "a" is `01 61 61 e0 11 00 01 61 61`. Position 1 finds only position 0, so the first two
are literals; position 2 refers to 1, for 26 of the 28 that are left.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from rdbcodec.wire.lzf.blocks import MAX_DISTANCE, MAX_LITERAL, MAX_MATCH, MIN_MATCH, MIN_SAVED, MIN_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 16  # positions whose slots are computed at a time: the integers for it take about 3 MB
UNROLLED = 16  # so many comparisons are made without looking whether the reference is long enough yet
SHORT = 12  # bytes compared one by one, before all that are left at once
ROOM = 3  # so many bytes must be left below the limit where no three bytes begin any more


def compress_exact(data: bytes) -> bytes | None:
    """`data` as the block that a server since 3.2 writes, or None where it stores the plain string."""
    if len(data) < MIN_SIZE:
        return None
    out = bytearray()
    run = 0  # where the literals begin that are not written yet
    for pos, length, distance in matches(data):
        if run != pos:
            add_literals(out, data[run:pos])
        out += reference(length, distance)
        run = pos + length
    left = max(len(data) - 2 - run, 0)
    if len(out) + left + left // MAX_LITERAL + 1 + ROOM > len(data) - MIN_SAVED:
        return None
    add_literals(out, data[run:])
    return bytes(out)


def add_literals(out: bytearray, run: bytes) -> None:
    """Append `run` as literal runs, each but the last of 32 bytes."""
    for pos in range(0, len(run), MAX_LITERAL):
        piece = run[pos : pos + MAX_LITERAL]
        out.append(len(piece) - 1)
        out += piece


def reference(length: int, distance: int) -> bytes:
    """The token for `length` bytes (3 to 264) from `distance` (1 to 8192) back."""
    back = distance - 1
    if length < 9:
        return bytes((length - 2 << 5 | back >> 8, back & 255))
    return bytes((0xE0 | back >> 8, length - 9, back & 255))


def matches(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Position, length and distance of each reference a server would make, in order.

    Most positions are literals, and each of them passes through the inner loop: it is why slots are
    computed in advance. Those after a chunk, as far as its last reference may reach, are computed with it.
    Positions in one slot agree in three bytes when they agree in two: that leaves no choice for the third.
    """
    table: dict[int, int] = {}
    remembered = table.get
    stop = len(data) - MIN_MATCH + 1
    pos = 0
    for base in range(0, stop, CHUNK):
        end = min(base + CHUNK, stop)
        slots = slots_of(data[base : end + MAX_MATCH + MIN_MATCH])
        while pos < end:
            for pos in range(pos, end):  # noqa: B020 - goes on where the last reference ended
                slot = slots[pos - base]
                found = remembered(slot)
                table[slot] = pos
                if (
                    found
                    and pos - found <= MAX_DISTANCE
                    and data[found] == data[pos]
                    and data[found + 1] == data[pos + 1]
                ):
                    break
            else:
                pos = end
                break
            length = length_of(data, found, pos)
            yield pos, length, pos - found
            pos += length
            if pos < stop:
                table[slots[pos - 2 - base]] = pos - 2
                table[slots[pos - 1 - base]] = pos - 1


def length_of(data: bytes, found: int, pos: int) -> int:
    """How long a server makes the reference from `pos` to the same three bytes at `found`.

    It keeps two bytes clear of the end of the data, but where the reference may be longer than 16 the
    first comparisons do not look at that, and what follows them makes at least one more step.
    """
    same = common(data, found, pos)
    most = min(len(data) - pos - 2, MAX_MATCH)
    if most <= UNROLLED:
        return max(MIN_MATCH, min(same, most))
    blind = MIN_MATCH + UNROLLED
    return same if same < blind else max(blind, min(same, most))


def common(data: bytes, found: int, pos: int) -> int:
    """How many bytes from `found` and from `pos` on agree, 3 at least and 264 at most."""
    most = min(len(data) - pos, MAX_MATCH)
    for same in range(MIN_MATCH, min(most, SHORT)):
        if data[found + same] != data[pos + same]:
            return same
    difference = int.from_bytes(data[pos : pos + most], "little") ^ int.from_bytes(
        data[found : found + most], "little"
    )  # its lowest bit is in the first byte that differs
    return (difference & -difference).bit_length() - 1 >> 3 if difference else most


def slots_of(data: bytes) -> tuple[int, ...]:
    """The slot of each three bytes in a row, all computed at once in lanes of 32 bits of one integer.

    In each lane stands a << 8 | b, and five times b << 8 | c is taken off. A multiple of 65536 added
    before keeps every lane from borrowing from its neighbour.
    """
    count = len(data) - MIN_MATCH + 1
    lanes = bytearray(4 * count)
    lanes[0::4], lanes[1::4] = data[2:], data[1:-1]
    taken = 5 * int.from_bytes(lanes, "little")
    lanes[0::4], lanes[1::4], lanes[2::4] = data[1:-1], data[:-2], b"\x08" * count
    mixed = int.from_bytes(lanes, "little") - taken
    mask = int.from_bytes(b"\xff\xff\0\0" * count, "little")
    return struct.unpack(f"<{count}I", (mixed & mask).to_bytes(4 * count, "little"))
