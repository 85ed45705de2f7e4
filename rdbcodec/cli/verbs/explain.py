"""`rdbcodec explain FILE`: what the bytes of a record are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    UNREADABLE,
    Refusal,
    add_source_arguments,
    input_of,
    progress_of,
)
from rdbcodec.cli.finding import KEY_HELP, add_finding_arguments, index_of, no_such_key, typed_bytes
from rdbcodec.cli.watching import Watched
from rdbcodec.reports import explanation as report
from rdbcodec.showing import json_escaped
from rdbcodec.showing import name as shown
from rdbcodec.tools.explain import explain
from rdbcodec.tools.meanings import DAMAGED, SHOWN, Meaning

HELP = "show what each byte is: of the record at an offset, of a key, of all records"
ORDER = 38


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--offset",
        type=_offset,
        metavar="N",
        help="the record that byte N of the snapshot belongs to, or 0xN",
    )
    what.add_argument("--key", metavar="KEY", help=f"the record of a key: {KEY_HELP}")
    what.add_argument("--all", action="store_true", help="every record")
    add_finding_arguments(parser, encoded="KEY is")
    parser.add_argument(
        "--full", action="store_true", help="all bytes and values; without it the first of each"
    )
    parser.add_argument("--json", action="store_true", help="one array, an object for each line")
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print it; 3 when something is damaged, 1 when there is no such record."""
    name = options.files[0]
    watched = Watched(name)
    with ExitStack() as stack:
        tick = stack.enter_context(progress_of(name, watched, options))
        key = None if options.key is None else typed_bytes(options.key, options)
        index = None if key is None else index_of(name, options, stack)
        meanings = explain(
            input_of(name),
            offset=options.offset,
            key=key,
            db=options.db,
            index=index,
            shown=options.max_value if options.full else SHOWN,
            dialect=options.dialect,
            any_version=options.any_version,
            verify_checksum=not options.no_checksum,
            max_record=options.max_value,
            progress=watched.telling(tick),
        )
        seen = _Seen(meanings)
        if options.json:
            _print_json(seen, options)
        else:
            for line in report.lines(seen, is_full=options.full, hide_keys=options.hide_keys):
                print(shown(line))
    if not seen.count:
        raise _nothing(key, options)
    if seen.damage:
        sys.stdout.flush()
        print(f"{shown(name)}: {seen.damage}", file=sys.stderr)
        return UNREADABLE
    return OK


class _Seen:
    """Meanings as they pass by: how many, and the first damage among them."""

    def __init__(self, meanings: Iterable[Meaning]) -> None:
        self._meanings = meanings
        self.count = 0
        self.damage = ""

    def __iter__(self) -> Iterator[Meaning]:
        for meaning in self._meanings:
            self.count += 1
            if meaning.kind == DAMAGED and not self.damage:
                self.damage = f"offset {meaning.record}: {meaning.value!s}"
            yield meaning


def _print_json(meanings: Iterable[Meaning], options: argparse.Namespace) -> None:
    """The array is closed even when damage ends it."""
    between = "["
    try:
        for meaning in meanings:
            line = json.dumps(report.as_json(meaning, hide_keys=options.hide_keys), ensure_ascii=False)
            print(f"{between}\n{json_escaped(line)}", end="")
            between = ","
    finally:
        print("[]" if between == "[" else "\n]")


def _nothing(key: bytes | None, options: argparse.Namespace) -> Refusal:
    if key is not None:
        return no_such_key(key, options)
    return Refusal(NEGATIVE, f"offset {options.offset} is behind the end of the snapshot")


def _offset(text: str) -> int:
    try:
        offset = int(text, 0)
    except ValueError:
        offset = -1
    if offset < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no offset such as 163 or 0xa3")
    return offset
