"""`rdbcodec restore FILE... redis://host`: snapshots into a server or cluster that runs."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, get_args

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    IO_ERROR,
    NEGATIVE,
    STDIN,
    USAGE,
    Refusal,
    add_report_format_argument,
    add_source_arguments,
    add_tail_argument,
    check_tail,
    now_of,
    open_file,
    print_json,
)
from rdbcodec.cli.connecting import add_connection_arguments, connection_of
from rdbcodec.cli.fitting import fits
from rdbcodec.cli.numbers import databases
from rdbcodec.cli.restoring import progress_of
from rdbcodec.cli.servers import SERVER, server_of
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import BYTES
from rdbcodec.live.address import is_server
from rdbcodec.live.restore import restore
from rdbcodec.live.restore_done import Restored, RestoreStopped
from rdbcodec.live.restore_reading import HELD, Snapshot
from rdbcodec.live.restore_terms import Terms
from rdbcodec.live.restore_ways import OnConflict
from rdbcodec.reading.reader import Reader
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports import restore as report
from rdbcodec.reports.words import json_key, plural
from rdbcodec.showing import name as shown

HELP = "bring the keys of snapshots into a running server or cluster"
ORDER = 62


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument(
        "target",
        metavar="URL",
        help="redis://host[:6379], rediss:// for TLS, unix:///path; any node of a cluster",
    )
    parser.add_argument(
        "--on-conflict",
        choices=get_args(OnConflict),
        default="fail",
        help="of a key that the server has: end there, leave it as it is there, replace it (default: fail)",
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="how far it has come: the same command goes on there after Ctrl-C, a crash, an error",
    )
    parser.add_argument("--failures", metavar="FILE", help="a line of JSON for each key that fails")
    parser.add_argument("--fail-fast", action="store_true", help="end at the first key that fails")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and send none of it")
    parser.add_argument(
        "--map-db",
        action="append",
        type=databases,
        default=[],
        metavar="N=M",
        help="keys of database N go to database M; a cluster has 0 only",
    )
    parser.add_argument(
        "--rate", type=_rate, metavar="N", help="at most so many keys a second: 5000; or bytes: 10mb"
    )
    parser.add_argument(
        "--keep-expired", action="store_true", help="restore keys that have no time left, to last"
    )
    parser.add_argument("--by-commands", action="store_true", help="send SET, RPUSH ... and no RESTORE")
    parser.add_argument(
        "--to", metavar="SERVER", help=f"what the server is like, if it does not say: {SERVER}"
    )
    parser.add_argument(
        "--force", action="store_true", help="restore what can be, if `compat` says that something cannot"
    )
    parser.add_argument(
        "--no-compat", action="store_true", help="do not read the files first to judge whether they fit"
    )
    add_report_format_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    add_connection_arguments(parser, password=False)
    selecting.add_arguments(parser)
    parser.set_defaults(usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Restore, and tell what was done; 1 when a key failed."""
    _check(options)
    selection = selecting.selection_of(options)
    terms = _terms(options, selection)
    if not fits(options, terms):
        return NEGATIVE
    try:
        done = _restored(options, terms)
    except RestoreStopped as error:
        _print(error.done, options)
        print(
            f"{shown(str(error.filename))}: {shown(error.text(hide_keys=options.hide_keys))}", file=sys.stderr
        )
        _tell_how_to_go_on(options)
        return NEGATIVE if error.code in ("BUSYKEY", "OOM") or error.failure else IO_ERROR
    except (KeyboardInterrupt, SystemExit):
        _tell_how_to_go_on(options)
        raise
    _print(done, options)
    code = selecting.no_match(" and ".join(options.files), selection, options, taken=_taken(done))
    return NEGATIVE if done.failed else code


def _check(options: argparse.Namespace) -> None:
    if not is_server(options.target):
        words = f"{shown(options.target)}: is no URL of a server, such as redis://localhost:6379"
        raise Refusal(USAGE, words)
    if options.state is None:
        return
    for name in options.files:
        if name == STDIN or (Path(name).exists() and not can_be_read_again(name)):
            raise Refusal(USAGE, "--state needs files: what goes on reads them from where it ended")
    if options.limit is not None:
        raise Refusal(USAGE, "--state and --limit: a restore that goes on would begin to count again")


def _terms(options: argparse.Namespace, selection: Selection) -> Terms:
    keys, size = options.rate or (None, None)
    return Terms(
        on_conflict=options.on_conflict,
        map_db=dict(options.map_db),
        selection=selection,
        by_commands=options.by_commands,
        keep_expired=options.keep_expired,
        keys_per_second=keys,
        bytes_per_second=size,
        fail_fast=options.fail_fast,
        patience=options.timeout,
        to=None if options.to is None else server_of(options),
        now_ms=None if options.now is None else now_of(options),
        name=lambda key: json_key(key, options.hide_keys),
        words=selecting.words_of(options),
    )


def _restored(options: argparse.Namespace, terms: Terms) -> Restored:
    with _failures(options) as failures, progress_of(options) as progress:
        return restore(
            [_snapshot(name, options) for name in options.files],
            options.target,
            terms,
            options=connection_of(options),
            state=options.state,
            failures=failures,
            dry_run=options.dry_run,
            progress=progress,
            on_resume=lambda done: _tell_resumed(done, options),
        )


def _snapshot(name: str, options: argparse.Namespace) -> Snapshot:
    def opened() -> Reader:
        options.current = name
        return open_file(name, options, max_value=HELD)

    return Snapshot(
        name,
        name=name,
        open=opened,
        max_record=options.max_value,
        check=lambda reader: check_tail(reader, options),
    )


@contextmanager
def _failures(options: argparse.Namespace) -> Iterator[IO[str] | None]:
    """A restore that goes on adds to what is there."""
    if options.failures is None:
        with nullcontext() as nothing:
            yield nothing
        return
    goes_on = options.state is not None and Path(options.state).exists()
    with Path(options.failures).open("a" if goes_on else "w", encoding="utf-8") as file:
        yield file


def _print(done: Restored, options: argparse.Namespace) -> None:
    if options.format == "json":
        print_json(report.as_json(done, hide_keys=options.hide_keys))
        return
    for line in report.lines(done, hide_keys=options.hide_keys):
        print(shown(line))
    sys.stdout.flush()


def _tell_resumed(done: Restored, options: argparse.Namespace) -> None:
    before = f"{plural(done.keys, 'key')} before"
    print(f"{shown(options.state)}: goes on where it ended, {before}", file=sys.stderr)


def _tell_how_to_go_on(options: argparse.Namespace) -> None:
    if options.dry_run:
        return
    words = "the same command goes on from here"
    if options.state is None:
        words = "nobody noted how far it came: --on-conflict skip goes on; --state FILE would have noted it"
    else:
        words += f" (--state {shlex.quote(options.state)})"
    print(shown(words), file=sys.stderr)


def _taken(done: Restored) -> int:
    return done.keys + done.skipped + done.expired + done.failed + done.left_out


def _rate(text: str) -> tuple[float | None, float | None]:
    """Keys, or bytes, a second."""
    found = re.fullmatch(r"(\d{1,12})([a-z]*)", text.lower(), re.ASCII)
    if found is None or found[2] not in BYTES or not int(found[1]):
        message = f"{text!r} is no rate such as 5000 (keys) or 10mb (bytes); units are b, kb, mb, gb"
        raise argparse.ArgumentTypeError(message)
    if not found[2]:
        return float(found[1]), None
    return None, float(int(found[1]) * BYTES[found[2]])
