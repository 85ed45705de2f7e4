"""`rdbcodec restore`: what it says, and how it ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import run
from fake_server import FakeServer, fake_server

import rdbcodec
from rdbcodec.cli.restoring import Line
from rdbcodec.live.restore_done import Failure, Restored
from rdbcodec.losses import Losses
from rdbcodec.reports.restore import as_json, lines


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    with fake_server(tmp_path) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "dump.rdb"
    with rdbcodec.create(path, to="redis-7.2") as writer:
        writer.write(b"a", b"1")
        writer.write(b"b", [b"x"])
        writer.write(b"old", b"1", expires_at_ms=1000)
        writer.write(b"c", b"2", db=3)
    return str(path)


def test_what_was_done_is_told_by_type(server: FakeServer, file: str) -> None:
    done = run("restore", file, server.url)
    assert done.returncode == 0
    assert done.stderr.decode() == f"{file}: can be restored into Redis 7.2\n"
    assert done.stdout.decode().splitlines() == [
        f"{server.url}: 3 keys restored, Redis 7.2.6",
        "  string 2, list 1",
        "  1 key with no time left, not restored: --keep-expired restores them",
    ]
    assert sorted(server.keys) == [(0, b"a"), (0, b"b"), (3, b"c")]


def test_a_rehearsal_tells_what_would_be_done(server: FakeServer, file: str) -> None:
    done = run(
        "restore", file, server.url, "--dry-run", "--format", "json", "--type", "string", "--no-compat"
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["keys"], told["made"]) == (0, 2, {"string": {"restore": 2}})
    assert (told["dry_run"], told["not_chosen"], server.keys) == (True, 1, {})


def test_a_key_that_is_there_ends_it_and_the_state_goes_on(
    server: FakeServer, file: str, tmp_path: Path
) -> None:
    server.keys[0, b"b"] = b"theirs"
    state = tmp_path / "state"
    done = run("restore", file, server.url, "--no-compat", "--state", state)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        f"{server.url}: the key b'b' is in database 0 already, and stays as it is there",
        f"the same command goes on from here (--state {state})",
    ]
    done = run("restore", file, server.url, "--state", state, "--hide-keys")
    hidden = f"{server.url}: a key is in database 0 already, and stays as it is there"
    assert done.stderr.decode().splitlines()[1] == hidden
    done = run("restore", file, server.url, "--state", state, "--on-conflict", "skip")
    assert (done.returncode, state.exists()) == (0, False)
    assert done.stderr.decode() == f"{state}: goes on where it ended, 0 keys before\n"
    assert "  1 key in the server already, which stay as they are there" in done.stdout.decode().splitlines()


def test_keys_that_fail_are_in_a_file_and_not_named_when_they_are_hidden(
    server: FakeServer, file: str, tmp_path: Path
) -> None:
    server.say("RESTORE", b"-NOPERM No permissions to access a key\r\n")
    failures = tmp_path / "failures"
    done = run("restore", file, server.url, "--no-compat", "--failures", failures, "--hide-keys")
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-2:] == [
        "  failed: 1 key",
        "    a key in db 0, string at offset 11: NOPERM No permissions to access a key",
    ]
    told = json.loads(failures.read_text())
    assert told == {
        "key": None,
        "db": 0,
        "type": "string",
        "offset": 11,
        "answer": "NOPERM No permissions to access a key",
    }


def test_what_the_server_cannot_have_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    path = "fixtures/snapshots/redis-7.4.1-hfe.rdb"
    with fake_server(tmp_path) as server:
        done = run("restore", path, server.url)
        assert done.returncode == 1
        words = done.stderr.decode()
        assert words.startswith(f"{path} -> redis-7.2   NO: 2 reasons\n")
        assert words.endswith("nothing was restored: with --force what can be restored is, all the same\n")
        assert server.heard == []
        done = run("restore", path, server.url, "--force")
        assert done.returncode == 0
        assert "  lost: field-ttl: 2 x a hash whose fields would no longer expire" in done.stdout.decode()


def test_memory_that_is_not_there_is_told_before(server: FakeServer, file: str) -> None:
    server.memory = (3_000_000, 2_999_000)
    done = run("restore", file, server.url, "--dry-run")
    assert done.stderr.decode().endswith(f"{server.url}: 1000 B of maxmemory 2.9 MiB are free\n")


def test_a_cluster_has_one_database(file: str) -> None:
    with fake_server() as node:
        node.cluster = [(0, 16383, int(node.url.rpartition(":")[2]))]
        done = run("restore", file, node.url)
        assert done.returncode == 2
        assert done.stderr.decode() == (
            f"{file}: a cluster has database 0 only, and keys of 3 are in the file: "
            "--map-db 3=0 puts them there\n"
        )
        assert run("restore", file, node.url, "--map-db", "3=0").returncode == 0
        assert sorted(node.keys) == [(0, b"a"), (0, b"b"), (0, b"c")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x",), "x: is no URL of a server, such as redis://localhost:6379\n"),
        (
            ("redis://h", "--state", "s", "--limit", "3"),
            "--state and --limit: a restore that goes on would begin to count again\n",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(file: str, words: tuple[str, ...], message: str) -> None:
    done = run("restore", file, *words)
    assert (done.returncode, done.stderr.decode()) == (2, message)


def test_a_rate_is_of_keys_or_of_bytes(file: str) -> None:
    done = run("restore", file, "redis://h", "--rate", "fast")
    assert done.returncode == 2
    assert "'fast' is no rate such as 5000 (keys) or 10mb (bytes)" in done.stderr.decode()


def test_the_line_on_a_terminal_says_what_is_left() -> None:
    line = Line(100 << 20)
    assert line.text(25 << 20, 5000, 10.0) == "25%, 5,000 keys, 500 keys/s, 2.5 MiB/s, 0:30 left"
    assert Line(0).text(0, 7, 0.0) == "7 keys"


def test_a_loss_that_no_line_holds_is_told_in_several() -> None:
    losses = Losses()
    losses.add("function-refused", offset=106)
    losses.add("field-ttl", offset=5)
    done = Restored("redis://h", "Redis 7.2.6", losses=tuple(losses.all()))
    assert [*lines(done)][1:] == [
        "  lost: function-refused: 1 x a function library that the target refuses: its",
        "    first line, or what it calls",
        "    first at offset 106",
        "  lost: field-ttl: 1 x a hash whose fields would no longer expire",
        "    first at offset 5",
    ]


def everything() -> Restored:
    """A restore to which all has happened that can."""
    losses = Losses()
    losses.add("field-ttl", offset=5, db=1, key=b"h")
    failed = [Failure(1, b"k%d" % number, "hash", 70 + number, "-ERR no") for number in range(2)]
    return Restored(
        *("redis://h", "Redis 7.2.6"),
        made=Counter({("string", "restore"): 1200, ("hash", "commands"): 7}),
        reasons=Counter({"the server refused the payload": 7}),
        there=1,
        skipped=2,
        expired=3,
        filtered=4,
        left_out=5,
        failed=3,
        functions=1,
        functions_filtered=2,
        functions_skipped=3,
        losses=tuple(losses.all()),
        failures=failed,
    )


def test_all_that_happened_is_told() -> None:
    assert [*lines(everything(), hide_keys=True)] == [
        "redis://h: 1,207 keys restored, Redis 7.2.6",
        "  string 1,200, hash 7",
        "  by commands: 7 keys, because the server refused the payload",
        "  1 key of these had come before an interruption",
        "  2 keys in the server already, which stay as they are there",
        "  3 keys with no time left, not restored: --keep-expired restores them",
        "  4 keys not chosen",
        "  5 keys the server cannot have: see what is lost",
        "  1 function library",
        "  2 function libraries left out: filters choose keys, --functions keeps functions too",
        "  3 function libraries of the server stay as they are there",
        "  lost: field-ttl: 1 x a hash whose fields would no longer expire",
        "    first at offset 5, db 1",
        "  failed: 3 keys",
        "    a key in db 1, hash at offset 70: -ERR no",
        "    a key in db 1, hash at offset 71: -ERR no",
        "    and 1 more: --failures FILE has all of them",
    ]


def test_programs_are_told_the_same() -> None:
    told = as_json(everything())
    assert told["made"] == {"string": {"restore": 1200}, "hash": {"commands": 7}}
    assert told["failures"][1] == {"key": "k1", "db": 1, "type": "hash", "offset": 71, "answer": "-ERR no"}
    assert told["losses"] == [
        {
            "kind": "field-ttl",
            "times": 1,
            "says": "a hash whose fields would no longer expire",
            "first": {"offset": 5, "db": 1, "key": "h"},
        }
    ]
    counts = ("there_before", "skipped", "expired", "not_chosen", "left_out", "failed", "functions")
    assert [told[name] for name in counts] == [1, 2, 3, 4, 5, 3, 1]
    assert (told["keys"], told["dry_run"], told["resumed"]) == (1207, False, False)
    assert as_json(everything(), hide_keys=True)["failures"][0]["key"] is None
