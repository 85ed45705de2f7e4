"""The processes that read parts.

Forked where that is safe: on Linux, while there is one thread. Else started anew ("spawn"), which takes
the tenths of a second that Python needs for its imports. They ignore Ctrl-C, which goes to all processes of
a terminal: the one that reads the rest is told of it, and ends them. When it is gone they end by themselves.
"""

from __future__ import annotations

import errno
import gc
import multiprocessing
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_LOOK = 0.1  # seconds between two calls of `waiting`
_PATIENCE = 5.0  # seconds a process has to end
_BRIEF = 16 << 10  # bytes of a message that waits in a pipe, so that whoever sends it does not
_OURS = ("SIGINT", "SIGTERM", "SIGHUP")


class Task(Protocol):
    """What is done with each part, in another process; `path` is the file, for messages."""

    @property
    def path(self) -> str: ...

    def read(self, part: Any, /) -> Any: ...


class Processes:
    """So many processes; they are there at once, before a progress bar has threads.

    Each has up to `ahead` things to do in its pipe, so that it need not wait for more when one is done.
    """

    def __init__(self, count: int, method: str | None = None, *, ahead: int = 1) -> None:
        self.count = count
        self._ahead = ahead
        self.method = method or start_method()
        self.share_hashes = self.method == "fork"
        self._processes: list[BaseProcess] = []
        self._doing: dict[Connection, deque[int]] = {}
        self._process_of: dict[Connection, BaseProcess] = {}
        self._queue: deque[tuple[int, bytes]] = deque()
        self._found: dict[int, Any] = {}
        self._path_of: dict[int, str] = {}
        self._given = self._taken = 0
        self._name = ""
        try:
            for _ in range(count):
                self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        context = multiprocessing.get_context(self.method)
        ours, theirs = context.Pipe()
        # What is forked has our ends, too, its own among them, and would never see that we are gone.
        inherited = [*self._process_of, ours] if self.method == "fork" else []
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, inherited), daemon=True
        )
        with _no_signals():
            process.start()
        theirs.close()
        self._processes.append(process)
        self._doing[ours] = deque()
        self._process_of[ours] = process

    def begin(self, job: Task) -> None:
        """Tell all of them what is to be done."""
        self._name = job.path
        message = pickle.dumps(job)
        for connection in self._doing:
            self._send(connection, message)

    def give(self, part: Any, path: str | None = None) -> None:
        """To whoever has least to do, or to the first who has; of another file than the job's."""
        self._queue.append((self._given, pickle.dumps(part)))
        if path is not None:
            self._path_of[self._given] = path
        self._given += 1
        self._assign()

    def _assign(self) -> None:
        while self._queue:
            number, message = self._queue[0]
            connection = min(self._doing, key=lambda each: len(self._doing[each]))
            most = self._ahead if len(message) <= _BRIEF else 1  # else both might wait for the other to read
            if len(self._doing[connection]) >= most:
                return
            self._queue.popleft()
            self._doing[connection].append(number)
            self._send(connection, message)

    def _send(self, connection: Connection, message: bytes) -> None:
        try:
            connection.send_bytes(message)
        except OSError:
            self._lose(connection)

    def take(self, waiting: Callable[[], Any]) -> Any:
        """Wait for what came of the next part."""
        number, self._taken = self._taken, self._taken + 1
        while number not in self._found:
            for connection in wait([each for each, doing in self._doing.items() if doing], _LOOK):
                assert isinstance(connection, Connection)
                self._receive(connection)
            waiting()
        return self._found.pop(number)

    def _receive(self, connection: Connection) -> None:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            self._lose(connection)
        number = self._doing[connection].popleft()
        self._assign()
        self._found[number] = pickle.loads(message)

    def _lose(self, connection: Connection) -> None:
        process = self._process_of[connection]
        process.join(_PATIENCE)
        code = process.exitcode
        number = next(iter(self._doing[connection]), -1)
        name = self._path_of.get(number, self._name)
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        raise ChildProcessError(errno.ECHILD, f"a process that read a part ended {how}", name)

    def close(self) -> None:
        """End them all, whatever they do."""
        for process in self._processes:
            process.terminate()
        for connection in self._process_of:
            connection.close()
        for process in self._processes:
            process.join(_PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes.clear()
        self._process_of.clear()


def start_method() -> str:
    """How processes are started here."""
    is_alone = sys.platform == "linux" and threading.active_count() == 1 and _threads() == 1
    return "fork" if is_alone else "spawn"


def _threads() -> int:
    """Those of libraries in C, too."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


@contextmanager
def _no_signals() -> Iterator[None]:
    """None of the signals that the command line waits for arrive in a process that is just beginning."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in _OURS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, inherited: Sequence[Connection]) -> None:
    """What a process does: read one part after the other, until nobody asks any more."""
    _leave_signals()
    gc.freeze()  # what is inherited stays
    for end in inherited:
        end.close()
    with suppress(EOFError, OSError), connection:
        job = connection.recv_bytes()
        while True:
            part = pickle.loads(connection.recv_bytes())
            found = pickle.loads(job).read(part)
            connection.send_bytes(pickle.dumps(found))


def _leave_signals() -> None:
    for name in _OURS:
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN if name == "SIGINT" else signal.SIG_DFL)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, name) for name in _OURS})
