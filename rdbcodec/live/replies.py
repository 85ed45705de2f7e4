"""What a server answers, in RESP2, as it comes from its socket.

    +OK  :1  $3 abc  *2 ...  -ERR why     bytes, an int, bytes, a list of these, Refused; $-1 and *-1: None

A long string is received where it stays. redis-py holds one three times while it reads it. One that need not
be held is lent: its bytes pass by.
"""

from __future__ import annotations

import errno
import io
import socket
from collections.abc import Iterator
from typing import Any

from rdbcodec.live.errors import errors_of, live_error, name_and_detail
from rdbcodec.named_tuples import NamedTuple

_SIZE = 64 << 10  # bytes received at a time; strings above it are received by themselves


class Refused(NamedTuple):
    """A server's -ERR: its name for it, and what it says behind."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code} {self.detail}".rstrip()


Answer = Any  # bytes, an int, Refused, None, Lent, or a list of these


class Replies:
    """Answers one after another. LiveError without a `code` when the connection is lost."""

    def __init__(self, socket: socket.socket, url: str) -> None:
        self._socket = socket
        self._url = url
        self._held = b""  # received; read up to `_pos`
        self._pos = 0

    def read(self, lend: int | None = None) -> Answer:
        """The next one. A string of more than `lend` bytes is Lent: take it before the next answer."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return Refused(*name_and_detail(rest.decode("utf-8", "replace")))
        if kind == b"$":
            size = int(rest)
            return self._bulk(size) if lend is None or size <= lend else Lent(self, size)
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self.read(lend) for _ in range(count)]
        raise live_error(self._url, "what the server answers is no answer to what was sent")

    def skip(self, wanted: bytes) -> bool:
        """Read these very bytes, if nothing else comes."""
        while (held := len(self._held) - self._pos) < len(wanted) and self._held.endswith(wanted[:held]):
            self.receive()
        if not self._held.startswith(wanted, self._pos):
            return False
        self._pos += len(wanted)
        return True

    def receive(self) -> None:
        """Take what the server sent meanwhile; wait for it when that is nothing yet."""
        with errors_of(self._url):
            data = self._socket.recv(_SIZE)
        self._held = self._held[self._pos :] + (data or self._lost())
        self._pos = 0

    def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n", self._pos)) < 0:
            self.receive()
        line, self._pos = self._held[self._pos : end], end + 2
        return line

    def _bulk(self, size: int) -> bytes | None:
        if size < 0:
            return None
        if size > _SIZE:
            data = self._long(size)
        else:
            self._hold(size)
            data = self._held[self._pos : self._pos + size]
            self._pos += size
        self.end_line()
        return data

    def some(self, most: int) -> bytes:
        """So many bytes of a string, or fewer."""
        if self._pos == len(self._held):
            self.receive()
        data = self._held[self._pos : self._pos + most]
        self._pos += len(data)
        return data

    def end_line(self) -> None:
        """Take what stands behind each string."""
        self._hold(2)
        self._pos += 2

    def _hold(self, size: int) -> None:
        while len(self._held) - self._pos < size:
            self.receive()

    def _long(self, size: int) -> bytes:
        whole = io.BytesIO()  # its bytes are given away in the end, not copied
        whole.seek(size - 1)
        whole.write(b"\0")
        with whole.getbuffer() as view:
            here = self._held[self._pos : self._pos + size]
            self._pos += len(here)
            view[: len(here)] = here
            at = len(here)
            while at < size:
                with errors_of(self._url):
                    at += self._socket.recv_into(view[at:]) or self._lost()
        return whole.getvalue()

    def _lost(self) -> Any:
        raise live_error(self._url, "the server closed the connection", errno.ECONNRESET)


class Lent:
    """A string of an answer that is not held: its bytes pass by, once."""

    def __init__(self, replies: Replies, size: int) -> None:
        self._replies = replies
        self._size = size

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[bytes]:
        """All of it."""
        left = self._size
        while left:
            piece = self._replies.some(left)
            left -= len(piece)
            yield piece
        self._replies.end_line()
