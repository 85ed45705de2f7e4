"""The ziplist: what its essay shows, what real servers wrote, every form, and every way to be wrong."""

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
from rdbcodec.structures import ziplist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures"
VALUES: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]

SHOWN = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f ]+)\| ", ziplist.__doc__ or "", re.MULTILINE)))
TEXTS = [b"a", b"5", b"300", b"-70000", b"9999999999", b""]

ANY_ELEMENT = st.one_of(
    st.binary(max_size=20),
    st.binary(min_size=50, max_size=300),
    st.text("-+0123456789", max_size=22).map(str.encode),
    st.integers(-200, 200).map(b"%d".__mod__),
    st.integers(-(2**63), 2**63 - 1).map(b"%d".__mod__),
)


def entries(*parts: str | bytes, tail: int, number: int) -> bytes:
    """A ziplist of these entries, hex or bytes."""
    body = b"".join(part if isinstance(part, bytes) else bytes.fromhex(part) for part in parts)
    header = (
        (len(body) + 11).to_bytes(4, "little") + tail.to_bytes(4, "little") + number.to_bytes(2, "little")
    )
    return header + body + b"\xff"


def pieces(blob: bytes, size: int) -> Iterator[bytes]:
    return (blob[at : at + size] for at in range(0, len(blob), size))


def gather(batches: Iterable[list[bytes]]) -> list[bytes]:
    return [element for batch in batches for element in batch]


def decode_bytewise(blob: bytes) -> list[bytes]:
    return gather(ziplist.iter_decode(pieces(blob, 1)))


def refusal(decode: Callable[[bytes], object], blob: bytes) -> tuple[str, int | None]:
    with pytest.raises(CorruptStructure) as caught:
        decode(blob)
    assert type(caught.value) is CorruptStructure
    return caught.value.message, caught.value.pos


def outcome(decode: Callable[[bytes], list[bytes]], blob: bytes) -> list[bytes] | None:
    """The elements, or None for damage; every other exception is a bug and passes through."""
    try:
        return decode(blob)
    except CorruptStructure:
        return None


def test_the_essay_shows_a_ziplist_of_six_elements() -> None:
    assert ziplist.decode(SHOWN) == TEXTS
    assert ziplist.encode(TEXTS) == ziplist.encode([b"a", 5, 300, -70000, 9999999999, b""]) == SHOWN
    assert ziplist.count(SHOWN) == ziplist.count(SHOWN[:10]) == 6


@pytest.mark.parametrize(
    ("type_code", "skipped", "elements"),
    [
        ("10", 1, [b"a", b"5", b"300"]),
        ("12", 1, [b"a", b"1.5"]),
        ("13", 1, [b"f", b"v"]),
        ("14", 2, [b"a", b"1000"]),
    ],
)
def test_a_value_that_servers_loaded_is_read_and_written_back_the_same(
    type_code: str, skipped: int, elements: list[bytes]
) -> None:
    blob = bytes.fromhex(VALUES[type_code])[skipped:]
    assert ziplist.decode(blob) == elements
    assert ziplist.encode(elements) == blob


def test_an_empty_ziplist_has_no_elements() -> None:
    blob = bytes.fromhex("0b000000 0a000000 0000 ff")
    assert ziplist.decode(blob) == decode_bytewise(blob) == []
    assert ziplist.encode([]) == blob


