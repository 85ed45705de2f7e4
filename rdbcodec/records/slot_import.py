"""Slots that were being imported when the snapshot was made (Valkey 9.0).

F3  STRING job  LENGTH n  (LENGTH first  LENGTH last)*n
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.limits import MAX_SLOT_RANGES
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import RecordKind
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State

_JOB_NAME = 40  # bytes


class SlotImport(NamedTuple):
    """Valkey 9: slots that were being imported, as (first, last) ranges."""

    offset: int
    raw: bytes
    job: bytes
    ranges: tuple[tuple[int, int], ...]


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """The job and its ranges, of which there are no more than slots. Valkey refuses any other."""
    del row
    job, pos = state.string(pos)
    count, pos = lengths.read(state.buf, pos)
    if count > MAX_SLOT_RANGES:
        message = "a slot import of more ranges than there are slots"
        raise LimitExceeded(message, limit=MAX_SLOT_RANGES, wanted=count, unit="ranges")
    ranges = []
    for _ in range(count):
        (first, last), pos = state.lengths(pos, 2)
        if not first <= last < MAX_SLOT_RANGES:
            raise CorruptStructure(f"a slot import of the slots {first} to {last}")
        ranges.append((first, last))
    if len(job) != _JOB_NAME:
        raise CorruptStructure(f"a slot import of a job whose name is {len(job)} bytes, expected {_JOB_NAME}")
    return SlotImport(state.offset(), state.raw(pos), job, tuple(ranges)), pos


def _most(state: State) -> int:
    """Two lengths of the longest form for each range."""
    del state
    return 20 * MAX_SLOT_RANGES


KINDS = (RecordKind("slot-import", decode, loss="slot-import", record=SlotImport, limit=_most),)
