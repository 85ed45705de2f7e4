"""stdout and stderr as words go to them: without secrets, in whatever encoding, with their name in errors."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from rdbcodec.showing import masked
from rdbcodec.writing.naming import naming

STDOUT = "<stdout>"  # its name in errors


class Screen:
    """A text stream on which no secret is printed (see showing). Its `buffer` takes data and is as it was."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str, /) -> int:
        """Print, without secrets."""
        with naming(self._name):
            self._stream.write(masked(text))
        return len(text)

    def flush(self) -> None:
        """Hand on what is held back."""
        with naming(self._name):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def screens() -> Iterator[None]:
    """The two standard streams are Screens in the body."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        # On Windows and in the C locale not every character can be printed: an escape says what it was.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.stdout = cast("TextIO", Screen(streams[0], STDOUT))
        sys.stderr = cast("TextIO", Screen(streams[1], "<stderr>"))
        yield
    finally:
        sys.stdout, sys.stderr = streams


def leave_stdout() -> None:
    """What stdout still holds cannot be written, and Python must not say so once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