@every(
    ("number", "body", "before_rdb_6"),
    [
        (0, "f1", "c00000"),
        (12, "fd", "c00c00"),
        (13, "fe0d", "c00d00"),
        (-1, "feff", "c0ffff"),
        (127, "fe7f", "c07f00"),
        (-128, "fe80", "c080ff"),
        (128, "c08000", "c08000"),
        (-129, "c07fff", "c07fff"),
        (32767, "c0ff7f", "c0ff7f"),
        (-32768, "c00080", "c00080"),
        (32768, "f0008000", "d000800000"),
        (-32769, "f0ff7fff", "d0ff7fffff"),
        (2**23 - 1, "f0ffff7f", "d0ffff7f00"),
        (-(2**23), "f0000080", "d0000080ff"),
        (2**23, "d000008000", "d000008000"),
        (-(2**23) - 1, "d0ffff7fff", "d0ffff7fff"),
        (2**31 - 1, "d0ffffff7f", "d0ffffff7f"),
        (-(2**31), "d000000080", "d000000080"),
        (2**31, "e00000008000000000", "e00000008000000000"),
        (-(2**31) - 1, "e0ffffff7fffffffff", "e0ffffff7fffffffff"),
        (2**63 - 1, "e0ffffffffffffff7f", "e0ffffffffffffff7f"),
        (-(2**63), "e00000000000000080", "e00000000000000080"),
    ],
)
def test_an_integer_takes_the_shortest_form_its_reader_knows(
    number: int, body: str, before_rdb_6: str
) -> None:
    blob = entries("00", body, tail=10, number=1)
    old = entries("00", before_rdb_6, tail=10, number=1)
    text = b"%d" % number
    assert ziplist.encode([number]) == ziplist.encode([text]) == blob
    assert ziplist.encode([number], small_integers=False) == old
    assert ziplist.encode([text], small_integers=False) == old
    assert ziplist.decode(blob) == ziplist.decode(old) == [text]
    assert decode_bytewise(blob) == decode_bytewise(old) == [text]


@every(
    "text",
    [
        b"-9223372036854775809",
        b"9223372036854775808",
        b"1" * 31,
        b"-",
        b"--1",
        b"-0",
        b"007",
        b"+1",
        b" 1",
        b"1 ",
        b"1_000",
        b"1.0",
    ],
)
def test_text_that_is_no_canonical_i64_stays_a_string(text: bytes) -> None:
    blob = entries("00", bytes([len(text)]), text, tail=10, number=1)
    assert ziplist.encode([text]) == ziplist.encode([text], small_integers=False) == blob
    assert ziplist.decode(blob) == [text]


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "00"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "8000004000"),
        (70000, "8000011170"),
    ],
)
def test_a_string_takes_its_shortest_form(size: int, head: str) -> None:
    data = b"x" * size
    blob = entries("00", head, data, tail=10, number=1)
    assert ziplist.encode([data]) == blob
    assert ziplist.decode(blob) == [data]
    assert decode_bytewise(blob) == [data]


@pytest.mark.parametrize(
    ("size", "prevlen"),
    [(250, "fd"), (251, "fefe000000"), (252, "feff000000"), (253, "fe00010000"), (70000, "fe76110100")],
)
def test_prevlen_takes_five_bytes_from_254_on(size: int, prevlen: str) -> None:
    data = b"x" * size
    blob = ziplist.encode([data, b"after"])
    at = blob.index(b"after") - 1 - len(prevlen) // 2
    assert blob[at:] == bytes.fromhex(prevlen) + b"\x05after\xff"
    assert int.from_bytes(blob[4:8], "little") == at
    assert ziplist.decode(blob) == [data, b"after"]
    assert decode_bytewise(blob) == [data, b"after"]


def test_prevlen_in_five_bytes_is_legal_for_a_small_size() -> None:
    blob = entries("fe00000000 f2", "fe06000000 0161", "07 f3", tail=23, number=3)
    assert ziplist.decode(blob) == [b"1", b"a", b"2"]
    assert decode_bytewise(blob) == [b"1", b"a", b"2"]


def test_integers_and_strings_in_a_longer_form_than_needed_are_legal() -> None:
    forms = ("00 e0 0500000000000000", "0a 0135", "03 400135", "04 800000000135", "07 bf0000000135")
    blob = entries(*forms, tail=34, number=5)
    assert ziplist.decode(blob) == [b"5"] * 5


@pytest.mark.parametrize("number", [65534, 65535, 65536])
def test_a_ziplist_with_65535_elements_or_near_is_walked_to_its_end(number: int) -> None:
    elements = [b"%d" % (at % 1000) for at in range(number)]
    blob = ziplist.encode(elements)
    assert blob[8:10].hex() == ("feff" if number == 65534 else "ffff")
    assert ziplist.count(blob[:10]) == (65534 if number == 65534 else None)
    assert ziplist.decode(blob) == elements
    assert gather(ziplist.iter_decode(pieces(blob, 4099))) == elements


def test_an_unknown_count_is_legal_for_a_few_elements() -> None:
    blob = SHOWN[:8] + b"\xff\xff" + SHOWN[10:]
    assert ziplist.count(blob) is None
    assert ziplist.decode(blob) == TEXTS


