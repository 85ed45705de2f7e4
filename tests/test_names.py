"""One name for a server everywhere: releases in any spelling, and the places that `compat` knows."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import pytest
from cases import every
from ways import FIXTURES

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.compat.target import Target, find, loader_of, named, targets

TYPES = FIXTURES / "snapshots" / "redis-7.2.6-types.rdb"  # fifteen databases and a function library
NEWER = FIXTURES / "snapshots" / "redis-8.0.6-cluster.rdb"  # one database, RDB 12
WORDS = ("name", "release", "dialect", "version", "databases", "gzip")


@every(
    ("name", "known"),
    [
        ("redis-7.2", ("redis-7.2", "redis-7.2", "redis", 11, None, None)),
        ("Redis 7.2", ("redis-7.2", "redis-7.2", "redis", 11, None, None)),
        ("7.2", ("redis-7.2", "redis-7.2", "redis", 11, None, None)),
        ("7.2.6", ("redis-7.2.6", "redis-7.2.6", "redis", 11, None, None)),
        ("6.x", ("redis-6.x", "redis-6.x", "redis", 9, None, None)),
        ("Valkey 9.1", ("valkey-9.1", "valkey-9.1", "valkey", 80, None, None)),
        ("amr-balanced-7.4", ("amr-balanced-7.4", "redis-7.4", "redis", 12, 1, "yes")),
        ("Azure Managed Redis 7.4, Balanced", ("amr-balanced-7.4", "redis-7.4", "redis", 12, 1, "yes")),
        ("ElastiCache-Valkey-8.0", ("elasticache-valkey-8.0", "valkey-8.0", "valkey", 11, 16, "unknown")),
        ("huawei-dcs-5.0", ("huawei-dcs-5.0", "redis-5.0", "redis", 9, None, "unknown")),
    ],
)
def test_a_server_has_one_name_in_every_spelling(name: str, known: tuple[object, ...]) -> None:
    server = rdbcodec.Server.of(name)
    assert tuple(getattr(server, word) for word in WORDS) == known


@pytest.mark.parametrize("name", ["Redis 7.2", "7.2", "redis-7.2"])
def test_compat_takes_the_same_names(name: str) -> None:
    assert find(name).id == "redis-7.2"


@every("target", targets().values(), ids=lambda target: target.id)
def test_what_is_written_for_a_target_is_what_it_reads(target: Target) -> None:
    loader = loader_of(target)
    if loader is None:
        with pytest.raises(rdbcodec.EncodeError, match=r"^nobody says which release .* loads like"):
            named(target.id)
        return
    server = rdbcodec.Server.of(target.id)
    assert server.types.items() <= loader.types.items()
    assert server.opcodes.items() <= loader.opcodes.items()
    assert loader.reads_header(own_magic=server.magic.startswith(b"VALKEY"), version=server.version)


def test_a_target_s_own_modules_count_and_those_one_names() -> None:
    assert rdbcodec.Server.of("redis-8.0").modules == frozenset({"vectorset"})
    assert rdbcodec.Server.of("amr-flash-7.4").modules == frozenset()
    assert rdbcodec.Server.of("amr-flash-7.4", modules=["RedisJSON"]).modules == frozenset({"ReJSON-RL"})


def test_a_target_in_cluster_mode_has_the_databases_of_clusters() -> None:
    assert rdbcodec.Server.of("elasticache-valkey-8.0", clustered=True).databases == 1
    assert rdbcodec.Server.of("elasticache-valkey-8.0", databases=40).databases == 40


def test_convert_to_a_target_implies_its_version() -> None:
    out = io.BytesIO()
    done = rdbcodec.convert(NEWER, out, to="amr-balanced-7.2")
    assert (done.target, out.getvalue()[:9], done.losses) == ("amr-balanced-7.2", b"REDIS0011", [])


def test_convert_to_a_target_implies_its_databases(tmp_path: Path) -> None:
    with pytest.raises(rdbcodec.RdbError, match="db 1"):
        rdbcodec.convert(TYPES, tmp_path / "out.rdb", to="amr-balanced-7.4")
    done = rdbcodec.convert(TYPES, tmp_path / "out.rdb", to="amr-balanced-7.4", fold_databases="{db}:")
    assert (done.losses, done.databases) == ([], 1)


def test_create_for_a_target_has_its_databases() -> None:
    with rdbcodec.create(io.BytesIO(), to="elasticache-valkey-8.0") as writer:
        writer.write(b"k", b"v", db=15)
    writer = rdbcodec.create(io.BytesIO(), to="amr-balanced-7.4")
    with pytest.raises(
        rdbcodec.EncodeError, match=r"for amr-balanced-7\.4: db 1: the target has 1 databases"
    ):
        writer.write(b"k", b"v", db=1)


@pytest.mark.parametrize(
    ("to", "name", "message"),
    [
        ("redis-stack-7.2", "out.rdb.gz", "does not take a file in gzip: no compression does"),
        ("amr-balanced-7.4", "out.rdb.lz4", "does not take a file in lz4: gzip or no compression does"),
    ],
)
def test_a_container_the_target_does_not_take_is_refused(
    to: str, name: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", str(NEWER), "-o", str(tmp_path / name), "--to", to]
    assert main(words) == 1
    assert capfd.readouterr().err.splitlines()[0] == f"{NEWER}: {to} {message}"
    assert list(tmp_path.iterdir()) == []


def test_convert_says_that_nobody_knows_of_a_container(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.rdb.gz"
    assert main(["convert", str(NEWER), "-o", str(out), "--to", "memorydb-redis-7.1", "--allow-loss"]) == 0
    says = "  nobody says whether memorydb-redis-7.1 takes a compressed file"
    assert says in capfd.readouterr().out.splitlines()


def test_every_command_takes_the_name_of_a_target(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "in.ndjson"
    text.write_text('{"key":"k","type":"string","value":"v"}\n')
    out = tmp_path / "out.rdb"
    assert main(["encode", str(text), "-o", str(out), "--to", "amr-balanced-7.4"]) == 0
    assert capfd.readouterr().out == f"{out}: 1 key for amr-balanced-7.4\n"
    assert main(["dump", str(out), "--format", "resp", "--to", "elasticache-valkey-8.0"]) == 0
    assert capfd.readouterr().out.endswith("$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
    assert main(["compat", str(out), "--target", "7.4", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)[0]["verdicts"][0]["target"] == "redis-7.4"


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "x", "-o", "y", "--to", "redis6.2"],
        ["encode", "x", "-o", "y", "--to", "redis6.2"],
        ["dump", "x", "--format", "resp", "--to", "redis6.2"],
    ],
    ids=lambda words: words[0],
)
def test_a_name_nobody_knows_is_a_wrong_usage(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capfd.readouterr().err.splitlines()[0] == (
        f"rdbcodec {words[0]}: error: unknown server 'redis6.2', did you mean redis-6.2?"
    )


def test_a_server_goes_to_other_processes_as_it_is() -> None:
    server = rdbcodec.Server.of("amr-balanced-7.4", settings={"hash-max-listpack-entries": 3})
    again = pickle.loads(pickle.dumps(server))
    assert {name: getattr(again, name) for name in server.__slots__} == {
        name: getattr(server, name) for name in server.__slots__
    }
