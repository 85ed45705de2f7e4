"""Shapes to bytes: what a server allocates for each, by its column of the table and its allocator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from rdbcodec.facts.memory.allocators import Allocator
from rdbcodec.facts.memory.columns import Column
from rdbcodec.facts.memory.sizes import (
    CONSUMER,
    FIELD,
    GROUP,
    HASH,
    INTEGER,
    KEY,
    LIST,
    LISTPACK,
    MEMBER,
    NODE,
    ONE_NODE,
    OPAQUE,
    PACKED,
    PENDING,
    PENDING_ID,
    SCORED,
    SET,
    SHARED,
    SMALL_SET,
    STREAM,
    STREAM_NODE,
    STRING,
    TTL_FIELDS,
    TTL_PACKED,
    ZIPLIST,
    ZSET,
    Shape,
)

_OBJECT, _POINTER, _BUCKET = 16, 8, 64
_EMBEDDED = 44  # bytes of the longest string that lies in its object
_LONGEST_NODE = 8192  # bytes of a list that is one listpack
_SKIPLIST = (16, 32, 24 + 32 * 16)  # the sorted set, its skiplist, and the head of that
_LEVELS = tuple((level, 0.75 * 0.25 ** (level - 1)) for level in range(1, 20))  # how often nodes have so many
_LISTPACK_HEAD, _ELEMENT_HEAD, _EXPIRY = 7, 2, 10  # bytes of a listpack, a short element, an expiry in one
_ZIPLIST_MORE = 4  # bytes that a ziplist is larger than the same listpack
_CHAIN = 6  # keys that a further bucket of Valkey's hashtable takes
_SHARES = 1 << 20  # keys of the database that a key's share of the tables is told of, if nobody says


def sds(size: int) -> int:
    """Bytes of a string of servers with its header and its end."""
    return size + (2 if size < 32 else 4 if size < 256 else 6 if size < 1 << 16 else 10)


def _sds8(size: int) -> int:
    """The same where the shortest header is not used."""
    return size + (4 if size < 256 else 6 if size < 1 << 16 else 10)


_FRACTIONS = 1 << 10  # of a byte; averages have some


class Model(dict[Shape, float]):
    """The bytes a server allocates for each shape: `model[shape]`, computed when first asked for.

    Those of a key are without its share of the tables of its database, which `tables` has.
    """

    def __init__(self, column: Column, allocator: Allocator) -> None:
        super().__init__()
        self.column = column
        self.allocator = allocator
        self._block = allocator.block
        self._costs: Mapping[str, Callable[[int, int, int], float]] = {
            STRING: self._string,
            KEY: lambda key, _, expires: self._key(key, expires) + self._object(),
            PACKED: lambda size, form, _: self._block(self._formed(size, form)),
            SMALL_SET: self._small_set,
            TTL_PACKED: self._ttl_packed,
            ONE_NODE: self._one_node,
            LIST: lambda *_: self._block(40),
            NODE: lambda size, form, _: self._block(column.node) + self._block(self._formed(size, form)),
            SET: lambda count, *_: self._table(count, column.set_entries),
            MEMBER: lambda size, *_: self._block(sds(size)),
            HASH: lambda count, *_: self._table(count, self._field_entries()),
            FIELD: lambda field, value, _: self._field(field, value),
            ZSET: lambda count, *_: self._skiplist() + self._table(count, column.score_entries),
            SCORED: lambda size, *_: self._scored(size),
            TTL_FIELDS: lambda count, *_: self._block(column.ttl_hash) + count * column.ttl_field,
            STREAM: lambda *_: column.stream,
            STREAM_NODE: lambda size, *_: self._block(size) + column.stream_node,
            GROUP: lambda *_: column.group,
            CONSUMER: lambda *_: column.consumer,
            PENDING: lambda *_: column.pending,
            PENDING_ID: lambda *_: column.pending_id,
            OPAQUE: lambda size, *_: self._block(size),
        }

    def __missing__(self, shape: Shape) -> float:
        kind, *numbers = shape
        # In whole fractions, so that a sum does not hang on the order in which keys were added.
        cost = self[shape] = round(self._costs[kind](*numbers) * _FRACTIONS) / _FRACTIONS
        return cost

    def total(self, shapes: Iterable[Shape]) -> float:
        """The bytes of all these shapes."""
        return math.fsum(map(self.__getitem__, shapes))

    # --- the tables of a database ---------------------------------------------------------------------

    def tables(self, keys: int, expiring: int, *, sized: tuple[int, int] = (0, 0)) -> float:
        """The table of keys and that of expiries, each made for as many as its RESIZEDB announces."""
        if not keys:
            return 0.0
        return self._keys(keys, max(keys, sized[0])) + self._expiries(expiring, max(expiring, sized[1]))

    def share(self, keys: int | None = None) -> float:
        """What the table takes for one of so many keys."""
        count = keys or _SHARES
        return self._keys(count, count) / count

    def expiry_share(self, keys: int | None = None) -> float:
        """What the table of expiries takes for one of so many that expire."""
        count = keys or _SHARES
        return self._expiries(count, count) / count

    def _keys(self, count: int, sized: int) -> float:
        return self._buckets(sized) + self._entries(count, sized, self.column.key_entries)

    def _expiries(self, count: int, sized: int) -> float:
        if not count:
            return 0.0
        entries = "each" if self.column.key == "entry" else self.column.key_entries
        return self._buckets(sized) + self._entries(count, sized, entries)

    def _buckets(self, count: int) -> float:
        if self.column.table == "dict":
            return self._block(_POINTER * _power(count))
        buckets = 1 << max(0, (max(1, -(-count * 5 // 32)) - 1).bit_length())
        return self._block(_BUCKET * buckets) + _further_buckets(count, buckets) * self._block(_BUCKET)

    def _entries(self, count: int, sized: int, which: str) -> float:
        if which == "each":
            return count * self._block(self.column.entry)
        if which == "none":
            return 0.0
        buckets = _power(sized)
        filled = buckets * (1 - (1 - 1 / buckets) ** count)
        return (count - filled) * self._block(_OBJECT)

    # --- keys -----------------------------------------------------------------------------------------

    def _key(self, size: int, expires: int) -> float:
        """The key's text, and its entry or object where that holds it."""
        if self.column.key == "apart":
            return self._block(sds(size))
        if self.column.key == "entry":
            return self._block(_OBJECT + 1 + sds(size))
        return self._block(_OBJECT + 1 + sds(size) + _POINTER * expires)

    def _object(self) -> float:
        return 0 if self.column.key == "object" else self._block(_OBJECT)

    def _string(self, key: int, size: int, expires: int) -> float:
        column, block = self.column, self._block
        if size == SHARED:
            return self._key(key, expires)
        if size == INTEGER:
            return self._key(key, expires) + self._object()
        if column.key == "object":
            whole = _OBJECT + 1 + sds(key) + _POINTER * expires + _sds8(size)
            if self._embeds(key, size, expires):
                return block(whole - column.spares)
            return self._key(key, expires) + block(sds(size))
        if size <= _EMBEDDED:
            return self._key(key, expires) + block(_OBJECT + 3 + size + 1)
        return self._key(key, expires) + block(_OBJECT) + block(sds(size))

    def _embeds(self, key: int, size: int, expires: int) -> bool:
        """Redis counts what it needs by a rule of its own, Valkey the bytes of the block."""
        column = self.column
        if column.table == "dict":
            wanted = _OBJECT + key + 3 + _POINTER * expires + 4 + size
            return wanted <= column.embeds and size <= _EMBEDDED
        return _OBJECT - column.spares + 1 + sds(key) + _POINTER * expires + _sds8(size) <= column.embeds

    # --- values ---------------------------------------------------------------------------------------

    def _formed(self, size: int, form: int) -> int:
        """The size of what is packed in the form that the server has: listpacks, before them ziplists."""
        if form == ZIPLIST and self.column.listpack:
            return max(_LISTPACK_HEAD, size - _ZIPLIST_MORE)
        return size + _ZIPLIST_MORE if form == LISTPACK and not self.column.listpack else size

    def _small_set(self, size: int, members: int, _: int) -> float:
        if self.column.small_set or not members:
            return self._block(size)
        mean = max(0, round((size - _LISTPACK_HEAD) / members) - _ELEMENT_HEAD)
        return self[SET, members, 0, 0] + members * self[MEMBER, mean, 0, 0]

    def _ttl_packed(self, size: int, fields: int, _: int) -> float:
        column = self.column
        if column.ttl_packed:
            return self._block(column.ttl_hash) + self._block(size)
        without = max(_LISTPACK_HEAD, size - _EXPIRY * fields)
        if not column.ttl_field or not fields:
            return self._block(self._formed(without, LISTPACK))
        mean = max(0, round((without - _LISTPACK_HEAD) / (2 * fields)) - _ELEMENT_HEAD)
        table = self[HASH, fields, 0, 0] + fields * self[FIELD, mean, mean, 0]
        return table + self[TTL_FIELDS, fields, 0, 0]

    def _one_node(self, size: int, form: int, plain: int) -> float:
        formed = self._formed(size, form)
        if self.column.short_list and not plain and formed <= _LONGEST_NODE:
            return self._block(formed)
        return self._block(40) + self._block(self.column.node) + self._block(formed)

    def _table(self, count: int, which: str) -> float:
        return self._block(self.column.dict) + self._buckets(count) + self._entries(count, count, which)

    def _skiplist(self) -> float:
        return sum(map(self._block, _SKIPLIST))

    def _field_entries(self) -> str:
        if self.column.table == "hashtable":
            return "none"
        return "chained" if self.column.joins else "each"

    def _field(self, field: int, value: int) -> float:
        if not self.column.joins:
            return self._block(sds(field)) + self._block(sds(value))
        joined = sds(field) + _sds8(value)
        if joined <= self.column.joins:
            return self._block(joined)
        return self._block(_POINTER + sds(field)) + self._block(sds(value))

    def _scored(self, size: int) -> float:
        if self.column.holds_member:
            return math.fsum(part * self._block(16 + 16 * level + sds(size)) for level, part in _LEVELS)
        nodes = math.fsum(part * self._block(24 + 16 * level) for level, part in _LEVELS)
        return self._block(sds(size)) + nodes


def _power(count: int) -> int:
    """Buckets of a dict that is made for so many: a power of two, four at least."""
    return 1 << max(2, (count - 1).bit_length())


def _further_buckets(count: int, buckets: int) -> float:
    """How many buckets of Valkey's hashtable have another chained to them: those of more than seven keys."""
    mean = count / buckets
    chance, further = math.exp(-mean), 0.0
    for keys in range(int(mean) + 60):
        if keys > _CHAIN + 1:
            further += chance * math.ceil((keys - _CHAIN - 1) / _CHAIN)
        chance *= mean / (keys + 1)
    return buckets * further
