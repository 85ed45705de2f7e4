"""Real servers agree with the verdicts: "yes" loads every key, all else does not, conversions help."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from servers import SERVERS, Pool, Server, ServerError, program
from ways import FIXTURES, corpus, covering, pair, snapshot, string

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import Verdict, check, steps_of
from rdbcodec.facts.profile import profile

# A verdict depends on the version, the layouts, the modules and the other records of a file.
FILES = covering(corpus("snapshots", ".rdb"))
LFU_62 = (FIXTURES / "snapshots" / "redis-6.2.16-lfu.rdb").read_bytes()
LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"
VECTOR_SET = bytes.fromhex(  # VADD vs:zero VALUES 2 0 0 z, as Redis 8.2.3 saved it
    "81bde72da2bb1eb40002030201025001020005017a05030000000206020102800100000002000220020002803f80000000"
)
MADE = {
    "padded": LFU_62 + bytes(-len(LFU_62) % 512),
    "gzipped": gzip.compress(LFU_62),
    "database 16": snapshot(b"\xfe\x10", pair(0, b"\x01v"), magic=b"REDIS0009"),
    "database 15": snapshot(b"\xfe\x0f", pair(0, b"\x01v"), magic=b"REDIS0009"),
    "twice": snapshot(pair(0, b"\x01v"), pair(0, b"\x01v"), magic=b"REDIS0009"),
    "vector set": snapshot(pair(7, VECTOR_SET), magic=b"REDIS0009"),
    "function in RDB 9": snapshot(b"\xf5" + string(LIBRARY), pair(0, b"\x01v"), magic=b"REDIS0009"),
    "two databases": snapshot(
        b"\xfe\x00", pair(0, b"\x01v"), b"\xfe\x01", pair(0, b"\x01v"), magic=b"REDIS0012"
    ),
    "RDB 12, nothing new": snapshot(pair(0, b"\x01v"), magic=b"REDIS0012"),
}
CASES = {**{path.stem: path.read_bytes() for path in FILES}, **MADE}


def keys_loaded(name: str, data: bytes, folder: Path, *options: str) -> int | None:
    """How many keys a server has after starting with this file; None when it refuses to start."""
    folder.mkdir(parents=True)
    (folder / "dump.rdb").write_bytes(data)
    try:
        server = Server(program(name), folder, *options)
    except AssertionError:  # Server's word for a process that ended before it listened
        return None
    try:
        return keys_of(server)
    except (ConnectionError, OSError):  # it listened, and ended while loading
        return None
    finally:
        server._replies.close()
        server._socket.close()
        server._process.kill()
        server._process.wait()
        shutil.rmtree(folder)


def keys_of(server: Server) -> int:
    for _ in range(500):
        try:
            told: bytes = server.command("INFO", "keyspace")
        except ServerError as error:
            if not str(error).startswith("LOADING"):
                raise
            time.sleep(0.02)
        else:
            return sum(map(int, re.findall(rb"keys=(\d+)", told)))
    raise AssertionError("the server does not end loading")


def keys_reloaded(trusting: Pool, name: str, data: bytes) -> int | None:
    """How many keys a running server has after loading this file; None when it refuses it."""
    server = trusting(name)
    try:
        server.load(data)
    except AssertionError:
        return None
    return keys_of(server)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("data", [pytest.param(data, id=case) for case, data in CASES.items()])
def test_server_agrees_with_the_verdict(name: str, data: bytes, tmp_path: Path, trusting: Pool) -> None:
    with rdbcodec.open(data) as reader:
        facts = profile(reader, now_ms=time.time_ns() // 1_000_000, duplicates=True)
    whole = facts.keys - facts.expiries.expired
    verdict = check(facts, find(name))
    assert keys_reloaded(trusting, name, data) == (whole if verdict.loads == "yes" else None), [
        finding.id for finding in verdict.findings
    ]
    if verdict.loads == "after-conversion":
        converted = carry_out(verdict, data, tmp_path)
        assert keys_reloaded(trusting, name, converted) == whole


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("case", MADE)
def test_a_start_is_like_a_reload(name: str, case: str, tmp_path: Path, trusting: Pool) -> None:
    assert keys_loaded(name, MADE[case], tmp_path / "started") == keys_reloaded(trusting, name, MADE[case])


def carry_out(verdict: Verdict, data: bytes, folder: Path) -> bytes:
    """What comes of the steps of a verdict, run as they are printed."""
    source = folder / ("in.rdb.gz" if data.startswith(b"\x1f\x8b") else "in.rdb")
    source.write_bytes(data)
    made = source
    for step in steps_of(verdict, str(source)):
        command, *words = step.command or ()
        if command == "rdbcodec":
            assert main(words) == 0
        else:
            subprocess.run([command, *words], check=True)
        made = Path(words[-1].removesuffix(".gz"))
    return made.read_bytes()


@pytest.mark.parametrize("name", SERVERS)
def test_server_refuses_a_wrong_checksum_as_we_do(name: str, tmp_path: Path) -> None:
    wrong = LFU_62[:-1] + bytes([LFU_62[-1] ^ 1])
    with pytest.raises(rdbcodec.ChecksumMismatch), rdbcodec.open(wrong) as reader:
        profile(reader, now_ms=0)
    assert keys_loaded(name, wrong, tmp_path / "wrong") is None
