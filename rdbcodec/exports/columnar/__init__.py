"""A snapshot as columns: Arrow batches, Parquet, SQL. `to_arrow` is the way in; it needs the extra arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rdbcodec.facts.selection import Selection
    from rdbcodec.reading.source import Source
    from rdbcodec.servers import Server

TableName = Literal["keys", "elements"]
TABLES: tuple[TableName, ...] = ("keys", "elements")


def to_arrow(
    source: Source,
    table: TableName = "keys",
    *,
    server: Server | None = None,
    selection: Selection | None = None,
    rename: Callable[[bytes], bytes] | None = None,
) -> Any:
    """A pyarrow.RecordBatchReader over a snapshot, which is read as the batches are asked for.

    `keys` has a row a key: db, key (bytes), key_text (null where the key is no UTF-8), type, encoding,
    elements, bytes (on disk), memory (bytes in `server`, by default the one that wrote the file), expires_at
    (UTC), idle_s, freq, slot, offset. `elements` has a row an element: db, key, type, index (lists and
    arrays), field, value, score, expires_at (of a field), stream_id; a row a field for streams, and a row
    with nothing but key and type for values that have no elements (modules).

    Raises ImportError without pyarrow; what opening and reading raise, also while batches are taken.
    """
    pyarrow = need_pyarrow()
    from rdbcodec.exports.columnar.schemas import schema_of  # noqa: PLC0415 - needs pyarrow
    from rdbcodec.exports.columnar.tables import batches_of  # noqa: PLC0415

    return pyarrow.RecordBatchReader.from_batches(
        schema_of(table), batches_of(source, table, server=server, selection=selection, rename=rename)
    )


def need_pyarrow() -> Any:
    """The package; ImportError that names the extra."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
    except ImportError:
        raise ImportError("tables need the extra arrow: pip install 'rdbcodec[arrow]'") from None
    return pa
