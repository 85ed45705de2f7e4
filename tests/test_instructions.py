"""No small job takes 5% more instructions of the interpreter than benchmarks/instructions.json says.

A change that makes one slower on purpose writes them anew in the same commit, with
`python benchmarks/instructions.py --write`, and says why.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
HELD = json.loads((BENCHMARKS / "instructions.json").read_text())
NOW = "{}.{}".format(*sys.version_info)

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(HELD["python"] != NOW, reason=f"instructions are counted on Python {HELD['python']}"),
]


@pytest.fixture(scope="module")
def instructions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("instructions", BENCHMARKS / "instructions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", HELD["counts"])
def test_a_job_takes_no_more_instructions_than_it_did(name: str, instructions: ModuleType) -> None:
    most = HELD["counts"][name] * instructions.ALLOWED
    assert instructions.count(instructions.JOBS[name]) <= most


def test_every_job_is_held(instructions: ModuleType) -> None:
    assert list(instructions.JOBS) == list(HELD["counts"])


def test_a_job_that_does_more_is_seen(instructions: ModuleType) -> None:
    few, more = (instructions.count(lambda size=size: instructions.write(size)) for size in (100, 110))
    assert more > few * instructions.ALLOWED
