"""Every command against values of every size: is the result right, and how much memory did it take?

    python benchmarks/sizes.py                      100 KB to 20 MB, and one element of 200 MB: an hour
    python benchmarks/sizes.py --sizes 1mb 20mb --kinds string hash-value --contents random

Each snapshot holds one key with one element of the size, as text that LZF packs well or as random bytes
that nothing packs. Commands run as processes of their own; what they wrote is read back and compared with
what went in. The peak of those that promise it must stay below 64 MiB and the element. `tests/test_sizes.py`
is the small version of this.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rdbcodec
from rdbcodec import Entry, Hash, List, Set, Stream, StreamEntry, StreamId, ZSet
from rdbcodec.exports.scalars import bytes_of

MIB = 1 << 20
SIZES = {"100kb": 100_000, "200kb": 200_000, "400kb": 400_000, "1mb": 10**6, "20mb": 20 * 10**6}
HUGE = {"200mb": 200 * 10**6}
PROMISED = 64 * MIB  # and the largest element, for the commands that promise a bound
NO_PROMISE = frozenset({"compat", "encode"})


def text(size: int) -> bytes:
    line = b'{"name":"Zo\xc3\xab","tags":["a","b"],"count":%d},'
    return b"".join(line % at for at in range(size // 40 + 1))[: size - 8].decode(errors="ignore").encode()


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def stream(field: bytes, value: bytes) -> Stream:
    entries = [StreamEntry(StreamId(at, 1), [(field, value)]) for at in (5, 7)]
    return Stream(2, [entries[0]], 1, entries[0].id)


CONTENTS: dict[str, Callable[[int], bytes]] = {"lzf": text, "random": noise}
VALUES: dict[str, Callable[[bytes], Any]] = {
    "string": lambda element: element,
    "list": lambda element: List([b"first", element, b"last"]),
    "set": lambda element: Set([b"first", element, b"last"]),
    "zset": lambda element: ZSet({b"first": 1.0, element: 2.5, b"last": 3.0}),
    "hash-field": lambda element: Hash({b"first": b"1", element: b"2"}),
    "hash-value": lambda element: Hash({b"first": b"1", b"second": element}),
    "stream": lambda element: stream(b"field", element),
}


class Run(NamedTuple):
    """One process: its exit code, peak in bytes, seconds of the processor, and what it said of errors."""

    code: int
    peak: int
    seconds: float
    error: str


def launch() -> None:
    """Start what the lines of stdin ask for.

    A child's peak begins with what its parent held: the process that compares values must not be it.
    """
    for line in sys.stdin:
        words, out = json.loads(line)
        with Path(out).open("wb") as stdout, tempfile.TemporaryFile() as stderr:
            child = subprocess.Popen([sys.executable, "-m", "rdbcodec", *words], stdout=stdout, stderr=stderr)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            stderr.seek(0)
            error = stderr.read().decode(errors="replace").strip()
        seconds = usage.ru_utime + usage.ru_stime
        print(json.dumps([child.returncode, usage.ru_maxrss << 10, seconds, error]), flush=True)


class Launcher:
    """A process that is small and stays it, and starts the others."""

    def __init__(self) -> None:
        words = [sys.executable, __file__, "--launch"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *words: str, out: Path | None = None) -> Run:
        """A command of rdbcodec."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(
            json.dumps([words, os.devnull if out is None else str(out)]), file=self._process.stdin, flush=True
        )
        return Run(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._process.communicate("")


class Case(NamedTuple):
    """A value in a file of its own."""

    folder: Path
    value: Any
    size: int

    @property
    def path(self) -> str:
        return str(self.folder / "in.rdb")

    def out(self, name: str) -> Path:
        return self.folder / name


def write(case: Case) -> None:
    with rdbcodec.create(case.path, to="redis-7.0") as writer:
        writer.write(b"before", b"1")
        writer.write(b"k", case.value)


def plain(value: Any) -> Any:
    return [(one.id, one.fields) for one in value.entries] if isinstance(value, Stream) else value


def is_value(case: Case, path: Path) -> bool:
    with rdbcodec.open(path, max_value=1 << 30) as reader:
        return any(
            plain(record.value()) == plain(case.value)
            for record in reader
            if isinstance(record, Entry) and record.key == b"k"
        )


def of_json(case: Case, told: Any) -> Any:
    """The value that its JSON form stands for."""
    if isinstance(case.value, Stream):
        entries = told["entries"]
        return [(StreamId(*map(int, one["id"].split("-"))), pairs(one["fields"])) for one in entries]
    if isinstance(case.value, bytes):
        return bytes_of(told, "the value")
    if isinstance(case.value, ZSet):
        return ZSet(dict(told_pairs(told)))
    if isinstance(case.value, Hash):
        return Hash(dict(pairs(told)))
    return type(case.value)(bytes_of(element, "an element") for element in told)


def told_pairs(told: Any) -> list[tuple[bytes, Any]]:
    return [
        (bytes_of(key, "a name"), value) for key, value in (told.items() if isinstance(told, dict) else told)
    ]


def pairs(told: Any) -> list[tuple[bytes, bytes]]:
    return [(key, bytes_of(value, "a value")) for key, value in told_pairs(told)]


def is_json(case: Case, told: Any) -> bool:
    return bool(of_json(case, told) == plain(case.value))


def is_cell(case: Case, cell: str) -> bool:
    if not isinstance(case.value, bytes):
        return is_json(case, json.loads(cell))
    return cell.encode() == case.value or is_json(case, json.loads(cell))


def words_of(path: Path) -> set[bytes]:
    commands = path.read_bytes()
    words: list[bytes] = []
    pos = 0
    while pos < len(commands):
        end = commands.index(b"\r\n", pos)
        count, pos = int(commands[pos + 1 : end]), end + 2
        found = []
        for _ in range(count):
            end = commands.index(b"\r\n", pos)
            size = int(commands[pos + 1 : end])
            found.append(commands[end + 2 : end + 2 + size])
            pos = end + 4 + size
        words = [*words, b"".join(found[2:])] if found[0] == b"APPEND" else [*words, *found]
    return {*words, b"".join(words[words.index(b"k") + 1 :])}


def has_words(case: Case, path: Path) -> bool:
    value = case.value
    if isinstance(value, Stream):
        wanted = {part for entry in value.entries for pair in entry.fields for part in pair}
    else:
        wanted = {value} if isinstance(value, bytes) else {*value}
        wanted |= set(value.values()) if isinstance(value, Hash) else set()
    return wanted <= words_of(path)


def commands(case: Case, run: Callable[..., Run]) -> Iterator[tuple[str, Run, bool]]:
    """Each command, what it took, and whether its result is right."""
    path = case.path
    for name in ("check", "inspect"):
        found = run(name, path, out=case.out(name))
        yield name, found, not found.code
    found = run("keys", path, out=case.out("keys"))
    yield "keys", found, case.out("keys").read_bytes() == b"before\nk\n"
    found = run("compat", path, "--target", "redis-7.0")
    yield "compat", found, not found.code
    text_ = case.out("ndjson")
    found = run("dump", path, "-o", str(text_))
    yield "ndjson", found, is_json(case, json.loads(text_.read_bytes().splitlines()[1])["value"])
    found = run("encode", str(text_), "-o", str(case.out("back.rdb")), "--to", "redis-7.0")
    yield "encode", found, is_value(case, case.out("back.rdb"))
    found = run("dump", path, "--format", "json", "-o", str(case.out("json")))
    yield "json", found, is_json(case, json.loads(case.out("json").read_bytes())[1]["value"])
    found = run("dump", path, "--format", "csv", "-o", str(case.out("csv")))
    rows = list(csv.reader(io.StringIO(case.out("csv").read_text(), newline="")))
    yield "csv", found, is_cell(case, rows[2][7])
    found = run("dump", path, "--format", "resp", "-o", str(case.out("resp")))
    yield "resp", found, has_words(case, case.out("resp"))
    found = run("filter", path, "-o", str(case.out("filtered.rdb")), "--key", "k")
    yield "filter", found, is_value(case, case.out("filtered.rdb"))
    found = run("convert", path, "-o", str(case.out("converted.rdb")), "--to", "redis-6.2")
    yield "convert", found, is_value(case, case.out("converted.rdb"))


def measure(kind: str, content: str, name: str, size: int, launcher: Launcher) -> bool:
    """One row for each command; whether all is well."""
    good = True
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), VALUES[kind](CONTENTS[content](size)), size)
        write(case)
        for command, found, is_right in commands(case, launcher.run):
            over = command not in NO_PROMISE and found.peak > PROMISED + size
            remark = " ".join(
                filter(None, ("" if is_right else "WRONG", "TOO MUCH" if over else "", found.error))
            )
            good = good and is_right and not over and not found.code
            print(
                f"{kind:11} {content:7} {name:6} {command:8} {found.code:4} {found.peak / MIB:7.0f} MiB"
                f" {found.seconds:7.1f} s  {remark}",
                flush=True,
            )
    return good


def main() -> int:
    """Print the table; 1 when a result was wrong or a command took too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    sizes = SIZES | HUGE
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=list(sizes))
    parser.add_argument("--kinds", nargs="+", choices=VALUES, default=list(VALUES))
    parser.add_argument("--contents", nargs="+", choices=CONTENTS, default=list(CONTENTS))
    parser.add_argument("--launch", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.launch:
        launch()
        return 0
    launcher = Launcher()
    csv.field_size_limit(1 << 30)
    started = time.perf_counter()
    print(f"{'type':11} {'content':7} {'size':6} {'command':8} {'exit':4} {'peak':>11} {'processor':>9}")
    results = [
        measure(kind, content, name, sizes[name], launcher)
        for name in options.sizes
        for kind in options.kinds
        for content in options.contents
    ]
    launcher.close()
    print(f"{sum(results)} of {len(results)} good, {time.perf_counter() - started:.0f} s")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
