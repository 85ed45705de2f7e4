"""Values larger than `max_value` pass by in pieces and are the same values.

Every value of a snapshot is read with limits so small that most are large, through windows no larger
than the limit, and held against an ordinary reading.
"""

from __future__ import annotations

import io
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from cases import every
from ways import SNAPSHOTS, lzf_run, pair, plain, snapshot, thinned

import rdbcodec
from rdbcodec import NEED_DATA, Decoder, Entry, LimitExceeded, RdbError
from rdbcodec.wire import lengths
from rdbcodec.wire.long_strings import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rdbcodec import Record

LIMITS = (64, 1024)

FILES = thinned(*SNAPSHOTS)
every_snapshot = every("data", FILES.values(), ids=FILES)
both_limits = every("limit", LIMITS)


class Trickle(io.RawIOBase):
    """A file that gives few bytes at a time, as pipes and sockets may."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__()
        self._file = io.BytesIO(data)
        self._most = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(self._most if size < 0 else min(size, self._most))


def trickled(data: bytes, limit: int) -> rdbcodec.Reader:
    """A reader whose window is hardly larger than the limit."""
    return rdbcodec.open(Trickle(data, limit), max_value=limit)


@cache
def ordinary(data: bytes) -> list[Record]:
    with rdbcodec.open(data) as reader:
        return list(reader)


def beside(data: bytes, limit: int) -> Iterator[tuple[Record, Record]]:
    """The records of an ordinary reading, each with that of a reading with the limit."""
    with trickled(data, limit) as reader:
        yield from zip(ordinary(data), reader, strict=True)


def entries_beside(data: bytes, limit: int) -> Iterator[tuple[Entry, Entry]]:
    for whole, limited in beside(data, limit):
        if isinstance(whole, Entry):
            assert isinstance(limited, Entry)
            yield whole, limited


def flat(entry: Entry) -> list[Any]:
    return list(chain.from_iterable(entry.items()))


def texts(entry: Entry) -> list[bytes]:
    """The strings in the elements of an ordinary entry."""
    elements = [part for item in flat(entry) for part in (item if isinstance(item, tuple) else (item,))]
    return [part for part in elements if isinstance(part, bytes)]


def largest_string(entry: Entry) -> int:
    return max(map(len, texts(entry)), default=0)


@both_limits
@every_snapshot
def test_a_value_is_large_when_it_is_larger_than_the_limit_however_it_came(data: bytes, limit: int) -> None:
    """Decoder: the records do not depend on how the bytes were cut, one at a time or all at once."""
    expected = [len(whole.raw) > limit for whole in ordinary(data) if isinstance(whole, Entry)]
    with rdbcodec.open(data, max_value=limit) as at_once, trickled(data, limit) as in_pieces:
        for reader in (at_once, in_pieces):
            assert [record.is_large for record in reader if isinstance(record, Entry)] == expected


@pytest.mark.once
@both_limits
@every_snapshot
def test_a_skipped_large_value_leaves_all_other_records_as_they_are(data: bytes, limit: int) -> None:
    for whole, limited in beside(data, limit):
        if not isinstance(limited, Entry):
            assert limited == whole
            continue
        assert isinstance(whole, Entry)
        assert place(limited) == place(whole)
        if limited.is_large:
            assert limited.count is None
        else:
            assert (limited.raw, limited.count, limited.serialized_size) == (
                whole.raw,
                whole.count,
                whole.serialized_size,
            )


def place(entry: Entry) -> tuple[object, ...]:
    return (
        entry.db,
        entry.key,
        entry.type,
        entry.encoding,
        entry.code,
        entry.expires_at_ms,
        entry.idle,
        entry.freq,
        entry.offset,
    )


@both_limits
@every_snapshot
def test_the_chunks_of_a_large_value_are_its_bytes(data: bytes, limit: int) -> None:
    for whole, limited in entries_beside(data, limit):
        pieces = list(limited.chunks())
        assert b"".join(pieces) == whole.raw
        assert all(pieces)
        assert max(map(len, pieces)) <= max(2 * limit, len(whole.raw) if not limited.is_large else 0)


@both_limits
@every_snapshot
def test_the_items_of_a_large_value_are_those_of_a_held_one(data: bytes, limit: int) -> None:
    """But for a single string that is itself larger than the limit, which is refused by its size."""
    for whole, limited in entries_beside(data, limit):
        found = items_or_refusal(limited)
        if isinstance(found, list):
            assert joined(whole, found) == joined(whole, flat(whole))
        else:
            assert whole.type != "string"
            assert largest_string(whole) > limit
            assert (found.offset, found.db, found.key, found.limit) == (
                whole.offset,
                whole.db,
                whole.key,
                limit,
            )


def items_or_refusal(entry: Entry) -> list[Any] | LimitExceeded:
    try:
        return flat(entry)
    except LimitExceeded as error:
        return error


def joined(entry: Entry, items: list[Any]) -> object:
    """Strings come in pieces, and may be cut anywhere."""
    return b"".join(items) if entry.type == "string" else items


@pytest.mark.once
@both_limits
@every_snapshot
def test_items_can_skip_what_is_too_large_to_hold(data: bytes, limit: int) -> None:
    for whole, limited in entries_beside(data, limit):
        if limited.is_large and whole.type in ("list", "set"):
            found = list(chain.from_iterable(limited.items(skip_large=True)))
            pairs = list(zip(flat(whole), found, strict=True))
            assert all(element == kept for element, kept in pairs if type(kept) is not Skipped)
            assert all(len(element) > limit for element, kept in pairs if type(kept) is Skipped)


@pytest.mark.once
@both_limits
@every_snapshot
def test_the_size_of_a_large_value_is_told_after_walking_over_it(data: bytes, limit: int) -> None:
    for whole, limited in entries_beside(data, limit):
        assert limited.serialized_size == whole.serialized_size
        assert limited.serialized_size == whole.serialized_size


@pytest.mark.once
@both_limits
@every_snapshot
def test_a_large_value_is_verified_without_being_held(data: bytes, limit: int) -> None:
    for _, limited in entries_beside(data, limit):
        if limited.is_large:
            limited.verify()


@pytest.mark.once
@both_limits
@every_snapshot
def test_a_large_value_is_not_given_whole(data: bytes, limit: int) -> None:
    for _, limited in entries_beside(data, limit):
        if limited.is_large:
            with pytest.raises(LimitExceeded) as no_value:
                limited.value()
            with pytest.raises(LimitExceeded) as no_raw:
                _ = limited.raw
            assert str(no_value.value) == str(no_raw.value)
            assert no_value.value.message == (
                f"the value is too large to hold: {limit + 1} bytes, max_value is {limit}"
            )


# --- a value that is too late, or too early ----------------------------------------------------------

TEXT = bytes(range(256)) * 16
LARGE = pair(0, lengths.encode(len(TEXT)) + TEXT)
NEXT = pair(0, b"\x01w", b"l")
TWO = snapshot(LARGE, NEXT)
PASSED = "the value has passed by: read it before asking for the next record, and once"


def test_a_large_value_is_gone_once_the_next_record_was_asked_for() -> None:
    with trickled(TWO, 64) as reader:
        _, large, following, _ = reader
    assert isinstance(large, Entry)
    assert isinstance(following, Entry)
    for late in (large.items, large.chunks):
        with pytest.raises(RdbError) as refused:
            list(late())
        assert (type(refused.value), str(refused.value)) == (RdbError, PASSED)
    with pytest.raises(RdbError) as refused:
        large.verify()
    assert str(refused.value) == PASSED
    assert (large.key, large.is_large, following.value()) == (b"k", True, b"w")


def test_a_large_value_is_read_once() -> None:
    with trickled(TWO, 64) as reader:
        large = next(record for record in reader if isinstance(record, Entry))
        assert b"".join(flat(large)) == TEXT
        with pytest.raises(RdbError) as refused:
            list(large.chunks())
        assert str(refused.value) == PASSED
        following = next(record for record in reader if isinstance(record, Entry))
    assert following.value() == b"w"


def test_a_large_value_read_in_part_leaves_the_rest_to_the_reader() -> None:
    with trickled(TWO, 64) as reader:
        large = next(record for record in reader if isinstance(record, Entry))
        pieces = large.chunks()
        first = next(pieces)
        following = next(record for record in reader if isinstance(record, Entry))
    assert (lengths.encode(len(TEXT)) + TEXT).startswith(first)
    assert following.value() == b"w"
    with pytest.raises(RdbError) as refused:
        next(pieces)
    assert str(refused.value) == PASSED


def fed_entry(decoder: Decoder, data: bytes) -> Entry:
    decoder.feed(data)
    while True:
        record = decoder.next_record()
        assert record is not NEED_DATA
        if isinstance(record, Entry):
            return record


def test_the_chunks_of_a_starved_decoder_are_empty_and_go_on_after_the_next_feed() -> None:
    decoder = Decoder(max_value=64)
    cut = 2000
    pieces = fed_entry(decoder, TWO[:cut]).chunks()
    found = []
    while piece := next(pieces):
        found.append(piece)
    assert b"".join(found) == TWO[12:cut]
    assert next(pieces) == b""
    decoder.feed(TWO[cut:])
    assert b"".join([*found, *pieces]) == TWO[12 : 9 + len(LARGE)]
    following = decoder.next_record()
    assert isinstance(following, Entry)
    assert following.value() == b"w"


def test_a_starved_decoder_asks_for_data_instead_of_skipping_a_large_value() -> None:
    decoder = Decoder(max_value=64)
    large = fed_entry(decoder, TWO[:2000])
    assert decoder.next_record() is NEED_DATA
    assert decoder.next_record() is NEED_DATA
    decoder.feed(TWO[2000:])
    following = decoder.next_record()
    assert isinstance(following, Entry)
    assert following.value() == b"w"
    assert large.serialized_size == len(LARGE)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda entry: list(entry.items()),
            "a value that is still being fed has no elements yet, only chunks()",
        ),
        (lambda entry: entry.serialized_size, "a value that is still being fed has no size yet"),
    ],
    ids=["items", "serialized_size"],
)
def test_a_starved_decoder_has_no_elements_and_no_size_to_tell(ask: Any, message: str) -> None:
    decoder = Decoder(max_value=64)
    large = fed_entry(decoder, TWO[:2000])
    with pytest.raises(RdbError) as refused:
        ask(large)
    assert str(refused.value) == message


def test_a_large_value_that_is_cut_says_so_to_whoever_reads_it() -> None:
    with trickled(TWO[:1000], 64) as reader:
        large = next(record for record in reader if isinstance(record, Entry))
        with pytest.raises(rdbcodec.Truncated) as refused:
            list(large.chunks())
        assert str(refused.value) == "offset 1000: the file ends inside a record"
        with pytest.raises(rdbcodec.Truncated):
            next(iter(reader))


def test_elements_are_read_in_batches_however_much_they_unpack_to_together() -> None:
    """Two strings of 65 KB are no string larger than 100 KB."""
    value = lengths.encode(2) + lzf_run(b"a", 248) * 2
    with rdbcodec.open(snapshot(pair(1, value)), max_value=100_000) as reader:
        entry = next(record for record in reader if isinstance(record, Entry))
        assert flat(entry) == [b"a" * (1 + 264 * 248)] * 2


@every("limit", [64, 128, 4096])
@every("code", [0, 1, 2, 4, 5])
def test_what_is_held_and_what_passes_by_agree_on_records(code: int, limit: int) -> None:
    values = {
        0: lengths.encode(300) + bytes(300),
        1: lengths.encode(100) + b"".join(b"\x03%03d" % at for at in range(100)),
        2: lengths.encode(100) + b"".join(b"\x03%03d" % at for at in range(100)),
        4: lengths.encode(50) + b"".join(b"\x03%03d" % at for at in range(100)),
        5: lengths.encode(30) + b"".join(b"\x03%03d" % at + bytes(8) for at in range(30)),
    }
    data = snapshot(pair(code, values[code]), NEXT)
    with trickled(data, limit) as limited, rdbcodec.open(data) as whole:
        for held, passed in zip(whole, limited, strict=True):
            if isinstance(held, Entry) and isinstance(passed, Entry):
                assert joined(held, flat(passed)) == joined(held, flat(held))
            else:
                assert plain(passed) == plain(held)
