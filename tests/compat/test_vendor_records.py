"""Every record of a file is judged per target: a loader that does not know a code ends on it."""

from __future__ import annotations

import io

import pytest
from cases import every
from judging import EMPTY_AUX, NOW, SLOT_INFO, file, judged, key, module, questions_of, side, string
from odd import IGNORABLE, NOT_IGNORABLE, ODD

import rdbcodec
from rdbcodec.compat.loaders import loading_releases
from rdbcodec.compat.target import Target, find, targets
from rdbcodec.compat.verdict import Verdict
from rdbcodec.datatypes.modules import metas_held
from rdbcodec.facts.profile import Profile, profile
from rdbcodec.formats import FIRST_VALKEY, OPCODES, OpcodeRow
from rdbcodec.losses import ROWS as LOSSES
from rdbcodec.records import registry
from rdbcodec.reports.inspection import as_json, sections

RAM_LRU, SLOT_NUMBER = b"\x6b\x05", b"\x79\x05"
PRE_GA = b"\xf6" + string(b"lib") + string(b"LUA") + b"\x00" + string(b"redis.register_function('f', 1)")

# One record of each opcode, as the table frames it, with what it belongs to.
RECORDS = {
    "selectdb": b"\xfe\x00",
    "expiretime": b"\xfd" + bytes(4),
    "expiretime-ms": b"\xfc" + bytes(8),
    "resizedb": b"\xfb\x01\x00",
    "aux": b"\xfa" + string(b"ctime") + string(b"1"),
    "freq": b"\xf9\x05",
    "idle": b"\xf8\x05",
    "module-aux": b"\xf7\x81" + bytes(8) + b"\x02\x02\x02\x00\x00",
    "function-pre-ga": PRE_GA,
    "function": b"\xf5" + string(b"#!lua name=lib\n"),
    "slot-info": SLOT_INFO,
    "key-meta": b"\xf3\x00",
    "hash-template": b"\xf2\x01\x01" + string(b"f"),
    "slot-import": b"\xf3" + string(b"j" * 40) + b"\x00",
    "update": b"\xf2*1\r\n$4\r\nPING\r\n",
    "slot-number": SLOT_NUMBER,
    "ram-lru": RAM_LRU,
    "full-sync-end": b"\xc8" + bytes(8),
    "blob-end": b"\xcb",
    "journal-blob": b"\xd2\x01" + string(b"x"),
    "journal-offset": b"\xd3" + bytes(8),
    "key-attributes": b"\xdc" + bytes(4),
    "search-doc-ids": b"\xdf\x00" + string(b"x") + b"\x00",
    "tagged-chunk": b"\xe0" + bytes(4) + b"\x05\x00\x00\x00" + key(),
}


def facts_of(data: bytes, row: OpcodeRow) -> Profile:
    with rdbcodec.open(data, dialect=row.dialect) as reader:
        return profile(reader, now_ms=NOW)


def file_with(row: OpcodeRow) -> bytes:
    magic = b"VALKEY" if row.since >= FIRST_VALKEY else b"REDIS"
    record = BLOBS[row.name]() if row.name in BLOBS else RECORDS[row.name]
    return file(record, key(), version=max(row.since, 9), magic=magic)


def lz4_blob() -> bytes:
    return b"\xca" + string(pytest.importorskip("lz4.frame").compress(key()))


def zstd_blob() -> bytes:
    return b"\xc9" + string(pytest.importorskip("zstandard").ZstdCompressor().compress(key()))


BLOBS = {"lz4-blob": lz4_blob, "zstd-blob": zstd_blob}
READ_BY_ITSELF = "eof"  # the End record is what tells of it
ROWS = [pytest.param(row, id=row.name) for row in OPCODES if row.name != READ_BY_ITSELF]


@every("row", ROWS)
def test_no_opcode_of_the_table_is_forgotten_by_a_profile(row: OpcodeRow) -> None:
    assert row.name in facts_of(file_with(row), row).codes()


