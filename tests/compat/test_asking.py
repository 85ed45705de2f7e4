"""`compat --ask` and what goes with it: questions on a terminal, files of circumstances, the age of facts."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from judging import NOW, SNAPSHOTS

from rdbcodec.cli.main import main
from rdbcodec.compat.circumstances import BY_NAME, Circumstances, load
from rdbcodec.compat.target import targets
from rdbcodec.reports.circumstances import NOT_KEPT, template, toml

TYPES, CLUSTER = SNAPSHOTS / "redis-7.2.6-types.rdb", SNAPSHOTS / "redis-8.0.6-cluster.rdb"


class Terminal(io.StringIO):
    """A person who types these lines, and then ends."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(monkeypatch: pytest.MonkeyPatch, typed: str, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    return main(["compat", "--now", str(NOW), "--ask", *map(str, words)])


def test_a_question_is_asked_until_its_answer_is_one_and_then_saved(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, "perhaps\ny\n", TYPES, "--target", "redis-7.2") == 10
    out, err = capsys.readouterr()
    assert err == (
        "whether the target runs in cluster mode? (1 open; Enter: not known)\n"
        "  y yes, n no\n"
        "> text, true or false was expected\n"
        "> saved in circumstances.toml: --circumstances tells it again\n"
        "\n"
    )
    assert out.splitlines()[0].endswith("-> redis-7.2   YES, AFTER: 1 step")
    assert (here / "circumstances.toml").read_text() == "clustered = true\n"


def test_what_is_saved_gives_the_same_answer_without_a_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "1\nexport\nwesteurope\nwesteurope\nsub-1\nsub-1\nn\n\nB10\n"
    words = (CLUSTER, "--target", "amr-balanced-7.2")
    code = asked(monkeypatch, typed + "\n" * 20, *words, "--circumstances-out", "facts.toml")
    first, err = capsys.readouterr()
    assert "which SKU the target is, such as B10?" in err
    assert load("facts.toml").storage_region == "westeurope"
    assert main(["compat", "--now", str(NOW), *map(str, words), "--circumstances", "facts.toml"]) == code
    assert capsys.readouterr().out == first


def test_questions_end_when_no_answer_can_change_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Regions that differ make a no, and a no asks nothing."""
    typed = "block\nexport\nwesteurope\nnortheurope\nnever read\n"
    assert asked(monkeypatch, typed, CLUSTER, "--target", "amr-balanced-7.2") == 1
    assert capsys.readouterr().err.count("open; Enter: not known)") == 4


def test_nothing_known_is_saved_nowhere(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, "\n", TYPES, "--target", "redis-7.2") == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("OPEN: 1 question")
    assert list(here.iterdir()) == []


def test_what_was_told_before_is_not_written_over(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "circumstances.toml").write_text("clustered = false\n")
    assert asked(monkeypatch, "y\n", TYPES, "--target", "redis-7.2") == 4
    assert capsys.readouterr() == ("", "circumstances.toml: File exists, --force writes over it\n")
    assert (here / "circumstances.toml").read_text() == "clustered = false\n"
    assert asked(monkeypatch, "y\n", TYPES, "--target", "redis-7.2", "--force") == 10
    assert (here / "circumstances.toml").read_text() == "clustered = true\n"


def test_nobody_is_asked_who_cannot_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compat", str(TYPES), "--target", "redis-7.2", "--ask"]) == 2
    assert capsys.readouterr() == (
        "",
        "--ask asks on a terminal, and stdin is none; see --circumstances-template\n",
    )


@pytest.mark.parametrize("words", [["x.rdb", "--all"], ["-", "--target", "redis-7.2"]], ids=" ".join)
def test_asking_needs_a_target_and_stdin(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as caught:
        asked(monkeypatch, "", *words)
    assert caught.value.code == 2


def test_the_template_holds_every_fact_and_each_example_is_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compat", "--circumstances-template"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == list(template())
    assert max(map(len, lines)) <= 80
    assert (
        lines[lines.index('# blob_type = "block"') - 1]
        == "# what kind of blob the file is or will be: block, page, append"
    )
    facts = [line.removeprefix("# ") for line in lines if " = " in line]
    (here / "all.toml").write_text("\n".join(facts))
    assert set(load("all.toml").told()) == set(BY_NAME) - NOT_KEPT


def test_what_is_told_is_read_back(here: Path) -> None:
    told = Circumstances(
        sku='B"1\\0\x7f\n\U0001f600', target_empty=False, shards=2, modules=("RediSearch", "ReJSON"), now_ms=5
    )
    (here / "facts.toml").write_text(toml(told))
    assert load("facts.toml") == Circumstances(
        sku=told.sku, target_empty=False, shards=2, modules=("RediSearch", "ReJSON")
    )
    assert {field.name for field in fields(Circumstances)} >= NOT_KEPT


def test_the_age_of_facts_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = targets().values()
    oldest = min(row.checked for row in rows if row.checked is not None)
    assert main(["compat", "--facts-age", "--now", f"{oldest}T12:00Z"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{len(rows)} targets; checked longest ago: 0 days"
    assert len(lines) == len(rows)
    assert main(["compat", "--facts-age", "--now", f"{oldest}T12:00Z", "--format", "json"]) == 0
    ages = json.loads(capsys.readouterr().out)
    assert {age["id"] for age in ages} == set(targets())
    assert ages[0].items() >= {"checked": oldest, "days": 0}.items()
