"""Stream nodes: entries under a master, and nodes that contradict themselves."""

from __future__ import annotations

import re

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node
from rdbcodec.structures.stream_node import Node, StreamEntry, StreamId

FIRST = StreamEntry(StreamId(5, 0), [(b"f", b"v1")])
SECOND = StreamEntry(StreamId(6, 3), [(b"f", b"v2")])


def essay_blob() -> bytes:
    """The instance in the module's essay, without its words."""
    essay = stream_node.__doc__ or ""
    lines = re.findall(r"^    ((?:[0-9a-f]{2,}(?: |$))+)", essay.split("Instance")[1], re.MULTILINE)
    return bytes.fromhex("".join(lines))


def test_the_essay_s_instance_both_ways() -> None:
    blob = essay_blob()
    node = stream_node.decode(listpack.decode_mixed(blob), FIRST.id)
    assert node == Node([FIRST, SECOND], 0)
    assert stream_node.encode([FIRST, SECOND]) == blob


texts = st.binary(max_size=12) | st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number)
ids = st.builds(StreamId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
stream_entries = st.builds(StreamEntry, ids, st.lists(st.tuples(texts, texts), max_size=4))


@given(entries=st.lists(stream_entries, min_size=1, max_size=6), same=st.booleans())
def test_entries_survive_their_node(entries: list[StreamEntry], same: bool) -> None:
    if same:  # the same names as the master, other values
        names = [name for name, _ in entries[0].fields]
        entries = [
            StreamEntry(entry.id, [(name, b"%d" % at) for name in names]) for at, entry in enumerate(entries)
        ]
    blob = stream_node.encode(entries)
    elements = listpack.decode_mixed(blob)
    assert stream_node.decode(elements, entries[0].id) == Node(entries, 0)
    assert list(stream_node.iter_decode(iter(elements), entries[0].id)) == entries


def test_a_node_without_entries_is_not_written() -> None:
    with pytest.raises(ValueError, match=r"^a stream node has at least one entry$"):
        stream_node.encode([])


def test_deleted_entries_are_counted_and_left_out() -> None:
    elements: list[bytes | int] = [1, 1, 1, b"f", 0, 3, 0, 0, b"gone", 4, 2, 1, 3, b"v2", 4]
    assert stream_node.decode(elements, FIRST.id) == Node([SECOND], 1)


@every(
    ("elements", "message"),
    [
        ([], "the listpack ends inside an entry"),
        ([1, 0, 1], "the listpack ends inside an entry"),
        ([1, 0, 1, b"f", 0, 2, 0, 0, b"v"], "the listpack ends inside an entry"),
        ([1, 0, -1, 0], "field count is -1"),
        ([1, 0, 2**62, b"f"], "the listpack ends inside an entry"),
        ([1, 0, 1, b"f", 7], "the master entry does not end with 0"),
        ([b"1", 0, 1, b"f", 0], "count is a string, expected an integer"),
        ([1, 0, 1, b"f", 0, 2, 0, 0, b"v", 5], "an entry of 4 elements says it has 5"),
        ([1, 0, 1, b"f", 0, 0, 0, 0, 1, b"f", b"v", 7], "an entry of 6 elements says it has 7"),
        ([1, 0, 1, b"f", 0, 2, 0, 0, b"v", 4, 2], "the listpack goes on after its last entry"),
        ([1, 0, 1, b"f", 0, 3, 0, 0, b"v", 4], "-1 live and +1 deleted entries against its master entry"),
    ],
)
def test_nodes_that_contradict_themselves_are_refused(elements: list[bytes | int], message: str) -> None:
    with pytest.raises(CorruptStructure) as error:
        stream_node.decode(elements, FIRST.id)
    assert str(error.value) == f"stream node: {message}"


def said(decode: object) -> object:
    """What comes out of it: entries or words."""
    try:
        return decode()  # type: ignore[operator]
    except CorruptStructure as error:
        return str(error)


numbers = st.integers(-3, 7)


@given(
    entries=st.lists(st.lists(st.tuples(numbers, texts), min_size=2, max_size=2), min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 40), numbers | texts), max_size=2),
)
def test_a_node_held_says_what_one_passing_by_says(
    entries: list[list[tuple[int, bytes]]], changes: list[tuple[int, int | bytes]]
) -> None:
    elements: list[bytes | int] = [len(entries), 0, 2, b"f", 7, 0]
    for (ms, first), (seq, second) in entries:
        elements += [2, ms, seq, first, second, 5]
    for at, element in changes:
        elements[at % len(elements)] = element
    master = StreamId(5, 2**64 - 2)
    assert said(lambda: stream_node.decode(elements, master).entries) == said(
        lambda: list(stream_node.iter_decode(elements, master))
    )
