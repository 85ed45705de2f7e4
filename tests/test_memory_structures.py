"""What the trees and tables of servers take, by how they came about: as measured in servers that loaded them.

Bytes are those of `used_memory` with Debian's jemalloc (but Redis 8.2, with its own), 2026-11-27.
"""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from typing import Any

import pytest

import rdbcodec
from rdbcodec import Hash, Server, Stream, StreamEntry, StreamId, facts
from rdbcodec.datatypes.streams import Consumer, Group, Pending
from rdbcodec.facts.memory import volatile
from rdbcodec.facts.memory.counted import MemoryPass
from rdbcodec.facts.memory.estimates import estimate
from rdbcodec.facts.memory.growth import converted, grown
from rdbcodec.facts.memory.radix import EMPTY, LEAF, sizes_of_names, sizes_of_numbers
from rdbcodec.facts.memory.volatile import segments_of, windows_of

START = 1_900_000_000_000
ALLOCATORS = {"redis-8.2": "jemalloc"}


def bytes_of(value: Any, name: str) -> int:
    """What a key with this value takes in a server."""
    out = io.BytesIO()
    with rdbcodec.create(out, to=name) as writer:
        writer.write(b"key", value)
    with rdbcodec.open(out.getvalue()) as reader:
        memory = facts.run(reader, [MemoryPass(now_ms=0)])[0]
    return estimate(memory, Server.of(name), allocator=ALLOCATORS.get(name, "debian")).bytes


# --- radix trees --------------------------------------------------------------------------------------


def test_keys_that_differ_in_their_last_byte_have_one_node_for_the_others_and_one_that_branches() -> None:
    """4 bytes of header, what leads on, padding to 8, and a pointer to each child."""
    assert sizes_of_numbers([1, 2, 3], 8) == {4 + 7 + 5 + 8: 1, 4 + 3 + 1 + 3 * 8: 1, LEAF: 3}
    assert sizes_of_numbers([7], 8) == {4 + 8 + 4 + 8: 1, LEAF: 1}
    assert sizes_of_numbers([], 8) == {EMPTY: 1}


def test_a_name_that_begins_another_is_in_the_node_on_the_way_to_it() -> None:
    """A pointer more in that node."""
    assert sizes_of_names([b"g1", b"g10"]) == {4 + 2 + 2 + 8: 1, 4 + 1 + 3 + 8 + 8: 1, LEAF: 1}
    assert sizes_of_names([]) == {EMPTY: 1}


@pytest.mark.parametrize("span", [300, 10**6, 2**63])
def test_numbers_have_the_tree_of_the_names_they_are(span: int) -> None:
    random_ = random.Random(span)
    numbers = sorted({random_.randrange(span) for _ in range(500)})
    assert sizes_of_numbers(numbers, 16) == sizes_of_names(number.to_bytes(16, "big") for number in numbers)


# --- streams ------------------------------------------------------------------------------------------


def stream(groups: int, step: int) -> Stream:
    """Entries `step` ms after each other, or all of one millisecond, which are pending in all groups."""
    ids = [StreamId(START + step * n, 0 if step else n + 1) for n in range(1000)]
    value = Stream(2, [StreamEntry(id_, [(b"a", b"b")]) for id_ in ids], len(ids), ids[-1])
    value.first_id, value.max_deleted_id, value.entries_added = ids[0], StreamId(0, 0), len(ids)
    for number in range(groups):
        group, consumer = Group(b"g%d" % number, ids[-1], len(ids)), Consumer(b"c0", START)
        group.pending = {id_: Pending(id_, START, 1, consumer.name) for id_ in ids}
        consumer.pending, group.consumers = list(ids), [consumer]
        value.groups.append(group)
    return value


@pytest.mark.parametrize(
    ("name", "groups", "step", "measured"),
    [
        ("redis-8.2", 1, 1000, 253.7),
        ("redis-8.2", 2, 1000, 204.8),
        ("redis-8.2", 1, 0, 182.0),
    ],
)
def test_a_pending_entry_takes_as_much_as_measured(
    name: str, groups: int, step: int, measured: float
) -> None:
    """Redis 8.2 has a list of its groups for each, which the first of them pays for."""
    more = bytes_of(stream(groups, step), name) - bytes_of(stream(0, step), name)
    assert more / 1000 / groups == pytest.approx(measured, rel=0.02)


