"""What is encoded reads back as it was, and is what the target's own server would have written.

Three witnesses: Hypothesis for every layout and every target that has it; the tables of rdb-format.md for
the choice of a layout; and the snapshots of real servers, whose values must be encoded to the very bytes
those servers wrote.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cases import every, examples
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    SERVERS,
    TINY,
    UNLIMITED,
    VALUES,
    VERSIONS,
    as_read,
    hashes,
    scores,
    server_of,
    server_options,
    sets,
    streams,
    texts,
)
from ways import SNAPSHOTS, corpus, plain_value

import rdbcodec
from rdbcodec import (
    Array,
    Consumer,
    EncodeError,
    Entry,
    Group,
    Hash,
    Header,
    List,
    ModuleValue,
    Pending,
    Set,
    Stream,
    StreamEntry,
    StreamId,
    ZSet,
)
from rdbcodec.datatypes.hashes import template_of
from rdbcodec.datatypes.path_hashes import PathHash
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.score_texts import score_text
from rdbcodec.datatypes.streams import NO_ID, Idempotence, Producer
from rdbcodec.datatypes.streams.versions import RELEASED_TO, guessed_entries_read, in_version
from rdbcodec.encoding.transcoding import choose, encode, encode_as, encode_value, natural, transcode
from rdbcodec.formats import TYPES, TypeRow, version_row
from rdbcodec.framing import compile_walk, labels
from rdbcodec.servers import SETTINGS, Server, Thresholds, thresholds_of
from rdbcodec.structures import listpack, stream_node, ziplist
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.module_ids import ModuleId
from rdbcodec.wire.strings import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rdbcodec.formats import Dialect

ROWS = {row.name: row for row in TYPES}
WRITABLE = [row for row in TYPES if layout_of(row).encode is not None]


def named(row: TypeRow) -> str:
    return row.name


def decoded(row: TypeRow, raw: bytes, templates: dict[int, tuple[bytes, ...]] | None = None) -> Any:
    return layout_of(row).decode(raw, Scope(Budget(), templates or {}))


def exact(value: object) -> tuple[object, ...]:
    """A value with its class, order and expiries; texts, because -0.0 == 0.0."""
    name, content, *expiries = plain_value(value)
    return name, repr(content), expiries


def lost_in(job: Callable[[Callable[[str], None]], object]) -> list[str]:
    """The kinds of loss that a job tells of."""
    lost: list[str] = []
    job(lost.append)
    return lost


def none_lost(kind: str) -> None:
    raise AssertionError(kind)


# --- decode(encode(value)) == value -----------------------------------------------------------------


def test_every_type_but_module_values_of_version_1_has_an_encoder_and_values_to_try_it_with() -> None:
    assert set(ROWS) - {row.name for row in WRITABLE} == {"module"}
    assert set(VALUES) == {row.name for row in WRITABLE}


def test_every_layout_is_held_by_some_target() -> None:
    held = {row for servers in SERVERS.values() for server in servers for row in server.types.values()}
    assert held == set(WRITABLE)


@pytest.mark.parametrize("row", WRITABLE, ids=named)
@examples(25)
@given(data=st.data(), options=server_options)
def test_every_value_reads_back_from_every_layout_of_every_target(
    row: TypeRow, data: st.DataObject, options: str
) -> None:
    value = data.draw(VALUES[row.name])
    expected = exact(as_read(row, value))
    is_template = row.name.startswith("hash-template")
    templates = {7: template_of(value)} if is_template else {}
    for server in SERVERS[options]:
        if server.types.get(row.name) is not row:
            continue
        raw = encode(row, value, server, {fields: number for number, fields in templates.items()})
        assert exact(decoded(row, raw, templates)) == expected, server.name
        if row.type not in _SKETCHES:
            assert compile_walk(row.framing, templates)(raw, 0) == len(raw), server.name


_SKETCHES = {"bloom", "cms", "topk", "cuckoo"}  # tried with any bytes: only their server knows the rest


@examples(40)
@given(
    value=st.one_of(VALUES["list"], VALUES["set"], VALUES["set-intset"], VALUES["zset"], VALUES["hash-ttl"]),
    options=server_options,
)
def test_the_layout_a_server_would_choose_holds_the_whole_value(value: Any, options: str) -> None:
    type_, value = natural(value)
    for server in SERVERS[options]:
        if type_ == "hash" and value.expires_at_ms and not _holds_expiries(server):
            continue
        row = choose(type_, value, server)
        assert row is not None
        if row.name == "hash-expiry":
            continue  # counts seconds from 2023 on: see the test of what Dragonfly loses
        assert exact(decoded(row, encode(row, value, server))) == exact(as_read(row, value)), server.name


def _holds_expiries(server: Server) -> bool:
    return bool({"hash-ttl", "hash-ttl-valkey", "hash-expiry"} & set(server.types))


@given(scores, st.sampled_from([1, 6, 9, 10, 11, 15, 80]))
def test_a_score_survives_as_the_text_of_any_version(score: float, version: int) -> None:
    text = score_text(score, version)
    assert repr(float(text)) == repr(score)
    assert len(text) < 128  # the buffer of old loaders


@every("version", [1, 2, 8, 9, 10, 11, 15, 80])
@every("simplest", [False, True])
@given(value=VALUES["zset"])
def test_a_sorted_set_keeps_negative_zero_and_the_infinities(
    value: ZSet, version: int, simplest: bool
) -> None:
    value |= {b"zero": -0.0, b"least": float("-inf"), b"greatest": float("inf")}
    server = Server("valkey" if version >= 80 else "redis", version, simplest=simplest)
    row = choose("zset", value, server)
    assert row is not None
    assert exact(decoded(row, encode(row, value, server))) == exact(as_read(row, value))


@every(
    ("text", "tag"),
    [
        (b"5", 1),
        (b"-2305843009213693952", 1),
        (b"2305843009213693951", 1),
        (b"2305843009213693952", 0),
        (b"1.5", 2),
        (b"1.0", 2),
        (b"-0.0", 2),
        (b"0.30000000000000004", 2),
        (b"0.1", 3),
        (b"1.50", 3),
        (b".5", 3),
        (b"+1.5", 3),
        (b"1e5", 3),
        (b"inf", 3),
        (b"007", 3),
        (b"", 3),
        (b"7 bytes", 3),
        (b"8  bytes", 0),
    ],
)
def test_an_array_s_text_has_the_tag_its_server_gives_it(text: bytes, tag: int) -> None:
    """The examples of rdb-v13-15.md, 5.2."""
    row = ROWS["array"]
    raw = encode(row, Array({9: text}), Server("redis", 14))
    assert raw[:4] == bytes((1, 0, 9, tag))
    assert decoded(row, raw) == Array({9: text})


# --- elements of the sizes that the two back-length rules disagree on -------------------------------

CRITICAL_SIZES = (16378, 2097146)
CLASSIC = Server("redis", 13, thresholds=UNLIMITED, compress=False)
NEW = Server("redis", 14, thresholds=UNLIMITED, compress=False)
EITHER = Server("valkey", 80, thresholds=UNLIMITED, compress=False)
DISAGREE = "servers of this RDB version do not agree on elements of exactly 16378, 2097146 or 268435450 bytes"


@pytest.mark.parametrize(
    ("size", "to", "back_length"),
    [
        (16378, CLASSIC, "00ffff"),
        (16378, server_of("valkey-9.0", thresholds=UNLIMITED, compress=False), "00ffff"),
        (16378, NEW, "7fff"),
        (16378, server_of("valkey-9.1", thresholds=UNLIMITED, compress=False), "7fff"),
        (2097146, CLASSIC, "00ffffff"),
        (2097146, NEW, "7fffff"),
    ],
    ids=lambda value: value.name if isinstance(value, Server) else str(value),
)
def test_a_critical_element_has_the_back_length_its_server_reads(
    size: int, to: Server, back_length: str
) -> None:
    raw = encode(ROWS["hash-listpack"], Hash({b"field": b"v" * size}), to)
    assert raw.endswith(b"v" + bytes.fromhex(back_length) + b"\xff")
    assert decoded(ROWS["hash-listpack"], raw) == {b"field": b"v" * size}


@pytest.mark.parametrize("size", CRITICAL_SIZES)
def test_where_servers_of_one_version_disagree_a_critical_element_stays_out_of_listpacks(size: int) -> None:
    text = b"v" * size
    assert _chosen("set", Set([text]), EITHER) == "set"
    assert _chosen("zset", ZSet({text: 1.0}), EITHER) == "zset-ziplist"
    assert _chosen("hash", Hash({b"f": text}), EITHER) == "hash-ziplist"
    expiring = Hash({b"f": text})
    expiring.expires_at_ms = {b"f": 1}
    assert _chosen("hash", expiring, EITHER) == "hash-ttl-valkey"
    listed = List([b"a", text, b"b"])
    row = ROWS[_chosen("list", listed, EITHER)]
    raw = encode(row, listed, EITHER)
    assert row.name == "list-quicklist-2"
    assert [container for container, _ in _containers(raw)] == [2, 1, 2]
    assert decoded(row, raw) == listed


@pytest.mark.parametrize("size", [16377, 16379])
def test_a_size_beside_a_critical_one_goes_into_listpacks_everywhere(size: int) -> None:
    assert _chosen("hash", Hash({b"f": b"v" * size}), EITHER) == "hash-listpack"


@pytest.mark.parametrize(
    ("type_", "name", "value", "message"),
    [
        ("hash", "hash-listpack", Hash({b"f": b"v" * 16378}), f"{DISAGREE}: name the release"),
        ("set", "set-listpack", Set([b"v" * 2097146]), f"{DISAGREE}: name the release"),
        (
            "stream",
            "stream-3",
            Stream(3, [StreamEntry(StreamId(1, 1), [(b"f", b"v" * 16378)])], 1, StreamId(1, 1)),
            (
                "servers of this RDB version do not agree on stream entries with a text of 16378, 2097146 or "
                "268435450 bytes: name the release"
            ),
        ),
    ],
)
def test_a_listpack_that_only_one_kind_of_server_reads_is_refused(
    type_: str, name: str, value: Any, message: str
) -> None:
    with pytest.raises(EncodeError) as refused:
        encode(ROWS[name], value, EITHER)
    assert str(refused.value) == f"{type_}, for valkey RDB 80: {message}"


def _chosen(type_: str, value: Any, server: Server) -> str:
    row = choose(type_, value, server)
    assert row is not None
    return row.name


def _containers(raw: bytes) -> Iterator[tuple[int, bytes]]:
    count, pos = lengths.read(raw, 0)
    for _ in range(count):
        container, pos = lengths.read(raw, pos)
        node, pos = strings.read(raw, pos, Budget())
        yield container, node


def test_a_list_element_larger_than_a_node_stands_alone_since_redis_7_4() -> None:
    value = List([b"a", b"v" * 8193, b"b"])
    row = ROWS["list-quicklist-2"]
    containers = {
        version: [container for container, _ in _containers(encode(row, value, Server("redis", version)))]
        for version in (10, 11, 12, 15)
    }
    assert containers == {10: [2, 2, 2], 11: [2, 2, 2], 12: [2, 1, 2], 15: [2, 1, 2]}
    assert [c for c, _ in _containers(encode(row, value, Server("valkey", 11)))] == [2, 1, 2]


def test_a_copy_for_the_other_back_length_rule_is_byte_for_byte_unless_a_critical_element_is_in_it() -> None:
    row, origin = ROWS["hash-listpack"], version_row("redis", 13)
    assert origin is not None
    thresholds = thresholds_of({"hash-max-listpack-value": 20000})
    old, new = Server("redis", 13, thresholds=thresholds), Server("redis", 14, thresholds=thresholds)
    for size, same in ((16377, True), (16378, False)):
        raw = encode(row, Hash({b"f": b"v" * size}), old)
        made = transcode(row, raw, Scope(Budget(), {}), origin, server=new, lose=none_lost)
        assert made is not None
        assert (made[0], made[1] == raw) == (row, same)
        assert decoded(row, made[1]) == {b"f": b"v" * size}


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_ziplist_with_integers_of_rdb_6_is_written_anew_for_an_older_target(version: int) -> None:
    row, origin, server = (
        ROWS["hash-ziplist"],
        version_row("redis", 6),
        Server("redis", version, compress=False),
    )
    assert origin is not None
    raw = encode(row, Hash({b"f": b"5"}), Server("redis", 6, compress=False))
    made = transcode(row, raw, Scope(Budget(), {}), origin, server=server, lose=none_lost)
    assert made == (row, strings.encode(ziplist.encode([b"f", b"5"], small_integers=False), compress=False))
    assert raw != made[1]


# --- the layout a server would choose ---------------------------------------------------------------


def numbered(count: int, size: int = 8) -> list[bytes]:
    return [b"%0*d" % (size, at) for at in range(count)]


def fields(count: int, size: int = 8) -> Hash:
    return Hash(zip(numbered(count), [b"x" * size] * count, strict=True))


def expiring(value: Any) -> Any:
    value.expires_at_ms = {next(iter(value)): 1893456000000}
    return value


def integers(count: int) -> Set:
    return Set(b"%d" % at for at in range(count))


SMALL_HASH = {1: "hash", 2: "hash-zipmap", 3: "hash-ziplist", 10: "hash-listpack"}
SMALL_ZSET = {1: "zset", 2: "zset-ziplist", 10: "zset-listpack"}
LARGE_ZSET = {1: "zset", 8: "zset-2"}
SMALL_LIST = {1: "list", 2: "list-ziplist", 7: "list-quicklist", 10: "list-quicklist-2"}
LARGE_LIST = {1: "list", 7: "list-quicklist", 10: "list-quicklist-2"}
INTSET = {1: "set", 2: "set-intset"}
SMALL_SET = {1: "set", 11: "set-listpack"}
SMALL_EXPIRING = {12: "hash-listpack-ttl", 80: "hash-ttl-valkey"}
LARGE_EXPIRING = {12: "hash-ttl", 80: "hash-ttl-valkey"}

# what, its value, and from which RDB version on it is written in which layout (rdb-format.md, 6.1, 6.2)
CHOICES: list[tuple[str, Any, dict[int, str]]] = [
    ("a string", b"x", {1: "string"}),
    ("512 fields", fields(512), SMALL_HASH),
    ("513 fields", fields(513), {1: "hash"}),
    ("a field value of 64 bytes", fields(2, 64), SMALL_HASH),
    ("a field value of 65 bytes", fields(2, 65), {1: "hash"}),
    ("a field name of 65 bytes", Hash({b"x" * 65: b""}), {1: "hash"}),
    ("512 fields, one of which expires", expiring(fields(512)), SMALL_EXPIRING),
    ("513 fields, one of which expires", expiring(fields(513)), LARGE_EXPIRING),
    ("a value of 65 bytes that expires", expiring(fields(1, 65)), LARGE_EXPIRING),
    ("128 scored members", ZSet(dict.fromkeys(numbered(128), 1.5)), SMALL_ZSET),
    ("129 scored members", ZSet(dict.fromkeys(numbered(129), 1.5)), LARGE_ZSET),
    ("a scored member of 64 bytes", ZSet({b"x" * 64: 1.0}), SMALL_ZSET),
    ("a scored member of 65 bytes", ZSet({b"x" * 65: 1.0}), LARGE_ZSET),
    ("512 integers", integers(512), INTSET),
    ("513 integers", integers(513), {1: "set"}),
    ("200 integers", integers(200), INTSET),
    ("the integers of 64 bits", Set([b"%d" % (2**63 - 1), b"%d" % -(2**63)]), INTSET),
    ("an integer of 65 bits", Set([b"%d" % 2**63]), SMALL_SET),
    ("integers and one text", Set([b"1", b"2", b"x"]), SMALL_SET),
    ("an integer with a leading zero", Set([b"01"]), SMALL_SET),
    ("128 members", Set(numbered(128)), SMALL_SET),
    ("129 members", Set(numbered(129)), {1: "set"}),
    ("200 members, one of them a text", Set([*integers(199), b"x"]), {1: "set"}),
    ("a member of 64 bytes", Set([b"x" * 64]), SMALL_SET),
    ("a member of 65 bytes", Set([b"x" * 65]), {1: "set"}),
    ("512 elements", List(numbered(512)), SMALL_LIST),
    ("513 elements", List(numbered(513)), LARGE_LIST),
    ("an element of 64 bytes", List([b"x" * 64]), SMALL_LIST),
    ("an element of 65 bytes", List([b"x" * 65]), LARGE_LIST),
    (
        "a stream",
        Stream(1, [], 0, NO_ID),
        {9: "stream", 10: "stream-2", 11: "stream-3", 13: "stream-4", 14: "stream-5", 80: "stream-3"},
    ),
    ("an array", Array({0: b"x"}), {14: "array", 80: ""}),
    ("a path hash", PathHash({b"p": fields(1)}), {81: "path-hash"}),
    ("a module's value", ModuleValue(ModuleId("vectorset", 0), b""), {8: "module-2"}),
]


@every(("value", "layouts"), [pytest.param(*rest, id=what) for what, *rest in CHOICES])
def test_the_layout_is_the_one_the_server_of_the_version_writes(value: Any, layouts: dict[int, str]) -> None:
    type_, value = natural(value)
    expected, found = {}, {}
    for dialect, version in (*VERSIONS[:15], ("valkey", 80), ("valkey", 81)):
        if type_ == "hash" and value.expires_at_ms and version < 12:
            continue  # a loss, told before anything is chosen
        row = choose(type_, value, Server(dialect, version))
        found[version] = "" if row is None else row.name
        expected[version] = (
            layouts[max(since for since in (0, *layouts) if since <= version)]
            if (version >= min(layouts))
            else ""
        )
    assert found == expected


@pytest.mark.parametrize(
    ("settings", "value", "layout"),
    [
        ({"hash-max-listpack-entries": 2}, fields(2), "hash-listpack"),
        ({"hash-max-listpack-entries": 2}, fields(3), "hash"),
        ({"hash-max-zipmap-value": 3}, fields(2), "hash"),
        ({"zset-max-ziplist-entries": 1}, ZSet({b"a": 1.0, b"b": 2.0}), "zset-2"),
        ({"zset-max-listpack-value": 1}, ZSet({b"ab": 1.0}), "zset-2"),
        ({"set-max-intset-entries": 2}, integers(2), "set-intset"),
        # An intset that outgrows its limit becomes a table, although a listpack would hold it (the snapshot
        # redis-7.2.6-cfg shows it).
        ({"set-max-intset-entries": 2}, integers(3), "set"),
        ({"set-max-listpack-entries": 1}, Set([b"a", b"b"]), "set"),
        ({"set-max-listpack-value": 1}, Set([b"ab"]), "set"),
    ],
)
def test_the_limits_of_a_server_s_configuration_decide(
    settings: dict[str, int], value: Any, layout: str
) -> None:
    type_, value = natural(value)
    assert _chosen(type_, value, Server("redis", 12, thresholds=thresholds_of(settings))) == layout


@pytest.mark.parametrize(
    ("value", "versions", "layout"),
    [
        (b"x", range(1, 16), "string"),
        (List([b"1"]), range(1, 16), "list"),
        (Set([b"1"]), range(1, 16), "set"),
        (ZSet({b"a": 1.0}), range(1, 16), "zset"),
        (Hash({b"f": b"v"}), range(1, 16), "hash"),
        (expiring(Hash({b"f": b"v"})), range(12, 16), "hash-ttl"),
    ],
)
def test_the_simplest_layouts_are_those_every_server_loads(value: Any, versions: range, layout: str) -> None:
    type_, value = natural(value)
    found = {_chosen(type_, value, Server("redis", version, simplest=True)) for version in versions}
    assert found == {layout}


@every(
    ("setting", "sizes"),
    [
        (0, [1, 1, 1, 1]),
        (1, [1, 1, 1, 1]),
        (3, [3, 1]),
        (-1, [2, 2]),  # 4 KiB
        (-2, [4]),  # 8 KiB
        (-9, [4]),  # as -5: 64 KiB
    ],
)
@every("version", [9, 11])
def test_list_nodes_are_as_large_as_the_setting_says(setting: int, sizes: list[int], version: int) -> None:
    server = Server("redis", version, thresholds=thresholds_of({"list-max-listpack-size": setting}))
    row = ROWS["list-quicklist-2" if version == 11 else "list-quicklist"]
    raw = encode(row, List([b"x" * 1900] * 4), server)
    assert [len(node) for node in _list_nodes(row, raw)] == sizes


def _list_nodes(row: TypeRow, raw: bytes) -> list[list[bytes]]:
    if row.name == "list-quicklist-2":
        return [listpack.decode(node) for _, node in _containers(raw)]
    count, pos = lengths.read(raw, 0)
    nodes = []
    for _ in range(count):
        node, pos = strings.read(raw, pos, Budget())
        nodes.append(ziplist.decode(node))
    return nodes


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, [7]),
        ({"stream-node-max-entries": 3}, [3, 3, 1]),
        ({"stream-node-max-bytes": 1, "stream-node-max-entries": 0}, [1] * 7),
        ({"stream-node-max-entries": 0, "stream-node-max-bytes": 0}, [7]),
    ],
)
def test_stream_nodes_are_as_large_as_the_settings_say(settings: dict[str, int], sizes: list[int]) -> None:
    entries = [StreamEntry(StreamId(at, 0), [(b"f", b"v")]) for at in range(1, 8)]
    server = Server("redis", 9, thresholds=thresholds_of(settings))
    raw = encode(ROWS["stream"], Stream(1, entries, 7, StreamId(7, 0)), server)
    assert [len(node.entries) for node in _stream_nodes(raw)] == sizes


def _stream_nodes(raw: bytes) -> Iterator[stream_node.Node]:
    count, pos = lengths.read(raw, 0)
    for _ in range(count):
        key, pos = strings.read(raw, pos, Budget())
        blob, pos = strings.read(raw, pos, Budget())
        yield stream_node.decode(listpack.decode_mixed(blob), stream_node.read_id(key))


# Asked of redis 6.2, 7.0.15 and valkey 8.0.1: ZADD, then DUMP.
SCORES: list[tuple[float, dict[int, bytes]]] = [
    (1.0, {9: b"1"}),
    (-3.5, {9: b"-3.5"}),
    (0.1, {9: b"0.10000000000000001", 11: b"0.1"}),
    (1e-5, {9: b"1.0000000000000001e-05", 11: b"0.00001"}),
    (1e-7, {9: b"9.9999999999999995e-08", 11: b"1e-7"}),
    (1.25e-5, {9: b"1.2500000000000001e-05", 11: b"1.25e-5"}),
    (1234.5678901, {9: b"1234.5678901000001", 11: b"1234.5678901"}),
    (123456.7890123, {9: b"123456.7890123", 11: b"1.234567890123e+5"}),
    (-735518.2915661507, {9: b"-735518.29156615073", 11: b"-7.355182915661507e+5"}),
    (2.0**52, {9: b"4503599627370496"}),
    (1e17, {9: b"1e+17", 10: b"100000000000000000"}),
    (2.0**62, {9: b"4.6116860184273879e+18", 10: b"4611686018427387904"}),
    (2.0**62 + 1024, {9: b"4.6116860184273889e+18", 11: b"4611686018427389000"}),
    (1e22, {9: b"1e+22", 11: b"1e+22"}),
    (5e-324, {9: b"4.9406564584124654e-324", 11: b"5e-324"}),
    (1.7976931348623157e308, {9: b"1.7976931348623157e+308", 11: b"1.7976931348623157e+308"}),
    (float("inf"), {9: b"inf"}),
    (float("-inf"), {9: b"-inf"}),
    (0.0, {9: b"0"}),
]


@every(("score", "said"), SCORES, ids=lambda value: repr(value)[:30])
def test_a_score_has_the_text_its_server_gives_it(score: float, said: dict[int, bytes]) -> None:
    found = {version: score_text(score, version) for version in (9, 10, 11)}
    assert found == {version: said[max(since for since in said if since <= version)] for version in found}


# --- streams in other versions ----------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@examples(40)
@given(data=st.data())
def test_a_stream_that_goes_up_and_down_again_is_what_it_was(version: int, data: st.DataObject) -> None:
    stream = data.draw(streams(version))
    before = exact(stream)
    for higher in range(version, 6):
        up = in_version(stream, higher, none_lost)
        assert up.version == higher
        assert exact(in_version(up, version, none_lost)) == before
    assert exact(stream) == before, "the original is left alone"


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@examples(25)
@given(data=st.data())
def test_a_stream_of_any_version_is_written_for_any_other(version: int, data: st.DataObject) -> None:
    stream = data.draw(streams(5))
    changed = in_version(stream, version, list[str]().append)
    row = next(row for row in TYPES if row.name == ("stream" if version == 1 else f"stream-{version}"))
    assert exact(decoded(row, encode(row, changed, Server("redis", 15)))) == exact(changed)


def whole_stream() -> Stream:
    """A stream of version 5 that uses nothing which older versions lack."""
    entries = [StreamEntry(StreamId(at, 0), [(b"f", b"v")]) for at in (3, 5)]
    stream = Stream(5, entries, 2, StreamId(5, 0))
    stream.first_id, stream.max_deleted_id, stream.entries_added = StreamId(3, 0), NO_ID, 2
    group = Group(b"g", StreamId(5, 0), 2)
    group.pending[StreamId(3, 0)] = Pending(StreamId(3, 0), 1000, 1, b"c")
    consumer = Consumer(b"c", 2000, 2000)
    consumer.pending.append(StreamId(3, 0))
    group.consumers.append(consumer)
    stream.groups.append(group)
    stream.idempotence = Idempotence()
    return stream


def released(stream: Stream) -> None:
    stream.groups[0].pending[StreamId(5, 0)] = Pending(StreamId(5, 0), 0, 4)
    stream.groups[0].nacked = [StreamId(5, 0)]


def produced(stream: Stream) -> None:
    assert stream.idempotence is not None
    stream.idempotence.producers.append(Producer(b"p"))


def never_active(stream: Stream) -> None:
    stream.groups[0].consumers[0].active_at_ms = None


def forgot_deletions(stream: Stream) -> None:
    stream.max_deleted_id = StreamId(4, 0)


def forgot_additions(stream: Stream) -> None:
    stream.entries_added = 3


def forgot_reads(stream: Stream) -> None:
    stream.groups[0].entries_read = None


@pytest.mark.parametrize(
    ("change", "kind", "since"),
    [
        (released, "nacked", 5),
        (produced, "idempotence", 4),
        (never_active, "consumer-active-time", 3),
        (forgot_deletions, "stream-metadata", 2),
        (forgot_additions, "stream-metadata", 2),
        (forgot_reads, "stream-metadata", 2),
    ],
)
def test_a_stream_loses_what_the_version_does_not_tell(
    change: Callable[[Stream], None], kind: str, since: int
) -> None:
    for version in range(1, 6):
        assert lost_in(lambda lose: in_version(whole_stream(), version, lose)) == []  # noqa: B023
        stream = whole_stream()
        change(stream)
        lost = lost_in(lambda lose: in_version(stream, version, lose))  # noqa: B023
        assert lost == ([] if version >= since else [kind])


def test_a_released_entry_goes_to_a_consumer_of_its_own_below_version_5() -> None:
    stream = whole_stream()
    released(stream)
    (group,) = in_version(stream, 4, list[str]().append).groups
    assert group.nacked == []
    assert group.pending[StreamId(5, 0)] == Pending(StreamId(5, 0), 0, 4, RELEASED_TO)
    heir = Consumer(RELEASED_TO, 0, 0)
    heir.pending = [StreamId(5, 0)]
    assert group.consumers[1:] == [heir]


def test_a_pending_entry_without_owner_counts_as_released_from_version_5_on() -> None:
    """Loaders of versions below take such a group, those of 8.8 want to find the entry in the list."""
    stream = in_version(whole_stream(), 3, none_lost)
    stream.groups[0].pending[StreamId(4, 0)] = Pending(StreamId(4, 0), 7, 1)
    (group,) = in_version(stream, 5, none_lost).groups
    assert group.nacked == [StreamId(4, 0)]


def stream_of(*, length: int, last: int, added: int, deleted: int = 0, first: int = 0) -> Stream:
    stream = Stream(2, [], length, StreamId(last, 0))
    stream.entries_added, stream.max_deleted_id, stream.first_id = (
        added,
        StreamId(deleted, 0),
        StreamId(first, 0),
    )
    return stream


@every(
    ("stream", "last_read", "entries_read"),
    [
        pytest.param(stream_of(length=0, last=9, added=0), 5, 0, id="nothing was ever added"),
        pytest.param(stream_of(length=0, last=9, added=7), 9, 7, id="empty, read to the end"),
        pytest.param(stream_of(length=0, last=9, added=7), 3, 7, id="empty, read to some place"),
        pytest.param(stream_of(length=0, last=9, added=7), 10, None, id="empty, read beyond the end"),
        pytest.param(
            stream_of(length=3, last=9, added=7, deleted=5, first=6), 4, None, id="before a deletion"
        ),
        pytest.param(stream_of(length=3, last=9, added=7, deleted=5, first=2), 9, 7, id="read to the end"),
        pytest.param(stream_of(length=3, last=9, added=7, first=2), 10, None, id="read beyond the end"),
        pytest.param(stream_of(length=3, last=9, added=7, first=2), 1, 4, id="before the first"),
        pytest.param(stream_of(length=3, last=9, added=7, first=2), 0, 4, id="nothing read"),
        pytest.param(stream_of(length=3, last=9, added=7, first=2), 2, 5, id="the first read"),
        pytest.param(stream_of(length=3, last=9, added=7, deleted=1, first=2), 2, 5, id="deleted before it"),
        pytest.param(stream_of(length=3, last=9, added=7, first=2), 4, None, id="in the middle"),
        pytest.param(stream_of(length=3, last=9, added=7, deleted=5, first=2), 0, None, id="deleted inside"),
        pytest.param(stream_of(length=3, last=9, added=7, deleted=5, first=2), 5, None, id="at the deletion"),
    ],
)
def test_how_much_a_group_has_read_is_guessed_as_loaders_do(
    stream: Stream, last_read: int, entries_read: int | None
) -> None:
    """Each row of the table in rdb-format.md, 4.7."""
    assert guessed_entries_read(stream, Group(b"g", StreamId(last_read, 0))) == entries_read


# --- what a target loses ----------------------------------------------------------------------------


@examples(40)
@given(value=hashes)
def test_a_hash_for_a_target_without_field_expiry_is_the_same_hash_and_a_loss(value: Hash) -> None:
    value = expiring(value)
    server = Server("redis", 11)
    lost: list[str] = []
    made = encode_value("hash", value, server, lost.append)
    assert made is not None
    assert exact(decoded(*made)) == exact(Hash(value))
    assert lost == ["field-ttl"]


@examples(40)
@given(value=sets)
def test_a_set_for_a_target_without_member_expiry_is_the_same_set_and_a_loss(value: Set) -> None:
    value = expiring(value)
    lost: list[str] = []
    made = encode_value("set", value, Server("redis", 11), lost.append)
    assert made is not None
    assert exact(decoded(*made)) == exact(as_read(made[0], Set(value)))
    assert lost == ["member-ttl"]


@pytest.mark.parametrize("at", [1893456000000, 1893456000001])
@pytest.mark.parametrize(("type_", "value"), [("hash", Hash({b"f": b"v"})), ("set", Set([b"f"]))])
def test_dragonfly_rounds_expiries_up_to_seconds_and_that_is_a_loss(type_: str, value: Any, at: int) -> None:
    value.expires_at_ms = {b"f": at}
    lost: list[str] = []
    made = encode_value(type_, value, Server("dragonfly", 9), lost.append)
    assert made is not None
    assert decoded(*made).expires_at_ms == {b"f": -(-at // 1000) * 1000}
    assert lost == ([] if at % 1000 == 0 else ["sub-second-expiry"])
    again: list[str] = []
    asked_for = encode_as(ROWS[f"{type_}-expiry"], value, Server("dragonfly", 9), again.append)
    assert (asked_for, again) == (made, lost)


# --- the snapshots of real servers ------------------------------------------------------------------


@cache
def configured(path: Path) -> Thresholds:
    """The thresholds of the server that wrote a snapshot, from what was told to it."""
    told = path.with_name(path.name.rsplit(".", 1)[0] + ".expected.json.gz")
    config = json.loads(gzip.decompress(told.read_bytes())).get("config", {}) if told.exists() else {}
    return thresholds_of({name: int(value) for name, value in config.items() if name in SETTINGS})


def held(path: Path) -> Iterator[tuple[Entry, Server]]:
    """The entries of a snapshot, each with its server."""
    with rdbcodec.open(path) as reader:
        records = iter(reader)
        header = next(records)
        assert isinstance(header, Header)
        entries = [record for record in records if isinstance(record, Entry)]
        server = Server(reader.dialect, header.version, compress=False, thresholds=configured(path))
        yield from ((entry, server) for entry in entries)


def depends_on_history(entry: Entry, server: Server) -> bool:
    """Whether the server's bytes tell more than the value: how it came about.

    Hashes that were zipmaps in memory have their integers as texts in RDB 1, and a stream's nodes keep
    deleted entries. All else is a function of the value and the configuration, the cuts between nodes
    included, as long as elements were only appended; in the snapshots of APPENDED they were. A template is
    what other hashes have had in common.
    """
    if (entry.row.name == "hash" and server.version == 1) or is_templated(entry):
        return True
    return entry.type == "stream" and any(node.deleted for node in _stream_nodes(entry.raw))


def is_templated(entry: Entry) -> bool:
    """Whether its server keeps the hash by a template."""
    return "template" in entry.row.name


def unpacked(raw: bytes, row: TypeRow) -> bytes:
    """A value with every LZF string in it as plain bytes: the blocks are a compressor's own matter."""
    return b"".join(
        _plain_string(raw, start)[0] if kind == "string" else raw[start:end]
        for start, end, _, kind in labels(row.framing, raw)
    )


