"""What the command line writes to, what it refuses to write to, and how it ends: exit codes, pipes, bugs."""

from __future__ import annotations

import os
import pty
import shlex
import stat
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli import ROOT, SNAPSHOTS

import rdbcodec
from rdbcodec.cli.exits import EXIT_CODES
from rdbcodec.cli.main import main

SNAPSHOT = SNAPSHOTS / "redis-5.0.14-cfg.rdb"  # 95,913 bytes: more than a pipe holds
NDJSON = b'{"db":0,"key":"k","type":"string","value":"v"}\n'

Told = tuple[int, str, str]


class Ran:
    """`main` in this process, and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Told:
        code = main([*map(str, words)])
        return code, *self._capsys.readouterr()


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Ran:
    return Ran(capsys)


def shell(command: str, *, cwd: Path = ROOT) -> Told:
    """A line for bash, in which R is rdbcodec."""
    program = f'set -o pipefail; R() {{ {shlex.quote(sys.executable)} -m rdbcodec "$@"; }}; {command}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


# --- what is not written to -------------------------------------------------------------------------


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "in.rdb"
    path.write_bytes(SNAPSHOT.read_bytes())
    (tmp_path / "symlink.rdb").symlink_to(path)
    (tmp_path / "hardlink.rdb").hardlink_to(path)
    return path


@pytest.mark.parametrize("output", ["in.rdb", "symlink.rdb", "hardlink.rdb", "./in.rdb"])
@pytest.mark.parametrize(
    "words",
    [
        ("convert", "-o"),
        ("filter", "-o"),
        ("encode", "-o"),
        ("dump", "-o"),
        ("keys", "-o"),
        ("compat", "--target", "redis-7.4", "--profile-out"),
    ],
    ids=lambda words: words[0],
)
def test_the_input_is_never_written_over_not_even_with_force(
    output: str, words: tuple[str, ...], snapshot: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(snapshot.parent)
    same = "is the input" if output == "in.rdb" else "is the same file as in.rdb"
    expected = (4, "", f"{output}: {same}, which is never written over\n")
    assert ran(*words, output, "in.rdb", "--force") == expected
    assert snapshot.read_bytes() == SNAPSHOT.read_bytes()


def test_the_files_that_describe_a_case_are_inputs_too(snapshot: Path, ran: Ran) -> None:
    facts = snapshot.with_name("facts.toml")
    facts.write_text('sku = "B0"\n')
    for flag in ("--circumstances", "--targets-file", "--profile-in"):
        told = ran(
            "compat", "--target", "redis-7.4", flag, facts, "--profile-out", facts, snapshot, "--force"
        )
        assert told == (4, "", f"{facts}: is the input, which is never written over\n")
    assert facts.read_text() == 'sku = "B0"\n'


def test_stdin_and_stdout_are_files_as_well(snapshot: Path) -> None:
    for command in ("R filter - -o in.rdb --force <in.rdb", "R filter in.rdb -o - >>in.rdb"):
        code, out, err = shell(command, cwd=snapshot.parent)
        assert (code, out) == (4, "")
        assert err.endswith("which is never written over\n")
    assert snapshot.read_bytes() == SNAPSHOT.read_bytes()


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal, for whatever is written."""
    master, slave = pty.openpty()
    yield slave
    os.close(slave)
    os.close(master)


REFUSED = "-o -: stdout is a terminal: redirect it, or use --force\n"


@pytest.mark.parametrize("command", ["convert", "filter", "encode", "pad", "unpad"])
def test_a_snapshot_is_not_poured_over_a_terminal(
    command: str, terminal: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with os.fdopen(terminal, "w", closefd=False) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main([command, str(SNAPSHOT), "-o", "-"]) == 2
    assert capsys.readouterr().err == REFUSED


def test_nor_is_it_by_another_name(terminal: int) -> None:
    words = [sys.executable, "-m", "rdbcodec", "convert", str(SNAPSHOT), "-o", "/dev/stdout"]
    done = subprocess.run(
        words, cwd=ROOT, stdout=terminal, stderr=subprocess.PIPE, check=False, timeout=60, text=True
    )
    assert (done.returncode, done.stderr) == (2, REFUSED)


def test_with_force_a_terminal_gets_it_and_no_progress_in_between() -> None:
    master, terminal = pty.openpty()
    words = [sys.executable, "-m", "rdbcodec", "keys", str(SNAPSHOT), "--key", "ttl:*"]
    done = subprocess.run(words, cwd=ROOT, stdout=terminal, stderr=terminal, check=False, timeout=60)
    os.close(terminal)
    shown = os.read(master, 65536)
    os.close(master)
    assert done.returncode == 0
    assert shown.startswith(b"ttl:")
    assert b"\x1b" not in shown


def test_a_prefix_that_is_no_text_is_a_prefix_all_the_same(snapshot: Path) -> None:
    assert shell(f"R convert {snapshot} -o {snapshot}.2 --fold-databases $'\\xff{{db}}:'")[0] == 0
    with rdbcodec.open(f"{snapshot}.2") as reader:
        keys = [record.key for record in reader if isinstance(record, rdbcodec.Entry)]
    assert any(key.startswith(b"\xff9:") for key in keys)


def test_dev_stdout_gets_the_snapshot_and_not_the_report() -> None:
    code, out, err = shell(f"R filter {SNAPSHOT} --type hash -o /dev/stdout | R inspect - | grep '^  keys '")
    assert (code, out.split()) == (0, ["keys", "6"])
    assert err.startswith("-: 6 keys in the form of redis RDB 9, 88 left out\n")


# --- what is written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("convert",), ("filter",), ("pad",), ("unpad",), ("dump",), ("keys",)],
    ids=lambda words: words[0],
)
def test_a_copy_is_as_private_as_its_source(words: tuple[str, ...], snapshot: Path, ran: Ran) -> None:
    snapshot.chmod(0o600)
    out = snapshot.with_name("out")
    assert ran(*words, snapshot, "-o", out)[0] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_so_is_what_the_library_converts(snapshot: Path) -> None:
    snapshot.chmod(0o600)
    rdbcodec.convert(snapshot, snapshot.with_name("out.rdb"), to="redis-6.2", allow_loss=True)
    assert stat.S_IMODE(snapshot.with_name("out.rdb").stat().st_mode) == 0o600


