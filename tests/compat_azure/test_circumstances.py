"""Circumstances: what a file says, what flags say, and what is said when they say it wrongly."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest
from cases import every

from rdbcodec.cli.circumstances import add_arguments, circumstances_of
from rdbcodec.compat.circumstances import BY_NAME, FACTS, Circumstances, load
from rdbcodec.errors import CircumstancesError
from rdbcodec.remote.signed_uri import parse

SAS = "https://account.blob.core.windows.net/c/b?sv=2024-08-04&se=2026-11-23&sr=b&sp=r&sig=c2VjcmV0"

# A value of each kind, as a file has it.
SAMPLES: dict[str, object] = {
    "text": "westeurope",
    "version": "7.2",
    "flag": True,
    "texts": ["a.rdb", "b.rdb"],
    "modules": ["RedisJSON", "RediSearch"],
    "sas": [SAS],
    "number": 3,
    "date": "2024-11-15",
}


def test_the_list_of_facts_is_the_list_of_fields() -> None:
    assert sorted(BY_NAME) == sorted(field.name for field in fields(Circumstances))
    assert len(BY_NAME) == len(FACTS)


def test_the_words_of_a_fact_are_those_of_its_type() -> None:
    hints = get_type_hints(Circumstances)
    for fact in FACTS:
        literals = [word for part in get_args(hints[fact.name]) for word in get_args(part)]
        if fact.kind == "word":
            assert list(fact.words) == literals, fact.name


def test_what_nobody_told_is_none() -> None:
    assert Circumstances().told() == {}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def writer(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return writer


Write = Callable[[str, str], Path]


def test_every_fact_can_be_told_by_json_and_by_toml(write: Write) -> None:
    values = {fact.name: fact.words[0] if fact.words else SAMPLES[fact.kind] for fact in FACTS}
    expected = Circumstances(
        **{  # type: ignore[arg-type]  # a sample for each field
            **values,
            "files": ("a.rdb", "b.rdb"),
            "modules": ("RedisJSON", "RediSearch"),
            "sas": (parse(SAS),),
        }
    )
    toml = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    assert load(write("facts.json", json.dumps(values))) == expected
    assert load(write("facts.toml", toml)) == expected


def test_the_signature_of_a_sas_in_a_file_is_not_kept(write: Write) -> None:
    assert "c2VjcmV0" not in repr(load(write("facts.toml", f'sas = "{SAS}"')))


def test_one_text_is_a_list_of_one(write: Write) -> None:
    assert load(write("facts.toml", 'modules = "ReJSON"')).modules == ("ReJSON",)


WRONG = [
    (
        "a.toml",
        'sku = "B10"\ncach_region = "x"\n',
        "line 2: key 'cach_region': unknown, did you mean cache_region or storage_region?",
    ),
    ("a.toml", "[storage]\nregion = 1\n", "line 1: key 'storage': unknown, "),
    ("a.toml", 'sku = "B10\n', "line 1: no TOML: "),
    ("a.toml", 'sku = "B10"\nfirewall = yes\n', "line 2: no TOML: "),
    ("a.toml", "\nfirewall = 1", "line 2: key 'firewall': a number, true or false was expected"),
    ("a.toml", "firewall = 'yes'", "line 1: key 'firewall': text, true or false was expected"),
    ("a.toml", "sku = 10", "line 1: key 'sku': a number, text was expected"),
    ("a.toml", "sku = ' '", "line 1: key 'sku': empty text"),
    (
        "a.toml",
        "source_version = '7'",
        "line 1: key 'source_version': '7', a version such as '7.2' was expected",
    ),
    (
        "a.toml",
        "blob_type = 'blob'",
        "line 1: key 'blob_type': 'blob', expected was one of block, page, append",
    ),
    ("a.toml", "shards = -1", "line 1: key 'shards': a number, a whole number from 0 on was expected"),
    ("a.toml", "files = [1]", "line 1: key 'files': a number, text was expected"),
    ("a.toml", "files = 1", "line 1: key 'files': a number, text or an array of text was expected"),
    ("a.json", '{"sku": "B10",\n "sku": "B20"}', "line 1: key 'sku': given twice"),
    ("a.json", '{"sku": "B10"\n "role": "x"}', "line 2: no JSON: Expecting ',' delimiter"),
    ("a.json", '{\n"rol": "x"}', "line 2: key 'rol': unknown, did you mean role?"),
    ("a.json", '{"sku": null}', "line 1: key 'sku': nothing, text was expected"),
]


@every(("name", "text", "message"), WRONG)
def test_an_error_names_file_line_and_key(write: Write, name: str, text: str, message: str) -> None:
    path = write(name, text)
    with pytest.raises(CircumstancesError) as caught:
        load(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: {message}")
    if not message.endswith((": ", ", ")):  # the rest of those is the parser's
        assert told == f"{path}: {message}"


def test_a_json_list_is_no_circumstances(write: Write) -> None:
    path = write("a.json", "[]")
    with pytest.raises(CircumstancesError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: the file holds an array, an object was expected"


def test_bytes_that_are_no_utf_8_are_named_by_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"sku = '\xff'")
    with pytest.raises(CircumstancesError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: offset 7: not UTF-8"


MISPLACED = [
    f'sas = "{SAS}',
    f'{{"sas": "{SAS}"',
    f'{{"sas": {{"{SAS}": 1}}}}',
    f'{{"{SAS}": "sas"}}',
    f'"{SAS}" = "sas"',
    f'authentication = "{SAS}"',
    f'{{"source_version": "{SAS}"}}',
]


@every("text", MISPLACED)
@every("name", ["a.toml", "a.json"])
def test_no_error_shows_or_carries_a_sas(write: Write, name: str, text: str) -> None:
    with pytest.raises(CircumstancesError) as caught:
        load(write(name, text))
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_a_toml_parser_the_error_says_what_helps(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr("rdbcodec.compat.documents.import_module", none)
    path = write("a.toml", "")
    with pytest.raises(CircumstancesError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: TOML needs Python 3.11 or the package tomli; JSON needs neither"
    assert load(write("a.json", "{}")) == Circumstances()


# --- flags --------------------------------------------------------------------------------------------


def told(*words: str) -> Circumstances:
    parser = argparse.ArgumentParser(prog="rdbcodec")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--now", type=int)
    add_arguments(parser)
    return circumstances_of(parser.parse_args(["dump.rdb", *words]))


def test_every_fact_has_a_flag() -> None:
    flags: list[str] = []
    for fact in FACTS:
        flag = "--" + fact.name.replace("_", "-")
        if fact.name not in ("files", "now_ms"):
            value = fact.words[0] if fact.words else SAMPLES[fact.kind]
            values = value if isinstance(value, list) else [value]
            flags += [word for one in values for word in ([flag] if one is True else [flag, str(one)])]
    known = told(*flags, "--now", "1").told()
    assert sorted(known) == sorted(name for name in BY_NAME if name != "files")
    assert known["modules"] == ("RedisJSON", "RediSearch")
    assert known["shards"] == 3


def test_a_flag_wins_over_the_file(write: Write) -> None:
    path = str(write("a.toml", "sku = 'B10'\nfirewall = true\nnow_ms = 7\nfiles = ['x', 'y']"))
    known = told("--circumstances", path, "--no-firewall")
    assert (known.sku, known.firewall, known.now_ms, known.files) == ("B10", False, 7, ("x", "y"))
    assert told("--circumstances", path, "--now", "8").now_ms == 8


def test_several_file_arguments_are_the_files_of_the_export() -> None:
    assert told("b.rdb", "--now", "1").files == ("dump.rdb", "b.rdb")
    assert told("--now", "1").files is None


def test_a_sas_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SAS", SAS)
    assert told("--sas-env", "MY_SAS").sas == (parse(SAS),)


USAGE = [
    (("--sas-env", "NO_SUCH"), "argument --sas-env: the environment has no variable of that name"),
    (("--sas-env", SAS), "argument --sas-env: the environment has no variable of that name"),
    (("--source-version", "new"), "argument --source-version: 'new', a version such as '7.2' was expected"),
    (("--shards", "-1"), "argument --shards: a number, a whole number from 0 on was expected"),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_a_wrong_flag_is_a_usage_error(
    words: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        told(*words)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"rdbcodec: error: {message}"
