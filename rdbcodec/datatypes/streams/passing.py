"""Streams too large to hold, in another generation: their nodes as they are, then a new tail."""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.datatypes.layout import Passing
from rdbcodec.datatypes.packed import CRITICAL, SMALLEST_CRITICAL, encode_blob, encode_listpack, has_critical
from rdbcodec.datatypes.streams.reading import nodes_and_tail
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.datatypes.streams.writing import encode_tail
from rdbcodec.errors import LimitExceeded
from rdbcodec.formats import TypeRow, VersionRow
from rdbcodec.limits import MAX_VALUE
from rdbcodec.losses import Lose
from rdbcodec.servers import Server
from rdbcodec.structures import listpack
from rdbcodec.wire import lengths
from rdbcodec.wire.long_strings import Held, LongString, Spool

_TEXT = 256 << 10  # bytes of a text of a large node that are held


def passing(stream: Passing, row: TypeRow, server: Server, lose: Lose) -> Iterator[bytes]:
    """The stream in pieces; the first of its IDs is known when its nodes have passed."""
    parts = nodes_and_tail(stream.cursor, stream.scope, stream.row.generation)
    count = next(parts)
    assert isinstance(count, int)
    yield lengths.encode(count)
    first = None
    while True:
        try:
            node = next(parts)
        except StopIteration as done:
            tail = in_version(done.value, row.generation, lose, first)
            yield encode_tail(tail, server, row.generation)
            return
        assert not isinstance(node, int)
        master, blob, entries = node
        ids = [entry.id for entry in entries]
        first = min([*ids, *([] if first is None else [first])], default=None)
        yield encode_blob(master, server)
        if isinstance(blob, bytes):
            yield encode_blob(_node(blob, server), server)
        else:
            _check_node(blob, server, stream.origin)
            yield lengths.encode(len(blob))
            yield from blob.pieces()


def _node(blob: bytes, server: Server) -> bytes:
    """A node's listpack by the target's back-length rule; it matters for three sizes of text only."""
    if len(blob) < SMALLEST_CRITICAL:
        return blob
    elements = listpack.decode_mixed(blob)
    return encode_listpack(elements, server) if has_critical(elements) else blob


def _check_node(blob: LongString, server: Server, origin: VersionRow) -> None:
    """A node too large to hold goes as it is, or not at all."""
    if server.back_length == origin.back_length:
        return
    for batch in listpack.iter_decode_mixed(blob.pieces(), Held(_TEXT, Spool().keep)):
        if any(not isinstance(element, int) and len(element) in CRITICAL for element in batch):
            raise LimitExceeded(
                "a stream node to be packed anew is too large to hold",
                limit=MAX_VALUE,
                wanted=len(blob),
                name="max_value",
            )
