"""`rdbcodec azure run`: a plan that is done, step by step, each told as it is done."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NoReturn

from rdbcodec.cli.common import open_file, print_json, print_lines, progress_of
from rdbcodec.cli.exits import NEGATIVE, OK, UNDECIDED
from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.running import How, Outcome, unnamed
from rdbcodec.compat.azure.running import run as steps_done
from rdbcodec.compat.azure.tool import Az
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.limits import MAX_VALUE
from rdbcodec.remote.account import SCHEMES, account_name, place_of
from rdbcodec.remote.urls import SERVERS, scheme_of
from rdbcodec.reports import azure, azure_run
from rdbcodec.showing import name as shown

HELP = "do these steps: judge, prepare, upload, import with az, compare"
# Names as a plan has them, and the flags they are told by.
_FLAGS = {
    "CACHE_NAME": "--cluster-name",
    "RESOURCE_GROUP": "--resource-group",
    "STORAGE_ACCOUNT": "--storage-account",
    "CONTAINER": "--container",
    "BLOB_PREFIX": "--blob-prefix",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a plan does not have."""
    parser.add_argument("--dry-run", action="store_true", help="say what each step would do, and do nothing")
    parser.add_argument(
        "--run", action="store_true", help="run the commands of az too; without it they are printed"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before an import deletes what is in the cache"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a blob that is there and is not the same"
    )
    parser.add_argument(
        "--work", metavar="DIR", help="where files lie while they are prepared (default: the system's)"
    )
    parser.add_argument(
        "--verify",
        metavar="URL",
        help="compare with this server at the end: rediss://:@HOST:10000, with --password-env",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")


def settled(options: argparse.Namespace, told: Circumstances, names: Names) -> tuple[Circumstances, Names]:
    """What follows from doing it: the blob's kind, az as the channel, and names that stand elsewhere."""
    if options.run and told.channel not in (None, "cli"):
        _leave(options, f"argument --run: az is the channel cli, not {told.channel}")
    if options.verify and scheme_of(options.verify) not in SERVERS:
        _leave(
            options,
            f"argument --verify: {shown(options.verify)} is no URL of a server, such as rediss://HOST",
        )
    if told.blob_type == "append":
        _leave(options, "argument --blob-type: no import reads append blobs")
    places = [place_of(name) for name in options.files if scheme_of(name) in SCHEMES]
    account, container = names.storage_account, names.container
    if places and container is None:
        container = places[0].container
        account = account or places[0].account
    from_sas = [one for one in told.sas or () if one.account]
    if account is None and not from_sas:
        account = account_name(os.environ)
    known = told.merged({"blob_type": told.blob_type or "block", "channel": told.channel or "cli"})
    return known, names._replace(storage_account=account, container=container)


def run(plan: Plan, options: argparse.Namespace) -> int:
    """Do it, unless the answer forbids it; the exit code."""
    as_text = options.format == "text"
    if as_text:
        print_lines(azure.before_lines(plan, hide_keys=options.hide_keys))
    stopped = _stopped(plan, options)
    outcomes: list[Outcome] = []
    if stopped is None:
        _check_names(plan, options)
        _ask(plan, options)
        for outcome in _outcomes(plan, options):
            outcomes.append(outcome)
            if as_text:
                print_lines(azure_run.lines(outcome, plan, hide_keys=options.hide_keys))
                sys.stdout.flush()
    elif as_text:
        print_lines(["", azure_run.STOPPED[stopped]])
    if not as_text:
        print_json(azure_run.as_json(plan, outcomes))
    if stopped is not None:
        return stopped
    return NEGATIVE if any(outcome.state == "differs" for outcome in outcomes) else OK


def _stopped(plan: Plan, options: argparse.Namespace) -> int | None:
    """The code that it ends with before anything is done."""
    if options.even_if_no:
        return None
    return {"no": NEGATIVE, "unknown": UNDECIDED}.get(plan.loads)


def _check_names(plan: Plan, options: argparse.Namespace) -> None:
    missing = [_FLAGS.get(name.variable, name.what) for name in unnamed(plan, execute=options.run)]
    if missing and not options.dry_run:
        _leave(options, f"what is it called? {', '.join(missing)}")


def _ask(plan: Plan, options: argparse.Namespace) -> None:
    """An import deletes what is in the cache: whoever runs it says that this is meant."""
    if not options.run or options.dry_run or options.yes or plan.operation == "export":
        return
    cache = plan.name("CACHE_NAME")
    if not sys.stdin.isatty():
        _leave(options, f"argument --run: it deletes what is in {cache}; --yes says that this is meant")
    sys.stderr.write(f"This deletes what is in {cache}. Type yes to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        _leave(options, "nothing was done")


class _Sent:
    """How much of a blob is there, for the progress bar."""

    bytes_read = 0
    size: int | None = None


def _outcomes(plan: Plan, options: argparse.Namespace) -> Iterator[Outcome]:
    sent = _Sent()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.work))
        tick = stack.enter_context(progress_of("azure run", sent, options))

        def progress(done: int, size: int) -> None:
            sent.bytes_read, sent.size = done, size
            if tick is not None:
                tick()

        how = How(
            open=lambda name: open_file(name, options, max_value=MAX_VALUE),
            folder=Path(folder),
            az=_az(plan, options) if options.run and not options.dry_run else None,
            rehearse=options.dry_run,
            overwrite=options.overwrite,
            ignore_tail=options.ignore_tail,
            server=partial(_snapshot_of, options.verify, stack) if options.verify else None,
            progress=progress,
        )
        yield from steps_done(plan, how)


def _snapshot_of(url: str, stack: ExitStack) -> str:
    """A snapshot of a server as it is now, until all is done."""
    from rdbcodec.live.source import Spool  # noqa: PLC0415 - only where there is a server

    spool = Spool(url)
    stack.callback(lambda: spool.close())  # noqa: PLW0108 - which keeps it: the file ends with it
    return spool.path


def _az(plan: Plan, options: argparse.Namespace) -> Az:
    told = dict(os.environ)
    given = options.sas or ()
    if len(given) == len(plan.variables):
        told |= dict(zip(plan.variables, given, strict=True))
    watched = sys.stderr.isatty() and not options.no_progress
    return Az(told, tell=_tell, tick=_tick if watched else lambda _: None)


def _tell(line: str) -> None:
    sys.stderr.write(f"  az: {line}\n")


def _tick(seconds: float) -> None:
    sys.stderr.write(f"\r\x1b[Kaz: {seconds:.0f} s\r")
    sys.stderr.flush()


def _leave(options: argparse.Namespace, message: str) -> NoReturn:
    leave: Callable[[str], NoReturn] = options.usage_error
    leave(message)
