"""Whether a key that is there is the one that was to be restored: of those of which nobody saw the answer.

The value is asked for by DUMP and compared as it is decoded, since a server lays it out anew. Of a value too
large to hold the type is compared. Where DUMP is forbidden nothing can be, and the key is taken for ours: the
run before this one would have ended at a key that was another's.
"""

from __future__ import annotations

from typing import Any

from rdbcodec.encoding import payloads
from rdbcodec.errors import DecodeError
from rdbcodec.live.restore_pipe import Pipe, Refused
from rdbcodec.live.restore_ways import Request, Ways
from rdbcodec.losses import Losses


def is_the_same(request: Request, pipe: Pipe, ways: Ways) -> bool | None:
    """None when there is no such key any more."""
    if request.pieces is not None:
        return _is_of_its_type(request, pipe)
    theirs = pipe.ask("DUMP", request.key)
    if theirs is None:
        return None
    if isinstance(theirs, Refused):
        return _is_of_its_type(request, pipe)
    with ways.counting(Losses()):  # they were counted when it was sent
        own = ways.payload(request.entry)
    if not isinstance(own, bytes):
        return _is_of_its_type(request, pipe)
    dialect = ways.server.dialect
    try:
        first, second = (
            _living(payloads.decode(each, dialect=dialect).value(), ways.now_ms) for each in (theirs, own)
        )
    except DecodeError:
        return False
    return bool(first == second)


def _is_of_its_type(request: Request, pipe: Pipe) -> bool | None:
    told: bytes | Refused = pipe.ask("TYPE", request.key)
    if told == b"none":
        return None
    return isinstance(told, Refused) or told == request.entry.type.encode() or told not in _TYPES


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
