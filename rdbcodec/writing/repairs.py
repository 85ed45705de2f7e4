"""Values mended for a target that would refuse them: they hold what they held, and say the truth of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.datatypes import streams
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import Stream
from rdbcodec.datatypes.streams.versions import own_released
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.records import Entry, LargeEntry
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.strings import Budget


def repaired(entry: Entry, traits: set[str], server: Server) -> Entry:
    """A copy of a held entry without traits that can be mended."""
    raw = entry.raw
    scope = Scope(Budget(max(entry.max_value, MAX_UNPACKED)), {})
    if entry.row.generation:
        version = entry.row.generation
        value = streams.decode_stream(raw, scope, version)
        tail = _tail(value, len(value.entries), "stream-pending-unowned" in traits, server, version)
        raw = raw[: streams.end_of_nodes(raw)] + tail
    elif "field-ttl-order" in traits:
        layout = layout_of(entry.row)
        assert layout.encode is not None
        raw = layout.encode(layout.decode(raw, scope), server)
    key = strings.encode(entry.key, compress=server.compress)
    if "length-64-bit" in traits and raw[0] == _LONG_LENGTH:
        raw = _shorter(raw)
    return entry.with_value(raw, key)


_LONG_LENGTH = 0x81


def _shorter(raw: bytes) -> bytes:
    size, pos = lengths.read(raw, 0)
    return lengths.encode(size) + raw[pos:]


def repaired_pieces(
    entry: LargeEntry, again: Callable[[], Iterator[bytes]], traits: set[str], server: Server
) -> Iterator[bytes]:
    """The bytes of a large stream, its nodes as they are; `again` gives those of the original once more."""
    version = entry.row.generation
    cursor = Cursor(entry.chunks(), Budget(entry.max_value), streaming=True)
    live = streams.count_in_nodes(cursor)
    nodes = cursor.offset
    value = streams.read_tail(cursor, version)
    tail = _tail(value, live, "stream-pending-unowned" in traits, server, version)
    for piece in again():
        if nodes > 0:
            yield piece[:nodes]
        nodes -= len(piece)
    yield tail


def _tail(stream: Stream, live: int, owns: bool, server: Server, version: int) -> bytes:
    """What follows the nodes, with counts that are true."""
    stream.length = live
    if stream.entries_added is not None:
        stream.entries_added = max(stream.entries_added, live)
        for group in stream.groups:
            if group.entries_read is not None:
                group.entries_read = min(group.entries_read, stream.entries_added)
    if owns:
        for group in stream.groups:
            own_released(group)
    return streams.encode_tail(stream, server, version)
