"""A look at a table says what its shapes say, whatever its elements are."""

from __future__ import annotations

import io
import math
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rdbcodec
from rdbcodec import Entry, Hash, Set, ZSet
from rdbcodec.facts.batches import EntryBatch
from rdbcodec.facts.memory.allocators import allocator_of
from rdbcodec.facts.memory.columns import COLUMNS
from rdbcodec.facts.memory.element_sizes import TABLES
from rdbcodec.facts.memory.measuring import Measuring
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of

NOTHING_PACKED = {
    f"{of}-entries": 0
    for of in ("set-max-intset", "set-max-listpack", "hash-max-listpack", "zset-max-listpack")
}

numbers = st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number)
texts = st.one_of(
    numbers,
    st.integers(-300, 300).map(lambda number: b"%d" % number),
    st.sampled_from([b"", b"-", b"-0", b"01", b"+1", b"9" * 20, b"x" * 63, b"x" * 64, b"x" * 65, b"7" * 64]),
    st.binary(max_size=24),
    st.integers(20, 600).map(lambda size: b"lzf" * (size // 3)),
)
scores = st.floats(allow_nan=False) | st.integers(-1000, 1000).map(float) | st.just(math.inf)
sets = st.lists(texts, min_size=1, max_size=20, unique=True).map(Set)
of_numbers = st.lists(numbers, min_size=1, max_size=20, unique=True).map(Set)
many = st.sampled_from([127, 128, 129, 511, 512, 513, 600]).map(lambda n: Set(b"m%d" % at for at in range(n)))
hashes = st.dictionaries(texts, texts, min_size=1, max_size=20).map(Hash)
sorted_sets = st.dictionaries(texts, scores, min_size=1, max_size=20).map(lambda of: ZSet(of.items()))


def entry_of(
    value: Set | Hash | ZSet | rdbcodec.List, *, simplest: bool, settings: dict[str, int] = NOTHING_PACKED
) -> Entry:
    """A key whose value is written element by element, unless `settings` say otherwise."""
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2", simplest=simplest, settings=settings) as writer:
        writer.write(b"key", value)
    with rdbcodec.open(out.getvalue()) as reader:
        (entry,) = (record for record in reader if isinstance(record, Entry))
    return entry


@pytest.mark.parametrize("server", ["redis-6.2", "valkey-9.1"])
@given(value=st.one_of(sets, of_numbers, many, hashes, sorted_sets), simplest=st.booleans())
def test_a_look_at_a_table_says_what_its_shapes_say(
    server: str, value: Set | Hash | ZSet, simplest: bool
) -> None:
    model = Model(COLUMNS[server], allocator_of("jemalloc"))
    entry = entry_of(value, simplest=simplest)
    assert entry.row.name in TABLES
    memory, elements = Measuring(model).measure(EntryBatch([entry]), None)
    assert memory == pytest.approx([model.total(chain.from_iterable(shapes_of(entry)))], rel=1e-12)
    assert elements == [len(value)]


alike = st.lists(
    st.lists(texts, min_size=1, max_size=6, unique=True).map(rdbcodec.List) | sets | of_numbers | hashes,
    min_size=2,
    max_size=12,
)


@given(values=alike, simplest=st.booleans())
def test_what_is_remembered_by_its_first_bytes_is_what_its_shapes_say(
    values: list[Set | Hash | rdbcodec.List], simplest: bool
) -> None:
    model = Model(COLUMNS["redis-7.2"], allocator_of("jemalloc"))
    entries = [entry_of(value, simplest=simplest, settings={}) for value in values]
    measuring = Measuring(model)
    for _ in range(2):  # the second time out of what was remembered
        memory, _ = measuring.measure(EntryBatch(entries), None)
        assert memory == pytest.approx(
            [model.total(chain.from_iterable(shapes_of(entry))) for entry in entries], rel=1e-12
        )
