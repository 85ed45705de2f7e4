"""A conversion that begins again: what it wrote the first time is forgotten, whatever was dropped.

To a path, `convert` copies counts of keys in the hope that every key is written. When one is dropped, it
starts once more, with no counts. Nothing of the first output may be missing in the second.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cases import every
from servers import Server
from ways import entries, pair, snapshot, string

import rdbcodec
from rdbcodec.facts.soundness import check
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, encode_module_id
from rdbcodec.writing import conversion

LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"


def module_id(name: str) -> bytes:
    return lengths.encode(encode_module_id(ModuleId(name, 1)))


COUNTS = b"\xfe\x00\xfb\x01\x00"  # in database 0 one key, and none that expires

# What a file has once, and more than one key depends on: before the keys, and keys that need it.
SHARED = {
    "hash templates": (
        b"\xf2\x00\x02\x01a\x01b",
        b"".join(pair(32, b"\x00\x01x\x01y", b"h%d" % at) for at in range(3)),
    ),
    "functions": (b"\xf5" + string(LIBRARY), b""),
    "slot counts": (b"\xf4\x0c\x03\x00", b""),
    "counts of keys": (COUNTS, pair(0, b"\x01v", b"counted")),
    "databases": (b"\xfe\x02", pair(0, b"\x01v", b"second") + b"\xfe\x00"),
}
# What Redis 8.10 without modules and with four databases does not hold.
DROPPED = {
    "a key of a module": pair(7, module_id("MBbloom--") + b"\x00", b"bloom"),
    "what a module saved": b"\xf7" + module_id("ft_index0") + b"\x02\x01\x02\x2a\x00",
    "a database": b"\xfe\x0f" + pair(0, b"\x01v", b"far") + b"\xfe\x00",
}
CASES = list(itertools.product(SHARED, DROPPED))


def source_of(shared: str, dropped: str) -> bytes:
    head, keys = SHARED[shared]
    if head == COUNTS and dropped == "a key of a module":
        head = COUNTS.replace(b"\x01", b"\x02")
    return snapshot(b"\xfe\x00" + head, keys, DROPPED[dropped], magic=b"REDIS0015")


def to_redis_8_10(data: bytes, path: Path) -> rdbcodec.Conversion:
    server = rdbcodec.Server.of("redis-8.10", databases=4, modules=())
    return rdbcodec.convert(data, path, to=server, allow_loss=True)


def values(data: bytes) -> dict[tuple[int, bytes], object]:
    return {(entry.db, entry.key): entry.value() for entry in entries(data)}


@every(("shared", "dropped"), CASES)
def test_the_second_run_writes_what_the_first_wrote(shared: str, dropped: str, tmp_path: Path) -> None:
    data = source_of(shared, dropped)
    done = to_redis_8_10(data, tmp_path / "out.rdb")
    out = (tmp_path / "out.rdb").read_bytes()
    kept = {name: value for name, value in values(data).items() if readable(name)}
    assert [loss.times for loss in done.losses] == [1]
    assert values(out) == kept
    assert functions(out) == functions(data)
    assert check(rdbcodec.open(out), now_ms=0).problems == []


def readable(name: tuple[int, bytes]) -> bool:
    return name[1] not in (b"bloom", b"far")


def functions(data: bytes) -> list[bytes]:
    with rdbcodec.open(data) as reader:
        return [record.code for record in reader if isinstance(record, rdbcodec.Function)]


@pytest.mark.parametrize("shared", SHARED)
def test_it_does_run_twice_and_one_form_serves_many_outputs(
    shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[bool] = []
    run = conversion._Job.run

    def noted(job: Any, *args: Any, trusting: bool, **told: Any) -> Any:
        runs.append(trusting)
        return run(job, *args, trusting=trusting, **told)

    monkeypatch.setattr(conversion._Job, "run", noted)
    data = source_of(shared, "a key of a module")
    server = rdbcodec.Server.of("redis-8.10", databases=4, modules=())
    outputs = []
    for number in range(2):
        rdbcodec.convert(data, tmp_path / f"{number}.rdb", to=server, allow_loss=True)
        outputs.append((tmp_path / f"{number}.rdb").read_bytes())
    streamed = io.BytesIO()
    rdbcodec.convert(data, streamed, to=server, allow_loss=True)
    assert runs == [True, False, True, False, False]
    assert outputs == [streamed.getvalue()] * 2


def test_a_form_never_changes() -> None:
    server = rdbcodec.Server.of("redis-8.10")
    for name in server.__slots__:
        with pytest.raises(
            AttributeError, match=f"^a Server never changes: make another instead of setting '{name}'$"
        ):
            setattr(server, name, None)
        with pytest.raises(AttributeError, match=f"^a Server never changes: '{name}' stays$"):
            delattr(server, name)
    assert {type(mapping) for mapping in (server.types, server.opcodes)} == {MappingProxyType}


@pytest.fixture(scope="module")
def redis_8_10(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = os.environ.get("RDBCODEC_REDIS_810")
    if path is None:
        pytest.skip("no Redis 8.10: RDBCODEC_REDIS_810 does not say where it is")
    server = Server(path, tmp_path_factory.mktemp("redis"), "--enable-debug-command", "yes")
    yield server
    server.stop()


@every(("shared", "dropped"), CASES)
def test_redis_8_10_loads_what_the_second_run_wrote(
    shared: str, dropped: str, redis_8_10: Server, tmp_path: Path
) -> None:
    to_redis_8_10(source_of(shared, dropped), tmp_path / "out.rdb")
    data = (tmp_path / "out.rdb").read_bytes()
    redis_8_10.load(data)
    held = 0
    for db in (0, 2):
        redis_8_10.command("SELECT", db)
        held += redis_8_10.command("DBSIZE")
    assert held == len(entries(data))
    assert len(redis_8_10.command("FUNCTION", "LIST")) == len(functions(data))


def opened(path: Path, times: list[int]) -> rdbcodec.Reader:
    times.append(1)
    return rdbcodec.open(path)


@pytest.mark.parametrize(
    ("to", "loss", "times"), [("redis-2.8", "type-module", 1), ("redis-6.2", "module", 2)]
)
def test_only_a_server_that_is_told_counts_makes_a_conversion_begin_again(
    tmp_path: Path, to: str, loss: str, times: int
) -> None:
    source = tmp_path / "source.rdb"
    source.write_bytes(source_of("counts of keys", "a key of a module"))
    readings: list[int] = []
    server = rdbcodec.Server.of(to, modules=[])
    done = rdbcodec.convert(
        lambda: opened(source, readings),
        tmp_path / "out.rdb",
        to=server,
        allow_loss=True,
    )
    assert [(entry.key, entry.value()) for entry in entries((tmp_path / "out.rdb").read_bytes())] == [
        (b"counted", b"v")
    ]
    assert done.losses[0].kind == loss
    assert len(readings) == times


def test_a_conversion_begins_again_soon_after_the_first_key_that_is_dropped(tmp_path: Path) -> None:
    source, seen = tmp_path / "source.rdb", [0]
    bloom = pair(7, module_id("MBbloom--") + b"\x00", b"bloom")
    keys = b"".join(pair(0, b"\x01v", b"key%d" % at) for at in range(5000))
    source.write_bytes(snapshot(bloom, keys, magic=b"REDIS0009"))

    def tick() -> None:
        seen[0] += 1

    server = rdbcodec.Server.of("redis-6.2", modules=[])
    done = rdbcodec.convert(source, tmp_path / "out.rdb", to=server, allow_loss=True, progress=tick)
    assert done.keys == 5000
    assert seen == [1 + 5]  # of every thousand records: once in the first reading, five times in the second
