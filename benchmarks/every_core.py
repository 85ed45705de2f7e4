"""How much sooner commands are done with several processes: wall and processor seconds, on a quiet machine.

    python benchmarks/every_core.py --folder /tmp/every-core --jobs 2

Makes 4.4 million short strings (200 MB), once as a file and once as 40 shards, and runs each command by turns
with one process and with `--jobs`; of each the quickest of `--rounds` counts.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import rdbcodec

KEYS, SHARDS = 4_400_000, 40


class Took(NamedTuple):
    """Seconds of one run, and the processor seconds of all its processes."""

    wall: float
    cpu: float


def make(path: Path, first: int, count: int) -> None:
    """A snapshot of so many keys, unless it is there."""
    if path.exists():
        return
    rng = random.Random(first)
    with rdbcodec.create(path, to="redis-7.0") as writer:
        for number in range(first, first + count):
            writer.write(b"key:%09d" % number, rng.randbytes(15).hex().encode())


def run(words: list[str]) -> Took:
    """Run the command line once."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", "rdbcodec", *words], stdout=subprocess.DEVNULL, check=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the snapshots, which stay")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    shards = options.folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    whole, output = options.folder / "whole.rdb", options.folder / "output"
    make(whole, 0, KEYS)
    for number in range(SHARDS):
        make(shards / f"{number:02}.rdb", number * KEYS // SHARDS, KEYS // SHARDS)
    writing = ["-o", str(output), "--force"]
    commands = {
        "inspect": ["inspect", str(whole)],
        "check": ["check", str(whole)],
        "dump": ["dump", str(whole), *writing],
        "dump csv": ["dump", str(whole), "--format", "csv", *writing],
        "filter": ["filter", str(whole), "--key-re", "[02468]$", *writing],
        "convert": ["convert", str(whole), "--to", "redis-6.2", *writing],
        "40 shards": ["stat", str(shards / "*.rdb"), "--total"],
    }
    for name, words in commands.items():
        tries = [
            [run([*words, "--jobs", str(jobs)]) for jobs in (1, options.jobs)] for _ in range(options.rounds)
        ]
        alone, several = (min(each) for each in zip(*tries, strict=True))
        gain = f"{alone.wall / several.wall:.2f} times as fast"
        cpu = f"processors {alone.cpu:6.2f} {several.cpu:6.2f} s"
        print(f"{name:10} wall {alone.wall:6.2f} {several.wall:6.2f} s, {gain}; {cpu}", flush=True)


if __name__ == "__main__":
    main()
