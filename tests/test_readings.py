"""Commands that read several files, or one of them more than once, know how far they are."""

from __future__ import annotations

import argparse
from pathlib import Path

from ways import pair, snapshot

from rdbcodec.cli.reading import Readings
from rdbcodec.limits import MAX_VALUE

OPTIONS = {"dialect": None, "max_value": MAX_VALUE, "no_checksum": False, "any_version": False}


def files(folder: Path) -> tuple[list[str], list[int]]:
    """Two snapshots, and their sizes."""
    short, long = folder / "short.rdb", folder / "long.rdb"
    short.write_bytes(snapshot(pair(0, b"\x01v")))
    long.write_bytes(snapshot(pair(0, b"\x20" + bytes(32))))
    return [str(short), str(long)], [short.stat().st_size, long.stat().st_size]


def read_whole(readings: Readings, name: str) -> None:
    with readings.opener(name)() as reader:
        assert len(list(reader)) == 3  # header, key, end


def test_each_file_counts_as_often_as_it_is_read(tmp_path: Path) -> None:
    names, (short, long) = files(tmp_path)
    options = argparse.Namespace(**OPTIONS)
    readings = Readings(names, options, max_value=MAX_VALUE, times=2)
    assert (readings.size, readings.bytes_read) == (2 * (short + long), 0)
    read = [short, short + long, 2 * short + long, 2 * (short + long)]
    for name, so_far in zip(names * 2, read, strict=True):
        read_whole(readings, name)
        assert (readings.bytes_read, options.current) == (so_far, name)


def test_of_a_file_that_is_looked_into_again_only_that_reading_counts(tmp_path: Path) -> None:
    names, (short, long) = files(tmp_path)
    readings = Readings(names, argparse.Namespace(**OPTIONS), max_value=MAX_VALUE)
    for name in names:
        read_whole(readings, name)
    with readings.opener(names[1])() as reader:
        next(iter(reader))
        assert short + reader.bytes_read == readings.bytes_read <= readings.size == short + long
