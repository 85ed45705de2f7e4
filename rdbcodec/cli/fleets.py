"""The files of a report verb: read by `--jobs` processes, and one that cannot be read ends nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from rdbcodec.cli.common import OK, STDIN, progress_of
from rdbcodec.cli.failing import failure_of, reason_of
from rdbcodec.errors import RdbError
from rdbcodec.reading.parallel.jobs import MOST, WORTH_IT, cores
from rdbcodec.remote.urls import SERVERS, scheme_of
from rdbcodec.reports.failures import Failure
from rdbcodec.reports.words import plural

Found = TypeVar("Found")
Work = Callable[[str, argparse.Namespace], Found]


class Files(Generic[Found]):
    """What `work(name, options)` finds in each file, in their order, with the name.

    Of several files one that cannot be read is told on stderr, and is then among `unread`: `code` is the exit
    code for it. With --fail-fast it is raised, as the only file always is. `work` is a function of a module,
    which other processes find by its name; `in_turn` when it must be this process that does it.
    """

    def __init__(self, options: argparse.Namespace, work: Work[Found], *, in_turn: bool = False) -> None:
        self._options = options
        self._work = work
        self._in_turn = in_turn
        self.code = OK
        self.unread: list[Failure] = []

    def __iter__(self) -> Iterator[tuple[str, Found]]:
        options = self._options
        for name, found, error in self._outcomes():
            options.current = name
            if error is None:
                yield name, found
                continue
            if options.fail_fast or len(options.files) == 1:
                raise error
            code, words = failure_of(error, name, options)
            self.code = max(self.code, code)
            self.unread.append(Failure(name, reason_of(error, options)))
            _say(words)
        if self.unread:
            _say(f"{len(self.unread)} of {plural(len(options.files), 'file')} could not be read")

    def title(self) -> str:
        """What a report on all of them together is called."""
        every = plural(len(self._options.files), "file")
        read = len(self._options.files) - len(self.unread)
        return f"Total of {read} of {every}" if self.unread else f"Total of {every}"

    def of_all(self) -> dict[str, Any]:
        """Of which files such a report is, for programs."""
        unread = [failure.name for failure in self.unread]
        read = [name for name in self._options.files if name not in unread]
        return {"file": None, "files": read, **({"unread": unread} if unread else {})}

    def tell_unread(self, tell: Callable[[dict[str, Any]], None]) -> None:
        """Those that could not be read, and why, for programs: each stands where a report would."""
        for failure in self.unread:
            tell({"file": failure.name, "error": failure.message})

    def _outcomes(self) -> Iterator[tuple[str, Any, RdbError | OSError | None]]:
        count = 1 if self._in_turn else processes_for(self._options)
        if count < 2:
            return self._here()
        return self._spread(count)

    def _here(self) -> Iterator[tuple[str, Any, RdbError | OSError | None]]:
        for name in self._options.files:
            self._options.current = name
            try:
                found = self._work(name, self._options)
            except (RdbError, OSError) as error:
                yield name, None, error
            else:
                yield name, found, None

    def _spread(self, count: int) -> Iterator[tuple[str, Any, RdbError | OSError | None]]:
        from rdbcodec import fleet  # noqa: PLC0415 - multiprocessing, which one file needs not

        options = self._options
        work = partial(_work_elsewhere, self._work, _picklable(options))
        watched = _Watched(len(options.files))
        with progress_of(plural(len(options.files), "file"), watched, options) as tick:
            progress = None if tick is None else partial(watched.tell, tick)
            yield from fleet.each(work, options.files, jobs=count, progress=progress)


class _Watched:
    """Files that were read, for the progress bar."""

    def __init__(self, size: int) -> None:
        self.bytes_read, self.size = 0, size

    def tell(self, tick: Callable[[], None], done: int, _: int) -> None:
        self.bytes_read = done
        tick()


def _work_elsewhere(work: Work[Found], options: argparse.Namespace, name: str) -> Found:
    options.current = name
    return work(name, options)


def _picklable(options: argparse.Namespace) -> argparse.Namespace:
    """What was asked for, without the parser and what was read for it already; for one process a file."""
    asked = {
        name: value for name, value in vars(options).items() if not callable(value) and name != "key_lists"
    }
    return argparse.Namespace(**{**asked, "jobs": 1, "no_progress": True})


def processes_for(options: argparse.Namespace) -> int:
    """How many processes read the files, each of them whole ones; one reads a single file, maybe in parts.

    Without --jobs as many as there are cores, up to 8, when the files are worth it. What is no file others
    can open is read here: stdin, and servers, of whose doings something is said meanwhile.
    """
    files = options.files
    lists = (*getattr(options, "keys_from", ()), *getattr(options, "not_keys_from", ()))
    if len(files) < 2 or STDIN in (*files, *lists):
        return 1
    if any(scheme_of(name) in SERVERS for name in files):
        return 1
    if options.jobs is not None:
        return min(int(options.jobs), len(files))
    is_worth_it = sum(map(_size, files)) > WORTH_IT
    return min(cores(), MOST, len(files)) if is_worth_it else 1


def _size(name: str) -> int:
    try:
        return 0 if scheme_of(name) else os.stat(name).st_size  # noqa: PTH116
    except OSError:
        return 0  # who opens it says why


def _say(words: str) -> None:
    sys.stdout.flush()
    print(words, file=sys.stderr)
