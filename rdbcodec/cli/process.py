"""What a process settles before it does anything else: signals, and standard streams that are closed.

Ctrl-C, SIGTERM and SIGHUP become exceptions, so that whatever is open is cleaned up: exit 130, 143 and
129. Two kinds of moments are no good for an exception, so that an alarm looks again until there is a better:

* While a module is being imported: the C code of extension modules crashes when an exception arrives inside
  its initialisation (anycrc 1.3 does).
* While something is being finalized, where Python prints exceptions and forgets them.

What the parent of the process has ignored (nohup, a shell's background job) stays ignored. This file is
imported before all others of the command line and imports none of them.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

TYPE_CHECKING = False  # from typing it would be the slowest import there is before the handlers
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_COLLECT_AFTER = (
    50_000  # objects; with Python's 700 a tenth of the time until a key is shown went into collecting
)
_KEPT = 1 << 20  # bytes: see _keep_what_is_freed
_LOOK_AGAIN = 0.02  # seconds until it is looked whether the exception was raised, and arrived


def begin() -> None:
    """Call it once, first."""
    if hasattr(gc, "set_threshold"):  # PyPy collects in another way
        gc.set_threshold(_COLLECT_AFTER)
    _keep_what_is_freed()
    ending = _Ending()
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, ending.signalled)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, ending.look)
    _fill_closed_streams()


def leave() -> None:
    """Call it when all is done but the end of the interpreter: nothing must disturb that.

    After a signal an alarm may come first, which raises the exception once more unless one is being handled.
    """
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one that came would set the next
        signal.setitimer(signal.ITIMER_REAL, 0)


def end(code: int) -> NoReturn:
    """End with this exit code, at once where nobody waits for the end of the interpreter.

    To take all modules and objects apart, one after the other, is a tenth of what a small file takes. Files
    are closed by then, whoever opened them; a standard stream that is not there or cannot take what is left
    for it, a thread, what is registered with atexit, and a profiler, debugger or program that runs the
    command in its own process have the long way. So has a Python that does not tell what is registered.
    """
    registered = getattr(atexit, "_ncallbacks", lambda: 1)
    if not registered() and "threading" not in sys.modules and _callers() in _PLAIN_STARTS:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            pass
        else:
            os._exit(code)
    sys.exit(code)


def _callers() -> list[str]:
    """The functions that wait for the one that called `end`."""
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - to import inspect takes longer than it saves
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


# The console script, and `python -m rdbcodec`. Behind any other there is somebody who goes on.
_PLAIN_STARTS = (["<module>"], ["<module>", "_run_code", "_run_module_as_main"])


def _keep_what_is_freed() -> None:
    """Have the C library (glibc) keep up to 2 MiB that were freed at the end of its heap.

    It gives back what is more than twice the largest block that was freed yet. Windows of 256 KiB come and
    go; until a larger block was freed, every second one was given back and its pages fetched again: 13,200
    page faults in a file of 200 MB, now 3,400. The block is never touched, so it takes no memory.
    """
    bytes(_KEPT)


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


class _Ending:
    """The signal that came, and the exception it becomes."""

    def __init__(self) -> None:
        self._number: int | None = None

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._number = number
        self.look(number, frame)

    def look(self, _: int, frame: FrameType | None) -> None:
        """Raise the exception, unless it is on its way or this is no good moment."""
        if hasattr(signal, "setitimer"):
            # Again and again: an alarm that comes right before a system call does not end its waiting.
            signal.setitimer(signal.ITIMER_REAL, _LOOK_AGAIN, _LOOK_AGAIN)
            if _is_ending(sys.exc_info()[1]) or _is_importing(frame):
                return
        if self._number == signal.SIGINT:
            raise KeyboardInterrupt
        if self._number is not None:
            raise SystemExit(128 + self._number)


def _is_ending(error: BaseException | None) -> bool:
    """Whether the exception is being handled, which is when files are cleaned up."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            return True
        error = error.__context__
    return False


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
