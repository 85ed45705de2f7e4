"""Which texts servers store as integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

I64_DIGITS = 20  # characters of -9223372036854775808
_SAFE_DIGITS = 19  # numbers of fewer digits fit
_ZERO = 0x30


def integer_in(text: bytes) -> int | None:
    """The i64 whose canonical text this is; "-0", "+1", "01" and " 1" are no one's."""
    if text.isdigit() and len(text) < _SAFE_DIGITS and (text[0] != _ZERO or len(text) == 1):
        return int(text)  # as most are: nothing is left to compare
    if len(text) <= I64_DIGITS and (text.isdigit() or (text[:1] == b"-" and text[1:].isdigit())):
        number = int(text)
        if -(2**63) <= number < 2**63 and b"%d" % number == text:
            return number
    return None


def integers_in(texts: Sequence[bytes]) -> list[int] | None:
    """The i64s whose canonical texts these are, None when one is no one's: `integer_in`, for many at once.

    Formatted again they must be the same texts.
    """
    if not texts or integer_in(texts[0]) is None:  # as of most that are none
        return None if texts else []
    try:
        numbers = list(map(int, texts))
    except ValueError:
        return None
    if b",".join(texts) != (b"%d," * len(numbers) % tuple(numbers))[:-1]:
        return None
    return numbers if min(numbers) >= -(2**63) and max(numbers) < 2**63 else None
