"""The targets: every one has a source, reads what the table of formats says, and a user may bring more."""
# ruff: noqa: E501 - a table of messages

from __future__ import annotations

import dataclasses
import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest
from cases import every

from rdbcodec.compat.target import (
    FactAge,
    Target,
    date_of,
    facts_age,
    find,
    load,
    loader_of,
    names,
    sources,
    targets,
)
from rdbcodec.compat.target_rows import CONFIDENCES
from rdbcodec.errors import TargetError

ROOT = Path(__file__).parents[2]
OWN = {
    "id": "our-cache",
    "family": "own",
    "product": "Our cache",
    "version": "7.2",
    "reads_like": "redis-7.2",
    "databases": 4,
    "import": "yes",
    "sizes": {"small": 1.5},
    "sources": ["our wiki"],
    "confidence": "general knowledge",
}


def test_every_target_has_a_source_with_a_date_and_a_confidence() -> None:
    for target in targets().values():
        assert target.sources, target.id
        assert set(target.sources) <= set(sources()), target.id
        assert {target.confidence, target.rdb_confidence} <= set(CONFIDENCES), target.id
        assert date_of(target)[0].isdigit(), target.id


def test_every_source_has_a_plain_date() -> None:
    dates = {key: source.date for key, source in sources().items()}
    assert {key: date for key, date in dates.items() if not re.fullmatch(r"\d{4}(-\d\d){0,2}", date)} == {}


def test_what_programs_do_was_so_before_anybody_measured_it_and_what_pages_say_was_not() -> None:
    assert sources()["exp"].was_there("2024-11-15")
    assert sources()["seed"].was_there("2024-11-15")
    assert not sources()["seed"].was_there("2024-11-14")
    assert sources()["amr-ie-2025"].was_there(None)


def test_every_target_says_whether_it_is_still_there_and_when_that_was_checked() -> None:
    known = [json.loads(path.read_text()) for path in (ROOT / "rdbcodec" / "compat" / "known").glob("*.json")]
    rows = [row for data in known for row in data.get("targets", [])]
    assert [row["id"] for row in rows if not {"status", "checked"} <= row.keys()] == []


def test_facts_are_as_old_as_their_last_check() -> None:
    ages = facts_age(date(2026, 12, 26))
    assert len(ages) == len(targets())
    assert ages[0] == FactAge("redis-2.0", "2026-11-22", 34)
    assert ages[-1].days == 30


def test_each_target_and_each_source_stands_in_one_file() -> None:
    known = [json.loads(path.read_text()) for path in (ROOT / "rdbcodec" / "compat" / "known").glob("*.json")]
    assert sorted(row["id"] for data in known for row in data.get("targets", [])) == sorted(targets())
    assert sorted(key for data in known for key in data.get("sources", {})) == sorted(sources())


def test_every_source_of_the_list_is_used() -> None:
    from rdbcodec.compat.azure.step import COMMANDS  # noqa: PLC0415 - targets must load without rules
    from rdbcodec.compat.rulebook import RULES  # noqa: PLC0415

    used = {key for target in targets().values() for key in target.sources}
    used |= {key for rule in RULES for key in (*rule.sources, *rule.contradicts)}
    used |= set(COMMANDS)
    assert set(sources()) - used == {"azstorage-iso", "azstorage-delegation", "valkey-doc"} - used


@every(
    ("name", "reads"),
    [
        ("redis-2.8", "REDIS up to 6"),
        ("redis-6.2", "REDIS up to 9"),
        ("redis-8.4", "REDIS up to 12"),
        ("redis-8.10", "REDIS up to 15"),
        ("redict-7.3", "REDIS up to 12"),
        ("valkey-8.1", "REDIS up to 11"),
        ("valkey-9.1", "REDIS up to 11, VALKEY 80"),
        ("valkey-9.2", "REDIS up to 11, VALKEY 80 to 81"),
        ("keydb-6.3", "REDIS up to 9"),
        ("dragonfly-1.10", "REDIS up to 11"),
        ("dragonfly-1.25", "REDIS up to 12"),
        ("kvrocks", "REDIS up to 12"),
        ("dragonfly-cloud", "REDIS up to 12"),
        ("elasticache-valkey-9.1", "REDIS up to 11, VALKEY 80"),
        ("acr-premium-4.0", "REDIS up to 8"),
        ("acr-premium-6.0", "REDIS up to 9"),
        ("acr-enterprise-7.2", "REDIS up to 11"),
        ("amr-flash-7.2", "REDIS up to 11"),
        ("amr-flash-7.4", "REDIS up to 12"),
        ("redis-software-8.6", "REDIS up to 13"),
        ("memorystore-redis-6.x", "REDIS up to 9"),
    ],
)
def test_target_reads_what_its_release_reads(name: str, reads: str) -> None:
    loader = loader_of(find(name))
    assert loader is not None
    assert loader.magic_words() == reads


