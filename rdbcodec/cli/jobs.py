"""How many processes read files, and whether one that cannot be read is the end."""

from __future__ import annotations

import argparse

from rdbcodec.cli.numbers import number

MOST = 256  # processes: nobody has more cores for one file
HELP = "processes that read a file in parts (default: one a core, up to 8, for files above 64 MiB)"


def add_jobs_argument(parser: argparse.ArgumentParser, help_: str = HELP) -> None:
    """The argument of every command that does what can be done in parts."""
    parser.add_argument("--jobs", type=number(1, MOST), metavar="N", help=help_)


def add_fleet_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that reports on several files."""
    add_jobs_argument(
        parser,
        "processes that read the files, each of them whole ones, or one file in parts (default: one a core, "
        "up to 8, above 64 MiB)",
    )
    parser.add_argument(
        "--fail-fast",
        action="store_true",
        help="end at the first file that cannot be read; without it the others are read, and the exit code "
        "says so in the end",
    )
