"""`rdbcodec split IN --by slots:4 -o 'part-{slot}.rdb'`: several snapshots of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    STDIN,
    USAGE,
    Refusal,
    add_report_format_argument,
    add_source_arguments,
    add_tail_argument,
    check_tail,
    open_file,
    print_json,
    print_lines,
    progress_of,
)
from rdbcodec.cli.outputs import add_compress_argument, add_output_arguments, compression_of
from rdbcodec.limits import COPIED_VALUE
from rdbcodec.reports import split as report
from rdbcodec.tools.split import split
from rdbcodec.tools.ways import Way, way_of

HELP = "cut a snapshot into several: by slots, nodes, database, type, prefix or size"
ORDER = 72


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    parser.add_argument(
        "--by",
        required=True,
        type=_way,
        metavar="WAY",
        help="slots:4, slots:0-8191,8192-, nodes:FILE (nodes.conf or CLUSTER NODES), db, type, prefix, "
        "prefix:SEPARATOR, size:1gb, keys:N",
    )
    add_output_arguments(parser)
    add_compress_argument(parser)
    add_report_format_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Write the files, all of them or none."""
    name, selection = options.files[0], selecting.selection_of(options)
    if options.output == STDIN:
        raise Refusal(USAGE, "split writes files: -o 'part-{part}.rdb' names them")
    if options.hide_keys is not False and options.by.field == "prefix" and "{prefix}" in options.output:
        raise Refusal(USAGE, "{prefix} in -o would show what --hide-keys hides: {part} is a number")
    try:
        with (
            open_file(name, options, max_value=COPIED_VALUE) as reader,
            progress_of(name, reader, options) as tick,
        ):
            done = split(
                lambda: reader,
                options.output,
                options.by,
                compression=compression_of(options),
                replace=options.force,
                mode_of=name if Path(name).is_file() else None,
                max_record=options.max_value,
                selection=None if selection.is_empty else selection,
                check=lambda reader: check_tail(reader, options),
                progress=tick,
            )
    except ValueError as error:
        if type(error) is not ValueError:  # an EncodeError is one as well, and says more
            raise
        options.usage_error(f"argument -o: {error}")
    if options.format == "json":
        print_json(report.as_json(name, done))
    else:
        print_lines(report.lines(name, done))
    return selecting.no_match(name, selection, options, taken=done.keys)


def _way(text: str) -> Way:
    try:
        return way_of(text)
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
