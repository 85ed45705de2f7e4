"""The command line, run as a user runs it: output, exit codes, pipes, damage."""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cases import every
from commands import run
from killing import HEARING
from ways import SNAPSHOTS as FILES

from rdbcodec.structures import listpack

ROOT = Path(__file__).parent.parent
SNAPSHOTS = ROOT / "fixtures" / "snapshots"
TYPES_72 = SNAPSHOTS / "redis-7.2.6-types.rdb"
NOW = "1795355656000"


def process(*words: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, as a user has it."""
    return subprocess.run(
        [sys.executable, "-m", "rdbcodec", *words], cwd=ROOT, capture_output=True, check=False, timeout=120
    )


def inspected(*words: str, data: bytes = b"") -> dict[str, Any]:
    done = run("inspect", "--format", "json", "--ignore-tail", *words, data=data)
    assert (done.returncode, done.stderr) == (0, b"")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@functools.cache
def report_of(path: Path) -> dict[str, Any]:
    """`inspect` of a fixture, run once for all the tests that look at it."""
    done = run("inspect", "--format", "json", "--ignore-tail", str(path))
    assert (done.returncode, done.stderr) == (0, b"")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def expectation_of(path: Path) -> dict[str, Any]:
    name = path.name.rsplit(".", 1)[0] + ".expected.json.gz"
    expectation: dict[str, Any] = json.loads(gzip.decompress((SNAPSHOTS / name).read_bytes()))
    return expectation


@pytest.mark.process
def test_a_call_says_what_a_process_says() -> None:
    for words in (("inspect", "--now", NOW, str(TYPES_72)), ("check", "no-such-file.rdb")):
        apart, call = process(*words), run(*words)
        assert (apart.returncode, apart.stdout, apart.stderr) == (call.returncode, call.stdout, call.stderr)


def test_there_are_snapshots() -> None:
    assert len(FILES) >= 71


@pytest.mark.once
@every("path", FILES, ids=lambda path: path.name)
def test_inspect_counts_what_the_server_counted(path: Path) -> None:
    report, expected = report_of(path), expectation_of(path)
    databases = expected["databases"]
    keys = [entry for entries in databases.values() for entry in entries.values()]
    assert report["magic"] == expected["magic"]
    assert report["keys"] == len(keys)
    assert {db: told["keys"] for db, told in report["databases"].items()} == {
        db: len(entries) for db, entries in databases.items()
    }
    assert {db: told["expires"] for db, told in report["databases"].items()} == {
        db: sum(entry["expires"] for entry in entries.values()) for db, entries in databases.items()
    }
    assert report["expiry"]["keys"] == sum(entry["expires"] for entry in keys)
    assert counted(report) == expected_types(keys)
    assert [told["name"] for told in report["functions"]] == [f[1] for f in expected["functions"] or []]


def counted(report: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in report["types"]:
        if kind["type"] != "module":
            found[kind["type"]] = found.get(kind["type"], 0) + kind["keys"]
    for module in report["modules"]:
        if module["keys"]:
            found[module["name"]] = found.get(module["name"], 0) + module["keys"]
    return found


def expected_types(keys: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in keys:
        found[entry["type"]] = found.get(entry["type"], 0) + 1
    return found


@pytest.mark.once
@every("path", FILES, ids=lambda path: path.name)
def test_bytes_by_type_add_up_to_less_than_the_file(path: Path) -> None:
    report = report_of(path)
    assert sum(kind["bytes"] for kind in report["types"]) <= report["size"]
    assert report["size"] <= path.stat().st_size


@pytest.mark.once
@every("path", [path for path in FILES if path.stat().st_size > 10], ids=lambda path: path.name)
def test_inspect_of_a_truncated_copy_is_marked_partial(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    end = report_of(path)["size"]
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(data[: end - 1])
    done = run("inspect", str(cut))
    assert done.returncode == 3
    assert done.stdout.startswith(f"{cut}\n\nPARTIAL: what stands before the damage\n".encode())
    assert done.stderr.startswith(f"{cut}: offset {end - 1}".encode())


def test_inspect_of_a_file_cut_inside_a_value_names_offset_and_size(tmp_path: Path) -> None:
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(TYPES_72.read_bytes()[:20000])
    done = run("inspect", str(cut))
    assert done.returncode == 3
    assert done.stdout.decode().splitlines()[2:7] == [
        "PARTIAL: what stands before the damage",
        "  read    13 keys, up to offset 20,000",
        "  damage  the file ends inside a record",
        "  next    rdbcodec salvage --resync FILE -o OUT",
        "",
    ]
    assert done.stderr.decode() == (
        f"{cut}: offset 20000: the file ends inside a record\n"
        "hint: the file is cut: `salvage` saves what stands before the cut\n"
    )


def test_inspect_of_a_wrong_checksum_says_so_unless_it_is_not_to_look(tmp_path: Path) -> None:
    data = bytearray(TYPES_72.read_bytes())
    data[-1] ^= 1
    wrong = tmp_path / "wrong.rdb"
    wrong.write_bytes(data)
    done = run("inspect", str(wrong))
    assert done.returncode == 3
    assert b"  checksum       wrong\n" in done.stdout
    assert b": checksum of the content is 0x" in done.stderr
    told = json.loads(run("inspect", "--format", "json", str(wrong)).stdout)
    assert (told["keys"], told["checksum"], told["partial"]["offset"]) == (94, None, len(data))
    assert inspected("--no-checksum", str(wrong))["checksum"] == "not verified"


def test_inspect_reads_a_pipe_and_gzip_and_several_files() -> None:
    data = TYPES_72.read_bytes()
    plain, packed = inspected("-", data=data), inspected("-", data=gzip.compress(data))
    assert packed["containers"] == ["gzip"]
    assert packed["types"] == plain["types"]
    done = run("inspect", str(TYPES_72), str(SNAPSHOTS / "redis-2.0.5-empty.rdb"))
    assert done.returncode == 0
    assert done.stdout.count(b"\nSnapshot\n") == 2


def test_inspect_hides_keys_when_asked() -> None:
    assert b"str:bin:16384" in run("inspect", str(TYPES_72)).stdout
    assert b"str:bin" not in run("inspect", "--hide-keys", str(TYPES_72)).stdout
    assert b"str:bin" not in run("inspect", "--hide-keys", "--format", "json", str(TYPES_72)).stdout


def test_inspect_says_what_follows_the_snapshot() -> None:
    aof = inspected(str(SNAPSHOTS / "redis-6.2.16-aof.aof"))
    assert aof["tail"] == {"kind": "AOF commands", "size": None}
    padded = inspected("-", data=TYPES_72.read_bytes() + bytes(512))
    assert padded["tail"] == {"kind": "zero padding", "size": 512}


def test_inspect_says_which_servers_load_the_file() -> None:
    empty = ("redis-2.0.5-empty", "redis-8.0.6-empty", "valkey-9.1.2-empty")
    loads = {name: report_of(SNAPSHOTS / f"{name}.rdb")["loads_in"] for name in empty}
    assert loads["redis-2.0.5-empty"] == [
        {"product": "Redis", "since": "2.0", "until": None},
        {"product": "Valkey", "since": "7.2", "until": None},
    ]
    assert loads["redis-8.0.6-empty"] == [{"product": "Redis", "since": "7.4", "until": None}]
    assert loads["valkey-9.1.2-empty"] == [{"product": "Valkey", "since": "9.0", "until": None}]


@pytest.mark.once
@every("path", FILES, ids=lambda path: path.name)
def test_check_finds_every_snapshot_of_a_server_sound(path: Path) -> None:
    done = run("check", "--format", "json", "--now", NOW, "--ignore-tail", str(path))
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (report["sound"], report["problems"], report["expired"]) == (True, [], 0)
    assert report["keys"] == sum(map(len, expectation_of(path)["databases"].values()))


def made(*records: bytes, version: bytes = b"0009") -> bytes:
    """A snapshot with the checksum switched off."""
    return b"REDIS" + version + b"".join(records) + b"\xff" + bytes(8)


def problems(data: bytes, code: int) -> list[tuple[str, str, int | None, str | None]]:
    done = run("check", "--format", "json", "--now", NOW, "-", data=data)
    assert done.returncode == code, done.stderr
    return [(p["severity"], p["message"], p["offset"], p["key"]) for p in json.loads(done.stdout)["problems"]]


def test_check_finds_a_key_that_is_there_twice_in_one_database_only() -> None:
    data = made(b"\xfe\x00", b"\x00\x01k\x01v", b"\xfe\x01", b"\x00\x01k\x01v", b"\x00\x01k\x01w")
    assert problems(data, 3) == [("error", "the key is there twice, first at offset 18", 23, "k")]


def test_check_names_a_key_that_is_there_twice_when_it_can_read_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "twice.rdb"
    path.write_bytes(made(b"\x00\x01k\x01v", b"\x00\x01k\x01w"))
    done = run("check", str(path))
    assert done.returncode == 3
    assert done.stderr.decode().splitlines()[0] == (
        f"{path}: offset 14, db 0, key b'k': the key is there twice, first at offset 9"
    )


def test_check_finds_counts_that_do_not_match_their_announcement() -> None:
    data = made(b"\xfe\x00", b"\xfb\x03\x01", b"\x00\x01k\x01v")
    message = "db 0 was announced with 3 keys and 1 that expire, it has 1 and 0"
    assert problems(data, 0) == [("warning", message, 11, None)]


def test_check_goes_on_after_a_damaged_value() -> None:
    damaged = b"\x0b\x01i\x08" + bytes(8)  # an intset of width 0
    twice = b"\x02\x01s\x02\x01a\x01a"
    found = problems(made(damaged, twice), 3)
    assert found == [
        ("error", "intset width is 0, it is 2, 4 or 8", 9, "i"),
        ("error", "set members are not unique: 2, of which 1 distinct", 21, "s"),
    ]


def test_check_remarks_on_what_loads_and_misbehaves() -> None:
    nan = b"\x05\x01n\x01\x01m" + b"\x00\x00\x00\x00\x00\x00\xf8\x7f"
    empty = b"\x01\x01e\x00"
    blob = listpack.encode([b"b", 2, b"a", 1])
    unsorted = b"\x11\x01z" + bytes([len(blob)]) + blob
    found = problems(made(nan, empty, unsorted, version=b"0010") + b"junk", 3)
    assert [(severity, message) for severity, message, _, _ in found] == [
        ("error", "a score is not a number: servers refuse the file"),
        ("warning", "an empty list: servers drop the key or refuse the file"),
        ("warning", "the members are not in order of score: range queries will be wrong"),
        ("warning", "4 bytes follow the snapshot: other bytes"),
    ]


def test_check_of_a_truncated_file_tells_how_far_it_came(tmp_path: Path) -> None:
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(TYPES_72.read_bytes()[:20000])
    done = run("check", str(cut))
    assert done.returncode == 3
    assert done.stdout.decode().splitlines()[0] == f"{cut}: NOT SOUND, reading ended after 13 keys"
    assert done.stderr.decode() == (
        f"{cut}: offset 20000: the file ends inside a record\n"
        "hint: the file is cut: `salvage` saves what stands before the cut\n"
    )


def test_an_unknown_version_is_refused_unless_allowed() -> None:
    data = made(version=b"0099")
    done = run("inspect", "-", data=data)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == (
        b"-: offset 5: version 99 of redis is unknown: known are 1 to 15\n"
        b"hint: --any-version reads it, as long as everything in it is known\n"
    )
    assert inspected("--any-version", "-", data=data)["rdb_version"] == 99


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("inspect", "no-such-file.rdb"), 4, "no-such-file.rdb: No such file or directory\n"),
        (("inspect", "docs"), 4, "docs: there is no file in this folder with .rdb in its name\n"),
        (("check", "no-such-file.rdb"), 4, "no-such-file.rdb: No such file or directory\n"),
    ],
)
def test_a_file_that_cannot_be_opened_is_an_io_error(words: tuple[str, ...], code: int, message: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (code, b"", message)


def test_wrong_usage_exits_2() -> None:
    assert run("inspect").returncode == 2
    assert run("explode", "x").returncode == 2


@pytest.mark.process
def test_a_closed_pipe_is_quiet() -> None:
    command = [sys.executable, "-m", "rdbcodec", "inspect", *map(str, FILES[:20])]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


@pytest.mark.process
def test_ctrl_c_exits_130_without_a_traceback() -> None:
    command = [*HEARING, sys.executable, "-m", "rdbcodec", "inspect", "-"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"REDIS0009" + b"\x00\x01k\x01v" * 100)
        process.stdin.flush()
        wait_until_reading(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b"interrupted\n"


def wait_until_reading(pid: int) -> None:
    """Until the process sleeps in read(): its interpreter has started and the input is used up."""
    for _ in range(600):
        state = Path(f"/proc/{pid}/wchan").read_text() + Path(f"/proc/{pid}/syscall").read_text()
        if "pipe" in state or state.startswith("00 "):
            return
        time.sleep(0.05)


@pytest.mark.process
def test_a_terminal_gets_tables_and_progress_on_stderr() -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rdbcodec", "inspect", str(TYPES_72)],
        cwd=ROOT,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1"},
    )
    os.close(slave)
    shown = io.BytesIO()
    while select.select([master], [], [], 30)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux says EIO when the other side of a terminal is closed
            break
        shown.write(data)
    os.close(master)
    assert process.wait(60) == 0
    assert b"Keys by type" in shown.getvalue()
    assert b"quicklist2" in shown.getvalue()
