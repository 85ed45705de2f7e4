"""Steps run as they are printed: what they make is judged to load."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import run
from judging import SNAPSHOTS, TWO_DATABASES, file, judged, key, side

from rdbcodec.compat.steps import out_name
from rdbcodec.compat.verdict import steps_of

RDB_12, RDB_15 = file(key(), version=12), file(key(), version=15)
PAGE: dict[str, Any] = {"blob_type": "page"}


class Way(NamedTuple):
    """A file, where it shall go, what is told, and the steps on the way."""

    target: str
    name: str
    data: bytes
    told: dict[str, Any]
    kinds: list[str]


WAYS = [
    Way("amr-balanced-7.4", "dump.rdb", RDB_12, {}, ["convert"]),
    Way("amr-balanced-7.4", "dump.rdb", RDB_15, PAGE, ["convert", "pad"]),
    Way("amr-balanced-7.4", "dump.rdb", RDB_15[:9] + TWO_DATABASES[9:], {}, ["convert"]),
    Way("amr-balanced-7.2", "dump.rdb", TWO_DATABASES, {}, ["fold"]),
    Way("amr-balanced-7.2", "dump.rdb", TWO_DATABASES, PAGE, ["fold", "pad"]),
    Way("amr-balanced-7.2", "dump.rdb", file(key()), PAGE, ["pad"]),
    Way("amr-balanced-7.2", "dump.rdb.gz", gzip.compress(file(key())), PAGE, ["unpack", "pad"]),
    Way("redis-7.2", "dump.rdb.gz", gzip.compress(file(key())), {}, ["unpack"]),
    Way("redis-7.2", "dump", gzip.compress(file(key())), {}, ["unpack"]),
    Way("redis-7.0", "dump.rdb.gz", gzip.compress(RDB_12), {}, ["convert"]),
    Way("redis-7.0", "dump.rdb", TWO_DATABASES, {"clustered": True}, ["fold"]),
    Way("dragonfly-1.10", "dump.rdb", RDB_12, {}, ["convert"]),
    Way("redis-7.2", "dump.rdb", (SNAPSHOTS / "redis-8.0.6-cluster.rdb").read_bytes(), {}, ["convert"]),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.target}-{'-'.join(way.kinds)}")
def test_steps_run_as_printed_make_a_file_that_loads(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(way.name).write_bytes(way.data)
    verdict = judged(side(way.target, way.data, **way.told))
    steps = steps_of(verdict, way.name)
    assert (verdict.loads, [step.kind for step in steps]) == ("after-conversion", way.kinds)
    made = way.name
    for step in steps:
        program, *words = step.command or ()
        done = run(*words) if program == "rdbcodec" else subprocess.run([program, *words], check=False)
        assert done.returncode == 0
        made = words[-1].removesuffix(".gz")
    assert made != way.name
    assert judged(side(way.target, Path(made).read_bytes(), **way.told)).loads == "yes"


def test_each_step_names_all_findings_it_takes_away() -> None:
    verdict = judged(side("amr-balanced-7.4", RDB_15, **PAGE))
    assert [step.rules for step in verdict.steps] == [("AZ-RDBVER", "AZ-RDB-OPEN"), ("AZ-PAGE-512",)]
    assert [step.command for step in verdict.steps] == [
        ("rdbcodec", "convert", "FILE", "--to", "redis-7.2", "-o", "OUT"),
        ("rdbcodec", "pad", "OUT", "-o", "PADDED"),
    ]


def test_a_conversion_that_loses_data_has_words_and_no_command() -> None:
    verdict = judged(side("redis-7.2", "redis-8.0.6-hfe"))
    (step,) = verdict.steps
    assert (verdict.loads, step.kind, step.command) == ("no", "convert", None)
    assert step.says == "a conversion would lose data: a hash whose fields would no longer expire"


def test_an_unknown_newer_header_is_no_for_every_server() -> None:
    for data in (file(key(), version=16), file(key(), version=82, magic=b"VALKEY")):
        for target in ("redis-8.10", "valkey-9.1", "amr-balanced-7.4"):
            assert judged(side(target, data)).loads == "no"
    done = run("compat", "-", "--target", "redis-8.10", data=file(key(), version=16))
    assert done.returncode == 1


def test_names_of_what_is_made() -> None:
    assert out_name("a/dump.rdb.gz", "redis-7.2") == "a/dump.redis-7.2.rdb"
    assert out_name("-", "redis-7.2") == "snapshot.redis-7.2.rdb"
