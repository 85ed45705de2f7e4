"""What the modules that are known write, item by item, and so what none of them has written.

    flaw_in(value.module, items)    ->  "quantization is 122", or "" for what may be theirs

Framing says of a module's value where its items end and no more. These layouts say which kind of item stands
where, how large the numbers may be and how long the strings are, as modules load them: what they say has a
flaw, a module refuses or dies of. They were worked out from values that servers wrote, for the encoding
version named; of other versions, of other modules and of definitions of search indexes nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NoReturn

from rdbcodec.datatypes.modules import read_items
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.framing import ITEM_DOUBLE, ITEM_STRING, ITEM_UINT
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.module_ids import ModuleId
from rdbcodec.wire.strings import Budget

NO_LIMIT = (1 << 64) - 1


def flaw_in(module: ModuleId, items: bytes) -> str:
    """What no module of this name and version wrote, in words; "" for what may be its own and for others."""
    layout = _LAYOUTS.get(module)
    if layout is None:
        return ""
    reading = _Items(items)
    try:
        layout(reading)
        reading.end()
    except LimitExceeded:  # of this process, which says nothing about the value
        return ""
    except CorruptStructure as error:
        return error.message
    return ""


class _Items:
    """What a module wrote, one item after another; anything but what is asked for raises."""

    def __init__(self, items: bytes) -> None:
        cursor = Cursor([items], Budget())
        self._budget, self._items = cursor.budget, read_items(cursor)

    def number(self, what: str, least: int = 0, most: int = NO_LIMIT) -> int:
        """The next item, which is an unsigned number from `least` to `most`."""
        number = self._next(what, ITEM_UINT)
        assert isinstance(number, int)
        if not least <= number <= most:
            refuse(f"{what} is {number}")
        return number

    def real(self, what: str) -> float:
        """The next item, which is a double."""
        number = self._next(what, ITEM_DOUBLE)
        assert isinstance(number, float)
        return number

    def text(self, what: str, size: int | None = None) -> bytes:
        """The next item, which is a string, of so many bytes if that is known."""
        text = self._next(what, ITEM_STRING)
        assert isinstance(text, bytes)
        if size is not None and len(text) != size:
            refuse(f"{what} has {len(text)} bytes, expected {size}")
        return text

    def c_text(self, what: str) -> None:
        """The next item, which is a string with its zero byte."""
        if not self.text(what).endswith(b"\0"):
            refuse(f"{what} has no zero byte at its end")

    def end(self) -> None:
        """Nothing follows."""
        for _ in self._items:
            refuse("more items follow its last")

    def _next(self, what: str, kind: int) -> int | float | bytes:
        self._budget.refill()
        opcode, item = next(self._items, (0, 0))
        if opcode != kind:
            refuse(
                f"where {what} belongs stands {_KINDS.get(opcode, 'another number')}, expected {_KINDS[kind]}"
            )
        return item


def refuse(message: str) -> NoReturn:
    """Raise that the value is none of its module's."""
    raise CorruptStructure(message)


_KINDS = {0: "its end", ITEM_UINT: "a number", ITEM_DOUBLE: "a double", ITEM_STRING: "a string"}


# --- RedisJSON --------------------------------------------------------------------------------------


def _json(items: _Items) -> None:
    text = items.text("the document")
    try:
        json.loads(text)
    except ValueError:
        refuse("its text is no JSON")
    except RecursionError:  # deeper than Python goes, which says nothing about the text
        return


# --- vector sets ------------------------------------------------------------------------------------

_PROJECTED, _WITH_ATTRIBUTES = 1, 2  # flags
_MOST_LINKS = 4096  # M
_ROOM = 4 * _MOST_LINKS  # of a layer
_LEVELS = 16
_VECTOR_SIZES: dict[int, Callable[[int], int]] = {  # by quantization: none, 8 bits, one bit
    0: lambda dimension: 4 * dimension,
    1: lambda dimension: dimension,
    2: lambda dimension: (dimension + 63) // 64 * 8,
}


