"""Every snapshot a real server wrote holds what that server answered about itself, however it is read.

The expectations come from the servers' own commands (fixtures/snapshots/*.expected.json.gz) and from no
RDB parser. What of them depends on the clock and is not compared: `idle` and `inactive` of consumers
(they grow until the question is asked) and the radix tree's numbers. The absolute times of XINFO STREAM
FULL (seen, active, delivered) do not move when nobody reads, and are.
"""

from __future__ import annotations

import copy
import gzip
import json
import pickle
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cases import every
from ways import SNAPSHOTS, WAYS, covering, plain, read, thinned

import rdbcodec
from rdbcodec import (
    Aux,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    ModuleAux,
    ResizeDb,
    SelectDb,
    SlotInfo,
    StreamId,
)
from rdbcodec.wire.module_ids import ModuleId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rdbcodec import Record

Answer = dict[str, Any]  # what JSON holds

every_snapshot = every("path", SNAPSHOTS, ids=lambda path: path.name)

# The script's own expiries, for the servers that say only that a key expires (no PEXPIRETIME before 7.0).
SCRIPT_EXPIRES_AT_MS = {
    "ttl:s": 2145916800000,
    "list:ttl": 2145916801000,
    "hash:small": 2145916802000,
    "ttl:ms": 2145916800789,
    **{f"db{db}:ttl": 2145916800000 for db in (1, 9, 15)},
    **{f"k{at}": 2145916800000 + at * 1000 for at in (0, 3, 6, 9)},
}

# What OBJECT ENCODING says -> the layouts on disk, each with the first RDB version that uses it. In memory
# and on disk differ: 2.2 had ziplists, zipmaps and intsets in memory only, and a Redis 7.2 "listpack" list
# is a quicklist of one node in a file.
LAYOUTS: dict[tuple[str, str], dict[int, str]] = {
    ("string", "raw"): {1: "string"},
    ("string", "int"): {1: "string"},
    ("string", "embstr"): {6: "string"},
    ("list", "linkedlist"): {1: "linkedlist"},
    ("list", "ziplist"): {1: "linkedlist", 2: "ziplist"},
    ("list", "quicklist"): {7: "quicklist", 10: "quicklist2"},
    ("list", "listpack"): {11: "quicklist2"},
    ("set", "hashtable"): {1: "hashtable"},
    ("set", "intset"): {1: "hashtable", 2: "intset"},
    ("set", "listpack"): {11: "listpack"},
    ("zset", "skiplist"): {1: "skiplist-text", 8: "skiplist"},
    ("zset", "ziplist"): {2: "ziplist"},
    ("zset", "listpack"): {10: "listpack"},
    ("hash", "hashtable"): {1: "hashtable"},
    ("hash", "zipmap"): {1: "hashtable", 2: "zipmap"},
    ("hash", "ziplist"): {3: "ziplist"},  # the branch of RDB 3 wrote it before the number was raised
    ("hash", "listpack"): {10: "listpack"},
    ("hash", "listpackex"): {12: "listpack-ttl"},
    ("stream", "unknown"): {9: "stream1"},  # Redis 5.0 has no name for it
    ("hash", "template-listpack"): {15: "template-listpack-ref"},
    ("hash", "template-array"): {15: "template-array-ref"},
    ("stream", "stream"): {9: "stream1", 10: "stream2", 11: "stream3", 13: "stream4", 14: "stream5"},
    ("array", "sliced-array"): {14: "array"},
    ("module", "raw"): {8: "module2"},
}
TYPES = {type for type, _ in LAYOUTS} - {"module"}  # what else TYPE answers is the name of a module's type
# Before OBJECT ENCODING (2.2.3) nobody says; version 1 has one layout for each type.
FIRST_LAYOUTS = {
    "string": "string",
    "list": "linkedlist",
    "set": "hashtable",
    "zset": "skiplist-text",
    "hash": "hashtable",
}
ASCENDING = {"ziplist", "listpack"}  # sorted sets in these lie on disk as the server sorts them
STREAM_VERSIONS = {9: 1, 10: 2, 11: 3, 12: 3, 15: 5}  # RDB version -> stream version


