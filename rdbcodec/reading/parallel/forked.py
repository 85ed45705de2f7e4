"""A process that is forked, and talked to through two pipes.

multiprocessing does the same, and takes longer to import than most files to read. A message is its size in
eight bytes, and its bytes.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from typing import NoReturn

from rdbcodec.reading.parallel.serving import no_signals, serve

_SIZE = 8  # bytes
_ROOM = 1 << 20  # bytes in the pipe of what was found, so that whoever found it can go on
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)  # Linux calls it so; PyPy 7.3 has no name for it


class Forked:
    """It is there at once. `others` are those that were there before."""

    def __init__(self, others: Sequence[Forked]) -> None:
        told, self._to = os.pipe()
        self._from, tells = os.pipe()
        self.ends: tuple[int, ...] = self._to, self._from
        self._pid = 0
        self._code: int | None = None
        try:
            with suppress(OSError):
                fcntl.fcntl(tells, _SET_PIPE_SIZE, _ROOM)
            with no_signals():
                self._pid = os.fork()
                if not self._pid:
                    # It has our ends, too, its own among them, and would never see that we are gone.
                    _be(told, tells, [end for each in [*others, self] for end in each.ends])
        except BaseException:
            self.kill()
            self.close()
            raise
        finally:
            os.close(told)
            os.close(tells)

    def send(self, message: bytes) -> None:
        """Tell it. Raises OSError when it is gone."""
        _send(self._to, message)

    def receive(self) -> bytearray:
        """What it says. Raises EOFError or OSError when it is gone."""
        return _receive(self._from)

    def fileno(self) -> int:
        """Where there is something to receive."""
        return self._from

    def code(self) -> int | None:
        """How it ended: once it has, or will in no time; None when nobody knows."""
        if self._pid:
            pid, self._pid = self._pid, 0
            with suppress(ChildProcessError):
                self._code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait for its end."""
        for end in self.ends:
            os.close(end)
        self.ends = ()
        self.code()

    @staticmethod
    def wait(those: Iterable[Forked], seconds: float) -> list[Forked]:
        """Those who have said something meanwhile, or are gone."""
        poll, by_end = select.poll(), {each.fileno(): each for each in those}
        for end in by_end:
            poll.register(end, select.POLLIN)
        return [by_end[end] for end, _ in poll.poll(1000 * seconds)]


def _be(told: int, tells: int, inherited: Iterable[int]) -> NoReturn:
    """Serve, and end without what else is to be done at an end: that is up to who forked."""
    code = 1
    try:
        for end in inherited:
            os.close(end)
        serve(partial(_receive, told), partial(_send, tells))
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of it may go on in a copy of the one who forked
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _send(end: int, message: bytes) -> None:
    for piece in (len(message).to_bytes(_SIZE, "little"), message):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(end, rest) :]


def _receive(end: int) -> bytearray:
    return _exactly(end, int.from_bytes(_exactly(end, _SIZE), "little"))


def _exactly(end: int, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    pipe = FileIO(end, closefd=False)  # os.readv does the same, but PyPy has none
    while rest:
        read = pipe.readinto(rest)
        if not read:
            raise EOFError
        rest = rest[read:]
    return data
