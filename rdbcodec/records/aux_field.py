"""AUX fields: named remarks of the writer.

    FA  STRING name  STRING value

The file is not called aux.py, as the record is: no file on Windows can have that name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rdbcodec.formats import LAST_KEY_AUX, NEXT_KEY_AUX, TELLTALE_AUX
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import CODES, RecordKind
from rdbcodec.wire import strings

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server


class Aux(NamedTuple):
    """A named remark of the writer. A number is its decimal text.

    `of_next_key` says that it stands among the attributes of the key that follows and belongs to it:
    that entry's bytes hold it too, and whoever leaves the key out leaves the remark out.
    """

    offset: int
    raw: bytes
    name: bytes
    value: bytes
    of_next_key: bool = False

    @property
    def of_last_key(self) -> bool:
        """Whether it is about the key before it: KeyDB's expiries of members."""
        return self.name.lower() in LAST_KEY_AUX


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A remark, which may give the dialect away and may belong to the key behind it."""
    del row
    name, pos = state.string(pos)
    value, end = state.string(pos)
    raw = state.raw(end)
    state.follow(TELLTALE_AUX.get(name.lower()))
    state.is_named = state.is_named or name.lower() == b"redis-ver"
    of_next_key = state.attributes is not None or name.lower() in NEXT_KEY_AUX
    record = Aux(state.offset(), raw, name, value, of_next_key)
    if of_next_key:
        state.attribute(end).aux.append(record)
    return record, end


def encode(name: bytes, value: bytes, *, compress: bool) -> bytes:
    """A remark."""
    return CODES["aux"] + strings.encode(name, compress=compress) + strings.encode(value, compress=compress)


def is_held(record: Aux, server: Server) -> bool:
    """Whether a file for this server may have the remark.

    AUX fields of another vendor would make the file look like one of that vendor's.
    """
    vendor = TELLTALE_AUX.get(record.name.lower())
    return "aux" in server.opcodes and vendor in (None, server.dialect)


def adapt(record: Aux, server: Server, lose: Callable[[str], None]) -> bytes:
    """The remark where the server may have it; some are data."""
    if is_held(record, server):
        return record.raw
    lose(DATA_LOSSES.get(record.name.lower(), "aux"))
    return b""


# AUX fields that are data, and what is lost with them; that of the other half of a pair is lost once.
DATA_LOSSES = {b"lua": "cached-script", b"keydb-subexpire-when": "member-ttl"}

KINDS = (RecordKind("aux", decode, loss="aux", record=Aux, adapt=adapt),)
