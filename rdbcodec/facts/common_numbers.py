"""Which numbers are common among many, in bounded memory: none that is common enough is ever missed.

    numbers.add([5, 7, 5])
    numbers.at_least(100)       those of which there may be a hundred, and some of which there are fewer

A table that is full forgets the rarest, and remembers how many of one number it may have forgotten at most:
one in KEPT of all that came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

KEPT = 1 << 14  # numbers that survive when the rarest are forgotten; there are twice as many before: 4 MiB


class CommonNumbers:
    """Counts, of common numbers nearly all."""

    __slots__ = ("_counts", "_forgotten")

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._forgotten = 0  # of any number, at most

    def add(self, numbers: Iterable[int]) -> None:
        """More of them."""
        self._counts.update(numbers)
        if len(self._counts) >= 2 * KEPT:
            self._forget()

    def _forget(self) -> None:
        most = sorted(self._counts.values())[-KEPT]
        self._counts = Counter({number: count for number, count in self._counts.items() if count > most})
        self._forgotten += most

    def at_least(self, least: float, *, step: int = 1) -> set[int]:
        """What may have been there so often; with a step, quotients of numbers by it."""
        forgotten = self._forgotten * step
        if step == 1:
            counts = self._counts
        else:
            counts = Counter()
            for number, count in self._counts.items():
                counts[number // step] += count
        return {number for number, count in counts.items() if count + forgotten >= least}

    def take(self, other: CommonNumbers) -> None:
        """Add what another has."""
        self._forgotten += other._forgotten
        self._counts.update(other._counts)
        if len(self._counts) >= 2 * KEPT:
            self._forget()