def _plain_string(raw: bytes, pos: int) -> tuple[bytes, int]:
    text, end = strings.read(raw, pos, Budget())
    return (lengths.encode(len(text)) + text if raw[pos] == strings.LZF else raw[pos:end]), end


EVERY_FILE = SNAPSHOTS + corpus("vectors", ".rdb")
# Not those of keys that were trimmed, claimed, persisted and let expire on purpose.
APPENDED = [path for path in EVERY_FILE if not path.stem.endswith(("-new", "-cfgnew", "-clusternew"))]
every_appended = every("path", APPENDED, ids=lambda path: path.name)
PLAIN = [path for path in SNAPSHOTS if path.stem.endswith("-plain")]
every_file = every("path", EVERY_FILE, ids=lambda path: path.name)


def test_there_are_snapshots_written_without_compression() -> None:
    assert [path.name for path in PLAIN] == ["redis-6.2.16-plain.rdb", "redis-7.2.6-plain.rdb"]


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.name)
def test_a_value_is_encoded_to_the_bytes_of_a_server_that_does_not_compress(path: Path) -> None:
    tried = Counter[str]()
    for entry, server in held(path):
        if not depends_on_history(entry, server):
            tried[entry.row.name] += 1
            assert encode(entry.row, entry.value(), server) == entry.raw, entry
    assert len(tried) >= 9, "every type and layout of the file, or the rule leaves out too much"


