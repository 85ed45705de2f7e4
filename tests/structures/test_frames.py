"""A listpack or ziplist whose frame was seen before is cut by it; what it says is what the walk would say."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, ziplist
from rdbcodec.structures.frames import EVERY, FEW_TEXTS, LARGEST, MOST_TEXTS, Frames

SIZES = (0, 1, 5, 63, 64, 126, 300, 4095, 4096)  # with heads of one, two and five bytes


def texts(rng: random.Random, sizes: tuple[int, ...]) -> list[bytes]:
    """Texts of these sizes that are no integers."""
    return [(b"x" + rng.randbytes(size))[:size] for size in sizes]


@pytest.fixture(params=[listpack, ziplist], ids=["listpack", "ziplist"])
def packed(request: pytest.FixtureRequest) -> Any:
    """The module of a structure with frames."""
    return request.param


@pytest.fixture
def frames(packed: Any, monkeypatch: pytest.MonkeyPatch) -> Frames:
    """Its frames, of which none is known yet."""
    known = Frames()
    monkeypatch.setattr(packed, "_FRAMES", known)
    return known


def test_structures_of_one_shape_are_remembered_and_read_the_same(packed: Any, frames: Frames) -> None:
    rng = random.Random(1)
    for _ in range(2 * EVERY):
        elements = texts(rng, SIZES)
        assert packed.decode(packed.encode(elements)) == elements
    assert len(frames) == 1
    elements = texts(rng, SIZES)
    assert packed.decode(packed.encode(elements)) == elements
    assert packed is ziplist or listpack.decode_mixed(packed.encode(elements)) == elements


def test_every_byte_of_a_known_frame_is_compared(packed: Any, frames: Frames) -> None:
    """Changed anywhere, it gives what it gives where no frame is known: other texts, or damage."""
    rng = random.Random(2)
    for _ in range(EVERY):
        blob = packed.encode(texts(rng, (3, 70, 0, 8)))
        packed.decode(blob)
    known = dict(frames)
    assert [*known] == [len(blob)]
    for at in range(len(blob)):
        for flip in (1, 0x80, 0xFF):
            changed = blob[:at] + bytes((blob[at] ^ flip,)) + blob[at + 1 :]
            frames.update(known)
            told = outcome(packed, changed)
            frames.clear()
            assert told == outcome(packed, changed)


def outcome(packed: Any, blob: bytes) -> list[bytes] | tuple[str, int | None]:
    try:
        elements: list[bytes] = packed.decode(blob)
    except CorruptStructure as error:
        return error.message, error.pos
    return elements


@settings(max_examples=20)
@given(st.lists(st.lists(st.binary(max_size=4), max_size=3), max_size=30))
def test_any_structures_one_after_another_are_read_as_they_were_written(values: list[list[bytes]]) -> None:
    for packed in (listpack, ziplist):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packed, "EVERY", 2)  # `parts` decodes once more
            assert [packed.decode(packed.encode(value)) for value in values] == values


def test_structures_with_integers_or_too_large_are_not_remembered(packed: Any, frames: Frames) -> None:
    for elements in ([b"name", b"7"], [bytes(LARGEST)], []):
        for _ in range(EVERY):
            packed.decode(packed.encode(elements))
    assert not frames


def test_frames_are_known_of_so_many_sizes(
    packed: Any, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdbcodec.structures.frames.MOST", 2)
    for size in (1, 2, 3):
        for _ in range(EVERY):
            blob = packed.encode([b"x" * size])
            packed.decode(blob)
    assert [*frames] == [len(blob)]


def test_frames_hold_so_many_texts_whatever_a_file_is_made_of(
    packed: Any, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of empty texts 8,000 stand in 16 KiB, and a frame of them took a megabyte: 512 MiB of 512 sizes."""
    monkeypatch.setattr(packed, "EVERY", 2)  # `parts` decodes once more
    for number in range(FEW_TEXTS - 20, FEW_TEXTS + 20):
        packed.decode(packed.encode([b""] * number))
        assert sum(len(pieces) - 1 for _, pieces in frames.values()) <= MOST_TEXTS
    assert len(frames) > 1
