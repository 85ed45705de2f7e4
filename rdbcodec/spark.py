"""Snapshots as a data source of Spark (4.0 and later; filters are pushed down since 4.1).

    spark.dataSource.register(rdbcodec.spark.RdbDataSource)
    spark.read.format("rdb").load("shards/*.rdb")
    spark.read.format("rdb").option("table", "elements").option("columns", "key,field,value").load(...)

One partition a file. With the option `pushFilters` "true" and spark.sql.python.filterPushdown.enabled,
filters go down: `db` and `type` equal to or among values, and how `key_text` begins or what it
is. **Load anew for each query then**: Spark 4.3 keeps the reader of a DataFrame with the filters of its first
query, also for a second one without them, which would lack keys. That is why it is not the default.

Spark tells a source in Python nothing of the columns a query needs: name them with `columns`, and only they
leave the reader. Paths may be URLs; several stand with commas between. The cluster brings pyspark.

A file that cannot be read ends the query, with its name; with `badFiles` "skip" it is left out from the
damage on, which the worker logs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceReader, EqualTo, In, InputPartition, StringStartsWith

from rdbcodec.errors import RdbError
from rdbcodec.remote.patterns import expanded

TYPES = {
    "db": "int",
    "key": "binary",
    "key_text": "string",
    "type": "string",
    "encoding": "string",
    "elements": "bigint",
    "bytes": "bigint",
    "memory": "bigint",
    "expires_at": "timestamp",
    "idle_s": "bigint",
    "freq": "int",
    "slot": "int",
    "offset": "bigint",
    "index": "decimal(20,0)",
    "field": "binary",
    "value": "binary",
    "score": "double",
    "stream_id": "string",
}


class RdbDataSource(DataSource):  # type: ignore[misc] # pyspark is not here
    """The format "rdb"; options `table` (keys, elements), `columns` (with commas between), `badFiles`."""

    @classmethod
    def name(cls) -> str:
        """What stands in `format`."""
        return "rdb"

    def schema(self) -> str:
        """`file`, and the columns that were asked for."""
        columns = (f"{name} {TYPES[name]}" for name in columns_of(self.options))
        return ", ".join(("file string", *columns))

    def reader(self, schema: Any) -> RdbReader:
        """A reader of the files, one that takes filters if the option `pushFilters` says so."""
        del schema
        pushes = str(self.options.get("pushFilters", "false")).lower() == "true"
        return FilteringReader(self.options) if pushes else RdbReader(self.options)


def columns_of(options: Any) -> list[str]:
    """The columns that the options ask for. ValueError for one that the table has not."""
    from rdbcodec.exports.columnar import need_pyarrow  # noqa: PLC0415 - only tables need it

    need_pyarrow()
    from rdbcodec.exports.columnar.schemas import schema_of  # noqa: PLC0415 - needs pyarrow

    names = schema_of(options.get("table", "keys")).names
    asked = [name.strip() for name in options.get("columns", ",".join(names)).split(",")]
    for name in asked:
        if name not in names:
            raise ValueError(f"{name!r} is no column of this table: {', '.join(names)}")
    return asked


class FilePartition(InputPartition):  # type: ignore[misc] # pyspark is not here
    """A file."""


class RdbReader(DataSourceReader):  # type: ignore[misc] # pyspark is not here
    """Reads files; filters become a Selection."""

    def __init__(self, options: Any) -> None:
        self.table = options.get("table", "keys")
        self.columns = columns_of(options)
        self.paths = [path for given in options["path"].split(",") for path in expanded(given.strip())]
        self.filters: dict[str, Any] = {}
        self.bad_files = options.get("badFiles", "fail")
        if self.bad_files not in _BAD_FILES:
            raise ValueError(f"badFiles is {self.bad_files!r}, expected {' or '.join(_BAD_FILES)}")

    def partitions(self) -> Sequence[Any]:
        """One a file."""
        return [FilePartition(path) for path in self.paths]

    def read(self, partition: Any) -> Iterator[Any]:
        """The batches of a file, with its name in front; of a damaged one those before the damage."""
        try:
            yield from self._batches(partition)
        except (RdbError, OSError) as error:
            if self.bad_files == "fail":
                raise RdbError(f"{partition.value}: {error}") from error
            logging.getLogger(__name__).warning("%s: left out from here on: %s", partition.value, error)

    def _batches(self, partition: Any) -> Iterator[Any]:
        from rdbcodec.exports.columnar import need_pyarrow, to_arrow  # noqa: PLC0415 - on the workers
        from rdbcodec.facts.selection import Selection  # noqa: PLC0415

        pa = need_pyarrow()
        selection = Selection(**self.filters) if self.filters else None
        for batch in to_arrow(partition.value, self.table, selection=selection):
            columns = [pa.array([partition.value] * batch.num_rows, pa.string())]
            columns += [_for_spark(pa, batch.column(name)) for name in self.columns]
            yield pa.RecordBatch.from_arrays(columns, names=["file", *self.columns])


class FilteringReader(RdbReader):
    """The same, asked which filters it takes; Spark refuses such a reader unless it is configured."""

    def pushFilters(self, filters: list[Any]) -> Iterable[Any]:  # noqa: N802 - Spark's name
        """Take what a Selection can say; Spark judges the rest, and again what is taken of `key_text`."""
        for filter_ in filters:
            if not self._take(filter_) or isinstance(filter_, StringStartsWith):
                yield filter_  # a key that is no UTF-8 may begin so, and its key_text is null

    def _take(self, filter_: Any) -> bool:
        """Whether the filter is taken; two for one column are not, the second stays Spark's."""
        column = filter_.attribute[0] if len(getattr(filter_, "attribute", ())) == 1 else None
        told = _TAKEN.get((type(filter_), column))
        if told is None or told in self.filters:
            return False
        value = filter_.value
        values = list(value) if isinstance(filter_, In) else [value]
        if any(each is None for each in values):
            return False
        self.filters[told] = [each.encode() for each in values] if column == "key_text" else values
        return True


_BAD_FILES = ("fail", "skip")
_TAKEN: dict[tuple[Any, str | None], str] = {
    (EqualTo, "db"): "dbs",
    (In, "db"): "dbs",
    (EqualTo, "type"): "types",
    (In, "type"): "types",
    (EqualTo, "key_text"): "keys",
    (In, "key_text"): "keys",
    (StringStartsWith, "key_text"): "prefixes",
}


def _for_spark(pa: Any, column: Any) -> Any:
    """Spark has times in microseconds, no dictionaries and no small unsigned numbers."""
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", "UTC"))
    if pa.types.is_uint64(column.type):
        return column.cast(pa.decimal128(20, 0))
    if pa.types.is_uint8(column.type) or pa.types.is_int16(column.type):
        return column.cast(pa.int32())
    return column
