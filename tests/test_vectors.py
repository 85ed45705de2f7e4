"""The vectors: one data set saved by 19 servers, the least value of each type, the newest layouts in hex.

`expected.json` and `minimal_values.json` were made beside the files by people who ran the servers. The
hex of RDB 13 to 15 and Valkey 81 is that of rdb-v13-15.md, section 10; the smallest files are those of
rdb-format.md, 3.5.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cases import every
from interpreters import lz4_frames
from ways import FIXTURES, WAYS, corpus, entries, pair, plain, plain_value, read, snapshot

import rdbcodec
from rdbcodec import (
    Array,
    Aux,
    Consumer,
    End,
    Entry,
    Function,
    Group,
    HashTemplate,
    Header,
    List,
    Pending,
    ResizeDb,
    SelectDb,
    Set,
    Stream,
    StreamEntry,
    StreamId,
    ZSet,
)
from rdbcodec.datatypes.streams import Idempotence, Producer
from rdbcodec.wire.crc64 import crc64

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = FIXTURES / "vectors"
EXPECTED: dict[str, Any] = json.loads((VECTORS / "expected.json").read_text())
MINIMAL: dict[str, str] = json.loads((VECTORS / "minimal_values.json").read_text())["values_hex"]
FILES = corpus("vectors", ".rdb")
STREAM_VERSIONS = {15: 1, 19: 2, 21: 3, 26: 4, 27: 5}

every_vector = every("path", FILES, ids=lambda path: path.name)


def text(value: str) -> bytes:
    return value.encode("latin-1")


def hash_of(fields: dict[bytes, bytes], expires_at_ms: dict[bytes, int] | None = None) -> rdbcodec.Hash:
    value = rdbcodec.Hash(fields)
    value.expires_at_ms = expires_at_ms or {}
    return value


def stream_id(value: str) -> StreamId:
    ms, seq = value.split("-")
    return StreamId(int(ms), int(seq))


def test_every_vector_is_expected_and_every_expectation_has_its_file() -> None:
    assert {path.name for path in FILES} == set(EXPECTED["files"])
    assert len(FILES) == 19


@every_vector
def test_a_vector_has_the_header_types_remarks_and_functions_it_should(path: Path) -> None:
    told = EXPECTED["files"][path.name]
    records = read(path.read_bytes())
    header, end = records[0], records[-1]
    assert isinstance(header, Header)
    assert isinstance(end, End)
    assert (header.raw, end.size) == (text(told["magic"]), path.stat().st_size)
    assert end.checksum == ("absent" if header.version < 5 else "ok")
    types = sorted((record.key, record.code) for record in records if isinstance(record, Entry))
    assert types == sorted((text(key), code) for key, code in told["keys_and_rdb_types"])
    assert sorted(record.name.decode() for record in records if isinstance(record, Aux)) == told["aux_names"]
    functions = [record.code for record in records if isinstance(record, Function)]
    assert functions == [text(code) for code in told["functions"]]


@every_vector
def test_a_vector_holds_the_data_that_all_servers_were_given(path: Path) -> None:
    for entry in entries(path.read_bytes()):
        told = EXPECTED["keys"][entry.key.decode()]
        assert (entry.db, entry.type, entry.expires_at_ms) == (told["db"], told["type"], told["expire_at_ms"])
        if entry.type == "stream":
            check_stream(entry.value_as(rdbcodec.Stream), told["value"], STREAM_VERSIONS[entry.code])
        else:
            assert logical(entry.value()) == expected(told)


@pytest.mark.once
@every("way", WAYS)
@every_vector
def test_a_vector_reads_the_same_in_every_way(path: Path, way: str, tmp_path: Path) -> None:
    data = path.read_bytes()
    assert [plain(record) for record in WAYS[way](data, tmp_path)] == [plain(record) for record in read(data)]


def expected(told: dict[str, Any]) -> object:
    """The expectation's value in the shape of `logical`."""
    value = told["value"]
    match told["type"]:
        case "string":
            return text(value)
        case "list":
            return [text(element) for element in value]
        case "set":
            return {text(member) for member in value}
        case "zset":
            return {text(member): float(score) for member, score in value}
        case "array":
            return {index: text(element) for index, element in value}
        case _:
            return {text(field): (text(content), expiry) for field, content, expiry in value}


