"""The progress of a library call, as the progress bar asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


class Watched:
    """How far the call is; `telling` is what it is given as its `progress`."""

    def __init__(self, name: str) -> None:
        self.bytes_read = 0
        self.size: int | None = os.stat(name).st_size if os.path.isfile(name) else None  # noqa: PTH113, PTH116

    def telling(self, tick: Callable[[], None] | None) -> Callable[..., Any] | None:
        """What the library calls with bytes, total and perhaps more; None when nobody watches."""
        if tick is None:
            return None

        def tell(done: int, size: int, *_: int) -> None:
            self.bytes_read, self.size = done, size
            tick()

        return tell
