"""`rdbcodec top FILE...`: the largest keys, or all of them with their sizes."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from rdbcodec.cli import surveys
from rdbcodec.cli.common import now_of
from rdbcodec.cli.folding import count
from rdbcodec.cli.memory import memory_server
from rdbcodec.facts.largest import ORDERS, USES, EveryPass, KeySize, LargestKeys, TopPass
from rdbcodec.reports.usage import CSV_KEYS, csv_key, key_json, no_use, top_sections
from rdbcodec.showing import name as shown

HELP = "show the largest keys by memory, disk, elements, longest element, or use; --all: every key"
ORDER = 34


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("-n", type=count, default=10, metavar="N", help="how many keys (default: 10)")
    parser.add_argument(
        "--by",
        choices=ORDERS,
        default="memory",
        help="default: memory; idle and freq: how long ago, how often they were used, where a file tells",
    )
    parser.add_argument(
        "--all", action="store_true", help="every key in the order of the file, as CSV or NDJSON"
    )
    surveys.add_arguments(parser, default=None)


def run(options: argparse.Namespace) -> int:
    """Print the keys."""
    if options.all:
        return _every(options)
    options.format = options.format or "text"
    server, now_ms, hide_keys = memory_server(options), now_of(options), options.hide_keys
    pass_of = partial(TopPass, server, wanted=options.n, order=options.by, allocator=options.allocator)
    form = surveys.Form(
        sections=lambda keys: top_sections(keys, now_ms=now_ms, hide_keys=hide_keys),
        document=lambda keys: {"keys": _rows(keys, options)},
        columns=CSV_KEYS,
        rows=lambda keys: _rows(keys, options),
    )
    return surveys.report(options, pass_of, form, names_files=True)


def _rows(keys: LargestKeys, options: argparse.Namespace) -> list[dict[str, Any]]:
    if not keys and options.by in USES:
        sys.stdout.flush()
        print(f"{shown(options.current)}: use {no_use(options.by)}", file=sys.stderr)
    tell = csv_key if options.format == "csv" else key_json
    return [tell(key, hide_keys=options.hide_keys) for key in keys]


def _every(options: argparse.Namespace) -> int:
    """Each key as it comes; in the columns of redis-rdb-tools, also of several files."""
    form = options.format or "csv"
    if form not in ("csv", "ndjson"):
        options.usage_error("--all prints as csv or ndjson: every key as it comes")
    pass_of = partial(EveryPass, _printer(form, options), memory_server(options), allocator=options.allocator)
    read = surveys.Surveys(options, pass_of, names_files=True, in_turn=True)
    for _ in read:
        pass
    return read.code


def _printer(form: str, options: argparse.Namespace) -> Callable[[KeySize], Any]:
    """What writes a key; the head row of CSV is written at once."""
    if form == "ndjson":
        return lambda key: print(json.dumps(key_json(key, hide_keys=options.hide_keys)))
    writer = csv.writer(sys.stdout)
    writer.writerow(CSV_KEYS)
    return lambda key: writer.writerow(csv_key(key, hide_keys=options.hide_keys).values())
