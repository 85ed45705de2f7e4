"""Many snapshots at once: a pass, or any function, over each of them, by as many processes as there are.

    done = rdbcodec.fleet.run(StatPass(now_ms=now), ["shards/*.rdb"], jobs=4)
    done.total, [(file.path, file.result) for file in done.files], done.unread

    with ProcessPoolExecutor(4) as executor:        # or any other of concurrent.futures: loky's, or Dask's
        rdbcodec.fleet.run(pass_, paths, executor)  # as client.get_executor() gives it

What cannot be read is an outcome like any other, with its path and the reason, and ends nothing. Outcomes
come in the order of the paths, whoever reads what when, so that the same files give the same result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as Waited
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rdbcodec.errors import RdbError
from rdbcodec.facts.passes import Pass
from rdbcodec.facts.scan import scan
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.parallel.jobs import MOST, cores
from rdbcodec.remote.patterns import expanded

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rdbcodec.reading.parallel.section import How

Result = TypeVar("Result")
Progress = Callable[[int, int], Any]

_LOOK = 0.1  # seconds between two calls of a progress


class Outcome(NamedTuple):
    """What became of a file: its result, or why it could not be read."""

    path: str
    result: Any  # that of the pass, None with an error; before Python 3.11 no NamedTuple is generic
    error: RdbError | OSError | None = None


@dataclass(slots=True)
class Fleet(Generic[Result]):
    """What became of each file, in the order of the paths, and the results of all together.

    `total` is None when none could be read; it is that of the others when some could not.
    """

    files: list[Outcome] = field(default_factory=list)
    total: Result | None = None

    @property
    def unread(self) -> list[Outcome]:
        """Those that could not be read."""
        return [file for file in self.files if file.error is not None]


def run(
    pass_: Pass[Result],
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    executor: Executor | None = None,
    *,
    jobs: int | None = None,
    fail_fast: bool = False,
    progress: Progress | None = None,
    **how: Unpack[How],
) -> Fleet[Result]:
    """Read each snapshot once for a pass; the result of each, and all of them merged into one.

    `paths` may be patterns, folders and URLs (see `paths_of`). Without an `executor` processes of our own
    read them: `jobs`, by default one for each core this process may use, up to 8. The pass goes to others by
    pickle, and its results come back so. `progress` is called with files done and files there are, now and
    then; what it raises ends the work. `how` are the parameters of `rdbcodec.open`.

    With `fail_fast` the first file that cannot be read raises what it raised; otherwise nothing that is wrong
    with a file does. Raises FileNotFoundError for a pattern that stands for nothing, ChildProcessError when a
    process is killed. A script that calls this must not do so when it is imported ("if __name__ ==
    '__main__'"): processes may import it.
    """
    done: Fleet[Result] = Fleet()
    work = partial(_scanned, pass_, dict(how))
    for outcome in each(work, paths_of(paths), executor, jobs=jobs, progress=progress):
        if outcome.error is not None and fail_fast:
            raise outcome.error
        done.files.append(outcome)
        if outcome.result is not None:
            own = deepcopy(outcome.result)  # merging may use up both
            done.total = own if done.total is None else done.total.merge(own)  # type: ignore[attr-defined]
    return done


def _scanned(pass_: Pass[Result], how: Any, path: str) -> Result:
    """A pass of its own for each file: it counts what it is given, once."""
    found: Result = scan(path, [deepcopy(pass_)], jobs=1, **how)[0]
    return found


def paths_of(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """The files that paths stand for: patterns and folders their files, in the order of names, here and in
    stores; any other path itself. FileNotFoundError for a pattern or folder without any."""
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [path for place in given for path in expanded(os.fspath(place))]


def each(
    function: Callable[[str], Result],
    paths: Sequence[str],
    executor: Executor | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """What becomes of each path, in their order and as soon as it is known.

    The function must be one that pickle knows, such as one of a module, unless one process is enough.
    RdbError and OSError are outcomes, any other exception is raised. To give up the iterator ends the work.
    """
    work = partial(_outcome, function)
    count = min(len(paths), jobs or min(cores(), MOST))
    if executor is not None:
        found = _by_executor(work, paths, executor, progress)
    elif count > 1:
        found = _by_processes(work, paths, count, progress)
    else:
        found = map(work, paths)
    for done, outcome in enumerate(found, 1):
        if progress is not None:
            progress(done, len(paths))
        yield outcome


def _outcome(function: Callable[[str], Result], path: str) -> Outcome:
    try:
        return Outcome(path, function(path))
    except (RdbError, OSError) as error:
        return Outcome(path, None, error)


def _by_executor(
    work: Callable[[str], Outcome],
    paths: Sequence[str],
    executor: Executor,
    progress: Progress | None,
) -> Iterator[Outcome]:
    futures = [executor.submit(work, path) for path in paths]
    try:
        for at, future in enumerate(futures):
            yield _taken(future, partial(_tell, progress, at, len(paths)))
    finally:
        for future in futures:
            future.cancel()


def _taken(future: Future[Result], waiting: Callable[[], Any]) -> Result:
    while not future.done():
        try:
            return future.result(_LOOK)
        except Waited:
            waiting()
    return future.result()


def _by_processes(
    work: Callable[[str], Outcome], paths: Sequence[str], count: int, progress: Progress | None
) -> Iterator[Outcome]:
    # Nobody who reads one file needs multiprocessing.
    from rdbcodec.reading.parallel.workers import Processes  # noqa: PLC0415

    with closing(Processes(count)) as processes:
        processes.begin(_Job(paths[0], work))
        for path in paths:
            processes.give(path, path)
        for at in range(len(paths)):
            yield processes.take(partial(_tell, progress, at, len(paths)))


def _tell(progress: Progress | None, done: int, size: int) -> None:
    if progress is not None:
        progress(done, size)


class _Job(NamedTuple):
    """What processes do with each path."""

    path: str
    read: Callable[[str], Any]
