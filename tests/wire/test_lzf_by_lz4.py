"""LZF blocks out of LZ4 blocks: every kind of sequence, and when LZ4 is given up on."""

from __future__ import annotations

import random
import re
from itertools import product
from typing import TYPE_CHECKING

import lz4.block
import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st
from test_lzf import PLAIN, TEXTS, by_definition

from rdbcodec.wire import lzf
from rdbcodec.wire.lzf import by_lz4

if TYPE_CHECKING:
    from collections.abc import Iterable

NOISE = random.Random(8).randbytes(9000)
COUNTS = [0, 1, 2, 13, 14, 15, 16, 31, 32, 33, 63, 64, 65, 96, 97, 268, 269, 270, 271, 524, 525, 526]
LENGTHS = [4, 8, 9, 13, 18, 19, 20, 263, 264, 265, 266, 267, 268, 273, 274, 275, 528, 529, 530, 793, 1000]
DISTANCES = [1, 2, 255, 256, 257, 511, 512, 513, 4096, 8191, 8192]

compress = by_lz4.compressor(lz4.block.compress)


def more(count: int) -> bytes:
    """What follows when the four bits of a count are full."""
    return b"" if count < 15 else b"\xff" * ((count - 15) // 255) + bytes(((count - 15) % 255,))


def lz4_block(sequences: Iterable[tuple[int, int, int]], last: int) -> bytes:
    """An LZ4 block of these literal counts, lengths and distances, that ends with `last` literals."""
    out = b""
    for count, length, distance in sequences:
        out += bytes((min(count, 15) << 4 | min(length - 4, 15),)) + more(count) + NOISE[:count]
        out += distance.to_bytes(2, "little") + more(length - 4)
    return out + bytes((min(last, 15) << 4,)) + more(last) + NOISE[:last]


def unpacked(block: bytes) -> bytes:
    """What an LZ4 block stands for, by LZ4 itself."""
    return bytes(lz4.block.decompress(block, uncompressed_size=1 << 20))


def test_the_instance_in_the_essay_is_what_lz4_and_lzf_make_of_ten_times_abc() -> None:
    quoted = (by_lz4.__doc__ or "").split("the LZF for it:\n\n")[1].split("\n\n")[0].splitlines()
    hexes = [re.findall(r"(?:\b[0-9a-f]{2}\b ?)+(?=  |$)", line) for line in quoted]
    found, block = (bytes.fromhex(" ".join(column)) for column in zip(*hexes, strict=True))
    assert bytes(lz4.block.compress(b"abc" * 10, store_size=False)) == found
    assert by_lz4.respell(found) == compress(b"abc" * 10) == block


@every("distance", DISTANCES)
def test_every_sequence_is_said_again_whatever_its_counts(distance: int) -> None:
    for count, length in product(COUNTS, LENGTHS):
        found = lz4_block([(distance, 4, distance), (count, length, distance), (1, 5, 1)], 5)
        block = by_lz4.respell(found)
        assert by_definition(block) == unpacked(found), (count, length)


@every("last", COUNTS[3:])
def test_the_last_literals_end_the_block_whatever_their_count(last: int) -> None:
    assert by_definition(by_lz4.respell(lz4_block([], last))) == NOISE[:last]
    assert by_definition(by_lz4.respell(lz4_block([(9, 30, 9)], last))) == (NOISE[:9] * 5)[:39] + NOISE[:last]


SEQUENCES = st.lists(
    st.tuples(
        st.integers(0, 40) | st.sampled_from(COUNTS),
        st.integers(4, 40) | st.sampled_from(LENGTHS),
        st.integers(1, 600) | st.sampled_from(DISTANCES),
    ),
    max_size=8,
)


@given(sequences=SEQUENCES, last=st.integers(5, 300))
def test_a_row_of_sequences_is_said_again(sequences: list[tuple[int, int, int]], last: int) -> None:
    found = lz4_block([(8192, 4, 1), *sequences], last)
    assert by_definition(by_lz4.respell(found)) == unpacked(found)


@given(text=PLAIN)
def test_what_lz4_found_comes_back(text: bytes) -> None:
    block = compress(text)
    assert block is None or by_definition(block) == text


def test_strings_longer_than_lzf_reaches_are_packed_8192_bytes_at_a_time() -> None:
    text = b"".join(TEXTS[:200])
    assert len(text) > 2 * 8192
    block = compress(text)
    assert block is not None
    assert len(block) < len(text) // 2
    assert by_definition(block) == text
    pieces = [text[pos : pos + 8192] for pos in range(0, len(text), 8192)]
    assert block == b"".join(filter(None, map(compress, pieces)))


def test_a_string_half_noise_is_packed_and_its_noise_stays_literal() -> None:
    text = NOISE[:8192] + b"status=paid;" * 1000
    block = compress(text)
    assert block is not None
    assert by_definition(block) == text
    assert block[: 8192 + 256] == b"".join(b"\x1f" + NOISE[pos : pos + 32] for pos in range(0, 8192, 32))


@pytest.mark.parametrize("size", [1, 20, 21, 300, 8191, 8192, 8193, 8205, 9000])
def test_noise_is_given_up_on(size: int) -> None:
    assert compress(NOISE[:size]) is None
    assert lzf.compress(NOISE[:size]) is None


@every("length", [*range(9, 12), *range(260, 275), *range(524, 540), 264 * 5 + 1, 264 * 5 + 2])
def test_a_long_match_is_cut_into_references_of_3_to_264_bytes(length: int) -> None:
    tokens = by_lz4.long_match(length, 0, 6)
    assert by_definition(b"\x06abcdefg" + tokens) == (b"abcdefg" * (length // 7 + 2))[: length + 7]
    assert len(tokens) <= -(-length // 264) * 3
