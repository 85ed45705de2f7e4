"""Arrays: {"cursor": 7, "elements": [[index, text], ...]}."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rdbcodec.datatypes.arrays import NO_INDEX, Array, array_items
from rdbcodec.errors import TextError
from rdbcodec.exports.form import Form, Members, Teller, array_pieces, opened, peeked
from rdbcodec.exports.scalars import (
    array_of,
    bytes_of,
    distinct,
    integer_of,
    json_bytes,
    known_names,
    object_of,
    quoted_bytes,
)
from rdbcodec.records import Entry
from rdbcodec.wire import lengths
from rdbcodec.wire.long_strings import Spool


def _members(value: Array) -> Members:
    cursor = {} if value.cursor is None else {"cursor": value.cursor}
    elements = [[index, json_bytes(text)] for index, text in value.elements.items()]
    return {"value": {**cursor, "elements": elements}}


def _pieces(entry: Entry) -> Iterator[str]:
    """The array's cursor stands before the elements, where `items` reads over it."""
    head, chunks = peeked(entry, 3 * lengths.MAX_SIZE)
    flag, pos = lengths.read(head, lengths.read(head, 0)[1])
    yield f'{{"cursor":{lengths.read(head, pos)[0]},"elements":' if flag else '{"elements":'
    spool = Spool()
    cursor, scope = opened(entry, spool, chunks)
    yield from array_pieces(array_items(cursor, scope), _INDEXED, spool)
    cursor.expect_end()
    yield "}"


def _text(pair: tuple[int, bytes]) -> str:
    return f"[{pair[0]},{quoted_bytes(pair[1])}]"


def _parts(pair: tuple[int, bytes]) -> Iterable[Any]:
    return f"[{pair[0]},", pair[1], "]"


_INDEXED = Teller(_text, _parts)


def _value_of(members: Members) -> Array:
    value = object_of(members["value"], "an array value")
    known_names(value, ("cursor", "elements"), "an array value")
    pairs = [array_of(pair, "an element of an array") for pair in array_of(value.get("elements"), "elements")]
    if any(len(pair) != 2 for pair in pairs):
        raise TextError("an element of an array is not [index, text]")
    texts = [(_index_of(index), bytes_of(text, "an element of an array")) for index, text in pairs]
    cursor = _index_of(value["cursor"]) if "cursor" in value else None
    return Array(distinct(texts, "array indexes"), cursor)


def _index_of(index: object) -> int:
    return integer_of(index, "an array index", 0, NO_INDEX - 1)


FORMS = {"array": Form(_members, _pieces, _value_of)}
