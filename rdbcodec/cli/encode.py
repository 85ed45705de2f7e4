"""`rdbcodec encode IN.ndjson -o OUT.rdb`: a snapshot from NDJSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from rdbcodec.cli.common import OK, STDIN, modules_of
from rdbcodec.cli.hiding import add_hiding_arguments
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    path_of,
    whole_stdout,
)
from rdbcodec.formats import DIALECTS, VERSIONS
from rdbcodec.showing import name as shown
from rdbcodec.sink import Target
from rdbcodec.texts.build import build
from rdbcodec.writer import Writer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="NDJSON, one key a line; - is stdin")
    add_output_arguments(parser)
    parser.add_argument("--to", metavar="RELEASE", help="the server that must load it: redis-6.2, valkey-8.0")
    parser.add_argument(
        "--rdb-version", type=int, choices=_VERSIONS, metavar="N", help="or its RDB version (default: 11)"
    )
    parser.add_argument(
        "--dialect", choices=DIALECTS, help="and its dialect (default: what the version says)"
    )
    parser.add_argument(
        "--modules", metavar="NAMES", help="modules the target has; default: those of every build of --to"
    )
    parser.add_argument(
        "--no-lzf", action="store_true", help="compress no strings, as with rdbcompression no"
    )
    parser.add_argument("--no-checksum", action="store_true", help="no checksum, as with rdbchecksum no")
    add_compress_argument(parser)
    parser.set_defaults(usage_error=parser.error)
    add_hiding_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the snapshot, to stdout only when it is whole; hints the target has no place for are told."""
    if options.to and (options.rdb_version or options.dialect):
        options.usage_error("--to says what --rdb-version and --dialect would: give one or the other")
    modules_of(options)  # a wrong name is a wrong usage, whatever the file
    name = options.files[0]
    with open(sys.stdin.fileno() if name == STDIN else name, "rb", closefd=name != STDIN) as lines:
        if options.output != STDIN:
            writer = _build(lines, path_of(options), options)
        else:
            with whole_stdout() as spool:
                writer = _build(lines, spool, options)
    for loss in writer.losses.of("hint"):
        print(f"{shown(name)}: {loss.text(hide_keys=options.hide_keys)}", file=sys.stderr)
    return OK


def _build(lines: Iterable[bytes], target: Target, options: argparse.Namespace) -> Writer:
    return build(
        lines,
        target,
        release=options.to,
        version=options.rdb_version,
        dialect=options.dialect,
        modules=modules_of(options),
        compress=not options.no_lzf,
        checksum=not options.no_checksum,
        compression=compression_of(options),
        replace=options.force,
    )


_VERSIONS = sorted(row.version for row in VERSIONS)
