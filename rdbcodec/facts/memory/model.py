"""Shapes to bytes: what a server allocates for each, by its column of the table and its allocator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from rdbcodec.facts.memory.allocators import Allocator
from rdbcodec.facts.memory.columns import Column
from rdbcodec.facts.memory.growth import converted, filled, grown, power
from rdbcodec.facts.memory.kinds import (
    CONSUMER,
    EXPIRES,
    EXPIRING,
    FIELD,
    GROUP,
    GROUPS,
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
    RADIX,
    REFERENCE,
    SCORED,
    SEGMENT,
    SET,
    SHARED,
    SMALL,
    SMALL_SET,
    STREAM,
    STREAM_NODE,
    STRING,
    TTL_PACKED,
    WINDOW,
    WINDOW_TABLE,
    ZIPLIST,
    ZSET,
    Shape,
)
from rdbcodec.facts.memory.radix import LEAF

_OBJECT, _POINTER, _BUCKET = 16, 8, 64
_EMBEDDED = 44  # bytes of the longest string that lies in its object
_LONGEST_NODE = 8192  # bytes of a list that is one listpack
_SKIPLIST = (16, 32, 24 + 32 * 16)  # the sorted set, its skiplist, and the head of that
_LEVELS = tuple((level, 0.75 * 0.25 ** (level - 1)) for level in range(1, 20))  # how often nodes have so many
_LISTPACK_HEAD, _ELEMENT_HEAD, _EXPIRY = 7, 2, 10  # bytes of a listpack, a short element, an expiry in one
_NO_EXPIRY = 2  # bytes of the 0 that stands for none
_LIST, _LINK = 48, 24  # a linked list, and each link of it
_ZIPLIST_MORE = 4  # bytes that a ziplist is larger than the same listpack
_FULL = 7  # keys a bucket, from which on such a table grows
_CHAIN = 6  # keys that a further bucket of Valkey's hashtable takes
_REMEMBERED = 1 << 15  # shapes: 8 MiB, however many a file has
_SHARES = 1 << 20  # keys of the database that a key's share of the tables is told of, if nobody says


def sds(size: int) -> int:
    """Bytes of a string of servers with its header and its end."""
    return size + (2 if size < 32 else 4 if size < 256 else 6 if size < 1 << 16 else 10)


def _sds8(size: int) -> int:
    """The same where the shortest header is not used."""
    return size + (4 if size < 256 else 6 if size < 1 << 16 else 10)


_FRACTIONS = 1 << 10  # of a byte; averages have some


class Model(dict[Shape, float]):
    """The bytes a server allocates for each shape: `model[shape]`, computed when first asked for and kept.

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
            HASH: self._hash,
            FIELD: self._field,
            EXPIRING: self._expiring,
            SEGMENT: lambda size, _, flags: self._radix(size) if self._segments(flags) else 0,
            WINDOW: lambda size, *_: self._radix(size) if column.expiries == "windows" else 0,
            WINDOW_TABLE: self._window_table,
            ZSET: lambda count, *_: self._skiplist() + self._table(count, column.score_entries),
            SCORED: lambda size, *_: self._scored(size),
            STREAM: lambda *_: self._block(column.stream) + self._block(column.tree),
            STREAM_NODE: lambda size, *_: self._block(size),
            GROUPS: lambda *_: self._block(column.tree),
            GROUP: lambda *_: self._block(column.group) + 2 * self._block(column.tree),
            CONSUMER: self._consumer,
            PENDING: lambda *_: self._block(column.pending) + column.references * self._block(_LINK),
            PENDING_ID: self._pending_id,
            RADIX: lambda size, *_: self._radix(size),
            REFERENCE: lambda size, *_: column.references * self._radix(size),
            OPAQUE: lambda size, *_: self._block(size),
        }

    def __missing__(self, shape: Shape) -> float:
        if len(self) >= _REMEMBERED:
            self.clear()
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
            return self._block(_POINTER * power(count))
        return self._filled(count, 1 << max(0, (max(1, -(-count * 5 // 32)) - 1).bit_length()))

    def _filled(self, count: int, buckets: int) -> float:
        return self._block(_BUCKET * buckets) + _further_buckets(count, buckets) * self._block(_BUCKET)

    def _entries(self, count: int, sized: int, which: str) -> float:
        if which == "each":
            return count * self._block(self.column.entry)
        if which == "none":
            return 0.0
        buckets = power(sized)
        return (count - filled(count, buckets)) * self._block(_OBJECT)

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

    def _ttl_packed(self, size: int, fields: int, expiring: int) -> float:
        """A listpack of fields, values and expiries, or without these where fields do not expire."""
        column = self.column
        if column.expiries == "windows":
            return 0
        if column.expiries == "segments":
            return self._block(column.ttl_listpack) + self._block(size) + column.ttl_share
        without = size - _EXPIRY * expiring - _NO_EXPIRY * (fields - expiring)
        return self._block(self._formed(max(_LISTPACK_HEAD, without), LISTPACK))

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

    def _hash(self, count: int, long: int, flags: int) -> float:
        """The table of a hash; in Redis it has come about in one of three ways."""
        column = self.column
        if not self._is_table(flags):
            return 0
        entries = self._field_entries()
        if column.table == "hashtable" or not (long or (flags & EXPIRES and self._segments(flags))):
            return self._table(count, entries)
        table = converted(count, long) if long else grown(count)
        left = self._block(_POINTER * table.left) if table.left else 0
        buckets = self._block(column.dict) + self._block(_POINTER * table.buckets)
        return buckets + left + self._entries(count, table.buckets, entries)

    def _field(self, field: int, value: int, flags: int) -> float:
        """A field and its value: in one block where both are short, with its expiry before them."""
        column, block = self.column, self._block
        if not self._is_table(flags):
            return 0
        expiry = column.ttl_field if flags & EXPIRES else 0
        if not column.joins:
            return block(expiry + sds(field)) + block(sds(value))
        joined = expiry + (_sds8(field) if expiry else sds(field)) + _sds8(value)
        if joined <= column.joins:
            return block(joined)
        return block(expiry + _POINTER + _sds8(field)) + block(sds(value))

    def _is_table(self, flags: int) -> bool:
        """Whether the server has a table for the hash; a small one whose fields expire, only Valkey."""
        return not flags & SMALL or self.column.expiries == "windows"

    def _segments(self, flags: int) -> bool:
        """Whether the server has the fields in segments; those of a listpack need none."""
        return not flags & SMALL and self.column.expiries == "segments"

    def _expiring(self, windows: int, segments: int, flags: int) -> float:
        """What a hash with fields that expire has more than another, but for the index itself."""
        column, block = self.column, self._block
        if column.expiries == "windows":
            return windows * block(column.tree) + column.ttl_share
        if self._segments(flags):
            head = block(column.dict + column.ttl_dict) - block(column.dict)
            return head + segments * block(column.tree + _POINTER) + column.ttl_share
        return 0

    def _window_table(self, count: int, *_: int) -> float:
        """A window of more fields than a vector holds: all that expire at once."""
        column = self.column
        if column.expiries != "windows":
            return 0
        buckets = 1 << max(0, -(-count // _FULL) - 1).bit_length()
        smaller = buckets // 2  # each pointer that has come since the table grew has moved one of its buckets
        left = max(0, (_FULL + 1) * smaller - count) / smaller if smaller else 0
        old = self._filled(_FULL * smaller, smaller) - self._block(_BUCKET * smaller) if left else 0
        table = self._block(column.dict - _POINTER) + self._filled(count, buckets)
        return table + (self._block(_BUCKET * smaller) + left * old if left else 0)

    def _radix(self, size: int) -> float:
        leaf = self.column.leaf
        return self._block(size or leaf) if size != LEAF or leaf else 0

    # --- streams --------------------------------------------------------------------------------------

    def _consumer(self, name: int, *_: int) -> float:
        column, block = self.column, self._block
        return block(column.consumer) + block(sds(name)) + block(column.tree)

    def _pending_id(self, tree: int, *_: int) -> float:
        """An entry's list of the groups in which it is pending, or the tree that finds the lists."""
        return self.column.references * self._block(self.column.tree if tree else _LIST)

    def _scored(self, size: int) -> float:
        if self.column.holds_member:
            return math.fsum(part * self._block(16 + 16 * level + sds(size)) for level, part in _LEVELS)
        nodes = math.fsum(part * self._block(24 + 16 * level) for level, part in _LEVELS)
        return self._block(sds(size)) + nodes


def _further_buckets(count: int, buckets: int) -> float:
    """How many buckets of Valkey's hashtable have another chained to them: those of more than seven keys."""
    mean = count / buckets
    chance, further = math.exp(-mean), 0.0
    for keys in range(int(mean) + 60):
        if keys > _CHAIN + 1:
            further += chance * math.ceil((keys - _CHAIN - 1) / _CHAIN)
        chance *= mean / (keys + 1)
    return buckets * further
