"""How `compat` looks: whole reports, 80 columns, commands that run as printed, colours."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import commands
import pytest
from cases import every
from judging import NOW, PLAIN, SNAPSHOTS, aux, db, file, key

from rdbcodec.cli import colours
from rdbcodec.cli.main import main
from rdbcodec.reports.compat import Line
from rdbcodec.reports.wrapping import command_lines, end_of, paragraph, shortened


def run(*words: str | Path) -> str:
    done = commands.run("compat", "--now", str(NOW), *words)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("redis-8.0.6-hfe", "redis-8.0.6-cluster", "redis-7.2.6-types"):
        shutil.copy(SNAPSHOTS / f"{name}.rdb", name.rpartition("-")[2] + ".rdb")
    return tmp_path


# --- whole reports ----------------------------------------------------------------------------------


def test_a_yes_after_a_conversion_shows_it_once() -> None:
    assert (
        run("cluster.rdb", "--target", "redis-7.2")
        == """\
cluster.rdb -> redis-7.2   YES, AFTER: 1 step
RDB 12, Redis 8.0.6, 85 keys -> Redis 7.2

 x G-VERSION: the file is RDB 12; Redis 7.2 reads REDIS up to 11
   fix: step 1
 x G-SLOTINFO: the file has the slot hints of a cluster node, an opcode Redis
   7.2 does not know
   offset 179; fix: step 1

Do this
  1. write the file as redis-7.2 does
     rdbcodec convert cluster.rdb --to redis-7.2 -o cluster.redis-7.2.rdb

2 remarks more with --verbose
"""
    )


def test_a_no_says_what_would_be_lost_and_how_to_do_it_knowingly() -> None:
    assert (
        run("hfe.rdb", "--target", "redis-7.2")
        == """\
hfe.rdb -> redis-7.2   NO: 2 reasons
RDB 12, Redis 8.0.6, 4 keys -> Redis 7.2

 x G-VERSION: the file is RDB 12; Redis 7.2 reads REDIS up to 11
   fix: a conversion would lose data: 2 x a hash whose fields would no longer
        expire; convert --allow-loss does it knowingly
 x G-HFE: Redis 7.2 does not read hash field TTLs as this file has them:
   hash-ttl (type 24, 1), hash-listpack-ttl (type 25, 1)
   first at offset 84, db 0, key b'h:ht'
   fix: as above

2 remarks more with --verbose
"""
    )


def test_an_open_question_stands_in_the_answer_with_the_flag_that_closes_it() -> None:
    assert (
        run("types.rdb", "--target", "redis-7.2")
        == """\
types.rdb -> redis-7.2   OPEN: 1 question
RDB 11, Redis 7.2.6, 94 keys -> Redis 7.2

 ? --clustered: whether the target runs in cluster mode
2 remarks more with --verbose
"""
    )
    assert (
        run("types.rdb", "--target", "redis-7.2", "--no-clustered")
        == """\
types.rdb -> redis-7.2   YES
RDB 11, Redis 7.2.6, 94 keys -> Redis 7.2

2 remarks more with --verbose
"""
    )


def test_what_several_files_of_an_import_share_is_said_once(here: Path) -> None:
    for name, records in (("one.rdb", [key()]), ("two.rdb", [db(3), key(b"z")])):
        (here / name).write_bytes(file(aux(b"redis-ver", b"7.2.6"), *records, version=11))
    lines = run("one.rdb", "two.rdb", "--target", "amr-balanced-7.2").splitlines()
    assert [line for line in lines if " -> amr-balanced-7.2 " in line] == [lines[0], lines[3]]
    marks = [line.split(":")[0] for line in lines if line[:3] in (" ! ", " ? ")]
    assert len(marks) == len(set(marks)) > 3


def test_the_name_of_a_family_is_told_for_what_it_is() -> None:
    lines = run("types.rdb", "--target", "amr").splitlines()
    assert re.fullmatch(r"types\.rdb -> amr-balanced-\d\.\d   .*", lines[0])
    assert lines[2] == f"amr: the newest of this family is {lines[0].split()[2]}"


def test_verbose_says_all_whole_and_sources_come_when_asked_for() -> None:
    assert run("hfe.rdb", "--target", "redis-7.2", "--verbose").splitlines()[-3:] == [
        " - G-ACL: users, passwords and configuration are not in a snapshot",
        " - G-RESP: which protocol clients speak (RESP2, RESP3) has nothing to do with",
        "   the file",
    ]
    lines = run("hfe.rdb", "--target", "redis-7.2", "--sources").splitlines()
    assert "     source: Measured: crafted snapshots loaded into real servers, 2026-11-22" in lines


def test_many_files_and_targets_are_a_grid() -> None:
    targets = [word for name in ("7.0", "7.2", "7.4", "8.0") for word in ("--target", f"redis-{name}")]
    assert (
        run("hfe.rdb", "types.rdb", *targets, "--no-clustered")
        == """\
1: hfe.rdb
   RDB 12, Redis 8.0.6, 4 keys
2: types.rdb
   RDB 11, Redis 7.2.6, 94 keys

           1        2
redis-7.0  NO       NO
redis-7.2  NO       YES
redis-7.4  YES      YES
redis-8.0  YES      YES

