"""Ctrl-C, SIGTERM, SIGHUP and SIGKILL: what a process leaves, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import pytest
from killing import HEARING, runs
from test_cli import ROOT

from rdbcodec.cli import process as processes


def test_whatever_ends_a_run_leaves_no_output_and_nothing_in_the_way() -> None:
    those = list(runs(12, seed=time.time_ns()))
    assert len({(run.command, run.number) for run in those}) == 12
    assert [(run, run.faults) for run in those if run.faults] == []


def program(*lines: str) -> list[str]:
    """A process that begins as ours does, and then runs these lines."""
    head = "import os, signal, sys; from rdbcodec.cli import process; process.begin()"
    return [*HEARING, sys.executable, "-c", "\n".join([head, *lines])]


def ended(words: list[str]) -> subprocess.CompletedProcess[str]:
    """How it ended, and what it said."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


ME = "os.kill(os.getpid(), signal.{})".format


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_an_exit_that_cleans_up(name: str, code: int) -> None:
    lines = ("try:", f"    {ME(name)}", "finally:", "    print('cleaned up')", "    process.leave()")
    done = ended(program(*lines))
    assert (done.returncode, done.stdout, done.stderr) == (code, "cleaned up\n", "")


def test_a_signal_during_an_import_waits_for_its_end(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        f"import os, signal, time\n{ME('SIGTERM')}\ntime.sleep(0.1)\nprint('whole')\n"
    )
    lines = (
        f"sys.path.insert(0, {str(tmp_path)!r})",
        "try:",
        "    import slow; slow.time.sleep(60)",
        "finally:",
        "    process.leave()",
    )
    done = ended(program(*lines))
    assert (done.returncode, done.stdout, done.stderr) == (143, "whole\n", "")


def test_a_signal_that_a_finalizer_swallows_comes_again() -> None:
    """Python prints an exception that leaves a finalizer, and goes on."""
    lines = (
        "import time, weakref",
        f"class Deaf:\n    def __del__(self): {ME('SIGTERM')}",
        "try:",
        "    deaf = Deaf(); del deaf; print('deaf', flush=True); time.sleep(60)",
        "finally:",
        "    process.leave()",
    )
    done = ended(program(*lines))
    assert (done.returncode, done.stdout) == (143, "deaf\n")
    assert done.stderr.startswith("Exception ignored in: <function Deaf.__del__")


def test_what_is_ignored_stays_ignored_as_nohup_wants_it() -> None:
    lines = (ME("SIGHUP"), "print('still here')")
    done = ended([*HEARING, "nohup", *program(*lines)[len(HEARING) :]])
    assert (done.returncode, done.stdout) == (0, "still here\n")


def test_ctrl_c_in_the_import_of_the_command_line_is_130_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "lz4").mkdir()
    (tmp_path / "lz4" / "__init__.py").write_text(f"import os, signal\n{ME('SIGINT')}\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    words = [*HEARING, sys.executable, "-m", "rdbcodec", "encode", "-", "-o", str(tmp_path / "out.rdb")]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert (process.wait(60), process.stderr.read()) == (130, "interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lz4"]


def test_an_alarm_between_the_command_and_the_end_changes_nothing() -> None:
    """It looks whether the exception of Ctrl-C arrived, and may come when nothing handles it any more."""
    lines = (
        "import rdbcodec.__main__, rdbcodec.cli.main, time",
        "def main():",
        f"    try: {ME('SIGINT')}; time.sleep(60)",
        "    except KeyboardInterrupt: process._numbers = slow; return 130",
        "numbers = process._numbers",
        "def slow(): time.sleep(0.1); return numbers()",
        "rdbcodec.cli.main.main = main",
        "rdbcodec.__main__.run()",
    )
    done = ended(program(*lines))
    assert (done.returncode, done.stderr) == (130, "")


def test_only_frames_of_an_import_count_as_one() -> None:
    frame: FrameType | None = sys._getframe()
    assert not processes._is_importing(frame)
    assert not processes._is_importing(None)


def test_windows_has_fewer_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    assert processes._numbers() == [signal.SIGINT, signal.SIGTERM]
