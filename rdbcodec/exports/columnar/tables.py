"""The two tables, as Arrow record batches. Columns, their order and what may be null: the schemas below.

`binary` and not `string`: keys and values are bytes. One table of elements for all types: nulls cost nothing.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rdbcodec.exports.columnar import TableName
from rdbcodec.facts.memory.entries import EntryPass, Measured
from rdbcodec.facts.passes import STRETCH, Counting
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.slots import SLOTS, key_slot
from rdbcodec.formats import TYPES
from rdbcodec.limits import COPIED_VALUE, COUNTED_VALUE
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry, Record
from rdbcodec.servers import Server
from rdbcodec.structures.stream_node import StreamEntry

ROWS = 64 << 10  # of a batch
BATCH_SIZE = 16 << 20  # bytes of elements in a batch, however few the rows

_NAMES = pa.dictionary(pa.int8(), pa.string())
_TIME = pa.timestamp("ms", "UTC")
KEYS = pa.schema(
    [
        ("db", pa.int32()),
        ("key", pa.binary()),
        ("key_text", pa.string()),
        ("type", _NAMES),
        ("encoding", _NAMES),
        ("elements", pa.int64()),
        ("bytes", pa.int64()),
        ("memory", pa.int64()),
        ("expires_at", _TIME),
        ("idle_s", pa.int64()),
        ("freq", pa.uint8()),
        ("slot", pa.int16()),
        ("offset", pa.int64()),
    ]
)
ELEMENTS = pa.schema(
    [
        ("db", pa.int32()),
        ("key", pa.binary()),
        ("type", _NAMES),
        ("index", pa.int64()),
        ("field", pa.binary()),
        ("value", pa.binary()),
        ("score", pa.float64()),
        ("expires_at", _TIME),
        ("stream_id", pa.string()),
    ]
)
# The same dictionary in every batch of every file: what joins batches has nothing to unify.
_TYPE_NAMES = sorted({row.type for row in TYPES})
_ENCODING_NAMES = sorted({row.encoding for row in TYPES})
_TYPE_AT = {name: at for at, name in enumerate(_TYPE_NAMES)}
_ENCODING_AT = {name: at for at, name in enumerate(_ENCODING_NAMES)}


def schema_of(table: TableName) -> Any:
    """The schema of a table."""
    return KEYS if table == "keys" else ELEMENTS


def batches_of(
    source: Source,
    table: TableName,
    *,
    server: Server | None = None,
    selection: Selection | None = None,
    rename: Callable[[bytes], bytes] | None = None,
) -> Iterator[Any]:
    """The batches of a snapshot's table, which are made as they are asked for."""
    limit = COUNTED_VALUE if table == "keys" else COPIED_VALUE
    with closing(open_snapshot(source, max_value=limit)) as reader:
        yield from batches_in(reader, table, server=server, selection=selection, rename=rename)


def batches_in(
    reader: Any,
    table: TableName,
    *,
    server: Server | None = None,
    selection: Selection | None = None,
    rename: Callable[[bytes], bytes] | None = None,
) -> Iterator[Any]:
    """The same of a reader, which reads to its end."""
    if table == "keys":
        rows = KeyRows(server, selection, rename)
        for _ in Counting([rows], stretch=STRETCH).steps(reader):
            yield from rows.taken(at_least=ROWS)
        yield from rows.taken(at_least=1)
        return
    chosen = reader if selection is None or selection.is_empty else selection.select(reader)
    yield from element_batches(chosen, rename)


def _names(indices: list[int], names: list[str]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(names))


# --- keys -------------------------------------------------------------------------------------------


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
        self._dbs: list[int] = []
        self._keys: list[bytes] = []
        self._types: list[int] = []
        self._encodings: list[int] = []
        self._elements: list[int | None] = []
        self._disk: list[int] = []
        self._memory: list[float] = []
        self._expiries: list[int | None] = []
        self._idle: list[int | None] = []
        self._freqs: list[int | None] = []
        self._slots: list[int] = []
        self._offsets: list[int] = []

    def measured(self, keys: Measured) -> None:
        """A batch of one database, a column at a time."""
        entries, number = keys.entries, len(keys)
        names = [entry.key for entry in entries]
        rows = [entry.row for entry in entries]
        self._dbs += repeat(entries[0].db, number)
        self._keys += names if self._rename is None else map(self._rename, names)
        self._types += [_TYPE_AT[row.type] for row in rows]
        self._encodings += [_ENCODING_AT[row.encoding] for row in rows]
        self._elements += keys.elements
        self._disk += keys.disk
        self._memory += keys.memory
        self._expiries += keys.times
        plain = keys.expiries is None
        self._idle += repeat(None, number) if plain else [entry.idle for entry in entries]
        self._freqs += repeat(None, number) if plain else [entry.freq for entry in entries]
        self._slots += _slots(names)
        self._offsets += [entry.offset for entry in entries]

    def taken(self, *, at_least: int) -> Iterator[Any]:
        """What was collected, as one batch, when there are so many rows."""
        if len(self._keys) >= at_least:
            yield self._batch()
            self._clear()

    def _batch(self) -> Any:
        keys = pa.array(self._keys, pa.binary())
        expiries = pa.array(self._expiries, _TIME)
        columns = [
            pa.array(self._dbs, pa.int32()),
            keys,
            _texts(keys),
            _names(self._types, _TYPE_NAMES),
            _names(self._encodings, _ENCODING_NAMES),
            pa.array(self._elements, pa.int64()),
            pa.array(self._disk, pa.int64()),
            self._whole_memory(expiries),
            expiries,
            pa.array(self._idle, pa.int64()),
            pa.array(self._freqs, pa.uint8()),
            pa.array(self._slots, pa.int16()),
            pa.array(self._offsets, pa.int64()),
        ]
        return pa.record_batch(columns, schema=KEYS)

    def _whole_memory(self, expiries: Any) -> Any:
        """With the share of each key, and of each expiry, in the tables of its database."""
        shares = pc.if_else(
            expiries.is_valid(), self.model.share() + self.model.expiry_share(), self.model.share()
        )
        return pc.round(pc.add(pa.array(self._memory, pa.float64()), shares)).cast(pa.int64())

    def end(self) -> None:
        """Batches are all there is."""


