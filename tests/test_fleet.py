"""Many snapshots at once: by processes, by executors of others, and with one that cannot be read."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import run

import rdbcodec
from rdbcodec import fleet
from rdbcodec.cli.main import main
from rdbcodec.facts.kinds import Kinds
from rdbcodec.facts.slots import key_slot
from rdbcodec.facts.usage import StatPass
from rdbcodec.reading.parallel import workers

NOW = 1_780_000_000_000
SHARDS = 6
CUT = 4  # which of them is damaged


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pattern of six shards, each with the keys of its slots; the fifth is cut."""
    folder = tmp_path_factory.mktemp("shards")
    keys = [b"user:%d" % number for number in range(120)]
    for shard in range(SHARDS):
        path = folder / f"shard-{shard}.rdb"
        with rdbcodec.create(path, to="redis-7.2") as writer:
            for key in keys:
                if key_slot(key) * SHARDS // 16384 == shard:
                    writer.write(key, b"x" * 30)
        if shard == CUT:
            path.write_bytes(path.read_bytes()[:-20])
    return str(folder / "*.rdb")


@pytest.fixture(scope="module")
def one_by_one(shards: str) -> fleet.Fleet[Any]:
    return fleet.run(StatPass(now_ms=NOW), shards, jobs=1)


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are forked, where they can be: others import pytest once more, each of them."""
    if sys.platform == "linux":
        monkeypatch.setattr(workers, "start_method", lambda: "fork")


def told(done: fleet.Fleet[Any]) -> list[Any]:
    """All there is to tell of a fleet."""
    files = [
        (Path(path).name, found and found.total, found and found.by, str(error))
        for path, found, error in done.files
    ]
    assert done.total is not None
    return [files, done.total.total, done.total.by]


def test_each_file_has_a_result_and_all_together_have_one(one_by_one: fleet.Fleet[Any]) -> None:
    keys = [file.result.total.keys for file in one_by_one.files if file.result is not None]
    assert [Path(file.path).name for file in one_by_one.files] == [f"shard-{n}.rdb" for n in range(SHARDS)]
    assert len(keys) == SHARDS - 1
    assert one_by_one.total is not None
    assert one_by_one.total.total.keys == sum(keys)
    assert one_by_one.total.by["prefix"]["user:"].keys == sum(keys)


def test_a_file_that_cannot_be_read_is_a_result_of_its_own(one_by_one: fleet.Fleet[Any]) -> None:
    (cut,) = one_by_one.unread
    assert Path(cut.path).name == f"shard-{CUT}.rdb"
    assert isinstance(cut.error, rdbcodec.Truncated)
    assert cut.result is None


def test_processes_give_what_one_gives(shards: str, one_by_one: fleet.Fleet[Any], forked: None) -> None:
    del forked
    assert told(fleet.run(StatPass(now_ms=NOW), shards, jobs=2)) == told(one_by_one)


@contextmanager
def dask_executor() -> Iterator[Executor]:
    distributed = importlib.import_module("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        yield client.get_executor()


@contextmanager
def loky_executor() -> Iterator[Executor]:
    executor = importlib.import_module("loky").get_reusable_executor(max_workers=2)
    yield executor
    executor.shutdown()


@pytest.mark.parametrize(
    ("package", "executor_of"),
    [(None, lambda: ThreadPoolExecutor(2)), ("distributed", dask_executor), ("loky", loky_executor)],
    ids=["threads", "dask", "loky"],
)
def test_any_executor_gives_the_same(
    shards: str, one_by_one: fleet.Fleet[Any], package: str | None, executor_of: Any
) -> None:
    if package is not None:
        pytest.importorskip(package)
    with executor_of() as executor:
        assert told(fleet.run(StatPass(now_ms=NOW), shards, executor)) == told(one_by_one)


def test_the_first_that_cannot_be_read_may_be_the_end(shards: str) -> None:
    with pytest.raises(rdbcodec.Truncated):
        fleet.run(Kinds(), shards, jobs=1, fail_fast=True)


class Waiting(Executor):
    """Does nothing before it is shut down."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]


def test_what_progress_raises_ends_the_work(shards: str) -> None:
    class Enough(Exception):
        pass

    def stop(done: int, files: int) -> None:
        raise Enough(done, files)

    for executor, at in ((None, 1), (Waiting(), 0)):
        with pytest.raises(Enough, match=rf"\({at}, 6\)"):
            fleet.run(Kinds(), shards, executor, jobs=1, progress=stop)
    assert isinstance(executor, Waiting)
    assert all(future.cancelled() for future in executor.futures)