# --- fields that expire -------------------------------------------------------------------------------


def fields(count: int, span: int | None) -> Hash:
    """Fields of 20 bytes, which expire within so many ms; None: never."""
    random_ = random.Random(1)
    value = Hash({b"%020d" % n: b"v" * 20 for n in range(count)})
    if span is not None:
        value.expires_at_ms = {field: START + random_.randrange(span) for field in value}
    return value


@pytest.mark.parametrize(
    ("name", "count", "span", "measured"),
    [
        ("redis-8.2", 2000, 1, 17.6),  # a chain of sixteen fields, and of further ones
        ("redis-8.2", 2000, 1000, 19.9),  # sixteen at most, by when the first of them expires
        ("redis-8.2", 2000, 10**9, 21.7),
        ("redis-8.2", 600, 1000, 27.0),  # with the smaller table, which has not moved yet
        ("redis-8.10", 2000, 1000, 18.6),
        ("redis-8.10", 2000, 10**9, 20.5),
        ("valkey-9.1", 2000, 1, 42.6),  # in one table of pointers, which has grown and not moved yet
        ("valkey-9.1", 2000, 1000, 25.2),  # in vectors, at most 127 fields in each
        ("valkey-9.1", 2000, 10**9, 59.5),  # nearly each in a window of its own
        ("valkey-9.1", 600, 1000, 25.6),
    ],
)
def test_a_fields_expiry_takes_as_much_as_measured(name: str, count: int, span: int, measured: float) -> None:
    more = bytes_of(fields(count, span), name) - bytes_of(fields(count, None), name)
    assert more / count == pytest.approx(measured, abs=0.6)


def test_few_fields_have_one_vector_in_valkey_and_a_chain_in_redis() -> None:
    times = list(range(START, START + 16))
    assert (windows_of(times).blocks, windows_of(times[:1]).blocks) == ({8 + 16 * 8: 1}, {})
    assert segments_of(times) == {}
    assert segments_of([START] * 33) == {16: 1, 24: 3, LEAF: 1}  # three segments, one way to them
    assert windows_of([START] * 500).tables == [500]


def test_of_very_many_expiring_fields_the_first_stand_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes are built of 65,536 fields at most, that a hash of any size is counted in bounded memory."""
    known = bytes_of(fields(2000, 10**9), "valkey-9.1")
    monkeypatch.setattr(volatile, "_MOST", 500)
    assert bytes_of(fields(2000, 10**9), "valkey-9.1") == pytest.approx(known, rel=0.05)


# --- tables that grew ---------------------------------------------------------------------------------


def test_a_small_hash_that_had_to_become_a_table_may_have_two() -> None:
    """40 fields of which one is too long for a listpack: its place decides what tables there are.

    Redis 7.0 took 2,960 bytes a key with it at the 2nd or 40th place, 3,216 at the 17th or 33rd.
    """
    taken = {
        place: bytes_of(
            Hash({b"f%02d" % n: b"v" * (80 if n == place else 10) for n in range(1, 41)}), "redis-7.0"
        )
        for place in (2, 17, 33, 40)
    }
    assert {place: size - taken[2] for place, size in taken.items()} == {2: 0, 17: 256, 33: 256, 40: 0}


@pytest.mark.parametrize(
    ("count", "tables"), [(512, (512, 0)), (513, (1024, 512)), (836, (1024, 512)), (837, (1024, 0))]
)
def test_a_table_that_grew_keeps_the_smaller_one_until_its_buckets_have_moved(
    count: int, tables: tuple[int, int]
) -> None:
    table = grown(count)
    assert (table.buckets, table.left) == tables


def test_a_listpack_that_becomes_a_table_is_made_for_the_fields_to_come() -> None:
    tables: Mapping[int, tuple[int, int]] = {
        long: (converted(40, long).buckets, converted(40, long).left) for long in (2, 17, 33, 40)
    }
    assert tables == {2: (64, 0), 17: (64, 32), 33: (64, 32), 40: (64, 0)}
