"""`rdbcodec keys FILE`: the names of the keys."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator

from rdbcodec.cli.dumping import add_dumping_arguments, write_selected
from rdbcodec.errors import RdbError
from rdbcodec.exports.rows import BATCH, BATCH_SIZE, head_of
from rdbcodec.exports.scalars import escape_line_ends
from rdbcodec.records import Entry, Record
from rdbcodec.reports.words import text

HELP = "list the keys, one a line"
ORDER = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_dumping_arguments(parser)
    parser.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="text: one a line, escaped where not printable; ndjson: with type, encoding and expiry; "
        "raw0: as they are, a NUL byte behind each",
    )


def run(options: argparse.Namespace) -> int:
    """Write the keys."""
    tell = _FORMATS[options.format]
    return write_selected(options, lambda records: _batches(tell, records), tells_functions=False)


def _batches(tell: Callable[[Entry], bytes], records: Iterable[Record]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    try:
        for record in records:
            if isinstance(record, Entry):
                line = tell(record)
                batch.append(line)
                size += len(line)
                if len(batch) >= BATCH or size >= BATCH_SIZE:
                    del line  # one that is long is not held twice
                    yield batch.pop() if len(batch) == 1 else b"".join(batch)
                    batch.clear()
                    size = 0
    except RdbError:
        yield b"".join(batch)  # the keys before the damage
        raise
    yield b"".join(batch)


def _text(entry: Entry) -> bytes:
    return text(entry.key).encode() + b"\n"


def _ndjson(entry: Entry) -> bytes:
    return escape_line_ends(head_of(entry) + "}\n").encode()


def _raw0(entry: Entry) -> bytes:
    return entry.key + b"\0"


_FORMATS: dict[str, Callable[[Entry], bytes]] = {"text": _text, "ndjson": _ndjson, "raw0": _raw0}
