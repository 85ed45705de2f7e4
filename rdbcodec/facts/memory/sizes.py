"""The shapes of values that are no strings, by the headers of their elements (see `shapes`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope, grouped
from rdbcodec.facts.memory.element_sizes import TABLES
from rdbcodec.facts.memory.kinds import (
    AS_IT_IS,
    EXPIRES,
    FIELD,
    HASH,
    LISTPACK,
    MEMBER,
    OPAQUE,
    PACKED,
    SCORED,
    SET,
    SMALL,
    SMALL_SET,
    TTL_PACKED,
    ZIPLIST,
    ZSET,
    Shape,
)
from rdbcodec.facts.memory.nodes import list_shapes, stream_shapes
from rdbcodec.facts.memory.volatile import Expiries
from rdbcodec.formats import TypeRow
from rdbcodec.records import Entry
from rdbcodec.servers.thresholds import DEFAULT_THRESHOLDS
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.integers import integer_in
from rdbcodec.wire.long_strings import Held

_MOST = DEFAULT_THRESHOLDS
_HEADS = {"set": SET, "zset": ZSET, "hash": HASH}
ENTRIES = {"set": _MOST.set_entries, "zset": _MOST.zset_entries, "hash": _MOST.hash_entries}
LONGEST = 64  # bytes of the longest element of a small value, for all three types
_FORMS = {"listpack": LISTPACK, "ziplist": ZIPLIST, "intset": AS_IT_IS, "listpack-ttl": LISTPACK}
_TTL_SKIP = 8  # bytes before a listpack of fields with expiries: the first of these
_LISTPACK_HEAD = 7  # bytes of an empty listpack
_PACKED_EXPIRY, _NO_EXPIRY = 10, 2  # bytes of a field's expiry in a listpack, and of a 0 that stands for none
_SCORE = 8  # bytes of a score in a listpack that nobody has looked at


def value_shapes(entry: Entry) -> Iterator[list[Shape]]:
    """The shapes of a value in batches; raises what decoding raises where headers contradict themselves."""
    row = entry.row
    cursor = _cursor(entry)
    if row.generation:
        yield from stream_shapes(cursor, row.generation)
    elif row.type == "list":
        yield from list_shapes(entry, cursor)
    elif row.type not in _HEADS:
        yield [(OPAQUE, entry.serialized_size, 0, 0)]
    elif row.encoding in _FORMS:
        yield from _packed(entry, cursor)
    elif row.name in TABLES:
        yield from _table(entry, cursor)
    else:
        yield from _elements(entry, _items(entry, cursor))


class _Length:
    """Stands for an element too long to hold: what it has is its length."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._size = sum(map(len, pieces))

    def __len__(self) -> int:
        return self._size


_HELD = 64 << 10  # bytes of an element that is held, whatever the reader holds of a value
_LENGTHS_ONLY = Held(_HELD, _Length)


def _cursor(entry: Entry) -> Cursor:
    return Cursor(entry.chunks(), _scope(entry).budget, streaming=True, held=_LENGTHS_ONLY)


def _scope(entry: Entry) -> Scope:
    return entry.scope(max(entry.max_value, 2 * _HELD))


# --- packed, and tables -----------------------------------------------------------------------------


def _packed(entry: Entry, cursor: Cursor) -> Iterator[list[Shape]]:
    """What is packed stays so, whatever its elements are, unless they are more than servers keep packed."""
    row = entry.row
    if row.encoding == "listpack-ttl":
        yield from _elements(entry, _items(entry, cursor), None if entry.is_large else _ttl_packed(entry))
        return
    count = None if entry.is_large else entry.count
    size = cursor.string_size()
    if count is None or count > packed_limit(row):
        yield from _elements(entry, _items(entry, cursor), size)
    else:
        yield [packed_shape(row, size, count)]


def _ttl_packed(entry: Entry) -> int:
    """The size of a listpack of fields with expiries; what decides besides stands in it."""
    cursor = _cursor(entry)
    cursor.fixed(_TTL_SKIP)
    return cursor.string_size()


def packed_limit(row: TypeRow) -> int:
    """Elements that a server keeps packed as they are in this layout; of more it makes a table."""
    return _MOST.intset_entries if row.packed == "intset" else ENTRIES[row.type]


def packed_shape(row: TypeRow, size: int, count: int) -> Shape:
    """A value of so many bytes and elements that stays packed."""
    if row.type == "set" and row.packed == "listpack":
        return SMALL_SET, size, count, 0
    return PACKED, size, _FORMS[row.encoding], 0


def _table(entry: Entry, cursor: Cursor) -> Iterator[list[Shape]]:
    """A table of many elements, or with a long one, is one in every server; others are laid out anew."""
    type_, (read, slow, width) = entry.row.type, TABLES[entry.row.name]
    count = cursor.length()
    sizes = grouped(cursor.batches(read, slow, count * width), width, "sizes")
    if count > most_packed(type_):
        yield [(_HEADS[type_], count, 0, 0)]
        for batch in sizes:
            yield [_element(type_, *each) for each in batch]
        return
    small = list(chain.from_iterable(sizes))
    if not entry.is_large and not _first_long(small):
        yield from _elements(entry, _items(entry, _cursor(entry)))
        return
    # Its texts have passed by: none is taken for a number.
    size = sum(each + 2 for each in chain.from_iterable(small)) + (_SCORE * count if type_ == "zset" else 0)
    yield table_shapes(type_, small, size)


def most_packed(type_: str) -> int:
    """Elements of which servers make a table in any case."""
    return max(ENTRIES[type_], _MOST.intset_entries if type_ == "set" else 0)


