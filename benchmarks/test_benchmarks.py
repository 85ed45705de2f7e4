"""Benchmarks of the parts, on small inputs: `pytest benchmarks --benchmark-only`.

For a before and after of one change: `--benchmark-save=before`, then `--benchmark-compare`. Whole files and
other tools are in side_by_side.py, memory in memory.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import rdbcodec
from rdbcodec.formats import Steps, types_of
from rdbcodec.framing import Walk, compile_walk
from rdbcodec.structures import intset, listpack, ziplist
from rdbcodec.wire import crc64, lzf

SNAPSHOTS = Path(__file__).resolve().parent.parent / "fixtures" / "snapshots"
SERVERS = ("redis-2.8.24", "redis-6.2.16", "redis-7.2.6", "redis-8.0.6")

TEXTS = [b"field:%04d" % number for number in range(500)]
NUMBERS = [number**3 - 1000 for number in range(500)]
ELEMENTS: dict[str, list[bytes | int]] = {"texts": [*TEXTS], "numbers": [*NUMBERS]}
DOCUMENT = (
    b'{"id": 1234567, "name": "somebody", "tags": ["a", "b"], "address": {"id": 1234567, "name": "here"}}' * 3
)

SMALL_KEYS = (
    b"REDIS0011" + b"".join(b"\x00\x0ckey:%08d\x05value" % number for number in range(10_000)) + b"\xff"
)
SMALL_KEYS += crc64.crc64(SMALL_KEYS).to_bytes(8, "little")
COUNT = b"\x43\xe8"  # 1000
FRAMED: dict[str, tuple[Steps, bytes]] = {
    "hash": (types_of("redis", 11)[4].framing, COUNT + b"\x06field1\x05value" * 1000),
    "zset": (types_of("redis", 11)[5].framing, COUNT + b"\x07member1\0\0\0\0\0\0\xf8\x3f" * 1000),
    "quicklist": (types_of("redis", 11)[18].framing, COUNT + b"\x02\x05value" * 1000),
}


@pytest.fixture(params=SERVERS)
def snapshot(request: pytest.FixtureRequest) -> bytes:
    """A snapshot with values of every type its server has."""
    return (SNAPSHOTS / f"{request.param}-types.rdb").read_bytes()


def iterate(data: bytes) -> None:
    """Every record, nothing decoded."""
    for _ in rdbcodec.open(data):
        pass


def read_values(data: bytes) -> None:
    """Every value."""
    for record in rdbcodec.open(data):
        if isinstance(record, rdbcodec.Entry):
            record.value()


def test_iterate_small_keys(benchmark: BenchmarkFixture) -> None:
    benchmark(iterate, SMALL_KEYS)


def test_values_of_small_keys(benchmark: BenchmarkFixture) -> None:
    benchmark(read_values, SMALL_KEYS)


def test_iterate_snapshot(benchmark: BenchmarkFixture, snapshot: bytes) -> None:
    benchmark(iterate, snapshot)


def test_values_of_snapshot(benchmark: BenchmarkFixture, snapshot: bytes) -> None:
    benchmark(read_values, snapshot)


@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=ELEMENTS)
def test_decode_listpack(benchmark: BenchmarkFixture, elements: list[bytes | int]) -> None:
    blob = listpack.encode(elements)
    assert len(benchmark(listpack.decode, blob)) == len(elements)


@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=ELEMENTS)
def test_decode_ziplist(benchmark: BenchmarkFixture, elements: list[bytes | int]) -> None:
    blob = ziplist.encode(elements)
    assert len(benchmark(ziplist.decode, blob)) == len(elements)


def test_decode_intset(benchmark: BenchmarkFixture) -> None:
    blob = intset.encode(NUMBERS)
    assert len(benchmark(intset.decode, blob)) == len(NUMBERS)


@pytest.mark.parametrize("engine", crc64.available())
@pytest.mark.parametrize("size", [100, 10_000, 1_000_000])
def test_crc64(benchmark: BenchmarkFixture, engine: str, size: int) -> None:
    benchmark(crc64.load(engine), bytes(range(250)) * (size // 250 + 1), 0)


@pytest.mark.parametrize("engine", lzf.available())
def test_decompress(benchmark: BenchmarkFixture, engine: str) -> None:
    block = lzf.compress(DOCUMENT)
    assert block is not None
    assert benchmark(lzf.load(engine).decompress, block, len(DOCUMENT)) == DOCUMENT


def test_peek_into_a_compressed_string(benchmark: BenchmarkFixture) -> None:
    block = lzf.compress(DOCUMENT)
    assert block is not None
    assert benchmark(lzf.decompress_prefix, block, 6) == DOCUMENT[:6]


@pytest.mark.parametrize("name", FRAMED)
def test_walk(benchmark: BenchmarkFixture, name: str) -> None:
    framing, value = FRAMED[name]
    assert benchmark(compile_walk(framing, {}), value, 0) == len(value)


@pytest.mark.parametrize("name", FRAMED)
def test_walk_in_pieces(benchmark: BenchmarkFixture, name: str) -> None:
    framing, value = FRAMED[name]
    assert benchmark(walk_in_pieces, framing, value)


def walk_in_pieces(framing: Steps, value: bytes) -> bool:
    """Walk as through a value too large to hold."""
    walk, pos = Walk(framing, {}), 0
    for end in (*range(4096, len(value), 4096), len(value)):
        pos = walk.advance(value[:end], pos)
    return walk.done
