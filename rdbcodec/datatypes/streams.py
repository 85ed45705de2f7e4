"""Streams, versions 1 to 5: entries, IDs, groups, pending entries, consumers.

Facts: rdb-format.md 4.7; rdb-v13-15.md 3 and 5.

nodes     LENGTH n  (STRING master ID, 16 bytes  STRING listpack)*n      see structures/stream_node
length    LENGTH live entries
last ID   LENGTH ms  LENGTH seq
v2+       first ID, max deleted ID (LENGTH LENGTH each), LENGTH entries added
groups    LENGTH n, each: STRING name, last delivered ID, v2+ LENGTH entries read (2**64-1 = unknown),
          pending    LENGTH n  (ID16  I64 delivery time  LENGTH delivery count)*n
          consumers  LENGTH n  (STRING name  I64 seen  v3+ I64 active, -1 = never  LENGTH n  ID16*n)*n
          v5         LENGTH n  ID16*n     nacked: pending without an owner, in order of release
v4+       LENGTH duration s  LENGTH max  LENGTH n producers (STRING id  LENGTH n (STRING iid  ID)*n)*n
          LENGTH iids added  LENGTH duplicates
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor

UNKNOWN = (1 << 64) - 1  # entries read: two's complement of -1
NEVER = -1  # a consumer's active time
ID_SIZE = 16


class Pending(Plain):
    """An entry delivered and not acknowledged; `consumer` is None when nobody owns it."""

    __slots__ = ("consumer", "delivered_at_ms", "deliveries", "id")

    def __init__(
        self, id: StreamId, delivered_at_ms: int, deliveries: int, consumer: bytes | None = None
    ) -> None:
        self.id = id
        self.delivered_at_ms = delivered_at_ms
        self.deliveries = deliveries
        self.consumer = consumer


class Consumer(Plain):
    """A consumer of a group. `active_at_ms` is None for "never", and in versions before 3."""

    __slots__ = ("active_at_ms", "name", "pending", "seen_at_ms")

    def __init__(self, name: bytes, seen_at_ms: int, active_at_ms: int | None = None) -> None:
        self.name = name
        self.seen_at_ms = seen_at_ms
        self.active_at_ms = active_at_ms
        self.pending: list[StreamId] = []


class Group(Plain):
    """A consumer group. `entries_read` is None when unknown, and in version 1.

    `nacked` lists the pending entries that were released by their consumer, oldest release first.
    """

    __slots__ = ("consumers", "entries_read", "last_id", "nacked", "name", "pending")

    def __init__(self, name: bytes, last_id: StreamId, entries_read: int | None = None) -> None:
        self.name = name
        self.last_id = last_id
        self.entries_read = entries_read
        self.pending: dict[StreamId, Pending] = {}
        self.consumers: list[Consumer] = []
        self.nacked: list[StreamId] = []


class Producer(Plain):
    """An idempotent producer and the ids it used: iid -> entry."""

    __slots__ = ("id", "iids")

    def __init__(self, id: bytes) -> None:
        self.id = id
        self.iids: dict[bytes, StreamId] = {}


class Idempotence(Plain):
    """What a stream of version 4 and later remembers about producers; `duration_s` is seconds."""

    __slots__ = ("added", "duplicates", "duration_s", "max_size", "producers")

    def __init__(self, duration_s: int = 100, max_size: int = 100) -> None:
        self.duration_s = duration_s
        self.max_size = max_size
        self.producers: list[Producer] = []
        self.added = 0
        self.duplicates = 0


class Stream(Plain):
    """A Redis stream. What its version does not hold is None (or empty)."""

    __slots__ = (
        "entries",
        "entries_added",
        "first_id",
        "groups",
        "idempotence",
        "last_id",
        "length",
        "max_deleted_id",
        "version",
    )

    def __init__(self, version: int, entries: list[StreamEntry], length: int, last_id: StreamId) -> None:
        self.version = version
        self.entries = entries
        self.length = length
        self.last_id = last_id
        self.first_id: StreamId | None = None
        self.max_deleted_id: StreamId | None = None
        self.entries_added: int | None = None
        self.groups: list[Group] = []
        self.idempotence: Idempotence | None = None


def decode_stream(raw: bytes, scope: Scope, version: int = 1) -> Stream:
    """Types 15, 19, 21, 26 and 27 are versions 1 to 5."""
    cursor = Cursor([raw], scope.budget)
    entries: list[StreamEntry] = []
    for master, blob in _nodes(cursor):
        entries += stream_node.decode(listpack.decode_mixed(blob), master).entries
    stream = _read_tail(cursor, entries, version)
    cursor.expect_end()
    return stream


def stream_items(cursor: Cursor, scope: Scope, version: int = 1) -> Iterator[list[StreamEntry]]:
    """The entries, a node at a time; what follows them is read and verified at the end."""
    yield from stream_parts(cursor, scope, version)


def stream_parts(
    cursor: Cursor, scope: Scope, version: int = 1
) -> Generator[list[StreamEntry], None, Stream]:
    """As stream_items; returns what follows the entries, as a Stream that has none."""
    del scope
    for _ in range(cursor.length()):
        cursor.budget.refill()
        master = _read_master(cursor)
        if cursor.string_size() <= cursor.max_string:
            yield stream_node.decode(listpack.decode_mixed(cursor.string()), master).entries
        else:
            yield from _large_node(cursor, master)
    cursor.budget.refill()
    return _read_tail(cursor, [], version)


def _large_node(cursor: Cursor, master: StreamId) -> Iterator[list[StreamEntry]]:
    """A node whose listpack is too large to hold (stream-node-max-bytes 0), entry by entry."""
    batches = listpack.iter_decode_mixed(cursor.string_pieces())
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


def _read_group(cursor: Cursor, version: int) -> Group:
    group = Group(cursor.string(), _id_pair(cursor))
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
    consumer = Consumer(cursor.string(), cursor.signed())
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
    told = Idempotence(cursor.length(), cursor.length())
    for _ in range(cursor.length()):
        producer = Producer(cursor.string())
        for _ in range(cursor.length()):
            iid = cursor.string()
            producer.iids.setdefault(iid, _id_pair(cursor))  # servers ignore the later of two equal ones
        told.producers.append(producer)
    told.added, told.duplicates = cursor.length(), cursor.length()
    return told


def _id(cursor: Cursor) -> StreamId:
    return stream_node.read_id(cursor.fixed(ID_SIZE))


def _id_pair(cursor: Cursor) -> StreamId:
    return StreamId(cursor.length(), cursor.length())


def count_stream(raw: bytes, scope: Scope) -> int:
    """The length that stands behind the nodes."""
    del scope
    count, pos = lengths.read(raw, 0)
    for _ in range(2 * count):
        pos = strings.walk(raw, pos)
    return lengths.read(raw, pos)[0]
