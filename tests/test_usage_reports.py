"""`stat` and `top`: where the memory goes, the largest keys; library calls, words, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path

import pytest
from commands import run

import rdbcodec
from rdbcodec import ZSet, facts
from rdbcodec.facts.batches import EntryBatch, RunBatch
from rdbcodec.facts.largest import TopPass
from rdbcodec.facts.memory.entries import Together
from rdbcodec.facts.memory.estimates import bytes_in, model_of
from rdbcodec.facts.memory.measuring import Measuring, elements_of
from rdbcodec.facts.memory.shapes import shapes_of
from rdbcodec.facts.usage import OTHER, PREFIXES, StatPass
from rdbcodec.reading.runs import Run
from rdbcodec.reports.usage import CSV_KEYS
from rdbcodec.servers import Server

NOW_MS = 1_790_000_000_000
TYPES = Path(__file__).parent.parent / "fixtures" / "snapshots" / "redis-7.2.6-types.rdb"
SNAPSHOTS = sorted(TYPES.parent.glob("*-types.rdb"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.rdb"
    with rdbcodec.create(path, to="redis-7.2") as writer:
        for at in range(300):
            writer.write(b"session:%d" % at, b"x" * 100, expires_at_ms=NOW_MS + (at + 1) * 1_000_000)
        writer.write(b"session:old", b"gone", expires_at_ms=NOW_MS - 1)
        writer.write(b"board", ZSet({b"player:%d" % at: at for at in range(500)}))
        writer.write(b"user:1", {b"name": b"Zoe", b"note": b"n" * 900}, db=3)
        writer.write(b"\xff\x00", [b"a", b"bb"])
        writer.write(b"counter9", b"7")
    return path


def test_the_columns_are_those_of_redis_rdb_tools() -> None:
    assert ",".join(CSV_KEYS) == (
        "database,type,key,size_in_bytes,encoding,num_elements,len_largest_element,expiry"
    )


@pytest.mark.once
def test_what_stat_counts_is_what_the_memory_model_says() -> None:
    for path in SNAPSHOTS:
        profile = facts.profile_of(path, now_ms=NOW_MS)
        for name in ("redis-6.2", "redis-8.10", "valkey-9.1"):
            server = Server.of(name)
            whole = bytes_in(profile, server)
            assert whole is not None
            assert facts.stat(path, server, now_ms=NOW_MS).total.memory == pytest.approx(whole.bytes, abs=1)


def test_every_aspect_adds_up_to_the_total() -> None:
    stat = facts.stat(TYPES, now_ms=NOW_MS)
    assert stat.server.name == "redis-7.2.6"
    assert (stat.by.pop("idle"), stat.by.pop("freq")) == ({}, {})
    for rows in stat.by.values():
        assert sum(row.keys for row in rows.values()) == stat.total.keys
        assert sum(row.disk for row in rows.values()) == stat.total.disk
        assert sum(row.memory for row in rows.values()) == pytest.approx(stat.total.memory)


def test_keys_are_counted_by_type_database_expiry_and_prefix(shop: Path) -> None:
    stat = facts.stat(shop, "redis-7.2", now_ms=NOW_MS)
    assert {name: row.keys for name, row in stat.by["type"].items()} == {
        "string": 301,
        "zset": 1,
        "hash": 1,
        "list": 1,
    }
    assert {name: row.keys for name, row in stat.by["db"].items()} == {"0": 303, "3": 1}
    assert {name: row.keys for name, row in stat.by["ttl"].items()} == {
        "under 1 hour": 3,
        "1 to 24 hours": 83,
        "1 to 30 days": 214,
        "never": 4,
    }
    assert {name: row.keys for name, row in stat.by["prefix"].items()} == {
        "session:": 300,
        "board": 1,
        "user:": 1,
        "(binary)": 1,
        "counter*": 1,
    }
    assert (stat.total.keys, stat.total.expiring, stat.expired.keys) == (304, 300, 1)


def test_prefixes_beyond_those_that_are_held_are_one(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    monkeypatch.setattr("rdbcodec.facts.usage.PREFIXES", 2)
    rows = facts.stat(shop, now_ms=NOW_MS, by=("prefix",)).by["prefix"]
    assert {name: row.keys for name, row in rows.items()} == {"session:": 300, "board": 1, OTHER: 3}
    assert PREFIXES == 10_000


def test_values_that_pass_by_are_counted_as_those_that_are_held(shop: Path) -> None:
    with rdbcodec.open(shop, max_value=64) as reader:
        passing = facts.run(reader, [StatPass(Server.of("redis-7.2"), now_ms=NOW_MS)])[0]
    held = facts.stat(shop, "redis-7.2", now_ms=NOW_MS)
    assert passing.total.keys == held.total.keys
    assert passing.total.memory == pytest.approx(held.total.memory, rel=0.001)
    assert passing.by["type"]["zset"].elements == held.by["type"]["zset"].elements == 500


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("memory", [b"board", b"user:1"]),
        ("disk", [b"board", b"user:1"]),
        ("elements", [b"board", b"user:1"]),
        ("largest-element", [b"user:1", b"session:0"]),
    ],
)
def test_the_largest_keys_by_each_order(shop: Path, order: str, keys: list[bytes]) -> None:
    assert [key.key for key in facts.top(shop, 2, order=order, server="redis-7.2")] == keys


def test_top_has_the_columns_of_redis_rdb_tools(shop: Path) -> None:
    done = run("top", shop, "--all", "--for", "redis-7.2", "--db", "3")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = list(csv.reader(io.StringIO(done.stdout.decode())))
    assert rows == [
        [*CSV_KEYS],
        ["3", "hash", "user:1", rows[1][3], "hashtable", "2", "900", ""],
    ]
    assert int(rows[1][3]) == pytest.approx(1300, rel=0.1)


def test_an_expiry_is_told_as_redis_rdb_tools_tells_it(shop: Path) -> None:
    done = run("top", shop, "--key", "session:0", "--format", "csv")
    assert done.stdout.decode().splitlines()[1].endswith(",2026-09-21T14:30:00")


def test_top_as_ndjson_and_json_says_the_same(shop: Path) -> None:
    lines = run("top", shop, "-n", "3", "--format", "ndjson").stdout.splitlines()
    document = json.loads(run("top", shop, "-n", "3", "--format", "json").stdout)
    assert [json.loads(line) for line in lines] == document["keys"]
    assert [key["key"] for key in document["keys"]] == ["board", "user:1", "session:0"]


def test_words_fit_in_80_columns(shop: Path) -> None:
    for words in (("stat", shop, "--now", "1790000000"), ("top", shop), ("stat", TYPES), ("top", TYPES)):
        done = run(*words)
        assert done.returncode == 0
        assert [line for line in done.stdout.decode().splitlines() if len(line) > 80] == []


def test_stat_says_for_which_server_and_how_good_its_figures_are(shop: Path) -> None:
    lines = run("stat", shop, "--for", "amr-balanced-7.4", "--by", "type").stdout.decode().splitlines()
    assert "  estimated for    amr-balanced-7.4, with the jemalloc that Redis and Valkey bundle" in lines
    assert "  measured with    redis-7.4, the nearest that was measured" in lines
    assert "  within           10%" in lines


def test_stat_as_csv_ndjson_and_json_says_the_same(shop: Path) -> None:
    words = ("stat", shop, "--now", "1790000000", "--by", "type,db")
    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").stdout.decode())))
    lines = [json.loads(line) for line in run(*words, "--format", "ndjson").stdout.splitlines()]
    document = json.loads(run(*words, "--format", "json").stdout)
    assert document["rows"] == lines
    assert [{name: str(value) for name, value in line.items()} for line in lines] == rows
    assert [line["name"] for line in lines] == ["", "", *sorted_names(lines)]


def sorted_names(lines: list[dict[str, str]]) -> list[str]:
    return [
        line["name"]
        for by in ("type", "db")
        for line in sorted(
            (line for line in lines if line["by"] == by), key=lambda line: -int(line["memory"])
        )
    ]


def test_no_name_of_a_key_is_shown_when_they_are_hidden(shop: Path) -> None:
    for words in (("stat", shop), ("stat", shop, "--format", "csv"), ("top", shop), ("top", shop, "--all")):
        out = run(*words, "--hide-keys").stdout
        assert b"session" not in out
        assert b"user:" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stat", "--for", "redis-99"], "argument --for: unknown server 'redis-99'"),
        (["stat", "--by", "color"], "'color' is none of type, encoding, db, ttl, size, prefix, idle, freq"),
        (["top", "-n", "0"], "'0' is no number from 1 to 10000"),
        (["top", "--all", "--format", "json"], "--all prints as csv or ndjson: every key as it comes"),
    ],
)
def test_wrong_usage_is_told(words: list[str], message: str, shop: Path) -> None:
    done = run(*words, shop)
    assert done.returncode == 2
    assert message in done.stderr.decode()


def used(path: Path, opcode: bytes) -> Path:
    """Ten keys, of which all but the first tell how they were used: 0, 40, 80, ..."""
    numbers = [
        opcode + (bytes((at * 20,)) if opcode == b"\xf9" else b"\x80" + (at * 40_000).to_bytes(4, "big"))
        for at in range(1, 10)
    ]
    keys = b"".join(head + b"\x00\x04key%d\x01v" % at for at, head in enumerate([b"", *numbers]))
    path.write_bytes(b"REDIS0011\xfe\x00" + keys + b"\xff" + bytes(8))
    return path


def test_idle_keys_are_counted_where_the_server_had_an_lru_policy(tmp_path: Path) -> None:
    stat = facts.stat(used(tmp_path / "lru.rdb", b"\xf8"))
    assert {name: row.keys for name, row in stat.by["idle"].items()} == {
        "1 to 24 hours": 2,
        "1 to 30 days": 7,
    }
    assert stat.by["freq"] == {}


def test_hot_keys_are_counted_where_the_server_had_an_lfu_policy(tmp_path: Path) -> None:
    path = used(tmp_path / "lfu.rdb", b"\xf9")
    stat = facts.stat(path)
    assert {name: row.keys for name, row in stat.by["freq"].items()} == {
        "6 to 20": 1,
        "21 to 100": 4,
        "over 100": 4,
    }
    assert sum(row.memory for row in stat.by["freq"].values()) == pytest.approx(stat.total.memory * 0.9)
    lines = run("stat", path, "--by", "freq").stdout.decode().splitlines()
    assert "By use counter, which is logarithmic: 0 to 255" in lines


def test_what_no_file_tells_of_use_is_said(shop: Path) -> None:
    line = "  use              not told: the file has no idle times (LRU) or counters (LFU)"
    assert line in run("stat", shop).stdout.decode().splitlines()


def test_several_files_are_told_apart_and_together(shop: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.rdb"
    with rdbcodec.create(second, to="redis-7.2") as writer:
        writer.write(b"session:1", b"x" * 5000)
        writer.write(b"tiny", b"")
    words = ("stat", shop, second, "--total", "--now", str(NOW_MS), "--by", "prefix,db", "--format")
    rows = list(csv.DictReader(io.StringIO(run(*words, "csv").stdout.decode())))
    keys = {(row["file"], row["name"]): int(row["keys"]) for row in rows if row["by"] == "prefix"}
    assert {name: keys["", name] for _, name in keys} == {
        name: keys.get((str(shop), name), 0) + keys.get((str(second), name), 0) for _, name in keys
    }
    documents = json.loads(run(*words, "json").stdout)
    assert [document["file"] for document in documents] == [str(shop), str(second), None]
    assert documents[2]["files"] == [str(shop), str(second)]
    assert documents[2]["rows"][0]["keys"] == 306
    top = json.loads(run("top", shop, second, "--total", "-n", "2", "--format", "json").stdout)
    assert [(key["key"], key["file"]) for key in top[2]["keys"]] == [
        ("board", str(shop)),
        ("session:1", str(second)),
    ]
    lines = run("top", shop, second, "--total", "-n", "2").stdout.decode().splitlines()
    assert lines[lines.index("Total of 2 files") :][-2].split()[-2] == "session:1"


def test_files_of_several_servers_are_estimated_each_for_its_own() -> None:
    older = TYPES.parent / "redis-6.2.16-types.rdb"
    with facts.stat(TYPES, now_ms=NOW_MS) as first, facts.stat(older, now_ms=NOW_MS) as second:
        expected = first.total.memory + second.total.memory
        both = first.merge(second)
    assert both.total.memory == pytest.approx(expected)
    assert [server.name for server in both.loaded.servers] == ["redis-7.2.6", "redis-6.2.16"]
    lines = run("stat", TYPES, older, "--total", "--by", "type").stdout.decode().splitlines()
    assert "  estimated for  the server that wrote each file: redis-7.2.6, redis-6.2.16" in lines


def test_results_go_from_one_process_to_another(shop: Path) -> None:
    each: StatPass = pickle.loads(pickle.dumps(StatPass(now_ms=NOW_MS)))
    top: TopPass = pickle.loads(pickle.dumps(TopPass(wanted=3)))
    with rdbcodec.open(shop) as reader:
        stat, keys = facts.run(reader, [Together([each, top])])[0]
    again, kept = pickle.loads(pickle.dumps((stat, keys)))
    assert again.by == stat.by
    assert (kept, kept.order, kept.wanted) == (keys, "memory", 3)
    doubled = again.merge(stat)
    assert doubled.by["prefix"]["session:"].keys == 600
    assert [key.key for key in kept.merge(keys)] == [b"board", b"board", b"user:1"]


def test_the_keys_that_nobody_used_and_those_used_most(tmp_path: Path) -> None:
    idle, hot = used(tmp_path / "lru.rdb", b"\xf8"), used(tmp_path / "lfu.rdb", b"\xf9")
    assert [(key.key, key.idle) for key in facts.top(idle, 2, order="idle")] == [
        (b"key9", 360_000),
        (b"key8", 320_000),
    ]
    assert [(key.key, key.freq) for key in facts.top(hot, 2, order="freq")] == [
        (b"key9", 180),
        (b"key8", 160),
    ]
    lines = run("top", idle, "--by", "idle", "-n", "1").stdout.decode().splitlines()
    assert lines[-3:-1] == [
        "  memory  on disk  idle  type    ttl    key",
        "   ~64 B     14 B    4d  string  never  key9",
    ]


def test_top_says_that_there_are_no_keys(shop: Path) -> None:
    lines = run("top", shop, "--prefix", "nobody").stdout.decode().splitlines()
    assert lines[-2:] == ["  keys           none", ""]


def test_top_says_that_a_file_does_not_tell_of_use(shop: Path) -> None:
    done = run("top", shop, "--by", "freq")
    line = "  use            not told: the file has no counters (LFU)"
    assert line in done.stdout.decode().splitlines()
    done = run("top", shop, "--by", "idle", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["keys"]) == (0, [])
    assert "use not told: the file has no idle times (LRU)\n" in done.stderr.decode()


@pytest.mark.once
@pytest.mark.parametrize("name", ["redis-6.2", "valkey-9.1"])
def test_every_key_takes_what_its_shapes_say_however_it_was_measured(name: str) -> None:
    model = model_of(Server.of(name))
    for path in sorted(TYPES.parent.glob("*.rdb")):
        with rdbcodec.open(path) as reader:
            entries = [record for record in reader if isinstance(record, rdbcodec.Entry)]
        batch = EntryBatch(entries)
        memory, elements = Measuring(model).measure(batch, batch.times)
        assert memory == [
            pytest.approx(model.total(shape for shapes in shapes_of(entry) for shape in shapes))
            for entry in entries
        ]
        assert elements == [elements_of(entry) for entry in entries]
        with rdbcodec.open(path) as reader:
            runs = [one for records in reader.runs(1 << 20) for one in records if isinstance(one, Run)]
        for some in map(RunBatch, runs):
            told = Measuring(model).measure(some, some.times)
            assert told == Measuring(model).measure(EntryBatch(some.entries), some.times)
