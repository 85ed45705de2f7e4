"""Field names that hashes of a file share (Redis 8.10).

F2  LENGTH id  LENGTH n  STRING*n
"""

from __future__ import annotations

from typing import NamedTuple


class HashTemplate(NamedTuple):
    """Redis 8.10: field names that hashes of this file refer to by `id`."""

    offset: int
    raw: bytes
    id: int
    fields: tuple[bytes, ...]
