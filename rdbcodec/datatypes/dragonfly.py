"""Expiries of Dragonfly's fields and members: decimal texts of seconds since 2023-02-01, or -1."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.errors import CorruptStructure, EncodeError

DRAGONFLY_EPOCH = 1675209600  # seconds; 2023-02-01T00:00:00Z, dragonfly source of 2026-08


def expiries_in(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """The members or fields that expire, from their decimal texts."""
    expiries = ((name, expiry_of(text)) for name, text in pairs)
    return {name: expiry for name, expiry in expiries if expiry is not None}


def expiry_of(text: bytes) -> int | None:
    """Absolute milliseconds; None for never."""
    if text == b"-1":
        return None
    if not isinstance(text, bytes) or not text.isdigit():  # a LongString is no number either
        raise CorruptStructure("an expiry is not a number of seconds")
    return (DRAGONFLY_EPOCH + int(text[:20])) * 1000


def expiry_text(at_ms: int | None) -> bytes:
    """An expiry as the decimal text Dragonfly writes, rounded up to seconds."""
    if at_ms is None:
        return b"-1"
    seconds = -(-at_ms // 1000) - DRAGONFLY_EPOCH
    if seconds < 0:
        raise EncodeError(f"an expiry at {at_ms} ms is before 2023-02-01, where Dragonfly begins to count")
    return b"%d" % seconds
