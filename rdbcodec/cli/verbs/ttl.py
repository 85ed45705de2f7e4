"""`rdbcodec ttl FILE...`: when keys expire."""

from __future__ import annotations

import argparse
from functools import partial

from rdbcodec.cli import surveys
from rdbcodec.cli.common import now_of
from rdbcodec.cli.folding import add_folding_arguments, count
from rdbcodec.cli.memory import memory_server
from rdbcodec.facts.folding import DEPTH
from rdbcodec.facts.ttls import TtlPass
from rdbcodec.reports.ttls import COLUMNS, ttl_json, ttl_rows, ttl_sections

HELP = "show when keys expire: how long they live, when many go at once, which never do"
ORDER = 36
_ROWS, _DOCUMENT_ROWS = 10, 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_folding_arguments(parser, f"parts of a name that are a prefix (default: {DEPTH})")
    parser.add_argument(
        "-n",
        type=count,
        metavar="N",
        help="prefixes of keys that never expire, the largest "
        f"(default: {_ROWS}, of JSON {_DOCUMENT_ROWS}; csv and ndjson: all)",
    )
    surveys.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print one report a file."""
    server, now_ms, hide_keys = memory_server(options), now_of(options), options.hide_keys
    pass_of = partial(
        TtlPass,
        server,
        now_ms=now_ms,
        separators=options.separators,
        depth=options.depth or DEPTH,
        allocator=options.allocator,
    )
    form = surveys.Form(
        sections=lambda found: ttl_sections(found, rows=options.n or _ROWS, hide_keys=hide_keys),
        document=lambda found: ttl_json(found, rows=options.n or _DOCUMENT_ROWS, hide_keys=hide_keys),
        columns=COLUMNS,
        rows=lambda found: ttl_rows(found, hide_keys=hide_keys),
    )
    return surveys.report(options, pass_of, form)
