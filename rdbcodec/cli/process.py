"""What a process settles before it does anything else: signals, and standard streams that are closed.

Ctrl-C, SIGTERM and SIGHUP become exceptions, so that whatever is open is cleaned up: exit 130, 143 and
129. One that comes while a module is being imported waits until that is done, because the C code of
extension modules crashes when an exception arrives inside its initialisation (anycrc 1.3 does). What the
parent of the process has ignored (nohup, a shell's background job) stays ignored.

This file is imported before all others of the command line and imports none of them.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_LATER = 0.02  # seconds until a signal that came during an import is looked at again


def begin() -> None:
    """Call it once, first."""
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    _fill_closed_streams()


def leave() -> None:
    """Call it when all is done but the end of the interpreter: nothing must disturb that."""
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


def _end(number: int, frame: FrameType | None) -> None:
    if _is_importing(frame) and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda _, frame: _end(number, frame))
        signal.setitimer(signal.ITIMER_REAL, _LATER)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise SystemExit(128 + number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _fill_closed_streams() -> None:
    """Give closed standard streams (`>&-`) a descriptor, or the next file opened would take it.

    stdin cannot be read then and stdout not be written, which is an error for whoever tries; what goes to
    stderr is lost, because there is nobody to tell.
    """
    for fd, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest descriptor that is free, and those below are not
    # The streams live as long as the process, and closing them is not ours.
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
