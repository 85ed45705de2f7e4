"""The rules of Amazon, Google, Redis Software and others, each on both sides of its condition.

Sections are those of compat-facts.md, with the key of the page.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

import dataclasses
from typing import Any

from judging import (
    TWO_DATABASES,
    Sides,
    db,
    file,
    key,
    module,
    questions_of,
    side,
    used,
    written_by,
)

from rdbcodec.compat.rules import clouds
from rdbcodec.compat.target import find
from rdbcodec.facts.biggest import BigKey

EC, MDB, GCP = "elasticache-redis-7.0", "memorydb-redis-7.0", "memorystore-redis-6.x"
RE, GEMINI = "redis-software-7.2", "huawei-geminidb-redis"
GEMINI_2 = dataclasses.replace(find(GEMINI), databases=2)
HERE: dict[str, Any] = {"cache_region": "eu-west-1", "storage_region": "eu-west-1"}
THERE: dict[str, Any] = {"cache_region": "eu-west-1", "storage_region": "us-east-1"}
BIG = [BigKey(5 << 30, 9, 0, b"k", "list", "quicklist2", None)]
CLUSTER = "valkey-8.0.1-cluster"

# fmt: off
SIDES: list[Sides] = [
    Sides("AWS-S3-ENC", "3.3 Clouds: aws-ec-seed", side(EC, encryption="sse-kms"), "the S3 object is encrypted with sse-kms; only SSE-S3 can be read", side(EC, encryption="sse-s3")),
    Sides("AWS-REGION", "3.3 Clouds: aws-ec-seed", side(EC, **THERE), "the bucket is in us-east-1 and the cluster in eu-west-1; they have to share a Region", side(EC, **HERE)),
    Sides("AWS-REGION-MDB", "3.3 Clouds: aws-mdb-seed", side(MDB, **THERE), "the bucket is in us-east-1 and the cluster in eu-west-1; one Region for both is strongly advised", side(MDB, **HERE)),
    Sides("AWS-BUCKET", "3.3 Clouds: aws-ec-seed", side(EC, bucket="My_Bucket"), "'My_Bucket' is no bucket name: 3 to 63 small letters, digits, hyphens and dots, and no address", side(EC, bucket="my-bucket.backups")),
    Sides("AWS-BUCKET", "3.3 Clouds: aws-mdb-seed", side(MDB, bucket="10.0.0.1"), "'10.0.0.1' is no bucket name: 3 to 63 small letters, digits, hyphens and dots, and no address", side(MDB, bucket="10.0.0.one")),
    Sides("AWS-COMMA", "3.3 Clouds: aws-ec-api", side(EC, object_name="a,b.rdb"), "the object name 'a,b.rdb' has a comma, which separates names", side(EC, object_name="a-b.rdb")),
    Sides("AWS-CME-DB", "3.3 Clouds: aws-ec-restore", side(EC, TWO_DATABASES, clustered=True), "with cluster mode ElastiCache Redis OSS 7.0, node-based has one database, and database 3 is in use (keys: 2): the restore fails", side(EC, TWO_DATABASES, clustered=False)),
    Sides("AWS-CME-DB", "aws-ec-versions: databases in cluster mode since 9.0", side("elasticache-valkey-9.0", file(db(16), key()), clustered=True), "with cluster mode ElastiCache Valkey 9.0, node-based has databases 0 to 15, and database 16 is in use (keys: 1): the restore fails", side("elasticache-valkey-9.0", TWO_DATABASES, clustered=True)),
    Sides("AWS-MDB-DB", "3.3 Clouds: aws-mdb-seed", side(MDB, TWO_DATABASES), "MemoryDB Redis OSS 7.0 has one database, and database 3 is in use (keys: 2): the restore fails", side(MDB, file(db(0), key()))),
    Sides("AWS-CME-CMD", "3.3 Clouds: aws-ec-seed", side(EC, CLUSTER, clustered=False), "the file comes from a cluster, and a cluster without cluster mode cannot be made of it", side(EC, CLUSTER, clustered=True)),
    Sides("AWS-CME-CMD", "3.3 Clouds: aws-ec-seed", side(EC, source_clustered=True, clustered=False), "the file comes from a cluster, and a cluster without cluster mode cannot be made of it", side(EC, source_clustered=False, clustered=False)),
    Sides("AWS-SIZE", "3.3 Clouds: aws-ec-seed", side(EC, used(1100 << 20), memory_bytes=1000 << 20), "the data needs 1023.0 MiB to 1.1 GiB, a node has 1000.0 MiB: the cluster ends as restore-failed and has to be deleted", side(EC, used(900 << 20), memory_bytes=1000 << 20)),
    Sides("AWS-TIER", "3.3 Clouds: aws-mdb-seed", side(MDB, source_data_tiering=True, data_tiering=False), "the source used data tiering, so the target has to use it too", side(MDB, source_data_tiering=True, data_tiering=True)),
    Sides("AWS-CREATE", "3.3 Clouds: aws-ec-seed", side(EC, target_exists=True), "a snapshot is taken in only while a cluster is created, and this one is there already", side(EC, target_exists=False)),
    Sides("GCP-VER", "3.3 Clouds: gcp-redis-ie", side(GCP, written_by(b"7.0.15", 10)), "the file comes from Redis 7.0.15, and Memorystore for Redis 6.x imports 6.x and older", side(GCP, written_by(b"6.2.16", 9))),
    Sides("GCP-VER-SAME", "3.3 Clouds: gcp-redis-ie", side("memorystore-redis-5.0", written_by(b"6.2.16", 9)), "the page excludes files of a newer Redis (6.2.16, the target is 5.0); this one is RDB 9, which such an engine reads", side(GCP, written_by(b"6.2.16", 9))),
    Sides("GCP-OFFLINE", "3.3 Clouds: gcp-redis-ie", side(GCP), "the instance is away during an import and overwritten by it; one that fails or is cancelled may leave it empty", side("memorystore-valkey-8.0")),
    Sides("GCP-MODULES", "3.3 Clouds: gcp-redis-ver", side(GCP, file(module("MBbloom--"))), "Memorystore for Redis 6.x has no modules, and the file needs them: RedisBloom (MBbloom-- 0); keys: 1", side(GCP)),
    Sides("GCP-VALKEY-CREATE", "3.3 Clouds: gcp-valkey", side("memorystore-valkey-8.0", target_exists=True), "an instance takes snapshots in only while it is created (--gcs-source-uris)", side("memorystore-valkey-8.0", target_exists=False)),
    Sides("OCI-CREATE", "3.3 Clouds: oci", side("oci-cache", target_exists=True), "a cluster takes snapshots in only while it is created", side("oci-cache", target_exists=False)),
    Sides("RE-WIPE", "3.2 Redis Software / Redis Cloud", side(RE), "an import erases what is in the database", side(RE, active_active=True)),
    Sides("RE-MERGE", "3.2 Redis Software / Redis Cloud", side(RE, active_active=True), "an import into an Active-Active database merges with what is there, and counters add up", side(RE, active_active=False)),
    Sides("RE-SOURCES", "3.2 Redis Software / Redis Cloud: re-import", side(RE), "imports read from FTP, SFTP, HTTP, a mount point, S3 (SSE-C by the REST API only), Google Cloud Storage and Azure Blob Storage (key or SAS)", side("redis-7.2")),
    Sides("RE-ONE-DB", "3.2 Redis Software / Redis Cloud", side("redis-cloud-pro-7.2", TWO_DATABASES), "Redis Cloud 7.2, Pro has database 0 only, and database 3 is in use (keys: 2); no vendor page says what becomes of them", side("redis-cloud-pro-7.2", file(db(0), key()))),
    Sides("RE-ALLFILES", "3.2 Redis Software / Redis Cloud", side(RE, shards=2), "an export has a file for each of 2 shards; files given: 1", side(RE, shards=1)),
    Sides("RE-FLEX", "3.2 Redis Software / Redis Cloud", side(RE, file(module("TSDB-TYPE")), flex=True), "a database on flash does not do well with RedisTimeSeries", side(RE, file(module("TSDB-TYPE")), flex=False)),
    Sides("RE-FLEX", "3.2 Redis Software / Redis Cloud", side(RE, changes={"biggest": BIG}, flex=True), "a database on flash does not do well with keys above 4 GiB (1)", side(RE, flex=True)),
    Sides("HW-DBCOUNT", "3.3 Clouds: huawei-gemini", side(GEMINI, TWO_DATABASES), "the file must not use more databases than the instance has, and how many it has is not known", side(GEMINI), "unknown"),
    Sides("HW-DBCOUNT", "3.3 Clouds: huawei-gemini", side(GEMINI_2, TWO_DATABASES), "database 3 is beyond the 2 of the instance", side(GEMINI_2, file(db(1), key()))),
    Sides("HW-SIZE", "3.3 Clouds: huawei-gemini", side(GEMINI, changes={"file_size": 5 * 10**9}), "the console takes files below 5 GB, this one has 5,000,000,000 bytes", side(GEMINI, changes={"file_size": 5 * 10**9 - 1})),
    Sides("HW-WIPE", "3.3 Clouds: huawei-gemini", side(GEMINI), "an import overwrites what is in the instance", side("huawei-dcs-6.0")),
    Sides("AIVEN-NORDB", "3.3 Clouds: aiven", side("aiven-valkey"), "no way to hand Aiven for Valkey a snapshot was found in its documentation", side("valkey-8.0")),
]
# fmt: on


def test_facts_that_would_decide_are_asked_for_and_only_those() -> None:
    asked = questions_of(side(EC, TWO_DATABASES))
    assert asked["clustered"] == ("AWS-CME-DB",)
    assert asked["target_exists"] == ("AWS-CREATE",)
    assert "clustered" not in questions_of(side(EC))


def test_every_cloud_rule_is_of_a_cloud() -> None:
    assert {sides.rule for sides in SIDES} == {rule.id for rule in clouds.RULES}
    assert not any(rule.id.startswith(("G-", "AZ-")) for rule in clouds.RULES)
