"""What a record's file says of its opcodes: one RecordKind each, in a tuple KINDS at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rdbcodec.formats import OPCODES, OpcodeRow
from rdbcodec.named_tuples import NamedTuple

if TYPE_CHECKING:
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server

Decoded = tuple[Any, int]  # the record, None for what belongs to the next key; and where it ends
Decode = Callable[["State", OpcodeRow, int], Decoded]
Lose = Callable[[str], None]
Adapt = Callable[[Any, "Server", Lose], bytes]

CODES = {row.name: bytes((row.code,)) for row in OPCODES}  # what a record begins with


def most_of_a_record(state: State) -> int:
    """What the caller allows a record to be."""
    return state.max_record


class RecordKind(NamedTuple):
    """One opcode: how its record is decoded, and what becomes of it where a server does not know it.

    `opcode` is its name in the table. `loss` is a kind of rdbcodec.losses, None where the content lives on in
    the keys. `record` is the class; None for attributes and for what holds records. `limit` is how many bytes
    are held of one that is not whole. `adapt` makes the bytes of a record for a server and says what is lost;
    without it they are those of the record where the server has the opcode.
    """

    opcode: str
    decode: Decode
    loss: str | None
    record: type[Any] | None = None
    limit: Callable[[State], int] = most_of_a_record
    adapt: Adapt | None = None
    holds_records: bool = False

    def adapted(self, record: Any, server: Server, lose: Lose) -> bytes:
        """The record as this server reads it; empty when it has no such thing, which `lose` is told."""
        if self.adapt is not None:
            return self.adapt(record, server, lose)
        if self.opcode in server.opcodes:
            raw: bytes = record.raw
            return raw
        if self.loss is not None:
            lose(self.loss)
        return b""