def test_folders_and_patterns_stand_for_their_files(tmp_path: Path) -> None:
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    for name in ("a.rdb", "b/c.rdb", ".d.rdb", "b/.hidden/e.rdb", "notes.txt", "odd[1].rdb"):
        (tmp_path / name).touch()
    names = ["a.rdb", "b/c.rdb", "odd[1].rdb"]
    assert fleet.paths_of(tmp_path) == [str(tmp_path / name) for name in names]
    assert fleet.paths_of([tmp_path / "*.rdb", tmp_path / "odd[1].rdb"]) == [
        str(tmp_path / name) for name in ("a.rdb", "odd[1].rdb", "odd[1].rdb")
    ]
    for nothing in ("*.gz", "b/.hidden/f"):
        (tmp_path / "b" / ".hidden" / "f").mkdir(exist_ok=True)
        with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / nothing))):
            fleet.paths_of(tmp_path / nothing)


# --- the command line -------------------------------------------------------------------------------

VERBS: dict[str, list[str]] = {
    "stat": ["--total", "--by", "type"],
    "inspect": ["--total"],
    "top": ["--total"],
    "prefix": ["--total"],
    "ttl": ["--total"],
    "check": [],
    "compat": ["--target", "redis-8.0"],
    "report": ["-o", "-"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_damaged_shard_is_told_and_the_others_are_read(shards: str, verb: str) -> None:
    done = run(verb, shards, *VERBS[verb], "--jobs", "1")
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 3
    assert f"shard-{CUT}.rdb: offset" in err
    assert "the file ends inside a record" in err
    assert "shard-5.rdb" in out
    if "--total" in VERBS[verb]:
        assert "Total of 5 of 6 files" in out
    if verb in ("stat", "inspect"):
        assert re.search("in several files +none", out)


@pytest.mark.parametrize("verb", ["stat", "check"])
def test_processes_print_what_one_prints(
    shards: str, verb: str, capfd: pytest.CaptureFixture[str], forked: None
) -> None:
    del forked
    words = (verb, shards, *VERBS[verb], "--now", str(NOW), "--jobs")
    alone = main([*words, "1"]), capfd.readouterr()
    assert (main([*words, "2"]), capfd.readouterr()) == alone


@pytest.mark.parametrize("verb", ["stat", "inspect", "check", "compat", "report"])
def test_fail_fast_ends_at_the_first(shards: str, verb: str, tmp_path: Path) -> None:
    words = [str(tmp_path / "page.html") if word == "-" else word for word in VERBS[verb]]
    done = run(verb, shards, *words, "--fail-fast")
    assert done.returncode == 3
    assert "shard-5.rdb" not in done.stdout.decode()
    assert not (tmp_path / "page.html").exists()


def test_programs_are_told_which_files_are_in_the_total(shards: str) -> None:
    *_, total, unread = json.loads(run("stat", shards, "--total", "--format", "json").stdout)
    assert [Path(name).name for name in total["unread"]] == [f"shard-{CUT}.rdb"]
    assert len(total["files"]) == SHARDS - 1
    assert total["slots"]["twice"] == []
    assert total["slots"]["covered"] == total["rows"][0]["keys"] == 103
    assert unread["error"].endswith("the file ends inside a record")


def test_slots_that_two_files_have_are_told_with_their_names(shards: str, tmp_path: Path) -> None:
    folder, double = Path(shards).parent, tmp_path / "double.rdb"
    with rdbcodec.create(double, to="redis-7.2") as writer:
        writer.write(b"user:7", b"x")
        writer.write(b"{user:7}:more", b"x")
    home = folder / f"shard-{key_slot(b'user:7') * SHARDS // 16384}.rdb"
    others = [folder / f"shard-{n}.rdb" for n in range(SHARDS) if n != CUT]
    done = run("stat", *others, double, "--total", "--format", "json")
    slot = key_slot(b"user:7")
    assert json.loads(done.stdout)[-1]["slots"]["twice"] == [
        {"slots": [[slot, slot]], "files": [str(home), str(double)]}
    ]
    text = run("stat", *others, double, "--total").stdout.decode()
    assert f"{slot}: {home}, {double}" in text


def test_the_page_says_which_files_are_not_on_it(shards: str, tmp_path: Path) -> None:
    done = run("report", shards, tmp_path / "gone.rdb", "-o", "-")
    page = done.stdout.decode()
    assert done.returncode == 4
    assert f"{tmp_path}/gone.rdb: No such file or directory" in page
    assert done.stderr.decode().count("gone.rdb") == 1
    assert run("report", tmp_path / "a.rdb", tmp_path / "b.rdb", "-o", "-").returncode == 4
