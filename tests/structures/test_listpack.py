"""The listpack: what its essay shows, what real servers wrote, every form, and every way to be wrong."""

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
from rdbcodec.structures import listpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures"
VALUES: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]

SHOWN = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f ]+)\| ", listpack.__doc__ or "", re.MULTILINE)))
ELEMENTS: list[bytes | int] = [b"a", 5, 300, -70000, 9999999999, b"", -1]
TEXTS = [b"a", b"5", b"300", b"-70000", b"9999999999", b"", b"-1"]

I64 = st.integers(-(2**63), 2**63 - 1)
ANY_ELEMENT = st.one_of(
    st.binary(max_size=20),
    st.binary(min_size=50, max_size=300),
    st.text("-+0123456789", max_size=22).map(str.encode),
    st.integers(-5000, 5000).map(b"%d".__mod__),
    I64.map(b"%d".__mod__),
)


def entry(body: bytes, back: bytes) -> bytes:
    """A listpack of this one element."""
    return (len(body) + len(back) + 7).to_bytes(4, "little") + b"\x01\x00" + body + back + b"\xff"


def pieces(blob: bytes, size: int) -> Iterator[bytes]:
    return (blob[at : at + size] for at in range(0, len(blob), size))


def gather(batches: Iterable[list[bytes]]) -> list[bytes]:
    return [element for batch in batches for element in batch]


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


def decode_bytewise(blob: bytes) -> list[bytes]:
    return gather(listpack.iter_decode(pieces(blob, 1)))


def test_the_essay_shows_a_listpack_of_seven_elements() -> None:
    assert listpack.decode(SHOWN) == TEXTS
    assert listpack.decode_mixed(SHOWN) == ELEMENTS
    assert listpack.encode(ELEMENTS) == listpack.encode(TEXTS) == SHOWN
    assert listpack.count(SHOWN) == listpack.count(SHOWN[:6]) == 7


@pytest.mark.parametrize(
    ("type_code", "skipped", "elements"),
    [
        ("16", 1, [b"f", b"v"]),
        ("17", 1, [b"a", b"1.5"]),
        ("18", 3, [b"a", 5]),
        ("20", 1, [b"a", 7]),
        ("23", 1, [b"f", b"v", 4102444800000]),
        ("25", 9, [b"f", b"v", 4102444800000, b"g", b"w", 0]),
        ("15", 19, [2, 0, 1, b"f", 0, 2, 0, 0, b"v1", 4, 2, 1, 3, b"v2", 4]),
    ],
)
def test_a_value_that_servers_loaded_is_read_and_written_back_the_same(
    type_code: str, skipped: int, elements: list[bytes | int]
) -> None:
    value = bytes.fromhex(VALUES[type_code])[skipped:]
    blob = value[: value[0]]  # its own u32 total, below 256 here; a list has one more node behind it
    assert listpack.decode_mixed(blob) == elements
    assert listpack.encode(elements) == blob


def test_an_empty_listpack_has_no_elements() -> None:
    blob = bytes.fromhex("07000000 0000 ff")
    assert listpack.decode(blob) == []
    assert list(listpack.iter_decode(pieces(blob, 1))) == []
    assert listpack.encode([]) == blob


@every(
    ("number", "body", "back"),
    [
        (0, "00", "01"),
        (127, "7f", "01"),
        (128, "c080", "02"),
        (4095, "cfff", "02"),
        (-1, "dfff", "02"),
        (-4096, "d000", "02"),
        (4096, "f10010", "03"),
        (-4097, "f1ffef", "03"),
        (32767, "f1ff7f", "03"),
        (-32768, "f10080", "03"),
        (32768, "f2008000", "04"),
        (-32769, "f2ff7fff", "04"),
        (2**23 - 1, "f2ffff7f", "04"),
        (-(2**23), "f2000080", "04"),
        (2**23, "f300008000", "05"),
        (-(2**23) - 1, "f3ffff7fff", "05"),
        (2**31 - 1, "f3ffffff7f", "05"),
        (-(2**31), "f300000080", "05"),
        (2**31, "f40000008000000000", "09"),
        (-(2**31) - 1, "f4ffffff7fffffffff", "09"),
        (2**63 - 1, "f4ffffffffffffff7f", "09"),
        (-(2**63), "f40000000000000080", "09"),
    ],
)
def test_an_integer_takes_its_shortest_form(number: int, body: str, back: str) -> None:
    blob = entry(bytes.fromhex(body), bytes.fromhex(back))
    assert listpack.encode([number]) == listpack.encode([b"%d" % number]) == blob
    assert listpack.decode(blob) == [b"%d" % number]
    assert listpack.decode_mixed(blob) == [number]


