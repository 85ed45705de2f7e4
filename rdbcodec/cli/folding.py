"""`--separators`, `--depth` and `-n`: what a prefix is, and how many are told."""

from __future__ import annotations

import argparse

from rdbcodec.facts.folding import DEEPEST, SEPARATORS, Folding

_MOST = 10_000  # prefixes that are put in order


def add_folding_arguments(parser: argparse.ArgumentParser, depth: str) -> None:
    """The arguments of every command that tells of prefixes; `depth` says what that is there."""
    parser.add_argument(
        "--separators",
        type=_separators,
        default=SEPARATORS,
        metavar="CHARS",
        help=f"what ends a part of a name, each of them (default: {SEPARATORS})",
    )
    parser.add_argument("--depth", type=_depth, metavar="N", help=depth)


def count(text: str) -> int:
    """How many are told; what argparse calls a type."""
    if not text.isdecimal() or len(text) > len(str(_MOST)) or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST}")
    return int(text)


def _separators(text: str) -> str:
    try:
        return Folding(text).separators
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _depth(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(DEEPEST)) or not 0 < int(text) <= DEEPEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {DEEPEST}")
    return int(text)
