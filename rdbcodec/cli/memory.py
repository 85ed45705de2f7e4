"""`--for` and `--allocator`: the server whose memory is estimated."""

from __future__ import annotations

import argparse

from rdbcodec.cli.servers import SERVER
from rdbcodec.errors import EncodeError
from rdbcodec.facts.memory.allocators import ALLOCATORS, DEFAULT
from rdbcodec.servers import Server


def add_memory_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that tells of memory."""
    add_for_argument(parser)
    parser.add_argument(
        "--allocator",
        choices=tuple(ALLOCATORS),
        default=DEFAULT,
        help="what it is built with: jemalloc as Redis and Valkey bundle it (default), Debian's, or libc",
    )


def add_for_argument(parser: argparse.ArgumentParser) -> None:
    """The server alone."""
    parser.set_defaults(usage_error=parser.error)
    parser.add_argument(
        "--for",
        dest="to",
        metavar="SERVER",
        help=f"the server whose memory is meant: {SERVER}; default: the one that wrote the file",
    )


def memory_server(options: argparse.Namespace) -> Server | None:
    """The server of `--for`; None for the writer of the file; a usage error for one nobody knows."""
    if options.to is None:
        return None
    try:
        return Server.of(options.to)
    except EncodeError as error:
        options.usage_error(f"argument --for: {error}")
        raise  # usage_error does not return
