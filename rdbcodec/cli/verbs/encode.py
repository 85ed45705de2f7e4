"""`rdbcodec encode IN.ndjson -o OUT.rdb`: a snapshot from NDJSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import IO

from rdbcodec.cli.common import NEGATIVE, OK, STDIN, Refusal, modules_of
from rdbcodec.cli.hiding import add_hiding_arguments
from rdbcodec.cli.hints import loss_hint
from rdbcodec.cli.outputs import (
    add_compress_argument,
    add_output_arguments,
    compression_of,
    path_of,
    whole_stdout,
)
from rdbcodec.cli.servers import SERVER, server_of
from rdbcodec.cli.writing import add_repair_arguments, count, print_losses
from rdbcodec.errors import EncodeError, TextError
from rdbcodec.exports.build import Built, build
from rdbcodec.formats import DIALECTS, RELEASES, TYPES, VERSIONS
from rdbcodec.losses import TYPE_PREFIX
from rdbcodec.remote.opening import open_lines
from rdbcodec.remote.urls import scheme_of
from rdbcodec.reports.words import plural
from rdbcodec.showing import name as shown
from rdbcodec.writing.output import OutputLike

HELP = "make a snapshot of what `dump --format ndjson` wrote"
ORDER = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="NDJSON, one key a line; - is stdin")
    add_output_arguments(parser)
    parser.add_argument("--to", metavar="SERVER", help=f"the server that must load it: {SERVER}")
    parser.add_argument(
        "--rdb-version",
        type=int,
        choices=_VERSIONS,
        metavar="N",
        help="or its RDB version (default: the oldest of Redis from 11 on that holds everything)",
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
    parser.add_argument("--allow-loss", action="store_true", help="write what can be held, report the rest")
    parser.add_argument(
        "--databases", type=count, metavar="N", help="of the server (default: what is known of it, else 16)"
    )
    add_repair_arguments(parser)
    add_compress_argument(parser)
    parser.set_defaults(usage_error=parser.error)
    add_hiding_arguments(parser)


def _lines_of(name: str) -> IO[bytes]:
    if scheme_of(name):
        return open_lines(name)
    return open(sys.stdin.fileno() if name == STDIN else name, "rb", closefd=name != STDIN)


def run(options: argparse.Namespace) -> int:
    """Write the snapshot, to stdout only when it is whole, and say for which server it is."""
    if options.to and (options.rdb_version or options.dialect):
        options.usage_error("--to says what --rdb-version and --dialect would: give one or the other")
    server_of(options, modules=modules_of(options))  # a wrong name is a wrong usage, whatever the file
    name = options.files[0]
    with _lines_of(name) as lines:
        if options.output != STDIN:
            built = _build(lines, path_of(options), options)
        else:
            with whole_stdout() as spool:
                built = _build(lines, spool, options)
    _report(built, options)
    return OK


def _build(lines: Iterable[bytes], output: OutputLike, options: argparse.Namespace) -> Built:
    try:
        return build(
            lines,
            output,
            on_duplicate=options.on_duplicate,
            drop_empty=options.drop_empty,
            to=options.to,
            version=options.rdb_version,
            dialect=options.dialect,
            modules=modules_of(options),
            databases=options.databases or "default",
            compress=not options.no_lzf,
            checksum=not options.no_checksum,
            compression=compression_of(options),
            replace=options.force,
            allow_loss=options.allow_loss,
        )
    except TextError as error:
        cause = error.__cause__
        if not isinstance(cause, EncodeError) or cause.loss is None:
            raise
        # The text is what it should be, so this is no reading error: the answer is no.
        words = error.text(hide_keys=options.hide_keys)
        hint = "\nwith --allow-loss the rest is written all the same" if cause.loss != "duplicate" else ""
        step = loss_hint([cause.loss])
        hint += f"\n{step}" if step else ""
        raise Refusal(NEGATIVE, f"{shown(options.files[0])}: {words}{hint}") from error


def _report(built: Built, options: argparse.Namespace) -> None:
    """To stdout, unless the snapshot went there."""
    writer = built.writer
    to_stdout = options.output == STDIN
    out = sys.stderr if to_stdout else sys.stdout
    print(f"{shown(options.output)}: {plural(writer.keys, 'key')} for {_server_of(built)}", file=out)
    print_losses(writer.losses.of("data"), writer.losses.of("hint"), out, hide_keys=options.hide_keys)


def _server_of(built: Built) -> str:
    """Who loads it; why it is not the default, if it is not."""
    server = built.writer.server
    if built.lacked is None:
        return server.name
    release = next(row for row in RELEASES if row.product == "Redis" and row.accepts == server.version)
    held = HOLDS.get(built.lacked, "all of it")
    return f"Redis {release.release} (RDB {server.version}), the oldest that holds {held}"


# What a target holds in which nothing of this kind is lost.
HOLDS = {
    "field-ttl": "field TTLs",
    "key-metadata": "metadata of keys",
    "idempotence": "idempotent producers of streams",
    "nacked": "released entries of streams",
    **{TYPE_PREFIX + row.type: f"the type {row.type}" for row in TYPES},
}

_VERSIONS = sorted(row.version for row in VERSIONS)
