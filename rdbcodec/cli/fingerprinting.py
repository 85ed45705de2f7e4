"""`rdbcodec diff --fingerprint A [B]`: digests of what is in a snapshot, and where two are not the same."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    USAGE,
    Refusal,
    open_file,
    print_json,
    print_sections,
    progress_of,
    tail_code,
)
from rdbcodec.errors import TextError
from rdbcodec.facts.folding import SEPARATORS, Folding
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.reports import fingerprint as report
from rdbcodec.tools.fingerprint import Fingerprint, fingerprint

_DEPTH = 1
_MOST_JSON = 64 << 20  # bytes of a fingerprint that is read: a hundred for each of its prefixes


def add_fingerprint_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `diff` that are about fingerprints."""
    group = parser.add_argument_group(
        "fingerprints",
        "Digests of keys with their values and expiries, the same for the same data whatever its layout, "
        "version and order. One that was written with --format json can stand for A or B.",
    )
    group.add_argument(
        "--fingerprint",
        action="store_true",
        help="print a digest of A, of each database and of each prefix; with B where the two differ",
    )
    group.add_argument(
        "--separators",
        default=SEPARATORS,
        metavar="CHARS",
        help=f"what ends a prefix (default: {SEPARATORS})",
    )
    group.add_argument(
        "--depth",
        type=int,
        default=_DEPTH,
        metavar="N",
        help=f"parts of a prefix; 0: none (default: {_DEPTH})",
    )


def run_fingerprint(options: argparse.Namespace) -> int:
    """Print one, or what two do not have in common: 1 when there is anything."""
    try:
        Folding(options.separators, options.depth or 1)
    except ValueError as error:
        options.usage_error(str(error))
    names = [name for name in (options.first, options.second) if name is not None]
    if names.count(STDIN) > 1:
        raise Refusal(USAGE, "stdin (-) can be given once: what was read from it is gone")
    found = [_fingerprint(name, options) for name in names]
    code = max(each for each, _ in found)
    if len(found) == 1:
        _print_one(names[0], found[0][1], options)
        return code
    return max(code, _print_two((names[0], names[1]), found[0][1], found[1][1], options))


def _fingerprint(name: str, options: argparse.Namespace) -> tuple[int, Fingerprint]:
    options.current = name
    if os.path.isfile(name) and (written := _written(name)) is not None:  # noqa: PTH113 - no pipe, no URL
        return OK, written
    selection = selecting.selection_of(options)
    with (
        open_file(name, options, max_value=CHECKED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        found = fingerprint(
            reader,
            ignore=[word for word in options.ignore if word != "modules"],
            separators=options.separators,
            depth=options.depth,
            selection=selection,
            progress=tick,
        )
        code = selecting.no_match(name, selection, options, taken=found.keys)
        if reader.ended_at is not None:
            code = max(code, tail_code(name, reader.tail(), reader.ended_at, options))
    return code, found


def _written(name: str) -> Fingerprint | None:
    """A fingerprint in JSON; None for what does not begin as one."""
    with Path(name).open("rb") as file:
        if file.read(1) != b"{":
            return None
        file.seek(0)
        try:
            document: Any = json.loads(file.read(_MOST_JSON))
        except ValueError as error:
            raise TextError(f"is no fingerprint: {error}") from error
    return report.of_json(document)


def _print_one(name: str, found: Fingerprint, options: argparse.Namespace) -> None:
    if options.format == "json":
        print_json(report.as_json(name, found, hide_keys=options.hide_keys))
    else:
        print_sections(name, report.sections(found, hide_keys=options.hide_keys))


def _print_two(
    names: tuple[str, str], first: Fingerprint, second: Fingerprint, options: argparse.Namespace
) -> int:
    if first.how != second.how:
        raise Refusal(
            USAGE,
            "the fingerprints were made in different ways: give the same --ignore, --separators, --depth "
            "and filters for both",
        )
    is_equal = first.digest == second.digest
    options.answer = OK if is_equal else NEGATIVE
    if options.format == "json":
        print_json(report.differences_json(names, first, second, hide_keys=options.hide_keys))
    else:
        title = f"{'EQUAL' if is_equal else 'NOT EQUAL'}: {', '.join(names)}"
        print_sections(title, report.difference_sections(first, second, hide_keys=options.hide_keys))
    return int(options.answer)