@cache
def expectation(path: Path) -> Answer:
    with gzip.open(path.parent / f"{path.stem}.expected.json.gz", "rt") as file:
        answer: Answer = json.load(file)
    return answer


@cache
def records_of(path: Path) -> list[Record]:
    return read(path.read_bytes())


@cache
def plain_records_of(path: Path) -> list[tuple[object, ...]]:
    return [plain(record) for record in records_of(path)]


def header_of(path: Path) -> Header:
    header = records_of(path)[0]
    assert isinstance(header, Header)
    return header


def version_of(path: Path) -> int:
    """The RDB version as Redis counts; VALKEY080 is RDB 11 with one type more."""
    header = header_of(path)
    return 11 if header.dialect == "valkey" else header.version


def text(value: str) -> bytes:
    return value.encode("latin-1")


def texts(values: list[str]) -> list[bytes]:
    return [text(value) for value in values]


def stream_id(value: str) -> StreamId:
    ms, seq = value.split("-")
    return StreamId(int(ms), int(seq))


def named(flat: list[Any]) -> Answer:
    """A reply of alternating names and values."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


# --- one key ----------------------------------------------------------------------------------------


def expected_expiry(name: str, answer: Answer) -> int | None:
    if not answer["expires"]:
        return None
    told: int = answer["expire_at_ms"] if "expire_at_ms" in answer else SCRIPT_EXPIRES_AT_MS[name]
    return told


def type_of(answer: Answer) -> str:
    """What we call the type of a key."""
    return answer["type"] if answer["type"] in TYPES else "module"


def expected_layout(answer: Answer, version: int) -> str:
    if "encoding" not in answer:
        return FIRST_LAYOUTS[answer["type"]]
    if answer.get("field_expire_at_ms") and answer["encoding"] == "hashtable":
        return "hashtable-ttl"
    type = type_of(answer)
    since = LAYOUTS[type, answer["encoding"]]
    return since[max(first for first in since if first <= version)]


def expected_value(answer: Answer) -> object:
    value = answer["value"]
    match answer["type"]:
        case "string":
            return text(value)
        case "list" | "set":
            return texts(value)
        case "zset":
            return [(text(member), float(score)) for member, score in value]
        case "hash":
            expiries = answer.get("field_expire_at_ms", {})
            return (
                {text(field): text(content) for field, content in value.items()},
                {text(field): expiry for field, expiry in expiries.items()},
            )
        case "array":
            return {int(index): text(element) for index, element in value["items"]}, value["next"]
        case module:
            assert module not in TYPES
            return module


def found_value(entry: Entry) -> object:
    """The value as the server would answer it."""
    match entry.value():
        case rdbcodec.Set() as members:
            return sorted(members)
        case rdbcodec.ZSet() as scores:
            pairs = list(scores.items())
            return (
                pairs if entry.encoding in ASCENDING else sorted(pairs, key=lambda pair: (pair[1], pair[0]))
            )
        case rdbcodec.Hash() as fields:
            return dict(fields), fields.expires_at_ms
        case rdbcodec.Array() as array:
            return array.elements, next_of(array)
        case rdbcodec.ModuleValue() as value:
            return value.module.name
        case value:
            return value


def next_of(array: rdbcodec.Array) -> int | None:
    """What ARNEXT answers: the index behind the last insert; None when there is none left."""
    last = -1 if array.cursor is None else array.cursor
    return None if last == (1 << 64) - 2 else last + 1


# --- streams ----------------------------------------------------------------------------------------


def check_stream(stream: rdbcodec.Stream, answer: Answer, version: int) -> None:
    entries = [(stream_id(id), pairs(fields)) for id, fields in answer["entries"]]
    assert stream.entries == entries
    assert stream.length == len(entries)
    assert stream.version == STREAM_VERSIONS[version]
    assert [group.name for group in stream.groups] == [
        text(named(group)["name"]) for group in answer["groups"]
    ]
    for group, told in zip(stream.groups, answer["groups"], strict=True):
        name = named(told)["name"]
        check_group(group, named(told), answer["consumers"][name], answer["pending"][name], stream.version)
    if "error" in answer["info"]:  # Redis 5.0 has no XINFO STREAM FULL
        check_unknown_totals(stream)
        assert stream.idempotence is None
        return
    info = named(answer["info"])
    check_producers(stream, info)
    assert (stream.length, stream.last_id) == (info["length"], stream_id(info["last-generated-id"]))
    check_totals(stream, info)
    for group, told in zip(stream.groups, info["groups"], strict=True):
        check_times(group, named(told), stream.version)


def pairs(flat: list[str]) -> list[tuple[bytes, bytes]]:
    return list(zip(texts(flat[::2]), texts(flat[1::2]), strict=True))


def check_unknown_totals(stream: rdbcodec.Stream) -> None:
    """A stream of version 1 does not hold them; None says so, 0 would be a lie."""
    assert stream.version == 1
    assert (stream.first_id, stream.max_deleted_id, stream.entries_added) == (None, None, None)


def check_totals(stream: rdbcodec.Stream, info: Answer) -> None:
    if stream.version == 1:
        assert "entries-added" not in info
        check_unknown_totals(stream)
        return
    assert stream.first_id == stream_id(info["recorded-first-entry-id"])
    assert stream.max_deleted_id == stream_id(info["max-deleted-entry-id"])
    assert stream.entries_added == info["entries-added"]


def check_producers(stream: rdbcodec.Stream, info: Answer) -> None:
    """The settings and counts; of the ids the server tells only how many it tracks, and saves no old ones."""
    if stream.version < 4:
        assert (stream.idempotence, info.get("idmp-duration")) == (None, None)
        return
    known = stream.idempotence
    assert known is not None
    assert (known.duration_s, known.max_size) == (info["idmp-duration"], info["idmp-maxsize"])
    assert (known.added, known.duplicates) == (info["iids-added"], info["iids-duplicates"])
    assert len(known.producers) == info["pids-tracked"]
    assert info["iids-tracked"] - sum(len(producer.iids) for producer in known.producers) in (0, 1)


def check_group(
    group: rdbcodec.Group, told: Answer, consumers: list[Any], pending: list[Any], version: int
) -> None:
    assert group.last_id == stream_id(told["last-delivered-id"])
    assert group.entries_read == (told["entries-read"] if version > 1 else None)
    assert (len(group.consumers), len(group.pending)) == (told["consumers"], told["pending"])
    assert [(consumer.name, len(consumer.pending)) for consumer in group.consumers] == [
        (text(named(consumer)["name"]), named(consumer)["pending"]) for consumer in consumers
    ]
    expected = [(stream_id(id), text(consumer) or None, count) for id, consumer, count in pending]
    assert [(entry.id, entry.consumer, entry.deliveries) for entry in group.pending.values()] == expected
    assert list(group.pending) == [id for id, _, _ in expected]
    assert {consumer.name: consumer.pending for consumer in group.consumers if consumer.pending} == {
        owner: [id for id, consumer, _ in expected if consumer == owner]
        for _, owner, _ in expected
        if owner is not None
    }
    assert sorted(group.nacked) == [id for id, consumer, _ in expected if consumer is None]


def check_times(group: rdbcodec.Group, told: Answer, version: int) -> None:
    """Absolute times of XINFO STREAM FULL: the server's own, in milliseconds."""
    delivered = [(stream_id(id), at_ms) for id, _, at_ms, _ in told["pending"]]
    assert [(entry.id, entry.delivered_at_ms) for entry in group.pending.values()] == delivered
    consumers = [named(consumer) for consumer in told["consumers"]]
    assert [consumer.seen_at_ms for consumer in group.consumers] == [told["seen-time"] for told in consumers]
    active = [told.get("active-time", -1) for told in consumers]
    assert version > 2 or set(active) <= {-1}
    expected = [None if at_ms == -1 else at_ms for at_ms in active]
    assert [consumer.active_at_ms for consumer in group.consumers] == expected


