"""What to do next about an error: one table for every command.

An error says what is wrong and where; what its user can do about it depends on the command line, so it is
said here and not in the library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rdbcodec.errors import (
    BadMagic,
    ChecksumMismatch,
    CorruptStructure,
    DamagedContainer,
    DecodeError,
    LimitExceeded,
    LossyConversion,
    RdbError,
    TailError,
    Truncated,
    UnknownCode,
    UnsupportedVersion,
)
from rdbcodec.formats import RELEASES, types_of
from rdbcodec.losses import TYPE_PREFIX
from rdbcodec.named_tuples import NamedTuple

if TYPE_CHECKING:
    from rdbcodec.facts.problems import Problem


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


def problem_hint(problem: Problem) -> str:
    """The line below a problem that a check found: by its error; damage that was read past hides no key."""
    if problem.cause is not None:
        return hint_of(problem.cause)
    return f"hint: {_OTHER_KEYS}" if problem.severity == "error" and problem.key is not None else ""


def _keep_tail(error: TailError) -> str:
    return f"--ignore-tail leaves it out; {error.tail.remedy}"


def _raise_limit(error: LimitExceeded) -> str:
    return "--max-value SIZE raises this limit" if error.name else ""


def _leave_damage_out(error: DecodeError) -> str:
    if error.key is None or error.ends_reading:
        return ""
    return _OTHER_KEYS


def loss_hint(kinds: Iterable[str]) -> str:
    """The line below losses of these kinds; "" when nothing is known that avoids them."""
    kinds = list(kinds)
    steps = [_steps(kinds), *(_holders(kind) for kind in kinds if kind.startswith(TYPE_PREFIX))]
    return f"hint: {'; '.join(filter(None, steps))}" if any(steps) else ""


def _holders(kind: str) -> str:
    """The servers that have a type, the first release of each product; "" when no release has it."""
    type_, first = kind.removeprefix(TYPE_PREFIX), dict[str, str]()
    for release in RELEASES:
        rows = types_of(release.dialect, release.accepts).values()
        last = release.last_type or 255
        if any(row.type == type_ and row.since <= release.accepts and row.code <= last for row in rows):
            first.setdefault(release.product, f"{release.product.lower()}-{release.release}")
    return f"--to {' or '.join(first.values())} has the type {type_}" if first else ""


def _keep_losses(error: LossyConversion) -> str:
    return _steps(loss.kind for loss in error.losses)


def _steps(kinds: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(_LOSSES[kind] for kind in kinds if kind in _LOSSES))


_OTHER_KEYS = "filter --no-checksum --not-key KEY keeps all the other keys"
# What avoids a loss; --allow-loss is said for all of them.
_LOSSES = {
    "field-ttl": "--to redis-7.4 or later, or valkey-9.0, holds the expiry of fields",
    "empty": "--drop-empty leaves such keys out, as Redis since 6.2 does",
    "aof-commands": "--ignore-tail leaves out what stands behind the snapshot",
    "another-snapshot": "--ignore-tail leaves out what stands behind the snapshot",
}

# The first row whose class and step fit speaks.
_HINTS = (
    Hint(TailError, _keep_tail),
    Hint(LimitExceeded, _raise_limit),
    Hint(BadMagic, lambda error: error.next_step),
    Hint(UnsupportedVersion, lambda _: "--any-version reads it, as long as everything in it is known"),
    Hint(
        ChecksumMismatch, lambda _: "--no-checksum reads it all the same, `salvage` makes a sound file of it"
    ),
    Hint(CorruptStructure, _leave_damage_out),
    Hint(CorruptStructure, lambda _: "`salvage --resync` saves what stands before and behind the damage"),
    Hint(UnknownCode, lambda _: "`salvage --resync` saves what stands before and behind the damage"),
    Hint(Truncated, lambda _: "the file is cut: `salvage` saves what stands before the cut"),
    Hint(DamagedContainer, lambda _: "fetch the file again; `salvage` saves what stands before that"),
    Hint(LossyConversion, _keep_losses),
)
