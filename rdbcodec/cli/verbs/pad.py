"""`rdbcodec pad FILE -o OUT`: zeros behind a snapshot, up to whole pages of 512 bytes."""

from __future__ import annotations

import argparse
from typing import Any

from rdbcodec.cli.common import OK, STDIN, input_of
from rdbcodec.cli.hiding import add_hiding_arguments
from rdbcodec.cli.outputs import add_output_arguments, whole_output_of
from rdbcodec.formats import DIALECTS
from rdbcodec.reports.words import plural
from rdbcodec.showing import name as shown
from rdbcodec.writing.padding import pad


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    add_copying_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write the padded copy, and say what was added."""
    with whole_output_of(options) as out:
        done = pad(input_of(options.files[0]), out, **reading_options(options))
    if options.output != STDIN:
        added = plural(done.written - done.read, "zero byte")
        print(f"{shown(options.output)}: {plural(done.written, 'byte')}, {added} added")
    return OK


def add_copying_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pad` and `unpad`."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, plain or gzip; - is stdin")
    add_output_arguments(parser)
    parser.set_defaults(in_place=True)  # nothing is lost by it, and the file appears whole or not at all
    parser.add_argument("--dialect", choices=DIALECTS, help="default: what the file says")
    parser.add_argument("--any-version", action="store_true", help="read a header version nobody knows yet")
    parser.add_argument("--no-checksum", action="store_true", help="do not verify the checksum")
    add_hiding_arguments(parser)


def reading_options(options: argparse.Namespace) -> dict[str, Any]:
    """What the flags say about reading, as `pad` and `unpad` take it."""
    return {
        "dialect": options.dialect,
        "verify_checksum": not options.no_checksum,
        "any_version": options.any_version,
    }
