"""What a module saved beside the keys.

F7  LENGTH module id  LENGTH 2  LENGTH when  (LENGTH opcode, data)*  LENGTH 0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import RecordKind
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, decode_module_id

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server


class ModuleAux(NamedTuple):
    """What a module saved beside the keys; `when` is 1 before them, 2 after them."""

    offset: int
    raw: bytes
    module: ModuleId
    when: int

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing: no item, or the one number 0 that says "nothing follows"."""
        return self.items in (b"\x00", b"\x02\x00\x00")

    @property
    def items(self) -> bytes:
        """What it saved, as on disk: for the module to read."""
        pos = 1
        for _ in range(3):  # module, and `when` as an item
            _, pos = lengths.read(self.raw, pos)
        return self.raw[pos:]


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """Whose it is, and when it is to be loaded; the items are left to the module."""
    end = state.framed(row, pos)
    raw = state.raw(end)
    (module, _, when), _ = state.lengths(pos, 3)
    return ModuleAux(state.offset(), raw, decode_module_id(module), when), end


def adapt(record: ModuleAux, server: Server, lose: Callable[[str], None]) -> bytes:
    """The record where the server has the module, or nobody knows whether it has."""
    has_module = server.modules is None or record.module.name in server.modules
    if has_module and "module-aux" in server.opcodes:
        return record.raw
    lose(loss_of(record))
    return b""


def loss_of(record: ModuleAux) -> str:
    """What is lost with it."""
    return "module-aux-empty" if record.is_empty else "module-aux"


KINDS = (RecordKind("module-aux", decode, loss="module-aux", record=ModuleAux, adapt=adapt),)