@every_appended
def test_a_value_is_encoded_to_the_bytes_its_server_wrote(path: Path) -> None:
    for entry, server in held(path):
        if not depends_on_history(entry, server):
            made = encode(entry.row, entry.value(), server)
            assert unpacked(made, entry.row) == unpacked(entry.raw, entry.row), entry


@every_file
def test_what_depends_on_history_is_encoded_to_the_same_value(path: Path) -> None:
    for entry, server in held(path):
        if (depends_on_history(entry, server) or path not in APPENDED) and not is_templated(entry):
            value = entry.value()
            assert exact(decoded(entry.row, encode(entry.row, value, server))) == exact(
                as_read(entry.row, value)
            )


@every_appended
def test_the_layout_its_server_chose_is_chosen_again(path: Path) -> None:
    for entry, server in held(path):
        if not is_templated(entry):
            assert choose(entry.type, entry.value(), server) is entry.row, entry


# --- plain Python values ----------------------------------------------------------------------------


@every(
    ("value", "type_", "expected"),
    [
        (b"x", "string", b"x"),
        ("é", "string", "é".encode()),
        (-5, "string", b"-5"),
        (bytearray(b"x"), "string", b"x"),
        (memoryview(b"x"), "string", b"x"),
        ("\udcff", "string", b"\xff"),
        ([b"a", "b", 3], "list", List([b"a", b"b", b"3"])),
        (("a",), "list", List([b"a"])),
        ({"b", "a"}, "set", Set([b"a", b"b"])),
        (frozenset({2, 1}), "set", Set([b"1", b"2"])),
        (Set([b"b", b"a"]), "set", Set([b"b", b"a"])),
        ({"f": 1}, "hash", Hash({b"f": b"1"})),
        (ZSet({"m": 1}), "zset", ZSet({b"m": 1.0})),
        (Array({3: "x"}, 4), "array", Array({3: b"x"}, 4)),  # type: ignore[dict-item]
        (PathHash({"p": {"f": 1}}), "path-hash", PathHash({b"p": Hash({b"f": b"1"})})),  # type: ignore[dict-item]
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else type(value).__name__,  # no addresses
)
def test_plain_python_values_become_the_values_of_their_type(value: Any, type_: str, expected: Any) -> None:
    found, made = natural(value)
    assert (found, exact(made)) == (type_, exact(expected))


def test_the_texts_of_a_stream_s_entries_may_be_str_and_int() -> None:
    stream = Stream(3, [StreamEntry(StreamId(1, 0), [("f", 5)])], 1, StreamId(1, 0))  # type: ignore[list-item]
    type_, made = natural(stream)
    assert (type_, made.entries) == ("stream", [StreamEntry(StreamId(1, 0), [(b"f", b"5")])])
    assert repr(stream.entries[0].fields) == "[('f', 5)]", "the caller's own is left alone"


@given(st.sets(texts, min_size=1))
def test_equal_sets_are_written_alike(members: set[bytes]) -> None:
    backwards = dict.fromkeys(sorted(members, reverse=True)).keys()
    assert exact(natural(members)[1]) == exact(natural(set(backwards))[1])


# --- what is refused --------------------------------------------------------------------------------


def raising(job: Callable[[], object]) -> str:
    with pytest.raises(EncodeError) as refused:
        job()
    return str(refused.value)


@every(
    ("value", "message"),
    [
        (1.5, "a float has no one text: give the bytes it shall be"),
        (None, "no Redis type for a NoneType"),
        (object(), "no Redis type for a object"),
        (True, "expected bytes, str or int, found bool"),
        ([1.5], "expected bytes, str or int, found float"),
        ([None], "expected bytes, str or int, found NoneType"),
        ({(1, 2): b"x"}, "expected bytes, str or int, found tuple"),
        ({b"f": [b"x"]}, "expected bytes, str or int, found list"),
        ({b"1", "1"}, "two members of the set are the same bytes"),
        ({b"1": b"", 1: b""}, "two fields of the hash are the same bytes"),
        (ZSet({b"1": 1.0, "1": 1.0}), "two members of the sorted set are the same bytes"),  # type: ignore[dict-item]
        (ZSet({b"m": "secret"}), "a score is not a number"),  # type: ignore[dict-item]
        (ZSet({b"m": None}), "a score is not a number"),  # type: ignore[dict-item]
        (ZSet({b"m": 10**400}), "a score is not a number"),
        (Array({0: 1.5}), "expected bytes, str or int, found float"),  # type: ignore[dict-item]
        (PathHash({b"p": Hash(), "p": Hash()}), "two paths of the path hash are the same bytes"),  # type: ignore[dict-item]
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_value_of_no_redis_type_is_refused(value: Any, message: str) -> None:
    assert raising(lambda: natural(value)) == message


@pytest.mark.parametrize(
    ("type_", "value"),
    [("list", List()), ("set", Set()), ("zset", ZSet()), ("hash", Hash()), ("array", Array())],
)
def test_an_empty_collection_is_refused_in_every_layout(type_: str, value: Any) -> None:
    server = Server("redis", 15)
    rows = [row for row in server.types.values() if row.type == type_]
    assert rows
    loaded = (
        f"an empty {type_}: Redis 2.4 to 6.0 load it, 6.2 and later drop the key; drop-empty leaves it out"
    )
    never = f"an empty {type_} does not exist, and no server loads one"
    expected = never if type_ == "array" else loaded
    for row in rows:
        message = raising(lambda: encode(row, value, server))  # noqa: B023
        assert message == f"{type_}, for redis RDB 15: {expected}"


def test_an_empty_stream_exists() -> None:
    row, server = ROWS["stream-5"], Server("redis", 15)
    stream = in_version(Stream(1, [], 0, StreamId(7, 0)), 5, none_lost)
    assert exact(decoded(row, encode(row, stream, server))) == exact(stream)


@pytest.mark.parametrize("name", ["zset", "zset-2", "zset-ziplist", "zset-listpack"])
def test_a_score_that_is_not_a_number_is_refused_in_every_layout(name: str) -> None:
    value = ZSet({b"a": 1.0, b"b": float("nan")})
    message = raising(lambda: encode(ROWS[name], value, Server("redis", 12)))
    assert message == "zset, for redis RDB 12: a score is not a number, which no server loads"


def hash_expiring_at(at: int, field: bytes = b"f") -> Hash:
    value = Hash({b"f": b"v"})
    value.expires_at_ms = {field: at}
    return value


REDIS_TTL = ["hash-ttl-rc", "hash-listpack-ttl-rc", "hash-ttl", "hash-listpack-ttl"]


@every("at", [0, -1, 1 << 48, 1 << 70])
@every("name", [*REDIS_TTL, "hash-ttl-valkey"])
def test_a_field_expiry_no_server_takes_is_refused(name: str, at: int) -> None:
    server = Server("valkey", 80) if name == "hash-ttl-valkey" else Server("redis", 12)
    message = raising(lambda: encode(ROWS[name], hash_expiring_at(at), server))
    assert message == f"hash, for {server.name}: a field expires at {at} ms, expected 1 to 281474976710655"


@pytest.mark.parametrize("name", REDIS_TTL)
def test_an_expiry_of_no_field_is_refused(name: str) -> None:
    message = raising(lambda: encode(ROWS[name], hash_expiring_at(1, b"other"), Server("redis", 12)))
    assert message == ("hash, for redis RDB 12: an expiry is that of a field the hash does not have")


def test_dragonfly_has_no_expiries_before_its_epoch() -> None:
    message = raising(lambda: encode(ROWS["hash-expiry"], hash_expiring_at(1000), Server("dragonfly", 9)))
    assert message == (
        "hash, for dragonfly RDB 9: "
        "an expiry at 1000 ms is before 2023-02-01, where Dragonfly begins to count"
    )


@every(
    ("name", "value", "message"),
    [
        (
            "hash",
            hash_expiring_at(5),
            "hash, for redis RDB 15: a hash in the layout 'hashtable' has no place for its expiries",
        ),
        (
            "hash-listpack",
            hash_expiring_at(5),
            "hash, for redis RDB 15: a hash in the layout 'listpack' has no place for its expiries",
        ),
        (
            "set-intset",
            Set([b"1", b"secret"]),
            "set, for redis RDB 15: an intset holds integers of at most 64 bits only",
        ),
        (
            "set-intset",
            Set([b"%d" % 2**63]),
            "set, for redis RDB 15: an intset holds integers of at most 64 bits only",
        ),
        (
            "hash-template-listpack-ref",
            Hash({b"f": b"v"}),
            "hash, for redis RDB 15: the hash's template was not written before it",
        ),
        (
            "hash-template-array-ref",
            Hash({b"f": b"v"}),
            "hash, for redis RDB 15: the hash's template was not written before it",
        ),
        (
            "array",
            Array({(1 << 64) - 1: b"v"}),
            f"array, for redis RDB 15: an array index is {(1 << 64) - 1}, expected 0 to 2**64 - 2",
        ),
        (
            "array",
            Array({0: b"v"}, -1),
            "array, for redis RDB 15: an array index is -1, expected 0 to 2**64 - 2",
        ),
        ("gcra", -1, "gcra, for redis RDB 15: a length is 0 to 2**64 - 1, not -1"),
        (
            "module-2",
            ModuleValue(ModuleId("vectorset", 0), bytes.fromhex("81bde72da2bb1eb400")),
            (
                "module, for redis RDB 15: the module value is not whole: "
                "the value ends inside a string or a length"
            ),
        ),
        (
            "module-2",
            ModuleValue(ModuleId("ReJSON-RL", 3), bytes.fromhex("81bde72da2bb1eb40000")),
            "module, for redis RDB 15: the module value is one of vectorset version 0",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_what_a_layout_cannot_hold_is_refused(name: str, value: Any, message: str) -> None:
    assert raising(lambda: encode(ROWS[name], value, Server("redis", 15))) == message


def test_a_path_without_fields_is_refused() -> None:
    value = PathHash({b"p": Hash()})
    message = raising(lambda: encode(ROWS["path-hash"], value, Server("valkey", 81)))
    assert message == "path-hash, for valkey RDB 81: a path without fields, which no server loads"


def test_a_field_of_a_path_that_expires_is_refused() -> None:
    value = PathHash({b"p": expiring(fields(1))})
    message = raising(lambda: encode(ROWS["path-hash"], value, Server("valkey", 81)))
    expected = "path-hash, for valkey RDB 81: a field of a path expires, for which a path hash has no place"
    assert message == expected


def _unsorted(stream: Stream) -> None:
    stream.entries.reverse()


def _twice(stream: Stream) -> None:
    stream.entries[1] = stream.entries[0]


def _miscounted(stream: Stream) -> None:
    stream.length = 3


def _owned_twice(stream: Stream) -> None:
    other = Consumer(b"d", 0, 0)
    other.pending.append(StreamId(3, 0))
    stream.groups[0].consumers.append(other)


def _owned_by_nobody(stream: Stream) -> None:
    stream.groups[0].consumers[0].pending.clear()


def _pending_for_a_consumer_only(stream: Stream) -> None:
    stream.groups[0].pending.clear()


def _named_twice(stream: Stream) -> None:
    stream.groups[0].consumers.append(Consumer(b"c", 0, 0))


def _short(stream: Stream) -> None:
    stream.idempotence = Idempotence(0, 100)


def _wide(stream: Stream) -> None:
    stream.idempotence = Idempotence(100, 10001)


def _producing_twice(stream: Stream) -> None:
    produced(stream)
    produced(stream)


@every(
    ("damage", "message"),
    [
        (_unsorted, "stream entry 3-0 comes after 5-0, expected ascending IDs"),
        (_twice, "stream entry 3-0 comes after 3-0, expected ascending IDs"),
        (_miscounted, "the stream has 2 entries, its length says 3"),
        (_owned_twice, "an entry is pending for two consumers of a stream's group"),
        (
            _owned_by_nobody,
            "the pending entries of a stream's group and its consumers contradict each other",
        ),
        (
            _pending_for_a_consumer_only,
            "the pending entries of a stream's group and its consumers contradict each other",
        ),
        (_named_twice, "a stream's group has two consumers of one name"),
        (_short, "the duration of a stream's idempotence is 0, expected 1 to 86400"),
        (_wide, "the max size of a stream's idempotence is 10001, expected 1 to 10000"),
        (_producing_twice, "a stream has two producers of one id"),
    ],
)
def test_a_stream_that_contradicts_itself_is_refused(damage: Callable[[Stream], None], message: str) -> None:
    stream = whole_stream()
    damage(stream)
    found = raising(lambda: encode(ROWS["stream-5"], stream, Server("redis", 15)))
    assert found == f"stream, for redis RDB 15: {message}"


@pytest.mark.parametrize(
    ("type_", "value", "dialect", "version"),
    [
        ("stream", Stream(1, [], 0, NO_ID), "redis", 8),
        ("array", Array({0: b"v"}), "redis", 13),
        ("array", Array({0: b"v"}), "valkey", 81),
        ("path-hash", PathHash({b"p": fields(1)}), "valkey", 80),
        ("path-hash", PathHash({b"p": fields(1)}), "redis", 15),
        ("module", ModuleValue(ModuleId("vectorset", 0), b""), "redis", 7),
        ("cron", None, "redis", 9),
    ],
)
def test_a_type_the_target_does_not_have_is_lost_as_a_whole(
    type_: str, value: Any, dialect: Dialect, version: int
) -> None:
    lost: list[str] = []
    assert encode_value(type_, value, Server(dialect, version), lost.append) is None
    assert lost == [f"type-{type_}"]


@pytest.mark.parametrize(
    ("dialect", "version", "message"),
    [
        ("redis", 0, "no redis server reads RDB version 0"),
        ("redis", 16, "no redis server reads RDB version 16"),
        ("redis", 80, "no redis server reads RDB version 80"),
        ("valkey", 12, "no valkey server reads RDB version 12"),
        ("valkey", 82, "no valkey server reads RDB version 82"),
        ("keydb", 10, "no keydb server reads RDB version 10"),
        ("dragonfly", 13, "no dragonfly server reads RDB version 13"),
    ],
)
def test_a_target_that_nobody_is_is_refused(dialect: Dialect, version: int, message: str) -> None:
    assert raising(lambda: Server(dialect, version)) == message


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    assert raising(lambda: thresholds_of({"hash-max-listpack-entries": 1, "maxmemory": 5})) == (
        f"unknown setting 'maxmemory', known are {', '.join(SETTINGS)}"
    )


def test_a_version_writes_with_the_tiny_limits_too() -> None:
    """The forms above differ in what they choose, or trying them all would prove nothing."""
    value = fields(3)
    assert [
        _chosen("hash", value, Server("redis", 12, thresholds=thresholds))
        for thresholds in (Thresholds(), TINY)
    ] == [
        "hash-listpack",
        "hash",
    ]
