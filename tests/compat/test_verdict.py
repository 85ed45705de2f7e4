"""The verdict: yes, no, after-conversion or unknown, and what was not told."""
# ruff: noqa: E501 - tables

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cases import every
from judging import (
    EXPIRED,
    FUNCTION,
    NOW,
    SNAPSHOTS,
    TWO_DATABASES,
    aux,
    facts_of,
    file,
    judged,
    key,
    module,
    questions_of,
    side,
    written_by,
)
from ways import corpus, covering, thinned

import rdbcodec
from rdbcodec.compat import profile_json
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.feasibility import conversion_losses
from rdbcodec.compat.rule import Finding
from rdbcodec.compat.rulebook import RULES
from rdbcodec.compat.steps import Step
from rdbcodec.compat.target import Target, find, targets
from rdbcodec.compat.verdict import Question, check, steps_of
from rdbcodec.datatypes.streams import Idempotence, Stream
from rdbcodec.errors import ProfileError
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile, profile
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.losses import Loss, Losses
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.writing.conversion import convert
from rdbcodec.writing.create import create

RDB_12 = file(key(), version=12)
FILES = corpus("snapshots", ".rdb")
UNREPEATED = thinned(*FILES)


def test_no_rule_is_there_twice_and_each_is_about_some_target() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    own = dataclasses.replace(find("redis-7.2"), id="own", family="own")
    for rule in RULES:
        assert any(rule.covers(target) for target in [*targets().values(), own]), rule.id


def test_every_rule_has_sources_with_dates_and_a_confidence() -> None:
    for rule in RULES:
        assert all(row.date for row in rule.source_rows()), rule.id
        assert rule.section, rule.id


# Which server loads what another wrote, measured with plain data (compat-facts.md, 3.1).
COLUMNS = [
    "redis-2.4",
    "redis-2.6",
    "redis-2.8",
    "redis-3.0",
    "redis-3.2",
    "redis-4.0",
    "redis-5.0",
    "redis-6.0",
    "redis-6.2",
    "redis-7.0",
    "redis-7.2",
    "redis-7.4",
    "redis-8.0",
    "redict-7.3",
    "valkey-8.0",
    "valkey-8.1",
    "valkey-9.1",
]
MEASURED = {
    "redis-2.0.5-types": "11111111111111111",
    "redis-2.4.18-types": "11111111111111111",
    "redis-2.6.17-types": "01111111111111111",
    "redis-3.0.7-types": "01111111111111111",
    "redis-3.2.13-types": "00001111111111111",
    "redis-4.0.14-types": "00000111111111111",
    "redis-5.0.14-types": "00000011111111111",
    "redis-6.2.16-types": "00000011111111111",
    "redis-7.0.15-types": "00000000011111111",
    "redis-7.2.6-types": "00000000001111111",
    "redis-7.4.1-types": "00000000000111000",
    "redis-8.0.6-types": "00000000000111000",
    "valkey-8.0.1-types": "00000000001111111",
    "valkey-9.1.2-types": "00000000000000001",
}


@every("name", MEASURED)
def test_verdicts_are_what_real_servers_did(name: str) -> None:
    verdicts = [judged(side(target, name)).loads for target in COLUMNS]
    assert "".join("01"[loads == "yes"] for loads in verdicts) == MEASURED[name]


def test_redis_2_0_which_starts_empty_on_newer_files_loads_its_own_only() -> None:
    found = {name: judged(side("redis-2.0", name)).loads for name in MEASURED}
    assert [name for name, loads in found.items() if loads == "yes"] == ["redis-2.0.5-types"]


def test_verdict_says_what_where_why_and_what_to_do() -> None:
    verdict = judged(side("redis-7.0", "redis-8.0.6-hfe"))
    assert verdict.loads == "no"
    assert [finding.id for finding in verdict.findings] == [
        "G-VERSION",
        "G-HFE",
        "G-ACL",
        "G-RESP",
    ]
    assert verdict.findings[1] == Finding(
        "G-HFE",
        "blocker",
        "Redis 7.0 does not read hash field TTLs as this file has them: "
        "hash-ttl (type 24, 1), hash-listpack-ttl (type 25, 1)",
        "rdbcodec convert {file} --to {release} -o {out}",
        "exp: 5.3 Load semantics",
        "2026-11-22",
        "verified",
        Place(84, 0, b"h:ht"),
        convertible=True,
    )


