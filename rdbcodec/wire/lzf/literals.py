"""The literals of an LZF block, and the block with others in their place.

A block says which bytes are new and which are repeated. With other new bytes it unpacks to another text of
the same size, whose repetitions are the same.
"""

from __future__ import annotations

from rdbcodec.errors import CorruptStructure
from rdbcodec.wire.lzf.blocks import MAX_LITERAL

_LONG = 0xE0  # references that have a byte for their length begin so


def runs(block: bytes) -> list[tuple[int, int]]:
    """Where the literals of a block begin and end. Raises CorruptStructure when it ends in between."""
    found, pos, size = [], 0, len(block)
    while pos < size:
        control = block[pos]
        if control < MAX_LITERAL:
            found.append((pos + 1, pos + 2 + control))
            pos += 2 + control
        else:
            pos += 3 if control >= _LONG else 2
    if pos != size:
        raise CorruptStructure("the LZF block ends inside a token", size)
    return found


def taken(block: bytes, runs: list[tuple[int, int]]) -> bytes:
    """The literals, one after another."""
    return b"".join([block[start:end] for start, end in runs])


def replaced(block: bytes, runs: list[tuple[int, int]], literals: bytes) -> bytes:
    """The block with these literals."""
    made, pos = bytearray(block), 0
    for start, end in runs:
        made[start:end] = literals[pos : pos + end - start]
        pos += end - start
    return bytes(made)
