"""The filters on the command line, the same for every command that goes through keys.

    add_arguments(parser)                     the flags
    selection_of(options)                     what was chosen by them: a Selection for one reading
    no_match(name, selection, options)        says that no key matches; the exit code

`tests/test_selection.py` runs every command with them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

from rdbcodec.cli.common import NEGATIVE, OK, STDIN, USAGE, Refusal, now_of
from rdbcodec.cli.names import name_bytes
from rdbcodec.cli.numbers import number
from rdbcodec.facts.key_lists import KeyList
from rdbcodec.facts.selection import Selection
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.showing import name as shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The filters, each with its opposite; they collect a list."""
    group = parser.add_argument_group(
        "filters",
        "Those given must all hold, and each has its opposite: --not-type hash. One given several times "
        "holds if any of its values does; of --size, --elements, --idle, --freq and every --not-... all "
        "must. Numbers are chosen by '>N', '>=N', '<N', '<=N', N..M or N-M; lists have commas between them.",
    )
    for row in _FILTERS:
        how: dict[str, Any] = {"action": "append", "default": [], "type": row.type, "metavar": row.metavar}
        group.add_argument(f"--{row.flag}", help=row.help, **how)
        group.add_argument(f"--not-{row.flag}", help=argparse.SUPPRESS, **how)
    group.add_argument("--limit", type=number(), metavar="N", help="stop after so many keys")
    group.add_argument(
        "--functions", action="store_true", help="function libraries, too: filters leave them out otherwise"
    )
    group.add_argument(
        "--fail-if-empty", action="store_true", help=f"exit code {NEGATIVE} when no key matches"
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """The filters that were given."""
    filters: dict[str, Any] = {}
    for row in _FILTERS:
        for prefix in ("", "not_"):
            values = getattr(options, f"{prefix}{row.flag.replace('-', '_')}")
            if values:
                filters[f"{prefix}{row.field}"] = (
                    [_key_list(path, options) for path in values] if row.field == "listed" else values
                )
    return Selection(limit=options.limit, functions=options.functions, now_ms=now_of(options), **filters)


def words_of(options: argparse.Namespace) -> str:
    """The filters in words: the same for the same filters, "" for none."""
    given = [
        f"{flag}={value!r}"
        for row in _FILTERS
        for flag in (row.flag, f"not-{row.flag}")
        for value in getattr(options, flag.replace("-", "_"))
    ]
    return " ".join(given + ["functions"] * bool(options.functions))


def no_match(
    name: str, selection: Selection, options: argparse.Namespace, *, taken: int | None = None
) -> int:
    """Says so when no key of a file was taken; 1 then, if that was asked for.

    `taken` is how many were, where somebody else than the selection has counted.
    """
    if selection.taken if taken is None else taken:
        return OK
    if options.fail_if_empty or not selection.is_empty:
        sys.stdout.flush()
        words = "there is no key" if selection.is_empty else "no key matches"
        print(f"{shown(name)}: {words}", file=sys.stderr)
    return NEGATIVE if options.fail_if_empty else OK


def _key_list(path: str, options: argparse.Namespace) -> KeyList:
    """The names in a file, which is read once whatever is read with them."""
    lists: dict[str, KeyList] = options.__dict__.setdefault("key_lists", {})
    if path not in lists:
        if path == STDIN and STDIN in _inputs(options):
            raise Refusal(USAGE, "stdin (-) can be given once: what was read from it is gone")
        before, options.current = options.current, path
        place = sys.stdin.fileno() if path == STDIN else path
        with open(place, "rb", closefd=path != STDIN) as file:
            lists[path] = KeyList(file)
        options.current = before
    return lists[path]


def _inputs(options: argparse.Namespace) -> list[str]:
    return [*getattr(options, "files", ()), getattr(options, "first", ""), getattr(options, "second", "")]


class _Filter(NamedTuple):
    """A flag, what Selection calls it, and how its value is read."""

    flag: str
    field: str
    metavar: str
    type: Callable[[str], Any]
    help: str


def _checked(field: str, of: Callable[[str], Any] = str) -> Callable[[str], Any]:
    """What Selection says against a filter is a usage error."""

    def check(text: str) -> Any:
        try:
            Selection(**{field: [of(text)]})  # type: ignore[arg-type] # of the field, as the table has it
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return of(text)

    return check


_FILTERS = (
    _Filter("db", "dbs", "N[,M-L]", _checked("dbs"), "keys of these databases: 3 or 0,3,8-15"),
    _Filter(
        *("key", "globs", "GLOB", os.fsencode),
        "keys that match, as for the command KEYS: * ? [a-z] [^a]; \\[ is a [",
    ),
    _Filter("key-re", "patterns", "RE", _checked("patterns", os.fsencode), "keys that have this in them"),
    _Filter("key-is", "keys", "KEY", name_bytes, "the key of this name; \\xff is a byte, \\\\ a backslash"),
    _Filter("prefix", "prefixes", "TEXT", name_bytes, "keys whose names begin with it; \\xff as above"),
    _Filter(
        *("keys-from", "listed", "FILE", str),
        "keys whose names are in a file: one a line, or as `keys --format raw0` writes them; - is stdin",
    ),
    _Filter("type", "types", "TYPE[,...]", _checked("types"), "string, list, set, zset, hash, stream, ..."),
    _Filter(
        *("encoding", "encodings", "WORD[,...]", _checked("encodings")),
        "layout on disk: listpack, ziplist, hashtable, ...",
    ),
    _Filter(
        *("ttl", "ttl", "TIME", _checked("ttl")),
        "none, any, expired, or the time left: '<1h', '>=30d', 1h..7d (ms s m h d w); what has expired "
        "has none left",
    ),
    _Filter("size", "sizes", "SIZE", _checked("sizes"), "bytes on disk: '<100', '>1mb', 1kb..1mb (kb mb gb)"),
    _Filter(
        *("elements", "elements", "N", _checked("elements")),
        "how many members, fields or entries: '>1000', 10..20; a string has 1",
    ),
    _Filter(
        *("idle", "idle", "TIME", _checked("idle")),
        "time since the key was used, written under an LRU policy: '>7d'",
    ),
    _Filter(
        *("freq", "freq", "N", _checked("freq")),
        "how often it is used, 0 to 255, written under an LFU policy: '>100'",
    ),
    _Filter("slot", "slots", "N[-M]", _checked("slots"), "hash slots of a cluster: 5461 or 0-8191,9000"),
)
