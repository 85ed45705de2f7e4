"""What patterns say of listpacks, the decoder says too, whatever byte is another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node
from rdbcodec.structures.listpack_forms import count_entries, is_usual
from rdbcodec.structures.stream_node import StreamEntry, StreamId

MASTER = StreamId(5, 0)
NUMBERS = [0, 127, 128, -1, 4095, -4096, 32767, 1 << 20, 1 << 30, 1 << 60, -(1 << 63)]
ELEMENTS: list[bytes | int] = [*NUMBERS, *[b"x" * size for size in (0, 1, 2, 31, 62, 63)]]


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


@pytest.mark.parametrize("times", [0, 1, 5])
def test_a_listpack_of_usual_elements_is_sound(times: int) -> None:
    assert is_usual(listpack.encode(ELEMENTS * times))
    assert not is_usual(listpack.encode([*ELEMENTS * times, b"x" * 64]))


def test_a_listpack_is_usual_only_when_it_decodes() -> None:
    said = [(is_usual(blob), blob) for blob in damaged(listpack.encode(ELEMENTS))]
    for is_sound, blob in said:
        if is_sound:
            listpack.decode(blob)
    assert sum(is_sound for is_sound, _ in said) > 50


def test_a_listpack_whose_count_is_unknown_is_for_the_decoder() -> None:
    blob = listpack.encode([b"a"])
    unknown = blob[:4] + b"\xff\xff" + blob[6:]
    assert (is_usual(unknown), listpack.decode(unknown)) == (False, [b"a"])
