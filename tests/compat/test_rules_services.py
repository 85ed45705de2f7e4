"""The rules of services with demands of their own, each on both sides of its condition."""
# ruff: noqa: E501 - a table

from __future__ import annotations

import pytest
from judging import FUNCTION, Sides, file, judged, key, module, side, used

from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import steps_of

JSON = file(module("ReJSON-RL", 3))
STREAM = "redis-6.2.16-types"
EC = "elasticache-valkey-8.1"
DOUBT = "the file has data of RedisJSON (ReJSON-RL 3); ElastiCache Valkey 8.1, node-based has a module of that kind, and no page says whether it reads these values (keys: 1)"
STREAMS = "whether Apache Kvrocks loads streams is not known: what was read of its source does not tell"
LIBRARIES = (
    "whether Apache Kvrocks loads function libraries is not known: what was read of its source does not tell"
)
UPSTASH = (
    "Upstash Redis takes no files: its console copies from a running Redis, and empties the database first"
)

# fmt: off
SIDES: list[Sides] = [
    Sides("AWS-MODULE", "JSON and Bloom filters", side(EC, JSON), DOUBT, side(EC), "unknown"),
    Sides("AWS-RESERVED", "reserved-memory-percent", side(EC, used(751), memory_bytes=1000), "the data needs 413 to 804 B; by default a node keeps a quarter of its memory back and leaves 750 B", side(EC, used(700), memory_bytes=1000)),
    Sides("GCP-NAME", "instances import", side("memorystore-redis-7.2", object_name="dump"), "the object is called 'dump'; its name has to end in .rdb", side("memorystore-redis-7.2", object_name="dump.rdb")),
    Sides("RE-NAME", "import data", side("redis-cloud-pro-8.6", object_name="dump.gz"), "the object is called 'dump.gz'; files for an import are called .rdb or .rdb.gz", side("redis-cloud-pro-8.6", object_name="dump.rdb.gz")),
    Sides("KVROCKS-OPEN", "rdb.h", side("kvrocks", STREAM), STREAMS, side("kvrocks"), "unknown"),
    Sides("KVROCKS-OPEN", "rdb.h", side("kvrocks", file(FUNCTION, key(), version=10)), LIBRARIES, side("kvrocks", file(key(), version=10)), "unknown"),
    Sides("DF-CLOUD-WIPE", "restore", side("dragonfly-cloud"), "a restore clears what is in the data store", side("dragonfly-1.25")),
    Sides("OCI-FUNCTIONS", "restricted commands", side("oci-cache", file(FUNCTION, key(), version=10)), "the file has function libraries (1), and sharded clusters have no FUNCTION command", side("oci-cache", file(key(), version=10))),
    Sides("UPSTASH-NOFILE", "import", side("upstash"), UPSTASH, side("redis-7.2")),
]
# fmt: on


def test_json_of_redis_into_elasticache_is_unknown_and_into_memorydb_is_no() -> None:
    assert judged(side(EC, JSON)).loads == "unknown"
    assert judged(side("memorydb-valkey-7.2", JSON)).loads == "no"


def test_elasticache_of_valkey_9_has_databases_in_cluster_mode_and_older_ones_have_not() -> None:
    data = file(b"\xfe\x0f", key())
    blockers = {
        target: [finding.id for finding in judged(side(target, data, clustered=True)).findings if finding.severity == "blocker"]
        for target in ("elasticache-valkey-8.2", "elasticache-valkey-9.0", "elasticache-valkey-9.1")
    }  # fmt: skip
    assert blockers == {
        "elasticache-valkey-8.2": ["AWS-CME-DB"],
        "elasticache-valkey-9.0": [],
        "elasticache-valkey-9.1": [],
    }


def test_a_database_above_fifteen_is_too_much_for_elasticache_in_cluster_mode() -> None:
    verdict = judged(side("elasticache-valkey-9.1", file(b"\xfe\x10", key()), clustered=True))
    assert [finding.id for finding in verdict.findings if finding.severity == "blocker"] == ["AWS-CME-DB"]


def test_kvrocks_reads_rdb_6_to_12_without_field_ttls_and_modules() -> None:
    loads = {version: judged(side("kvrocks", file(key(), version=version))).loads for version in (6, 12)}
    assert loads == {6: "yes", 12: "yes"}
    older = judged(side("kvrocks", file(key(), version=5))).findings
    assert [finding.id for finding in older if finding.severity == "blocker"] == ["G-MIN-RDB"]
    assert judged(side("kvrocks", JSON)).loads == "no"
    blockers = judged(side("kvrocks", "redis-7.4.1-hfe")).findings
    assert [finding.id for finding in blockers if finding.severity == "blocker"] == ["G-HFE"]


def test_field_ttls_are_lost_on_the_way_into_kvrocks_and_the_verdict_says_so() -> None:
    verdict = judged(side("kvrocks", "redis-7.4.1-hfe"))
    assert verdict.loads == "no"
    assert verdict.losses is not None
    assert [loss.kind for loss in verdict.losses] == ["field-ttl"]


def test_a_step_without_a_command_of_ours_names_the_file_as_well() -> None:
    (step,) = steps_of(judged(side("garnet")), "my dump.rdb")
    assert step.says == (
        "rdbcodec dump 'my dump.rdb' --format resp -o commands.resp  "
        "# and redis-cli --pipe sends these commands"
    )


@pytest.mark.parametrize(
    "name",
    [
        "a9s-keyvalue",
        "alibaba-tair",
        "elasticache-serverless",
        "garnet",
        "render-key-value",
        "scaleway-redis",
        "tencent-redis",
        "yandex-valkey",
    ],
)
def test_where_no_page_has_an_import_the_answer_is_unknown_and_says_what_settles_it(name: str) -> None:
    verdict = judged(side(name))
    doubt = next(finding for finding in verdict.findings if finding.id == "G-IMPORT")
    assert verdict.loads == "unknown"
    assert doubt.says == (
        f"whether {find(name).name} imports snapshots of others is not known; a page of the vendor that "
        "names an import of RDB files, or a try, would settle it"
    )
    assert doubt.remedy


def test_valkey_8_1_takes_its_own_word_before_number_11_alone() -> None:
    def judged_as(target: str, magic: bytes) -> list[str]:
        case = side(target, file(key(), version=11), changes={"magic": magic})
        return [finding.id for finding in judged(case).findings if finding.severity == "blocker"]

    assert judged_as("valkey-8.1", b"VALKEY011") == []
    assert judged_as("valkey-8.0", b"VALKEY011") == ["G-VALKEY-MAGIC"]
    assert judged_as("valkey-9.1", b"VALKEY011") != []


def test_valkey_8_1_stumbles_over_the_number_of_a_file_of_valkey_9_and_not_over_the_word() -> None:
    verdict = judged(side("valkey-8.1", file(key(), version=80, magic=b"VALKEY")))
    says = [finding.says for finding in verdict.findings if finding.severity == "blocker"]
    assert says == ["the file is RDB 80; Valkey 8.1 reads REDIS up to 11, VALKEY 11"]
    other = judged(side("valkey-8.0", file(key(), version=80, magic=b"VALKEY")))
    says = [finding.says for finding in other.findings if finding.severity == "blocker"]
    assert says == ["the file begins with VALKEY, Valkey 8.0 knows REDIS only"]