# --- conversion -------------------------------------------------------------------------------------


def no_loss(profile: Profile, target: Target, modules: tuple[str, ...] | None) -> list[Loss] | None:
    return []


def hint_lost(profile: Profile, target: Target, modules: tuple[str, ...] | None) -> list[Loss] | None:
    losses = Losses()
    losses.add("slot-info", offset=9)
    return losses.of("hint")


def data_lost(profile: Profile, target: Target, modules: tuple[str, ...] | None) -> list[Loss] | None:
    losses = Losses()
    losses.add("field-ttl", offset=9, db=0, key=b"h")
    return losses.of("data")


@pytest.mark.parametrize(
    ("losses", "loads"), [(no_loss, "after-conversion"), (hint_lost, "after-conversion"), (data_lost, "no")]
)
def test_conversion_is_promised_only_when_it_loses_no_data(losses: object, loads: str) -> None:
    verdict = check(facts_of(RDB_12), find("redis-7.0"), losses=losses)  # type: ignore[arg-type]  # parametrized
    assert verdict.loads == loads


def test_conversion_nobody_vouches_for_is_neither_promised_nor_ruled_out() -> None:
    unknown = check(facts_of(RDB_12), find("redis-7.0"), losses=lambda _profile, _target, _modules: None)
    assert (unknown.loads, unknown.losses) == ("unknown", None)
    (step,) = steps_of(unknown, "dump.rdb")
    assert step == Step(
        "convert",
        ("rdbcodec", "convert", "dump.rdb", "--to", "redis-7.0", "-o", "dump.redis-7.0.rdb"),
        "write the file as redis-7.0 does; if that loses no data, else the command says what and writes nothing",
        ("G-VERSION",),
    )


def test_conversion_does_not_help_against_what_no_rewriting_changes() -> None:
    facts = facts_of(file(module("graphdata"), version=12))
    assert check(facts, find("redis-7.0"), losses=no_loss).loads == "no"


def test_conversion_is_not_asked_about_when_nothing_is_to_be_converted() -> None:
    verdict = check(facts_of(RDB_12), find("redis-7.4"), losses=no_loss)
    assert (verdict.loads, verdict.losses) == ("yes", None)


def test_unknown_is_not_covered_up_by_a_conversion() -> None:
    assert check(facts_of(RDB_12), find("oci-cache"), losses=no_loss).loads == "unknown"


def test_a_conversion_to_a_version_no_page_names_is_as_unknown_as_the_converted_file() -> None:
    before, after = (
        judged(side("elasticache-redis-7.0", data)) for data in (RDB_12, file(key(), version=10))
    )
    assert (before.loads, after.loads) == ("unknown", "unknown")
    assert [[finding.id for finding in verdict.findings[:2]] for verdict in (before, after)] == [
        ["G-VERSION", "G-RDB-INFERRED"],
        ["G-RDB-INFERRED", "G-CRC-OFF"],
    ]
    assert (before.findings[1].says, before.steps[0].kind) == (after.findings[0].says, "convert")


