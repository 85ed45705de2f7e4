"""A stream in another version: what is filled in on the way up, what is lost on the way down.

    1 -> 2   entries added, max deleted ID, first ID, entries read     computed as loaders do
    2 -> 3   active time of consumers                                  = seen time
    3 -> 4   idempotent producers                                      = none, default settings
    4 -> 5   released ("nacked") entries                               = those that nobody owns: mostly none

Down is the same table read backwards: something is lost when it is not what going up again would fill
in. A released entry must not stay without owner below version 5, so it is given to a consumer of its own
name, with its delivery count, as if delivered in 1970: any client may claim it at once.

Facts: rdb-format.md 4.7 and 7.1; rdb-v13-15.md 3.1, 5.1, 8.2.
"""

from __future__ import annotations

from rdbcodec.datatypes.streams.value import NO_ID, Consumer, Group, Idempotence, Stream
from rdbcodec.losses import Lose
from rdbcodec.structures.stream_node import StreamId

RELEASED_TO = b"rdbcodec-released"

# The version below which a stream cannot keep what each kind of loss names.
LOST_BELOW = {"nacked": 5, "idempotence": 4, "consumer-active-time": 3, "stream-metadata": 2}


def losable(tail: Stream) -> list[str]:
    """The kinds of loss on the way down from what follows a stream's entries: keys of LOST_BELOW."""
    kinds: list[str] = []
    in_version(tail, 1, kinds.append, tail.first_id)
    return kinds


def in_version(stream: Stream, version: int, lose: Lose, first: StreamId | None = None) -> Stream:
    """A copy that tells what this version wants to know, and no more; each kind of loss is told to `lose`.

    `first` is the ID of the first live entry, for a stream whose entries are not at hand.
    """
    entries, stream.entries = stream.entries, []
    changed = stream.copied()
    stream.entries = changed.entries = entries
    first = changed.entries[0].id if changed.entries else first
    complete(changed, first or NO_ID)
    if version < 5:
        _give_away(changed, lose)
    if version < 4:
        _forget_producers(changed, lose)
    if version < 3:
        _forget_active_times(changed, lose)
    if version < 2:
        _forget_history(changed, first or NO_ID, lose)
    changed.version = version
    return changed


def is_of_version(stream: Stream, version: int) -> bool:
    """Whether one without groups tells just what this version wants to know: `in_version` would copy it."""
    if stream.version != version or version > 3 or stream.groups or stream.idempotence is not None:
        return False
    told = (stream.first_id, stream.max_deleted_id, stream.entries_added)
    return told == (None, None, None) if version < 2 else None not in told


def complete(stream: Stream, first: StreamId) -> None:
    """Fill in what the stream's version did not tell, up to the newest."""
    if stream.entries_added is None:
        stream.first_id, stream.max_deleted_id, stream.entries_added = first, NO_ID, stream.length
        for group in stream.groups:
            group.entries_read = guessed_entries_read(stream, group)
    if stream.version < 3:
        for group in stream.groups:
            for consumer in group.consumers:
                consumer.active_at_ms = consumer.seen_at_ms
    if stream.version < 5:
        for group in stream.groups:
            group.nacked = [pending.id for pending in group.pending.values() if pending.consumer is None]
    if stream.idempotence is None:
        stream.idempotence = Idempotence()


def guessed_entries_read(stream: Stream, group: Group) -> int | None:
    """How many entries a group has read, as loaders compute it for version 1; None for "unknown"."""
    added, last = stream.entries_added or 0, group.last_id
    first, deleted = stream.first_id or NO_ID, stream.max_deleted_id or NO_ID
    if not added:
        return 0
    if not stream.length and last <= stream.last_id:
        return added
    if last != NO_ID and last < deleted:
        return None
    if last >= stream.last_id:
        return added if last == stream.last_id else None
    if deleted == NO_ID or deleted < first:
        if last < first:
            return added - stream.length
        if last == first:
            return added - stream.length + 1
    return None


def _give_away(stream: Stream, lose: Lose) -> None:
    given = [own_released(group) for group in stream.groups]
    if any(given):
        lose("nacked")


def own_released(group: Group) -> bool:
    """Give the entries that nobody owns to a consumer of their own; whether there were any."""
    released = [pending for pending in group.pending.values() if pending.consumer is None]
    group.nacked = []
    if not released:
        return False
    heir = next((consumer for consumer in group.consumers if consumer.name == RELEASED_TO), None)
    if heir is None:
        heir = Consumer(RELEASED_TO, 0, 0)
        group.consumers.append(heir)
    for pending in released:
        pending.consumer = heir.name
        pending.delivered_at_ms = 0
        heir.pending.append(pending.id)
    heir.pending.sort()
    return True


def _forget_producers(stream: Stream, lose: Lose) -> None:
    if stream.idempotence != Idempotence():
        lose("idempotence")
    stream.idempotence = None


def _forget_active_times(stream: Stream, lose: Lose) -> None:
    consumers = [consumer for group in stream.groups for consumer in group.consumers]
    if any(consumer.active_at_ms != consumer.seen_at_ms for consumer in consumers):
        lose("consumer-active-time")
    for consumer in consumers:
        consumer.active_at_ms = None


def _forget_history(stream: Stream, first: StreamId, lose: Lose) -> None:
    told = (stream.max_deleted_id, stream.entries_added, [group.entries_read for group in stream.groups])
    stream.first_id, stream.max_deleted_id, stream.entries_added = first, NO_ID, stream.length
    guessed = (NO_ID, stream.length, [guessed_entries_read(stream, group) for group in stream.groups])
    if told != guessed:
        lose("stream-metadata")
    stream.first_id = stream.max_deleted_id = stream.entries_added = None
    for group in stream.groups:
        group.entries_read = None
