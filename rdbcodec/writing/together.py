"""Several files that appear together, all of them whole, or none."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rdbcodec.writing.naming import naming
from rdbcodec.writing.output import NAME_SHOWN, OutputPath

if TYPE_CHECKING:
    from typing_extensions import Self


class Together:
    """The files; leave its `with` block without an exception, and they have their names.

    Each is written under a temporary name beside its own, is whole and closed there, and waits. Only when all
    are there they are renamed, one after the other: what ends the process between two renames is all that can
    leave some without the others.
    """

    def __init__(self, *, replace: bool) -> None:
        self._replace = replace
        self._waiting: list[tuple[Path, Path, str]] = []
        self._finalizer = weakref.finalize(self, _remove, self._waiting, os.getpid())

    def place_for(self, path: str, mode: int) -> OutputPath:
        """Where to write what gets this name. Raises OSError for a name that cannot be written to."""
        target = Path(path)
        with naming(path):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a directory")
            if target.exists() and not self._replace:
                raise FileExistsError(errno.EEXIST, "exists already")
            if target.exists():
                mode = stat.S_IMODE(target.stat().st_mode)
        target = target.resolve()  # what a symbolic link points at is replaced, not the link
        scratch = target.with_name(f".{target.name[:NAME_SHOWN]}.{secrets.token_hex(8)}.tmp")
        self._waiting.append((scratch, target, path))
        return OutputPath(scratch, mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._rename()
        finally:
            self._finalizer()

    def _rename(self) -> None:
        for scratch, target, name in self._waiting:
            with naming(name):
                if target.exists() and not self._replace:
                    raise FileExistsError(errno.EEXIST, "exists already")
                scratch.replace(target)


def _remove(waiting: list[tuple[Path, Path, str]], process: int) -> None:
    """Those that did not get their names."""
    if process == os.getpid():
        for scratch, _, _ in waiting:
            with suppress(OSError):  # the error that brought us here says more
                scratch.unlink(missing_ok=True)
