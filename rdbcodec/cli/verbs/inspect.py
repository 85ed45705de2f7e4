"""`rdbcodec inspect FILE...`: what is in a snapshot."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rdbcodec.cli.common import (
    OK,
    add_reading_arguments,
    json_reports,
    now_of,
    open_file,
    print_sections,
    progress_of,
    tail_code,
)
from rdbcodec.facts.biggest import BIGGEST
from rdbcodec.facts.profile import profile
from rdbcodec.facts.total import Total
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import inspection
from rdbcodec.reports.words import plural

HELP = "show what is in a snapshot: format, databases, types, expiry, biggest keys, modules"
ORDER = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_reading_arguments(parser)
    parser.add_argument(
        "--top", type=_count, default=BIGGEST, metavar="N", help="how many of the biggest keys"
    )
    parser.add_argument("--total", action="store_true", help="then a report on all files together")


def run(options: argparse.Namespace) -> int:
    """Print one report a file; nothing for a file that cannot be read to its end. 1 when data follows."""
    code, total = OK, Total()
    with json_reports(options, len(options.files) + options.total) as report:
        for name in options.files:
            with (
                open_file(name, options, max_value=COUNTED_VALUE) as reader,
                progress_of(name, reader, options) as tick,
            ):
                options.current = name
                facts = profile(reader, now_ms=now_of(options), biggest=options.top, progress=tick)
            if options.format == "json":
                report(inspection.as_json(name, facts, hide_keys=options.hide_keys))
            else:
                print_sections(name, inspection.sections(facts, hide_keys=options.hide_keys))
            code = max(code, tail_code(name, facts.tail, facts.size, options))
            if options.total:
                total.add(name, facts)
        if options.total:
            _print_total(total, options, report)
    return code


def _print_total(total: Total, options: argparse.Namespace, report: Callable[[dict[str, Any]], None]) -> None:
    if options.format == "json":
        report(inspection.total_as_json(total, hide_keys=options.hide_keys))
    else:
        title = f"Total of {plural(len(total.names), 'file')}"
        print_sections(title, inspection.total_sections(total, hide_keys=options.hide_keys))


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) > MAX_TOP:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MAX_TOP}")
    return int(text)


MAX_TOP = 10_000  # keys whose names are held in memory: more than anybody reads
_DIGITS = len(str(MAX_TOP))
