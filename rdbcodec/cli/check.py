"""`rdbcodec check FILE...`: is a snapshot sound?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rdbcodec.cli.common import (
    OK,
    STDIN,
    UNREADABLE,
    add_reading_arguments,
    now_of,
    open_file,
    print_json,
    progress_of,
    tail_code,
)
from rdbcodec.compat.soundness import Soundness, check
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.reports import soundness


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_reading_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file; the first error also goes to stderr. 1 when data follows."""
    worst = OK
    for name in options.files:
        options.current = name
        found = _check(name, options)
        if options.format == "json":
            print_json(soundness.as_json(name, found, hide_keys=options.hide_keys))
        else:
            print("\n".join(soundness.lines(name, found, hide_keys=options.hide_keys)))
        if not found.is_sound:
            sys.stdout.flush()
            _tell_first_error(name, found, hide_keys=options.hide_keys)
            worst = UNREADABLE
        worst = max(worst, tail_code(name, found.tail, found.size, options))
    return worst


def _check(name: str, options: argparse.Namespace) -> Soundness:
    again = Path(name).is_file() if name != STDIN else False
    with (
        open_file(name, options, max_value=CHECKED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        return check(
            reader,
            now_ms=now_of(options),
            reopen=(lambda: open_file(name, options, max_value=CHECKED_VALUE)) if again else None,
            progress=tick,
        )


def _tell_first_error(name: str, found: Soundness, *, hide_keys: bool) -> None:
    for problem in found.problems:
        if problem.severity == "error":
            print(f"{name}: {problem.place(hide_keys=hide_keys)}: {problem.message}", file=sys.stderr)
            return
