"""`rdbcodec diff A B`: do two snapshots hold the same data?"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    USAGE,
    Refusal,
    add_source_arguments,
    add_tail_argument,
    now_of,
    print_json,
    print_lines,
    progress_of,
    tail_code,
)
from rdbcodec.cli.fingerprinting import add_fingerprint_arguments, run_fingerprint
from rdbcodec.cli.numbers import databases, number
from rdbcodec.cli.reading import Readings
from rdbcodec.facts.ranges import MS
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.remote.urls import SERVERS, can_be_read_again, scheme_of
from rdbcodec.reports import diff as report
from rdbcodec.tools.diff import MOST, Comparison, Ignored, Terms, diff

if TYPE_CHECKING:
    from rdbcodec.live.sampling import Sample

HELP = "compare two snapshots: what is missing, extra or changed, whatever their layout and order"
ORDER = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("first", metavar="A", help="a snapshot: gzip, LZ4 and zstd too")
    parser.add_argument("second", metavar="B", nargs="?", help="the one to compare with it")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-n", "--most", type=number(), default=MOST, metavar="N", help=f"differences shown (default: {MOST})"
    )
    parser.add_argument(
        "--show-values", action="store_true", help="show what changed inside values, not only where"
    )
    parser.add_argument(
        "--ttl-tolerance",
        type=_duration,
        default=0,
        metavar="TIME",
        help="expiries so far apart are the same: 2s",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        choices=("ttl", "functions", "modules"),
        default=[],
        help="do not compare these",
    )
    parser.add_argument(
        "--map-db",
        action="append",
        type=databases,
        default=[],
        metavar="N=M",
        help="database N of A is M in B",
    )
    parser.add_argument(
        "--rename",
        action="append",
        type=_renaming,
        default=[],
        metavar="RE=TEXT",
        help="keys of A in which the expression is found have TEXT in its place in B; \\1 is its first group",
    )
    parser.add_argument(
        "--sample",
        type=_sample,
        metavar="N|P%%",
        help="B is a server: compare so many keys of either, or such a share, and ask it for no others",
    )
    add_fingerprint_arguments(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Print what differs; 1 when something does, or when data stands behind a snapshot."""
    if options.fingerprint:
        return run_fingerprint(options)
    if options.second is None:
        options.usage_error("the following arguments are required: B, or --fingerprint")
    names = (options.first, options.second)
    if options.sample is not None:
        _check_sample(options)
    for name in names:
        if name == STDIN or (scheme_of(name) not in SERVERS and not can_be_read_again(name)):
            _refuse_streams(name)
    selection = selecting.selection_of(options)
    found = _compared(names, selection, options)
    told = {"hide_keys": options.hide_keys, "show_values": options.show_values}
    options.answer = code = OK if found.is_equal else NEGATIVE
    if options.format == "json":
        print_json(report.as_json(names, found, **told))
    else:
        print_lines(report.lines(names, found, **told))
    code = max(code, selecting.no_match(" and ".join(names), selection, options, taken=sum(found.keys)))
    for name, behind in zip(names, found.tails, strict=True):
        if behind is not None:
            code = max(code, tail_code(name, *behind, options))
    return code


def _refuse_streams(name: str) -> None:
    """What is not there raises as it does everywhere; a pipe cannot be read twice."""
    if name != STDIN and not Path(name).exists():
        Path(name).open("rb").close()
    raise Refusal(USAGE, "diff needs files: what differs is read a second time, and a pipe is read once")


def _check_sample(options: argparse.Namespace) -> None:
    """A sample is of a snapshot and a server, by the names that keys have in both."""
    if scheme_of(options.second) not in SERVERS or scheme_of(options.first) in SERVERS:
        options.usage_error("argument --sample: A is a snapshot then, and B a server, redis://...")
    if options.map_db or options.rename:
        options.usage_error("argument --sample: goes with neither --map-db nor --rename")


def _compared(names: tuple[str, str], selection: Selection, options: argparse.Namespace) -> Comparison:
    both = Readings(names, options, max_value=CHECKED_VALUE)
    if options.sample is not None:
        return _sampled(both, selection, options)
    both.ask_servers(names)  # before it is asked what has expired by now
    first, second = map(both.opener, names)
    with progress_of(" and ".join(names), both, options) as tick:
        terms = _terms(options, selection, both.not_comparable())
        return diff(first, second, terms, most=options.most, progress=tick)


def _sampled(both: Readings, selection: Selection, options: argparse.Namespace) -> Comparison:
    from rdbcodec.live.sampling import sampled_diff  # noqa: PLC0415 - only where there is a server

    with progress_of(options.first, both, options) as tick:
        return sampled_diff(
            both.opener(options.first),
            options.second,
            options.sample,
            _terms(options, selection),
            most=options.most,
            progress=tick,
            clock=lambda: now_of(options),
        )


def _terms(
    options: argparse.Namespace, selection: Selection, ignore: frozenset[Ignored] = frozenset()
) -> Terms:
    def rename(db: int, key: bytes) -> bytes:
        del db
        for pattern, text in options.rename:
            key = pattern.sub(text, key)
        return key

    return Terms(
        ttl_tolerance_ms=options.ttl_tolerance,
        ignore=frozenset(options.ignore) | ignore,
        map_db=dict(options.map_db),
        rename=rename if options.rename else None,
        now_ms=now_of(options),
        selection=selection,
    )


def _sample(text: str) -> Sample:
    from rdbcodec.live.sampling import sample_of  # noqa: PLC0415

    try:
        return sample_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> int:
    found = re.fullmatch(r"(\d{1,12})([a-z]*)", text.lower(), re.ASCII)
    if found is None or found[2] not in MS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time such as 500ms or 2s; units are {', '.join(MS)}"
        )
    return int(found[1]) * MS[found[2]]


def _renaming(text: str) -> tuple[re.Pattern[bytes], bytes]:
    pattern, equals, replacement = text.partition("=")
    try:
        compiled = re.compile(os.fsencode(pattern))
        compiled.sub(os.fsencode(replacement), b"")
    except (re.error, IndexError) as error:
        raise argparse.ArgumentTypeError(f"{pattern!r} is not a regular expression: {error}") from error
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form RE=TEXT")
    return compiled, os.fsencode(replacement)
