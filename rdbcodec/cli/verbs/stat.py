"""`rdbcodec stat FILE...`: where the memory goes."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    OK,
    add_source_arguments,
    json_reports,
    now_of,
    open_file,
    print_sections,
    progress_of,
)
from rdbcodec.cli.memory import add_memory_arguments, memory_server
from rdbcodec.facts.passes import run as run_passes
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.usage import ASPECTS, Stat, StatPass
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports.usage import CSV_USAGE, csv_usage, stat_json, stat_rows, stat_sections

HELP = "show where the memory goes: by type, encoding, database, time to live, size, prefix, use"
ORDER = 33


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("--format", choices=("text", "json", "ndjson", "csv"), default="text")
    parser.add_argument(
        "--by",
        type=_aspects,
        default=ASPECTS,
        metavar="WORDS",
        help=f"of {', '.join(ASPECTS)} (default: all)",
    )
    add_memory_arguments(parser)
    add_source_arguments(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file."""
    code = OK
    with json_reports(options, len(options.files)) as report:
        for name in options.files:
            selection = selecting.selection_of(options)
            stat = _stat(name, selection, options)
            if options.format == "json":
                report(stat_json(name, stat, hide_keys=options.hide_keys))
            elif options.format == "text":
                print_sections(name, stat_sections(stat, hide_keys=options.hide_keys))
            else:
                _print_rows(stat, options)
            code = max(code, selecting.no_match(name, selection, options, taken=stat.total.keys))
    return code


def _stat(name: str, selection: Selection, options: argparse.Namespace) -> Stat:
    options.current = name
    each = StatPass(
        memory_server(options),
        now_ms=now_of(options),
        by=options.by,
        allocator=options.allocator,
        selection=selection,
    )
    with (
        open_file(name, options, max_value=COUNTED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        stat: Stat = run_passes(reader, [each], progress=tick)[0]
    return stat


def _print_rows(stat: Stat, options: argparse.Namespace) -> None:
    rows: list[dict[str, Any]] = list(stat_rows(stat, hide_keys=options.hide_keys))
    if options.format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(CSV_USAGE)
        writer.writerows(csv_usage(rows))
    else:
        for row in rows:
            print(json.dumps(row))


def _aspects(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in ASPECTS:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(ASPECTS)}")
    return words
