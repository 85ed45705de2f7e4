"""What a value takes, by a look at two or three headers: of layouts that servers keep as they are in memory.

    look = look_of(row, model)      None: this layout has no fast way
    look(buf, start)                its bytes and elements, the key apart; None: this value has none

A value of the size that servers keep packed takes as much as any other of the same length, which is
remembered. What a look does not answer, damaged headers too, is told by `shapes`. Each look is one function:
they are asked of most keys of a snapshot. Other keys follow in `buf`: a look does not read beyond the strings
that the value is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat
from struct import Struct

from rdbcodec.datatypes.lists import PACKED as PACKED_NODE
from rdbcodec.datatypes.streams.value import ID_SIZE
from rdbcodec.facts.memory.element_sizes import TABLES, size_at
from rdbcodec.facts.memory.kinds import LISTPACK, ONE_NODE, STREAM, STREAM_NODE
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.nodes import tree_shapes
from rdbcodec.facts.memory.sizes import packed_limit, packed_shape
from rdbcodec.facts.memory.table_looks import table_look
from rdbcodec.formats import TypeRow
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


class Costs(dict[int, float]):
    """What things take, by numbers that say what they are."""

    def __init__(self, cost: Callable[[int], float]) -> None:
        self._cost = cost

    def __missing__(self, number: int) -> float:
        if len(self) >= _REMEMBERED:
            self.clear()
        cost = self[number] = self._cost(number)
        return cost


def look_of(row: TypeRow, model: Model) -> Look | None:
    """The fast way of a layout, if it has one."""
    if row.encoding == "quicklist2":
        return _node_look(model)
    if row.encoding in _HEADERS and row.type != "list":
        return _packed_look(row, model)
    if row.generation:
        return _stream_look(row.generation, model)
    return table_look(row, model) if row.name in TABLES else None


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


def _stream_look(generation: int, model: Model) -> Look:
    """A stream without groups: its nodes, and how many entries stand behind them."""
    node = Costs(lambda size: model[STREAM_NODE, size, 0, 0])
    further = 2 if generation < 2 else 7  # numbers between the count of entries and that of groups
    empty = model[STREAM, 0, 0, 0]
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
            costs.append(node[size_at(buf, pos)])
            pos = strings.walk(buf, pos)
        count, pos = lengths.read(buf, pos)
        for _ in repeat(None, further):
            head = buf[pos]
            pos += 1 if head < _SHORT else 2 if head < _LONG else lengths.read(buf, pos)[1] - pos
        if buf[pos]:
            return None
        if nodes == 1:
            costs.append(of_one)
        else:
            costs += map(model.__getitem__, tree_shapes(masters))
        return math.fsum(costs), count

    return look
