"""What the memory model says against what real servers take: the growth of `used_memory` by a snapshot.

    python benchmarks/memory_model.py                   every server, every data set of 10 MB: 10 minutes
    python benchmarks/memory_model.py --servers redis-8.2 --sets sets streams --size 2

Each data set is written for the server, loaded and saved by it, and its own file is loaded into another
process of it. That is the truth: `used_memory` less `mem_clients_normal`, once it has settled, less the same
of the empty server. The data sets are not those that the model was made of. Servers are those of
tests/servers.py; a table of errors is printed, and a line for each measurement with --verbose. Exit code 1
when a total is off by more than 2%, or 4% where streams or expiries of fields are most of it.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rdbcodec
from rdbcodec import Hash, Stream, StreamEntry, StreamId, ZSet, facts
from rdbcodec.datatypes.streams import Consumer, Group, Pending
from rdbcodec.facts.memory.counted import MemoryPass
from rdbcodec.facts.memory.estimates import FITTED, MEASURED, estimate
from rdbcodec.servers import Server as Target

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
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
FIELD_TTL = ("redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1")
YEAR_MS = 365 * 86400 * 1000

Pair = tuple[bytes, Any, int | None]  # key, value, expiry


class Data:
    """Keys and values of a seed, with an idea of how large they are."""

    def __init__(self, seed: int, now_ms: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = now_ms

    def text(self, least: int, most: int) -> bytes:
        """Half random, half words, so that LZF does something."""
        size = self.random.randint(least, most)
        if self.random.random() < 0.5:
            return self.random.randbytes(size).replace(b"\0", b"z")
        return (
            b"lorem ipsum dolor sit amet consectetur %d " % self.random.randrange(10**9) * (size // 40 + 1)
        )[:size]

    def key(self, kind: bytes, at: int) -> bytes:
        """Names of any length, some with a tenant."""
        tenant = self.random.choice((b"", b"acme:", b"globex:eu-west-1:"))
        return b"%b%b:%d%b" % (tenant, kind, at, b":%x" % self.random.getrandbits(48) if at % 3 else b"")

    def expiry(self, share: float) -> int | None:
        """So many of the keys expire, all of them long after this run."""
        return (
            self.now_ms + self.random.randrange(YEAR_MS // 2, YEAR_MS)
            if self.random.random() < share
            else None
        )

    def size(self, least: int, most: int) -> int:
        """Few are large."""
        ratio: float = (most / least) ** self.random.random()
        return round(least * ratio)


def short_strings(data: Data, at: int) -> Pair:
    return data.key(b"sess", at), data.text(1, 90), data.expiry(0.6)


def documents(data: Data, at: int) -> Pair:
    return data.key(b"doc", at), data.text(100, 6000), data.expiry(0.2)


def counters(data: Data, at: int) -> Pair:
    return data.key(b"views", at), b"%d" % data.size(1, 10**12), data.expiry(0.1)


def small_hashes(data: Data, at: int) -> Pair:
    fields = {
        b"f%d" % n: data.text(0, 40) if n % 2 else b"%d" % data.size(1, 10**9)
        for n in range(data.size(1, 80))
    }
    return data.key(b"user", at), Hash(fields), data.expiry(0.3)


def large_hashes(data: Data, at: int) -> Pair:
    long = at % 3 == 0
    count = data.size(2, 30) if long else data.size(520, 4000)
    fields = {b"field:%d" % (n * 7): data.text(60, 700) if long else data.text(1, 60) for n in range(count)}
    return data.key(b"index", at), Hash(fields), data.expiry(0.1)


def sets(data: Data, at: int) -> Pair:
    count = data.size(1, 2000)
    if at % 3 == 0:
        return data.key(b"ids", at), {b"%d" % data.size(1, 10**10) for _ in range(count)}, None
    return data.key(b"tags", at), {data.text(1, 60) for _ in range(count)}, data.expiry(0.2)


def sorted_sets(data: Data, at: int) -> Pair:
    members = {
        b"player:%d:%b" % (n, data.text(0, 30)): data.random.uniform(0, 1e6)
        for n in range(data.size(1, 1500))
    }
    return data.key(b"board", at), ZSet(members), data.expiry(0.2)


def lists(data: Data, at: int) -> Pair:
    most = data.size(4, 600)
    return data.key(b"queue", at), [data.text(0, most) for _ in range(data.size(1, 900))], data.expiry(0.1)


def streams(data: Data, at: int) -> Pair:
    start = data.now_ms - data.random.randrange(YEAR_MS)
    entries, ms = [], start
    for n in range(data.size(1, 900)):
        ms += data.random.randrange(1, 5000)
        fields = [(b"type", b"event"), (b"user", b"%d" % data.size(1, 10**6)), (b"note", data.text(0, 60))]
        entries.append(StreamEntry(StreamId(ms, n % 2), fields))
    stream = Stream(2, entries, len(entries), entries[-1].id)
    stream.first_id, stream.max_deleted_id, stream.entries_added = entries[0].id, StreamId(0, 0), len(entries)
    stream.groups = [_group(data, entries, b"workers-%d" % n) for n in range(data.random.randrange(4))]
    return data.key(b"events", at), stream, None


def _group(data: Data, entries: list[StreamEntry], name: bytes) -> Group:
    group = Group(name, entries[-1].id, len(entries))
    consumers = [Consumer(b"consumer-%d" % n, data.now_ms) for n in range(data.random.randrange(1, 5))]
    for entry in entries[: data.random.randrange(len(entries) + 1)]:
        owner = data.random.choice(consumers)
        group.pending[entry.id] = Pending(entry.id, data.now_ms, 1, owner.name)
        owner.pending.append(entry.id)
    group.consumers = consumers
    return group


def field_ttls(data: Data, at: int) -> Pair:
    fields = Hash({b"token:%d" % n: data.text(4, 60) for n in range(data.size(1, 1500))})
    share = data.random.choice((0.1, 0.5, 1.0))
    expiring = [field for field in fields if data.random.random() < share]
    fields.expires_at_ms = {field: data.now_ms + YEAR_MS + data.size(1, 10**9) for field in expiring}
    return data.key(b"tokens", at), fields, data.expiry(0.1)


def mixed(data: Data, at: int) -> Pair:
    """A shop: mostly sessions and caches, some of all else."""
    kinds = (short_strings, short_strings, short_strings, documents, counters, small_hashes, small_hashes)
    rare = (sets, sorted_sets, lists, large_hashes, streams)
    return data.random.choice(kinds if data.random.random() < 0.97 else rare)(data, at)


SETS: dict[str, Callable[[Data, int], Pair]] = {
    "short-strings": short_strings,
    "documents": documents,
    "counters": counters,
    "small-hashes": small_hashes,
    "large-hashes": large_hashes,
    "sets": sets,
    "sorted-sets": sorted_sets,
    "lists": lists,
    "streams": streams,
    "field-ttls": field_ttls,
    "mixed": mixed,
}
LOOSE = ("streams", "field-ttls")


class Measured(NamedTuple):
    """A data set in a server: bytes it took, and what the model said."""

    keys: int
    taken: int
    said: int

    @property
    def error(self) -> float:
        """How far off the model is, as a share of the truth."""
        return self.said / self.taken - 1


def snapshot_of(name: str, server: str, size: int) -> bytes:
    """A data set of about so many bytes, written for a server."""
    data = Data(sum(map(ord, name)) * 7919, time.time_ns() // 1_000_000)
    out = io.BytesIO()
    with rdbcodec.create(out, to=server, duplicates="allow", allow_loss=True) as writer:
        for at, (key, value, expiry) in enumerate(_pairs(name, data)):
            writer.write(key, value, db=at % 3 if name == "mixed" else 0, expires_at_ms=expiry)
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
    parser.add_argument("--verbose", action="store_true", help="a line for each measurement")
    options = parser.parse_args()
    worst = True
    print(f"{'':14}", *(f"{name:>11}" for name in options.servers))
    for name in options.sets:
        cells = []
        for server in options.servers:
            if name == "field-ttls" and server not in FIELD_TTL:
                cells.append(f"{'':>11}")
                continue
            with tempfile.TemporaryDirectory() as folder:
                found = measured(server, snapshot_of(name, server, round(options.size * 10**6)), Path(folder))
            worst = worst and abs(found.error) <= (FITTED if name in LOOSE else MEASURED)
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
