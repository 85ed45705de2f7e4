"""Snapshots go into servers: what is sent, and what is done about every answer."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import HANG_UP, FakeServer, fake_server

import rdbcodec
from rdbcodec.facts.slots import key_slot
from rdbcodec.live.restore import restore
from rdbcodec.live.restore_done import Restored, RestoreStopped
from rdbcodec.live.restore_terms import Terms
from rdbcodec.live.restore_ways import temporary_name

SOON = 4102444800000  # 2100
BUSY, BAD = b"-BUSYKEY Target key name already exists.\r\n", b"-ERR Bad data format\r\n"


def snapshot(**values: Any) -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        for key, value in values.items():
            writer.write(key, value)
    return out.getvalue()


THREE = snapshot(a=b"1", b=b"2", c=b"3")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeServer]:
    with fake_server(tmp_path) as running:
        yield running


def names(fake: FakeServer) -> list[bytes]:
    return sorted(key for _, key in fake.keys)


def test_a_key_goes_as_restore_with_its_expiry_and_how_it_was_used(fake: FakeServer) -> None:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        writer.write(b"k", b"v")
        writer.write(b"soon", b"v", expires_at_ms=SOON)
        writer.write(b"idle", b"v", expires_at_ms=SOON, idle=7)
        writer.write(b"often", b"v", freq=200)
    done = restore(out.getvalue(), fake.url)
    payload = rdbcodec.dump.encode(b"v", version=11)
    assert fake.words("RESTORE") == [
        [b"RESTORE", b"k", b"0", payload, b"ABSTTL"],
        [b"RESTORE", b"soon", b"4102444800000", payload, b"ABSTTL"],
        [b"RESTORE", b"idle", b"4102444800000", payload, b"ABSTTL", b"IDLETIME", b"7"],
        [b"RESTORE", b"often", b"0", payload, b"ABSTTL", b"FREQ", b"200"],
    ]
    assert done.made == Counter({("string", "restore"): 4})


def test_a_key_that_is_there_ends_a_restore_and_stays_as_it_is(fake: FakeServer) -> None:
    fake.keys[0, b"b"] = b"theirs"
    with pytest.raises(RestoreStopped) as caught:
        restore(THREE, fake.url)
    assert caught.value.strerror == "the key b'b' is in database 0 already, and stays as it is there"
    assert caught.value.code == "BUSYKEY"
    assert fake.keys[0, b"b"] == b"theirs"


def test_a_key_that_is_there_is_skipped_or_replaced_on_request(fake: FakeServer) -> None:
    fake.keys[0, b"b"] = b"theirs"
    done = restore(THREE, fake.url, Terms(on_conflict="skip"))
    assert (done.keys, done.skipped, fake.keys[0, b"b"]) == (2, 1, b"theirs")
    done = restore(THREE, fake.url, Terms(on_conflict="replace"))
    assert (done.keys, done.skipped) == (3, 0)
    assert fake.keys[0, b"b"] == rdbcodec.dump.encode(b"2", version=11)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"-OOM command not allowed\r\n", "it has no memory left (maxmemory), and refuses the key b'b'"),
        (b"-READONLY You can't write\r\n", "it is a replica, which takes no writes: name the primary"),
    ],
)
def test_a_server_that_refuses_everything_ends_a_restore(fake: FakeServer, answer: bytes, words: str) -> None:
    fake.say("RESTORE", b"+OK\r\n", answer)
    with pytest.raises(RestoreStopped) as caught:
        restore(THREE, fake.url)
    assert (caught.value.strerror, caught.value.done.keys) == (words, 2)


def test_a_server_that_loads_is_waited_for(fake: FakeServer) -> None:
    fake.say("RESTORE", b"-LOADING Redis is loading the dataset in memory\r\n", b"-LOADING wait\r\n")
    assert restore(THREE, fake.url).keys == 3
    assert names(fake) == [b"a", b"b", b"c"]


def test_a_server_that_loads_for_ever_is_given_up(fake: FakeServer) -> None:
    fake.always("RESTORE", b"-LOADING Redis is loading the dataset in memory\r\n")
    with pytest.raises(RestoreStopped) as caught:
        restore(THREE, fake.url, Terms(patience=0.01))
    assert caught.value.strerror == "the server answers LOADING, for 0 seconds"


def test_keys_whose_answers_were_lost_are_compared_and_not_taken_for_others(fake: FakeServer) -> None:
    fake.say("RESTORE", b"+OK\r\n", HANG_UP)  # a was not done in truth, b was
    done = restore(THREE, fake.url)
    assert (done.keys, done.there) == (3, 1)
    assert names(fake) == [b"a", b"b", b"c"]


def test_a_key_that_somebody_wrote_meanwhile_is_no_key_of_ours(fake: FakeServer) -> None:
    fake.keys[0, b"b"] = rdbcodec.dump.encode(b"theirs", version=11)
    fake.say("RESTORE", HANG_UP)
    with pytest.raises(RestoreStopped, match="b'b' is in database 0 already"):
        restore(THREE, fake.url)


def test_where_restore_is_forbidden_keys_go_by_commands(fake: FakeServer) -> None:
    fake.always("RESTORE", b"-NOPERM User default has no permissions to run the 'restore' command\r\n")
    done = restore(snapshot(a=b"1", l=[b"x", b"y"]), fake.url)
    assert done.made == Counter({("string", "commands"): 1, ("list", "commands"): 1})
    assert done.reasons == Counter({"this user may not run RESTORE, or the server does not have it": 2})
    temporary = temporary_name(b"l")
    assert [words for words in fake.heard if words[1] == temporary] == [
        [b"RPUSH", temporary, b"x", b"y"],
        [b"RENAMENX", temporary, b"l"],
        [b"DEL", temporary],
    ]
    assert names(fake) == [b"a", b"l"]


def test_by_commands_a_key_that_is_there_stays_too(fake: FakeServer) -> None:
    fake.keys[0, b"b"] = b"theirs"
    done = restore(THREE, fake.url, Terms(on_conflict="skip", by_commands=True))
    assert (done.keys, done.skipped, names(fake)) == (2, 1, [b"a", b"b", b"c"])
    assert fake.keys[0, b"b"] == b"theirs"
    done = restore(THREE, fake.url, Terms(on_conflict="replace", by_commands=True))
    assert (done.keys, fake.keys[0, b"b"]) == (3, b"SET " + temporary_name(b"b") + b" 2")


def test_a_payload_that_is_refused_goes_by_commands_and_what_fails_then_is_told(fake: FakeServer) -> None:
    fake.say("RESTORE", BAD, b"+OK\r\n", BAD)
    fake.say("SET", b"-ERR no such thing\r\n")
    failures = io.StringIO()
    done = restore(THREE, fake.url, failures=failures)
    assert done.made == Counter({("string", "restore"): 1, ("string", "commands"): 1})
    assert done.reasons == Counter({"the server refused the payload": 1})
    told = {"db": 0, "type": "string", "offset": 9, "answer": "ERR no such thing"}
    assert json.loads(failures.getvalue()) == {"key": "a", **told, "offset": done.failures[0].offset}
    assert (done.failed, names(fake)) == (1, [b"c"])


def test_fail_fast_ends_at_the_first_key_that_fails(fake: FakeServer) -> None:
    fake.say("RESTORE", b"-NOPERM No permissions to access a key\r\n")
    with pytest.raises(RestoreStopped) as caught:
        restore(THREE, fake.url, Terms(fail_fast=True))
    assert caught.value.strerror == "the key b'a' is refused: NOPERM No permissions to access a key"
    assert restore(THREE, fake.url, Terms(on_conflict="replace")).failed == 0


def test_keys_without_time_left_are_counted_and_restored_on_request(fake: FakeServer) -> None:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        writer.write(b"gone", b"v", expires_at_ms=1000)
        writer.write(b"soon", b"v", expires_at_ms=SOON)
    done = restore(out.getvalue(), fake.url)
    assert (done.keys, done.expired, names(fake)) == (1, 1, [b"soon"])
    done = restore(out.getvalue(), fake.url, Terms(on_conflict="replace", keep_expired=True))
    assert (done.keys, done.expired) == (2, 0)
    assert [words[2] for words in fake.words("RESTORE")[-2:]] == [b"0", b"4102444800000"]


def test_databases_go_where_the_map_says_and_one_that_is_missing_is_told(fake: FakeServer) -> None:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        writer.write(b"k", b"v", db=3)
    assert restore(out.getvalue(), fake.url, Terms(map_db={3: 1})).keys == 1
    assert list(fake.keys) == [(1, b"k")]
    fake.say("SELECT", b"-ERR DB index is out of range\r\n")
    with pytest.raises(RestoreStopped) as caught:
        restore(out.getvalue(), fake.url)
    assert caught.value.strerror == (
        "it has no database 3 (ERR DB index is out of range): --map-db 3=0 puts the keys of that one into 0"
    )


def test_a_rehearsal_sends_nothing(fake: FakeServer) -> None:
    done = restore(THREE, fake.url, dry_run=True)
    assert (done.is_dry, done.made, fake.heard) == (True, Counter({("string", "restore"): 3}), [])


def test_only_chosen_keys_go(fake: FakeServer) -> None:
    done = restore(THREE, fake.url, Terms(selection=rdbcodec.Selection(keys=[b"b"])))
    assert (done.keys, done.filtered, names(fake)) == (1, 2, [b"b"])


# --- clusters ---------------------------------------------------------------------------------------


@pytest.fixture
def cluster() -> Iterator[tuple[FakeServer, FakeServer]]:
    with fake_server() as first, fake_server() as second:
        ports = [int(node.url.rpartition(":")[2]) for node in (first, second)]
        first.cluster = second.cluster = [(0, 8191, ports[0]), (8192, 16383, ports[1])]
        yield first, second


def test_each_key_goes_to_the_node_of_its_slot(cluster: tuple[FakeServer, FakeServer]) -> None:
    first, second = cluster
    keys = [f"k{number}" for number in range(20)]
    assert restore(snapshot(**dict.fromkeys(keys, b"v")), first.url).keys == 20
    low = sorted(key.encode() for key in keys if key_slot(key.encode()) < 8192)
    assert (names(first), len(names(second))) == (low, 20 - len(low))
    assert 0 < len(low) < 20


def test_a_slot_that_moves_is_followed(cluster: tuple[FakeServer, FakeServer]) -> None:
    first, second = cluster
    where = second.url.removeprefix("redis://").encode()
    key, other = [letter for letter in "abcdefghijkl" if key_slot(letter.encode()) < 8192][:2]
    data = snapshot(**{key: b"1", other: b"2"})
    first.say("RESTORE", b"-MOVED %d %b\r\n" % (key_slot(key.encode()), where), b"-ASK 5 %b\r\n" % where)
    assert restore(data, first.url).keys == 2
    assert names(second) == [key.encode(), other.encode()]
    # The key that moved is sent again when all others were seen to.
    assert [words[0] for words in second.heard] == [b"ASKING", b"RESTORE", b"RESTORE"]


@pytest.mark.parametrize("key", [b"a", b"{x}y", b"a{b", b"{}{x}"])
def test_a_value_is_made_in_the_slot_of_its_key(key: bytes) -> None:
    assert key_slot(temporary_name(key)) == key_slot(key)
    assert temporary_name(key) != temporary_name(key + b"2")


# --- states -----------------------------------------------------------------------------------------

MANY = snapshot(**{f"k{number}": b"v%d" % number for number in range(50)})


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdbcodec.live.restore.MANY", 20)


@pytest.mark.usefixtures("small_batches")
def test_a_restore_that_was_ended_goes_on_where_it_was(fake: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "dump.rdb"
    file.write_bytes(MANY)
    state = tmp_path / "state"

    def interrupt(read: int, keys: int) -> None:
        if keys:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(str(file), fake.url, state=str(state), progress=interrupt)
    told = json.loads(state.read_text())
    assert told["counts"]["made"] == [["string", "restore", 20]]
    fake.settle()
    before = len(fake.keys)
    assert 20 <= before <= 40  # a batch is ahead of its answers

    resumed: list[Restored] = []
    done = restore(str(file), fake.url, state=str(state), on_resume=resumed.append)
    assert (done.keys, done.there, done.is_resumed) == (50, before - 20, True)
    assert len(fake.keys) == 50
    assert not state.exists()


@pytest.mark.usefixtures("small_batches")
def test_a_state_is_of_one_snapshot_and_one_server(fake: FakeServer, tmp_path: Path) -> None:
    file, state = tmp_path / "dump.rdb", tmp_path / "state"
    file.write_bytes(MANY)
    fake.keys[0, b"k25"] = b"theirs"
    with pytest.raises(RestoreStopped):
        restore(str(file), fake.url, state=str(state))
    with pytest.raises(rdbcodec.StateError, match="other databases or filters"):
        restore(str(file), fake.url, Terms(map_db={0: 1}), state=str(state))
    file.write_bytes(THREE)
    with pytest.raises(rdbcodec.StateError, match=r"another .*dump\.rdb: its size or its first bytes differ"):
        restore(str(file), fake.url, state=str(state))
    file.write_bytes(MANY)
    done = restore(str(file), fake.url, Terms(on_conflict="skip"), state=str(state))
    assert (done.keys, done.skipped) == (49, 1)
    state.write_text("{}")
    with pytest.raises(rdbcodec.StateError, match="is not the state of a restore"):
        restore(str(file), fake.url, state=str(state))


def test_a_rate_is_kept(fake: FakeServer) -> None:
    begun = time.monotonic()
    restore(snapshot(**{f"k{number}": b"v" for number in range(10)}), fake.url, Terms(keys_per_second=200))
    assert time.monotonic() - begun >= 10 / 200
