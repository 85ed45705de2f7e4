"""Snapshots made to be split at wrong places: every number of processes must find and write what one does.

    python tests/hostile_jobs.py --files 1000 --seed 0

Small files of ten shapes, some of them damaged, go through the commands with `--jobs 1` and with 2 to 7.
Parts are so small that each file really has many, and are read in this process, pickled both ways. Exit code,
stdout, stderr and the bytes of outputs must be the same. It ends with code 1 when anything differs, and
takes a processor second a file; test_parallel_writing.py runs it on a few.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from odd import lp
from ways import DISABLED, pair, snapshot, string

from rdbcodec.cli import common
from rdbcodec.cli.main import main
from rdbcodec.reading.parallel import opening
from rdbcodec.reading.parallel.here import Here
from rdbcodec.wire.crc64 import crc64

NOW = "2026-11-27T10:00Z"
JOBS = range(2, 8)
MARK = "OUT"  # stands for the path of an output
# Of each verb the ways to say it, by turns.
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inspect": (("--format", "json", "--now", NOW), ("--now", NOW)),
    "check": (("--format", "json", "--now", NOW),),
    "compat": (("--target", "redis-7.2", "--target", "valkey-8.0", "--now", NOW),),
    "stat": (("--format", "json", "--now", NOW),),
    "dump": (
        ("--records",),
        ("--format", "json"),
        ("--format", "csv"),
        ("--format", "resp", "--to", "redis-6.2", "--now", NOW),
    ),
    "filter": (("-o", MARK), ("-o", MARK, "--key-re", "[02468]$", "--not-type", "list")),
    "convert": (
        ("-o", MARK, "--to", "redis-6.2", "--allow-loss"),
        ("-o", MARK, "--to", "valkey-9.1", "--on-duplicate", "allow"),
        ("-o", MARK, "--to", "redis-2.8", "--allow-loss"),
    ),
}


# --- files --------------------------------------------------------------------------------------------


class Maker:
    """Records of one file."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._count = 0
        small = [self.plain() for _ in range(20)]
        self.small = b"".join(small)
        self.inner = snapshot(*small, b"\xfe\x03", b"\xfb\x02\x00", *small)

    def key(self) -> bytes:
        """A new name; once in a while one that was there."""
        self._count += 0 if self.rng.random() < _TWICE else 1
        return b"k%d" % self._count

    def plain(self) -> bytes:
        return pair(0, b"\x02v%d" % self.rng.randrange(10), self.key())

    def any(self) -> bytes:
        return self.rng.choice(_KINDS)(self)

    def records_as_value(self) -> bytes:
        return pair(0, string(self.small * self.rng.randrange(1, 4)), self.key())

    def snapshot_as_value(self) -> bytes:
        return pair(0, string(self.inner * self.rng.randrange(1, 3)), self.key())

    def member(self) -> bytes:
        return pair(1, b"\x02\x01a" + string(self.small), self.key())

    def set(self) -> bytes:
        return pair(2, b"\x02\x01a\x01b", self.key())

    def hash(self) -> bytes:
        return pair(4, b"\x02\x01a" + string(self.small[:50]) + b"\x01b\x01c", self.key())

    def sorted_set(self) -> bytes:
        return pair(3, b"\x01\x01a\x031.5", self.key())

    def expiring(self) -> bytes:
        at = (1_795_000_000_000 + self.rng.randrange(10**12)).to_bytes(8, "little")
        return b"\xfc" + at + self.any_plain()

    def expiring_as_record(self) -> bytes:
        return b"\xfc" + self.small[:8] + self.any_plain()

    def attributed(self) -> bytes:
        hint = self.rng.choice((b"\xf9\x05", b"\xf8\x07", b"\xf8\x40\xc8"))
        return (b"\xfc" + self.small[1:9]) * self.rng.randrange(2) + hint + self.any_plain()

    def any_plain(self) -> bytes:
        return self.rng.choice((Maker.plain, Maker.set, Maker.hash, Maker.records_as_value))(self)

    def remark(self) -> bytes:
        return b"\xfa" + string(self.rng.choice((self.small, b"used-mem", b"lua"))) + b"\x01v"

    def remark_on_member(self) -> bytes:
        return self.set() + b"\xfa" + string(b"keydb-subexpire-key") + b"\x01a"

    def database(self) -> bytes:
        select = b"\xfe" + bytes((self.rng.randrange(16),))
        return select + self.rng.choice((b"", b"\xfb\x01\x00", b"\xfb\x0a\x02")) + self.plain()

    def zeros(self) -> bytes:
        return pair(0, string(bytes(self.rng.randrange(500))), self.key())

    def template(self) -> bytes:
        return b"\xf2" + bytes((self.rng.randrange(8),)) + b"\x02\x01a\x01b"

    def of_template(self) -> bytes:
        return pair(30, string(lp(self.rng.randrange(8), b"1", b"2")), self.key())

    def library(self) -> bytes:
        return b"\xf5" + string(b"#!lua name=l%d\n--" % self.rng.randrange(30) + self.small[:40])


