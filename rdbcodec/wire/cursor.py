"""A reading position over bytes that arrive in pieces: the primitives one after another.

Streams, modules, arrays and values too large to hold are decoded through a cursor. Plain collections
of a held value are not: their hot loops read the bytes themselves, which is three times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rdbcodec.errors import CorruptStructure, RdbError, Truncated
from rdbcodec.wire import doubles, lengths, lzf, strings
from rdbcodec.wire.long_strings import PIECE, Held
from rdbcodec.wire.strings import Budget

T = TypeVar("T")

# reader(buf, pos, count, out) -> pos: append up to `count` whole elements, stop where `buf` ends.
Reader = Callable[[bytes, int, int, list[T]], int]

BATCH = 4096  # elements handed on at a time: some hundred KiB of small Python objects


class Cursor:
    """The primitives of one value, in order.

    Every method raises Truncated when the bytes end first and CorruptStructure when they are not what
    was asked for; `pos` of the error is the position in the value.
    """

    __slots__ = ("_chunks", "_dropped", "budget", "buf", "held", "pos", "streaming")

    def __init__(
        self,
        chunks: Iterable[bytes],
        budget: Budget,
        *,
        streaming: bool = False,
        held: Held | None = None,
    ) -> None:
        self._chunks = iter(chunks)
        self._dropped = 0
        self.buf = b""
        self.pos = 0
        self.budget = budget
        self.streaming = streaming  # elements are handed on, so the budget is for one of them
        self.held = Held(budget.limit) if held is None else held

    @property
    def offset(self) -> int:
        """The position in the whole value."""
        return self._dropped + self.pos

    def more(self) -> bool:
        """Drop what was read and append as much as was not: long strings then cost linear time.

        False when there is no more.
        """
        kept = self.buf[self.pos :]
        pieces, size = [kept], 0
        for chunk in self._chunks:
            if not chunk:  # a Decoder says this: the rest of the value was not fed yet
                raise RdbError("a value that is still being fed has no elements yet, only chunks()")
            pieces.append(chunk)
            size += len(chunk)
            if size >= len(kept):
                break
        if size:
            self._dropped += self.pos
            self.buf = b"".join(pieces)
            self.pos = 0
        return size > 0

    def at_end(self) -> bool:
        """Whether every byte of the value was read."""
        return self.pos >= len(self.buf) and not self.more()

    def expect_end(self) -> None:
        """Raise CorruptStructure when bytes are left over."""
        if not self.at_end():
            raise CorruptStructure("the value goes on after its last element", self.offset)

    def length(self) -> int:
        """The next LENGTH."""
        buf, pos = self.buf, self.pos
        if pos < len(buf) and buf[pos] < 0x40:  # as most are
            self.pos = pos + 1
            return buf[pos]
        return self._read(lengths.read)

    def string(self) -> bytes:
        """The next STRING; raises LimitExceeded when it is longer than what is held."""
        buf, start = self.buf, self.pos + 1
        if start <= len(buf):
            end = start + buf[start - 1]
            if end < start + min(0x40, self.held.limit) and end <= len(buf):  # a short one, as most are
                self.pos = end
                return buf[start:end]
        size = self.string_size()
        if size > self.held.limit:
            raise self.held.refuse("a string inside the value", size)
        return self._read(self._read_string)

    def needed(self) -> bytes:
        """The next STRING, which has no use in pieces: a name, say. see Held.needed."""
        if not self.streaming or not self.string_is_long():
            return self.string()
        size = self.string_size()
        if size > self.held.needed:
            raise Held(self.held.needed).refuse("a name inside the value", size)
        return b"".join(self.string_pieces())

    def string_is_long(self) -> bool:
        """Whether the next STRING is longer than what is held."""
        return self.string_size() > self.held.limit

    def string_size(self) -> int:
        """The bytes it takes to hold the next STRING, which is not read yet."""
        return self._look(_read_string_size)[0]

    def string_pieces(self) -> Iterator[bytes]:
        """The next STRING in pieces, in bounded memory; it must be exhausted before anything else."""
        if not self._has(1):
            raise Truncated("the value ends where a string is expected", self.offset)
        head = self.buf[self.pos]
        if head == strings.LZF:
            packed, size = self._read(_read_lzf_sizes)
            yield from lzf.iter_decompress(self._raw(packed), size)
        elif head > strings.LZF or head in strings.INTEGER_SIZE:
            yield self._read(self._read_string)
        else:
            yield from self._raw(self.length())

    def text_double(self) -> float:
        """The next TEXT_DOUBLE."""
        return self._read(doubles.read_text)

    def signed(self) -> int:
        """The next I64: milliseconds, mostly."""
        return int.from_bytes(self.fixed(8), "little", signed=True)

    def fixed(self, size: int) -> bytes:
        """The next `size` bytes; for the small fixed fields only."""
        if not self._has(size):
            raise Truncated(f"the value ends inside a field of {size} bytes", self.offset)
        start = self.pos
        self.pos += size
        return self.buf[start : self.pos]

    def element(self) -> bytes:
        """The next STRING; of one too large to hold, what `held` makes of it."""
        if self.streaming:
            self.budget.refill()
        keep = self.held.keep
        if keep is None or not self.string_is_long():
            return self.string()
        text: bytes = keep(self.string_pieces())
        return text

    def take(self, reader: Reader[T], slow: Callable[[Cursor], T], count: int, out: list[T]) -> None:
        """Append at least one and up to `count` elements to `out`.

        `reader` appends the whole elements it finds in the bytes at hand, fast. `slow` reads the single
        element that is too large for that, primitive by primitive.
        """
        before = len(out)
        while count and len(out) == before:
            self.pos = self._located(reader, count, out)
            if len(out) > before:
                return
            if len(self.buf) - self.pos > self.held.limit or not self.more():
                out.append(slow(self))

    def batches(self, reader: Reader[T], slow: Callable[[Cursor], T], count: int) -> Iterator[list[T]]:
        """`count` elements in batches of what one piece of the value holds."""
        while count:
            self.budget.refill()
            batch: list[T] = []
            self.take(reader, slow, min(count, BATCH), batch)
            count -= len(batch)
            yield batch

    def _located(self, reader: Reader[T], count: int, out: list[T]) -> int:
        try:
            return reader(self.buf, self.pos, count, out)
        except CorruptStructure as error:
            error.pos = None if error.pos is None else error.pos + self._dropped
            raise

    def _read(self, reader: Callable[[bytes, int], tuple[T, int]]) -> T:
        value, self.pos = self._look(reader)
        return value

    def _look(self, reader: Callable[[bytes, int], tuple[T, int]]) -> tuple[T, int]:
        """What `reader` makes of the bytes here, and the position after it; nothing is read yet."""
        while True:
            try:
                return reader(self.buf, self.pos)
            except IndexError:
                if not self.more():
                    raise Truncated("the value ends inside a string or a length", self.offset) from None
            except CorruptStructure as error:
                error.pos = None if error.pos is None else error.pos + self._dropped
                raise

    def _read_string(self, buf: bytes, pos: int) -> tuple[bytes, int]:
        return strings.read(buf, pos, self.budget)

    def _raw(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._has(1):
                raise Truncated(f"the value ends, {size} bytes of a string are missing", self.offset)
            piece = self.buf[self.pos : self.pos + min(size, PIECE)]
            self.pos += len(piece)
            size -= len(piece)
            yield piece

    def _has(self, size: int) -> bool:
        while len(self.buf) - self.pos < size:
            if not self.more():
                return False
        return True


def _read_string_size(buf: bytes, pos: int) -> tuple[int, int]:
    head = buf[pos]
    if head == strings.LZF:
        # A small unpacked size may stand beside a huge packed one; both would have to be held.
        packed, size, start = strings.read_lzf_header(buf, pos)
        return max(packed, size), start
    if head in strings.INTEGER_SIZE:
        return 11, pos  # "-2147483648", the longest
    return lengths.read(buf, pos)


def _read_lzf_sizes(buf: bytes, pos: int) -> tuple[tuple[int, int], int]:
    packed, size, start = strings.read_lzf_header(buf, pos)
    return (packed, size), start
