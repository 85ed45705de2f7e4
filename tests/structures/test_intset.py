"""The intset: what its essay shows, what a real server loaded, every width, and every way to be wrong."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import intset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures"
VALUES: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]

SHOWN = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f ]+)\| ", intset.__doc__ or "", re.MULTILINE)))
TEXTS = [b"-40000", b"-2", b"1", b"30000"]


def pieces(blob: bytes, size: int) -> Iterator[bytes]:
    return (blob[at : at + size] for at in range(0, len(blob), size))


def gather(batches: Iterable[list[bytes]]) -> list[bytes]:
    return [member for batch in batches for member in batch]


def decode_bytewise(blob: bytes) -> list[bytes]:
    return gather(intset.iter_decode(pieces(blob, 1)))


def refusal(decode: Callable[[bytes], object], blob: bytes) -> tuple[str, int | None]:
    with pytest.raises(CorruptStructure) as caught:
        decode(blob)
    assert type(caught.value) is CorruptStructure
    return caught.value.message, caught.value.pos


def outcome(decode: Callable[[bytes], list[bytes]], blob: bytes) -> list[bytes] | None:
    """The members, or None for damage; every other exception is a bug and passes through."""
    try:
        return decode(blob)
    except CorruptStructure:
        return None


def test_the_essay_shows_an_intset_of_four_members() -> None:
    assert intset.decode(SHOWN) == decode_bytewise(SHOWN) == TEXTS
    assert intset.encode([1, -2, 30000, -40000]) == SHOWN
    assert intset.count(SHOWN) == intset.count(SHOWN[:8]) == 4


def test_a_value_that_servers_loaded_is_read_and_written_back_the_same() -> None:
    blob = bytes.fromhex(VALUES["11"])[1:]
    assert intset.decode(blob) == [b"1", b"2", b"3"]
    assert intset.encode([1, 2, 3]) == blob


def test_an_empty_intset_has_no_members() -> None:
    blob = bytes.fromhex("02000000 00000000")
    assert intset.decode(blob) == decode_bytewise(blob) == []
    assert intset.encode([]) == blob


@every(
    ("member", "width", "raw"),
    [
        (32767, 2, "ff7f"),
        (-32768, 2, "0080"),
        (32768, 4, "00800000"),
        (-32769, 4, "ff7fffff"),
        (2**31 - 1, 4, "ffffff7f"),
        (-(2**31), 4, "00000080"),
        (2**31, 8, "0000008000000000"),
        (-(2**31) - 1, 8, "ffffff7fffffffff"),
        (2**63 - 1, 8, "ffffffffffffff7f"),
        (-(2**63), 8, "0000000000000080"),
    ],
)
def test_the_widest_member_sets_the_width(member: int, width: int, raw: str) -> None:
    blob = bytes([width, 0, 0, 0, 1, 0, 0, 0]) + bytes.fromhex(raw)
    assert intset.encode([member]) == blob
    assert intset.decode(blob) == decode_bytewise(blob) == [b"%d" % member]
    assert intset.encode([0, member])[0] == width


def test_a_width_that_is_larger_than_needed_is_legal() -> None:
    blob = bytes.fromhex("08000000 02000000 ffffffffffffffff 0500000000000000")
    assert intset.decode(blob) == decode_bytewise(blob) == [b"-1", b"5"]


def test_members_are_written_sorted_and_once() -> None:
    assert intset.decode(intset.encode([3, 1, 2, 3, -1])) == [b"-1", b"1", b"2", b"3"]


@given(
    st.sets(st.one_of(st.integers(-300, 300), st.integers(-(2**63), 2**63 - 1))),
    st.lists(st.integers(0, 900)),
)
def test_what_was_encoded_is_decoded_from_any_chunks(members: set[int], cuts: list[int]) -> None:
    blob = intset.encode(members)
    texts = [b"%d" % member for member in sorted(members)]
    assert intset.decode(blob) == decode_bytewise(blob) == texts
    ends = sorted({0, len(blob), *(cut % (len(blob) + 1) for cut in cuts)})
    chunks = [b"", *(blob[start:end] for start, end in pairwise(ends)), b""]
    assert gather(intset.iter_decode(chunks)) == texts


def test_a_large_intset_is_decoded_in_batches() -> None:
    members = range(-200_000, 200_000)
    blob = intset.encode(members)
    assert intset.decode(blob) == [b"%d" % member for member in members]
    batches = list(intset.iter_decode(pieces(blob, 65_537)))
    assert gather(batches) == intset.decode(blob)
    assert len(batches) == 25
    assert max(map(len, batches)) == 16385


@every(
    ("blob", "message", "pos"),
    [
        ("", "intset is 0 bytes, its header takes 8", 0),
        ("02000000 000000", "intset is 7 bytes, its header takes 8", 0),
        ("00000000 00000000", "intset width is 0, it is 2, 4 or 8", 0),
        ("03000000 00000000", "intset width is 3, it is 2, 4 or 8", 0),
        ("10000000 00000000", "intset width is 16, it is 2, 4 or 8", 0),
        ("02000000 02000000 0100", "intset is 10 bytes, 2 members of 2 take 12", 4),
        ("02000000 02000000 010002", "intset is 11 bytes, 2 members of 2 take 12", 4),
        ("08000000 ffffffff 0100", "intset is 10 bytes, 4294967295 members of 8 take 34359738368", 4),
        ("02000000 02000000 0100 0100", "intset member is not greater than the one before", 10),
        ("02000000 02000000 0100 ffff", "intset member is not greater than the one before", 10),
        ("02000000 03000000 0100 0200 0100", "intset member is not greater than the one before", 12),
    ],
)
def test_damage_is_told_with_its_place(blob: str, message: str, pos: int) -> None:
    raw = bytes.fromhex(blob)
    assert refusal(intset.decode, raw) == (message, pos)
    assert refusal(decode_bytewise, raw) == (message, pos)
    assert refusal(lambda raw: list(intset.iter_decode([raw])), raw) == (message, pos)


def test_bytes_after_the_last_member_are_refused() -> None:
    assert refusal(intset.decode, SHOWN + b"\0") == ("intset is 25 bytes, 4 members of 4 take 24", 4)
    assert refusal(decode_bytewise, SHOWN + b"\0") == ("intset goes on after 4 members of 4 bytes", 24)


def test_an_endless_stream_is_left_after_the_last_member() -> None:
    def endless() -> Iterator[bytes]:
        yield SHOWN
        while True:
            yield bytes(1000)

    with pytest.raises(CorruptStructure, match=r"^intset goes on after 4 members of 4 bytes$"):
        list(intset.iter_decode(endless()))


def test_the_header_must_be_there_to_be_counted() -> None:
    assert refusal(intset.count, bytes(7)) == ("intset is 7 bytes, its header takes 8", 0)


def test_an_intset_cut_anywhere_is_damage() -> None:
    for size in range(len(SHOWN)):
        assert outcome(intset.decode, SHOWN[:size]) is None
        assert outcome(decode_bytewise, SHOWN[:size]) is None


def test_any_one_byte_changed_gives_members_or_damage_and_the_same_in_chunks() -> None:
    for at in range(len(SHOWN)):
        for byte in range(256):
            blob = SHOWN[:at] + bytes([byte]) + SHOWN[at + 1 :]
            assert outcome(decode_bytewise, blob) == outcome(intset.decode, blob)


@given(st.sampled_from([2, 4, 8]), st.integers(0, 8), st.binary(max_size=64))
def test_any_bytes_after_a_header_give_members_or_damage(width: int, declared: int, body: bytes) -> None:
    blob = bytes([width, 0, 0, 0, declared, 0, 0, 0]) + body
    assert outcome(decode_bytewise, blob) == outcome(intset.decode, blob)


def test_integers_beyond_64_bits_are_refused() -> None:
    for member, bits in ((2**63, 65), (-(2**63) - 1, 65), (2**100, 102)):
        with pytest.raises(ValueError, match=f"^intset members have 64 bits, one of these takes {bits}$"):
            intset.encode([1, member])