def _slots(keys: list[bytes]) -> list[int]:
    if b"{" in b"".join(keys):
        return [key_slot(key) for key in keys]
    return [binascii.crc_hqx(key, 0) % SLOTS for key in keys]


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


# --- elements ---------------------------------------------------------------------------------------

# index, field, value, score, expires_at, stream_id
Row = tuple[int | None, bytes | None, bytes | None, float | None, int | None, str | None]


def element_batches(
    records: Iterable[Record], rename: Callable[[bytes], bytes] | None = None
) -> Iterator[Any]:
    """The elements of the entries among the records."""
    held = ElementRows()
    for entry in records:
        if not isinstance(entry, Entry):
            continue
        key = entry.key if rename is None else rename(entry.key)
        for rows in rows_of(entry):
            held.add(entry, key, rows)
            if held.is_full:
                yield held.taken()
    if held.size:
        yield held.taken()


class ElementRows:
    """Rows on their way into a batch."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._heads: list[tuple[int, bytes, int]] = []
        self._rows: list[Row] = []
        self.size = 0

    def add(self, entry: Entry, key: bytes, rows: list[Row]) -> None:
        """More elements of a key."""
        self._heads += repeat((entry.db, key, _TYPE_AT[entry.type]), len(rows))
        self._rows += rows
        self.size += sum(len(key) + len(row[1] or b"") + len(row[2] or b"") for row in rows) + len(rows)

    @property
    def is_full(self) -> bool:
        """Whether it is time for a batch."""
        return len(self._rows) >= ROWS or self.size >= BATCH_SIZE

    def taken(self) -> Any:
        """The batch, and begin the next."""
        dbs, keys, types = zip(*self._heads, strict=True)
        columns = [pa.array(dbs, pa.int32()), pa.array(keys, pa.binary()), _names(list(types), _TYPE_NAMES)]
        for values, field in zip(zip(*self._rows, strict=True), list(ELEMENTS)[3:], strict=True):
            columns.append(pa.array(values, field.type))
        self._clear()
        return pa.record_batch(columns, schema=ELEMENTS)


def rows_of(entry: Entry) -> Iterator[list[Row]]:
    """The rows of a key, in lists; of one whose value has no elements a single empty row."""
    tell = _TELLERS.get(entry.type)
    if tell is None:
        yield [(None, None, None, None, None, None)]
        return
    place = 0
    for elements in entry.items():
        yield tell(elements, place)
        place += len(elements)


def _plain(elements: Any, place: int) -> list[Row]:
    del place
    return [(None, None, value, None, None, None) for value in elements]


def _in_order(elements: Any, place: int) -> list[Row]:
    return [(at, None, value, None, None, None) for at, value in enumerate(elements, place)]


def _scored(elements: Any, place: int) -> list[Row]:
    del place
    return [(None, None, member, score, None, None) for member, score in elements]


def _fields(elements: Any, place: int) -> list[Row]:
    del place
    return [(None, field, value, None, expires_at, None) for field, value, expires_at in elements]


def _indexed(elements: Any, place: int) -> list[Row]:
    del place
    return [(index, None, value, None, None, None) for index, value in elements]


def _entries(elements: list[StreamEntry], place: int) -> list[Row]:
    del place
    return [
        (None, field, value, None, None, str(entry.id)) for entry in elements for field, value in entry.fields
    ]


_TELLERS: dict[str, Callable[[Any, int], list[Row]]] = {
    "string": _plain,
    "list": _in_order,
    "set": _plain,
    "zset": _scored,
    "hash": _fields,
    "array": _indexed,
    "stream": _entries,
}
