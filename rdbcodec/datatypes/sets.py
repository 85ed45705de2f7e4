"""Sets: plain, an intset, a listpack, and Dragonfly's with member expiry (rdb-format.md, 4.2, 4.4, 9.2).

2             LENGTH n  STRING*n
11            STRING, an intset
20            STRING, a listpack
dragonfly 32  LENGTH n  (STRING member  STRING ttl)*n
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet, Sequence
from typing import Any

from rdbcodec.datatypes.clear import blobs
from rdbcodec.datatypes.dragonfly import expiries_in, expiry_text
from rdbcodec.datatypes.layout import (
    DataType,
    Layout,
    adapt_expiries,
    count_length,
    count_packed,
    packed_layout,
)
from rdbcodec.datatypes.lists import list_items
from rdbcodec.datatypes.natural import are_bytes, texts_of
from rdbcodec.datatypes.odd import IN_SET, INTSET_ENTRIES, Odd, Oddity, listpack_odd
from rdbcodec.datatypes.packed import (
    encode_blob,
    encode_listpack,
    encode_strings,
    encode_texts,
    is_clear,
    is_small,
    parts_of_strings,
)
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    flat_items,
    grouped,
    read_blob,
    read_strings,
)
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import intset, listpack
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.integers import integers_in

_INTSET_HEADER = 8  # bytes: width and count


class Set(MutableSet[bytes]):
    """A Redis set, its members in file order.

    `expires_at_ms` holds member expiries in milliseconds; only Dragonfly writes any. They count: a set equals
    another with the same members and expiries, and a plain set when none of its members expires.
    """

    __slots__ = ("_members", "expires_at_ms")
    __hash__ = None  # type: ignore[assignment] # mutable, as every set

    def __init__(self, members: Iterable[bytes] = ()) -> None:
        self._members = dict.fromkeys(members)
        self.expires_at_ms: dict[bytes, int] = {}

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) is True and expiries_of(other) == self.expires_at_ms

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: bytes) -> None:
        """Add a member, behind the others."""
        self._members[value] = None

    def discard(self, value: bytes) -> None:
        """Remove a member if it is there."""
        self._members.pop(value, None)
        self.expires_at_ms.pop(value, None)

    def __repr__(self) -> str:
        return f"Set({list(self._members)!r})"


def _distinct(members: list[bytes]) -> Set:
    value = Set(members)
    check_distinct(len(value), len(members), "set members")
    return value


def decode_set(raw: bytes, scope: Scope) -> Set:
    """Type 2."""
    return _distinct(read_strings(raw, scope))


def encode_set(value: Set, server: Server) -> bytes:
    """Type 2."""
    return lengths.encode(len(value)) + encode_strings(value, server)


set_items = list_items


def set_in_intset(blob: bytes) -> Set:
    """Type 11; the intset itself refuses doubles."""
    return Set(intset.decode(blob))


def encode_set_intset(value: Set, server: Server) -> bytes:
    """Type 11."""
    members = integers_in(list(value))
    if members is None:
        raise EncodeError("an intset holds integers of at most 64 bits only")
    return encode_blob(intset.encode(members), server)


def set_intset_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 11 in batches."""
    del scope
    yield from blob_items(cursor, intset.decode, intset.iter_decode)


def set_in_listpack(blob: bytes) -> Set:
    """Type 20."""
    return _distinct(listpack.decode(blob))


def encode_set_listpack(value: Set, server: Server) -> bytes:
    """Type 20."""
    return encode_blob(encode_listpack(value, server), server)


def set_listpack_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 20 in batches."""
    del scope
    yield from blob_items(cursor, listpack.decode, listpack.iter_decode)


def decode_set_expiry(raw: bytes, scope: Scope) -> Set:
    """Dragonfly type 32."""
    flat = read_strings(raw, scope, 2)
    value = _distinct(flat[0::2])
    value.expires_at_ms = expiries_in(zip(flat[0::2], flat[1::2], strict=True))
    return value


def encode_set_expiry(value: Set, server: Server) -> bytes:
    """Dragonfly type 32."""
    expiries = value.expires_at_ms
    pairs = [text for member in value for text in (member, expiry_text(expiries.get(member)))]
    return lengths.encode(len(value)) + encode_strings(pairs, server)


def set_expiry_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Dragonfly type 32 in batches, the members only; `value()` has the expiries."""
    for batch in expiring_members(cursor, scope):
        yield [member for member, _ in batch]


