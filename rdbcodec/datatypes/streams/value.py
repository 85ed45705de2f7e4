"""A Redis stream and what belongs to it: groups, consumers, pending entries, producers."""

from __future__ import annotations

from rdbcodec.datatypes.plain import Plain
from rdbcodec.structures.stream_node import StreamEntry, StreamId

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


def encode_id(entry: StreamId) -> bytes:
    """The 16-byte form."""
    return entry.ms.to_bytes(8, "big") + entry.seq.to_bytes(8, "big")
