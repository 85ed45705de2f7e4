"""`rdbcodec filter IN -o OUT --type hash`: a snapshot of some of the keys of another."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from rdbcodec.cli import selecting
from rdbcodec.cli.common import add_source_arguments
from rdbcodec.cli.outputs import add_output_arguments
from rdbcodec.cli.writing import add_writing_arguments, write_snapshot

if TYPE_CHECKING:
    from rdbcodec.facts.selection import Selection
    from rdbcodec.records import Entry

HELP = "copy the keys that the filters let through, byte for byte"
ORDER = 70


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="IN", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    add_output_arguments(parser)
    add_writing_arguments(parser)
    selecting.add_arguments(parser)
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    selection = selecting.selection_of(options)
    return write_snapshot(
        options,
        server=None,
        keep=_keep(selection),
        functions=selection.takes_functions,
        verb="in the form of",
    )


def _keep(selection: Selection) -> Callable[[Entry], bool] | None:
    """Which keys to write; the file is read to its end all the same, so that damage is found."""
    if selection.is_empty:
        return None
    if selection.limit is None:
        return selection.takes
    limit, taken = selection.limit, count()
    return lambda entry: selection.takes(entry) and next(taken) < limit