_TWICE = 0.0005
_KINDS: tuple[Callable[[Maker], bytes], ...] = (
    *(Maker.plain, Maker.plain, Maker.plain, Maker.records_as_value, Maker.snapshot_as_value),
    *(Maker.member, Maker.set, Maker.hash, Maker.sorted_set, Maker.expiring, Maker.expiring_as_record),
    *(Maker.attributed, Maker.remark, Maker.database, Maker.zeros),
)


def some(maker: Maker, *kinds: Callable[[Maker], bytes], most: int = 60) -> Iterator[bytes]:
    for _ in range(maker.rng.randrange(15, most)):
        yield maker.rng.choice(kinds)(maker)


def databases(maker: Maker) -> Iterator[bytes]:
    """Thousands, and no key in most of them."""
    few = maker.rng.random() < 0.8
    for number in range(maker.rng.randrange(100, 400) if few else 3000):
        yield b"\xfe\x80" + number.to_bytes(4, "big")
        if number % 3 == 0:
            yield maker.plain()


def huge(maker: Maker) -> Iterator[bytes]:
    """One value that is most of the file, larger than what is held by some commands."""
    yield from some(maker, *_KINDS, most=30)
    times = maker.rng.choice((20, 100, 400, 1200))
    value = string(maker.small * times)
    yield pair(0, value, maker.key()) if maker.rng.random() < 0.5 else pair(1, b"\x01" + value, maker.key())
    yield from some(maker, *_KINDS, most=30)


def one_list(maker: Maker) -> Iterator[bytes]:
    """Two databases, and a list of many records between short strings."""
    yield from some(maker, Maker.plain)
    count = maker.rng.randrange(200, 4000)
    yield pair(1, b"\x80" + count.to_bytes(4, "big") + string(maker.plain()) * count, maker.key())
    yield from some(maker, Maker.plain, Maker.database)


class Shape(NamedTuple):
    """A kind of file."""

    name: str
    records: Callable[[Maker], Iterator[bytes]]
    versions: tuple[int, ...] = (6, 9, 11, 12)


SHAPES = (
    Shape("anything", lambda maker: some(maker, *_KINDS)),
    Shape("records as values", lambda maker: some(maker, Maker.plain, Maker.records_as_value, Maker.member)),
    Shape("snapshots as values", lambda maker: some(maker, Maker.plain, Maker.snapshot_as_value, most=30)),
    Shape("one huge value", huge),
    Shape("one list", one_list),
    Shape("thousands of databases", databases),
    Shape(
        "attributes at every cut",
        lambda maker: some(maker, Maker.expiring, Maker.attributed, Maker.expiring_as_record),
        (9, 11),
    ),
    Shape(
        "templates at every cut",
        lambda maker: some(maker, Maker.template, Maker.of_template, Maker.plain, most=120),
        (15,),
    ),
    Shape(
        "remarks, libraries and databases",
        lambda maker: some(
            maker, Maker.remark, Maker.remark_on_member, Maker.database, Maker.plain, Maker.library
        ),
        (9, 11, 12),
    ),
    Shape("short strings", lambda maker: (maker.plain() for _ in range(maker.rng.randrange(50, 900)))),
)


def made(seed: int) -> tuple[str, bytes]:
    """The shape and the bytes of a file; one in six is damaged somewhere."""
    shape, maker = SHAPES[seed % len(SHAPES)], Maker(seed)
    rng = maker.rng
    magic = b"REDIS%04d" % rng.choice(shape.versions)
    data = snapshot(*shape.records(maker), magic=magic)
    if rng.random() < 0.5:
        body = data[: -len(DISABLED)]
        data = body + crc64(body).to_bytes(8, "little")
    if rng.random() < 1 / 6:
        at = rng.randrange(12, len(data))
        cut = rng.random() < 0.3
        data = data[:at] if cut else data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        return f"{shape.name}, damaged", data
    return shape.name, data


