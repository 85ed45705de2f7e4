"""What a process does that others have started: read one part after the other, until nobody asks any more."""

from __future__ import annotations

import gc
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_OURS = ("SIGINT", "SIGTERM", "SIGHUP")


def serve(receive: Callable[[], bytes | bytearray], send: Callable[[bytes], object]) -> None:
    """Receive a job and then parts, and send what comes of each."""
    _leave_signals()
    if hasattr(gc, "freeze"):  # PyPy has no such thing
        gc.freeze()  # what is inherited stays
    with suppress(EOFError, OSError):
        job = receive()
        while True:
            part = pickle.loads(receive())
            found = pickle.loads(job).read(part)
            send(pickle.dumps(found))


@contextmanager
def no_signals() -> Iterator[None]:
    """None of the signals that the command line waits for arrive in a process that is just beginning."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in _OURS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_signals() -> None:
    for name in _OURS:
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN if name == "SIGINT" else signal.SIG_DFL)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, name) for name in _OURS})
