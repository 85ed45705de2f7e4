"""`rdbcodec pad FILE -o OUT`: zeros behind a snapshot, up to whole pages of 512 bytes."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import OK, STDIN, input_of
from rdbcodec.cli.copying import add_copying_arguments, reading_options
from rdbcodec.cli.outputs import whole_output_of
from rdbcodec.reports.words import plural
from rdbcodec.showing import name as shown
from rdbcodec.writing.padding import pad

HELP = "add zeros behind a snapshot up to a multiple of 512 bytes, which page blobs need"
ORDER = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_copying_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the padded copy, and say what was added."""
    with whole_output_of(options) as out:
        done = pad(input_of(options.files[0]), out, **reading_options(options))
    if options.output != STDIN:
        added = plural(done.written - done.read, "zero byte")
        print(f"{shown(options.output)}: {plural(done.written, 'byte')}, {added} added")
    return OK