@given(st.lists(ANY_ELEMENT), st.booleans())
def test_what_was_encoded_is_decoded(elements: list[bytes], small: bool) -> None:
    assert ziplist.decode(ziplist.encode(elements, small_integers=small)) == elements


@given(
    st.lists(st.one_of(ANY_ELEMENT, st.binary(min_size=16380, max_size=17000))),
    st.lists(st.integers(0, 50_000)),
)
def test_any_chunks_give_what_the_whole_gives(elements: list[bytes], cuts: list[int]) -> None:
    blob = ziplist.encode(elements)
    ends = sorted({0, len(blob), *(cut % (len(blob) + 1) for cut in cuts)})
    chunks = [b"", *(blob[start:end] for start, end in pairwise(ends)), b""]
    assert gather(ziplist.iter_decode(chunks)) == elements
    assert decode_bytewise(blob) == elements


def test_batches_come_before_the_ziplist_is_complete() -> None:
    blob = ziplist.encode([b"first", b"second"])
    batches = ziplist.iter_decode([blob[:18], blob[18:]])
    assert next(batches) == [b"first"]
    assert next(batches) == [b"second"]


def test_a_long_element_in_small_chunks_takes_linear_time() -> None:
    data = bytes(3_000_000)
    blob = ziplist.encode([data])
    assert gather(ziplist.iter_decode(pieces(blob, 10))) == [data]  # minutes, were every chunk joined


@every(
    ("blob", "message", "pos"),
    [
        ("", "ziplist is 0 bytes, its header takes 10", 0),
        ("0b000000 0a000000 00", "ziplist is 9 bytes, its header takes 10", 0),
        ("0a000000 0a000000 0000", "ziplist ends without its terminator 0xff", 10),
        ("0d000000 0a000000 0100 00f1 02", "ziplist ends without its terminator 0xff", 12),
        ("0d000000 0a000000 0200 00f1 ff", "ziplist has 1 entries, its header says 2", 8),
        ("0d000000 0a000000 0000 00f1 ff", "ziplist has 1 entries, its header says 0", 8),
        ("0d000000 0b000000 0100 00f1 ff", "ziplist has its last entry at 10, its header says 11", 4),
        ("0b000000 0b000000 0000 ff", "ziplist has its last entry at 10, its header says 11", 4),
        ("0d000000 0a000000 0100 fff1 ff", "ziplist terminator comes 2 bytes early", 10),
        ("0d000000 0a000000 0100 01f1 ff", "ziplist prevlen is 1, the entry before has 0", 10),
        ("0f000000 0a000000 0200 00f1 03f1 ff", "ziplist prevlen is 3, the entry before has 2", 12),
        (
            "11000000 0a000000 0100 fe01000000f1 ff",
            "ziplist prevlen is 1, the entry before has 0",
            10,
        ),
        ("0d000000 0a000000 0100 00c1 ff", "ziplist entry has encoding 0xc1, there is none such", 11),
        ("0d000000 0a000000 0100 00ef ff", "ziplist entry has encoding 0xef, there is none such", 11),
        ("0d000000 0a000000 0100 00ff ff", "ziplist entry has encoding 0xff, there is none such", 11),
        ("0d000000 0a000000 0100 0002 ff", "ziplist entry of 4 bytes begins 2 bytes before the end", 10),
        ("0d000000 0a000000 0100 00e0 ff", "ziplist entry of 10 bytes begins 2 bytes before the end", 10),
        ("0e000000 0a000000 0100 004002 ff", "ziplist entry of 5 bytes begins 3 bytes before the end", 10),
        (
            "11000000 0a000000 0100 0080ffffffff ff",
            "ziplist entry of 4294967301 bytes begins 6 bytes before the end",
            10,
        ),
    ],
)
def test_damage_is_told_with_its_place(blob: str, message: str, pos: int) -> None:
    raw = bytes.fromhex(blob)
    assert refusal(ziplist.decode, raw) == (message, pos)
    assert refusal(decode_bytewise, raw) == (message, pos)
    assert refusal(lambda raw: list(ziplist.iter_decode([raw])), raw) == (message, pos)


def test_an_entry_of_254_bytes_is_not_followed_by_its_size_in_one_byte() -> None:
    blob = entries("00 40fb", bytes(251), "fe f1", tail=264, number=2)
    message = "ziplist ends without its terminator 0xff"  # fe begins a u32, the ziplist ends inside it
    assert refusal(ziplist.decode, blob) == (message, 264)


