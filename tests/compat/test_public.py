"""`rdbcodec.compat`, as a program uses it."""

from __future__ import annotations

import doctest
import io
import subprocess
import sys
from pathlib import Path

import pytest
from judging import SNAPSHOTS

from rdbcodec import compat
from rdbcodec.errors import TargetError, Truncated

ROOT = Path(__file__).parents[2]
HFE = SNAPSHOTS / "redis-7.4.1-hfe.rdb"


def test_the_example_of_the_docstring_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(compat) == (0, 4)


@pytest.mark.parametrize(
    "snapshot", [str(HFE), HFE, HFE.read_bytes(), io.BytesIO(HFE.read_bytes())], ids=type
)
def test_a_snapshot_is_judged_wherever_it_is(snapshot: str | Path | bytes | io.BytesIO) -> None:
    verdict = compat.check(snapshot, "redis-7.0")
    assert verdict.loads == "no"
    assert verdict.was_looked_at
    assert [finding.id for finding in verdict.findings if finding.severity == "blocker"] == [
        "G-VERSION",
        "G-HFE",
    ]
    assert verdict.losses is not None
    assert [loss.kind for loss in verdict.losses] == ["field-ttl"]


def test_a_target_is_named_or_given() -> None:
    target = compat.find("Redis-7.4")
    assert target is compat.targets()["redis-7.4"]
    assert compat.check(HFE, target).loads == compat.check(HFE, "redis-7.4").loads == "yes"
    with pytest.raises(TargetError, match=r"unknown target 'redis-7\.5', did you mean"):
        compat.check(HFE, "redis-7.5")


def test_a_snapshot_of_a_version_nobody_knows_is_judged_by_its_header() -> None:
    verdict = compat.check(b"REDIS0099" + b"\xff" + bytes(8), "redis-8.10")
    assert (verdict.loads, verdict.findings[0].id) == ("no", "G-VERSION-UNSEEN")


def test_half_a_snapshot_is_an_error() -> None:
    with pytest.raises(Truncated):
        compat.check(HFE.read_bytes()[:-20], "redis-7.4")


def test_public_names_are_there_and_no_others() -> None:
    assert sorted(compat.__all__) == compat.__all__
    assert set(compat.__all__) <= set(dir(compat))
    assert all(getattr(compat, name) is not None for name in compat.__all__)
    with pytest.raises(AttributeError, match=r"module 'rdbcodec\.compat' has no attribute 'nope'"):
        _ = compat.nope  # type: ignore[attr-defined] # that is what is asked


def test_the_rules_are_loaded_when_something_is_judged() -> None:
    program = (
        "import sys; from rdbcodec import compat; print('rdbcodec.compat.rule' in sys.modules); "
        "compat.check; print('rdbcodec.compat.rulebook' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False\nTrue\n"
