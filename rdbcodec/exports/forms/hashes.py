"""Hashes: {"field": value}, with "field_expires_at" beside it, or [[field, value, ms], ...]; in RESP HSET."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from rdbcodec.datatypes.hashes import Field, Hash
from rdbcodec.datatypes.hashes.value import fields_of
from rdbcodec.errors import TextError
from rdbcodec.exports.form import Form, Members, Teller, by_element
from rdbcodec.exports.resp_words import (
    Recipient,
    batched,
    command_pieces,
    expect_some,
    large_elements,
    one_command,
)
from rdbcodec.exports.scalars import (
    array_of,
    bytes_of,
    distinct,
    json_bytes,
    pairs_of,
    plain_arrays,
    plain_bytes,
    plain_flat,
    plain_object,
    plain_pairs,
    table,
    time_of,
    to_json,
)
from rdbcodec.records import Entry
from rdbcodec.structures import listpack, ziplist

FIELD_EXPIRES = "field_expires_at"
_MANY_FIELDS_SINCE, _FIELD_TTL_SINCE = 8, 12


def json_hash(value: Hash) -> Members:
    """A hash: "value", and "field_expires_at" where that can be told beside it."""
    expires = value.expires_at_ms
    fields = table([(field, json_bytes(text)) for field, text in value.items()])
    if not expires:
        return {"value": fields}
    if isinstance(fields, dict):
        return {"value": fields, FIELD_EXPIRES: table(list(expires.items()))}
    return {"value": _field_arrays(value)}


def _held_text(value: Hash) -> str | None:
    pairs = None if value.expires_at_ms else plain_pairs(value.items())
    return None if pairs is None else f'"value":{{{pairs}}}'


_FEW = 512  # names and values of a hash that are put into text at once


def _packed_text(decode: Callable[[bytes], list[bytes]], blob: bytes) -> str | None:
    flat = decode(blob)
    if not _is_usual(flat):
        return None
    told = plain_flat(flat) if len(flat) <= _FEW else plain_pairs(_pairs(flat))
    return to_json(json_hash(Hash(_pairs(flat))))[1:-1] if told is None else f'"value":{{{told}}}'


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _is_usual(flat: list[bytes]) -> bool:
    """Whether each field has a value, and no other field its name."""
    return 0 < 2 * len(set(flat[::2])) == len(flat)


def _plain(text: bytes) -> Hash | None:
    pairs = plain_object(text) if text[:1] == b"{" else plain_arrays(text)
    value = Hash(pairs or ())
    return value if pairs is not None and len(value) == len(pairs) else None


def _single(value: Hash) -> Any:
    """With nothing beside it, so that no expiry is left out."""
    return _field_arrays(value) if value.expires_at_ms else json_hash(value)["value"]


def _field_arrays(value: Hash) -> list[Any]:
    expires = value.expires_at_ms
    return [_json_field((field, text, expires.get(field))) for field, text in value.items()]


def _json_field(item: Field) -> list[Any]:
    field, text, expires_at_ms = item
    pair = [json_bytes(field), json_bytes(text)]
    return pair if expires_at_ms is None else [*pair, expires_at_ms]


def _text(item: Field) -> str:
    return to_json(_json_field(item))


def _texts(items: list[Field]) -> str | None:
    pairs = [(field, text) for field, text, expires_at_ms in items if expires_at_ms is None]
    texts = plain_pairs(pairs, b'","', b'"],["') if len(pairs) == len(items) else None
    return None if texts is None else f"[{texts}]"


def _parts(item: Field) -> Iterable[Any]:
    field, text, at_ms = item
    return "[", field, ",", text, "]" if at_ms is None else f",{at_ms}]"


FIELD = Teller(_text, _parts, _texts)


def hash_of(members: Members) -> Hash:
    """The hash that the members tell. Raises TextError."""
    told = members["value"]
    if isinstance(told, dict) and FIELD_EXPIRES not in members:
        names, texts = plain_bytes(told), plain_bytes(told.values())
        if names is not None and texts is not None:
            return Hash(zip(names, texts, strict=True))
    fields = _fields_of(members["value"])
    value = Hash(distinct([(field, text) for field, text, _ in fields], "hash fields"))
    value.expires_at_ms = {field: expiry for field, _, expiry in fields if expiry is not None}
    for field, expiry in pairs_of(members.get(FIELD_EXPIRES, {}), FIELD_EXPIRES):
        if field not in value:
            raise TextError(f"{FIELD_EXPIRES} names a field that the hash has not")
        value.expires_at_ms[field] = time_of(expiry, "the expiry of a field")
    return value


def _fields_of(fields: object) -> list[Field]:
    if isinstance(fields, list):
        return [_field_of(array_of(field, "a field of a hash")) for field in fields]
    pairs = pairs_of(fields, "a hash")
    return [(field, bytes_of(text, "the value of a field"), None) for field, text in pairs]


def _field_of(parts: list[Any]) -> Field:
    if len(parts) not in (2, 3):
        raise TextError(
            f"a field of a hash is an array of {len(parts)}, expected [field, value, milliseconds]"
        )
    expiry = time_of(parts[2], "the expiry of a field") if len(parts) == 3 else None
    return bytes_of(parts[0], "a field"), bytes_of(parts[1], "the value of a field"), expiry


def _command(entry: Entry, value: Hash, recipient: Recipient) -> bytes | None:
    if value.expires_at_ms or len(value) > recipient.many:
        return None  # before all its words are made
    words = list(chain.from_iterable(value.items()))
    return one_command(_name(recipient), entry.key, words, len(value), recipient)


def _packed_command(
    decode: Callable[[bytes], list[bytes]], key: bytes, blob: bytes, recipient: Recipient
) -> bytes | None:
    flat = decode(blob)
    return one_command(_name(recipient), key, flat, len(flat) // 2, recipient) if _is_usual(flat) else None


def _name(recipient: Recipient) -> bytes:
    return b"HSET" if recipient.version >= _MANY_FIELDS_SINCE else b"HMSET"


def _commands(entry: Entry, recipient: Recipient, value: Hash | None) -> Iterator[bytes]:
    name = _name(recipient)
    count, lacks = 0, False
    for batch, texts in batched(large_elements(entry) if value is None else [[*fields_of(value)]], _texts_in):
        count += len(batch)
        yield from command_pieces(name, entry.key, *texts)
        expiring = _by_expiry(batch)
        if recipient.version >= _FIELD_TTL_SINCE:
            for at_ms, fields in expiring.items():
                head = (b"HPEXPIREAT", entry.key, at_ms, b"FIELDS", len(fields))
                yield from command_pieces(*head, *fields)
        lacks = lacks or bool(expiring)
    if lacks and recipient.version < _FIELD_TTL_SINCE:
        recipient.lose("field-ttl", entry)
    expect_some(count, entry, recipient)


def _texts_in(fields: Sequence[Field]) -> list[bytes]:
    texts = [b""] * (2 * len(fields))
    texts[::2] = [field for field, _, _ in fields]
    texts[1::2] = [value for _, value, _ in fields]
    return texts


def _by_expiry(batch: Iterable[Any]) -> dict[int, list[bytes]]:
    expiring: dict[int, list[bytes]] = {}
    for field, _, at_ms in batch:
        if at_ms is not None:
            expiring.setdefault(at_ms, []).append(field)
    return expiring


FORMS = {
    "hash": Form(
        json_hash,
        by_element(FIELD),
        hash_of,
        beside=(FIELD_EXPIRES,),
        single=_single,
        text=_held_text,
        packed={
            "hash-listpack": partial(_packed_text, listpack.decode),
            "hash-ziplist": partial(_packed_text, ziplist.decode),
        },
        packed_command={
            "hash-listpack": partial(_packed_command, listpack.decode),
            "hash-ziplist": partial(_packed_command, ziplist.decode),
        },
        plain=_plain,
        commands=_commands,
        command=_command,
    )
}
