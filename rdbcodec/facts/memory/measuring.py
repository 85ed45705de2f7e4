"""The bytes and the elements of entries that are held: of most by a look at two or three headers.

A string, and a packed structure of the size that servers keep, takes as much as any other of the same length
in the same layout: its bytes are looked up by that length. All else goes the way of `shapes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

from rdbcodec.datatypes.lists import PACKED as PACKED_NODE
from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of, string_shape
from rdbcodec.facts.memory.sizes import (
    KEY,
    LISTPACK,
    ONE_NODE,
    STRING,
    packed_limit,
    packed_shape,
    size_at,
)
from rdbcodec.formats import TypeRow
from rdbcodec.records import Entry
from rdbcodec.structures import intset, listpack, ziplist
from rdbcodec.wire import strings
from rdbcodec.wire.integers import I64_DIGITS

Expiries = Sequence[int | None]
# Bytes of a value and its elements, by its record and where it starts there; None: not the fast way.
Look = Callable[[bytes, int], tuple[float, int] | None]

_LAST_DIGIT = ord("9")
_SHORT, _LONG = 0x40, 0x80  # lengths below 0x40 are their own byte; from there to 0x80 begin those of two
_HEADER = 10  # bytes of the longest header of a packed structure
_LEAST = {"listpack": 6, "ziplist": 10, "intset": 8}  # bytes without which a header is not whole
_PAIRS = frozenset({"hash", "zset"})
_COUNTS: dict[str, Callable[[bytes], int | None]] = {
    "listpack": listpack.count,
    "ziplist": ziplist.count,
    "intset": intset.count,
}


class Measuring:
    """Tells what entries take in a server, by its model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._strings = _Costs(lambda n: model[STRING, n >> 1 & 0x3F, n >> 7, n & 1])
        self._keys = _Costs(lambda n: model[KEY, n >> 1, 0, n & 1])
        self._looks: dict[int, Look | None] = {}

    def measure(
        self, entries: Sequence[Entry], expiries: Expiries | None
    ) -> tuple[list[float], list[int | None]]:
        """The bytes of each in memory, and its elements, None where its headers do not tell.

        Without `expiries` none of them expires. None may be large. This is the loop that all keys of a
        snapshot go through, so what most of them need is done in place.
        """
        memory: list[float] = []
        elements: list[int | None] = []
        short, keys, looks = self._strings, self._keys, self._looks
        for at, entry in enumerate(entries):
            code, record, start = entry.code, entry._record, entry._start
            key = record[1]
            expires = 0 if expiries is None or expiries[at] is None else 1
            if not code:
                size = record[start]
                elements.append(1)
                if key >= _SHORT or (size <= I64_DIGITS and size and record[start + 1] <= _LAST_DIGIT):
                    memory.append(self._model[string_shape(entry)])
                elif size < _SHORT:
                    memory.append(short[size << 7 | key << 1 | expires])
                elif size < _LONG:
                    memory.append(short[(size << 8 & 0x3F00 | record[start + 1]) << 7 | key << 1 | expires])
                else:
                    memory.append(self._model[string_shape(entry)])
                continue
            look = looks[code] if code in looks else self._look(entry)
            try:
                found = None if look is None else look(record, start)
            except (DecodeError, IndexError):
                found = None  # a damaged header, of which more is said there
            if found is None:
                memory.append(self._model.total(chain.from_iterable(shapes_of(entry))))
                elements.append(elements_of(entry))
            else:
                if key >= _SHORT:
                    key = size_at(record, 1)
                memory.append(keys[key << 1 | expires] + found[0])
                elements.append(found[1])
        return memory, elements

    def _look(self, entry: Entry) -> Look | None:
        """The fast way of a layout, if it has one."""
        row = entry.row
        look: Look | None = None
        if row.encoding == "quicklist2":
            look = partial(_look_at_node, _Costs(lambda size: self._model[ONE_NODE, size, LISTPACK, 0]))
        elif row.encoding in _COUNTS and row.type != "list":
            look = partial(_look_at_packed, row, self._costs_of(row))
        self._looks[entry.code] = look
        return look

    def _costs_of(self, row: TypeRow) -> _Costs:
        """By size << 16 | elements, because old servers make tables of some."""
        return _Costs(lambda n: self._model[packed_shape(row, n >> 16, n & 0xFFFF)])


class _Costs(dict[int, float]):
    """What things take, by numbers that say what they are."""

    def __init__(self, cost: Callable[[int], float]) -> None:
        self._cost = cost

    def __missing__(self, number: int) -> float:
        if len(self) >= _REMEMBERED:
            self.clear()
        cost = self[number] = self._cost(number)
        return cost


_REMEMBERED = 1 << 14  # costs of a sort: 2 MiB


def _look_at_packed(row: TypeRow, costs: _Costs, record: bytes, start: int) -> tuple[float, int] | None:
    """A listpack, ziplist or intset that is the whole value, of no more elements than servers keep packed."""
    size, count = _packed_at(record, start, row.packed or "")
    if count is None:
        return None
    if row.type in _PAIRS:
        count //= 2
    return (costs[size << 16 | count], count) if count <= packed_limit(row) else None


def _look_at_node(costs: _Costs, record: bytes, start: int) -> tuple[float, int] | None:
    """A list that is one listpack."""
    if record[start] != 1 or record[start + 1] != PACKED_NODE:
        return None
    size, count = _packed_at(record, start + 2, "listpack")
    return None if count is None else (costs[size], count)


def _packed_at(record: bytes, pos: int, packed: str) -> tuple[int, int | None]:
    """The size of what is packed in the string at `pos`, and what its header says of elements."""
    size = record[pos]
    if size < _SHORT:
        head = record[pos + 1 : pos + 1 + min(size, _HEADER)]
    elif size < _LONG:
        size = size << 8 & 0x3F00 | record[pos + 1]
        head = record[pos + 2 : pos + 2 + _HEADER]
    else:
        size, head = size_at(record, pos), strings.peek(record, pos, _HEADER)
    return size, _COUNTS[packed](head) if size >= _LEAST[packed] else None


def elements_of(entry: Entry) -> int | None:
    """How many elements its headers tell; None when they do not, or the value is damaged."""
    if not entry.code:
        return 1
    try:
        return None if entry.is_large else entry.count
    except (DecodeError, IndexError):
        return None
