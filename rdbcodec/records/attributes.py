"""What stands before a key and belongs to it alone: expiry, idle time, frequency, metadata, vendor hints."""

from __future__ import annotations

from rdbcodec.records.aux_field import Aux

# What servers take differently, in words that go behind the place of a key.
EXPIRY_TWICE = "two expiries before one key, of which Redis 8.10 takes the first and all others the last"
EXPIRY_MINUS_1 = "an expiry of -1 ms, which Redis 8.10 takes for the past and all others for never"


class Attributes:
    """What stands before a key and belongs to it alone; `raw` is all of it as on disk."""

    __slots__ = ("aux", "disputed", "expires_at_ms", "freq", "idle", "meta", "offset", "raw", "vendor")

    def __init__(self, offset: int, raw: bytes = b"") -> None:
        self.offset = offset
        self.raw: bytes | bytearray = raw
        self.disputed: str | None = None
        self.expires_at_ms: int | None = None
        self.idle: int | None = None
        self.freq: int | None = None
        self.meta: bytes | None = None
        self.aux: list[Aux] = []  # remarks that stand among them, KeyDB's time stamps mostly
        self.vendor: str | None = None  # the name of an opcode only its vendor's server understands

    def append(self, raw: bytes) -> None:
        """One more. There may be millions before one key, so what is there is not copied for each."""
        if isinstance(self.raw, bytes):
            self.raw = bytearray(self.raw)
        self.raw += raw
