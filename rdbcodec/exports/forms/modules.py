"""Module values: {"module": "vectorset", "version": 0, "raw": {"$b64": ...}}, module id included.

Where a codec understands the module, "decoded" has its JSON, or "undecoded" why it could not read the value.
"raw" is what a snapshot is made of; "decoded" must not say otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rdbcodec.datatypes.modules import ModuleValue, decode_module
from rdbcodec.datatypes.modules.codecs import OPAQUE, codec_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import DecodeError, TextError
from rdbcodec.exports.form import Form, Members, peeked
from rdbcodec.exports.resp_words import Recipient
from rdbcodec.exports.scalars import all_of, bytes_of, marked, marked_pieces, module_of, to_json
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.records import Entry
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, decode_module_id
from rdbcodec.wire.strings import Budget

_ADDED = ("decoded", "undecoded")


def _members(value: ModuleValue) -> Members:
    return {"value": {**_json_id(value.module), "raw": marked(value.raw), **_decoded(value)}}


def _decoded(value: ModuleValue) -> dict[str, Any]:
    """What the module's codec says, if there is one."""
    codec = codec_of(value.module.name)
    if codec is OPAQUE:
        return {}
    try:
        return {"decoded": codec.json(codec.decode(value))}
    except DecodeError as error:
        return {"undecoded": error.message}


def _json_id(module: ModuleId) -> dict[str, Any]:
    """The two members that name a module's data type."""
    return {"module": module.name, "version": module.version}


def _pieces(entry: Entry) -> Iterator[str]:
    head, chunks = peeked(entry, lengths.MAX_SIZE)
    module = decode_module_id(lengths.read(head, 0)[0])
    yield to_json(_json_id(module))[:-1] + ',"raw":'
    yield from marked_pieces(chunks)
    yield "}"


def _module_of(members: Members) -> ModuleValue:
    told = all_of(members["value"], "a module value", ("module", "version", "raw"), _ADDED)
    module, raw = module_of(told["module"], told["version"]), bytes_of(told["raw"], "raw")
    try:
        value = decode_module(raw, Scope(Budget(max(len(raw), MAX_UNPACKED)), {}))
    except DecodeError as error:
        raise TextError(f"raw is no module value: {error.message}") from error
    if value.module != module:
        raise TextError("the module id in raw is not the one that module and version name")
    said = _decoded(value)
    if "decoded" in told and "decoded" in said and told["decoded"] != json.loads(to_json(said["decoded"])):
        raise TextError("decoded is not what raw says, and raw is what is written: leave decoded out")
    return value


def _is_taken(entry: Entry, recipient: Recipient) -> bool:
    """Whether the server has the module of a key, or nobody says so; told either way."""
    head = next(iter(entry.chunks())) if entry.is_large else entry.raw
    name = decode_module_id(lengths.read(head, 0)[0]).name
    if recipient.modules is None:
        recipient.lose("module-needed", entry)
    elif name not in recipient.modules:
        recipient.lose("module", entry)
    return recipient.modules is None or name in recipient.modules


FORMS = {"module": Form(_members, _pieces, _module_of, is_taken=_is_taken)}
