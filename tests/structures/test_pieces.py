"""Packed structures too large to hold are decoded from chunks, but one element must fit."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from cases import every

from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.limits import MAX_ELEMENT
from rdbcodec.structures import listpack, ziplist, zipmap
from rdbcodec.wire.integers import integer_in, integers_in
from rdbcodec.wire.long_strings import Held, Spool, skip

HUGE = 1 << 31
# The beginning of a structure whose first element says that it is HUGE bytes long.
STARTS: dict[str, tuple[Callable[[Iterator[bytes]], Iterator[object]], bytes]] = {
    "listpack": (listpack.iter_decode, struct.pack("<IHBI", HUGE + 20, 1, 0xF0, HUGE)),
    "ziplist": (
        ziplist.iter_decode,
        struct.pack("<IIHBB", HUGE + 20, 10, 1, 0, 0x80) + struct.pack(">I", HUGE),
    ),
    "zipmap": (zipmap.iter_decode, struct.pack("<BBI", 1, 0xFE, HUGE)),
}


@pytest.mark.parametrize("name", STARTS)
def test_an_element_too_large_to_hold_is_refused_before_it_is_held(name: str) -> None:
    iter_decode, start = STARTS[name]
    given = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given
        yield start
        while True:
            given += 1 << 20
            yield bytes(1 << 20)

    with pytest.raises(LimitExceeded) as error:
        list(iter_decode(chunks()))
    assert error.value.limit == MAX_ELEMENT
    assert given <= 4 * MAX_ELEMENT


LONG = bytes(range(256)) * 300
ELEMENTS = [b"short", LONG, b"7", LONG[1:], b"\xff" * 20_000, LONG[:-1]]
PACKED: dict[str, tuple[Callable[..., Iterator[list[bytes]]], bytes]] = {
    "listpack": (listpack.iter_decode, listpack.encode(ELEMENTS)),
    "listpack, short back-lengths": (
        listpack.iter_decode,
        listpack.encode([*ELEMENTS, bytes(16379)], short_backlen=True),
    ),
    "ziplist": (ziplist.iter_decode, ziplist.encode(ELEMENTS)),
}


def cut(blob: bytes, size: int) -> Iterator[bytes]:
    return iter([blob[at : at + size] for at in range(0, len(blob), size)])


@every("limit", [10, 16379, 30_000])
@every("size", [7, 4096, 1 << 20])
@every("name", PACKED)
def test_an_element_too_large_to_hold_is_given_in_pieces(name: str, size: int, limit: int) -> None:
    iter_decode, blob = PACKED[name]
    held = Held(limit, Spool().keep)
    found = [one for batch in iter_decode(cut(blob, size), held) for one in batch]
    assert all(isinstance(one, bytes) or len(one) > limit for one in found)
    whole = [one if isinstance(one, bytes) else b"".join(one.pieces()) for one in found]
    assert whole[: len(ELEMENTS)] == ELEMENTS
    assert len(whole) == len(next(iter_decode(iter([blob]))))


@pytest.mark.parametrize("name", PACKED)
def test_damage_around_an_element_that_passes_by_is_refused_as_around_a_held_one(name: str) -> None:
    iter_decode, blob = PACKED[name]
    for at in (*range(30), *range(len(LONG) - 20, len(LONG) + 40)):
        damaged = blob[:at] + bytes((blob[at] ^ 0x11,)) + blob[at + 1 :]
        for bad in (damaged, blob[:at]):
            assert outcome(iter_decode, bad, Held(1000, skip)) == outcome(iter_decode, bad, Held())


def outcome(iter_decode: Callable[..., Iterator[list[bytes]]], blob: bytes, held: Held) -> object:
    try:
        return sum(map(len, iter_decode(cut(blob, 4096), held)))
    except CorruptStructure:  # its words depend on what was there to look at
        return "refused"


@every(
    ("text", "number"),
    [
        (b"0", 0),
        (b"-1", -1),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775808", None),
        (b"-0", None),
        (b"+1", None),
        (b"01", None),
        (b" 1", None),
        (b"", None),
        (b"-", None),
        (b"\xd9\xa1", None),
    ],
)
def test_canonical_integers_and_nothing_else_are_integers(text: bytes, number: int | None) -> None:
    assert integer_in(text) == number
    assert integers_in([b"7", text]) == (None if number is None else [7, number])
    assert integers_in([text]) == (None if number is None else [number])
