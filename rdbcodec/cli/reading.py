"""The files of a command that reads several of them, or one of them more than once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rdbcodec.cli.common import open_file
from rdbcodec.reading.reader import Reader
from rdbcodec.remote.urls import SERVERS, scheme_of, size_of

if TYPE_CHECKING:
    from rdbcodec.live.source import Spool
    from rdbcodec.tools.diff import Ignored


class Readings:
    """Opens files when it is their turn, and knows how far the reading of all is: each `times` times.

    Of a file that is opened more often only the last reading counts.
    """

    def __init__(
        self, names: Sequence[str], options: argparse.Namespace, *, max_value: int, times: int = 1
    ) -> None:
        self.size = times * sum(map(size_of, names))
        self._options = options
        self._max_value = max_value
        self._times = times
        self._spools: dict[str, Spool] = {}
        self._readers: dict[str, list[Reader]] = {}

    def ask_servers(self, names: Sequence[str]) -> None:
        """Have the data of the servers among them: what expires later had not expired for them."""
        for name in names:
            self._options.current = name
            self._place(name)

    def not_comparable(self) -> frozenset[Ignored]:
        """What the servers among them did not tell, because only a snapshot of their own has it."""
        scans = (spool.found.scanned for spool in self._spools.values())
        return frozenset().union(*(scan.not_comparable() for scan in scans if scan is not None))

    def opener(self, name: str) -> Callable[[], Reader]:
        """What opens a file; an error of its reading is told with its name."""

        def opened() -> Reader:
            self._options.current = name
            reader = open_file(self._place(name), self._options, max_value=self._max_value)
            self._readers[name] = [*self._readers.get(name, ())[: self._times - 1], reader]
            return reader

        return opened

    def _place(self, name: str) -> str:
        """Where to read it: a server is asked once, whatever it holds the next time."""
        if scheme_of(name) not in SERVERS:
            return name
        if name not in self._spools:
            from rdbcodec.live.source import Spool  # noqa: PLC0415 - only where there is a server

            self._spools[name] = Spool(name)
            self.size += self._times * size_of(self._spools[name].path)
        return self._spools[name].path

    @property
    def bytes_read(self) -> int:
        """For the progress bar."""
        return sum(reader.bytes_read for readers in self._readers.values() for reader in readers)
