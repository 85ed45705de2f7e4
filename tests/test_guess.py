"""Where a record may begin: guessed from the bytes there, or reached from a record before."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import rdbcodec
from rdbcodec.reading.parallel.guess import Guesser
from rdbcodec.reading.parallel.section import Section

NOISE = random.Random(5).randbytes(3 << 20)


class Looking:
    """A guesser of a file, and how often and how much of it was looked at."""

    def __init__(self, path: Path) -> None:
        self.looks: list[int] = []
        self._data = path.read_bytes()
        self.size = len(self._data)
        with Section(path, {}) as section:
            section.until(0)
            for stretch in section.stretches(1):
                for _ in stretch:
                    pass
            self.begin, known = section.offset, section._window
            self.guesser = Guesser(self._read_at, known.walks, known.opcode_rows, has_resizedb=True)

    def _read_at(self, offset: int, size: int) -> bytes:
        self.looks.append(size)
        return self._data[offset : offset + size]


def written(path: Path, values: Iterator[Any], **head: Any) -> Looking:
    with rdbcodec.create(path, version=11, compress=False) as writer:
        for number, value in enumerate(values):
            writer.write(b"key:%d" % number, value, **head)
    return Looking(path)


def places(path: Path) -> set[int]:
    with rdbcodec.open(path) as reader:
        return {entry.offset for entry in reader}


def noise(size: int) -> bytes:
    return NOISE[size % 1000 : size % 1000 + size]


def test_large_strings_are_passed_by_to_a_record_that_is_one(tmp_path: Path) -> None:
    path = tmp_path / "large.rdb"
    sizes = [10, 2_000_000, 3, 700_000, 90_000] * 6
    looking = written(path, map(noise, sizes), expires_at_ms=1_700_000_000_000)
    true = places(path)
    for offset in range(looking.begin + 1, looking.size - (2 << 20), 1_234_567):
        assert looking.guesser.boundary(offset, looking.begin) == min(at for at in true if at >= offset)
    assert max(looking.looks) < 1 << 16


def test_small_records_are_searched_after_few_looks(tmp_path: Path) -> None:
    looking = written(tmp_path / "small.rdb", iter([b"value"] * 100_000))
    assert looking.guesser.boundary(looking.size // 2, looking.begin) in places(tmp_path / "small.rdb")
    assert len(looking.looks) < 10


def test_a_search_that_finds_nothing_makes_the_next_one_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = (rdbcodec.Hash({b"%d" % field: noise(9000 + field) for field in range(150)}) for _ in range(4))
    looking = written(tmp_path / "hashes.rdb", hashes)
    seconds, ticks = [], count()
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks) / 10_000)
    for _ in range(4):
        before = next(ticks)
        assert looking.guesser.boundary(looking.size // 4, looking.begin) is None
        seconds.append((next(ticks) - before) / 10_000)
    assert seconds[0] > 1.5 * seconds[1] > 2 * seconds[2]
