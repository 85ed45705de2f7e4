"""`rdbcodec index FILE`: where each key stands, so that `get` finds it at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from rdbcodec.cli.common import (
    OK,
    STDIN,
    USAGE,
    Refusal,
    add_source_arguments,
    print_lines,
    progress_of,
)
from rdbcodec.cli.outputs import add_force_argument, like_input
from rdbcodec.cli.watching import Watched
from rdbcodec.remote.urls import scheme_of
from rdbcodec.reports.words import plural, size
from rdbcodec.tools.indexing import make_index
from rdbcodec.tools.key_files import SUFFIX

HELP = "write an index beside a snapshot, so that get finds a key at once"
ORDER = 39


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="a snapshot that is not compressed")
    add_force_argument(parser)
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write FILE.idx; one that is there already is replaced only with --force."""
    name = options.files[0]
    if name == STDIN or scheme_of(name) or (Path(name).exists() and not Path(name).is_file()):
        raise Refusal(USAGE, "index needs a file: what passes by has no places")
    output = name + SUFFIX
    watched = Watched(name)
    with progress_of(name, watched, options) as tick:
        keys = make_index(
            name,
            like_input(output, options),
            replace=options.force,
            dialect=options.dialect,
            any_version=options.any_version,
            verify_checksum=not options.no_checksum,
            max_record=options.max_value,
            progress=watched.telling(tick),
        )
    print_lines([f"{output}: {plural(keys, 'key')}, {size(Path(output).stat().st_size)}"])
    return OK
