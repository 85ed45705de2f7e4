"""A pass over some of the keys: what any other pass does, of the keys that a selection lets through.

    run(reader, [selected(ProfilePass(now_ms=now_ms), selection)])

What is no key is no filter's matter and is passed on, but for function libraries, as `Selection.select` has
it, and for the counts that databases announce: they are of all keys. The file is read to its end all the
same, so that its damage is found.
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from rdbcodec.facts.batches import Batch, EntryBatch
from rdbcodec.facts.passes import Pass
from rdbcodec.facts.selection import Selection
from rdbcodec.reading.reader import Reader
from rdbcodec.records import Aux, Entry, Function, Header, LargeEntry, Record, ResizeDb

Result = TypeVar("Result")


def selected(each: Pass[Result], selection: Selection | None) -> Pass[Result]:
    """The pass over the keys that the selection takes; itself when that is all."""
    return each if selection is None or selection.is_empty else Selected(each, selection)


class Selected(Pass[Result]):
    """A pass that is told of the keys of a selection only. There can be one in a reading."""

    looks_at_large = True  # whether it is taken may have to be asked before the value is gone

    def __init__(self, each: Pass[Result], selection: Selection) -> None:
        self._each = each
        self._selection = selection
        self._remarks: list[Record] = []  # about the next key
        self._is_last_taken = True
        self._passed: deque[bool] = deque()  # whether each of the values that passed by was taken

    def begin(self, header: Header) -> None:
        """As it is."""
        self._each.begin(header)

    def batch(self, batch: Batch) -> None:
        """Those that are taken."""
        taken = self._taken(batch)
        remarks, self._remarks = self._remarks, []
        if taken[:1] == batch.entries[:1]:
            for remark in remarks:
                self._each.record(remark)
        self._is_last_taken = taken[-1:] == batch.entries[-1:]
        if taken:
            self._each.batch(EntryBatch(taken))

    def _taken(self, batch: Batch) -> list[Entry]:
        if not any(entry.is_large for entry in batch.attributed):
            return self._selection.chosen(batch.entries)
        take, passed = self._selection.take, self._passed
        return [entry for entry in batch.entries if (passed.popleft() if entry.is_large else take(entry))]

    def large(self, entry: LargeEntry) -> None:
        """Its entry comes in a batch, when it cannot be asked any more."""
        is_taken = self._selection.take(entry)
        self._passed.append(is_taken)
        if is_taken and self._each.looks_at_large:
            self._each.large(entry)

    def record(self, record: Record) -> None:
        """What is true of the keys that are taken."""
        if isinstance(record, Aux) and record.of_next_key:
            self._remarks.append(record)
        elif isinstance(record, Aux) and record.of_last_key:
            if self._is_last_taken:
                self._each.record(record)
        elif isinstance(record, Function):
            if self._selection.takes_functions:
                self._each.record(record)
        elif not isinstance(record, ResizeDb):
            self._each.record(record)

    def after(self, reader: Reader) -> None:
        """As it is."""
        self._each.after(reader)

    def end(self) -> Result:
        """The result of the keys that were taken."""
        return self._each.end()

    def close(self) -> None:
        """As it is."""
        self._each.close()
