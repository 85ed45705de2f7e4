"""`rdbcodec check FILE...`: is a snapshot sound?"""

from __future__ import annotations

import argparse
import sys

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    UNREADABLE,
    add_reading_arguments,
    json_reports,
    now_of,
    open_file,
    print_lines,
    progress_of,
    tail_code,
)
from rdbcodec.cli.fleets import Files
from rdbcodec.cli.hints import problem_hint
from rdbcodec.cli.jobs import add_fleet_arguments
from rdbcodec.errors import DamagedContainer
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.soundness import Soundness, check, unreadable
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports import soundness
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown

HELP = "verify everything in a snapshot: checksum, every value, counts, duplicate keys"
ORDER = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_reading_arguments(parser)
    add_fleet_arguments(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file; the first error also goes to stderr. 1 when data follows; see _CODES."""
    worst = OK
    files = Files(options, _check)
    with json_reports(options, len(options.files)) as report:
        for name, found in files:
            options.answer = max(worst, _CODES[found.verdict])
            if options.format == "json":
                report(soundness.as_json(name, found, hide_keys=options.hide_keys))
            else:
                print_lines(soundness.lines(name, found, hide_keys=options.hide_keys))
            worst = max(worst, _code(name, found, options))
            if options.fail_fast and worst == UNREADABLE:
                return worst
        if options.format == "json":
            files.tell_unread(report)
    return max(worst, files.code)


def _code(name: str, found: Soundness, options: argparse.Namespace) -> int:
    """The exit code of a file; why it is not 0 goes to stderr."""
    if found.verdict != "sound":
        sys.stdout.flush()
        _tell_first(name, found, hide_keys=options.hide_keys)
    return max(
        _CODES[found.verdict],
        selecting.no_match(name, selecting.selection_of(options), options, taken=found.keys),
        tail_code(name, found.tail, found.size, options),
    )


def _check(name: str, options: argparse.Namespace) -> Soundness:
    """Read a file, maybe in another process."""
    selection = selecting.selection_of(options)
    try:
        return _check_opened(name, selection, options)
    except DamagedContainer as error:  # within its first bytes: `check` reports what comes later
        return unreadable(error)


def _check_opened(name: str, selection: Selection, options: argparse.Namespace) -> Soundness:
    again = can_be_read_again(name) if name != STDIN else False
    with (
        open_file(name, options, max_value=CHECKED_VALUE, jobs=options.jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        return check(
            reader,
            now_ms=now_of(options),
            reopen=(lambda: open_file(name, options, max_value=CHECKED_VALUE)) if again else None,
            selection=selection,
            progress=tick,
        )


# Data that could not be looked at is not damaged, and not sound either: the answer is not the one wanted.
_CODES = {"sound": OK, "not verified": NEGATIVE, "not sound": UNREADABLE}


def _tell_first(name: str, found: Soundness, *, hide_keys: Hiding) -> None:
    """The first problem that made the verdict."""
    severity = "error" if found.errors else "not verified"
    for problem in found.problems:
        if problem.severity == severity:
            print(f"{shown(name)}: {problem.place(hide_keys=hide_keys)}: {problem.message}", file=sys.stderr)
            hint = problem_hint(problem)
            if hint:
                print(hint, file=sys.stderr)
            return
