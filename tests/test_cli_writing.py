"""`convert` and `filter`, run as a user runs them: files, reports, refusals, interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases import every
from commands import run
from killing import HEARING
from test_cli import ROOT, SNAPSHOTS, TYPES_72
from ways import SNAPSHOTS as FILES

import rdbcodec
from rdbcodec.cli.main import main

STREAMS = SNAPSHOTS / "redis-5.0.14-types.rdb"


def keys_in(data: bytes) -> list[bytes]:
    with rdbcodec.open(data) as reader:
        return [record.key for record in reader if isinstance(record, rdbcodec.Entry)]


def test_a_lossy_conversion_writes_nothing_and_lists_the_losses(tmp_path: Path) -> None:
    done = run("convert", str(STREAMS), "-o", str(tmp_path / "out.rdb"), "--to", "redis-4.0")
    assert (done.returncode, done.stdout) == (1, b"")
    lines = done.stderr.decode().splitlines()
    assert lines[0] == f"{STREAMS}: redis-4.0 cannot hold everything, nothing was written:"
    assert lines[1].startswith("  type-stream: 4 x a key of type stream, which the target does not have; ")
    assert lines[2:] == ["with --allow-loss the rest is written all the same"]
    assert list(tmp_path.iterdir()) == []


def test_losses_can_be_allowed_and_are_told(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    done = run("convert", str(STREAMS), "-o", str(target), "--to", "redis-4.0", "--allow-loss")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"{target}: {len(keys_in(target.read_bytes()))} keys for redis-4.0"
    assert lines[1].startswith("  lost: type-stream: 4 x ")
    checked = run("check", str(target))
    assert checked.returncode == 0


def test_the_report_in_json(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    words = ("convert", str(STREAMS), "-o", str(target), "--to", "redis-4.0", "--format", "json")
    refused = json.loads(run(*words).stdout)
    assert (refused["written"], [loss["kind"] for loss in refused["losses"]]) == (False, ["type-stream"])
    report = json.loads(run(*words, "--allow-loss").stdout)
    assert report["output"] == str(target)
    assert (report["target"], report["written"], report["left_out"]) == ("redis-4.0", True, 0)
    assert [(loss["kind"], loss["times"]) for loss in report["losses"]] == [("type-stream", 4)]
    assert set(report["losses"][0]["first"]) == {"offset", "db", "key"}


def test_keys_are_hidden_when_asked(tmp_path: Path) -> None:
    words = ("convert", str(STREAMS), "-o", str(tmp_path / "out.rdb"), "--to", "redis-4.0", "--hide-keys")
    assert b"key b'" not in run(*words).stderr


def test_a_snapshot_goes_through_pipes_both_ways() -> None:
    done = run("convert", "-", "-o", "-", "--rdb-version", "9", "--allow-loss", data=TYPES_72.read_bytes())
    assert done.returncode == 0
    assert done.stdout[:9] == b"REDIS0009"
    assert sorted(keys_in(done.stdout)) == sorted(keys_in(TYPES_72.read_bytes()))
    assert b"-: " in done.stderr.splitlines()[0]  # the report is not in the way


def test_a_refused_conversion_puts_nothing_on_stdout() -> None:
    done = run("convert", "-", "-o", "-", "--to", "redis-4.0", data=STREAMS.read_bytes())
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_damaged_source_exits_3_and_leaves_no_file(tmp_path: Path) -> None:
    source = tmp_path / "in.rdb"
    source.write_bytes(TYPES_72.read_bytes()[:5000])
    done = run("convert", str(source), "-o", str(tmp_path / "out.rdb"), "--rdb-version", "11")
    assert done.returncode == 3
    assert done.stderr.startswith(f"{source}: offset ".encode())
    assert [path.name for path in tmp_path.iterdir()] == ["in.rdb"]


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    done = run("filter", str(TYPES_72), "-o", str(target), "--type", "hash")
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr == f"{target}: exists already, --force writes over it\n".encode()
    assert target.read_bytes() == b"old"
    assert run("filter", str(TYPES_72), "-o", str(target), "--type", "hash", "--force").returncode == 0
    assert target.read_bytes()[:5] == b"REDIS"


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "redis-99"),
        ("--to", "redis-7.0", "--rdb-version", "9"),
        ("--rdb-version", "16"),
        ("--simplest",),
        ("--to", "redis-7.0", "--set", "hash-max=1"),
        ("--to", "redis-7.0", "--databases", "0"),
    ],
)
def test_wrong_targets_are_usage_errors(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run("convert", str(TYPES_72), "-o", str(tmp_path / "out.rdb"), *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.splitlines()[0].startswith(b"rdbcodec convert: error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_signature_behind_a_mistyped_flag_is_not_repeated(tmp_path: Path) -> None:
    uri = "https://a.blob.core.windows.net/c?se=2030-01-01&sig=SECRET%3D&sp=r"
    for command in (("azure", "plan"), ("compat",), ("convert",)):
        done = run(*command, str(TYPES_72), "-o", str(tmp_path / "x"), "--sass", uri)
        assert done.returncode == 2
        assert b"SECRET" not in done.stderr + done.stdout


@pytest.mark.once
@every("path", FILES, ids=lambda path: path.name)
def test_convert_without_a_target_copies_byte_for_byte(path: Path, tmp_path: Path) -> None:
    if path.stem.endswith(("-empty", "-types", "-aof")):
        done = run("convert", str(path), "-o", str(tmp_path / path.name))
        assert (done.returncode, done.stderr) == (0, b"")
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("suffix", "head"), [(".gz", b"\x1f\x8b"), (".lz4", b"\x04\x22\x4d\x18"), ("", b"REDIS")]
)
def test_the_suffix_says_what_the_file_is_wrapped_in(suffix: str, head: bytes, tmp_path: Path) -> None:
    target = tmp_path / f"out.rdb{suffix}"
    assert run("filter", str(TYPES_72), "-o", str(target)).returncode == 0
    assert target.read_bytes().startswith(head)
    assert run("check", str(target)).returncode == 0


def test_filters_choose_keys_and_the_report_counts_the_others(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    done = run("filter", str(TYPES_72), "-o", str(target), "--type", "hash", "--limit", "2")
    with rdbcodec.open(target) as reader:
        assert [record.type for record in reader if isinstance(record, rdbcodec.Entry)] == ["hash", "hash"]
    hint = "used-mem: 1 x the memory that the source used for all its keys"
    assert done.stdout.decode().splitlines() == [
        f"{target}: 2 keys in the form of redis RDB 11, 92 left out",
        "  1 function library left out: filters choose keys, --functions keeps functions too",
        f"  hints left out: {hint}; first at offset 52",
    ]


@pytest.mark.parametrize(
    ("words", "libraries"), [((), 1), (("--type", "hash"), 0), (("--type", "hash", "--functions"), 1)]
)
def test_function_libraries_pass_filters_only_when_asked_for(
    words: tuple[str, ...], libraries: int, tmp_path: Path
) -> None:
    target = tmp_path / "out.rdb"
    assert run("filter", str(TYPES_72), "-o", str(target), *words).returncode == 0
    with rdbcodec.open(target) as reader:
        assert len([record for record in reader if isinstance(record, rdbcodec.Function)]) == libraries
    done = run("dump", str(TYPES_72), *words)
    assert done.stdout.count(b'{"function":') == libraries
    left_out = b": 1 function library left out: filters choose keys, --functions keeps functions too\n"
    assert done.stderr == (b"" if libraries else os.fsencode(TYPES_72) + left_out)


def test_a_part_of_a_snapshot_does_not_claim_the_memory_of_the_whole(tmp_path: Path) -> None:
    assert b"used-mem" in TYPES_72.read_bytes()
    for words, claims in ((("filter", "--type", "hash"), False), (("filter",), True), (("convert",), True)):
        target = tmp_path / "out.rdb"
        assert run(*words, str(TYPES_72), "-o", str(target), "--force").returncode == 0
        assert (b"used-mem" in target.read_bytes()) == claims


def test_databases_fold_on_request(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    words = ("convert", str(TYPES_72), "-o", str(target))
    done = run(*words, "--fold-databases", "db{db}:")
    assert done.stdout.decode().splitlines()[1:3] == [
        "  renamed: 3 keys of database 1 to db1:...",
        "  renamed: 3 keys of database 9 to db9:...",
    ]
    with rdbcodec.open(target) as reader:
        entries = [record for record in reader if isinstance(record, rdbcodec.Entry)]
    assert {entry.db for entry in entries} == {0}
    assert sum(entry.key.startswith(b"db15:") for entry in entries) == 3


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, b"interrupted\n"), (signal.SIGTERM, 143, b"")]
)
def test_an_interrupted_conversion_leaves_no_file(
    number: signal.Signals, code: int, said: bytes, tmp_path: Path
) -> None:
    words = [*HEARING, sys.executable, "-m", "rdbcodec", "convert", "-", "-o", str(tmp_path / "out.rdb")]
    with subprocess.Popen(
        [*words, "--rdb-version", "9"], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"REDIS0011" + b"".join(b"\0\x08%08d\x01v" % at for at in range(100_000)))
        process.stdin.flush()
        wait_for_output(tmp_path)
        process.send_signal(number)
        assert process.wait(60) == code
        assert process.stderr.read() == said
    assert list(tmp_path.iterdir()) == []


def wait_for_output(folder: Path) -> None:
    """Until a part of the output is written, under whatever name."""
    for _ in range(600):
        if any(path.stat().st_size for path in folder.iterdir()):
            return
        time.sleep(0.05)
    raise TimeoutError("no output")


def test_filter_says_which_modules_its_result_still_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RediSearch writes records into every snapshot; they belong to no key, so no filter takes them away."""
    record = bytes.fromhex("f7817edfe29dd7b1d0170201020000")
    source, out = tmp_path / "in.rdb", tmp_path / "out.rdb"
    source.write_bytes(b"REDIS0009" + record + b"\xfe\x00\x00\x01k\x01v\xff" + bytes(8))
    assert main(["filter", str(source), "-o", str(out), "--type", "string"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        (
            "  kept beside the keys: records of RediSearch; servers without them refuse the file, and "
            "rdbcodec convert --to RELEASE leaves out those of modules the release does not have"
        )
    ]
    assert out.read_bytes() == source.read_bytes()
