"""The filters on the command line, the same for every command that goes through keys."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from rdbcodec.cli.common import now_of
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import TYPES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The filters; those that may be repeated collect a list."""
    group = parser.add_argument_group(
        "filters",
        "Those given must all hold. One given several times holds if any of its values does; of --size and "
        "the negated ones all must.",
    )
    for row in _FILTERS:
        group.add_argument(
            row.name, action="append", default=[], type=row.type, metavar=row.metavar, help=row.help
        )
    group.add_argument("--limit", type=_number, metavar="N", help="stop after so many keys")
    group.add_argument(
        "--functions", action="store_true", help="function libraries, too: filters leave them out otherwise"
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """The filters that were given."""
    return Selection(
        dbs=[db for dbs in options.db for db in dbs],
        globs=options.key,
        not_globs=options.not_key,
        patterns=options.key_re,
        not_patterns=options.not_key_re,
        types=options.type,
        encodings=options.encoding,
        ttl=options.ttl,
        sizes=options.size,
        slots=options.slot,
        limit=options.limit,
        functions=options.functions,
        now_ms=now_of(options),
    )


class _Filter(NamedTuple):
    name: str
    metavar: str
    type: Callable[[str], Any]
    help: str


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _dbs(text: str) -> list[int]:
    """The databases of a list such as 0,3,8-15."""
    dbs: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part, re.ASCII)
        if found is None:
            raise argparse.ArgumentTypeError(f"{text!r} is no database and no list such as 0,3,8-15")
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < first + _MAX_DBS:
            raise argparse.ArgumentTypeError(f"{part!r} is no range of 1 to {_MAX_DBS} databases")
        dbs += range(first, last + 1)
    return dbs


_MAX_DBS = 100_000  # in a range, as each is held; servers are made with 16, few with thousands


def _slots(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a slot nor a range such as 0-8191")
    slots = int(first), int(last or first)
    _check(slots=[slots])
    return slots


def _check(**filters: Any) -> None:
    """What Selection says against a filter is a usage error."""
    try:
        Selection(**filters)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _pattern(text: str) -> bytes:
    _check(patterns=[os.fsencode(text)])
    return os.fsencode(text)


def _ttl(text: str) -> str:
    _check(ttl=[text])
    return text


def _size(text: str) -> str:
    _check(sizes=[text])
    return text


def _word(column: str) -> Callable[[str], str]:
    known = dict.fromkeys(getattr(row, column) for row in TYPES)

    def check(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"no {column} {text!r}, known are {', '.join(known)}")
        return text

    return check


_FILTERS = (
    _Filter("--db", "N[,M-L]", _dbs, "keys of these databases: 3 or 0,3,8-15"),
    _Filter(
        "--key", "GLOB", os.fsencode, "keys that match, as for the command KEYS: * ? [a-z] [^a]; \\[ is a ["
    ),
    _Filter("--key-re", "RE", _pattern, "keys in which the expression is found"),
    _Filter("--not-key", "GLOB", os.fsencode, "keys that do not match"),
    _Filter("--not-key-re", "RE", _pattern, "keys in which it is not found"),
    _Filter("--type", "TYPE", _word("type"), "string, list, set, zset, hash, stream, module, ..."),
    _Filter("--encoding", "WORD", _word("encoding"), "layout on disk: listpack, ziplist, hashtable, ..."),
    _Filter("--ttl", "CLASS", _ttl, "none, any, expired, or the time left: '<1h', '>30d' (s m h d)"),
    _Filter("--size", "SIZE", _size, "bytes on disk: '<100', '>1mb' (kb mb gb)"),
    _Filter("--slot", "N[-M]", _slots, "hash slots of a cluster"),
)