def _vector_set(items: _Items) -> None:
    dimension = items.number("dimension", 1, (1 << 32) - 1)
    nodes = items.number("the count of elements")
    links, quantization = divmod(items.number("the configuration"), 256)
    if quantization not in _VECTOR_SIZES:
        refuse(f"quantization is {quantization}")
    if links > _MOST_LINKS:
        refuse(f"M is {links}")
    flags = items.number("the flags", 0, _PROJECTED | _WITH_ATTRIBUTES)
    if flags & _PROJECTED:
        items.text("the projection matrix", 4 * dimension * items.number("the input dimension", 1))
    ids: set[int] = set()
    unanswered = 0  # each link of a layer is there and back, so that both cancel out
    for _ in range(nodes):
        items.text("an element")
        if flags & _WITH_ATTRIBUTES:
            items.text("an attribute")
        items.text("a vector", _VECTOR_SIZES[quantization](dimension))
        size = items.number("the size of a node")
        node = items.number("the ID of a node")
        if node in ids:
            refuse(f"node {node} is there twice")
        ids.add(node)
        unanswered ^= _node(items, node, size)
    if unanswered:
        refuse("links between nodes are not mutual")


def _node(items: _Items, node: int, size: int) -> int:
    """The layers of a node; all of its links, mixed."""
    level = items.number("the level of a node")
    version, level = level >> 24, level & 0xFFFFFF
    if version > 1 or level > _LEVELS:
        refuse(f"the level of a node is {level}, in version {version}")
    mixed, read = 0, 2
    for layer in range(level + 1):
        count = items.number("the count of links")
        items.number("the room for links", count, _ROOM)
        links = {items.number("a link") for _ in range(count)}
        if len(links) < count or node in links:
            refuse(f"node {node} is linked twice to the same, or to itself")
        for other in links:
            mixed ^= hash((min(node, other), max(node, other), layer))
        if version and items.number("the worst link") & 0xFFFFFFFF >= max(count, 1) and count:
            refuse("the worst link is none of the links")
        read += 2 + count + version
    items.number("the norm")
    if read + 1 != size:
        refuse(f"the size of a node is {size}, expected {read + 1}")
    return mixed


# --- RedisTimeSeries --------------------------------------------------------------------------------

_AGGREGATIONS = {  # the numbers and doubles that a compaction rule keeps for each
    **dict.fromkeys((1, 2, 8), "DD"),  # min, max, range
    **dict.fromkeys((3, 5, 7), "D"),  # sum, count, last
    6: "DU",  # first
    **dict.fromkeys((4, 9, 10, 11, 12), "DDU"),  # avg, std.p, std.s, var.p, var.s
    13: "DUDUUUUUUU",  # twa
}
_UNCOMPRESSED, _COMPRESSED = 1, 2  # options
_SAMPLE = 16  # bytes that are not compressed
_POLICIES = 6


def _time_series(items: _Items) -> None:
    items.text("the name of the series")
    items.number("retention")
    size = items.number("the size of chunks", 1)
    if size % 8:
        refuse(f"the size of chunks is {size}, no multiple of 8")
    options = items.number("the options")
    if options & (_UNCOMPRESSED | _COMPRESSED) not in (_UNCOMPRESSED, _COMPRESSED):
        refuse(f"the options are {options}: neither compressed nor uncompressed")
    items.number("the last timestamp")
    items.real("the last value")
    items.number("the count of samples")
    items.number("the duplicate policy", 0, _POLICIES)
    if items.number("whether there is a source", 0, 1):
        items.text("the source")
    items.number("the ignored difference of time")
    items.real("the ignored difference")
    for _ in range(items.number("the count of labels")):
        items.text("a label")
        items.text("the value of a label")
    for _ in range(items.number("the count of rules")):
        _rule(items)
    for _ in range(items.number("the count of chunks", 1)):
        (_plain_chunk if options & _UNCOMPRESSED else _packed_chunk)(items)


def _rule(items: _Items) -> None:
    items.text("the target of a rule")
    items.number("a bucket", 1)
    items.number("an alignment")
    aggregation = items.number("an aggregation", 1, max(_AGGREGATIONS))
    items.number("the start of a bucket")
    for kind in _AGGREGATIONS[aggregation]:
        if kind == "D":
            items.real("what a rule keeps")
        else:
            items.number("what a rule keeps")


