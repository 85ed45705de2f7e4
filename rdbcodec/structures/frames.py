"""Frames that were seen before: what structures of one shape have in common, so that C takes them apart.

Values of one kind often have elements of the same sizes: tokens, digests, fields of fixed names. All that
is not the text of an element (header, sizes, back-lengths, terminator) is then the same bytes. Of a structure
that its decoder found sound, now and then one is remembered: its frame, and a struct that cuts a blob into
pieces of the frame and texts by turns. A later blob of the same size whose frame is equal, byte for byte, is
sound for the same reasons, and its texts stand where those of the first did. Any other goes the usual way.

    frame = frames.get(len(blob))
    if frame is not None:
        found = frame[0](blob)
        if found[::2] == frame[1]:
            return list(found[1::2])
        frames.pop(len(blob), None)

What this costs where no two values have the same shape is a look into a dict, and one in so many measured.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from rdbcodec.structures.parts import ELEMENT, Part

LARGEST = 16 << 10  # bytes of a structure whose frame is remembered
MOST = 512  # sizes of which a frame is known
MOST_TEXTS = 1 << 14  # of all frames together, some 120 bytes each: 2 MiB, whatever a file is made of
FEW_TEXTS = 1 << 11  # of one frame
EVERY = 256  # structures of unknown frame, of which one is measured

Frame = tuple[Callable[[bytes], tuple[Any, ...]], tuple[bytes, ...]]


class Frames(dict[int, Frame]):
    """The frames of one kind of structure, by size: what cuts it, and its pieces of the frame."""

    def __init__(self) -> None:
        super().__init__()
        self._texts = 0  # remembered since all was forgotten

    def remember(self, blob: bytes, parts: Iterable[Part], text_ends: Callable[[Part], int]) -> None:
        """The frame of a sound structure, if it holds texts alone, of which `text_ends` tells where."""
        code, at, texts = "<", 0, 0
        for part in parts:
            if part.label != ELEMENT:
                continue
            if not isinstance(part.value, bytes) or texts == FEW_TEXTS:
                return
            size = len(part.value)
            start = text_ends(part) - size
            code += f"{start - at}s{size}s"
            at, texts = start + size, texts + 1
        if not texts:
            return
        cut = struct.Struct(f"{code}{len(blob) - at}s").unpack
        self._texts += texts
        if len(self) >= MOST or self._texts > MOST_TEXTS:
            self.clear()
            self._texts = texts
        self[len(blob)] = cut, cut(blob)[::2]
