"""Sorted sets: with text or binary scores, in a ziplist or a listpack (rdb-format.md, 3.4, 4.3, 4.4).

3   LENGTH n  (STRING member  TEXT_DOUBLE score)*n
5   LENGTH n  (STRING member  F64 score)*n
12  STRING, a ziplist of member, score
17  STRING, a listpack of member, score
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from functools import partial

from rdbcodec.datatypes.packed import encode_blob, encode_listpack, encode_ziplist
from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    check_whole,
    check_width,
    grouped,
    read_blob,
)
from rdbcodec.errors import CorruptStructure, EncodeError, LimitExceeded
from rdbcodec.formats import SINCE
from rdbcodec.servers import Server
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


def encode_zset(value: ZSet, server: Server) -> bytes:
    """Type 3, in the order given: servers wrote it as their hash tables lay."""
    parts = [lengths.encode(len(value))]
    for member, score in value.items():
        check_score(score)
        parts.append(strings.encode(member, compress=server.compress))
        parts.append(doubles.encode_text(score))
    return b"".join(parts)


def encode_zset_2(value: ZSet, server: Server) -> bytes:
    """Type 5, greatest first: that is how servers since 4.0 write and fastest read it."""
    parts = [lengths.encode(len(value))]
    for member, score in _descending(value):
        parts.append(strings.encode(member, compress=server.compress))
        parts.append(_F64.pack(score))
    return b"".join(parts)


def _ascending(value: ZSet) -> list[Scored]:
    """By score, then member: the order that packed sorted sets must have (rdb-format.md, 4.1)."""
    if any(map(math.isnan, value.values())):
        check_score(math.nan)
    return sorted(value.items(), key=lambda pair: (pair[1], pair[0]))


def check_score(score: float) -> None:
    """Raise EncodeError for the one float that is no score."""
    if math.isnan(score):
        raise EncodeError("a score is not a number, which no server loads")


def _descending(value: ZSet) -> list[Scored]:
    return _ascending(value)[::-1]


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


def encode_zset_ziplist(value: ZSet, server: Server) -> bytes:
    """Type 12."""
    return encode_blob(encode_ziplist(_flat(value, server), server), server)


def encode_zset_listpack(value: ZSet, server: Server) -> bytes:
    """Type 17."""
    return encode_blob(encode_listpack(_flat(value, server), server), server)


def _flat(value: ZSet, server: Server) -> list[bytes]:
    return [
        text for member, score in _ascending(value) for text in (member, score_text(score, server.version))
    ]


def score_text(score: float, version: int) -> bytes:
    """The text of a score inside a packed sorted set, as servers of an RDB version write it.

    Integral scores are integers, within a range that grew with 7.0; others have 17 digits before 7.2,
    and as few as read back the same since. Servers since 7.0 write -0.0 as 0; as a string it stays what
    it is in all of them.
    """
    if math.isinf(score):
        return b"inf" if score > 0 else b"-inf"
    if not score and math.copysign(1, score) < 0:
        return b"-0"
    whole = doubles.WHOLE if version < _WIDE_SINCE else _HALF_I64
    if score.is_integer() and abs(score) <= whole:
        return b"%d" % int(score)
    return b"%.17g" % score if version < _SHORT_SINCE else _shortest_text(score).encode()


_WIDE_SINCE, _SHORT_SINCE = SINCE["wide-whole-scores"], SINCE["short-scores"]
_HALF_I64 = 2.0**62  # Redis 7.0 on, the limit included (rdb-format.md, 3.4; asked of 7.0.15 and valkey 8.0.1)


def _shortest_text(score: float) -> str:
    """The digits of repr(), in the notation of servers since 7.2 (valkey 8.0.1 was asked for 15000 scores).

    A number goes without exponent when at most 7 zeros follow its digits, when its last digit is among the
    first 6 decimals, or when it is between 0.001 and 10000; so 0.000001 and 1e-7, 1234.5678901 and
    1.234567890123e+5. About one in 1000 of the servers' texts has other digits (they use an algorithm that
    does not always find the shortest), and the same value.
    """
    text = repr(abs(score))
    mantissa, _, power = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    if not power and len(fraction) <= _DECIMALS:
        return repr(score)
    digits = (whole + fraction).lstrip("0")
    last = int(power or 0) - len(fraction)  # the power of ten of the last digit
    return "-" * (score < 0) + _notation(digits, last)


def _notation(digits: str, last: int) -> str:
    first = last + len(digits) - 1
    if 0 <= last <= _ZEROS:
        return digits + "0" * last
    if last < 0 and (last >= -_DECIMALS or abs(first) < _PLAIN_POWERS):
        padded = digits.rjust(1 - last, "0")
        return f"{padded[:last]}.{padded[last:]}"
    point = "." if len(digits) > 1 else ""
    return f"{digits[0]}{point}{digits[1:]}e{first:+d}"


_DECIMALS = 6
_ZEROS = 7
_PLAIN_POWERS = 4


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
        yield [(member, _parsed(score)) for member, score in batch]


def _parsed(score: bytes) -> float:
    if not isinstance(score, bytes):
        raise CorruptStructure("a score is not a number")  # it is a LongString
    return doubles.parse(score)