@every(
    ("text", "is_integer"),
    [
        (b"0", True),
        (b"-1", True),
        (b"-9223372036854775808", True),
        (b"9223372036854775807", True),
        (b"-9223372036854775809", False),
        (b"9223372036854775808", False),
        (b"99999999999999999999", False),
        (b"100000000000000000000", False),
        (b"", False),
        (b"-", False),
        (b"--1", False),
        (b"-0", False),
        (b"007", False),
        (b"-07", False),
        (b"+1", False),
        (b" 1", False),
        (b"1 ", False),
        (b"1_000", False),
        (b"1.0", False),
        ("\u0661".encode(), False),
    ],
)
def test_only_canonical_text_of_an_i64_becomes_an_integer(text: bytes, is_integer: bool) -> None:
    blob = listpack.encode([text])
    assert listpack.decode(blob) == [text]
    assert listpack.decode_mixed(blob) == [int(text) if is_integer else text]


@every(
    ("size", "head", "back"),
    [
        (0, "80", "01"),
        (63, "bf", "40"),
        (64, "e040", "42"),
        (125, "e07d", "7f"),
        (126, "e07e", "0180"),
        (4095, "efff", "2081"),
        (4096, "f000100000", "2085"),
        (16377, "f0f93f0000", "7ffe"),
        (16379, "f0fb3f0000", "018080"),
        (2097145, "f0f9ff1f00", "7ffffe"),
        (2097147, "f0fbff1f00", "01808080"),
    ],
)
def test_a_string_takes_its_shortest_form_in_both_rules(size: int, head: str, back: str) -> None:
    data = b"x" * size
    blob = entry(bytes.fromhex(head) + data, bytes.fromhex(back))
    assert listpack.encode([data]) == listpack.encode([data], short_backlen=True) == blob
    assert listpack.decode(blob) == listpack.decode_mixed(blob) == [data]


@pytest.mark.once  # one of them has 256 MiB
@pytest.mark.parametrize(
    ("size", "classic", "new"),
    [
        (16383, "00ffff", "7fff"),
        (2097151, "00ffffff", "7fffff"),
        (268435455, "00ffffffff", "7fffffff"),
    ],
)
def test_three_sizes_are_written_by_one_rule_and_read_by_both(size: int, classic: str, new: str) -> None:
    data = bytes(size - 5)
    for short, back in ((False, classic), (True, new)):
        blob = listpack.encode([data, 5], short_backlen=short)
        assert blob[6 + size :].hex() == back + "0501ff"
        assert listpack.decode(blob) == [data, b"5"]


@pytest.mark.parametrize("size", [16383, 2097151])
def test_a_back_length_cut_between_chunks_is_read_in_both_rules(size: int) -> None:
    data = bytes(size - 5)
    for short in (False, True):
        blob = listpack.encode([data, 5], short_backlen=short)
        for cut in range(6 + size, len(blob)):
            assert gather(listpack.iter_decode([blob[:cut], blob[cut:]])) == [data, b"5"]


def test_integers_and_strings_in_a_longer_form_than_needed_are_legal() -> None:
    assert listpack.decode(entry(bytes.fromhex("f40500000000000000"), b"\x09")) == [b"5"]
    assert listpack.decode(entry(bytes.fromhex("8135"), b"\x02")) == [b"5"]
    assert listpack.decode_mixed(entry(bytes.fromhex("8135"), b"\x02")) == [b"5"]
    assert listpack.decode(entry(bytes.fromhex("e00161"), b"\x03")) == [b"a"]
    assert listpack.decode(entry(bytes.fromhex("f00100000061"), b"\x06")) == [b"a"]


@pytest.mark.parametrize("number", [65534, 65535, 65536])
def test_a_listpack_with_65535_elements_or_near_is_walked_to_its_end(number: int) -> None:
    elements = [b"%d" % (at % 1000) for at in range(number)]
    blob = listpack.encode(elements)
    assert blob[4:6].hex() == ("feff" if number == 65534 else "ffff")
    assert listpack.count(blob[:6]) == (65534 if number == 65534 else None)
    assert listpack.decode(blob) == elements
    assert gather(listpack.iter_decode(pieces(blob, 4099))) == elements


def test_an_unknown_count_is_legal_for_a_few_elements() -> None:
    blob = SHOWN[:4] + b"\xff\xff" + SHOWN[6:]
    assert listpack.count(blob) is None
    assert listpack.decode(blob) == TEXTS


