"""A hint how many keys a database has.

FB  LENGTH keys  LENGTH keys with an expiry
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


class ResizeDb(NamedTuple):
    """A hint for the database selected: its keys, and those of them that expire."""

    offset: int
    raw: bytes
    db: int
    keys: int
    expires: int


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A hint about the database selected."""
    del row
    (keys, expires), end = state.lengths(pos, 2)
    return ResizeDb(state.offset(), state.raw(end), state.db, keys, expires), end


def encode(keys: int, expires: int) -> bytes:
    """The hint for the database selected last."""
    return CODES["resizedb"] + lengths.encode(keys) + lengths.encode(expires)


KINDS = (RecordKind("resizedb", decode, loss="resizedb", record=ResizeDb),)
