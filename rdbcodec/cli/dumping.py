"""What the commands that write the contents of one snapshot share: arguments, selecting, writing."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    STDIN,
    add_source_arguments,
    add_tail_argument,
    check_tail,
    open_file,
    progress_of,
)
from rdbcodec.cli.hiding import hidden
from rdbcodec.cli.outputs import add_force_argument, output_of
from rdbcodec.errors import RdbError
from rdbcodec.limits import COPIED_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.records import Record
from rdbcodec.reports.words import functions_left_out
from rdbcodec.showing import name as shown

if TYPE_CHECKING:
    from rdbcodec.facts.selection import Selection
    from rdbcodec.reading.runs import ShortStrings

_STRETCH = 8 << 20  # bytes of records in one iterator of a reader, of which nothing depends

InParts = Callable[[Reader, BinaryIO, "Callable[[], None] | None"], bool]


def add_dumping_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that writes what is in one snapshot."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin")
    parser.add_argument(
        "-o", "--output", default=STDIN, metavar="OUT", help="where to write (default: stdout)"
    )
    add_force_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    selecting.add_arguments(parser)


def write_selected(
    options: argparse.Namespace,
    form: Callable[[Iterator[Any]], Iterator[bytes]],
    *,
    tells_functions: bool,
    takes_runs: bool = False,
    in_parts: InParts | None = None,
) -> int:
    """Write a form of the selected records, the exit code; says so when it ends before the snapshot does.

    `tells_functions` says that the form has a place for function libraries, so that they can be missed;
    `takes_runs` that short strings may come in runs, if nobody looks at each key.
    `in_parts` writes all records with the help of other processes, if there are any; it says whether.
    """
    name = options.files[0]
    selection = selecting.selection_of(options)
    is_all = selection.is_empty and not options.fail_if_empty
    jobs = options.jobs if in_parts is not None and is_all and not options.hide_keys else 1
    with (
        output_of(options) as out,
        open_file(name, options, max_value=COPIED_VALUE, jobs=jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        left_out: Counter[str] = Counter()
        records: Iterator[Record | ShortStrings]
        if takes_runs and is_all and not options.hide_keys:
            records = chain.from_iterable(reader.short_runs(_STRETCH))
        else:
            records = _selected(reader, selection, options, left_out)
        try:
            if jobs == 1 or in_parts is None or not in_parts(reader, out, tick):
                _write(form(records), out, tick)
        except RdbError:
            if options.output == STDIN:
                out.flush()
                print(f"{shown(name)}: the output is incomplete", file=sys.stderr)
            raise
        check_tail(reader, options)
    if left_out["function"] and tells_functions:
        print(f"{shown(name)}: {functions_left_out(left_out['function'])}", file=sys.stderr)
    return selecting.no_match(name, selection, options)


def _selected(
    reader: Reader, selection: Selection, options: argparse.Namespace, left_out: Counter[str]
) -> Iterator[Record]:
    is_all = selection.is_empty and not options.fail_if_empty
    records = iter(reader) if is_all else selection.select(reader, left_out)
    return hidden(records, options.hide_keys) if options.hide_keys else records


def _write(pieces: Iterator[bytes], out: BinaryIO, tick: Callable[[], None] | None) -> None:
    for piece in pieces:
        out.write(piece)
        if tick is not None:
            tick()
