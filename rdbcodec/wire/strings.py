"""STR, the string of RDB: keys, values, elements, packed blobs, AUX fields (rdb-format.md, section 3.2).

    LEN  bytes                  as they are
    11000000  i8                a number; the value is its decimal text
    11000001  i16 little endian
    11000010  i32 little endian
    11000011  LEN  LEN  bytes   LZF: size on disk, size unpacked, the block
    11xxxxxx                    anything else: an error

Instance: `c1 2c 01` is b"300"; `02 68 69` is b"hi".
"""

from __future__ import annotations

from io import BytesIO
from itertools import repeat
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.wire import lengths, lzf
from rdbcodec.wire.integers import integer_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INT8, INT16, INT32, LZF = 0xC0, 0xC1, 0xC2, 0xC3
LONG_LENGTH = 0x81  # a length in the form of 64 bits
UNPLAIN = frozenset({LONG_LENGTH, LZF})  # first bytes of strings that can be odd; no others can
MAX_INTEGER_TEXT = 11  # characters of -2147483648: servers try no longer ones
LAST_DIGIT = 0x39  # no integer's text begins with a greater byte
MINUS = 0x2D  # and this is the only one before its digits
INTEGER_SIZE = {INT8: 1, INT16: 2, INT32: 4}
MANY = 32  # strings that are worth taking together
_SHORT = {b"%c" % size: size for size in range(0x40)}  # by the byte before a short text


class Budget:
    """How many bytes one decode may still unpack.

    A few megabytes of LZF can stand for gigabytes; the limit must hold for the sum of all strings of
    a value, so it is spent, not compared.
    """

    __slots__ = ("failure", "left", "limit")

    def __init__(self, limit: int = MAX_UNPACKED) -> None:
        self.limit = limit
        self.left = limit
        self.failure: LimitExceeded | None = None

    def spend(self, size: int) -> None:
        """Take `size` bytes; raises LimitExceeded when they are not there, and remembers it."""
        if size > self.left:
            wanted = self.limit - self.left + size
            message = "the value unpacks to more than allowed"
            self.failure = LimitExceeded(message, limit=self.limit, wanted=wanted, name="max_value")
            raise self.failure
        self.left -= size

    def refill(self) -> None:
        """Start again: what was unpacked so far is no longer held."""
        self.left = self.limit


def walk(buf: bytes, pos: int) -> int:
    """The position after the string at `pos`, which may lie beyond the end of `buf`.

    Raises IndexError when `buf` ends inside the header, CorruptStructure when no string starts here.
    """
    head = buf[pos]
    if head < 0x40:
        return pos + 1 + head
    if head < 0x80:
        return pos + 2 + ((head & 0x3F) << 8 | buf[pos + 1])
    if head < 0xC0:
        size, pos = lengths.read(buf, pos)
        return pos + size
    if head == LZF:
        size = buf[pos + 1]
        if size < 0x80:  # two lengths of one or two bytes, as nearly all are
            pos += 2
            if size >= 0x40:
                size = (size & 0x3F) << 8 | buf[pos]
                pos += 1
            unpacked = buf[pos]
            if unpacked < 0x40:
                return pos + 1 + size
            return lengths.read(buf, pos)[1] + size
        packed, pos = lengths.read(buf, pos + 1)
        _, pos = lengths.read(buf, pos)
        return pos + packed
    return pos + 1 + _integer_size(head, pos)


def read(buf: bytes, pos: int, budget: Budget) -> tuple[bytes, int]:
    """The string at `pos` and the position after it.

    Raises IndexError when `buf` ends inside the string, CorruptStructure when it contradicts itself,
    LimitExceeded when it unpacks to more than `budget` has left.
    """
    head = buf[pos]
    if head < 0xC0:
        if head < 0x40:
            start = pos + 1
            end = start + head
        elif head < 0x80:
            start = pos + 2
            end = start + ((head & 0x3F) << 8 | buf[pos + 1])
        else:
            size, start = lengths.read(buf, pos)
            end = start + size
        if end > len(buf):
            raise IndexError
        return buf[start:end], end
    if head == LZF:
        return _read_lzf(buf, pos, budget)
    end = pos + 1 + _integer_size(head, pos)
    if end > len(buf):
        raise IndexError
    return b"%d" % int.from_bytes(buf[pos + 1 : end], "little", signed=True), end


def read_rest(buf: bytes, pos: int, limit: int) -> bytes | None:
    """The string at `pos`, which is all there is from there on: most values are one.

    None when `read` must have a look: for integers, rare forms, more than `limit` bytes, and damage of any
    kind. It needs no budget, which would be a tenth of the time of a small value.
    """
    try:
        head = buf[pos]
        if head < 0x40:
            text = buf[pos + 1 :]
            return text if len(text) == head else None
        if head < 0x80:
            text = buf[pos + 2 :]
            return text if len(text) == (head & 0x3F) << 8 | buf[pos + 1] else None
        if head != LZF:
            return None
        packed, size = buf[pos + 1], buf[pos + 2]
        pos += 3
        if packed >= 0x40:
            packed = (packed & 0x3F) << 8 | size if packed < 0x80 else -1
            size = buf[pos]
            pos += 1
        if size >= 0x40:
            size = (size & 0x3F) << 8 | buf[pos] if size < 0x80 else limit + 1
            pos += 1
    except IndexError:
        return None
    block = buf[pos:]
    if len(block) != packed or size > limit or size > packed * lzf.MAX_EXPANSION:
        return None
    return lzf.reader()(block, size)


