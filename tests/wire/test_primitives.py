"""Lengths, strings, doubles and module ids: the bytes of the format document, both ways where there are."""

from __future__ import annotations

import math
import random
import struct
from itertools import accumulate

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.datatypes.scored_tables import take_scored
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.wire import doubles, lengths, module_ids, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.module_ids import MetaClass, ModuleId
from rdbcodec.wire.strings import Budget

LENGTHS = {
    0: "00",
    63: "3f",
    64: "4040",
    16383: "7fff",
    16384: "8000004000",
    2**32 - 1: "80ffffffff",
    2**32: "810000000100000000",
    2**64 - 1: "81ffffffffffffffff",
}
A30 = "c3091e" + "016161e01100016161"  # 30 times "a"
STRINGS = {
    "00": b"",
    "026869": b"hi",
    "4040" + "78" * 64: b"x" * 64,
    "c005": b"5",
    "c0fb": b"-5",
    "c12c01": b"300",
    "c290eefeff": b"-70000",
    A30: b"a" * 30,
    "8000000001" + "31": b"1",
}


@pytest.mark.parametrize(("value", "text"), LENGTHS.items())
def test_lengths_have_their_shortest_form(value: int, text: str) -> None:
    raw = bytes.fromhex(text)
    assert lengths.encode(value) == raw
    assert lengths.read(b"?" + raw + b"!", 1) == (value, 1 + len(raw))


@given(value=st.integers(0, 2**64 - 1))
def test_every_length_is_read_as_written(value: int) -> None:
    raw = lengths.encode(value)
    assert lengths.read(raw, 0) == (value, len(raw))
    for cut in range(len(raw)):
        with pytest.raises(IndexError):
            lengths.read(raw[:cut], 0)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_lengths_outside_64_bits_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=rf"^a length is 0 to 2\*\*64 - 1, not {value}$"):
        lengths.encode(value)


@every("head", range(0x82, 0x100))
def test_what_is_no_length_is_refused(head: int) -> None:
    what = "a string encoding" if head >= 0xC0 else "no form of length"
    with pytest.raises(CorruptStructure) as error:
        lengths.read(bytes([head]) + bytes(9), 0)
    assert str(error.value) == f"expected a length, found byte {head:#04x}, {what}"


@pytest.mark.parametrize(("text", "value"), STRINGS.items())
def test_strings_in_every_form(text: str, value: bytes) -> None:
    raw = bytes.fromhex(text)
    assert strings.read(raw, 0, Budget()) == (value, len(raw))
    assert strings.walk(raw, 0) == len(raw)
    assert strings.peek(raw, 0, 10) == value[:10]
    for cut in range(len(raw)):
        with pytest.raises(IndexError):
            strings.read(raw[:cut], 0, Budget())


@given(text=st.binary(max_size=300) | st.integers(-(2**40), 2**40).map(lambda number: b"%d" % number))
def test_every_string_is_read_as_written(text: bytes) -> None:
    for compress in (False, True):
        raw = strings.encode(text, compress=compress)
        assert strings.read(raw, 0, Budget()) == (text, len(raw))


@every(
    ("value", "text"),
    [
        (b"", "00"),
        (b"hi", "026869"),
        (b"127", "c07f"),
        (b"-128", "c080"),
        (b"128", "c18000"),
        (b"-32768", "c10080"),
        (b"32768", "c200800000"),
        (b"-2147483648", "c200000080"),
        (b"2147483648", "0a32313437343833363438"),
        (b"007", "03303037"),
        (b"-0", "022d30"),
        (b"x" * 64, "4040" + "78" * 64),
    ],
)
def test_strings_get_the_form_a_server_chooses(value: bytes, text: str) -> None:
    assert strings.encode(value, compress=False) == bytes.fromhex(text)


def test_strings_are_compressed_when_that_saves_and_the_server_would() -> None:
    assert strings.encode(b"a" * 30, compress=True)[0] == strings.LZF
    assert strings.encode(b"a" * 30, compress=False)[0] == 30
    assert strings.encode(b"a" * 20, compress=True)[0] == 20
    noise = bytes(range(60))
    assert strings.encode(noise, compress=True) == bytes([60]) + noise


@every(("text", "value"), STRINGS.items())
@every("size", [1, 2, 1000])
def test_a_cursor_reads_strings_from_any_pieces(text: str, value: bytes, size: int) -> None:
    raw = bytes.fromhex(text) + b"\x01z"
    for read in (Cursor.string, Cursor.element, lambda cursor: b"".join(cursor.string_pieces())):
        cursor = Cursor([raw[at : at + size] for at in range(0, len(raw), size)], Budget())
        assert cursor.string_size() >= len(value)
        assert (read(cursor), cursor.string(), cursor.at_end()) == (value, b"z", True)


@every("head", range(0xC4, 0x100))
def test_unknown_string_encodings_are_refused(head: int) -> None:
    for function in (lambda raw: strings.read(raw, 0, Budget()), lambda raw: strings.walk(raw, 0)):
        with pytest.raises(CorruptStructure) as error:
            function(bytes([head]) + bytes(9))
        assert str(error.value) == f"expected a string, found encoding byte {head:#04x}"


