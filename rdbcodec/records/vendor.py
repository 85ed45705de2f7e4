"""Opcodes that only the servers of one dialect understand: framed by the table, and kept as they came."""

from __future__ import annotations

from typing import NamedTuple


class Vendor(NamedTuple):
    """An opcode of one dialect, kept as it came; `name` is that of the table."""

    offset: int
    raw: bytes
    name: str
