"""How many processes read a file."""

from __future__ import annotations

import argparse

MOST = 256  # processes: nobody has more cores for one file
HELP = "processes that read a file in parts (default: one a core, up to 8, for files above 64 MiB)"


def add_jobs_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that does what can be done in parts."""
    parser.add_argument("--jobs", type=_jobs, metavar="N", help=HELP)


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MOST)) or not 0 < int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST}")
    return int(text)
