"""Values as JSON, one form a type: the members that stand in an object beside "key" and "type".

    string, json   "value": bytes (see scalars)
    list, set      [element, ...]; in a set whose members expire [member, ms] stands for such a member
    hash           {"field": value}, with "field_expires_at": {"field": ms} beside "value",
                   or [[field, value], [field, value, ms], ...] when a field is no text
    zset           {"member": score} or [[member, score], ...]
    stream         see stream_form
    module         {"module": "vectorset", "version": 0, "raw": {"$b64": ...}}, module id included
    array          {"cursor": 7, "elements": [[index, text], ...]}
    path-hash      {"path": {"field": value}}, or pairs
    cron           {"script", "start_ms", "interval_ms", "keys", "arguments"}
    gcra           an integer
    bloom, ...     {"raw": {"$b64": ...}}: sketches of Dragonfly, as on disk

Objects never mean {"$b64": ...} where a table stands, nor the other way round: the place decides.

A value too large to hold passes by once and is written in pieces, tables as pairs. A reader takes either
form. A string in it that is itself too large goes through a temporary file: whether it is text is known
at its end only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from rdbcodec.datatypes.arrays import NO_INDEX, Array, array_items
from rdbcodec.datatypes.crons import Cron
from rdbcodec.datatypes.gcra import Gcra
from rdbcodec.datatypes.hashes import Field, Hash
from rdbcodec.datatypes.json_documents import Json
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue, decode_module
from rdbcodec.datatypes.path_hashes import PathHash
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.sets import Set, expiring_members
from rdbcodec.datatypes.sketches import RawValue
from rdbcodec.datatypes.streams import Stream, stream_parts
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.errors import DecodeError, LimitExceeded, TextError
from rdbcodec.exports.scalars import (
    MAX_SIGNED,
    MAX_UNSIGNED,
    array_of,
    bytes_of,
    distinct,
    integer_of,
    json_bytes,
    json_score,
    known_names,
    marked,
    marked_pieces,
    object_of,
    pairs_of,
    quoted_bytes,
    score_of,
    text_pieces,
    to_json,
    wrong,
)
from rdbcodec.exports.stream_form import json_entry, json_stream, json_tail, stream_of, table
from rdbcodec.limits import HELD_TEXT, MAX_UNPACKED
from rdbcodec.records import Entry
from rdbcodec.structures.stream_node import StreamEntry
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, Spool
from rdbcodec.wire.module_ids import ModuleId, decode_module_id
from rdbcodec.wire.strings import Budget

FIELD_EXPIRES = "field_expires_at"
_LENGTH_SIZE = 9  # bytes of the longest LENGTH


Members = dict[str, Any]  # of a JSON object


class Form(NamedTuple):
    """How one type is told. `members` of a held value, `pieces` of a large one (JSON text of "value"),
    `value` from the members, `beside`: what members there may be next to "value"."""

    members: Callable[[Any], dict[str, Any]]
    pieces: Callable[[Entry], Iterator[str]]
    value: Callable[[dict[str, Any]], Any]
    beside: tuple[str, ...] = ()


# --- held values, to JSON ---------------------------------------------------------------------------


def _json_text(value: bytes) -> dict[str, Any]:
    return {"value": json_bytes(value)}


def _json_list(value: List) -> dict[str, Any]:
    return {"value": [json_bytes(element) for element in value]}


def _json_set(value: Set) -> dict[str, Any]:
    return {"value": _json_members(value, value.expires_at_ms)}


def _json_members(members: Iterable[bytes], expires_at_ms: dict[bytes, int]) -> list[Any]:
    return [
        [json_bytes(member), expires_at_ms[member]] if member in expires_at_ms else json_bytes(member)
        for member in members
    ]


def _json_zset(value: ZSet) -> dict[str, Any]:
    return {"value": table([(member, json_score(score)) for member, score in value.items()])}


def _json_hash(value: Hash) -> dict[str, Any]:
    expires = value.expires_at_ms
    fields = table([(field, json_bytes(text)) for field, text in value.items()])
    if not expires:
        return {"value": fields}
    if isinstance(fields, dict):
        return {"value": fields, FIELD_EXPIRES: table(list(expires.items()))}
    return {"value": _field_arrays(value)}


def _field_arrays(value: Hash) -> list[Any]:
    expires = value.expires_at_ms
    return [_json_field((field, text, expires.get(field))) for field, text in value.items()]


def _json_field(told: Field) -> list[Any]:
    field, text, expires_at_ms = told
    pair = [json_bytes(field), json_bytes(text)]
    return pair if expires_at_ms is None else [*pair, expires_at_ms]


def _json_module(value: ModuleValue) -> dict[str, Any]:
    return {"value": {**_json_module_id(value.module), "raw": marked(value.raw)}}


def _json_module_id(module: ModuleId) -> dict[str, Any]:
    """The two members that name a module's data type."""
    return {"module": module.name, "version": module.version}


