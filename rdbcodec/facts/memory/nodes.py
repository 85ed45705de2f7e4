"""The shapes of lists and streams: values that are chains and trees of nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice

from rdbcodec.datatypes.lists import PLAIN
from rdbcodec.datatypes.streams.reading import read_tail
from rdbcodec.datatypes.streams.value import ID_SIZE, Group
from rdbcodec.facts.memory.element_sizes import slow_size, take_sizes
from rdbcodec.facts.memory.kinds import (
    AS_IT_IS,
    CONSUMER,
    GROUP,
    GROUPS,
    LIST,
    LISTPACK,
    NODE,
    ONE_NODE,
    PENDING,
    PENDING_ID,
    RADIX,
    REFERENCE,
    STREAM,
    STREAM_NODE,
    ZIPLIST,
    Shape,
)
from rdbcodec.facts.memory.radix import sizes_of_names, sizes_of_numbers
from rdbcodec.records import Entry
from rdbcodec.structures.stream_node import StreamId
from rdbcodec.wire import strings
from rdbcodec.wire.cursor import Cursor

_SHORT = 64  # bytes from which the header of an element is longer
_NODE_LIMIT = 8192  # bytes of a list's node


# --- lists ------------------------------------------------------------------------------------------


def list_shapes(entry: Entry, cursor: Cursor) -> Iterator[list[Shape]]:
    row = entry.row
    if row.encoding == "ziplist":
        yield [(ONE_NODE, cursor.string_size(), ZIPLIST, 0)]
    elif row.encoding == "linkedlist":
        yield from _linked(cursor)
    else:
        form = ZIPLIST if row.packed == "ziplist" and row.encoding == "quicklist" else LISTPACK
        yield from _quicklist(cursor, form)


def _quicklist(cursor: Cursor, form: int) -> Iterator[list[Shape]]:
    """The nodes as they are."""
    count = cursor.length()
    for at in range(count):
        plain = form == LISTPACK and cursor.length() == PLAIN
        size = cursor.string_size()
        _pass(cursor)
        if count == 1:
            yield [(ONE_NODE, size, form, int(plain))]
        else:
            head: list[Shape] = [] if at else [(LIST, count, 0, 0)]
            yield [*head, (NODE, size, AS_IT_IS if plain else form, 0)]


def _linked(cursor: Cursor) -> Iterator[list[Shape]]:
    """Elements are pushed one after another: nodes of 8 KiB."""
    nodes, size = 0, 7
    for batch in cursor.batches(take_sizes, slow_size, cursor.length()):
        for element in batch:
            packed = element + (2 if element < _SHORT else 4 if element < 4096 else 8)
            if size + packed > _NODE_LIMIT and size > 7:
                yield [(NODE, size, LISTPACK, 0)]
                nodes, size = nodes + 1, 7
            size += packed
    yield [(LIST, nodes + 1, 0, 0), (NODE, size, LISTPACK, 0)] if nodes else [(ONE_NODE, size, LISTPACK, 0)]


def _pass(cursor: Cursor) -> None:
    """Over a string, of which nothing is unpacked while it is in hand."""
    end = strings.walk(cursor.buf, cursor.pos)
    if end <= len(cursor.buf):
        cursor.pos = end
    else:
        for _ in cursor.string_pieces():
            pass


# --- streams ----------------------------------------------------------------------------------------


def stream_shapes(cursor: Cursor, generation: int) -> Iterator[list[Shape]]:
    """Its nodes, the tree that finds them, and what the groups remember."""
    yield [(STREAM, 0, 0, 0)]
    masters: list[int] = []
    for _ in range(cursor.length()):
        masters.append(int.from_bytes(cursor.string(), "big"))
        size = cursor.string_size()
        _pass(cursor)
        yield [(STREAM_NODE, size, 0, 0)]
        if len(masters) == _TOGETHER:
            yield tree_shapes(masters)
            masters = []
    yield tree_shapes(masters)
    groups = read_tail(cursor, generation).groups
    if groups:
        yield [(GROUPS, 0, 0, 0), *_named(group.name for group in groups)]
    for group in groups:
        yield from _group_shapes(group)
    pending = set().union(*(group.pending for group in groups))
    if pending:
        yield [(PENDING_ID, 1, 0, 0), *[(PENDING_ID, 0, 0, 0)] * len(pending)]
        yield from _index(REFERENCE, pending)


def tree_shapes(numbers: list[int]) -> list[Shape]:
    """The nodes of the tree that finds the nodes of a stream by their first IDs."""
    return _tree(RADIX, numbers)


def _group_shapes(group: Group) -> Iterator[list[Shape]]:
    """What is pending is found twice: in the group, and in its consumer."""
    yield [(GROUP, 0, 0, 0), *_named(consumer.name for consumer in group.consumers)]
    yield [(PENDING, 0, 0, 0)] * len(group.pending)
    yield from _index(RADIX, group.pending)
    for consumer in group.consumers:
        yield [(CONSUMER, len(consumer.name), 0, 0)]
        yield from _index(RADIX, consumer.pending)


def _index(kind: str, ids: Collection[StreamId]) -> Iterator[list[Shape]]:
    """The nodes of a tree of IDs; of so many at a time that a stream of any length is bounded."""
    waiting = iter(ids)
    while some := list(islice(waiting, _TOGETHER)):
        yield _tree(kind, [id.ms << 64 | id.seq for id in some])
    if not ids:
        yield _tree(kind, [])


def _tree(kind: str, numbers: list[int]) -> list[Shape]:
    return _blocks(kind, sizes_of_numbers(sorted(set(numbers)), ID_SIZE))


def _named(names: Iterable[bytes]) -> list[Shape]:
    return _blocks(RADIX, sizes_of_names(names))


def _blocks(kind: str, sizes: Counter[int]) -> list[Shape]:
    return list(chain.from_iterable([(kind, size, 0, 0)] * count for size, count in sizes.items()))


_TOGETHER = 1 << 15  # IDs whose tree is told at a time