def test_so_are_what_encode_makes_and_the_profile(snapshot: Path, ran: Ran) -> None:
    text, out, facts = (snapshot.with_name(name) for name in ("in.ndjson", "out.rdb", "facts.json"))
    text.write_bytes(NDJSON)
    text.chmod(0o600)
    snapshot.chmod(0o600)
    assert ran("encode", text, "-o", out)[0] == 0
    assert ran("compat", snapshot, "--profile-out", facts) == (0, "", "")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (out, facts)} == {0o600}


def test_a_profile_is_written_whole_or_not_at_all_and_over_nothing(snapshot: Path, ran: Ran) -> None:
    facts = snapshot.with_name("facts.json")
    assert ran("compat", snapshot, "--profile-out", "/dev/full") == (
        4,
        "",
        "/dev/full: No space left on device\n",
    )
    assert ran("compat", snapshot, "--profile-out", facts) == (0, "", "")
    exists = (4, "", f"{facts}: exists already, --force writes over it\n")
    assert ran("compat", snapshot, "--profile-out", facts) == exists
    assert ran("compat", snapshot, "--profile-out", facts, "--force") == (0, "", "")
    assert ran("compat", "--profile-in", facts, "--target", "redis-7.4")[0] == 0


def test_zst_is_written_as_zstd_and_refused_where_its_package_is_not(
    snapshot: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = snapshot.with_name("out.rdb.zst")
    assert ran("convert", snapshot, "-o", out)[0] == 0
    with rdbcodec.open(out) as reader:
        assert reader.containers == ("zstd",)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    refused = f"{out}: writing zstd needs the package zstandard: pip install 'rdbcodec[zstd]'\n"
    assert ran("convert", snapshot, "-o", out, "--force") == (4, "", refused)


# --- readers that go away ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("convert",), ("filter",), ("pad",), ("unpad",), ("dump",), ("dump", "--format", "resp")],
    ids=" ".join,
)
def test_a_fifo_whose_reader_goes_away_is_exit_4(words: tuple[str, ...], tmp_path: Path, ran: Ran) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: os.close(os.open(fifo, os.O_RDONLY)))
    reader.start()
    told = ran(*words, SNAPSHOT, "-o", fifo)
    reader.join()
    assert told == (4, "", f"{fifo}: the reader went away before everything was written\n")


def test_who_reads_a_snapshot_from_a_pipe_must_read_all_of_it() -> None:
    gone = "-: the reader went away before everything was written\n"
    for command in ("convert -o -", "pad -o -", "dump --format resp"):
        assert shell(f"R {command} {SNAPSHOT} | head -c 100 >/dev/null") == (4, "", gone)


def test_who_reads_a_listing_may_stop_when_he_has_seen_enough() -> None:
    for command in ("dump", "keys --format ndjson", "compat --all --verbose"):
        # The exit code of the first of a pipe: head's own is 0.
        line = f"R {command} {SNAPSHOT} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        assert shell(line)[1:] in {("0\n", ""), ("1\n", "")}  # compat may have said all, and its answer is no


def test_an_answer_is_what_it_is_when_its_reader_has_gone() -> None:
    answers = {f"compat {SNAPSHOT} --target redis-2.4": 1, f"check {SNAPSHOT.parent / 'none.rdb'}": 4}
    answers[f"compat {SNAPSHOT} --target redis-2.4 --format json"] = 1
    for command, code in answers.items():
        line = f"R {command} 2>/dev/null | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        assert shell(line)[1] == f"{code}\n", command


