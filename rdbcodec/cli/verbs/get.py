"""`rdbcodec get FILE KEY`: one key of a snapshot, its value or a part of it."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

from rdbcodec.cli.common import NEGATIVE, OK, USAGE, Refusal, add_source_arguments
from rdbcodec.cli.finding import KEY_HELP, add_finding_arguments, found, no_such_key, typed_bytes
from rdbcodec.exports import ndjson
from rdbcodec.exports.scalars import json_bytes, json_score
from rdbcodec.records import Entry
from rdbcodec.showing import json_escaped

HELP = "show one key: its value, a field of it, a range, or its DUMP payload"
ORDER = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    parser.add_argument("key", metavar="KEY", help=KEY_HELP)
    add_finding_arguments(parser, encoded="KEY and --field are")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--field", metavar="F", help="of a hash the value, of a sorted set the score")
    part.add_argument(
        "--range", type=_range, metavar="A..B", help="elements A to B, or bytes of a string, from 0 on"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as dump has it (the default)")
    form.add_argument("--raw", action="store_true", help="the bytes of a string or field, and no more")
    form.add_argument("--dump", action="store_true", help="what RESTORE takes, for the version of the file")
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write it to stdout; 1 when there is no such key or field."""
    key = typed_bytes(options.key, options)
    if options.dump and (options.field is not None or options.range is not None):
        raise Refusal(USAGE, "--dump is of a whole key: it goes without --field and --range")
    if options.dump and sys.stdout.isatty():
        raise Refusal(USAGE, "stdout is a terminal, and a payload is not for one: redirect it")
    with ExitStack() as stack:
        entry = next(found(options.files[0], key, options, stack), None)
        if entry is None:
            raise no_such_key(key, options)
        sys.stdout.flush()
        for piece in _told(entry, options):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    return OK


def _told(entry: Entry, options: argparse.Namespace) -> Iterator[bytes]:
    if options.dump:
        yield entry.dump(entry.origin.version)
    elif options.field is not None:
        yield from _one(_field(entry, typed_bytes(options.field, options)), options)
    elif options.range is not None:
        yield from _one(_slice(entry, *options.range), options)
    elif options.raw:
        if entry.type != "string":
            raise Refusal(USAGE, f"--raw is for strings and fields, the key is a {entry.type}")
        for batch in entry.items():
            yield from batch  # type: ignore[misc] # pieces of a string are bytes
    else:
        yield from (line.encode() for line in ndjson.lines([entry]))


def _one(found: Any, options: argparse.Namespace) -> Iterator[bytes]:
    if options.raw:
        if not isinstance(found, bytes):
            raise Refusal(USAGE, "--raw is for bytes: leave it out to have JSON")
        yield found
    else:
        yield json_escaped(json.dumps(_json(found), ensure_ascii=False)).encode() + b"\n"


def _json(found: Any) -> Any:
    if isinstance(found, bytes):
        return json_bytes(found)
    if isinstance(found, float):
        return json_score(found)
    if isinstance(found, (list, tuple)):
        return [_json(part) for part in found]
    return found if found is None or isinstance(found, int) else str(found)


def _field(entry: Entry, field: bytes) -> Any:
    if entry.type not in ("hash", "zset"):
        raise Refusal(USAGE, f"--field is for hashes and sorted sets, the key is a {entry.type}")
    for batch in entry.items():
        for name, value, *_ in batch:
            if name == field:
                return value
    raise Refusal(NEGATIVE, "there is no such field")


def _slice(entry: Entry, first: int, last: int) -> Any:
    elements = (element for batch in entry.items() for element in batch)
    if entry.type == "string":
        return _cut(elements, first, last)  # type: ignore[arg-type] # pieces of a string are bytes
    return list(islice(elements, first, last + 1))


def _cut(pieces: Iterator[bytes], first: int, last: int) -> bytes:
    """Bytes `first` to `last` of what comes in pieces."""
    found, at = [], 0
    for piece in pieces:
        found.append(piece[max(first - at, 0) : max(last + 1 - at, 0)])
        at += len(piece)
        if at > last:
            break
    return b"".join(found)


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,18})\.\.(\d{1,18})", text, re.ASCII)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 0..9")
    return int(found[1]), int(found[2])
