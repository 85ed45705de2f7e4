"""What a key holds in 16 bytes, the same for every layout, version and order of the same data.

    value_digest(entry, on_expiry)      of the value; fields and members that expire are told beside it

Two values have one digest when a server would answer the same about them. Not looked at is what is no data:
the layout on disk, the order of sets, hashes and sorted sets, -0 for 0 as a score, and of streams what not
every version holds or what reading alone changes: the counters of entries added and read, and when a
consumer was seen. Two different values have the same digest once in 2**64 snapshots of four billion keys.

A value too large to hold is read while it passes by, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import Group, Idempotence, Stream, stream_parts
from rdbcodec.errors import DecodeError, LimitExceeded
from rdbcodec.records import Entry
from rdbcodec.tools.hashing import DIGEST, Part, Update, digest, new_digest, tell
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, Spool
from rdbcodec.wire.strings import Budget

_ALL = 1 << (8 * DIGEST)


def value_digest(entry: Entry, on_expiry: OnExpiry) -> bytes:
    """The digest of an entry's value, of DIGEST bytes. Raises as Entry.value does.

    `on_expiry` is called for each field or member that expires, with a digest of its name and when it does,
    in absolute milliseconds: expiries are none of the value, because clocks differ.
    """
    told = new_digest()
    told.update(entry.type.encode() + b"\0")
    _TELL.get(entry.type, _tell_whole)(told.update, entry, on_expiry)
    return told.digest()


OnExpiry = Callable[[bytes, int], object]


# --- types ------------------------------------------------------------------------------------------


def _elements(entry: Entry, of: Callable[[Any], Iterable[Any]]) -> Iterator[Any]:
    """The elements of a value: of one that is held by `of`, else as they pass by."""
    try:
        value = entry.value()
    except LimitExceeded:
        for batch in entry.items(spool=Spool()):
            yield from batch
    else:
        yield from of(value)


def _tell_text(update: Update, entry: Entry, _: OnExpiry) -> None:
    for piece in _elements(entry, lambda value: (value,)):
        update(piece)


def _tell_in_order(update: Update, entry: Entry, _: OnExpiry) -> None:
    for element in _elements(entry, list):
        tell(update, element)


def _tell_in_any_order(update: Update, digests: Iterable[bytes]) -> None:
    """A sum forgets the order, and unlike exclusive or it counts what is there twice."""
    count = total = 0
    for one in digests:
        count += 1
        total = (total + int.from_bytes(one, "big")) % _ALL
    update(b"%d:" % count + total.to_bytes(DIGEST, "big"))


def _tell_zset(update: Update, entry: Entry, _: OnExpiry) -> None:
    pairs = _elements(entry, lambda value: value.items())
    _tell_in_any_order(update, (digest(member, score) for member, score in pairs))


def _tell_set(update: Update, entry: Entry, on_expiry: OnExpiry) -> None:
    """As members or as (member, expiry)."""

    def digests() -> Iterator[bytes]:
        for member in _elements(entry, lambda value: ((one, value.expires_at_ms.get(one)) for one in value)):
            name, at_ms = member if isinstance(member, tuple) else (member, None)
            name_digest = digest(name)
            if at_ms is not None:
                on_expiry(name_digest, at_ms)
            yield name_digest

    _tell_in_any_order(update, digests())


def _tell_hash(update: Update, entry: Entry, on_expiry: OnExpiry) -> None:
    def fields(value: Any) -> Iterator[tuple[bytes, bytes, int | None]]:
        return ((name, text, value.expires_at_ms.get(name)) for name, text in value.items())

    def digests() -> Iterator[bytes]:
        for name, text, at_ms in _elements(entry, fields):
            if at_ms is not None:
                on_expiry(digest(name), at_ms)
            yield digest(name, text)

    _tell_in_any_order(update, digests())


def _tell_stream(update: Update, entry: Entry, _: OnExpiry) -> None:
    try:
        stream = entry.value_as(Stream)
        for one in stream.entries:
            _tell_stream_entry(update, one)
    except LimitExceeded:
        stream = _passing(update, entry)
    _tell_tail(update, stream)


def _passing(update: Update, entry: Entry) -> Stream:
    """A stream that is too large to hold; the answer is what follows its entries."""
    cursor, scope = _opened(entry)
    try:
        parts = stream_parts(cursor, scope, entry.row.generation)
        while True:
            try:
                batch = next(parts)
            except StopIteration as end:
                stream: Stream = end.value
                return stream
            for one in batch:
                _tell_stream_entry(update, one)
    except DecodeError as error:
        error.locate(offset=entry.offset, db=entry.db, key=entry.key, type=entry.row.name)
        raise


def _opened(entry: Entry) -> tuple[Cursor, Scope]:
    budget = Budget(entry.max_value)
    held = Held(budget.limit, Spool().keep)
    return Cursor(entry.chunks(), budget, streaming=True, held=held), Scope(budget, {})


def _tell_stream_entry(update: Update, entry: Any) -> None:
    tell(update, str(entry.id))
    for name, text in entry.fields:
        tell(update, name)
        tell(update, text)
    update(b";")


def _tell_tail(update: Update, stream: Stream) -> None:
    tell(update, str(stream.last_id))
    for group in sorted(stream.groups, key=lambda group: group.name):
        _tell_group(update, group)
    if stream.idempotence not in (None, Idempotence()):
        update(repr(stream.idempotence).encode())


def _tell_group(update: Update, group: Group) -> None:
    parts: list[Part] = [group.name, str(group.last_id), *sorted(one.name for one in group.consumers)]
    for _, one in sorted(group.pending.items()):
        parts += [str(one.id), one.consumer, one.delivered_at_ms, one.deliveries]
    for part in parts:
        tell(update, part)
    for id in group.nacked:  # in the order of their release
        tell(update, str(id))
    update(b";")


def _tell_module(update: Update, entry: Entry, _: OnExpiry) -> None:
    """Items, not bytes: servers compress the same text or do not."""
    value = entry.value_as(ModuleValue)
    tell(update, value.module.name)
    tell(update, value.module.version)
    for opcode, item in value.items():
        tell(update, opcode)
        tell(update, item)


def _tell_whole(update: Update, entry: Entry, _: OnExpiry) -> None:
    """Types that few servers have: as Python shows the value."""
    value: Any = entry.value()
    if isinstance(value, dict):  # of no order
        _tell_in_any_order(
            update, (digest(repr(path), repr(sorted(of.items()))) for path, of in value.items())
        )
    else:
        update(repr(value).encode())


_TELL: dict[str, Callable[[Update, Entry, OnExpiry], None]] = {
    "string": _tell_text,
    "list": _tell_in_order,
    "set": _tell_set,
    "zset": _tell_zset,
    "hash": _tell_hash,
    "stream": _tell_stream,
    "module": _tell_module,
}