# --- the tests --------------------------------------------------------------------------------------


@every_snapshot
def test_a_snapshot_holds_what_its_server_answered(path: Path) -> None:
    told, header, version = expectation(path), header_of(path), version_of(path)
    assert header.raw == text(told["magic"])
    assert f"{header.dialect.upper()}{header.version:0{9 - len(header.dialect)}}" == told["magic"]

    records = records_of(path)
    entries = {(record.db, record.key): record for record in records if isinstance(record, Entry)}
    assert len(entries) == sum(isinstance(record, Entry) for record in records)
    answers = {
        (int(db), text(name)): (name, answer)
        for db, keys in told["databases"].items()
        for name, answer in keys.items()
    }
    assert entries.keys() == answers.keys()

    for place, (name, answer) in answers.items():
        entry = entries[place]
        assert entry.encoding == expected_layout(answer, version)
        assert entry.expires_at_ms == expected_expiry(name, answer)
        if answer["type"] == "stream":
            check_stream(entry.value_as(rdbcodec.Stream), answer["value"], version)
            continue
        assert entry.type == type_of(answer)
        assert found_value(entry) == expected_value(answer)

    functions = [text(named(library)["library_code"]) for library in told["functions"] or []]
    assert [record.code for record in records if isinstance(record, Function)] == functions


