"""A hint of a cluster node how many keys a slot has (Redis 8.0).

F4  LENGTH slot  LENGTH keys  LENGTH keys with an expiry
"""

from __future__ import annotations

from typing import NamedTuple


class SlotInfo(NamedTuple):
    """A hint of a cluster node: keys in a slot, and those of them that expire."""

    offset: int
    raw: bytes
    slot: int
    keys: int
    expires: int
