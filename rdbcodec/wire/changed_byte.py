"""Which byte of a file was changed, when its checksum says that something was.

A CRC is linear: two texts of one size that differ have CRCs whose difference (exclusive or) is that of the
difference of the texts. If that is one byte `b` with `n - 1` bytes behind it, the CRC's is

    step(step(... step(b)))      n times, where step is what the CRC does with a byte of zeros

So one byte is found by going back from the difference until what is left is a byte. Bytes by the hundred
million are not gone back one by one: what up to a stride of steps makes of each of the 255 bytes is kept in
a table, and a stride back is one look-up of eight bytes. Small files take a smaller table.

Any other difference, of more bytes, is taken for one of a single byte once in 2**64 / 255 / size files.
"""

from __future__ import annotations

from functools import cache
from math import isqrt

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.wire.crc64 import REFLECTED

MAX_STRIDE = 256  # steps of the table: 65,280 entries, 8 MiB while it is asked for
_BYTES = range(8)  # of a CRC


class Change(NamedTuple):
    """At `offset` stands another byte than was written: `by` is the exclusive or of both."""

    offset: int
    by: int


def changed_byte(stored: int, computed: int, size: int) -> Change | None:
    """The one byte that explains it; None when none does. `stored` stands behind `size` bytes, as eight."""
    difference = stored ^ computed
    changed = [at for at in _BYTES if difference >> 8 * at & 0xFF]
    if len(changed) == 1:  # of the checksum itself
        return Change(size + changed[0], difference >> 8 * changed[0])
    stride = min(isqrt(size // 255) + 1, MAX_STRIDE)  # as long for the table as for the looking up
    ahead, back = _ahead(stride), _back(stride)
    for steps in range(0, size + 1, stride):
        found = ahead.get(difference)
        if found is not None:
            byte, more = found
            offset = size - steps - more
            return Change(offset, byte) if 0 <= offset < size else None
        difference = _apply(back, difference)
    return None


def _step(crc: int) -> int:
    return crc >> 8 ^ _table()[crc & 0xFF]


def _step_back(crc: int) -> int:
    low = _by_top()[crc >> 56]
    return (crc ^ _table()[low]) << 8 | low


@cache
def _table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (REFLECTED if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


@cache
def _by_top() -> dict[int, int]:
    """The highest byte tells the entry, as the polynomial has a term x^0."""
    return {crc >> 56: low for low, crc in enumerate(_table())}


def _ahead(stride: int) -> dict[int, tuple[int, int]]:
    """What each byte is after up to so many steps."""
    found = {}
    for byte in range(1, 256):
        crc = byte
        for steps in range(stride):
            found[crc] = byte, steps
            crc = _step(crc)
    return found


def _back(stride: int) -> list[list[int]]:
    """A stride back as a table for each byte of a CRC: they are linear too."""
    bits = []
    for bit in range(64):
        crc = 1 << bit
        for _ in range(stride):
            crc = _step_back(crc)
        bits.append(crc)
    return [[_sum(bits[8 * at : 8 * at + 8], byte) for byte in range(256)] for at in _BYTES]


def _sum(bits: list[int], byte: int) -> int:
    total = 0
    for at, crc in enumerate(bits):
        if byte >> at & 1:
            total ^= crc
    return total


def _apply(tables: list[list[int]], crc: int) -> int:
    total = 0
    for table in tables:
        total ^= table[crc & 0xFF]
        crc >>= 8
    return total
