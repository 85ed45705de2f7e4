"""A user's program under mypy and pyright, both strict: what is right passes, what is wrong is found."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
from typing_extensions import assert_type

import rdbcodec
from rdbcodec import compat


def names(path: str) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    with rdbcodec.open(path) as snapshot:
        for record in snapshot:
            if not isinstance(record, rdbcodec.Entry):
                continue
            value = record.value()
            assert_type(value, rdbcodec.Value)
            if isinstance(value, rdbcodec.Hash):
                found |= value.expires_at_ms
            elif isinstance(value, rdbcodec.ZSet):
                assert_type(value[b"ann"], float)
            elif isinstance(value, rdbcodec.Stream):
                assert_type(value.entries[0].id, rdbcodec.StreamId)
            for batch in record.items():
                assert_type(batch, list[rdbcodec.Element])
            assert_type(record.value_as(rdbcodec.List), rdbcodec.List)
    return found


def write(path: str) -> None:
    with rdbcodec.create(path, to="redis-7.2") as writer:
        writer.write(b"greeting", b"hello", expires_at_ms=1893456000000)
        writer.write("board", {"ann": "3"}, db=1)
        writer.write("members", {"a", "b"})


loads: str = compat.check("a.rdb", "redis-7.0").loads
"""
# Each line that says so is wrong, and no other.
WRONG = """

def wrong(entry: rdbcodec.Entry, writer: rdbcodec.Writer) -> bytes:
    rdbcodec.nope  # wrong
    compat.nope  # wrong
    writer.write(b"k", 1.5)  # wrong
    return entry.value()  # wrong
"""


def lines_of_mypy(path: Path) -> set[int]:
    """The lines that mypy finds wrong: strict by pyproject.toml, whose run has left rdbcodec in the cache."""
    told = run("mypy", "--no-error-summary", path=path, folder=ROOT).splitlines()
    return {int(line.split(":")[1]) for line in told if ": error: " in line}


def lines_of_pyright(path: Path) -> set[int]:
    """The lines that pyright finds wrong."""
    settings = {"extraPaths": [str(ROOT)], "strict": [path.name]}
    (path.parent / "pyrightconfig.json").write_text(json.dumps(settings))
    words = ["pyright", "--outputjson", "--pythonpath", sys.executable]
    told = json.loads(run(*words, path=path, folder=path.parent))
    found = [one for one in told["generalDiagnostics"] if one["severity"] == "error"]
    return {one["range"]["start"]["line"] + 1 for one in found}


def run(*words: str, path: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words, str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.once
@pytest.mark.parametrize("name", ["mypy", "pyright"])
def test_what_is_wrong_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed: the extra dev has it")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM + WRONG)
    wrong = {at for at, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert {"mypy": lines_of_mypy, "pyright": lines_of_pyright}[name](path) == wrong
