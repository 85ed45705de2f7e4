"""What a server's answers to a restore mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_ways import Request

# It may do so after a while, and the same command is sent again.
WAITING = frozenset({"LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "NOREPLICAS"})
# It would not do so for any other key either.
ENDING = {
    "OOM": "it has no memory left (maxmemory), and refuses {key}",
    "MISCONF": "it could not write its own snapshot, and takes no writes until it can",
    "NOAUTH": "it asks for a password again",
    "WRONGPASS": "it takes the password no more",
    "READONLY": "it is a replica, which takes no writes: name the primary",
}
NO_DATABASE = "it has no database {db} ({told}): --map-db {db}=0 puts the keys of that one into 0"


def refusal(answers: Sequence[Any]) -> Refused | None:
    """The first -ERR among them: of a transaction the reason, before EXECABORT says that there was one."""
    return next(_refusals(answers), None)


def _refusals(answers: Sequence[Any]) -> Iterator[Refused]:
    for answer in answers:
        if isinstance(answer, Refused):
            yield answer
        elif isinstance(answer, list):
            yield from _refusals(answer)


def is_done(request: Request, answers: Sequence[Any]) -> bool:
    """Whether nothing was refused, and RENAMENX gave the value its name."""
    return refusal(answers) is None and (request.way == "restore" or is_named(answers))


def is_named(answers: Sequence[Any]) -> bool:
    """Whether RENAMENX, the last but one of a transaction, did so; RENAME does it always."""
    results = answers[-1]
    return isinstance(results, list) and len(results) > 1 and results[-2] in (1, b"OK")


def forbids(refused: Refused) -> bool:
    """Whether it is the command that is refused, whatever the key."""
    detail = refused.detail.lower()
    if refused.code == "NOPERM":
        return "to run" in detail
    return refused.code == "ERR" and ("unknown command" in detail or "not allowed" in detail)
