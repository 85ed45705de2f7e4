"""The database that the next keys belong to.

FE  LENGTH db
"""

from __future__ import annotations

from typing import NamedTuple


class SelectDb(NamedTuple):
    """The keys that follow belong to this database."""

    offset: int
    raw: bytes
    db: int
