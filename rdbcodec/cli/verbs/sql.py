"""`rdbcodec sql FILE... QUERY`: SQL over the keys and elements of snapshots."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import IO_ERROR, OK, USAGE, Refusal, add_source_arguments, add_tail_argument
from rdbcodec.cli.memory import add_for_argument, memory_server
from rdbcodec.exports.columnar import TableName, need_pyarrow
from rdbcodec.reports.tables import Section, render_text
from rdbcodec.showing import escaped

HELP = "ask in SQL: the tables are keys (a row a key) and elements (a row an element)"
ORDER = 42
FETCHED = 1000  # rows taken from DuckDB at a time
SHOWN = 1000  # rows of a text table, which is aligned and so held whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshots, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("query", metavar="QUERY", help='"select type, count(*) from keys group by 1"')
    parser.add_argument("--format", choices=tuple(_FORMATS), default="text", help="default: text")
    add_for_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the rows of the result."""
    from rdbcodec.exports.columnar import sql  # noqa: PLC0415 - hardly any command needs it

    try:
        sql.need_duckdb()
        need_pyarrow()
        result = sql.query([(name, _tables_of(name, options)) for name in options.files], options.query)
    except ImportError as error:
        raise Refusal(IO_ERROR, str(error)) from None
    except Exception as error:
        if type(error).__module__ not in ("duckdb", "_duckdb"):
            raise
        raise Refusal(USAGE, "\n".join(map(escaped, str(error).split("\n")))) from None
    _FORMATS[options.format]([column[0] for column in result.description], _rows(result))
    return OK


def _tables_of(name: str, options: argparse.Namespace) -> Callable[[TableName], Any]:
    from rdbcodec.cli.columnar import batches_of  # noqa: PLC0415

    def tables(table: TableName) -> Any:
        from rdbcodec.exports.columnar.schemas import schema_of  # noqa: PLC0415 - needs pyarrow

        selection = selecting.selection_of(options)
        batches = batches_of(name, table, selection, options, server=memory_server(options))
        return need_pyarrow().RecordBatchReader.from_batches(schema_of(table), batches)

    return tables


def _rows(result: Any) -> Iterator[list[Any]]:
    while rows := result.fetchmany(FETCHED):
        yield from (list(map(_plain, row)) for row in rows)


def _plain(value: Any) -> Any:
    """Bytes as text where they are printable text, else in the notation of Python's bytes; times as ISO."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
        return text if text.isprintable() else repr(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


# --- as what the rows are printed -------------------------------------------------------------------


def _text(columns: Sequence[str], rows: Iterator[list[Any]]) -> None:
    shown = [["" if cell is None else escaped(str(cell)) for cell in row] for row in islice(rows, SHOWN)]
    numbers = [all(_is_number(row[at]) for row in shown) for at in range(len(columns))]
    head = [f">{name}" if number else name for name, number in zip(columns, numbers, strict=True)]
    lines = render_text("", [Section("", head, shown)]).strip("\n")
    print(lines)
    if next(rows, None) is not None:
        print(f"only the first {SHOWN:,} rows are shown: --format csv writes all", file=sys.stderr)


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("-").replace(".", "", 1).isdecimal()


def _csv(columns: Sequence[str], rows: Iterator[list[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _ndjson(columns: Sequence[str], rows: Iterator[list[Any]]) -> None:
    for row in rows:
        print(json.dumps(dict(zip(columns, row, strict=True))))


_FORMATS: dict[str, Callable[[Sequence[str], Iterator[list[Any]]], None]] = {
    "text": _text,
    "csv": _csv,
    "ndjson": _ndjson,
}
