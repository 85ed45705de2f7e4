"""The rows of keys, collected a column at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from typing import Any

import pyarrow as pa

from rdbcodec.exports.columnar.arrays import bytes_and_texts, of_buffer, of_numbers
from rdbcodec.exports.columnar.schemas import ENCODING_NAMES, KEYS, TIME, TYPE_NAMES, dictionary
from rdbcodec.facts import entry_columns
from rdbcodec.facts.memory.entries import EntryPass, Measured
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import TYPES
from rdbcodec.servers import Server

_ROW_AT = {row.name: at for at, row in enumerate(TYPES)}
# Where the names of each stand among all: read by `translate`, which wants 256.
_TYPES = bytes([TYPE_NAMES.index(row.type) for row in TYPES]).ljust(256)
_ENCODINGS = bytes([ENCODING_NAMES.index(row.encoding) for row in TYPES]).ljust(256)
_REMEMBERED = 1 << 14  # costs: 1.5 MiB


class _Whole(dict[float, int]):
    """Costs with a share added, in whole bytes: most keys take what another one took."""

    def __init__(self, share: Callable[[], float]) -> None:
        self._share = share

    def __missing__(self, cost: float) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        whole = self[cost] = round(cost + self._share())
        return whole


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
        self._lasting = _Whole(self._share)
        self._expiring = _Whole(self._expiring_share)
        self._clear()

    def _clear(self) -> None:
        self._dbs = array("i")
        self._names = bytearray()  # joined: small objects that wait for a batch cost fresh memory
        self._ends = array("i", (0,))
        self._layouts = bytearray()
        self._elements: list[int | None] = []
        self._disk = array("q")
        self._memory = array("q")
        self._expiries: list[int | None] = []
        self._idle: list[int | None] = []
        self._freqs: list[int | None] = []
        self._slots = array("H")  # below 16384, so that signed ones have the same bytes
        self._offsets = array("q")

    def measured(self, keys: Measured) -> None:
        """A batch of one database, a column at a time."""
        names, number = keys.names, len(keys)
        self._dbs += array("i", (keys.db,)) * number
        self._add_names(names if self._rename is None else [*map(self._rename, names)])
        self._layouts += keys.layouts(_ROW_AT)
        self._elements += keys.elements
        self._disk.extend(keys.disk)
        self._memory.extend(self._whole_memory(keys))
        self._expiries += repeat(None, number) if keys.expiries is None else keys.expiries
        self._idle += [entry.idle for entry in keys.entries] if keys.have_hints else repeat(None, number)
        self._freqs += [entry.freq for entry in keys.entries] if keys.have_hints else repeat(None, number)
        self._slots += entry_columns.slots(names)
        self._offsets.extend(keys.offsets)

    def _add_names(self, names: Sequence[bytes]) -> None:
        self._names += b"".join(names)
        self._ends.extend(accumulate(map(len, names), initial=self._ends.pop()))

    def _whole_memory(self, keys: Measured) -> Iterable[int]:
        """With the share of each key, and of each expiry, in the tables of its database."""
        lasting, expiring = self._lasting, self._expiring
        if keys.expiries is None:
            return map(lasting.__getitem__, keys.memory)
        return [
            lasting[cost] if time is None else expiring[cost]
            for cost, time in zip(keys.memory, keys.expiries, strict=True)
        ]

    def _share(self) -> float:
        return self.model.share()

    def _expiring_share(self) -> float:
        return self.model.share() + self.model.expiry_share()

    def taken(self, *, at_least: int) -> Iterator[Any]:
        """What was collected, as one batch, when there are so many rows."""
        if len(self._dbs) >= at_least:
            yield self._batch()
            self._clear()

    def _batch(self) -> Any:
        keys, texts = bytes_and_texts(self._names, self._ends)
        columns = [
            of_buffer(self._dbs, pa.int32()),
            keys,
            texts,
            dictionary(self._layouts.translate(_TYPES), TYPE_NAMES),
            dictionary(self._layouts.translate(_ENCODINGS), ENCODING_NAMES),
            of_numbers(self._elements, "q", pa.int64()),
            of_buffer(self._disk, pa.int64()),
            of_buffer(self._memory, pa.int64()),
            of_numbers(self._expiries, "q", TIME),
            of_numbers(self._idle, "q", pa.int64()),
            of_numbers(self._freqs, "B", pa.uint8()),
            of_buffer(self._slots, pa.int16()),
            of_buffer(self._offsets, pa.int64()),
        ]
        return pa.record_batch(columns, schema=KEYS)

    def end(self) -> None:
        """Batches are all there is."""