@given(st.lists(ANY_ELEMENT), st.booleans())
def test_what_was_encoded_is_decoded(elements: list[bytes], short: bool) -> None:
    blob = listpack.encode(elements, short_backlen=short)
    assert listpack.decode(blob) == elements
    mixed = listpack.decode_mixed(blob)
    assert [b"%d" % e if isinstance(e, int) else e for e in mixed] == elements
    assert listpack.encode(mixed, short_backlen=short) == blob


@given(
    st.lists(st.one_of(ANY_ELEMENT, st.binary(min_size=4090, max_size=9000))),
    st.lists(st.integers(0, 50_000)),
)
def test_any_chunks_give_what_the_whole_gives(elements: list[bytes], cuts: list[int]) -> None:
    blob = listpack.encode(elements)
    ends = sorted({0, len(blob), *(cut % (len(blob) + 1) for cut in cuts)})
    chunks = [b"", *(blob[start:end] for start, end in pairwise(ends)), b""]
    assert gather(listpack.iter_decode(chunks)) == elements
    assert decode_bytewise(blob) == elements
    mixed = [element for batch in listpack.iter_decode_mixed(chunks) for element in batch]
    assert mixed == listpack.decode_mixed(blob)


def test_batches_come_before_the_listpack_is_complete() -> None:
    blob = listpack.encode([b"first", b"second"])
    batches = listpack.iter_decode([blob[:14], blob[14:]])
    assert next(batches) == [b"first"]
    assert next(batches) == [b"second"]


def test_a_long_element_in_small_chunks_takes_linear_time() -> None:
    data = bytes(3_000_000)
    blob = listpack.encode([data])
    assert gather(listpack.iter_decode(pieces(blob, 10))) == [data]  # minutes, were every chunk joined


@every(
    ("blob", "message", "pos"),
    [
        ("", "listpack is 0 bytes, its header takes 6", 0),
        ("07000000 00", "listpack is 5 bytes, its header takes 6", 0),
        ("06000000 0000", "listpack ends without its terminator 0xff", 6),
        ("09000000 0100 0501 00", "listpack ends without its terminator 0xff", 8),
        ("09000000 0200 0501 ff", "listpack has 1 elements, its header says 2", 4),
        ("09000000 0000 0501 ff", "listpack has 1 elements, its header says 0", 4),
        ("09000000 0100 ff01 ff", "listpack terminator comes 2 bytes early", 6),
        ("09000000 0100 f501 ff", "listpack element begins with 0xf5, no such encoding", 6),
        ("09000000 0100 fe01 ff", "listpack element begins with 0xfe, no such encoding", 6),
        ("09000000 0100 0502 ff", "listpack back-length byte is 0x02, 0x01 is that of 1 bytes", 7),
        ("0a000000 0100 816103 ff", "listpack back-length byte is 0x03, 0x02 is that of 2 bytes", 8),
        ("0a000000 0100 c12c12 ff", "listpack back-length byte is 0x12, 0x02 is that of 2 bytes", 8),
        ("0b000000 0100 f1000104 ff", "listpack back-length byte is 0x04, 0x03 is that of 3 bytes", 9),
        ("0b000000 0100 e0016104 ff", "listpack back-length byte is 0x04, 0x03 is that of 3 bytes", 9),
        ("0e000000 0100 f00100000061ff ff", "listpack back-length byte is 0xff, 0x06 is that of 6 bytes", 12),
        ("0a000000 0100 bf6102 ff", "listpack element of 64 bytes begins 3 bytes before the end", 6),
        ("0a000000 0100 ef6102 ff", "listpack element of 3939 bytes begins 3 bytes before the end", 6),
        ("0a000000 0100 f46102 ff", "listpack element of 9 bytes begins 3 bytes before the end", 6),
        (
            "0c000000 0100 f0ffffffff ff",
            "listpack element of 4294967300 bytes begins 5 bytes before the end",
            6,
        ),
    ],
)
def test_damage_is_told_with_its_place(blob: str, message: str, pos: int) -> None:
    raw = bytes.fromhex(blob)
    assert refusal(listpack.decode, raw) == (message, pos)
    assert refusal(listpack.decode_mixed, raw) == (message, pos)
    assert refusal(decode_bytewise, raw) == (message, pos)
    assert refusal(lambda raw: list(listpack.iter_decode_mixed([raw])), raw) == (message, pos)


