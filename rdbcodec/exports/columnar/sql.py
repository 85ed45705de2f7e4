"""SQL over snapshots: DuckDB, with the tables `keys` and `elements`, and the column `file` in both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from rdbcodec.exports.columnar import TABLES, TableName

Tables = Callable[[TableName], Any]  # gives a table of a snapshot as a pyarrow.RecordBatchReader


def query(files: Iterable[tuple[str, Tables]], text: str) -> Any:
    """Run a query over snapshots; DuckDB's cursor with the result: `description`, `fetchmany`, `arrow`.

        query([("a.rdb", lambda table: rdbcodec.to_arrow("a.rdb", table))], "select count(*) from keys")

    Only tables whose names stand in the query are filled, each in one reading of each file, and from there
    DuckDB holds them, on disk when they are large. Raises ImportError without duckdb, duckdb.Error for a
    wrong query, and what reading raises.
    """
    duckdb = need_duckdb()
    connection = duckdb.connect()
    files = list(files)
    for table in TABLES:
        if re.search(rf"\b{table}\b", text, re.IGNORECASE):
            for name, tables in files:
                _fill(connection, table, name, tables(table))
    return connection.execute(text)


def need_duckdb() -> Any:
    """The package; ImportError that names the extra."""
    try:
        import duckdb  # noqa: PLC0415 - optional
    except ImportError:
        raise ImportError("SQL needs the extra sql: pip install 'rdbcodec[sql]'") from None
    return duckdb


def _fill(connection: Any, table: TableName, name: str, batches: Any) -> None:
    """What reading raises comes through DuckDB as words: it is kept, and raised instead of them."""
    failures: list[BaseException] = []
    connection.register("snapshot", _watched(batches, failures))
    is_there = connection.execute("select 1 from duckdb_tables() where table_name = ?", [table]).fetchone()
    begin = f"INSERT INTO {table}" if is_there else f"CREATE TABLE {table} AS"
    try:
        connection.execute(f"{begin} SELECT ? AS file, * FROM snapshot", [name])  # noqa: S608 - our own names
    except Exception:
        if failures:
            raise failures[0] from None
        raise
    finally:
        connection.unregister("snapshot")


def _watched(batches: Any, failures: list[BaseException]) -> Any:
    def taken() -> Any:
        try:
            yield from batches
        except BaseException as error:
            failures.append(error)
            raise

    return type(batches).from_batches(batches.schema, taken())
