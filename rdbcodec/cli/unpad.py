"""`rdbcodec unpad FILE -o OUT`: a snapshot without the zeros behind it."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import OK, STDIN, input_of, output_of
from rdbcodec.cli.pad import add_copying_arguments, reading_options
from rdbcodec.padding import unpad
from rdbcodec.reports.words import plural


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_copying_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the copy without padding, and say what was cut."""
    with output_of(options.output, force=options.force) as out:
        done = unpad(input_of(options.files[0]), out, **reading_options(options))
    if options.output != STDIN:
        cut = plural(done.read - done.written, "zero byte")
        print(f"{options.output}: {plural(done.written, 'byte')}, {cut} cut off")
    return OK
