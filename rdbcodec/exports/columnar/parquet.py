"""Tables as Parquet: one file, or a folder of them by the values of columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rdbcodec.exports.columnar import TableName
from rdbcodec.exports.columnar.schemas import schema_of

COMPRESSION = "zstd"
# Columns whose values come again and again. To look for that in all others takes half of the time of writing.
_REPEATED = {
    "keys": ["db", "type", "encoding", "elements", "bytes", "memory", "idle_s", "freq"],
    "elements": ["db", "key", "type", "index", "field"],
}
_RISING = {"keys": ["offset", "expires_at"], "elements": ["expires_at"]}  # little apart from one to the next


class _Sink:
    """A file object that is written forward, with what pyarrow asks beside `write`."""

    closed = False

    def __init__(self, out: Any) -> None:
        self._out = out
        self._position = 0

    def write(self, data: bytes, /) -> int:
        self._out.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Whoever opened the file flushes it."""

    def close(self) -> None:
        self.closed = True


def write_file(batches: Iterable[Any], out: Any, table: TableName) -> int:
    """Write the batches to a binary file object, which may be a pipe; the number of rows."""
    rows = 0
    with pq.ParquetWriter(
        _Sink(out),
        schema_of(table),
        compression=COMPRESSION,
        use_dictionary=_REPEATED[table],
        column_encoding=dict.fromkeys(_RISING[table], "DELTA_BINARY_PACKED"),
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def write_folder(batches: Iterable[Any], folder: Path, table: TableName, by: Sequence[str]) -> None:
    """Write the batches into a folder with one of `column=value` for each value that occurs."""
    import pyarrow.dataset as ds  # noqa: PLC0415 - imports pandas where that is: half of the start of pyarrow

    schema = pa.schema([_plain(field) if field.name in by else field for field in schema_of(table)])
    reader = pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches))
    ds.write_dataset(
        reader,
        folder,
        format="parquet",
        file_options=ds.ParquetFileFormat().make_write_options(compression=COMPRESSION),
        partitioning=ds.partitioning(pa.schema([schema.field(name) for name in by]), flavor="hive"),
    )


def _plain(field: Any) -> Any:
    """Names of folders come from no dictionary."""
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
