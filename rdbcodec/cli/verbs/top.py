"""`rdbcodec top FILE`: the largest keys, or all of them with their sizes."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    add_source_arguments,
    now_of,
    open_file,
    print_json,
    print_sections,
    progress_of,
)
from rdbcodec.cli.memory import add_memory_arguments, memory_server
from rdbcodec.facts.largest import ORDERS, EveryPass, KeySize, TopPass
from rdbcodec.facts.passes import run as run_passes
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports.tables import Section
from rdbcodec.reports.usage import CSV_KEYS, csv_key, key_json, top_section, worth

HELP = "show the largest keys by memory, disk, elements or longest element; --all: every key"
ORDER = 34
_MOST = 10_000  # keys whose names are held in memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    parser.add_argument("-n", type=_count, default=10, metavar="N", help="how many keys (default: 10)")
    parser.add_argument("--by", choices=ORDERS, default="memory", help="default: memory")
    parser.add_argument(
        "--all", action="store_true", help="every key in the order of the file, as CSV or NDJSON"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "ndjson", "csv"),
        help="default: text, and csv with --all; its columns are those of redis-rdb-tools",
    )
    add_memory_arguments(parser)
    add_source_arguments(parser)
    selecting.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the keys."""
    form = options.format or ("csv" if options.all else "text")
    if options.all and form not in ("csv", "ndjson"):
        options.usage_error("--all prints as csv or ndjson: every key as it comes")
    selection = selecting.selection_of(options)
    how = {"allocator": options.allocator, "selection": selection}
    server = memory_server(options)
    if options.all:
        every = EveryPass(_printer(form, options), server, **how)
        _read(every, options)
        return selecting.no_match(options.files[0], selection, options, taken=every.told)
    each = TopPass(server, wanted=options.n, order=options.by, **how)
    keys = _read(each, options)
    if form == "text":
        now_ms = now_of(options)
        section = top_section(keys, now_ms=now_ms, order=options.by, hide_keys=options.hide_keys)
        told = Section("Memory", ("", ""), worth(each.meant, options.allocator))
        print_sections(options.files[0], [told, section] if keys else [told])
    elif form == "json":
        print_json([key_json(key, hide_keys=options.hide_keys) for key in keys])
    else:
        tell = _printer(form, options)
        for key in keys:
            tell(key)
    return selecting.no_match(options.files[0], selection, options, taken=len(keys))


def _read(each: TopPass, options: argparse.Namespace) -> list[KeySize]:
    name = options.files[0]
    options.current = name
    with (
        open_file(name, options, max_value=COUNTED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        keys: list[KeySize] = run_passes(reader, [each], progress=tick)[0]
    return keys


def _printer(form: str, options: argparse.Namespace) -> Callable[[KeySize], Any]:
    """What writes a key; the head row of CSV is written at once."""
    if form == "ndjson":
        return lambda key: print(json.dumps(key_json(key, hide_keys=options.hide_keys)))
    writer = csv.writer(sys.stdout)
    writer.writerow(CSV_KEYS)
    return lambda key: writer.writerow(csv_key(key, hide_keys=options.hide_keys))


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(_MOST)) or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST}")
    return int(text)
