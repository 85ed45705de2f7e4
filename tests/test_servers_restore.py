"""Real servers hold what was restored into them, minus what was told as lost."""

from __future__ import annotations

import io
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from servers import Pool, Server

import rdbcodec
from rdbcodec import ZSet
from rdbcodec.live.address import Options
from rdbcodec.live.connect import connect
from rdbcodec.live.restore import restore
from rdbcodec.live.restore_done import Restored
from rdbcodec.live.restore_judge import now_ms
from rdbcodec.live.restore_terms import Terms
from rdbcodec.tools.diff import Terms as Same
from rdbcodec.tools.diff import diff

SNAPSHOTS = Path(__file__).parent.parent / "fixtures" / "snapshots"


def url(server: Server) -> str:
    return f"unix://{server.folder / 's'}"


def emptied(server: Server) -> Server:
    server.command("FLUSHALL")
    if server.command("COMMAND", "INFO", "FUNCTION") != [None]:
        server.command("FUNCTION", "FLUSH")
    return server


def check(server: Server, path: Path, done: Restored) -> None:
    """What `convert` makes of the file for this server is what it holds, and what that loses was told."""
    with connect(url(server)) as live:
        wanted = io.BytesIO()
        converted = rdbcodec.convert(path, wanted, to=live.identity.server, allow_loss=True)
    found = diff(
        partial(rdbcodec.open, wanted.getvalue()),
        partial(rdbcodec.open, server.save()),
        Same(now_ms=now_ms()),
    )
    assert (found.is_equal, found.differences) == (True, [])
    kinds = {(loss.kind, loss.times) for loss in converted.losses}
    assert {(loss.kind, loss.times) for loss in done.losses} == kinds


@pytest.mark.parametrize("by_commands", [False, True], ids=["restore", "commands"])
@pytest.mark.parametrize("name", ["redis-6.2", "redis-7.0", "redis-8.10", "valkey-9.1"])
def test_a_server_holds_what_was_restored_into_it(pool: Pool, name: str, by_commands: bool) -> None:
    path = SNAPSHOTS / "redis-7.4.1-hfe.rdb"
    server = emptied(pool(name))
    done = restore(str(path), url(server), Terms(by_commands=by_commands))
    assert done.keys == 4
    check(server, path, done)


def test_types_streams_and_functions_of_a_new_redis_come_into_an_old_one(pool: Pool) -> None:
    path = SNAPSHOTS / "redis-7.2.6-types.rdb"
    server = emptied(pool("redis-7.0"))
    done = restore(str(path), url(server))
    assert (done.failed, done.functions) == (0, len(server.command("FUNCTION", "LIST")))
    check(server, path, done)


def test_a_user_who_may_not_run_restore_brings_keys_by_commands(pool: Pool) -> None:
    server = emptied(pool("redis-7.0"))
    server.command("ACL", "SETUSER", "bob", "on", ">x", "~*", "+@all", "-restore")
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.0") as writer:
        writer.write(b"s", b"v")
        writer.write(b"l", [b"x", b"y", b"x"], expires_at_ms=4102444800000)
        writer.write(b"z", ZSet({b"a": 1.5}))
    done = restore(out.getvalue(), url(server), options=Options(username="bob", password="x"))  # noqa: S106
    assert done.made == Counter({(type, "commands"): 1 for type in ("string", "list", "zset")})
    assert server.command("LRANGE", "l", 0, -1) == [b"x", b"y", b"x"]
    assert server.command("PEXPIRETIME", "l") == 4102444800000
    assert sorted(server.command("KEYS", "*")) == [b"l", b"s", b"z"]


def test_a_large_list_goes_by_commands_and_stays_as_it_is_there(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdbcodec.live.restore_ways.LARGE", 1000)
    server = emptied(pool("redis-7.0"))
    elements = [b"%d" % number for number in range(5000)]
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.0") as writer:
        writer.write(b"l", elements)
    assert restore(out.getvalue(), url(server), Terms(by_commands=True)).keys == 1
    assert server.command("LRANGE", "l", 0, -1) == elements
    assert restore(out.getvalue(), url(server), Terms(by_commands=True, on_conflict="skip")).skipped == 1
    assert restore(out.getvalue(), url(server), Terms(by_commands=True, on_conflict="replace")).keys == 1
    assert server.command("LLEN", "l") == 5000
    assert server.command("KEYS", "*") == [b"l"]


def test_a_value_that_is_not_held_is_restored_by_way_of_a_file(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdbcodec.live.restore_reading.HELD", 1000)
    server = emptied(pool("redis-7.0"))
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-8.2") as writer:
        writer.write(b"s", bytes(range(256)) * 40)
        writer.write(b"h", {b"%d" % number: b"v" * 9 for number in range(500)})
        writer.write(b"z", ZSet({b"m%d" % number: float(number) for number in range(500)}))
    assert restore(out.getvalue(), url(server)).keys == 3
    assert server.command("GET", "s") == bytes(range(256)) * 40
    assert (server.command("HLEN", "h"), server.command("ZSCORE", "z", "m77")) == (500, b"77")
