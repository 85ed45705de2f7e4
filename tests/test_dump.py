"""DUMP payloads: taken apart, made for every version, and refused with the reason.

The payloads in hex are those of rdb-v13-15.md, section 10, and rdb-format.md, chapter 5; the values of the
other types are the least ones of fixtures/vectors, which every server that knows the type has loaded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cases import every, examples
from hypothesis import given
from hypothesis import strategies as st
from strategies import VALUES, as_read
from ways import FIXTURES, SNAPSHOTS, corpus, entries, pair, plain_value, read, snapshot

import rdbcodec
from rdbcodec import (
    Array,
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    EncodeError,
    Entry,
    Hash,
    List,
    Pending,
    Set,
    Stream,
    StreamId,
    Truncated,
    UnknownType,
    UnsupportedVersion,
    ZSet,
    dump,
)
from rdbcodec.datatypes.streams import Idempotence, Producer
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.encoding.transcoding import encode_value, natural
from rdbcodec.formats import TYPES, Dialect
from rdbcodec.losses import row_of
from rdbcodec.servers import Server
from rdbcodec.wire.crc64 import crc64

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL: dict[str, str] = json.loads((FIXTURES / "vectors" / "minimal_values.json").read_text())["values_hex"]
EMPTY_LIST = "an empty list: Redis 2.4 to 6.0 load it, 6.2 and later drop the key; drop-empty leaves it out"
NOT_WHOLE = "cannot be written whole"
VERSIONS = (*range(1, 16), 80, 81)


def from_hex(shown: str) -> bytes:
    return bytes.fromhex(shown.replace("|", ""))


def sealed(body: bytes, version: int) -> bytes:
    """A body with a right footer, made without the module under test."""
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def same(value: Any) -> tuple[object, ...]:
    """A value without the order that its layout gave it."""
    if isinstance(value, Stream):
        return "Stream", repr(in_version(value, 5, _none_lost))
    if isinstance(value, Array):
        return "Array", sorted(value.elements.items()), value.cursor
    name, content, *expiries = plain_value(value)
    return name, repr(sorted(content) if isinstance(value, Set | dict) else content), expiries  # type: ignore[call-overload]


def _none_lost(kind: str) -> None:
    raise AssertionError(kind)


def row_named(name: str) -> Any:
    return next(row for row in TYPES if row.name == name)


# --- taking apart -----------------------------------------------------------------------------------

STREAM_10_1 = """
    1b 01 10 000001a203a9f1f3 0000000000000000 36 3600000014000301000101018166020001020100010001827631
    030401020100010101827632030401020100010201827633030401ff
    03  81000001a203a9f1f3 02  81000001a203a9f1f3 00  00 00  03  00
    4064 4064 02
    05 70726f6441 02  05 6969642d31 81000001a203a9f1f3 00  05 6969642d32 81000001a203a9f1f3 01
    05 70726f6442 01  10 57eed791ce826b8880481eadde025bc5 81000001a203a9f1f3 02
    03 01
    0e00 46946d0c93ae46d4"""
STREAM_10_2 = """
    1b 01 10 0000000000000001 0000000000000000 3e 3e0000001900040100010101816602000102010001000181760204
    01020101010001817602040102010201000181760204010201030100018176020401ff
    04  04 00  01 00  00 00  04
    01  01 67  04 00  04
    04  00000000000000010000000000000000 f3f1a903a2010000 01
        00000000000000020000000000000000 0000000000000000 01
        00000000000000030000000000000000 0000000000000000 01
        00000000000000040000000000000000 0000000000000000 00
    01  01 63 f3f1a903a2010000 f3f1a903a2010000 01 00000000000000010000000000000000
    03  00000000000000020000000000000000 00000000000000030000000000000000 00000000000000040000000000000000
    4064 4064 00 00 00
    0e00 a33ed6c162159ba4"""
AL = Hash({b"age": b"42", b"name": b"Al", b"email": b"al@x"})
PAYLOADS: dict[str, tuple[str, int, str, Any]] = {
    "a string of Redis 5": ("00 01 76 | 09 00 | 41 fa 9f 7e 4d be e9 7f", 9, "string", b"v"),
    "an array of one integer": (
        "1c 01 00  00 01 0100000000000000  0e00 5e17f7b92ee56201",
        14,
        "array",
        Array({0: b"1"}),
    ),
    "an array inserted twice": (
        "1c 02 01 01  00 03 0178  01 03 0179  0e00 21b8c0770b60db3e",
        14,
        "array",
        Array({0: b"x", 1: b"y"}, 1),
    ),
    "an array with a gap": (
        "1c 02 00  80 00011170 03 0171  81 fffffffffffffffe 03 017a  0e00 5ffe342dcadc322b",
        14,
        "array",
        Array({70000: b"q", 2**64 - 2: b"z"}),
    ),
    "a template hash 29, format 0": (
        """1d 00 19 19 00 00 00 03 00 83 61 67 65 04 84 6e 61 6d 65 05 85 65 6d 61 69 6c 06 ff
        15 15 00 00 00 04 00 00 01 2a 01 82 41 6c 03 84 61 6c 40 78 05 ff 0f 00 b2 76 fe d8 42 0e 8a 95""",
        15,
        "hash-template-listpack",
        AL,
    ),
    "a template hash 29, format 1": (
        """1d 01 03 03 61 67 65 04 6e 61 6d 65 05 65 6d 61 69 6c
        15 15 00 00 00 04 00 00 01 2a 01 82 41 6c 03 84 61 6c 40 78 05 ff 0f 00 42 9c 4f ed e2 bd 30 73""",
        15,
        "hash-template-listpack",
        AL,
    ),
    "a template hash 31, format 0": (
        """1f 00 19 19 00 00 00 03 00 83 61 67 65 04 84 6e 61 6d 65 05 85 65 6d 61 69 6c 06 ff
        c0 2a 02 41 6c 04 61 6c 40 78 0f 00 23 36 a0 5d 7c 26 c5 db""",
        15,
        "hash-template-array",
        AL,
    ),
    "a template hash 31, format 1": (
        """1f 01 03 03 61 67 65 04 6e 61 6d 65 05 65 6d 61 69 6c
        c0 2a 02 41 6c 04 61 6c 40 78 0f 00 38 12 7f 95 70 db f1 e9""",
        15,
        "hash-template-array",
        AL,
    ),
}


@pytest.mark.parametrize(("shown", "version", "name", "value"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_says_what_it_is_of_and_holds_its_value(
    shown: str, version: int, name: str, value: Any
) -> None:
    payload = from_hex(shown)
    told = dump.decode(payload)
    assert told == dump.Payload(version, row_named(name), payload[1:-10], None)
    assert plain_value(told.value()) == plain_value(value)


@pytest.mark.parametrize(
    "name",
    ["a string of Redis 5", "an array of one integer", "an array inserted twice", "an array with a gap"],
)
def test_a_server_s_payload_is_made_again_from_its_value(name: str) -> None:
    shown, version, _, value = PAYLOADS[name]
    assert dump.encode(value, version=version) == from_hex(shown)


def test_a_stream_with_idempotent_producers_comes_out_of_its_payload_and_goes_back_into_it() -> None:
    payload = from_hex(STREAM_10_1)
    told = dump.decode(payload)
    stream = told.value()
    ids = [StreamId(0x1A203A9F1F3, at) for at in range(3)]
    first, second = Producer(b"prodA"), Producer(b"prodB")
    first.iids = {b"iid-1": ids[0], b"iid-2": ids[1]}
    second.iids = {bytes.fromhex("57eed791ce826b8880481eadde025bc5"): ids[2]}
    expected = Idempotence()
    expected.producers, expected.added, expected.duplicates = [first, second], 3, 1
    assert (told.version, told.row.name, stream.idempotence) == (14, "stream-5", expected)
    assert [entry.id for entry in stream.entries] == ids
    assert uncompressed(stream, 14) == payload


def test_a_stream_with_released_entries_comes_out_of_its_payload_and_goes_back_into_it() -> None:
    payload = from_hex(STREAM_10_2)
    stream = dump.decode(payload).value()
    (group,) = stream.groups
    assert group.nacked == [StreamId(2, 0), StreamId(3, 0), StreamId(4, 0)]
    assert group.pending[StreamId(4, 0)] == Pending(StreamId(4, 0), 0, 0)
    assert uncompressed(stream, 14) == payload


def uncompressed(stream: Stream, version: int) -> bytes:
    """The payload of a stream, as a server makes it that does not compress."""
    made = encode_value("stream", stream, Server("redis", version, compress=False), _none_lost)
    assert made is not None
    return dump.wrap(made[0].code, made[1], version)


META = from_hex("f3 01 09f5c428 02 2a 00")


def test_module_metadata_stands_before_the_type_and_is_told_apart() -> None:
    payload = sealed(META + b"\x00\x01v", 14)
    told = dump.decode(payload)
    assert told == dump.Payload(14, row_named("string"), b"\x01v", META)
    assert told.value() == b"v"


def test_an_entry_with_module_metadata_has_it_in_its_payload_where_the_target_knows_it() -> None:
    (entry,) = entries(snapshot(META + pair(0, b"\x01v"), magic=b"REDIS0014"))
    for version in (13, 14, 15):
        assert entry.dump(version) == sealed(META + b"\x00\x01v", version)
    for version, target in ((12, "redis RDB 12"), (80, "valkey RDB 80")):
        with pytest.raises(EncodeError) as refused:
            entry.dump(version)
        assert str(refused.value) == (
            f"db 0, key b'k', string, for {target}: "
            "cannot be written whole: a key without its module metadata"
        )


@every("code", MINIMAL)
def test_the_least_value_of_every_type_comes_out_of_a_payload_as_it_comes_out_of_a_file(code: str) -> None:
    valkey = code.startswith("valkey")
    number, raw = int(code.removeprefix("valkey")), from_hex(MINIMAL[code])
    told = dump.decode(sealed(bytes((number,)) + raw, 80 if valkey else 14))
    magic = b"VALKEY080" if valkey else b"REDIS0014"
    (entry,) = entries(snapshot(pair(number, raw), magic=magic))
    assert (told.row, told.raw) == (entry.row, raw)
    assert plain_value(told.value()) == plain_value(entry.value())
    assert entry.dump(80 if valkey else 14) == sealed(bytes((number,)) + raw, 80 if valkey else 14)


# --- every version ----------------------------------------------------------------------------------

FILES = [
    *corpus("vectors", ".rdb"),
    *(path for path in SNAPSHOTS if path.stem.endswith(("-hfe", "-modules"))),
]


@pytest.mark.once
@every("path", FILES, ids=lambda path: path.name)
def test_an_entry_s_payload_for_any_version_holds_its_value_or_says_what_would_get_lost(path: Path) -> None:
    """Each entry for each second version, the ones and the others in turn."""
    for turn, entry in enumerate(record for record in read(path) if isinstance(record, Entry)):
        for version in VERSIONS[turn % 2 :: 2]:
            server = dump.server_for(version, entry._context.origin.dialect if version < 80 else None)
            kinds: list[str] = []
            encode_value(entry.type, entry.value(), server, kinds.append)
            if kinds:
                with pytest.raises(EncodeError) as refused:
                    entry.dump(version)
                assert refused.value.message == f"{NOT_WHOLE}: {row_of(kinds[0]).says}"
                assert (refused.value.key, refused.value.type, refused.value.server) == (
                    entry.key,
                    entry.type,
                    server.name,
                )
            else:
                told = dump.decode(entry.dump(version), dialect=server.dialect)
                assert told.version == version
                assert server.types[told.row.name] is told.row
                assert same(told.value()) == same(entry.value())


@every("version", VERSIONS)
@every("name", ["string", "list", "set", "set-intset", "zset", "hash"])
@examples(10)
@given(data=st.data())
def test_a_value_of_the_first_types_makes_a_payload_of_every_version(
    name: str, version: int, data: st.DataObject
) -> None:
    value = data.draw(VALUES[name])
    told = dump.decode(dump.encode(value, version=version))
    assert told.version == version
    assert plain_value(told.value()) == plain_value(as_read(told.row, natural(value)[1]))


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("stream", range(9, 16)),
        ("stream-2", range(10, 16)),
        ("stream-3", range(11, 16)),
        ("stream-4", range(13, 16)),
        ("stream-5", range(14, 16)),
        ("stream-3", (80, 81)),
        ("hash-ttl", range(12, 16)),
        ("hash-ttl", (80, 81)),
        ("array", range(14, 16)),
        ("path-hash", (81,)),
        ("module-2", (*range(8, 16), 80, 81)),
    ],
)
@examples(10)
@given(data=st.data())
def test_a_value_of_a_later_type_makes_a_payload_of_every_version_that_has_it(
    name: str, versions: range, data: st.DataObject
) -> None:
    value = data.draw(VALUES[name])
    for version in versions:
        told = dump.decode(dump.encode(value, version=version))
        assert (told.version, same(told.value())) == (version, same(value))


def test_a_stream_of_an_old_version_goes_into_a_payload_of_a_new_one_as_loaders_complete_it() -> None:
    entry = rdbcodec.StreamEntry(StreamId(5, 0), [(b"f", b"v")])
    stream = Stream(1, [entry], 1, StreamId(5, 0))
    made = dump.decode(dump.encode(stream, version=15)).value()
    assert (made.version, made.first_id, made.max_deleted_id, made.entries_added) == (
        5,
        StreamId(5, 0),
        StreamId(0, 0),
        1,
    )
    assert made.idempotence == Idempotence()


def expiring() -> Hash:
    value = Hash({b"f": b"v"})
    value.expires_at_ms = {b"f": 1893456000000}
    return value


def released_stream() -> Stream:
    stream: Stream = dump.decode(from_hex(STREAM_10_2)).value()
    return stream


def produced_stream() -> Stream:
    stream: Stream = dump.decode(from_hex(STREAM_10_1)).value()
    return stream


@every(
    ("value", "version", "message"),
    [
        (
            expiring(),
            11,
            f"hash, for redis RDB 11: {NOT_WHOLE}: a hash whose fields would no longer expire",
        ),
        (
            Stream(1, [], 0, StreamId(0, 0)),
            8,
            f"stream, for redis RDB 8: {NOT_WHOLE}: a key of type stream, which the target does not have",
        ),
        (
            released_stream(),
            13,
            (
                f"stream, for redis RDB 13: {NOT_WHOLE}: "
                "a stream whose released entries were given to a consumer"
            ),
        ),
        (
            produced_stream(),
            80,
            f"stream, for valkey RDB 80: {NOT_WHOLE}: a stream without its idempotent producers",
        ),
        (
            Array({0: b"v"}),
            13,
            f"array, for redis RDB 13: {NOT_WHOLE}: a key of type array, which the target does not have",
        ),
        (
            List(),
            11,
            f"list, for redis RDB 11: {EMPTY_LIST}",
        ),
        (
            ZSet({b"m": float("nan")}),
            11,
            "zset, for redis RDB 11: a score is not a number, which no server loads",
        ),
        (1.5, 11, "a float has no one text: give the bytes it shall be"),
        (b"v", 16, "no redis server reads RDB version 16"),
        (b"v", 0, "no redis server reads RDB version 0"),
        (b"v", 79, "no redis server reads RDB version 79"),
        (b"v", 82, "no valkey server reads RDB version 82"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_payload_that_would_not_hold_the_value_is_not_made(value: Any, version: int, message: str) -> None:
    with pytest.raises(EncodeError) as refused:
        dump.encode(value, version=version)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("dialect", "version", "expected"),
    [
        (None, 9, ("redis", 9)),
        ("keydb", 9, ("keydb", 9)),
        ("keydb", 10, ("redis", 10)),
        ("valkey", 11, ("valkey", 11)),
        ("valkey", 12, ("redis", 12)),
        ("valkey", 80, ("valkey", 80)),
        ("redis", 80, ("valkey", 80)),
        (None, 81, ("valkey", 81)),
    ],
)
def test_the_version_of_the_footer_says_whose_types_are_used(
    dialect: Dialect | None, version: int, expected: tuple[Dialect, int]
) -> None:
    server = dump.server_for(version, dialect)
    assert (server.dialect, server.version) == expected


def test_a_dragonfly_payload_is_of_its_dialect_when_told_so() -> None:
    value = Set([b"m"])
    value.expires_at_ms = {b"m": 1893456000000}
    payload = dump.encode(value, version=9, dialect="dragonfly")
    told = dump.decode(payload, dialect="dragonfly")
    assert (told.row.name, plain_value(told.value())) == ("set-expiry", plain_value(value))


# --- damage -----------------------------------------------------------------------------------------

STRING_PAYLOAD = from_hex("00 01 76 | 09 00 | 41 fa 9f 7e 4d be e9 7f")
MISMATCH = "checksum of the content is {:#018x}, the file says {:#018x}"
ZERO = "; zero, for 'not checked', is accepted by Redis 8.4 and later only"


def refusal(payload: bytes, kind: type[DecodeError], dialect: Dialect | None = None) -> str:
    with pytest.raises(DecodeError) as refused:
        dump.decode(payload, dialect=dialect)
    assert type(refused.value) is kind
    return str(refused.value)


def test_a_newline_that_redis_cli_added_is_named() -> None:
    payload = STRING_PAYLOAD + b"\n"
    found, expected = crc64(payload[:-8]), int.from_bytes(payload[-8:], "little")
    assert refusal(payload, ChecksumMismatch) == (
        MISMATCH.format(found, expected)
        + "; it is right without the newline at the end, which redis-cli adds"
    )


def test_a_checksum_of_zero_is_refused_with_those_who_accept_it() -> None:
    payload = STRING_PAYLOAD[:-8] + bytes(8)
    assert refusal(payload, ChecksumMismatch) == (MISMATCH.format(0x7FE9BE4D7E9FFA41, 0) + ZERO)


@every("at", range(len(STRING_PAYLOAD)))
def test_a_bit_that_flipped_anywhere_is_a_checksum_mismatch(at: int) -> None:
    payload = bytearray(STRING_PAYLOAD)
    payload[at] ^= 4
    found, expected = crc64(bytes(payload[:-8])), int.from_bytes(payload[-8:], "little")
    assert refusal(bytes(payload), ChecksumMismatch) == MISMATCH.format(found, expected)


BODIES = {
    "string": b"\x00\x03abc",
    "array": from_hex("1c 02 01 01  00 03 0178  01 03 0179"),
    "stream": from_hex(STREAM_10_2)[:-10],
    "hash with metadata": META + b"\x04\x01\x01f\x01v",
    **{
        f"type {code}": bytes((int(code),)) + from_hex(raw) for code, raw in MINIMAL.items() if code.isdigit()
    },
}


@every("body", BODIES.values(), ids=BODIES)
def test_a_payload_cut_at_any_length_is_refused(body: bytes) -> None:
    payload = sealed(body, 14)
    dump.decode(payload)
    for size in range(len(payload)):
        if size < 12:
            message = f"a DUMP payload has at least 12 bytes, this one {size}"
            assert refusal(payload[:size], Truncated) == message
        else:
            found, expected = crc64(payload[: size - 8]), int.from_bytes(payload[size - 8 : size], "little")
            message = MISMATCH.format(found, expected) + (ZERO if expected == 0 else "")
            assert refusal(payload[:size], ChecksumMismatch) == message


@every("body", BODIES.values(), ids=BODIES)
def test_a_value_cut_at_any_length_under_a_right_checksum_is_refused(body: bytes) -> None:
    for size in range(2, len(body)):
        assert refusal(sealed(body[:size], 14), Truncated) == "the payload ends inside its value"


def test_bytes_behind_the_value_are_refused() -> None:
    assert refusal(sealed(b"\x00\x01vX", 9), CorruptStructure) == (
        "a string ends at 3, the payload's footer begins at 4"
    )


@pytest.mark.parametrize("version", [0, 16, 79, 82, 65535])
def test_a_version_that_nobody_writes_is_refused(version: int) -> None:
    assert refusal(sealed(b"\x00\x01v", version), UnsupportedVersion) == (
        f"the payload is of RDB version {version}, which no known server writes"
    )


@pytest.mark.parametrize(
    ("code", "version", "dialect", "message"),
    [
        (8, 9, None, "type 8 is unknown in dialect redis"),
        (99, 15, None, "type 99 is unknown in dialect redis"),
        (0xFE, 15, None, "type 254 is unknown in dialect redis"),
        (25, 80, None, "type 25 is unknown in dialect valkey"),
        (23, 80, None, "type 23 is unknown in dialect valkey"),
        (64, 9, None, "type 64 is unknown in dialect redis"),
        (28, 9, "keydb", "type 28 is unknown in dialect keydb"),
    ],
)
def test_a_type_the_dialect_does_not_have_is_refused(
    code: int, version: int, dialect: Dialect | None, message: str
) -> None:
    assert refusal(sealed(bytes((code, 0)), version), UnknownType, dialect) == message


def test_a_template_hash_that_refers_to_a_file_is_refused_as_restore_does() -> None:
    message = "hash refers to template 0, which the file has not defined"
    assert refusal(sealed(from_hex("20 00 01 76"), 15), CorruptStructure) == message
    listpack = dump.decode(sealed(from_hex("1e 0c 0c000000 0200 00 01 81 76 02 ff"), 15))
    with pytest.raises(CorruptStructure) as refused:
        listpack.value()
    assert str(refused.value) == message


def test_a_value_that_contradicts_itself_is_found_when_it_is_asked_for() -> None:
    told = dump.decode(sealed(from_hex("0b 08 03000000 00000000"), 9))
    with pytest.raises(CorruptStructure) as refused:
        told.value()
    assert str(refused.value) == "intset width is 3, it is 2, 4 or 8"


def test_any_bytes_give_a_payload_or_an_error() -> None:
    for code in range(256):
        for version in (9, 15, 80, 81):
            body = bytes((code,)) + bytes(range(40))
            try:
                told = dump.decode(sealed(body, version))
            except DecodeError:
                continue
            assert told.raw == body[1:]
