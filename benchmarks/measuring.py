"""What a tool spends on a file: processor seconds, seconds of the clock, and memory at its peak.

Processor seconds, user and system, of a process and those it started, because they suffer less from a noisy
machine than the clock does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STRINGS = 300_000  # written by the job "write", whatever the file


class Spent(NamedTuple):
    """One run. `peak` is the resident memory of its largest process, in bytes, and no less than that of the
    script, 19 MiB, with which Linux begins to count.
    """

    seconds: float
    wall: float
    peak: int


Run = Callable[[Path], Spent]


class Tool(NamedTuple):
    """A line of the table: who does a job, and how it is run. Ratios are to the first line of a job."""

    job: str
    name: str
    run: Run


def environment(*, pure: bool = False, root: Path = ROOT) -> dict[str, str]:
    """That of a process that measures the checkout at `root`; what is compiled is kept."""
    unwanted = ("RDBCODEC_PURE", "PYTHONDONTWRITEBYTECODE")
    found = {name: value for name, value in os.environ.items() if name not in unwanted}
    known = [found["PYTHONPATH"]] if found.get("PYTHONPATH") else []
    found["PYTHONPATH"] = os.pathsep.join([str(root), *known])
    return found | {"RDBCODEC_PURE": "1"} if pure else found


def whole_process(
    words: list[str], *, executable: str | None = None, pure: bool = False, root: Path = ROOT
) -> Run:
    """A command with the file as its last argument, from its start to its end; its output is thrown away."""

    def run(path: Path) -> Spent:
        start = time.monotonic()
        # elsewhere than in this checkout, which would be imported from there instead of from `root`
        process = subprocess.Popen(
            [*words, str(path)],
            executable=executable,
            env=environment(pure=pure, root=root),
            stdout=subprocess.DEVNULL,
            cwd=path.parent,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"exit code {process.returncode} from {' '.join(words)} {path}")
        spent = usage.ru_utime + usage.ru_stime
        return Spent(spent, time.monotonic() - start, usage.ru_maxrss << 10)

    return run


def in_process(python: str, job: str, *, pure: bool = False, root: Path = ROOT) -> Run:
    """A job of in_process.py inside a Python process, without the start of the interpreter."""
    script = str(ROOT / "benchmarks" / "in_process.py")

    def run(path: Path) -> Spent:
        start = time.monotonic()
        seconds, peak = ask(python, script, job, str(path), pure=pure, root=root)
        return Spent(seconds, time.monotonic() - start, peak)

    return run


def ask(python: str, script: str, *arguments: str, pure: bool = False, root: Path = ROOT) -> Any:
    """Run a script in another interpreter, and what it answers."""
    answer = subprocess.run(
        [python, script, *arguments],
        env=environment(pure=pure, root=root),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(answer.stdout)


def compare(tools: list[Tool], path: Path, rounds: int) -> list[list[Spent]]:
    """What every tool spent in every round; they take turns: a slow minute is slow for all of them."""
    runs: list[list[Spent]] = [[] for _ in tools]
    for _ in range(rounds):
        for tool, spent in zip(tools, runs, strict=True):
            spent.append(tool.run(path))
    return runs
