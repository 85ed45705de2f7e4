"""The command line: arguments in, library call, exit code out (`common.EXIT_CODES`)."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any, NoReturn

from rdbcodec import __version__
from rdbcodec.cli import verbs
from rdbcodec.cli.common import (
    BUG,
    EXIT_CODES,
    INTERRUPTED,
    IO_ERROR,
    NEGATIVE,
    OK,
    STDIN,
    UNREADABLE,
    USAGE,
    Refusal,
)
from rdbcodec.cli.hiding import hiding_of
from rdbcodec.cli.hints import did_you_mean, hint_of
from rdbcodec.cli.outputs import prepare
from rdbcodec.cli.screens import STDOUT, screens
from rdbcodec.errors import DecodeError, EncodeError, LimitExceeded, RdbError, TailError, TextError
from rdbcodec.showing import escaped
from rdbcodec.showing import name as shown


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in two lines: what, and where to read more.

    Abbreviated flags are none, so that a new flag breaks no script. What was typed is repeated without its
    secrets and on one line: messages end up in logs.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(allow_abbrev=False, **how)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As always, but a mistyped flag is named before the one that is missing for it."""
        if self._subparsers is None and args is not None:
            flags = (word.partition("=")[0] for word in takewhile(lambda word: word != "--", args))
            unknown = [f for f in flags if f.startswith("--") and f not in self._option_string_actions]
            if unknown:
                self.refuse_unknown(unknown)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: error: {shown(message)}\nsee {self.prog} --help\n")

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """Words that nothing takes: the first flag among them is the one to correct."""
        flag = next((word for word in words if word.startswith("-")), "").partition("=")[0]
        hint = did_you_mean(flag, self._option_string_actions) if flag else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{hint}")


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The argument parser; of the commands only the chosen one has its arguments."""
    top = _Parser(
        prog="rdbcodec",
        description="Read, write, convert and judge Redis and Valkey snapshots.",
        epilog="\n".join(["exit codes:", *(f"  {code:<4} {means}" for code, means in EXIT_CODES.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"rdbcodec {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    known = verbs.known()
    for name, help_ in known.items():
        command = commands.add_parser(name, help=help_, description=help_)
        if name == chosen:
            verbs.module_of(name).add_arguments(command)
            command.set_defaults(refuse_unknown=command.refuse_unknown)
    if chosen is not None and chosen not in known:
        top.error(f"unknown command {chosen!r}{did_you_mean(chosen, known)}")
    return top


def _options_of(arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = parser(chosen_of(arguments)).parse_known_args(arguments)
    if unknown:
        options.refuse_unknown(unknown)
    if getattr(options, "files", []).count(STDIN) > 1:
        raise Refusal(USAGE, "stdin (-) can be given once: what was read from it is gone")
    return options


def chosen_of(arguments: Sequence[str]) -> str | None:
    """The command among the arguments: the first word, as no option before it takes one."""
    return next((word for word in arguments if not word.startswith("-")), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. A traceback is a bug of ours, never bad data, and has its own code."""
    with screens():
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        except Refusal as refusal:
            return _fail(refusal.code, refusal.message)
        except KeyboardInterrupt:
            return _fail(INTERRUPTED, "interrupted")
        except Exception:  # noqa: BLE001 - shown whole, and not taken for an answer
            return _fail(BUG, f"{traceback.format_exc()}this is a bug of rdbcodec: please report it")


def _run(arguments: Sequence[str]) -> int:
    if not arguments:
        parser().print_help()
        return OK
    options = _options_of(arguments)
    options.current = next(iter(getattr(options, "files", ())), options.command)
    options.hide_keys = hiding_of(options)
    try:
        prepare(options)
        code: int = verbs.module_of(options.command).run(options)
        sys.stdout.flush()
    except RdbError as error:
        code = NEGATIVE if isinstance(error, EncodeError | LimitExceeded | TailError) else UNREADABLE
        message = f"{shown(options.current)}: {_words(error, options)}"
        return _fail(code, "\n".join(filter(None, (message, hint_of(error)))))
    except OSError as error:
        if isinstance(error, BrokenPipeError) and error.filename == STDOUT:
            _leave_stdout()
            # | head: it has seen enough of a report. What the answer is does not change by that.
            return getattr(options, "answer", OK)
        return _fail_of(error, shown(str(error.filename or options.current)))
    return code


def _fail_of(error: OSError, name: str) -> int:
    """What the operating system said no to; `name` is the file, as its user called it."""
    if error.filename in (STDIN, STDOUT):
        _leave_stdout()
    if isinstance(error, BrokenPipeError):
        return _fail(IO_ERROR, f"{name}: the reader went away before everything was written")
    if isinstance(error, FileExistsError):
        return _fail(IO_ERROR, f"{name}: {error.strerror}, --force writes over it")
    return _fail(IO_ERROR, f"{name}: {escaped(error.strerror or str(error))}")


def _leave_stdout() -> None:
    """What stdout still holds cannot be written, and Python must not say so once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _words(error: RdbError, options: argparse.Namespace) -> str:
    words = str(error)
    if isinstance(error, DecodeError | EncodeError | TextError):
        words = error.text(hide_keys=options.hide_keys)
    return "\n".join(map(escaped, words.split("\n")))


def _fail(code: int, message: str) -> int:
    with suppress(OSError):  # nobody listens on stderr; the exit code says it too
        print(message, file=sys.stderr)
    return code
