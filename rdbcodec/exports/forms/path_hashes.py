"""Path hashes of Valkey: {"path": {"field": value}}, or pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.path_hashes import PathHash
from rdbcodec.exports.form import Form, Members, Teller, by_element
from rdbcodec.exports.forms.hashes import hash_of, json_hash
from rdbcodec.exports.scalars import distinct, json_bytes, pairs_of, table, to_json


def _members(value: PathHash) -> Members:
    return {"value": table([(path, json_hash(fields)["value"]) for path, fields in value.items()])}


def _text(pair: tuple[bytes, Hash]) -> str:
    return to_json([json_bytes(pair[0]), json_hash(pair[1])["value"]])


def _parts(pair: tuple[bytes, Hash]) -> Iterable[Any]:
    yield from ("[", pair[0], ",[")
    between = ""
    for field, text in pair[1].items():
        yield from (between + "[", field, ",", text, "]")
        between = ","
    yield "]]"


def _path_hash_of(members: Members) -> PathHash:
    pairs = [(path, hash_of({"value": fields})) for path, fields in pairs_of(members["value"], "a path hash")]
    return PathHash(distinct(pairs, "paths"))


FORMS = {"path-hash": Form(_members, by_element(Teller(_text, _parts)), _path_hash_of)}
