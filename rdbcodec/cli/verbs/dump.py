"""`rdbcodec dump FILE`: the data of a snapshot as text, or as commands for a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from rdbcodec.cli.common import (
    NEGATIVE,
    modules_of,
    now_of,
)
from rdbcodec.cli.dumping import add_dumping_arguments, write_selected
from rdbcodec.cli.jobs import add_jobs_argument
from rdbcodec.cli.servers import SERVER, server_of
from rdbcodec.exports import parts
from rdbcodec.exports.columnar import TABLES
from rdbcodec.formats import VERSIONS
from rdbcodec.losses import Losses
from rdbcodec.showing import name as shown

PARQUET = "parquet"
HELP = "write the data as NDJSON, JSON, CSV, Parquet, or as commands for redis-cli --pipe"
ORDER = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_dumping_arguments(parser)
    add_jobs_argument(parser)
    parser.add_argument("--format", choices=(*_FORMATS, PARQUET), default="ndjson", help="default: ndjson")
    parser.add_argument(
        "--records", action="store_true", help="ndjson and json: header and AUX too, for an equal snapshot"
    )
    parser.add_argument(
        "--csv-safe", action="store_true", help="csv: put ' before what a spreadsheet takes for a formula"
    )
    parser.add_argument(
        "--restore", action="store_true", help="resp: each key as one RESTORE, which loses nothing"
    )
    parser.add_argument(
        "--table", choices=TABLES, help="parquet: a row a key, or a row an element (default: keys)"
    )
    parser.add_argument(
        "--partition", metavar="COLUMNS", help="parquet: OUT is a folder of files by these columns: db,type"
    )
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--to", metavar="SERVER", help=f"resp: the server: {SERVER}")
    parser.add_argument(
        "--modules", metavar="NAMES", help="resp: modules it has; default: those of every build of --to"
    )
    server.add_argument(
        "--to-version",
        type=int,
        choices=sorted(row.version for row in VERSIONS),
        metavar="N",
        help="resp: or its RDB version (default: the file's)",
    )
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Write the output; 1 when commands could not express everything."""
    of_resp = (options.restore or None, options.to, options.to_version, options.modules)
    if options.format != "resp" and any(told is not None for told in of_resp):
        options.usage_error("--restore, --to, --to-version and --modules go with --format resp")
    server_of(options, modules=modules_of(options))  # a wrong name is a wrong usage, whatever the file
    if options.records and options.format not in ("ndjson", "json"):
        options.usage_error("--records goes with --format ndjson or json")
    if options.csv_safe and options.format != "csv":
        options.usage_error("--csv-safe goes with --format csv")
    if options.format != PARQUET and (options.table or options.partition):
        options.usage_error("--table and --partition go with --format parquet")
    if options.format == PARQUET:
        from rdbcodec.cli.columnar import write_parquet  # noqa: PLC0415 - needs pyarrow

        return write_parquet(options)
    losses = Losses()
    form = _FORMATS[options.format](options)
    code = write_selected(
        options,
        lambda records: parts.whole(form, records, losses),
        tells_functions=options.format != "csv",
        takes_runs=True,
        in_parts=lambda reader, out, tick: parts.write_in_parts(
            reader, form, out, losses=losses, progress=tick
        ),
    )
    lost = losses.of("data")
    for loss in [*lost, *losses.of("hint")]:
        print(f"{shown(options.files[0])}: {loss.text(hide_keys=options.hide_keys)}", file=sys.stderr)
    return NEGATIVE if lost else code


def _lines(options: argparse.Namespace) -> parts.Form:
    return parts.Ndjson(everything=options.records)


def _array(options: argparse.Namespace) -> parts.Form:
    return parts.Json(everything=options.records)


def _rows(options: argparse.Namespace) -> parts.Form:
    return parts.Csv(safe=options.csv_safe)


def _commands(options: argparse.Namespace) -> parts.Form:
    modules, now_ms = modules_of(options), now_of(options)
    return parts.Commands(options.to_version, options.to, modules, options.restore, now_ms)


_FORMATS: dict[str, Callable[[argparse.Namespace], parts.Form]] = {
    "ndjson": _lines,
    "json": _array,
    "csv": _rows,
    "resp": _commands,
}
