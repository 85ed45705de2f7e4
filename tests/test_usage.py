"""Words on the command line that are wrong are corrected in two lines; times and lists are read as typed."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pytest

from rdbcodec.cli.main import main
from rdbcodec.cli.moments import moment

SNAPSHOT = b"REDIS0009\xfe\x00\x00\x01a\x01v\xfe\x03\x00\x01d\x01v\xfe\x08\x00\x01i\x01v\xff" + bytes(
    8
)  # a key in each of the databases 0, 3 and 8

USAGE = [
    ("inspct x", "rdbcodec", "unknown command 'inspct', did you mean inspect?"),
    ("zzz x", "rdbcodec", "unknown command 'zzz'"),
    ("inspect --form json x", "rdbcodec inspect", "unrecognized arguments: --form, did you mean --format?"),
    (
        "inspect --fromat=json x",
        "rdbcodec inspect",
        "unrecognized arguments: --fromat, did you mean --format?",
    ),
    ("convert x --ouput y", "rdbcodec convert", "unrecognized arguments: --ouput, did you mean --output?"),
    ("inspect --zzz x", "rdbcodec inspect", "unrecognized arguments: --zzz"),
    ("keys x y", "rdbcodec keys", "unrecognized arguments: y"),
    ("inspect", "rdbcodec inspect", "the following arguments are required: FILE"),
    ("inspect --top=-3 x", "rdbcodec inspect", "argument --top: '-3' is no number from 0 to 10000"),
    ("inspect --top 99999999999 x", "rdbcodec inspect", None),
    (
        "keys x --db 0-x",
        "rdbcodec keys",
        "argument --db: a database is '0-x', expected a number or a range such as 3, 0-15 or >0",
    ),
    (
        "keys x --db 5-3",
        "rdbcodec keys",
        "argument --db: a database is '5-3', which nothing can be: expected the lower end first",
    ),
    ("inspect x --now soon", "rdbcodec inspect", None),
]


@pytest.mark.parametrize(("words", "command", "message"), USAGE, ids=[words for words, _, _ in USAGE])
def test_a_wrong_command_line_gets_two_lines(
    words: str, command: str, message: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    out, err = capfd.readouterr()
    first, second = err.splitlines()
    assert (out, second) == ("", f"see {command} --help")
    assert first.startswith(f"{command}: error: {message or ''}")
    assert message is None or first == f"{command}: error: {message}"


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        ("redis6.2", "unknown server 'redis6.2', did you mean redis-6.2?"),
        ("amr-balance-7.2", "did you mean amr-balanced-7.2?"),
        ("upstash", "nobody says which release Upstash Redis loads like: name a release instead"),
    ],
)
def test_a_release_nobody_knows_is_corrected(
    release: str, hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "x", "-o", "y", "--to", release])
    assert capfd.readouterr().err.splitlines()[0].endswith(hint)


def test_no_words_at_all_show_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capfd.readouterr().out.startswith("usage: rdbcodec [-h] [--version] COMMAND ...")


def test_stdin_is_read_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "-", "-"]) == 2
    assert capfd.readouterr().err == "stdin (-) can be given once: what was read from it is gone\n"


@pytest.mark.parametrize(
    ("dbs", "keys"), [(["3"], "d\n"), (["0,8"], "a\ni\n"), (["0-3"], "a\nd\n"), (["0", "3,5-9"], "a\nd\ni\n")]
)
def test_databases_come_as_numbers_lists_and_ranges(
    dbs: list[str], keys: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(SNAPSHOT)
    words = [word for db in dbs for word in ("--db", db)]
    assert main(["keys", str(path), *words]) == 0
    assert capfd.readouterr().out == keys


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1795355656", 1795355656000),
        ("1795355656000", 1795355656000),
        ("@1795355656", 1795355656000),
        ("@1795355656.5", 1795355656500),
        ("2026-11-22T13:54:16Z", 1795355656000),
        ("2026-11-22T14:54:16+01:00", 1795355656000),
        ("2026-11-22T13:54:16", 1795355656000),
        ("2026-11-22", 1795305600000),
    ],
)
def test_a_time_is_read_in_every_form_it_is_written_in(text: str, at: int) -> None:
    assert moment(text) == at


def test_a_time_from_now_on_counts_from_now() -> None:
    before = time.time_ns() // 1_000_000
    assert before + 7 * 86_400_000 <= moment("+7d") <= time.time_ns() // 1_000_000 + 7 * 86_400_000
    assert moment("-1h") < before < moment("+1s")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon", "'soon' is no time: expected seconds or milliseconds since 1970, @seconds, a date such as "),
        ("+7y", "'+7y' is no time: "),
        ("99999999999999999", "'99999999999999999' is not within the years 1970 to 9999"),
        ("1969-12-31", "'1969-12-31' is not within the years 1970 to 9999"),
    ],
)
def test_a_time_that_is_none_is_a_usage_error(text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        moment(text)
    assert str(caught.value).startswith(says)


REPORTING = (["inspect"], ["check"], ["compat", "--target", "redis-7.2"])


@pytest.mark.parametrize("command", REPORTING, ids=" ".join)
def test_reports_on_several_files_are_one_json_array(
    command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second, wrong = (str(tmp_path / name) for name in ("a.rdb", "b.rdb", "c.rdb"))
    for name in (first, second):
        Path(name).write_bytes(SNAPSHOT)
    Path(wrong).write_bytes(b"REDIS0009")
    words = [*command, "--format", "json"]
    assert main([*words, first, second]) == 0
    assert [report["file"] for report in json.loads(capfd.readouterr().out)] == [first, second]
    assert main([*words, first]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document[0] if command[0] == "compat" else document)["file"] == first
    assert main([*words, first, wrong]) == 3
    reports = json.loads(capfd.readouterr().out)
    assert [report["file"] for report in reports] == ([first] if command[0] == "compat" else [first, wrong])


def test_where_a_file_cannot_be_read_programs_are_told_why_instead(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(["inspect", "--format", "json", *names]) == 4
    told = [{"file": name, "error": "No such file or directory"} for name in names]
    assert json.loads(capfd.readouterr().out) == told
