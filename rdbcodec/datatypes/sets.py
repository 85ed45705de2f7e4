"""Sets: plain, an intset, a listpack, and Dragonfly's with member expiry (rdb-format.md, 4.2, 4.4, 9.2).

2             LENGTH n  STRING*n
11            STRING, an intset
20            STRING, a listpack
dragonfly 32  LENGTH n  (STRING member  STRING ttl)*n
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet

from rdbcodec.datatypes import hashes
from rdbcodec.datatypes.lists import list_items
from rdbcodec.datatypes.packed import encode_blob, encode_listpack, encode_strings
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.scope import Scope, blob_items, check_distinct, grouped, read_blob, read_strings
from rdbcodec.errors import EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import intset, listpack
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.integers import integer_in


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


def decode_set_intset(raw: bytes, scope: Scope) -> Set:
    """Type 11; the intset itself refuses doubles."""
    return Set(intset.decode(read_blob(raw, scope)))


def encode_set_intset(value: Set, server: Server) -> bytes:
    """Type 11."""
    members = [integer_in(member) for member in value]
    if None in members:
        raise EncodeError("an intset holds integers of at most 64 bits only")
    return encode_blob(intset.encode([member for member in members if member is not None]), server)


def set_intset_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Type 11 in batches."""
    del scope
    yield from blob_items(cursor, intset.decode, intset.iter_decode)


def decode_set_listpack(raw: bytes, scope: Scope) -> Set:
    """Type 20."""
    return _distinct(listpack.decode(read_blob(raw, scope)))


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
    value.expires_at_ms = hashes.dragonfly_expiries(zip(flat[0::2], flat[1::2], strict=True))
    return value


def encode_set_expiry(value: Set, server: Server) -> bytes:
    """Dragonfly type 32."""
    told = value.expires_at_ms
    pairs = [text for member in value for text in (member, hashes.dragonfly_text(told.get(member)))]
    return lengths.encode(len(value)) + encode_strings(pairs, server)


def set_expiry_items(cursor: Cursor, scope: Scope) -> Iterator[list[bytes]]:
    """Dragonfly type 32 in batches, the members only; `value()` has the expiries."""
    for batch in expiring_members(cursor, scope):
        yield [member for member, _ in batch]


def expiring_members(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[bytes, int | None]]]:
    """Dragonfly type 32 in batches of (member, expires_at_ms or None)."""
    for batch in grouped(hashes.flat_items(cursor, scope, 2), 2, "set with expiry"):
        expiries = hashes.dragonfly_expiries((member, ttl) for member, ttl in batch)
        yield [(member, expiries.get(member)) for member, _ in batch]
