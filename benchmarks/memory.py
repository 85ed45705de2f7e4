"""Peak memory of the commands on files made to be hard on it: none may take more than 64 MiB.

    python benchmarks/memory.py [--size 64] [--only hash zset] [--work DIR]
    python benchmarks/memory.py --only long-keys key lzf-key aux lzf-aux function
    RDBCODEC_PURE=1 python benchmarks/memory.py

--size is the size in MiB of the large ones; the default of 1024 needs 2.5 GB of disk at a time, for the
file and for what `check` spills, and some minutes. Each command runs in a process of its own; peaks are
those the kernel tells of it (ru_maxrss, in KiB: this is for Linux). The row "nothing" is an empty
snapshot: what the interpreter and the imports take. Exit code 1 if a peak is above the limit or a
command fails.

A key's name, an AUX field and a function library are held whole (README names this exception): the limit
of files with a large one is a multiple of its size, and 64 MiB. These have a size of their own.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rdbcodec.limits import CHECKED_VALUE, COUNTED_VALUE
from rdbcodec.structures import listpack
from rdbcodec.wire.crc64 import crc64

LIMIT = 64.0  # MiB
COMMANDS: dict[str, tuple[str, ...]] = {
    "inspect": ("inspect",),
    "check": ("check",),
    "filter": ("filter", "-o", os.devnull),
    "keys": ("keys",),
    "ndjson": ("dump", "--format", "ndjson"),
    "json": ("dump", "--format", "json"),
    "csv": ("dump", "--format", "csv"),
    "resp": ("dump", "--format", "resp"),
}
STEP = 1000  # elements made at a time
PIECE = 1 << 20

Pieces = Iterator[bytes]


# --- snapshots ------------------------------------------------------------------------------------


def write_snapshot(path: Path, records: Pieces) -> None:
    """A snapshot of these key records, written as they come."""
    crc = 0
    with path.open("wb") as file:
        for piece in chain([b"REDIS0011"], records, [b"\xff"]):
            crc = crc64(piece, crc)
            file.write(piece)
        file.write(crc.to_bytes(8, "little"))


def length(number: int) -> bytes:
    """A LENGTH."""
    if number < 1 << 6:
        return bytes([number])
    return b"\x80" + number.to_bytes(4, "big") if number < 1 << 32 else b"\x81" + number.to_bytes(8, "big")


def string(data: bytes) -> bytes:
    """A STRING."""
    return length(len(data)) + data


def numbered(template: bytes, count: int) -> Pieces:
    """The template filled in with every number from 0 on."""
    for start in range(0, count, STEP):
        numbers = range(start, min(start + STEP, count))
        yield template * len(numbers) % tuple(numbers)


def nothing(size: int) -> Pieces:
    """No keys."""
    del size
    return iter(())


def small_keys(size: int) -> Pieces:
    """2 million short strings per GiB."""
    return numbered(b"\x00\x0ekey:%010d\x0cvalue of key", 2_000_000 * size >> 30)


def hash_table(size: int) -> Pieces:
    """Type 4, small fields."""
    count = size // 38
    yield b"\x04" + string(b"hash") + length(count)
    yield from numbered(b"\x10field:%010d\x14twenty bytes of text", count)


def sorted_set(size: int) -> Pieces:
    """Type 5, small members."""
    count = size // 26
    yield b"\x05" + string(b"zset") + length(count)
    yield from numbered(b"\x11member:%010d" + struct.pack("<d", 1.5), count)


def raw_string(size: int) -> Pieces:
    """Type 0, one value not compressed."""
    yield b"\x00" + string(b"string") + length(size)
    for start in range(0, size, PIECE):
        yield bytes(min(PIECE, size - start))


def lzf_string(size: int) -> Pieces:
    """Type 0, one value of one byte repeated: 3 bytes of LZF for every 264."""
    count = size // 264
    yield b"\x00" + string(b"lzf") + b"\xc3" + length(2 + 3 * count) + length(1 + 264 * count) + b"\x00a"
    for start in range(0, count, STEP):
        yield b"\xe0\xff\x00" * min(STEP, count - start)


def quicklist(size: int) -> Pieces:
    """Type 18: nodes of 8 KiB, as servers write them."""
    node = b"\x02" + string(listpack.encode(b"element %04d" % number for number in range(580)))
    count = size // len(node)
    yield b"\x12" + string(b"list") + length(count)
    for _ in range(count):
        yield node


def stream(size: int) -> Pieces:
    """Type 19, without groups: nodes of 100 entries."""
    entries = [word for ms in range(100) for word in (2, ms, 0, b"twenty bytes of text", 4)]
    node = string(listpack.encode([100, 0, 1, b"field", 0, *entries]))
    count = size * 3 // 10 // (len(node) + 17)
    yield b"\x13" + string(b"stream") + length(count)
    for number in range(count):
        yield string(struct.pack(">QQ", number * 1000, 0)) + node
    last = length((count - 1) * 1000 + 99) + length(0)
    yield length(count * 100) + last + length(0) * 4 + length(count * 100) + length(0)


def listpack_hash(size: int) -> Pieces:
    """Type 16: one blob of a fifth of the size, which no server would make but every one can load."""
    template = b"\x90field:%010d\x11\x94twenty bytes of text\x15"
    count = size // 5 // 40
    total = 6 + 40 * count + 1
    yield b"\x10" + string(b"listpack") + length(total) + struct.pack("<IH", total, min(2 * count, 0xFFFF))
    yield from numbered(template, count)
    yield b"\xff"


def held_values(size: int) -> Pieces:
    """As large as values may be to be held: strings by `inspect`, lists of a byte per number by `check`."""
    text = string(bytes(COUNTED_VALUE - 64))
    numbers = b"\x01\x02" + string(listpack.encode([1] * ((CHECKED_VALUE - 64) // 2)))
    for number in range(size // 4 // (len(text) * 4 + len(numbers))):
        for copy in range(4):
            yield b"\x00" + string(b"string:%d:%d" % (number, copy)) + text
        yield b"\x12" + string(b"list:%d" % number) + numbers


def long_keys(size: int) -> Pieces:
    """50 keys of 1 MB: together more than a command holds."""
    del size
    for number in range(50):
        yield b"\x00" + string(b"%010d" % number + bytes(range(32, 127)) * 10526) + b"\x01v"


def long_key(size: int) -> Pieces:
    """One key of 20 MiB."""
    del size
    yield b"\x00" + string(b"k" * HELD) + b"\x01v"


def lzf_key(size: int) -> Pieces:
    """One key of 20 MiB in 240 KB of LZF."""
    del size
    yield b"\x00" + lzf_of(HELD) + b"\x01v"


def long_aux(size: int) -> Pieces:
    """An AUX field of 20 MiB."""
    del size
    yield b"\xfa" + string(b"remark") + string(b"a" * HELD)


def lzf_aux(size: int) -> Pieces:
    """An AUX field of 20 MiB in 240 KB of LZF."""
    del size
    yield b"\xfa" + string(b"remark") + lzf_of(HELD)


def library(size: int) -> Pieces:
    """A function library of 20 MiB."""
    del size
    code = b"#!lua name=large\nredis.register_function('f', function() return 1 end)\n"
    yield b"\xf5" + string(code + b"-- a comment\n" * ((HELD - len(code)) // 13))


def lzf_of(size: int) -> bytes:
    """A STRING of about `size` bytes "a", as lzf_string has it."""
    count = size // 264
    return b"\xc3" + length(2 + 3 * count) + length(1 + 264 * count) + b"\x00a" + b"\xe0\xff\x00" * count


HELD = 20 << 20  # bytes of what is held whole
HELD_TIMES = 8.0  # how many times over, at most
HELD_WHOLE = {"key", "lzf-key", "aux", "lzf-aux", "function"}
SHAPES: dict[str, Callable[[int], Pieces]] = {
    "nothing": nothing,
    "keys": small_keys,
    "hash": hash_table,
    "zset": sorted_set,
    "string": raw_string,
    "lzf": lzf_string,
    "list": quicklist,
    "stream": stream,
    "listpack": listpack_hash,
    "held": held_values,
    "long-keys": long_keys,
    "key": long_key,
    "lzf-key": lzf_key,
    "aux": long_aux,
    "lzf-aux": lzf_aux,
    "function": library,
}


# --- measuring --------------------------------------------------------------------------------------


class Run(NamedTuple):
    """What a command took."""

    code: int
    peak: float  # MiB
    seconds: float
    limit: float  # MiB

    @property
    def is_good(self) -> bool:
        """Whether it worked, and within the limit."""
        return self.code == 0 and self.peak <= self.limit


def measure(word: str, path: Path) -> Run:
    """Run a command of rdbcodec on a file."""
    limit = LIMIT + HELD_TIMES * HELD / (1 << 20) * (path.stem in HELD_WHOLE)
    start = time.monotonic()
    # A child's peak begins with what its parent held when it started it: this script stays small itself.
    process = subprocess.Popen(
        [sys.executable, "-m", "rdbcodec", *COMMANDS[word], str(path)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(process.returncode, usage.ru_maxrss / 1024, time.monotonic() - start, limit)


def cell(run: Run) -> str:
    """A run in the table."""
    remark = "" if run.is_good else f"exit {run.code}" if run.code else "TOO MUCH"
    return f"{run.peak:5.0f} MiB {run.seconds:6.1f} s {remark:8}"


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description="Measure the peak memory of rdbcodec.")
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="size of the large files")
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES), help="these files")
    parser.add_argument("--work", type=Path, metavar="DIR", help="make the files there, one after the other")
    return parser.parse_args()


def main() -> int:
    """Make each file, measure, delete it."""
    options = parse()
    print(f"{'':10} {'file':>9}  " + "  ".join(f"{word:27}" for word in COMMANDS))
    good = True
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for name in options.only:
            path = Path(folder, f"{name}.rdb")
            write_snapshot(path, SHAPES[name](options.size << 20))
            runs = [measure(word, path) for word in COMMANDS]
            print(f"{name:10} {path.stat().st_size / 1e6:6.0f} MB  " + "  ".join(map(cell, runs)), flush=True)
            good = good and all(run.is_good for run in runs)
            path.unlink()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
