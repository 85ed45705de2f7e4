"""What `compat` prints for programs: JSON by its schema, SARIF, JUnit, annotations, Markdown."""
# ruff: noqa: E501 - whole lines of output

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import commands
import pytest
from judging import NOW, PLAIN, SNAPSHOTS, file, key

from rdbcodec import __version__

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "verdict-schema.json").read_text())
TYPES = {
    "array": list,
    "object": dict,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def run(*words: str | Path) -> tuple[int, str, str]:
    done = commands.run("compat", "--now", str(NOW), *words)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.rdb").write_bytes(file(key(), b"\xfe\x10", key(b"second")))
    (tmp_path / "plain.rdb").write_bytes(PLAIN)
    (tmp_path / "cut.rdb").write_bytes(PLAIN[:-4])
    return tmp_path


# --- JSON -------------------------------------------------------------------------------------------


def breaks(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """Where a value is not what a schema says: those words of JSON Schema that ours uses."""
    if "$ref" in schema:
        return breaks(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        found = [breaks(value, one, at) for one in schema["anyOf"]]
        return [] if [] in found else found[0]
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if type(value) not in [TYPES[name] for name in names]:
        return [f"{at}: {value!r} is no {' or '.join(names)}"]
    wrong = [f"{at}: {value!r}"] if "enum" in schema and value not in schema["enum"] else []
    if isinstance(value, list):
        return [
            *wrong,
            *(one for n, item in enumerate(value) for one in breaks(item, schema["items"], f"{at}[{n}]")),
        ]
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        wrong += [f"{at}: {name} lacks" for name in schema["required"] if name not in value]
        wrong += [f"{at}: {name} is unknown" for name in value if name not in fields]
        return [
            *wrong,
            *(
                one
                for name in value
                if name in fields
                for one in breaks(value[name], fields[name], f"{at}.{name}")
            ),
        ]
    return wrong


@pytest.mark.parametrize("name", sorted(path.stem for path in SNAPSHOTS.glob("*.rdb"))[::13])
def test_json_is_what_its_schema_says(name: str) -> None:
    document = json.loads(run(SNAPSHOTS / f"{name}.rdb", "--all", "--format", "json")[1])
    assert breaks(document, SCHEMA) == []


def test_the_schema_lets_nothing_else_through() -> None:
    document = json.loads(
        run(SNAPSHOTS / "redis-8.0.6-hfe.rdb", "--target", "redis-7.0", "--format", "json")[1]
    )
    verdict = document[0]["verdicts"][0]
    verdict["loads"] = "perhaps"
    del verdict["steps"]
    verdict["findings"][0]["place"] = 7
    verdict["more"] = True
    assert breaks(document, SCHEMA) == [
        "$[0].verdicts[0]: steps lacks",
        "$[0].verdicts[0]: more is unknown",
        "$[0].verdicts[0].loads: 'perhaps'",
        "$[0].verdicts[0].findings[0].place: 7 is no null",
    ]


def test_json_holds_steps_as_words_and_as_a_line(here: Path) -> None:
    (here / "a b.rdb").write_bytes(file(key(), version=11))
    [document] = json.loads(run("a b.rdb", "--target", "redis-6.2", "--format", "json")[1])
    assert document["verdicts"][0]["steps"] == [
        {
            "kind": "convert",
            "says": "write the file as redis-6.2 does",
            "command": ["rdbcodec", "convert", "a b.rdb", "--to", "redis-6.2", "-o", "a b.redis-6.2.rdb"],
            "line": "rdbcodec convert 'a b.rdb' --to redis-6.2 -o 'a b.redis-6.2.rdb'",
            "rules": ["G-VERSION"],
        }
    ]


# --- SARIF ------------------------------------------------------------------------------------------


def sarif(*words: str | Path) -> dict[str, Any]:
    document = json.loads(run(*words, "--format", "sarif")[1])
    assert document["version"] == "2.1.0"
    [found] = document["runs"]
    return dict(found)


def test_sarif_has_a_result_a_finding_with_its_place(here: Path) -> None:
    found = sarif("old.rdb", "--target", "redis-6.2")
    driver = found["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("rdbcodec", __version__)
    assert found["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]
    results = {result["ruleId"]: result for result in found["results"]}
    assert results["G-DBCOUNT"] == {
        "ruleId": "G-DBCOUNT",
        "ruleIndex": 1,
        "level": "error",
        "message": {
            "text": "redis-6.2: database 16 (keys: 1) is beyond the 16 databases of Redis 6.2, which refuses such a file"
        },
        "properties": {"target": "redis-6.2"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "old.rdb"},
                    "region": {"byteOffset": 16, "byteLength": 0},
                },
                "logicalLocations": [{"fullyQualifiedName": "db 16, key b'second'"}],
            }
        ],
    }
    assert results["VERDICT"]["message"] == {"text": "redis-6.2: NO: 1 reason"}
    assert [rule["id"] for rule in driver["rules"]] == list(results)
    assert all(driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] for result in found["results"])
    assert {result["level"] for result in found["results"]} <= {"none", "note", "warning", "error"}


def test_sarif_keeps_questions_open() -> None:
    found = sarif(SNAPSHOTS / "redis-7.2.6-types.rdb", "--target", "redis-7.2")
    [question] = [result for result in found["results"] if result["ruleId"] == "G-CLUSTER-DB"]
    assert (question["kind"], question["level"]) == ("open", "none")
    assert (
        question["message"]["text"]
        == "redis-7.2: not told: whether the target runs in cluster mode (clustered)"
    )


def test_sarif_names_files_as_uris(here: Path) -> None:
    (here / "a b%,ü.rdb").write_bytes(PLAIN)
    found = sarif("a b%,ü.rdb", "--target", "redis-6.2")
    uris = {
        one["physicalLocation"]["artifactLocation"]["uri"]
        for result in found["results"]
        for one in result["locations"]
    }
    assert uris == {"a%20b%25%2C%C3%BC.rdb"}
    found = sarif(here / "plain.rdb", "--target", "redis-6.2")
    assert found["results"][0]["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": (here / "plain.rdb").as_uri()}}}
    ]


