"""Python's garbage collector waits while a large stream is made, and is then as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from interpreters import tells_when_it_collects

from rdbcodec.datatypes.collecting import Uncollected
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import Stream, decode_stream, encode_id
from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import stream_node
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.strings import Budget

pytestmark = tells_when_it_collects
NODES, ENTRIES = 40, 100


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, ...]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield 700, 10, 10
    gc.set_threshold(*before)


def large_stream() -> bytes:
    raw = lengths.encode(NODES)
    for ms in range(NODES):
        entries = [StreamEntry(StreamId(ms, seq), [(b"field", b"value %d" % seq)]) for seq in range(ENTRIES)]
        raw += strings.encode(encode_id(entries[0].id)) + strings.encode(stream_node.encode(entries))
    return (
        raw
        + lengths.encode(NODES * ENTRIES)
        + lengths.encode(NODES - 1)
        + lengths.encode(ENTRIES - 1)
        + b"\0"
    )


def decoded(raw: bytes) -> Stream:
    return decode_stream(raw, Scope(Budget(), {}))


def test_nothing_is_collected_while_a_large_stream_is_made(thresholds: tuple[int, ...]) -> None:
    raw, collections = large_stream(), []
    gc.callbacks.append(lambda phase, _: collections.append(phase))
    try:
        stream = decoded(raw)
    finally:
        gc.callbacks.pop()
    assert len(stream.entries) == NODES * ENTRIES
    assert collections.count("start") <= 1  # one may begin before the wait, or behind it
    assert gc.get_threshold() == thresholds


def test_it_is_as_it_was_behind_damage(thresholds: tuple[int, ...]) -> None:
    with pytest.raises(CorruptStructure):
        decoded(large_stream()[:-1] + b"\xff\xff")
    assert gc.get_threshold() == thresholds


def test_who_comes_second_leaves_the_end_of_the_wait_to_the_first(thresholds: tuple[int, ...]) -> None:
    with Uncollected():
        with Uncollected():
            pass
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold() == thresholds


def test_what_another_thread_switches_meanwhile_stays() -> None:
    with Uncollected():
        gc.disable()
    is_on = gc.isenabled()
    gc.enable()
    assert not is_on


def test_a_collector_that_is_off_stays_off() -> None:
    gc.set_threshold(0, 10, 10)
    with Uncollected():
        pass
    assert gc.get_threshold()[0] == 0
