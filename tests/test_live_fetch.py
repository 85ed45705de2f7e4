"""Fetching from a server: the replication stream in every shape it has, and key by key where it has none."""

from __future__ import annotations

import io
import json
import random
from functools import cache
from pathlib import Path

import pytest
from commands import run
from scripted import HANG_UP, Answer, Scripted, bulk, info
from stores import VERSION, Store, array

import rdbcodec
from rdbcodec import Entry
from rdbcodec.live.errors import LiveError
from rdbcodec.live.source import open_server

MARK = b"0123456789abcdef0123456789abcdef01234567"
OK = b"+OK\r\n"
LATER = 4102444800123
NOPERM = b"-NOPERM User bob has no permissions to run the 'sync' command\r\n"
LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"


@cache
def snapshot() -> bytes:
    """300 keys, so that it comes in several pieces."""
    file = io.BytesIO()
    with rdbcodec.create(file, to="redis-7.2") as writer:
        for number in range(300):
            writer.write(b"key:%d" % number, b"v" * number)
    return file.getvalue()


def sized(data: bytes) -> bytes:
    return b"$%d\r\n%s" % (len(data), data)


def marked(data: bytes) -> bytes:
    return b"$EOF:%s\r\n%s%s" % (MARK, data, MARK)


def replica(stream: bytes, **more: Answer) -> Scripted:
    return Scripted({"PING": b"+PONG\r\n", "REPLCONF": OK, "SYNC": stream + HANG_UP, **more})


STREAMS = {
    "from a disk": sized(snapshot()),
    "as it is made": marked(snapshot()),
    "after a long save": b"\n" * 5000 + sized(snapshot()),
    "after a wait": b"\n\n" + marked(snapshot()),
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_snapshot_comes_by_replication_byte_for_byte(stream: str, tmp_path: Path) -> None:
    out = tmp_path / "dump.rdb"
    told: list[tuple[int, int | None, int]] = []
    with replica(STREAMS[stream]) as server:
        found = rdbcodec.fetch(server.url, out, progress=lambda *now: told.append(now))
    assert out.read_bytes() == snapshot()
    assert (found.method, found.reason, found.keys, found.bytes) == (
        "replication",
        None,
        300,
        len(snapshot()),
    )
    assert told[-1] == (len(snapshot()), None, 300)
    assert server.asked[-4:] == [
        [b"REPLCONF", b"listening-port", b"0"],
        [b"REPLCONF", b"capa", b"eof"],
        [b"REPLCONF", b"rdb-only", b"1"],
        [b"SYNC"],
    ]


@pytest.mark.parametrize("size", [1, 7, 40, 41, 1 << 20])
def test_a_stream_reads_the_same_in_pieces_of_any_size(size: int) -> None:
    for stream in (sized(snapshot()), marked(snapshot())):
        with replica(stream) as server:
            source = open_server(server.url)
            pieces = list(iter(lambda source=source: source.read(size), b""))  # type: ignore[misc]
            assert source.read(size) == b""
            source.close()
        assert b"".join(pieces) == snapshot()


def test_valkey_is_told_a_version_since_it_writes_less_for_older_replicas() -> None:
    with replica(sized(snapshot()), INFO=info("valkey_version:9.1.2")) as server:
        open_server(server.url).close()
    assert [b"REPLCONF", b"version", b"9.1.2"] in server.asked


TORN = {
    sized(snapshot())[:4000]: r"the connection was lost after 3\d\d\d of \d+ bytes",
    marked(snapshot())[:4000]: r"the connection was lost after 3\d\d\d bytes of the snapshot",
    marked(snapshot())[:-1]: r"the connection was lost after \d+ bytes of the snapshot",
    b"\n\n\n$12": "the server closed the connection instead of sending a snapshot",
    b"+CONTINUE\r\n": "what it answers to SYNC is no snapshot",
    b"$-1\r\n": "what it answers to SYNC is no snapshot",
    b"x" * 3000: "what it answers to SYNC is no snapshot",
}


@pytest.mark.parametrize("stream", TORN, ids=range(len(TORN)))
def test_a_stream_that_is_torn_leaves_no_file(stream: bytes, tmp_path: Path) -> None:
    with replica(stream) as server, pytest.raises(LiveError, match=TORN[stream]):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="replication")
    assert list(tmp_path.iterdir()) == []


