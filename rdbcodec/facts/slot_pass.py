"""The pass that tells in which slots of a cluster a snapshot has keys."""

from __future__ import annotations

from rdbcodec.facts import entry_columns
from rdbcodec.facts.passes import Batch, Pass


class SlotPass(Pass["set[int]"]):
    """The slots of all keys, whether they have expired or not."""

    def __init__(self) -> None:
        self._slots: set[int] = set()

    def batch(self, batch: Batch) -> None:
        """Those of some more."""
        self._slots.update(entry_columns.slots(batch.names))

    def fork(self) -> SlotPass:
        """It needs to know nothing."""
        return SlotPass()

    def part(self) -> set[int]:
        """The slots of the part."""
        return self._slots

    def join(self, part: set[int]) -> None:
        """Those of both."""
        self._slots |= part

    def end(self) -> set[int]:
        """All of them."""
        return self._slots