@every(
    ("target", "data", "losses"),
    [
        ("redis-6.2", "redis-7.2.6-lru", []),
        ("valkey-9.1", "redis-8.0.6-hfe", []),  # both have hashes with field TTLs, each its own
        ("redis-7.2", "redis-8.0.6-hfe", [("field-ttl", 2, b"h:ht")]),
        ("redis-6.2", file(FUNCTION, key(), version=10), [("function", 1, None)]),
        ("redis-4.0", file(module("ReJSON-RL")), [("module", 1, b"m")]),
        ("redis-4.0", "redis-5.0.14-types", [("type-stream", 4, b"stream:nogroupdata")]),
        (
            "redis-6.2",
            "redis-7.0.15-types",
            [("function", 1, None), ("stream-metadata", 4, b"stream:mixed")],
        ),
        ("redis-6.2", file(key(), version=10) + b"*1\r\n", [("aof-commands", 1, None)]),
        ("redis-2.4", file(EXPIRED + key()), [("sub-second-expiry", 1, b"k")]),
        ("redis-2.4", file(b"\xfc" + (2000).to_bytes(8, "little") + key()), []),
        (
            "redis-2.4",
            file(b"\xfc" + (1 << 42).to_bytes(8, "little") + key()),
            [("expiry-after-2038", 1, b"k")],
        ),
        ("redis-6.2", file(aux(b"keydb-subexpire-key", b"f"), key()), None),
        ("oci-cache", "redis-7.2.6-lru", None),
        ("dragonfly-1.10", "redis-7.4.1-hfe", [("field-ttl", 2, b"h:lp")]),
    ],
)
def test_losses_of_a_conversion_are_told_from_the_profile(
    target: str, data: bytes | str, losses: list[tuple[str, int, bytes | None]] | None
) -> None:
    found = conversion_losses(facts_of(data), find(target))
    assert (found if found is None else [(loss.kind, loss.times, loss.key) for loss in found]) == losses


CONVERTED = ("redis-2.4", "redis-4.0", "redis-6.2", "redis-7.0", "redis-7.2", "redict-7.3", "valkey-9.1")


@every(("turn", "data"), enumerate(UNREPEATED.values()), ids=UNREPEATED)
def test_what_the_profile_says_of_a_conversion_is_what_convert_does(turn: int, data: bytes) -> None:
    """For each second target, the ones and the others in turn: the files differ by sizes and settings."""
    for target in CONVERTED[turn % 2 :: 2]:
        expected = conversion_losses(facts_of(data), find(target))
        done = convert(data, io.BytesIO(), to=target, allow_loss=True)
        kinds = None if expected is None else {loss.kind for loss in expected if loss.severity == "data"}
        lost = {loss.kind for loss in done.losses}
        if kinds is not None and "type-module" in lost and "sub-second-expiry" not in lost:
            kinds.discard("sub-second-expiry")  # it went with the key, which a profile does not know
        assert kinds == lost, target


def stream_of_8_8(*, size: int, idempotence: Idempotence | None = None) -> bytes:
    """A snapshot of Redis 8.8 with one stream: of whatever use, that release writes it in its newest form."""
    entries = [StreamEntry(StreamId(1, 1), [(b"f", b"v" * size)])]
    stream = Stream(5, entries, 1, StreamId(1, 1))
    stream.idempotence = idempotence
    made = io.BytesIO()
    with create(made, to="redis-8.8", compress=False) as writer:
        writer.write(b"s", stream)
    return made.getvalue()


def in_passing(data: bytes) -> Profile:
    """The profile as `compat` takes it, holding no large value."""
    with rdbcodec.open(data, max_value=COUNTED_VALUE) as reader:
        return profile(reader, now_ms=NOW, duplicates=True, values=True)


SMALL, LARGE = 10, 100_000  # held by a profile, and passing by


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("target", ["redis-8.2", "redis-7.2", "redis-6.2", "valkey-8.0"])
def test_a_stream_of_redis_8_8_goes_to_older_servers_after_conversion(target: str, size: int) -> None:
    assert check(in_passing(stream_of_8_8(size=size)), find(target)).loads == "after-conversion"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_unless_it_remembers_what_they_cannot(size: int) -> None:
    facts = in_passing(stream_of_8_8(size=size, idempotence=Idempotence(50, 50)))
    verdict = check(facts, find("redis-7.2"))
    assert (verdict.loads, [(loss.kind, loss.times, loss.key) for loss in verdict.losses or ()]) == (
        "no",
        [("idempotence", 1, b"s")],
    )


def test_a_stream_nobody_looked_at_is_promised_nothing() -> None:
    with rdbcodec.open(stream_of_8_8(size=SMALL)) as reader:
        facts = profile(reader, now_ms=NOW)
    assert check(facts, find("redis-7.2")).losses is None


