"""What the commands that write a snapshot from another share: arguments, the run, the report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from rdbcodec.cli import selecting
from rdbcodec.cli.common import (
    NEGATIVE,
    STDIN,
    add_report_format_argument,
    add_tail_argument,
    open_file,
    print_json,
    progress_of,
)
from rdbcodec.cli.hints import hint_of
from rdbcodec.cli.jobs import add_jobs_argument
from rdbcodec.cli.outputs import add_compress_argument, compression_of, path_of, whole_stdout
from rdbcodec.errors import LossyConversion
from rdbcodec.limits import COPIED_VALUE, LAID_OUT_VALUE
from rdbcodec.losses import Loss
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports.words import functions_left_out, json_key, modules_kept, plural, text
from rdbcodec.servers import Server
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown
from rdbcodec.writing.again import suits_parts
from rdbcodec.writing.conversion import convert
from rdbcodec.writing.create import DEFAULT_DATABASES
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.result import Conversion

if TYPE_CHECKING:
    from rdbcodec.facts.selection import Selection
    from rdbcodec.reading.reader import Reader


def add_writing_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what becomes of the output."""
    parser.add_argument("--allow-loss", action="store_true", help="write what can be held, report the rest")
    add_compress_argument(parser)
    add_tail_argument(parser)
    add_repair_arguments(parser)
    add_jobs_argument(parser)
    selecting.add_arguments(parser)
    add_report_format_argument(parser)


def add_repair_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with keys that no server loads, or drops."""
    parser.add_argument(
        "--on-duplicate",
        choices=("error", "first", "last", "allow"),
        default="error",
        help="of a key that is there twice: refuse, keep one, or write both (default: error)",
    )
    parser.add_argument(
        "--drop-empty", action="store_true", help="leave out keys without elements, as Redis since 6.2 does"
    )


def count(text: str) -> int:
    """How many databases there are, as an argument."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of databases")
    return int(text)


def write_snapshot(
    options: argparse.Namespace,
    *,
    server: Server | None,
    fold: Folding | None = None,
    look: bool = True,
    verb: str,
) -> int:
    """Convert what the options choose of the file they name, report, and give the exit code."""
    name, selection = options.files[0], selecting.selection_of(options)
    # What is only copied need not be held; what is laid out anew is, or it would get a simpler layout.
    most = COPIED_VALUE if server is None else LAID_OUT_VALUE
    opened = _Opened(name, options, most, jobs=_jobs(options, selection, fold))
    try:
        with progress_of(name, opened, options) as tick:
            done = _convert(
                opened,
                options,
                to=server,
                keep=None if selection.is_empty else selection.take,
                functions=selection.takes_functions,
                fold_databases=fold,
                look=look,
                progress=tick,
            )
    except LossyConversion as error:
        return _refuse(name, error, options)
    _report(done, options, verb, fold, server)
    return selecting.no_match(name, selection, options, taken=done.keys)


def _jobs(options: argparse.Namespace, selection: Selection, fold: Folding | None) -> int | None:
    """How many processes do it: one where it takes all keys to know which are written, and where."""
    of_keys = {"on_duplicate": options.on_duplicate, "drop_empty": options.drop_empty}
    is_file = options.output != STDIN and selection.limit is None
    return options.jobs if is_file and suits_parts(options.output, fold=fold, **of_keys) else 1


class _Opened:
    """The source, as often as it is read: stdin once, a file perhaps twice."""

    def __init__(self, name: str, options: argparse.Namespace, max_value: int, *, jobs: int | None) -> None:
        self._name = name
        self._options = options
        self._max_value = max_value
        self._jobs = jobs
        self._reader: Reader | None = None

    def __call__(self) -> Reader:
        self._reader = open_file(self._name, self._options, max_value=self._max_value, jobs=self._jobs)
        return self._reader

    @property
    def bytes_read(self) -> int:
        """For the progress bar."""
        return 0 if self._reader is None else self._reader.bytes_read

    @property
    def size(self) -> int | None:
        """For the progress bar."""
        return None if self._reader is None else self._reader.size


