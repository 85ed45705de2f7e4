"""Fresh data in real servers: what we read from their snapshots is what they answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from readback import Comparison, decoded, read_back
from servers import SERVERS, Server, checks, program
from ways import entries

import rdbcodec

# Thresholds: the defaults, everything compact, nothing compact.
CONFIGS = {
    "default": "",
    "compact": "--hash-max-ziplist-entries 100000 --hash-max-ziplist-value 100000 --list-max-ziplist-size 999"
    " --zset-max-ziplist-entries 100000 --zset-max-ziplist-value 100000 --set-max-intset-entries 100000",
    "plain": "--hash-max-ziplist-entries 0 --zset-max-ziplist-entries 0 --set-max-intset-entries 0"
    " --list-max-ziplist-size 1 --rdbcompression no --rdbchecksum no",
    "lfu": "--maxmemory-policy allkeys-lfu --list-compress-depth 1 --stream-node-max-entries 3",
}


@pytest.fixture(params=[(name, config) for name in SERVERS for config in CONFIGS], ids="-".join)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    name, config = request.param
    running = Server(program(name), tmp_path, *CONFIGS[config].split())
    yield running
    running.stop()


def some_bytes(rng: random.Random) -> bytes:
    """Numbers, words, repetition and noise: what integer encodings, LZF and plain strings are for."""
    size = rng.choice((0, 1, 3, 11, 12, 20, 21, 63, 64, 70, 300, 5000))
    return rng.choice(
        (
            b"%d" % rng.randrange(-(2**63), 2**63),
            b"%d" % rng.randrange(-300, 300),
            b"0%d" % rng.randrange(10),
            b"ab" * (size // 2),
            rng.randbytes(size),
        )
    )


KEYS = 4  # of each kind, in each of two databases


def fill(server: Server, rng: random.Random) -> None:
    for db in (0, 3):
        server.command("SELECT", db)
        for at in range(KEYS):
            many = rng.choice((1, 5, 130, 600))
            server.command("SET", f"string:{at}", some_bytes(rng))
            server.command("RPUSH", f"list:{at}", *(some_bytes(rng) for _ in range(many)))
            server.command("SADD", f"set:{at}", *(some_bytes(rng) for _ in range(many)))
            server.command(
                "SADD",
                f"ints:{at}",
                *(rng.randrange(-(2 ** rng.choice((7, 15, 40))), 99) for _ in range(many)),
            )
            server.command("HSET", f"hash:{at}", *(some_bytes(rng) for _ in range(2 * many)))
            scores = (
                rng.choice(("inf", "-inf", rng.random() * 10**at, rng.randrange(99))) for _ in range(many)
            )
            server.command(
                "ZADD", f"zset:{at}", *(word for score in scores for word in (score, some_bytes(rng)))
            )
            fill_stream(server, rng, f"stream:{at}")
        server.command("PEXPIREAT", "string:3", 4_000_000_000_123)
        server.command("PEXPIREAT", "hash:2", 4_000_000_000_456)


def fill_stream(server: Server, rng: random.Random, key: str) -> None:
    ids = [
        server.command("XADD", key, "*", *(some_bytes(rng) for _ in range(rng.choice((2, 2, 2, 6)))))
        for _ in range(rng.choice((1, 40)))
    ]
    server.command("XDEL", key, rng.choice(ids))
    server.command("XGROUP", "CREATE", key, "g", "0")
    server.command("XREADGROUP", "GROUP", "g", "alice", "COUNT", "5", "STREAMS", key, ">")
    server.command("XREADGROUP", "GROUP", "g", "bob", "COUNT", "2", "STREAMS", key, ">")
    server.command("XACK", key, "g", ids[0])


def test_everything_read_is_what_the_server_answers(server: Server) -> None:
    fill(server, random.Random(7))
    read = {
        (entry.db, entry.key): decoded(entry.type, entry.value(), entry.expires_at_ms)
        for entry in entries(server.save())
    }
    assert len(read) == 2 * KEYS * 7
    found = Comparison(read_back(server), read)
    assert (found.changed, found.lost) == ({}, {})


@pytest.mark.parametrize("name", SERVERS)
def test_check_agrees_with_the_server_s_own_checker(name: str, tmp_path: Path) -> None:
    running = Server(program(name), tmp_path)
    fill(running, random.Random(11))
    data = running.save()
    running.stop()
    rng = random.Random(13)
    damaged = [data, data[:-1], data[: len(data) // 2], data[:-9], *(flipped(data, rng) for _ in range(20))]
    for at, bytes_ in enumerate(damaged):
        file = tmp_path / f"{at}.rdb"
        file.write_bytes(bytes_)
        theirs, _ = checks(program(name), file)
        assert is_read(bytes_) == theirs, at


def flipped(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def is_read(data: bytes) -> bool:
    try:
        for _ in rdbcodec.open(data):
            pass
    except rdbcodec.RdbError:
        return False
    return True
