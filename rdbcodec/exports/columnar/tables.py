"""The two tables, as Arrow record batches."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import repeat
from typing import Any

import pyarrow as pa

from rdbcodec.exports.columnar import TableName
from rdbcodec.exports.columnar.arrays import of_buffer, of_bytes, of_numbers
from rdbcodec.exports.columnar.key_rows import KeyRows
from rdbcodec.exports.columnar.schemas import ELEMENTS, TIME, TYPE_NAMES, dictionary
from rdbcodec.facts.passes import STRETCH, Counting
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COPIED_VALUE, COUNTED_VALUE
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.records import Entry, Record
from rdbcodec.servers import Server
from rdbcodec.structures.stream_node import StreamEntry

ROWS = 64 << 10  # of a batch
BATCH_SIZE = 16 << 20  # bytes of elements in a batch, however few the rows

_TYPE_AT = {name: at for at, name in enumerate(TYPE_NAMES)}


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


# --- elements ---------------------------------------------------------------------------------------

# index, field, value, score, expires_at, stream_id
Row = tuple[int | None, bytes | None, bytes | None, float | None, int | None, bytes | None]


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
        indexes, fields, values, scores, expiries, ids = zip(*self._rows, strict=True)
        columns = [
            of_buffer(array("i", dbs), pa.int32()),
            of_bytes(keys, pa.binary()),
            dictionary(bytearray(types), TYPE_NAMES),
            of_numbers(indexes, "Q", pa.uint64()),
            of_bytes(fields, pa.binary()),
            of_bytes(values, pa.binary()),
            of_numbers(scores, "d", pa.float64()),
            of_numbers(expiries, "q", TIME),
            of_bytes(ids, pa.string()),
        ]
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
        (None, field, value, None, None, b"%d-%d" % entry.id)
        for entry in elements
        for field, value in entry.fields
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
