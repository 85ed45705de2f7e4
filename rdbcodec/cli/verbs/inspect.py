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
from rdbcodec.cli.fleets import Files
from rdbcodec.cli.hints import hint_of
from rdbcodec.cli.jobs import add_fleet_arguments
from rdbcodec.cli.numbers import number
from rdbcodec.facts.biggest import BIGGEST
from rdbcodec.facts.profile import Profile, partial_profile
from rdbcodec.facts.slot_pass import SlotPass
from rdbcodec.facts.slots import Coverage
from rdbcodec.facts.total import Total
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import inspection
from rdbcodec.reports.slots import slot_sections, slots_json
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
    add_fleet_arguments(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file, marked PARTIAL where damage ended the reading: 3. 1 when data follows."""
    code, total, coverage = OK, Total(), Coverage()
    files = Files(options, _inspect)
    with json_reports(options, len(options.files) + options.total) as report:
        for name, (facts, slots) in files:
            if options.format == "json":
                report(inspection.as_json(name, facts, hide_keys=options.hide_keys))
            else:
                print_sections(name, inspection.sections(facts, hide_keys=options.hide_keys))
            code = max(code, _code(name, facts, options))
            if options.fail_fast and code == UNREADABLE:
                return code
            if options.total and facts.damage is None:
                total.add(name, facts)
                coverage.add(name, slots)
        if options.total and total.names:
            _print_total(total, coverage, options, report)
        if options.format == "json":
            files.tell_unread(report)
    return max(code, files.code)


def _inspect(name: str, options: argparse.Namespace) -> tuple[Profile, set[int]]:
    """Read a file, maybe in another process; the slots of its keys, where there is a total."""
    selection = selecting.selection_of(options)
    slots = SlotPass()
    with (
        open_file(name, options, max_value=COUNTED_VALUE, jobs=options.jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        facts = partial_profile(
            reader,
            now_ms=now_of(options),
            biggest=options.top,
            selection=selection,
            also=[slots] if options.total and selection.is_empty else (),
            progress=tick,
        )
    return facts, slots.end()


def _code(name: str, facts: Profile, options: argparse.Namespace) -> int:
    """The exit code of a file; why it is not 0 goes to stderr."""
    return max(
        selecting.no_match(name, selecting.selection_of(options), options, taken=facts.keys),
        _tell_damage(name, facts, options),
        tail_code(name, facts.tail, facts.size, options),
    )


def _tell_damage(name: str, facts: Profile, options: argparse.Namespace) -> int:
    """What ended the reading, and what to do next, as of any other command."""
    if facts.damage is None:
        return OK
    sys.stdout.flush()
    words = escaped(facts.damage.text(hide_keys=options.hide_keys))
    lines = [f"{shown(name)}: {words}", hint_of(facts.damage)]
    lines += ["it is not in the total, as it cannot be read to its end"] if options.total else []
    print(*filter(None, lines), sep="\n", file=sys.stderr)
    return UNREADABLE


def _print_total(
    total: Total, coverage: Coverage, options: argparse.Namespace, report: Callable[[dict[str, Any]], None]
) -> None:
    if options.format == "json":
        document = inspection.total_as_json(total, hide_keys=options.hide_keys)
        report({**document, "slots": slots_json(coverage)})
        return
    read, every = len(total.names), plural(len(options.files), "file")
    title = f"Total of {every}" if read == len(options.files) else f"Total of {read} of {every}"
    sections = inspection.total_sections(total, hide_keys=options.hide_keys)
    print_sections(title, [*sections, *slot_sections(coverage)])
