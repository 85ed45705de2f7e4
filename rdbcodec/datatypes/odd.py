"""What is odd about values: how the looks of the types say so, and those that packed structures share.

A look goes over a value as loaders do and further, and never raises for damage it can name: it yields
Oddities. What each server makes of a trait is told in rdbcodec.integrity.traits.

What a loader takes whole, such as a listpack, is looked at in two steps, because most loaders check no more
than its size and its end: that is "listpack"; what is wrong between them is "listpack-inside".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rdbcodec.datatypes.clear import AreClear, are_ascending, are_distinct, are_fields, clear_when
from rdbcodec.datatypes.scope import Scope, read_blob
from rdbcodec.errors import CorruptStructure
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import doubles
from rdbcodec.wire.cursor import Cursor

# Above these defaults of the servers a packed value is unpacked while loading, and then checked.
HASH_ENTRIES, SET_ENTRIES, ZSET_ENTRIES, INTSET_ENTRIES, HASH_VALUE = 512, 128, 128, 512, 64


class Oddity(NamedTuple):
    """A trait that was found, and the words for what of it differs from case to case."""

    trait: str
    detail: str


Look = Callable[[bytes, Scope], Iterable[Oddity]]
Columns = Callable[[Cursor, Scope], Iterator[tuple[list[bytes], Sequence[float]]]]


class Odd(NamedTuple):
    """How a layout is looked at, and the traits of what can be wrong with it.

    `damage` is that of a value which cannot be read, `large_damage` the same where it passes by, when whether
    it is the frame or the inside is not known; `twice` and `nan` are those of a large value with something
    twice, or with a score that is no number. `is_checked` says that loaders refuse what decodes whole, or
    that there are words for it: so a check asks the look and not the decoder. `is_sound` says of a value that
    was decoded that the look would find nothing; None where decoding overlooks something. `are_clear` says
    the same of many as on disk, and that they decode: see clear.py. `columns` reads, as `items` of the layout
    does, no more of a large value than its names, which must be there once, and its scores; without it
    they are taken from its items.
    """

    look: Look | None = None
    damage: str = "table"
    large_damage: str | None = None
    twice: str | None = None
    nan: str | None = None
    is_checked: bool = False
    is_sound: Callable[[Any], bool] | None = None
    are_clear: AreClear | None = None
    columns: Columns | None = None


def are_finite(value: Mapping[bytes, float]) -> bool:
    """`is_sound` of a sorted set: it is not empty, and no score is "not a number"."""
    return len(value) > 0 and math.isfinite(sum(value.values()))


def ascend(value: Mapping[bytes, float]) -> bool:
    """The same of one whose members are in order of their scores."""
    pairs = list(zip(value.values(), value, strict=True))
    return are_finite(value) and pairs == sorted(pairs)


UNDECODABLE = Odd(damage="undecodable")


# --- packed structures ------------------------------------------------------------------------------


class Packing(NamedTuple):
    """What a value keeps in a packed structure: elements each, and how many until it is unpacked.

    `are_clear` says of its elements that nothing is odd about them.
    """

    width: int
    limit: float
    unique: bool = True
    scored: bool = False
    are_clear: Callable[[list[bytes]], bool] = bool


IN_LIST = Packing(1, math.inf, unique=False)
IN_SET = Packing(1, SET_ENTRIES, are_clear=are_distinct)
IN_HASH = Packing(2, HASH_ENTRIES, are_clear=are_fields)
IN_ZSET = Packing(2, ZSET_ENTRIES, scored=True, are_clear=are_ascending)


def listpack_odd(packing: Packing, nan: str | None = None) -> Odd:
    """For values that are one listpack."""
    twice = "listpack-twice-large" if packing.unique else None
    look = partial(_look, name="listpack", packing=packing)
    return _packed_odd(look, twice, nan, packing, listpack.decode)


def ziplist_odd(packing: Packing, nan: str | None = None) -> Odd:
    """For values that are one ziplist."""
    twice = "ziplist-twice" if packing.unique else None
    look = partial(_look, name="ziplist", packing=packing)
    return _packed_odd(look, twice, nan, packing, ziplist.decode)


def _packed_odd(
    look: Look, twice: str | None, nan: str | None, packing: Packing, decode: Callable[[bytes], list[bytes]]
) -> Odd:
    is_sound = ascend if packing.scored else bool
    are_clear = clear_when(decode, packing.are_clear)
    return Odd(look, "lzf", "undecodable", twice, nan, is_sound=is_sound, are_clear=are_clear)


def _look(raw: bytes, scope: Scope, name: str, packing: Packing) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    elements = yield from elements_of(name, blob, packing)
    if elements is not None:
        yield from _in_elements(name, elements, packing)


def elements_of(name: str, blob: bytes, packing: Packing, inside: str | None = None) -> Any:
    """The elements; None when they cannot be had, and what is odd about that is told.

    `inside` is the trait of damage between frame and end where it has one of its own.
    """
    structure, header = _STRUCTURES[name]
    try:
        return structure.decode(blob)
    except CorruptStructure as error:
        if not is_framed(name, blob):
            yield Oddity(name, error.message)
        else:
            count = structure.count(blob[:header])
            is_large = count is None or count > packing.limit * packing.width
            yield Oddity(inside or _large(f"{name}-inside", is_large), error.message)
        return None


def is_framed(name: str, blob: bytes) -> bool:
    """Whether size and end are right, which is all that most loaders look at."""
    _, header = _STRUCTURES[name]
    size = int.from_bytes(blob[:4], "little")
    if len(blob) <= header or size != len(blob) or blob[-1] != 0xFF:
        return False
    return name == "listpack" or int.from_bytes(blob[4:8], "little") < size


def _in_elements(name: str, elements: Sequence[bytes], packing: Packing) -> Iterator[Oddity]:
    count = len(elements) // packing.width
    is_large = count > packing.limit
    if not elements:
        yield Oddity("empty", "")
    elif len(elements) % packing.width:
        yield Oddity(_large(f"{name}-inside", is_large), f"{len(elements)} elements are no pairs")
        return
    if packing.unique and len(set(elements[:: packing.width])) != count:
        yield Oddity(_large(f"{name}-twice", is_large), "")
    if packing.scored:
        yield from _in_scores(elements, is_large)


def _large(trait: str, is_large: bool) -> str:
    """Loaders of 7.0 and later look at each entry of a ziplist anyway."""
    return f"{trait}-large" if is_large and trait.startswith("listpack") else trait


def _in_scores(elements: Sequence[bytes], is_large: bool) -> Iterator[Oddity]:
    texts = elements[1::2]
    try:
        scores = list(map(doubles.parse, texts))
    except CorruptStructure as error:
        yield Oddity("score-text", error.message)
        is_nan = any(map(_is_nan, texts))  # servers take what their strtod makes of the beginning
        scores = []
    else:
        is_nan = any(map(math.isnan, scores))
    if is_nan:
        yield Oddity("score-packed-large" if is_large else "score-packed", "")
    elif any(map(_descends, scores, elements[::2], scores[1:], elements[2::2])):
        yield Oddity("score-order", "")


def _is_nan(text: bytes) -> bool:
    return re.match(rb"\s*[+-]?nan", text, re.IGNORECASE) is not None


def _descends(score: float, member: bytes, next_score: float, next_member: bytes) -> bool:
    return (score, member) > (next_score, next_member)


_STRUCTURES: dict[str, tuple[Any, int]] = {"listpack": (listpack, 6), "ziplist": (ziplist, 10)}
