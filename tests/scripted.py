"""A server that says what a test tells it to: a thread on a loopback port, RESP in, bytes out.

    with Scripted({"PING": b"+PONG\\r\\n"}) as server: connect(server.url)

An answer is bytes, or a function of the words. What is not in the table is an unknown command.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

Answer = bytes | Callable[[list[bytes]], bytes]
HANG_UP = b"\0hang up"  # behind an answer: the server closes the connection


def bulk(data: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(data), data)


def info(*lines: str) -> bytes:
    """INFO of a Redis 7.2 with these lines more."""
    words = ("# Server", "redis_version:7.2.6", "redis_mode:standalone", "role:master", *lines)
    return bulk("\r\n".join(words).encode())


class Scripted:
    """The server; `asked` is what it was asked, one list of words a command."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers: dict[str, Answer] = {
            "CLIENT": b"+OK\r\n",
            "SELECT": b"+OK\r\n",
            "INFO": info(),
            **answers,
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.asked: list[list[bytes]] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            try:
                while line := file.readline():
                    words = [file.read(int(file.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
                    self.asked.append(words)
                    answer = self._answer(words)
                    connection.sendall(answer.removesuffix(HANG_UP))
                    if answer.endswith(HANG_UP):
                        return
            except (OSError, ValueError):
                return  # the client went away

    def _answer(self, words: list[bytes]) -> bytes:
        name = words[0].decode().upper()
        found = self.answers.get(name)
        if found is None:
            return b"-ERR unknown command '%s', with args beginning with: 'a secret'\r\n" % words[0]
        return found if isinstance(found, bytes) else found(words)