def test_a_converted_file_still_names_its_writer_and_is_not_warned_of_it() -> None:
    converted = io.BytesIO()
    convert(written_by(b"7.4.1", 12), converted, to="redis-7.2")
    verdict = judged(side("amr-balanced-7.2", converted.getvalue()))
    assert facts_of(converted.getvalue()).producer == "Redis 7.4.1"
    assert [finding.id for finding in verdict.findings if "NEWER" in finding.id] == []


def test_converted_file_is_judged_to_load() -> None:
    case = side("redis-6.2", "redis-7.2.6-lru")
    assert judged(case).loads == "after-conversion"
    converted = io.BytesIO()
    convert(SNAPSHOTS / "redis-7.2.6-lru.rdb", converted, to="redis-6.2")
    assert judged(side("redis-6.2", converted.getvalue())).loads == "yes"


# --- the sources of a day ---------------------------------------------------------------------------

WALL: dict[str, Any] = {
    "firewall": True,
    "trusted_services": True,
    "authentication": "managed-identity",
    "role": "Storage Blob Data Contributor",
}


def test_sources_that_disagree_make_an_unknown_that_names_both_with_their_dates() -> None:
    (finding,) = (one for one in judged(side("amr-balanced-7.2", **WALL)).findings if one.id == "AZ-FW-2025")
    assert (finding.severity, finding.confidence) == ("unknown", "unverified")
    for word in ("2025-05-18", "2025-05-14", "2024-11-15", "says so", "otherwise"):
        assert word in finding.says


def test_judged_as_of_a_day_what_was_written_later_is_not_known() -> None:
    told = side("amr-balanced-7.2", as_of="2024-11-15", **WALL)
    assert judged(told).loads == "yes"
    assert not {"AZ-FW-2025", "AZ-AMR-72", "AZ-ONE-DB"} & {one.id for one in judged(told).findings}
    dates = {one.date for one in judged(told).findings if one.id.startswith("AZ-")}
    assert max(dates) <= "2024-11-15"


def test_what_servers_do_is_known_on_any_day() -> None:
    assert judged(side("redis-7.2", RDB_12, as_of="2024-11-15")).loads == "after-conversion"


# --- what was not told ------------------------------------------------------------------------------


def test_azure_asks_for_what_could_change_the_answer() -> None:
    assert questions_of(side("amr-balanced-7.2")) == {
        "blob_type": ("AZ-BLOB-IMPORT", "AZ-PAGE-512"),
        "source_kind": ("AZ-PERSIST",),
        "cache_region": ("AZ-REGION",),
        "storage_region": ("AZ-REGION",),
        "cache_subscription": ("AZ-SUB",),
        "storage_subscription": ("AZ-SUB",),
        "firewall": ("AZ-FW-2024",),
        "target_empty": ("AZ-WIPE-DATA",),
        "sku": ("AZ-MEM",),
    }


def test_questions_end_when_everything_is_told() -> None:
    told: dict[str, Any] = {
        "blob_type": "block",
        "source_kind": "save",
        "cache_region": "westeurope",
        "storage_region": "westeurope",
        "cache_subscription": "a",
        "storage_subscription": "a",
        "firewall": False,
        "target_empty": True,
        "sku": "B10",
        "authentication": "access-key",
    }
    verdict = judged(side("amr-balanced-7.2", "redis-7.2.6-lru", **told))
    assert (verdict.loads, verdict.questions) == ("yes", ())


def test_question_says_what_it_wants_to_know() -> None:
    verdict = judged(side("redis-7.2", TWO_DATABASES))
    assert verdict.loads == "yes"
    assert verdict.questions == (
        Question("clustered", "whether the target runs in cluster mode", ("G-CLUSTER-DB",)),
    )


def test_data_of_a_module_that_may_be_there_is_unknown_and_asked_for() -> None:
    case = side("amr-balanced-7.2", file(module("ReJSON-RL")))
    assert judged(case).loads == "unknown"
    assert questions_of(case)["modules"] == ("AZ-MODULE-MAYBE",)


# --- many targets from one profile ------------------------------------------------------------------


