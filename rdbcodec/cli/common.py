"""What the subcommands share: arguments, opening files, progress, printing."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rdbcodec.cli.connecting import add_password_argument
from rdbcodec.cli.exits import IO_ERROR, NEGATIVE, OK, STDIN, UNREADABLE, USAGE, Refusal
from rdbcodec.cli.hiding import add_hiding_arguments
from rdbcodec.cli.moments import moment
from rdbcodec.errors import ModuleNameError, TailError
from rdbcodec.formats import DIALECTS
from rdbcodec.limits import BYTES, MAX_RECORD, MIN_VALUE
from rdbcodec.reading.parallel.jobs import jobs_for
from rdbcodec.showing import json_escaped
from rdbcodec.showing import name as shown

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.reading.parallel.section import How
    from rdbcodec.reading.reader import Reader
    from rdbcodec.reading.source import Source
    from rdbcodec.reports.tables import Section
    from rdbcodec.tail import Tail

__all__ = [
    "IO_ERROR",
    "NEGATIVE",
    "OK",
    "STDIN",
    "UNREADABLE",
    "USAGE",
    "Progressing",
    "Refusal",
    "add_progress_argument",
    "add_reading_arguments",
    "add_report_format_argument",
    "add_source_arguments",
    "add_tail_argument",
    "check_tail",
    "input_of",
    "json_reports",
    "modules_of",
    "now_of",
    "open_file",
    "print_json",
    "print_lines",
    "print_sections",
    "progress_of",
    "tail_code",
]


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that reports on snapshots."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    add_source_arguments(parser)
    add_tail_argument(parser)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how a snapshot is read."""
    parser.add_argument(
        "--now",
        type=moment,
        metavar="TIME",
        help="judge expiry at this time: Unix seconds or milliseconds, 2026-11-22T13:54Z, +7d",
    )
    parser.add_argument("--dialect", choices=DIALECTS, help="default: what the file says")
    parser.add_argument("--any-version", action="store_true", help="read a header version nobody knows yet")
    parser.add_argument("--no-checksum", action="store_true", help="do not verify the checksum")
    parser.add_argument(
        "--max-value",
        type=_size,
        default=MAX_RECORD,
        metavar="SIZE",
        help="memory for one thing that is needed whole, such as a key or a function library (default: 64mb)",
    )
    add_hiding_arguments(parser)
    add_password_argument(parser)
    add_progress_argument(parser)


def add_progress_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that shows how far it is."""
    parser.add_argument("--no-progress", action="store_true", help="no progress on the terminal")


def add_report_format_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that writes something, and reports on that."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="of the report (default: text)"
    )


def add_tail_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that would leave out what stands behind the snapshot."""
    parser.add_argument(
        "--ignore-tail", action="store_true", help="leave out AOF commands or snapshots behind the snapshot"
    )


def check_tail(reader: Reader, options: argparse.Namespace) -> None:
    """For output that holds a snapshot's data: raises TailError when it lacks data that stands behind.

    A reader that was not read to its end, because of a limit, has nothing to say.
    """
    if reader.ended_at is None or options.ignore_tail:
        return
    tail = reader.tail()
    if tail.is_data:
        raise TailError(tail, reader.ended_at)
    _tell_other_bytes(options.current, tail, reader.ended_at)


def tail_code(name: str, tail: Tail | None, offset: int, options: argparse.Namespace) -> int:
    """For reports, which name every tail: the exit code, and why it is not 0."""
    if tail is None or not tail.is_data or options.ignore_tail:
        return OK
    from rdbcodec.cli.hints import hint_of  # noqa: PLC0415 - most files need none

    sys.stdout.flush()
    error = TailError(tail, offset)
    print(f"{shown(name)}: {error}", hint_of(error), sep="\n", file=sys.stderr)
    return NEGATIVE


def _tell_other_bytes(name: str, tail: Tail, offset: int) -> None:
    if tail.kind == "other bytes":
        print(f"{shown(name)}: {tail.text(offset)}: not read", file=sys.stderr)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d{1,18})([a-z]*)", text.lower(), re.ASCII)
    if match is None or match[2] not in BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 512mb; units are b, kb, mb, gb")
    return max(int(match[1]) * BYTES[match[2]], MIN_VALUE)


def now_of(options: argparse.Namespace) -> int:
    """The time to judge expiry at, milliseconds."""
    return time.time_ns() // 1_000_000 if options.now is None else int(options.now)


def modules_of(options: argparse.Namespace) -> list[str] | None:
    """The names --modules gives, with commas between; a usage error for one nobody knows."""
    if options.modules is None:
        return None
    from rdbcodec.module_names import types_held  # noqa: PLC0415 - hardly anybody names them

    names = [name.strip() for name in options.modules.split(",")]
    try:
        types_held((), names)
    except ModuleNameError as error:
        options.usage_error(f"argument --modules: {error}")
    return names


