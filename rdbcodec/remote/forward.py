"""One stream from the front to the end, that goes on where a lost connection left it.

    class OfAStore(Forward):
        def _connect(self):     # a Body that begins at self.position, of the version called self._tag

A body is asked for piece by piece and nothing is held: the same bytes through a store's own package, whose
readahead passes from thread to thread, take four times the processor time (benchmarks/remote.py).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from http.client import HTTPException
from typing import Protocol

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote.urls import refusal

TRIES = 4  # connections one after another that bring nothing new
PAUSE = 0.5  # seconds before the second try, twice as many before each further one


class Stream(Protocol):
    """What a connection gives its bytes with."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def close(self) -> None:
        """Give it up."""


class Body(NamedTuple):
    """The bytes from a place on, how many there are (None when nobody says), and the version's tag."""

    stream: Stream
    size: int | None
    tag: str | None


class Forward(ABC):
    """A source that lies elsewhere; `size` is None when the server does not say."""

    lost: tuple[type[Exception], ...] = (OSError, HTTPException)  # what a connection that broke off raises

    def __init__(self, url: str) -> None:
        self.name = url
        self.position = 0
        self._tag: str | None = None
        self._stream: Stream | None = None
        self.size = self._begun().size

    @abstractmethod
    def _connect(self) -> Body:
        """The bytes from the position on. OSError, which names the URL, when no other try would help."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. OSError, which names the URL, when no try brings more."""
        for tries in range(TRIES):
            if tries:
                time.sleep(PAUSE * 2 ** (tries - 1))
            try:
                stream = self._stream or self._begun().stream
                data = stream.read(size)
            except self.lost as error:
                if isinstance(error, OSError) and error.filename == self.name:
                    raise  # it was refused in words of ours
                self.close()  # the next one goes on there
                continue
            if not data and self.size is not None and self.position < self.size:
                self.close()
                continue
            self.position += len(data)
            return data
        raise refusal(self.name, f"the connection was lost {TRIES} times after {self.position} bytes")

    def close(self) -> None:
        """Give up the connection."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _begun(self) -> Body:
        body = self._connect()
        self._stream, self._tag = body.stream, body.tag
        return body
