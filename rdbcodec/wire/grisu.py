"""The text Redis 8.8 and later give for a double that an array element holds.

    2.0**55                     36028797018963968.0        whole numbers up to 2**62: their exact digits
    26386806640907.188          26386806640907.187         Grisu2: short, not always the closest
    70388.26689024147           7.038826689024147e+4       so many digits leave no room for the point
    2.0**-10                    9.765625e-4

Python's repr gives the shortest digits that read back, and of those the closest; the servers' printer
(Grisu2 over a table of 87 powers of ten) does not always find them. A text that differs in its last digit
is another value for a client, so the very procedure is needed. Held against Redis 8.10.2 by
tests/test_servers_arrays.py; rdb-v13-15-corrections.md, 5.2.
"""

from __future__ import annotations

import math
import struct
from functools import cache

WHOLE = 2**62  # whole numbers up to here have all of their digits

_HIDDEN = 1 << 52  # the bit of a double's fraction that is not stored
_FRACTION = _HIDDEN - 1
_FIRST_POWER, _STEP, _POWERS = -348, 8, 87  # the table: 10**-348, 10**-340 ... 10**340
_LEAST, _MOST = -60, -32  # binary exponents between which the scaled number lies
_LOG10_2 = 0.30102999566398114


def text(value: float) -> bytes:
    """What the server answers for an element that holds this double."""
    if not math.isfinite(value):
        return repr(value).encode()
    sign = b"-" if math.copysign(1, value) < 0 else b""
    if value.is_integer() and abs(value) <= WHOLE:
        return sign + b"%d.0" % abs(int(value))
    digits, power = shortest(abs(value))
    return sign + _laid_out(digits, power, room=18 - len(sign)).encode()


def _laid_out(digits: str, power: int, *, room: int) -> str:
    """`digits` times 10**`power`: with a point where there is room for one, else with an exponent."""
    point = len(digits) + power  # digits before the point
    exponent = abs(point - 1)
    if power >= 0 and exponent < len(digits) + 7:
        return digits + "0" * power + ".0"
    if power < 0 and (power > -7 or exponent < 4):
        return f"{digits[:point]}.{digits[point:]}" if point > 0 else f"0.{'0' * -point}{digits}"
    rest = digits[1:room]
    return f"{digits[0]}{'.' if rest else ''}{rest}e{'-' if point < 1 else '+'}{exponent}"


def shortest(value: float) -> tuple[str, int]:
    """The digits of a positive double and the power of ten that they are multiplied by, by Grisu2."""
    low, middle, high, shift, power = _scaled(value)
    gap, off = high - low, high - middle
    whole, part = high >> shift, high & ((1 << shift) - 1)
    digits = str(whole)
    for left in reversed(range(len(digits))):
        rest = (whole % 10**left << shift) + part
        if rest <= gap:
            return _nearer(digits[: len(digits) - left], rest, 10**left << shift, gap, off), power + left
    while True:
        part, gap, off, power = part * 10, gap * 10, off * 10, power - 1
        digits += str(part >> shift)
        part &= (1 << shift) - 1
        if part < gap:
            return _nearer(digits, part, 1 << shift, gap, off), power


def _nearer(digits: str, rest: int, unit: int, gap: int, off: int) -> str:
    """The digits of the upper bound with the last one lowered while that brings them nearer to the number."""
    last = int(digits[-1])
    while rest < off and gap - rest >= unit and (rest + unit < off or off - rest > rest + unit - off):
        last -= 1
        rest += unit
    return f"{digits[:-1]}{last}"


def _scaled(value: float) -> tuple[int, int, int, int, int]:
    """The number and the bounds half way to its neighbours, times a power of ten of the table.

    Returns (lower, number, upper, bits behind the point, power of ten to undo). The bounds are drawn
    in by one unit, which makes up for the rounding of the products.
    """
    fraction, exponent = _parts(value)
    upper, upper_exponent = _normalized(2 * fraction + 1, exponent - 1)
    narrow = 2 if fraction == _HIDDEN else 1  # below a power of two the neighbour is twice as near
    lower = ((fraction << narrow) - 1) << (exponent - narrow - upper_exponent)
    number, _ = _normalized(fraction, exponent)
    factor, factor_exponent, power = _factor(upper_exponent)
    low, middle, high = (_product(part, factor) for part in (lower, number, upper))
    return low + 1, middle, high - 1, -(upper_exponent + factor_exponent + 64), -power


def _parts(value: float) -> tuple[int, int]:
    """Fraction and binary exponent: value = fraction * 2**exponent."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    exponent = bits >> 52
    return (bits & _FRACTION | _HIDDEN, exponent - 1075) if exponent else (bits & _FRACTION, -1074)


def _normalized(fraction: int, exponent: int) -> tuple[int, int]:
    """The same number with a fraction of 64 bits."""
    shift = 64 - fraction.bit_length()
    return fraction << shift, exponent - shift


def _product(left: int, right: int) -> int:
    """The upper 64 bits of a product of 64-bit numbers, rounded."""
    return (left * right + (1 << 63)) >> 64


def _factor(exponent: int) -> tuple[int, int, int]:
    """The power of ten that brings a fraction of 64 bits into range: fraction, exponent, power."""
    at = int((-(exponent + _POWERS) * _LOG10_2 - _FIRST_POWER) / _STEP)
    while True:
        power = _FIRST_POWER + _STEP * at
        fraction, own = _power_of_ten(power)
        if exponent + own + 64 < _LEAST:
            at += 1
        elif exponent + own + 64 > _MOST:
            at -= 1
        else:
            return fraction, own, power


@cache
def _power_of_ten(power: int) -> tuple[int, int]:
    """10**power as a 64-bit fraction, rounded to nearest, and its binary exponent."""
    above, below = (10**power, 1) if power >= 0 else (1, 10**-power)
    exponent = above.bit_length() - below.bit_length() - 64
    while True:
        up, down = max(-exponent, 0), max(exponent, 0)
        fraction = (2 * (above << up) + (below << down)) // (2 * (below << down))
        if fraction.bit_length() == 64:
            return fraction, exponent
        exponent += fraction.bit_length() - 64
