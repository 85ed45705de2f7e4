"""A server that does what it is told, for what no real one does when it is wanted: runs out of memory, loses
a connection behind a command, sends a key elsewhere.

    with fake_server(tmp_path) as server:
        server.say("RESTORE", b"-OOM no memory\r\n")      once, to the next RESTORE
        server.say("RESTORE", HANG_UP)                     does it, and is gone before it answers
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

OK, NIL = b"+OK\r\n", b"$-1\r\n"
HANG_UP = b""
Key = tuple[int, bytes]


class FakeServer:
    """Its keys hold what RESTORE brought; `heard` has all commands but those of the beginning."""

    def __init__(self, listening: socket.socket, url: str, version: str) -> None:
        self.url = url
        self.version = version
        self.keys: dict[Key, bytes] = {}
        self.heard: list[list[bytes]] = []
        self.cluster: list[tuple[int, int, int]] = []  # first slot, last slot, port
        self.memory = (0, 0)  # maxmemory and used_memory
        self._said: dict[str, deque[bytes]] = defaultdict(deque)
        self._always: dict[str, bytes] = {}
        self._listening = listening
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def say(self, command: str, *answers: bytes) -> None:
        """What the next of these commands are answered, instead of being done."""
        self._said[command].extend(answers)

    def always(self, command: str, answer: bytes) -> None:
        """What each of these commands is answered."""
        self._always[command] = answer

    def settle(self) -> None:
        """Wait until connections that were closed are at their end: servers do what was sent before."""
        for thread in self._threads:
            thread.join(5)

    def words(self, command: str) -> list[list[bytes]]:
        """The commands of this name that came."""
        return [words for words in self.heard if words[0].upper() == command.encode()]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        db = 0
        queued: list[list[bytes]] | None = None
        with connection, connection.makefile("rb") as file, suppress(OSError):
            while words := _command(file):
                name = words[0].decode().upper()
                if name == "SELECT":
                    db = int(words[1])
                if name == "MULTI":
                    queued = []
                if queued is not None and name not in ("MULTI", "EXEC"):
                    queued.append(words)
                    answer = b"+QUEUED\r\n"
                elif queued is not None and name == "EXEC":
                    each = [self._answer(one[0].decode(), one, db) for one in queued]
                    answer, queued = b"*%d\r\n" % len(each) + b"".join(each), None
                else:
                    answer = self._answer(name, words, db)
                if answer == HANG_UP:
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                connection.sendall(answer)

    def _answer(self, name: str, words: list[bytes], db: int) -> bytes:
        if name not in _BEGINNING:
            self.heard.append(words)
        if name in self._always:
            return self._always[name]
        if self._said[name]:
            told = self._said[name].popleft()
            if told != HANG_UP:
                return told
            self._done(name, words, db)
            return HANG_UP
        return self._done(name, words, db)

    def _done(self, name: str, words: list[bytes], db: int) -> bytes:
        do: dict[str, Callable[[list[bytes], int], bytes]] = {
            "INFO": self._info,
            "RESTORE": self._restore,
            "EXISTS": lambda words, db: b":%d\r\n" % ((db, words[1]) in self.keys),
            "DUMP": lambda words, db: _bulk(self.keys.get((db, words[1]))),
            "RENAMENX": self._rename,
            "RENAME": self._rename,
            "DEL": self._delete,
            "CLUSTER": self._slots,
            "CONFIG": self._configured,
        }
        done = do.get(name)
        if done is None:
            if name in _MAKING:
                self.keys[db, words[1]] = b" ".join(words)
            return OK
        return done(words, db)

    def _info(self, *_: object) -> bytes:
        mode = b"cluster_enabled:%d\r\n" % bool(self.cluster)
        text = b"# Server\r\nredis_version:%b\r\nrole:master\r\n" % self.version.encode()
        return _bulk(text + mode + b"used_memory:%d\r\n# Keyspace\r\n" % self.memory[1])

    def _configured(self, words: list[bytes], _: int) -> bytes:
        told = self.memory[0] if words[2] == b"maxmemory" else 1 << 29
        return b"*2\r\n" + _bulk(words[2]) + _bulk(b"%d" % told)

    def _restore(self, words: list[bytes], db: int) -> bytes:
        if (db, words[1]) in self.keys and b"REPLACE" not in words[4:]:
            return b"-BUSYKEY Target key name already exists.\r\n"
        self.keys[db, words[1]] = words[3]
        return OK

    def _rename(self, words: list[bytes], db: int) -> bytes:
        if words[0] == b"RENAMENX" and (db, words[2]) in self.keys:
            return b":0\r\n"
        if (db, words[1]) not in self.keys:
            return b"-ERR no such key\r\n"
        self.keys[db, words[2]] = self.keys.pop((db, words[1]))
        return b":1\r\n" if words[0] == b"RENAMENX" else OK

    def _delete(self, words: list[bytes], db: int) -> bytes:
        return b":%d\r\n" % (self.keys.pop((db, words[1]), None) is not None)

    def _slots(self, *_: object) -> bytes:
        rows = [
            b"*3\r\n:%d\r\n:%d\r\n*3\r\n$9\r\n127.0.0.1\r\n:%d\r\n$1\r\nx\r\n" % row for row in self.cluster
        ]
        return b"*%d\r\n" % len(rows) + b"".join(rows)

    def stop(self) -> None:
        """Hang up, and listen no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._accepting, *self._threads):
            thread.join(5)


_BEGINNING = frozenset({"HELLO", "CLIENT", "INFO", "SELECT", "CONFIG", "CLUSTER", "AUTH", "MULTI"})
_MAKING = frozenset({"SET", "RPUSH", "SADD", "HSET", "ZADD"})


def _bulk(data: bytes | None) -> bytes:
    return NIL if data is None else b"$%d\r\n%b\r\n" % (len(data), data)


def _command(file: IO[bytes]) -> list[bytes]:
    line = file.readline()
    if not line:
        return []
    return [file.read(int(file.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]


@contextmanager
def fake_server(folder: Path | None = None, *, version: str = "7.2.6") -> Iterator[FakeServer]:
    """On a unix socket in a folder; on a port of this machine without one, as a node of a cluster has."""
    if folder is None:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{listening.getsockname()[1]}"
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(folder / "s"))
        listening.listen()
        url = f"unix://{folder / 's'}"
    server = FakeServer(listening, url, version)
    try:
        yield server
    finally:
        server.stop()
