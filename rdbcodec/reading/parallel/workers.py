"""The processes that read parts.

Forked where that is safe: on Linux, while there is one thread. Else started anew ("spawn"), which takes
the tenths of a second that Python needs for its imports. They ignore Ctrl-C, which goes to all processes of
a terminal: the one that reads the rest is told of it, and ends them. When it is gone they end by themselves.
"""

from __future__ import annotations

import errno
import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, Protocol

_LOOK = 0.1  # seconds between two calls of `waiting`
_BRIEF = 16 << 10  # bytes of a message that waits in a pipe, so that whoever sends it does not


class Task(Protocol):
    """What is done with each part, in another process; `path` is the file, for messages."""

    @property
    def path(self) -> str: ...

    def read(self, part: Any, /) -> Any: ...


class Process(Protocol):
    """One of them, however it is started; see Forked."""

    def send(self, message: bytes) -> None: ...

    def receive(self) -> bytes | bytearray: ...

    def code(self) -> int | None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class _Kind(Protocol):
    def __call__(self, others: Sequence[Any], /) -> Process: ...

    def wait(self, those: Iterable[Any], seconds: float, /) -> Sequence[Process]: ...


class Processes:
    """So many processes, which are there at once.

    Each has up to `ahead` things to do in its pipe, so that it need not wait for more when one is done.
    """

    def __init__(self, count: int, method: str | None = None, *, ahead: int = 1) -> None:
        self.count = count
        self._ahead = ahead
        self._kind = _kind(method or start_method())
        self.processes: list[Process] = []
        self._doing: dict[Process, deque[int]] = {}
        self._queue: deque[tuple[int, bytes]] = deque()
        self._found: dict[int, Any] = {}
        self._path_of: dict[int, str] = {}
        self._given = self._taken = 0
        self._name = ""
        try:
            for _ in range(count):
                self.processes.append(self._kind(self.processes))
                self._doing[self.processes[-1]] = deque()
        except BaseException:
            self.close()
            raise

    def begin(self, job: Task) -> None:
        """Tell all of them what is to be done."""
        self._name = job.path
        message = pickle.dumps(job)
        for process in self._doing:
            self._send(process, message)

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
            process = min(self._doing, key=lambda each: len(self._doing[each]))
            most = self._ahead if len(message) <= _BRIEF else 1  # else both might wait for the other to read
            if len(self._doing[process]) >= most:
                return
            self._queue.popleft()
            self._doing[process].append(number)
            self._send(process, message)

    def _send(self, process: Process, message: bytes) -> None:
        try:
            process.send(message)
        except OSError:
            self._lose(process)

    def take(self, waiting: Callable[[], Any]) -> Any:
        """Wait for what came of the next part."""
        number, self._taken = self._taken, self._taken + 1
        while number not in self._found:
            for process in self._kind.wait([each for each, doing in self._doing.items() if doing], _LOOK):
                self._receive(process)
            waiting()
        return self._found.pop(number)

    def _receive(self, process: Process) -> None:
        try:
            message = process.receive()
        except (EOFError, OSError):
            self._lose(process)
        number = self._doing[process].popleft()
        self._assign()
        self._found[number] = pickle.loads(message)

    def _lose(self, process: Process) -> NoReturn:
        code = process.code()
        number = next(iter(self._doing[process]), -1)
        name = self._path_of.get(number, self._name)
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        raise ChildProcessError(errno.ECHILD, f"a process that read a part ended {how}", name)

    def close(self) -> None:
        """End them all, whatever they do."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.close()
        self.processes.clear()


def _kind(method: str) -> _Kind:
    if method == "fork":
        from rdbcodec.reading.parallel.forked import Forked  # noqa: PLC0415 - what it needs is on Unix only

        return Forked
    from rdbcodec.reading.parallel.spawned import Spawned  # noqa: PLC0415 - multiprocessing takes its time

    return Spawned


def start_method() -> str:
    """How processes are started here."""
    return "fork" if sys.platform == "linux" and max(_threads(), _python_threads()) == 1 else "spawn"


def _threads() -> int:
    """Those of libraries in C, too."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - pathlib takes 5 ms to import
    except OSError:
        return 1


def _python_threads() -> int:
    """Asked of the module that starts them, if it was imported: importing it makes the end of a process slow
    (cli.process.end)."""
    threading = sys.modules.get("threading")
    return 1 if threading is None else threading.active_count()
