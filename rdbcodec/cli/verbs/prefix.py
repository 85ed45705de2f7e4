"""`rdbcodec prefix FILE...`: what the keys of each prefix take."""

from __future__ import annotations

import argparse
import re
from functools import partial

from rdbcodec.cli import surveys
from rdbcodec.cli.common import now_of, print_lines
from rdbcodec.cli.folding import add_folding_arguments, count
from rdbcodec.cli.memory import memory_server
from rdbcodec.facts.folding import DEPTH
from rdbcodec.facts.prefixes import MEASURES, PrefixPass
from rdbcodec.reports.prefixes import (
    COLUMNS,
    folded_lines,
    prefix_json,
    prefix_rows,
    prefix_sections,
    tree_sections,
)

HELP = "show what the keys of each prefix take, with the numbers in their names folded to *"
ORDER = 35
_ROWS, _DOCUMENT_ROWS = 20, 1000
_TREE_DEPTH, _FOLDED_DEPTH = 4, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_folding_arguments(
        parser,
        f"parts of a name that are told apart (default: {DEPTH}; --tree: {_TREE_DEPTH}, "
        f"--folded: {_FOLDED_DEPTH})",
    )
    parser.add_argument(
        "-n",
        type=count,
        metavar="N",
        help=f"prefixes with the most (default: {_ROWS}, of JSON {_DOCUMENT_ROWS}; csv and ndjson: all)",
    )
    parser.add_argument("--by", choices=MEASURES, default="memory", help="the most of what; default: memory")
    parser.add_argument(
        "--min", dest="least", type=_share, default=0.0, metavar="PERCENT", help="with so much of it: 1%%"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--tree", action="store_true", help="a tree, in text or JSON")
    how.add_argument(
        "--folded", action="store_true", help="lines a;b;c N, as flamegraph.pl and inferno read them"
    )
    surveys.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file."""
    if options.folded and (options.format != "text" or len(options.files) > 1):
        options.usage_error("--folded prints the lines of one file, and has no --format")
    if options.tree and options.format in ("csv", "ndjson"):
        options.usage_error("--tree prints as text or json")
    server, now_ms = memory_server(options), now_of(options)
    depth = options.depth or (_TREE_DEPTH if options.tree else _FOLDED_DEPTH if options.folded else DEPTH)
    pass_of = partial(
        PrefixPass,
        server,
        now_ms=now_ms,
        separators=options.separators,
        depth=depth,
        allocator=options.allocator,
    )
    if options.folded:
        return _print_folded(surveys.Surveys(options, pass_of), options)
    return surveys.report(options, pass_of, _form(options))


def _form(options: argparse.Namespace) -> surveys.Form:
    how = {"by": options.by, "least": options.least, "hide_keys": options.hide_keys}
    sections = tree_sections if options.tree else prefix_sections
    return surveys.Form(
        sections=lambda found: sections(found, rows=options.n or _ROWS, **how),
        document=lambda found: prefix_json(found, rows=options.n or _DOCUMENT_ROWS, tree=options.tree, **how),
        columns=COLUMNS,
        rows=lambda found: prefix_rows(found, rows=options.n, **how),
    )


def _print_folded(read: surveys.Surveys, options: argparse.Namespace) -> int:
    for _, found in read:
        for line in folded_lines(found, by=options.by, hide_keys=options.hide_keys):
            print_lines([line])
    return read.code


def _share(text: str) -> float:
    found = re.fullmatch(r"(\d{1,2}(?:\.\d{1,4})?|100)%?", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 1% or 0.5%")
    return float(found[1]) / 100
