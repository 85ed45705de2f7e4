"""`rdbcodec fetch redis://host -o dump.rdb`: a snapshot of a server that runs."""

from __future__ import annotations

import argparse
from typing import get_args

from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    USAGE,
    Refusal,
    add_progress_argument,
    add_report_format_argument,
    print_json,
    progress_of,
)
from rdbcodec.cli.connecting import add_connection_arguments, connection_of
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    path_of,
    print_account,
    whole_stdout,
)
from rdbcodec.live.address import is_server
from rdbcodec.live.fetch import Fetched, Method, fetch
from rdbcodec.reports import fetch as report
from rdbcodec.showing import name as shown
from rdbcodec.writing.output import OutputLike

HELP = "make a snapshot of a running server or cluster"
ORDER = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files",
        nargs=1,
        metavar="URL",
        help="redis://host[:6379], rediss:// for TLS, unix:///path; any node of a cluster",
    )
    add_output_arguments(parser)
    add_compress_argument(parser)
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        default="auto",
        help="replication: all data of one moment; scan: key by key, where that is forbidden (default: auto)",
    )
    add_report_format_argument(parser)
    add_progress_argument(parser)
    add_connection_arguments(parser)
    parser.epilog = "-o 'dump-{node}.rdb' writes a file for each primary of a cluster, else all are in one"


def run(options: argparse.Namespace) -> int:
    """Write the snapshot, and tell what it holds."""
    url = options.files[0]
    if not is_server(url):
        raise Refusal(USAGE, f"{shown(url)}: is no URL of a server, such as redis://localhost:6379")
    if options.output == STDIN:
        with whole_stdout() as spool:
            done = _fetched(spool, options)
    else:
        done = _fetched(path_of(options), options)
    if options.format == "json" and options.output != STDIN:
        print_json(report.as_json(done))
    else:
        print_account(report.lines(done), options)
    return NEGATIVE if done.scanned and done.scanned.lacks else OK


def _fetched(output: OutputLike, options: argparse.Namespace) -> Fetched:
    coming = _Coming()
    with progress_of(options.files[0], coming, options) as tick:

        def progress(done: int, size: int | None, keys: int) -> None:
            del keys
            coming.bytes_read, coming.size = done, size
            if tick is not None:
                tick()

        return fetch(
            options.files[0],
            output,
            options=connection_of(options),
            method=options.method,
            compression=compression_of(options),
            replace=options.force,
            progress=progress,
        )


class _Coming:
    """How far it is, for the progress bar."""

    bytes_read = 0
    size: int | None = None
