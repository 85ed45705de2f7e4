"""NDJSON, the lossless text form of a snapshot: one key a line, both ways.

    {"db":0,"key":"k","type":"hash","encoding":"listpack","expires_at":1700000000000,"value":{"f":"v"}}

    db, key, type, encoding      always
    expires_at                   absolute milliseconds, if the key expires
    idle, freq                   seconds and LFU counter, if the file has them
    meta                         module metadata of the key as on disk (Redis 8.6)
    value                        see values; what stands beside it as well

What belongs to the data set and to no key has lines of its own, in file order:

    {"function": code}           with "name", "engine" and "raw" for the form of Redis 7.0-rc1 and rc2
    {"module_aux": "name", "version": 0, "when": 1, "raw": {"$b64": ...}}
    {"vendor": "name", "raw": {"$b64": ...}}          an opcode of one dialect, as on disk
    {"aux": ["lua", code]}       scripts of Redis 4.0 to 6.2; field expiries of KeyDB are told likewise

With `everything` two more, from which a snapshot with the same header and remarks can be made:

    {"rdb": {"dialect": "redis", "version": 11}}      the first line
    {"aux": [name, value]}

Hints are not told: counts (resizedb, slot-info) follow from the keys, hash templates stand resolved in the
hashes. `lines` yields pieces of text, so that neither a large value nor a file is ever held whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from rdbcodec.errors import DecodeError, RdbError, TextError
from rdbcodec.exports.rows import BATCH, BATCH_SIZE, NAMES, Run, head_of, runs, texts_of_run
from rdbcodec.exports.scalars import (
    MAX_SIGNED,
    array_of,
    bytes_of,
    distinct,
    escape_line_ends,
    integer_of,
    json_bytes,
    known_names,
    marked,
    module_of,
    object_of,
    quoted_bytes,
    to_json,
    unknown_word,
)
from rdbcodec.exports.values import FORMS, large_pieces, members_of
from rdbcodec.formats import DIALECTS, OPCODES, TELLTALE_AUX, TYPES, Dialect
from rdbcodec.framing import compile_walk
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
    Vendor,
)
from rdbcodec.records.registry import KINDS, kind_of
from rdbcodec.wire import strings

# AUX fields that are data: cached scripts, and the field expiries of KeyDB.
DATA_AUX = frozenset({b"lua", b"keydb-subexpire-key", b"keydb-subexpire-when"})
MAX_DB = (1 << 31) - 1


class TextEntry(NamedTuple):
    """A key as a line tells it: what a writer needs. `encoding` is the word of formats.TYPES, or None."""

    db: int
    key: bytes
    type: str
    encoding: str | None
    value: Any
    expires_at_ms: int | None = None
    idle: int | None = None
    freq: int | None = None
    meta: bytes | None = None


class Asked(NamedTuple):
    """What the line {"rdb": ...} asks for."""

    dialect: Dialect
    version: int


Told = TextEntry | Asked | Aux | Function | ModuleAux | Vendor


# --- to text ----------------------------------------------------------------------------------------


def lines(records: Iterable[Record], *, everything: bool = False) -> Iterator[str]:
    """A snapshot as NDJSON, in pieces of text cut anywhere; `everything` tells header and remarks too.

    Raises what reading the records raises; the lines of those before have been yielded then.
    """
    return joined(records, first="", before="", after="\n", everything=everything)


def joined(
    records: Iterable[Record], *, first: str, before: str, after: str, everything: bool = False
) -> Iterator[str]:
    """The objects of records with text around each; `first` stands instead of the first `before`."""
    for batch in batches(records, everything=everything):
        if isinstance(batch, list):
            yield escape_line_ends(first + (after + before).join(batch) + after)
        else:
            yield first
            yield from map(escape_line_ends, batch)
            yield after
        first = before


def batches(records: Iterable[Record], *, everything: bool) -> Iterator[list[str] | Iterator[str]]:
    """The objects of records in lists, and the pieces of one that is too large to hold."""
    batch: list[str] = []
    size = 0
    try:
        for item in runs(_with_dialect(records) if everything else records):
            if isinstance(item, Run):
                batch += _short_strings(item)
            elif text := _object(item, everything=everything):
                batch.append(text)
                size += len(text)
            elif text is None:
                assert isinstance(item, Entry)
                if batch:
                    yield batch
                    batch, size = [], 0
                yield _large_object(item)
            if len(batch) >= BATCH or size >= BATCH_SIZE:
                yield batch
                batch, size = [], 0
    except RdbError:
        if batch:  # what was read before the damage is sound
            yield batch
        raise
    if batch:
        yield batch


def _short_strings(run: Run) -> list[str]:
    begin, middle = f'{{"db":{run.db},"key":', ',"type":"string","encoding":"string","value":'
    texts = texts_of_run(run.parts, _PLAIN_ASCII)
    if texts is not None:
        pairs = iter(texts)
        return [f'{begin}"{key}"{middle}"{value}"}}' for key, value in zip(pairs, pairs, strict=True)]
    raws = iter(run.parts)
    return [
        f"{begin}{quoted_bytes(key)}{middle}{quoted_bytes(value)}}}"
        for key, value in zip(raws, raws, strict=True)
    ]


_PLAIN_ASCII = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')


def _with_dialect(records: Iterable[Record]) -> Iterator[Record]:
    """The records, the header with the dialect that an AUX field before the first key gives away."""
    source, first = iter(records), []
    for record in source:
        first.append(record)
        if isinstance(record, Entry) or _telltale(record) is not None:
            break
    dialect = _telltale(first[-1]) if first else None
    for record in first:
        yield record._replace(dialect=dialect) if dialect and isinstance(record, Header) else record
    yield from source


def _telltale(record: Record) -> Dialect | None:
    return TELLTALE_AUX.get(record.name.lower()) if isinstance(record, Aux) else None


def _object(record: Record, *, everything: bool) -> str | None:
    """The object of a record; empty for one that has none, None for a key whose value cannot be held."""
    if isinstance(record, Entry):
        value = members_of(record)
        return None if value is None else f"{head_of(record)},{to_json(value)[1:]}"
    told = _TELL.get(type(record), _tell_raw)
    members = told(record) if everything or _is_data(record) else None
    return "" if members is None else to_json(members)


def _large_object(entry: Entry) -> Iterator[str]:
    yield head_of(entry) + ',"value":'
    yield from large_pieces(entry)
    yield "}"


def _is_data(record: Record) -> bool:
    """Whether a record that is no key belongs to the data set."""
    return record.name.lower() in DATA_AUX if isinstance(record, Aux) else not isinstance(record, Header)


def _tell_function(record: Function) -> dict[str, Any]:
    told = {"function": json_bytes(record.code)}
    if record.name is None or record.engine is None:
        return told
    names = {"name": json_bytes(record.name), "engine": json_bytes(record.engine)}
    return {**told, **names, "raw": marked(record.raw)}


def _tell_module_aux(record: ModuleAux) -> dict[str, Any]:
    name, version = record.module
    return {"module_aux": name, "version": version, "when": record.when, "raw": marked(record.raw)}


def _tell_nothing(record: Record) -> None:
    """Hints, and what the keys tell."""
    del record


def _tell_raw(record: Any) -> dict[str, Any] | None:
    """A record that has no text form of its own."""
    kind = kind_of(record)
    return None if kind is None else {"vendor": kind.opcode, "raw": marked(record.raw)}


_TELL: dict[type, Callable[[Any], dict[str, Any] | None]] = {
    Header: lambda record: {"rdb": {"dialect": record.dialect, "version": record.version}},
    Aux: lambda record: {"aux": [json_bytes(record.name), json_bytes(record.value)]},
    Function: _tell_function,
    ModuleAux: _tell_module_aux,
    End: _tell_nothing,
    HashTemplate: _tell_nothing,
    ResizeDb: _tell_nothing,
    SelectDb: _tell_nothing,
    SlotInfo: _tell_nothing,
}


# --- from text --------------------------------------------------------------------------------------


def read(source: Iterable[bytes]) -> Iterator[tuple[int, Told]]:
    """What the lines of NDJSON tell, with the line's number; empty lines tell nothing.

    Raises TextError, with the number, for a line that is not what the form says.
    """
    for number, line in enumerate(source, 1):
        if not line.isspace():
            try:
                yield number, decode(line)
            except TextError as error:
                error.line = number
                raise


def decode(line: bytes) -> Told:
    """What one line tells. Raises TextError."""
    members = object_of(_parse(line), "a line")
    for name, tell in _TOLD.items():
        if name in members:
            return tell(members)
    raise TextError(f"a line has none of the members {', '.join(_TOLD)}")


def _parse(line: bytes) -> Any:
    try:
        return _PARSER.decode(line.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise TextError(f"byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise TextError(f"column {error.pos + 1} is not JSON: {error.msg}") from None
    except RecursionError:
        raise TextError("JSON is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return distinct(pairs, "the members of an object")


def _refuse(name: str) -> NoReturn:
    raise TextError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:  # Python's own limit is higher, and raises what is no error of ours
        raise TextError(f"an integer has {len(digits)} digits, expected at most {_DIGITS}")
    return int(digits)


_PARSER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)


def _told_entry(members: dict[str, Any]) -> TextEntry:
    type_ = members.get("type")
    form = FORMS.get(type_) if isinstance(type_, str) else None
    if type_ is None or form is None:
        raise unknown_word("type", type_, FORMS)
    if not members.keys() <= _MEMBERS[type_].keys():
        known_names(members, _MEMBERS[type_], f"a line of type {type_}")
    if "value" not in members:
        raise TextError("a line has no 'value'")
    return TextEntry(
        integer_of(members.get("db", 0), "db", 0, MAX_DB),
        bytes_of(members["key"], "key"),
        type_,
        _encoding_of(members, type_),
        form.value(members),
        *_attributes_of(members),
    )


def _encoding_of(members: dict[str, Any], type_: str) -> str | None:
    if "encoding" not in members:
        return None
    encoding = members["encoding"]
    if not isinstance(encoding, str) or encoding not in _ENCODINGS[type_]:
        raise unknown_word("encoding", encoding, _ENCODINGS[type_])
    return encoding


def _attributes_of(members: dict[str, Any]) -> Iterator[Any]:
    for name, (low, high) in _RANGES.items():
        yield integer_of(members[name], name, low, high) if name in members else None
    yield _raw_of({"raw": members["meta"]}, "key-meta") if "meta" in members else None


def _told_asked(members: dict[str, Any]) -> Asked:
    known_names(members, ("rdb",), "a line with rdb")
    told = object_of(members["rdb"], "rdb")
    known_names(told, ("dialect", "version"), "rdb")
    dialect = told.get("dialect")
    if dialect not in DIALECTS:
        raise unknown_word("dialect", dialect, DIALECTS)
    return Asked(dialect, integer_of(told.get("version"), "version", 1, 9999))


def _told_aux(members: dict[str, Any]) -> Aux:
    known_names(members, ("aux",), "a line with aux")
    pair = array_of(members["aux"], "aux")
    if len(pair) != 2:
        raise TextError(f"aux is an array of {len(pair)}, expected [name, value]")
    name, value = bytes_of(pair[0], "the name of an aux"), bytes_of(pair[1], "the value of an aux")
    return Aux(0, _record("aux", name, value), name, value)


def _told_function(members: dict[str, Any]) -> Function:
    known_names(members, ("function", "name", "engine", "raw"), "a line with function")
    code = bytes_of(members["function"], "function")
    if "raw" not in members:
        return Function(0, _record("function", code), code)
    name, engine = (bytes_of(members.get(name), name) for name in ("name", "engine"))
    return Function(0, _raw_of(members, "function-pre-ga"), code, name, engine)


def _told_module_aux(members: dict[str, Any]) -> ModuleAux:
    known_names(members, ("module_aux", "version", "when", "raw"), "a line with module_aux")
    raw = _raw_of(members, "module-aux")
    module = module_of(members.get("module_aux"), members.get("version"))
    return ModuleAux(0, raw, module, integer_of(members.get("when"), "when"))


def _told_vendor(members: dict[str, Any]) -> Vendor:
    known_names(members, ("vendor", "raw"), "a line with vendor")
    name = members["vendor"]
    if name not in _VENDORS:
        raise unknown_word("vendor", name, _VENDORS)
    return Vendor(0, _raw_of(members, str(name)), str(name))


def _record(name: str, *texts: bytes) -> bytes:
    """A record of strings as on disk."""
    return bytes((_OPCODES[name].code,)) + b"".join(strings.encode(text, compress=True) for text in texts)


def _raw_of(members: dict[str, Any], name: str) -> bytes:
    """A record as on disk, opcode included, that ends where its framing says."""
    raw, row = bytes_of(members.get("raw"), "raw"), _OPCODES[name]
    try:
        end = compile_walk(row.framing, {})(raw, 1)
    except (DecodeError, IndexError):
        end = None
    if raw[:1] != bytes((row.code,)) or end != len(raw):
        raise TextError(f"raw is no record {name!r} as on disk")
    return raw


_DIGITS = 20  # of 2**64 - 1, with which nothing in a snapshot has more
_RANGES = {"expires_at": (-MAX_SIGNED - 1, MAX_SIGNED), "idle": (0, MAX_SIGNED), "freq": (0, 255)}
# By type, in the order in which messages name them.
_MEMBERS = {type_: dict.fromkeys((*NAMES, "value", *form.beside)) for type_, form in FORMS.items()}
_ENCODINGS = {type_: dict.fromkeys(row.encoding for row in TYPES if row.type == type_) for type_ in FORMS}
_OPCODES = {row.name: row for row in OPCODES}
_VENDORS = tuple(  # what is told as `_tell_raw` does
    row.name for row in OPCODES if row.dialect != "redis" or KINDS[row.name].record not in (None, *_TELL)
)

_TOLD: dict[str, Callable[[dict[str, Any]], Told]] = {
    "key": _told_entry,
    "function": _told_function,
    "module_aux": _told_module_aux,
    "aux": _told_aux,
    "vendor": _told_vendor,
    "rdb": _told_asked,
}
