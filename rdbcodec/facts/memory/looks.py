"""What a value takes, by a look at two or three headers: of layouts that servers keep as they are in memory.

    look = look_of(row, model)      None: this layout has no fast way
    look(record, start)             its bytes and elements, the key apart; None: this value has none

A value of the size that servers keep packed takes as much as any other of the same length, which is
remembered. What a look does not answer, damaged headers too, is told by `shapes`. Each look is one function:
they are asked of most keys of a snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from struct import Struct

from rdbcodec.datatypes.lists import PACKED as PACKED_NODE
from rdbcodec.datatypes.streams.value import ID_SIZE
from rdbcodec.facts.memory.element_sizes import size_at
from rdbcodec.facts.memory.kinds import LISTPACK, ONE_NODE, STREAM, STREAM_NODE
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.nodes import tree_shapes
from rdbcodec.facts.memory.sizes import packed_limit, packed_shape
from rdbcodec.formats import TypeRow
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.lzf import decompress_prefix

# Bytes of a value and its elements, by its record and where it starts there; IndexError where it is cut.
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
    return None


def _packed_look(row: TypeRow, model: Model) -> Look:
    """A listpack, ziplist or intset that is the whole value, of no more elements than servers keep packed."""
    header = _HEADERS[row.encoding]
    read, least, is_intset = header.unpack_from, header.size, row.encoding == "intset"
    most, each = packed_limit(row), 2 if row.type in _PAIRS else 1
    # By size << 16 | elements, because old servers make tables of some.
    costs = Costs(lambda number: model[packed_shape(row, number >> 16, number & 0xFFFF)])

    def look(record: bytes, start: int) -> tuple[float, int] | None:
        size = record[start]
        if size < _SHORT:
            numbers = read(record, start + 1) if size >= least else None
        elif size < _LONG:
            size = size << 8 & 0x3F00 | record[start + 1]
            numbers = read(record, start + 2)
        else:
            size, head = _unpacked(record, start, least)
            numbers = read(head, 0) if len(head) >= least else None
        if numbers is None or (is_intset and numbers[0] not in _WIDTHS):
            return None
        count = numbers[-1] // each
        return (costs[size << 16 | count], count) if count <= most else None

    return look


def _node_look(model: Model) -> Look:
    """A list that is one listpack."""
    header = _HEADERS["listpack"]
    read, least = header.unpack_from, header.size
    costs = Costs(lambda size: model[ONE_NODE, size, LISTPACK, 0])

    def look(record: bytes, start: int) -> tuple[float, int] | None:
        if record[start] != 1 or record[start + 1] != PACKED_NODE:
            return None
        size = record[start + 2]
        if size < _SHORT:
            count = read(record, start + 3)[1] if size >= least else _UNKNOWN
        elif size < _LONG:
            size = size << 8 & 0x3F00 | record[start + 3]
            count = read(record, start + 4)[1]
        else:
            size, head = _unpacked(record, start + 2, least)
            count = read(head, 0)[1] if len(head) >= least else _UNKNOWN
        return None if count == _UNKNOWN else (costs[size], count)

    return look


_UNKNOWN = 0xFFFF  # elements of a listpack that does not say how many it has


def _unpacked(record: bytes, pos: int, count: int) -> tuple[int, bytes]:
    """The length of the string at `pos`, and its first bytes, which LZF mostly has as they are."""
    if record[pos] != strings.LZF:
        return size_at(record, pos), strings.peek(record, pos, count)
    packed, size, start = strings.read_lzf_header(record, pos)
    if count <= record[start] + 1 <= 32:
        return size, record[start + 1 : start + 1 + count]
    return size, decompress_prefix(record[start : start + packed], count)


def _stream_look(generation: int, model: Model) -> Look:
    """A stream without groups: its nodes, and how many entries stand behind them."""
    node = Costs(lambda size: model[STREAM_NODE, size, 0, 0])
    further = 2 if generation < 2 else 7  # numbers between the count of entries and that of groups

    def look(record: bytes, start: int) -> tuple[float, int] | None:
        nodes, pos = lengths.read(record, start)
        costs, masters = [model[STREAM, 0, 0, 0]], []
        for _ in range(nodes):
            if record[pos] != ID_SIZE:
                return None
            masters.append(int.from_bytes(record[pos + 1 : pos + 1 + ID_SIZE], "big"))
            pos += 1 + ID_SIZE
            costs.append(node[size_at(record, pos)])
            pos = strings.walk(record, pos)
        count, pos = lengths.read(record, pos)
        for _ in range(further):
            _, pos = lengths.read(record, pos)
        groups, _ = lengths.read(record, pos)
        if groups:
            return None
        costs += map(model.__getitem__, tree_shapes(masters))
        return math.fsum(costs), count

    return look
