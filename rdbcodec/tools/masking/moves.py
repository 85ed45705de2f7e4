"""Texts in disguise that add up to the same CRC as before.

A CRC is linear: what each byte adds to it depends on the byte and its distance from the end alone. So a few
positions at a time are given other bytes that add the same, one of all that do, and no two texts get the same
one. A long text gets one by chance, whose last positions then set the CRC right.
"""

from __future__ import annotations

import binascii
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from rdbcodec.tools.masking.disguise import ENOUGH, Disguise
from rdbcodec.tools.masking.shapes import ALPHABETS, Half, Shape, filled, half_of

WHOLE = 1 << 16  # sums there are of a whole CRC-16
_LEFT, _PART = 20, 4  # ways that the left half of a window has, and what part of all sums the right, or more
_TURNS = 2  # over all windows, where there are several
_TRIES = 256

Part = tuple[int, int]  # the kind of a position, and its distance from the end of the text


class Moves:
    """Disguises with the same CRC-16 modulo `sums`, a power of two."""

    def __init__(self, disguise: Disguise, sums: int) -> None:
        self._disguise = disguise
        self._sums = sums

    def of(self, text: bytes, shape: Shape) -> bytes:
        """Another text that adds up to the same, if there is one."""
        free = shape.free()
        if shape.bits() >= ENOUGH:
            return self._chosen(text, shape, free)
        windows = list(self._windows(free, shape))
        made = bytearray(text)
        for turn in range(_TURNS if len(windows) > 1 else 1):
            for window in windows:
                self._turn(made, window, shape, turn)
        return bytes(made)

    def _turn(self, text: bytearray, window: tuple[Half, Half], shape: Shape, turn: int) -> None:
        """Move the bytes of a window on, among all that add the same; those of one way stay."""
        left, right = window
        end = self._end(window, len(text))
        heads = _sums_of(_parts(left, shape, end), self._sums)
        tails = self._sorted(_parts(right, shape, end))
        head, tail = left.taken(text), right.taken(text)
        added = heads[head] ^ tails.sums[tail]
        starts = tails.starts
        groups = [added ^ sum_ for sum_ in heads]
        before = [0, *accumulate([starts[group + 1] - starts[group] for group in groups])]
        rank = before[head] + tails.rank(groups[head], tail)
        ways = before[-1]
        if ways == 1:
            return
        rest = bytearray(text)
        for pos in (*left.positions, *right.positions):
            rest[pos] = 0
        noise = self._disguise.number(b"sum%d:%d:" % (self._sums, turn) + rest + shape.kinds)
        rank = (rank + 1 + noise % (ways - 1)) % ways
        head = bisect_left(before, rank + 1) - 1
        left.put(text, head)
        right.put(text, tails.at(groups[head], rank - before[head]))

    def _chosen(self, text: bytes, shape: Shape, free: list[int]) -> bytes:
        """One by chance, whose last positions set the sum right."""
        last = half_of(shape.kinds, free[_enough(free, len(free), shape, self._sums // _PART) :])
        tails = self._sorted(_parts(last, shape, len(text)))
        wanted = self._sum(text)
        for attempt in range(_TRIES):
            seed = b"name%d:" % attempt + text
            made = bytearray(filled(text, shape, self._disguise.noise(seed, len(text))))
            group = tails.sums[last.taken(made)] ^ self._sum(bytes(made)) ^ wanted
            there = tails.count(group)
            if there:
                last.put(made, tails.at(group, self._disguise.number(seed) % there))
                return bytes(made)
        return text  # not met: a quarter of the sums can be had each time

    def _end(self, window: tuple[Half, Half], size: int) -> int:
        """From where distances are counted. What adds the same to a whole CRC does so wherever it stands, so
        that one table does for all windows of the same kinds; to a part of one it does not."""
        if self._sums != WHOLE:
            return size
        return 1 + max(pos for half in window for pos in half.positions)

    def _sorted(self, parts: tuple[Part, ...]) -> _Tails:
        return (_sorted_whole if self._sums == WHOLE else _sorted_sums)(parts, self._sums)

    def _sum(self, text: bytes) -> int:
        return binascii.crc_hqx(text, 0) % self._sums

    def _windows(self, free: list[int], shape: Shape) -> Iterator[tuple[Half, Half]]:
        """Positions that are looked at together, in two halves; each begins in the middle of another."""
        at = len(free)
        while at > 0:
            right = _enough(free, at, shape, self._sums // _PART)
            left = _enough(free, right, shape, _LEFT)
            yield half_of(shape.kinds, free[left:right]), half_of(shape.kinds, free[right:at])
            if not left:
                return
            at -= max(1, (at - left) // 2)


def _enough(free: list[int], end: int, shape: Shape, wanted: int) -> int:
    """Where those begin that end here and have so many ways, or all there are."""
    ways, at = 1, end
    while at and ways < wanted:
        at -= 1
        ways *= len(ALPHABETS[shape.kinds[free[at]]])
    return at


class _Tails:
    """What each way to fill some positions adds to the CRC, and the ways that add the same."""

    def __init__(self, sums: array[int], count: int) -> None:
        self.sums = sums
        self._order = array("I", sorted(range(len(sums)), key=sums.__getitem__))
        counts = [0] * (count + 1)
        for sum_ in sums:
            counts[sum_ + 1] += 1
        self.starts = array("I", accumulate(counts))

    def count(self, group: int) -> int:
        """How many add this."""
        return self.starts[group + 1] - self.starts[group]

    def at(self, group: int, rank: int) -> int:
        """One of them."""
        return self._order[self.starts[group] + rank]

    def rank(self, group: int, index: int) -> int:
        """Which of them it is."""
        start = self.starts[group]
        return bisect_left(self._order, index, start, self.starts[group + 1]) - start


def _parts(half: Half, shape: Shape, end: int) -> tuple[Part, ...]:
    """The positions as their tables are kept by."""
    return tuple((shape.kinds[pos], end - 1 - pos) for pos in half.positions)


def _made_tails(parts: tuple[Part, ...], count: int) -> _Tails:
    return _Tails(_sums_of(parts, count), count)


_sorted_sums = lru_cache(128)(_made_tails)
_sorted_whole = lru_cache(32)(_made_tails)  # of 0.4 MiB and more each


@lru_cache(128)
def _sums_of(parts: tuple[Part, ...], count: int) -> array[int]:
    """What each way to fill these positions adds to the CRC, in the order of their indexes."""
    sums = [0]
    for kind, distance in parts:
        added = [_added(byte, distance) % count for byte in ALPHABETS[kind]]
        sums = [sum_ ^ more for sum_ in sums for more in added]
    return array("H", sums)


@lru_cache(1 << 14)
def _added(byte: int, distance: int) -> int:
    """What a byte adds to the CRC that stands so far from the end."""
    return binascii.crc_hqx(bytes((byte,)) + bytes(distance), 0)
