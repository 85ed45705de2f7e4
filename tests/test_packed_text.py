"""Text made of packed bytes, without the value: what the value gives, or nothing where it is unusual."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ways import pair, snapshot

import rdbcodec
from rdbcodec import Hash, Set, ZSet
from rdbcodec.exports.resp_words import Recipient
from rdbcodec.exports.scalars import to_json
from rdbcodec.exports.values import all_forms, form_of, of_packed, text_of
from rdbcodec.records import Entry
from rdbcodec.structures import listpack, ziplist

RECIPIENT = Recipient(9, frozenset(all_forms()), 0, lambda *_, **__: None)
TEXT = st.binary(max_size=5) | st.text(st.characters(codec="ascii"), max_size=5).map(str.encode)
SCORE = st.floats(allow_nan=False) | st.integers(-(10**17), 10**17).map(float) | st.sampled_from([0.1, -0.0])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "zset": st.dictionaries(TEXT, SCORE, min_size=1, max_size=6).map(ZSet),
    "hash": st.dictionaries(TEXT, TEXT, min_size=1, max_size=6).map(Hash),
    "set": st.sets(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=9).map(
        lambda numbers: Set(b"%d" % number for number in numbers)
    ),
}


def entry_of(value: Any, version: int) -> Entry:
    out = io.BytesIO()
    with rdbcodec.create(out, version=version) as writer:
        writer.write(b"k", value)
    (entry,) = (record for record in rdbcodec.open(out.getvalue()) if isinstance(record, Entry))
    return entry


@pytest.mark.parametrize("type_", VALUES)
@pytest.mark.parametrize("version", [9, 11])
@given(data=st.data())
def test_packed_bytes_give_what_the_value_gives(version: int, type_: str, data: st.DataObject) -> None:
    entry = entry_of(data.draw(VALUES[type_]), version)
    form, value = form_of(type_), entry.value()
    assert entry.row.name in form.packed
    assert entry.row.name in form.packed_command
    assert text_of(entry) == to_json(form.members(value))[1:-1]
    assert form.command is not None
    make = form.packed_command[entry.row.name]
    command = of_packed(entry, lambda blob: make(entry.key, blob, RECIPIENT))
    assert command in (None, form.command(entry, value, RECIPIENT))


def packed(*elements: bytes) -> tuple[tuple[int, bytes], ...]:
    """Hash and sorted set of these elements, in both structures: type bytes and blobs."""
    old, new = ziplist.encode(elements), listpack.encode(elements)
    return (13, old), (12, old), (16, new), (17, new)


ODD = [
    *packed(b"f", b"1", b"f", b"2"),  # a name twice
    *packed(b"f", b"1", b"g"),  # half a pair
    *packed(),
    *packed(b"f", b"not a number")[1::2],
    *((code, blob[:-1] + b"\xfe") for code, blob in packed(b"f", b"1")),
    (11, bytes.fromhex("02000000 02000000 0500 0400")),  # descending
    (11, bytes.fromhex("02000000 02000000 0500")),
    (11, bytes.fromhex("02000000 00000000")),
]


@pytest.mark.parametrize(("code", "blob"), ODD)
def test_what_is_odd_is_left_to_the_value(code: int, blob: bytes) -> None:
    data = snapshot(pair(code, bytes([len(blob)]) + blob, b"k"), magic=b"REDIS0011")
    (entry,) = (record for record in rdbcodec.open(data) if isinstance(record, Entry))
    form, name = form_of(entry.type), entry.row.name
    assert of_packed(entry, form.packed[name]) is None
    assert of_packed(entry, lambda blob: form.packed_command[name](b"k", blob, RECIPIENT)) is None


@pytest.mark.parametrize(("code", "blob"), [*packed(b"a", b"nan", b"b", b"inf")[1::2]])
def test_scores_that_are_no_numbers_to_json_are_told_as_those_of_the_value(code: int, blob: bytes) -> None:
    data = snapshot(pair(code, bytes([len(blob)]) + blob, b"k"), magic=b"REDIS0011")
    (entry,) = (record for record in rdbcodec.open(data) if isinstance(record, Entry))
    form, name = form_of(entry.type), entry.row.name
    assert of_packed(entry, form.packed[name]) == '"value":{"a":"nan","b":"inf"}'
    assert of_packed(entry, lambda blob: form.packed_command[name](b"k", blob, RECIPIENT)) is None


@given(st.lists(st.text("0123456789.-", min_size=1, max_size=20), min_size=1, max_size=4))
@example(["3.8300000000000001", "3.83"])
@example(["-0", "0"])
def test_scores_are_told_alike_when_they_are_met_again(scores: list[str]) -> None:
    flat = [word for number, score in enumerate(scores) for word in (b"m%d" % number, score.encode())]
    _, (code, blob) = packed(*flat)[2:]
    data = snapshot(pair(code, bytes([0x40 | len(blob) >> 8, len(blob) & 0xFF]) + blob, b"k"))
    (entry,) = (record for record in rdbcodec.open(data) if isinstance(record, Entry))
    first, again = (of_packed(entry, form_of("zset").packed["zset-listpack"]) for _ in range(2))
    assert first == again
    if first is not None:
        assert first == to_json(form_of("zset").members(entry.value()))[1:-1]