def _json_array(value: Array) -> dict[str, Any]:
    cursor = {} if value.cursor is None else {"cursor": value.cursor}
    elements = [[index, json_bytes(text)] for index, text in value.elements.items()]
    return {"value": {**cursor, "elements": elements}}


def _json_path_hash(value: PathHash) -> dict[str, Any]:
    return {"value": table([(path, _json_hash(fields)["value"]) for path, fields in value.items()])}


def _json_cron(value: Cron) -> dict[str, Any]:
    told = {
        "script": json_bytes(value.script),
        "start_ms": value.start_ms,
        "interval_ms": value.interval_ms,
        "keys": [json_bytes(key) for key in value.keys],
        "arguments": [json_bytes(argument) for argument in value.arguments],
    }
    return {"value": told}


def value_of(entry: Entry) -> Any:
    """The decoded value; None for one that is too large to hold, packed or unpacked."""
    try:
        return entry.value()
    except LimitExceeded:
        return None


def members_of(entry: Entry) -> Members | None:
    """The members of a value; None for one that is too large to hold."""
    value = value_of(entry)
    return None if value is None else FORMS[entry.type].members(value)


def single_value(type_: str, value: Any) -> str:
    """The JSON text of a value, with nothing beside it."""
    if isinstance(value, Hash) and value.expires_at_ms:
        return to_json(_field_arrays(value))
    return to_json(FORMS[type_].members(value)["value"])


# --- large values, to JSON --------------------------------------------------------------------------


def opened(entry: Entry, spool: Spool, chunks: Iterable[bytes] | None = None) -> tuple[Cursor, Scope]:
    """A cursor over a large value, for what `items` does not tell; its long strings go to the spool."""
    budget = Budget(entry.max_value)
    held = Held(budget.limit, spool.keep)
    chunks = entry.chunks() if chunks is None else chunks
    return Cursor(chunks, budget, streaming=True, held=held), Scope(budget, {})


def large_pieces(entry: Entry) -> Iterator[str]:
    """The JSON text of "value", in bounded memory. Raises DecodeError with the entry's place."""
    try:
        yield from FORMS[entry.type].pieces(entry)
    except DecodeError as error:
        error.locate(offset=entry.offset, db=entry.db, key=entry.key, type=entry.row.name)
        raise


class _Teller(NamedTuple):
    """An element as JSON: the text of one that is held, and the parts of one with strings that may be long.

    Parts are text, bytes, and long strings.
    """

    text: Callable[[Any], str]
    parts: Callable[[Any], Iterable[Any]]


def _array_pieces(batches: Iterable[Iterable[Any]], tell: _Teller, spool: Spool) -> Iterator[str]:
    """A JSON array of elements that come in batches."""
    between = ""
    yield "["
    for batch in batches:
        if spool.living:
            for element in batch:
                yield between
                for part in tell.parts(element):
                    yield from (part,) if isinstance(part, str) else text_pieces(part)
                between = ","
        else:
            text = ",".join(map(tell.text, batch))
            if text:
                yield between + text
                between = ","
    yield "]"


def _by_element(tell: _Teller) -> Callable[[Entry], Iterator[str]]:
    """The pieces of an array with one element for each of `items`."""

    def pieces(entry: Entry) -> Iterator[str]:
        spool = Spool()
        return _array_pieces(entry.items(spool=spool), tell, spool)

    return pieces