def table_shapes(type_: str, sizes: Sequence[tuple[int, ...]], size: int) -> list[Shape]:
    """The shapes of a table: of its elements, which are not all numbers, and take `size` in a listpack."""
    count, long = len(sizes), 0 if len(sizes) > most_packed(type_) else _first_long(sizes)
    if long or count > ENTRIES[type_]:
        head = (_HEADS[type_], count, long if type_ == "hash" else 0, 0)
        return [head, *(_element(type_, *each) for each in sizes)]
    return [packed_table(type_, size, count)]


def packed_table(type_: str, size: int, count: int) -> Shape:
    """The shape of a table that a server packs: `size` is what its elements take."""
    size += _LISTPACK_HEAD
    return (SMALL_SET, size, count, 0) if type_ == "set" else (PACKED, size, LISTPACK, 0)


def _first_long(sizes: Iterable[Iterable[int]]) -> int:
    """The number of the first element that is too long for a listpack; 0 when none is."""
    return next((number for number, each in enumerate(sizes, 1) if max(each) > LONGEST), 0)


def _element(type_: str, size: int, value: int = 0) -> Shape:
    if type_ == "hash":
        return FIELD, size, value, 0
    return MEMBER if type_ == "set" else SCORED, size, 0, 0


def _items(entry: Entry, cursor: Cursor) -> Iterator[list[Any]]:
    return layout_of(entry.row).items(cursor, _scope(entry))


def _elements(entry: Entry, batches: Iterator[list[Any]], packed: int | None = None) -> Iterator[list[Shape]]:
    """Decoded elements in the layout that servers choose when they load them: few are packed.

    `packed` is their size where they were: then long ones stay so, too.
    """
    type_ = entry.row.type
    most = most_packed(type_)
    held: list[Any] = []
    for batch in batches:
        held += batch
        if len(held) > most:
            break
    else:
        if packed is None or len(held) > ENTRIES[type_]:
            yield from _small(type_, held)
        elif expiring := _expiring(type_, held):
            yield _ttl_shapes(packed, held, expiring)
        else:
            yield [packed_shape(entry.row, packed, len(held))]
        return
    count, expiries = 0, Expiries()
    for batch in chain([held], batches):
        count += len(batch)
        expiries.add(_expiring(type_, batch))
        yield _shapes(type_, batch)
    indexes = expiries.shapes()
    yield [(_HEADS[type_], count, 0, EXPIRES if indexes else 0), *indexes]


def _small(type_: str, elements: list[Any]) -> Iterator[list[Shape]]:
    texts = elements if type_ == "set" else [text for each in elements for text in each[:2]]
    flat = [score_text(text) if isinstance(text, float) else text for text in texts]
    expiring = _expiring(type_, elements)
    if type_ == "set" and all(isinstance(text, bytes) and integer_in(text) is not None for text in flat):
        width = 2 if all(-(2**15) <= int(text) < 2**15 for text in flat) else 4
        wide = any(not -(2**31) <= int(text) < 2**31 for text in flat)
        yield [(PACKED, 8 + len(flat) * (8 if wide else width), AS_IT_IS, 0)]
    elif len(elements) > ENTRIES[type_] or max(map(len, flat), default=0) > LONGEST:
        long = _first_long((len(each[0]), len(each[1])) for each in elements) if type_ == "hash" else 0
        yield [(_HEADS[type_], len(elements), long, EXPIRES if expiring else 0), *_shapes(type_, elements)]
        yield Expiries(expiring).shapes()
    else:
        size = sum(map(packed_size, flat))
        if expiring:
            size += _PACKED_EXPIRY * len(expiring) + _NO_EXPIRY * (len(elements) - len(expiring))
            yield _ttl_shapes(_LISTPACK_HEAD + size, elements, expiring)
        else:
            yield [packed_table(type_, size, len(elements))]


def _ttl_shapes(size: int, elements: list[Any], expiring: list[int]) -> list[Shape]:
    """A small hash whose fields expire: a listpack in Redis, a table in Valkey, which has none."""
    return [
        (TTL_PACKED, size, len(elements), len(expiring)),
        (HASH, len(elements), 0, EXPIRES | SMALL),
        *_shapes("hash", elements, SMALL),
        *Expiries(expiring).shapes(SMALL),
    ]


def score_text(score: float) -> bytes:
    """A score as servers put it into a listpack."""
    return b"%d" % score if score.is_integer() and abs(score) < _WHOLE else repr(score).encode()


_WHOLE = 1 << 52  # scores below it are kept as numbers where they are whole


def packed_size(text: bytes) -> int:
    """Bytes of a short element in a listpack."""
    number = integer_in(text)
    return len(text) + 2 + (len(text) >= LONGEST) if number is None else number_size(number)


def number_size(number: int) -> int:
    """Bytes of a number in a listpack."""
    return next((size for size, most in _INTEGER_SIZES if -most <= number < most), 10)


_INTEGER_SIZES = ((2, 64), (3, 1 << 12), (4, 1 << 15), (5, 1 << 23), (6, 1 << 31))


def _shapes(type_: str, elements: list[Any], small: int = 0) -> list[Shape]:
    if type_ == "hash":
        return [
            (FIELD, len(field), len(value), small | (at is not None and EXPIRES))
            for field, value, at in elements
        ]
    if type_ == "set":
        return [(MEMBER, len(member), 0, 0) for member in elements]
    return [(SCORED, len(member), 0, 0) for member, _ in elements]


def _expiring(type_: str, elements: list[Any]) -> list[int]:
    """When those that expire do."""
    return [each[2] for each in elements if each[2] is not None] if type_ == "hash" else []
