"""`rdbcodec compat`, run as a user runs it: output, exit codes, files of one's own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import commands
import pytest
from cases import every
from judging import NOW, PLAIN, SNAPSHOTS, file, key

from rdbcodec.compat.target import loader_of, targets
from rdbcodec.reports.compat_page import render

ROOT = Path(__file__).parents[2]
TYPES_72, HFE_80 = SNAPSHOTS / "redis-7.2.6-types.rdb", SNAPSHOTS / "redis-8.0.6-hfe.rdb"
VECTORS_82 = SNAPSHOTS / "redis-8.2.3-vset.rdb"


def run(*words: str | Path, data: bytes = b"") -> CompletedProcess[bytes]:
    return commands.run("compat", "--now", str(NOW), *words, data=data)


def answer(*words: str | Path, data: bytes = b"") -> dict[str, Any]:
    done = run("--format", "json", *words, data=data)
    assert done.stderr == b""
    [document] = json.loads(done.stdout)
    assert document["schema"] == 1
    return dict(document)


def loads(document: dict[str, Any]) -> dict[str, str]:
    return {verdict["target"]: verdict["loads"] for verdict in document["verdicts"]}


def said(document: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Everything but the remedies, which name the file."""
    return [
        (verdict["target"], verdict["loads"], [finding["says"] for finding in verdict["findings"]])
        for verdict in document["verdicts"]
    ]


CLUSTER_80 = SNAPSHOTS / "redis-8.0.6-cluster.rdb"
# A "yes", one with a question open, and the others: by what a command asks for.
ANSWERS: dict[str, tuple[str | Path, ...]] = {
    "yes": (TYPES_72, "--target", "redis-7.2", "--no-clustered"),
    "questions": (TYPES_72, "--target", "redis-7.2"),
    "after": (CLUSTER_80, "--target", "redis-7.2", "--no-clustered"),
    "unknown": (CLUSTER_80, "--target", "oci-cache"),
    "no": (HFE_80, "--target", "redis-7.0"),
}


@every("form", ["text", "json", "markdown", "sarif", "junit", "github"])
@every(("name", "code"), [("yes", 0), ("questions", 0), ("after", 10), ("unknown", 11), ("no", 1)])
def test_the_exit_code_is_the_answer_in_every_format(name: str, code: int, form: str) -> None:
    assert run(*ANSWERS[name], "--format", form).returncode == code


@pytest.mark.parametrize(
    ("name", "flags", "code"),
    [
        ("yes", ["--strict"], 0),
        ("questions", ["--strict"], 12),
        ("questions", ["--fail-on", "questions"], 12),
        ("no", ["--fail-on", "questions"], 0),
        ("no", ["--fail-on", "unknown,no"], 1),
        ("after", ["--fail-on", "no,unknown"], 0),
        ("unknown", ["--fail-on", "no"], 0),
        ("no", ["--fail-on", "none"], 0),
    ],
)
def test_what_fails_is_chosen(name: str, flags: list[str], code: int) -> None:
    assert run(*ANSWERS[name], *flags).returncode == code


def test_the_weightiest_answer_is_the_exit_code() -> None:
    def code(*targets: str) -> int:
        flags = [word for target in targets for word in ("--target", target)]
        return run(CLUSTER_80, *flags, "--no-clustered").returncode

    assert code("redis-8.0", "redis-7.2") == 10
    assert code("redis-7.2", "oci-cache", "redis-8.0") == 11
    assert code("oci-cache", "redis-2.4", "redis-7.2") == 1
    assert run(TYPES_72, HFE_80, "--target", "redis-7.2").returncode == 1


def test_with_all_targets_each_file_needs_one_that_takes_it(tmp_path: Path) -> None:
    new = tmp_path / "new.rdb"
    new.write_bytes(file(key(), version=99))
    assert run(TYPES_72, HFE_80, "--all").returncode == 0
    assert run(TYPES_72, new, "--all").returncode == 11  # of some targets nobody knows what they read


