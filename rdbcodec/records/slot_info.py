"""A hint of a cluster node how many keys a slot has (Redis 8.0).

F4  LENGTH slot  LENGTH keys  LENGTH keys with an expiry
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import CODES, RecordKind
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State


class SlotInfo(NamedTuple):
    """A hint of a cluster node: keys in a slot, and those of them that expire."""

    offset: int
    raw: bytes
    slot: int
    keys: int
    expires: int


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A hint about one slot."""
    del row
    (slot, keys, expires), end = state.lengths(pos, 3)
    return SlotInfo(state.offset(), state.raw(end), slot, keys, expires), end


def encode(slot: int, keys: int, expires: int) -> bytes:
    """The hint that stands before the first key of a slot."""
    return CODES["slot-info"] + b"".join(map(lengths.encode, (slot, keys, expires)))


KINDS = (RecordKind("slot-info", decode, loss="slot-info", record=SlotInfo),)
