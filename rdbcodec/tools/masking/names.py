"""Keys in disguise that stay in their slots.

    user:1234       ->  wkqe:9071       the same slot of a cluster, the same length, the same separators
    {user1}.cart    ->  {pafk8}.xmwo    what stands in the braces decides alone

A slot is a CRC, and a CRC is linear: what each byte adds to it depends on the byte and its distance from
the end alone. So a few positions at a time are given other bytes that add the same, one of all that do, and
no two names get the same one. A long name gets one by chance, whose last positions then set the slot right.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from rdbcodec.facts.slots import SLOTS, key_slot
from rdbcodec.tools.masking.disguise import ENOUGH, Disguise
from rdbcodec.tools.masking.shapes import ALPHABETS, STAYS, Half, Shape, filled, half_of, shape_of

_LEFT, _RIGHT = 20, SLOTS // 4  # how many ways the positions of the two halves of a window have, or more
_TURNS = 2  # over all windows
_TRIES = 256

Part = tuple[int, int]  # the kind of a position, and its distance from the end of what the slot is made of


class Names:
    """Disguises of keys. `keep` separators are looked for, and what stands before the last of them stays."""

    def __init__(self, disguise: Disguise, *, same_slot: bool = True, keep: int = 0) -> None:
        self._disguise = disguise
        self._same_slot = same_slot
        self._keep = keep

    def of(self, key: bytes) -> bytes:
        """The disguise of a key."""
        shape = self._shape(key)
        begin, end = _tag(key)
        inside = bytes((STAYS,)) * begin + shape.kinds[begin:end] + bytes((STAYS,)) * (len(key) - end)
        outside = shape.kinds[:begin] + bytes((STAYS,)) * (end - begin) + shape.kinds[end:]
        if not self._same_slot:
            made = self._any(key, Shape(inside), b"tag")
        else:
            tag = key[begin:end]
            moved = self._moved(tag, Shape(inside[begin:end]))
            made = key[:begin] + moved + key[end:]
        return self._any(made, Shape(outside), b"key")

    def _shape(self, key: bytes) -> Shape:
        shape, at = shape_of(key), 0
        for _ in range(self._keep):
            found = key.find(b":", at)
            if found < 0:
                break
            at = found + 1
        return Shape(bytes((STAYS,)) * at + shape.kinds[at:])

    def _any(self, key: bytes, shape: Shape, tweak: bytes) -> bytes:
        """Another, whatever its slot."""
        if shape.bits() >= ENOUGH:
            return filled(key, shape, self._disguise.noise(tweak + b":" + key, len(key)))
        return self._disguise.shuffled(key, shape, tweak)

    # --- in the same slot ----------------------------------------------------------------------------

    def _moved(self, tag: bytes, shape: Shape) -> bytes:
        """Another that adds up to the same slot, if there is one."""
        free = shape.free()
        if shape.bits() >= ENOUGH:
            return self._chosen(tag, shape, free)
        windows = list(_windows(free, shape))
        made = bytearray(tag)
        for turn in range(_TURNS):
            for window in windows:
                self._turn(made, window, shape, turn)
        return bytes(made)

    def _turn(self, tag: bytearray, window: tuple[Half, Half], shape: Shape, turn: int) -> None:
        """Move the bytes of a window on, among all that add the same."""
        left, right = window
        heads, tails = _sums(_parts(left, shape)), _sorted_sums(_parts(right, shape))
        head, tail = left.taken(tag), right.taken(tag)
        added = heads[head] ^ tails.sums[tail]
        starts = tails.starts
        groups = [added ^ sum_ for sum_ in heads]
        before = [0, *accumulate([starts[group + 1] - starts[group] for group in groups])]
        rank = before[head] + tails.rank(groups[head], tail)
        rest = bytearray(tag)
        for pos in (*left.positions, *right.positions):
            rest[pos] = 0
        rank = (rank + self._disguise.number(b"slot%d:" % turn + rest + shape.kinds)) % before[-1]
        head = bisect_left(before, rank + 1) - 1
        left.put(tag, head)
        right.put(tag, tails.at(groups[head], rank - before[head]))

    def _chosen(self, tag: bytes, shape: Shape, free: list[int]) -> bytes:
        """One by chance, whose last positions set the slot right."""
        last = half_of(shape.kinds, free[_enough(free, len(free), shape, _RIGHT) :])
        tails = _sorted_sums(_parts(last, shape))
        wanted = key_slot(tag)
        for attempt in range(_TRIES):
            seed = b"name%d:" % attempt + tag
            made = bytearray(filled(tag, shape, self._disguise.noise(seed, len(tag))))
            group = tails.sums[last.taken(made)] ^ key_slot(bytes(made)) ^ wanted
            there = tails.count(group)
            if there:
                last.put(made, tails.at(group, self._disguise.number(seed) % there))
                return bytes(made)
        return tag  # not met: a quarter of the slots can be had each time


def _tag(key: bytes) -> tuple[int, int]:
    """Where that begins and ends which the slot is made of (see facts.slots)."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    return (begin + 1, end) if begin >= 0 and end > begin + 1 else (0, len(key))


def _windows(free: list[int], shape: Shape) -> Iterator[tuple[Half, Half]]:
    """Positions that are looked at together, in two halves; each window begins in the middle of another."""
    at = len(free)
    while at > 0:
        right = _enough(free, at, shape, _RIGHT)
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
    """What each way to fill some positions adds to the slot, and the ways that add the same."""

    def __init__(self, sums: array[int]) -> None:
        self.sums = sums
        self._order = array("I", sorted(range(len(sums)), key=sums.__getitem__))
        counts = [0] * (SLOTS + 1)
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


def _parts(half: Half, shape: Shape) -> tuple[Part, ...]:
    """The positions as their tables are kept by."""
    size = len(shape.kinds)
    return tuple((shape.kinds[pos], size - 1 - pos) for pos in half.positions)


@lru_cache(128)
def _sorted_sums(parts: tuple[Part, ...]) -> _Tails:
    return _Tails(_sums(parts))


@lru_cache(128)
def _sums(parts: tuple[Part, ...]) -> array[int]:
    """What each way to fill these positions adds to the slot, in the order of their indexes."""
    sums = [0]
    for kind, distance in parts:
        added = [_added(byte, distance) for byte in ALPHABETS[kind]]
        sums = [sum_ ^ more for sum_ in sums for more in added]
    return array("H", sums)


@lru_cache(1 << 14)
def _added(byte: int, distance: int) -> int:
    """What a byte adds to the slot that stands so far from the end."""
    return key_slot(bytes((byte,)) + bytes(distance))