def _string_pieces(entry: Entry) -> Iterator[str]:
    return text_pieces(whole_string(entry))


def whole_string(entry: Entry) -> bytes | LongString:
    """A large value that is one string; whether it is text its whole says, so a long one goes to a file."""
    pieces = (piece for batch in entry.items() for piece in batch)
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > HELD_TEXT:
            return Spool().keep(chain(held, pieces))
    return b"".join(held)


def _set_pieces(entry: Entry) -> Iterator[str]:
    return _expiring_pieces(entry) if entry.row.name == "set-expiry" else _by_element(_ELEMENT)(entry)


def _expiring_pieces(entry: Entry) -> Iterator[str]:
    """Dragonfly's sets: `items` has the members only."""
    spool = Spool()
    cursor, scope = opened(entry, spool)
    yield from _array_pieces(expiring_members(cursor, scope), _EXPIRING, spool)
    cursor.expect_end()


def _expiring_text(pair: tuple[bytes, int | None]) -> str:
    member, at_ms = pair
    return quoted_bytes(member) if at_ms is None else to_json([json_bytes(member), at_ms])


def _expiring_parts(pair: tuple[bytes, int | None]) -> Iterable[Any]:
    member, at_ms = pair
    return (member,) if at_ms is None else ("[", member, f",{at_ms}]")


def _scored_text(pair: tuple[bytes, float]) -> str:
    return f"[{quoted_bytes(pair[0])},{to_json(json_score(pair[1]))}]"


def _scored_parts(pair: tuple[bytes, float]) -> Iterable[Any]:
    return "[", pair[0], f",{to_json(json_score(pair[1]))}]"


def _field_text(told: Field) -> str:
    return to_json(_json_field(told))


def _field_parts(told: Field) -> Iterable[Any]:
    field, text, at_ms = told
    return "[", field, ",", text, "]" if at_ms is None else f",{at_ms}]"


def _path_text(pair: tuple[bytes, Hash]) -> str:
    return to_json([json_bytes(pair[0]), _json_hash(pair[1])["value"]])


def _path_parts(pair: tuple[bytes, Hash]) -> Iterable[Any]:
    yield from ("[", pair[0], ",[")
    between = ""
    for field, text in pair[1].items():
        yield from (between + "[", field, ",", text, "]")
        between = ","
    yield "]]"


def _entry_text(entry: StreamEntry) -> str:
    return to_json(json_entry(entry))


def _entry_parts(entry: StreamEntry) -> Iterable[Any]:
    yield f'{{"id":"{entry.id}","fields":['
    between = ""
    for field, text in entry.fields:
        yield from (between + "[", field, ",", text, "]")
        between = ","
    yield "]}"


def _stream_pieces(entry: Entry) -> Iterator[str]:
    kept: list[Stream] = []
    spool = Spool()
    cursor, scope = opened(entry, spool)
    batches = keeping(stream_parts(cursor, scope, int(entry.encoding.removeprefix("stream"))), kept)
    yield '{"entries":'
    yield from _array_pieces(batches, _ENTRY, spool)
    cursor.expect_end()
    yield "," + to_json(json_tail(kept[0]))[1:]


def keeping(
    parts: Generator[list[StreamEntry], None, Stream], kept: list[Stream]
) -> Iterator[list[StreamEntry]]:
    """The entries of a stream; what follows them is appended to `kept`."""
    kept.append((yield from parts))


def _raw_pieces(entry: Entry) -> Iterator[str]:
    yield '{"raw":'
    yield from marked_pieces(entry.chunks())
    yield "}"


def _module_pieces(entry: Entry) -> Iterator[str]:
    head, chunks = _peeked(entry, _LENGTH_SIZE)
    module = decode_module_id(lengths.read(head, 0)[0])
    yield to_json(_json_module_id(module))[:-1] + ',"raw":'
    yield from marked_pieces(chunks)
    yield "}"


def _array_value_pieces(entry: Entry) -> Iterator[str]:
    """The array's cursor stands before the elements, where `items` reads over it."""
    head, chunks = _peeked(entry, 3 * _LENGTH_SIZE)
    flag, pos = lengths.read(head, lengths.read(head, 0)[1])
    yield f'{{"cursor":{lengths.read(head, pos)[0]},"elements":' if flag else '{"elements":'
    spool = Spool()
    cursor, scope = opened(entry, spool, chunks)
    yield from _array_pieces(array_items(cursor, scope), _INDEXED, spool)
    cursor.expect_end()
    yield "}"