def logical(value: object) -> object:
    """What a value says whatever its layout; sets, hashes and sorted sets have no order here."""
    match value:
        case Array():
            return value.elements
        case Set():
            return set(value)
        case rdbcodec.Hash():
            return {field: (content, value.expires_at_ms.get(field)) for field, content in value.items()}
        case _:
            return value


def check_stream(stream: Stream, told: dict[str, Any], version: int) -> None:
    """Against the expectation, where groups are `{name: {last_id, entries_read_v2plus, pel}}`."""
    expected = [(id, flat[::2], flat[1::2]) for id, flat in told["entries"]]
    assert [
        (str(id), [name.decode() for name, _ in fields], [value.decode() for _, value in fields])
        for id, fields in stream.entries
    ] == expected
    assert (stream.version, stream.length, str(stream.last_id)) == (version, len(expected), told["last_id"])
    totals = told["v2plus"]
    since_v2 = [stream_id(totals["first_id"]), stream_id(totals["max_deleted"]), totals["entries_added"]]
    found = [stream.first_id, stream.max_deleted_id, stream.entries_added]
    assert found == (since_v2 if version >= 2 else [None, None, None])
    assert stream.idempotence == (Idempotence() if version >= 4 else None)
    groups = told.get("groups", {})
    assert [group.name.decode() for group in stream.groups] == list(groups)
    for group, told_group in zip(stream.groups, groups.values(), strict=True):
        read_count = told_group["entries_read_v2plus"]
        assert group.entries_read == (None if version < 2 or read_count == -1 else read_count)
        assert str(group.last_id) == told_group["last_id"]
        owners = [(entry.id, entry.consumer or b"") for entry in group.pending.values()]
        assert [f"{id} ({owner.decode()})" for id, owner in owners] == told_group["pel"]
        assert {consumer.name: consumer.pending for consumer in group.consumers if consumer.pending} == {
            owner: [id for id, other in owners if other == owner] for _, owner in owners
        }
        assert all((consumer.active_at_ms is None) == (version < 3) for consumer in group.consumers)


# --- the least value of each type --------------------------------------------------------------------


SEEN_AT_MS = 1700000000000
FIELD_EXPIRES_AT_MS = 4102444800000


def consumer_of(name: bytes, at_ms: int, pending: list[StreamId], *, active: bool = True) -> Consumer:
    """A consumer seen, and active unless its stream's version does not say, at this time."""
    value = Consumer(name, at_ms, at_ms if active else None)
    value.pending = pending
    return value


def group_of(
    name: bytes, last_id: StreamId, entries_read: int | None, pending: list[Pending], consumer: Consumer
) -> Group:
    value = Group(name, last_id, entries_read)
    value.pending = {entry.id: entry for entry in pending}
    value.consumers = [consumer]
    return value


def stream_of(version: int, fields: dict[StreamId, tuple[bytes, bytes]]) -> Stream:
    """A stream of entries of one field each, none of which was ever deleted."""
    entries = [StreamEntry(id, [field]) for id, field in fields.items()]
    value = Stream(version, entries, len(entries), entries[-1].id)
    if version >= 2:
        value.first_id, value.max_deleted_id, value.entries_added = (
            entries[0].id,
            StreamId(0, 0),
            len(entries),
        )
    if version >= 4:
        value.idempotence = Idempotence()
    return value


def stream_of_two(version: int) -> Stream:
    """Entries 5-0 {f: v1} and 6-3 {f: v2}; group g1 whose consumer c1 has the first one pending."""
    first, last = StreamId(5, 0), StreamId(6, 3)
    value = stream_of(version, {first: (b"f", b"v1"), last: (b"f", b"v2")})
    pending = [Pending(first, SEEN_AT_MS, 1, b"c1")]
    consumer = consumer_of(b"c1", SEEN_AT_MS, [first], active=version >= 3)
    value.groups = [group_of(b"g1", first, 1 if version >= 2 else None, pending, consumer)]
    return value


