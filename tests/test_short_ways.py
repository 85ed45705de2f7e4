"""`Entry.value` has ways shorter than the layout's own `decode`; what they say of any bytes is the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from odd import ODD, stream

import rdbcodec
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.errors import DecodeError
from rdbcodec.facts.batches import EntryBatch
from rdbcodec.facts.problems import doubtful, entry_problems
from rdbcodec.integrity.oddities import columns_of
from rdbcodec.limits import MAX_VALUE, MIN_VALUE
from rdbcodec.records import Entry
from rdbcodec.wire.long_strings import skip

SNAPSHOTS = Path(__file__).parents[1] / "fixtures" / "snapshots"
NAMES = ("redis-2.4.18-types.rdb", "redis-6.2.16-types.rdb", "redis-7.2.6-types.rdb", "redis-8.2.3-types.rdb")
LONGEST = 600  # bytes of a value that is damaged here


def entries(data: bytes) -> Iterator[Entry]:
    return (record for record in rdbcodec.open(data) if isinstance(record, Entry))


def said(entry: Entry) -> str:
    """What the value is, or what is wrong with it."""
    try:
        return repr(entry.value())
    except DecodeError as error:
        return f"{type(error).__name__}: {error.message}"


def said_by_the_layout(entry: Entry) -> str:
    try:
        return repr(layout_of(entry.row).decode(entry.raw, entry.scope()))
    except DecodeError as error:
        return f"{type(error).__name__}: {error.message}"
    except IndexError:
        return "CorruptStructure: the value ends inside an element"


def damaged(raw: bytes, rng: random.Random) -> Iterator[bytes]:
    """The value with a byte changed near its start and anywhere, cut, and with bytes behind it."""
    for most in (4, 12, len(raw)):
        at = rng.randrange(min(most, len(raw)))
        yield raw[:at] + bytes((rng.randrange(256),)) + raw[at + 1 :]
    yield raw[: rng.randrange(len(raw))]
    yield raw + b"\xff"


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_the_same_by_the_short_way_and_by_its_layout(name: str) -> None:
    rng = random.Random(name)
    seen = 0
    for entry in entries(SNAPSHOTS.joinpath(name).read_bytes()):
        if entry.type in ("string", "module") or entry.serialized_size > LONGEST:
            continue
        assert said(entry) == said_by_the_layout(entry)
        for raw in damaged(entry.raw, rng):
            changed = entry.with_value(raw)
            assert said(changed) == said_by_the_layout(changed), (entry.row.name, raw)
        seen += 1
    assert seen


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_a_value_that_shows_at_once_that_nothing_is(name: str) -> None:
    rng = random.Random(name)
    clear: Counter[str] = Counter()
    for entry in entries(SNAPSHOTS.joinpath(name).read_bytes()):
        if not entry.raw or entry.serialized_size > LONGEST or entry.type == "module":
            continue
        for raw in (entry.raw, *damaged(entry.raw, rng)):
            changed = entry.with_value(raw)
            if raw and not list(doubtful(EntryBatch([changed]))):
                assert not entry_problems(changed), (entry.row.name, raw)
                clear[entry.type] += 1
    assert min(clear[kind] for kind in ("string", "list", "set", "zset", "hash")) > 0


@pytest.mark.parametrize("max_value", [MIN_VALUE, MAX_VALUE])
def test_names_and_scores_are_those_of_the_items(max_value: int) -> None:
    seen: Counter[str] = Counter()
    data = SNAPSHOTS.joinpath(NAMES[-1]).read_bytes()
    for by_items, by_columns in zip(
        *(rdbcodec.open(data, max_value=max_value) for _ in range(2)), strict=True
    ):
        if not isinstance(by_items, Entry) or layout_of(by_items.row).odd.columns is None:
            continue
        assert isinstance(by_columns, Entry)
        items = list(chain.from_iterable(by_items.items(skip_large=True)))
        columns = list(by_columns.read_by(columns_of(by_columns.row), skip))
        assert list(chain.from_iterable(names for names, _ in columns)) == [item[0] for item in items]
        if by_items.type == "zset":
            assert list(chain.from_iterable(scores for _, scores in columns)) == [item[1] for item in items]
        seen[by_items.row.name] += 1
    assert min(seen["hash"], seen["zset-2"]) > 0


@pytest.mark.parametrize("name", [name for name in ODD if name.startswith("stream")])
def test_a_stream_that_is_odd_does_not_show_at_once_that_it_is_not(name: str) -> None:
    for entry in entries(ODD[name]):
        assert list(doubtful(EntryBatch([entry]))) or not entry_problems(entry)


def test_a_stream_without_groups_shows_at_once_that_it_is_sound() -> None:
    for entry in entries(stream()):
        assert not list(doubtful(EntryBatch([entry])))


def test_one_damaged_value_among_many_is_the_one_that_is_found() -> None:
    sound = b"\x0b\x02k%d\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"
    keys = [sound % number for number in range(10)]
    keys[7] = keys[7][:-4] + b"\x02\x00\x01\x00"
    data = b"REDIS0011" + b"".join(keys) + b"\xff" + bytes(8)
    found = list(doubtful(EntryBatch(list(entries(data)))))
    assert [entry.key for entry in found] == [b"k7"]


@pytest.mark.parametrize("raw", [b"\xc0", b"\xc1\x01", b"\xc2\x01\x02\x03", b"\xc3\x05"])
def test_a_string_that_ends_inside_its_number_is_damage(raw: bytes) -> None:
    entry = next(entries(b"REDIS0011\x00\x01k\x01v\xff" + bytes(8)))
    with pytest.raises(rdbcodec.CorruptStructure, match="the value ends inside an element"):
        entry.with_value(raw).value()
