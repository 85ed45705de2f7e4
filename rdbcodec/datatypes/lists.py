"""Lists: linked, one ziplist, quicklists of ziplists or of listpacks (rdb-format.md, 4.3 and 4.5).

1   LENGTH n  STRING*n
10  STRING, a ziplist
14  LENGTH nodes  (STRING, a ziplist)*
18  LENGTH nodes  (LENGTH container  STRING)*     container 1 PLAIN: the string is one element
                                                  container 2 PACKED: it is a listpack
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rdbcodec.datatypes.clear import unpacked
from rdbcodec.datatypes.layout import (
    DataType,
    EncodeParts,
    Layout,
    count_length,
    count_packed,
    packed_layout,
)
from rdbcodec.datatypes.natural import are_bytes, texts_of
from rdbcodec.datatypes.odd import IN_LIST, Odd, Oddity, elements_of, ziplist_odd
from rdbcodec.datatypes.packed import (
    CRITICAL,
    MAX_OVERHEAD,
    SMALLEST_CRITICAL,
    encode_blob,
    encode_listpack,
    encode_strings,
    encode_texts,
    encode_ziplist,
    entry_estimate,
    is_small,
    parts_of_strings,
)
from rdbcodec.datatypes.scope import HEADER_SIZE, Scope, blob_items, read_strings, take_strings
from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import SINCE
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.strings import Budget

PLAIN, PACKED = 1, 2

NODE_SIZES = {-1: 4 << 10, -2: 8 << 10, -3: 16 << 10, -4: 32 << 10, -5: 64 << 10}  # list-max-listpack-size
SAFE_NODE_SIZE = 8 << 10  # bytes, when the setting counts elements
_PLAIN_NODES_SINCE = SINCE["plain-nodes"]
_SMALL = SMALLEST_CRITICAL  # bytes of a list in which no element is of a size that servers disagree on
HUGE = 1 << 30  # no server builds a listpack of this size; 7.0 and 7.2 write plain nodes only from here on


class List(list[bytes]):
    """A Redis list."""

    __slots__ = ()


def decode_list(raw: bytes, scope: Scope) -> List:
    """Type 1."""
    return List(read_strings(raw, scope))


def encode_list(value: List, server: Server) -> bytes:
    """Type 1."""
    return lengths.encode(len(value)) + encode_strings(value, server)


def list_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Types 1 and 2: the strings in batches."""
    yield from cursor.batches(take_strings(scope), Cursor.element, cursor.length())


def list_in_ziplist(blob: bytes) -> List:
    """Type 10."""
    return List(ziplist.decode(blob))


def encode_list_ziplist(value: List, server: Server) -> bytes:
    """Type 10."""
    return encode_blob(encode_ziplist(value, server), server)


def list_ziplist_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 10 in batches."""
    del scope
    yield from blob_items(cursor, ziplist.decode, ziplist.iter_decode)


def decode_quicklist(raw: bytes, scope: Scope) -> List:
    """Type 14."""
    value = List()
    for node in read_strings(raw, scope):
        value += ziplist.decode(node)
    return value


def encode_quicklist(value: List, server: Server) -> bytes:
    """Type 14."""
    nodes = [_encode_ziplist_node(node, server) for node in _nodes(value, server)]
    return lengths.encode(len(nodes)) + b"".join(nodes)


def quicklist_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 14, a node at a time."""
    del scope
    for _ in range(cursor.length()):
        yield from blob_items(cursor, ziplist.decode, ziplist.iter_decode)


def decode_quicklist_2(raw: bytes, scope: Scope) -> List:
    """Type 18."""
    value = List()
    count, pos = lengths.read(raw, 0)
    for _ in range(count):
        container, pos = lengths.read(raw, pos)
        node, pos = strings.read(raw, pos, scope.budget)
        if container == PACKED:
            value += listpack.decode(node)
        else:
            value.append(_plain(container, node))
    return value