# type (or "valkey22"): a header with which it exists, and the value
LEAST: dict[str, tuple[bytes, object]] = {
    "0": (b"REDIS0001", b"hello"),
    "1": (b"REDIS0001", List([b"a", b"b"])),
    "2": (b"REDIS0001", Set([b"a", b"b"])),
    "3": (b"REDIS0001", ZSet({b"a": 1.5})),
    "4": (b"REDIS0001", hash_of({b"f": b"v"})),
    "5": (b"REDIS0008", ZSet({b"a": 1.5})),
    "9": (b"REDIS0002", hash_of({b"f": b"v"})),
    "10": (b"REDIS0006", List([b"a", b"5", b"300"])),
    "11": (b"REDIS0002", Set([b"1", b"2", b"3"])),
    "12": (b"REDIS0002", ZSet({b"a": 1.5})),
    "13": (b"REDIS0004", hash_of({b"f": b"v"})),
    "14": (b"REDIS0007", List([b"a", b"1000"])),
    "15": (b"REDIS0009", stream_of_two(1)),
    "16": (b"REDIS0010", hash_of({b"f": b"v"})),
    "17": (b"REDIS0010", ZSet({b"a": 1.5})),
    "18": (b"REDIS0010", List([b"a", b"5", b"plain"])),
    "19": (b"REDIS0010", stream_of_two(2)),
    "20": (b"REDIS0011", Set([b"a", b"7"])),
    "21": (b"REDIS0011", stream_of_two(3)),
    "22": (b"REDIS0012", hash_of({b"f": b"v"}, {b"f": FIELD_EXPIRES_AT_MS})),
    "23": (b"REDIS0012", hash_of({b"f": b"v"}, {b"f": FIELD_EXPIRES_AT_MS})),
    "24": (b"REDIS0012", hash_of({b"f": b"v", b"g": b"w"}, {b"f": FIELD_EXPIRES_AT_MS})),
    "25": (b"REDIS0012", hash_of({b"f": b"v", b"g": b"w"}, {b"f": FIELD_EXPIRES_AT_MS})),
    "26": (b"REDIS0013", stream_of_two(4)),
    "27": (b"REDIS0014", stream_of_two(5)),
    "28": (b"REDIS0014", Array({3: b"42"})),
    "valkey22": (b"VALKEY080", hash_of({b"f": b"v", b"g": b"w"}, {b"f": FIELD_EXPIRES_AT_MS})),
}


def test_every_least_value_has_its_meaning_here() -> None:
    assert set(LEAST) == set(MINIMAL)


@every("type", LEAST)
def test_the_least_value_of_each_type_decodes_whole(type: str) -> None:
    magic, value = LEAST[type]
    code = int(type.removeprefix("valkey"))
    raw = bytes.fromhex(MINIMAL[type])
    (entry,) = entries(snapshot(pair(code, raw), magic=magic))
    assert (entry.key, entry.code, entry.raw) == (b"k", code, raw)
    assert plain_value(entry.value()) == plain_value(value)


@every("type", LEAST)
@every("way", WAYS)
def test_the_least_value_of_each_type_reads_the_same_in_every_way(
    type: str, way: str, tmp_path: Path
) -> None:
    code = int(type.removeprefix("valkey"))
    data = snapshot(pair(code, bytes.fromhex(MINIMAL[type])), magic=LEAST[type][0])
    assert [plain(record) for record in WAYS[way](data, tmp_path)] == [plain(record) for record in read(data)]


# --- the newest layouts ------------------------------------------------------------------------------


def from_hex(shown: str) -> bytes:
    """Hex as the document shows it: `|` divides for the eye."""
    return bytes.fromhex(shown.replace("|", ""))


def loaded(shown: str, version: int = 14) -> Entry:
    """A DUMP payload (type byte, value, version, CRC) put into a file as the value of a key."""
    payload = from_hex(shown)
    body, told, checksum = payload[:-10], payload[-10:-8], payload[-8:]
    assert told == version.to_bytes(2, "little")
    assert crc64(payload[:-8]).to_bytes(8, "little") == checksum
    (entry,) = entries(snapshot(pair(body[0], body[1:]), magic=b"REDIS%04d" % version))
    assert (entry.code, entry.raw) == (body[0], body[1:])
    return entry


