"""A verb that is run: its library call, and what went wrong in it as words and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

from rdbcodec.cli import connecting, verbs
from rdbcodec.cli.exits import IO_ERROR, NEGATIVE, OK, STDIN, UNREADABLE, USAGE, Refusal, fail
from rdbcodec.cli.hiding import hiding_of
from rdbcodec.cli.screens import STDOUT
from rdbcodec.errors import DecodeError, EncodeError, LimitExceeded, RdbError, TailError, TextError
from rdbcodec.remote.urls import scheme_of
from rdbcodec.showing import escaped
from rdbcodec.showing import name as shown

_OUTPUTS = ("output", "profile_out", "report")  # the options that name something to be written


def run(options: argparse.Namespace) -> int:
    """Run the verb of the options; the exit code."""
    options.current = next(iter(getattr(options, "files", ())), options.command)
    options.answer = OK
    options.hide_keys = hiding_of(options)
    try:
        connecting.prepare(options)
        options.current = next(iter(getattr(options, "files", ())), options.current)  # without its password
        _expand(options)
        _prepare(options)
        code: int = verbs.module_of(options.command).run(options)
        sys.stdout.flush()
    except RdbError as error:
        code = NEGATIVE if isinstance(error, EncodeError | LimitExceeded | TailError) else UNREADABLE
        from rdbcodec.cli.hints import hint_of  # noqa: PLC0415 - what works needs none

        message = f"{shown(options.current)}: {_words(error, options)}"
        return fail(code, "\n".join(filter(None, (message, hint_of(error)))))
    except OSError as error:
        if isinstance(error, BrokenPipeError) and error.filename == STDOUT:
            _leave_stdout()
            # | head: it has seen enough of a report. What the answer is does not change by that.
            return int(options.answer)
        return _fail_of(error, shown(str(error.filename or options.current)))
    return code


def _prepare(options: argparse.Namespace) -> None:
    if any(hasattr(options, name) for name in _OUTPUTS):
        from rdbcodec.cli.outputs import prepare  # noqa: PLC0415 - all that writing takes

        prepare(options)


def _expand(options: argparse.Namespace) -> None:
    """URLs that stand for several: patterns and folders, which no shell has expanded."""
    if not any(map(scheme_of, getattr(options, "files", ()))):
        return
    options.files = [path for file in options.files for path in _expanded(file)]
    if options.one_file and len(options.files) > 1:
        several = f"stands for {len(options.files)} files, and {options.command} takes one"
        raise Refusal(USAGE, f"{shown(options.current)}: {several}")


def _expanded(file: str) -> list[str]:
    if not scheme_of(file):
        return [file]
    from rdbcodec.remote.objects import expanded  # noqa: PLC0415 - only where there is a URL

    return expanded(file)


def _fail_of(error: OSError, name: str) -> int:
    """What the operating system said no to; `name` is the file, as its user called it."""
    if error.filename in (STDIN, STDOUT):
        _leave_stdout()
    if isinstance(error, BrokenPipeError):
        return fail(IO_ERROR, f"{name}: the reader went away before everything was written")
    if isinstance(error, FileExistsError):
        return fail(IO_ERROR, f"{name}: {error.strerror}, --force writes over it")
    return fail(IO_ERROR, f"{name}: {shown(error.strerror or str(error))}")


def _leave_stdout() -> None:
    """What stdout still holds cannot be written, and Python must not say so once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _words(error: RdbError, options: argparse.Namespace) -> str:
    words = str(error)
    if isinstance(error, DecodeError | EncodeError | TextError):
        words = error.text(hide_keys=options.hide_keys)
    return "\n".join(map(escaped, words.split("\n")))