def take(buf: bytes, pos: int, count: int, out: list[bytes], budget: Budget) -> int:
    """Append up to `count` whole strings to `out`; the position after the last one.

    Stops early, without an error, where `buf` or the budget ends. The two short forms are inlined: they
    are nearly all elements there are, and a call each would double the time.
    """
    size = len(buf)
    append = out.append
    is_worth = True  # whether to try many at once
    try:
        while count:
            if is_worth and count >= MANY:
                before = len(out)
                pos = take_short(buf, pos, count, out)
                taken = len(out) - before
                is_worth = taken >= MANY
                count -= taken
                if not count:
                    break
            head = buf[pos]
            if head < 0x40:
                start = pos + 1
                end = start + head
            elif head < 0x80:
                start = pos + 2
                end = start + ((head & 0x3F) << 8 | buf[pos + 1])
            else:
                text, pos = read(buf, pos, budget)
                append(text)
                count -= 1
                continue
            if end > size:
                break
            append(buf[start:end])
            pos = end
            count -= 1
    except (IndexError, LimitExceeded):
        pass
    return pos


def take_short(buf: bytes, pos: int, count: int, out: list[bytes]) -> int:
    """Append up to `count` texts of fewer than 64 bytes to `out`, up to the first string of another form.

    The position after the last one. All of it runs in C, in half of the time of a loop.
    """
    taken: list[bytes] = []
    stream = BytesIO(buf)
    stream.seek(pos)
    try:
        taken.extend(map(stream.read, short_sizes(stream.read, count)))
        pos = stream.tell()
    except KeyError:  # a string of another form; those before it are in the list
        pos += len(taken) + len(b"".join(taken))  # a third of the time of adding up sizes
    if taken and buf[pos - len(taken[-1]) - 1] != len(taken[-1]):  # cut by the end of `buf`
        pos -= len(taken.pop()) + 1
    out += taken
    return pos


def short_sizes(read: Callable[[int], bytes], count: int) -> Iterator[int]:
    """Sizes of up to `count` texts of fewer than 64 bytes, for who reads each before he asks for the next.

    KeyError at a string of another form, and where the bytes end. They may end inside of a text.
    """
    return map(_SHORT.__getitem__, map(read, repeat(1, count)))


def read_lzf_header(buf: bytes, pos: int) -> tuple[int, int, int]:
    """Size on disk, size unpacked and start of the LZF block whose string starts at `pos`."""
    packed, start = lengths.read(buf, pos + 1)
    size, start = lengths.read(buf, start)
    return packed, size, start


def encode(text: bytes, *, compress: bool = True) -> bytes:
    """The form a server would choose: an integer if it is one of at most 32 bits, LZF if that saves, plain.

    `compress` False is a server with rdbcompression no. The block is rdbcodec.wire.lzf's own, so its
    bytes need not be those a server would write; every server reads them.
    """
    size = len(text)
    if size < lzf.MIN_SIZE:  # most are: never compressed, and the length takes one byte
        if size <= MAX_INTEGER_TEXT and text[:1] <= b"9":
            number = integer_in(text)
            if number is not None and -(2**31) <= number < 2**31:
                head = INT8 if -128 <= number < 128 else INT16 if -(2**15) <= number < 2**15 else INT32
                return bytes((head,)) + number.to_bytes(INTEGER_SIZE[head], "little", signed=True)
        return b"%c%b" % (size, text)
    block = lzf.writer()(text) if compress and size <= lzf.MAX_SIZE else None
    if block is None or len(block) > size - lzf.MIN_SAVED:  # as lzf.compress decides
        if size < 0x40:
            return b"%c%b" % (size, text)
        return lengths.encode(size) + text
    return bytes((LZF,)) + lengths.encode(len(block)) + lengths.encode(size) + block


def peek(buf: bytes, pos: int, count: int) -> bytes:
    """The first `count` bytes of the string at `pos`, without unpacking the rest."""
    head = buf[pos]
    if head == LZF:
        packed, _, start = read_lzf_header(buf, pos)
        return lzf.decompress_prefix(buf[start : start + packed], count)
    if head > LZF or head in INTEGER_SIZE:
        return read(buf, pos, Budget(0))[0][:count]
    size, start = lengths.read(buf, pos)
    return buf[start : start + min(size, count)]


def _read_lzf(buf: bytes, pos: int, budget: Budget) -> tuple[bytes, int]:
    there = len(buf)
    if pos + 5 > there:
        packed, size, start = read_lzf_header(buf, pos)
    else:
        packed, size = buf[pos + 1], buf[pos + 2]
        if packed < 0x40 <= size < 0x80:  # the sizes of most: one byte, and two
            size = (size & 0x3F) << 8 | buf[pos + 3]
            start = pos + 4
        elif 0x40 <= packed < 0x80 and 0x40 <= buf[pos + 3] < 0x80:  # two and two
            packed = (packed & 0x3F) << 8 | size
            size = (buf[pos + 3] & 0x3F) << 8 | buf[pos + 4]
            start = pos + 5
        else:
            packed, size, start = read_lzf_header(buf, pos)
    end = start + packed
    if end > there:
        raise IndexError
    budget.spend(size)
    return lzf.decompress(buf[start:end], size), end


def _integer_size(head: int, pos: int) -> int:
    size = INTEGER_SIZE.get(head)
    if size is None:
        raise CorruptStructure(f"expected a string, found encoding byte {head:#04x}", pos)
    return size