@pytest.mark.parametrize("told", ["", "--help", "--version", "dump --help"])
def test_help_and_the_version_are_quiet_when_their_reader_has_gone(told: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        words = [sys.executable, "-m", "rdbcodec", *told.split()]
        done = subprocess.run(words, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_the_fault_of_the_output(ran: Ran) -> None:
    full = "No space left on device\n"
    for command in ("convert", "filter", "pad", "dump"):
        assert ran(command, SNAPSHOT, "-o", "/dev/full") == (4, "", f"/dev/full: {full}")
    assert shell(f"R inspect {SNAPSHOT} >/dev/full") == (4, "", f"<stdout>: {full}")
    assert shell(f"R convert {SNAPSHOT} -o - >/dev/full") == (4, "", f"-: {full}")
    for told in ("", "--help", "--version", "dump --help"):
        assert shell(f"R {told} >/dev/full") == (4, "", f"<stdout>: {full}"), told
    assert ran("filter", SNAPSHOT, "-o", "nodir/out.rdb") == (
        4,
        "",
        "nodir/out.rdb: there is no such folder\n",
    )


def test_a_temporary_file_without_room_is_not_the_fault_of_the_input(tmp_path: Path) -> None:
    path = tmp_path / "large.rdb"
    with rdbcodec.create(path) as writer:
        writer.write(b"list", rdbcodec.List([os.urandom(500) for _ in range(1000)]))
    told = shell(f"ulimit -f 8; TMPDIR={tmp_path} R dump {path} --format resp --restore >/dev/null")
    assert told == (4, "", f"a temporary file in {tmp_path}: File too large\n")


# --- streams that are closed ------------------------------------------------------------------------


def test_closed_streams_are_errors_and_no_tracebacks(tmp_path: Path) -> None:
    bad = "Bad file descriptor\n"
    assert shell(f"R inspect {SNAPSHOT} >&-") == (4, "", f"<stdout>: {bad}")
    assert shell("R inspect - <&-") == (4, "", f"-: {bad}")
    assert shell(f"R inspect {SNAPSHOT} 2>&- >/dev/null") == (0, "", "")
    assert shell(f"R filter {SNAPSHOT} -o {tmp_path}/out.rdb <&- >&- 2>&-") == (4, "", "")
    assert (tmp_path / "out.rdb").read_bytes()[:5] == b"REDIS"  # and not the report


# --- the end of a process ---------------------------------------------------------------------------


def test_who_runs_the_command_in_his_own_process_goes_on_behind_it(tmp_path: Path) -> None:
    """A process ends at once (cli/process.py), but not that of a profiler: it said nothing then."""
    code, out, _ = shell(f"{sys.executable} -m cProfile -m rdbcodec inspect {SNAPSHOT}")
    assert (code, " function calls " in out) == (0, True)
    program = tmp_path / "program.py"
    program.write_text(
        "import runpy, sys\n"
        f"sys.argv = ['rdbcodec', 'inspect', {str(SNAPSHOT)!r}]\n"
        "try:\n    runpy.run_module('rdbcodec', run_name='__main__')\n"
        "except SystemExit as end:\n    print('exit code', end.code)\n"
    )
    code, out, err = shell(f"{sys.executable} {program}")
    assert (code, out.endswith("\nexit code 0\n"), err) == (0, True, "")


# --- exit codes -------------------------------------------------------------------------------------


def test_a_bug_has_an_exit_code_of_its_own_and_keeps_its_traceback(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError("sig=SECRET")

    monkeypatch.setattr("rdbcodec.cli.verbs.inspect.run", fail)
    code, out, err = ran("inspect", SNAPSHOT)
    assert (code, out) == (70, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("ZeroDivisionError: sig=...\nthis is a bug of rdbcodec: please report it\n")


def test_a_verb_needs_neither_files_nor_keys(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    verb = types.ModuleType("rdbcodec.cli.verbs.verb")
    answers: list[type[Exception]] = [rdbcodec.RdbError, rdbcodec.EncodeError, OSError]

    def run(options: object) -> int:
        raise answers[0]("what went wrong")

    verb.add_arguments = lambda _: None  # type: ignore[attr-defined]  # a module made on the spot
    verb.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rdbcodec.cli.verbs.verb", verb)
    monkeypatch.setattr("rdbcodec.cli.verbs.known", lambda: {"verb": "does nothing"})
    for code in (3, 1, 4):
        assert ran("verb") == (code, "", "verb: what went wrong\n")
        del answers[0]


def test_the_exit_codes_stand_in_the_help_and_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    table = "\n".join(f"  {code:<4} {means}" for code, means in EXIT_CODES.items())
    assert f"exit codes:\n{table}\n" in capsys.readouterr().out
    readme = (ROOT / "README.md").read_text()
    assert "\n".join(f"| {code} | {means} |" for code, means in EXIT_CODES.items()) in readme
