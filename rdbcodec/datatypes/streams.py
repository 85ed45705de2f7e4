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

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain

from rdbcodec.datatypes.packed import SMALLEST_CRITICAL, encode_blob, entry_estimate, has_critical
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, stream_node
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, skip

UNKNOWN = (1 << 64) - 1  # entries read: two's complement of -1
NEVER = -1  # a consumer's active time
ID_SIZE = 16
NO_ID = StreamId(0, 0)
MAX_DURATION_S, MAX_IIDS = 86400, 10000  # what Redis takes for the settings of idempotence


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
    starts: dict[StreamId, int] = {}
    for master, blob in _nodes(cursor):
        starts[master] = len(entries)
        entries += stream_node.decode(listpack.decode_mixed(blob), master).entries
    stream = _read_tail(cursor, _in_order(entries, starts), version)
    cursor.expect_end()
    return stream


def _in_order(entries: list[StreamEntry], starts: dict[StreamId, int]) -> list[StreamEntry]:
    """The entries as servers answer them: there nodes ascend by their keys, wherever the file has them."""
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
    yield from stream_nodes(cursor)
    return _read_tail(cursor, [], version)


def stream_nodes(
    cursor: Cursor, on_master: Callable[[StreamId], object] | None = None
) -> Iterator[list[StreamEntry]]:
    """The live entries of each node, those of a large one in batches; what follows them is not read.

    `on_master` is called with the key of each node before its entries.
    """
    for _ in range(cursor.length()):
        cursor.budget.refill()
        master = _read_master(cursor)
        if on_master is not None:
            on_master(master)
        if cursor.string_is_long():
            yield from _large_node(cursor, master)
        else:
            yield stream_node.decode(listpack.decode_mixed(cursor.string()), master).entries
    cursor.budget.refill()


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
    told = Idempotence(cursor.length(), cursor.length())
    for _ in range(cursor.length()):
        producer = Producer(cursor.needed())
        for _ in range(cursor.length()):
            iid = cursor.needed()
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
    return lengths.read(raw, end_of_nodes(raw))[0]


# --- writing ----------------------------------------------------------------------------------------


def encode_stream(value: Stream, server: Server, version: int = 1) -> bytes:
    """Types 15, 19, 21, 26 and 27 are versions 1 to 5.

    What a lower version did not tell is filled in as a server does on loading it; what this version
    cannot say is left out (rdbcodec.datatypes.stream_versions says what that is).
    """
    if value.length != len(value.entries):
        raise EncodeError(f"the stream has {len(value.entries)} entries, its length says {value.length}")
    nodes = [encode_node(entries, server) for entries in _nodes_of(value.entries, server)]
    return lengths.encode(len(nodes)) + b"".join(nodes) + encode_tail(value, server, version)


def encode_node(entries: Sequence[StreamEntry], server: Server) -> bytes:
    """A node's key and its listpack."""
    texts = [text for entry in entries for pair in entry.fields for text in pair]
    if server.back_length == "either" and has_critical(texts):
        raise EncodeError(
            f"servers of this RDB version do not agree on stream entries with a text of {SMALLEST_CRITICAL}, "
            "2097146 or 268435450 bytes: name the release"
        )
    blob = stream_node.encode(entries, short_backlen=server.back_length == "new")
    return lengths.encode(ID_SIZE) + encode_id(entries[0].id) + encode_blob(blob, server)


def _nodes_of(entries: Sequence[StreamEntry], server: Server) -> Iterator[Sequence[StreamEntry]]:
    """The entries cut about where a server that appended them one by one would begin a new node.

    A limit of 0 is none, for servers too.
    """
    size_limit = server.thresholds.stream_bytes or math.inf
    count_limit = server.thresholds.stream_entries or math.inf
    start, held = 0, 0
    previous = None
    for at, entry in enumerate(entries):
        if previous is not None and entry.id <= previous:
            raise EncodeError(f"stream entry {entry.id} comes after {previous}, expected ascending IDs")
        previous = entry.id
        size = sum([entry_estimate(text) for pair in entry.fields for text in pair])
        if at > start and (held + size >= size_limit or at - start >= count_limit):
            yield entries[start:at]
            start, held = at, 0
        held += size
    if start < len(entries):
        yield entries[start:]