@every_snapshot
def test_expiries_of_servers_before_2_6_are_whole_seconds(path: Path) -> None:
    stamps = [record.expires_at_ms for record in records_of(path) if isinstance(record, Entry)]
    parts = {stamp % 1000 for stamp in stamps if stamp is not None}
    if version_of(path) < 3:  # EXPIRETIME_MS came with RDB 3
        assert parts <= {0}
    elif expectation(path)["profile"] in ("types", "cfg", "aof", "plain", "cluster"):
        assert parts == {0, 789}


def test_large_sorted_sets_lie_descending_since_redis_4() -> None:
    entries = [record for path in SNAPSHOTS for record in records_of(path) if isinstance(record, Entry)]
    large = {entry.raw: entry for entry in entries if entry.encoding == "skiplist"}
    assert len(large) >= 5
    for entry in large.values():
        scores = [(score, member) for member, score in entry.value_as(rdbcodec.ZSet).items()]
        assert scores == sorted(scores, reverse=True), entry


@every_snapshot
def test_the_hints_of_a_snapshot_count_its_keys(path: Path) -> None:
    records = records_of(path)
    entries = [record for record in records if isinstance(record, Entry)]
    keys = Counter(entry.db for entry in entries)
    expires = Counter(entry.db for entry in entries if entry.expires_at_ms is not None)
    assert [record.db for record in records if isinstance(record, SelectDb)] == sorted(keys)
    hints = [(hint.db, hint.keys, hint.expires) for hint in records if isinstance(hint, ResizeDb)]
    assert hints == [(db, keys[db], expires[db]) for db in sorted(keys) if version_of(path) >= 7]
    slots = [record for record in records if isinstance(record, SlotInfo)]
    if slots:
        assert sum(slot.keys for slot in slots) == len(entries)
        assert sum(slot.expires for slot in slots) == expires.total()
    product, version, *_ = expectation(path)["server"].split("-")
    in_cluster = expectation(path)["config"].get("cluster-enabled") == "yes"
    writes_them = (
        product == "redis" and int(version.split(".")[0]) >= 8
    )  # Valkey writes AUX slot-info instead
    assert bool(slots) == (in_cluster and writes_them and bool(entries))


@every_snapshot
def test_a_snapshot_names_its_writer_since_redis_3_2(path: Path) -> None:
    product, version, *_ = expectation(path)["server"].split("-")
    remarks = {record.name: record.value for record in records_of(path) if isinstance(record, Aux)}
    expected = {text(f"{product}-ver"): text(version)} if version_of(path) >= 7 else {}
    assert {name: value for name, value in remarks.items() if name.endswith(b"-ver")} == expected
    assert remarks.get(b"redis-bits") == (b"64" if version_of(path) >= 7 else None)


