"""The bytes of a snapshot with its wrappings taken off, to be read at any place and as often as wanted.

A plain file is read where it is. What comes out of a container, a pipe or memory goes through a temporary
file, as far as the container gives it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rdbcodec.errors import DamagedContainer
from rdbcodec.reading.containers import Opened
from rdbcodec.reading.sorted_runs import read_at
from rdbcodec.reading.source import CHUNK, Source, open_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


class Unwrapped:
    """The bytes; close it, or use it in `with`.

    `containers` names what was taken off, `mark` what a replication stream ends with. `failure` is what is
    wrong with the container: the bytes end there.
    """

    def __init__(self, source: Source, *, progress: Callable[[], object] | None = None) -> None:
        raw, close = open_raw(source)
        self.failure: DamagedContainer | None = None
        self._file: IO[bytes] | None = None
        file: IO[bytes]
        try:
            opened = Opened(raw)
            self.containers, self.mark = tuple(opened.containers), opened.mark
            if not self.containers and isinstance(source, str | os.PathLike) and Path(source).is_file():
                self._file = file = _opened(source)
            else:
                self._file = file = self._spooled(opened, progress)
            self.size = file.seek(0, os.SEEK_END)
        except BaseException:
            self.close()
            raise
        finally:
            close()

    def _spooled(self, opened: Opened, progress: Callable[[], object] | None) -> IO[bytes]:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        try:
            while data := opened.read(CHUNK):
                spool.write(data)
                if progress is not None:
                    progress()
        except DamagedContainer as error:
            self.failure = error
        except BaseException:
            spool.close()
            raise
        return spool

    def read_at(self, pos: int, size: int) -> bytes:
        """So many bytes from a place on; fewer where they end."""
        assert self._file is not None  # set before anybody has this
        return read_at(self._file, pos, size)

    def stream(self, pos: int) -> Stream:
        """The bytes from a place on, in their order."""
        return Stream(self, pos)

    def close(self) -> None:
        """Give up the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _opened(path: str | os.PathLike[str]) -> IO[bytes]:
    return Path(path).open("rb")


class Stream:
    """A source of the bytes from `pos` on."""

    def __init__(self, whole: Unwrapped, pos: int) -> None:
        self._whole = whole
        self.pos = pos
        self.size = whole.size - pos

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        data = self._whole.read_at(self.pos, size)
        self.pos += len(data)
        return data
