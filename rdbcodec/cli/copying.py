"""What `pad` and `unpad` share: they copy a snapshot without looking at its values."""

from __future__ import annotations

import argparse
from typing import Any

from rdbcodec.cli.hiding import add_hiding_arguments
from rdbcodec.cli.outputs import add_output_arguments
from rdbcodec.formats import DIALECTS


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
