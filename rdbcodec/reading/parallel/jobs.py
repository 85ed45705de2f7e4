"""How many processes read a file: asked of every file, so that nothing is loaded for it."""

from __future__ import annotations

import os
import stat

PART = 8 << 20  # bytes of a part: some tenths of a second, and what is found in it small
WORTH_IT = 64 << 20  # bytes of a file that is read by several processes when nobody says how many
MOST = 8  # processes, when nobody says how many


def jobs_for(path: str | os.PathLike[str], jobs: int | None) -> int:
    """How many processes read a file: as many as were asked for, or one for each core if it is large.

    One for what has not enough bytes for two parts, and for what is no file.
    """
    try:
        told = os.stat(path)  # noqa: PTH116 - pathlib takes 5 ms to import
    except OSError:
        return 1  # who opens it says why
    if not stat.S_ISREG(told.st_mode) or told.st_size < 2 * PART:
        return 1
    if jobs is not None:
        return jobs
    return min(cores(), MOST) if told.st_size > WORTH_IT else 1


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
