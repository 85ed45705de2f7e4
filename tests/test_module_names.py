"""One vocabulary of modules: product, MODULE LIST and type names mean the same wherever one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import every

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.formats import RELEASES
from rdbcodec.module_names import MODULES, modules_named, product_of, types_held, types_named

JSON, VECTOR_SETS = frozenset({"ReJSON-RL"}), frozenset({"vectorset"})


@pytest.mark.parametrize("name", ["RedisJSON", "redisjson", "ReJSON", "rejson", "ReJSON-RL", "rejson-rl"])
def test_a_module_is_known_by_product_by_list_and_by_type_in_any_case(name: str) -> None:
    assert types_named([name]) == JSON


@every("name", [name for row in MODULES for name in (row.product, *row.listed, *row.types)])
def test_every_name_of_the_table_is_understood(name: str) -> None:
    assert modules_named([name])


def test_modules_that_are_built_in_have_a_row() -> None:
    built_in = {name for row in RELEASES for name in row.modules}
    assert {product_of(name, 0) for name in built_in} == {"vectorset"}


def test_none_and_all_stand_for_names() -> None:
    assert types_held(("vectorset",), ["none"]) == VECTOR_SETS
    assert types_held(("vectorset",), None) == VECTOR_SETS
    assert types_held(("vectorset",), ["all"]) is None


def test_a_module_of_ones_own_goes_by_its_type_or_its_metadata_class() -> None:
    assert types_named(["hellotype", "test__rdb", "KMT1"]) == {"hellotype", "test__rdb", "KMT1"}


UNLIKE_ANY = (
    "unknown module 'nonsense', known are RedisJSON, RediSearch, RedisBloom, RedisTimeSeries, RedisGraph, "
    "FalkorDB, vectorset, valkey-bloom, TairString, TairHash, TairZset, and types of 9 characters"
)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("RedisJSOM", "unknown module 'RedisJSOM', did you mean RedisJSON or RedisBloom?"),
        ("Rejson-R1", "unknown module 'Rejson-R1', did you mean ReJSON-RL or ReJSON?"),
        ("serch", "unknown module 'serch', did you mean search?"),
        ("nonsense", UNLIKE_ANY),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_perhaps_meant(name: str, says: str) -> None:
    with pytest.raises(rdbcodec.ModuleNameError) as caught:
        modules_named([name])
    assert str(caught.value) == says


def test_what_may_be_a_secret_is_not_repeated() -> None:
    with pytest.raises(rdbcodec.ModuleNameError) as caught:
        modules_named(["https://account.blob.core.windows.net/c?sig=abc"])
    assert "sig" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["compat", "{file}", "--target", "redis-7.4"],
        ["convert", "{file}", "-o", "{out}", "--to", "redis-7.4"],
        ["encode", "{file}", "-o", "{out}", "--to", "redis-7.4"],
        ["dump", "{file}", "--format", "resp", "--to", "redis-7.4"],
    ],
)
def test_every_command_that_takes_modules_refuses_an_unknown_one(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"file": str(tmp_path / "in"), "out": str(tmp_path / "out")}
    with pytest.raises(SystemExit) as ended:
        main([*(word.format(**names) for word in words), "--modules", "RediSearch,serch"])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    says = "argument --modules: unknown module 'serch', did you mean search?"
    assert f"rdbcodec {words[0]}: error: {says}" in lines


def test_a_target_of_ones_own_names_modules_in_the_same_words(tmp_path: Path) -> None:
    from rdbcodec.compat.target import load, module_types_of  # noqa: PLC0415 - compat is not for all tests here

    row = '[[targets]]\nid="t"\nfamily="f"\nproduct="p"\nsources=[]\nconfidence="verified"\nmodules=["%s"]\n'
    (tmp_path / "t.toml").write_text(row % "ReJSON")
    assert module_types_of(load(tmp_path / "t.toml")["t"]) == JSON
    (tmp_path / "t.toml").write_text(row % "serch")
    with pytest.raises(rdbcodec.TargetError, match=r"key 'modules': unknown module 'serch', did you mean"):
        load(tmp_path / "t.toml")
