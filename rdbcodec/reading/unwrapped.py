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
from rdbcodec.reading.placed import Placed
from rdbcodec.reading.source import CHUNK, Source, open_raw

if TYPE_CHECKING:
    from collections.abc import Callable


class Unwrapped(Placed):
    """The bytes; close it, or use it in `with`.

    `containers` names what was taken off, `mark` what a replication stream ends with. `failure` is what is
    wrong with the container: the bytes end there.
    """

    def __init__(self, source: Source, *, progress: Callable[[], object] | None = None) -> None:
        raw, close = open_raw(source)
        self.failure: DamagedContainer | None = None
        self._mended: tuple[int, bytes] | None = None
        try:
            opened = Opened(raw)
            self.containers, self.mark = tuple(opened.containers), opened.mark
            if not self.containers and isinstance(source, str | os.PathLike) and Path(source).is_file():
                file = _opened(source)
            else:
                file = self._spooled(opened, progress)
        finally:
            close()
        super().__init__(file)

    def mend(self, offset: int, byte: int) -> None:
        """Have another byte at a place from now on; the file stays as it is."""
        self._mended = offset, bytes((byte,))

    def read_at(self, pos: int, size: int) -> bytes:
        """So many bytes from a place on; fewer where they end."""
        data = super().read_at(pos, size)
        if self._mended is not None:
            offset, byte = self._mended
            if 0 <= (at := offset - pos) < len(data):
                return data[:at] + byte + data[at + 1 :]
        return data

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


def _opened(path: str | os.PathLike[str]) -> IO[bytes]:
    return Path(path).open("rb")
