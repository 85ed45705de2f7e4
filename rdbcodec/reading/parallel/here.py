"""Parts read one after the other by the process itself: nothing is gained, and everything can be tested."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdbcodec.reading.parallel.scan import Errand, Job, Part


class Here:
    """Hands that are none: what goes to them and comes back is pickled all the same."""

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self._parts: deque[Part | Errand] = deque()
        self._job = b""

    def begin(self, job: Job) -> None:
        """Note what is to be done."""
        self._job = pickle.dumps(job)

    def give(self, part: Part | Errand) -> None:
        """Note the part."""
        self._parts.append(part)

    def take(self, waiting: Callable[[], Any]) -> Any:
        """Read it."""
        del waiting
        job, part = pickle.loads(self._job), pickle.loads(pickle.dumps(self._parts.popleft()))
        return pickle.loads(pickle.dumps(job.read(part)))

    def close(self) -> None:
        """There is nothing to end."""
