"""`azure run`: what is done, what is left, what is said of it. Blobs lie in memory here, az is a script."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import run
from planning import LRU, SNAPSHOTS

from rdbcodec.compat.azure.shells import Command, Variables
from rdbcodec.compat.azure.tool import Az
from rdbcodec.compat.steps import Change, Step, change_of
from rdbcodec.errors import EncodeError
from rdbcodec.reading.reader import Reader
from rdbcodec.remote import blobs
from rdbcodec.remote.blobs import Blob, digest_of

SECRET = "c2VjcmV0"  # noqa: S105 - looks like a signature, and is to come out nowhere
SIGNED = f"https://acct.blob.core.windows.net/snaps/lru.rdb?sv=2024-05-04&sr=b&sp=r&sig={SECRET}%3D"
CACHE = ("--cluster-name", "mycache", "--resource-group", "rg", "--storage-account", "acct")
MANAGED = ("--target", "amr-balanced-7.4", "--container", "snaps", *CACHE)
FRONT = "abfs://snaps@acct.blob.core.windows.net/"
TYPES = SNAPSHOTS / "redis-7.2.6-types.rdb"  # in several databases: it has to be written anew

# A script that writes down how it was called, and what stands in the files that its words name.
SCRIPT = """#!{python}
import json, os, stat, sys
words = sys.argv[1:]
held = {{word: [oct(stat.S_IMODE(os.stat(word[1:]).st_mode)), open(word[1:]).read()]
        for word in words if word[:1] == "@"}}
with open({log!r}, "a") as log:
    print(json.dumps([words, held]), file=log)
for name, (out, err, code) in json.load(open({answers!r})).items():
    if name in " ".join(words):
        sys.stderr.write(err)
        sys.stdout.write(out)
        sys.exit(code)
