"""`rdbcodec merge A B -o OUT`: one snapshot of several."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    STDIN,
    USAGE,
    Refusal,
    add_report_format_argument,
    add_source_arguments,
    add_tail_argument,
    check_tail,
    print_json,
    progress_of,
)
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    path_of,
    print_account,
    whole_stdout,
)
from rdbcodec.cli.reading import Readings
from rdbcodec.cli.servers import SERVER, server_of
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COPIED_VALUE
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports import split as report
from rdbcodec.tools.merge import Merge, OnConflict, merge
from rdbcodec.writing.output import OutputLike

HELP = "make one snapshot of several, such as those of the shards of a cluster"
ORDER = 74


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="snapshots, gzip, LZ4 and zstd too")
    add_output_arguments(parser)
    add_compress_argument(parser)
    parser.add_argument(
        "--on-conflict",
        choices=get_args(OnConflict),
        default="error",
        help="of a key that several files have: refuse, or which one stays (default: error)",
    )
    parser.add_argument(
        "--to", metavar="SERVER", help=f"the server that must load it (default: as the newest): {SERVER}"
    )
    add_report_format_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Write the file, and say what was there twice."""
    for name in options.files:
        if name == STDIN or (Path(name).exists() and not can_be_read_again(name)):
            raise Refusal(USAGE, "merge needs files: each is read twice, and a pipe is read once")
    selection = selecting.selection_of(options)
    if options.output == STDIN:
        with whole_stdout() as spool:
            done = _merged(spool, selection, options)
    else:
        done = _merged(path_of(options), selection, options)
    if options.format == "json" and options.output != STDIN:
        print_json(report.merge_as_json(options.output, done))
    else:
        print_account(report.merge_lines(options.output, done, options.on_conflict), options)
    return selecting.no_match(" and ".join(options.files), selection, options, taken=done.keys)


def _merged(output: OutputLike, selection: Selection, options: argparse.Namespace) -> Merge:
    files = Readings(options.files, options, max_value=COPIED_VALUE, times=2)
    server = None if options.to is None else server_of(options)
    with progress_of(f"{len(options.files)} files", files, options) as tick:
        return merge(
            [(name, files.opener(name)) for name in options.files],
            output,
            on_conflict=options.on_conflict,
            selection=selection,
            to=server,
            compression=compression_of(options),
            replace=options.force,
            check=lambda _, reader: check_tail(reader, options),
            progress=tick,
        )