def saved_and_loaded(facts: Profile) -> Profile:
    return profile_json.loads(json.loads(profile_json.dumps(facts)))


@every("path", FILES, ids=lambda path: path.stem)
def test_profile_saved_and_loaded_is_the_same_profile(path: Path) -> None:
    assert saved_and_loaded(facts_of(path.stem)) == facts_of(path.stem)


@every(("turn", "path"), enumerate(covering(FILES)[::3]))
def test_profile_saved_and_loaded_gives_the_same_verdicts(turn: int, path: Path) -> None:
    """For each third target, others each turn."""
    facts, again = facts_of(path.stem), saved_and_loaded(facts_of(path.stem))
    told = Circumstances()
    for target in list(targets().values())[turn % 3 :: 3]:
        assert check(again, target, told) == check(facts, target, told)


def test_profile_keeps_keys_that_are_no_text() -> None:
    facts = facts_of(file(key(b"\xff\x00")))
    assert '"$b64": "/wA="' in profile_json.dumps(facts)
    assert profile_json.loads(json.loads(profile_json.dumps(facts))) == facts


def test_profile_holds_no_value(tmp_path: Path) -> None:
    secret = key(b"k", 0, b"\x06secret")
    assert "secret" not in profile_json.dumps(facts_of(file(secret)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rdbcodec_profile": 99}, f"key 'rdbcodec_profile': 99, this program reads {profile_json.FORM}"),
        ({"version": "9"}, "key 'profile.version': expected was a number, found 9"),
        ({"checksum": "wrong"}, "key 'profile.checksum': expected was one of ok, disabled, absent, not verified, found wrong"),
        ({"magic": 9}, "key 'profile.magic': expected was text or {\"$b64\": ...}, found 9"),
        ({"containers": "gzip"}, "key 'profile.containers': expected was a list, found gzip"),
        ({"modules": 1}, "key 'profile.modules': expected was a table, or a list of pairs, found 1"),
        ({"dialect": "mysql"}, "key 'profile.dialect': expected was one of redis, valkey, keydb, dragonfly, enterprise, found mysql"),
        ({"tail": {"kind": "nothing"}}, "key 'profile.tail': expected was a table of kind, size, found other keys: size"),
    ],
)  # fmt: skip
def test_profile_that_is_none_names_the_key(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({**json.loads(profile_json.dumps(facts_of(file(key())))), **change}))
    with pytest.raises(ProfileError) as refused:
        profile_json.load(path)
    assert str(refused.value) == f"{path}: {message}"


def test_profile_of_an_unknown_value_type_is_refused(tmp_path: Path) -> None:
    text = profile_json.dumps(facts_of(file(key()))).replace('"row": "string"', '"row": "rope"')
    with pytest.raises(ProfileError) as refused:
        profile_json.loads(json.loads(text))
    assert str(refused.value) == (
        "key 'profile.kinds.string.row': expected was a value type of the table of formats, found rope"
    )


def test_first_places_are_those_of_the_file() -> None:
    data = file(
        b"\xf5" + b"\x0f#!lua name=lib\n", b"\xfe\x03", b"\xf9\x05" + key(b"a"), key(b"b"), version=10
    )
    with rdbcodec.open(data) as reader:
        facts = profile(reader, now_ms=NOW)
    assert facts.databases[3].first == Place(28, 3, b"a")
    assert facts.places["function"] == Place(9)
    assert facts.places["freq"] == Place(28, 3, b"a")
    assert facts.kinds["string"].first == Place(28, 3, b"a")
    assert (facts.duplicates, facts.used_memory, facts.created_s) == (None, None, None)


def test_a_module_the_target_has_is_kept_by_the_conversion_it_is_told() -> None:
    """A bare Redis 7.2 has no modules; Azure Managed Redis 7.2 has RedisJSON."""
    data = file(module("ReJSON-RL"), version=12)
    target = find("amr-balanced-7.2")
    verdict = check(facts_of(data), target)
    assert verdict.losses == ()
    (finding,) = [found for found in verdict.findings if found.convertible][:1]
    assert finding.remedy == "rdbcodec convert {file} --to {release} --modules RedisJSON -o {out}"
