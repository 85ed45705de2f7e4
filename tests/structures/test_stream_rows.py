"""Nodes whose entries look alike are taken apart by columns; what is found is what the elements say."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node, stream_rows
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.structures.stream_rows import Cut, Rows, form_of

MASTER = StreamId(1_700_000_000_000, 3)
TEXTS = (b"on", b"off", b"7", b"-300", b"70000", b"-8000000", b"2000000000", b"-9000000000000", b"x" * 80)


def node(values: list[list[bytes]], far: int = 900) -> bytes:
    """A node of entries with these values, whose IDs are ever farther from its own."""
    entries = [
        StreamEntry(
            StreamId(MASTER.ms + far * at * at, MASTER.seq + at % 3),
            [(b"f%d" % field, text) for field, text in enumerate(row)],
        )
        for at, row in enumerate(values)
    ]
    return stream_node.encode(entries)


def alike(rows: int, *, odd: int = 0) -> list[list[bytes]]:
    """Values of rows that are alike but for so many, which stand anywhere."""
    rng = random.Random(rows)
    values = [[b"%04xab" % rng.randrange(1 << 16), *TEXTS] for _ in range(rows)]
    for row in rng.sample(values, odd):
        row[1:3] = rng.choice(TEXTS), b"other"
    return values


def by_elements(blob: bytes) -> list[StreamEntry]:
    return stream_node.live(listpack.decode_mixed(blob), MASTER)


def taught(blob: bytes) -> Rows:
    """Rows that have seen a node."""
    rows = Rows()
    rows.live(blob, MASTER)
    return rows


def by_rows(blob: bytes, rows: Rows) -> list[StreamEntry] | None:
    """The entries, None for a node that is left to the decoder of elements."""
    columns = rows._columns(blob)
    if columns is None:
        return None
    return stream_node.by_columns(MASTER, columns[0], columns[1], rows._names, columns[2:])


def test_the_essay_s_rows() -> None:
    essay = stream_rows.__doc__ or ""
    raw = bytes.fromhex("".join(re.findall(r"^    ((?:[0-9a-f]{2,}(?: +|$))+)", essay, re.MULTILINE)))
    cut = Cut(form_of(raw, 0, 5))
    assert (cut.size, cut.count(raw, 0, 3)) == (12, 3)
    assert [list(column) for column in cut.columns(raw, 0, 36)] == [
        [1, 9, 26],
        [0, 0, 0],
        [b"on", b"up", b"on"],
    ]


@pytest.mark.parametrize("far", [0, 1, 900, 10**7])
@pytest.mark.parametrize("odd", [0, 1, 5])
def test_rows_that_are_alike_are_taken_by_columns(odd: int, far: int) -> None:
    blob = node(alike(100, odd=odd), far)
    assert by_rows(blob, taught(node(alike(3)))) == by_elements(blob)


def test_many_rows_that_are_alike() -> None:
    blob = node(alike(3000), 0)
    assert by_rows(blob, taught(blob)) == by_elements(blob)


@given(
    st.lists(
        st.lists(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=2), min_size=1, max_size=9), max_size=9
    )
)
def test_any_nodes_have_the_entries_that_their_elements_say(nodes: list[list[list[bytes]]]) -> None:
    rows = Rows()
    for values in nodes:
        blob = node(values)
        assert rows.live(blob, MASTER) == by_elements(blob)


def said(blob: bytes, rows: Rows | None) -> object:
    """The entries, or what is wrong with the node and where."""
    try:
        return by_elements(blob) if rows is None else rows.live(blob, MASTER)
    except CorruptStructure as error:
        return error.message, error.pos


def damaged(blob: bytes) -> Iterator[bytes]:
    """With each byte changed, cut, and with bytes behind it."""
    rng = random.Random(len(blob))
    for at, byte in enumerate(blob):
        for changed in {byte ^ 1, byte ^ 0x80, 0, 0xFF, rng.randrange(256)}:
            yield blob[:at] + bytes((changed,)) + blob[at + 1 :]
        yield blob[:at]
    yield blob + b"\xff"


def test_damage_is_told_as_the_elements_tell_it() -> None:
    blob = node(alike(6))
    for changed in damaged(blob):
        assert said(changed, taught(blob)) == said(changed, None), changed.hex()


def test_a_node_of_other_entries_is_left_to_the_elements() -> None:
    rows = taught(node(alike(9)))
    entries = [StreamEntry(StreamId(MASTER.ms, at), [(b"a", b"b")] * (1 + at % 2)) for at in range(9)]
    blob = stream_node.encode(entries)
    assert by_rows(blob, rows) is None
    assert rows.live(blob, MASTER) == by_elements(blob)


def test_what_is_never_alike_is_not_tried_for_ever() -> None:
    rows = Rows()
    for at in range(9):
        values = [[b"x" * (at * 9 + row)] for row in range(9)]
        blob = node(values, 0)
        assert rows.live(blob, MASTER) == by_elements(blob)
    assert not rows._master
