"""Python's search for garbage waits while a value of very many objects is made.

What a decoder makes is all held, so none of it is garbage. Yet while hundreds of thousands of tuples and
lists appear, Python looks through those that are there again and again: half of the time of a large stream.
"""

from __future__ import annotations

import gc

_threshold_of = getattr(gc, "get_threshold", lambda: (0, 0, 0))  # PyPy, whose collector is another, has none


class Uncollected:
    """Nothing is searched by itself until the end of the block, in any thread; then all is as it was.

    What makes it wait is the threshold, not the switch: another thread's `gc.disable()` and `gc.enable()`
    stay what they are, and `gc.collect()` works. Only a threshold that is set meanwhile is lost.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = _threshold_of()
        if self._before[0]:  # 0: it is off, or another thread is in such a block and will end the wait
            gc.set_threshold(0, *self._before[1:])

    def __exit__(self, *raised: object) -> None:
        if self._before[0]:
            gc.set_threshold(*self._before)