def test_what_comes_is_verified_while_it_comes(tmp_path: Path) -> None:
    damaged = bytearray(snapshot())
    damaged[-20] ^= 1
    with replica(sized(bytes(damaged))) as server, pytest.raises(rdbcodec.ChecksumMismatch):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb")
    with (
        replica(sized(snapshot() + b"*1\r\n")) as server,
        pytest.raises(LiveError, match="more bytes follow"),
    ):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb")
    assert list(tmp_path.iterdir()) == []


def test_what_a_progress_raises_ends_it_and_leaves_no_file(tmp_path: Path) -> None:
    def stop(*now: object) -> None:
        raise KeyboardInterrupt

    with replica(sized(snapshot())) as server, pytest.raises(KeyboardInterrupt):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", progress=stop)
    with Store(KEYS) as server, pytest.raises(KeyboardInterrupt):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan", progress=stop)
    assert list(tmp_path.iterdir()) == []


# --- key by key -------------------------------------------------------------------------------------

KEYS: dict[bytes, tuple[object, int]] = {
    b"greeting": (b"hello", -1),
    b"session": (b"x", LATER),
    b"queue": ([b"a", b"b"], -1),
}


def contents(path: Path) -> dict[bytes, tuple[object, int | None]]:
    with rdbcodec.open(path) as reader:
        entries = [record for record in reader if isinstance(record, Entry)]
        return {entry.key: (entry.serialized_size, entry.expires_at_ms) for entry in entries}


def test_where_replication_is_forbidden_the_keys_are_asked_for_one_by_one(tmp_path: Path) -> None:
    pages = [[b"greeting", b"session"], [], [b"session", b"queue", b"gone"]]
    replies: dict[str, Answer] = {"PING": OK, "REPLCONF": NOPERM, "SYNC": NOPERM}
    out = tmp_path / "dump.rdb"
    with Store(KEYS, pages, replies) as server:
        found = rdbcodec.fetch(server.url, out)
    assert (found.method, found.reason) == ("scan", "this user may not run SYNC (NOPERM)")
    assert found.scanned is not None
    assert (found.scanned.keys, found.scanned.vanished, found.scanned.again) == (3, 1, 1)
    assert {key: expires for key, (_, expires) in contents(out).items()} == {
        b"greeting": None,
        b"session": LATER,
        b"queue": None,
    }
    with rdbcodec.open(out) as reader:
        assert [type(record).__name__ for record in reader if isinstance(record, rdbcodec.Header)] == [
            "Header"
        ]
        assert reader.version == VERSION
    assert not any(words[0] in (b"SET", b"DEL", b"RESTORE", b"FLUSHALL") for words in server.asked)


@pytest.mark.parametrize(
    "said",
    [
        b"-ERR unknown command 'SYNC', with args beginning with: \r\n",
        b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        HANG_UP,
    ],
)
def test_whatever_stands_in_the_way_of_replication_does_not_stop_it(said: bytes, tmp_path: Path) -> None:
    with Store(KEYS, None, {"PING": OK, "SYNC": said}) as server:
        assert rdbcodec.fetch(server.url, tmp_path / "dump.rdb").method == "scan"
        with pytest.raises(LiveError):
            rdbcodec.fetch(server.url, tmp_path / "other.rdb", method="replication")
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]


def test_use_is_asked_for_before_the_value_where_the_policy_keeps_it(tmp_path: Path) -> None:
    for policy, word, use in (
        ("allkeys-lru", b"IDLETIME", (7, None)),
        ("volatile-lfu", b"FREQ", (None, 7)),
        ("noeviction", None, (None, None)),
    ):
        out = tmp_path / f"{policy}.rdb"
        with Store({b"k": (b"v", -1)}, lines=[f"maxmemory_policy:{policy}"]) as server:
            rdbcodec.fetch(server.url, out, method="scan")
        with rdbcodec.open(out) as reader:
            assert [(r.idle, r.freq) for r in reader if isinstance(r, Entry)] == [use]
        asked = [words[:2] for words in server.asked if words[0] in (b"OBJECT", b"DUMP")]
        assert asked == ([[b"OBJECT", word]] if word else []) + [[b"DUMP", b"k"]]


def test_before_redis_7_an_expiry_is_seen_between_two_looks_at_the_clock(tmp_path: Path) -> None:
    old = {"INFO": info("# Keyspace", "db0:keys=3").replace(b"7.2.6", b"6.2.9")}
    with Store(KEYS, None, old) as server:
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert contents(tmp_path / "dump.rdb")[b"session"][1] == LATER
    assert [b"PEXPIRETIME", b"session"] not in server.asked


