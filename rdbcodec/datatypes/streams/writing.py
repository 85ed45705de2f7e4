"""Streams written: nodes as a server would cut them, then what follows them in a generation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import lt
from typing import NoReturn

from rdbcodec.datatypes.packed import (
    MAX_OVERHEAD,
    SMALLEST_CRITICAL,
    encode_blob,
    entry_estimate,
    has_critical,
)
from rdbcodec.datatypes.streams.value import (
    ID_SIZE,
    MAX_DURATION_S,
    MAX_IIDS,
    NEVER,
    NO_ID,
    UNKNOWN,
    Group,
    Idempotence,
    Stream,
    encode_id,
)
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.errors import EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import stream_node
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths


def encode_stream(value: Stream, server: Server, version: int = 1) -> bytes:
    """Types 15, 19, 21, 26 and 27 are versions 1 to 5.

    What a lower version did not tell is filled in as a server does on loading it; what this version
    cannot say is left out (rdbcodec.datatypes.streams.versions says what that is).
    """
    if value.length != len(value.entries):
        raise EncodeError(f"the stream has {len(value.entries)} entries, its length says {value.length}")
    nodes = [encode_node(entries, server) for entries in _nodes_of(value.entries, server)]
    return lengths.encode(len(nodes)) + b"".join(nodes) + encode_tail(value, server, version)


def parts_of_stream(values: Iterator[Stream], server: Server, version: int) -> Iterator[tuple[int, bytes]]:
    """`parts` of these types: the entries of all values, and what the last one tells beside them."""
    last: Sequence[StreamEntry] = ()
    first, length, told = NO_ID, 0, None
    for told in values:
        first = first if length else told.entries[0].id
        length += len(told.entries)
        *nodes, last = _nodes_of([*last, *told.entries], server)
        yield len(nodes), b"".join([encode_node(node, server) for node in nodes])
    if told is None or told.length != length:
        raise EncodeError(f"the stream has {length} entries, its length says another number")
    told.entries = []
    tail = in_version(told, version, _refuse, first)
    yield 1, encode_node(last, server) + encode_tail(tail, server, version)


def _refuse(kind: str) -> NoReturn:
    raise EncodeError(f"the stream would lose {kind}")


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
    if len(entries) <= count_limit and _are_few(entries, size_limit):
        yield from filter(None, [entries])
        return
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


def _are_few(entries: Sequence[StreamEntry], size_limit: float) -> bool:
    """Whether they are so small that no weighing would begin a second node, as most are, and in order."""
    ids = [entry.id for entry in entries]
    if not all(map(lt, ids, ids[1:])):
        return False
    texts = [text for entry in entries for pair in entry.fields for text in pair]
    return sum(map(len, texts)) + MAX_OVERHEAD * len(texts) < size_limit


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


def _encode_id_pair(entry: StreamId) -> bytes:
    return lengths.encode(entry.ms) + lengths.encode(entry.seq)


def _encode_time(at_ms: int) -> bytes:
    return at_ms.to_bytes(8, "little", signed=True)
