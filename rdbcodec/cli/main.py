"""The command line: arguments in, library call, exit code out.

0    done                     3    the data cannot be read; stderr says FILE: offset N: what
1    the answer is negative   4    the file cannot be opened, read or written
2    usage                    130  interrupted
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from rdbcodec import __version__
from rdbcodec.cli import check, inspect
from rdbcodec.cli.common import INTERRUPTED, IO_ERROR, OK, UNREADABLE
from rdbcodec.errors import DecodeError, RdbError

COMMANDS = {"inspect": inspect, "check": check}


def parser() -> argparse.ArgumentParser:
    """The argument parser, with one subparser a command."""
    top = argparse.ArgumentParser(prog="rdbcodec", description="Read Redis and Valkey snapshots.")
    top.add_argument("--version", action="version", version=f"rdbcodec {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. Bad data never ends in a traceback."""
    options = parser().parse_args(arguments)
    options.current = options.files[0]
    try:
        code: int = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except RdbError as error:
        return _fail(UNREADABLE, f"{options.current}: {_words(error, hide_keys=options.hide_keys)}")
    except BrokenPipeError:
        # The reader of our output has gone (| head): nothing to say, and Python must not say it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _fail(IO_ERROR, f"{error.filename or options.current}: {error.strerror or error}")
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, "interrupted")
    return code


def _words(error: RdbError, *, hide_keys: bool) -> str:
    if hide_keys and isinstance(error, DecodeError):
        error.key = None
    return str(error)


def _fail(code: int, message: str) -> int:
    print(message, file=sys.stderr)
    return code


def run() -> None:
    """The console script."""
    sys.exit(main())