def test_targets_nobody_knows_the_numbers_of_have_no_loader() -> None:
    unknown = [target.id for target in targets().values() if loader_of(target) is None]
    assert unknown == [
        "redis-8.12",
        "garnet",
        "elasticache-serverless",
        "alibaba-tair",
        "huawei-geminidb-redis",
        "oci-cache",
        "aiven-valkey",
        "digitalocean-valkey",
        "heroku-kvs",
        "upstash",
        "render-key-value",
        "tencent-redis",
        "yandex-valkey",
        "scaleway-redis",
        "a9s-keyvalue",
        "falkordb-enterprise",
    ]


def test_redict_lacks_the_types_of_redis_7_4_it_shares_a_number_with() -> None:
    redict, redis = loader_of(find("redict-7.3")), loader_of(find("redis-7.4"))
    assert redict is not None
    assert redis is not None
    assert redis.types.keys() - redict.types.keys() == {
        "hash-ttl",
        "hash-listpack-ttl",
        "hash-ttl-rc",
        "hash-listpack-ttl-rc",
    }


def test_azure_skus_have_the_sizes_of_the_architecture_page() -> None:
    sizes = {target.tier: target.sizes for target in targets().values() if target.id.startswith("amr-")}
    assert {tier: len(rows or ()) for tier, rows in sizes.items()} == {
        "Memory Optimized": 12,
        "Balanced": 14,
        "Compute Optimized": 11,
        "Flash Optimized": 7,
    }
    assert (sizes["Balanced"] or {})["B10"] == 12


@every(
    ("name", "means"),
    [
        ("amr", "amr-balanced-7.4"),
        ("amr-balanced", "amr-balanced-7.4"),
        ("amr-flash", "amr-flash-7.4"),
        ("premium", "acr-premium-6.0"),
        ("acr-premium", "acr-premium-6.0"),
        ("acr-enterprise", "acr-enterprise-7.2"),
        ("elasticache", "elasticache-valkey-9.1"),
        ("elasticache-redis", "elasticache-redis-7.1"),
        ("memorydb", "memorydb-valkey-7.3"),
        ("memorystore", "memorystore-valkey-9.1"),
        ("memorystore-redis", "memorystore-redis-7.2"),
        ("redis", "redis-8.10"),
        ("Valkey", "valkey-9.2"),
        ("dragonfly", "dragonfly-1.25"),
        ("redis-cloud", "redis-cloud-pro-8.6"),
    ],
)
def test_name_of_a_family_is_its_newest_live_member(name: str, means: str) -> None:
    assert find(name).id == means


def test_every_name_of_a_family_leads_to_a_target() -> None:
    assert {name for name in names() if find(name).id.startswith(names()[name])} == set(names())


def test_no_name_of_a_family_hides_a_target() -> None:
    assert names().keys() & targets().keys() == set()


def test_a_member_that_stays_goes_before_a_newer_one_that_does_not() -> None:
    rows = {
        f"cache-{version}": dataclasses.replace(
            find("redis-7.2"), id=f"cache-{version}", version=version, status=status
        )
        for version, status in (
            ("6.0", "retired"),
            ("7.0", "live"),
            ("7.2", "retiring 2028-09-30"),
            ("8.0", "preview"),
        )
    }
    assert find("cache", rows).id == "cache-7.0"
    del rows["cache-7.0"]
    assert find("cache", rows).id == "cache-7.2"
    del rows["cache-7.2"]
    assert find("cache", rows).id == "cache-8.0"
    del rows["cache-8.0"]
    assert find("cache", rows).id == "cache-6.0"


def test_classic_skus_have_sizes_and_those_of_no_page_are_marked() -> None:
    premium, enterprise = find("acr-premium-6.0"), find("acr-enterprise-7.2")
    assert premium.sizes == {"P1": 6, "P2": 13, "P3": 26, "P4": 53, "P5": 120}
    assert (premium.usable, premium.doubtful_sizes) == (0.8, ("P3", "P4"))
    assert (enterprise.sizes or {}).keys() - set(enterprise.doubtful_sizes) == {"E5"}
    for target in targets().values():
        assert set(target.doubtful_sizes) <= (target.sizes or {}).keys(), target.id


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("redis-7.3", "did you mean redis-7.4, redis-7.2, redis-7.0?"),
        ("redis6.2", "did you mean redis-6.2?"),
        ("amr-balance-7.2", "did you mean amr-balanced-7.2?"),
        (
            "azure-managed-redis",
            "did you mean amr-memory-7.4, amr-balanced-7.4, amr-compute-7.4, amr-flash-7.4?",
        ),
        (
            "aws elasticache",
            "did you mean elasticache-redis-7.1, elasticache-valkey-9.1, elasticache-serverless?",
        ),
        ("Redis 6.2 of Amazon", "did you mean elasticache-redis-6.2, memorydb-redis-6.2?"),
        ("azure flash", "did you mean acr-enterprise-flash-7.2, amr-flash-7.4?"),
        ("reddict-7.3", "did you mean redict-7.3?"),
        ("mainframe", "compat --list-targets names them all"),
    ],
)
def test_name_nobody_knows_gets_suggestions_by_its_words(name: str, hint: str) -> None:
    with pytest.raises(TargetError) as refused:
        find(name)
    assert str(refused.value) == f"unknown target {name!r}, {hint}"


