"""Values as JSON, one form a type: the members that stand in an object beside "key" and "type".

    string, json   "value": bytes (see scalars)
    list, set      [element, ...]; in a set whose members expire [member, ms] stands for such a member
    hash           {"field": value}, with "field_expires_at": {"field": ms} beside "value",
                   or [[field, value], [field, value, ms], ...] when a field is no text
    zset           {"member": score} or [[member, score], ...]
    stream         see forms/streams
    module         {"module": "vectorset", "version": 0, "raw": {"$b64": ...}}, module id included,
                   and "decoded" where a codec understands the module
    array          {"cursor": 7, "elements": [[index, text], ...]}
    path-hash      {"path": hash} or [[path, hash], ...], each hash as above
    cron           {"script", "start_ms", "interval_ms", "keys", "arguments"}
    gcra           an integer
    bloom, ...     {"raw": {"$b64": ...}}: sketches of Dragonfly, as on disk

Objects never mean {"$b64": ...} where a table stands, nor the other way round: the place decides.

Forms are found by folder: each file in `forms/` has those of its type, and needs to be named nowhere. It is
loaded when a value of its type is told, those named like the type first. A type without a file is told as
bytes, or as it stands on disk where nobody decodes it. docs/contributing.md has
the recipe of a file, form.py what its functions take and give, scalars.py what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar

from rdbcodec.datatypes.registry import layout_of, type_named
from rdbcodec.datatypes.sketches import decode_raw
from rdbcodec.errors import DecodeError, LimitExceeded
from rdbcodec.exports import forms
from rdbcodec.exports.form import RAW, TEXT, Form
from rdbcodec.exports.scalars import quoted_bytes, to_json
from rdbcodec.folders import likely_first, load, modules_of
from rdbcodec.formats import TYPES, TypeRow
from rdbcodec.records import Entry
from rdbcodec.wire.strings import read_rest

V = TypeVar("V")


@cache
def form_of(type_: str) -> Form:
    """How a type of the table is told."""
    named = (load(forms, name).FORMS for name in likely_first(modules_of(forms), type_))
    found: Form | None = next((forms_in[type_] for forms_in in named if type_ in forms_in), None)
    return found or next(_without_file(row) for row in TYPES if row.type == type_)


def all_forms() -> dict[str, Form]:
    """The form of each type."""
    return {type_: form_of(type_) for type_ in TYPE_NAMES}


def _without_file(row: TypeRow) -> Form:
    if layout_of(row).decode is decode_raw:
        return RAW
    classes = type_named(row.type).classes
    if not any(issubclass(class_, bytes) for class_ in classes):
        names = " or ".join(class_.__name__ for class_ in classes)
        raise TypeError(
            f"the type {row.type} has no text form: its values are {names}, no bytes, "
            f"so a file of rdbcodec/exports/forms/ has to have FORMS = {{{row.type!r}: Form(...)}}"
        )
    return TEXT


TYPE_NAMES = dict.fromkeys(row.type for row in TYPES)  # in the order of the table


def text_of(entry: Entry) -> str | None:
    """The members of a value as JSON text without the braces; None for a value that is too large to hold."""
    code = entry.code
    row = entry._context.types[code]  # noqa: SLF001 - `row`, without a call
    form = form_of(row.type)
    packed = form.packed.get(row.name)
    if packed is not None and (told := of_packed(entry, packed)) is not None:
        return told
    try:
        value: Any = entry.value()
    except LimitExceeded:
        return None
    if not code:  # a string in every dialect
        return f'"value":{quoted_bytes(value)}'
    text = None if form.text is None else form.text(value)
    return to_json(form.members(value))[1:-1] if text is None else text


def of_packed(entry: Entry, make: Callable[[bytes], V | None]) -> V | None:
    """What is made of a packed structure; None of damage, of which `value` says where it is."""
    try:
        blob = read_rest(entry._record, entry._start, entry._context.limit)  # noqa: SLF001 - as `value` does
        return None if blob is None else make(blob)
    except DecodeError:
        return None


def single_value(type_: str, value: Any) -> str:
    """The JSON text of a value, with nothing beside it."""
    form = form_of(type_)
    return to_json(form.members(value)["value"] if form.single is None else form.single(value))


def large_pieces(entry: Entry) -> Iterator[str]:
    """The JSON text of "value", in bounded memory. Raises DecodeError with the entry's place."""
    try:
        yield from form_of(entry.type).pieces(entry)
    except DecodeError as error:
        error.locate(offset=entry.offset, db=entry.db, key=entry.key, type=entry.row.name)
        raise
