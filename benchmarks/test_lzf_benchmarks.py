"""What packing costs, by engine and kind of text: `pytest benchmarks/test_lzf_benchmarks.py --benchmark-only`

Each run packs every string of a kind once. With `--benchmark-json` (or `--benchmark-verbose`) `extra_info`
holds the MB of text it took per second at best, and how much of them was left.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from rdbcodec.structures import ziplist
from rdbcodec.wire import lzf

Maker: TypeAlias = Callable[[random.Random], dict[str, object]]

ROOT = Path(__file__).resolve().parent.parent
WORDS = [
    "active",
    "pending",
    "invoice",
    "customer",
    "premium",
    "redis",
    "valkey",
    "order",
    "address",
    "small",
]


def profile(rng: random.Random) -> dict[str, object]:
    """About 300 bytes of JSON in which hardly anything is said twice: the hard case."""
    return {
        "id": rng.randrange(10**8),
        "name": " ".join(rng.choices(WORDS, k=2)),
        "email": f"{rng.choice(WORDS)}.{rng.randrange(10**4)}@example.com",
        "tags": rng.sample(WORDS, 3),
        "address": {"street": f"{rng.randrange(300)} {rng.choice(WORDS)} street", "city": rng.choice(WORDS)},
        "created_at": f"2024-{rng.randrange(10, 13)}-{rng.randrange(10, 29)}T{rng.randrange(10, 24)}:00:00Z",
        "score": round(rng.random() * 100, 2),
    }


def order(rng: random.Random) -> dict[str, object]:
    """300 bytes of JSON in which six objects have the same fields."""
    line = {"sku": "SKU-%05d", "qty": 1, "price": 1.0}
    lines = [
        {**line, "sku": f"SKU-{rng.randrange(10**5)}", "price": rng.randrange(10**4) / 100} for _ in range(6)
    ]
    return {"user": rng.randrange(10**5), "items": lines}


def fields(rng: random.Random) -> bytes:
    """A hash as ziplist: short texts and numbers between one-byte lengths."""
    items: list[bytes | int] = []
    for number in range(60):
        value = rng.randrange(10**6)
        items += [b"field:%d" % number, value if number % 2 else b"value-%d" % (value % 1000)]
    return ziplist.encode(items)


def sources() -> Iterator[bytes]:
    """64 KiB at a time of Python: text as people write it."""
    text = b"".join(path.read_bytes() for path in sorted((ROOT / "rdbcodec").rglob("*.py")))
    return (text[pos : pos + 65536] for pos in range(0, min(len(text), 400_000) - 65536, 65536))


def documents(make: Maker, rng: random.Random) -> Iterator[bytes]:
    """One object each."""
    return (json.dumps(make(rng)).encode() for _ in range(1000))


KINDS: dict[str, Callable[[random.Random], Iterator[bytes]]] = {
    "profiles of 300 bytes": partial(documents, profile),
    "orders of 300 bytes": partial(documents, order),
    "JSON of 2 KB": lambda rng: (json.dumps([profile(rng) for _ in range(7)]).encode() for _ in range(150)),
    "text of 64 KiB": lambda _: sources(),
    "noise": lambda rng: (rng.randbytes(size) for size in (300, 2000) for _ in range(130)),
    "repetition": lambda _: (b"abcdefg%d" % number * 200 for number in range(200)),
    "ziplists": lambda rng: (fields(rng) for _ in range(300)),
}


@cache
def texts(kind: str) -> list[bytes]:
    """Strings of one kind, some 300 KB of them, the same in every run."""
    return list(KINDS[kind](random.Random(20)))


def left_of(blocks: list[bytes | None], items: list[bytes]) -> float:
    """How much of the text is left, where a string that was not packed is left whole."""
    packed = sum(len(text if block is None else block) for block, text in zip(blocks, items, strict=True))
    return packed / sum(map(len, items))


def note(benchmark: BenchmarkFixture, blocks: list[bytes | None], items: list[bytes]) -> None:
    """Put speed and size beside the time."""
    benchmark.extra_info["left"] = round(left_of(blocks, items), 3)
    if benchmark.stats is not None:  # --benchmark-disable measures nothing
        benchmark.extra_info["MB/s"] = round(sum(map(len, items)) / benchmark.stats["min"] / 1e6, 1)


@pytest.mark.parametrize("engine", lzf.available())
@pytest.mark.parametrize("kind", KINDS)
def test_compress(benchmark: BenchmarkFixture, kind: str, engine: str) -> None:
    items, compress = texts(kind), lzf.load(engine).compress
    blocks = benchmark(lambda: [compress(text) for text in items])
    note(benchmark, blocks, items)
    for block, text in zip(blocks, items, strict=True):
        assert block is None or lzf.decompress(block, len(text)) == text


@pytest.mark.parametrize("make", [profile, order])
def test_compress_the_values_of_100_000_keys(benchmark: BenchmarkFixture, make: Maker) -> None:
    rng = random.Random(21)
    items = [json.dumps({**make(rng), "key": number}).encode() for number in range(100_000)]
    blocks = benchmark(lambda: [lzf.compress(text) for text in items])
    note(benchmark, blocks, items)
    assert left_of(blocks, items) < 1
