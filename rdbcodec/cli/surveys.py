"""What `stat`, `top`, `prefix` and `ttl` share: one pass over each file, and with --total over all of them.

A verb says which pass it is and how its result is told: as tables, as a document, as rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    OK,
    add_source_arguments,
    json_reports,
    open_file,
    print_sections,
    progress_of,
)
from rdbcodec.cli.fleets import Files
from rdbcodec.cli.jobs import add_fleet_arguments
from rdbcodec.cli.memory import add_memory_arguments
from rdbcodec.facts.passes import Pass, run
from rdbcodec.facts.slot_pass import SlotPass
from rdbcodec.facts.slots import Coverage
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reports.slots import slot_sections, slots_json
from rdbcodec.reports.tables import Section

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
    add_fleet_arguments(parser)
    selecting.add_arguments(parser)


class Surveyed(NamedTuple):
    """The result of a pass over a file, and the slots of its keys where somebody asked."""

    found: Any
    slots: set[int] | None


PassOf = Callable[..., Pass[Any]]  # called with the `selection`, and of some passes with the `file`


class Surveys:
    """The result of a pass for each file by its name, and in the end by None that of all, if asked for.

    A result is closed when the next one is asked for. `code` is the exit code so far. `pass_of` goes to other
    processes, unless it is one that works `in_turn`; of several files it `names_files`, if asked to.
    `with_slots` has `coverage` tell the slots of the files, when all are read.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        pass_of: PassOf,
        *,
        names_files: bool = False,
        with_slots: bool = False,
        in_turn: bool = False,
    ) -> None:
        self._options = options
        self._code = OK
        many = len(options.files) > 1
        work = partial(
            _survey,
            pass_of=pass_of,
            names_files=names_files and many,
            with_slots=with_slots and many and options.total,
        )
        self.files = Files(options, work, in_turn=in_turn)
        self.coverage = Coverage()

    @property
    def code(self) -> int:
        """The weightiest so far."""
        return max(self._code, self.files.code)

    def __iter__(self) -> Iterator[tuple[str | None, Any]]:
        total, options = None, self._options
        try:
            for name, (found, slots) in self.files:
                taken = selecting.selection_of(options)
                self._code = max(self._code, selecting.no_match(name, taken, options, taken=found.seen))
                if slots is not None:
                    self.coverage.add(name, slots)
                try:
                    yield name, found
                    if options.total:
                        total = found if total is None else total.merge(found)
                finally:
                    if found is not total:
                        _close(found)
            if options.total and total is not None:
                yield None, total
        finally:
            _close(total)


def _survey(
    name: str, options: argparse.Namespace, *, pass_of: PassOf, names_files: bool, with_slots: bool
) -> Surveyed:
    """Read a file, maybe in another process."""
    selection = selecting.selection_of(options)
    file = {FILE: name} if names_files else {}
    passes = [pass_of(selection=selection, **file)]
    if with_slots and selection.is_empty:
        passes.append(SlotPass())
    with (
        open_file(name, options, max_value=COUNTED_VALUE, jobs=options.jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        found, *slots = run(reader, passes, progress=tick)
    return Surveyed(found, slots[0] if slots else None)


def _close(found: Any) -> None:
    if hasattr(found, "close"):
        found.close()


def report(
    options: argparse.Namespace,
    pass_of: PassOf,
    form: Form,
    *,
    names_files: bool = False,
    with_slots: bool = False,
) -> int:
    """Print what is found in each file in the format that was asked for; the exit code."""
    surveys = Surveys(options, pass_of, names_files=names_files, with_slots=with_slots)
    if options.format in ("csv", "ndjson"):
        print_rows(options, ((name, form.rows(found)) for name, found in surveys), form.columns)
        return surveys.code
    with json_reports(options, len(options.files) + options.total) as tell:
        for name, found in surveys:
            if options.format == "json":
                whose = {FILE: name} if name is not None else surveys.files.of_all()
                has_slots = name is None and surveys.coverage.files
                slots = {"slots": slots_json(surveys.coverage)} if has_slots else {}
                tell({**whose, **form.document(found), **slots})
            else:
                slots_of_all = slot_sections(surveys.coverage) if name is None else []
                title = surveys.files.title() if name is None else name
                print_sections(title, [*form.sections(found), *slots_of_all])
        if options.format == "json":
            surveys.files.tell_unread(tell)
    return surveys.code


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