def _index_text(pair: tuple[int, bytes]) -> str:
    return f"[{pair[0]},{quoted_bytes(pair[1])}]"


def _index_parts(pair: tuple[int, bytes]) -> Iterable[Any]:
    return f"[{pair[0]},", pair[1], "]"


_ELEMENT = _Teller(quoted_bytes, lambda element: (element,))
_EXPIRING = _Teller(_expiring_text, _expiring_parts)
_SCORED = _Teller(_scored_text, _scored_parts)
_FIELD = _Teller(_field_text, _field_parts)
_PATH = _Teller(_path_text, _path_parts)
_ENTRY = _Teller(_entry_text, _entry_parts)
_INDEXED = _Teller(_index_text, _index_parts)


def _peeked(entry: Entry, size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a large value, and all of it."""
    chunks, head = entry.chunks(), b""
    while len(head) < size and (chunk := next(chunks, b"")):
        head += chunk
    return head, chain((head,), chunks)


def _whole(entry: Entry) -> Iterator[str]:
    """For types of which no large value can be: `value` says so."""
    yield to_json(FORMS[entry.type].members(entry.value())["value"])


# --- from JSON --------------------------------------------------------------------------------------


def _texts_of(found: object, what: str) -> list[bytes]:
    return [bytes_of(element, f"an element of {what}") for element in array_of(found, what)]


def _text_of(told: Members) -> bytes:
    return bytes_of(told["value"], "the value")


def _json_of(told: Members) -> Json:
    return Json(_text_of(told))


def _list_of(told: Members) -> List:
    return List(_texts_of(told["value"], "a list"))


def _set_of(told: Members) -> Set:
    pairs = [_member_of(element) for element in array_of(told["value"], "a set")]
    value = Set(distinct(pairs, "set members"))
    value.expires_at_ms = {member: expiry for member, expiry in pairs if expiry is not None}
    return value


def _member_of(found: object) -> tuple[bytes, int | None]:
    if not isinstance(found, list):
        return bytes_of(found, "a set member"), None
    if len(found) != 2:
        raise TextError(f"a set member is an array of {len(found)}, expected [member, milliseconds]")
    return bytes_of(found[0], "a set member"), _time_of(found[1], "the expiry of a set member")


def _time_of(found: object, what: str) -> int:
    return integer_of(found, what, -MAX_SIGNED - 1, MAX_SIGNED)


def _zset_of(told: Members) -> ZSet:
    pairs = [
        (member, score_of(score, "a score")) for member, score in pairs_of(told["value"], "a sorted set")
    ]
    return ZSet(distinct(pairs, "sorted set members"))


def _hash_of(told: Members) -> Hash:
    fields = _fields_of(told["value"])
    value = Hash(distinct([(field, text) for field, text, _ in fields], "hash fields"))
    value.expires_at_ms = {field: expiry for field, _, expiry in fields if expiry is not None}
    for field, expiry in pairs_of(told.get(FIELD_EXPIRES, {}), FIELD_EXPIRES):
        if field not in value:
            raise TextError(f"{FIELD_EXPIRES} names a field that the hash has not")
        value.expires_at_ms[field] = _time_of(expiry, "the expiry of a field")
    return value


def _fields_of(found: object) -> list[Field]:
    if isinstance(found, dict):
        pairs = pairs_of(found, "a hash")
        return [(field, bytes_of(text, "the value of a field"), None) for field, text in pairs]
    return [_field_of(array_of(one, "a field of a hash")) for one in array_of(found, "a hash")]


def _field_of(found: list[Any]) -> Field:
    if len(found) not in (2, 3):
        raise TextError(
            f"a field of a hash is an array of {len(found)}, expected [field, value, milliseconds]"
        )
    expiry = _time_of(found[2], "the expiry of a field") if len(found) == 3 else None
    return bytes_of(found[0], "a field"), bytes_of(found[1], "the value of a field"), expiry


def _stream_of(told: Members) -> Stream:
    return stream_of(told["value"], told.get("encoding"))


def _module_of(told: Members) -> ModuleValue:
    found = _all_of(told["value"], "a module value", ("module", "version", "raw"))
    module, raw = module_of(found["module"], found["version"]), bytes_of(found["raw"], "raw")
    try:
        value = decode_module(raw, Scope(Budget(max(len(raw), MAX_UNPACKED)), {}))
    except DecodeError as error:
        raise TextError(f"raw is no module value: {error.message}") from error
    if value.module != module:
        raise TextError("the module id in raw is not the one that module and version name")
    return value


def module_of(name: object, version: object) -> ModuleId:
    """The module data type of a name and a version."""
    if not isinstance(name, str):
        raise wrong("the name of a module", name, "text")
    return ModuleId(name, integer_of(version, "the version of a module", 0, 1023))


def _all_of(found: object, what: str, names: tuple[str, ...]) -> Members:
    """An object with exactly these members."""
    told = object_of(found, what)
    known_names(told, names, what)
    missing = [name for name in names if name not in told]
    if missing:
        raise TextError(f"{what} has no {missing[0]!r}")
    return told


def _array_value_of(told: Members) -> Array:
    found = object_of(told["value"], "an array value")
    known_names(found, ("cursor", "elements"), "an array value")
    pairs = [array_of(pair, "an element of an array") for pair in array_of(found.get("elements"), "elements")]
    if any(len(pair) != 2 for pair in pairs):
        raise TextError("an element of an array is not [index, text]")
    texts = [(_index_of(index), bytes_of(text, "an element of an array")) for index, text in pairs]
    cursor = _index_of(found["cursor"]) if "cursor" in found else None
    return Array(distinct(texts, "array indexes"), cursor)


def _index_of(found: object) -> int:
    return integer_of(found, "an array index", 0, NO_INDEX - 1)


def _path_hash_of(told: Members) -> PathHash:
    pairs = [(path, _hash_of({"value": fields})) for path, fields in pairs_of(told["value"], "a path hash")]
    return PathHash(distinct(pairs, "paths"))


def _cron_of(told: Members) -> Cron:
    found = _all_of(told["value"], "a cron job", ("script", "start_ms", "interval_ms", "keys", "arguments"))
    times = [_time_of(found[name], name) for name in ("start_ms", "interval_ms")]
    words = [_texts_of(found[name], name) for name in ("keys", "arguments")]
    return Cron(bytes_of(found["script"], "script"), times[0], times[1], words[0], words[1])


def _gcra_of(told: Members) -> Gcra:
    return Gcra(integer_of(told["value"], "the value", 0, MAX_UNSIGNED))


def _raw_of(told: Members) -> RawValue:
    return RawValue(bytes_of(_all_of(told["value"], "the value", ("raw",))["raw"], "raw"))


def _json_raw(value: RawValue) -> dict[str, Any]:
    return {"value": {"raw": marked(value.raw)}}


_SKETCH = Form(_json_raw, _raw_pieces, _raw_of)

FORMS: dict[str, Form] = {
    "string": Form(_json_text, _string_pieces, _text_of),
    "list": Form(_json_list, _by_element(_ELEMENT), _list_of),
    "set": Form(_json_set, _set_pieces, _set_of),
    "zset": Form(_json_zset, _by_element(_SCORED), _zset_of),
    "hash": Form(_json_hash, _by_element(_FIELD), _hash_of, (FIELD_EXPIRES,)),
    "module": Form(_json_module, _module_pieces, _module_of),
    "stream": Form(lambda value: {"value": json_stream(value)}, _stream_pieces, _stream_of),
    "array": Form(_json_array, _array_value_pieces, _array_value_of),
    "gcra": Form(lambda value: {"value": value}, _whole, _gcra_of),
    "path-hash": Form(_json_path_hash, _by_element(_PATH), _path_hash_of),
    "cron": Form(_json_cron, _whole, _cron_of),
    "json": Form(_json_text, _string_pieces, _json_of),
    "bloom": _SKETCH,
    "cms": _SKETCH,
    "topk": _SKETCH,
    "cuckoo": _SKETCH,
}
