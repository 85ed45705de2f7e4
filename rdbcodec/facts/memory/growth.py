"""How large the table of a hash is that Redis did not make for all of its fields when it began to load it.

A dict that is full gets a table of twice the buckets. The smaller one stays until all its buckets have moved:
each field that comes moves one that is not empty. A hash that is being loaded may end with both.
"""

from __future__ import annotations

_LEAST = 4  # buckets of the smallest table


class Growing:
    """A dict, as fields come: the buckets of its table, and those of the one that is being left, or 0."""

    def __init__(self, present: int) -> None:
        self.buckets = power(present)
        self.left = 0
        self._present = present
        self._to_move = 0.0

    def expand(self, announced: int) -> None:
        """Room for so many, unless it is moving, or has more than that."""
        if self.left or self._present > announced or power(announced) == self.buckets:
            return
        self.left, self._to_move = self.buckets, filled(self._present, self.buckets)
        self.buckets = power(announced)
        if not self._present:
            self.left = 0

    def add(self) -> None:
        """One field more."""
        if self.left:
            self._to_move -= 1
            if self._to_move <= 0:
                self.left = 0
        if self._present >= self.buckets:
            self.expand(self._present + 1)
        self._present += 1


def power(count: int) -> int:
    """Buckets of a dict that is made for so many: a power of two, four at least."""
    return 1 << max(2, (count - 1).bit_length())


def filled(count: int, buckets: int) -> float:
    """How many buckets have at least one of so many entries."""
    return buckets * (1 - (1 - 1 / buckets) ** count)


def grown(count: int) -> Growing:
    """One that was made for none of its fields."""
    half = power(count) // 2  # by then what was left before has moved
    return _with(Growing(half), count - half)


def converted(count: int, long: int) -> Growing:
    """One that was a listpack until field number `long` came, then made for those still to come."""
    table = Growing(long - 1)
    table.add()
    if count - long > _LEAST:
        table.expand(count - long)
    return _with(table, count - long)


def _with(table: Growing, more: int) -> Growing:
    for _ in range(more):
        table.add()
    return table
