"""Whether a key that is there is the one that was to be restored: of those of which nobody saw the answer.

The value is asked for by DUMP and compared as it is decoded, since a server lays it out anew. Of a value too
large to hold the type is compared. Where DUMP is forbidden nothing can be, and the key is taken for ours: the
run before this one would have ended at a key that was another's.
"""

from __future__ import annotations

from typing import Any, Literal

from rdbcodec.encoding import payloads
from rdbcodec.errors import DecodeError
from rdbcodec.exports.resp_words import command
from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_ways import Request, Ways
from rdbcodec.losses import Losses

Ours = Literal["yes", "no", "gone", "unknown"]


def question(request: Request) -> bytes:
    """The command whose answer tells."""
    return command(b"DUMP" if request.pieces is None else b"TYPE", request.key)


def is_ours(request: Request, answer: Any, ways: Ways) -> Ours:
    """Whether it is the key that was to be restored; "gone" when there is none any more."""
    if isinstance(answer, Refused):
        is_forbidden = answer.code in ("NOPERM", "ERR")
        return "yes" if is_forbidden else "unknown"
    if answer is None or answer == b"none":
        return "gone"
    if request.pieces is not None:
        return "yes" if answer == request.entry.type.encode() or answer not in _TYPES else "no"
    with ways.counting(Losses()):  # they were counted when it was sent
        own = ways.payload(request.entry)
    return "yes" if isinstance(own, bytes) and _are_equal(answer, own, ways) else "no"


def _are_equal(theirs: bytes, own: bytes, ways: Ways) -> bool:
    dialect = ways.server.dialect
    try:
        first, second = (
            _living(payloads.decode(each, dialect=dialect).value(), ways.now_ms) for each in (theirs, own)
        )
    except DecodeError:
        return False
    return bool(first == second)


_TYPES = frozenset({b"string", b"list", b"set", b"zset", b"hash", b"stream"})  # others have names of modules


def _living(value: Any, now_ms: int) -> Any:
    """Without the fields and members whose time is over, which a server may have dropped."""
    expiries = getattr(value, "expires_at_ms", None)
    if isinstance(expiries, dict):
        for name in [name for name, at_ms in expiries.items() if at_ms <= now_ms]:
            del expiries[name]
            if isinstance(value, dict):
                del value[name]
            else:
                value.discard(name)
    return value
