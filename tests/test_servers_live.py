"""Real servers are fetched by both methods: equal to what they save themselves, and to each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from servers import Pool, Server

import rdbcodec
from rdbcodec import Entry
from rdbcodec.live.connect import connect
from rdbcodec.live.errors import LiveError

LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
NAMES = ("redis-6.2", "redis-7.0", "redis-8.2", "redis-8.10", "valkey-8.0", "valkey-9.1")


def fill(server: Server) -> None:
    """Every type, two databases, expiries; libraries and field expiries where there are such."""
    server.command("FLUSHALL")
    for db in (0, 9):
        server.command("SELECT", db)
        server.commands([("SET", f"k{number}", "v" * number) for number in range(120)])
        server.commands([("PEXPIREAT", f"k{number}", 4102444800000 + number) for number in range(9)])
        server.commands(
            [
                ("RPUSH", "list", *range(300)),
                ("SADD", "set", "a", *range(20)),
                ("ZADD", "board", 1, "a", 2.5, "b"),
                ("HSET", "hash", "f", "v", "g", "x" * 100),
                ("XADD", "stream", "1-1", "f", "v"),
                ("XGROUP", "CREATE", "stream", "group", "0"),
                ("SET", "large", "x" * 200_000),
            ]
        )
    server.commands([("FUNCTION", "FLUSH"), ("FUNCTION", "LOAD", LIBRARY)])
    server.commands([("HSETEX", "fields", "EX", 90000, "FIELDS", 1, "f", "v")])


@pytest.mark.parametrize("name", NAMES)
def test_both_methods_give_what_the_server_saves(name: str, pool: Pool, tmp_path: Path) -> None:
    server = pool(name)
    fill(server)
    server.command("CONFIG", "SET", "repl-diskless-sync-delay", 0)
    own = tmp_path / "own.rdb"
    own.write_bytes(server.save())
    url = f"unix://{server.folder}/s"
    for method in ("replication", "scan"):
        path = tmp_path / f"{method}.rdb"
        found = rdbcodec.fetch(url, path, method=method)
        same = rdbcodec.diff(partial(rdbcodec.open, own), partial(rdbcodec.open, path))
        assert same.is_equal, (method, same)
        assert found.keys == same.equal
        assert found.identity.server is not None
        assert found.identity.server.name == f"{name}.{(found.identity.version or '').split('.')[-1]}"
        with rdbcodec.open(own) as mine, rdbcodec.open(path) as other:
            libraries = [[r.code for r in file if isinstance(r, rdbcodec.Function)] for file in (mine, other)]
            assert libraries[0] == libraries[1]
            assert (mine.version, mine.dialect) == (other.version, other.dialect)
    server.command("FLUSHALL")


def test_a_user_who_may_do_little_is_told_what_it_lacks(pool: Pool, tmp_path: Path) -> None:
    server = pool("redis-7.0")
    server.command("FLUSHALL")
    server.command("SET", "k", "v")
    allowed = ("+info", "+scan", "+dump", "+pexpiretime", "+multi", "+exec", "+select", "+function|dump")
    server.command("ACL", "SETUSER", "reader", "reset", "on", ">pw", "~*", *allowed)
    url = f"unix://reader:pw@{server.folder}/s"
    found = rdbcodec.fetch(url, tmp_path / "dump.rdb")
    assert (found.method, found.reason, found.keys) == ("scan", "this user may not run SYNC (NOPERM)", 1)
    server.command("ACL", "SETUSER", "reader", "-dump")
    with pytest.raises(LiveError, match=r"this user may not run DUMP \(NOPERM\)"):
        rdbcodec.fetch(url, tmp_path / "other.rdb")
    with pytest.raises(LiveError, match="the user or the password is wrong"):
        connect(f"unix://reader:no@{server.folder}/s")
    server.command("ACL", "DELUSER", "reader")
    with rdbcodec.open(tmp_path / "dump.rdb") as reader:
        assert [(r.key, r.value()) for r in reader if isinstance(r, Entry)] == [(b"k", b"v")]
