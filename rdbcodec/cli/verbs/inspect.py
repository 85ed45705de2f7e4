"""`rdbcodec inspect FILE...`: what is in a snapshot."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    OK,
    UNREADABLE,
    add_reading_arguments,
    json_reports,
    now_of,
    open_file,
    print_sections,
    progress_of,
    tail_code,
)
from rdbcodec.cli.hints import hint_of
from rdbcodec.cli.jobs import add_jobs_argument
from rdbcodec.cli.numbers import number
from rdbcodec.facts.biggest import BIGGEST
from rdbcodec.facts.profile import Profile, partial_profile
from rdbcodec.facts.total import Total
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import inspection
from rdbcodec.reports.words import plural
from rdbcodec.showing import escaped
from rdbcodec.showing import name as shown

HELP = "show what is in a snapshot: format, databases, types, expiry, biggest keys, modules"
ORDER = 10
MAX_TOP = 10_000  # keys whose names are held in memory: more than anybody reads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_reading_arguments(parser)
    parser.add_argument(
        "--top", type=number(0, MAX_TOP), default=BIGGEST, metavar="N", help="how many of the biggest keys"
    )
    parser.add_argument("--total", action="store_true", help="then a report on all files together")
    add_jobs_argument(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file, marked PARTIAL where damage ended the reading: 3. 1 when data follows."""
    code, total = OK, Total()
    with json_reports(options, len(options.files) + options.total) as report:
        for name in options.files:
            selection = selecting.selection_of(options)
            with (
                open_file(name, options, max_value=COUNTED_VALUE, jobs=options.jobs) as reader,
                progress_of(name, reader, options) as tick,
            ):
                options.current = name
                facts = partial_profile(
                    reader,
                    now_ms=now_of(options),
                    biggest=options.top,
                    selection=selection,
                    progress=tick,
                )
            if options.format == "json":
                report(inspection.as_json(name, facts, hide_keys=options.hide_keys))
            else:
                print_sections(name, inspection.sections(facts, hide_keys=options.hide_keys))
            code = max(
                code,
                selecting.no_match(name, selection, options, taken=facts.keys),
                _tell_damage(name, facts, options),
                tail_code(name, facts.tail, facts.size, options),
            )
            if options.total:
                total.add(name, facts)
        if options.total and code != UNREADABLE:
            _print_total(total, options, report)
    return code


def _tell_damage(name: str, facts: Profile, options: argparse.Namespace) -> int:
    """What ended the reading, and what to do next, as of any other command."""
    if facts.damage is None:
        return OK
    sys.stdout.flush()
    words = escaped(facts.damage.text(hide_keys=options.hide_keys))
    lines = [f"{shown(name)}: {words}", hint_of(facts.damage)]
    lines += ["there is no total, as not all files can be read"] if options.total else []
    print(*filter(None, lines), sep="\n", file=sys.stderr)
    return UNREADABLE


def _print_total(total: Total, options: argparse.Namespace, report: Callable[[dict[str, Any]], None]) -> None:
    if options.format == "json":
        report(inspection.total_as_json(total, hide_keys=options.hide_keys))
    else:
        title = f"Total of {plural(len(total.names), 'file')}"
        print_sections(title, inspection.total_sections(total, hide_keys=options.hide_keys))
