"""The nodes of a radix tree, as servers lay it out: what indexes of streams and of expiries are made of.

A node holds the bytes that lead to its children and a pointer to each, or, when it has one child, all the
bytes up to the next node that has several, or ends a key. A node that ends a key has a pointer to what the
key is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

_HEAD, _POINTER = 4, 8
LEAF = 0  # stands for the size of a node that ends a key and has no children: Redis 8.10 does without
EMPTY = 8  # bytes of the root of a tree without keys


def node_size(letters: int, children: int) -> int:
    """Bytes of a node with so many bytes to its children, and so many pointers."""
    return _HEAD + letters + (-(letters + _HEAD) & 7) + _POINTER * children


def sizes_of_numbers(numbers: Sequence[int], width: int) -> Counter[int]:
    """How many nodes of each size a tree has whose keys are these numbers, ascending and all different.

    The keys are big-endian, of `width` bytes. The nodes follow from how many bytes each key has in common
    with the next one.
    """
    if not numbers:
        return Counter({EMPTY: 1})
    bits = 8 * width
    common = [bits - (a ^ b).bit_length() >> 3 for a, b in pairwise(numbers)]
    sizes = Counter({LEAF: len(numbers)})
    for shared, count in Counter(map(max, [-1, *common], [*common, -1])).items():
        _edge(sizes, width - shared - 1, count)
    _branches(sizes, common)
    return sizes


def _branches(sizes: Counter[int], common: list[int]) -> None:
    """The nodes with several children: one wherever keys part, and the way down to it from the one above."""
    open_: list[list[int]] = []  # depth and children of those on the way to the key at hand
    for shared in [*common, -1]:
        while open_ and open_[-1][0] > shared:
            depth, children = open_.pop()
            sizes[node_size(children, children)] += 1
            above = max(shared, open_[-1][0] if open_ else -1)
            _edge(sizes, depth - above - 1)
        if shared < 0:
            return
        if open_ and open_[-1][0] == shared:
            open_[-1][1] += 1
        else:
            open_.append([shared, 2])


def _edge(sizes: Counter[int], letters: int, count: int = 1) -> None:
    if letters:
        sizes[node_size(letters, 1)] += count


def sizes_of_names(names: Iterable[bytes]) -> Counter[int]:
    """The same for names of any length, of which one may begin another."""
    sizes: Counter[int] = Counter()
    waiting = [(sorted(set(names)), 0)]
    while waiting:
        below, depth = waiting.pop()
        ends = bool(below) and len(below[0]) == depth
        children = [(group, _common(group)) for group in _by_letter(below[ends:], depth)]
        value = _POINTER if ends else 0
        if len(children) == 1:
            sizes[node_size(children[0][1] - depth, 1) + value] += 1
        elif not children:
            sizes[LEAF if ends else EMPTY] += 1
        else:
            sizes[node_size(len(children), len(children)) + value] += 1
            for _, end in children:
                _edge(sizes, end - depth - 1)
        waiting += children
    return sizes


def _by_letter(names: Sequence[bytes], depth: int) -> Iterable[list[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for name in names:
        groups.setdefault(name[depth], []).append(name)
    return groups.values()


def _common(names: Sequence[bytes]) -> int:
    """How many bytes sorted names have in common."""
    first, last = names[0], names[-1]
    least = min(len(first), len(last))
    return next((at for at in range(least) if first[at] != last[at]), least)
