"""The zipmap: what its essay shows, what a real server loaded, every form, and every way to be wrong."""

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
from rdbcodec.structures import zipmap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures"
VALUES: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]

SHOWN = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f ]+)\| ", zipmap.__doc__ or "", re.MULTILINE)))
PAIRS = [(b"f", b"v"), (b"g", b"hi")]

STRING = st.one_of(st.binary(max_size=20), st.binary(min_size=250, max_size=258))


def pieces(blob: bytes, size: int) -> Iterator[bytes]:
    return (blob[at : at + size] for at in range(0, len(blob), size))


def gather(batches: Iterable[list[tuple[bytes, bytes]]]) -> list[tuple[bytes, bytes]]:
    return [pair for batch in batches for pair in batch]


def decode_bytewise(blob: bytes) -> list[tuple[bytes, bytes]]:
    return gather(zipmap.iter_decode(pieces(blob, 1)))


def refusal(decode: Callable[[bytes], object], blob: bytes) -> tuple[str, int | None]:
    with pytest.raises(CorruptStructure) as caught:
        decode(blob)
    assert type(caught.value) is CorruptStructure
    return caught.value.message, caught.value.pos


def outcome(
    decode: Callable[[bytes], list[tuple[bytes, bytes]]], blob: bytes
) -> list[tuple[bytes, bytes]] | None:
    """The pairs, or None for damage; every other exception is a bug and passes through."""
    try:
        return decode(blob)
    except CorruptStructure:
        return None


def test_the_essay_shows_a_zipmap_of_two_pairs_with_free_bytes() -> None:
    assert zipmap.decode(SHOWN) == decode_bytewise(SHOWN) == PAIRS
    assert zipmap.count(SHOWN) == zipmap.count(SHOWN[:1]) == 2


def test_written_anew_a_zipmap_has_no_free_bytes() -> None:
    assert zipmap.encode(PAIRS) == bytes.fromhex("02 0166 010076 0167 02006869 ff")


def test_a_value_that_servers_loaded_is_read_and_written_back_the_same() -> None:
    blob = bytes.fromhex(VALUES["9"])[1:]
    assert zipmap.decode(blob) == [(b"f", b"v")]
    assert zipmap.encode([(b"f", b"v")]) == blob


def test_an_empty_zipmap_has_no_pairs() -> None:
    assert zipmap.decode(b"\x00\xff") == decode_bytewise(b"\x00\xff") == []
    assert zipmap.encode([]) == b"\x00\xff"


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, "00"), (253, "fd"), (254, "fefe000000"), (255, "feff000000"), (70000, "fe70110100")],
)
def test_a_length_takes_five_bytes_from_254_on(size: int, length: str) -> None:
    data = b"x" * size
    head = bytes.fromhex(length)
    blob = b"\x01" + head + data + head + b"\0" + data + b"\xff"
    assert zipmap.encode([(data, data)]) == blob
    assert zipmap.decode(blob) == decode_bytewise(blob) == [(data, data)]


def test_a_length_in_five_bytes_is_legal_for_a_small_size() -> None:
    blob = bytes.fromhex("01 fe0100000066 fe010000000076 ff")
    assert zipmap.decode(blob) == decode_bytewise(blob) == [(b"f", b"v")]


def test_255_free_bytes_are_skipped_whatever_they_hold() -> None:
    blob = b"\x02\x01f\x01\xffv" + b"\xff" * 255 + b"\x01g\x00\x01\xff\xff"
    assert zipmap.decode(blob) == decode_bytewise(blob) == [(b"f", b"v"), (b"g", b"")]


def test_a_field_that_comes_twice_is_given_twice() -> None:
    pairs = [(b"f", b"1"), (b"f", b"2")]
    assert zipmap.decode(zipmap.encode(pairs)) == pairs


@pytest.mark.parametrize("number", [253, 254, 255, 70000])
def test_a_zipmap_with_254_pairs_or_near_is_walked_to_its_end(number: int) -> None:
    pairs = [(b"field %d" % at, b"%d" % at) for at in range(number)]
    blob = zipmap.encode(pairs)
    assert blob[0] == min(number, 254)
    assert zipmap.count(blob[:1]) == (253 if number == 253 else None)
    assert zipmap.decode(blob) == pairs
    assert gather(zipmap.iter_decode(pieces(blob, 4099))) == pairs


@pytest.mark.parametrize("declared", [254, 255])
def test_an_unknown_count_is_legal_for_a_few_pairs(declared: int) -> None:
    blob = bytes([declared]) + SHOWN[1:]
    assert zipmap.count(blob) is None
    assert zipmap.decode(blob) == decode_bytewise(blob) == PAIRS


