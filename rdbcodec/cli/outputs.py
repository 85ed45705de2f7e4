"""What the commands that write a file share: arguments, what may be written to, stdout as a file.

An output is refused before anything is opened: an input is never written over, a terminal gets no binary
data.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from rdbcodec.cli.common import IO_ERROR, STDIN, USAGE, Refusal
from rdbcodec.cli.screens import STDOUT
from rdbcodec.errors import ContainerError
from rdbcodec.remote.urls import scheme_of
from rdbcodec.showing import name as shown
from rdbcodec.wire import crc64, lzf
from rdbcodec.writing.output import OutputPath, Whole, like, whole_output
from rdbcodec.writing.packing import SUFFIXES, Compression, check_compression, compression_of_name


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that writes a snapshot."""
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="where to write; - is stdout")
    add_force_argument(parser)
    parser.add_argument(
        "--blob",
        choices=("block", "page"),
        help="for a URL in Azure: the kind of blob to write; page is padded to 512 bytes (default: block)",
    )
    parser.set_defaults(writes_binary=True)


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Permission to replace a file, and to fill a terminal with bytes."""
    parser.add_argument("--force", action="store_true", help="write over an existing file, or to a terminal")


def add_compress_argument(parser: argparse.ArgumentParser) -> None:
    """What a snapshot that is written is wrapped in; see `compression_of`."""
    parser.add_argument(
        "--compress",
        choices=(*SUFFIXES.values(), "none"),
        help="wrap the file (default: what its suffix says)",
    )


def compression_of(options: argparse.Namespace) -> Compression | None:
    """What --compress, or else the suffix of the output, asks for; refused when its package is not here."""
    asked = options.compress or compression_of_name(options.output)
    if asked == "none":
        return None
    try:
        check_compression(asked)
    except ContainerError as error:
        raise Refusal(IO_ERROR, f"{shown(options.output)}: {error}") from None
    return asked


# --- what may be written to -------------------------------------------------------------------------


def prepare(options: argparse.Namespace) -> None:
    """Refuse outputs and inputs that cannot be meant, and have everything ready that writing needs."""
    inputs = _inputs(options)
    for path in filter(None, (getattr(options, name, None) for name in ("output", "profile_out", "report"))):
        if not getattr(options, "in_place", False):
            _refuse_input(path, inputs)
    if hasattr(options, "output"):
        _prepare_output(options)


def _inputs(options: argparse.Namespace) -> list[str]:
    single = (getattr(options, "circumstances", None), getattr(options, "targets_file", None))
    several = (getattr(options, "files", None), getattr(options, "profile_in", None))
    return [*filter(None, single), *(path for paths in several for path in paths or ())]


def _refuse_input(path: str, inputs: list[str]) -> None:
    """Also by another name: a link, or the file that stdin or stdout is."""
    written = _stat(path, sys.stdout)
    for source in inputs:
        if path == source and scheme_of(path):
            raise Refusal(IO_ERROR, f"{shown(path)}: is the input, which is never written over")
        read = _stat(source, sys.stdin)
        if written and read and os.path.samestat(written, read) and stat.S_ISREG(read.st_mode):
            same = "is the input" if path == source else f"is the same file as {shown(source)}"
            raise Refusal(IO_ERROR, f"{shown(path)}: {same}, which is never written over")


def _stat(path: str, stream: Any) -> os.stat_result | None:
    with suppress(OSError, ValueError):  # what is not there yet is not the input
        return os.stat(_place(path, stream))  # noqa: PTH116 - Path has none for a descriptor
    return None


def _place(path: str, stream: Any) -> str | int:
    return int(stream.fileno()) if path == STDIN else path


def _prepare_output(options: argparse.Namespace) -> None:
    if getattr(options, "blob", None) and not scheme_of(options.output):
        raise Refusal(USAGE, f"--blob is for URLs, and -o {shown(options.output)} is a file: `pad` pads one")
    stdout, written = _stat(STDIN, sys.stdout), _stat(options.output, sys.stdout)
    if stdout is not None and written is not None and os.path.samestat(stdout, written):
        options.output = STDIN  # /dev/stdout: the report must not follow the snapshot
    if getattr(options, "writes_binary", False):
        refuse_terminal(options)
    # An engine that is imported while there is a file would be a module in C that a signal meets half made.
    crc64.chosen()
    lzf.chosen()
    lzf.reader()


def refuse_terminal(options: argparse.Namespace) -> None:
    """Of what is not text, unless --force is given."""
    if is_terminal(options) and not options.force:
        raise Refusal(USAGE, "-o -: stdout is a terminal: redirect it, or use --force")


def is_terminal(options: argparse.Namespace) -> bool:
    """Whether what is written goes to the terminal."""
    return bool(getattr(options, "output", None) == STDIN and sys.stdout.isatty())


def print_account(lines: Iterable[str], options: argparse.Namespace) -> None:
    """What is told of a snapshot that was written: to stdout, unless the snapshot went there."""
    out = sys.stderr if options.output == STDIN else sys.stdout
    for line in lines:
        print(shown(line), file=out)


# --- the files --------------------------------------------------------------------------------------


def path_of(options: argparse.Namespace) -> OutputPath:
    """The path that -o names; a new file gets the mode of the input, a blob is of the kind asked for."""
    path = like_input(options.output, options)
    path.page = getattr(options, "blob", None) == "page"
    return path


def like_input(path: str, options: argparse.Namespace) -> OutputPath:
    """A path to write to; a new file there gets the mode of the input."""
    source = options.files[0]
    return like(path, sys.stdin.fileno() if source == STDIN else source)


def output_of(options: argparse.Namespace) -> AbstractContextManager[Any]:
    """The file that -o names: there whole when the body is done, not at all when it fails; - is stdout.

    Raises FileExistsError when there is such a file and --force does not allow to replace it.
    """
    if options.output != STDIN:
        return whole_output(path_of(options), replace=options.force)
    # Who reads a listing may go away when he has seen enough; who reads a snapshot may not.
    binary = getattr(options, "writes_binary", False) or getattr(options, "format", None) == "resp"
    return whole_output(Whole(sys.stdout.buffer, STDIN if binary else STDOUT))


def whole_output_of(options: argparse.Namespace) -> AbstractContextManager[Any]:
    """The same for what is right only when it is whole: stdout gets nothing before that."""
    return whole_stdout() if options.output == STDIN else output_of(options)


@contextmanager
def whole_stdout() -> Iterator[Whole]:
    """A file that goes to stdout when the body is done: what a pipe was given cannot be taken back."""
    with tempfile.TemporaryFile() as spool:
        held = Whole(spool, f"{tempfile.gettempdir()}, which holds what goes to -o -")
        yield held
        held.flush()
        spool.seek(0)
        out = Whole(sys.stdout.buffer, STDIN)
        shutil.copyfileobj(spool, out)
        out.flush()
