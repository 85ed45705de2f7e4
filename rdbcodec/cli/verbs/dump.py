"""`rdbcodec dump FILE`: the data of a snapshot as text, or as commands for a server."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    add_source_arguments,
    add_tail_argument,
    check_tail,
    modules_of,
    now_of,
    open_file,
    progress_of,
)
from rdbcodec.cli.hiding import hidden
from rdbcodec.cli.outputs import add_force_argument, output_of
from rdbcodec.errors import RdbError
from rdbcodec.exports import ndjson, tables
from rdbcodec.formats import VERSIONS
from rdbcodec.limits import COPIED_VALUE
from rdbcodec.losses import Losses
from rdbcodec.records import Record
from rdbcodec.reports.words import functions_left_out
from rdbcodec.showing import name as shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_dumping_arguments(parser)
    parser.add_argument("--format", choices=tuple(_FORMATS), default="ndjson", help="default: ndjson")
    parser.add_argument(
        "--records", action="store_true", help="ndjson and json: header and AUX too, for an equal snapshot"
    )
    parser.add_argument(
        "--csv-safe", action="store_true", help="csv: put ' before what a spreadsheet takes for a formula"
    )
    parser.add_argument(
        "--restore", action="store_true", help="resp: each key as one RESTORE, which loses nothing"
    )
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--to", metavar="RELEASE", help="resp: the server: redis-7.2, valkey-8.0")
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


def add_dumping_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that writes what is in one snapshot."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    parser.add_argument(
        "-o", "--output", default=STDIN, metavar="OUT", help="where to write (default: stdout)"
    )
    add_force_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the output; 1 when commands could not express everything."""
    of_resp = (options.restore or None, options.to, options.to_version, options.modules)
    if options.format != "resp" and any(told is not None for told in of_resp):
        options.usage_error("--restore, --to, --to-version and --modules go with --format resp")
    modules_of(options)  # a wrong name is a wrong usage, whatever the file
    if options.records and options.format not in ("ndjson", "json"):
        options.usage_error("--records goes with --format ndjson or json")
    if options.csv_safe and options.format != "csv":
        options.usage_error("--csv-safe goes with --format csv")
    losses = Losses()
    write_selected(
        options,
        lambda records: _FORMATS[options.format](records, options, losses),
        tells_functions=options.format != "csv",
    )
    lost = losses.of("data")
    for loss in [*lost, *losses.of("hint")]:
        print(f"{shown(options.files[0])}: {loss.text(hide_keys=options.hide_keys)}", file=sys.stderr)
    return NEGATIVE if lost else OK


def write_selected(
    options: argparse.Namespace,
    form: Callable[[Iterator[Record]], Iterator[bytes]],
    *,
    tells_functions: bool,
) -> None:
    """Write a form of the selected records; says so when it ends before the snapshot does.

    `tells_functions` says that the form has a place for function libraries, so that they can be missed.
    """
    name = options.files[0]
    selection = selecting.selection_of(options)
    with (
        output_of(options) as out,
        open_file(name, options, max_value=COPIED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        left_out: Counter[str] = Counter()
        records = iter(reader) if selection.is_empty else selection.select(reader, left_out)
        if options.hide_keys:
            records = hidden(records, options.hide_keys)
        try:
            _write(form(records), out, tick)
        except RdbError:
            if options.output == STDIN:
                out.flush()
                print(f"{shown(name)}: the output is incomplete", file=sys.stderr)
            raise
        check_tail(reader, options)
    if left_out["function"] and tells_functions:
        print(f"{shown(name)}: {functions_left_out(left_out['function'])}", file=sys.stderr)
    if not selection.is_empty and not selection.taken:
        print(f"{shown(name)}: no key matches", file=sys.stderr)


def _write(pieces: Iterator[bytes], out: BinaryIO, tick: Callable[[], None] | None) -> None:
    for piece in pieces:
        out.write(piece)
        if tick is not None:
            tick()


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    return (piece.encode() for piece in pieces)


def _ndjson(records: Iterator[Record], options: argparse.Namespace, losses: Losses) -> Iterator[bytes]:
    del losses
    return _encoded(ndjson.lines(records, everything=options.records))


def _json(records: Iterator[Record], options: argparse.Namespace, losses: Losses) -> Iterator[bytes]:
    del losses
    return _encoded(tables.json_array(records, everything=options.records))


def _csv(records: Iterator[Record], options: argparse.Namespace, losses: Losses) -> Iterator[bytes]:
    del losses
    return _encoded(tables.csv_rows(records, safe=options.csv_safe))


def _resp(records: Iterator[Record], options: argparse.Namespace, losses: Losses) -> Iterator[bytes]:
    from rdbcodec.exports import (  # noqa: PLC0415 - brings the writing half, which no other format needs
        resp,
    )

    return resp.commands(
        records,
        version=options.to_version,
        to=options.to,
        modules=modules_of(options),
        restore=options.restore,
        now_ms=now_of(options),
        losses=losses,
    )


_FORMATS: dict[str, Callable[[Iterator[Record], argparse.Namespace, Losses], Iterator[bytes]]] = {
    "ndjson": _ndjson,
    "json": _json,
    "csv": _csv,
    "resp": _resp,
}
