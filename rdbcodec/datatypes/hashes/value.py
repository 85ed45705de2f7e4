"""A Redis hash, its fields one by one, and the rules for expiries of fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rdbcodec.datatypes.natural import are_bytes, text_of
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.scope import check_distinct
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.named_tuples import NamedTuple

# field, value, and when the field expires: absolute milliseconds, None for never
Field = tuple[bytes, bytes, int | None]

MAX_EXPIRY = (1 << 48) - 1  # milliseconds; what Redis takes for a field (rdb-format.md, 4.6)


class Hash(dict[bytes, bytes]):
    """A Redis hash, field -> value, in file order.

    `expires_at_ms` holds the fields that expire: field -> absolute milliseconds. They count: a hash equals
    another with the same fields, values and expiries, and a plain dict when none of its fields expires.
    """

    __slots__ = ("expires_at_ms",)
    __hash__ = None  # mutable, as every dict

    def __init__(self, fields: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(fields)
        self.expires_at_ms: dict[bytes, int] = {}

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self, other) is True and expiries_of(other) == self.expires_at_ms

    def __ne__(self, other: object) -> bool:
        return not self == other

    def copy(self) -> Hash:
        """Another hash with the same fields and expiries."""
        made = Hash(self)
        made.expires_at_ms = dict(self.expires_at_ms)
        return made


def hash_of(fields: Sequence[Field]) -> Hash:
    """The hash of fields, of which none may be there twice."""
    value = Hash((field, text) for field, text, _ in fields)
    check_distinct(len(value), len(fields), "hash fields")
    value.expires_at_ms = {field: expiry for field, _, expiry in fields if expiry is not None}
    return value


def fields_of(value: Hash) -> Iterator[Field]:
    """The fields of a hash, as `items` gives those of a value passing by."""
    return zip(value, value.values(), map(value.expires_at_ms.get, value), strict=True)


def flat(value: Mapping[bytes, bytes]) -> list[bytes]:
    """Fields and values in turn."""
    return [text for pair in value.items() for text in pair]


def natural_hash(value: Any) -> Hash:
    """The hash, all of its texts bytes."""
    if value.__class__ is Hash and are_bytes(value, value.values(), value.expires_at_ms):
        natural: Hash = value
        return natural
    changed = Hash({text_of(field): text_of(text) for field, text in value.items()})
    if len(changed) != len(value):
        raise EncodeError("two fields of the hash are the same bytes", value=value)
    changed.expires_at_ms = {text_of(field): at for field, at in expiries_of(value).items()}
    return changed


def check_expiries(value: Hash | Mapping[bytes, bytes]) -> None:
    """Raise EncodeError for a time Redis does not take, or one of a field that is not there."""
    expiries = expiries_of(value)
    if not expiries.keys() <= value.keys():
        raise EncodeError("an expiry is that of a field the hash does not have")
    for at in expiries.values():
        check_expiry(at)


def check_expiry(at: int) -> None:
    """Raise EncodeError for a time Redis does not take for a field."""
    if not 0 < at <= MAX_EXPIRY:
        raise EncodeError(f"a field expires at {at} ms, expected 1 to {MAX_EXPIRY}")


def text_of_element(element: bytes | int) -> bytes:
    """An element of a listpack as text."""
    return b"%d" % element if isinstance(element, int) else element


def check_template(fields: Sequence[bytes]) -> None:
    """Raise CorruptStructure unless names ascend strictly, shorter ones first, as the server demands."""
    order = [(len(field), field) for field in fields]
    if not order:
        raise CorruptStructure("a hash template has no fields")
    if any(left >= right for left, right in pairwise(order)):
        raise CorruptStructure("the fields of a hash template do not ascend")


def template_of(fields: Iterable[bytes]) -> tuple[bytes, ...]:
    """The field names in the order of a template: shorter ones first."""
    return tuple(sorted(fields, key=lambda field: (len(field), field)))


class Referring(NamedTuple):
    """A hash whose names stand in a template that was written before it, and the template's id."""

    template: int
    value: Hash
