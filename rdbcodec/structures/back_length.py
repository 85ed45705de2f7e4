"""The back-length of a listpack element: how it is written, and how it is compared (see listpack.py)."""

from __future__ import annotations

from bisect import bisect_left

from rdbcodec.errors import CorruptStructure

# The largest sizes whose back-length takes 1, 2, 3 and 4 bytes.
_BACK_LENGTH_STEPS_CLASSIC = (127, 16382, 2097150, 268435454)
_BACK_LENGTH_STEPS_NEW     = (127, 16383, 2097151, 268435455)  # fmt: skip


def back_length(size: int, *, short: bool = False) -> bytes:
    """Of an element of so many bytes; `short` is the new rule."""
    if size <= 127:
        return b"%c" % size
    if size <= 16382:
        return b"%c%c" % (size >> 7, size & 0x7F | 0x80)
    last = bisect_left(_BACK_LENGTH_STEPS_NEW if short else _BACK_LENGTH_STEPS_CLASSIC, size)
    digits = [size >> 7 * place & 0x7F | 0x80 for place in range(last, -1, -1)]
    return bytes((digits[0] & 0x7F, *digits[1:]))


def pass_back_length(buf: bytes, end: int, size: int) -> int:
    """Give the position after the back-length at `end`; IndexError when it is not wholly there."""
    classic, new = back_length(size), back_length(size, short=True)
    if len(buf) < end + len(classic):  # the new form is one byte shorter, but the terminator follows it
        raise IndexError
    for expected in (classic, new):
        if buf.startswith(expected, end):
            return end + len(expected)
    raise wrong_back_length(buf, end, size)


def wrong_back_length(buf: bytes, end: int, size: int) -> CorruptStructure:
    """The error for the first byte at `end` that is not that of an element of so many bytes."""
    expected = back_length(size)
    at = next(i for i, byte in enumerate(expected) if buf[end + i] != byte)
    message = (
        f"listpack back-length byte is {buf[end + at]:#04x}, {expected[at]:#04x} is that of {size} bytes"
    )
    return CorruptStructure(message, end + at)
