"""Ends runs of rdbcodec by signals at random moments and looks at what is left.

    python tests/killing.py 200

Each run reads a snapshot (or NDJSON) from a pipe that never ends, so that whenever the signal comes it comes
in time: in the start of the interpreter, in an import, while the output is opened, or in the midst of it.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).parent.parent
WORDS = {
    "convert": ("convert", "-", "-o", "out.rdb", "--to", "redis-6.2"),
    "filter": ("filter", "-", "-o", "out.rdb.gz", "--key", "k*"),
    "encode": ("encode", "-", "-o", "out.rdb.lz4"),
}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
# A process on its way to our first line has only the interpreter's handlers: the signal itself ends it.
ENDINGS = {number: {128 + number, -number} for number in SIGNALS} | {signal.SIGKILL: {-signal.SIGKILL}}


# nohup and background jobs ignore signals, and so would what they start.
HEARING = ("env", "--default-signal")


class Run(NamedTuple):
    """How a run ended, and what it left."""

    command: str
    number: signal.Signals
    delay: float
    code: int
    said: str
    left: list[str]

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        if "init_import_site" in self.said:  # Ctrl-C in the start of the interpreter, before any file of ours
            return [f"the file {name}" for name in self.left]
        found = [] if self.code in ENDINGS[self.number] else [f"exit code {self.code}"]
        found += [f"the output {name}" for name in self.left if name.startswith("out")]
        if self.number != signal.SIGKILL:
            found += [f"the file {name}" for name in self.left if not name.startswith("out")]
        # One just before our first line has the interpreter's own traceback, which names none of our files.
        if "Fatal" in self.said or "rdbcodec/" in self.said:
            found.append(f"stderr: {self.said}")
        return found


def snapshot() -> Iterator[bytes]:
    """A snapshot without end: hashes, which a conversion to Redis 6.2 must write anew."""
    yield b"REDIS0011"
    for at in count(0, 1000):
        yield b"".join(
            b"\x04\x0ak%09d\x02\x01a\x04%04d\x01b\x04text" % (n, n % 9999) for n in range(at, at + 1000)
        )


def ndjson() -> Iterator[bytes]:
    """NDJSON without end."""
    for at in count(0, 1000):
        yield b"".join(
            b'{"db":0,"key":"k%d","type":"list","value":["a","b"]}\n' % n for n in range(at, at + 1000)
        )


def pour(pieces: Iterator[bytes], pipe: IO[bytes]) -> None:
    """Fill a pipe until its reader is gone."""
    with suppress(BrokenPipeError), pipe:
        for piece in pieces:
            pipe.write(piece)


def end_one(command: str, number: signal.Signals, delay: float, *, alone: bool = False) -> Run:
    """Start a command and send it the signal after a delay; `alone` is as process 1, as in a container."""
    with tempfile.TemporaryDirectory() as folder:
        before = ["unshare", "-pf", "--kill-child"] if alone else []
        process = subprocess.Popen(
            [*HEARING, *before, sys.executable, "-m", "rdbcodec", *WORDS[command]],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stderr is not None
        pieces = ndjson() if command == "encode" else snapshot()
        feeder = threading.Thread(target=pour, args=(pieces, process.stdin))
        feeder.start()
        time.sleep(delay)
        process.send_signal(number)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()  # it did not hear: exit code -9 is a fault of any other signal
            code = process.wait(30)
        feeder.join()
        said = process.stderr.read().decode(errors="replace")
        process.stderr.close()
        left = sorted(path.name for path in Path(folder).iterdir())
        ended = Run(command, number, delay, code, said, left)
        if alone:
            ended = ended._replace(left=[*left, *_blocks(Path(folder))])
    return ended


def _blocks(folder: Path) -> list[str]:
    """Run again as process 1, where something was left: what is wrong with that."""
    line = '{"db":0,"key":"k","type":"string","value":"v"}\n'
    words = ["unshare", "-pf", sys.executable, "-m", "rdbcodec", *WORDS["encode"]]
    done = subprocess.run(
        words,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        input=line,
        text=True,
        check=False,
        capture_output=True,
    )
    return [] if done.returncode == 0 else [f"out cannot be written again: {done.stderr}"]


def runs(times: int, *, seed: int) -> Iterator[Run]:
    """Commands and signals in turn, moments at random within two seconds."""
    chosen = random.Random(seed)
    can_be_alone = shutil.which("unshare") is not None and _may_unshare()
    turns = cycle((command, number) for number in SIGNALS for command in WORDS)
    for (command, number), _ in zip(turns, range(times), strict=False):
        alone = can_be_alone and number == signal.SIGKILL
        yield end_one(command, number, chosen.uniform(0, 2), alone=alone)


def _may_unshare() -> bool:
    return not subprocess.run(["unshare", "-pf", "true"], check=False, capture_output=True).returncode


def report(times: int, seed: int) -> int:
    """Print each fault and how the runs ended; how many had one."""
    endings: Counter[tuple[str, str, int, bool]] = Counter()
    faulty = 0
    for run in runs(times, seed=seed):
        endings[run.command, run.number.name, run.code, bool(run.left)] += 1
        faulty += bool(run.faults)
        for fault in run.faults:
            print(f"{run.command} {run.number.name} after {run.delay:.3f} s: {fault}")
    for (command, name, code, left), number in sorted(endings.items()):
        print(f"{number:>4} x {command:<8} {name:<8} exit {code:>4}{', a temporary file' if left else ''}")
    print(f"{times} runs, {faulty} with faults, seed {seed}")
    return faulty


if __name__ == "__main__":
    sys.exit(bool(report(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
