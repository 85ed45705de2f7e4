"""The files of a command that reads several of them, or one of them more than once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from rdbcodec.cli.common import open_file
from rdbcodec.reading.reader import Reader
from rdbcodec.remote.urls import size_of


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
        self._readers: dict[str, list[Reader]] = {}

    def opener(self, name: str) -> Callable[[], Reader]:
        """What opens a file; an error of its reading is told with its name."""

        def opened() -> Reader:
            self._options.current = name
            reader = open_file(name, self._options, max_value=self._max_value)
            self._readers[name] = [*self._readers.get(name, ())[: self._times - 1], reader]
            return reader

        return opened

    @property
    def bytes_read(self) -> int:
        """For the progress bar."""
        return sum(reader.bytes_read for readers in self._readers.values() for reader in readers)