@every_snapshot
def test_a_snapshot_ends_where_its_file_or_its_aof_commands_begin(path: Path) -> None:
    data = path.read_bytes()
    with rdbcodec.open(path) as reader:
        *_, end = reader
        tail = reader.tail()
    assert isinstance(end, End)
    assert end.offset + len(end.raw) == end.size
    if path.suffix == ".aof":
        assert tail == rdbcodec.Tail("AOF commands", None)
        assert data[end.size :] == (
            b"*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n*3\r\n$3\r\nSET\r\n$13\r\nafter:rewrite\r\n$4\r\ntail\r\n"
        )
    else:
        assert (tail, end.size) == (rdbcodec.Tail("nothing", 0), len(data))


@every_snapshot
def test_an_aof_base_file_says_that_it_is_one(path: Path) -> None:
    remarks = [(record.name, record.value) for record in records_of(path) if isinstance(record, Aux)]
    aof = [(name, value) for name, value in remarks if name.startswith(b"aof-")]
    name = b"aof-base" if version_of(path) >= 10 else b"aof-preamble"
    value = b"1" if expectation(path)["profile"] == "aof" else b"0"
    assert aof == ([(name, value)] if version_of(path) >= 8 else [])


@every_snapshot
def test_the_checksum_is_as_the_server_was_told(path: Path) -> None:
    end = records_of(path)[-1]
    assert isinstance(end, End)
    disabled = expectation(path)["config"].get("rdbchecksum") == "no"
    expected = "absent" if version_of(path) < 5 else "disabled" if disabled else "ok"
    assert end.checksum == expected


@every_snapshot
def test_idle_times_and_frequencies_are_written_under_their_policy_only(path: Path) -> None:
    hints = {(record.idle, record.freq is None) for record in records_of(path) if isinstance(record, Entry)}
    match expectation(path)["config"].get("maxmemory-policy"):
        case "allkeys-lru":
            assert hints == {(0, True)}  # the script saved within a second
        case "allkeys-lfu" | "volatile-lfu":
            assert hints == {(None, False)}
        case _:  # allkeys-lrm among them: Redis 8.6 and later save nothing of it
            assert hints <= {(None, True)}


def test_the_frequency_counter_tells_the_key_the_script_read_most() -> None:
    counters = {
        path.name: {record.key: record.freq for record in records_of(path) if isinstance(record, Entry)}
        for path in SNAPSHOTS
        if expectation(path)["profile"] == "lfu" and "freq" not in expectation(path)
    }
    warm = {
        name: {key: freq for key, freq in frequencies.items() if freq != 6}
        for name, frequencies in counters.items()
    }
    assert warm == {
        "redis-5.0.14-lfu.rdb": {b"k1": 9},
        "redis-6.2.16-lfu.rdb": {b"k0": 7, b"k1": 9, b"k6": 7},
        "redis-7.2.6-lfu.rdb": {b"k1": 8, b"k2": 7},
        "valkey-8.0.1-lfu.rdb": {b"k1": 10, b"k6": 7},
        "valkey-9.1.2-lfu.rdb": {b"k1": 9, b"k3": 7},
    }


@pytest.mark.parametrize(
    "path", [path for path in SNAPSHOTS if expectation(path).get("freq")], ids=lambda path: path.name
)
def test_a_frequency_counter_is_what_the_server_answered(path: Path) -> None:
    counters = {record.key: record.freq for record in records_of(path) if isinstance(record, Entry)}
    assert counters == {text(key): freq for key, freq in expectation(path)["freq"].items()}


def test_a_slot_import_is_the_one_the_server_was_in() -> None:
    path = next(path for path in SNAPSHOTS if path.stem == "valkey-9.1.2-slotimport")
    told = expectation(path)["slot_import"]
    imports = [record for record in records_of(path) if isinstance(record, rdbcodec.SlotImport)]
    assert [(record.job, [list(pair) for pair in record.ranges]) for record in imports] == [
        (text(told["job"]), told["ranges"])
    ]


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("redis-7.4.1-searchempty", [("scdtype00", 1), ("ft_index0", 1), ("scdtype00", 2)]),
        ("redis-7.4.1-stack", [("scdtype00", 1), ("ft_index0", 1), ("scdtype00", 2)]),
        ("redis-8.2.3-falkor", [("graphdata", 1), ("graphdata", 2)]),
        ("redis-8.10.2-falkor", [("graphdata", 1), ("graphdata", 2)]),
    ],
)
def test_modules_of_today_save_beside_the_keys(name: str, saved: list[tuple[str, int]]) -> None:
    path = next(path for path in SNAPSHOTS if path.stem == name)
    records = [record for record in records_of(path) if isinstance(record, ModuleAux)]
    assert [(record.module.name, record.when) for record in records] == saved