def test_a_stream_of_redis_8_8_remembers_its_idempotent_producers() -> None:
    first, second, third = (StreamId(0x1A203A9F1F3, seq) for seq in range(3))
    expected = stream_of(5, {first: (b"f", b"v1"), second: (b"f", b"v2"), third: (b"f", b"v3")})
    named, automatic = Producer(b"prodA"), Producer(b"prodB")
    named.iids = {b"iid-1": first, b"iid-2": second}
    automatic.iids = {bytes.fromhex("57eed791ce826b8880481eadde025bc5"): third}
    expected.idempotence = Idempotence(duration_s=100, max_size=100)
    expected.idempotence.producers = [named, automatic]
    expected.idempotence.added, expected.idempotence.duplicates = 3, 1
    entry = loaded("""
        1b 01 10 000001a203a9f1f3 0000000000000000 36
        3600000014000301000101018166020001020100010001827631030401
        020100010101827632030401020100010201827633030401ff
        03  81000001a203a9f1f3 02  81000001a203a9f1f3 00  00 00  03  00
        4064 4064 02
        05 70726f6441 02  05 6969642d31 81000001a203a9f1f3 00  05 6969642d32 81000001a203a9f1f3 01
        05 70726f6442 01  10 57eed791ce826b8880481eadde025bc5 81000001a203a9f1f3 02
        03 01
        0e00 46946d0c93ae46d4
    """)
    assert entry.value() == expected


def test_released_entries_of_a_group_keep_their_order_and_have_no_owner() -> None:
    ids = [StreamId(ms, 0) for ms in (1, 2, 3, 4)]
    at_ms = 0x1A203A9F1F3
    pending = [
        Pending(ids[0], at_ms, 1, b"c"),
        *(Pending(id, 0, 1) for id in ids[1:3]),
        Pending(ids[3], 0, 0),
    ]
    group = group_of(b"g", ids[3], 4, pending, consumer_of(b"c", at_ms, [ids[0]]))
    group.nacked = ids[1:]
    expected = stream_of(5, dict.fromkeys(ids, (b"f", b"v")))
    expected.groups = [group]
    entry = loaded("""
        1b 01 10 0000000000000001 0000000000000000 3e
        3e000000190004010001010181660200010201000100018176020401020101010001817602040102010201000181760204
        01020103010001 8176020401ff
        04  04 00  01 00  00 00  04
        01  01 67  04 00  04
        04  00000000000000010000000000000000 f3f1a903a2010000 01
            00000000000000020000000000000000 0000000000000000 01
            00000000000000030000000000000000 0000000000000000 01
            00000000000000040000000000000000 0000000000000000 00
        01  01 63 f3f1a903a2010000 f3f1a903a2010000 01 00000000000000010000000000000000
        03  00000000000000020000000000000000 00000000000000030000000000000000
            00000000000000040000000000000000
        4064 4064 00 00 00
        0e00 a33ed6c162159ba4
    """)
    assert entry.value() == expected


@pytest.mark.parametrize(
    ("payload", "array"),
    [
        ("1c 01 00  00 01 0100000000000000  0e00 5e17f7b92ee56201", Array({0: b"1"})),
        ("1c 02 01 01  00 03 0178  01 03 0179  0e00 21b8c0770b60db3e", Array({0: b"x", 1: b"y"}, cursor=1)),
        (
            "1c 02 00  80 00011170 03 0171  81 fffffffffffffffe 03 017a  0e00 5ffe342dcadc322b",
            Array({70000: b"q", 2**64 - 2: b"z"}),
        ),
    ],
    ids=["one integer", "inserted twice", "far apart"],
)
def test_arrays_of_redis_8_8(payload: str, array: Array) -> None:
    assert loaded(payload).value() == array


def test_module_metadata_of_a_key_stays_beside_its_value() -> None:
    meta = from_hex("f3 01 09f5c428 02 2a 00")
    expiry = b"\xfc" + (1234).to_bytes(8, "little")
    with_meta, without = entries(
        snapshot(expiry + meta + pair(0, b"\x01v"), pair(0, b"\x01w", b"l"), magic=b"REDIS0013")
    )
    assert (with_meta.meta, with_meta.expires_at_ms, with_meta.value()) == (meta, 1234, b"v")
    assert with_meta.serialized_size == len(expiry + meta) + 5
    assert (without.meta, without.expires_at_ms, without.value()) == (None, None, b"w")


