"""Streams as commands, in the order in which they hold.

    XADD key id field value ...                     each entry
    XADD key MAXLEN 0 id x x                        instead, for a stream without entries
    XSETID key id ENTRIESADDED n MAXDELETEDID id    last ID; the counters from RDB version 10 on
    XGROUP CREATE key group id ENTRIESREAD n        -1 for "unknown"
    XGROUP CREATECONSUMER key group consumer        before version 10: XREADGROUP of nothing, which makes one
    XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID

No command claims an entry that the stream no longer holds, sets idempotent producers, or releases an
entry: `only_restore` says so. None sets the times at which consumers were seen; servers' own AOF files
do not keep them either.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from rdbcodec.datatypes.streams import NO_ID, Group, Idempotence, Pending, Stream, stream_parts
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.errors import DecodeError
from rdbcodec.exports.form import opened, value_of
from rdbcodec.exports.resp_words import HEADS, MANY, Recipient, Word, command, command_pieces
from rdbcodec.records import Entry
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire.long_strings import Spool

_COUNTERS_SINCE = 10
_FIRST_ID = StreamId(0, 1)  # the least that XADD takes


def only_restore(entry: Entry) -> bool:
    """Whether a stream has what only RESTORE can make; a large one has to be kept, as it is read twice."""
    stream: Stream | None = value_of(entry)
    if stream is not None:
        return _is_odd(stream) or _lacks_entries(stream)
    kept: list[Stream] = []
    for _ in _passing(entry, kept):
        pass
    if _is_odd(kept[0]):
        return True
    missing = {one.id for one in _pending(kept[0])}
    if missing:
        for batch in _passing(entry, []):
            missing.difference_update(one.id for one in batch)
    return bool(missing)


def _is_odd(stream: Stream) -> bool:
    unowned = any(one.consumer is None for one in _pending(stream))
    return unowned or stream.idempotence not in (None, Idempotence())


def commands(entry: Entry, recipient: Recipient) -> Iterator[bytes]:
    """The commands that make a stream; what they cannot say is lost and counted."""
    kept: list[Stream] = []
    first = None
    for batch in _entries(entry, kept):
        first = batch[0].id if first is None else first
        yield from _added(entry.key, batch)
    has_counters = recipient.version >= _COUNTERS_SINCE
    stream = in_version(kept[0], 3 if has_counters else 1, _loser(entry, recipient), first)
    if any(group.consumers for group in stream.groups):
        recipient.lose("consumer-times", entry)
    if _pending(stream) and _may_lack_entries(kept[0]):
        recipient.lose("deleted-pending", entry)
    yield from _heads(entry.key, stream)
    for group in stream.groups:
        yield from _group_commands(entry.key, group, has_counters=has_counters)


def _added(key: bytes, entries: list[StreamEntry]) -> Iterator[bytes]:
    """A command for each entry; many are one piece, when none of their texts is long."""
    for start in range(0, len(entries), MANY):
        some = entries[start : start + MANY]
        try:
            yield _short(key, some)
        except (IndexError, TypeError):  # a long text, or one that passes by
            for one in some:
                texts = (text for pair in one.fields for text in pair)
                yield from command_pieces(b"XADD", key, str(one.id), *texts)


def _short(key: bytes, entries: list[StreamEntry]) -> bytes:
    """Lines in turn, without a call a word. Raises IndexError or TypeError for what is no short text."""
    lines: list[bytes] = []
    heads, begin = HEADS, b"$4\r\nXADD\r\n$%d\r\n%b" % (len(key), key)
    for (ms, seq), fields in entries:
        id = b"%d-%d" % (ms, seq)
        lines += (b"*%d" % (3 + 2 * len(fields)), begin, heads[len(id)], id)
        for field, text in fields:
            lines += (heads[len(field)], field, heads[len(text)], text)
    lines.append(b"")
    return b"\r\n".join(lines)


def _entries(entry: Entry, kept: list[Stream]) -> Iterator[list[StreamEntry]]:
    """The entries in batches, none empty; the stream, or what follows the entries, is appended to `kept`."""
    held: Stream | None = value_of(entry)
    if held is not None:
        kept.append(held)
        yield from filter(None, [held.entries])
        return
    yield from _passing(entry, kept)


def _passing(entry: Entry, kept: list[Stream]) -> Iterator[list[StreamEntry]]:
    """The same of a stream that is too large to hold."""
    cursor, scope = opened(entry, Spool())
    try:
        parts = stream_parts(cursor, scope, entry.row.generation)
        yield from filter(None, keeping(parts, kept))
        cursor.expect_end()
    except DecodeError as error:
        error.locate(offset=entry.offset, db=entry.db, key=entry.key, type=entry.row.name)
        raise


def keeping(
    parts: Generator[list[StreamEntry], None, Stream], kept: list[Stream]
) -> Iterator[list[StreamEntry]]:
    """The entries of a stream; what follows them is appended to `kept`."""
    kept.append((yield from parts))


def _loser(entry: Entry, recipient: Recipient) -> Callable[[str], None]:
    def lose(kind: str) -> None:
        if kind != "consumer-active-time":  # one of the consumer times, which are counted as such
            recipient.lose(kind, entry)

    return lose


def _pending(stream: Stream) -> list[Pending]:
    return [one for group in stream.groups for one in group.pending.values()]


def _lacks_entries(stream: Stream) -> bool:
    """Whether an entry is pending that the stream no longer holds."""
    ids = {one.id for one in stream.entries}
    return any(one.id not in ids for one in _pending(stream))


def _may_lack_entries(stream: Stream) -> bool:
    """The same, as far as a stream can tell whose entries have passed by."""
    if stream.entries:
        return _lacks_entries(stream)
    told_of_none = stream.entries_added == stream.length > 0 and stream.max_deleted_id == NO_ID
    return not told_of_none


def _heads(key: bytes, stream: Stream) -> Iterator[bytes]:
    if not stream.length:
        yield command(b"XADD", key, b"MAXLEN", 0, str(max(stream.last_id, _FIRST_ID)), b"x", b"x")
    words: list[Word] = [b"XSETID", key, str(stream.last_id)]
    if stream.entries_added is not None:
        words += [b"ENTRIESADDED", stream.entries_added, b"MAXDELETEDID", str(stream.max_deleted_id)]
    yield command(*words)


def _group_commands(key: bytes, group: Group, *, has_counters: bool) -> Iterator[bytes]:
    read = (b"ENTRIESREAD", -1 if group.entries_read is None else group.entries_read)
    yield command(b"XGROUP", b"CREATE", key, group.name, str(group.last_id), *(read if has_counters else ()))
    for consumer in group.consumers:
        if has_counters:
            yield command(b"XGROUP", b"CREATECONSUMER", key, group.name, consumer.name)
        elif not consumer.pending:  # the others are made by what they claim
            who = (b"GROUP", group.name, consumer.name)
            yield command(b"XREADGROUP", *who, b"COUNT", 1, b"STREAMS", key, b"0")
    for one in group.pending.values():
        if one.consumer is not None:
            claim = (str(one.id), b"TIME", one.delivered_at_ms, b"RETRYCOUNT", one.deliveries)
            yield command(b"XCLAIM", key, group.name, one.consumer, 0, *claim, b"FORCE", b"JUSTID")
