"""Dragonfly's records that hold records: compressed blobs, and records in interleaved pieces.

    C9, CA  STRING zstd or LZ4 frame         records, as they would stand here
    E0      u32 tag  u32 size  bytes         a piece of the records with this tag

Here they are only framed; rdbcodec.reading.nested reads what they hold. What is in them is not lost where
a server does not know them: it is written as records of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.records.kinds import RecordKind

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """Where it ends."""
    end = state.framed(row, pos)
    state.raw(end)
    return None, end


KINDS = tuple(
    RecordKind(opcode, decode, loss=None, holds_records=True)
    for opcode in ("zstd-blob", "lz4-blob", "tagged-chunk")
)
