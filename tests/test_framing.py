"""The two walkers read one notation; wherever bytes are cut they find the same ends."""

from __future__ import annotations

import contextlib
import random
from itertools import accumulate
from pathlib import Path

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

import rdbcodec
from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import LENGTH, TYPES, Fixed, Special, Steps, TypeRow
from rdbcodec.framing import Walk, asking, compile_walk
from rdbcodec.wire import strings

SNAPSHOTS = Path(__file__).parent.parent / "fixtures" / "snapshots"
TEMPLATES = {0: (b"f", b"g"), 1: (b"a", b"b", b"c")}
WALKED = [row for row in TYPES if row.name != "module"]


def walk_in_pieces(framing: Steps, data: bytes, size: int) -> tuple[int, bool]:
    """The end found when the bytes come `size` at a time and what was walked is dropped."""
    walk = Walk(framing, TEMPLATES)
    window, dropped = b"", 0
    for at in range(0, len(data), size):
        window += data[at : at + size]
        pos = walk.advance(window, 0)
        dropped += pos
        window = window[pos:]
        if walk.done:
            break
    return dropped, walk.done


def whole(framing: Steps, data: bytes) -> int | None:
    """The end found when all bytes are there; None when they are not enough."""
    try:
        end = compile_walk(framing, TEMPLATES)(data, 0)
    except IndexError:
        return None
    return end if end <= len(data) else None


def values() -> list[tuple[TypeRow, bytes]]:
    """The longest value of each type in the fixtures, up to 20 KB."""
    found: dict[str, tuple[TypeRow, bytes]] = {}
    for path in sorted(SNAPSHOTS.glob("*.rdb")):
        for record in rdbcodec.open(path.read_bytes()):
            templated = (
                isinstance(record, rdbcodec.Entry) and "template" in record.row.name
            )  # ends where that says
            if isinstance(record, rdbcodec.Entry) and len(record.raw) < 20_000 and not templated:
                longest = found.setdefault(record.row.name, (record.row, b""))[1]
                if len(record.raw) > len(longest):
                    found[record.row.name] = (record.row, record.raw)
    return list(found.values())


@every(("row", "raw"), [pytest.param(row, raw, id=row.name) for row, raw in values()])
def test_values_of_real_servers_end_where_they_end_however_they_are_cut(row: TypeRow, raw: bytes) -> None:
    data = raw + b"\xff\x00\xff"
    assert whole(row.framing, data) == len(raw)
    for size in (1, 2, 3, 7, 64, 1000, len(data)):
        assert walk_in_pieces(row.framing, data, size) == (len(raw), True)
    for cut in {0, 1, len(raw) // 2, len(raw) - 1}:
        assert whole(row.framing, raw[:cut]) is None
        assert walk_in_pieces(row.framing, raw[:cut], 5)[1] is False


@every("row", WALKED, ids=lambda row: row.name)
@given(data=st.binary(max_size=60), size=st.integers(1, 9))
def test_both_walkers_agree_about_any_bytes(row: TypeRow, data: bytes, size: int) -> None:
    try:
        end: int | str | None = whole(row.framing, data)
    except CorruptStructure:
        end = "corrupt"
    try:
        pos, done = walk_in_pieces(row.framing, data, size)
        found: int | str | None = pos if done else None
    except CorruptStructure:
        found = "corrupt"
    # With all bytes at hand a walk may step beyond their end before it meets what is corrupt.
    assert found == end or (end is None and found == "corrupt") or (end == "corrupt" and found is None)


@every("count", [2**32 - 1, 2**60, 2**64 - 1])
@every("row", WALKED, ids=lambda row: row.name)
def test_made_up_counts_cost_nothing(row: TypeRow, count: int) -> None:
    data = b"\x81" + count.to_bytes(8, "big") + b"\x01" * 40
    end = None
    with contextlib.suppress(CorruptStructure):
        end = whole(row.framing, data)
        assert end is None or row.framing[0] is LENGTH or isinstance(row.framing[0], Fixed)
    with contextlib.suppress(CorruptStructure):
        assert walk_in_pieces(row.framing, data, 7)[1] == (end is not None)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("array", b"\x01\x02", "array cursor flag is 2, expected 0 or 1"),
        ("array", b"\x01\x00\x00\x04", "array element tag is 4, expected 0 to 3"),
        ("template_array_ref", b"\x07", "hash refers to template 7, which the file has not defined"),
        ("template_listpack", b"\x02", "template field format is 2, expected 0 or 1"),
        ("chunked", b"\x05\x06", "chunk of 6 bytes where 5 are left"),
        ("chunked", b"\x05\x00", "chunk of 0 bytes where 5 are left"),
    ],
)
def test_special_framings_say_what_is_wrong(name: str, data: bytes, message: str) -> None:
    for walk in (lambda: whole((Special(name),), data), lambda: walk_in_pieces((Special(name),), data, 1)):
        with pytest.raises(CorruptStructure) as error:
            walk()
        assert error.value.message == message


@every("seed", range(40))
def test_strings_walked_together_end_where_those_walked_one_by_one_do(seed: int) -> None:
    rng = random.Random(seed)
    tail = rng.choice((0, 8))
    odd = [b"\xc0\x05", b"\xc1\x00\x01", b"\xc2" + bytes(4), b"\x40\x05hello", lzf_of(b"a" * 300), b"\x00"]
    texts = [
        rng.choice(odd)
        if rng.random() < rng.choice((0, 0.001, 0.1))
        else b"%c%b" % (size, rng.randbytes(size))
        for size in rng.choices(range(64), k=700)
    ]
    ends = list(accumulate((len(text) + tail for text in texts), initial=0))
    table = b"".join(text + bytes(tail) for text in texts)
    for size in (len(table), rng.randrange(len(table))):
        stop = rng.choice((None, size, rng.randrange(len(table))))
        most = size if stop is None else min(size, stop)
        walked = max(n for n, end in enumerate(ends) if end <= most)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asking, "_MANY", 1)
            found = asking.walk_strings(table[:size], 0, len(texts), tail, stop)
        assert found == (len(texts) - walked, ends[walked])


def lzf_of(text: bytes) -> bytes:
    packed = strings.encode(text)
    assert packed[0] == strings.LZF
    return packed
