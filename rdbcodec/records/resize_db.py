"""A hint how many keys a database has.

FB  LENGTH keys  LENGTH keys with an expiry
"""

from __future__ import annotations

from typing import NamedTuple


class ResizeDb(NamedTuple):
    """A hint for the database selected: its keys, and those of them that expire."""

    offset: int
    raw: bytes
    db: int
    keys: int
    expires: int
