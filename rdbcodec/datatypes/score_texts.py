"""Scores inside packed sorted sets: the texts that servers of each RDB version write (rdb-format.md, 3.4)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from rdbcodec.formats import SINCE
from rdbcodec.wire import doubles


def score_texts(scores: Sequence[float], version: int) -> list[bytes]:
    """`score_text` of many: where all are fractions with few digits they are formatted together."""
    if version >= _SHORT_SINCE:
        told = b"%a," * len(scores) % tuple(scores)
        if not (b".0," in told or b"e" in told or b"n" in told or _LONG.search(told)):
            return told[:-1].split(b",") if scores else []
    return [score_text(score, version) for score in scores]


def score_text(score: float, version: int) -> bytes:
    """The text of a score inside a packed sorted set, as servers of an RDB version write it.

    Integral scores are integers, within a range that grew with 7.0; others have 17 digits before 7.2,
    and as few as read back the same since. Servers since 7.0 write -0.0 as 0; as a string it stays what
    it is in all of them.
    """
    if score.is_integer():
        whole = doubles.WHOLE if version < _WIDE_SINCE else _HALF_I64
        if -whole <= score <= whole:
            return b"%d" % int(score) if score or math.copysign(1, score) > 0 else b"-0"
    elif math.isinf(score):
        return b"inf" if score > 0 else b"-inf"
    return b"%.17g" % score if version < _SHORT_SINCE else _shortest_text(score).encode()


_WIDE_SINCE, _SHORT_SINCE = SINCE["wide-whole-scores"], SINCE["short-scores"]
_HALF_I64 = 2.0**62  # Redis 7.0 on, the limit included (rdb-format.md, 3.4; asked of 7.0.15 and valkey 8.0.1)


def _shortest_text(score: float) -> str:
    """The digits of repr(), in the notation of servers since 7.2 (valkey 8.0.1 was asked for 15000 scores).

    A number goes without exponent when at most 7 zeros follow its digits, when its last digit is among the
    first 6 decimals, or when it is between 0.001 and 10000; so 0.000001 and 1e-7, 1234.5678901 and
    1.234567890123e+5. About one in 1000 of the servers' texts has other digits (they use an algorithm that
    does not always find the shortest), and the same value.
    """
    text = repr(score)
    if "e" not in text and len(text) - text.find(".") <= _DECIMALS + 1:
        return text
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    last = int(power or 0) - len(fraction)  # the power of ten of the last digit
    return "-" * (score < 0) + _notation(digits, last)


def _notation(digits: str, last: int) -> str:
    first = last + len(digits) - 1
    if 0 <= last <= _ZEROS:
        return digits + "0" * last
    if last < 0 and (last >= -_DECIMALS or abs(first) < _PLAIN_POWERS):
        padded = digits.rjust(1 - last, "0")
        return f"{padded[:last]}.{padded[last:]}"
    point = "." if len(digits) > 1 else ""
    return f"{digits[0]}{point}{digits[1:]}e{first:+d}"


_DECIMALS = 6
_LONG = re.compile(rb"\.[0-9]{%d}" % (_DECIMALS + 1))
_ZEROS = 7
_PLAIN_POWERS = 4
