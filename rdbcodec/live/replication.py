"""A server's snapshot by its replication stream, as a replica gets it: all data of one moment.

    PING                                    +PONG
    REPLCONF version 9.1.2                  Valkey only: else it writes what its oldest replicas read
    REPLCONF listening-port 0               what is not known or not allowed is left out
    REPLCONF capa eof
    REPLCONF rdb-only 1                     since 7.0 a server keeps no changes back for such a replica
    SYNC                                    line ends, while the server waits, forks and saves; then
                                            $187, and so many bytes: the snapshot went to a disk first
                                            $EOF:<40>, bytes, and the 40 again: it comes as it is made

A connection that ends before the last byte is an error: what came is no snapshot.
"""

from __future__ import annotations

import errno
import re

from rdbcodec.live.connect import Live, Node
from rdbcodec.live.errors import LiveError, errors_of, live_error, name_and_detail, of_refusal
from rdbcodec.live.identity import Identity
from rdbcodec.live.link import Link

CHUNK = 256 << 10
_MARK = 40  # bytes that say where a snapshot ends whose size nobody knew
_LONGEST_LINE = 1 << 10
_LINE = re.compile(rb"\$(?:(\d{1,19})|EOF:(.{%d}))" % _MARK, re.DOTALL)


class Replication:
    """The snapshot as a source: `size` is None when the server does not know it before its end."""

    def __init__(self, live: Live, node: Node | None = None) -> None:
        self._link = live.link_to(node, db=0)
        self.name = self._link.url
        self.position = 0
        self._held = b""
        self._ended = False
        try:
            _introduce(self._link, live.identity)
            self._link.send([("SYNC",)])
            self._socket = self._link.socket()
            self.size, self._mark = self._announced()
        except BaseException:
            self._link.close()
            raise

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. LiveError when the connection is lost before it."""
        if self._ended:
            return b""
        data = self._until_mark(size) if self._mark else self._of_size(size)
        self.position += len(data)
        return data

    def close(self) -> None:
        """Give it up; the server stops what it does for it."""
        self._link.close()

    def _of_size(self, size: int) -> bytes:
        left = (self.size or 0) - self.position
        if not left:
            self._ended = True
            return b""
        if self._held:
            data, self._held = self._held[: min(size, left)], self._held[min(size, left) :]
            return data
        return self._received(min(size, left))

    def _until_mark(self, size: int) -> bytes:
        """What surely stands before the mark; the last bytes wait until it is known what they are."""
        while len(self._held) <= _MARK and (self._mark or b"") not in self._held:
            self._held += self._received(max(size, _MARK))
        end = self._held.find(self._mark or b"")
        sure = len(self._held) - _MARK if end < 0 else end
        data, self._held = self._held[: min(size, sure)], self._held[min(size, sure) :]
        self._ended = not data
        return data

    def _received(self, size: int) -> bytes:
        with errors_of(self.name):
            data = self._socket.recv(min(size, CHUNK))
        if not data:
            raise live_error(self.name, f"the connection was lost after {self._told()}", errno.ECONNRESET)
        return data

    def _told(self) -> str:
        got = self.position + len(self._held)
        return f"{got} of {self.size} bytes" if self.size else f"{got} bytes of the snapshot"

    def _announced(self) -> tuple[int | None, bytes | None]:
        """Size or mark of what comes. The server sends line ends while it saves."""
        line = b""
        while b"\n" not in line.lstrip(b"\n"):
            with errors_of(self.name, "SYNC"):
                data = self._socket.recv(CHUNK)
            if not data:
                raise live_error(self.name, _HUNG_UP, errno.ECONNRESET)
            line = (line + data).lstrip(b"\n")
            if len(line) > _LONGEST_LINE and b"\n" not in line[:_LONGEST_LINE]:
                raise live_error(self.name, "what it answers to SYNC is no snapshot")
        line, _, self._held = line.partition(b"\n")
        if line.startswith(b"-"):
            text = line[1:].rstrip(b"\r").decode("utf-8", "replace")
            raise of_refusal(self.name, *name_and_detail(text), "SYNC")
        found = _LINE.fullmatch(line.rstrip(b"\r"))
        if found is None:
            raise live_error(self.name, "what it answers to SYNC is no snapshot")
        return (None, found[2]) if found[2] else (int(found[1]), None)


_HUNG_UP = "the server closed the connection instead of sending a snapshot: its log may say why"


def _introduce(link: Link, identity: Identity) -> None:
    """Say what this replica understands; a server or user that takes no REPLCONF may still take SYNC."""
    words = [("PING",), ("REPLCONF", "listening-port", "0")]
    if identity.product == "Valkey" and identity.version:
        words.append(("REPLCONF", "version", identity.version))
    link.calls([*words, ("REPLCONF", "capa", "eof"), ("REPLCONF", "rdb-only", "1")])


def is_forbidden(error: LiveError) -> bool:
    """Whether this server gives this user no replication stream, and can be asked for the keys instead."""
    return error.code in _FORBIDDEN or error.errno in (errno.ENOSYS, errno.ECONNRESET)


_FORBIDDEN = frozenset({"NOPERM", "ERR", "NOMASTERLINK"})
