"""LEN, the variable-size unsigned integer of RDB (rdb-format.md, section 3.1).

    00xxxxxx                    6 bits
    01xxxxxx  byte              14 bits, big endian
    10000000  4 bytes           32 bits, big endian
    10000001  8 bytes           64 bits, big endian (servers from Redis 4.0 on)
    10xxxxxx                    anything else: an error since Redis 4.0
    11eeeeee                    not a length: a string encoding, see rdbcodec.wire.strings

Instances: 63 = `3f`, 64 = `40 40`, 16383 = `7f ff`, 16384 = `80 00 00 40 00`,
2**32 = `81 00 00 00 01 00 00 00 00`.
"""

from __future__ import annotations

from rdbcodec.errors import CorruptStructure

MAX_SIZE = 9  # bytes of the longest length


def read(buf: bytes, pos: int) -> tuple[int, int]:
    """The length at `pos` and the position after it.

    Raises IndexError when `buf` ends inside the length, CorruptStructure when no length starts here.
    """
    head = buf[pos]
    if head < 0x40:
        return head, pos + 1
    if head < 0x80:
        return (head & 0x3F) << 8 | buf[pos + 1], pos + 2
    if head > 0x81:
        what = "a string encoding" if head >= 0xC0 else "no form of length"
        raise CorruptStructure(f"expected a length, found byte {head:#04x}, {what}", pos)
    end = pos + (5 if head == 0x80 else 9)
    buf[end - 1]  # IndexError when cut: a short slice would be a wrong number
    return int.from_bytes(buf[pos + 1 : end], "big"), end


def encode(value: int) -> bytes:
    """The shortest form of a length, as every server writes it.

    Raises ValueError outside 0 .. 2**64 - 1.
    """
    if 0 <= value < 0x40:
        return bytes((value,))
    if 0 <= value < 0x4000:
        return (value | 0x4000).to_bytes(2, "big")
    if 0 <= value < 1 << 32:
        return b"\x80" + value.to_bytes(4, "big")
    if 0 <= value < 1 << 64:
        return b"\x81" + value.to_bytes(8, "big")
    raise ValueError(f"a length is 0 to 2**64 - 1, not {value}")
