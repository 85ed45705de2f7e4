"""What a generator may ask a walker for, and how that is read where all its bytes are there.

A generator yields requests and gets the number read when the request was one for a number; for anything
else it gets 0.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import LENGTH, STRING, TEXT_DOUBLE, Fixed, Primitive
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.structures import listpack
from rdbcodec.wire import doubles, lengths, strings

WalkFunction = Callable[[bytes, int], int]
Templates = Mapping[int, Sequence[bytes]]


class Skip:
    """A request for so many bytes, whatever is in them; a Fixed whose size was read from the file."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Strings:
    """A request for so many strings in a row, each with `tail` bytes behind it."""

    __slots__ = ("count", "tail")

    def __init__(self, count: int, tail: int = 0) -> None:
        self.count = count
        self.tail = tail


# A STRING that holds the listpack of a template's names: the answer is how many there are.
NAMES = Primitive("template names")

# Numbers that only specials ask for: four bytes little endian, and a line of RESP, `*3\r\n` or `$5\r\n`.
U32_NUMBER = Primitive("u32 number")
RESP_COUNT, RESP_SIZE = Primitive("resp count"), Primitive("resp size")

Request = Primitive | Fixed | Skip | Strings


class Ask(NamedTuple):
    """A request with the name of what it is for. In `elements[].tag` stands `[]` for the element's number,
    which the name's own repetitions count."""

    name: str
    request: Request


Requests = Generator[Request, int, None]
Asks = Generator[Ask, int, None]


def perform(request: Request, buf: bytes, pos: int) -> tuple[int, int]:
    """Read a number, step over anything else: the number or 0, and the end.

    Raises IndexError, or answers an end beyond the buffer, when the bytes are not all there.
    """
    if request is LENGTH:
        return lengths.read(buf, pos)
    if isinstance(request, (Fixed, Skip)):
        return 0, pos + request.size
    if isinstance(request, Strings):
        left, pos = walk_strings(buf, pos, request.count, request.tail)
        if left:
            raise IndexError
        return 0, pos
    walk = _SKIPPED.get(request)
    return _NUMBERS[request](buf, pos) if walk is None else (0, walk(buf, pos))


def walk_strings(buf: bytes, pos: int, count: int, tail: int, stop: int | None = None) -> tuple[int, int]:
    """Walk up to `count` whole strings with `tail` bytes behind each; how many are left, and where.

    Only those that end up to `stop`. Inlined for the two short length forms: three quarters of the time
    of calling strings.walk.
    """
    size = len(buf) if stop is None else min(len(buf), stop)
    short, long = 1 + tail, 2 + tail
    if count >= _MANY:
        many_at = _block(tail).match
        while count >= _BLOCK and (block := many_at(buf, pos, size)):
            pos = block.end()
            count -= _BLOCK
    try:
        while count:
            head = buf[pos]
            if head < 0x40:
                end = pos + short + head
            elif head < 0x80:
                end = pos + long + ((head & 0x3F) << 8 | buf[pos + 1])
            else:
                end = strings.walk(buf, pos) + tail
            if end > size:
                break
            pos = end
            count -= 1
    except IndexError:
        pass
    return count, pos


@cache
def _block(tail: int) -> re.Pattern[bytes]:
    """Matches so many short texts or numbers, with a tail behind each, in half of the time of the loop."""
    keep = b"+" if sys.version_info >= (3, 11) else b""  # sizes are fixed: there is one way to match
    sizes = [(size, size) for size in range(0x40)] + [*strings.INTEGER_SIZE.items()]
    forms = [b"\\x%02x.{%d}%b" % (head, size + tail, keep) for head, size in sizes]
    return re.compile(b"(?:%b){%d}%b" % (b"|".join(forms), _BLOCK, keep), re.DOTALL)


_BLOCK = 128  # strings that are matched together
_MANY = 8192  # strings for which it pays to make the pattern, 1.4 ms


# Both headers of an LZF string and enough of its block for the 6 bytes of a listpack header: the walk
# must not wait for a string whose size the file made up.
NAMES_HEAD = 64


def _count_names(buf: bytes, pos: int) -> tuple[int, int]:
    """How many elements the listpack in the string at `pos` has, and the end of the string."""
    end = strings.walk(buf, pos)
    if len(buf) < min(end, pos + NAMES_HEAD):
        raise IndexError
    count = listpack.count(strings.peek(buf, pos, 6))
    if count is None:
        raise CorruptStructure("a template with 65535 or more names has no count to walk by", pos)
    return count, end


def _read_u32(buf: bytes, pos: int) -> tuple[int, int]:
    if pos + 4 > len(buf):
        raise IndexError
    return int.from_bytes(buf[pos : pos + 4], "little"), pos + 4


RESP_LINE = 24  # bytes: a mark, 20 digits, CR LF


def _read_resp(mark: bytes) -> Callable[[bytes, int], tuple[int, int]]:
    def read(buf: bytes, pos: int) -> tuple[int, int]:
        stop = buf.find(b"\r\n", pos, pos + RESP_LINE)
        if stop < 0 and len(buf) < pos + RESP_LINE:
            raise IndexError
        digits = buf[pos + 1 : stop]
        if buf[pos : pos + 1] != mark or stop < 0 or not digits.isdigit():
            raise CorruptStructure("a replicated command is not in RESP form", pos)
        return int(digits), stop + 2

    return read


_SKIPPED: dict[Request, WalkFunction] = {STRING: strings.walk, TEXT_DOUBLE: doubles.walk_text}
_NUMBERS: dict[Request, Callable[[bytes, int], tuple[int, int]]] = {
    LENGTH: lengths.read,
    NAMES: _count_names,
    U32_NUMBER: _read_u32,
    RESP_COUNT: _read_resp(b"*"),
    RESP_SIZE: _read_resp(b"$"),
}


# --- module items -----------------------------------------------------------------------------------

ITEM_EOF, ITEM_SINT, ITEM_UINT, ITEM_FLOAT, ITEM_DOUBLE, ITEM_STRING = range(6)


def unknown_item(opcode: int, pos: int | None) -> CorruptStructure:
    """The error for an item whose size nobody knows."""
    return CorruptStructure(f"module item opcode {opcode} is none of 0 to 5", pos)