AFTER: steps that make it a yes. OPEN: questions. --target T says more of one.
"""
    )


def test_the_answers_shown_are_chosen() -> None:
    lines = run("hfe.rdb", "--all", "--only", "yes").splitlines()
    rows = [line.split() for line in lines[3:-2]]
    assert rows
    assert {row[1] for row in rows} == {"YES"}
    assert lines[0] == f"hfe.rdb -> {len(rows)} targets   YES: {len(rows)}"


# --- columns ----------------------------------------------------------------------------------------

WIDE = [
    ["--all"],
    *(["--target", target] for target in ("amr", "redis-2.4", "elasticache", "premium", "keydb-6.3")),
    ["--target", "amr", "--verbose"],
]


@pytest.mark.parametrize("words", WIDE, ids=" ".join)
@pytest.mark.parametrize("folder", ["", "a-folder-with-a-name-that-is-long/" * 4])
def test_no_line_is_wider_than_a_terminal(words: list[str], folder: str, here: Path) -> None:
    for name in ("hfe.rdb", "cluster.rdb", "types.rdb"):
        path = here / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            shutil.copy(name, path)
        lines = run(folder + name, *words).splitlines()
        assert [line for line in lines if len(line) > 80] == []


def test_a_usual_answer_is_a_screen() -> None:
    for name in ("hfe.rdb", "cluster.rdb", "types.rdb"):
        assert len(run(name, "--target", "redis-7.2").splitlines()) <= 24


def test_a_long_path_keeps_its_end() -> None:
    assert end_of("/a/very/long/path/dump.rdb", 14) == "...th/dump.rdb"
    assert end_of("dump.rdb", 14) == "dump.rdb"


def test_a_link_is_never_broken_in_two() -> None:
    link = "https://" + "x" * 100
    assert paragraph(f"see {link}", 40, first="  ", rest="  ", whole_words=True) == ["  see", f"  {link}"]


def test_words_are_cut_behind_a_word() -> None:
    assert shortened("an import deletes everything that is in the cache", 30) == "an import deletes..."
    assert shortened("short", 30) == "short"
    assert shortened("x" * 40, 10) == "xxxxxxx..."


# --- commands ---------------------------------------------------------------------------------------

UGLY = [
    "plain",
    "a b",
    "it's",
    "$HOME",
    "a\\b",
    "ключ",
    "new\nline\x1b",
    "",
    "x" * 150,
    "it's " * 40,
    "é\n" * 60,
]


@every("width", [40, 80])
@every("word", UGLY, ids=ascii)
def test_a_wrapped_command_is_the_same_to_bash(word: str, width: int) -> None:
    argv = ["printf", "%s\\0", "convert", word, "--to", "redis-7.2", "-o", f"{word}.rdb"]
    lines = [*command_lines(argv, width, indent="     ")]
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [one.encode() for one in argv[2:]]


def test_a_flag_stays_with_its_value() -> None:
    argv = ["rdbcodec", "convert", "x" * 50, "--to", "redis-7.2", "-o", "y" * 20]
    assert [*command_lines(argv, 80)] == [
        f"rdbcodec convert {'x' * 50} \\",
        f"    --to redis-7.2 -o {'y' * 20}",
    ]


def test_the_printed_fix_makes_a_file_that_loads(here: Path) -> None:
    report = run("cluster.rdb", "--target", "redis-7.2").splitlines()
    start = next(at for at, line in enumerate(report) if line.lstrip().startswith("rdbcodec convert"))
    command = "\n".join(report[start : report.index("", start)])
    words = shlex.split(command)
    assert main(words[1:]) == 0
    assert run(words[-1], "--target", "redis-7.2", "--no-clustered").splitlines()[0] == (
        "cluster.redis-7.2.rdb -> redis-7.2   YES"
    )


# --- colours ----------------------------------------------------------------------------------------


class Screen:
    """A stdout that is a terminal, or none."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environment", "coloured"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_and_for_those_who_want_them(
    is_terminal: bool, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Screen(is_terminal=is_terminal))
    assert colours.has_colours() is coloured


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("200", 80), ("10", 40)])
def test_a_narrow_terminal_has_narrow_lines(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", Screen(is_terminal=True))
    assert colours.width() == width
    monkeypatch.setattr(sys, "stdout", Screen(is_terminal=False))
    assert colours.width() == 80


def test_a_colour_stands_around_its_part_of_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(colours, "has_colours", lambda: True)
    colours.print_styled([Line(" x why", "no", 1, 2), Line("plain"), Line("all", "command")])
    assert capsys.readouterr().out == " \x1b[1;31mx\x1b[0m why\nplain\n\x1b[1mall\x1b[0m\n"


def test_a_secret_in_the_name_of_a_file_is_not_broken_in_two(here: Path) -> None:
    name = "dump.rdb?sv=2024-11-04&sig=" + "S3cr3t" * 12
    (here / name).write_bytes(PLAIN)
    assert "S3cr" not in run(name, "--target", "redis-2.4")
    assert "S3cr" not in run(name, "--target", "redis-2.4", "--target", "amr", "--verbose", "--sources")
