"""The text forms of records that are no key, each both ways: an object of JSON and what it is made from.

    {"function": code}           with "name", "engine" and "raw" for the form of Redis 7.0-rc1 and rc2
    {"module_aux": "name", "version": 0, "when": 1, "raw": {"$b64": ...}}
    {"vendor": "name", "raw": {"$b64": ...}}          an opcode of one dialect, as on disk
    {"aux": [name, value]}
    {"rdb": {"dialect": "redis", "version": 11}}      the header

Hints have none: they follow from the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdbcodec.errors import DecodeError, TextError
from rdbcodec.exports.scalars import (
    array_of,
    bytes_of,
    integer_of,
    json_bytes,
    known_names,
    marked,
    module_of,
    object_of,
    unknown_word,
)
from rdbcodec.formats import DIALECTS, OPCODES, Dialect
from rdbcodec.framing import compile_walk
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import (
    Aux,
    End,
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

Members = dict[str, Any]  # of a JSON object


class Asked(NamedTuple):
    """What the line {"rdb": ...} asks for."""

    dialect: Dialect
    version: int


Told = Asked | Aux | Function | ModuleAux | Vendor


def members_of(record: Record, *, everything: bool) -> Members | None:
    """The members of a record's object; None if it has none, or is told with `everything` only."""
    return _TO_TEXT.get(type(record), _raw_to_text)(record) if everything or _is_data(record) else None


def _is_data(record: Record) -> bool:
    """Whether a record that is no key belongs to the data set."""
    return record.name.lower() in DATA_AUX if isinstance(record, Aux) else not isinstance(record, Header)


# --- the header -------------------------------------------------------------------------------------


def _header_to_text(record: Header) -> Members:
    return {"rdb": {"dialect": record.dialect, "version": record.version}}


def _asked_from_text(members: Members) -> Asked:
    known_names(members, ("rdb",), "a line with rdb")
    told = object_of(members["rdb"], "rdb")
    known_names(told, ("dialect", "version"), "rdb")
    dialect = told.get("dialect")
    if dialect not in DIALECTS:
        raise unknown_word("dialect", dialect, DIALECTS)
    return Asked(dialect, integer_of(told.get("version"), "version", 1, 9999))


# --- AUX fields -------------------------------------------------------------------------------------


def _aux_to_text(record: Aux) -> Members:
    return {"aux": [json_bytes(record.name), json_bytes(record.value)]}


def _aux_from_text(members: Members) -> Aux:
    known_names(members, ("aux",), "a line with aux")
    pair = array_of(members["aux"], "aux")
    if len(pair) != 2:
        raise TextError(f"aux is an array of {len(pair)}, expected [name, value]")
    name, value = bytes_of(pair[0], "the name of an aux"), bytes_of(pair[1], "the value of an aux")
    return Aux(0, _record("aux", name, value), name, value)


# --- functions --------------------------------------------------------------------------------------


def _function_to_text(record: Function) -> Members:
    told = {"function": json_bytes(record.code)}
    if record.name is None or record.engine is None:
        return told
    names = {"name": json_bytes(record.name), "engine": json_bytes(record.engine)}
    return {**told, **names, "raw": marked(record.raw)}


def _function_from_text(members: Members) -> Function:
    known_names(members, ("function", "name", "engine", "raw"), "a line with function")
    code = bytes_of(members["function"], "function")
    if "raw" not in members:
        return Function(0, _record("function", code), code)
    name, engine = (bytes_of(members.get(name), name) for name in ("name", "engine"))
    return Function(0, raw_of(members, "function-pre-ga"), code, name, engine)


# --- data of modules --------------------------------------------------------------------------------


def _module_aux_to_text(record: ModuleAux) -> Members:
    name, version = record.module
    return {"module_aux": name, "version": version, "when": record.when, "raw": marked(record.raw)}


def _module_aux_from_text(members: Members) -> ModuleAux:
    known_names(members, ("module_aux", "version", "when", "raw"), "a line with module_aux")
    raw = raw_of(members, "module-aux")
    module = module_of(members.get("module_aux"), members.get("version"))
    return ModuleAux(0, raw, module, integer_of(members.get("when"), "when"))


# --- records of one dialect -------------------------------------------------------------------------


def _raw_to_text(record: Any) -> Members | None:
    """A record that has no text form of its own."""
    kind = kind_of(record)
    return None if kind is None else {"vendor": kind.opcode, "raw": marked(record.raw)}


def _vendor_from_text(members: Members) -> Vendor:
    known_names(members, ("vendor", "raw"), "a line with vendor")
    name = members["vendor"]
    if name not in _VENDORS:
        raise unknown_word("vendor", name, _VENDORS)
    return Vendor(0, raw_of(members, str(name)), str(name))


# --- as on disk -------------------------------------------------------------------------------------


def _record(name: str, *texts: bytes) -> bytes:
    """A record of strings as on disk."""
    return bytes((_OPCODES[name].code,)) + b"".join(strings.encode(text, compress=True) for text in texts)


def raw_of(members: Members, name: str) -> bytes:
    """The member raw: a record as on disk, opcode included, that ends where its framing says."""
    raw, row = bytes_of(members.get("raw"), "raw"), _OPCODES[name]
    try:
        end = compile_walk(row.framing, {})(raw, 1)
    except (DecodeError, IndexError):
        end = None
    if raw[:1] != bytes((row.code,)) or end != len(raw):
        raise TextError(f"raw is no record {name!r} as on disk")
    return raw


def _nothing(record: Record) -> None:
    """Hints, and what the keys tell."""
    del record


_TO_TEXT: dict[type, Callable[[Any], Members | None]] = {
    Header: _header_to_text,
    Aux: _aux_to_text,
    Function: _function_to_text,
    ModuleAux: _module_aux_to_text,
    End: _nothing,
    HashTemplate: _nothing,
    ResizeDb: _nothing,
    SelectDb: _nothing,
    SlotInfo: _nothing,
}
# By the member that tells which record it is, in the order in which messages name them.
FROM_TEXT: dict[str, Callable[[Members], Told]] = {
    "function": _function_from_text,
    "module_aux": _module_aux_from_text,
    "aux": _aux_from_text,
    "vendor": _vendor_from_text,
    "rdb": _asked_from_text,
}
_OPCODES = {row.name: row for row in OPCODES}
_VENDORS = tuple(  # what is told as `_raw_to_text` does
    row.name for row in OPCODES if row.dialect != "redis" or KINDS[row.name].record not in (None, *_TO_TEXT)
)
