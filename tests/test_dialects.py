"""One byte, several meanings: what Valkey, KeyDB, Dragonfly and Redis Enterprise write unlike Redis.

Built by hand from rdb-format.md, section 9, and rdb-v13-15.md, section 7, because no server of ours
writes these. Which dialect a file is in is told by its magic, by an AUX field, or by a code that only one
of them has; the caller may say it instead.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

import lz4.frame
import pytest
from cases import every
from ways import WAYS, entries, pair, plain, plain_value, read, snapshot, string

import rdbcodec
from rdbcodec import (
    Aux,
    ContainerError,
    CorruptStructure,
    Cron,
    Entry,
    Hash,
    Json,
    RawValue,
    Set,
    SlotImport,
    UnknownOpcode,
    UnknownType,
    Vendor,
)
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from pathlib import Path

K, L, M = (pair(0, b"\x01" + key, key) for key in (b"k", b"l", b"m"))
EXPIRY = b"\xfc" + (1234567890123).to_bytes(8, "little")
DRAGONFLY_EPOCH_MS = 1675209600000  # 2023-02-01T00:00:00Z


def aux(name: bytes, value: bytes) -> bytes:
    return b"\xfa" + string(name) + string(value)


def keys(data: bytes) -> list[tuple[int, bytes, int | None]]:
    return [(entry.db, entry.key, entry.expires_at_ms) for entry in entries(data)]


def dialect_of(data: bytes) -> str:
    with rdbcodec.open(data) as reader:
        list(reader)
    return reader.dialect


def refusal(data: bytes) -> rdbcodec.RdbError:
    with pytest.raises(rdbcodec.RdbError) as refused:
        [plain(record) for record in read(data)]
    return refused.value


# --- who wrote it ------------------------------------------------------------------------------------


@every(
    ("data", "dialect"),
    [
        (snapshot(K), "redis"),
        (snapshot(aux(b"redis-ver", b"7.2.6"), K), "redis"),
        (snapshot(K, magic=b"VALKEY080"), "valkey"),
        (snapshot(aux(b"valkey-ver", b"8.0.1"), K, magic=b"REDIS0011"), "valkey"),
        (snapshot(aux(b"VALKEY-VER", b"8.0.1"), K, magic=b"REDIS0011"), "valkey"),
        (snapshot(aux(b"df-ver", b"v1.30"), K, magic=b"REDIS0009"), "dragonfly"),
        (snapshot(aux(b"mvcc-tstamp", b"1"), K, magic=b"REDIS0009"), "keydb"),
        (snapshot(aux(b"repl-masters", b""), K, magic=b"REDIS0009"), "keydb"),
        (snapshot(b"\x79\x05", K, magic=b"REDIS0012"), "enterprise"),
        (snapshot(b"\xc8" + bytes(8), K, magic=b"REDIS0009"), "dragonfly"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_tells_its_dialect(data: bytes, dialect: str) -> None:
    assert dialect_of(data) == dialect
    assert keys(data) == [(0, b"k", None)]


@every("code", [0xC8, 0xD3, 0xDC])
def test_a_code_of_dragonfly_is_damage_where_the_server_named_itself_otherwise(code: int) -> None:
    data = snapshot(aux(b"redis-ver", b"5.0.14"), bytes((code,)) + K[1:], L, magic=b"REDIS0009")
    error = refusal(data)
    assert isinstance(error, UnknownOpcode)
    assert str(error) == f"offset 27: opcode {code} is unknown in dialect redis (header version 9)"
    named = snapshot(
        aux(b"redis-ver", b"5.0.14"), aux(b"df-ver", b"1"), b"\xdc" + bytes(4), K, magic=b"REDIS0009"
    )
    assert dialect_of(named) == "dragonfly"


def test_a_code_is_damage_in_files_of_versions_that_its_dialect_has_not() -> None:
    job = string(b"return 1") + struct.pack("<qq", 1000, 500) + b"\0\0"
    error = refusal(snapshot(pair(64, job), magic=b"REDIS0011"))
    assert str(error) == "offset 9: type 64 is unknown in dialect redis (header version 11)"


def test_the_first_sign_of_a_dialect_counts() -> None:
    data = snapshot(aux(b"valkey-ver", b"8.0.1"), aux(b"df-ver", b"1"), K, magic=b"REDIS0011")
    assert dialect_of(data) == "valkey"


def test_the_caller_knows_the_dialect_better_than_the_file() -> None:
    with rdbcodec.open(snapshot(aux(b"df-ver", b"1"), K), dialect="redis") as reader:
        assert [type(record).__name__ for record in reader] == ["Header", "Aux", "Entry", "End"]
        assert reader.dialect == "redis"


# --- Redis and Valkey --------------------------------------------------------------------------------

VALKEY_FIELD_TTL = bytes.fromhex("02 0166 0176 00d8c32cbb030000 0167 0177 ffffffffffffffff")
REDIS_RC_FIELD_TTL = bytes.fromhex("01 81000003bb2cc3d800 0166 0176")


def hash_of(fields: dict[bytes, bytes], expires_at_ms: dict[bytes, int]) -> Hash:
    value = Hash(fields)
    value.expires_at_ms = expires_at_ms
    return value


def test_type_22_is_a_pre_release_hash_of_redis_in_a_redis_file() -> None:
    (entry,) = entries(snapshot(pair(22, REDIS_RC_FIELD_TTL), magic=b"REDIS0011"))
    assert entry.encoding == "hashtable-ttl-rc"
    assert plain_value(entry.value()) == plain_value(hash_of({b"f": b"v"}, {b"f": 4102444800000}))


def test_type_22_is_a_hash_with_field_ttls_of_valkey_in_a_valkey_9_file() -> None:
    (entry,) = entries(snapshot(pair(22, VALKEY_FIELD_TTL), magic=b"VALKEY080"))
    assert entry.encoding == "hashtable-ttl"
    expected = hash_of({b"f": b"v", b"g": b"w"}, {b"f": 4102444800000})
    assert plain_value(entry.value()) == plain_value(expected)


@pytest.mark.parametrize("value", [VALKEY_FIELD_TTL, REDIS_RC_FIELD_TTL], ids=["of Valkey", "of Redis"])
def test_type_22_is_refused_in_a_file_of_valkey_8(value: bytes) -> None:
    data = snapshot(aux(b"valkey-ver", b"8.0.1"), pair(22, value), magic=b"REDIS0011")
    error = refusal(data)
    assert isinstance(error, UnknownType)
    assert (error.code, error.dialect, error.offset) == (22, "valkey", 27)
    assert str(error) == "offset 27: type 22 is unknown in dialect valkey (header version 11)"


def test_a_negative_field_ttl_of_valkey_is_damage() -> None:
    value = VALKEY_FIELD_TTL.replace(b"\xff" * 8, b"\xfe" + b"\xff" * 7)
    error = refusal(snapshot(pair(22, value), magic=b"VALKEY080"))
    assert str(error) == (
        "offset 9, db 0, key b'k', type hash-ttl-valkey: hash field expiry is -2, expected -1 or milliseconds"
    )


def test_path_hashes_came_with_valkey_9_2() -> None:
    value = b"\x01\x01p\x01\x01f\x01v"
    (entry,) = entries(snapshot(pair(23, value), magic=b"VALKEY081"))
    assert plain_value(entry.value()) == ("PathHash", [(b"p", ("Hash", [(b"f", b"v")], {}))])
    error = refusal(snapshot(pair(23, value), magic=b"VALKEY080"))
    assert str(error) == "offset 9: type 23 is unknown in dialect valkey (header version 80)"


def test_opcode_243_is_key_metadata_in_redis_and_a_slot_import_in_valkey() -> None:
    meta = bytes.fromhex("f3 01 09f5c428 02 2a 00")
    with_meta, without = entries(snapshot(meta, K, L, magic=b"REDIS0013"))
    assert (with_meta.meta, without.meta) == (meta, None)
    job = b"\xf3" + string(b"j" * 40) + b"\x02\x00\x05\x47\xd0\x7f\xff"
    _, record, entry, _ = read(snapshot(job, K, magic=b"VALKEY080"))
    assert record == SlotImport(9, job, b"j" * 40, ((0, 5), (2000, 16383)))
    assert isinstance(entry, Entry)
    assert (entry.key, entry.meta) == (b"k", None)


def test_opcode_242_is_a_replicated_command_in_valkey_9_2_only() -> None:
    command = b"\xf2*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"
    _, record, _, _ = read(snapshot(command, K, magic=b"VALKEY081"))
    assert record == Vendor(9, command, "update")
    error = refusal(snapshot(command, K, magic=b"VALKEY080"))
    assert isinstance(error, UnknownOpcode)
    assert str(error) == "offset 9: opcode 242 is unknown in dialect valkey (header version 80)"


@pytest.mark.parametrize("command", [b"*x\r\n", b"2\r\n$3", b"*1\r\n*1\r\n", b"*" + b"1" * 30])
def test_a_replicated_command_that_is_no_resp_is_damage(command: bytes) -> None:
    error = refusal(snapshot(b"\xf2" + command, magic=b"VALKEY081"))
    assert isinstance(error, CorruptStructure)
    assert error.message == "a replicated command is not in RESP form"


# --- KeyDB -------------------------------------------------------------------------------------------


@every("way", WAYS)
def test_keydb_puts_a_timestamp_between_an_expiry_and_its_key(way: str, tmp_path: Path) -> None:
    stamp, next_stamp = aux(b"mvcc-tstamp", b"123"), aux(b"mvcc-tstamp", b"124")
    data = snapshot(EXPIRY, stamp, K, next_stamp, L, magic=b"REDIS0009")
    _, first, key, second, next_key, _ = WAYS[way](data, tmp_path)
    assert (first, second) == (
        Aux(18, stamp, b"mvcc-tstamp", b"123", of_next_key=True),
        Aux(40, next_stamp, b"mvcc-tstamp", b"124", of_next_key=True),
    )
    assert isinstance(key, Entry)
    assert isinstance(next_key, Entry)
    assert (key.key, key.expires_at_ms, key.offset, key.serialized_size) == (
        b"k",
        1234567890123,
        9,
        14 + len(stamp),
    )
    assert (next_key.key, next_key.expires_at_ms, next_key.offset, next_key.serialized_size) == (
        b"l",
        None,
        40,
        5 + len(next_stamp),
    )


def test_keydb_tells_member_expiries_after_their_key() -> None:
    remarks = (aux(b"keydb-subexpire-key", b"m"), aux(b"keydb-subexpire-when", b"1700000000000"))
    data = snapshot(pair(2, b"\x01\x01m"), *remarks, L, magic=b"REDIS0009")
    found = [(record.name, record.value) for record in read(data) if isinstance(record, Aux)]
    assert found == [(b"keydb-subexpire-key", b"m"), (b"keydb-subexpire-when", b"1700000000000")]
    assert dialect_of(data) == "keydb"


def test_a_cron_job_is_keydb() -> None:
    job = string(b"return 1") + struct.pack("<qq", 1000, 500) + b"\x01\x01k" + b"\x02\x01a\x01b"
    (entry,) = entries(snapshot(pair(64, job), magic=b"REDIS0009"))
    assert (entry.type, entry.value()) == ("cron", Cron(b"return 1", 1000, 500, [b"k"], [b"a", b"b"]))


# --- Redis Enterprise --------------------------------------------------------------------------------


def test_hints_of_redis_enterprise_are_kept_and_change_nothing() -> None:
    data = snapshot(EXPIRY + b"\x6b\x05", K, b"\x79\x47\xd0", L, magic=b"REDIS0011")
    _, key, slot, next_key, _ = read(data)
    assert isinstance(key, Entry)
    assert isinstance(next_key, Entry)
    assert (key.key, key.expires_at_ms, key.offset, key.serialized_size) == (b"k", 1234567890123, 9, 16)
    assert slot == Vendor(25, b"\x79\x47\xd0", "slot-number")
    assert (next_key.key, next_key.expires_at_ms, next_key.offset) == (b"l", None, 28)
    assert dialect_of(data) == "enterprise"


def test_hints_of_redis_enterprise_are_unknown_to_valkey() -> None:
    error = refusal(snapshot(b"\x79\x05", K, magic=b"VALKEY080"))
    assert str(error) == "offset 9: opcode 121 is unknown in dialect valkey (header version 80)"


# --- Dragonfly ---------------------------------------------------------------------------------------

DRAGONFLY = aux(b"df-ver", b"v1.30")


def dragonfly(*records: bytes) -> bytes:
    return snapshot(*records, magic=b"REDIS0009")


def lz4_blob(*records: bytes) -> bytes:
    return b"\xca" + string(lz4.frame.compress(b"".join(records)))


def chunk(tag: int, piece: bytes) -> bytes:
    return b"\xe0" + struct.pack("<II", tag, len(piece)) + piece


def test_the_types_of_dragonfly() -> None:
    found = entries(
        dragonfly(
            DRAGONFLY,
            pair(30, b"\x02{}"),
            pair(31, b"\x02\x01f\x01v\x02-1\x01g\x01w\x0210"),
            pair(32, b"\x02\x01a\x02-1\x01b\x0210"),
            pair(20, b"\x03[1]"),
            pair(35, b"\x02\x01\x05" + bytes(16)),
        )
    )
    members = Set([b"a", b"b"])
    members.expires_at_ms = {b"b": DRAGONFLY_EPOCH_MS + 10000}
    fields = hash_of({b"f": b"v", b"g": b"w"}, {b"g": DRAGONFLY_EPOCH_MS + 10000})
    sketch = RawValue(b"\x02\x01\x05" + bytes(16))
    assert [entry.type for entry in found] == ["json", "hash", "set", "json", "cms"]
    assert [plain_value(entry.value()) for entry in found] == [
        plain_value(value) for value in (Json(b"{}"), fields, members, Json(b"[1]"), sketch)
    ]


def test_the_types_of_dragonfly_are_those_of_redis_8_10_where_nothing_says_dragonfly() -> None:
    error = refusal(dragonfly(pair(30, b"\x02{}")))
    assert isinstance(error, CorruptStructure)
    assert error.type == "hash-template-listpack-ref"


@every("way", WAYS)
def test_a_compressed_blob_holds_records_like_any_other(way: str, tmp_path: Path) -> None:
    data = dragonfly(DRAGONFLY, b"\xfe\x02", lz4_blob(EXPIRY, K, b"\xfe\x03", L), M)
    found = [record for record in WAYS[way](data, tmp_path) if isinstance(record, Entry)]
    assert [(entry.db, entry.key, entry.expires_at_ms, entry.value()) for entry in found] == [
        (2, b"k", 1234567890123, b"k"),
        (3, b"l", None, b"l"),
        (3, b"m", None, b"m"),
    ]


def test_records_in_a_compressed_blob_have_the_place_of_the_blob() -> None:
    data = dragonfly(K, lz4_blob(L, pair(2, b"\x02\x01a\x01a")), M)
    found = entries(data)
    assert [entry.offset for entry in found] == [9, 14, 14, data.index(M)]
    with pytest.raises(CorruptStructure) as refused:
        found[2].value()
    assert str(refused.value) == (
        "offset 14, db 0, key b'k', type set: set members are not unique: 2, of which 1 distinct"
    )


BROKEN_BLOBS: dict[str, tuple[bytes, str]] = {
    "an EOF mark": (lz4_blob(K, b"\xff"), "a compressed blob holds an EOF mark"),
    "half a record": (lz4_blob(K[:-1]), "a compressed blob ends inside a record"),
    "an expiry without its key": (lz4_blob(EXPIRY), "a compressed blob ends inside a record"),
    "half a frame": (
        b"\xca" + string(lz4.frame.compress(K)[:-3]),
        "an LZ4 blob ends inside its frame",
    ),
    "no frame": (
        b"\xca" + string(b"not an LZ4 frame"),
        "an LZ4 blob cannot be unpacked: LZ4F_decompress failed with code: ERROR_frameType_unknown",
    ),
}


@pytest.mark.parametrize("name", BROKEN_BLOBS)
def test_a_broken_blob_is_refused_at_its_place(name: str) -> None:
    blob, message = BROKEN_BLOBS[name]
    error = refusal(dragonfly(DRAGONFLY, blob, L))
    assert isinstance(error, CorruptStructure)
    assert str(error) == f"offset {9 + len(DRAGONFLY)}: {message}"


@pytest.mark.parametrize("depth", [2, 400])
def test_a_blob_in_a_blob_is_refused(depth: int) -> None:
    """Dragonfly nests none; each level might hold a bomb."""
    record = K
    for _ in range(depth):
        record = lz4_blob(record)
    assert isinstance(refusal(dragonfly(record)), CorruptStructure)


def test_an_expiry_before_a_blob_does_not_jump_over_its_keys() -> None:
    try:
        found = keys(dragonfly(DRAGONFLY, EXPIRY, lz4_blob(K), L))
    except CorruptStructure:
        return
    assert found[1] == (0, b"l", None)


def test_a_blob_may_unpack_to_any_size_and_its_large_values_pass_by() -> None:
    value = b"\x00\x01k" + string(bytes(65 << 20))
    with rdbcodec.open(dragonfly(DRAGONFLY, lz4_blob(value + L))) as reader:
        found = [(entry.key, sum(map(len, entry.chunks()))) for entry in reader if isinstance(entry, Entry)]
    assert found == [(b"k", (65 << 20) + 5), (b"l", 2)]


def test_a_record_in_pieces_is_held_whatever_the_size_of_values_that_are() -> None:
    text = string(bytes(1000))
    (entry,) = entries(dragonfly(chunk(1, b"\x00\x01k" + text[:500]), chunk(1, text[500:])), max_value=64)
    assert (entry.is_large, entry.value()) == (False, bytes(1000))


def test_too_many_records_in_pieces_at_a_time_are_refused() -> None:
    error = refusal(dragonfly(*(chunk(tag, b"\x00") for tag in range(300))))
    assert isinstance(error, rdbcodec.LimitExceeded)
    assert error.message == (
        "too many records in interleaved pieces at a time: 257 records, the limit is 256"
    )


@pytest.mark.parametrize("wrapping", [b"\x28\xb5\x2f\xfd" + bytes(20), dragonfly(DRAGONFLY, b"\xc9\x02ab")])
def test_zstd_without_its_package_names_the_package(wrapping: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)  # what Python does for a module that is not there
    error = refusal(wrapping)
    assert isinstance(error, ContainerError)
    assert str(error) == (
        "the data is compressed with zstd: install the package `zstandard` (pip install 'rdbcodec[zstd]')"
    )


def test_zstd_files_and_blobs_are_read_like_lz4_ones() -> None:
    zstandard = pytest.importorskip("zstandard", reason="the optional package zstandard is not installed")
    compress = zstandard.ZstdCompressor().compress
    blob = b"\xc9" + string(compress(K))
    assert keys(dragonfly(blob, L)) == [(0, b"k", None), (0, b"l", None)]
    assert keys(compress(snapshot(K, L))) == [(0, b"k", None), (0, b"l", None)]


LIST_OF_AB = pair(1, b"\x02\x01a\x01b", b"l1")
LIST_OF_CD = pair(1, b"\x02\x01c\x01d", b"l2")


@every("way", WAYS)
def test_pieces_of_large_records_come_interleaved(way: str, tmp_path: Path) -> None:
    data = dragonfly(
        *(b"\xfe\x01", chunk(1, EXPIRY + LIST_OF_AB[:5]), chunk(2, LIST_OF_CD[:3]), b"\xfe\x02"),
        *(K, chunk(1, LIST_OF_AB[5:7]), chunk(2, LIST_OF_CD[3:]), chunk(1, LIST_OF_AB[7:])),
    )
    found = [record for record in WAYS[way](data, tmp_path) if isinstance(record, Entry)]
    assert [(entry.db, entry.key, entry.expires_at_ms, entry.value()) for entry in found] == [
        (2, b"k", None, b"k"),
        (1, b"l2", None, [b"c", b"d"]),
        (1, b"l1", 1234567890123, [b"a", b"b"]),
    ]


def test_a_tag_may_be_used_again_once_its_record_is_complete() -> None:
    data = dragonfly(chunk(1, K), chunk(1, L), chunk(1, M[:2]), chunk(1, M[2:]))
    assert [key for _, key, _ in keys(data)] == [b"k", b"l", b"m"]


def test_a_piece_has_the_place_of_its_first_chunk() -> None:
    data = dragonfly(chunk(1, LIST_OF_AB[:5]), K, chunk(1, LIST_OF_AB[5:]))
    assert {entry.key: entry.offset for entry in entries(data)} == {b"k": 23, b"l1": 9}


@pytest.mark.parametrize(
    "records",
    [[chunk(1, LIST_OF_AB[:5])], [chunk(1, EXPIRY), K], [lz4_blob(chunk(1, LIST_OF_AB[:5]))]],
    ids=["half a list", "an expiry without its key", "half a list in a blob"],
)
def test_a_record_whose_last_piece_is_missing_is_not_dropped_silently(records: list[bytes]) -> None:
    error = refusal(dragonfly(DRAGONFLY, *records))
    assert isinstance(error, CorruptStructure)


def test_sticky_and_memcached_flags_belong_to_the_next_key() -> None:
    sticky, memcached = b"\xdc" + struct.pack("<I", 1), b"\xdc" + struct.pack("<II", 2, 77)
    first, second, third = entries(dragonfly(sticky, K, memcached, L, M))
    assert [entry.serialized_size for entry in (first, second, third)] == [10, 14, 5]
    assert [entry.offset for entry in (first, second, third)] == [9, 19, 33]


VENDOR_RECORDS = {
    "full-sync-end": b"\xc8" + bytes(8),
    "journal-blob": b"\xd2\x05" + string(b"blob"),
    "journal-offset": b"\xd3" + bytes(8),
    "search-doc-ids": b"\xdf\x00\x01i\x01\x01k\x05",
}


@pytest.mark.parametrize("name", VENDOR_RECORDS)
def test_what_only_dragonfly_understands_is_kept_as_it_came(name: str) -> None:
    raw = VENDOR_RECORDS[name]
    _, record, entry, _ = read(dragonfly(raw, K))
    assert record == Vendor(9, raw, name)
    assert isinstance(entry, Entry)
    assert entry.key == b"k"


def test_lengths_of_a_sketch_are_not_believed() -> None:
    huge = lengths.encode(2**64 - 1)
    error = refusal(dragonfly(DRAGONFLY, pair(35, huge * 3)))
    assert isinstance(error, rdbcodec.RdbError)
