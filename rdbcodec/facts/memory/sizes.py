"""The shapes of values that are no strings, by the headers of their elements (see `shapes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from rdbcodec.datatypes.lists import PLAIN
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope, grouped
from rdbcodec.datatypes.streams.reading import read_tail
from rdbcodec.formats import TypeRow
from rdbcodec.records import Entry
from rdbcodec.servers.thresholds import DEFAULT_THRESHOLDS
from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.integers import integer_in
from rdbcodec.wire.long_strings import Held
from rdbcodec.wire.strings import Budget

Shape = tuple[str, int, int, int]

STRING, KEY, OPAQUE = "string", "key", "opaque"
PACKED, SMALL_SET, TTL_PACKED = "packed", "small-set", "ttl-packed"
LIST, ONE_NODE, NODE = "list", "one-node", "node"
SET, MEMBER, ZSET, SCORED = "set", "member", "zset", "scored"
HASH, FIELD, TTL_FIELDS = "hash", "field", "ttl-fields"
STREAM, STREAM_NODE, GROUP, CONSUMER, PENDING = "stream", "stream-node", "group", "consumer", "pending"
PENDING_ID = "pending-id"

KINDS = frozenset(
    {STRING, KEY, OPAQUE, PACKED, SMALL_SET, TTL_PACKED, LIST, ONE_NODE, NODE, SET, MEMBER, ZSET, SCORED}
    | {HASH, FIELD, TTL_FIELDS, STREAM, STREAM_NODE, GROUP, CONSUMER, PENDING, PENDING_ID}
)

SHARED, INTEGER = -1, -2  # lengths of strings that servers keep as numbers: shared ones, others
AS_IT_IS, LISTPACK, ZIPLIST = 0, 1, 2  # the form of what is packed

_NOTHING = Budget(0)
_MOST = DEFAULT_THRESHOLDS
_HEADS = {"set": SET, "zset": ZSET, "hash": HASH}
_ENTRIES = {"set": _MOST.set_entries, "zset": _MOST.zset_entries, "hash": _MOST.hash_entries}
_SHORT = 64  # bytes of the longest element of a small value, for all three types
_FORMS = {"listpack": LISTPACK, "ziplist": ZIPLIST, "intset": AS_IT_IS, "listpack-ttl": LISTPACK}
_TTL_SKIP = 8  # bytes before a listpack of fields with expiries: the first of these
_LISTPACK_HEAD = 7  # bytes of an empty listpack
_SCORE = 8  # bytes of a score in a listpack that nobody has looked at
_NODE_LIMIT = 8192  # bytes of a list's node


def size_at(buf: bytes, pos: int) -> int:
    """The length of the string at `pos`, unpacked."""
    head = buf[pos]
    if head < 0xC0:
        return lengths.read(buf, pos)[0]
    if head == strings.LZF:
        return strings.read_lzf_header(buf, pos)[1]
    return len(strings.read(buf, pos, _NOTHING)[0])


def value_shapes(entry: Entry) -> Iterator[list[Shape]]:
    """The shapes of a value in batches; raises what decoding raises where headers contradict themselves."""
    row = entry.row
    cursor = _cursor(entry)
    if row.generation:
        yield from _stream(cursor, row.generation)
    elif row.type == "list":
        yield from _list(entry, cursor)
    elif row.type not in _HEADS:
        yield [(OPAQUE, entry.serialized_size, 0, 0)]
    elif row.encoding in _FORMS:
        yield from _packed(entry, cursor)
    elif row.name in _TABLES:
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
    expires = row.encoding == "listpack-ttl"
    count = None if entry.is_large else entry.count
    if count is None or count > packed_limit(row):
        packed = None if expires else cursor.string_size()
        yield from _elements(entry, _items(entry, cursor), packed)
        return
    if expires:
        cursor.fixed(_TTL_SKIP)
    size = cursor.string_size()
    if expires:
        yield [(TTL_PACKED, size, count, 0)]
    else:
        yield [packed_shape(row, size, count)]


def packed_limit(row: TypeRow) -> int:
    """Elements that a server keeps packed as they are in this layout; of more it makes a table."""
    return _MOST.intset_entries if row.packed == "intset" else _ENTRIES[row.type]


def packed_shape(row: TypeRow, size: int, count: int) -> Shape:
    """A value of so many bytes and elements that stays packed."""
    if row.type == "set" and row.packed == "listpack":
        return SMALL_SET, size, count, 0
    return PACKED, size, _FORMS[row.encoding], 0


def _table(entry: Entry, cursor: Cursor) -> Iterator[list[Shape]]:
    """A table of many elements, or with a long one, is one in every server; others are laid out anew."""
    type_, (read, slow, width) = entry.row.type, _TABLES[entry.row.name]
    count = cursor.length()
    sizes = grouped(cursor.batches(read, slow, count * width), width, "sizes")
    if count > max(_ENTRIES[type_], _MOST.intset_entries if type_ == "set" else 0):
        yield [(_HEADS[type_], count, 0, 0)]
        for batch in sizes:
            yield [_element(type_, *each) for each in batch]
        return
    small = list(chain.from_iterable(sizes))
    if max(chain.from_iterable(small), default=0) > _SHORT or (entry.is_large and count > _ENTRIES[type_]):
        yield [(_HEADS[type_], count, 0, 0), *(_element(type_, *each) for each in small)]
    elif entry.is_large:  # its texts have passed by: none is taken for a number
        size = _LISTPACK_HEAD + sum(each + 2 for each in chain.from_iterable(small))
        yield [
            (SMALL_SET, size, count, 0)
            if type_ == "set"
            else (PACKED, size + (_SCORE * count if type_ == "zset" else 0), LISTPACK, 0)
        ]
    else:
        yield from _elements(entry, _items(entry, _cursor(entry)))


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
    most = max(_ENTRIES[type_], _MOST.intset_entries if type_ == "set" else 0)
    held: list[Any] = []
    for batch in batches:
        held += batch
        if len(held) > most:
            break
    else:
        if packed is not None and len(held) <= _ENTRIES[type_]:
            yield [packed_shape(entry.row, packed, len(held))]
        else:
            yield from _small(type_, held)
        return
    count, expiring = 0, 0
    for batch in chain([held], batches):
        count += len(batch)
        expiring += _expiring(type_, batch)
        yield _shapes(type_, batch)
    yield [(_HEADS[type_], count, 0, 0), *([(TTL_FIELDS, expiring, 0, 0)] if expiring else [])]


def _small(type_: str, elements: list[Any]) -> Iterator[list[Shape]]:
    texts = elements if type_ == "set" else [text for each in elements for text in each[:2]]
    flat = [_score_text(text) if isinstance(text, float) else text for text in texts]
    expiring = _expiring(type_, elements)
    if type_ == "set" and all(isinstance(text, bytes) and integer_in(text) is not None for text in flat):
        width = 2 if all(-(2**15) <= int(text) < 2**15 for text in flat) else 4
        wide = any(not -(2**31) <= int(text) < 2**31 for text in flat)
        yield [(PACKED, 8 + len(flat) * (8 if wide else width), AS_IT_IS, 0)]
    elif len(elements) > _ENTRIES[type_] or max(map(len, flat), default=0) > _SHORT:
        yield [(_HEADS[type_], len(elements), 0, 0), *_shapes(type_, elements)]
        yield [(TTL_FIELDS, expiring, 0, 0)] if expiring else []
    else:
        size = _LISTPACK_HEAD + sum(map(_packed_size, flat))
        if expiring:
            yield [(TTL_PACKED, size + 10 * expiring + 2 * (len(elements) - expiring), len(elements), 0)]
        else:
            yield [(SMALL_SET, size, len(elements), 0) if type_ == "set" else (PACKED, size, LISTPACK, 0)]


def _score_text(score: float) -> bytes:
    return b"%d" % score if score.is_integer() and abs(score) < _WHOLE else repr(score).encode()


_WHOLE = 1 << 52  # scores below it are kept as numbers where they are whole


def _packed_size(text: bytes) -> int:
    """Bytes of a short element in a listpack."""
    number = integer_in(text)
    if number is None:
        return len(text) + 2 + (len(text) >= _SHORT)
    return next((size for size, most in _INTEGER_SIZES if -most <= number < most), 10)


_INTEGER_SIZES = ((2, 64), (3, 1 << 12), (4, 1 << 15), (5, 1 << 23), (6, 1 << 31))


def _shapes(type_: str, elements: list[Any]) -> list[Shape]:
    if type_ == "hash":
        return [(FIELD, len(each[0]), len(each[1]), 0) for each in elements]
    if type_ == "set":
        return [(MEMBER, len(member), 0, 0) for member in elements]
    return [(SCORED, len(member), 0, 0) for member, _ in elements]


def _expiring(type_: str, elements: list[Any]) -> int:
    return sum(each[2] is not None for each in elements) if type_ == "hash" else 0


# --- lists ------------------------------------------------------------------------------------------


def _list(entry: Entry, cursor: Cursor) -> Iterator[list[Shape]]:
    row = entry.row
    if row.encoding == "ziplist":
        yield [(ONE_NODE, cursor.string_size(), ZIPLIST, 0)]
    elif row.encoding == "linkedlist":
        yield from _linked(cursor)
    else:
        form = ZIPLIST if row.packed == "ziplist" and row.encoding == "quicklist" else LISTPACK
        yield from _quicklist(cursor, form)


def _quicklist(cursor: Cursor, form: int) -> Iterator[list[Shape]]:
    """The nodes as they are."""
    count = cursor.length()
    for at in range(count):
        plain = form == LISTPACK and cursor.length() == PLAIN
        size = cursor.string_size()
        _pass(cursor)
        if count == 1:
            yield [(ONE_NODE, size, form, int(plain))]
        else:
            head: list[Shape] = [] if at else [(LIST, count, 0, 0)]
            yield [*head, (NODE, size, AS_IT_IS if plain else form, 0)]


def _linked(cursor: Cursor) -> Iterator[list[Shape]]:
    """Elements are pushed one after another: nodes of 8 KiB."""
    nodes, size = 0, 7
    for batch in cursor.batches(_take_sizes, _slow_size, cursor.length()):
        for element in batch:
            packed = element + (2 if element < _SHORT else 4 if element < 4096 else 8)
            if size + packed > _NODE_LIMIT and size > 7:
                yield [(NODE, size, LISTPACK, 0)]
                nodes, size = nodes + 1, 7
            size += packed
    yield [(LIST, nodes + 1, 0, 0), (NODE, size, LISTPACK, 0)] if nodes else [(ONE_NODE, size, LISTPACK, 0)]


def _pass(cursor: Cursor) -> None:
    """Over a string, of which nothing is unpacked while it is in hand."""
    end = strings.walk(cursor.buf, cursor.pos)
    if end <= len(cursor.buf):
        cursor.pos = end
    else:
        for _ in cursor.string_pieces():
            pass


# --- streams ----------------------------------------------------------------------------------------


def _stream(cursor: Cursor, generation: int) -> Iterator[list[Shape]]:
    """Its nodes, and what the groups remember."""
    yield [(STREAM, 0, 0, 0)]
    for _ in range(cursor.length()):
        cursor.string()
        size = cursor.string_size()
        _pass(cursor)
        yield [(STREAM_NODE, size, 0, 0)]
    groups = read_tail(cursor, generation).groups
    pending = len(set().union(*(group.pending for group in groups)))
    yield [(PENDING_ID, 0, 0, 0)] * pending
    for group in groups:
        yield [(GROUP, len(group.name), 0, 0)]
        yield [(CONSUMER, len(consumer.name), 0, 0) for consumer in group.consumers]
        yield [(PENDING, 0, 0, 0)] * len(group.pending)


# --- the sizes of elements --------------------------------------------------------------------------


def _take_sizes(buf: bytes, pos: int, count: int, out: list[int]) -> int:
    """Append the lengths of up to `count` whole strings; the position after the last one.

    As wire.strings.take, which it is in all but the texts: most elements of a table are short.
    """
    end, size = pos, len(buf)
    append = out.append
    try:
        while count:
            head = buf[pos]
            if head < 0x40:
                length = head
                end = pos + 1 + head
            elif head < 0x80:
                length = (head & 0x3F) << 8 | buf[pos + 1]
                end = pos + 2 + length
            else:
                end = strings.walk(buf, pos)
                length = size_at(buf, pos) if end <= size else 0
            if end > size:
                break
            append(length)
            pos = end
            count -= 1
    except IndexError:
        pass
    return pos


def _slow_size(cursor: Cursor) -> int:
    return len(cursor.element())


def _take_scored(tail: Callable[[bytes, int], int]) -> Callable[[bytes, int, int, list[int]], int]:
    """The same for members, whose scores follow them."""

    def take(buf: bytes, pos: int, count: int, out: list[int]) -> int:
        one: list[int] = []
        try:
            while count:
                after = _take_sizes(buf, pos, 1, one)
                end = tail(buf, after)
                if not one or end > len(buf):
                    break
                out.append(one.pop())
                pos = end
                count -= 1
        except IndexError:
            pass
        return pos

    return take


def _after_double(buf: bytes, pos: int) -> int:
    del buf
    return pos + 8


def _slow_scored(cursor: Cursor) -> int:
    size = len(cursor.element())
    cursor.fixed(8)
    return size


def _slow_text_scored(cursor: Cursor) -> int:
    size = len(cursor.element())
    cursor.text_double()
    return size


# How the sizes of a table's elements are read, and how many of them make an element.
_TABLES: dict[str, tuple[Any, Callable[[Cursor], int], int]] = {
    "set": (_take_sizes, _slow_size, 1),
    "hash": (_take_sizes, _slow_size, 2),
    "zset": (_take_scored(doubles.walk_text), _slow_text_scored, 1),
    "zset-2": (_take_scored(_after_double), _slow_scored, 1),
}
