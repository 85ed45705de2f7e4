"""Floating-point numbers: sorted-set scores and module data (rdb-format.md, section 3.4).

Text form, type 3 only: one byte, then perhaps text.

    fd              nan
    fe              +inf
    ff              -inf
    n  n bytes      text as C's %lg reads it, n = 0 .. 252

Binary form: 8 bytes IEEE 754, little endian. Instance: `00 00 00 00 00 00 f8 3f` is 1.5;
`03 31 2e 35` is 1.5 as text.

Scores inside ziplists and listpacks are text or integer entries; `parse` reads their text.
"""

from __future__ import annotations

import contextlib
import math

from rdbcodec.errors import CorruptStructure

NAN, PLUS_INF, MINUS_INF = 253, 254, 255
WHOLE = 2.0**52 - 1  # integral scores below are written as integers, rdb-format.md 3.4
_SPECIAL = {NAN: math.nan, PLUS_INF: math.inf, MINUS_INF: -math.inf}


def walk_text(buf: bytes, pos: int) -> int:
    """The position after the text double at `pos`, which may lie beyond the end of `buf`."""
    size = buf[pos]
    return pos + 1 if size >= NAN else pos + 1 + size


def read_text(buf: bytes, pos: int) -> tuple[float, int]:
    """The text double at `pos` and the position after it; IndexError when `buf` ends inside it."""
    size = buf[pos]
    if size >= NAN:
        return _SPECIAL[size], pos + 1
    end = pos + 1 + size
    if end > len(buf):
        raise IndexError
    return parse(buf[pos + 1 : end], pos), end


def encode_text(value: float) -> bytes:
    """The text form, as Redis 2.0 to 3.2 write it: whole numbers below 2**52 plainly, others with 17 digits.

    Those servers write -0.0 as 0; "-0" reads back as what it is in all of them.
    """
    if math.isnan(value):
        return bytes((NAN,))
    if math.isinf(value):
        return bytes((PLUS_INF if value > 0 else MINUS_INF,))
    if value.is_integer() and abs(value) < WHOLE and (value or math.copysign(1, value) > 0):
        text = b"%d" % int(value)
    else:
        text = b"%.17g" % value
    return bytes((len(text),)) + text


def parse(text: bytes, pos: int | None = None) -> float:
    """The number a score's text stands for.

    Servers since 6.2 refuse text that is no number; so does this: raises CorruptStructure.
    """
    try:
        value = float(text)
    except ValueError:
        value = _parse_hex(text, pos)
    if b"_" in text or text != text.strip():  # Python takes 1_000 and spaces around, servers do not
        raise CorruptStructure("a score is not a number", pos)
    return value


def parse_all(texts: list[bytes]) -> list[float]:
    """`parse` of each text."""
    if not b"".join(texts).translate(None, _PLAIN):
        try:
            return list(map(float, texts))
        except ValueError:
            pass  # `parse` has the words
    return list(map(parse, texts))


_PLAIN = b"0123456789.-+eE"  # texts of nothing else are read alike by Python and by servers


def _parse_hex(text: bytes, pos: int | None) -> float:
    """Servers take what strtod takes, and that includes 0x1.8p3 (but, unlike Python, no hex without 0x)."""
    value = None
    if b"x" in text.lower():
        with contextlib.suppress(ValueError, OverflowError):
            value = float.fromhex(text.decode("ascii"))
    if value is None:
        raise CorruptStructure("a score is not a number", pos) from None  # Python's own words show the text
    return value
