"""What stands in the place of a report on a file of which there is none. It loads nothing."""

from __future__ import annotations

from rdbcodec.named_tuples import NamedTuple


class Failure(NamedTuple):
    """A file that could not be read to its end, or has data behind it: nothing is told of that, and why."""

    name: str
    message: str
