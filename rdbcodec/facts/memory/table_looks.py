"""What a set, hash or sorted set takes that was written element by element, by a look at each (see `looks`).

Servers write small ones so that are no tables for those who load them: sets of Redis before 7.2, and what
a low threshold made a table of. How large they get in a listpack, the lengths tell, and which are numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from struct import Struct

from rdbcodec.facts.memory.element_sizes import TABLES
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.sizes import (
    ENTRIES,
    LONGEST,
    most_packed,
    number_size,
    packed_size,
    packed_table,
    score_text,
    table_shapes,
)
from rdbcodec.formats import TypeRow
from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.integers import I64_DIGITS, integer_in
from rdbcodec.wire.strings import LAST_DIGIT, MINUS

_SHORT, _LONG = 0x40, 0x80  # lengths below 0x40 are their own byte; from there to 0x80 begin those of two
_TEXT_HEAD = 2  # bytes beside those of a text in a listpack
_NUMBER = Struct("<d")

Score = Callable[[bytes, int], "tuple[float, int]"]


def _read_binary(buf: bytes, pos: int) -> tuple[float, int]:
    return _NUMBER.unpack_from(buf, pos)[0], pos + _NUMBER.size


_SCORES: dict[str, Score] = {"zset": doubles.read_text, "zset-2": _read_binary}


def table_look(row: TypeRow, model: Model) -> Callable[[bytes, int], tuple[float, int] | None]:
    """The fast way of a table."""
    type_, width, score = row.type, TABLES[row.name][2], _SCORES.get(row.name)
    intset, most = most_packed(type_) if type_ == "set" else -1, ENTRIES[type_]

    def look(buf: bytes, start: int) -> tuple[float, int] | None:
        count, pos = lengths.read(buf, start)
        found = _sizes(buf, pos, count * width, score)
        if found is None:
            return None
        sizes, packed, numbers = found
        if numbers == count <= intset:
            return None  # numbers alone may become an intset, whose width they decide
        if count <= most and max(sizes, default=0) <= LONGEST:
            return model[packed_table(type_, packed, count)], count  # as most are
        elements = list(zip(*[iter(sizes)] * width, strict=True))
        return model.total(table_shapes(type_, elements, packed)), count

    return look


def _sizes(buf: bytes, pos: int, count: int, score: Score | None) -> tuple[list[int], int, int] | None:
    """The lengths of so many texts, what they take in a listpack, and how many are numbers.

    None where only their texts tell. One loop: a call for each element would take as long as all the rest.
    """
    sizes: list[int] = []
    add = sizes.append
    packed = numbers = 0  # the first beyond what each takes that is a text of less than 64 bytes
    for _ in repeat(None, count):
        head = buf[pos]
        pos += 1
        if head < _LONG:
            size = head
            if head >= _SHORT:
                size = head << 8 & 0x3F00 | buf[pos]
                pos += 1
                packed += size >= _SHORT
            end = pos + size
            # No call is made for most that begin with a digit.
            if (
                size <= I64_DIGITS
                and size
                and buf[pos] <= LAST_DIGIT
                and ((text := buf[pos:end]).isdigit() or buf[pos] == MINUS)
                and (held := integer_in(text)) is not None
            ):
                packed += number_size(held) - size - _TEXT_HEAD
                numbers += 1
            pos = end
        elif head == strings.LZF:
            end = strings.walk(buf, pos - 1)
            size, pos = strings.read_lzf_header(buf, pos - 1)[1], end
            if size <= I64_DIGITS:
                return None  # it may be a number: no server packs what is that short
            packed += size >= _SHORT
        elif head in strings.INTEGER_SIZE:
            end = pos + strings.INTEGER_SIZE[head]
            number = int.from_bytes(buf[pos:end], "little", signed=True)
            size, pos = len(b"%d" % number), end
            packed += number_size(number) - size - _TEXT_HEAD
            numbers += 1
        else:
            return None
        add(size)
        if score is not None:
            value, pos = score(buf, pos)
            packed += packed_size(score_text(value))
    return sizes, packed + sum(sizes) + _TEXT_HEAD * count, numbers