# --- commands -----------------------------------------------------------------------------------------


class Told(NamedTuple):
    """All that a command does."""

    code: int
    stdout: bytes
    stderr: bytes
    written: bytes | None


class Counts(NamedTuple):
    """Parts that others read and that were joined, and those read again."""

    joined: list[int]
    again: list[int]


@contextmanager
def small_parts(size: int, records: int, counts: Counts) -> Iterator[None]:
    """Every file is large enough for parts of so many bytes, all of which this process reads."""

    class Small(opening.InParts):
        def __init__(self, path: Any, how: Any, hands: Any) -> None:
            super().__init__(path, how, hands, size=size, records=records)

        def close(self) -> None:
            counts.joined.append(self.joined)
            counts.again.append(self.read_here)
            super().close()

    def jobs_for(path: Any, jobs: int | None) -> int:
        del path
        return jobs or 1

    def here(count: int, method: str, ahead: int) -> Here:
        del method, ahead
        return Here(count)

    with (
        patch.object(opening, "InParts", Small),
        patch.object(opening, "jobs_for", jobs_for),
        patch.object(common, "jobs_for", jobs_for),
        patch("rdbcodec.reading.parallel.workers.Processes", here),
    ):
        yield


def told(path: Path, words: tuple[str, ...], jobs: int) -> Told:
    """What a command does with a file."""
    output = path.with_suffix(".out")
    output.unlink(missing_ok=True)
    verb, *others = (str(output) if word == MARK else word for word in words)
    out, err = path.with_suffix(".stdout"), path.with_suffix(".stderr")
    with (
        out.open("w", encoding="utf-8") as stdout,
        err.open("w", encoding="utf-8", errors="backslashreplace") as stderr,
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        code = main([verb, str(path), *others, f"--jobs={jobs}"])
    written = output.read_bytes() if output.exists() else None
    return Told(code, out.read_bytes(), err.read_bytes(), written)


def differences(
    path: Path, seed: int, words: tuple[str, ...], counts: Counts, jobs: Iterable[int] = JOBS
) -> list[str]:
    """With which numbers of processes a command does something else than alone."""
    rng = random.Random(seed)
    wanted = told(path, words, 1)
    found = []
    for count in jobs:
        size = max(60, path.stat().st_size // (count * rng.choice((1, 2, 5))))
        with small_parts(size, rng.choice((1, 2, 4, 8)), counts):
            if (other := told(path, words, count)) != wanted:
                names = [name for name in Told._fields if getattr(other, name) != getattr(wanted, name)]
                found.append(f"seed {seed}: {' '.join(words)} --jobs {count}: other {', '.join(names)}")
    return found


def hostile() -> int:
    """Run all of them; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument(
        "--each", type=int, default=len(JOBS), help="numbers of processes tried with a command"
    )
    parser.add_argument("--seconds", type=float, default=1e9, help="end after so many")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    shapes, sizes, runs, differ = Counter[str](), [], Counter[str](), []
    counts = Counts([], [])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.rdb"
        for seed in range(options.seed, options.seed + options.files):
            shape, data = made(seed)
            path.write_bytes(data)
            shapes[shape] += 1
            sizes.append(len(data))
            for number, (verb, ways) in enumerate(COMMANDS.items(), seed):
                jobs = [JOBS[(number + more) % len(JOBS)] for more in range(options.each)]
                runs.update(f"{verb} {count}" for count in jobs)
                words = (verb, *ways[seed // len(SHAPES) % len(ways)])
                for line in differences(path, seed, words, counts, jobs):
                    differ.append(line)
                    print(line, flush=True)
            if len(sizes) % 50 == 0:
                print(f"{len(sizes)} files, {time.process_time():.0f} s", flush=True)
            if time.monotonic() > end:
                break
    print(f"{len(sizes)} files of {min(sizes):,} to {max(sizes):,} bytes: {dict(sorted(shapes.items()))}")
    print(f"commands with --jobs: {dict(sorted(runs.items()))}")
    print(f"parts joined {sum(counts.joined):,}, read again {sum(counts.again):,}")
    print(f"differences: {len(differ)}")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(hostile())
