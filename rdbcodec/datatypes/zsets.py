"""Sorted sets: with text or binary scores, in a ziplist or a listpack (rdb-format.md, 3.4, 4.3, 4.4).

3   LENGTH n  (STRING member  TEXT_DOUBLE score)*n
5   LENGTH n  (STRING member  F64 score)*n
12  STRING, a ziplist of member, score
17  STRING, a listpack of member, score
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import lt
from typing import Any

from rdbcodec.datatypes.layout import DataType, Layout, Part, Text, count_length, count_packed, packed_layout
from rdbcodec.datatypes.natural import are_bytes, text_of
from rdbcodec.datatypes.odd import IN_ZSET, Look, Odd, Oddity, are_finite, listpack_odd, ziplist_odd
from rdbcodec.datatypes.packed import (
    encode_blob,
    encode_listpack,
    encode_table,
    encode_ziplist,
    is_clear,
    is_small,
    parts_of_table,
    text_encoder,
)
from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    check_whole,
    check_width,
    grouped,
)
from rdbcodec.datatypes.score_texts import score_texts
from rdbcodec.datatypes.scored_tables import Scored, floats, take_apart, take_scored, take_text_scored
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import doubles, lengths
from rdbcodec.wire.cursor import Cursor, Reader
from rdbcodec.wire.lzf import MIN_SIZE
from rdbcodec.wire.strings import MAX_INTEGER_TEXT

_FLOATS = {float}
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
    count, pos = lengths.read(raw, 0)
    out: list[Scored] = []
    end = take_text_scored(raw, pos, count, out, scope.budget)
    check_whole(len(out), count, end, raw, scope.budget)
    return _distinct(out)


def decode_zset_2(raw: bytes, scope: Scope) -> ZSet:
    """Type 5."""
    count, pos = lengths.read(raw, 0)
    members: list[bytes] = []
    scores: list[bytes] = []
    end = take_apart(raw, pos, count, members, scores=scores, budget=scope.budget)
    check_whole(len(members), count, end, raw, scope.budget)
    value = ZSet(zip(members, floats(scores)))  # noqa: B905 - as many
    check_distinct(len(value), len(members), "sorted set members")
    return value


def encode_zset(value: ZSet, server: Server) -> bytes:
    """Type 3, in the order given: servers wrote it as their hash tables lay."""
    return encode_table(len(value), value.items(), _encode_text_scored, server)


def encode_zset_2(value: ZSet, server: Server) -> bytes:
    """Type 5, greatest first: that is how servers since 4.0 write and fastest read it."""
    return lengths.encode(len(value)) + _encode_pairs(_ascending(value)[::-1], server)


def _parts_in_order(values: Iterator[ZSet], server: Server) -> Iterator[tuple[int, bytes]]:
    """`parts` of type 5."""
    for value in _greatest_first(values):
        yield len(value), _encode_pairs(value.items(), server)


def _greatest_first(values: Iterator[ZSet]) -> Iterator[ZSet]:
    """The parts of a sorted set, which stand as servers write them."""
    before: list[Scored] = []
    for value in values:
        pairs = list(value.items())
        if _ascending(ZSet(before + pairs))[::-1] != before + pairs:
            raise EncodeError("a score stands before greater ones")
        before = pairs[-1:]
        yield value


def _encode_text_scored(pairs: Iterable[Scored], text: Text) -> Iterator[Part]:
    """The elements of type 3."""
    for member, score in pairs:
        check_score(score)
        yield text(member)
        yield doubles.encode_text(score)


def _encode_scored(pairs: Iterable[Scored], text: Text) -> Iterator[Part]:
    """The elements of type 5."""
    pack = _F64.pack
    for member, score in pairs:
        if score != score:  # noqa: PLR0124 - a third of the time of asking math.isnan
            check_score(score)
        yield text(member)
        yield pack(score)


def _encode_pairs(pairs: Iterable[Scored], server: Server) -> bytes:
    """The same of numbers, all in hand; short members, as most are, are written as `encode_strings` does."""
    text, pack, most = text_encoder(server), _F64.pack, MAX_INTEGER_TEXT
    return b"".join(
        [
            b"%c%b%b" % (size, member, pack(score))
            if (size := len(member)) < MIN_SIZE and (size > most or member > b":")
            else text(member) + pack(score)
            for member, score in pairs
        ]
    )


def _ascending(value: ZSet) -> list[Scored]:
    """By score, then member: the order that packed sorted sets must have (rdb-format.md, 4.1)."""
    scores = list(value.values())
    if any(map(math.isnan, scores)):
        check_score(math.nan)
    if all(map(lt, scores, scores[1:])):  # as they stand in packed ones
        return list(value.items())
    return [(member, score) for score, member in sorted(zip(value.values(), value, strict=True))]


def check_score(score: float) -> None:
    """Raise EncodeError for the one float that is no score."""
    if math.isnan(score):
        raise EncodeError("a score is not a number, which no server loads")


def zset_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 3 in batches of (member, score)."""
    reader: Reader[Scored] = partial(take_text_scored, budget=scope.budget)
    yield from cursor.batches(reader, _slow_text_scored, cursor.length())