def test_every_opcode_has_a_row_that_says_what_is_lost_with_it() -> None:
    assert set(registry.LOSSES) == {row.name for row in OPCODES}
    assert {kind for kind in registry.LOSSES.values() if kind is not None} <= set(LOSSES)


@pytest.mark.parametrize("record", [RAM_LRU, SLOT_NUMBER])
@pytest.mark.parametrize("target", ["redis-7.4", "redis-8.10", "valkey-8.0", "elasticache-redis-7.1"])
def test_an_export_with_opcodes_of_redis_enterprise_goes_to_open_source_after_conversion(
    target: str, record: bytes
) -> None:
    verdict = judged(side(target, file(record, key())))
    blockers = [finding.id for finding in verdict.findings if finding.severity == "blocker"]
    # Which RDB versions a managed service reads is in doubt besides.
    doubted = target.startswith("elasticache")
    assert (blockers, verdict.loads) == (["G-OPCODE"], "unknown" if doubted else "after-conversion")


@pytest.mark.parametrize("record", [RAM_LRU, SLOT_NUMBER])
def test_it_goes_back_into_redis_enterprise_as_it_is(record: bytes) -> None:
    assert judged(side("redis-software-7.2", file(record, key()))).loads == "yes"


def test_inspect_knows_no_release_that_loads_opcodes_of_redis_enterprise() -> None:
    row = next(row for row in OPCODES if row.name == "ram-lru")
    assert loading_releases(facts_of(file(RAM_LRU, key()), row)) == []


@pytest.mark.parametrize("target", ["redis-7.2", "redis-7.4", "redis-8.10", "valkey-7.2", "valkey-8.0"])
def test_functions_of_a_release_candidate_load_in_redis_7_0_only(target: str) -> None:
    data = file(PRE_GA, key(), version=10)
    assert (judged(side("redis-7.0", data)).loads, judged(side(target, data)).loads) == (
        "yes",
        "after-conversion",
    )


def test_inspect_says_so() -> None:
    row = next(row for row in OPCODES if row.name == "function-pre-ga")
    spans = loading_releases(facts_of(file(PRE_GA, key(), version=10), row))
    assert [span.words() for span in spans] == ["Redis 7.0 only"]


def test_a_vector_set_is_built_into_redis_8_and_nothing_has_to_be_loaded() -> None:
    vector_set = key(b"v", 7, b"\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x00")
    row = next(row for row in OPCODES if row.name == "aux")
    spans = loading_releases(facts_of(file(vector_set), row))
    assert [span.words() for span in spans] == ["Redis 8.0 and later"]


# --- what is announced and not seen -------------------------------------------------------------------


def test_type_33_loads_in_no_release() -> None:
    gcra = file(key(b"g", 33, b"\x05"), version=15)
    row = next(row for row in OPCODES if row.name == "aux")
    assert loading_releases(facts_of(gcra, row)) == []
    assert judged(side("redis-8.10", gcra)).loads == "no"


def test_type_33_of_rdb_16_is_refused_by_name() -> None:
    bitmap = file(key(b"b", 33, b"\x05\x01v"), version=16)
    with pytest.raises(rdbcodec.UnknownType) as caught, rdbcodec.open(bitmap, any_version=True) as reader:
        list(reader)
    assert (
        caught.value.message == "type 33 is a roaring bitmap of Redis 8.12-RC1, whose layout is not known yet"
    )


def test_rdb_16_is_refused_by_the_name_of_its_release() -> None:
    with pytest.raises(rdbcodec.UnsupportedVersion) as caught, rdbcodec.open(file(version=16)) as reader:
        list(reader)
    assert caught.value.message == (
        "version 16 of redis, said to be that of Redis 8.12, of which a first release candidate is out "
        "(2026-10), is unknown: known are 1 to 15"
    )


# --- modules ------------------------------------------------------------------------------------------