def encode_tail(stream: Stream, server: Server, version: int) -> bytes:
    """What follows the nodes, of a stream that tells everything this version wants to know."""
    parts = [lengths.encode(stream.length), _encode_id_pair(stream.last_id)]
    if version >= 2:
        parts.append(_encode_id_pair(stream.first_id or NO_ID))
        parts.append(_encode_id_pair(stream.max_deleted_id or NO_ID))
        parts.append(lengths.encode(stream.length if stream.entries_added is None else stream.entries_added))
    parts.append(lengths.encode(len(stream.groups)))
    parts += [_encode_group(group, server, version) for group in stream.groups]
    if version >= 4:
        parts.append(_encode_idempotence(stream.idempotence or Idempotence(), server))
    return b"".join(parts)


def _encode_group(group: Group, server: Server, version: int) -> bytes:
    _check_owners(group, version)
    parts = [encode_blob(group.name, server), _encode_id_pair(group.last_id)]
    if version >= 2:
        parts.append(lengths.encode(UNKNOWN if group.entries_read is None else group.entries_read))
    parts.append(lengths.encode(len(group.pending)))
    for pending in group.pending.values():
        parts.append(encode_id(pending.id) + _encode_time(pending.delivered_at_ms))
        parts.append(lengths.encode(pending.deliveries))
    parts.append(lengths.encode(len(group.consumers)))
    for consumer in group.consumers:
        parts.append(encode_blob(consumer.name, server) + _encode_time(consumer.seen_at_ms))
        if version >= 3:
            parts.append(_encode_time(NEVER if consumer.active_at_ms is None else consumer.active_at_ms))
        parts.append(lengths.encode(len(consumer.pending)))
        parts += map(encode_id, consumer.pending)
    if version >= 5:
        parts.append(lengths.encode(len(group.nacked)))
        parts += map(encode_id, group.nacked)
    return b"".join(parts)


def _check_owners(group: Group, version: int) -> None:
    """Servers refuse a group whose pending entries and consumers contradict each other."""
    owned: dict[StreamId, bytes | None] = {
        entry: consumer.name for consumer in group.consumers for entry in consumer.pending
    }
    if sum(len(consumer.pending) for consumer in group.consumers) != len(owned):
        raise EncodeError("an entry is pending for two consumers of a stream's group")
    if version >= 5:
        owned |= dict.fromkeys(group.nacked)
    if owned != {entry: pending.consumer for entry, pending in group.pending.items()}:
        raise EncodeError("the pending entries of a stream's group and its consumers contradict each other")
    if len({consumer.name for consumer in group.consumers}) != len(group.consumers):
        raise EncodeError("a stream's group has two consumers of one name")


def _check_idempotence(told: Idempotence) -> None:
    """Servers refuse settings out of range and a producer told twice (rdb-v13-15.md, 3.1)."""
    for what, found, most in (
        ("duration", told.duration_s, MAX_DURATION_S),
        ("max size", told.max_size, MAX_IIDS),
    ):
        if not 1 <= found <= most:
            raise EncodeError(f"the {what} of a stream's idempotence is {found}, expected 1 to {most}")
    if len({producer.id for producer in told.producers}) != len(told.producers):
        raise EncodeError("a stream has two producers of one id")


def _encode_idempotence(told: Idempotence, server: Server) -> bytes:
    _check_idempotence(told)
    parts = [
        lengths.encode(told.duration_s),
        lengths.encode(told.max_size),
        lengths.encode(len(told.producers)),
    ]
    for producer in told.producers:
        parts.append(encode_blob(producer.id, server) + lengths.encode(len(producer.iids)))
        for iid, entry in producer.iids.items():
            parts.append(encode_blob(iid, server) + _encode_id_pair(entry))
    parts += [lengths.encode(told.added), lengths.encode(told.duplicates)]
    return b"".join(parts)


def encode_id(entry: StreamId) -> bytes:
    """The 16-byte form."""
    return entry.ms.to_bytes(8, "big") + entry.seq.to_bytes(8, "big")


def _encode_id_pair(entry: StreamId) -> bytes:
    return lengths.encode(entry.ms) + lengths.encode(entry.seq)


def _encode_time(at_ms: int) -> bytes:
    return at_ms.to_bytes(8, "little", signed=True)