def input_of(name: str) -> Source:
    """What a file argument names: a path, or stdin."""
    if name == STDIN:
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    return name


def open_file(name: str, options: argparse.Namespace, *, max_value: int, jobs: int | None = 1) -> Reader:
    """A reader for a file argument; `jobs` processes read it, None: as many as suit it."""
    how: How = {
        "dialect": options.dialect,
        "max_value": max_value,
        "max_record": options.max_value,
        "verify_checksum": not options.no_checksum,
        "any_version": options.any_version,
    }
    if name == STDIN or jobs_for(name, jobs) == 1:
        from rdbcodec.reading.reader import open as open_snapshot  # noqa: PLC0415 - who has an index does without

        return open_snapshot(input_of(name), **how)
    from rdbcodec.reading.parallel.opening import open_in_parts  # noqa: PLC0415 - not for every command

    return open_in_parts(name, jobs, **how)


class Progressing(Protocol):
    """What is read; how far, and how much there is, in bytes of the file."""

    @property
    def bytes_read(self) -> int: ...

    @property
    def size(self) -> int | None: ...


@contextmanager
def progress_of(
    name: str, reader: Progressing, options: argparse.Namespace
) -> Iterator[Callable[[], None] | None]:
    """A function to call now and then, or None when nobody watches."""
    in_the_way = getattr(options, "output", None) == STDIN and sys.stdout.isatty()
    if options.no_progress or in_the_way or not sys.stderr.isatty():
        yield None
        return
    bar = _rich_bar(shown(name), reader) or _PlainBar(shown(name), reader)
    with bar:
        yield bar.update


_BETWEEN = 0.1  # seconds between two looks of a bar at how far it is


class _PlainBar:
    """One line on the terminal, redrawn at most ten times a second."""

    def __init__(self, name: str, reader: Progressing) -> None:
        self._name = name
        self._reader = reader
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def update(self) -> None:
        """Show how far the reader is."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _BETWEEN
        size = self._reader.size
        share = (
            f"{100 * self._reader.bytes_read / size:3.0f}%"
            if size
            else f"{self._reader.bytes_read >> 20} MiB"
        )
        sys.stderr.write(f"\r\x1b[K{self._name} {share}")
        sys.stderr.flush()


def _rich_bar(name: str, reader: Progressing) -> Any:
    try:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415
        from rich.progress import TimeRemainingColumn as TimeLeft  # noqa: PLC0415
    except ImportError:
        return None

    class Bar(Progress):
        shown = 0.0

        def update(self) -> None:  # type: ignore[override]
            super().update(self.task_ids[0], completed=reader.bytes_read, total=reader.size)
            now = time.monotonic()
            if now >= self.shown + _BETWEEN:
                self.shown = now
                self.refresh()

    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeLeft()
    # It would refresh itself by a thread, and a process with threads cannot be forked: see reading.parallel.
    bar = Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    bar.add_task(name, total=reader.size)
    return bar


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """One JSON document, in ASCII where stdout is not UTF-8."""
    import json  # noqa: PLC0415 - takes 3 ms, and most reports are text

    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json_escaped(json.dumps(document, indent=2, ensure_ascii=not utf8)))


@contextmanager
def json_reports(options: argparse.Namespace, count: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that prints a report as JSON: one document for one file, one array for several.

    The array is whole even when a file cannot be read and ends the command.
    """
    if count == 1 or options.format != "json":
        yield print_json
        return
    between = "["

    def add(document: dict[str, Any]) -> None:
        nonlocal between
        print(between)
        print_json(document)
        between = ","

    try:
        yield add
    finally:
        print("[]" if between == "[" else "]")


def print_lines(lines: Iterable[str]) -> None:
    """A report, each line on one line of the screen whatever is in it."""
    print("\n".join(map(shown, lines)))


def print_sections(title: str, sections: Sequence[Section]) -> None:
    """Tables for a person: rich ones on a terminal that can, plain text otherwise.

    Secrets go before the layout does: a signature that a column breaks in two is none to whom looks for it.
    """
    from rdbcodec.reports.tables import render_rich, render_text  # noqa: PLC0415 - not for every command

    title = shown(title)
    sections = [section._replace(rows=[[*map(shown, row)] for row in section.rows]) for section in sections]
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        try:
            from rich.console import Console  # noqa: PLC0415
        except ImportError:
            pass
        else:
            render_rich(title, sections, Console())
            return
    print(render_text(title, sections))
