"""A connection that takes commands by the thousand and reads what is answered to them.

The answers to what a restore sends are short, and nearly all of them are +OK: so many of these are compared
at once.
"""

from __future__ import annotations

import errno
import re
import selectors
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from rdbcodec.exports.resp_words import command
from rdbcodec.live.errors import errors_of, live_error
from rdbcodec.live.link import Link

OK = b"+OK\r\n"
_SIZE, _MOST = 64 << 10, 256 << 10  # bytes read, and written, at a time


class Refused(NamedTuple):
    """A server's -ERR: its name for it, and what it says behind."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code} {self.detail}".rstrip()


Answer = Any  # bytes, an int, Refused, None, or a list of these


class Pipe:
    """A link, used in bulk. LiveError without a `code` when the connection is lost."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.db: int | None = None  # that was selected
        self._socket = link.socket()
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._held = b""
        self.is_closed = False

    def ask(self, *words: bytes | str | int) -> Any:
        """The answer to one command, when no other is outstanding."""
        self.send((command(*words),))
        return self._answer()

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send commands as they are, in pieces.

        What is answered meanwhile is read: a proxy takes nothing more when nobody reads its answers.
        """
        for piece in pieces:
            left = memoryview(piece)
            while left:
                ready = self._wait()
                if ready & selectors.EVENT_READ:
                    self._read()
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
        wanted = OK * count
        while len(self._held) < len(wanted) and wanted.startswith(self._held):
            self._read()
        if self._held.startswith(wanted):
            self._held = self._held[len(wanted) :]
            return None
        return [self._answer() for _ in range(count)]

    def _answer(self) -> Answer:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            code, _, detail = rest.decode("utf-8", "replace").partition(" ")
            # Some servers answer with words alone; the first is no name then.
            return Refused(code, detail) if _CODE.fullmatch(code) else Refused("ERR", f"{code} {detail}")
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        raise live_error(self.link.url, "what the server answers is no answer to what was sent")

    def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            self._read()
        line, self._held = self._held[:end], self._held[end + 2 :]
        return line

    def _bulk(self, size: int) -> bytes | None:
        if size < 0:
            return None
        while len(self._held) < size + 2:
            self._read()
        data, self._held = self._held[:size], self._held[size + 2 :]
        return data

    def _read(self) -> None:
        with errors_of(self.link.url):
            data = self._socket.recv(_SIZE)
            if not data:
                raise ConnectionResetError("the server closed the connection")
        self._held += data

    def close(self) -> None:
        """Give it up."""
        self.is_closed = True
        self._ready.close()
        with suppress(OSError):
            self.link.close()


_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,30}")
