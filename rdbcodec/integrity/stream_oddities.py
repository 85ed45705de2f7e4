"""What is odd about a stream that passes by: its nodes one by one, then as of one that is held."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import NO_ID, count_in_nodes, encode_id
from rdbcodec.datatypes.streams.odd import oddities_of_tail
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.structures.stream_node import StreamId
from rdbcodec.wire.cursor import Cursor


def large_stream_oddities(
    cursor: Cursor, scope: Scope, version: int, tail: bytearray | None = None
) -> Iterator[Oddity]:
    """What is odd about a stream that passes by; raises CorruptStructure for damage in a node.

    What follows its nodes is left in `tail`, for those who ask for more of it, unless that is very much.
    """
    with KeyIndex() as index:
        masters = _Masters(index)
        live = count_in_nodes(cursor, masters.add)
        yield from masters.oddities()
    nodes = masters.count
    if tail is None:
        yield from oddities_of_tail(cursor, version, nodes, live)
        return
    rest = _rest(cursor)
    for piece in rest:
        tail += piece
        if len(tail) > MAX_UNPACKED:
            break
    pieces = chain((bytes(tail),), rest)
    if len(tail) > MAX_UNPACKED:
        tail.clear()
    yield from oddities_of_tail(Cursor(pieces, scope.budget, streaming=True), version, nodes, live)


class _Masters:
    """The keys of the nodes that passed by: twice, or out of order?"""

    def __init__(self, index: KeyIndex) -> None:
        self.count = 0
        self._index = index
        self._last = NO_ID
        self._ascend = True

    def add(self, master: StreamId) -> None:
        """The key of the next node."""
        self.count += 1
        self._index.note(encode_id(master), self.count)
        self._ascend = self._ascend and self._last <= master
        self._last = master

    def oddities(self) -> Iterator[Oddity]:
        """What is odd about them."""
        if next(self._index.duplicates(), None) is not None:
            yield Oddity("stream-node-twice", "")
        elif not self._ascend:
            yield Oddity("stream-node-order", "")


def _rest(cursor: Cursor) -> Iterator[bytes]:
    """The bytes a cursor has not read yet."""
    while not cursor.at_end():
        piece, cursor.pos = cursor.buf[cursor.pos :], len(cursor.buf)
        yield piece
