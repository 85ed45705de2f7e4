"""What a value takes, by a look at two or three headers: of layouts that servers keep as they are in memory.

    glance = glance_of(row, model)
    glance.look(buf, start)         its bytes and elements, the key apart; None: this value has no fast way

A value of the size that servers keep packed takes as much as any other of the same length, which is
remembered: by its headers, as they are, because to find those among others takes a tenth of reading them.
What a look does not answer, damaged headers too, is told by `shapes`. Each look is one function: they are
asked of most keys of a snapshot. Other keys follow in `buf`: a look does not read beyond the strings that the
value is made of.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from itertools import repeat
from struct import Struct

from rdbcodec.datatypes.lists import PACKED as PACKED_NODE
from rdbcodec.datatypes.streams.value import ID_SIZE
from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.element_sizes import TABLES, size_at
from rdbcodec.facts.memory.kinds import LISTPACK, ONE_NODE, STREAM, STREAM_NODE
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.nodes import tree_shapes
from rdbcodec.facts.memory.sizes import packed_limit, packed_shape
from rdbcodec.facts.memory.table_looks import table_look
from rdbcodec.formats import TypeRow
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.lzf import decompress_prefix

# Bytes of a value and its elements, by bytes that have all of it, and where it starts there.
Look = Callable[[bytes, int], "tuple[float, int] | None"]

_SHORT, _LONG = 0x40, 0x80  # lengths below 0x40 are their own byte; from there to 0x80 begin those of two
_PAIRS = frozenset({"hash", "zset"})
# The header of each structure, whose last number says how many elements it has.
_HEADERS = {"listpack": Struct("<IH"), "ziplist": Struct("<IIH"), "intset": Struct("<II")}
_WIDTHS = frozenset({2, 4, 8})  # of members of an intset, which its first number says
_REMEMBERED = 1 << 14  # costs of a sort: 2 MiB
_HEADS_SEEN = 1 << 12  # of a layout: 1 MiB


class Costs(dict[int, float]):
    """What things take, by numbers that say what they are."""

    def __init__(self, cost: Callable[[int], float]) -> None:
        self._cost = cost

    def __missing__(self, number: int) -> float:
        if len(self) >= _REMEMBERED:
            self.clear()
        cost = self[number] = self._cost(number)
        return cost


class Glance(NamedTuple):
    """The look of a layout, and the first bytes of values of which it was asked before.

    Of a value whose byte `at` is n the first `head_sizes[n]` bytes mostly tell all; where that is 0 never.
    """

    look: Look
    at: int
    head_sizes: bytes
    seen: dict[bytes, tuple[float, int]]


def glance_of(row: TypeRow, model: Model) -> Glance:
    """The fast way of a layout; of one that has none a look that answers nothing."""
    if row.encoding == "quicklist2":
        return Glance(_node_look(model), _NODE_HEAD, _head_sizes(_NODE_HEAD + _HEADERS["listpack"].size), {})
    if row.encoding in _HEADERS and row.type != "list":
        return Glance(_packed_look(row, model), 0, _head_sizes(_HEADERS[row.encoding].size), {})
    if row.generation:
        return Glance(_stream_look(row.generation, model), 0, _NO_HEAD, {})
    return Glance(table_look(row, model) if row.name in TABLES else _no_look, 0, _NO_HEAD, {})


def remembered(look: Look, head: bytes, seen: dict[bytes, tuple[float, int]]) -> tuple[float, int] | None:
    """What a look answers of these bytes alone, which it then answers of every value that begins so."""
    if not head or len(seen) >= _HEADS_SEEN:
        return None
    try:
        found = look(head, 0)
    except (DecodeError, IndexError, struct.error):
        return None
    if found is not None:
        seen[head] = found
    return found


def _head_sizes(size: int) -> bytes:
    """By the first byte of a string: how many bytes have its lengths, and so many of its content."""
    by_byte = bytearray(256)
    by_byte[:_SHORT] = bytes((size + 1,)) * _SHORT
    by_byte[_SHORT:_LONG] = bytes((size + 2,)) * (_LONG - _SHORT)
    by_byte[strings.LZF] = size + 6  # itself, two lengths of two bytes, and how long the first run is
    return bytes(by_byte)


_NO_HEAD = bytes(256)
_NODE_HEAD = 2  # bytes before the listpack of a list that is one: the number of nodes, and what it is


def _no_look(buf: bytes, start: int) -> None:
    del buf, start


def _packed_look(row: TypeRow, model: Model) -> Look:
    """A listpack, ziplist or intset that is the whole value, of no more elements than servers keep packed."""
    header = _HEADERS[row.encoding]
    read, least, is_intset = header.unpack_from, header.size, row.encoding == "intset"
    most, each = packed_limit(row), 2 if row.type in _PAIRS else 1
    # By size << 16 | elements, because old servers make tables of some.
    costs = Costs(lambda number: model[packed_shape(row, number >> 16, number & 0xFFFF)])

    def look(buf: bytes, start: int) -> tuple[float, int] | None:
        size = buf[start]
        if size < _LONG:
            start += 1
            if size >= _SHORT:
                size = size << 8 & 0x3F00 | buf[start]
                start += 1
            if size < least:
                return None
            numbers = read(buf, start)
        else:
            size, head, at = _unpacked(buf, start, least)
            if len(head) < at + least:
                return None
            numbers = read(head, at)
        if is_intset and numbers[0] not in _WIDTHS:
            return None
        count = numbers[-1] // each
        return (costs[size << 16 | count], count) if count <= most else None

    return look


def _node_look(model: Model) -> Look:
    """A list that is one listpack."""
    header = _HEADERS["listpack"]
    read, least = header.unpack_from, header.size
    costs = Costs(lambda size: model[ONE_NODE, size, LISTPACK, 0])

    def look(buf: bytes, start: int) -> tuple[float, int] | None:
        if buf[start] != 1 or buf[start + 1] != PACKED_NODE:
            return None
        size = buf[start + 2]
        if size < _LONG:
            start += 3
            if size >= _SHORT:
                size = size << 8 & 0x3F00 | buf[start]
                start += 1
            count = read(buf, start)[1] if size >= least else _UNKNOWN
        else:
            size, head, at = _unpacked(buf, start + 2, least)
            count = read(head, at)[1] if len(head) >= at + least else _UNKNOWN
        return None if count == _UNKNOWN else (costs[size], count)

    return look


_UNKNOWN = 0xFFFF  # elements of a listpack that does not say how many it has


def _unpacked(buf: bytes, pos: int, count: int) -> tuple[int, bytes, int]:
    """The length of the string at `pos`, bytes that have the first `count` of it, if it has those, and where.

    LZF mostly has them as they are: it begins with a run of bytes that nothing before them is like.
    """
    if buf[pos] != strings.LZF:
        return size_at(buf, pos), strings.peek(buf, pos, count), 0
    packed = buf[pos + 1]
    start = pos + 2 if packed < _SHORT else pos + 3
    size = buf[start]
    if packed < _LONG and _SHORT <= size < _LONG:  # lengths of one or two bytes, and of two, as most have
        packed = packed if packed < _SHORT else packed << 8 & 0x3F00 | buf[pos + 2]
        size = size << 8 & 0x3F00 | buf[start + 1]
        start += 2
    else:
        packed, size, start = strings.read_lzf_header(buf, pos)
    if count <= buf[start] + 1 <= _LONGEST_RUN and count < packed:
        return size, buf, start + 1
    return size, decompress_prefix(buf[start : start + packed], count), 0


_LONGEST_RUN = 32


# Bytes of a length by its first; 0 where that is no length.
_LENGTH_SIZES = (
    bytes((1,)) * _SHORT + bytes((2,)) * (_LONG - _SHORT) + bytes((5, lengths.MAX_SIZE)) + bytes(126)
)


def _stream_look(generation: int, model: Model) -> Look:
    """A stream without groups: its nodes, and how many entries stand behind them."""
    node = Costs(lambda size: model[STREAM_NODE, size, 0, 0])
    further = 2 if generation < 2 else 7  # numbers between the count of entries and that of groups
    empty = model[STREAM, 0, 0, 0]
    sizes = _LENGTH_SIZES
    of_one = math.fsum(map(model.__getitem__, tree_shapes([0])))  # whatever its ID is

    def look(buf: bytes, start: int) -> tuple[float, int] | None:
        nodes, pos = lengths.read(buf, start)
        costs, masters = [empty], []
        for _ in repeat(None, nodes):
            if buf[pos] != ID_SIZE:
                return None
            if nodes > 1:
                masters.append(int.from_bytes(buf[pos + 1 : pos + 1 + ID_SIZE], "big"))
            pos += 1 + ID_SIZE
            if buf[pos] == strings.LZF:
                packed, size, pos = strings.read_lzf_header(buf, pos)
                pos += packed
            else:
                size = size_at(buf, pos)
                pos = strings.walk(buf, pos)
            costs.append(node[size])
        count, pos = lengths.read(buf, pos)
        for _ in repeat(None, further):
            pos += sizes[buf[pos]] or lengths.read(buf, pos)[1] - pos
        if buf[pos]:
            return None
        if nodes == 1:
            costs.append(of_one)
        else:
            costs += map(model.__getitem__, tree_shapes(masters))
        return math.fsum(costs), count

    return look
