"""Lists: linked, one ziplist, quicklists of ziplists or of listpacks (rdb-format.md, 4.3 and 4.5).

1   LENGTH n  STRING*n
10  STRING, a ziplist
14  LENGTH nodes  (STRING, a ziplist)*
18  LENGTH nodes  (LENGTH container  STRING)*     container 1 PLAIN: the string is one element
                                                  container 2 PACKED: it is a listpack
"""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.datatypes.scope import HEADER_SIZE, Scope, blob_items, read_blob, read_strings, take_strings
from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor

PLAIN, PACKED = 1, 2


class List(list[bytes]):
    """A Redis list."""

    __slots__ = ()


def decode_list(raw: bytes, scope: Scope) -> List:
    """Type 1."""
    return List(read_strings(raw, scope))


def list_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Types 1 and 2: the strings in batches."""
    yield from cursor.batches(take_strings(scope), Cursor.element, cursor.length())


def decode_list_ziplist(raw: bytes, scope: Scope) -> List:
    """Type 10."""
    return List(ziplist.decode(read_blob(raw, scope)))


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