EXAMPLES = [path for path in SNAPSHOTS if path.stem.endswith("-modules")]
every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)


@every_example
def test_a_module_saves_beside_the_keys_from_redis_6_on(path: Path) -> None:
    records = [record for record in records_of(path) if isinstance(record, ModuleAux)]
    found = {record.when: (record.module, record.raw[9:]) for record in records}
    before = bytes.fromhex("01 02 01 02 01 05 0a") + b"before-aux\0"
    after = bytes.fromhex("01 02 02 02 01 05 09") + b"after-aux\0"
    saved = {1: (ModuleId("test__rdb", 1), before), 2: (ModuleId("test__rdb", 1), after)}
    server = expectation(path)["server"]
    whens = {"redis-6.2.16": [1, 2], "redis-7.0.15": [1, 2], "redis-7.2.6": [1], "redis-7.4.1": [1]}
    assert found == {when: saved[when] for when in whens.get(server, [])}
    assert len(records) == len(found)


@every_example
def test_the_example_modules_wrote_these_items(path: Path) -> None:
    values = {
        record.key: record.value_as(rdbcodec.ModuleValue).items()
        for record in records_of(path)
        if isinstance(record, Entry) and record.type == "module"
    }
    keys = {key for key, items in MODULE_ITEMS.items() if text(key) in values}
    assert {text(key): MODULE_ITEMS[key] for key in keys} == values
    assert values


# hello:1 holds a sorted list of numbers, hello:2 one negative number, written as UINT as all servers do.
MODULE_ITEMS: dict[str, list[tuple[int, object]]] = {
    "hello:1": [
        (2, number)
        for number in (
            20,
            0,
            28,
            109,
            190,
            271,
            352,
            433,
            461,
            514,
            542,
            595,
            623,
            676,
            704,
            757,
            785,
            838,
            866,
            919,
            947,
        )
    ],
    "hello:2": [(2, 1), (2, 2**64 - 5)],
    "trdb": [(2, 1), (5, b"some value"), (3, 1.5), (5, b"0xa.aaaaaaaaaaaaa9ep-5")],
}


COVERING = covering(SNAPSHOTS)
UNREPEATED = thinned(*SNAPSHOTS)


BYTE_BY_BYTE = "fed 1 byte at a time"  # slow: every third file
READINGS = [
    pytest.param(path, way, id=f"{path.name}-{way}")
    for at, path in enumerate(COVERING)
    for way in WAYS
    if way != BYTE_BY_BYTE or at % 3 == 0
]


@every(("path", "way"), READINGS)
def test_a_snapshot_reads_the_same_in_every_way(path: Path, way: str, tmp_path: Path) -> None:
    assert [plain(record) for record in WAYS[way](path.read_bytes(), tmp_path)] == plain_records_of(path)


@every("way", ["file", "fed 7 bytes at a time"])
@every("name", UNREPEATED)
def test_every_value_reads_the_same_from_a_file_and_in_pieces(name: str, way: str, tmp_path: Path) -> None:
    data = UNREPEATED[name]
    expected = [plain(record) for record in read(data)]
    assert [plain(record) for record in WAYS[way](data, tmp_path)] == expected


COPIES: dict[str, Callable[[Record], Record]] = {
    "pickled": lambda record: pickle.loads(pickle.dumps(record)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
def test_a_record_of_each_kind_is_the_same_in_another_process(how: str) -> None:
    """Hashes with templates as well, which stand in records before theirs."""
    kinds: dict[object, Record] = {}
    for path in covering(SNAPSHOTS):
        for record in read(path):
            kinds.setdefault(record.row.name if isinstance(record, Entry) else type(record), record)
    assert {"hash-template-listpack-ref", HashTemplate} <= kinds.keys()
    for record in kinds.values():
        assert plain(COPIES[how](record)) == plain(record)
