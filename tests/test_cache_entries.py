"""Keys as caches have them: with an expiry, idle time or frequency before them, as servers write them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from cases import every
from ways import pair, snapshot

import rdbcodec
from rdbcodec.records import AttributedEntry, CacheEntry, LargeEntry

if TYPE_CHECKING:
    from rdbcodec import Entry

AT_MS = 1_900_000_000_123
EXPIRY = b"\xfc" + AT_MS.to_bytes(8, "little")
NEVER = b"\xfc" + b"\xff" * 8  # -1 ms: servers dispute what it means
PAST = b"\xfc" + (-5).to_bytes(8, "little", signed=True)
FREQ, IDLE = b"\xf9\x07", b"\xf8\x05"
SECONDS = b"\xfd" + (AT_MS // 1000).to_bytes(4, "little")
META = b"\xf3\x00"
STRING = pair(0, b"\x01v")
LIST = pair(1, b"\x02\x01a\x01b")


def entries(data: bytes) -> list[Entry]:
    return [record for record in rdbcodec.open(data) if isinstance(record, rdbcodec.Entry)]


def told(entry: Entry) -> tuple[Any, ...]:
    attributes = (entry.expires_at_ms, entry.idle, entry.freq, entry.disputed)
    return (type(entry), entry.offset, entry.serialized_size, entry.attribute_bytes, *attributes)


HEADS = {
    EXPIRY: (CacheEntry, AT_MS, None, None),
    FREQ: (CacheEntry, None, None, 7),
    IDLE: (CacheEntry, None, 5, None),
    EXPIRY + FREQ: (CacheEntry, AT_MS, None, 7),
    EXPIRY + IDLE: (CacheEntry, AT_MS, 5, None),
    EXPIRY + b"\xf8\x40\x64": (CacheEntry, AT_MS, 100, None),
    EXPIRY + b"\xf8\x80\x00\x01\x00\x00": (CacheEntry, AT_MS, 65536, None),
    b"\xf8\x81" + (1 << 40).to_bytes(8, "big"): (CacheEntry, None, 1 << 40, None),
    PAST: (AttributedEntry, -5, None, None),
    SECONDS: (AttributedEntry, AT_MS // 1000 * 1000, None, None),
    FREQ + EXPIRY: (AttributedEntry, AT_MS, None, 7),
    IDLE + FREQ: (AttributedEntry, None, 5, 7),
    EXPIRY + META: (AttributedEntry, AT_MS, None, None),
}


@every("head", HEADS, ids=bytes.hex)
def test_what_stands_before_keys_is_told(head: bytes) -> None:
    data = snapshot(STRING, head + STRING, head + LIST, STRING)
    kind, at_ms, idle, freq = HEADS[head]
    at, size = 9 + len(STRING), len(head) + len(STRING)
    found = entries(data)
    assert [told(entry) for entry in found[1:3]] == [
        (kind, at, size, head, at_ms, idle, freq, None),
        (kind, at + size, len(head) + len(LIST), head, at_ms, idle, freq, None),
    ]
    assert [entry.value() for entry in found] == [b"v", b"v", [b"a", b"b"], b"v"]


@every("head", [*HEADS, NEVER, EXPIRY + EXPIRY, EXPIRY + NEVER], ids=bytes.hex)
def test_entries_are_the_same_however_the_bytes_come(head: bytes) -> None:
    data = snapshot(head + STRING, head + LIST, b"\xfe\x01", head + LIST)
    whole = [told(entry) for entry in entries(data)]
    for cut in range(len(data)):
        decoder = rdbcodec.Decoder()
        found = []
        for piece in (data[:cut], data[cut:]):
            decoder.feed(piece)
            while (record := decoder.next_record()) not in (None, rdbcodec.NEED_DATA):
                if isinstance(record, rdbcodec.Entry):
                    found.append(told(record))
        assert found == whole


def test_a_database_between_expiry_and_key_leaves_the_place_at_the_expiry() -> None:
    (entry,) = entries(snapshot(EXPIRY, b"\xfe\x02", STRING))
    assert told(entry) == (CacheEntry, 9, 9 + len(STRING), EXPIRY, AT_MS, None, None, None)
    assert entry.db == 2


def test_a_large_value_has_its_expiry_too() -> None:
    value = b"\x80\x00\x01\x00\x00" + b"x" * 65536
    reader = rdbcodec.open(snapshot(EXPIRY + pair(0, value), EXPIRY + STRING), max_value=4096)
    found = [
        (type(record), record.offset, record.expires_at_ms)
        for record in reader
        if isinstance(record, rdbcodec.Entry)
    ]
    second = 9 + 9 + 3 + len(value)
    assert found == [(LargeEntry, 9, AT_MS), (CacheEntry, second, AT_MS)]


def test_the_first_of_each_opcode_has_its_place() -> None:
    reader = rdbcodec.open(snapshot(STRING, FREQ + STRING, EXPIRY + FREQ + STRING, EXPIRY + IDLE + STRING))
    list(reader)
    size = len(STRING)
    assert reader.opcodes == {
        "freq": 9 + size,
        "expiretime-ms": 9 + size + 2 + size,
        "idle": 9 + size + 2 + size + 11 + size + 9,
    }


def test_damage_behind_an_expiry_names_its_key() -> None:
    with pytest.raises(rdbcodec.CorruptStructure) as caught:
        entries(snapshot(EXPIRY + pair(1, b"\x01\xc7", b"name")))
    assert (caught.value.key, caught.value.type) == (b"name", "list")


def test_an_unknown_type_behind_an_expiry_is_no_opcode() -> None:
    with pytest.raises(rdbcodec.UnknownType, match=r"^offset 18: type 99 is unknown in dialect redis"):
        entries(snapshot(EXPIRY + pair(99, b"\x01v")))


def test_a_file_that_ends_behind_an_expiry_is_truncated() -> None:
    data = snapshot(EXPIRY + FREQ + STRING)
    for size in range(9, len(data) - 9):
        with pytest.raises(rdbcodec.Truncated):
            entries(data[:size])


def test_copies_for_the_same_server_have_the_same_bytes() -> None:
    records = [head + STRING for head in (EXPIRY, FREQ, IDLE, EXPIRY + FREQ, EXPIRY + IDLE)]
    data = snapshot(*records, magic=b"REDIS0009")
    output = io.BytesIO()
    with rdbcodec.create(output, version=9, checksum=False, duplicates="allow") as writer:
        for record in rdbcodec.open(data):
            writer.write(record)
    assert b"".join(records) in output.getvalue()


def test_hints_are_lost_for_servers_that_know_none_and_expiries_are_not() -> None:
    data = snapshot(EXPIRY + IDLE + STRING, EXPIRY + pair(0, b"\x01v", b"l"), magic=b"REDIS0009")
    output = io.BytesIO()
    with rdbcodec.create(output, version=6, checksum=False, allow_loss=True) as writer:
        for record in rdbcodec.open(data):
            writer.write(record)
    assert EXPIRY + STRING + EXPIRY + pair(0, b"\x01v", b"l") in output.getvalue()
    assert [(loss.kind, loss.times) for loss in writer.losses.of("hint")] == [("idle", 1)]
