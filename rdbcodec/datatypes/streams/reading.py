"""Streams read: whole, in batches of entries, or what follows the entries alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import chain

from rdbcodec.datatypes.collecting import Uncollected
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams.value import (
    ID_SIZE,
    NEVER,
    UNKNOWN,
    Consumer,
    Group,
    Idempotence,
    Pending,
    Producer,
    Stream,
    encode_id,
)
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.structures import listpack, node_patterns, stream_node, stream_rows
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, skip
from rdbcodec.wire.strings import Budget


def decode_stream(raw: bytes, scope: Scope, version: int = 1) -> Stream:
    """Types 15, 19, 21, 26 and 27 are versions 1 to 5."""
    if len(raw) < _MANY_OBJECTS:
        return _decode_stream(raw, scope, version)
    with Uncollected():
        return _decode_stream(raw, scope, version)


_MANY_OBJECTS = 16 << 10  # bytes of a stream that can be thousands of objects


def _decode_stream(raw: bytes, scope: Scope, version: int) -> Stream:
    entries: list[StreamEntry] = []
    starts: dict[StreamId, int] = {}
    pos = _take_nodes(raw, entries, starts, scope.budget)
    lone = _lone_tail(raw, pos, _in_order(entries, starts), version) if pos else None
    if lone is not None:
        return lone
    cursor = Cursor([raw], scope.budget)
    if pos:
        cursor.fixed(pos)
    else:
        for master, blob in _nodes(cursor):
            starts[master] = len(entries)
            entries += stream_node.live(listpack.decode_mixed(blob), master)
    stream = _read_tail(cursor, _in_order(entries, starts), version)
    cursor.expect_end()
    return stream


# Through a cursor, a stream of few entries takes twice as long as without. So the usual ones are read here,
# and whatever is not usual, damage included, is left to the cursor.


def _take_nodes(raw: bytes, entries: list[StreamEntry], starts: dict[StreamId, int], budget: Budget) -> int:
    """Append the entries of all nodes; where they end, or 0 when the cursor must have a look."""
    limit = budget.limit
    try:
        count, pos = lengths.read(raw, 0)
        live = stream_rows.reader(count)
        for _ in range(count):
            at = pos + 1 + ID_SIZE
            master = stream_node.read_id(raw[pos + 1 : at])
            blob, end = strings.read(raw, at, budget)
            if raw[pos] != ID_SIZE or master in starts or len(blob) > limit or end - at > limit:
                break
            starts[master] = len(entries)
            entries += live(blob, master)
            pos = end
        else:
            return pos
    except (IndexError, LimitExceeded):
        budget.failure = None
    except CorruptStructure:
        pass
    entries.clear()
    starts.clear()
    budget.refill()
    return 0


def _lone_tail(raw: bytes, pos: int, entries: list[StreamEntry], version: int) -> Stream | None:
    """The stream, when nobody reads it and nothing more is told of it; else None."""
    told: list[int] = []
    wanted = 8 if version >= 2 else 3
    try:
        while len(told) < wanted:
            number, pos = lengths.read(raw, pos)
            told.append(number)
        if raw[pos] or pos + 1 != len(raw):
            return None
    except (IndexError, CorruptStructure):
        return None
    stream = Stream(version, entries, told[0], StreamId(told[1], told[2]))
    if version >= 2:
        stream.first_id, stream.max_deleted_id = StreamId(told[3], told[4]), StreamId(told[5], told[6])
        stream.entries_added = told[7]
    return stream


def _in_order(entries: list[StreamEntry], starts: dict[StreamId, int]) -> list[StreamEntry]:
    """The entries as servers answer them: there nodes ascend by their keys, wherever the file has them."""
    if len(starts) < 2:
        return entries
    masters = sorted(starts)
    if masters == list(starts):
        return entries
    ends = dict(zip(starts, [*starts.values(), len(entries)][1:], strict=True))
    return [entry for master in masters for entry in entries[starts[master] : ends[master]]]


def stream_items(cursor: Cursor, scope: Scope, version: int = 1) -> Iterator[list[StreamEntry]]:
    """The entries, a node at a time in the order of the file; what follows them is verified at the end."""
    yield from stream_parts(cursor, scope, version)


def stream_parts(
    cursor: Cursor, scope: Scope, version: int = 1
) -> Generator[list[StreamEntry], None, Stream]:
    """As stream_items; returns what follows the entries, as a Stream that has none."""
    del scope
    count = cursor.length()
    live = stream_rows.reader(count)
    for _ in range(count):
        cursor.budget.refill()
        master = _read_master(cursor)
        if cursor.string_is_long():
            yield from _large_node(cursor, master)
        else:
            yield live(cursor.string(), master)
    cursor.budget.refill()
    return _read_tail(cursor, [], version)


def count_in_nodes(cursor: Cursor, on_master: Callable[[StreamId], object] | None = None) -> int:
    """How many live entries there are; what follows them is not read.

    `on_master` is called with the key of each node before its entries.
    """
    count, nodes = 0, cursor.length()
    are_usual = nodes >= _MANY_NODES
    for _ in range(nodes):
        cursor.budget.refill()
        master = _read_master(cursor)
        if on_master is not None:
            on_master(master)
        if cursor.string_is_long():
            count += sum(map(len, _large_node(cursor, master)))
            continue
        blob = cursor.string()
        live = node_patterns.count_entries(blob) if are_usual else None
        if live is None:
            are_usual = False
            live = stream_node.count_live(listpack.decode_mixed(blob), master)
        count += live
    cursor.budget.refill()
    return count


_MANY_NODES = 32  # for which it pays to try patterns first: a third of the time, after 3 ms


def nodes_and_tail(
    cursor: Cursor, scope: Scope, version: int
) -> Generator[int | tuple[bytes, bytes | LongString, list[StreamEntry]], None, Stream]:
    """How many nodes there are; then each as key, listpack and live entries; returns what follows them."""
    del scope
    count = cursor.length()
    yield count
    for _ in range(count):
        cursor.budget.refill()
        master, blob = _read_master(cursor), cursor.element()
        yield encode_id(master), blob, _live(blob, master)
    cursor.budget.refill()
    return _read_tail(cursor, [], version)


def _live(blob: bytes | LongString, master: StreamId) -> list[StreamEntry]:
    """The live entries of a node; of one that is too large to hold their IDs only."""
    if isinstance(blob, bytes):
        return stream_node.decode(listpack.decode_mixed(blob), master).entries
    batches = listpack.iter_decode_mixed(blob.pieces(), Held(_NODE_TEXT, skip))
    entries = stream_node.iter_decode(chain.from_iterable(batches), master)
    return [StreamEntry(entry.id, []) for entry in entries]


_NODE_TEXT = 64 << 10  # bytes of a text in a node that is held where nobody needs it


def _large_node(cursor: Cursor, master: StreamId) -> Iterator[list[StreamEntry]]:
    """A node whose listpack is too large to hold (stream-node-max-bytes 0), entry by entry."""
    batches = listpack.iter_decode_mixed(cursor.string_pieces(), cursor.held)
    elements = (element for batch in batches for element in batch)
    for entry in stream_node.iter_decode(elements, master):
        yield [entry]


def _nodes(cursor: Cursor) -> Iterator[tuple[StreamId, bytes]]:
    seen = set()
    for _ in range(cursor.length()):
        master = _read_master(cursor)
        if master in seen:
            raise CorruptStructure(f"stream has two nodes for {master}")
        seen.add(master)
        yield master, cursor.string()


def _read_master(cursor: Cursor) -> StreamId:
    key = cursor.string()
    if len(key) != ID_SIZE:
        raise CorruptStructure(f"stream node key is {len(key)} bytes, expected {ID_SIZE}")
    return stream_node.read_id(key)


def end_of_nodes(raw: bytes) -> int:
    """Where the entries end and what is told about them begins."""
    count, pos = lengths.read(raw, 0)
    for _ in range(2 * count):
        pos = strings.walk(raw, pos)
    return pos


def tail_of(raw: bytes, scope: Scope, version: int) -> Stream:
    """What follows the entries of a stream, as a Stream that has none; the nodes are passed over."""
    return tail_in(raw[end_of_nodes(raw) :], scope, version)


def tail_in(data: bytes, scope: Scope, version: int) -> Stream:
    """The bytes behind the nodes, as a Stream without entries."""
    cursor = Cursor([data], scope.budget)
    stream = _read_tail(cursor, [], version)
    cursor.expect_end()
    return stream


def _read_tail(cursor: Cursor, entries: list[StreamEntry], version: int) -> Stream:
    stream = Stream(version, entries, cursor.length(), _id_pair(cursor))
    if version >= 2:
        stream.first_id = _id_pair(cursor)
        stream.max_deleted_id = _id_pair(cursor)
        stream.entries_added = cursor.length()
    names = set()
    for _ in range(cursor.length()):
        group = _read_group(cursor, version)
        stream.groups.append(group)
        names.add(group.name)
        if len(names) != len(stream.groups):
            raise CorruptStructure("stream has two groups of one name")
    if version >= 4:
        stream.idempotence = _read_idempotence(cursor)
    return stream


def read_tail(cursor: Cursor, version: int) -> Stream:
    """What follows the nodes, as a Stream without entries."""
    return _read_tail(cursor, [], version)


def _read_group(cursor: Cursor, version: int) -> Group:
    group = Group(cursor.needed(), _id_pair(cursor))
    if version >= 2:
        entries_read = cursor.length()
        group.entries_read = None if entries_read == UNKNOWN else entries_read
    for _ in range(cursor.length()):
        pending = Pending(_id(cursor), cursor.signed(), cursor.length())
        group.pending[pending.id] = pending
    for _ in range(cursor.length()):
        group.consumers.append(_read_consumer(cursor, group, version))
    if version >= 5:
        group.nacked = [_id(cursor) for _ in range(cursor.length())]
        _check_nacked(group)
    return group


def _read_consumer(cursor: Cursor, group: Group, version: int) -> Consumer:
    consumer = Consumer(cursor.needed(), cursor.signed())
    if version >= 3:
        active = cursor.signed()
        consumer.active_at_ms = None if active == NEVER else active
    for _ in range(cursor.length()):
        entry = _id(cursor)
        pending = group.pending.get(entry)
        if pending is None:
            raise CorruptStructure(f"consumer has {entry} pending, its group has not")
        if pending.consumer is not None:
            raise CorruptStructure(f"entry {entry} is pending for two consumers")
        pending.consumer = consumer.name
        consumer.pending.append(entry)
    return consumer


def _check_nacked(group: Group) -> None:
    for entry in group.nacked:
        pending = group.pending.get(entry)
        if pending is None or pending.consumer is not None:
            raise CorruptStructure(f"nacked entry {entry} is not pending without an owner")


def _read_idempotence(cursor: Cursor) -> Idempotence:
    idempotence = Idempotence(cursor.length(), cursor.length())
    for _ in range(cursor.length()):
        producer = Producer(cursor.needed())
        for _ in range(cursor.length()):
            iid = cursor.needed()
            producer.iids.setdefault(iid, _id_pair(cursor))  # servers ignore the later of two equal ones
        idempotence.producers.append(producer)
    idempotence.added, idempotence.duplicates = cursor.length(), cursor.length()
    return idempotence


def _id(cursor: Cursor) -> StreamId:
    return stream_node.read_id(cursor.fixed(ID_SIZE))


def _id_pair(cursor: Cursor) -> StreamId:
    return StreamId(cursor.length(), cursor.length())


def count_stream(raw: bytes, scope: Scope) -> int:
    """The length that stands behind the nodes."""
    del scope
    return lengths.read(raw, end_of_nodes(raw))[0]