def test_name_in_capitals_is_the_same_target() -> None:
    assert find("AMR-Balanced-7.2") is find("amr-balanced-7.2")


# --- a user's own -----------------------------------------------------------------------------------


def written(path: Path, *rows: object) -> Path:
    path.write_text(json.dumps({"targets": rows}, indent=1))
    return path


def test_own_target_from_json(tmp_path: Path) -> None:
    found = load(written(tmp_path / "own.json", OWN))
    assert found == {
        "our-cache": Target(
            id="our-cache",
            family="own",
            product="Our cache",
            version="7.2",
            reads_like="redis-7.2",
            databases=4,
            imports="yes",
            sizes={"small": 1.5},
            sources=("our wiki",),
            confidence="general knowledge",
            rdb_confidence="general knowledge",
        )
    }
    assert date_of(found["our-cache"]) == "undated"


TOML = """\
[[targets]]
id = "our-cache"
family = "own"
product = "Our cache"
version = "7.2"
reads_like = "redis-7.2"
databases = 4
import = "yes"
sources = ["our wiki"]
confidence = "general knowledge"
sizes = { small = 1.5 }
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is in Python since 3.11")
def test_own_target_from_toml_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(TOML)
    assert load(tmp_path / "own.toml") == load(written(tmp_path / "own.json", OWN))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is in Python since 3.11")
def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[targets]]\nid = "x"\nfamily = own\n')
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: line 3: no TOML: Invalid value"


def test_toml_without_a_reader_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("rdbcodec.compat.documents.import_module", refuse)
    path = tmp_path / "own.toml"
    path.write_text(TOML)
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: TOML needs Python 3.11 or the package tomli; JSON needs neither"


@every(
    ("change", "message"),
    [
        (
            {"reads_like": "redis7"},
            (
                "line 8: target 'our-cache', key 'reads_like': 'redis7' is no release known; "
                "expected was one of dragonfly, keydb, redict, redis, valkey with a version, such as 'redis-7.2'"
            ),
        ),
        ({"databases": "16"}, "line 9: target 'our-cache', key 'databases': '16', a number was expected"),
        (
            {"import": "maybe"},
            "line 10: target 'our-cache', key 'import': 'maybe', expected was one of yes, no, unknown",
        ),
        (
            {"sizes": {"small": 0}},
            "line 11: target 'our-cache', key 'sizes': 0, a number above 0 was expected",
        ),
        (
            {"sources": "wiki"},
            "line 14: target 'our-cache', key 'sources': 'wiki', a list of texts was expected",
        ),
        (
            {"database": 4},
            "line 18: target 'our-cache', key 'database': unknown, did you mean databases or sku_databases?",
        ),
        (
            {"imports": "yes"},
            "line 18: target 'our-cache', key 'imports': unknown, did you mean import or import_formats?",
        ),
        (
            {"lacks": ["hash"], "ignores": ["nothing"]},
            (
                "line 21: target 'our-cache', key 'ignores': "
                "'nothing' is no type or opcode of the table of formats"
            ),
        ),
        (
            {"status": "retiring soon"},
            (
                "line 18: target 'our-cache', key 'status': 'retiring soon', expected was live, preview, retired "
                "or retiring with a date"
            ),
        ),
        (
            {"checked": "2026"},
            "line 18: target 'our-cache', key 'checked': '2026', a date such as 2026-11-26 was expected",
        ),
        ({"erases": 1}, "line 18: target 'our-cache', key 'erases': 1, true or false was expected"),
        (
            {"id": "Our cache"},
            (
                "line 4: target 'Our cache', key 'id': 'Our cache', small letters, digits, dots and "
                "hyphens were expected"
            ),
        ),
    ],
)
def test_wrong_key_is_named_with_file_line_and_what_was_expected(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "own.json", {**OWN, **change})
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: no JSON: Expecting property name enclosed in double quotes"),
        ("[]", "key 'targets': a list of at least one target was expected"),
        ('{"targets": []}', "key 'targets': a list of at least one target was expected"),
        ('{"targets": [1]}', "target 1: a table was expected"),
        ('{"targets": [{"id": "a"}]}', "line 1: target 'a', key 'family': missing"),
        ('{"targets": [{"family": "a"}]}', "target 1, key 'id': missing"),
    ],
)
def test_file_that_is_no_list_of_targets(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: {message}"


def test_target_given_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "own.json", OWN, OWN)
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: line 4: target 'our-cache', key 'id': 'our-cache' is there twice"


def test_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(b'{"\xff')
    with pytest.raises(TargetError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: offset 2: not UTF-8"
