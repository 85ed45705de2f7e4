"""Values that show at once that nothing is odd about them, many at a time and without an object for each.

Nearly all values of nearly all files are sound. To see that takes their elements, which structures give, and
no Hash, Set or ZSet; what each value would be asked again is asked once for all of a kind. An answer of False
says nothing: that value is looked at (see odd.py), and so are all when one of them is damaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import lt

from rdbcodec.wire import doubles, strings

# Of values as they stand on disk, none of which may unpack to more bytes than the number says: which are
# clear. Raises Unclear, or what decoding raises, where only each by itself can be asked.
AreClear = Callable[[Sequence[bytes], int], Iterable[bool]]


class Unclear(Exception):
    """One of the values must be looked at."""


def clear_when(decode: Callable[[bytes], list[bytes]], is_clear: Callable[[list[bytes]], bool]) -> AreClear:
    """For values that are one packed structure, by its elements."""

    def are_clear(raws: Sequence[bytes], limit: int) -> Iterable[bool]:
        return map(is_clear, map(decode, blobs(raws, limit)))

    return are_clear


def blobs(raws: Sequence[bytes], limit: int) -> list[bytes]:
    """The packed structure that each of the values is."""
    return [raw[1:] if raw[0] == len(raw) - 1 < _SHORT else unpacked(raw, 0, limit) for raw in raws]


def unpacked(raw: bytes, pos: int, limit: int) -> bytes:
    """The string that is the rest of a value. Raises Unclear for what is rare."""
    text = strings.read_rest(raw, pos, limit)
    if text is None:
        raise Unclear
    return text


_SHORT = 0x40  # lengths below are one byte, and what follows is the text


def are_distinct(elements: list[bytes]) -> bool:
    """Those of a set."""
    return 0 < len(elements) == len({*elements})


def are_fields(elements: list[bytes]) -> bool:
    """Those of a hash, whose fields are every other one."""
    return 0 < len(elements) == 2 * len({*elements[::2]})


def are_ascending(elements: list[bytes]) -> bool:
    """Those of a sorted set: each score is above the one before, so that all are numbers and in order."""
    scores = doubles.parse_all(elements[1::2])
    return (
        0 < len(elements) == 2 * len({*elements[::2]})
        and all(map(lt, scores, scores[1:]))
        and -math.inf < scores[0]
        and scores[-1] < math.inf
    )
