"""The kinds of records, found in the files of this room: KINDS of every module that has one.

An opcode of the table that has no file is framed by its row and kept as it came.
"""

from __future__ import annotations

from typing import Any

import rdbcodec.records
from rdbcodec.folders import load, modules_of
from rdbcodec.formats import OPCODES
from rdbcodec.records.kinds import RecordKind
from rdbcodec.records.vendor import Vendor, vendor_kind


def _found() -> dict[str, RecordKind]:
    kinds = {row.name: vendor_kind(row.name) for row in OPCODES}
    for name in modules_of(rdbcodec.records):
        if name != "registry":
            kinds |= {kind.opcode: kind for kind in getattr(load(rdbcodec.records, name), "KINDS", ())}
    return kinds


KINDS = _found()  # by the opcode's name
_OPCODES = {kind.record: kind.opcode for kind in reversed(KINDS.values()) if kind.record is not None}
# What becomes of a record whose opcode a server does not know: the kind of loss, None for none.
LOSSES = {name: kind.loss for name, kind in KINDS.items()}


def kind_of(record: Any) -> RecordKind | None:
    """The kind of a record that has an opcode; None for a header, and for what is no record."""
    name = record.name if isinstance(record, Vendor) else _OPCODES.get(type(record))
    return None if name is None else KINDS[name]
