"""A snapshot against a running server: all of it, or a sample of keys drawn from both."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from commands import run
from scripted import HANG_UP, Answer, Scripted, bulk
from stores import Store

import rdbcodec
from rdbcodec.live.sampling import Sample, sample_of

NOPERM = b"-NOPERM User bob has no permissions to run the 'sync' command\r\n"
KEYS: dict[bytes, tuple[object, int]] = {b"key:%d" % number: (b"v%d" % number, -1) for number in range(40)}


def write(path: Path, keys: dict[bytes, tuple[object, int]]) -> Path:
    with rdbcodec.create(path, to="redis-7.2") as writer:
        for key, (value, expires) in keys.items():
            writer.write(key, value, expires_at_ms=None if expires < 0 else expires)  # type: ignore[call-overload]
    return path


def drawing(keys: list[bytes]) -> Answer:
    """RANDOMKEY, which draws one after another."""
    at = 0

    def draw(words: list[bytes]) -> bytes:
        nonlocal at
        del words
        at += 1
        return bulk(keys[at % len(keys)])

    return draw


def store(keys: dict[bytes, tuple[object, int]]) -> Store:
    more: dict[str, Answer] = {"DBSIZE": b":%d\r\n" % len(keys), "RANDOMKEY": drawing(list(keys))}
    return Store(keys, None, {"SYNC": NOPERM, **more})


def test_a_snapshot_is_compared_with_a_server(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rdb", KEYS)
    with store(KEYS) as server:
        done = run("diff", path, server.url)
    assert done.stdout.decode() == (
        f"EQUAL: {path}, {server.url}\n  compared  40 keys and 40 keys\n  equal     40 keys\n"
    )
    other = {**KEYS, b"key:1": (b"other", -1), b"new": (b"v", -1)}
    other.pop(b"key:2")
    stream = write(tmp_path / "b.rdb", other).read_bytes()
    replies: dict[str, Answer] = {
        "PING": b"+PONG\r\n",
        "REPLCONF": b"+OK\r\n",
        "SYNC": b"$%d\r\n%s" % (len(stream), stream) + HANG_UP,
    }
    with Scripted(replies) as replica:
        done = run("diff", path, replica.url)
    assert done.returncode == 1
    assert done.stdout.decode() == (
        f"NOT EQUAL: {path}, {replica.url}\n  compared  40 keys and 40 keys\n  equal     38 keys\n"
        "  missing   1 key\n  extra     1 key\n  changed   1 key\n"
        "  ~ db 0 key b'key:1' (string): value\n      value changed\n"
        "  - db 0 key b'key:2' (string)\n  + db 0 key b'new' (string)\n"
    )
    assert sum(words == [b"SYNC"] for words in replica.asked) == 1


def test_what_expired_meanwhile_is_not_missing(tmp_path: Path) -> None:
    soon = time.time_ns() // 1_000_000 + 1
    path = write(tmp_path / "a.rdb", {**KEYS, b"session": (b"v", soon)})
    with store(KEYS) as server:
        whole = run("diff", path, server.url)
        sample = run("diff", path, server.url, "--sample", "100%")
    for done in (whole, sample):
        assert b"missing   1 key, all expired by now\n" in done.stdout
        assert done.returncode == 0


def test_a_sample_asks_the_server_for_no_other_keys(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rdb", KEYS)
    with store(KEYS) as server:
        done = run("diff", path, server.url, "--sample", "5")
        asked = {words[1] for words in server.asked if words[0] == b"DUMP"}
    assert done.returncode == 0, done
    assert 5 <= len(asked) <= 10
    assert f"compared  {len(asked)} keys and {len(asked)} keys".encode() in done.stdout
    assert not any(words[0] == b"SCAN" for words in server.asked)


def test_a_sample_finds_what_only_one_side_has(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rdb", KEYS)
    with store({**KEYS, b"new": (b"v", -1)}) as server:
        done = run("diff", path, server.url, "--sample", "100%")
        assert b"extra     1 key\n" in done.stdout
        assert done.returncode == 1
    with store({b"key:1": (b"v1", -1)}) as server:
        done = run("diff", path, server.url, "--sample", "100%")
        assert b"missing   39 keys\n" in done.stdout


def test_a_sample_is_of_a_snapshot_and_a_server(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rdb", {})
    wrong = {
        (str(path), str(path)): "A is a snapshot then, and B a server, redis://...",
        ("redis://a", "redis://b"): "A is a snapshot then, and B a server, redis://...",
        (str(path), "redis://b", "--map-db", "0=1"): "goes with neither --map-db nor --rename",
    }
    for words, says in wrong.items():
        done = run("diff", *words, "--sample", "5")
        assert (done.returncode, done.stderr.decode().splitlines()[0]) == (
            2,
            f"rdbcodec diff: error: argument --sample: {says}",
        )
    assert (sample_of("10"), sample_of("0.5%")) == (Sample(number=10), Sample(share=0.005))
    for text in ("0", "101%", "0%", "ten"):
        with pytest.raises(ValueError, match="is neither a number of keys"):
            sample_of(text)
