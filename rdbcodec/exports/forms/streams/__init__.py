"""Streams: in JSON as members.py says, in RESP as commands.py does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from rdbcodec.datatypes.streams import Stream, stream_parts
from rdbcodec.exports.form import Form, Members, Teller, array_pieces, opened
from rdbcodec.exports.forms.streams.commands import commands, keeping, only_restore
from rdbcodec.exports.forms.streams.members import json_entry, json_stream, json_tail, stream_of
from rdbcodec.exports.forms.streams.plain import plain_stream
from rdbcodec.exports.scalars import plain_pairs, to_json
from rdbcodec.records import Entry
from rdbcodec.structures.stream_node import StreamEntry
from rdbcodec.wire.long_strings import Spool


def _members(value: Stream) -> Members:
    return {"value": json_stream(value)}


def _pieces(entry: Entry) -> Iterator[str]:
    kept: list[Stream] = []
    spool = Spool()
    cursor, scope = opened(entry, spool)
    batches = keeping(stream_parts(cursor, scope, entry.row.generation), kept)
    yield '{"entries":'
    yield from array_pieces(batches, _ENTRY, spool)
    cursor.expect_end()
    yield "," + to_json(json_tail(kept[0]))[1:]


def _text(entry: StreamEntry) -> str:
    (ms, seq), fields = entry
    pairs = plain_pairs(fields) if len(dict(fields)) == len(fields) else None
    if pairs is None:
        return to_json(json_entry(entry))
    return f'{{"id":"{ms}-{seq}","fields":{{{pairs}}}}}'


def _held_text(value: Stream) -> str:
    entries = ",".join(map(_text, value.entries))
    return f'"value":{{"entries":[{entries}],{_tail_text(value)}'


def _tail_text(value: Stream) -> str:
    """What json_tail tells, without its objects where nobody reads the stream in a group, as mostly."""
    if value.groups or value.idempotence is not None:
        return to_json(json_tail(value))[1:]
    first, deleted, added = value.first_id, value.max_deleted_id, value.entries_added
    told = f'"length":{value.length},"last_id":"{value.last_id}"'
    told = told if first is None else f'{told},"first_id":"{first}"'
    told = told if deleted is None else f'{told},"max_deleted_id":"{deleted}"'
    told = told if added is None else f'{told},"entries_added":{added}'
    return told + ',"groups":[]}'


def _parts(entry: StreamEntry) -> Iterable[Any]:
    yield f'{{"id":"{entry.id}","fields":['
    between = ""
    for field, text in entry.fields:
        yield from (between + "[", field, ",", text, "]")
        between = ","
    yield "]}"


_ENTRY = Teller(_text, _parts)


def _stream_of(members: Members) -> Stream:
    return stream_of(members["value"], members.get("encoding"))


FORMS = {
    "stream": Form(
        _members,
        _pieces,
        _stream_of,
        text=_held_text,
        plain_in=lambda encoding: partial(plain_stream, encoding=encoding),
        commands=commands,
        only_restore=only_restore,
    )
}