def test_the_budget_is_for_the_sum_of_what_unpacks() -> None:
    raw, budget = bytes.fromhex(A30), Budget(59)
    assert strings.read(raw, 0, budget)[0] == b"a" * 30
    with pytest.raises(LimitExceeded) as error:
        strings.read(raw, 0, budget)
    assert str(error.value) == "the value unpacks to more than allowed: 60 bytes, max_value is 59"
    assert (error.value.limit, error.value.wanted) == (59, 60)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\xfe", math.inf),
        (b"\xff", -math.inf),
        (b"\x031.5", 1.5),
        (b"\x02-0", -0.0),
        (b"\x051e300", 1e300),
        (b"\x07" + b"0x1.8p3", 12.0),
        (b"\x03inf", math.inf),
        (b"\x1217179869184.000001", 17179869184.000001),
    ],
)
def test_scores_as_text(raw: bytes, value: float) -> None:
    assert doubles.read_text(raw, 0) == (value, len(raw))
    assert math.copysign(1, doubles.read_text(raw, 0)[0]) == math.copysign(1, value)
    assert doubles.walk_text(raw, 0) == len(raw)


@given(value=st.floats(allow_nan=False))
def test_every_score_is_read_as_written(value: float) -> None:
    raw = doubles.encode_text(value)
    found, end = doubles.read_text(raw, 0)
    assert (found, math.copysign(1, found), end) == (value, math.copysign(1, value), len(raw))


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (1.0, b"\x011"),
        (-3.25, b"\x05-3.25"),
        (0.1, b"\x130.10000000000000001"),
        (2.0**52, b"\x104503599627370496"),
        (math.inf, b"\xfe"),
        (-math.inf, b"\xff"),
        (math.nan, b"\xfd"),
        (-0.0, b"\x02-0"),
    ],
)
def test_scores_have_the_text_of_old_servers(value: float, raw: bytes) -> None:
    assert doubles.encode_text(value) == raw


def test_a_score_may_be_no_number() -> None:
    assert math.isnan(doubles.read_text(b"\xfd", 0)[0])


@every("text", [b"", b"abc", b"e", b"1_000", b"1 ", b"1.5x", b"0x", b"0xg", b"0x1p99999", b"\xff"])
def test_text_that_is_no_score_is_refused(text: bytes) -> None:
    with pytest.raises(CorruptStructure) as error:
        doubles.parse(text)
    assert str(error.value) == "a score is not a number"


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("81bde72da2bb1eb400", ModuleId("vectorset", 0)),
        ("8145e25238df912c03", ModuleId("ReJSON-RL", 3)),
        ("814d20c1f9360f1000", ModuleId("TSDB-TYPE", 0)),
        ("813016e5a289bef804", ModuleId("MBbloom--", 4)),
    ],
)
def test_module_ids_are_names(text: str, module: ModuleId) -> None:
    value, _ = lengths.read(bytes.fromhex(text), 0)
    assert module_ids.decode_module_id(value) == module
    assert module_ids.encode_module_id(module) == value


def test_metadata_classes_have_names_too() -> None:
    assert module_ids.decode_meta_class(0x28C4F509) == MetaClass("KMT1", 1, module_ids.IGNORABLE)


@pytest.mark.parametrize(
    "texts",
    [[], [b"1", b"-2.5e3", b"+.5"], [b"inf", b"-inf", b"1"], [b"0x1.8p3"], [b"9223372036854775807", b"-0"]],
)
def test_scores_are_parsed_together_as_they_are_one_by_one(texts: list[bytes]) -> None:
    found = doubles.parse_all(texts)
    assert list(map(repr, found)) == [repr(doubles.parse(text)) for text in texts]


@pytest.mark.parametrize("text", [b"", b"1_0", b" 1", b"1 ", b"e", b"1e", b"--1", b"1.2.3", b"x"])
def test_scores_that_are_no_numbers_are_damage_among_others_too(text: bytes) -> None:
    with pytest.raises(CorruptStructure, match=r"^a score is not a number$"):
        doubles.parse_all([b"1", text, b"2"])


def _table(rng: random.Random, many: int) -> tuple[list[bytes], list[bytes]]:
    """Strings of all forms, most of them short, and how each stands on disk."""
    forms = [(text, bytes.fromhex(raw)) for raw, text in STRINGS.items()]
    short = [rng.randbytes(size) for size in rng.choices(range(64), k=many)]
    pairs = [
        rng.choice(forms) if rng.random() < 1 / many else (text, b"%c%b" % (len(text), text))
        for text in short
    ]
    return [text for text, _ in pairs], [raw for _, raw in pairs]


@every("seed", range(60))
def test_strings_taken_together_are_those_taken_one_by_one_wherever_the_bytes_end(seed: int) -> None:
    rng = random.Random(seed)
    texts, raws = _table(rng, rng.choice((1, 20, 40, 100, 300)))
    whole = b"".join(raws)
    cut = rng.choice((len(whole), rng.randrange(len(whole) + 1)))
    ends = list(accumulate(map(len, raws), initial=0))
    there = max(n for n, end in enumerate(ends) if end <= cut)
    taken: list[bytes] = []
    assert strings.take(whole[:cut], 0, len(texts), taken, Budget()) == ends[there]
    assert taken == texts[:there]


@every("seed", range(60))
def test_scored_members_taken_together_are_those_taken_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    texts, raws = _table(rng, rng.choice((1, 20, 40, 100, 300)))
    scores = [rng.random() for _ in texts]
    raws = [raw + struct.pack("<d", score) for raw, score in zip(raws, scores, strict=True)]
    whole = b"".join(raws)
    cut = rng.choice((len(whole), rng.randrange(len(whole) + 1)))
    ends = list(accumulate(map(len, raws), initial=0))
    there = max(n for n, end in enumerate(ends) if end <= cut)
    taken: list[tuple[bytes, float]] = []
    assert take_scored(whole[:cut], 0, len(texts), taken, Budget()) == ends[there]
    assert taken == list(zip(texts, scores, strict=True))[:there]