"""
ANSWERS: dict[str, tuple[str, str, int]] = {
    "generate-sas": (f"{SIGNED}\n", "", 0),
    "database import": (f'{{"from": "{SIGNED}"}}\n', f"WARNING: reading {SIGNED}\n", 0),
    "provisioningState": ("Succeeded\n", "", 0),
}


class Container:
    """A container in memory, behind the functions that running asks of blobs."""

    def __init__(self) -> None:
        self.is_there = False
        self.held: dict[str, tuple[bytes, str]] = {}
        self.uploads = 0

    def make_container(self, _: str) -> bool:
        made, self.is_there = not self.is_there, True
        return made

    def blob_at(self, url: str) -> Blob | None:
        if url not in self.held:
            return None
        data, kind = self.held[url]
        return Blob(url, len(data), kind, hashlib.md5(data, usedforsecurity=False).digest())

    def blobs_of(self, url: str) -> list[Blob]:
        assert self.is_there, "a container is listed that nobody made"
        found = [self.blob_at(one) for one in sorted(self.held) if one.startswith(url.rstrip("*"))]
        return [blob for blob in found if blob is not None]

    def output_of(self, url: str, *, replace: bool, page: bool) -> Output:
        assert replace or url not in self.held
        self.uploads += 1
        return Output(self, url, "page" if page else "block")


class Output:
    """A blob that is there when it is whole."""

    def __init__(self, container: Container, url: str, kind: str) -> None:
        self._container, self._url, self._kind = container, url, kind
        self._data = b""

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def commit(self) -> None:
        padding = bytes(-len(self._data) % 512) if self._kind == "page" else b""
        self._container.held[self._url] = self._data + padding, self._kind

    def discard(self) -> None:
        self._data = b""


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    made = Container()
    for name in ("make_container", "blob_at", "blobs_of", "output_of"):
        monkeypatch.setattr(blobs, name, getattr(made, name))
    return made


Calls = Callable[[], list[tuple[list[str], dict[str, list[str]]]]]


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A fake az on PATH; what it was called with."""
    log, answers, program = tmp_path / "log", tmp_path / "answers", tmp_path / "az"
    answers.write_text(json.dumps(ANSWERS))
    program.write_text(SCRIPT.format(python=sys.executable, log=str(log), answers=str(answers)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return lambda: [tuple(json.loads(line)) for line in log.read_text().splitlines()]


def answer(az_folder: Path, **answers: tuple[str, str, int]) -> None:
    told = {name.replace("_", " "): said for name, said in answers.items()}
    (az_folder / "answers").write_text(json.dumps({**ANSWERS, **told}))


def ran(*words: str, code: int = 0) -> str:
    done = run("azure", "run", *words)
    out = (done.stdout + done.stderr).decode()
    assert SECRET not in out
    assert done.returncode == code, out
    return out


def told(out: str) -> list[str]:
    """The outcomes, without how long they took."""
    heads = ("done ", "there ", "would ", "to run ", "by hand ")
    return [line.partition(" (")[0] for line in out.splitlines() if line.startswith(heads)]


# --- files ------------------------------------------------------------------------------------------


def test_a_file_that_fits_is_uploaded_as_it_is_and_what_is_left_is_printed(container: Container) -> None:
    out = ran(str(LRU), *MANAGED)
    assert told(out) == [
        "done      container: container snaps",
        f"done      upload: {LRU} to"[:80],
        "to run    sign: Make a SAS that may read",
        "to run    import: Import",
        "to run    wait: Wait until it has ended",
        "to run    verify: Count the keys",
    ]
    assert container.held == {f"{FRONT}{LRU.name}": (LRU.read_bytes(), "block")}
    assert '--sas-uris "$IMPORT_SAS"' in out


def test_a_run_that_is_begun_again_uploads_nothing_twice(container: Container) -> None:
    ran(str(LRU), *MANAGED)
    out = ran(str(LRU), *MANAGED)
    assert told(out)[:2] == ["there     container: container snaps", f"there     upload: {LRU} to"[:80]]
    assert container.uploads == 1


def test_a_page_blob_is_padded_on_its_way(container: Container) -> None:
    ran(str(LRU), *MANAGED, "--blob-type", "page")
    padded = LRU.read_bytes() + bytes(-LRU.stat().st_size % 512)
    assert container.held == {f"{FRONT}{LRU.name}": (padded, "page")}
    assert digest_of(LRU, page=True) == (1024, hashlib.md5(padded, usedforsecurity=False).digest())


def test_a_blob_with_other_bytes_is_kept_unless_it_may_be_replaced(container: Container) -> None:
    container.held[f"{FRONT}{LRU.name}"] = b"other", "block"
    out = ran(str(LRU), *MANAGED, code=4)
    assert out.endswith(
        f"az://snaps/{LRU.name}: a block blob is there with 5 bytes, these are 548, --overwrite replaces it\n"
    )
    ran(str(LRU), *MANAGED, "--overwrite")
    assert container.held[f"{FRONT}{LRU.name}"] == (LRU.read_bytes(), "block")


def test_what_is_uploaded_was_made_for_the_cache(container: Container, tmp_path: Path) -> None:
    out = json.loads(ran(str(TYPES), *MANAGED, "--format", "json", "--work", str(tmp_path)))
    assert [(one["kind"], one["state"]) for one in out["outcomes"]][:3] == [
        ("prepare", "done"),
        ("container", "done"),
        ("upload", "done"),
    ]
    ((data, _),) = container.held.values()
    (tmp_path / "there.rdb").write_bytes(data)
    judged = run("compat", str(tmp_path / "there.rdb"), "--target", "amr-balanced-7.4")
    assert judged.returncode == 0, judged.stdout.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["there.rdb"]


def test_a_blob_of_the_container_is_imported_from_where_it_lies(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/snaps/a/lru.rdb", LRU.read_bytes())
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda _: (memory, "/snaps/a/lru.rdb"))
    words = [word for word in MANAGED if word not in ("--container", "snaps")]
    out = ran("az://snaps/a/lru.rdb", *words)
    assert told(out)[1] == "there     upload: az://snaps/a/lru.rdb is imported from where it lies"
    assert "--name a/lru.rdb" in out
    assert container.uploads == 0


def test_a_file_that_lies_elsewhere_is_brought_and_then_uploaded(container: Container) -> None:
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe_file("/elsewhere/lru.rdb", LRU.read_bytes())
    out = ran("memory://elsewhere/lru.rdb", *MANAGED, "--blob-type", "page")
    assert told(out)[0] == "done      prepare: memory://elsewhere/lru.rdb: bring the file here"
    assert container.held == {f"{FRONT}lru.rdb": (LRU.read_bytes() + bytes(476), "page")}


# --- what stops it ----------------------------------------------------------------------------------


def test_an_answer_of_no_does_nothing(container: Container) -> None:
    out = ran(str(LRU), "--target", "acr-basic", "--container", "snaps", *CACHE, code=1)
    assert "[AZ-TIER-ACR]" in out
    assert out.endswith("\nNothing was done: the answer is NO. --force goes on all the same.\n")
    assert not container.is_there


def test_a_rehearsal_does_nothing_and_says_all_of_it(container: Container) -> None:
    out = ran(str(TYPES), *MANAGED, "--dry-run", "--run")
    assert [line.split(":")[0] for line in told(out)] == [
        "would     prepare",
        "would     container",
        "would     upload",
        "would     sign",
        "would     import",
        "would     wait",
        "would     verify",
    ]
    assert not container.is_there


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--container", "snaps"), "what is it called? --storage-account"),
        (
            ("--container", "snaps", "--storage-account", "acct", "--run", "--yes"),
            "what is it called? --cluster-name, --resource-group",
        ),
        (
            (*MANAGED[2:], "--run"),
            "argument --run: it deletes what is in mycache; --yes says that this is meant",
        ),
        ((*MANAGED[2:], "--run", "--channel", "portal"), "argument --run: az is the channel cli, not portal"),
        ((*MANAGED[2:], "--blob-type", "append"), "argument --blob-type: no import reads append blobs"),
    ],
)
def test_what_is_not_told_is_asked_for_before_anything_is_done(
    container: Container, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert says in ran(str(LRU), "--target", "amr-balanced-7.4", *words, code=2)
    assert not container.is_there


# --- az ---------------------------------------------------------------------------------------------


def test_the_import_is_run_and_its_signature_stands_in_no_word_of_a_process(
    container: Container, az: Calls
) -> None:
    out = ran(str(LRU), *MANAGED, "--run", "--yes")
    assert [line.split(":")[0] for line in told(out)][2:] == [
        "done      sign",
        "done      import",
        "done      wait",
        "to run    verify",
    ]
    assert "  az: WARNING: reading ...\n" in out
    (signing, _), (importing, held), (asking, _) = az()
    assert signing[:4] == ["storage", "blob", "generate-sas", "--account-name"]
    assert importing[:3] == ["redisenterprise", "database", "import"]
    assert list(held.values()) == [["0o600", SIGNED]]
    assert not any(Path(word[1:]).exists() for word in held)
    assert asking[:3] == ["redisenterprise", "database", "show"]


def test_a_sas_that_was_given_is_used(
    container: Container, az: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SAS", SIGNED)
    out = ran(str(LRU), *MANAGED, "--run", "--yes", "--force", "--sas-env", "MY_SAS")
    assert "there     sign: the SAS of MY_SAS" in told(out)
    assert [held for _, held in az() if held] == [
        {word: ["0o600", SIGNED] for word in az()[0][0] if "@" in word}
    ]


def test_what_az_refuses_is_said_and_ends_it(container: Container, az: Calls, tmp_path: Path) -> None:
    answer(tmp_path, database_import=("", f"ERROR: cannot read {SIGNED}\n", 3))
    out = ran(str(LRU), *MANAGED, "--run", "--yes", code=4)
    assert out.endswith(
        "az redisenterprise database import: ended with exit code 3: ERROR: cannot read ...\n"
    )
    assert "wait" not in "".join(told(out))


def test_a_state_that_is_not_well_is_no_success(container: Container, az: Calls, tmp_path: Path) -> None:
    answer(tmp_path, provisioningState=("Failed\n", "", 0))
    assert ran(str(LRU), *MANAGED, "--run", "--yes", code=4).endswith("az: the cache says Failed\n")


def test_without_az_nothing_is_begun(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    out = ran(str(LRU), *MANAGED, "--run", "--yes", code=4)
    assert out.endswith(
        "az: is not on PATH: install the Azure CLI, or leave --run out and run what is printed\n"
    )
    assert not container.is_there


def test_az_is_stopped_when_nobody_waits_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "az"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("rdbcodec.compat.azure.tool.STEP", 0.01)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    said: list[str] = []
    tool = Az({}, tell=said.append, tick=interrupted)
    with pytest.raises(KeyboardInterrupt):
        tool.run(Command(("az", "redis", "import"), "azcli"))
    assert said == ["stopped; what it began in Azure goes on"]


def test_a_variable_that_nobody_set_is_named(az: Calls) -> None:
    tool = Az({}, tell=lambda _: None)
    with pytest.raises(OSError, match="the variable is not set") as caught:
        tool.run(Command(("az", "redis", "import", Variables(("IMPORT_SAS",))), "azcli"))
    assert caught.value.filename == "IMPORT_SAS"


# --- comparing --------------------------------------------------------------------------------------

SERVER = ("--verify", "rediss://mycache.westeurope.redis.azure.net:10000")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """What a snapshot of the cache is."""

    def holds(path: Path) -> None:
        monkeypatch.setattr("rdbcodec.cli.azure_running._snapshot_of", lambda *_: str(path))

    return holds


def test_the_cache_is_compared_with_what_was_imported(
    container: Container, cache: Callable[[Path], None]
) -> None:
    cache(LRU)
    out = ran(str(LRU), *MANAGED, *SERVER, "--force", "--now", "2026-11-22")
    assert told(out)[-1].startswith("done      verify: ")
    assert "  compared  24 keys and 24 keys\n" in out


def test_a_cache_that_holds_something_else_is_no_success(
    container: Container, cache: Callable[[Path], None]
) -> None:
    cache(SNAPSHOTS / "redis-6.2.16-empty.rdb")
    out = json.loads(ran(str(LRU), *MANAGED, *SERVER, "--format", "json", code=1))
    last = out["outcomes"][-1]
    assert (last["kind"], last["state"]) == ("verify", "differs")
    assert last["compared"] == {"keys": [24, 0], "equal": 0, "missing": 24, "extra": 0, "changed": 0}


def test_of_several_files_each_is_a_part_of_what_the_cache_holds(
    container: Container, cache: Callable[[Path], None], tmp_path: Path
) -> None:
    done = run("split", str(LRU), "--by", "slots:2", "-o", str(tmp_path / "{part}.rdb"))
    assert done.returncode == 0, done.stderr.decode()
    parts = sorted(map(str, tmp_path.glob("*.rdb")))
    cache(LRU)
    out = json.loads(ran(*parts, *MANAGED, *SERVER, "--format", "json", "--now", "2026-11-22"))
    last = out["outcomes"][-3:]
    assert [one["state"] for one in last] == ["done"] * 3
    assert last[-1]["what"] == "24 of the 24 keys in the cache come from these files"
    out = json.loads(ran(parts[0], *MANAGED, *SERVER, "--format", "json", code=1))
    assert out["outcomes"][-1]["compared"]["extra"] > 0


def test_what_is_compared_with_is_a_server(container: Container) -> None:
    says = "argument --verify: other.rdb is no URL of a server, such as rediss://HOST"
    assert says in ran(str(LRU), *MANAGED, "--verify", "other.rdb", code=2)


# --- exports ----------------------------------------------------------------------------------------


def test_an_export_is_run_and_its_new_blobs_are_read(
    container: Container, az: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.held[f"{FRONT}old.rdb"] = b"", "block"
    real = Az.run

    def exported(self: Any, command: Command) -> str:
        if "export" in command.words:
            container.held[f"{FRONT}new.rdb"] = LRU.read_bytes(), "block"
        return real(self, command)

    monkeypatch.setattr(Az, "run", exported)
    monkeypatch.setattr("rdbcodec.cli.azure_running.open_file", lambda *_, **__: Reader(LRU))
    out = ran("--operation", "export", *MANAGED, "--run")
    assert told(out) == [
        "done      container: container snaps",
        "done      sign: Make a SAS that may write",
        "done      export: Export",
        "done      wait: Wait until it has ended",
        "done      fetch: az://snaps/new.rdb: 24 keys",
        "by hand   next: Use them",
    ]


# --- steps ------------------------------------------------------------------------------------------


def test_a_step_for_a_server_that_nobody_knows_is_no_copy() -> None:
    step = Step("convert", ("rdbcodec", "convert", "FILE", "--to", "redis-99", "-o", "OUT"), "", ())
    with pytest.raises(EncodeError, match="nobody knows the server of --to redis-99"):
        change_of(step)
    assert change_of(step._replace(command=("gunzip", "-k", "FILE"))) == Change(None, None)
