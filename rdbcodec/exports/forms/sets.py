"""Sets: [member, ...], with [member, ms] for a member that expires; in RESP SADD, and expiries are lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rdbcodec.datatypes.sets import Set, expiring_members
from rdbcodec.errors import TextError
from rdbcodec.exports.form import (
    ELEMENT,
    Form,
    Members,
    Teller,
    array_pieces,
    array_text,
    by_element,
    opened,
    pushed,
    pushed_once,
)
from rdbcodec.exports.resp_words import Recipient, one_command
from rdbcodec.exports.scalars import (
    array_of,
    bytes_of,
    distinct,
    json_bytes,
    plain_array,
    plain_bytes,
    quoted_bytes,
    time_of,
    to_json,
)
from rdbcodec.records import Entry
from rdbcodec.structures import intset
from rdbcodec.wire.long_strings import Spool

_PIECES = by_element(ELEMENT)


def _members(value: Set) -> Members:
    expires = value.expires_at_ms
    return {"value": [_json_member(member, expires.get(member)) for member in value]}


def _held_text(value: Set) -> str | None:
    return None if value.expires_at_ms else array_text(value)


def _intset_text(blob: bytes) -> str | None:
    numbers = intset.few_numbers(blob)
    return None if numbers is None else f'"value":["{str([*numbers])[1:-1].replace(", ", _BETWEEN)}"]'


_BETWEEN = '","'


def _json_member(member: bytes, at_ms: int | None) -> Any:
    return json_bytes(member) if at_ms is None else [json_bytes(member), at_ms]


def _pieces(entry: Entry) -> Iterator[str]:
    return _expiring_pieces(entry) if entry.row.expires else _PIECES(entry)


def _expiring_pieces(entry: Entry) -> Iterator[str]:
    """Dragonfly's sets: `items` has the members only."""
    spool = Spool()
    cursor, scope = opened(entry, spool)
    yield from array_pieces(expiring_members(cursor, scope), _EXPIRING, spool)
    cursor.expect_end()


def _expiring_text(pair: tuple[bytes, int | None]) -> str:
    member, at_ms = pair
    return quoted_bytes(member) if at_ms is None else to_json([json_bytes(member), at_ms])


def _expiring_parts(pair: tuple[bytes, int | None]) -> Iterable[Any]:
    member, at_ms = pair
    return (member,) if at_ms is None else ("[", member, f",{at_ms}]")


_EXPIRING = Teller(_expiring_text, _expiring_parts)


def _set_of(members: Members) -> Set:
    texts = plain_bytes(array_of(members["value"], "a set"))
    if texts is not None and len(texts) == len(plain := Set(texts)):
        return plain
    pairs = [_member_of(element) for element in array_of(members["value"], "a set")]
    value = Set(distinct(pairs, "set members"))
    value.expires_at_ms = {member: expiry for member, expiry in pairs if expiry is not None}
    return value


def _plain(text: bytes) -> Set | None:
    texts = plain_array(text)
    value = Set(texts or ())
    return value if texts is not None and len(value) == len(texts) else None


def _member_of(element: object) -> tuple[bytes, int | None]:
    if not isinstance(element, list):
        return bytes_of(element, "a set member"), None
    if len(element) != 2:
        raise TextError(f"a set member is an array of {len(element)}, expected [member, milliseconds]")
    return bytes_of(element[0], "a set member"), time_of(element[1], "the expiry of a set member")


def _command(entry: Entry, value: Set, recipient: Recipient) -> bytes | None:
    return None if entry.row.expires else _added(entry, value, recipient)


_added = pushed_once(b"SADD")


def _intset_command(key: bytes, blob: bytes, recipient: Recipient) -> bytes | None:
    members = intset.decode(blob)
    return one_command(b"SADD", key, members, len(members), recipient)


def _commands(entry: Entry, recipient: Recipient, value: Any) -> Iterator[bytes]:
    if entry.row.expires:
        recipient.lose("member-ttl", entry)
    return pushed(b"SADD", entry, recipient, value)


FORMS = {
    "set": Form(
        _members,
        _pieces,
        _set_of,
        text=_held_text,
        packed={"set-intset": _intset_text},
        packed_command={"set-intset": _intset_command},
        plain=_plain,
        commands=_commands,
        command=_command,
    )
}
