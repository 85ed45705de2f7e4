"""The command line without a process: `run` calls `main` between pipes of its own, as a process has them.

A process needs a fifth of a second to start, most of it for its imports. What only a process shows (signals,
closed streams, a terminal, its end) has processes in test_cli, test_files and test_signals, and
`test_a_call_says_what_a_process_says` holds both against each other.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO

from rdbcodec.cli.main import main


def run(*words: str | Path, data: bytes = b"") -> CompletedProcess[bytes]:
    """The exit code of a command that finds `data` in its stdin, and what it wrote."""
    out, err = bytearray(), bytearray()
    with _into(out) as stdout, _into(err, errors="backslashreplace") as stderr, _out_of(data) as stdin:
        before, sys.stdin = sys.stdin, stdin
        try:
            with redirect_stdout(stdout), redirect_stderr(stderr):
                code = main(list(map(str, words)))
        except SystemExit as end:  # argparse's word for wrong usage
            code = int(end.code or 0)
        finally:
            sys.stdin = before
    return CompletedProcess(words, code, bytes(out), bytes(err))


@contextmanager
def _into(written: bytearray, *, errors: str = "strict") -> Iterator[IO[str]]:
    """A stream into a pipe; what came out of the pipe is there in the end."""
    source, sink = os.pipe()

    def drain() -> None:
        with os.fdopen(source, "rb") as file:
            written.extend(file.read())

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        with os.fdopen(sink, "w", encoding="utf-8", errors=errors) as stream:
            yield stream
    finally:
        reader.join()


@contextmanager
def _out_of(data: bytes) -> Iterator[IO[str]]:
    """A stream out of a pipe that holds these bytes; whoever reads it may give up."""
    source, sink = os.pipe()

    def pour() -> None:
        with suppress(BrokenPipeError), os.fdopen(sink, "wb", buffering=0) as file:
            file.write(data)

    feeder = threading.Thread(target=pour)
    feeder.start()
    try:
        with os.fdopen(source) as stream:
            yield stream
    finally:
        feeder.join()
