"""LZF: the blocks of rdb-format.md, every engine against a slow reading of the format, every complaint."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st
from interpreters import built_engines
from traced import traced

from rdbcodec.errors import CorruptStructure
from rdbcodec.wire import lzf
from rdbcodec.wire.lzf import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rdbcodec.wire.lzf import Engine

# From DUMP on Redis 6.2.14, after SET k with the text on the right.
BLOCKS = [
    (bytes.fromhex("01 61 61 e0 11 00 01 61 61"), b"a" * 30),
    (bytes.fromhex("03 61 62 63 61 e0 0f 02 01 62 63"), b"abc" * 10),
]
ENGINES = list(lzf.LOADERS)
MAXIMAL = b"\x00a" + b"\xe0\xff\x00" * 3  # nothing makes more of its bytes than long references do


def engine_or_skip(name: str) -> Engine:
    try:
        return lzf.load(name)
    except ImportError as error:
        pytest.skip(f"{name}: {error}")


def packed(text: bytes) -> bytes:
    """A block of `text`, whether it saves anything or not."""
    runs = (text[pos : pos + 32] for pos in range(0, len(text), 32))
    return lzf.compress_exact(text) or b"".join(bytes((len(run) - 1,)) + run for run in runs)


def by_definition(data: bytes) -> bytes:
    """The table of rdb-format.md, byte by byte, without any check: for sound blocks only."""
    out = bytearray()
    pos = 0
    while pos < len(data):
        control, pos = data[pos], pos + 1
        if control < 32:
            out += data[pos : pos + control + 1]
            pos += control + 1
            continue
        length = control >> 5
        if length == 7:
            length, pos = length + data[pos], pos + 1
        distance, pos = ((control & 31) << 8) + data[pos], pos + 1
        for _ in range(length + 2):
            out.append(out[-distance - 1])
    return bytes(out)


def outcome(read: Callable[[], bytes]) -> bytes | tuple[str, int | None]:
    try:
        return read()
    except CorruptStructure as error:
        return error.message, error.pos


def streamed(data: bytes, size: int, step: int) -> bytes:
    chunks = (data[pos : pos + step] for pos in range(0, len(data), step))
    return b"".join(lzf.iter_decompress(chunks, size))


def json_blob(rng: random.Random) -> bytes:
    names = ["active", "pending", "invoice", "customer", "premium", "redis", "valkey"]
    item = {name: rng.choice(names) for name in rng.sample(names, rng.randrange(1, 6))}
    return json.dumps(
        {"id": rng.randrange(10**8), "items": [item] * rng.randrange(4), "of": rng.choice(names)}
    ).encode()


def texts() -> Iterator[bytes]:
    """What strings in Redis look like, and what is unpleasant for LZ4 or LZF."""
    rng = random.Random(20)
    yield from (json_blob(rng) for _ in range(200))
    noise = rng.randbytes(9000)
    yield noise
    for distance in (8191, 8192, 8193, 8448, 8449, 9000):  # around the reach of LZF
        yield noise[:distance] + noise[:100] + b"."
    for length in (*range(255, 300), *range(520, 540), 792, 793, 794, 795, 100_000):  # around one reference
        yield b"x" * length
        yield b"0123456" + b"ab" * (length // 2) + b"789"
    for count in (31, 32, 33, 63, 64, 65, 14, 15, 16, 269, 270, 271):  # around one literal run of either
        yield noise[:count] + b"-" * 40 + noise[:count]
    yield bytes(range(256)) * 300


TEXTS = list(texts())
WORDS = st.sampled_from([b"a", b"bc", b'"name":', b"0123456789", b"\x00" * 40, bytes(range(64))])
PLAIN = st.one_of(
    st.binary(max_size=400),
    st.lists(WORDS, max_size=300).map(b"".join),
    st.builds(lambda unit, count: unit * count, st.binary(min_size=1, max_size=20), st.integers(0, 400)),
)
LITERAL = st.binary(min_size=1, max_size=32).map(lambda run: bytes((len(run) - 1,)) + run)
SHORT = st.builds(lambda length, low: bytes((length << 5, low)), st.integers(1, 6), st.integers(0, 40))
LONG = st.builds(lambda more, low: bytes((0xE0, more, low)), st.integers(0, 255), st.integers(0, 40))
TOKENS = st.lists(st.one_of(LITERAL, SHORT, LONG), max_size=12).map(b"".join)


# decompress


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("block", "text"), BLOCKS)
def test_blocks_of_redis_6_2_are_read(name: str, block: bytes, text: bytes) -> None:
    assert engine_or_skip(name).decompress(block, len(text)) == text
    assert lzf.decompress(block, len(text)) == text
    assert by_definition(block) == text


@pytest.mark.parametrize(("block", "text"), BLOCKS)
def test_the_hex_in_the_essay_is_those_blocks(block: bytes, text: bytes) -> None:
    lines = (blocks.__doc__ or "").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"    {block[0]:02x} "))
    quoted = b""
    for line in lines[start:]:
        if not line:
            break
        quoted += bytes.fromhex(line.strip().split("   ")[0])
    assert quoted == block


def test_every_token_form_is_read_up_to_its_limits() -> None:
    noise = random.Random(3).randbytes(8192)
    runs = b"".join(b"\x1f" + noise[pos : pos + 32] for pos in range(0, 8192, 32))
    assert lzf.decompress(runs, 8192) == noise
    assert lzf.decompress(runs + b"\x20\x00", 8195) == noise + noise[-1:] * 3
    assert lzf.decompress(runs + b"\x3f\xff", 8195) == noise + noise[:3]
    assert lzf.decompress(runs + b"\xdf\xff", 8200) == noise + noise[:8]
    assert lzf.decompress(runs + b"\xff\x00\xff", 8201) == noise + noise[:9]
    assert lzf.decompress(runs + b"\xff\xff\xff", 8456) == noise + noise[:264]
    assert lzf.decompress(runs + b"\xe0\xff\x02", 8456) == noise + noise[-3:] * 88


def test_an_empty_block_of_no_bytes_is_an_empty_string_as_since_redis_6_2() -> None:
    assert lzf.decompress(b"", 0) == b""
    assert list(lzf.iter_decompress([], 0)) == []
    assert list(lzf.iter_decompress([b"", b""], 0)) == []


DAMAGE = {
    "reference before the start": (
        b"\x00a\x20\x01",
        4,
        "LZF reference reaches 2 bytes back, the output has 1",
        2,
    ),
    "reference as the first token": (
        b"\xe0\xff\x00",
        264,
        "LZF reference reaches 1 bytes back, the output has 0",
        0,
    ),
    "farthest reference": (
        b"\x00a\xff\x00\xff",
        10,
        "LZF reference reaches 8192 bytes back, the output has 1",
        2,
    ),
    "literal run cut": (b"\x00a\x05bcd", 7, "LZF block ends at 6, inside a literal run", 2),
    "literal run without bytes": (b"\x00a\x05", 7, "LZF block ends at 3, inside a literal run", 2),
    "reference cut": (b"\x00a\x20", 4, "LZF block ends at 3, inside a back-reference", 2),
    "long reference without length": (b"\x00a\xe0", 10, "LZF block ends at 3, inside a back-reference", 2),
    "long reference without distance": (
        b"\x00a\xe0\x00",
        10,
        "LZF block ends at 4, inside a back-reference",
        2,
    ),
    "declared too big": (b"\x00a\x20\x00", 5, "LZF output ends at 4 bytes, 5 were declared", 4),
    "declared too small, in a literal run": (
        b"\x00a\x01bc",
        2,
        "LZF output is longer than the 2 bytes declared",
        2,
    ),
    "declared too small, in a reference": (
        b"\x00a\x20\x00",
        3,
        "LZF output is longer than the 3 bytes declared",
        2,
    ),
    "declared too small, between tokens": (
        b"\x00a\x20\x00",
        1,
        "LZF output is longer than the 1 bytes declared",
        2,
    ),
    "declared empty": (b"\x00a", 0, "LZF output is longer than the 0 bytes declared", 0),
    "no block at all": (b"", 1, "LZF output ends at 0 bytes, 1 were declared", 0),
}


@every(("block", "size", "message", "pos"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_named_with_its_place(block: bytes, size: int, message: str, pos: int) -> None:
    assert outcome(lambda: lzf.decompress(block, size)) == (message, pos)
    assert outcome(lambda: lzf.decompress_pure(block, size)) == (message, pos)


@every("step", [1, 2, 3, 100])
@every(("block", "size", "message", "pos"), DAMAGE.values(), ids=DAMAGE)
def test_damage_in_a_stream_is_the_same(block: bytes, size: int, message: str, pos: int, step: int) -> None:
    assert outcome(lambda: streamed(block, size, step)) == (message, pos)


@pytest.mark.parametrize(("block", "text"), [*BLOCKS, (MAXIMAL, b"a" * 793)])
def test_a_block_cut_anywhere_is_corrupt_and_nothing_else(block: bytes, text: bytes) -> None:
    for size in range(len(block)):
        for read in (lzf.decompress, lzf.decompress_pure, lambda data, size: streamed(data, size, 1)):
            with pytest.raises(CorruptStructure):
                read(block[:size], len(text))


def test_every_compressed_text_cut_anywhere_is_corrupt_and_nothing_else() -> None:
    for text in TEXTS[:20]:
        block = packed(text)
        for size in range(len(block)):
            with pytest.raises(CorruptStructure):
                lzf.decompress(block[:size], len(text))


def test_a_size_that_no_block_can_reach_is_refused_before_any_work() -> None:
    with traced() as peak_of:
        for size in (2**60, 2**64 - 1, 3 * 88 + 264 + 1):
            message = f"LZF block of 3 bytes declares {size}, it can make 528 at most"
            assert outcome(partial(lzf.decompress, b"\xe0\xff\x00", size)) == (message, 0)
        assert outcome(lambda: lzf.decompress(b"", 265)) == (
            "LZF block of 0 bytes declares 265, it can make 264 at most",
            0,
        )
        assert outcome(lambda: streamed(b"\x00a", 2**60, 1)) == (
            f"LZF output ends at 1 bytes, {2**60} were declared",
            2,
        )
        peak = peak_of()
    assert peak < 100_000


def test_the_largest_honest_expansion_is_not_refused() -> None:
    block = b"\x00a" + b"\xe0\xff\x00" * 10_000
    assert lzf.decompress(block, 1 + 264 * 10_000) == b"a" * (1 + 264 * 10_000)


def test_output_beyond_the_declared_size_is_not_made() -> None:
    block = b"\x00a" + b"\xe0\xff\x00" * 10_000
    with traced() as peak_of:
        message = "LZF output is longer than the 100 bytes declared"
        assert outcome(lambda: lzf.decompress_pure(block, 100)) == (message, 2)
        peak = peak_of()
    assert peak < 10_000


@pytest.mark.parametrize("name", ENGINES)
@given(tokens=TOKENS, size=st.integers(0, 600))
def test_every_engine_reads_what_the_pure_one_reads_and_passes_on_the_rest(
    name: str, tokens: bytes, size: int
) -> None:
    run = engine_or_skip(name)
    pure = outcome(lambda: lzf.decompress_pure(tokens, size))
    if run.decompress is lzf.decompress_pure:
        assert outcome(lambda: lzf.decompress(tokens, size)) == pure or size > len(tokens) * 88 + 264
    elif isinstance(pure, bytes) and pure:
        assert run.decompress(tokens, size) == pure == by_definition(tokens)
    else:
        assert run.decompress(tokens, size) is None


# decompress_prefix


@given(text=PLAIN, count=st.integers(0, 300))
def test_the_head_of_a_packed_blob_is_read_alone(text: bytes, count: int) -> None:
    block = packed(text)
    assert lzf.decompress_prefix(block, count) == text[:count]


@given(text=PLAIN, cut=st.integers(0, 300))
def test_the_head_of_a_cut_blob_is_as_much_as_the_cut_leaves(text: bytes, cut: int) -> None:
    block = packed(text)
    head = lzf.decompress_prefix(block[:cut], len(text))
    assert text.startswith(head)
    assert head == text or cut < len(block)


def test_half_a_literal_run_is_a_head_too() -> None:
    assert lzf.decompress_prefix(b"\x1fabcdef", 4) == b"abcd"
    assert lzf.decompress_prefix(b"\x1fabcdef", 11) == b"abcdef"
    assert lzf.decompress_prefix(b"\x00a\x1fbc", 11) == b"abc"
    assert lzf.decompress_prefix(b"\x00a\x1f", 11) == b"a"
    assert lzf.decompress_prefix(b"\x00a\xe0\x00", 11) == b"a"
    assert lzf.decompress_prefix(b"", 11) == b""
    assert lzf.decompress_prefix(MAXIMAL, 0) == b""


def test_a_head_reads_no_more_than_it_needs() -> None:
    assert lzf.decompress_prefix(b"\x03abcd\xff\xff\xff", 4) == b"abcd"
    bad = "LZF reference reaches 8192 bytes back, the output has 4"
    assert outcome(lambda: lzf.decompress_prefix(b"\x03abcd\xff\xff\xff", 5)) == (bad, 5)


# iter_decompress


@given(tokens=TOKENS, size=st.integers(0, 600), step=st.integers(1, 40))
def test_a_stream_says_what_the_whole_block_says_however_it_is_cut(
    tokens: bytes, size: int, step: int
) -> None:
    whole = outcome(lambda: lzf.decompress_pure(tokens, size))
    assert outcome(lambda: streamed(tokens, size, step)) == whole


@pytest.mark.parametrize("step", [1, 7, 4096, 10**9])
def test_a_long_value_streams_in_pieces_however_it_is_cut(step: int) -> None:
    rng = random.Random(4)
    text = b"".join(rng.choice(TEXTS[:200]) for _ in range(1500)) + b"z" * 200_000
    block = packed(text)
    chunks = (block[pos : pos + step] for pos in range(0, len(block), step))
    pieces = list(lzf.iter_decompress(chunks, len(text)))
    assert b"".join(pieces) == text
    assert all(65536 <= len(piece) < 65536 + 264 for piece in pieces[:-1])
    assert 0 < len(pieces[-1]) < 65536 + 264


def test_a_stream_that_ends_on_a_piece_ends_there() -> None:
    block = packed(b"q" * 131_072)
    assert b"".join(lzf.iter_decompress([block, b""], 131_072)) == b"q" * 131_072
    message = "LZF output is longer than the 131072 bytes declared"
    assert outcome(lambda: b"".join(lzf.iter_decompress([block, b"\x00q"], 131_072))) == (message, len(block))


def test_damage_far_into_a_stream_has_its_place_in_the_whole_block() -> None:
    block = packed(b"q" * 300_000)
    message = f"LZF block ends at {len(block) + 1}, inside a back-reference"
    assert outcome(lambda: streamed(block + b"\xff", 400_000, 1000)) == (message, len(block))
    assert outcome(lambda: lzf.decompress_pure(block + b"\xff", 400_000)) == (message, len(block))


def test_a_stream_of_any_length_takes_the_same_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b"\x00a"
        for _ in range(400):
            yield b"\xe0\xff\x00" * 100

    with traced() as peak_of:
        total = sum(map(len, lzf.iter_decompress(endless(), 1 + 264 * 40_000)))
        peak = peak_of()
    assert total == 1 + 264 * 40_000
    assert peak < 500_000


# compress


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_writes_what_everyone_reads(name: str) -> None:
    run = engine_or_skip(name)
    blocks = [(run.compress(text), text) for text in TEXTS]
    written = [(block, text) for block, text in blocks if block is not None]
    assert len(written) > 250
    for block, text in written:
        assert by_definition(block) == text
        assert lzf.decompress(block, len(text)) == lzf.decompress_pure(block, len(text)) == text


@pytest.mark.parametrize("name", ENGINES)
@given(text=PLAIN)
def test_what_is_compressed_comes_back(name: str, text: bytes) -> None:
    block = engine_or_skip(name).compress(text) if len(text) > 20 else None
    assert block is None or lzf.decompress(block, len(text)) == text


@given(text=PLAIN)
def test_compress_obeys_the_rule_of_the_servers(text: bytes) -> None:
    block = lzf.compress(text)
    if block is not None:
        assert len(text) > 20
        assert len(block) <= len(text) - 4
        assert lzf.decompress(block, len(text)) == text


@pytest.mark.parametrize("name", ENGINES)
def test_only_strings_longer_than_20_bytes_are_compressed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine_or_skip(name)
    monkeypatch.setattr(lzf, "writer", lambda: run.compress)
    assert lzf.compress(b"") is None
    assert lzf.compress(b"a" * 20) is None
    assert lzf.decompress(lzf.compress(b"a" * 21) or b"", 21) == b"a" * 21


@pytest.mark.parametrize("name", ENGINES)
def test_only_what_saves_4_bytes_is_compressed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine_or_skip(name)
    monkeypatch.setattr(lzf, "writer", lambda: run.compress)
    noise = random.Random(5).randbytes(300)
    assert lzf.compress(noise) is None
    for repeat in range(4, 40):
        text = noise[:100] + noise[50 : 50 + repeat] + noise[200:210]
        block = lzf.compress(text)
        assert block is None or len(block) <= len(text) - 4
    assert block is not None


@pytest.mark.parametrize("name", ENGINES)
def test_the_same_engine_writes_the_same_bytes_every_time(name: str) -> None:
    run = engine_or_skip(name)
    first = [run.compress(text) for text in TEXTS]
    again = [run.compress(text) for text in reversed(TEXTS)]
    assert again[::-1] == first


def test_strings_longer_than_an_engine_can_count_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lzf.MAX_SIZE == 0x7E000000
    monkeypatch.setattr(lzf, "MAX_SIZE", 1000)
    assert lzf.compress(b"a" * 1000) is not None
    assert lzf.compress(b"a" * 1001) is None


def test_python_lzf_writes_the_bytes_that_redis_writes() -> None:
    run = engine_or_skip("python-lzf")
    for block, text in BLOCKS:
        assert run.compress(text) == block


def test_python_lzf_is_not_asked_what_it_gets_wrong() -> None:
    run = engine_or_skip("python-lzf")
    assert run.decompress(b"", 5) is None
    assert run.decompress(b"\x00a", 0) is None
    assert run.decompress(b"\x00a", 2**32 + 1) is None
    assert run.decompress(b"\x00a", -1) is None
    assert run.decompress(b"\x00a" + b"\xe0\xff\x00" * 8000, 1 + 264 * 8000) == b"a" * (1 + 264 * 8000)


# engines


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_module_imports_no_engine() -> None:
    code = "import sys, rdbcodec.wire.lzf; print([m for m in ('lzf', 'lz4') if m in sys.modules])"
    assert python(code) == "[]"


def test_reading_imports_no_lz4() -> None:
    code = (
        "import sys\nfrom rdbcodec.wire import lzf\n"
        "print(lzf.decompress(lzf.VECTOR, 30), [m for m in ('lz4', 'lz4.block') if m in sys.modules])"
    )
    assert python(code, RDBCODEC_PURE="0") == f"{b'a' * 30!r} []"


def test_rdbcodec_pure_turns_python_lzf_and_lz4_off() -> None:
    code = (
        "import sys\nfrom rdbcodec.wire import lzf\n"
        "print(lzf.engine(), lzf.available(), lzf.compress(b'a' * 30).hex())\n"
        "print([m for m in ('lzf', 'lz4') if m in sys.modules])"
    )
    assert python(code, RDBCODEC_PURE="1") == "pure ['pure'] 016161e01100016161\n[]"


def test_the_engine_in_use_is_the_first_available_one() -> None:
    assert lzf.engine() == lzf.available()[0]
    assert [name for name in ENGINES if name in lzf.available()] == lzf.available()
    assert lzf.available()[-1] == "pure"


def why_not(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None, name: str = "python-lzf", package: str = "lzf"
) -> str:
    monkeypatch.delenv("RDBCODEC_PURE", raising=False)
    monkeypatch.setitem(sys.modules, package, module)
    with pytest.raises(ImportError) as caught:
        lzf.load.__wrapped__(name)
    return str(caught.value)


@built_engines
def test_an_engine_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(monkeypatch, None) == "import of lzf halted; None in sys.modules"
    absent = why_not(monkeypatch, None, "lz4", "lz4.block")
    assert absent == "import of lz4.block halted; None in sys.modules"


@built_engines
def test_another_package_called_lzf_is_left_alone_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("lzf")
    expected = "the package lzf is here, but does not work: module 'lzf' has no attribute 'decompress'"
    assert why_not(monkeypatch, other) == expected
    monkeypatch.setattr(other, "decompress", lambda data, size: data * size, raising=False)
    assert why_not(monkeypatch, other) == "the package lzf is here, but does not speak LZF"


@pytest.mark.parametrize("name", ["python-lzf", "lz4"])
def test_an_engine_that_is_turned_off_says_so(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("RDBCODEC_PURE", "1")
    with pytest.raises(ImportError) as caught:
        lzf.load.__wrapped__(name)
    assert str(caught.value) == f"RDBCODEC_PURE=1 turns {name} off"


def test_a_skipped_engine_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Engine:
        raise ImportError(f"no {name} today")

    monkeypatch.setattr(lzf, "load", refuse)
    with pytest.raises(pytest.skip.Exception) as caught:
        engine_or_skip("python-lzf")
    assert str(caught.value) == "python-lzf: no python-lzf today"


def test_an_engine_of_an_unknown_name_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        lzf.load("zlib")
