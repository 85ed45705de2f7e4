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
from itertools import chain

from rdbcodec.datatypes.streams import NO_ID, Group, Idempotence, Pending, Stream, stream_parts
from rdbcodec.datatypes.streams.versions import in_version, is_of_version
from rdbcodec.errors import DecodeError
from rdbcodec.exports.form import opened
from rdbcodec.exports.resp_words import (
    MANY,
    MUCH,
    Recipient,
    Word,
    command,
    command_of,
    command_pieces,
    heads_of,
)
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Entry
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire.long_strings import LongString, Spool

_COUNTERS_SINCE = 10
_LONG = 8 * MUCH  # bytes of texts that are not put together
_FIRST_ID = StreamId(0, 1)  # the least that XADD takes


class Passed(NamedTuple):
    """A stream that was too large to hold: commands that add its entries, the ID of the first, the rest."""

    added: LongString
    first: StreamId | None
    rest: Stream


def only_restore(entry: Entry, value: Stream | None) -> tuple[bool, Stream | Passed]:
    """Whether a stream has what only RESTORE can make, and what `commands` makes it of.

    A large one has to be kept, as RESTORE takes its bytes. What it holds is known at its end only: commands
    go to a file until then, which costs less than to decode the entries again.
    """
    if value is not None:
        return _is_odd(value) or _lacks_entries(value), value
    passed = _pass(entry)
    if _is_odd(passed.rest):
        return True, passed
    missing = {one.id for one in _pending(passed.rest)}
    if missing:
        for batch in _passing(entry, []):
            missing.difference_update(one.id for one in batch)
    return bool(missing), passed


def _pass(entry: Entry) -> Passed:
    kept: list[Stream] = []
    first: list[StreamId] = []

    def added() -> Iterator[bytes]:
        for batch in _passing(entry, kept):
            first.append(batch[0].id)
            del first[1:]
            yield from _added(entry.key, batch)

    text = Spool().keep(added())
    return Passed(text, first[0] if first else None, kept[0])


def _is_odd(stream: Stream) -> bool:
    unowned = any(one.consumer is None for one in _pending(stream))
    return unowned or stream.idempotence not in (None, Idempotence())


def commands(entry: Entry, recipient: Recipient, value: Stream | Passed) -> Iterator[bytes]:
    """The commands that make a stream; what they cannot say is lost and counted."""
    if isinstance(value, Stream):
        held, first = value, value.entries[0].id if value.entries else None
        yield from _added(entry.key, held.entries)
    else:
        _, first, held = value
        yield from value.added.pieces()
    has_counters = recipient.version >= _COUNTERS_SINCE
    if has_counters and _is_plain(held):
        yield from _heads(entry.key, held)
        return
    stream = in_version(held, 3 if has_counters else 1, _loser(entry, recipient), first)
    if any(group.consumers for group in stream.groups):
        recipient.lose("consumer-times", entry)
    if _pending(stream) and _may_lack_entries(held):
        recipient.lose("deleted-pending", entry)
    yield from _heads(entry.key, stream)
    for group in stream.groups:
        yield from _group_commands(entry.key, group, has_counters=has_counters)


def _is_plain(stream: Stream) -> bool:
    """Whether it has no groups and tells all that a server has commands for: nothing is lost or filled in."""
    return stream.entries_added is not None and is_of_version(stream, stream.version)


def _added(key: bytes, entries: list[StreamEntry]) -> Iterator[bytes]:
    """A command for each entry; many are one piece, when none of their texts is long."""
    for start in range(0, len(entries), MANY):
        some = entries[start : start + MANY]
        try:
            yield _together(key, some)
        except TypeError:  # a long text, or one that passes by
            for one in some:
                texts = (text for pair in one.fields for text in pair)
                yield from command_pieces(b"XADD", key, str(one.id), *texts)


def _together(key: bytes, entries: list[StreamEntry]) -> bytes:
    """Commands without a call a word. Raises TypeError when they are long, or a text is not held.

    Mostly all entries have as many fields: then the columns of all commands are put in place at once.
    """
    ids = [b"%d-%d" % id for id, _ in entries]
    words = list(chain.from_iterable(chain.from_iterable([fields for _, fields in entries])))
    width, rest = divmod(len(words), len(ids))
    if sum(map(len, words)) >= _LONG:
        raise TypeError
    if rest or {len(fields) for _, fields in entries} != {width // 2}:
        rows = zip(ids, entries, strict=True)
        return b"".join([command_of([b"XADD", key, id, *chain(*one.fields)]) for id, one in rows])
    size = 3 + 2 * width
    lines = [b"*%d\r\n$4\r\nXADD\r\n$%d\r\n%b" % (3 + width, len(key), key)] * (len(ids) * size + 1)
    lines[1:-1:size], lines[2::size] = heads_of(ids), ids
    heads = heads_of(words)
    for at in range(width):
        lines[3 + 2 * at :: size], lines[4 + 2 * at :: size] = heads[at::width], words[at::width]
    first = lines[0]
    lines[size::size] = [b"\r\n" + first] * (len(ids) - 1) + [b"\r\n"]
    return b"".join(lines)


def _passing(entry: Entry, kept: list[Stream]) -> Iterator[list[StreamEntry]]:
    """The entries of a stream that is too large to hold in batches, none empty; the rest goes to `kept`."""
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
    pending = _pending(stream)
    ids = {one.id for one in stream.entries} if pending else ()
    return any(one.id not in ids for one in pending)


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