def zset_2_items(cursor: Cursor, scope: Scope) -> Iterator[list[Scored]]:
    """Type 5 in batches of (member, score)."""
    reader: Reader[Scored] = partial(take_scored, budget=scope.budget)
    yield from cursor.batches(reader, _slow_scored, cursor.length())


def _columns(cursor: Cursor, scope: Scope) -> Iterator[tuple[list[bytes], tuple[float, ...]]]:
    """Members and scores of type 5, apart: no pair is made, and scores are numbers all at once."""
    scores: list[bytes] = []

    def slow(cursor: Cursor) -> bytes:
        member = cursor.element()
        scores.append(cursor.fixed(8))
        return member

    reader = partial(take_apart, scores=scores, budget=scope.budget)
    for members in cursor.batches(reader, slow, cursor.length()):
        yield members, floats(scores)
        scores.clear()


def _slow_scored(cursor: Cursor) -> Scored:
    member = cursor.element()
    return member, _F64.unpack(cursor.fixed(8))[0]


def _slow_text_scored(cursor: Cursor) -> Scored:
    return cursor.element(), cursor.text_double()


def _from_flat(flat: list[bytes]) -> ZSet:
    scores = flat[1::2]
    count = len(scores)
    if 2 * count != len(flat):
        check_width(flat, 2, "sorted set blob")
    value = ZSet(zip(flat[0::2], doubles.parse_all(scores)))  # noqa: B905 - strict doubles the time of zip
    if len(value) != count:
        check_distinct(len(value), count, "sorted set members")
    return value


def zset_in_ziplist(blob: bytes) -> ZSet:
    """Type 12."""
    return _from_flat(ziplist.decode(blob))


def zset_in_listpack(blob: bytes) -> ZSet:
    """Type 17."""
    return _from_flat(listpack.decode(blob))


def encode_zset_ziplist(value: ZSet, server: Server) -> bytes:
    """Type 12."""
    return encode_blob(encode_ziplist(_flat(value, server), server), server)


def encode_zset_listpack(value: ZSet, server: Server) -> bytes:
    """Type 17."""
    return encode_blob(encode_listpack(_flat(value, server), server), server)


def _flat(value: ZSet, server: Server) -> list[bytes]:
    pairs = _ascending(value)
    texts = score_texts([score for _, score in pairs], server.version)
    return [text for (member, _), score in zip(pairs, texts, strict=True) for text in (member, score)]


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


# --- plain values, what servers choose, and what can be odd -----------------------------------------


def natural_zset(value: Any) -> ZSet:
    """The sorted set, its members bytes and its scores floats."""
    if value.__class__ is ZSet and are_bytes(value) and set(map(type, value.values())) <= _FLOATS:
        natural: ZSet = value
        return natural
    changed = ZSet({text_of(member): _natural_score(score) for member, score in value.items()})
    if len(changed) != len(value):
        raise EncodeError("two members of the sorted set are the same bytes", value=value)
    return changed


def _natural_score(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise EncodeError("a score is not a number") from None  # Python's own words show it


def _choose(value: ZSet, server: Server) -> Iterator[str]:
    most = server.thresholds
    if is_small(value, len(value), most.zset_entries, most.zset_value):
        if is_clear(value, server):
            yield "zset-listpack"
        yield "zset-ziplist"
    yield from ("zset-2", "zset")


def _looking(take: Callable[..., int]) -> Look:
    def look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
        count, pos = lengths.read(raw, 0)
        pairs: list[Scored] = []
        end = take(raw, pos, count, pairs, scope.budget)
        check_whole(len(pairs), count, end, raw, scope.budget)
        if not pairs:
            yield Oddity("empty", "")
        if len(dict(pairs)) != len(pairs):
            yield Oddity("zset-twice", "")
        if any(math.isnan(score) for _, score in pairs):
            yield Oddity("score", "")

    return look


_NAN_IN_PACKED = "score-packed-large"

LAYOUTS = {
    "zset": Layout(
        decode_zset,
        zset_items,
        count_length,
        encode_zset,
        elements=_encode_text_scored,
        parts=parts_of_table(dict.items, _encode_text_scored),
        odd=Odd(_looking(take_text_scored), twice="zset-twice", nan="score", is_sound=are_finite),
    ),
    "zset-2": Layout(
        decode_zset_2,
        zset_2_items,
        count_length,
        encode_zset_2,
        elements=_encode_scored,
        parts=_parts_in_order,
        odd=Odd(
            _looking(take_scored), twice="zset-twice", nan="score", is_sound=are_finite, columns=_columns
        ),
    ),
    "zset-ziplist": packed_layout(
        zset_in_ziplist,
        zset_ziplist_items,
        count_packed(ziplist.count, width=2),
        encode_zset_ziplist,
        ziplist_odd(IN_ZSET, _NAN_IN_PACKED),
    ),
    "zset-listpack": packed_layout(
        zset_in_listpack,
        zset_listpack_items,
        count_packed(listpack.count, width=2),
        encode_zset_listpack,
        listpack_odd(IN_ZSET, _NAN_IN_PACKED),
    ),
}
TYPES = (
    DataType(
        "zset",
        (ZSet,),
        natural_zset,
        choose=_choose,
        empty="dropped",
        names=lambda pairs: [member for member, _ in pairs],
    ),
)
