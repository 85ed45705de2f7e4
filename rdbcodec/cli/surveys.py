"""What `stat`, `top`, `prefix` and `ttl` share: one pass over each file, and with --total over all of them.

A verb says which pass it is and how its result is told: as tables, as a document, as rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    OK,
    add_source_arguments,
    json_reports,
    open_file,
    print_sections,
    progress_of,
)
from rdbcodec.cli.jobs import add_jobs_argument
from rdbcodec.cli.memory import add_memory_arguments
from rdbcodec.facts.passes import Pass, run
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import plural

FORMATS = ("text", "json", "ndjson", "csv")
FILE = "file"  # the first column when there are several


class Form(NamedTuple):
    """How the result of a pass is told. `rows` have `columns`, in CSV in this order."""

    sections: Callable[[Any], Sequence[Section]]
    document: Callable[[Any], dict[str, Any]]
    columns: Sequence[str]
    rows: Callable[[Any], Iterable[dict[str, Any]]]


def add_arguments(parser: argparse.ArgumentParser, *, default: str | None = "text") -> None:
    """The arguments of all of them; filters and memory among them."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("--total", action="store_true", help="then all files together")
    parser.add_argument("--format", choices=FORMATS, default=default, help="default: text")
    add_memory_arguments(parser)
    add_source_arguments(parser)
    add_jobs_argument(parser)
    selecting.add_arguments(parser)


class Surveys:
    """The result of a pass for each file by its name, and in the end by None that of all, if asked for.

    A result is closed when the next one is asked for. `code` is the exit code so far: that no key matches.
    """

    def __init__(self, options: argparse.Namespace, pass_of: Callable[[Selection], Pass[Any]]) -> None:
        self._options = options
        self._pass_of = pass_of
        self.code = OK

    def __iter__(self) -> Iterator[tuple[str | None, Any]]:
        total, options = None, self._options
        try:
            for name in options.files:
                found = self._survey(name)
                try:
                    yield name, found
                    if options.total:
                        total = found if total is None else total.merge(found)
                finally:
                    if found is not total:
                        _close(found)
            if options.total:
                yield None, total
        finally:
            _close(total)

    def _survey(self, name: str) -> Any:
        options = self._options
        options.current = name
        selection = selecting.selection_of(options)
        with (
            open_file(name, options, max_value=COUNTED_VALUE, jobs=options.jobs) as reader,
            progress_of(name, reader, options) as tick,
        ):
            found = run(reader, [self._pass_of(selection)], progress=tick)[0]
        self.code = max(self.code, selecting.no_match(name, selection, options, taken=found.seen))
        return found


def _close(found: Any) -> None:
    if hasattr(found, "close"):
        found.close()


def report(options: argparse.Namespace, pass_of: Callable[[Selection], Pass[Any]], form: Form) -> int:
    """Print what is found in each file in the format that was asked for; the exit code."""
    surveys = Surveys(options, pass_of)
    if options.format in ("csv", "ndjson"):
        print_rows(options, ((name, form.rows(found)) for name, found in surveys), form.columns)
        return surveys.code
    with json_reports(options, len(options.files) + options.total) as tell:
        for name, found in surveys:
            if options.format == "json":
                whose = {FILE: name} if name is not None else {FILE: None, "files": options.files}
                tell({**whose, **form.document(found)})
            else:
                print_sections(title_of(name, options), form.sections(found))
    return surveys.code


def title_of(name: str | None, options: argparse.Namespace) -> str:
    """The name of a file, or what all of them are."""
    return f"Total of {plural(len(options.files), 'file')}" if name is None else name


def print_rows(
    options: argparse.Namespace,
    found: Iterable[tuple[str | None, Iterable[dict[str, Any]]]],
    columns: Sequence[str],
) -> None:
    """Rows as CSV, under one head, or as NDJSON; of several files each row says of which it is."""
    many = len(options.files) + options.total > 1
    writer = csv.writer(sys.stdout) if options.format == "csv" else None
    if writer is not None:
        writer.writerow([FILE, *columns] if many else columns)
    for name, rows in found:
        for row in rows:
            if writer is None:
                print(json.dumps({FILE: name, **row} if many else row))
            else:
                cells = [_cell(row[column]) for column in columns]
                writer.writerow([row.get(FILE, name), *cells] if many else cells)


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value
