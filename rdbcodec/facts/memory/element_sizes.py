"""The lengths of elements, by their headers: nothing is unpacked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.strings import Budget

_NOTHING = Budget(0)


def size_at(buf: bytes, pos: int) -> int:
    """The length of the string at `pos`, unpacked."""
    head = buf[pos]
    if head < 0xC0:
        return lengths.read(buf, pos)[0]
    if head == strings.LZF:
        return strings.read_lzf_header(buf, pos)[1]
    return len(strings.read(buf, pos, _NOTHING)[0])


def take_sizes(buf: bytes, pos: int, count: int, out: list[int]) -> int:
    """Append the lengths of up to `count` whole strings; the position after the last one.

    As wire.strings.take, which it is in all but the texts: most elements of a table are short.
    """
    end, size = pos, len(buf)
    append = out.append
    try:
        while count:
            head = buf[pos]
            if head < 0x40:
                length = head
                end = pos + 1 + head
            elif head < 0x80:
                length = (head & 0x3F) << 8 | buf[pos + 1]
                end = pos + 2 + length
            else:
                end = strings.walk(buf, pos)
                length = size_at(buf, pos) if end <= size else 0
            if end > size:
                break
            append(length)
            pos = end
            count -= 1
    except IndexError:
        pass
    return pos


def slow_size(cursor: Cursor) -> int:
    return len(cursor.element())


def _take_scored(tail: Callable[[bytes, int], int]) -> Callable[[bytes, int, int, list[int]], int]:
    """The same for members, whose scores follow them."""

    def take(buf: bytes, pos: int, count: int, out: list[int]) -> int:
        one: list[int] = []
        try:
            while count:
                after = take_sizes(buf, pos, 1, one)
                end = tail(buf, after)
                if not one or end > len(buf):
                    break
                out.append(one.pop())
                pos = end
                count -= 1
        except IndexError:
            pass
        return pos

    return take


def _after_double(buf: bytes, pos: int) -> int:
    del buf
    return pos + 8


def _slow_scored(cursor: Cursor) -> int:
    size = len(cursor.element())
    cursor.fixed(8)
    return size


def _slow_text_scored(cursor: Cursor) -> int:
    size = len(cursor.element())
    cursor.text_double()
    return size


# How the sizes of a table's elements are read, and how many of them make an element.
TABLES: dict[str, tuple[Any, Callable[[Cursor], int], int]] = {
    "set": (take_sizes, slow_size, 1),
    "hash": (take_sizes, slow_size, 2),
    "zset": (_take_scored(doubles.walk_text), _slow_text_scored, 1),
    "zset-2": (_take_scored(_after_double), _slow_scored, 1),
}
