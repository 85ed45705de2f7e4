"""Which texts servers store as integers."""

from __future__ import annotations

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
