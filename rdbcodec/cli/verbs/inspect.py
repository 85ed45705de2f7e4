"""`rdbcodec inspect FILE...`: what is in a snapshot."""

from __future__ import annotations

import argparse

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
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import inspection

HELP = "show what is in a snapshot: format, databases, types, expiry, biggest keys, modules"
ORDER = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_reading_arguments(parser)
    parser.add_argument(
        "--top", type=_count, default=BIGGEST, metavar="N", help="how many of the biggest keys"
    )


def run(options: argparse.Namespace) -> int:
    """Print one report a file; nothing for a file that cannot be read to its end. 1 when data follows."""
    code = OK
    with json_reports(options, len(options.files)) as report:
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
    return code


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) > MAX_TOP:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MAX_TOP}")
    return int(text)


MAX_TOP = 10_000  # keys whose names are held in memory: more than anybody reads
_DIGITS = len(str(MAX_TOP))
