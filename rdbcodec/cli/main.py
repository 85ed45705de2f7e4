"""The command line: arguments in, library call, exit code out (`exits.EXIT_CODES`)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any, NoReturn

from rdbcodec import __version__
from rdbcodec.cli import verbs
from rdbcodec.cli.exits import BUG, EXIT_CODES, INTERRUPTED, IO_ERROR, OK, STDIN, USAGE, Refusal, fail
from rdbcodec.cli.screens import STDOUT, leave_stdout, screens
from rdbcodec.cli.spelling import did_you_mean
from rdbcodec.showing import name as shown


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal. argparse asks shutil how wide it is, which loads three compressions."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _RawFormatter(_Formatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions."""


def _columns() -> int:
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    with suppress(AttributeError, ValueError, OSError):  # stdout is closed, no terminal, or nobody can say
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    return 80


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in two lines: what, and where to read more.

    Abbreviated flags are none, so that a new flag breaks no script. What was typed is repeated without its
    secrets and on one line: messages end up in logs.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(allow_abbrev=False, **{"formatter_class": _Formatter, **how})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As always, but a mistyped flag is named before the one that is missing for it."""
        if self._subparsers is None and args is not None:
            flags = (word.partition("=")[0] for word in takewhile(lambda word: word != "--", args))
            unknown = [f for f in flags if f.startswith("--") and f not in self._option_string_actions]
            if unknown:
                self.refuse_unknown(unknown)
        return super().parse_known_args(args, namespace)

    def _print_message(self, message: str, file: Any = None) -> None:
        """As always, but argparse would forget that help cannot be written."""
        if file is not sys.stdout:
            super()._print_message(message, file)
            return
        sys.stdout.write(message)
        sys.stdout.flush()

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: error: {shown(message)}\nsee {self.prog} --help\n")

    def takes_one_file(self) -> bool:
        """Whether there can be no second FILE: a URL must not stand for several then."""
        return any(action.dest == "files" and action.nargs == 1 for action in self._actions)

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """Words that nothing takes: the first flag among them is the one to correct."""
        flag = next((word for word in words if word.startswith("-")), "").partition("=")[0]
        hint = did_you_mean(flag, self._option_string_actions) if flag else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{hint}")


class _Version(argparse.Action):
    """Tells the engines as well, and finds out only now which they are."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from rdbcodec.wire import crc64, lzf  # noqa: PLC0415 - other commands start without it

        engines = f"CRC-64 {crc64.engine()}, LZF {lzf.reading_engine()} (writing: {lzf.engine()})"
        parser._print_message(f"rdbcodec {__version__}, {engines}\n", sys.stdout)  # noqa: SLF001 - as help is
        parser.exit()


def parser(chosen: str | None = None, *, alone: bool = False) -> argparse.ArgumentParser:
    """The argument parser; of the commands only the chosen one has its arguments, or there is no other."""
    top = _Parser(
        prog="rdbcodec",
        description="Read, write, convert and judge Redis and Valkey snapshots.",
        epilog="\n".join(["exit codes:", *(f"  {code:<4} {means}" for code, means in EXIT_CODES.items())]),
        formatter_class=_RawFormatter,
    )
    top.add_argument(
        "--version", action=_Version, nargs=0, help="show the version and what reads CRC-64 and LZF"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=top.prog)
    known = {chosen: verbs.module_of(chosen).HELP} if alone and chosen is not None else verbs.known()
    for name, help_ in known.items():
        command = commands.add_parser(name, help=help_, description=help_)
        if name == chosen:
            verbs.module_of(name).add_arguments(command)
            command.set_defaults(refuse_unknown=command.refuse_unknown, one_file=command.takes_one_file())
    if chosen is not None and chosen not in known:
        top.error(f"unknown command {chosen!r}{did_you_mean(chosen, known)}")
    return top


def _options_of(arguments: Sequence[str]) -> argparse.Namespace:
    chosen = chosen_of(arguments)
    alone = arguments[0] == chosen and verbs.is_known(chosen)  # else the words before it may ask for all
    options, unknown = parser(chosen, alone=alone).parse_known_args(arguments)
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
            return fail(refusal.code, refusal.message)
        except KeyboardInterrupt:
            return fail(INTERRUPTED, "interrupted")
        except Exception:  # noqa: BLE001 - shown whole, and not taken for an answer
            import traceback  # noqa: PLC0415 - hardly ever needed

            return fail(BUG, f"{traceback.format_exc()}this is a bug of rdbcodec: please report it")


def _untold(error: OSError) -> int:
    """The exit code of help, or of the version, that could not be written: nothing if its reader has gone."""
    if error.filename != STDOUT:
        raise error
    leave_stdout()
    return OK if isinstance(error, BrokenPipeError) else fail(IO_ERROR, f"{STDOUT}: {error.strerror}")


def _run(arguments: Sequence[str]) -> int:
    try:
        if not arguments:
            parser().print_help()
            return OK
        options = _options_of(arguments)
    except OSError as error:
        return _untold(error)
    from rdbcodec.cli.running import run  # noqa: PLC0415 - all that reads and writes, which no help needs

    return run(options)