def test_an_answer_nobody_knows_is_a_usage_error() -> None:
    done = run(TYPES_72, "--target", "redis-7.2", "--fail-on", "maybe")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines()[0] == (
        "rdbcodec compat: error: argument --fail-on: 'maybe' is none of no, unknown, after, questions, yes"
    )


def test_text_says_what_where_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.rdb").write_bytes(file(key(), b"\xfe\x10", key(b"second")))
    done = run("old.rdb", "--target", "redis-6.2")
    assert (
        done.stdout.decode()
        == """\
old.rdb -> redis-6.2   NO: 1 reason
RDB 9, 2 keys -> Redis 6.2

 x G-DBCOUNT: database 16 (keys: 1) is beyond the 16 databases of Redis 6.2,
   which refuses such a file
   first at offset 16, db 16, key b'second'
   fix: raise `databases` in the configuration of the target

3 remarks more with --verbose
"""
    )


def test_json_has_the_shape_of_the_design() -> None:
    document = answer("-", "--target", "redis-2.4", data=file(key(), version=3))
    [verdict] = document["verdicts"]
    assert document["file"] == "-"
    assert verdict["target"] == "redis-2.4"
    assert verdict["findings"][0] | {"remedy": None, "sources": []} == {
        "id": "G-VERSION",
        "severity": "blocker",
        "says": "the file is RDB 3; Redis 2.4 reads REDIS up to 2",
        "count": None,
        "remedy": None,
        "sources": [],
        "source": "exp: 3.1 Redis / forks",
        "date": "2026-11-22",
        "confidence": "verified",
        "place": {"offset": 0, "db": None, "key": None},
    }
    assert verdict["findings"][0]["remedy"].startswith(
        "rdbcodec convert - --to redis-2.4 -o snapshot.redis-2.4.rdb"
    )
    assert verdict["questions"] == []


def test_yes_says_that_nobody_looked_at_module_values() -> None:
    """Vector sets belong to a module built into Redis 8, which alone can tell whether a value is damaged."""
    [line, *_] = run(VECTORS_82, "--target", "redis-8.10", "--no-clustered").stdout.decode().splitlines()
    assert line.endswith("-> redis-8.10   YES; module values not looked at")
    assert run(VECTORS_82, "--target", "redis-8.10").returncode == 0
    [verdict] = answer(VECTORS_82, "--target", "redis-8.10")["verdicts"]
    assert (verdict["loads"], verdict["looked_at"], verdict["has_module_values"]) == ("yes", True, True)


def test_yes_without_module_values_says_no_more() -> None:
    [line, *_] = run("-", "--target", "redis-8.10", data=PLAIN).stdout.decode().splitlines()
    assert line == "- -> redis-8.10   YES"
    [verdict] = answer("-", "--target", "redis-8.10", data=PLAIN)["verdicts"]
    assert (verdict["loads"], verdict["looked_at"], verdict["has_module_values"]) == ("yes", True, False)


def test_fast_yes_says_that_no_value_was_looked_at() -> None:
    flags = ("--target", "redis-8.10", "--fast", "--no-clustered")
    [line, *_] = run(VECTORS_82, *flags).stdout.decode().splitlines()
    assert line.endswith("-> redis-8.10   YES; values and duplicates not looked at")


def test_every_target_from_one_pass() -> None:
    found = loads(answer(TYPES_72, "--all"))
    assert list(found) == list(targets())
    assert found["redis-7.2"] == "yes"
    assert run(TYPES_72, "--all").returncode == 0


