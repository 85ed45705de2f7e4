"""`rdbcodec stat FILE...`: where the memory goes."""

from __future__ import annotations

import argparse
from functools import partial

from rdbcodec.cli import surveys
from rdbcodec.cli.common import now_of
from rdbcodec.cli.memory import memory_server
from rdbcodec.facts.usage import ASPECTS, StatPass
from rdbcodec.reports.usage import CSV_USAGE, stat_json, stat_rows, stat_sections

HELP = "show where the memory goes: by type, encoding, database, time to live, size, prefix, use"
ORDER = 33


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "--by",
        type=_aspects,
        default=ASPECTS,
        metavar="WORDS",
        help=f"of {', '.join(ASPECTS)} (default: all)",
    )
    surveys.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file."""
    server, now_ms, hide_keys = memory_server(options), now_of(options), options.hide_keys
    pass_of = partial(StatPass, server, now_ms=now_ms, by=options.by, allocator=options.allocator)
    form = surveys.Form(
        sections=lambda stat: stat_sections(stat, hide_keys=hide_keys),
        document=lambda stat: stat_json(stat, hide_keys=hide_keys),
        columns=CSV_USAGE,
        rows=lambda stat: stat_rows(stat, hide_keys=hide_keys),
    )
    return surveys.report(options, pass_of, form, with_slots=True)


def _aspects(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in ASPECTS:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(ASPECTS)}")
    return words
