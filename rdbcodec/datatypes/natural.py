"""Plain Python values as the elements RDB holds: bytes, with str and int understood."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from rdbcodec.errors import EncodeError

_BYTES = {bytes}
Text = bytes | bytearray | memoryview | str | int


def text_of(value: object) -> bytes:
    """Bytes as they are, str as UTF-8, int as its decimal text; EncodeError for anything else.

    A float has no one text (1.0, 1, 1e0), so the caller has to choose it.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise EncodeError(f"expected bytes, str or int, found {type(value).__name__}")


def are_bytes(*texts: Iterable[object]) -> bool:
    """Whether nothing has to be made of any of them, as of nearly all there are."""
    return set(map(type, chain.from_iterable(texts))) <= _BYTES


def texts_of(values: Iterable[object]) -> list[bytes]:
    """The elements of a collection."""
    # Most callers have bytes already: asking for the exact type is a third of the time of the call.
    return [value if type(value) is bytes else text_of(value) for value in values]


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        where = f"character {error.start} of {len(text)}"
        raise EncodeError(
            f"{where} is half of a surrogate pair, which UTF-8 does not have: give bytes"
        ) from None