def _plain_chunk(items: _Items) -> None:
    items.number("the first timestamp of a chunk")
    samples = items.number("the samples of a chunk")
    items.text("a chunk", items.number("the size of a chunk", _SAMPLE * samples))


def _packed_chunk(items: _Items) -> None:
    size = items.number("the size of a chunk")
    items.number("the samples of a chunk")
    items.number("the count of bits", 0, 8 * size)
    for what in ("value", "timestamp", "last timestamp", "last delta", "last value"):
        items.number(f"the {what} of a chunk")
    items.number("leading zeros", 0, 64)
    items.number("trailing zeros", 0, 64)
    items.text("a chunk", size)


# --- RedisBloom -------------------------------------------------------------------------------------

_LEAST_CAPACITY = 1
_U16 = (1 << 16) - 1


def _bloom_filter(items: _Items) -> None:
    items.number("the count of items")
    filters = items.number("the count of filters", 1)
    items.number("the options", 0, 15)
    items.number("the growth")
    for _ in range(filters):
        items.number("a capacity", _LEAST_CAPACITY)
        error = items.real("an error rate")
        if not 0 < error < 1:
            refuse(f"an error rate is {error}")
        items.number("the hashes of a filter", 1, _U16)
        items.real("the bits of an item")
        bits = items.number("the bits of a filter", 1)
        power = items.number("the power of two of a filter", 0, 63)
        if power and bits != 1 << power:
            refuse(f"a filter of 2^{power} bits has {bits}")
        array = items.text("the array of a filter")
        if 8 * len(array) < bits:
            refuse(f"a filter of {bits} bits has {len(array)} bytes")
        items.number("the items of a filter")


def _cuckoo_filter(items: _Items) -> None:
    filters = items.number("the count of filters", 1)
    for what in ("buckets", "items", "deleted items"):
        items.number(f"the count of {what}")
    size = items.number("the size of a bucket", 1, 255)
    items.number("the most iterations", 0, _U16)
    items.number("the expansion", 0, _U16)
    for _ in range(filters):
        items.text("a filter", size * items.number("the buckets of a filter", 1))


def _count_min_sketch(items: _Items) -> None:
    cells = items.number("the width", 1) * items.number("the depth", 1)
    items.number("the count")
    items.text("the counter array", 4 * cells)


def _top_k(items: _Items) -> None:
    k = items.number("k", 1)
    cells = items.number("the width", 1) * items.number("the depth", 1)
    items.real("the decay")
    items.text("the buckets", 8 * cells)
    items.text("the heap", 24 * k)
    for _ in range(k):
        items.c_text("an item")


def _t_digest(items: _Items) -> None:
    for what in ("the compression", "the least", "the greatest"):
        items.real(what)
    capacity = items.number("the capacity", 1)
    merged = items.number("the count of merged centroids", 0, capacity)
    items.number("the count of unmerged centroids", 0, capacity - merged)
    items.number("the count of compressions")
    for _ in range(2 + 2 * merged):  # weights of both, then means and weights of the merged
        items.real("a mean or a weight")


# --- RediSearch -------------------------------------------------------------------------------------


def _suggestions(items: _Items) -> None:
    for _ in range(items.number("the count of suggestions")):
        items.c_text("a suggestion")
        items.real("a score")
        items.text("a payload")  # whose last byte nobody has set


def _dictionaries(items: _Items) -> None:
    for _ in range(items.number("the count of dictionaries")):
        items.c_text("the name of a dictionary")
        for _ in range(items.number("the count of terms")):
            items.c_text("a term")
            items.real("the score of a term")


_LAYOUTS: dict[ModuleId, Callable[[_Items], None]] = {
    ModuleId("ReJSON-RL", 3): _json,
    ModuleId("vectorset", 0): _vector_set,
    ModuleId("TSDB-TYPE", 8): _time_series,
    ModuleId("MBbloom--", 4): _bloom_filter,
    ModuleId("MBbloomCF", 4): _cuckoo_filter,
    ModuleId("CMSk-TYPE", 0): _count_min_sketch,
    ModuleId("TopK-TYPE", 0): _top_k,
    ModuleId("TDIS-TYPE", 0): _t_digest,
    ModuleId("trietype0", 1): _suggestions,
    ModuleId("scdtype00", 1): _dictionaries,
}
