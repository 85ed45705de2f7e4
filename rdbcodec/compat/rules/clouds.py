"""Rules of Amazon, Google, Redis Software and Cloud, and of others that host Redis.

The sections name those of compat-facts.md and of the vendors' pages.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

import re

from rdbcodec.compat.questions.data import (
    cluster_databases,
    databases_beyond,
    databases_from,
    made_already,
    modules_lacked,
    product_of,
)
from rdbcodec.compat.questions.memory import too_big_for_node
from rdbcodec.compat.questions.origin import newer_source, newer_source_same_rdb, regions_differ
from rdbcodec.compat.rule import Answer, Case, Found, Missing, Rule, Unknown, always, missing, when, when_told
from rdbcodec.compat.rules.general import CONVERT, FOLD

_FLEX_LIMIT = 4 << 30  # keys and values above it stay in memory
_CONSOLE_LIMIT = 5 * 10**9
# Three to 63 small letters, digits, hyphens and dots, labels beginning and ending with letter or digit.
_BUCKET = re.compile(r"(?=.{3,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)


def _bucket(case: Case) -> Answer:
    name = case.told("bucket")
    if name is None:
        return Missing(("bucket",))
    return None if _BUCKET.fullmatch(name) and not _ADDRESS.fullmatch(name) else Found({"bucket": name})


def _comma(case: Case) -> Answer:
    name = case.told("object_name")
    if name is None:
        return Missing(("object_name",))
    return Found({"name": name}) if "," in name else None


def _cluster_databases(case: Case) -> Answer:
    """Keys in databases a cluster does not have: it has one up to Valkey 8.2, and sixteen since 9.0."""
    answer, has = cluster_databases(case), case.target.cluster_databases
    if not isinstance(answer, Found):
        return answer
    words = "one database" if has == 1 else f"databases 0 to {(has or 0) - 1}"
    return Found({**answer.values, "has": words}, answer.place)


def _from_cluster(case: Case) -> Answer:
    """The file of a cluster node, on the way into a target without cluster mode."""
    told = case.profile
    shown = "slot-info" in told.codes() or b"slot-info" in told.aux
    if not (case.told("source_clustered") or shown) or case.told("clustered") is True:
        return None
    return missing(case, "clustered") or Found()


def _tiering(case: Case) -> Answer:
    if case.told("source_data_tiering") is not True or case.told("data_tiering") is True:
        return None
    return missing(case, "data_tiering") or Found()


def _alone(case: Case) -> Answer:
    """No Active-Active database, as far as is told."""
    return None if case.told("active_active") else Found()


def _files_lacking(case: Case) -> Answer:
    shards, files = case.told("shards"), max(len(case.told("files") or ()), len(case.others) + 1)
    return Found({"shards": shards, "files": files}) if shards is not None and files < shards else None


def _flex(case: Case) -> Answer:
    if case.told("flex") is not True:
        return None
    modules = {product_of(module) for module in case.profile.modules.values()} & {
        "RediSearch",
        "RedisTimeSeries",
    }
    big = [key for key in case.profile.biggest if key.size > _FLEX_LIMIT]
    words = sorted(modules) + ([f"keys above 4 GiB ({len(big)})"] if big else [])
    return Found({"what": ", ".join(words)}) if words else None


def _huawei_databases(case: Case) -> Answer:
    above = databases_from(case.profile, 1)
    if case.target.databases is not None:
        return databases_beyond(case)
    if not above:
        return None
    says = "the file must not use more databases than the instance has, and how many it has is not known"
    return Unknown(says, case.profile.databases[above[0]].first)


def _console_size(case: Case) -> Answer:
    size = case.profile.file_size
    return Found({"size": size}) if size is not None and size >= _CONSOLE_LIMIT else None


_AWS, _EC, _MDB = ("aws",), ("elasticache-*",), ("memorydb-*",)
_GCP, _RE = ("memorystore-redis-*", "!memorystore-redis-cluster"), ("redis-enterprise",)
_AWS_S, _RE_S, _CLOUDS = ("aws-ec-seed", "aws-mdb-seed"), "3.2 Redis Software / Redis Cloud", "3.3 Clouds"
_SHARDED = ("redis-enterprise", "amr-*", "acr-enterprise*")
_DOC = "documented"

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("AWS-S3-ENC", _AWS, "blocker", when("encryption", "sse-kms", "sse-c", "client"),
         "the S3 object is encrypted with {encryption}; only SSE-S3 can be read", "copy the object with SSE-S3", _AWS_S, _CLOUDS, _DOC),
    Rule("AWS-REGION", _EC, "blocker", regions_differ,
         "the bucket is in {storage} and the cluster in {cache}; they have to share a Region", "copy the object into the Region of the cluster",
         ("aws-ec-seed",), _CLOUDS, _DOC),
    Rule("AWS-REGION-MDB", _MDB, "warning", regions_differ,
         "the bucket is in {storage} and the cluster in {cache}; one Region for both is strongly advised", "copy the object into the Region of the cluster",
         ("aws-mdb-seed",), _CLOUDS, _DOC),
    Rule("AWS-BUCKET", _AWS, "blocker", _bucket,
         "{bucket!r} is no bucket name: 3 to 63 small letters, digits, hyphens and dots, and no address", "use another bucket", _AWS_S, _CLOUDS, _DOC),
    Rule("AWS-COMMA", _AWS, "blocker", _comma,
         "the object name {name!r} has a comma, which separates names", "rename the object", ("aws-ec-api",), _CLOUDS, _DOC),
    Rule("AWS-CME-DB", _EC, "blocker", _cluster_databases,
         "with cluster mode {target} has {has}, and {databases} {are} in use (keys: {keys:,}): the restore fails",
         "give each database a cluster of its own, or use one without cluster mode", ("aws-ec-restore", "aws-ec-versions"), _CLOUDS, _DOC),
    Rule("AWS-MDB-DB", _MDB, "blocker", databases_beyond,
         "{target} has one database, and {databases} {are} in use (keys: {keys:,}): the restore fails", FOLD,
         ("aws-mdb-seed",), _CLOUDS, _DOC),
    Rule("AWS-CME-CMD", _EC, "blocker", _from_cluster,
         "the file comes from a cluster, and a cluster without cluster mode cannot be made of it", "create the target with cluster mode",
         ("aws-ec-seed",), _CLOUDS, _DOC),
    Rule("AWS-SIZE", _AWS, "blocker", too_big_for_node,
         "{data} needs {used}, a node has {has}: the cluster ends as restore-failed and has to be deleted", "choose a larger node", _AWS_S, _CLOUDS, _DOC),
    Rule("AWS-TIER", _AWS, "blocker", _tiering,
         "the source used data tiering, so the target has to use it too", "create the target with data tiering", ("aws-mdb-seed", "aws-ec-restore"), _CLOUDS, _DOC),
    Rule("AWS-CREATE", _AWS, "blocker", made_already,
         "a snapshot is taken in only while a cluster is created, and this one is there already", "create a new cluster from the snapshot", _AWS_S, _CLOUDS, _DOC),
    Rule("GCP-VER", _GCP, "blocker", newer_source,
         "the file comes from Redis {source}, and {target} imports {version} and older", CONVERT, ("gcp-redis-ie",), _CLOUDS, _DOC, convertible=True),
    Rule("GCP-VER-SAME", _GCP, "warning", newer_source_same_rdb,
         "the page excludes files of a newer Redis ({source}, the target is {version}); this one is RDB {rdb}, which such an engine reads",
         None, ("gcp-redis-ie", "exp"), _CLOUDS, "inferred"),
    Rule("GCP-OFFLINE", _GCP, "warning", always,
         "the instance is away during an import and overwritten by it; one that fails or is cancelled may leave it empty", "export the instance first",
         ("gcp-redis-ie",), _CLOUDS, _DOC),
    Rule("GCP-MODULES", _GCP, "blocker", modules_lacked,
         "{target} has no modules, and the file needs them: {modules}; keys: {keys:,}", "leave their keys out", ("gcp-redis-ver",), _CLOUDS, _DOC),
    Rule("GCP-VALKEY-CREATE", ("memorystore-valkey-*",), "blocker", made_already,
         "an instance takes snapshots in only while it is created (--gcs-source-uris)", "create a new instance from the snapshot", ("gcp-valkey",), _CLOUDS, _DOC),
    Rule("OCI-CREATE", ("oci-cache",), "blocker", made_already,
         "a cluster takes snapshots in only while it is created", "create a new cluster from the snapshot", ("oci",), _CLOUDS, _DOC),
    Rule("RE-WIPE", _RE, "warning", _alone,
         "an import erases what is in the database", "export the database first", ("redis-docs",), _RE_S, _DOC),
    Rule("RE-MERGE", _RE, "warning", when_told("active_active", True),
         "an import into an Active-Active database merges with what is there, and counters add up", "export the database first", ("redis-docs", "re-import"), _RE_S, _DOC),
    Rule("RE-SOURCES", _RE, "info", always,
         "imports read from FTP, SFTP, HTTP, a mount point, S3 (SSE-C by the REST API only), Google Cloud Storage and Azure Blob Storage (key or SAS)",
         None, ("re-import", "redis-docs"), _RE_S, _DOC),
    Rule("RE-ONE-DB", _RE, "blocker", databases_beyond,
         "{target} has database 0 only, and {databases} {are} in use (keys: {keys:,}); no vendor page says what becomes of them",
         FOLD, ("redis-docs",), _RE_S, "inferred"),
    Rule("RE-ALLFILES", _SHARDED, "warning", _files_lacking,
         "an export has a file for each of {shards} shards; files given: {files}", "add every file before importing", ("redis-docs",), _RE_S, _DOC, ("S23",)),
    Rule("RE-FLEX", _RE, "warning", _flex,
         "a database on flash does not do well with {what}", "keep this data in memory", ("redis-docs",), _RE_S, _DOC),
    Rule("HW-DBCOUNT", ("huawei-geminidb-redis",), "blocker", _huawei_databases,
         "{databases} {are} beyond the {limit} of the instance", "create the instance with more databases", ("huawei-gemini",), _CLOUDS, _DOC),
    Rule("HW-SIZE", ("huawei-geminidb-redis",), "warning", _console_size,
         "the console takes files below 5 GB, this one has {size:,} bytes", "upload it to OBS in parts, as its documentation says", ("huawei-gemini",), _CLOUDS, _DOC),
    Rule("HW-WIPE", ("huawei-geminidb-redis",), "warning", always,
         "an import overwrites what is in the instance", "back it up first", ("huawei-gemini",), _CLOUDS, _DOC),
    Rule("AIVEN-NORDB", ("aiven-valkey", "digitalocean-valkey", "heroku-kvs"), "blocker", always,
         "no way to hand {target} a snapshot was found in its documentation",
         "migrate from a live server, or send the commands of rdbcodec dump {file} --format resp with redis-cli --pipe",
         ("aiven", "do", "heroku"), _CLOUDS, "unverified"),
)
# fmt: on
