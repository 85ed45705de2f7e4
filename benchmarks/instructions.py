"""A guard of speed that no noise reaches: how many instructions of the interpreter do small jobs take?

    python benchmarks/instructions.py            the counts of now beside those of instructions.json
    python benchmarks/instructions.py --check    the same, and exit code 1 when a job takes 5% more
    python benchmarks/instructions.py --write    make those of now the ones to hold

Counted are bytecode instructions (sys.monitoring, so a Python of 3.12 or later). They are the same on every
machine and in every run, but for the minor version of Python, which instructions.json names. What a call into
C takes is not in them: that is what the timed benchmarks are for. `tests/test_instructions.py` holds them: no
job may take 5% more without a new instructions.json in the same commit.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import rdbcodec
from rdbcodec.compat import check as judge
from rdbcodec.exports.build import build
from rdbcodec.exports.ndjson import lines
from rdbcodec.exports.resp import commands
from rdbcodec.facts.profile import profile
from rdbcodec.facts.soundness import check
from rdbcodec.losses import Losses
from rdbcodec.wire import lzf
from rdbcodec.wire.lzf.blocks import decompress_pure

HERE = Path(__file__).resolve().parent
BASELINE = HERE / "instructions.json"
ALLOWED = 1.05
COUNT = 10_000  # keys of the small files: engines differ by some thousand instructions a file

TYPES = (HERE.parent / "fixtures" / "snapshots" / "redis-7.2.6-types.rdb").read_bytes()
STRINGS = b"".join(b"\x00\x0ckey:%08d\x05value" % number for number in range(COUNT))
EXPIRING = b"".join(b"\xfc%b\x00\x09int:%05d\xc0\x07" % (bytes(8), number) for number in range(COUNT))
ORDERS = b"".join(b'{"id": %d, "tag": "%x", "amount": %d}, ' % (n**3, n * 7919, n**2) for n in range(200))
BLOCK = lzf.compress_exact(ORDERS) or b""


def snapshot(records: bytes) -> bytes:
    """A snapshot of RDB 11 without a checksum."""
    return b"REDIS0011\xfe\x00" + records + b"\xff" + bytes(8)


def iterate(data: bytes) -> None:
    for _ in rdbcodec.open(data):
        pass


def values(data: bytes) -> None:
    for record in rdbcodec.open(data):
        if isinstance(record, rdbcodec.Entry):
            record.value()


def encode(text: bytes) -> None:
    build(io.BytesIO(text), io.BytesIO(), to="redis-7.2")


def write(count: int) -> None:
    with rdbcodec.create(io.BytesIO()) as writer:
        for number in range(count):
            writer.write(b"key:%08d" % number, b"a value of thirty bytes, plain")


TEXT = "".join(lines(rdbcodec.open(snapshot(STRINGS)))).encode()

JOBS: dict[str, Callable[[], Any]] = {
    "iterate strings": partial(iterate, snapshot(STRINGS)),
    "inspect expiring integers": lambda: profile(rdbcodec.open(snapshot(EXPIRING)), now_ms=0),
    "values of every type": partial(values, TYPES),
    "check every type": lambda: check(rdbcodec.open(TYPES), now_ms=0),
    "stat of every type": lambda: rdbcodec.stat(TYPES, now_ms=0),
    "compat of every type": lambda: judge(TYPES, "redis-6.2"),
    "dump as NDJSON": lambda: list(lines(rdbcodec.open(TYPES))),
    "dump as commands": lambda: list(commands(rdbcodec.open(TYPES), losses=Losses())),
    "convert to Redis 2.8": lambda: rdbcodec.convert(TYPES, io.BytesIO(), to="redis-2.8", allow_loss=True),
    "encode strings": partial(encode, TEXT),
    "write strings": partial(write, COUNT),
    "expand LZF": partial(decompress_pure, BLOCK, len(ORDERS)),
}


def count(job: Callable[[], Any]) -> int:
    """The bytecode instructions of a job, once it is warm: what is made once is not counted."""
    job()
    gc.collect()
    seen = 0

    def note(*_: object) -> None:
        nonlocal seen
        seen += 1

    monitoring: Any = sys.__dict__["monitoring"]  # newer than the oldest Python, whose types are checked
    event, tool = monitoring.events.INSTRUCTION, monitoring.PROFILER_ID
    monitoring.use_tool_id(tool, "rdbcodec instructions")
    monitoring.register_callback(tool, event, note)
    gc.disable()
    try:
        monitoring.set_events(tool, event)
        job()
    finally:
        monitoring.set_events(tool, 0)
        gc.enable()
        monitoring.free_tool_id(tool)
    return seen


def main() -> None:
    """Print the table, or write what it shall be held against."""
    parser = argparse.ArgumentParser(description="Count the instructions of small jobs.")
    parser.add_argument("--write", action="store_true", help="these are the counts to hold from now on")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a job takes 5%% more")
    options = parser.parse_args()
    sys.modules["lzf"] = None  # type: ignore[assignment] # LZF in C, which not everybody has, would hide our own
    counts = {name: count(job) for name, job in JOBS.items()}
    version = "{}.{}".format(*sys.version_info)
    if options.write:
        BASELINE.write_text(json.dumps({"python": version, "counts": counts}, indent=4) + "\n")
    held = json.loads(BASELINE.read_text())
    print(f"{'job':28} {'instructions':>12} {'held':>12}")
    for name, seen in counts.items():
        known = held["counts"].get(name)
        print(f"{name:28} {seen:12,} {known or 0:12,} {seen / known - 1 if known else 0:+7.1%}")
    if options.check:
        sys.exit(_verdict(counts, held, version))


def _verdict(counts: dict[str, int], held: dict[str, Any], version: str) -> str | None:
    """What is wrong, if something is."""
    if held["python"] != version:
        return f"instructions.json is of Python {held['python']}, this is {version}"
    slower = [name for name, most in held["counts"].items() if counts[name] > most * ALLOWED]
    return f"more instructions than instructions.json allows: {', '.join(slower)}" if slower else None


if __name__ == "__main__":
    main()
