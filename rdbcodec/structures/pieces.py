"""A packed structure that comes in chunks: what its decoder has not taken yet, and where that begins."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.errors import LimitExceeded
from rdbcodec.limits import MAX_ELEMENT


class Pieces:
    """A window over chunks. `buf` begins at byte `base` of the structure; `received` counts all bytes."""

    __slots__ = ("_chunks", "base", "buf", "received")

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.buf = b""
        self.base = 0
        self.received = 0

    def fill(self) -> bool:
        """Append what comes next, as much as is held already: long elements then cost linear time.

        False when nothing comes. Raises LimitExceeded when one element is too large to be held.
        """
        pending = bytearray()
        for chunk in self._chunks:
            pending += chunk
            if pending and len(pending) >= len(self.buf):
                break
        self.received += len(pending)
        self.buf += pending
        if len(self.buf) > 2 * MAX_ELEMENT:
            wanted = len(self.buf)
            raise LimitExceeded("a packed element is too large to hold", limit=MAX_ELEMENT, wanted=wanted)
        return bool(pending)

    def need(self, size: int) -> None:
        """Try to have `size` bytes in the window."""
        while len(self.buf) < size and self.fill():
            pass

    def drop(self, size: int) -> None:
        """Move the window on."""
        self.buf = self.buf[size:]
        self.base += size
