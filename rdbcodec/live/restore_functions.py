"""Function libraries: FUNCTION RESTORE on every primary, one library at a time.

    fail      APPEND    another library of this name, or with one of its functions, ends the restore
    skip      APPEND    the server's stays
    replace   REPLACE

A library that is there with the same text is none that is in the way.
"""

from __future__ import annotations

from typing import Literal

from rdbcodec.encoding.payloads import wrap
from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_nodes import Nodes
from rdbcodec.live.restore_pipe import Pipe
from rdbcodec.live.restore_ways import OnConflict
from rdbcodec.records import Function
from rdbcodec.records.function import text_of
from rdbcodec.records.kinds import CODES
from rdbcodec.servers import Server
from rdbcodec.wire import strings

Outcome = Literal["there", "skipped"]


def put_library(record: Function, nodes: Nodes, server: Server, on_conflict: OnConflict) -> Outcome | Refused:
    """Whether it is on all primaries now, or another was in the way; Refused when a server takes it not."""
    code = text_of(record)
    payload = wrap(CODES["function"][0], strings.encode(code, compress=server.compress), server.version)
    policy = "REPLACE" if on_conflict == "replace" else "APPEND"
    outcome: Outcome = "there"
    for place in nodes.primaries:
        pipe = nodes.pipe(place)
        answer = pipe.ask("FUNCTION", "RESTORE", payload, policy)
        if not isinstance(answer, Refused) or _is_there(record, code, pipe):
            continue
        if on_conflict != "skip" or "already exists" not in answer.detail:
            return answer
        outcome = "skipped"
    return outcome


def _is_there(record: Function, code: bytes, pipe: Pipe) -> bool:
    name = record.library
    if name is None:
        return False
    told = pipe.ask("FUNCTION", "LIST", "LIBRARYNAME", name, "WITHCODE")
    return isinstance(told, list) and any(code in one for one in told)
