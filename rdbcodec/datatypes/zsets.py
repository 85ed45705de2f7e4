"""Sorted sets: with text or binary scores, in a ziplist or a listpack (rdb-format.md, 3.4, 4.3, 4.4).

3   LENGTH n  (STRING member  TEXT_DOUBLE score)*n
5   LENGTH n  (STRING member  F64 score)*n
12  STRING, a ziplist of member, score
17  STRING, a listpack of member, score
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial

from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    check_whole,
    check_width,
    grouped,
    read_blob,
)
from rdbcodec.errors import LimitExceeded
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.cursor import Cursor, Reader
from rdbcodec.wire.strings import Budget

Scored = tuple[bytes, float]
_F64 = struct.Struct("<d")


class ZSet(dict[bytes, float]):
    """A Redis sorted set, member -> score, in file order (large ones: greatest first since 4.0)."""

    __slots__ = ()


def _distinct(pairs: list[Scored]) -> ZSet:
    value = ZSet(pairs)
    check_distinct(len(value), len(pairs), "sorted set members")
    return value


def decode_zset(raw: bytes, scope: Scope) -> ZSet:
    """Type 3."""
    return _read(raw, take_text_scored, scope.budget)


def decode_zset_2(raw: bytes, scope: Scope) -> ZSet:
    """Type 5."""
    return _read(raw, take_scored, scope.budget)


def zset_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 3 in batches of (member, score)."""
    reader: Reader[Scored] = partial(take_text_scored, budget=scope.budget)
    yield from cursor.batches(reader, _slow_text_scored, cursor.length())


def zset_2_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 5 in batches of (member, score)."""
    reader: Reader[Scored] = partial(take_scored, budget=scope.budget)
    yield from cursor.batches(reader, _slow_scored, cursor.length())


def _read(raw: bytes, take: Callable[[bytes, int, int, list[Scored], Budget], int], budget: Budget) -> ZSet:
    count, pos = lengths.read(raw, 0)
    out: list[Scored] = []
    end = take(raw, pos, count, out, budget)
    check_whole(len(out), count, end, raw, budget)
    return _distinct(out)


def take_scored(buf: bytes, pos: int, count: int, out: list[Scored], budget: Budget) -> int:
    """Append up to `count` whole (STRING, F64) pairs; see strings.take."""
    unpack = _F64.unpack_from
    limit = len(buf) - 8
    append = out.append
    try:
        while count:
            start = pos + 1
            head = buf[pos]
            if head < 0x40:
                end = start + head
                member = buf[start:end]
            else:
                member, end = strings.read(buf, pos, budget)
            if end > limit:
                break
            append((member, unpack(buf, end)[0]))
            pos = end + 8
            count -= 1
    except (IndexError, LimitExceeded):
        pass
    return pos


def take_text_scored(buf: bytes, pos: int, count: int, out: list[Scored], budget: Budget) -> int:
    """Append up to `count` whole (STRING, TEXT_DOUBLE) pairs; see strings.take."""
    try:
        while count:
            member, end = strings.read(buf, pos, budget)
            score, end = doubles.read_text(buf, end)
            out.append((member, score))
            pos = end
            count -= 1
    except (IndexError, LimitExceeded):
        pass
    return pos


def _slow_scored(cursor: Cursor) -> Scored:
    member = cursor.element()
    return member, _F64.unpack(cursor.fixed(8))[0]


def _slow_text_scored(cursor: Cursor) -> Scored:
    return cursor.element(), cursor.text_double()


def _pairs(flat: list[bytes]) -> list[Scored]:
    check_width(flat, 2, "sorted set blob")
    return list(zip(flat[0::2], map(doubles.parse, flat[1::2]), strict=True))


def decode_zset_ziplist(raw: bytes, scope: Scope) -> ZSet:
    """Type 12."""
    return _distinct(_pairs(ziplist.decode(read_blob(raw, scope))))


def decode_zset_listpack(raw: bytes, scope: Scope) -> ZSet:
    """Type 17."""
    return _distinct(_pairs(listpack.decode(read_blob(raw, scope))))


def zset_ziplist_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 12 in batches of (member, score)."""
    del scope
    yield from _blob_items(blob_items(cursor, ziplist.decode, ziplist.iter_decode))


def zset_listpack_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 17 in batches of (member, score)."""
    del scope
    yield from _blob_items(blob_items(cursor, listpack.decode, listpack.iter_decode))


def _blob_items(batches: Iterator[list[bytes]]) -> Iterator[list[Scored]]:
    for batch in grouped(batches, 2, "sorted set blob"):
        yield [(member, doubles.parse(score)) for member, score in batch]