TEMPLATE_FILE = from_hex("""
    52 45 44 49 53 30 30 31 35
    f2 00 03 03 61 67 65 04 6e 61 6d 65 05 65 6d 61 69 6c
    fe 00 fb 02 00
    1e 02 6b 31 15 15 00 00 00 04 00 00 01 2a 01 82 41 6c 03 84 61 6c 40 78 05 ff
    20 02 6b 32 00 c0 2b 02 42 6f 04 62 6f 40 79
    ff 9d 59 41 b2 03 8f 3d 7f
""")
AL = hash_of({b"age": b"42", b"name": b"Al", b"email": b"al@x"})
BO = hash_of({b"age": b"43", b"name": b"Bo", b"email": b"bo@y"})


def test_hashes_of_redis_8_10_take_their_field_names_from_the_template_of_the_file() -> None:
    records = read(TEMPLATE_FILE)
    header, template, select, resize, first, second, end = records
    assert header == Header(0, b"REDIS0015", "redis", 15)
    assert template == HashTemplate(9, TEMPLATE_FILE[9:27], 0, (b"age", b"name", b"email"))
    assert (select, resize) == (
        SelectDb(27, b"\xfe\x00", 0),
        ResizeDb(29, b"\xfb\x02\x00", db=0, keys=2, expires=0),
    )
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert (first.key, first.type, first.encoding) == (b"k1", "hash", "template-listpack-ref")
    assert (second.key, second.type, second.encoding) == (b"k2", "hash", "template-array-ref")
    assert (first.count, second.count) == (3, 3)
    assert plain_value(first.value()) == plain_value(AL)
    assert plain_value(second.value()) == plain_value(BO)
    assert list(second.items()) == [
        [(b"age", b"43", None), (b"name", b"Bo", None), (b"email", b"bo@y", None)]
    ]
    assert end == End(len(TEMPLATE_FILE) - 9, TEMPLATE_FILE[-9:], len(TEMPLATE_FILE), "ok")


@every("way", WAYS)
def test_template_hashes_read_the_same_in_every_way(way: str, tmp_path: Path) -> None:
    records = [plain(record) for record in WAYS[way](TEMPLATE_FILE, tmp_path)]
    assert records == [plain(record) for record in read(TEMPLATE_FILE)]


SELF_CONTAINED = {
    "29 format 0": """
        1d 00 19 19 00 00 00 03 00 83 61 67 65 04 84 6e 61 6d 65 05 85 65 6d 61 69 6c 06 ff
        15 15 00 00 00 04 00 00 01 2a 01 82 41 6c 03 84 61 6c 40 78 05 ff 0f 00 b2 76 fe d8 42 0e 8a 95""",
    "29 format 1": """
        1d 01 03 03 61 67 65 04 6e 61 6d 65 05 65 6d 61 69 6c
        15 15 00 00 00 04 00 00 01 2a 01 82 41 6c 03 84 61 6c 40 78 05 ff 0f 00 42 9c 4f ed e2 bd 30 73""",
    "31 format 0": """
        1f 00 19 19 00 00 00 03 00 83 61 67 65 04 84 6e 61 6d 65 05 85 65 6d 61 69 6c 06 ff
        c0 2a 02 41 6c 04 61 6c 40 78 0f 00 23 36 a0 5d 7c 26 c5 db""",
    "31 format 1": """
        1f 01 03 03 61 67 65 04 6e 61 6d 65 05 65 6d 61 69 6c
        c0 2a 02 41 6c 04 61 6c 40 78 0f 00 38 12 7f 95 70 db f1 e9""",
}


@pytest.mark.parametrize("form", SELF_CONTAINED)
def test_self_contained_template_hashes_bring_their_field_names_along(form: str) -> None:
    entry = loaded(SELF_CONTAINED[form], version=15)
    assert plain_value(entry.value()) == plain_value(AL)
    assert [item for batch in entry.items() for item in batch] == [
        (field, value, None) for field, value in AL.items()
    ]


PATH_HASH_FILE = from_hex("""
    56 41 4c 4b 45 59 30 38 31 fa 0a 76 61 6c 6b 65 79 2d 76 65 72 05 39 2e 32 2e 30 fe 00 fb 01 00
    17 02 70 31 02 01 61 01 01 66 01 76 02 61 62 02 01 66 01 31 01 67 c0 07 ff 90 0f 5b 39 bb ed 14 bf
""")


