"""What is read once more, and written once more, when a conversion finds out in the end that it must be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from mmap import mmap
from os import PathLike
from pathlib import Path
from typing import Literal

from rdbcodec.limits import LAID_OUT_VALUE
from rdbcodec.reading.parallel.opening import open_in_parts
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.output import OutputLike

OnDuplicate = Literal["error", "first", "last", "allow"]


def reopener(source: Source | Reader | Callable[[], Reader], jobs: int | None) -> Callable[[], Reader] | None:
    """How to read the source once more, with the help of others if it is a file; None when it passes by only
    once."""
    if isinstance(source, str | PathLike):
        path = source
        if not can_be_read_again(path):
            return None
        return lambda: open_in_parts(path, jobs, max_value=LAID_OUT_VALUE)
    if isinstance(source, bytes | bytearray | memoryview | mmap):
        return lambda: open_snapshot(source, max_value=LAID_OUT_VALUE)
    return source if callable(source) else None


def opened(source: Source | Reader | Callable[[], Reader]) -> AbstractContextManager[Reader]:
    """A source that passes by once; a Reader stays open, as it is the caller's."""
    if isinstance(source, Reader):
        return nullcontext(source)
    return source() if callable(source) else open_snapshot(source, max_value=LAID_OUT_VALUE)


def is_replaceable(output: OutputLike) -> bool:
    """Whether a first try leaves no trace: a file object, a pipe or a device has what it was given."""
    if not isinstance(output, str | PathLike):
        return False
    path = Path(output)
    return path.is_file() or not path.exists()


def suits_parts(
    output: OutputLike, *, fold: Folding | str | None, on_duplicate: OnDuplicate, drop_empty: bool
) -> bool:
    """Whether several processes may write it.

    Each knows some of the keys only. When one may be there twice, one process writes all of it once more and
    says where, so that the output must be one that can be begun anew.
    """
    knows_enough = fold is None and not drop_empty and on_duplicate in ("error", "allow")
    return knows_enough and (on_duplicate == "allow" or is_replaceable(output))
