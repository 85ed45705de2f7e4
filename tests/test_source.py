"""What a snapshot can be read from: paths, memory, and anything that has read(size)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ways import SNAPSHOTS, pair, snapshot, string

import rdbcodec

DATA = snapshot(pair(0, string(b"v")), pair(0, string(b"w"), key=b"j"))


class OnlyRead:
    """The least that a source can be."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        return piece


class Named(OnlyRead):
    """A source that knows more of itself."""

    size = len(DATA)
    name = "s3://bucket/dump.rdb"


class Strange(OnlyRead):
    """A source whose attributes of these names mean other things, as those of some libraries do."""

    size = "large"

    def name(self) -> str:
        return "a method"


def keys_of(reader: rdbcodec.Reader) -> list[bytes]:
    return [record.key for record in reader if isinstance(record, rdbcodec.Entry)]


def test_a_source_needs_nothing_but_read() -> None:
    reader = rdbcodec.open(OnlyRead(DATA))
    assert (reader.size, reader.name) == (None, None)
    assert keys_of(reader) == [b"k", b"j"]
    assert (reader.bytes_read, reader.tail()) == (len(DATA), rdbcodec.Tail("nothing", 0))


def test_a_source_says_its_size_and_name_if_it_has_them() -> None:
    reader = rdbcodec.open(Named(DATA))
    assert (reader.size, reader.name, keys_of(reader)) == (len(DATA), Named.name, [b"k", b"j"])


def test_attributes_that_are_no_size_and_no_name_are_left_alone() -> None:
    reader = rdbcodec.open(Strange(DATA))
    assert (reader.size, reader.name, keys_of(reader)) == (None, None, [b"k", b"j"])


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_its_own_name(kind: type[str | Path]) -> None:
    path = SNAPSHOTS[0]
    with rdbcodec.open(kind(path)) as reader:
        assert (reader.size, reader.name) == (path.stat().st_size, os.fspath(path))


def test_memory_has_a_size_and_no_name() -> None:
    reader = rdbcodec.open(memoryview(DATA))
    assert (reader.size, reader.name) == (len(DATA), None)


def test_what_cannot_be_read_is_refused_with_what_is_wanted() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError) as refused:
        rdbcodec.open(wrong)
    assert str(refused.value) == "source is int, expected a path, bytes or a file opened in binary mode"
