"""How a restore comes along: one line on the terminal, what it does a second, and how long it still takes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rdbcodec.remote.urls import size_of
from rdbcodec.showing import size

_EVERY = 0.2  # seconds between two lines


@contextmanager
def progress_of(options: argparse.Namespace) -> Iterator[Callable[[int, int], None] | None]:
    """A function to call with the bytes read and the keys restored, or None when nobody watches."""
    if options.no_progress or not sys.stderr.isatty():
        yield None
        return
    line = Line(sum(map(size_of, options.files)))
    try:
        yield line.update
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class Line:
    """The line; `total` are the bytes of all files, 0 when that is not known."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = self._next = time.monotonic()
        self._first: tuple[int, int] | None = None  # what a run before this one had done

    def update(self, read: int, keys: int) -> None:
        """Redraw it, if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        if self._first is None:
            self._first = (read, keys)
            self._begun = now
        sys.stderr.write(f"\r\x1b[K{self.text(read, keys, now - self._begun)}")
        sys.stderr.flush()

    def text(self, read: int, keys: int, seconds: float) -> str:
        """What it says so many seconds after its first."""
        first_read, first_keys = self._first or (0, 0)
        words = [f"{100 * read // self._total}%"] if self._total else []
        words.append(f"{keys:,} keys")
        if seconds > 0:
            rate = (read - first_read) / seconds
            words.append(f"{(keys - first_keys) / seconds:,.0f} keys/s, {size(int(rate))}/s")
            if self._total and rate > 0:
                words.append(f"{_duration(max(self._total - read, 0) / rate)} left")
        return ", ".join(words)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
