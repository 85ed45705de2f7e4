"""Fetch from real servers while they are written to, and hold what came against what is promised.

    python benchmarks/fetch_under_writes.py            every server that tests/servers.py finds

For each server and both methods: without writes the snapshot equals the server's own; with 1,000 writes a
second, keys nobody touches are all there and equal, and each key that was written has one of its values,
with the expiry of that very value.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import rdbcodec
from rdbcodec import Entry, Selection
from rdbcodec.live.connect import Live, connect
from rdbcodec.tools.diff import Terms

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from servers import Server, program

NAMES = ("redis-6.2", "redis-7.0", "redis-8.2", "redis-8.10", "valkey-8.0", "valkey-9.1")
STILL, HOT, RATE = 12_000, 2_000, 1_000
BASE_MS = 4_102_444_800_000  # value n of a hot key expires at this time plus n
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"


def fill(live: Live) -> None:
    """Keys of all types in two databases, some with an expiry."""
    for db in (0, 5):
        live.link.call("SELECT", db)
        for start in range(0, STILL // 2, 1000):
            live.link.calls([_still(number) for number in range(start, start + 1000)])
        live.link.calls([("PEXPIREAT", f"still:{number}", BASE_MS + number) for number in range(0, 900, 3)])
    live.link.call("SELECT", 0)
    live.link.calls([("FUNCTION", "LOAD", LIBRARY)])
    live.link.calls([("HSETEX", "still:fields", "EX", 90000, "FIELDS", 1, "f", "v")])


def _still(number: int) -> tuple[str | int, ...]:
    key = f"still:{number}"
    return (
        ("SET", key, f"value {number}"),
        ("RPUSH", key, *range(number % 7 + 1), "x" * 50),
        ("HSET", key, "name", f"n{number}", "count", number),
        ("SADD", key, *range(number % 20 + 1)),
        ("ZADD", key, 1, "a", 2.5, "b", number, "c"),
        ("XADD", key, "1-1", "field", number),
    )[number % 6]


def write(url: str) -> None:
    """A thousand writes a second, until it is ended: each value with an expiry that says which it is."""
    number, start = 0, time.monotonic()
    with connect(url) as live:
        while True:
            words: list[tuple[str | int, ...]] = []
            for _ in range(20):
                key, value, at = f"hot:{number % HOT}", f"v{number}", BASE_MS + number
                words += [("MULTI",), ("SET", key, value)]
                words += [("PEXPIREAT", key, at)] if number % 3 == 0 else []
                words.append(("EXEC",))
                number += 1
            live.link.calls(words)
            time.sleep(max(0.0, start + number / RATE - time.monotonic()))


def hot_keys(path: Path) -> int:
    """How many there are; each with a value that was written, and that value's expiry."""
    count = 0
    with rdbcodec.open(path) as reader:
        for entry in (record for record in reader if isinstance(record, Entry)):
            if entry.key.startswith(b"hot:"):
                number = int(str(entry.value(), "ascii")[1:])  # type: ignore[arg-type] # a string
                assert number % HOT == int(entry.key[4:]), (entry.key, number)
                assert entry.expires_at_ms == (None if number % 3 else BASE_MS + number), (entry.key, number)
                count += 1
    return count


def check(name: str, folder: Path) -> None:
    options = () if name == "redis-6.2" else ("--enable-debug-command", "local")
    server = Server(program(name), folder, "--repl-diskless-sync-delay", "0", *options)
    url = f"unix://{folder}/s"
    try:
        with connect(url) as live:
            fill(live)
        own = folder / "own.rdb"
        own.write_bytes(server.save())
        for method in ("replication", "scan"):
            before = fetched(url, folder / f"{method}.rdb", method)
            quiet = compared(own, folder / f"{method}.rdb", None)
            writer = subprocess.Popen([sys.executable, __file__, url])
            begun = _writes(url)
            while _writes(url) < begun + RATE:
                time.sleep(0.1)
            start, written = time.monotonic(), _writes(url)
            fetched(url, folder / f"{method}-busy.rdb", method)
            seconds, written = time.monotonic() - start, _writes(url) - written
            writer.kill()
            writer.wait()
            busy = compared(
                own, folder / f"{method}-busy.rdb", Selection(prefixes=[b"still:"], functions=True)
            )
            hot = hot_keys(folder / f"{method}-busy.rdb")
            with connect(url) as live:
                live.link.calls([("DEL", f"hot:{number}") for number in range(HOT)])
            print(f"{name:10} {method:11} quiet: {quiet} ({before:,} keys)")
            print(f"{'':22} {written:,} writes in {seconds:.1f} s: untouched {busy}; {hot:,} written keys,")
            print(f"{'':22} each with a value of theirs and its expiry", flush=True)
    finally:
        server.stop()


def _writes(url: str) -> int:
    with connect(url) as live:
        told: bytes = live.link.call("INFO", "commandstats")
    return int(told.partition(b"cmdstat_set:calls=")[2].split(b",")[0])


def fetched(url: str, path: Path, method: str) -> int:
    found = rdbcodec.fetch(url, path, method=method)  # type: ignore[arg-type]
    assert found.method == method
    return found.keys


def compared(own: Path, path: Path, selection: Selection | None) -> str:
    found = rdbcodec.diff(
        partial(rdbcodec.open, own), partial(rdbcodec.open, path), Terms(selection=selection)
    )
    return f"EQUAL {found.equal:,}" if found.is_equal else f"NOT EQUAL {found}"


def main() -> None:
    if len(sys.argv) > 1 and "://" in sys.argv[1]:
        write(sys.argv[1])
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory(prefix="live-") as folder:
            check(name, Path(folder))


if __name__ == "__main__":
    main()
