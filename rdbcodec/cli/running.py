"""A verb that is run: its library call, and what went wrong in it as words and an exit code."""

from __future__ import annotations

import argparse
import sys

from rdbcodec.cli import connecting, verbs
from rdbcodec.cli.exits import OK, STDIN, USAGE, Refusal, fail
from rdbcodec.cli.failing import failure_of
from rdbcodec.cli.hiding import hiding_of
from rdbcodec.cli.screens import STDOUT, leave_stdout
from rdbcodec.errors import RdbError
from rdbcodec.remote.patterns import expanded, stands_for_several
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
        return fail(*failure_of(error, options.current, options))
    except OSError as error:
        if isinstance(error, BrokenPipeError) and error.filename == STDOUT:
            leave_stdout()
            # | head: it has seen enough of a report. What the answer is does not change by that.
            return int(options.answer)
        if error.filename in (STDIN, STDOUT):
            leave_stdout()
        return fail(*failure_of(error, options.current, options))
    return code


def _prepare(options: argparse.Namespace) -> None:
    if any(hasattr(options, name) for name in _OUTPUTS):
        from rdbcodec.cli.outputs import prepare  # noqa: PLC0415 - all that writing takes

        prepare(options)


def _expand(options: argparse.Namespace) -> None:
    """Patterns and folders, which no shell has expanded, stand for their files."""
    files = getattr(options, "files", ())
    if not any(map(stands_for_several, files)):
        return
    options.files = [path for file in files for path in expanded(file)]
    if options.one_file and len(options.files) > 1:
        several = f"stands for {len(options.files)} files, and {options.command} takes one"
        raise Refusal(USAGE, f"{shown(options.current)}: {several}")
