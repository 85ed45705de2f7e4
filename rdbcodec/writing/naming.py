"""Errors of the operating system with the name of the file, as its user calls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(name: str | None) -> Iterator[None]:
    """An OSError that leaves the body names this file."""
    try:
        yield
    except OSError as error:
        raise named(error, name) from error


def named(error: OSError, name: str | None) -> OSError:
    """The error as one of this file; without a name it keeps its own."""
    return OSError(error.errno, error.strerror or str(error), error.filename if name is None else name)
