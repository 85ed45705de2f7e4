"""Slots that were being imported when the snapshot was made (Valkey 9.0).

F3  STRING job  LENGTH n  (LENGTH first  LENGTH last)*n
"""

from __future__ import annotations

from typing import NamedTuple


class SlotImport(NamedTuple):
    """Valkey 9: slots that were being imported, as (first, last) ranges."""

    offset: int
    raw: bytes
    job: bytes
    ranges: tuple[tuple[int, int], ...]
