"""A packed structure that comes in chunks: what its decoder has not taken yet, and where that begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rdbcodec.wire.long_strings import Held


class Pieces:
    """A window over chunks. `buf` begins at byte `base` of the structure; `received` counts all bytes."""

    __slots__ = ("_chunks", "base", "buf", "held", "received")

    def __init__(self, chunks: Iterable[bytes], held: Held) -> None:
        self._chunks = iter(chunks)
        self.held = held
        self.buf = b""
        self.base = 0
        self.received = 0

    def fill(self) -> bool:
        """Append what comes next, as much as is held already: long elements then cost linear time.

        False when nothing comes. Raises LimitExceeded when one element is too large to hold.
        """
        if len(self.buf) > max(self.held.limit, _SHORT):
            raise self.held.refuse("a packed element", len(self.buf))
        pending = bytearray()
        for chunk in self._chunks:
            pending += chunk
            if pending and len(pending) >= len(self.buf):
                break
        self.received += len(pending)
        self.buf += pending
        return bool(pending)

    def is_long(self, size: int) -> bool:
        """Whether an element of this size is one that `long` must take."""
        return size > self.held.limit and self.held.keep is not None

    def long(self, head: int, size: int) -> Any:
        """What is made of an element whose `size` bytes follow `head` others; the window moves behind it.

        It is shorter when the chunks end: what stands behind it is then not there either.
        """
        assert self.held.keep is not None
        self.drop(head)
        return self.held.keep(self._taken(size))

    def _taken(self, size: int) -> Iterator[bytes]:
        while size and (self.buf or self.fill()):
            piece = self.buf[:size]
            self.drop(len(piece))
            size -= len(piece)
            yield piece

    def need(self, size: int) -> None:
        """Try to have `size` bytes in the window."""
        while len(self.buf) < size and self.fill():
            pass

    def drop(self, size: int) -> None:
        """Move the window on."""
        self.buf = self.buf[size:]
        self.base += size


_SHORT = 32 << 10  # bytes: texts of up to 16 KiB have forms of their own, and are held whatever the limit