SCDTYPE_1 = bytes.fromhex("f781b1c76dca97b4d001020100")  # no item; both as Redis Stack 7.4 writes them
FT_INDEX = EMPTY_AUX  # the one item U 0
FULL_AUX = bytes.fromhex("f7817edfe29dd7b1d01702010201020700")
LACKED = "the file has records, beside the keys, of modules Redis 7.4 does not have:"
STACK = file(SCDTYPE_1, FT_INDEX, key(), version=12)


def first_words(verdict: Verdict) -> tuple[str, str]:
    return verdict.loads, verdict.findings[0].says


def test_a_stack_without_an_index_goes_to_plain_redis_after_conversion() -> None:
    assert first_words(judged(side("redis-7.4", STACK))) == (
        "after-conversion",
        f"{LACKED} RediSearch (scdtype00 1, ft_index0 23); all are empty, and no key is theirs",
    )


@pytest.mark.parametrize("target", ["redis-stack-7.4", "redis-8.2", "redis-software-7.4"])
def test_it_loads_where_redisearch_is_told_to_be_and_nobody_says_so_otherwise(target: str) -> None:
    assert judged(side(target, STACK, modules=("search",))).loads == "yes"
    untold = judged(side(target, STACK))
    assert first_words(untold) == (
        "after-conversion",
        (
            "the file has empty records of RediSearch, and loads only where it is loaded too; whether it is "
            "enabled on the target was not told"
        ),
    )
    assert untold.findings[0].remedy == "rdbcodec convert {file} --to {release} -o {out}"
    assert judged(side(target, STACK, modules=())).loads == "after-conversion"


def test_it_goes_into_azure_managed_redis_with_redisearch() -> None:
    data = file(SCDTYPE_1, FT_INDEX, key(), version=11)
    assert judged(side("amr-balanced-7.2", data, modules=("RediSearch",))).loads == "yes"
    assert judged(side("amr-balanced-7.2", data, modules=())).loads == "after-conversion"


def test_an_index_is_data_and_a_conversion_that_drops_it_is_not_promised() -> None:
    verdict = judged(side("redis-7.4", file(FULL_AUX, FT_INDEX, key(), version=12)))
    assert first_words(verdict) == (
        "no",
        f"{LACKED} RediSearch (ft_index0 23); data in 1 of them, and no key is theirs",
    )
    assert [(loss.kind, loss.times, loss.offset) for loss in verdict.losses or ()] == [("module-aux", 1, 9)]


def test_dragonfly_passes_by_what_modules_keep_beside_the_keys() -> None:
    assert judged(side("dragonfly-1.25", file(FT_INDEX, key()))).loads == "yes"


@pytest.mark.parametrize(
    ("version", "told", "loads"),
    [
        (20, "FalkorDB", "yes"),
        (20, "graph", "yes"),
        (20, "RedisGraph", "no"),
        (16, "RedisGraph", "yes"),
        (16, "FalkorDB", "no"),
    ],
)
def test_graphdata_is_falkordb_above_encoding_version_16(version: int, told: str, loads: str) -> None:
    data = file(module("graphdata", version), version=12)
    assert judged(side("redis-7.4", data, modules=(told,))).loads == loads


def test_bf_is_another_module_on_valkey() -> None:
    bloom = file(module("MBbloom--", 4), version=9)
    assert judged(side("redis-7.4", bloom, modules=("bf",))).loads == "yes"
    assert judged(side("valkey-8.0", bloom, modules=("bf",))).loads == "no"
    assert judged(side("valkey-8.0", bloom, modules=("RedisBloom",))).loads == "yes"
    assert judged(side("valkey-8.0", file(module("bloomfltr", 1)), modules=("bf",))).loads == "yes"


# --- metadata of keys, slot imports -------------------------------------------------------------------


ONE_CLASS = b"\xf3\x01" + NOT_IGNORABLE