@given(st.lists(st.tuples(STRING, STRING)), st.lists(st.integers(0, 5000)))
def test_what_was_encoded_is_decoded_from_any_chunks(
    pairs: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    blob = zipmap.encode(pairs)
    assert zipmap.decode(blob) == decode_bytewise(blob) == pairs
    ends = sorted({0, len(blob), *(cut % (len(blob) + 1) for cut in cuts)})
    chunks = [b"", *(blob[start:end] for start, end in pairwise(ends)), b""]
    assert gather(zipmap.iter_decode(chunks)) == pairs


def test_batches_come_before_the_zipmap_is_complete() -> None:
    blob = zipmap.encode(PAIRS)
    batches = zipmap.iter_decode([blob[:7], blob[7:]])
    assert next(batches) == PAIRS[:1]
    assert next(batches) == PAIRS[1:]


def test_a_long_value_in_small_chunks_takes_linear_time() -> None:
    pairs = [(b"f", bytes(3_000_000))]
    assert gather(zipmap.iter_decode(pieces(zipmap.encode(pairs), 10))) == pairs  # not minutes


@every(
    ("blob", "message", "pos"),
    [
        ("", "zipmap is 0 bytes, its header takes 1", 0),
        ("00", "zipmap ends without its terminator 0xff", 1),
        ("01 0166 010076", "zipmap ends without its terminator 0xff", 1),
        ("01 0166 010076 00", "zipmap ends without its terminator 0xff", 6),
        ("01 0166 010176 ff", "zipmap ends without its terminator 0xff", 1),
        ("01 0166 020076 ff", "zipmap ends without its terminator 0xff", 1),
        ("01 feffffffff66 010076 ff", "zipmap ends without its terminator 0xff", 1),
        ("01 0166 feffffffff0076 ff", "zipmap ends without its terminator 0xff", 1),
        ("01 0166 ff ff", "zipmap value has length byte 0xff, that is the terminator", 3),
        ("01 0166 010076 ff 00", "zipmap goes on after its terminator", 7),
        ("01 0166 010076 ff ff", "zipmap goes on after its terminator", 7),
        ("00 0166 010076 ff", "zipmap has 1 pairs, its header says 0", 0),
        ("fd 0166 010076 ff", "zipmap has 1 pairs, its header says 253", 0),
    ],
)
def test_damage_is_told_with_its_place(blob: str, message: str, pos: int) -> None:
    raw = bytes.fromhex(blob)
    assert refusal(zipmap.decode, raw) == (message, pos)
    assert refusal(decode_bytewise, raw) == (message, pos)
    assert refusal(lambda raw: list(zipmap.iter_decode([raw])), raw) == (message, pos)


def test_the_count_must_be_there_to_be_read() -> None:
    assert refusal(zipmap.count, b"") == ("zipmap is 0 bytes, its header takes 1", 0)


def test_an_endless_stream_is_left_at_the_terminator() -> None:
    def endless() -> Iterator[bytes]:
        yield SHOWN
        while True:
            yield bytes(1000)

    with pytest.raises(CorruptStructure, match=r"^zipmap goes on after its terminator$"):
        list(zipmap.iter_decode(endless()))


DAMAGED = zipmap.encode([*PAIRS, (bytes(70), bytes(254)), (bytes(300), b""), (b"", b"last")])


def test_a_zipmap_cut_anywhere_is_damage() -> None:
    for size in range(len(DAMAGED)):
        assert outcome(zipmap.decode, DAMAGED[:size]) is None
        assert outcome(decode_bytewise, DAMAGED[:size]) is None


def test_any_one_byte_changed_gives_pairs_or_damage_and_the_same_in_chunks() -> None:
    for at in range(len(SHOWN)):
        for byte in range(256):
            blob = SHOWN[:at] + bytes([byte]) + SHOWN[at + 1 :]
            assert outcome(decode_bytewise, blob) == outcome(zipmap.decode, blob)


@given(st.integers(0, len(DAMAGED) - 1), st.integers(1, 255), st.integers(1, 60))
def test_a_changed_byte_among_long_strings_gives_pairs_or_damage(at: int, flip: int, size: int) -> None:
    blob = DAMAGED[:at] + bytes([DAMAGED[at] ^ flip]) + DAMAGED[at + 1 :]
    in_chunks = outcome(lambda blob: gather(zipmap.iter_decode(pieces(blob, size))), blob)
    assert in_chunks == outcome(zipmap.decode, blob)


@given(st.binary(max_size=60))
def test_any_bytes_give_pairs_or_damage(blob: bytes) -> None:
    assert outcome(decode_bytewise, blob) == outcome(zipmap.decode, blob)
