"""A process that is started anew, by multiprocessing: it takes the tenths of a second that imports take."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Sequence
from multiprocessing import connection as ends

from rdbcodec.reading.parallel.serving import no_signals, serve

_PATIENCE = 5.0  # seconds a process has to end


class Spawned:
    """It is on its way. It has nothing of the `others`."""

    def __init__(self, others: Sequence[Spawned]) -> None:
        del others
        context = multiprocessing.get_context("spawn")
        self.end, theirs = context.Pipe()
        self._process = context.Process(target=_be, args=(theirs,), daemon=True)
        with no_signals():
            self._process.start()
        theirs.close()

    def send(self, message: bytes) -> None:
        """Tell it. Raises OSError when it is gone."""
        self.end.send_bytes(message)

    def receive(self) -> bytes:
        """What it says. Raises EOFError or OSError when it is gone."""
        return self.end.recv_bytes()

    def code(self) -> int | None:
        """How it ended: once it has, or will in no time; None when it does not."""
        self._process.join(_PATIENCE)
        return self._process.exitcode

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Wait for its end."""
        self.end.close()
        self._process.join()

    @staticmethod
    def wait(those: Iterable[Spawned], seconds: float) -> list[Spawned]:
        """Those who have said something meanwhile, or are gone."""
        by_end = {id(each.end): each for each in those}
        return [by_end[id(end)] for end in ends.wait([each.end for each in by_end.values()], seconds)]


def _be(end: ends.Connection) -> None:
    with end:
        serve(end.recv_bytes, end.send_bytes)
