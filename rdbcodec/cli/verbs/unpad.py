"""`rdbcodec unpad FILE -o OUT`: a snapshot without the zeros behind it."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import OK, STDIN, input_of
from rdbcodec.cli.copying import add_copying_arguments, reading_options
from rdbcodec.cli.outputs import whole_output_of
from rdbcodec.reports.words import plural
from rdbcodec.showing import name as shown
from rdbcodec.writing.padding import unpad

HELP = "cut off the zeros behind a snapshot, whose end is found by reading it"
ORDER = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_copying_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the copy without padding, and say what was cut."""
    with whole_output_of(options) as out:
        done = unpad(input_of(options.files[0]), out, **reading_options(options))
    if options.output != STDIN:
        cut = plural(done.read - done.written, "zero byte")
        print(f"{shown(options.output)}: {plural(done.written, 'byte')}, {cut} cut off")
    return OK