def test_libraries_come_by_function_dump_or_it_is_said_that_they_lack(tmp_path: Path) -> None:
    body = b"\xf5" + bytes([0x40, len(LIBRARY)]) + LIBRARY
    payload = rdbcodec.dump.wrap(0xF5, body[1:], VERSION)
    with Store(KEYS, None, {"FUNCTION": bulk(payload)}) as server:
        found = rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert found.scanned is not None
    assert found.scanned.lacks == []
    with rdbcodec.open(tmp_path / "dump.rdb") as reader:
        assert [r.code for r in reader if isinstance(r, rdbcodec.Function)] == [LIBRARY]
    with Store(KEYS, None, {"FUNCTION": NOPERM}) as server:
        done = run("fetch", server.url, "-o", tmp_path / "other.rdb", "--method", "scan")
    assert done.returncode == 1
    assert b"not in it: function libraries: this user may not run FUNCTION DUMP" in done.stdout


def test_an_empty_server_gives_an_empty_snapshot(tmp_path: Path) -> None:
    with Store({}, [[]]) as server:
        assert rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan").keys == 0
    assert contents(tmp_path / "dump.rdb") == {}


def test_who_may_not_ask_which_databases_there_are_gets_no_empty_snapshot(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {"PING": OK, "SYNC": NOPERM, "SELECT": NOPERM, "INFO": NOPERM}
    with Store(KEYS, None, answers) as server, pytest.raises(LiveError, match="may not run SELECT"):
        rdbcodec.fetch(server.url, tmp_path / "out.rdb")
    assert [*tmp_path.iterdir()] == []


def test_a_key_that_may_not_be_read_ends_it(tmp_path: Path) -> None:
    refused = b"-NOPERM No permissions to access a key\r\n"
    with Store(KEYS, None, {"DUMP": refused}) as server, pytest.raises(LiveError, match="may not run DUMP"):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    moved = b"-MOVED 866 127.0.0.1:7001\r\n"
    with Store(KEYS, None, {"DUMP": moved}) as server, pytest.raises(LiveError, match="slots move from node"):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert list(tmp_path.iterdir()) == []


# --- clusters ---------------------------------------------------------------------------------------


def node(number: int, ports: list[int]) -> Scripted:
    """One of two primaries, each with one key and a library both have."""
    file = io.BytesIO()
    with rdbcodec.create(file, to="redis-7.2") as writer:
        writer.write_function(LIBRARY)
        writer.write(b"key:%d" % number, b"v")
    replies: dict[str, Answer] = {
        "INFO": info("cluster_enabled:1"),
        "CLUSTER": lambda _: slots(ports),
        "PING": OK,
        "REPLCONF": OK,
        "SYNC": marked(file.getvalue()) + HANG_UP,
    }
    return Scripted(replies)


def slots(ports: list[int]) -> bytes:
    ranges = ((0, 8191), (8192, 16383))
    rows = [
        array(
            b":%d\r\n" % first, b":%d\r\n" % last, array(bulk(b"127.0.0.1"), b":%d\r\n" % port, bulk(b"id"))
        )
        for (first, last), port in zip(ranges, ports, strict=True)
    ]
    return array(*rows)


def test_a_cluster_is_one_file_or_one_for_each_primary(tmp_path: Path) -> None:
    ports: list[int] = []
    with node(0, ports) as first, node(1, ports) as second:
        ports += [first.port, second.port]
        found = rdbcodec.fetch(first.url, tmp_path / "all.rdb")
        each = rdbcodec.fetch(first.url, str(tmp_path / "{node}.rdb"))
        alone = run("fetch", first.url, "--one-node", "-o", tmp_path / "alone.rdb")
        with rdbcodec.open(first.url) as reader:
            assert sorted(r.key for r in reader if isinstance(r, Entry)) == [b"key:0", b"key:1"]
    assert contents(tmp_path / "all.rdb").keys() == {b"key:0", b"key:1"}
    assert (found.keys, list(found.files)) == (2, [str(tmp_path / "all.rdb")])
    names = [str(tmp_path / f"127.0.0.1-{port}.rdb") for port in ports]
    assert each.files == dict.fromkeys(names, 1)
    assert contents(Path(names[1])).keys() == {b"key:1"}
    assert alone.returncode == 0, alone.stderr
    assert contents(tmp_path / "alone.rdb").keys() == {b"key:0"}


def test_when_one_primary_fails_there_is_no_file_of_the_others(tmp_path: Path) -> None:
    ports: list[int] = []
    with node(0, ports) as first, node(1, ports) as second:
        ports += [first.port, second.port]
        second.answers["SYNC"] = b"$10\r\nREDIS" + HANG_UP
        with pytest.raises(LiveError, match="the connection was lost after 5 of 10 bytes"):
            rdbcodec.fetch(first.url, str(tmp_path / "{node}.rdb"))
    assert list(tmp_path.iterdir()) == []


# --- the command line -------------------------------------------------------------------------------


def test_fetch_tells_what_it_wrote_and_how(tmp_path: Path) -> None:
    out = tmp_path / "dump.rdb"
    with replica(sized(snapshot())) as server:
        done = run("fetch", server.url, "-o", out)
        again = run("fetch", server.url, "-o", out)
        as_json = run("fetch", server.url, "-o", out, "--force", "--format", "json")
    size = len(snapshot()) / 1024
    assert done.stdout.decode() == (
        f"{out}: 300 keys\n"
        f"{server.url}: Redis 7.2.6, by replication: all data of one moment, {size:.1f} KiB\n"
    )
    assert (again.returncode, again.stderr) == (
        4,
        f"{out}: exists already, --force writes over it\n".encode(),
    )
    assert json.loads(as_json.stdout)["files"] == [{"output": str(out), "keys": 300}]
    wrong = run("fetch", "dump.rdb", "-o", tmp_path / "x.rdb")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        b"dump.rdb: is no URL of a server, such as redis://localhost:6379\n",
    )