def list_in_listpack(blob: bytes) -> List:
    """Type 18, the listpack of its only node."""
    return List(listpack.decode(blob))


def encode_quicklist_2(value: List, server: Server) -> bytes:
    """Type 18."""
    nodes = [_encode_node(node, server) for node in _nodes(value, server)]
    return lengths.encode(len(nodes)) + b"".join(nodes)


def _parts_in_nodes(encode: Callable[[Sequence[bytes], Server], bytes]) -> EncodeParts:
    """`parts` of quicklists: the last node of a part is not full before the next one is there."""

    def parts(values: Iterator[List], server: Server) -> Iterator[tuple[int, bytes]]:
        last: Sequence[bytes] = ()
        for value in values:
            *nodes, last = _nodes([*last, *value], server)
            yield len(nodes), b"".join([encode(node, server) for node in nodes])
        yield 1, encode(last, server)

    return parts


def _encode_ziplist_node(node: Sequence[bytes], server: Server) -> bytes:
    return encode_blob(encode_ziplist(node, server), server)


def _encode_node(node: Sequence[bytes], server: Server) -> bytes:
    if len(node) == 1 and _is_plain(node[0], server):
        return lengths.encode(PLAIN) + strings.encode(node[0], compress=server.compress)
    return lengths.encode(PACKED) + encode_blob(encode_listpack(node, server), server)


def _is_plain(element: bytes, server: Server) -> bool:
    """Whether an element stands alone and unpacked: too large for a node, as the target's server sees it."""
    size = len(element)
    if server.back_length == "either" and size in CRITICAL:
        return True
    if server.dialect == "valkey" or server.version >= _PLAIN_NODES_SINCE:
        return size > _node_size(server)
    return size >= HUGE


def _nodes(value: Sequence[bytes], server: Server) -> Iterator[Sequence[bytes]]:
    """The elements cut about where a server that appended them one by one would begin a new node."""
    size, count = _node_size(server), _node_count(server, len(value))
    # As most are: short enough that no weighing would end the node, nor an element stand alone.
    if 0 < len(value) <= count and sum(map(len, value)) + MAX_OVERHEAD * len(value) <= min(size, _SMALL):
        yield value
        return
    start, held = 0, 0
    for at, element in enumerate(value):
        weight = entry_estimate(element)
        alone = _is_plain(element, server)
        if at > start and (alone or held + weight > size or at - start >= count):
            yield value[start:at]
            start, held = at, 0
        held += size if alone else weight
    if start < len(value):
        yield value[start:]


def _node_size(server: Server) -> int:
    setting = max(server.thresholds.list_size, min(NODE_SIZES))  # servers take anything lower for the lowest
    return NODE_SIZES.get(setting, SAFE_NODE_SIZE)


def _node_count(server: Server, unlimited: int) -> int:
    setting = server.thresholds.list_size
    return unlimited if setting < 0 else max(setting, 1)


