"""What of a key decides how much memory it takes, whatever the server: its shapes.

    (STRING, key, text, expires)      a key with a string: lengths, and 1 when it expires
    (KEY, key, 0, expires)            any other key; what follows it is its value
    (PACKED, size, form, 0)           a listpack, ziplist or intset, unpacked
    (SMALL_SET, size, members, 0)     a listpack that old servers make a table of
    (ONE_NODE, size, form, plain)     a list that is one node
    (LIST, nodes, 0, 0)               one of several, each of them (NODE, size, form, 0)
    (SET, n, 0, 0)    and n of (MEMBER, size, 0, 0)           (ZSET, n, 0, 0) and n of (SCORED, size, 0, 0)
    (HASH, n, long, 0)                and n of (FIELD, field, value, expires); `long` is the number of the
                                      first too long for a listpack, 0 where that did not decide
    (OPAQUE, size, 0, 0)              what only a module, or nobody of ours, can tell: its size on disk

Where fields of a hash expire (see `volatile`); `small` says that some servers keep the hash in a listpack:

    (TTL_PACKED, size, n, expiring)   that listpack; with it the table that it is elsewhere
    (EXPIRING, windows, segments, small)     the hash, and whether its index is a tree, in Valkey and in Redis
    (WINDOW, size, 0, 0)              a block of the index in Valkey, or (WINDOW_TABLE, n, 0, 0)
    (SEGMENT, size, 0, small)         a block of that in Redis

Streams (see `radix`):

    (STREAM, 0, 0, 0)                 the stream, with nodes of entries, (STREAM_NODE, size, 0, 0)
    (GROUPS, 0, 0, 0)                 that it has some, each (GROUP, 0, 0, 0), with (CONSUMER, name, 0, 0)
    (PENDING, 0, 0, 0)                an entry that is pending in a group
    (PENDING_ID, 0, 0, 0)             one that is, in however many groups; 1: a stream that has some
    (RADIX, size, 0, 0)               a node of the trees that find all these
    (REFERENCE, size, 0, 0)           a node of the tree by which newer servers find the groups of an entry

All are quadruples, so that a million keys are some thousand shapes and how often each occurs: the memory of a
file is then known for every server at once. Headers tell the lengths, those of what LZF packs too; a value is
decoded only where servers lay it out anew, or its fields expire.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.element_sizes import size_at
from rdbcodec.facts.memory.kinds import INTEGER, KEY, OPAQUE, SHARED, STRING, Shape
from rdbcodec.facts.memory.sizes import value_shapes
from rdbcodec.records import Entry
from rdbcodec.wire.integers import I64_DIGITS, integer_in
from rdbcodec.wire.strings import INTEGER_SIZE, LAST_DIGIT

_SHARED_NUMBERS = 10000  # those below are one object each for the whole server


def shapes_of(entry: Entry) -> Iterator[list[Shape]]:
    """The shapes of an entry in batches; a large one is read for it, and has passed by then.

    A damaged value that is held counts as opaque: a check says what it has. A large one raises DecodeError.
    """
    if not entry.code and not entry.is_large:
        yield [string_shape(entry)]
        return
    expires = int(entry.expires_at_ms is not None)
    key = size_at(entry.name_bytes, 0)
    if entry.row.type == "string":
        yield [(STRING, key, _large_string(entry), expires)]
        return
    yield [(KEY, key, 0, expires)]
    if entry.is_large:
        yield from value_shapes(entry)
        return
    try:
        yield list(chain.from_iterable(value_shapes(entry)))
    except (DecodeError, IndexError):
        yield [(OPAQUE, len(entry.raw), 0, 0)]


def string_shape(entry: Entry) -> Shape:
    """The shape of a key with a string that is held: a look at two headers, and whether it is a number."""
    record, key = entry._record, entry._record[1]
    if key >= 0x40:
        key = size_at(record, 1)
    return STRING, key, string_size(record, entry._start), 0 if entry.expires_at_ms is None else 1


def string_size(buf: bytes, pos: int) -> int:
    """The length of the text at `pos`, or that servers keep it as a number."""
    size = buf[pos]
    if size < 0x40:
        if 0 < size <= I64_DIGITS and buf[pos + 1] <= LAST_DIGIT:
            number = integer_in(buf[pos + 1 : pos + 1 + size])
            return size if number is None else _object_of(number)
        return size
    if size in INTEGER_SIZE:
        return _object_of(int.from_bytes(buf[pos + 1 : pos + 1 + INTEGER_SIZE[size]], "little", signed=True))
    return size_at(buf, pos)


def _object_of(number: int) -> int:
    return SHARED if 0 <= number < _SHARED_NUMBERS else INTEGER


def _large_string(entry: Entry) -> int:
    head = b""
    for piece in entry.chunks():
        head += piece[:_HEADERS]
        if len(head) >= _HEADERS:
            break
    return size_at(head, 0)


_HEADERS = 19  # bytes of the longest header of a string: LZF, and two lengths of nine