def test_a_path_hash_of_valkey_9_2_maps_paths_to_small_hashes() -> None:
    (entry,) = entries(PATH_HASH_FILE)
    assert (entry.key, entry.type, entry.count) == (b"p1", "path-hash", 2)
    small, large = hash_of({b"f": b"v"}), hash_of({b"f": b"1", b"g": b"7"})
    expected = rdbcodec.PathHash({b"a": small, b"ab": large})
    assert plain_value(entry.value()) == plain_value(expected)
    assert [item for batch in entry.items() for item in batch] == [(b"a", small), (b"ab", large)]


@lz4_frames
def test_the_envelope_of_valkey_9_2_holds_a_whole_snapshot_in_an_lz4_frame() -> None:
    envelope = from_hex("""
        56 43 53 01 01 00 01 | 04 22 4d 18 70 40 ad 19 00 00 80
        56 41 4c 4b 45 59 30 38 31 fe 00 00 01 6b 01 76 ff 61 f2 cd df 37 71 a1 a3
        e4 e5 83 ad 00 00 00 00
    """)
    with rdbcodec.open(envelope) as reader:
        assert [plain(record) for record in reader] == [plain(record) for record in read(envelope[18:43])]
        assert reader.containers == ("vcs",)
        assert reader.tail() == rdbcodec.Tail("nothing", 0)


VCS_LZ4_HEADER, VCS_ZSTD_HEADER = b"VCS\x01\x01\x00\x01", b"VCS\x01\x02\x00\x01"
VALKEY_81 = b"VALKEY081\xfe\x00\x00\x01k\x01v\xff" + bytes(8)


def test_or_since_the_release_in_a_zstd_frame() -> None:
    """The number of that codec is not told anywhere; its frame says what it is."""
    zstandard = pytest.importorskip("zstandard")
    envelope = VCS_ZSTD_HEADER + zstandard.ZstdCompressor().compress(VALKEY_81)
    with rdbcodec.open(envelope) as reader:
        assert [plain(record) for record in reader] == [plain(record) for record in read(VALKEY_81)]
        assert reader.containers == ("vcs",)


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)  # what Python does for a module that is not there
    frame = bytes.fromhex("28b52ffd") + bytes(60)
    with pytest.raises(rdbcodec.ContainerError, match=r"pip install 'rdbcodec\[zstd\]'"):
        rdbcodec.open(VCS_ZSTD_HEADER + frame)


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        (VCS_LZ4_HEADER + bytes.fromhex("28b52ffd"), "the Valkey compression envelope holds no LZ4 frame"),
        (
            b"VCS\x01\x07\x00\x01" + bytes(20),
            "the Valkey compression envelope holds neither LZ4 nor zstd: its codec is 7",
        ),
    ],
)
def test_a_codec_that_is_not_what_it_says_is_refused(envelope: bytes, says: str) -> None:
    with pytest.raises(rdbcodec.ContainerError) as caught:
        rdbcodec.open(envelope)
    assert str(caught.value) == says


# --- the smallest files ------------------------------------------------------------------------------

SMALLEST: dict[str, tuple[str, list[bytes], str]] = {
    "empty, version 9": ("52 45 44 49 53 30 30 30 39 ff 9a ac 7a bc fb 0f ad 74", [], "ok"),
    "k = v, version 9": (
        "52 45 44 49 53 30 30 30 39 fe 00 00 01 6b 01 76 ff f1 c3 f1 2d 87 e2 af 85",
        [b"v"],
        "ok",
    ),
    "k = v, version 1": ("52 45 44 49 53 30 30 30 31 fe 00 00 01 6b 01 76 ff", [b"v"], "absent"),
    "empty, Valkey 80": ("56 41 4c 4b 45 59 30 38 30 ff 43 9d a4 8f c1 80 6c 23", [], "ok"),
}


@every("way", WAYS)
@every("name", SMALLEST)
def test_the_smallest_files_read_in_every_way(name: str, way: str, tmp_path: Path) -> None:
    shown, values, checksum = SMALLEST[name]
    data = from_hex(shown)
    records = WAYS[way](data, tmp_path)
    assert [(record.key, record.value()) for record in records if isinstance(record, Entry)] == [
        (b"k", value) for value in values
    ]
    end = data.index(b"\xff")
    assert records[-1] == End(end, data[end:], len(data), checksum)  # type: ignore[arg-type]
    assert [plain(record) for record in records] == [plain(record) for record in read(data)]