def quicklist_2_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 18, a node at a time."""
    del scope
    for _ in range(cursor.length()):
        container = cursor.length()
        if container == PACKED:
            yield from blob_items(cursor, listpack.decode, listpack.iter_decode)
        else:
            cursor.budget.refill()
            size = cursor.string_size()
            yield [_plain(container, cursor.element(), size)]


def _plain(container: int, node: bytes, size: int | None = None) -> bytes:
    if container != PLAIN:
        raise CorruptStructure(f"list node container is {container}, expected 1 or 2")
    if not (len(node) if size is None else size):
        raise CorruptStructure("a plain list node is empty")  # every loader refuses it (rdb-format.md, 6.4)
    return node


def count_quicklist(raw: bytes, scope: Scope) -> int | None:
    """The sum of what the node headers say; None when one does not say."""
    del scope
    count, pos = lengths.read(raw, 0)
    total: int | None = 0
    for _ in range(count):
        told = ziplist.count(strings.peek(raw, pos, HEADER_SIZE))
        total = None if total is None or told is None else total + told
        pos = strings.walk(raw, pos)
    return total


def count_quicklist_2(raw: bytes, scope: Scope) -> int | None:
    """The sum of what the node headers say, plain nodes being one element."""
    del scope
    count, pos = lengths.read(raw, 0)
    total: int | None = 0
    for _ in range(count):
        container, pos = lengths.read(raw, pos)
        told = listpack.count(strings.peek(raw, pos, HEADER_SIZE)) if container == PACKED else 1
        total = None if total is None or told is None else total + told
        pos = strings.walk(raw, pos)
    return total


# --- what servers choose, and what can be odd -------------------------------------------------------


def _natural(value: Any) -> List:
    return value if value.__class__ is List and are_bytes(value) else List(texts_of(value))


def _choose(value: List, server: Server) -> Iterator[str]:
    most = server.thresholds
    yield from ("list-quicklist-2", "list-quicklist")
    if is_small(value, len(value), most.list_entries, most.list_value):
        yield "list-ziplist"
    yield "list"


def _look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    if not read_strings(raw, scope):
        yield Oddity("empty", "")


def _look_in_quicklist(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    count = 0
    for node in read_strings(raw, scope):
        elements = yield from elements_of("ziplist", node, IN_LIST)
        count += elements is None or len(elements)
    if not count:
        yield Oddity("empty", "")


def _look_in_quicklist_2(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    nodes, pos = lengths.read(raw, 0)
    count = 0
    for _ in range(nodes):
        container, pos = lengths.read(raw, pos)
        node, pos = strings.read(raw, pos, scope.budget)
        if container == PACKED:
            elements = yield from elements_of("listpack", node, IN_LIST)
            count += elements is None or len(elements)
        else:
            count += 1
            if container != PLAIN:
                yield Oddity("list-node", f"a node is of kind {container}, expected 1 or 2")
            elif not node:
                yield Oddity("list-node", "a plain node holds nothing")
    if not count:
        yield Oddity("empty", "")


def _are_clear(raws: Sequence[bytes], limit: int) -> list[bool]:
    """Lists of type 18: most are one listpack."""
    return [
        bool(listpack.decode(unpacked(raw, 2, limit)))
        if raw[:2] == _ONE_PACKED
        else bool(decode_quicklist_2(raw, Scope(Budget(limit), {})))
        for raw in raws
    ]


_ONE_PACKED = bytes((1, PACKED))

LAYOUTS = {
    "list": Layout(
        decode_list,
        list_items,
        count_length,
        encode_list,
        elements=encode_texts,
        parts=parts_of_strings(iter),
        odd=Odd(_look, is_sound=bool),
    ),
    "list-ziplist": packed_layout(
        list_in_ziplist,
        list_ziplist_items,
        count_packed(ziplist.count),
        encode_list_ziplist,
        ziplist_odd(IN_LIST),
    ),
    "list-quicklist": Layout(
        decode_quicklist,
        quicklist_items,
        count_quicklist,
        encode_quicklist,
        parts=_parts_in_nodes(_encode_ziplist_node),
        odd=Odd(_look_in_quicklist, large_damage="undecodable", is_sound=bool),
        from_blob=list_in_ziplist,
        blob_at=1,
        blob_head=bytes((1,)),  # one node, as most lists have
    ),
    "list-quicklist-2": Layout(
        decode_quicklist_2,
        quicklist_2_items,
        count_quicklist_2,
        encode_quicklist_2,
        parts=_parts_in_nodes(_encode_node),
        odd=Odd(
            _look_in_quicklist_2,
            large_damage="undecodable",
            is_checked=True,
            is_sound=bool,
            are_clear=_are_clear,
        ),
        from_blob=list_in_listpack,
        blob_at=2,
        blob_head=bytes((1, PACKED)),
    ),
}
TYPES = (DataType("list", (list, tuple), _natural, choose=_choose, empty="dropped"),)
