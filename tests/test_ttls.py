"""When keys expire: classes of time left, cliffs, what never does, fields of hashes; words, CSV and JSON."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from commands import run

import rdbcodec
from rdbcodec import Hash, facts
from rdbcodec.facts.memory.entries import Together
from rdbcodec.facts.prefixes import PrefixPass
from rdbcodec.facts.ttls import TtlPass, Ttls
from rdbcodec.servers import Server

NOW_MS = 1_790_000_000_000
HOUR = 3_600_000
WRITTEN = NOW_MS - HOUR
NOON = NOW_MS - NOW_MS % 86_400_000 + 43_200_000 + 10 * 86_400_000  # ten days on, 12:00 UTC


def expiring(fields: dict[bytes, bytes], times: dict[bytes, int]) -> Hash:
    value = Hash(fields)
    value.expires_at_ms.update(times)
    return value


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "cache.rdb"
    with rdbcodec.create(path, to="redis-7.4", aux={"ctime": WRITTEN // 1000}) as writer:
        for at in range(150):
            writer.write(b"cache:page:%d" % at, b"html" * 10, expires_at_ms=NOON + at * 300)
            writer.write(b"user:%d" % at, b"x")
        for at in range(50):
            writer.write(b"sess:%d" % at, b"x", expires_at_ms=NOW_MS + (at + 1) * 9 * HOUR)
        writer.write(b"sess:gone", b"x", expires_at_ms=WRITTEN)
        writer.write(b"sess:going", b"x", expires_at_ms=WRITTEN + 1)
        writer.write(b"soon", b"x", expires_at_ms=NOW_MS + 59_999)
        times = {b"f0": NOW_MS, b"f1": NOW_MS + HOUR, b"f2": NOW_MS + 1}
        fields = {b"f%d" % at: b"v" for at in range(4)}
        writer.write(b"profile:1", expiring(fields, times))
        many = {b"g%d" % at: b"v" * 90 for at in range(600)}
        writer.write(b"profile:2", expiring(many, dict.fromkeys(many, NOW_MS + 2 * HOUR)))
    return path


def test_keys_are_counted_by_the_time_they_have_left(cache: Path) -> None:
    with rdbcodec.ttl(cache, now_ms=NOW_MS) as found:
        assert {name: usage.keys for name, usage in found.histogram.items()} == {
            "expired": 2,
            "under 1 minute": 1,
            "1 to 24 hours": 2,
            "1 to 7 days": 16,
            "7 to 30 days": 182,
            "never": 152,
        }
        assert (found.written_ms, found.expired_then) == (WRITTEN, 1)
        assert (found.first_ms, found.last_ms) == (NOW_MS + 59_999, NOW_MS + 450 * HOUR)
        stat = facts.stat(cache, now_ms=NOW_MS)
        living = [usage for name, usage in found.histogram.items() if name != "expired"]
        assert sum(usage.memory for usage in living) == pytest.approx(stat.total.memory)


def test_a_cliff_is_a_minute_or_hour_in_which_far_more_keys_expire(cache: Path) -> None:
    with rdbcodec.ttl(cache, now_ms=NOW_MS) as found:
        for unit in ("minute", "hour"):
            (cliff,) = found.cliffs(unit=unit)
            assert (cliff.at_ms, cliff.unit, cliff.usage.keys) == (NOON, unit, 150)
            assert (cliff.prefix, cliff.share) == (b"cache:page:", 1.0 if unit == "minute" else 150 / 150)
        assert found.cliffs(0) == []


def test_keys_that_expire_evenly_make_no_cliff() -> None:
    minutes = [NOW_MS + at * 60_000 for at in range(1, 1000)]
    keys = b"".join(b"\xfc%b\x00\x01k\x01v" % at.to_bytes(8, "little") for at in minutes)
    with rdbcodec.ttl(b"REDIS0011\xfe\x00" + keys + b"\xff" + bytes(8), now_ms=NOW_MS) as found:
        assert found.histogram["1 to 24 hours"].keys + found.histogram["1 to 60 minutes"].keys == 999
        assert found.cliffs() == found.cliffs(unit="hour") == []


def test_what_never_expires_is_told_by_prefix(cache: Path) -> None:
    with rdbcodec.ttl(cache, now_ms=NOW_MS) as found:
        largest = found.never.largest(5)
        assert [(name, usage.keys) for name, usage in largest.rows] == [(b"profile:*", 2), (b"user:*", 150)]
    with rdbcodec.ttl(cache, now_ms=NOW_MS, depth=1) as found:
        assert [name for name, _ in found.never.rows()] == [b"profile:", b"user:"]


@pytest.mark.parametrize("max_value", [64, 1 << 20], ids=["passing by", "held"])
def test_fields_that_expire_are_counted(cache: Path, max_value: int) -> None:
    with rdbcodec.open(cache, max_value=max_value) as reader, rdbcodec.ttl(reader, now_ms=NOW_MS) as found:
        fields = found.fields
    assert (fields.keys, fields.unread) == (2, 0)
    assert dict(fields.counts) == {
        "expired": 1,
        "under 1 minute": 1,
        "1 to 24 hours": 601,
    }
    assert (fields.first_ms, fields.last_ms) == (NOW_MS, NOW_MS + 2 * HOUR)


def test_passes_together_find_what_each_finds_alone(cache: Path) -> None:
    passes = TtlPass(now_ms=NOW_MS), PrefixPass(now_ms=NOW_MS)
    with rdbcodec.open(cache, max_value=64) as reader:
        ttls, prefixes = facts.run(reader, [Together(passes, Server.of("redis-7.4"))])[0]
    with ttls, prefixes:
        assert ttls.fields.counts["1 to 24 hours"] == 601
        assert ttls.loaded.total == prefixes.loaded.total


def test_ttls_of_two_files_become_one_also_in_another_process(cache: Path) -> None:
    each: TtlPass = pickle.loads(pickle.dumps(TtlPass(now_ms=NOW_MS)))
    with rdbcodec.open(cache) as reader:
        first: Ttls = pickle.loads(pickle.dumps(facts.run(reader, [each])[0]))
    with first.merge(rdbcodec.ttl(cache, now_ms=NOW_MS)) as both:
        assert both.histogram["never"].keys == 304
        assert [cliff.usage.keys for cliff in both.cliffs()] == [300]
        assert (both.fields.keys, both.expired_then, both.written_ms) == (4, 2, WRITTEN)
        assert dict(both.never.rows())[b"user:*"].keys == 300


# --- the command ------------------------------------------------------------------------------------


def told(cache: Path, *words: str) -> str:
    done = run("ttl", cache, "--now", str(NOW_MS), *words)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_ttl_tells_it_in_tables(cache: Path) -> None:
    lines = told(cache).splitlines()
    assert lines[9:] == [
        "  expired already  2 keys, not counted: servers drop them",
        "  written          2026-09-21 13:13:20 UTC; 1 key had expired by then",
        "  judged at        2026-09-21 14:13:20 UTC",
        "  next to expire   2026-09-21 14:14:19 UTC",
        "  last to expire   2026-10-10 08:13:20 UTC",
        "",
        "By time to live",
        "  ttl             keys      memory  of the keys",
        "  expired            2       ~80 B  1%",
        "  under 1 minute     1      ~102 B  0%",
        "  1 to 24 hours      2      ~204 B  1%",
        "  1 to 7 days       16    ~1.7 KiB  5%",
        "  7 to 30 days     182   ~25.4 KiB  █████ 51%",
        "  never            152  ~108.7 KiB  ████ 43%",
        "",
        "Cliffs: far more keys expire then than before and after",
        "  when, UTC         within    keys  of those that expire  most of them",
        "  2026-10-01 12:00  1 minute   150  75%                   cache:page: (100%)",
        "  2026-10-01 12:00  1 hour     150  75%                   cache:page: (100%)",
        "",
        "Never expire, by prefix",
        "  prefix     keys     memory  of the memory",
        "  profile:*     2  ~97.7 KiB  ███████ 72%",
        "  user:*      150  ~11.0 KiB  █ 8%",
        "",
        "Fields that expire, in 2 keys",
        "  ttl             fields  of them",
        "  expired              1  0%",
        "  under 1 minute       1  0%",
        "  1 to 24 hours      601  ██████████ 100%",
        "",
    ]
    assert [line for line in lines if len(line) > 80] == []


def test_ttl_as_csv_ndjson_and_json_says_the_same(cache: Path) -> None:
    rows = list(csv.DictReader(told(cache, "--format", "csv").splitlines()))
    lines = [json.loads(line) for line in told(cache, "--format", "ndjson").splitlines()]
    document = json.loads(told(cache, "--format", "json"))
    words = [{name: "" if value is None else str(value) for name, value in line.items()} for line in lines]
    assert words == rows
    of: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        of.setdefault(line["what"], []).append(line)
    assert [(row["name"], row["keys"]) for row in document["ttl"]] == [
        (line["name"], line["keys"]) for line in of["ttl"]
    ]
    assert [(cliff["at"], cliff["keys"]) for cliff in document["cliffs"] if cliff["unit"] == "minute"] == [
        (line["at"], line["keys"]) for line in of["minute"]
    ]
    assert {row["prefix"]: row["keys"] for row in document["never"]} == {
        line["prefix"]: line["keys"] for line in of["never"]
    }
    assert document["fields"]["ttl"] == [
        {"name": line["name"], "fields": line["keys"]} for line in of["fields"]
    ]
    assert (document["written_at"], document["expired_when_written"]) == (WRITTEN, 1)


def test_ttl_shows_no_name_that_is_hidden(cache: Path) -> None:
    for words in ((), ("--format", "csv"), ("--format", "json")):
        text = told(cache, "--hide-keys", *words).split("\n", 2)[2]  # the first two name the file
        assert not [name for name in ("cache:", "page", "sess", "user:", "profile") if name in text]


def test_several_files_are_told_apart_and_together(cache: Path) -> None:
    documents = json.loads(run("ttl", cache, cache, "--total", "--format", "json").stdout)
    assert [document["file"] for document in documents] == [str(cache), str(cache), None]
    assert documents[2]["expired_when_written"] == 2


def test_a_file_in_which_nothing_expires_has_no_cliffs(tmp_path: Path) -> None:
    path = tmp_path / "plain.rdb"
    with rdbcodec.create(path, to="redis-7.2") as writer:
        writer.write(b"a", b"b")
    text = told(path)
    assert "Cliffs" not in text
    assert "Fields" not in text
    assert json.loads(told(path, "--format", "json"))["cliffs"] == []
