"""Keys found in runs are those that are found one at a time, and counted as those are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ways import SNAPSHOTS, pair, plain, snapshot

import rdbcodec
from rdbcodec.facts.batches import Batch, EntryBatch, RunBatch
from rdbcodec.integrity.oddities import candidates
from rdbcodec.reading.runs import Keys, Run, ShortStrings
from rdbcodec.records import Record

EXPIRY = b"\xfc" + (1_800_000_000_123).to_bytes(8, "little")
HEADS = (b"", EXPIRY, b"\xf9\x07", EXPIRY + b"\xf8\x41\x00", b"\xfd\x00\x00\x00\x70", b"\xfc" + b"\xff" * 8)
TEXTS = (b"\x00", b"\x01a", b"\x3f" + b"\xfc" * 63, b"\x40\x40" + b"\x00" * 64, b"\xc0\xff", b"\xc1\x00\x80")
VALUES = (*TEXTS, b"\xc2\x00\x00\x00\x80", b"\xc3\x04\x06\x01ab\x40\x01", b"\x80\x00\x00\x00\x02ab")
RECORDS = [head + b"\x00" + key + value for head in HEADS for key in TEXTS for value in VALUES] + [
    pair(2, b"\x02\x01a\x01b"),
    EXPIRY + pair(4, b"\x01\x01f\x01v"),
    b"\xfe\x03",
    b"\xfa\x03ctx\x01v",
    b"\x00\x01k\xc4",
    b"\x2a\x01k\x01v",
]


def in_runs(data: bytes, *, max_value: int = 1 << 16) -> Iterator[Record | Run]:
    with rdbcodec.open(data, max_value=max_value) as reader:
        for records in reader.runs(1 << 20):
            yield from records


def outcome(records: Iterator[Record | Run]) -> list[object]:
    """Everything that is read, until an error, and that."""
    told: list[object] = []
    try:
        for record in records:
            each = record.entries() if isinstance(record, Run) else [record]
            told.extend((type(one), said_of(one)) for one in each)
    except rdbcodec.RdbError as error:
        told.append(str(error))
    return told


def said_of(record: Record) -> object:
    try:
        return plain(record)
    except rdbcodec.RdbError as error:
        return record.offset, str(error)


def one_by_one(data: bytes, *, max_value: int = 1 << 16) -> list[object]:
    with rdbcodec.open(data, max_value=max_value) as reader:
        return outcome(iter(reader))


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.name)
def test_a_snapshot_has_the_same_keys_in_runs(path: Path) -> None:
    data = path.read_bytes()
    assert outcome(in_runs(data)) == one_by_one(data)


@given(
    st.lists(st.tuples(st.sampled_from(RECORDS), st.sampled_from((1, 3, 80))), max_size=4),
    st.integers(0, 30),
)
def test_whatever_follows_whatever_is_the_same_in_runs_whole_or_cut(
    parts: list[tuple[bytes, int]], cut: int
) -> None:
    data = snapshot(*(record * times for record, times in parts))
    data = data[: len(data) - cut]
    assert outcome(in_runs(data, max_value=64)) == one_by_one(data, max_value=64)


def test_more_short_strings_than_are_looked_for_at_a_time_are_the_same_in_runs() -> None:
    data = snapshot(*(pair(0, b"\xc1%c\x01" % (n % 256), b"key:%d" % n) for n in range(5000)))
    assert outcome(in_runs(data)) == one_by_one(data)


def test_damage_in_runs_is_told_as_it_is_one_by_one() -> None:
    rng = random.Random(12)
    whole = snapshot(*(b"\x00\x06key%03d\x03abc" % n for n in range(500)), EXPIRY + pair(0, b"\xc0\x07"))
    for _ in range(40):
        data = bytearray(whole)
        data[rng.randrange(9, len(data))] = rng.randrange(256)
        assert outcome(in_runs(bytes(data))) == one_by_one(bytes(data))


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        (ShortStrings, [pair(0, b"\x03abc", b"key%d" % n) for n in range(500)]),
        (ShortStrings, [EXPIRY + pair(0, b"\xc0\x07", b"key%d" % n) for n in range(501)]),
        (Keys, [head + pair(0, b"\x40\x41" + b"a" * 65) for head in (b"", b"\xf9\x07", EXPIRY)]),
        (Keys, [pair(2, b"\x01\x01a"), EXPIRY + pair(0, b"\x01a"), pair(2, b"\x01\x01b")]),
    ],
    ids=["strings", "expiring strings", "hints", "types"],
)
def test_a_run_says_of_its_keys_what_they_say(kind: type[Run], records: list[bytes]) -> None:
    runs = [run for run in in_runs(snapshot(EXPIRY + pair(0, b"\x01a"), *records)) if isinstance(run, Run)]
    run = max(runs, key=len)
    assert type(run) is kind
    batch, entries = RunBatch(run), EntryBatch(run.entries())
    assert [facts_of(batch)] == [facts_of(entries)]
    assert batch.names == [entry.key for entry in entries.entries] == entries.names
    assert batch.offsets == [entry.offset for entry in entries.entries] == entries.offsets
    assert batch.times == [entry.expires_at_ms for entry in entries.entries] == entries.times
    short = batch.short_strings
    assert (short is None) is (kind is Keys)
    if short is not None:
        assert candidates(entries.entries) == []
    assert [plain(batch.entry(index)) for index in range(len(batch))] == [plain(e) for e in entries.entries]


def facts_of(batch: Batch) -> list[object]:
    told = [batch.db, batch.sizes, batch.codes, batch.kinds, batch.expiries, batch.weight, batch.attributed]
    return [*told, len(batch), batch.is_plain, batch.is_brief, batch.has_hints]


def test_counters_that_expire_are_the_same_in_all_windows_of_a_file() -> None:
    """Behind the first window they are found many at a time, up to a key of another kind."""
    texts = [b"counter:%06d" % number for number in range(20_000)]
    numbers = [number.to_bytes(2, "little") for number in range(20_000)]
    records = [EXPIRY + pair(0, b"\xc1" + each, key) for key, each in zip(texts, numbers, strict=True)]
    records.insert(15_000, pair(4, b"\x01\x01f\x01v"))
    with rdbcodec.open(snapshot(*records)) as reader:
        entries = [record for record in reader if isinstance(record, rdbcodec.Entry)]
    between = entries.pop(15_000)
    assert between.value() == {b"f": b"v"}
    assert [entry.key for entry in entries] == texts
    assert [entry.raw[1:] for entry in entries] == numbers
    assert {entry.expires_at_ms for entry in entries} == {1_800_000_000_123}
    starts = [entry.offset for entry in entries]
    assert [end - start for start, end in pairwise(starts)].count(28) == 19_998
