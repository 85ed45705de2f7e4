"""What the tables look like: columns, their order, and what may be null.

`binary` and not `string`: keys and values are bytes. One table of elements for all types: nulls cost nothing.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rdbcodec.exports.columnar import TableName
from rdbcodec.exports.columnar.arrays import of_buffer, of_bytes
from rdbcodec.formats import TYPES

NAMES = pa.dictionary(pa.int8(), pa.string())
TIME = pa.timestamp("ms", "UTC")
KEYS = pa.schema(
    [
        ("db", pa.int32()),
        ("key", pa.binary()),
        ("key_text", pa.string()),
        ("type", NAMES),
        ("encoding", NAMES),
        ("elements", pa.int64()),
        ("bytes", pa.int64()),
        ("memory", pa.int64()),
        ("expires_at", TIME),
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
        ("type", NAMES),
        ("index", pa.uint64()),  # places of an array go up to there
        ("field", pa.binary()),
        ("value", pa.binary()),
        ("score", pa.float64()),
        ("expires_at", TIME),
        ("stream_id", pa.string()),
    ]
)
# The same dictionary in every batch of every file: what joins batches has nothing to unify.
TYPE_NAMES = sorted({row.type for row in TYPES})
ENCODING_NAMES = sorted({row.encoding for row in TYPES})


def schema_of(table: TableName) -> Any:
    """The schema of a table."""
    return KEYS if table == "keys" else ELEMENTS


def dictionary(places: bytearray, names: list[str]) -> Any:
    """A column of names by their places among all."""
    held = of_bytes([name.encode() for name in names], pa.string())
    return pa.DictionaryArray.from_arrays(of_buffer(places, pa.int8()), held)
