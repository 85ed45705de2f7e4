"""Tables of a snapshot: for `sql`, and for `dump --format parquet`, a file or a folder that appears whole."""

from __future__ import annotations

import argparse
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import STDIN, Refusal, check_tail, open_file, progress_of
from rdbcodec.cli.exits import IO_ERROR
from rdbcodec.cli.hiding import renamer
from rdbcodec.cli.outputs import output_of, refuse_terminal
from rdbcodec.exports.columnar import TableName, need_pyarrow
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COPIED_VALUE, COUNTED_VALUE
from rdbcodec.remote.urls import scheme_of
from rdbcodec.servers import Server
from rdbcodec.showing import name as shown


def write_parquet(options: argparse.Namespace) -> int:
    """Write the table that was asked for; the exit code."""
    try:
        need_pyarrow()
    except ImportError as error:
        raise Refusal(IO_ERROR, str(error)) from None
    selection = selecting.selection_of(options)
    if options.partition:
        _write_folder(selection, options)
        return selecting.no_match(options.files[0], selection, options)
    from rdbcodec.exports.columnar.parquet import write_file  # noqa: PLC0415 - needs pyarrow

    options.writes_binary = True
    refuse_terminal(options)
    with output_of(options) as out:
        write_file(_batches(selection, options), out, _table(options))
    return selecting.no_match(options.files[0], selection, options)


def _table(options: argparse.Namespace) -> TableName:
    return options.table or "keys"


def batches_of(
    name: str,
    table: TableName,
    selection: Selection,
    options: argparse.Namespace,
    *,
    server: Server | None = None,
) -> Iterator[Any]:
    """The batches of a file argument, with progress; data that stands behind the snapshot is an error."""
    from rdbcodec.exports.columnar.tables import batches_in  # noqa: PLC0415 - needs pyarrow

    options.current = name
    rename: Callable[[bytes], bytes] | None = renamer(options.hide_keys) if options.hide_keys else None
    limit = COUNTED_VALUE if table == "keys" else COPIED_VALUE
    with (
        open_file(name, options, max_value=limit) as reader,
        progress_of(name, reader, options) as tick,
    ):
        for batch in batches_in(reader, table, server=server, selection=selection, rename=rename):
            yield batch
            if tick is not None:
                tick()
        check_tail(reader, options)


def _batches(selection: Selection, options: argparse.Namespace) -> Iterator[Any]:
    return batches_of(options.files[0], _table(options), selection, options)


def _write_folder(selection: Selection, options: argparse.Namespace) -> None:
    from rdbcodec.exports.columnar.parquet import write_folder  # noqa: PLC0415 - needs pyarrow
    from rdbcodec.exports.columnar.schemas import schema_of  # noqa: PLC0415

    columns = [name.strip() for name in options.partition.split(",")]
    unknown = [name for name in columns if name not in schema_of(_table(options)).names]
    if unknown:
        names = ", ".join(schema_of(_table(options)).names)
        options.usage_error(f"argument --partition: {unknown[0]!r} is no column of this table: {names}")
    if options.output == STDIN:
        options.usage_error("--partition writes a folder: name it with -o FOLDER")
    if scheme_of(options.output):
        raise Refusal(IO_ERROR, f"{shown(options.output)}: a folder is written to files, not to URLs")
    folder = Path(options.output)
    if folder.exists():
        raise Refusal(IO_ERROR, f"{shown(options.output)}: exists already: give a new folder")
    scratch = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.tmp")
    try:
        write_folder(_batches(selection, options), scratch, _table(options), columns)
        scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
