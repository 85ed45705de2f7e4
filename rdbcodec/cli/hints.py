"""What to do next about an error: one table for every command.

An error says what is wrong and where; what its user can do about it depends on the command line, so it is
said here and not in the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rdbcodec.errors import LimitExceeded, RdbError, TailError


class Hint(NamedTuple):
    """For errors of a class: the next step, if there is one for this error."""

    kind: type[RdbError]
    next_step: Callable[[Any], str]


def hint_of(error: RdbError) -> str:
    """The line below an error; "" when there is nothing to say."""
    for hint in _HINTS:
        if isinstance(error, hint.kind):
            step = hint.next_step(error)
            if step:
                return f"hint: {step}"
    return ""


def _keep_tail(error: TailError) -> str:
    return f"--ignore-tail leaves it out; {error.tail.remedy}"


def _raise_limit(error: LimitExceeded) -> str:
    return "--max-value SIZE raises this limit" if error.name else ""


_HINTS = (
    Hint(TailError, _keep_tail),
    Hint(LimitExceeded, _raise_limit),
)
