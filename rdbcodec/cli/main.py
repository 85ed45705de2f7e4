"""The command line: arguments in, library call, exit code out.

0    done                     3    the data cannot be read; stderr says FILE: offset N: what
1    the answer is negative   4    the file cannot be opened, read or written
2    usage                    130  interrupted, 143 told to end
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from rdbcodec import __version__
from rdbcodec.cli.common import INTERRUPTED, IO_ERROR, NEGATIVE, OK, TERMINATED, UNREADABLE
from rdbcodec.errors import DecodeError, EncodeError, RdbError

if TYPE_CHECKING:
    from types import FrameType

# Each has a module of its name beside this one. Only the one that is run is imported.
COMMANDS = {
    "inspect": "show what is in a snapshot: format, databases, types, expiry, biggest keys, modules",
    "check": "verify everything in a snapshot: checksum, every value, counts, duplicate keys",
    "keys": "list the keys, one a line",
    "dump": "write the data as NDJSON, JSON, CSV, or as commands for redis-cli --pipe",
    "encode": "make a snapshot of what `dump --format ndjson` wrote",
    "convert": "write a snapshot for another server or RDB version, and say what that loses",
    "filter": "copy the keys that the filters let through, byte for byte",
    "compat": "judge whether a snapshot loads in a server or managed service, and say what would help",
    "pad": "add zeros behind a snapshot up to a multiple of 512 bytes, which page blobs need",
    "unpad": "cut off the zeros behind a snapshot, whose end is found by reading it",
    "azure": "print the steps that bring snapshots into an Azure cache",
}


class _Parser(argparse.ArgumentParser):
    """Repeats no signature of a SAS behind a mistyped flag: messages end up in logs."""

    def error(self, message: str) -> NoReturn:
        super().error(re.sub(r"\bsig=[^&\s'\"]*", "sig=...", message))


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The argument parser; of the commands only the chosen one has its arguments."""
    top = _Parser(prog="rdbcodec", description="Read, write, convert and judge Redis and Valkey snapshots.")
    top.add_argument("--version", action="version", version=f"rdbcodec {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_ in COMMANDS.items():
        command = commands.add_parser(name, help=help_, description=help_)
        if name == chosen:
            module_of(name).add_arguments(command)
    return top


def module_of(name: str) -> Any:
    """The module of a command: `add_arguments(parser)` and `run(options) -> exit code`."""
    return importlib.import_module(f"rdbcodec.cli.{name}")


def chosen_of(arguments: Sequence[str]) -> str | None:
    """The command among the arguments: the first word, as no option before it takes one."""
    return next((word for word in arguments if not word.startswith("-")), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. Bad data never ends in a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser(chosen_of(arguments)).parse_args(arguments)
    options.current = next(iter(options.files), options.command)
    try:
        code: int = module_of(options.command).run(options)
        sys.stdout.flush()
    except EncodeError as error:
        return _fail(NEGATIVE, f"{options.current}: {_words(error, hide_keys=options.hide_keys)}")
    except RdbError as error:
        return _fail(UNREADABLE, f"{options.current}: {_words(error, hide_keys=options.hide_keys)}")
    except BrokenPipeError:
        # The reader of our output has gone (| head): nothing to say, and Python must not say it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except FileExistsError as error:
        return _fail(IO_ERROR, f"{error.filename}: {error.strerror}, --force writes over it")
    except OSError as error:
        return _fail(IO_ERROR, f"{error.filename or options.current}: {error.strerror or error}")
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, "interrupted")
    return code


def _words(error: RdbError, *, hide_keys: bool) -> str:
    if hide_keys and isinstance(error, DecodeError | EncodeError):
        error.key = None
    return str(error)


def _fail(code: int, message: str) -> int:
    print(message, file=sys.stderr)
    return code


def run() -> None:
    """The console script. Being told to end cleans up as Ctrl-C does: no half-written file stays behind."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(TERMINATED)
