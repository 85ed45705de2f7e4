"""`rdbcodec convert IN -o OUT --to redis-6.2`: a snapshot for another server."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import add_source_arguments, modules_of
from rdbcodec.cli.outputs import add_output_arguments
from rdbcodec.cli.servers import SERVER, server_of
from rdbcodec.cli.writing import add_writing_arguments, count, write_snapshot
from rdbcodec.errors import EncodeError
from rdbcodec.formats import VERSIONS
from rdbcodec.servers import SETTINGS, Server
from rdbcodec.writing.folding import Folding

HELP = "write a snapshot for another server or RDB version, and say what that loses"
ORDER = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    add_output_arguments(parser)
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--to", metavar="SERVER", help=f"the server that must load it: {SERVER}")
    target.add_argument("--rdb-version", type=int, choices=_VERSIONS, metavar="N", help="or its RDB version")
    add_writing_arguments(parser)
    parser.add_argument(
        "--fold-databases",
        type=_template,
        metavar="PREFIX",
        help="all keys to database 0, those of other databases under this prefix: '{db}:'",
    )
    parser.add_argument(
        "--fold-zero", action="store_true", help="put the keys of database 0 under the prefix, too"
    )
    parser.add_argument("--databases", type=count, metavar="N", help="how many databases the target has")
    parser.add_argument(
        "--modules",
        metavar="NAMES",
        help="modules the target has, all or none; default: those of every build of --to",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=N",
        help="a threshold of the target, such as hash-max-listpack-entries=128",
    )
    parser.add_argument(
        "--clustered",
        action="store_true",
        help="the target runs in cluster mode: keep records of slot imports",
    )
    parser.add_argument("--simplest", action="store_true", help="only layouts that every server loads")
    parser.add_argument("--fast", action="store_true", help="do not look at values that can be copied")
    parser.add_argument("--no-lzf", action="store_true", help="compress nothing that is encoded anew")
    add_source_arguments(parser)
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Write the file, or say why not."""
    server = _server(options)
    template = options.fold_databases
    fold = None if template is None else Folding(template, zero=options.fold_zero)
    return write_snapshot(options, server=server, fold=fold, verb="for", look=not options.fast)


def _server(options: argparse.Namespace) -> Server | None:
    """The target; None, a plain copy, when nothing was asked for that would change a key."""
    if options.to is None and options.rdb_version is None:
        if options.set or options.simplest or options.modules or options.databases or options.no_lzf:
            options.usage_error("say for which server: --to or --rdb-version")
        return None
    return server_of(
        options,
        version=options.rdb_version,
        compress=not options.no_lzf,
        settings=dict(options.set),
        simplest=options.simplest,
        databases=options.databases,
        modules=modules_of(options),
        clustered=options.clustered,
    )


def _template(text: str) -> str:
    try:
        return Folding(text).template
    except EncodeError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _setting(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in SETTINGS or not number.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=N with one of {', '.join(SETTINGS)}")
    return name, int(number)


_VERSIONS = tuple(row.version for row in VERSIONS)
