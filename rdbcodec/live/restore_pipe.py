"""A connection that takes commands by the thousand and reads what is answered to them.

The answers to what a restore sends are short, and nearly all of them are +OK: so many of these are compared
at once.
"""

from __future__ import annotations

import errno
import selectors
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from rdbcodec.exports.resp_words import command
from rdbcodec.live.errors import errors_of, live_error
from rdbcodec.live.link import Link
from rdbcodec.live.replies import Answer, Replies

OK = b"+OK\r\n"
_MOST = 256 << 10  # bytes written at a time


class Pipe:
    """A link, used in bulk. LiveError without a `code` when the connection is lost."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.db: int | None = None  # that was selected
        self._socket = link.socket()
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._replies = Replies(self._socket, link.url)
        self.is_closed = False

    def ask(self, *words: bytes | str | int) -> Any:
        """The answer to one command, when no other is outstanding."""
        self.send((command(*words),))
        return self._replies.read()

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send commands as they are, in pieces.

        What is answered meanwhile is read: a proxy takes nothing more when nobody reads its answers.
        """
        for piece in pieces:
            left = memoryview(piece)
            while left:
                ready = self._wait()
                if ready & selectors.EVENT_READ:
                    self._replies.receive()
                if ready & selectors.EVENT_WRITE:
                    with errors_of(self.link.url):
                        left = left[self._socket.send(left[:_MOST]) :]

    def _wait(self) -> int:
        """Until it can be read or written."""
        found = self._ready.select(self._socket.gettimeout())
        if not found:
            raise live_error(self.link.url, "the server did not answer in time", errno.ETIMEDOUT)
        return found[0][1]

    def answers(self, count: int) -> list[Answer] | None:
        """So many answers; None for "all of them were OK"."""
        if self._replies.skip(OK * count):
            return None
        return [self._replies.read() for _ in range(count)]

    def close(self) -> None:
        """Give it up."""
        self.is_closed = True
        self._ready.close()
        with suppress(OSError):
            self.link.close()
