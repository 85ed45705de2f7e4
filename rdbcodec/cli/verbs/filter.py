"""`rdbcodec filter IN -o OUT --type hash`: a snapshot of some of the keys of another."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import add_source_arguments
from rdbcodec.cli.outputs import add_output_arguments
from rdbcodec.cli.writing import add_writing_arguments, write_snapshot

HELP = "copy the keys that the filters let through, byte for byte"
ORDER = 70


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    add_output_arguments(parser)
    add_writing_arguments(parser)
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file; it is read to its end whatever the limit, so that damage is found."""
    return write_snapshot(options, server=None, verb="in the form of")