def test_sarif_says_which_file_could_not_be_read(here: Path) -> None:
    code, out, _ = run("plain.rdb", "cut.rdb", "--target", "redis-6.2", "--format", "sarif")
    [found] = json.loads(out)["runs"]
    assert code == 3
    assert found["invocations"] == [
        {
            "executionSuccessful": False,
            "exitCode": 3,
            "toolExecutionNotifications": [
                {
                    "level": "error",
                    "message": {"text": f"cut.rdb: offset {len(PLAIN) - 4}: the file ends inside a record"},
                    "locations": [{"physicalLocation": {"artifactLocation": {"uri": "cut.rdb"}}}],
                }
            ],
        }
    ]
    assert found["properties"]["verdicts"] == [
        {"file": "plain.rdb", "target": "redis-6.2", "answers": ["yes"]}
    ]


# --- JUnit ------------------------------------------------------------------------------------------


def junit(*words: str | Path) -> ET.Element:
    return ET.fromstring(  # noqa: S314 - our own output
        run(*words, "--format", "junit")[1]
    )


def test_junit_has_a_case_a_target(here: Path) -> None:
    code, out, _ = run("old.rdb", "--target", "redis-6.2", "--target", "redis-7.4", "--format", "junit")
    assert code == 1
    assert (
        out
        == """\
<testsuites name="rdbcodec compat">
  <testsuite name="old.rdb" tests="2" failures="2" errors="0" skipped="0">
    <testcase classname="old.rdb" name="redis-6.2">
      <failure message="Redis 6.2: NO: 1 reason" type="no">G-DBCOUNT: database 16 (keys: 1) is beyond the 16 databases of Redis 6.2, which refuses such a file (first at offset 16, db 16, key b'second')</failure>
    </testcase>
    <testcase classname="old.rdb" name="redis-7.4">
      <failure message="Redis 7.4: NO: 1 reason" type="no">G-DBCOUNT: database 16 (keys: 1) is beyond the 16 databases of Redis 7.4, which refuses such a file (first at offset 16, db 16, key b'second')</failure>
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_junit_fails_where_the_exit_code_does(here: Path) -> None:
    words = (SNAPSHOTS / "redis-7.2.6-types.rdb", "--target", "redis-7.2")
    assert junit(*words).find(".//failure") is None
    failure = junit(*words, "--strict").find(".//failure")
    assert failure is not None
    assert failure.attrib == {"message": "Redis 7.2: OPEN: 1 question", "type": "questions"}
    [suite] = junit("plain.rdb", "--all")
    assert suite.attrib["failures"] == "0"
    assert int(suite.attrib["skipped"]) == len(suite.findall(".//skipped")) > 0


def test_junit_is_xml_whatever_a_file_is_called(here: Path) -> None:
    name = 'a\x1b&<\x00">.rdb'.replace("\x00", "\x01")
    (here / name).write_bytes(PLAIN)
    [suite] = junit(name, "--target", "redis-2.4")
    assert suite.attrib["name"] == 'a\\x1b&<\\x01">.rdb'


def test_junit_has_an_error_for_a_file_that_cannot_be_read(here: Path) -> None:
    error = junit("plain.rdb", "cut.rdb", "--target", "redis-6.2").find(
        "testsuite[@name='cut.rdb']/testcase/error"
    )
    assert error is not None
    assert error.attrib == {"message": f"offset {len(PLAIN) - 4}: the file ends inside a record"}


AOF = PLAIN + b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"


def test_data_behind_a_snapshot_is_told_in_every_format(here: Path) -> None:
    (here / "aof.rdb").write_bytes(AOF)
    words = ("aof.rdb", "--target", "redis-6.2", "--fail-on", "none", "--format")
    code, out, err = run(*words, "sarif")
    message = err.splitlines()[0].partition(": ")[2]
    assert message.endswith(": not read")
    [found] = json.loads(out)["runs"][0]["invocations"]
    assert (code, found["exitCode"], found["executionSuccessful"]) == (1, 1, True)
    assert found["toolExecutionNotifications"][0]["message"] == {"text": f"aof.rdb: {message}"}
    code, out, _ = run(*words, "junit")
    error = ET.fromstring(out).find(".//error")  # noqa: S314 - our own output
    assert error is not None
    assert (code, error.attrib) == (1, {"message": message})
    code, out, _ = run(*words, "github")
    assert (code, out.splitlines()[-1]) == (1, f"::error file=aof.rdb,title=compat::{message}")
    assert run(*words, "github", "--ignore-tail")[0] == 0


def test_junit_says_what_was_not_looked_at(here: Path) -> None:
    out = junit("plain.rdb", "--target", "redis-6.2", "--fast").find(".//system-out")
    assert out is not None
    assert out.text == "values and duplicates not looked at"


# --- GitHub -----------------------------------------------------------------------------------------


def test_annotations_are_a_line_a_finding(here: Path) -> None:
    code, out, _ = run("old.rdb", "--target", "redis-6.2", "--format", "github")
    assert code == 1
    assert (
        out
        == """\
::error file=old.rdb,title=compat redis-6.2::redis-6.2: NO: 1 reason
::error file=old.rdb,title=G-DBCOUNT::redis-6.2: database 16 (keys: 1) is beyond the 16 databases of \
Redis 6.2, which refuses such a file (first at offset 16, db 16, key b'second')
"""
    )
    code, out, _ = run("old.rdb", "--target", "redis-6.2", "--format", "github", "--fail-on", "none")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["::notice", "::warning"])


def test_no_name_of_a_file_is_a_command_of_github(here: Path) -> None:
    name = "a,b:c%\n::error::x.rdb"
    (here / name).write_bytes(PLAIN)
    assert run(name, "--target", "redis-6.2", "--format", "github")[1] == (
        "::notice file=a%2Cb%3Ac%25\\n%3A%3Aerror%3A%3Ax.rdb,title=compat redis-6.2::redis-6.2: YES\n"
    )


def test_a_file_that_cannot_be_read_is_an_annotation(here: Path) -> None:
    assert run("cut.rdb", "--target", "redis-6.2", "--format", "github")[:2] == (
        3,
        f"::error file=cut.rdb,title=compat::offset {len(PLAIN) - 4}: the file ends inside a record\n",
    )


# --- Markdown ---------------------------------------------------------------------------------------


def test_markdown_shows_steps_as_code(here: Path) -> None:
    (here / "new.rdb").write_bytes(file(key(), version=11))
    assert (
        run("new.rdb", "--target", "redis-6.2", "--format", "markdown")[1]
        == """\
## new.rdb: RDB 11, 1 key

| target | answer | because of |
|---|---|---|
| redis-6.2 | YES, AFTER: 1 step | G-VERSION |

### redis-6.2: YES, AFTER: 1 step

* **blocker** G-VERSION: the file is RDB 11; Redis 6.2 reads REDIS up to 9 (offset 0). \
*Measured: crafted snapshots loaded into real servers (2026-11-22); verified*

1. write the file as redis-6.2 does

   ```sh
   rdbcodec convert new.rdb --to redis-6.2 -o new.redis-6.2.rdb
   ```

"""
    )


def test_markdown_takes_no_name_of_a_file_for_markup(here: Path) -> None:
    name = "[x](y)<b>*.rdb"
    (here / name).write_bytes(PLAIN)
    [line, *_] = run(name, "--target", "redis-6.2", "--format", "markdown")[1].splitlines()
    assert line == "## \\[x\\](y)&lt;b>\\*.rdb: RDB 9, 1 key"