def _convert(opened: _Opened, options: argparse.Namespace, **told: Any) -> Conversion:
    """To a file; to stdout only what is whole, because what is written there cannot be taken back."""
    told |= {
        "allow_loss": options.allow_loss,
        "replace": options.force,
        "ignore_tail": options.ignore_tail,
        "on_duplicate": options.on_duplicate,
        "drop_empty": options.drop_empty,
        "compression": compression_of(options),
    }
    source = opened if can_be_read_again(options.files[0]) else opened()
    if options.output != STDIN:
        return convert(source, path_of(options), **told)
    with whole_stdout() as spool:
        return convert(source, spool, **told)


def _refuse(name: str, error: LossyConversion, options: argparse.Namespace) -> int:
    if options.format == "json":
        document = {
            "file": name,
            "target": error.server,
            "written": False,
            "losses": _json(error.losses, options),
        }
        print_json(document)
    print(f"{shown(name)}: {error.server} cannot hold everything, nothing was written:", file=sys.stderr)
    _print_losses(error.losses, options)
    print("with --allow-loss the rest is written all the same", file=sys.stderr)
    if hint := hint_of(error):
        print(hint, file=sys.stderr)
    return NEGATIVE


def _report(
    done: Conversion, options: argparse.Namespace, verb: str, fold: Folding | None, server: Server | None
) -> None:
    """The report goes to stdout, unless the snapshot went there."""
    to_stdout = options.output == STDIN
    if options.format == "json" and not to_stdout:
        document: dict[str, Any] = {
            "file": options.files[0],
            "output": options.output,
            "target": done.target,
            "written": True,
            "keys": done.keys,
            "left_out": done.filtered,
            "left_out_functions": done.filtered_functions,
            "modules": list(done.modules),
            "databases": done.databases,
            "renamed": {str(db): keys for db, keys in done.renamed.items()},
            "losses": _json(done.losses, options),
            "hints": _json(done.hints, options),
        }
        print_json(document)
        return
    left_out = f", {done.filtered:,} left out" if done.filtered else ""
    out = sys.stderr if to_stdout else sys.stdout
    print(f"{shown(options.output)}: {plural(done.keys, 'key')} {verb} {done.target}{left_out}", file=out)
    if done.filtered_functions:
        print(f"  {functions_left_out(done.filtered_functions)}", file=out)
    if done.modules:
        print(f"  {modules_kept(done.modules)}", file=out)
    if done.databases > DEFAULT_DATABASES:
        print(f"  it loads in a server with databases {done.databases} or more, 16 is the default", file=out)
    if compression_of(options) is not None and server is not None and server.gzip == "unknown":
        print(f"  nobody says whether {server.name} takes a compressed file", file=out)
    if fold is not None:
        _print_renamed(done, fold, out)
    print_losses(done.losses, done.hints, out, hide_keys=options.hide_keys)


def print_losses(losses: Iterable[Loss], hints: Iterable[Loss], out: TextIO, *, hide_keys: Hiding) -> None:
    """What became of the rest, a line each."""
    for title, told in (("lost", losses), ("hints left out", hints)):
        for loss in told:
            print(f"  {title}: {loss.text(hide_keys=hide_keys)}", file=out)


def _print_renamed(done: Conversion, fold: Folding, out: TextIO) -> None:
    """Whose keys the application has to look for under other names."""
    for db, keys in done.renamed.items():
        print(f"  renamed: {plural(keys, 'key')} of database {db} to {text(fold.prefix(db))}...", file=out)
    if not done.renamed.get(0):
        print("  keys of database 0 keep their names", file=out)


def _print_losses(losses: tuple[Loss, ...], options: argparse.Namespace) -> None:
    for loss in losses:
        print(f"  {loss.text(hide_keys=options.hide_keys)}", file=sys.stderr)


def _json(losses: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    return [_loss_json(loss, hide_keys=options.hide_keys) for loss in losses]


def _loss_json(loss: Loss, *, hide_keys: Hiding) -> dict[str, Any]:
    first: dict[str, Any] = {"offset": loss.offset}
    if loss.db is not None and loss.key is not None:
        first |= {"db": loss.db, "key": json_key(loss.key, hide_keys)}
    return {"kind": loss.kind, "times": loss.times, "says": loss.says, "first": first}
