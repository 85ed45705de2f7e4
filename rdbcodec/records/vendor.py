"""Opcodes that only the servers of one dialect understand: framed by the table, and kept as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import RecordKind

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State


class Vendor(NamedTuple):
    """An opcode of one dialect, kept as it came; `name` is that of the table."""

    offset: int
    raw: bytes
    name: str


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """Its bytes; also of any opcode that has a row in the table and no file here."""
    end = state.framed(row, pos)
    return Vendor(state.offset(), state.raw(end), row.name), end


def vendor_kind(opcode: str, loss: str = "vendor-record") -> RecordKind:
    """The kind of an opcode of which no more is known than its framing."""
    return RecordKind(opcode, decode, loss)


_LOSSES = {
    "update": "update",
    "slot-number": "vendor-hint",
    "full-sync-end": "vendor-hint",
    "blob-end": "vendor-hint",
    "journal-offset": "vendor-hint",
}

KINDS = tuple(vendor_kind(opcode, loss) for opcode, loss in _LOSSES.items())
