"""The database that the next keys belong to.

FE  LENGTH db
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


class SelectDb(NamedTuple):
    """The keys that follow belong to this database."""

    offset: int
    raw: bytes
    db: int


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """The keys behind it belong to its database."""
    del row
    (db,), end = state.lengths(pos, 1)
    record = SelectDb(state.offset(), state.raw(end), db)
    state.db = db
    return record, end


def encode(db: int) -> bytes:
    """The record that selects a database."""
    return CODES["selectdb"] + lengths.encode(db)


KINDS = (RecordKind("selectdb", decode, loss=None, record=SelectDb),)
