"""What patterns say of the nodes of streams, the decoder says too, whatever byte is another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, node_patterns, stream_node
from rdbcodec.structures.node_patterns import count_entries
from rdbcodec.structures.stream_node import StreamEntry, StreamId

MASTER = StreamId(5, 0)


def node(entries: int, names: tuple[bytes, ...] = (b"f", b"7")) -> bytes:
    ids = [StreamId(5 + at * at, at * 700) for at in range(entries)]
    return stream_node.encode(
        [StreamEntry(key, [(name, b"%d" % (at * 999) * 2) for name in names]) for at, key in enumerate(ids)]
    )


def damaged(blob: bytes) -> Iterator[bytes]:
    """Each byte another, one too few, one too many."""
    for at, was in enumerate(blob):
        for byte in {was ^ 1, was ^ 2, was ^ 0x40, was ^ 0x80, 0x00, 0x01, 0xC0, 0xF1, 0xFF} - {was}:
            yield blob[:at] + bytes((byte,)) + blob[at + 1 :]
    yield blob[:-1]
    yield blob + b"\xff"


def count_decoded(blob: bytes) -> int | None:
    try:
        return stream_node.count_live(listpack.decode_mixed(blob), MASTER)
    except CorruptStructure:
        return None


@pytest.mark.parametrize("entries", [1, 3, 130])
def test_entries_of_usual_nodes_are_counted(entries: int) -> None:
    assert count_entries(node(entries)) == entries
    assert count_entries(node(entries, names=())) == entries


def test_entries_are_counted_as_the_decoder_counts_them_or_not_at_all() -> None:
    said = [(count_entries(blob), count_decoded(blob)) for blob in damaged(node(3))]
    assert all(count is None or count == decoded for count, decoded in said)
    assert sum(count is not None for count, _ in said) > 50  # of another text or number


def test_nodes_of_other_forms_are_for_the_decoder() -> None:
    deleted: list[bytes | int] = [1, 1, 1, b"f", 0, 2, 0, 0, b"v", 4, 3, 1, 0, b"v", 4]
    other_fields: list[bytes | int] = [1, 0, 1, b"f", 0, 0, 0, 0, 1, b"g", b"v", 6]
    long_text: list[bytes | int] = [1, 0, 1, b"f", 0, 2, 0, 0, b"v" * 64, 4]
    for elements in (deleted, other_fields, long_text):
        assert (count_entries(listpack.encode(elements)), count_decoded(listpack.encode(elements))) == (
            None,
            1,
        )


def test_a_node_is_gone_through_once_however_much_of_it_is_nearly_an_entry() -> None:
    """Small numbers begin like entries: tried from each, a node took 70 times the decoder."""
    elements: list[bytes | int] = [5, 0, 63, *[2] * 63, 0, *[2] * 336]
    assert count_entries(listpack.encode(elements)) is None
    _, entry = node_patterns._entries(63)
    assert entry.findall(b"\x02\x01" * 1000) == [b"\x02\x01" * 1000]
