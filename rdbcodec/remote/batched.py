"""The body of an HTTP answer, received in large pieces: a process that waits is woken once for each.

The bytes of a server come in packets of some KiB, and who reads faster than they come is woken for each of
them: half of the processor time that the way of a gigabyte took (benchmarks/remote.py). Linux can
be asked to wake it when so many bytes are there (SO_RCVLOWAT). That many must be on their way then, which the
length tells that the answer announces; near its end every packet counts again.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from http.client import HTTPResponse

PIECE = 256 << 10  # bytes that are waited for: as many as a reader asks for
_BETWEEN = 64 << 10  # most bytes that came and were not given yet: Python's buffer, a record of TLS


class Batched:
    """A body of which `left` bytes come; `is_plain` where nothing deciphers them.

    Who is not `patient` is woken by every packet: that is right where the last connection was too slow.
    """

    def __init__(self, response: HTTPResponse, left: int, *, is_plain: bool, patient: bool) -> None:
        self._response = response
        self._left = left
        # One call of the system for a piece, and no buffer; TLS would give 16 KiB at a time.
        self._read = response.read1 if is_plain else response.read
        self._is_patient = patient and _wakes_at(response, PIECE)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        if self._is_patient and self._left < size + PIECE + _BETWEEN:
            _wakes_at(self._response, 1)
            self._is_patient = False
        data = self._read(size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Give it up."""
        self._response.close()


def _wakes_at(response: HTTPResponse, size: int) -> bool:
    """Have who waits for this answer woken by so many bytes; False where that cannot be had.

    Not but on Linux: elsewhere a sender may wait for more room while the receiver waits for more bytes.
    """
    if sys.platform == "linux":
        with suppress(OSError), socket.socket(fileno=os.dup(response.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
            return True
    return False