def test_a_snapshot_goes_to_a_url_and_to_stdout() -> None:
    fsspec = pytest.importorskip("fsspec", reason="URLs of stores need fsspec")
    with replica(sized(snapshot())) as server:
        assert run("fetch", server.url, "-o", "memory://fetched/dump.rdb").returncode == 0
        done = run("fetch", server.url, "-o", "-")
    assert fsspec.filesystem("memory").cat("/fetched/dump.rdb") == done.stdout == snapshot()
    assert done.stderr.decode().startswith("the output: 300 keys\n")


def test_a_database_in_the_url_is_no_choice_of_keys() -> None:
    with replica(sized(snapshot())) as server:
        done = run("keys", f"{server.url}/3")
    assert done.stdout.count(b"\n") == 300
    assert done.stderr.decode().splitlines()[0] == f"{server.url}/3: every database is in it, not 3 alone"


def test_a_server_stands_where_a_file_does() -> None:
    with replica(sized(snapshot())) as server:
        done = run("stat", server.url, "--by", "type", "--format", "json")
        assert json.loads(done.stdout)["file"] == server.url
        assert done.stderr.decode() == f"{server.url}: Redis 7.2.6: by replication, all data of one moment\n"
        assert run("keys", f"{server.url}/").stdout.count(b"\n") == 300
    with Store(KEYS, None, {"SYNC": NOPERM}) as server:
        done = run("keys", server.url, "--db", "0")
    assert sorted(done.stdout.split()) == sorted(KEYS)
    refused = "this user may not run SYNC (NOPERM): key by key (SCAN), of no single moment"
    assert done.stderr.decode() == f"{server.url}: Redis 7.2.6: {refused}\n"


def test_no_password_comes_out_of_any_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "s3cret/x")
    out = tmp_path / "dump.rdb"
    with replica(sized(snapshot()), AUTH=OK) as server:
        typed = server.url.replace("//", "//:s3cret%2Fx@")
        hidden = ("--password-env", "REDIS_PASSWORD")
        said = [
            run("fetch", typed, "-o", out),
            run("fetch", server.url, "-o", out, "--force", "--format", "json", *hidden),
            run("inspect", server.url, "--format", "json", *hidden),
            run("check", typed),
            run("diff", typed, out),
            run("compat", typed, "--target", "redis-6.2"),
            run("keys", typed, "--where", "nonsense"),
        ]
        assert [words[1:] for words in server.asked if words[0] == b"AUTH"] == [[b"s3cret/x"]] * 12
    with Scripted({"AUTH": b"-WRONGPASS invalid username-password pair\r\n"}) as server:
        said += [run("stat", server.url, *hidden), run("fetch", server.url, "-o", "-", *hidden)]
    said.append(run("stat", "redis://:s3cret/x@127.0.0.1:1"))
    said.append(run("stat", "redis://127.0.0.1:1", "--password-env", "NOT_SET"))
    assert said[-1].stderr == b"--password-env NOT_SET: there is no such variable\n"
    assert b"its password stands on the command line" in said[0].stderr
    assert b"command line" not in said[1].stderr
    for done in said:
        assert b"s3cret" not in done.stdout + done.stderr, done


