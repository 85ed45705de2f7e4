"""What a module saved beside the keys.

F7  LENGTH module id  LENGTH 2  LENGTH when  (LENGTH opcode, data)*  LENGTH 0
"""

from __future__ import annotations

from typing import NamedTuple

from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId


class ModuleAux(NamedTuple):
    """What a module saved beside the keys; `when` is 1 before them, 2 after them."""

    offset: int
    raw: bytes
    module: ModuleId
    when: int

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing: no item, or the one number 0 that says "nothing follows"."""
        pos = 1
        for _ in range(3):  # module, and `when` as an item
            _, pos = lengths.read(self.raw, pos)
        return self.raw[pos:] in (b"\x00", b"\x02\x00\x00")