def test_a_size_in_the_header_that_is_too_large_is_refused() -> None:
    blob = bytes.fromhex("0c000000 0a000000 0000 ff")
    assert refusal(ziplist.decode, blob) == ("ziplist is 11 bytes, its header says 12", 0)
    assert refusal(decode_bytewise, blob) == ("ziplist terminator comes 1 bytes early", 10)
    for cut in (10, 11, 12):
        message = f"ziplist is {cut} bytes, its header says 13"
        blob = bytes.fromhex("0d000000 0a000000 0100 00f1 ff")[:cut]
        assert refusal(ziplist.decode, blob) == (message, 0)
        assert refusal(decode_bytewise, blob) == (message, 0)


def test_bytes_after_the_size_in_the_header_are_refused() -> None:
    assert refusal(ziplist.decode, SHOWN + b"\0") == ("ziplist is 38 bytes, its header says 37", 0)
    message = "ziplist goes on after the 37 bytes its header says"
    assert refusal(lambda blob: list(ziplist.iter_decode([blob])), SHOWN + b"\0") == (message, 37)


def test_an_endless_stream_is_left_as_soon_as_it_contradicts_its_header() -> None:
    def endless(start: bytes) -> Iterator[bytes]:
        yield start
        while True:
            yield bytes(1000)

    with pytest.raises(CorruptStructure, match=r"^ziplist entry of 4294967301 bytes begins 21 bytes"):
        list(ziplist.iter_decode(endless(bytes.fromhex("20000000 0a000000 ffff 0080ffffffff"))))
    with pytest.raises(CorruptStructure, match=r"^ziplist goes on after the 32 bytes its header says$"):
        list(ziplist.iter_decode(endless(bytes.fromhex("20000000 0a000000 ffff 0009"))))


def test_the_header_must_be_there_to_be_counted() -> None:
    assert refusal(ziplist.count, bytes(9)) == ("ziplist is 9 bytes, its header takes 10", 0)


DAMAGED = ziplist.encode([*TEXTS, bytes(70), bytes(300), 30000, -(2**30), bytes(17000), 2**23])


def test_a_ziplist_cut_anywhere_is_damage() -> None:
    for size in (*range(600), *range(600, len(DAMAGED), 97), *range(len(DAMAGED) - 30, len(DAMAGED))):
        cut = DAMAGED[:size]
        assert outcome(ziplist.decode, cut) is None
        assert outcome(lambda cut: gather(ziplist.iter_decode([cut])), cut) is None
        assert outcome(ziplist.decode, size.to_bytes(4, "little") + cut[4:]) is None  # an honest header


def test_any_one_byte_changed_gives_elements_or_damage_and_the_same_in_chunks() -> None:
    for at in range(len(SHOWN)):
        for byte in range(256):
            blob = SHOWN[:at] + bytes([byte]) + SHOWN[at + 1 :]
            assert outcome(decode_bytewise, blob) == outcome(ziplist.decode, blob)


@given(st.integers(0, len(DAMAGED) - 1), st.integers(1, 255), st.integers(1, 60))
def test_a_changed_byte_among_long_strings_gives_elements_or_damage(at: int, flip: int, size: int) -> None:
    blob = DAMAGED[:at] + bytes([DAMAGED[at] ^ flip]) + DAMAGED[at + 1 :]
    in_chunks = outcome(lambda blob: gather(ziplist.iter_decode(pieces(blob, size))), blob)
    assert in_chunks == outcome(ziplist.decode, blob)


@given(st.binary(max_size=60), st.integers(0, 70))
def test_any_bytes_after_an_honest_header_give_elements_or_damage(body: bytes, tail: int) -> None:
    blob = entries(b"\0", body, tail=tail, number=0xFFFF)
    assert outcome(decode_bytewise, blob) == outcome(ziplist.decode, blob)


def test_integers_beyond_64_bits_are_refused() -> None:
    for number, bits in ((2**63, 65), (-(2**63) - 1, 65), (2**100, 102)):
        for small in (True, False):
            message = f"^ziplist integers have 64 bits, this one takes {bits}$"
            with pytest.raises(ValueError, match=message):
                ziplist.encode([number], small_integers=small)
