"""`rdbcodec report FILE... -o report.html`: all of it as one page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial

from rdbcodec import compat
from rdbcodec.cli import circumstances, selecting
from rdbcodec.cli.common import (
    OK,
    STDIN,
    UNREADABLE,
    add_source_arguments,
    add_tail_argument,
    now_of,
    open_file,
    progress_of,
    tail_code,
)
from rdbcodec.cli.fleets import Files
from rdbcodec.cli.hints import hint_of
from rdbcodec.cli.jobs import add_fleet_arguments
from rdbcodec.cli.memory import add_memory_arguments, memory_server
from rdbcodec.cli.numbers import number
from rdbcodec.cli.outputs import add_force_argument, whole_output_of
from rdbcodec.errors import TargetError, UnsupportedVersion
from rdbcodec.facts.overview import KEYS, Overview, overview
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports.html.report import Report, judged, title_of
from rdbcodec.reports.html.subject import Subject
from rdbcodec.reports.words import plural, size
from rdbcodec.showing import escaped
from rdbcodec.showing import name as shown

HELP = "write a page that shows where the memory goes, what expires, the biggest keys, verdicts"
ORDER = 37
_MOST = 5000  # keys on a page: more than anybody scrolls through


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PAGE", help="where to write the page, HTML; - is stdout"
    )
    add_force_argument(parser)
    parser.add_argument("--title", metavar="WORDS", help="the heading of the page (default: the file's name)")
    parser.add_argument(
        "--top",
        type=number(0, _MOST),
        default=KEYS,
        metavar="N",
        help=f"how many of the biggest keys (default: {KEYS})",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="T",
        default=[],
        help="say whether it loads there; may be repeated",
    )
    add_memory_arguments(parser)
    add_source_arguments(parser)
    add_fleet_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)
    circumstances.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Write one page on all files; 3 when it is PARTIAL because one is damaged, 1 when data follows one."""
    targets = _targets(options)
    told = circumstances.circumstances_of(options)
    title = options.title or title_of(options.files)
    options.code = OK
    files = Files(options, partial(_overview, is_judged=bool(targets)))
    how = {"now_ms": now_of(options), "most": options.top, "hide_keys": options.hide_keys}
    subject = Subject.of(title, _read(files, options), **how)
    if not subject.files:
        return files.code
    subject.unread = [f"{file.name}: {file.message}" for file in files.unread]
    verdicts = judged(subject.files, targets, told)
    page = Report(subject, verdicts).html().encode()
    with whole_output_of(options) as out:
        out.write(page)
    if options.output != STDIN:
        print(_account(subject, len(targets) if verdicts else 0, len(page), options))
    codes = [_code(file, options) for file in subject.files]
    return max([int(options.code), files.code, *codes])


def _account(subject: Subject, targets: int, written: int, options: argparse.Namespace) -> str:
    """What was written, and what the page is about."""
    words = [f"{plural(subject.total.keys, 'key')} of {plural(len(subject.files), 'file')}"]
    if targets:
        words.append(f"verdicts for {plural(targets, 'target')}")
    if any(file.damage is not None for file in subject.files):
        words.append("PARTIAL")
    return f"{shown(options.output)}: {', '.join([*words, size(written)])}"


def _read(files: Files[Overview], options: argparse.Namespace) -> Iterator[Overview]:
    for name, found in files:
        selection = selecting.selection_of(options)
        options.code = max(options.code, selecting.no_match(name, selection, options, taken=found.stat.seen))
        if found.damage is not None and options.fail_fast:
            raise found.damage
        yield found


def _overview(name: str, options: argparse.Namespace, *, is_judged: bool) -> Overview:
    """Read a file, maybe in another process; one of a version nobody knows as far as all of it is known."""
    try:
        return _whole(name, options, is_judged=is_judged)
    except UnsupportedVersion as error:
        if name == STDIN or not can_be_read_again(name):
            raise
        lenient = argparse.Namespace(**{**vars(options), "any_version": True})
        found = _whole(name, lenient, is_judged=is_judged)
        found.profile.damage = found.profile.damage or error
        return found


def _whole(name: str, options: argparse.Namespace, *, is_judged: bool) -> Overview:
    selection = selecting.selection_of(options)
    again = name != STDIN and can_be_read_again(name)
    with (
        open_file(name, options, max_value=COUNTED_VALUE, jobs=options.jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        return overview(
            reader,
            name,
            now_ms=now_of(options),
            server=memory_server(options),
            allocator=options.allocator,
            selection=selection,
            most=options.top,
            judged=is_judged,
            reopen=(lambda: open_file(name, options, max_value=COUNTED_VALUE)) if again else None,
            progress=tick,
        )


def _code(file: Overview, options: argparse.Namespace) -> int:
    """What is wrong with a file, said as any other command says it."""
    if file.damage is None:
        return tail_code(file.name, file.profile.tail, file.profile.size, options)
    words = escaped(file.damage.text(hide_keys=options.hide_keys))
    print(*filter(None, (f"{shown(file.name)}: {words}", hint_of(file.damage))), sep="\n", file=sys.stderr)
    return UNREADABLE


def _targets(options: argparse.Namespace) -> list[compat.Target]:
    try:
        return [compat.find(name) for name in options.target]
    except TargetError as error:
        options.usage_error(f"argument --target: {error}")
        raise  # usage_error does not return
