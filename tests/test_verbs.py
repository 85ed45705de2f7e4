"""Verbs are found by their folder: one file each, which says what it does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import every

import rdbcodec
from rdbcodec.cli import verbs
from rdbcodec.cli.main import main
from rdbcodec.wire import crc64, lzf

PACKAGE = Path(verbs.__file__).parents[2]

COUNT = '''"""`rdbcodec count FILE`: how many records there are."""

from __future__ import annotations

import argparse

import rdbcodec

HELP = "count the records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("file")


def run(options: argparse.Namespace) -> int:
    """Print the number."""
    with rdbcodec.open(options.file) as snapshot:
        print(sum(1 for _ in snapshot), "records")
    return 0
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package, to which something is added."""
    shutil.copytree(PACKAGE, tmp_path / "rdbcodec", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def ran(tree: Path, *words: str) -> str:
    command = [sys.executable, "-m", "rdbcodec", *words]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.process
def test_a_new_verb_is_one_file(tree: Path) -> None:
    (tree / "rdbcodec" / "cli" / "verbs" / "count.py").write_text(COUNT)
    file = tree / "hello.rdb"
    file.write_bytes(b"REDIS0001\x00\x01k\x01v\xff")
    assert ran(tree, "count", str(file)) == "3 records\n"
    assert "    count     count the records\n\noptions:" in ran(tree, "--help")


def test_verbs_are_listed_in_the_order_they_ask_for() -> None:
    assert list(verbs.known())[:4] == ["inspect", "fetch", "check", "keys"]
    orders = [verbs.module_of(name).ORDER for name in verbs.known()]
    assert orders == sorted(set(orders))


@every("name", verbs.known())
def test_every_verb_says_what_it_does_in_one_line(name: str) -> None:
    module = verbs.module_of(name)
    assert verbs.known()[name] == module.HELP != ""
    assert callable(module.add_arguments)
    assert callable(module.run)
    assert module.__doc__.startswith(f"`rdbcodec {name} ")


@pytest.mark.process
def test_only_the_verb_that_is_run_is_imported() -> None:
    program = (
        "import sys\n"
        "from rdbcodec.cli.main import parser\n"
        "parser('keys')\n"
        "print([name for name in sys.modules if name.startswith('rdbcodec.cli.verbs.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['rdbcodec.cli.verbs.keys']\n"


_ENGINES = [
    "rdbcodec.errors",
    "rdbcodec.named_tuples",
    "rdbcodec.wire",
    "rdbcodec.wire.accelerators",
    "rdbcodec.wire.crc64",
    "rdbcodec.wire.flat",
    "rdbcodec.wire.lzf",
]
_ENGINES += [f"rdbcodec.wire.lzf.{name}" for name in ("blocks", "by_lz4", "exact")]


@pytest.mark.process
@pytest.mark.parametrize(("word", "more"), [("--version", _ENGINES), ("--help", [])])
def test_version_and_help_load_nothing_that_reads_a_snapshot(word: str, more: list[str]) -> None:
    program = (
        "import sys\n"
        "from rdbcodec.cli.main import main\n"
        "try:\n"
        f"    main([{word!r}])\n"
        "except SystemExit:\n"
        "    print(*sorted(name for name in sys.modules if name.startswith('rdbcodec')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == sorted(
        [
            "rdbcodec",
            "rdbcodec.cli",
            "rdbcodec.cli.exits",
            "rdbcodec.cli.main",
            "rdbcodec.cli.screens",
            "rdbcodec.cli.spelling",
            "rdbcodec.cli.verbs",
            "rdbcodec.limits",
            "rdbcodec.showing",
            "rdbcodec.writing",
            "rdbcodec.writing.naming",
            *more,
        ]
    )


def test_version_tells_the_engines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    engines = f"CRC-64 {crc64.engine()}, LZF {lzf.reading_engine()} (writing: {lzf.engine()})"
    assert (caught.value.code, capsys.readouterr().out) == (
        0,
        f"rdbcodec {rdbcodec.__version__}, {engines}\n",
    )
