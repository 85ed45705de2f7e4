"""The text of array floats, which clients see and which therefore must be the server's to the last digit."""

from __future__ import annotations

import math
import struct

from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.wire import grisu

# What Redis 8.10.2 answered to ARGET (rdb-v13-15-corrections.md, 5.2).
ANSWERS = [
    (0.0, b"0.0"),
    (-0.0, b"-0.0"),
    (0.5, b"0.5"),
    (-1.25, b"-1.25"),
    (2.0**55, b"36028797018963968.0"),
    (2.0**62, b"4611686018427387904.0"),
    (26386806640907.188, b"26386806640907.187"),
    (70388.26689024147, b"7.038826689024147e+4"),
    (2.0**-10, b"9.765625e-4"),
    (1064103174708665500000.0, b"1064103174708665500000.0"),
    (0.30000000000000004, b"0.30000000000000004"),
    (math.inf, b"inf"),
    (-math.inf, b"-inf"),
    (math.nan, b"nan"),
]


@every(("value", "text"), ANSWERS)
def test_a_double_has_the_text_the_server_gives_it(value: float, text: bytes) -> None:
    assert grisu.text(value) == text


@given(value=st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_the_digits_read_back_as_the_double(value: float) -> None:
    digits, power = grisu.shortest(value)
    assert float(f"{digits}e{power}") == value
    assert digits.isdigit()
    assert digits[0] != "0"


@given(bits=st.integers(0, 2**64 - 1))
def test_every_double_has_a_text_that_is_its_own(bits: int) -> None:
    (value,) = struct.unpack("<d", struct.pack("<Q", bits))
    text = grisu.text(value)
    assert math.isnan(value) == (text == b"nan")
    # A minus sign costs the exponent form its eighteenth character, so negative ones may lose a digit.
    assert math.isnan(value) or math.isclose(float(text), value, rel_tol=1e-15)
