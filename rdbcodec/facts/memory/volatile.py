"""What the expiries of a hash's fields take beside the fields: the indexes that servers find the next one by.

    windows_of(expiries)     Valkey 9: pointers to fields, in windows of time
    segments_of(expiries)    Redis 7.4 and later: chains of fields, sixteen at most, by the earliest of them
    Expiries                 the shapes of both

Both depend on when fields expire, and a little on the order in which they are loaded, so both are built here
as the servers build them. Times are milliseconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

from rdbcodec.facts.memory.kinds import EXPIRING, SEGMENT, WINDOW, WINDOW_TABLE, Shape
from rdbcodec.facts.memory.radix import sizes_of_numbers

_MOST = 1 << 16  # expiries of one hash that indexes are built of; those of more are as many times as large


class Expiries:
    """When the fields of a hash expire, as they come; of very many the first stand for the others."""

    def __init__(self, times: Iterable[int] = ()) -> None:
        self._times = array("q")
        self._count = 0
        self.add(list(times))

    def add(self, times: Sequence[int]) -> None:
        """Some more."""
        self._count += len(times)
        self._times.extend(times[: max(0, _MOST - len(self._times))])

    def shapes(self, small: int = 0) -> list[Shape]:
        """The hash as one with such fields, and the blocks of its index in each server that has one."""
        if not self._count:
            return []
        windows, segments = windows_of(self._times), segments_of(self._times)
        return [
            (EXPIRING, int(windows.is_tree), int(bool(segments)), small),
            *self._all((WINDOW, size, 0, 0) for size in windows.blocks.elements()),
            *self._all((WINDOW_TABLE, count, 0, 0) for count in windows.tables),
            *self._all((SEGMENT, size, 0, small) for size in segments.elements()),
        ]

    def _all(self, shapes: Iterable[Shape]) -> Iterator[Shape]:
        """Those of the others, too."""
        for shape, count in Counter(shapes).items():
            yield from repeat(shape, count * self._count // len(self._times))


# --- Valkey: windows -----------------------------------------------------------------------------------

_VECTOR = 127  # fields that one vector of pointers holds
_WINDOW, _FINEST = 1 << 13, 1 << 4  # how long the window of a bucket is, at most and when it is divided
_VECTOR_HEAD, _POINTER = 8, 8


class Windows:
    """The blocks of an index in windows: their sizes, and the fields of each bucket that is a hash table."""

    def __init__(self) -> None:
        self.blocks: Counter[int] = Counter()
        self.tables: list[int] = []
        self.is_tree = False


def windows_of(expiries: Sequence[int]) -> Windows:
    """One vector while it has room for all; then a tree of windows, each with its fields."""
    found = Windows()
    if len(expiries) <= _VECTOR:
        _add_vector(found, len(expiries))
        return found
    ends, buckets = _windows(expiries)
    for bucket in buckets:
        if len(bucket) > _VECTOR:
            found.tables.append(len(bucket))
        else:
            _add_vector(found, len(bucket))
    found.blocks += sizes_of_numbers(ends, 8)
    found.is_tree = True
    return found


def _add_vector(found: Windows, count: int) -> None:
    """A single field is pointed to without a vector."""
    if count > 1:
        found.blocks[_VECTOR_HEAD + _POINTER * count] += 1


def _windows(expiries: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """The ends of windows, ascending, and the fields in each."""
    first, more = sorted(expiries[:_VECTOR]), expiries[_VECTOR:]
    ends: list[int] = []
    buckets: list[list[int]] = []
    if _end(first[0], _WINDOW) == _end(first[-1], _WINDOW):
        ends, buckets, first = [_end(first[-1], _WINDOW)], [first], []
    for at in (*first, *more):
        place = bisect_right(ends, at)
        while _takes(ends, place, at) and len(buckets[place]) == _VECTOR and _divide(ends, buckets, place):
            place = bisect_right(ends, at)
        if _takes(ends, place, at):
            buckets[place].append(at)
        else:
            ends.insert(place, _end(at, _WINDOW))
            buckets.insert(place, [at])
    return ends, buckets


def _takes(ends: list[int], place: int, at: int) -> bool:
    """Whether the first window that ends later is near enough."""
    return place < len(ends) and ends[place] <= _end(at, _WINDOW)


def _divide(ends: list[int], buckets: list[list[int]], place: int) -> bool:
    """Make room in a full vector: end its window earlier, or divide it near its middle, where times part."""
    bucket = sorted(buckets[place])
    last = _end(bucket[-1], _FINEST)
    if last < ends[place]:
        ends[place], buckets[place] = last, bucket
        return True
    parts = [at for at in range(1, len(bucket)) if _end(bucket[at - 1], _FINEST) < _end(bucket[at], _FINEST)]
    if not parts:
        return False
    at = min(parts, key=lambda part: abs(part - len(bucket) // 2))
    ends.insert(place, _end(bucket[at - 1], _FINEST))
    buckets[place : place + 1] = [bucket[:at], bucket[at:]]
    return True


def _end(at: int, step: int) -> int:
    return at // step * step + step


# --- Redis: segments -----------------------------------------------------------------------------------

_SEGMENT = 16  # fields of a segment, and those that need none
_FIRST, _NEXT = 16, 24  # bytes of the header of a bucket's first segment, and of further ones
_KEY = 6  # bytes of the time that a bucket begins at


def segments_of(expiries: Sequence[int]) -> Counter[int]:
    """None while a chain of fields will do; then a tree of buckets, each of one segment.

    Only fields that expire at the same time make a bucket of several.
    """
    if len(expiries) <= _SEGMENT:
        return Counter()
    head = sorted(expiries[:_SEGMENT])
    starts, buckets = [head[0]], [head]
    for at in expiries[_SEGMENT:]:
        place = bisect_right(starts, at) - 1
        if place < 0:
            starts.insert(0, at)
            buckets.insert(0, [at])
        else:
            _add(starts, buckets, place, at)
    sizes = sizes_of_numbers(starts, _KEY)
    sizes[_FIRST] += len(buckets)
    sizes[_NEXT] += sum(-(-len(bucket) // _SEGMENT) - 1 for bucket in buckets)
    return sizes


def _add(starts: list[int], buckets: list[list[int]], place: int, at: int) -> None:
    bucket = buckets[place]
    if len(bucket) < _SEGMENT:
        insort(bucket, at)
    elif bucket[0] == bucket[-1]:
        if at == bucket[0]:
            starts[place] = at
            bucket.append(at)
        else:
            _new_bucket(starts, buckets, place, at)
    else:
        half = _half(bucket)
        starts.insert(place + 1, bucket[half])
        buckets[place : place + 1] = [bucket[:half], bucket[half:]]
        insort(buckets[place + (at >= bucket[half])], at)


def _new_bucket(starts: list[int], buckets: list[list[int]], place: int, at: int) -> None:
    """Beside one whose fields all expire at another time."""
    start = buckets[place][0]
    if at > start:
        starts.insert(place + 1, at)
        buckets.insert(place + 1, [at])
    else:
        starts[place : place + 1] = [at, start]
        buckets.insert(place, [at])


def _half(bucket: list[int]) -> int:
    """Where a full segment is divided: near its middle, between fields that expire at different times."""
    places = [at for at in range(1, len(bucket)) if bucket[at - 1] < bucket[at]]
    middle = _SEGMENT // 2
    return min(places, key=lambda at: middle + 1 - at if at <= middle else at - middle)