def test_metadata_that_must_not_be_passed_over_is_data_a_conversion_would_lose() -> None:
    verdict = judged(side("redis-8.10", ODD["meta not ignorable"]))
    assert (verdict.loads, [loss.kind for loss in verdict.losses or ()]) == ("no", ["key-metadata"])
    assert judged(side("redis-8.10", ODD["meta not ignorable"], modules=("KMT1",))).loads == "yes"
    assert judged(side("redis-8.10", ODD["meta ignorable"])).loads == "yes"


@pytest.mark.parametrize(
    ("modules", "meta", "losses"),
    [
        (None, None, ["key-metadata"]),
        (["KMT1"], b"\xf3\x01" + NOT_IGNORABLE, []),
        (["all"], b"\xf3\x01" + NOT_IGNORABLE, []),
    ],
)
def test_convert_keeps_metadata_where_its_class_is(
    modules: list[str] | None, meta: bytes | None, losses: list[str]
) -> None:
    made = io.BytesIO()
    server = rdbcodec.Server.of("redis-8.10", modules=modules)
    done = rdbcodec.convert(ODD["meta not ignorable"], made, to=server, allow_loss=True)
    (entry,) = (entry for entry in rdbcodec.open(made.getvalue()) if isinstance(entry, rdbcodec.Entry))
    assert (entry.meta, [loss.kind for loss in done.losses]) == (meta, losses)


def test_of_several_classes_those_that_may_be_ignored_stay() -> None:
    metadata = b"\xf3\x02" + NOT_IGNORABLE + IGNORABLE
    assert metas_held(metadata, frozenset()) == b"\xf3\x01" + IGNORABLE
    assert metas_held(metadata, frozenset({"KMT1"})) == metadata


def test_inspect_names_the_classes_of_metadata() -> None:
    row = next(row for row in OPCODES if row.name == "aux")
    facts = facts_of(ODD["meta not ignorable"], row)
    assert as_json("f", facts)["meta_classes"] == [
        {"name": "KMT1", "version": 1, "may_be_ignored": False, "keys": 1}
    ]
    (section,) = (section for section in sections(facts) if section.title == "Module metadata")
    assert section.rows == [("KMT1", "1", "1", "ends on it")]


def test_a_running_slot_import_goes_to_a_cluster_as_it_is_and_elsewhere_after_conversion() -> None:
    data = ODD["slot import"]
    loads = [judged(side("valkey-9.1", data, clustered=told)).loads for told in (True, False, None)]
    assert loads == ["yes", "after-conversion", "after-conversion"]


@pytest.mark.parametrize(("clustered", "hints"), [(True, []), (False, ["slot-import"])])
def test_convert_drops_it_unless_the_target_is_a_cluster(*, clustered: bool, hints: list[str]) -> None:
    server = rdbcodec.Server.of("valkey-9.1", clustered=clustered)
    done = rdbcodec.convert(ODD["slot import"], io.BytesIO(), to=server)
    assert [loss.kind for loss in done.hints] == hints


# --- facts that stand in one place --------------------------------------------------------------------


def test_an_unknown_sku_is_answered_with_those_there_are() -> None:
    verdict = judged(side("amr-flash-7.4", sku="Z9"))
    (finding,) = (finding for finding in verdict.findings if finding.id == "AZ-SKU")
    assert finding.says == "there is no SKU Z9 of Flash Optimized"
    assert finding.remedy == "name one of its SKUs: A250, A500, A700, A1000, A1500, A2000, A4500"


@every("target", [target for target in targets().values() if target.imports == "yes"])
def test_only_targets_that_take_snapshots_at_their_creation_ask_whether_they_exist(target: Target) -> None:
    asks = "target_exists" in questions_of(side(target.id))
    assert asks == target.at_creation_only, target.id


def test_redis_8_12_is_known_by_name_and_nobody_says_what_it_reads() -> None:
    assert judged(side("redis-8.12")).loads == "unknown"


@pytest.mark.parametrize("target", ["redis-8.2", "redis-8.10", "valkey-8.1", "valkey-9.1"])
def test_servers_that_were_asked_are_verified(target: str) -> None:
    assert (find(target).confidence, "exp-2" in find(target).sources) == ("verified", True)