# --- values that are not held -----------------------------------------------------------------------

# A library says the version of all payloads: without one, the first value is held.
LONG = random.Random(1).randbytes(3 << 20)
KNOWN: dict[str, Answer] = {
    "FUNCTION": bulk(rdbcodec.dump.wrap(0xF5, bytes([0x40, len(LIBRARY)]) + LIBRARY, VERSION))
}
LONG_KEYS: dict[bytes, tuple[object, int]] = {
    b"long": (LONG, LATER),
    b"short": (b"x", -1),
    b"list": ([LONG[:900_000], b"b", LONG[900_000:1_800_000]], -1),
    b"gone": (LONG, -2),
}


@pytest.mark.parametrize("version", [b"7.2.6", b"6.2.9"])
def test_a_long_value_goes_into_the_snapshot_while_it_comes(version: bytes, tmp_path: Path) -> None:
    lines = info("# Keyspace", "db0:keys=4").replace(b"7.2.6", version)
    out = tmp_path / "dump.rdb"
    with Store(LONG_KEYS, None, {**KNOWN, "INFO": lines}) as server:
        assert rdbcodec.fetch(server.url, out, method="scan").keys == 3
    with rdbcodec.open(out) as reader:
        found = {e.key: (e.value(), e.expires_at_ms) for e in reader if isinstance(e, Entry)}
    expected = {key: (value, at if at > 0 else None) for key, (value, at) in LONG_KEYS.items()}
    del expected[b"gone"]
    assert found == expected


@pytest.mark.parametrize("known", [KNOWN, {}])
def test_a_long_value_that_is_damaged_ends_it(known: dict[str, Answer], tmp_path: Path) -> None:
    class Damaged(Store):
        def _of(self, words: list[bytes]) -> bytes:
            answer = super()._of(words)
            return answer.replace(LONG[-9:], bytes(9)) if words[0] == b"DUMP" else answer

    with Damaged(LONG_KEYS, None, known) as server, pytest.raises(rdbcodec.ChecksumMismatch):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert [*tmp_path.iterdir()] == []


def test_a_long_value_that_ends_too_early_ends_it(tmp_path: Path) -> None:
    class Short(Store):
        def _of(self, words: list[bytes]) -> bytes:
            if words != [b"DUMP", b"long"]:
                return super()._of(words)
            return bulk(rdbcodec.dump.wrap(0, b"\x80\x00\x50\x00\x00" + LONG, VERSION))

    with Short(LONG_KEYS, None, KNOWN) as server, pytest.raises(rdbcodec.Truncated):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert [*tmp_path.iterdir()] == []


def test_a_payload_of_another_version_is_told_at_the_end_of_a_long_value(tmp_path: Path) -> None:
    class Replaced(Store):
        def _of(self, words: list[bytes]) -> bytes:
            if words != [b"DUMP", b"long"]:
                return super()._of(words)
            return bulk(rdbcodec.dump.encode(LONG, version=VERSION + 1))

    words = f"a payload of RDB version {VERSION + 1} follows one of {VERSION}: was the server replaced"
    with Replaced(LONG_KEYS, None, KNOWN) as server, pytest.raises(LiveError, match=words):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")


def test_a_connection_that_ends_within_a_long_value_leaves_no_file(tmp_path: Path) -> None:
    class Lost(Store):
        def _exec(self, words: list[bytes]) -> bytes:
            answer = super()._exec(words)
            return answer[:2_000_000] + HANG_UP if len(answer) > 2_000_000 else answer

    with Lost(LONG_KEYS, None, KNOWN) as server, pytest.raises(LiveError, match="closed the connection"):
        rdbcodec.fetch(server.url, tmp_path / "dump.rdb", method="scan")
    assert [*tmp_path.iterdir()] == []
