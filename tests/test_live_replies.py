"""What a server answers, read from its socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from traced import traced

from rdbcodec.live.errors import LiveError
from rdbcodec.live.replies import Refused, Replies

LARGE = bytes(1 << 20)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Replies]]:
    server, client = socket.socketpair()
    with server, client:
        yield server, Replies(client, "redis://h")


def test_every_form_of_an_answer_is_read(ends: tuple[socket.socket, Replies]) -> None:
    server, replies = ends
    server.sendall(b"+OK\r\n:-2\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*2\r\n$0\r\n\r\n*1\r\n-MOVED 1 h:2\r\n")
    assert [replies.read() for _ in range(6)] == [
        b"OK",
        -2,
        b"a\r\n",
        None,
        None,
        [b"", [Refused("MOVED", "1 h:2")]],
    ]


@pytest.mark.parametrize(
    ("line", "code", "detail"),
    [
        (b"-NOAUTH Authentication required.", "NOAUTH", "Authentication required."),
        (b"-EXECABORT", "EXECABORT", ""),
        (b"-unknown option", "ERR", "unknown option"),
    ],
)
def test_a_refusal_has_the_name_the_server_gives_it(
    ends: tuple[socket.socket, Replies], line: bytes, code: str, detail: str
) -> None:
    server, replies = ends
    server.sendall(line + b"\r\n")
    assert replies.read() == Refused(code, detail)


def test_a_large_string_is_held_once(ends: tuple[socket.socket, Replies]) -> None:
    server, replies = ends
    sent = b"*2\r\n$%d\r\n%b\r\n:7\r\n" % (len(LARGE), LARGE)
    threading.Thread(target=server.sendall, args=(sent,)).start()
    with traced() as peak_of:
        assert replies.read() == [LARGE, 7]
        assert peak_of() < 1.3 * len(LARGE)


def test_a_string_that_is_lent_passes_by_before_the_next_answer(ends: tuple[socket.socket, Replies]) -> None:
    server, replies = ends
    sent = b"*2\r\n$3\r\nabc\r\n$%d\r\n%b\r\n:7\r\n" % (len(LARGE), LARGE)
    threading.Thread(target=server.sendall, args=(sent,)).start()
    with traced() as peak_of:
        held, lent = replies.read(lend=3)
        assert (held, len(lent)) == (b"abc", len(LARGE))
        assert sum(map(len, lent.pieces())) == len(LARGE)
        assert peak_of() < 0.3 * len(LARGE)
    assert replies.read() == 7


@pytest.mark.parametrize("sent", [b"", b"+O", b"$3\r\na", b"$100000\r\na"])
def test_a_connection_that_ends_inside_an_answer_is_said(
    ends: tuple[socket.socket, Replies], sent: bytes
) -> None:
    server, replies = ends
    server.sendall(sent)
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(LiveError, match="the server closed the connection") as caught:
        replies.read()
    assert (caught.value.code, caught.value.filename) == (None, "redis://h")


def test_what_is_no_answer_is_said(ends: tuple[socket.socket, Replies]) -> None:
    server, replies = ends
    server.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(LiveError, match="is no answer to what was sent"):
        replies.read()


def test_many_answers_that_are_the_same_are_read_at_once(ends: tuple[socket.socket, Replies]) -> None:
    server, replies = ends
    server.sendall(b"+OK\r\n" * 3)
    assert replies.skip(b"+OK\r\n" * 2)
    server.sendall(b":5\r\n")
    assert not replies.skip(b"+OK\r\n" * 2)
    assert [replies.read(), replies.read()] == [b"OK", 5]
