"""Packed structures too large to hold are decoded from chunks, but one element must fit."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from rdbcodec.errors import LimitExceeded
from rdbcodec.limits import MAX_ELEMENT
from rdbcodec.structures import listpack, ziplist, zipmap
from rdbcodec.wire.integers import integer_in

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


@pytest.mark.parametrize(
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
