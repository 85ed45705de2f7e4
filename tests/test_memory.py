"""How much memory a snapshot takes in a server: the table, shapes, and which server is taken for which."""

from __future__ import annotations

import doctest
import json
import pickle
from pathlib import Path

import pytest
from cases import every

import rdbcodec
import rdbcodec.facts.memory
from rdbcodec import facts
from rdbcodec.compat import profile_json
from rdbcodec.errors import EncodeError, ProfileError
from rdbcodec.facts.memory.allocators import allocator_of
from rdbcodec.facts.memory.counted import Memory, MemoryPass
from rdbcodec.facts.memory.estimates import bytes_in, estimate, match_of
from rdbcodec.servers import Server

ROOT = Path(__file__).parent.parent
SNAPSHOTS = sorted((ROOT / "fixtures" / "snapshots").glob("*.rdb"))


def test_the_example_of_the_package_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(rdbcodec.facts.memory).failed == 0


@pytest.mark.parametrize(
    ("allocator", "blocks"),
    [
        ("jemalloc", [8, 24, 32, 48, 128, 160, 320, 1280]),
        ("debian", [8, 32, 32, 48, 128, 160, 320, 1280]),
        ("libc", [24, 24, 40, 56, 136, 136, 264, 1032]),
    ],
)
def test_an_allocator_gives_these_blocks_for_1_to_1025_bytes(allocator: str, blocks: list[int]) -> None:
    assert [allocator_of(allocator).block(size) for size in (1, 24, 25, 41, 128, 129, 257, 1025)] == blocks


def test_an_allocator_nobody_knows_is_refused() -> None:
    with pytest.raises(EncodeError) as caught:
        allocator_of("tcmalloc")
    assert str(caught.value) == "unknown allocator 'tcmalloc', known are jemalloc, debian, libc"


@every(
    ("name", "like", "tolerance"),
    [
        ("redis-6.2", "redis-6.2", 0.02),
        ("redis-7.2.6", "redis-7.2", 0.02),
        ("redis-5.0", "redis-6.2", 0.05),
        ("redis-8.0", "redis-7.4", 0.05),
        ("redis-8.6", "redis-8.2", 0.05),
        ("redis-8.10", "redis-8.10", 0.02),
        ("valkey-7.2", "redis-7.2", 0.05),
        ("valkey-9.0", "valkey-8.1", 0.05),
        ("valkey-9.1", "valkey-9.1", 0.02),
        ("keydb-6.3", "redis-6.2", 0.10),
        ("dragonfly-1.0", "redis-7.2", 0.50),
        ("amr-balanced-7.4", "redis-7.4", 0.10),
    ],
)
def test_a_server_that_was_not_measured_is_taken_for_one_that_was(
    name: str, like: str, tolerance: float
) -> None:
    match = match_of(Server.of(name))
    assert (match.column.release, match.tolerance) == (like, tolerance)


def memory_of(path: Path, max_value: int) -> Memory:
    with rdbcodec.open(path, max_value=max_value) as reader:
        memory: Memory = facts.run(reader, [MemoryPass(now_ms=0)])[0]
    return memory


@every("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_file_takes_as_much_whether_its_values_are_held_or_pass_by(path: Path) -> None:
    held, passing = memory_of(path, 1 << 26), memory_of(path, 64)
    for name in ("redis-6.2", "redis-8.10", "valkey-9.1"):
        server = Server.of(name)
        assert estimate(passing, server).bytes == pytest.approx(estimate(held, server).bytes, rel=0.03), name


def test_profiles_of_several_files_take_what_they_take_together() -> None:
    first, second = (facts.profile_of(path, now_ms=0) for path in SNAPSHOTS[:2])
    total = facts.total_of({"first": first, "second": pickle.loads(pickle.dumps(second))})
    server = Server.of("redis-7.2")
    parts = [bytes_in(profile, server) for profile in (first, second)]
    both = bytes_in(total, server)
    assert both is not None
    assert both.bytes == pytest.approx(sum(part.bytes for part in parts if part is not None), rel=0.01)


def test_of_a_profile_without_shapes_nobody_knows_the_memory() -> None:
    with rdbcodec.open(SNAPSHOTS[0]) as reader:
        profile = facts.run(reader, [facts.ProfilePass(now_ms=0)])[0]
    assert bytes_in(profile, Server.of("redis-7.2")) is None


def test_a_profile_in_a_file_keeps_what_its_memory_follows_from() -> None:
    profile = facts.profile_of(SNAPSHOTS[-1], now_ms=0)
    read = profile_json.loads(json.loads(profile_json.dumps(profile)))
    assert (read.memory, read == profile) == (profile.memory, True)
    assert profile.memory is not None


@pytest.mark.parametrize("shape", ["string 1 2", "hologram 1 2 3", "string 1 2 -3", "string 1 2 x"])
def test_a_profile_with_a_shape_that_is_none_is_refused(shape: str) -> None:
    document = json.loads(profile_json.dumps(facts.profile_of(SNAPSHOTS[0], now_ms=0)))
    document["memory"]["shapes"] = {shape: 1}
    with pytest.raises(ProfileError) as caught:
        profile_json.loads(document)
    expected = "expected was a shape, such as 'string 10 120 1'"
    assert str(caught.value) == f"key 'profile.memory.shapes': {expected}, found {shape}"