def expiring_members(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[bytes, int | None]]]:
    """Dragonfly type 32 in batches of (member, expires_at_ms or None)."""
    for batch in grouped(flat_items(cursor, scope, 2), 2, "set with expiry"):
        expiries = expiries_in((member, ttl) for member, ttl in batch)
        yield [(member, expiries.get(member)) for member, _ in batch]


# --- plain values, what servers choose, and what can be odd -----------------------------------------


def natural_set(value: Any) -> Set:
    """Sets of Python are sorted, so that equal ones give equal bytes."""
    if value.__class__ is Set and are_bytes(value, value.expires_at_ms):
        natural: Set = value
        return natural
    members = texts_of(value)
    changed = Set(members if isinstance(value, Set) else sorted(members))
    changed.expires_at_ms = dict(expiries_of(value))
    if len(changed) != len(members):
        raise EncodeError("two members of the set are the same bytes", value=value)
    return changed


def _choose(value: Set, server: Server) -> Iterator[str]:
    if value.expires_at_ms:
        yield "set-expiry"
    most = server.thresholds
    may_be_compact = len(value) <= max(most.intset_entries, most.set_entries)
    if may_be_compact and integers_in(list(value)) is not None:
        # An intset that outgrows its limit becomes a table at once, whatever that of listpacks is.
        yield from (("set-intset",) if len(value) <= most.intset_entries else ())
    elif is_small(value, len(value), most.set_entries, most.set_value) and is_clear(value, server):
        yield "set-listpack"
    yield "set"


def _look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    members = read_strings(raw, scope)
    if not members:
        yield Oddity("empty", "")
    if len(set(members)) != len(members):
        yield Oddity("set-twice", "")


def _look_in_intset(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    try:
        members = intset.decode(blob)
    except CorruptStructure as error:
        if len(blob) < _INTSET_HEADER or error.pos in (0, 4):
            yield Oddity("intset", error.message)
        else:
            is_large = intset.count(blob[:_INTSET_HEADER]) > INTSET_ENTRIES
            yield Oddity("intset-order-large" if is_large else "intset-order", error.message)
        return
    if not members:
        yield Oddity("intset-empty", "")


def _are_clear_intsets(raws: Sequence[bytes], limit: int) -> Iterable[bool]:
    return map(intset.is_sound, blobs(raws, limit))


LAYOUTS = {
    "set": Layout(
        decode_set,
        set_items,
        count_length,
        encode_set,
        elements=encode_texts,
        parts=parts_of_strings(iter),
        odd=Odd(_look, twice="set-twice", is_sound=bool),
    ),
    "set-intset": packed_layout(
        set_in_intset,
        set_intset_items,
        count_packed(intset.count),
        encode_set_intset,
        Odd(
            _look_in_intset,
            "lzf",
            "undecodable",
            twice="set-twice",
            is_checked=True,
            is_sound=bool,
            are_clear=_are_clear_intsets,
        ),
    ),
    "set-listpack": packed_layout(
        set_in_listpack,
        set_listpack_items,
        count_packed(listpack.count),
        encode_set_listpack,
        listpack_odd(IN_SET),
    ),
    "set-expiry": Layout(
        decode_set_expiry,
        set_expiry_items,
        count_length,
        encode_set_expiry,
        expiring_items=expiring_members,
        odd=Odd(damage="undecodable", twice="set-twice"),
    ),
}
_EXPIRY_LOSS = "member-ttl"
TYPES = (
    DataType(
        "set",
        (Set, set, frozenset),
        natural_set,
        choose=_choose,
        adapt=adapt_expiries(_EXPIRY_LOSS),
        empty="dropped",
        names=lambda members: members,
        expiry_loss=_EXPIRY_LOSS,
    ),
)
