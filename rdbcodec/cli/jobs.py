"""How many processes read a file."""

from __future__ import annotations

import argparse

from rdbcodec.cli.numbers import number

MOST = 256  # processes: nobody has more cores for one file
HELP = "processes that read a file in parts (default: one a core, up to 8, for files above 64 MiB)"


def add_jobs_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that does what can be done in parts."""
    parser.add_argument("--jobs", type=number(1, MOST), metavar="N", help=HELP)
