"""The rows of keys, collected a column at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rdbcodec.exports.columnar.schemas import ENCODING_NAMES, KEYS, TIME, TYPE_NAMES, dictionary
from rdbcodec.facts import entry_columns
from rdbcodec.facts.memory.entries import EntryPass, Measured
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import TYPES
from rdbcodec.servers import Server

_ROW_AT = {row.name: at for at, row in enumerate(TYPES)}
_TYPES = pa.array([TYPE_NAMES.index(row.type) for row in TYPES], pa.int8())
_ENCODINGS = pa.array([ENCODING_NAMES.index(row.encoding) for row in TYPES], pa.int8())


class KeyRows(EntryPass[None]):
    """Collects the columns of keys; `taken` gives them as batches."""

    def __init__(
        self,
        server: Server | None,
        selection: Selection | None,
        rename: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__(server, selection=selection)
        self._rename = rename
        self._clear()

    def _clear(self) -> None:
        self._dbs = array("i")
        self._keys: list[bytes] = []
        self._layouts = bytearray()
        self._elements: list[int | None] = []
        self._disk = array("q")
        self._memory = array("d")
        self._expiries: list[int | None] = []
        self._idle: list[int | None] = []
        self._freqs: list[int | None] = []
        self._slots = array("h")
        self._offsets = array("q")

    def measured(self, keys: Measured) -> None:
        """A batch of one database, a column at a time."""
        names, number = keys.names, len(keys)
        self._dbs += array("i", (keys.db,)) * number
        self._keys += names if self._rename is None else map(self._rename, names)
        self._layouts += keys.layouts(_ROW_AT)
        self._elements += keys.elements
        self._disk.extend(keys.disk)
        self._memory.extend(keys.memory)
        self._expiries += keys.times
        self._idle += [entry.idle for entry in keys.entries] if keys.have_hints else repeat(None, number)
        self._freqs += [entry.freq for entry in keys.entries] if keys.have_hints else repeat(None, number)
        self._slots.extend(entry_columns.slots(names))
        self._offsets.extend(keys.offsets)

    def taken(self, *, at_least: int) -> Iterator[Any]:
        """What was collected, as one batch, when there are so many rows."""
        if len(self._keys) >= at_least:
            yield self._batch()
            self._clear()

    def _batch(self) -> Any:
        keys = pa.array(self._keys, pa.binary())
        expiries = pa.array(self._expiries, TIME)
        layouts = _of_buffer(self._layouts, pa.uint8())
        columns = [
            _of_buffer(self._dbs, pa.int32()),
            keys,
            _texts(keys),
            dictionary(_TYPES.take(layouts), TYPE_NAMES),
            dictionary(_ENCODINGS.take(layouts), ENCODING_NAMES),
            pa.array(self._elements, pa.int64()),
            _of_buffer(self._disk, pa.int64()),
            self._whole_memory(expiries),
            expiries,
            pa.array(self._idle, pa.int64()),
            pa.array(self._freqs, pa.uint8()),
            _of_buffer(self._slots, pa.int16()),
            _of_buffer(self._offsets, pa.int64()),
        ]
        return pa.record_batch(columns, schema=KEYS)

    def _whole_memory(self, expiries: Any) -> Any:
        """With the share of each key, and of each expiry, in the tables of its database."""
        shares = pc.if_else(
            expiries.is_valid(), self.model.share() + self.model.expiry_share(), self.model.share()
        )
        return pc.round(pc.add(_of_buffer(self._memory, pa.float64()), shares)).cast(pa.int64())

    def end(self) -> None:
        """Batches are all there is."""


def _of_buffer(numbers: bytearray | array[Any], type_: Any) -> Any:
    """Numbers of which none is null, as they lie in memory."""
    return pa.Array.from_buffers(type_, len(numbers), [None, pa.py_buffer(numbers)])


def _texts(keys: Any) -> Any:
    """Keys as text; null where one is no UTF-8."""
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([_text(key) for key in keys.to_pylist()], pa.string())


def _text(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
