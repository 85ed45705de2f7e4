"""`--separators`, `--depth` and `-n`: what a prefix is, and how many are told."""

from __future__ import annotations

import argparse

from rdbcodec.cli.numbers import number
from rdbcodec.facts.folding import DEEPEST, SEPARATORS, Folding

count = number(1, 10_000)  # of what is put in order


def add_folding_arguments(parser: argparse.ArgumentParser, depth: str) -> None:
    """The arguments of every command that tells of prefixes; `depth` says what that is there."""
    parser.add_argument(
        "--separators",
        type=_separators,
        default=SEPARATORS,
        metavar="CHARS",
        help=f"what ends a part of a name, each of them (default: {SEPARATORS})",
    )
    parser.add_argument("--depth", type=number(1, DEEPEST), metavar="N", help=depth)


def _separators(text: str) -> str:
    try:
        return Folding(text).separators
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
