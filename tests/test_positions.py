"""Reading can begin between any two records: where a Position was taken, with what was known there."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from cases import every
from ways import SNAPSHOTS, pair, plain, snapshot, string

import rdbcodec
from rdbcodec import NEED_DATA, Decoder, End, Entry, RdbError
from rdbcodec.limits import MIN_VALUE
from rdbcodec.records import Record
from rdbcodec.records.state import FileContext, Position

K = pair(0, string(b"v"))
PLAIN = [path for path in SNAPSHOTS if path.read_bytes()[:5] in (b"REDIS", b"VALKE")]
STEP = 7  # boundaries between two that are tried; more in files of many
TRIED = 12  # at most in one file


def records_of(decoder: Decoder, data: bytes) -> list[tuple[Record, Position | None]]:
    """The records of a decoder that is fed the rest of a file, each with the position behind it."""
    decoder.feed(data)
    decoder.feed_eof()
    found: list[tuple[Record, Position | None]] = []
    while (record := decoder.next_record()) is not None:
        assert record is not NEED_DATA
        found.append((record, decoder.position()))
    return found


def resumed(position: Position, data: bytes) -> list[Record]:
    """The records of another decoder, in another process, from a position on."""
    there: Position = pickle.loads(pickle.dumps(position))
    decoder = Decoder.resume(there.context, there.offset)
    return [record for record, _ in records_of(decoder, data[there.offset :])]


def look(record: Record) -> tuple[object, ...]:
    """All of a record but its decoded value."""
    if not isinstance(record, Entry):
        return record
    attributes = record.expires_at_ms, record.idle, record.freq, record.meta
    return record.offset, record.db, record.type, record.key, record.raw, attributes, record.serialized_size


@every("path", PLAIN, ids=lambda path: path.name)
def test_the_rest_of_a_snapshot_can_be_read_from_between_any_two_records(path: Path) -> None:
    data = path.read_bytes()
    found = records_of(Decoder(verify_checksum=False), data)
    places = [(place, at) for at, (_, place) in enumerate(found, 1) if place is not None]
    assert places, "no place between two records"
    step = max(STEP, len(places) // TRIED)
    for place, at in [*places[::step], places[-1]]:
        rest = [record for record, _ in found[at:]]
        assert list(map(look, resumed(place, data))) == list(map(look, rest))


def test_every_boundary_of_a_small_snapshot_is_one() -> None:
    data = snapshot(b"\xfe\x05", b"\xfb\x02\x01", K, b"\xfc" + bytes(8) + K, K)
    found = records_of(Decoder(), data)
    assert [place and place.offset for _, place in found] == [9, 11, 14, 19, 33, 38, None]
    assert [place.context.db for _, place in found if place] == [0, 5, 5, 5, 5, 5]
    for at, (_, place) in enumerate(found[:-1], 1):
        assert place is not None
        rest = [plain(record) for record, _ in found[at:]]
        assert [plain(record) for record in resumed(place, data)] == rest


def test_a_position_is_what_was_known_there_whatever_comes_later() -> None:
    templates = [b"\xf2" + bytes((id,)) + b"\x01" + string(name) for id, name in ((1, b"a"), (2, b"b"))]
    use = b"\x20\x01k\x02" + string(b"v")  # a hash that refers to template 2
    data = snapshot(*templates, use, magic=b"REDIS0015")
    found = records_of(Decoder(), data)
    contexts = [place.context for _, place in found if place]
    assert [dict(context.templates) for context in contexts] == [
        {},
        {1: (b"a",)},
        {1: (b"a",), 2: (b"b",)},
        {1: (b"a",), 2: (b"b",)},
    ]
    place = found[2][1]
    assert place is not None
    assert copy.deepcopy(place) == place
    (entry, _) = resumed(place, data)
    assert isinstance(entry, Entry)
    assert entry.value() == {b"b": b"v"}


def test_a_dialect_that_was_given_away_is_known_at_a_position() -> None:
    data = snapshot(b"\xfa\x06df-ver\x011", K, b"\x1e\x01j" + string(b"{}"), magic=b"REDIS0009")
    found = records_of(Decoder(), data)
    place = found[2][1]
    assert place == Position(
        24, FileContext(dialect="dragonfly", is_settled=False, version=9, db=0, templates={})
    )
    assert [record.type for record in resumed(place, data) if isinstance(record, Entry)] == ["json"]


def test_a_dialect_that_was_named_stays() -> None:
    data = snapshot(b"\xfa\x06df-ver\x011", K, magic=b"REDIS0009")
    place = records_of(Decoder(dialect="redis"), data)[0][1]
    assert place is not None
    decoder = Decoder.resume(place.context, place.offset)
    records_of(decoder, data[place.offset :])
    assert decoder.dialect == "redis"


def test_there_is_no_position_before_the_header_among_attributes_and_after_the_end() -> None:
    decoder = Decoder(dialect="keydb")
    assert decoder.position() is None
    data = snapshot(b"\xfa\x0bmvcc-tstamp\x011", K, magic=b"REDIS0009")
    places = [place and place.offset for _, place in records_of(decoder, data)]
    assert places == [9, None, 29, None]
    assert decoder.position() is None


def test_there_is_no_position_in_a_value_that_passes_by() -> None:
    large = pair(0, string(bytes(MIN_VALUE * 2)))
    decoder = Decoder(max_value=MIN_VALUE)
    places = [place and place.offset for _, place in records_of(decoder, snapshot(large, K))]
    assert places == [9, None, 9 + len(large) + len(K), None]


def test_there_is_no_position_after_an_error() -> None:
    decoder = Decoder()
    decoder.feed(snapshot(K, b"\x70", K))
    decoder.next_record()
    decoder.next_record()
    with pytest.raises(rdbcodec.UnknownOpcode):
        decoder.next_record()
    assert decoder.position() is None


def test_a_position_stays_while_more_must_be_fed() -> None:
    decoder, data = Decoder(), snapshot(K, K)
    decoder.feed(data[:16])
    while decoder.next_record() is not NEED_DATA:
        pass
    assert decoder.position() == Position(
        14, FileContext(dialect="redis", is_settled=False, version=12, db=0, templates={})
    )


def test_the_checksum_of_a_part_is_not_verified() -> None:
    data = snapshot(K, K)[:-8] + b"\x01" * 8
    decoder = Decoder(verify_checksum=False)
    place = records_of(decoder, data)[1][1]
    assert place is not None
    end = resumed(place, data)[-1]
    assert isinstance(end, End)
    assert (end.offset, end.size, end.checksum) == (19, 28, "not verified")


def test_between_two_stretches_a_reader_knows_its_position() -> None:
    data = snapshot(*[pair(0, string(bytes(1000)))] * 2000)
    reader = rdbcodec.open(data)
    places, counts = [], []
    for stretch in reader.stretches(300_000):
        counts.append(sum(isinstance(record, Entry) for record in stretch))
        places.append(reader.position())
    assert (sum(counts), len(counts) > 3, places[-1]) == (2000, True, None)
    for at, place in enumerate(places[:-1], 1):
        assert place is not None
        rest = [record for record in resumed(place, data) if isinstance(record, Entry)]
        assert len(rest) == sum(counts[at:])


def test_a_reader_that_is_iterated_knows_no_position() -> None:
    reader = rdbcodec.open(snapshot(K, K))
    reader.next_record()
    position = reader.position()
    assert position is not None
    assert position.offset == 9
    next(iter(reader))
    with pytest.raises(RdbError) as refused:
        reader.position()
    assert str(refused.value) == "a reader knows its position after next_record() and between two stretches"