@pytest.mark.parametrize(
    ("size", "back", "message", "at"),
    [
        (198, "02c8", "listpack back-length byte is 0x02, 0x01 is that of 200 bytes", 0),
        (198, "01c9", "listpack back-length byte is 0xc9, 0xc8 is that of 200 bytes", 1),
        (4096, "2005", "listpack back-length byte is 0x05, 0x85 is that of 4101 bytes", 1),
        (16378, "7ffe", "listpack back-length byte is 0x7f, 0x00 is that of 16383 bytes", 0),
        (16378, "00fffe", "listpack back-length byte is 0xfe, 0xff is that of 16383 bytes", 2),
    ],
)
def test_a_wrong_back_length_is_told_by_its_first_wrong_byte(
    size: int, back: str, message: str, at: int
) -> None:
    head = listpack.encode([bytes(size)])[6:11][: 2 if size < 4096 else 5]
    blob = entry(head + bytes(size), bytes.fromhex(back))
    pos = 6 + len(head) + size + at
    assert refusal(listpack.decode, blob) == (message, pos)
    assert refusal(decode_bytewise, blob) == (message, pos)


def test_a_size_in_the_header_that_is_too_large_is_refused() -> None:
    blob = bytes.fromhex("08000000 0000 ff")
    assert refusal(listpack.decode, blob) == ("listpack is 7 bytes, its header says 8", 0)
    message = "listpack terminator comes 1 bytes early"
    assert refusal(decode_bytewise, blob) == (message, 6)
    for cut in (6, 7, 8):
        message = f"listpack is {cut} bytes, its header says 9"
        blob = bytes.fromhex("09000000 0100 0501 ff")[:cut]
        assert refusal(listpack.decode, blob) == (message, 0)
        assert refusal(decode_bytewise, blob) == (message, 0)


def test_bytes_after_the_size_in_the_header_are_refused() -> None:
    assert refusal(listpack.decode, SHOWN + b"\0") == ("listpack is 36 bytes, its header says 35", 0)
    message = "listpack goes on after the 35 bytes its header says"
    assert refusal(lambda blob: list(listpack.iter_decode([blob])), SHOWN + b"\0") == (message, 35)


def test_an_endless_stream_is_left_as_soon_as_it_contradicts_its_header() -> None:
    def endless(start: bytes) -> Iterator[bytes]:
        yield start
        while True:
            yield bytes(1000)

    with pytest.raises(CorruptStructure, match=r"^listpack element of 4294967300 bytes begins 25 bytes"):
        list(listpack.iter_decode(endless(bytes.fromhex("20000000 ffff f0ffffffff"))))
    with pytest.raises(CorruptStructure, match=r"^listpack goes on after the 32 bytes its header says$"):
        list(listpack.iter_decode(endless(bytes.fromhex("20000000 ffff e010"))))


def test_the_header_must_be_there_to_be_counted() -> None:
    assert refusal(listpack.count, b"\x07\0\0\0\0") == ("listpack is 5 bytes, its header takes 6", 0)


DAMAGED = listpack.encode([*TEXTS, bytes(70), bytes(200), 30000, -(2**30), bytes(5000), 2**23])


def test_a_listpack_cut_anywhere_is_damage() -> None:
    for size in range(len(DAMAGED)):
        cut = DAMAGED[:size]
        assert outcome(listpack.decode, cut) is None
        assert outcome(lambda cut: gather(listpack.iter_decode([cut])), cut) is None
        assert outcome(listpack.decode, size.to_bytes(4, "little") + cut[4:]) is None  # an honest header


def test_any_one_byte_changed_gives_elements_or_damage_and_the_same_in_chunks() -> None:
    for at in range(len(SHOWN)):
        for byte in range(256):
            blob = SHOWN[:at] + bytes([byte]) + SHOWN[at + 1 :]
            assert outcome(decode_bytewise, blob) == outcome(listpack.decode, blob)


@given(st.integers(0, len(DAMAGED) - 1), st.integers(1, 255), st.integers(1, 60))
def test_a_changed_byte_among_long_strings_gives_elements_or_damage(at: int, flip: int, size: int) -> None:
    blob = DAMAGED[:at] + bytes([DAMAGED[at] ^ flip]) + DAMAGED[at + 1 :]
    in_chunks = outcome(lambda blob: gather(listpack.iter_decode(pieces(blob, size))), blob)
    assert in_chunks == outcome(listpack.decode, blob)


@given(st.binary(max_size=60))
def test_any_bytes_after_an_honest_header_give_elements_or_damage(body: bytes) -> None:
    blob = (len(body) + 7).to_bytes(4, "little") + b"\xff\xff" + body + b"\xff"
    assert outcome(decode_bytewise, blob) == outcome(listpack.decode, blob)


def test_integers_beyond_64_bits_are_refused() -> None:
    for number, bits in ((2**63, 65), (-(2**63) - 1, 65), (2**100, 102)):
        with pytest.raises(ValueError, match=f"^listpack integers have 64 bits, this one takes {bits}$"):
            listpack.encode([number])
