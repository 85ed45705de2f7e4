"""One connection to a server: commands and their replies as they come, in bytes, many at a time."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rdbcodec.live.errors import LiveError, errors_of, live_error, of_refusal
from rdbcodec.live.replies import Refused, Replies

if TYPE_CHECKING:
    from typing_extensions import Self

Word = bytes | str | int | float


class Link:
    """A connection of redis-py in RESP2, made and authenticated; `url` is where to, without a password.

    Nothing is sent twice: what happened to a command whose connection was lost, nobody knows.
    """

    def __init__(self, url: str, keywords: dict[str, Any]) -> None:
        from redis.backoff import NoBackoff  # noqa: PLC0415 - optional
        from redis.connection import SSLConnection  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        self.url = url
        kind = keywords["connection_class"]
        options = {name: value for name, value in keywords.items() if name != "connection_class"}
        soon, later = options.get("socket_connect_timeout"), options.get("socket_timeout")
        is_tls = issubclass(kind, SSLConnection)
        if is_tls:  # a port without TLS says nothing to what TLS begins with
            options["socket_timeout"] = soon
        self._connection = kind(**options, protocol=2, retry=Retry(NoBackoff(), 0))
        with _hints_at_tls(url) if is_tls else errors_of(url):
            self._connection.connect()
        self.socket().settimeout(later)
        self._replies = Replies(self.socket(), url)

    def call(self, *words: Word) -> Any:
        """The reply to one command: bytes, int, list or None. LiveError when the server refuses it."""
        (reply,) = self.calls([words])
        if isinstance(reply, LiveError):
            raise reply
        return reply

    def send(self, commands: Iterable[Sequence[Word]]) -> None:
        """Send many commands at once; as many replies are to be read."""
        with errors_of(self.url):
            self._connection.send_packed_command([b"".join(map(packed, commands))], check_health=False)

    def replies(self, commands: Sequence[Sequence[Word]], *, lend: int | None = None) -> list[Any]:
        """The next replies, to these commands; a LiveError stands where the server refuses one.

        In a list that is a reply, of EXEC, a Refused stands there. The last string is Lent if it has more
        bytes than `lend`.
        """
        found = []
        for words in commands:
            reply = self._replies.read(lend)
            if isinstance(reply, Refused):
                reply = of_refusal(self.url, *reply, _command(words))
            found.append(reply)
        return found

    def calls(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """The replies to many commands sent at once; a LiveError stands where the server refuses one."""
        self.send(commands)
        return self.replies(commands)

    def socket(self) -> socket.socket:
        """What lies below, for a stream that is no reply: everything asked for so far must have been read."""
        found: socket.socket = self._connection._sock  # noqa: SLF001 - redis-py has no other way to a raw stream
        return found

    def close(self) -> None:
        """Give it up."""
        self._connection.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _hints_at_tls(url: str) -> Iterator[None]:
    try:
        with errors_of(url):
            yield
    except LiveError as error:
        if error.errno != errno.ETIMEDOUT:
            raise
        words = "the server did not answer in time: is it a port for rediss://?"
        raise live_error(url, words, errno.ETIMEDOUT) from None


def packed(words: Sequence[Word]) -> bytes:
    """A command as it goes to the server; redis-py takes three times as long for it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def _command(words: Sequence[Word]) -> str:
    """What a command is called in a message: `CONFIG GET`, `SYNC`; never its arguments."""
    first = _text(words[0])
    second = _text(words[1]) if len(words) > 1 and first in _WITH_SUBCOMMANDS else ""
    return f"{first} {second}".rstrip()


def _text(word: Word) -> str:
    return (word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)).upper()


_WITH_SUBCOMMANDS = frozenset(
    {"CLUSTER", "CONFIG", "FUNCTION", "OBJECT", "MEMORY", "MODULE", "CLIENT", "ACL"}
)
