"""What stands before a key and belongs to it alone: expiry, idle time, frequency, metadata, vendor hints.

    FC  i64 milliseconds        FD  i32 seconds         when the key expires
    F8  LENGTH seconds idle     F9  u8 frequency        how it was used, for eviction
    F3  LENGTH n  (u32 class  items)*n                  metadata of modules (Redis 8.6)
    6B  LENGTH                  DC  u32 mask [u32]      hints of Redis Software and of Dragonfly

They come in any order, and an AUX field among them belongs to the key as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rdbcodec.records.aux_field import Aux
from rdbcodec.records.kinds import CODES, RecordKind
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server

# What servers take differently, in words that go behind the place of a key.
EXPIRY_TWICE = "two expiries before one key, of which Redis 8.10 takes the first and all others the last"
EXPIRY_MINUS_1 = "an expiry of -1 ms, which Redis 8.10 takes for the past and all others for never"

EXPIRETIME_MS, FREQ, IDLE = 252, 249, 248  # the opcodes that the loop over a file meets, in every dialect
EXPIRY_SIZE = 9  # bytes of an EXPIRETIME_MS, its opcode included
NEGATIVE = 0x80  # the last byte of a negative time is not below


class Attributes:
    """What stands before a key and belongs to it alone; `raw` is all of it as on disk."""

    __slots__ = (
        "aux",
        "disputed",
        "expires_at_ms",
        "freq",
        "idle",
        "is_meta_apart",
        "meta",
        "offset",
        "raw",
        "vendor",
    )

    def __init__(self, offset: int, raw: bytes = b"") -> None:
        self.offset = offset
        self.raw: bytes | bytearray = raw
        self.disputed: str | None = None
        self.expires_at_ms: int | None = None
        self.idle: int | None = None
        self.freq: int | None = None
        self.meta: bytes | None = None
        self.is_meta_apart = False  # a record stands between the metadata and the key
        self.aux: list[Aux] = []  # remarks that stand among them, KeyDB's time stamps mostly
        self.vendor: str | None = None  # the name of an opcode only its vendor's server understands

    def append(self, raw: bytes) -> None:
        """One more. There may be millions before one key, so what is there is not copied for each."""
        if isinstance(self.raw, bytes):
            self.raw = bytearray(self.raw)
        self.raw += raw


# --- decode -----------------------------------------------------------------------------------------


def expire_at_ms(state: State, buf: bytes, pos: int) -> None:
    """The EXPIRETIME_MS at `pos`, all of which is there; most keys that have attributes have no other."""
    state.pos = pos
    if _EXPIRES_MS not in state.opcodes:
        state.opcodes[_EXPIRES_MS] = state.offset()
    at_ms = int.from_bytes(buf[pos + 1 : pos + 9], "little", signed=True)
    if state.attributes is not None or at_ms == -1:
        _set_expiry(state, at_ms, pos + 9)
        return
    state.attributes = attributes = Attributes(state.offset(), buf[pos : pos + 9])
    attributes.expires_at_ms = at_ms


def hint_end(state: State, buf: bytes, pos: int) -> int:
    """Where the idle time or frequency at `pos` ends; `pos` itself where neither stands."""
    code = buf[pos]
    if code not in _HINTS:
        return pos
    end = pos + 2 if code == FREQ else lengths.read(buf, pos + 1)[1]
    if _HINTS[code] not in state.opcodes:
        state.pos = pos
        state.opcodes[_HINTS[code]] = state.offset()
    return end


def is_usual(raw: bytes) -> bool:
    """Whether these attributes are what servers write before keys, in their order: an expiry that is not
    negative, and then at most one of idle time and frequency."""
    pos = EXPIRY_SIZE if raw[0] == EXPIRETIME_MS and raw[EXPIRY_SIZE - 1] < NEGATIVE else 0
    if pos == len(raw):
        return True
    if raw[pos] == FREQ:
        return pos + 2 == len(raw)
    return raw[pos] == IDLE and lengths.read(raw, pos + 1)[1] == len(raw)


def _set_expiry(state: State, at_ms: int, end: int) -> None:
    attributes = state.attribute(end)
    # Asked: Redis 6.2, 7.0, 8.2 and 8.10, Valkey 8.0, 8.1 and 9.1. No server writes either.
    if attributes.expires_at_ms is not None:
        attributes.disputed = EXPIRY_TWICE
    if at_ms == -1:
        attributes.disputed = attributes.disputed or EXPIRY_MINUS_1
        attributes.expires_at_ms = None
    else:
        attributes.expires_at_ms = at_ms


def _expiretime_ms(state: State, row: OpcodeRow, pos: int) -> Decoded:
    del row
    state.raw(pos + 8)
    expire_at_ms(state, state.buf, pos - 1)
    return None, pos + 8


def _expiretime(state: State, row: OpcodeRow, pos: int) -> Decoded:
    del row
    state.raw(pos + 4)
    seconds = int.from_bytes(state.buf[pos : pos + 4], "little", signed=True)
    _set_expiry(state, seconds * SECOND, pos + 4)
    return None, pos + 4


def _idle(state: State, row: OpcodeRow, pos: int) -> Decoded:
    del row
    (idle,), end = state.lengths(pos, 1)
    state.attribute(end).idle = idle
    return None, end


def _freq(state: State, row: OpcodeRow, pos: int) -> Decoded:
    del row
    freq = state.buf[pos]
    state.attribute(pos + 1).freq = freq
    return None, pos + 1


def _key_meta(state: State, row: OpcodeRow, pos: int) -> Decoded:
    end = state.framed(row, pos)
    raw = state.raw(end)
    state.attribute(end).meta = raw
    return None, end


def _hint(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """An attribute nobody outside its vendor can use; its bytes are kept."""
    end = state.framed(row, pos)
    state.attribute(end).vendor = row.name
    return None, end


# --- encode -----------------------------------------------------------------------------------------


def encode_expiry(at_ms: int, server: Server, lose: Callable[[str], None]) -> bytes:
    """When a key expires; seconds, rounded up, for servers before 2.6: no key may expire early."""
    if _EXPIRES_MS in server.opcodes:
        return CODES[_EXPIRES_MS] + at_ms.to_bytes(8, "little", signed=True)
    seconds = -(-at_ms // SECOND)
    if seconds > MAX_SECONDS:
        lose("expiry-after-2038")
        return b""
    if at_ms % SECOND:
        lose("sub-second-expiry")
    return CODES["expiretime"] + max(seconds, -MAX_SECONDS).to_bytes(4, "little", signed=True)


def encode_idle(idle: int) -> bytes:
    """Seconds since the key was used."""
    return CODES["idle"] + lengths.encode(idle)


def encode_freq(freq: int) -> bytes:
    """The LFU counter."""
    return CODES["freq"] + bytes((freq,))


SECOND = 1000
MAX_SECONDS = (1 << 31) - 1  # EXPIRETIME is a signed 32-bit number: 2038-01-19
_EXPIRES_MS = "expiretime-ms"
_HINTS = {FREQ: "freq", IDLE: "idle"}

KINDS = (
    RecordKind("expiretime", _expiretime, loss=None),
    RecordKind(_EXPIRES_MS, _expiretime_ms, loss=None),
    RecordKind("idle", _idle, loss="idle"),
    RecordKind("freq", _freq, loss="freq"),
    RecordKind("key-meta", _key_meta, loss="key-metadata"),
    RecordKind("ram-lru", _hint, loss="vendor-hint"),
    RecordKind("key-attributes", _hint, loss="sticky"),
)
