"""`rdbcodec salvage IN -o OUT`: what can be saved of a damaged snapshot."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    IO_ERROR,
    NEGATIVE,
    OK,
    STDIN,
    Refusal,
    add_report_format_argument,
    add_source_arguments,
    add_tail_argument,
    input_of,
    print_json,
    progress_of,
    tail_code,
)
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    like_input,
    path_of,
    print_account,
    whole_stdout,
)
from rdbcodec.cli.watching import Watched
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.reports import salvage as report
from rdbcodec.showing import name as shown
from rdbcodec.tools.salvage import Salvage, salvage
from rdbcodec.writing.output import OutputLike, whole_output

HELP = "save what can be read of a damaged snapshot as a sound one, and say what is lost"
ORDER = 95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    add_output_arguments(parser)
    add_compress_argument(parser)
    parser.add_argument(
        "--resync", action="store_true", help="look for records behind the damage, too, and go on there"
    )
    parser.add_argument(
        "--keep-damaged",
        action="store_true",
        help="keep values that do not decode, as far as their end is known; servers may refuse the file",
    )
    parser.add_argument("--report", metavar="FILE", help="write the account of it there, as JSON")
    add_report_format_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file and its account; 1 when anything was wrong with the snapshot."""
    name, selection = options.files[0], selecting.selection_of(options)
    if options.report is not None and Path(options.report).resolve() == Path(options.output).resolve():
        raise Refusal(IO_ERROR, f"{shown(options.report)}: the report and the snapshot cannot be one file")
    with ExitStack() as stack:
        account: IO[bytes] | None = None
        if options.report is not None:  # opened first: what cannot be written to ends it before the work
            place = like_input(options.report, options)
            account = stack.enter_context(whole_output(place, replace=options.force))
        output = stack.enter_context(whole_stdout()) if options.output == STDIN else path_of(options)
        found = _saved(name, output, selection, options)
        document = report.as_json(name, options.output, found, hide_keys=options.hide_keys)
        if account is not None:
            account.write(json.dumps(document, indent=2).encode() + b"\n")
    _print(name, found, document, options)
    code = OK if found.is_whole else NEGATIVE
    code = max(code, selecting.no_match(name, selection, options, taken=found.keys))
    return max(code, tail_code(name, found.tail, found.size, options))


def _saved(name: str, output: OutputLike, selection: Selection, options: argparse.Namespace) -> Salvage:
    reading = Watched(name)
    with progress_of(name, reading, options) as tick:
        return salvage(
            input_of(name),
            output,
            resync=options.resync,
            keep_damaged=options.keep_damaged,
            dialect=options.dialect,
            any_version=options.any_version,
            verify_checksum=not options.no_checksum,
            max_value=CHECKED_VALUE,
            max_record=options.max_value,
            selection=selection,
            compression=compression_of(options),
            replace=options.force,
            progress=reading.telling(tick),
        )


def _print(name: str, found: Salvage, document: dict[str, Any], options: argparse.Namespace) -> None:
    """As it was asked for."""
    if options.format == "json" and options.output != STDIN:
        print_json(document)
        return
    print_account(report.lines(name, options.output, found, hide_keys=options.hide_keys), options)