def test_many_targets_are_a_table() -> None:
    lines = run(TYPES_72, "--all").stdout.decode().splitlines()
    assert lines[0].startswith("...")
    assert f".rdb -> {len(targets())} targets   OPEN: " in lines[0]
    assert lines[1:3] == ["RDB 11, Redis 7.2.6, 94 keys", ""]
    assert ["redis-7.0", "NO", "G-VERSION,", "G-TYPE"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80


def test_markdown_is_a_table_and_a_list() -> None:
    lines = run(HFE_80, "--target", "redis-7.2", "--format", "markdown").stdout.decode().splitlines()
    name = str(HFE_80).replace("_", "\\_")
    assert lines[:8] == [
        f"## {name}: RDB 12, Redis 8.0.6, 4 keys",
        "",
        "| target | answer | because of |",
        "|---|---|---|",
        "| redis-7.2 | NO: 2 reasons | G-VERSION, G-HFE |",
        "",
        "### redis-7.2: NO: 2 reasons",
        "",
    ]


def test_profile_saved_elsewhere_gives_the_same_answer(tmp_path: Path) -> None:
    saved = tmp_path / "profile.json"
    assert run(HFE_80, "--profile-out", saved).returncode == 0
    assert said(answer(HFE_80, "--all")) == said(answer("--profile-in", saved, "--all"))


def test_circumstances_decide() -> None:
    blob = ("--target", "amr-balanced-7.2", "--blob-type", "page")
    assert loads(answer("-", *blob, data=PLAIN)) == {"amr-balanced-7.2": "after-conversion"}
    assert loads(answer("-", *blob, data=PLAIN + bytes(-len(PLAIN) % 512))) == {"amr-balanced-7.2": "yes"}


def test_own_target(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    row = {"id": "ours", "family": "own", "product": "Ours", "reads_like": "redis-6.2", "import": "yes"}
    path.write_text(json.dumps({"targets": [{**row, "sources": ["wiki"], "confidence": "documented"}]}))
    assert loads(answer("-", "--targets-file", path, "--target", "ours", data=PLAIN)) == {"ours": "yes"}
    listed = run("--targets-file", path, "--list-targets").stdout.decode()
    assert "\n\nOurs\n  id    reads          confidence\n  ours  REDIS up to 9  documented\n" in listed
    assert max(map(len, listed.split("\n"))) <= 80


def test_wrong_targets_file_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("{}")
    done = run("-", "--targets-file", path, "--target", "ours", data=PLAIN)
    assert (done.returncode, done.stdout) == (2, b"")
    message = f"rdbcodec compat: error: {path}: key 'targets': a list of at least one target was expected"
    assert done.stderr.decode().splitlines()[0] == message


def test_unknown_target_gets_suggestions() -> None:
    done = run("-", "--target", "redis-7.3", data=PLAIN)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines()[0] == (
        "rdbcodec compat: error: argument --target: unknown target 'redis-7.3', "
        "did you mean redis-7.4, redis-7.2, redis-7.0?"
    )


def test_file_without_target_and_target_without_file_are_usage_errors() -> None:
    for words in ([TYPES_72], ["--target", "redis-7.2"], ["--profile-out", "x", TYPES_72, HFE_80]):
        assert (run(*words).returncode, run(*words).stdout) == (2, b"")


def test_file_that_cannot_be_read_gets_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "cut.rdb"
    path.write_bytes(PLAIN[:-4])
    done = run(path, "--target", "redis-7.2", "--format", "json")
    assert (done.returncode, done.stdout) == (3, b"[]\n")
    assert done.stderr.decode() == (
        f"{path}: offset {len(PLAIN) - 4}: the file ends inside a record\n"
        "hint: the file is cut: `salvage` saves what stands before the cut\n"
    )


def test_a_version_newer_than_every_server_loads_nowhere(tmp_path: Path) -> None:
    for data in (file(key(), version=16), file(key(), version=99), file(key(), magic=b"VALKEY", version=82)):
        path = tmp_path / "new.rdb"
        path.write_bytes(data)
        done = run(path, "--all", "--format", "json")
        answers = loads(json.loads(done.stdout)[0])
        assert (done.returncode, done.stderr) == (11, b"")  # of those without a loader nobody knows
        no_loader = {name for name, target in targets().items() if loader_of(target) is None}
        assert set(answers.values()) == {"no", "unknown"}
        assert {name for name, answer in answers.items() if answer == "unknown"} <= no_loader
        assert run(path, "--target", "redis-8.2", "--any-version").returncode == 10  # converted


def test_a_version_newer_than_every_server_is_named_in_every_format(tmp_path: Path) -> None:
    path = tmp_path / "new.rdb"
    path.write_bytes(file(key(), version=16))
    done = run(path, "--target", "redis-8.2")
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode().splitlines()[1:] == [
        "RDB 16, nothing behind the header was read -> Redis 8.2",
        "",
        " x G-VERSION-UNSEEN: the file is RDB 16, said to be that of Redis 8.12, of which",
        "   a first release candidate is out (2026-10); no release known here reads it,",
        "   and Redis 8.2 reads REDIS up to 12",
        "   fix: look at it with --any-version; where a server wrote it, ask for a",
        "        snapshot of an older version",
        "",
        "3 remarks more with --verbose",
    ]
    matrix = run(path, "--all").stdout.decode()
    assert "redis-8.2 " in matrix
    assert "G-VERSION-UNSEEN" in matrix
    assert (
        "| redis-8.2 | NO: 1 reason | G-VERSION-UNSEEN |"
        in run(path, "--all", "--format", "markdown").stdout.decode().splitlines()
    )


def test_a_version_that_was_never_written_gets_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "zero.rdb"
    path.write_bytes(file(key(), version=0))
    done = run(path, "--target", "redis-8.2")
    assert (done.returncode, done.stdout) == (3, b"")


def test_wrong_checksum_gets_no_verdict_and_an_unverified_one_no_yes(tmp_path: Path) -> None:
    data = bytearray(TYPES_72.read_bytes())
    data[-1] ^= 1
    path = tmp_path / "wrong.rdb"
    path.write_bytes(data)
    assert (run(path, "--target", "redis-7.2").returncode, run(path, "--target", "redis-7.2").stdout) == (
        3,
        b"",
    )
    assert loads(answer(path, "--target", "redis-7.2", "--no-checksum")) == {"redis-7.2": "unknown"}


def test_profile_that_is_none_gets_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text("[]")
    done = run("--profile-in", path, "--target", "redis-7.2")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode() == f"{path}: {path}: no profile: key 'rdbcodec_profile' is missing\n"


def test_keys_are_hidden_when_asked() -> None:
    shown = run(HFE_80, "--target", "redis-7.0", "--hide-keys")
    assert b"h:ht" in run(HFE_80, "--target", "redis-7.0").stdout
    assert b"h:ht" not in shown.stdout
    assert b"h:ht" not in run(HFE_80, "--target", "redis-7.0", "--hide-keys", "--format", "json").stdout


def test_keys_that_are_there_twice_are_found_when_asked() -> None:
    twice = file(key(), key())
    assert loads(answer("-", "--target", "redis-7.2", "--duplicates", data=twice)) == {"redis-7.2": "no"}


def test_gzip_is_unpacked_to_be_judged_and_judged_as_gzip() -> None:
    packed = gzip.compress(PLAIN)
    found = loads(answer("-", "--target", "redis-7.2", "--target", "amr-flash-7.2", data=packed))
    assert found["amr-flash-7.2"] == "yes"
    assert found["redis-7.2"] != "yes"


def test_rule_is_explained_with_its_sources() -> None:
    lines = run("--explain", "az-page-512").stdout.decode().splitlines()
    assert lines[0] == "AZ-PAGE-512 (blocker)"
    assert '  section: FAQ "Can I import data from any Redis server?", IMPORTANT' in lines
    assert lines[-4].startswith("  source: Import and Export data in Azure Managed Redis")
    assert run("--explain", "AZ-SAS-SE").stdout.decode().splitlines()[0] == "AZ-SAS-SE (blocker)"
    assert run("--explain", "nothing").returncode == 2


def test_targets_are_listed() -> None:
    listed = json.loads(run("--list-targets", "--format", "json").stdout)["targets"]
    assert [row["id"] for row in listed] == list(targets())
    assert listed[0] == {
        "id": "redis-2.0",
        "name": "Redis 2.0",
        "family": "oss",
        "reads": "REDIS up to 1",
        "sources": ["exp", "redis-src"],
        "date": "2026-11-22",
        "confidence": "verified",
    }


def test_page_is_what_the_data_says() -> None:
    page = ROOT / "docs" / "compat.md"
    assert page.read_text() == render(), "run: python -m rdbcodec.reports.compat_page > docs/compat.md"
