"""The memory model against what two real servers take: the growth of `used_memory` by a snapshot.

benchmarks/memory_model.py does the same with every server and with data sets of 10 MB.
"""

from __future__ import annotations

import io
import random
import time
from typing import Any

import pytest
from servers import Pool, Server

import rdbcodec
from rdbcodec import ZSet, facts
from rdbcodec.facts.memory.counted import MemoryPass
from rdbcodec.facts.memory.estimates import MEASURED, estimate
from rdbcodec.servers import Server as Target

YEAR_MS = 365 * 86400 * 1000
KEYS = 9000


def value_of(at: int, random_: random.Random) -> Any:
    """Every type, packed and not: most are small."""
    if at % 300 == 0:
        return {b"field:%d" % n: random_.randbytes(random_.randrange(50)) for n in range(700)}
    if at % 300 == 100:
        return ZSet({b"member:%d" % n: random_.random() for n in range(400)})
    if at % 300 == 200:
        return [random_.randbytes(random_.randrange(200)) for _ in range(300)]
    if at % 50 == 1:
        return {random_.randbytes(random_.randrange(1, 40)) for _ in range(random_.randrange(1, 200))}
    if at % 5 == 2:
        return {b"name": random_.randbytes(20), b"visits": b"%d" % at, b"note": random_.randbytes(at % 60)}
    return b"%d" % (at * 7) if at % 5 == 3 else random_.randbytes(random_.randrange(150))


def snapshot_for(name: str) -> bytes:
    random_, now_ms = random.Random(11), time.time_ns() // 1_000_000
    out = io.BytesIO()
    with rdbcodec.create(out, to=name) as writer:
        for at in range(KEYS):
            expires_at_ms = now_ms + YEAR_MS if at % 3 == 0 else None
            writer.write(
                b"tenant:%d:key:%d" % (at % 7, at), value_of(at, random_), expires_at_ms=expires_at_ms
            )
    return out.getvalue()


def used_memory(server: Server) -> int:
    """Without clients, once it is the same four times and no table of keys is being moved any more.

    Valkey 8.0 holds two of them for a while after a load, with no change of `used_memory` before one goes.
    """
    seen: list[int] = []
    moving = 0
    while moving or len(seen) < 4 or max(seen[-4:]) - min(seen[-4:]) > 2048:
        assert len(seen) < 200, seen
        time.sleep(0.2)
        lines = server.command("INFO", "memory").split(b"\r\n")
        info = dict(line.split(b":", 1) for line in lines if b":" in line)
        moving = int(info.get(b"mem_overhead_db_hashtable_rehashing", 0))
        seen.append(int(info[b"used_memory"]) - int(info[b"mem_clients_normal"]))
    return min(seen[-4:])


@pytest.mark.parametrize("name", ["redis-7.0", "valkey-8.0"])
def test_debians_servers_take_what_the_model_says(name: str, pool: Pool) -> None:
    server = pool(name)
    server.command("FLUSHALL", "SYNC")
    empty = used_memory(server)
    server.load(snapshot_for(name))
    taken = used_memory(server) - empty
    own = server.save()
    with rdbcodec.open(own) as reader:
        memory = facts.run(reader, [MemoryPass(time.time_ns() // 1_000_000)])[0]
    said = estimate(memory, Target.of(name), allocator="debian")
    assert said.bytes == pytest.approx(taken, rel=MEASURED)
