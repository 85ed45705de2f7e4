"""A reader that others help, when the file is one that can be read in parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rdbcodec.reading.parallel.guess import RECORDS
from rdbcodec.reading.parallel.jobs import PART, jobs_for
from rdbcodec.reading.parallel.scan import AHEAD, Hands, Scan, Start, Work
from rdbcodec.reading.parallel.section import How, Section
from rdbcodec.reading.reader import Reader
from rdbcodec.wire.crc64 import settle

if TYPE_CHECKING:
    from typing_extensions import Unpack


class InParts(Section):
    """A reader of a path that others help: see `Reader.in_parts`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        how: How,
        start: Start,
        *,
        size: int = PART,
        records: int = RECORDS,
    ) -> None:
        super().__init__(path, how)
        self._how = how
        self._start = start
        self._size, self._needed = size, records
        self.joined = self.read_here = 0  # parts, when all was read
        if not self.containers:
            self.in_parts = self._read_in_parts

    def _read_in_parts(self, work: Work, progress: Callable[[], Any] | None) -> None:
        scan = Scan(
            self, work, self._start, self._how, size=self._size, records=self._needed, progress=progress
        )
        try:
            scan.run()
        finally:
            self.joined, self.read_here = scan.joined, scan.read_here


def open_in_parts(path: str | os.PathLike[str], jobs: int | None = None, **how: Unpack[How]) -> Reader:
    """A reader of a path whose passes several processes run; see `jobs_for` and rdbcodec.scan."""
    count = jobs_for(path, jobs)
    if count < 2:
        return Reader(path, **how)

    def start(same_hashes: bool) -> Hands | None:
        from rdbcodec.reading.parallel import workers  # noqa: PLC0415 - only large files need others

        method = workers.start_method()
        if method == "fork":
            settle()
        elif same_hashes:
            return None
        return workers.Processes(count, method, ahead=AHEAD)

    return InParts(path, how, start)
