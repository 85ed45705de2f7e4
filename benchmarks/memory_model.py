"""What the memory model says against what real servers take: the growth of `used_memory` by a snapshot.

    python benchmarks/memory_model.py                   every server, every data set of 10 MB: 10 minutes
    python benchmarks/memory_model.py --servers redis-8.2 --sets sets streams --size 2

Each data set is written for the server, loaded and saved by it, and its own file is loaded into another
process of it. That is the truth: `used_memory` less `mem_clients_normal`, once it has settled, less the same
of the empty server. The data sets, those of memory_sets.py, are not those that the model was made of. Servers
are those of tests/servers.py; a table of errors is printed, and a line for each measurement with --verbose.
Exit code 1 when a total is off by more than 2%, or 4% where streams or expiries of fields are most of it.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import rdbcodec
from rdbcodec import facts
from rdbcodec.facts.memory.counted import MemoryPass
from rdbcodec.facts.memory.estimates import INDEXED, MEASURED, estimate
from rdbcodec.servers import Server as Target

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from memory_sets import DATABASES, LOOSE, SETS, Data, Pair, loads
from servers import SERVERS, Server, program

# What the servers at hand are built with: INFO says "libc" or "jemalloc", and not which.
ALLOCATORS = {
    "redis-6.2": "libc",
    "redis-7.0": "debian",
    "redis-7.4": "jemalloc",
    "redis-8.2": "jemalloc",
    "redis-8.10": "libc",
    "valkey-8.0": "debian",
    "valkey-8.1": "libc",
    "valkey-9.1": "libc",
}


class Measured(NamedTuple):
    """A data set in a server: bytes it took, and what the model said."""

    keys: int
    taken: int
    said: int

    @property
    def error(self) -> float:
        """How far off the model is, as a share of the truth."""
        return self.said / self.taken - 1


def snapshot_of(name: str, server: str, size: int, seed: int = 1) -> bytes:
    """A data set of about so many bytes, written for a server."""
    data = Data(f"{name} {seed}", time.time_ns() // 1_000_000)
    out = io.BytesIO()
    with rdbcodec.create(out, to=server, duplicates="allow", allow_loss=True) as writer:
        for at, (key, value, expiry) in enumerate(_pairs(name, data)):
            writer.write(key, value, db=at % 3 * 4 if name in DATABASES else 0, expires_at_ms=expiry)
            if out.tell() >= size:
                break
    return out.getvalue()


def _pairs(name: str, data: Data) -> Iterator[Pair]:
    at = 0
    while True:
        yield SETS[name](data, at)
        at += 1


def measured(server: str, snapshot: bytes, folder: Path) -> Measured:
    """What a snapshot takes in a server, by its own word and by the model's."""
    own = saved(server, snapshot, folder / "first")
    running = started(server, folder / "second")
    try:
        empty = settled(running)
        running.load(own)
        taken = settled(running) - empty
        keys = sum(
            int(line.split(b"keys=")[1].split(b",")[0])
            for line in running.command("INFO", "keyspace").split()
            if b"keys=" in line
        )
    finally:
        running.stop()
    with rdbcodec.open(own) as reader:
        memory = facts.run(reader, [MemoryPass(time.time_ns() // 1_000_000)])[0]
    said = estimate(memory, Target.of(server), allocator=ALLOCATORS[server])
    return Measured(keys, taken, said.bytes)


def started(server: str, folder: Path) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    debug = () if server == "redis-6.2" else ("--enable-debug-command", "local")
    running = Server(program(server), folder, *debug)
    running.command(
        "PING"
    )  # it listens before it looks for a file: one that is written by then is loaded twice
    return running


def saved(server: str, snapshot: bytes, folder: Path) -> bytes:
    """The snapshot as the server itself writes it."""
    running = started(server, folder)
    try:
        running.load(snapshot)
        return running.save()
    finally:
        running.stop()


def settled(server: Server) -> int:
    """`used_memory` without clients, once it stays the same and no table of keys is being moved.

    Valkey 8.0 makes its tables grow while it loads, whatever RESIZEDB announces, and has two of them until
    the last one has moved: a bit at a time, ten seconds for 280,000 keys, with no change of `used_memory`
    before the old one is freed.
    """
    seen: list[int] = []
    for _ in range(150):
        info = dict(
            line.split(b":", 1) for line in server.command("INFO", "memory").split(b"\r\n") if b":" in line
        )
        moving = int(info.get(b"mem_overhead_db_hashtable_rehashing", 0))
        seen.append(int(info[b"used_memory"]) - int(info.get(b"mem_clients_normal", 0)))
        if not moving and len(seen) > 3 and max(seen[-4:]) - min(seen[-4:]) < 2048:
            break
        time.sleep(0.4)
    return min(seen[-4:])


def main() -> int:
    """Measure what is asked for; a table of errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", nargs="+", default=list(ALLOCATORS), choices=list(SERVERS))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--size", type=float, default=10, help="MB of each snapshot")
    parser.add_argument("--seed", type=int, default=1, help="other data of the same making")
    parser.add_argument("--verbose", action="store_true", help="a line for each measurement")
    options = parser.parse_args()
    worst = True
    print(f"{'':14}", *(f"{name:>11}" for name in options.servers))
    for name in options.sets:
        cells = []
        for server in options.servers:
            if not loads(server, name):
                cells.append(f"{'':>11}")
                continue
            with tempfile.TemporaryDirectory() as folder:
                snapshot = snapshot_of(name, server, round(options.size * 10**6), options.seed)
                found = measured(server, snapshot, Path(folder))
            worst = worst and abs(found.error) <= (INDEXED if name in LOOSE else MEASURED)
            cells.append(f"{found.error:>+11.2%}")
            if options.verbose:
                print(
                    f"  {server} {name}: {found.keys} keys, {found.taken} bytes, said {found.said}",
                    file=sys.stderr,
                )
        print(f"{name:14}", *cells, flush=True)
    return 0 if worst else 1


if __name__ == "__main__":
    sys.exit(main())
