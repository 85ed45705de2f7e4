"""How much of Python's memory something takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Asked inside, it answers with the most bytes that were held at once so far. PyPy cannot tell."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="this Python does not trace its memory")
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
