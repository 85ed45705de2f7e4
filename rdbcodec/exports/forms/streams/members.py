"""Streams as JSON: everything datatypes.streams.Stream holds.

    {"entries": [{"id": "1-0", "fields": {"f": "v"}}], "length": 1, "last_id": "1-0",
     "first_id": "1-0", "max_deleted_id": "0-0", "entries_added": 1,
     "groups": [{"name": "g", "last_id": "1-0", "entries_read": 1,
                 "pending": [{"id": "1-0", "consumer": "c", "delivered_at": 1, "deliveries": 1}],
                 "consumers": [{"name": "c", "seen_at": 1, "active_at": 1, "pending": ["1-0"]}],
                 "nacked": []}],
     "idempotence": {"duration_s": 100, "max_size": 100, "added": 0, "duplicates": 0,
                     "producers": [{"id": "p", "iids": [["iid", "1-0"]]}]}}

What is None in the stream is left out. Fields are an array of pairs when a name occurs twice or is no text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rdbcodec.datatypes.streams import Consumer, Group, Idempotence, Pending, Producer, Stream
from rdbcodec.errors import TextError
from rdbcodec.exports.scalars import (
    array_of,
    bytes_of,
    distinct,
    integer_of,
    json_bytes,
    known_names,
    object_of,
    pairs_of,
    plain_bytes,
    stream_id_of,
    table,
    time_of,
)
from rdbcodec.structures.stream_node import StreamEntry, StreamId

_ENCODING = re.compile(r"stream([1-5])")
_NEWEST = "stream5"  # holds whatever can be told
_NOWHERE = StreamId(0, 0)
_ENTRY = ("id", "fields")
_ENTRY_NAMES = set(_ENTRY)
_PENDING = ("id", "consumer", "delivered_at", "deliveries")
_CONSUMER = ("name", "seen_at", "active_at", "pending")
_GROUP = ("name", "last_id", "entries_read", "pending", "consumers", "nacked")
_PRODUCER = ("id", "iids")
_IDEMPOTENCE = ("duration_s", "max_size", "producers", "added", "duplicates")
_IDS = ("last_id", "first_id", "max_deleted_id")
_STREAM = ("entries", "length", *_IDS, "entries_added", "groups", "idempotence")


# --- to JSON ----------------------------------------------------------------------------------------


def json_stream(stream: Stream) -> dict[str, Any]:
    """A stream."""
    return {"entries": [json_entry(entry) for entry in stream.entries], **json_tail(stream)}


def json_entry(entry: StreamEntry) -> dict[str, Any]:
    """An entry."""
    pairs = [(field, json_bytes(value)) for field, value in entry.fields]
    return {"id": str(entry.id), "fields": table(pairs)}


def json_tail(stream: Stream) -> dict[str, Any]:
    """Everything but the entries."""
    return _known(
        length=stream.length,
        last_id=str(stream.last_id),
        first_id=_id_text(stream.first_id),
        max_deleted_id=_id_text(stream.max_deleted_id),
        entries_added=stream.entries_added,
        groups=[_json_group(group) for group in stream.groups],
        idempotence=None if stream.idempotence is None else _json_idempotence(stream.idempotence),
    )


def _known(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _id_text(id: StreamId | None) -> str | None:
    return None if id is None else str(id)


def _json_group(group: Group) -> dict[str, Any]:
    return _known(
        name=json_bytes(group.name),
        last_id=str(group.last_id),
        entries_read=group.entries_read,
        pending=[_json_pending(pending) for pending in group.pending.values()],
        consumers=[_json_consumer(consumer) for consumer in group.consumers],
        nacked=[str(id) for id in group.nacked] or None,
    )


def _json_pending(pending: Pending) -> dict[str, Any]:
    return _known(
        id=str(pending.id),
        consumer=None if pending.consumer is None else json_bytes(pending.consumer),
        delivered_at=pending.delivered_at_ms,
        deliveries=pending.deliveries,
    )


def _json_consumer(consumer: Consumer) -> dict[str, Any]:
    return _known(
        name=json_bytes(consumer.name),
        seen_at=consumer.seen_at_ms,
        active_at=consumer.active_at_ms,
        pending=[str(id) for id in consumer.pending],
    )


def _json_idempotence(told: Idempotence) -> dict[str, Any]:
    producers = [
        {"id": json_bytes(one.id), "iids": [[json_bytes(iid), str(id)] for iid, id in one.iids.items()]}
        for one in told.producers
    ]
    return {
        "duration_s": told.duration_s,
        "max_size": told.max_size,
        "producers": producers,
        "added": told.added,
        "duplicates": told.duplicates,
    }


# --- from JSON --------------------------------------------------------------------------------------


def stream_of(found: object, encoding: str | None) -> Stream:
    """The stream; its version is that of the encoding, or the newest."""
    told = object_of(found, "a stream")
    known_names(told, _STREAM, "a stream")
    entries = [_entry_of(entry) for entry in array_of(told.get("entries", []), "entries")]
    last = max((entry.id for entry in entries), default=_NOWHERE)
    length = integer_of(told.get("length", len(entries)), "length")
    stream = Stream(_version_of(encoding), entries, length, last)
    for name in _IDS:
        if name in told:
            setattr(stream, name, stream_id_of(told[name], name))
    stream.entries_added = _optional(told, "entries_added")
    stream.groups = [_group_of(group) for group in array_of(told.get("groups", []), "groups")]
    if "idempotence" in told:
        stream.idempotence = _idempotence_of(told["idempotence"])
    return stream


def _version_of(encoding: str | None) -> int:
    match = _ENCODING.fullmatch(encoding or _NEWEST)
    if match is None:
        raise TextError(f"the encoding of a stream is {encoding!r}, expected stream1 to stream5")
    return int(match[1])


def _optional(told: dict[str, Any], name: str, low: int = 0) -> int | None:
    return None if name not in told else integer_of(told[name], name, low, low + (1 << 64) - 1)


def _members(found: object, what: str, known: Sequence[str], needed: int = 1) -> dict[str, Any]:
    """An object with known names, of which the first ones must be there."""
    told = object_of(found, what)
    known_names(told, known, what)
    for name in known[:needed]:
        if name not in told:
            raise TextError(f"{what} has no {name!r}")
    return told


def _entry_of(found: Any) -> StreamEntry:
    is_whole = found.__class__ is dict and found.keys() == _ENTRY_NAMES  # nothing is left to ask then
    told: dict[str, Any] = found if is_whole else _members(found, "a stream entry", _ENTRY, needed=2)
    named = told["fields"]
    if named.__class__ is dict:  # as most have them
        names, values = plain_bytes(named), plain_bytes(named.values())
        if names is not None and values is not None:
            return StreamEntry(
                stream_id_of(told["id"], "the ID of an entry"), list(zip(names, values, strict=True))
            )
    fields = pairs_of(told["fields"], "fields")
    texts = [(field, bytes_of(value, "a field's value")) for field, value in fields]
    return StreamEntry(stream_id_of(told["id"], "the ID of an entry"), texts)


def _ids_of(found: object, what: str) -> list[StreamId]:
    return [stream_id_of(id, what) for id in array_of(found, what)]


def _group_of(found: object) -> Group:
    told = _members(found, "a group", _GROUP, needed=2)
    group = Group(bytes_of(told["name"], "the name of a group"), stream_id_of(told["last_id"], "last_id"))
    group.entries_read = _optional(told, "entries_read")
    pending = [_pending_of(one) for one in array_of(told.get("pending", []), "pending")]
    group.pending = distinct([(one.id, one) for one in pending], "pending IDs")
    group.consumers = [_consumer_of(one) for one in array_of(told.get("consumers", []), "consumers")]
    group.nacked = _ids_of(told.get("nacked", []), "nacked")
    return group


def _pending_of(found: object) -> Pending:
    told = _members(found, "a pending entry", _PENDING)
    owner = bytes_of(told["consumer"], "consumer") if "consumer" in told else None
    delivered = time_of(told.get("delivered_at", 0), "delivered_at")
    deliveries = integer_of(told.get("deliveries", 1), "deliveries")
    return Pending(stream_id_of(told["id"], "the ID of a pending entry"), delivered, deliveries, owner)


def _consumer_of(found: object) -> Consumer:
    told = _members(found, "a consumer", _CONSUMER)
    active = time_of(told["active_at"], "active_at") if "active_at" in told else None
    seen = time_of(told.get("seen_at", 0), "seen_at")
    consumer = Consumer(bytes_of(told["name"], "the name of a consumer"), seen, active)
    consumer.pending = _ids_of(told.get("pending", []), "pending of a consumer")
    return consumer


def _idempotence_of(found: object) -> Idempotence:
    told = _members(found, "idempotence", _IDEMPOTENCE, needed=2)
    numbers = {name: integer_of(told.get(name, 0), name) for name in _IDEMPOTENCE if name != "producers"}
    value = Idempotence(numbers["duration_s"], numbers["max_size"])
    value.added, value.duplicates = numbers["added"], numbers["duplicates"]
    value.producers = [_producer_of(one) for one in array_of(told.get("producers", []), "producers")]
    return value


def _producer_of(found: object) -> Producer:
    told = _members(found, "a producer", _PRODUCER)
    producer = Producer(bytes_of(told["id"], "the ID of a producer"))
    pairs = [
        (iid, stream_id_of(id, "the entry of an iid")) for iid, id in pairs_of(told.get("iids", []), "iids")
    ]
    producer.iids = distinct(pairs, "iids of a producer")
    return producer
