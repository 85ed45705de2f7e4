"""Snapshots as commands: the words of each type, what no command says, and real servers that take them.

A server that was fed the commands is asked for a snapshot, and that is compared with the one dumped.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import SERVERS, Server, ServerError, encode_command, program, read_reply
from ways import SNAPSHOTS, pair, plain_value, snapshot, string

import rdbcodec
from rdbcodec import Entry, Stream, StreamEntry, StreamId
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.errors import EncodeError
from rdbcodec.exports import resp
from rdbcodec.losses import Losses
from rdbcodec.structures import stream_node
from rdbcodec.wire import lengths

FILES = {path.name: path for path in SNAPSHOTS}


def words_of(data: bytes, **options: Any) -> tuple[list[list[bytes]], list[str]]:
    """The commands of a snapshot as words, and what was lost: kinds, with their counts."""
    made, losses = commands_of(data, **options)
    stream, words = io.BytesIO(made), []
    while stream.tell() < len(made):
        words.append(read_reply(stream))
    return words, losses


def commands_of(
    data: bytes, *, max_value: int = rdbcodec.MAX_VALUE, **options: Any
) -> tuple[bytes, list[str]]:
    losses = Losses()
    with rdbcodec.open(data, max_value=max_value) as reader:
        made = b"".join(resp.commands(reader, losses=losses, **options))
    found = [*losses.of("data"), *losses.of("hint")]
    return made, [f"{loss.times} {loss.kind}" for loss in found]


def table(code: int, *texts: bytes, width: int = 1) -> bytes:
    """A key k of a plain table: a count, then strings."""
    return pair(code, lengths.encode(len(texts) // width) + b"".join(map(string, texts)))


# --- words ------------------------------------------------------------------------------------------


def test_each_type_goes_by_the_command_that_makes_it() -> None:
    data = snapshot(
        pair(0, string(b"v")),
        table(1, b"a", b"b"),
        table(2, b"m"),
        table(4, b"f", b"v", width=2),
        pair(5, b"\x01" + string(b"m") + b"\x00" * 6 + b"\xf8\x3f"),
        b"\xfe\x03",
        b"\xfc" + (5000).to_bytes(8, "little") + pair(0, string(b"w")),
    )
    assert words_of(data) == (
        [
            [b"SELECT", b"0"],
            [b"SET", b"k", b"v"],
            [b"RPUSH", b"k", b"a", b"b"],
            [b"SADD", b"k", b"m"],
            [b"HSET", b"k", b"f", b"v"],
            [b"ZADD", b"k", b"1.5", b"m"],
            [b"SELECT", b"3"],
            [b"SET", b"k", b"w"],
            [b"PEXPIREAT", b"k", b"5000"],
        ],
        [],
    )


def test_hashes_for_servers_before_4_0_go_by_hmset() -> None:
    assert words_of(snapshot(table(4, b"f", b"v", width=2)), version=7)[0][1] == [b"HMSET", b"k", b"f", b"v"]


def test_keys_expire_by_whole_seconds_in_servers_before_2_6() -> None:
    at = [b"\xfc" + ms.to_bytes(8, "little") for ms in (5000, 5001)]
    data = snapshot(*(expiry + pair(0, string(b"v")) for expiry in at))
    commands, losses = words_of(data, version=2)
    assert commands[2::2] == [[b"EXPIREAT", b"k", b"5"], [b"EXPIREAT", b"k", b"6"]]
    assert losses == ["1 sub-second-expiry"]


def test_servers_up_to_2_2_take_one_element_a_command() -> None:
    data = snapshot(table(1, b"a", b"b"), table(2, b"m"))
    assert words_of(data, version=1) == (
        [[b"SELECT", b"0"], [b"RPUSH", b"k", b"a"], [b"RPUSH", b"k", b"b"], [b"SADD", b"k", b"m"]],
        [],
    )


def test_scores_keep_every_digit_and_their_infinities() -> None:
    scores = (b"\x9a\x99\x99\x99\x99\x99\xb9\x3f", bytes(7) + b"\x80", bytes(6) + b"\xf0\x7f")
    body = b"".join(string(b"%d" % at) + score for at, score in enumerate(scores))
    assert words_of(snapshot(pair(5, b"\x03" + body)))[0][1] == [
        *(b"ZADD", b"k"),
        *(b"0.1", b"0", b"-0.0", b"1", b"inf", b"2"),
    ]


def test_both_infinities_are_no_reason_to_leave_one_out() -> None:
    body = b"\x02" + string(b"a") + bytes(6) + b"\xf0\x7f" + string(b"b") + bytes(6) + b"\xf0\xff"
    assert words_of(snapshot(pair(5, body))) == (
        [[b"SELECT", b"0"], [b"ZADD", b"k", b"inf", b"a", b"-inf", b"b"]],
        [],
    )


def test_a_member_whose_score_is_no_number_is_reported() -> None:
    body = b"\x02" + string(b"bad") + bytes(6) + b"\xf8\x7f" + string(b"good") + bytes(8)
    assert words_of(snapshot(pair(5, body))) == (
        [[b"SELECT", b"0"], [b"ZADD", b"k", b"0.0", b"good"]],
        ["1 score-nan"],
    )


@pytest.mark.parametrize("code", [1, 2, 4, 5])
def test_an_empty_collection_is_reported(code: int) -> None:
    assert words_of(snapshot(pair(code, b"\x00"))) == ([[b"SELECT", b"0"]], ["1 empty"])


def test_collections_go_in_batches_of_bounded_size() -> None:
    many = [command for command in words_of(snapshot(table(1, *[b"x"] * 1200)))[0] if command[0] == b"RPUSH"]
    assert [len(command) - 2 for command in many] == [500, 500, 200]
    much = words_of(snapshot(table(2, *(b"%060000d" % at for at in range(5)))))[0][1:]
    assert [len(command) - 2 for command in much] == [2, 2, 1]


def test_field_expiries_go_by_hpexpireat_grouped_by_time() -> None:
    fields = [(0, b"a"), (1, b"b"), (1, b"c"), (8, b"d")]
    body = (7000).to_bytes(8, "little") + b"\x04"
    body += b"".join(bytes((ttl,)) + string(name) + string(b"v") for ttl, name in fields)
    data = snapshot(pair(24, body))
    hset = [b"HSET", b"k", b"a", b"v", b"b", b"v", b"c", b"v", b"d", b"v"]
    assert words_of(data) == (
        [
            [b"SELECT", b"0"],
            hset,
            [b"HPEXPIREAT", b"k", b"7000", b"FIELDS", b"2", b"b", b"c"],
            [b"HPEXPIREAT", b"k", b"7007", b"FIELDS", b"1", b"d"],
        ],
        [],
    )
    assert words_of(data, version=11) == ([[b"SELECT", b"0"], hset], ["1 field-ttl"])


def test_idle_times_and_frequencies_are_hints_that_only_restore_keeps() -> None:
    data = snapshot(b"\xf8\x05" + pair(0, string(b"v")), b"\xf9\x07" + pair(1, b"\x01" + string(b"e")))
    assert words_of(data)[1] == ["1 idle", "1 freq"]
    commands, lost = words_of(data, restore=True)
    assert [command[4:] for command in commands[1:]] == [
        [b"REPLACE", b"ABSTTL", b"IDLETIME", b"5"],
        [b"REPLACE", b"ABSTTL", b"FREQ", b"7"],
    ]
    assert lost == []


def test_functions_and_scripts_are_loaded() -> None:
    code = b"#!lua name=f\nreturn 1"
    data = snapshot(b"\xf5" + string(code), b"\xfa" + string(b"lua") + string(b"return 2"))
    load, script = [b"FUNCTION", b"LOAD", b"REPLACE", code], [b"SCRIPT", b"LOAD", b"return 2"]
    assert words_of(data) == ([load, script], [])
    assert words_of(data, version=9) == ([script], ["1 function"])


def test_a_function_of_7_0_rc2_gets_the_first_line_that_names_it() -> None:
    record = b"\xf6" + string(b"lib") + string(b"LUA") + b"\x00" + string(b"return 1")
    assert words_of(snapshot(record, magic=b"REDIS0010")) == (
        [[b"FUNCTION", b"LOAD", b"REPLACE", b"#!lua name=lib\nreturn 1"]],
        [],
    )


def test_what_a_module_saved_beside_the_keys_has_no_command() -> None:
    record = b"\xf7\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x02\x01\x02\x05\x00"
    assert words_of(snapshot(record)) == ([], ["1 module-aux"])


# --- RESTORE ----------------------------------------------------------------------------------------

V_AS_9 = bytes.fromhex("000176 0900 41fa9f7e4dbee97f")  # rdb-format.md, chapter 5


def test_restore_takes_absolute_times_from_redis_5_on() -> None:
    data = snapshot(b"\xfc" + (5000).to_bytes(8, "little") + pair(0, string(b"v")), magic=b"REDIS0009")
    assert words_of(data, restore=True)[0][1:] == [[b"RESTORE", b"k", b"5000", V_AS_9, b"REPLACE", b"ABSTTL"]]


def test_restore_before_redis_5_takes_the_time_that_is_left() -> None:
    data = snapshot(b"\xfc" + (5000).to_bytes(8, "little") + pair(0, string(b"v")), pair(0, string(b"v")))
    eight = words_of(data, restore=True, version=8, now_ms=3000)[0][1:]
    assert [command[2] for command in eight] == [b"2000", b"0"]
    assert [command[4:] for command in eight] == [[b"REPLACE"]] * 2
    six = words_of(data, restore=True, version=6, now_ms=9000)[0][1:]
    assert [command[2] for command in six] == [b"1", b"0"]
    assert [command[4:] for command in six] == [[]] * 2


def test_a_module_s_value_goes_by_restore_however_large_it_is() -> None:
    data = FILES["redis-7.2.6-modules.rdb"].read_bytes()
    modules = [e for e in rdbcodec.open(data) if isinstance(e, Entry) and e.type == "module"]
    restored = [command for command in words_of(data)[0] if command[0] == b"RESTORE"]
    assert [(command[1], command[3]) for command in restored] == [(e.key, e.dump(11)) for e in modules]
    assert words_of(data)[1] == ["1 module-aux", "3 module-needed"]
    assert words_of(data, max_value=64) == words_of(data)


VECTOR_SET = snapshot(pair(7, b"\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x00"), magic=b"REDIS0012")


@pytest.mark.parametrize(
    ("told", "restored", "lost"),
    [
        ({}, 1, ["1 module-needed"]),
        ({"to": "redis-8.0"}, 1, []),
        ({"to": "redis-7.4"}, 0, ["1 module"]),
        ({"to": "redis-7.4", "modules": ["vectorset"]}, 1, []),
        ({"version": 12, "modules": ["none"]}, 0, ["1 module"]),
    ],
)
def test_a_server_is_sent_no_value_of_a_module_it_does_not_have(
    told: dict[str, Any], restored: int, lost: list[str]
) -> None:
    for max_value in (rdbcodec.MAX_VALUE, 64):
        commands, losses = words_of(VECTOR_SET, max_value=max_value, **told)
        assert ([command[0] for command in commands].count(b"RESTORE"), losses) == (restored, lost)


def test_an_empty_record_of_a_module_is_missed_by_nobody() -> None:
    record = bytes.fromhex("f7817edfe29dd7b1d0170201020000")
    assert words_of(snapshot(record)) == ([], ["1 module-aux-empty"])


def test_a_type_that_the_server_does_not_have_is_reported() -> None:
    data = FILES["redis-7.2.6-types.rdb"].read_bytes()
    streams = [e for e in rdbcodec.open(data) if isinstance(e, Entry) and e.type == "stream"]
    for restore in (False, True):
        commands, lost = words_of(data, version=8, restore=restore)
        assert lost == ["1 function", f"{len(streams)} type-stream"]
        assert not {e.key for e in streams} & {command[1] for command in commands}


def test_a_version_nobody_knows_is_refused() -> None:
    with pytest.raises(EncodeError, match=r"^no valkey server reads RDB version 99$"):
        words_of(snapshot(), version=99)


# --- large values -----------------------------------------------------------------------------------


def test_a_string_too_large_to_hold_goes_by_append() -> None:
    text = bytes(range(256)) * 600
    commands, lost = words_of(snapshot(pair(0, string(text))), max_value=1000)
    assert [command[0] for command in commands] == [b"SELECT", b"SET", *[b"APPEND"] * (len(commands) - 2)]
    assert len(commands) > 3
    assert b"".join(command[2] for command in commands[1:]) == text
    assert lost == []


@pytest.mark.parametrize("name", ["redis-7.2.6-types.rdb", "redis-8.0.6-hfe.rdb", "redis-5.0.14-types.rdb"])
def test_values_that_pass_by_make_the_same_elements(name: str) -> None:
    data = FILES[name].read_bytes()
    assert elements_of(words_of(data, max_value=20_000)[0]) == elements_of(words_of(data)[0])


def elements_of(commands: list[list[bytes]]) -> list[tuple[bytes, ...]]:
    """The commands regardless of how elements are cut into batches."""
    flat: list[tuple[bytes, ...]] = []
    for name, *words in commands:
        if name in (b"SET", b"APPEND"):
            previous = flat.pop()[2] if name == b"APPEND" else b""
            flat.append((b"SET", words[0], previous + words[1]))
        elif name == b"HPEXPIREAT":
            flat += [(name, words[0], words[1], field) for field in words[4:]]
        else:
            width = {b"HSET": 2, b"ZADD": 2, b"RPUSH": 1, b"SADD": 1}.get(name, len(words) or 1)
            flat += [(name, *words[:1], *words[at : at + width]) for at in range(1, len(words) or 2, width)]
    return sorted(flat)


# --- streams ----------------------------------------------------------------------------------------


def id_of(ms: int, seq: int) -> bytes:
    return ms.to_bytes(8, "big") + seq.to_bytes(8, "big")


def time_of(ms: int) -> bytes:
    return ms.to_bytes(8, "little")


# One entry 5-1 {f: v} in a node, as stream_node.encode makes it, and the counters behind the nodes.
NODE = (
    b"\x01" + string(id_of(5, 1)) + string(stream_node.encode([StreamEntry(StreamId(5, 1), [(b"f", b"v")])]))
)
NO_NODE = b"\x00"
ALICE_SEEN = string(b"alice") + time_of(9) + time_of(9)


def stream(
    *groups: bytes,
    nodes: bytes = NODE,
    last: bytes = b"\x05\x01",
    deleted: bytes = b"\x00\x00",
    added: int = 1,
) -> bytes:
    """A snapshot of a stream of version 3."""
    length = nodes[:1]
    first = b"\x05\x01" if length == b"\x01" else b"\x00\x00"
    counters = length + last + first + deleted + bytes((added,))
    return snapshot(pair(21, nodes + counters + bytes((len(groups),)) + b"".join(groups)))


def group(*pending: tuple[int, int], last: bytes = b"\x05\x01", read: bytes = b"\x01") -> bytes:
    """A group g whose consumer alice has entries pending, delivered at 7 for the second time."""
    pel = b"".join(id_of(*id) + time_of(7) + b"\x02" for id in pending)
    owned = b"".join(id_of(*id) for id in pending)
    count = bytes((len(pending),))
    return string(b"g") + last + read + count + pel + b"\x01" + ALICE_SEEN + count + owned


ADDED = [b"XADD", b"k", b"5-1", b"f", b"v"]
COUNTED = [b"XSETID", b"k", b"5-1", b"ENTRIESADDED", b"1", b"MAXDELETEDID", b"0-0"]
CLAIMED = [
    *(b"XCLAIM", b"k", b"g", b"alice", b"0", b"5-1"),
    *(b"TIME", b"7", b"RETRYCOUNT", b"2", b"FORCE", b"JUSTID"),
]


def test_a_stream_goes_by_entries_counters_groups_consumers_and_claims() -> None:
    assert words_of(stream(group((5, 1)))) == (
        [
            [b"SELECT", b"0"],
            ADDED,
            COUNTED,
            [b"XGROUP", b"CREATE", b"k", b"g", b"5-1", b"ENTRIESREAD", b"1"],
            [b"XGROUP", b"CREATECONSUMER", b"k", b"g", b"alice"],
            CLAIMED,
        ],
        ["1 consumer-times"],
    )


def test_a_stream_for_redis_5_goes_without_counters() -> None:
    assert words_of(stream(group((5, 1))), version=9) == (
        [
            [b"SELECT", b"0"],
            ADDED,
            [b"XSETID", b"k", b"5-1"],
            [b"XGROUP", b"CREATE", b"k", b"g", b"5-1"],
            CLAIMED,
        ],
        ["1 consumer-times"],
    )
    idle = words_of(stream(group()), version=9)[0][-1]
    assert idle == [b"XREADGROUP", b"GROUP", b"g", b"alice", b"COUNT", b"1", b"STREAMS", b"k", b"0"]


def test_counters_that_redis_5_would_not_guess_are_reported() -> None:
    assert words_of(stream(deleted=b"\x04\x00", added=3), version=9)[1] == ["1 stream-metadata"]


def test_a_group_that_does_not_know_what_it_read_says_so() -> None:
    unknown = b"\x81" + b"\xff" * 8
    created = words_of(stream(group(last=b"\x03\x00", read=unknown)))[0][3]
    assert created == [b"XGROUP", b"CREATE", b"k", b"g", b"3-0", b"ENTRIESREAD", b"-1"]


@pytest.mark.parametrize(("last", "added"), [(b"\x05\x02", b"5-2"), (b"\x00\x00", b"0-1")])
def test_an_empty_stream_is_made_by_an_entry_that_is_trimmed_at_once(last: bytes, added: bytes) -> None:
    last_id = b"%d-%d" % tuple(last)
    assert words_of(stream(nodes=NO_NODE, last=last, added=4))[0][1:] == [
        [b"XADD", b"k", b"MAXLEN", b"0", added, b"x", b"x"],
        [b"XSETID", b"k", last_id, b"ENTRIESADDED", b"4", b"MAXDELETEDID", b"0-0"],
    ]


def test_a_pending_entry_that_the_stream_no_longer_holds_goes_by_restore() -> None:
    data = stream(group((4, 0)), deleted=b"\x04\x00", added=2)
    (entry,) = (record for record in rdbcodec.open(data) if isinstance(record, Entry))
    assert words_of(data) == (
        [[b"SELECT", b"0"], [b"RESTORE", b"k", b"0", entry.dump(12), b"REPLACE", b"ABSTTL"]],
        [],
    )


def test_a_stream_that_passes_by_becomes_the_commands_of_one_that_is_held() -> None:
    gone = stream(group((4, 0)), deleted=b"\x04\x00", added=2)
    assert words_of(gone, max_value=100, version=12) == words_of(gone, version=12)
    assert words_of(stream(group((5, 1))), max_value=100) == words_of(stream(group((5, 1))))


ROWS = {
    "alike": [[(b"f", b"%d" % at), (b"g", b"x" * at)] for at in range(3)],
    "of other fields": [[(b"f", b"v")], [(b"g", b"w"), (b"h", b"")], [(b"f", b"v")] * 3],
    "of other fields, alike in all": [[(b"f", b"v")], [(b"f", b"v")] * 3, [(b"f", b"v")] * 2],
    "of no fields": [[], []],
    "long": [[(b"f", b"x" * 2000)], [(b"f", b"y" * 600_000)]],
}


@pytest.mark.parametrize("max_value", [100, rdbcodec.MAX_VALUE])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_entries_of_any_fields_go_one_by_one(rows: list[list[tuple[bytes, bytes]]], max_value: int) -> None:
    entries = [StreamEntry(StreamId(5, at), fields) for at, fields in enumerate(rows, 1)]
    node = b"\x01" + string(id_of(5, 1)) + string(stream_node.encode(entries))
    last = b"\x05" + bytes((len(rows),))
    words, losses = words_of(stream(nodes=node, last=last), max_value=max_value)
    assert words[1:-1] == [
        [b"XADD", b"k", b"5-%d" % at, *(text for pair in fields for text in pair)]
        for at, fields in enumerate(rows, 1)
    ]
    assert losses == []


def test_a_value_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decode, read = Entry.value, []

    def counted(entry: Entry) -> Any:
        read.append(entry.type)
        return decode(entry)

    monkeypatch.setattr(Entry, "value", counted)
    many = table(1, *(b"%d" % at for at in range(501)))
    words_of(snapshot(table(2, b"m"), many, table(4, b"f", b"v", width=2)))
    words_of(stream(group((5, 1))))
    assert read == ["set", "list", "hash", "stream"]


# --- real servers -----------------------------------------------------------------------------------

VERSIONS = {"redis-6.2": 9, "redis-7.0": 10, "valkey-8.0": 11}
REPLAYED = {
    "redis-6.2": ("redis-2.4.18-types.rdb", "redis-5.0.14-types.rdb", "redis-6.2.16-types.rdb"),
    "redis-7.0": ("redis-2.0.5-types.rdb", "redis-5.0.14-types.rdb", "redis-7.0.15-types.rdb"),
    "valkey-8.0": ("redis-3.2.13-types.rdb", "redis-7.2.6-types.rdb", "valkey-8.0.1-types.rdb"),
}
CASES = [(server, name) for server, names in REPLAYED.items() for name in names]
STREAM_VERSION = {9: 1, 10: 2, 11: 2}  # what commands can say of streams there, consumer times apart


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    running = Server(program(request.param), tmp_path)
    yield running
    running.stop()


def replay(server: Server, commands: bytes) -> list[str]:
    """Send the commands as redis-cli --pipe does: all of them, then a word whose echo tells the end."""
    sender = threading.Thread(
        target=server._socket.sendall, args=(commands + encode_command((b"ECHO", b"end")),)
    )
    sender.start()
    errors = []
    while True:
        try:
            if read_reply(server._replies) == b"end":
                break
        except ServerError as error:
            errors.append(str(error))
    sender.join()
    return errors


def data_set(data: bytes, stream_version: int | None = None) -> dict[tuple[int, bytes], object]:
    """What a snapshot holds, without order where a server keeps none."""
    return {
        (record.db, record.key): (record.type, record.expires_at_ms, unordered(record, stream_version))
        for record in rdbcodec.open(data)
        if isinstance(record, Entry)
    }


def unordered(entry: Entry, stream_version: int | None) -> object:
    name, told, *rest = plain_value(entry.value())
    if isinstance(told, Stream):
        return told if stream_version is None else without_times(told, stream_version)
    if name in ("Set", "ZSet", "Hash"):
        assert isinstance(told, list)
        return name, sorted(told), *rest
    return name, told


def without_times(stream: Stream, version: int) -> Stream:
    changed = in_version(stream, version, lambda _: None)
    for one in changed.groups:
        one.consumers.sort(key=lambda consumer: consumer.name)
        for consumer in one.consumers:
            consumer.seen_at_ms, consumer.active_at_ms = 0, None
    return changed


@pytest.mark.parametrize(("server", "name"), CASES, indirect=["server"])
def test_a_server_makes_the_same_data_set_of_the_commands(server: Server, name: str) -> None:
    version = VERSIONS[server_name(server)]
    data = FILES[name].read_bytes()
    commands, _ = commands_of(data, version=version)
    assert replay(server, commands) == []
    streams = STREAM_VERSION[version]
    assert data_set(server.save(), streams) == data_set(data, streams)


@pytest.mark.parametrize(
    ("server", "name"),
    [(server, names[-1]) for server, names in REPLAYED.items()],
    indirect=["server"],
)
def test_a_server_makes_the_same_data_set_of_restore_commands(server: Server, name: str) -> None:
    """Streams with the times of their consumers, too: nothing is lost."""
    data = FILES[name].read_bytes()
    commands, lost = commands_of(data, version=VERSIONS[server_name(server)], restore=True)
    assert lost == []
    assert replay(server, commands) == []
    assert data_set(server.save()) == data_set(data)


def server_name(server: Server) -> str:
    return next(name for name in SERVERS if program(name) == server.path)


@pytest.mark.parametrize("server", ["redis-6.2"], indirect=True)
def test_commands_for_an_older_server_report_what_it_cannot_hold(server: Server) -> None:
    data = FILES["redis-7.2.6-types.rdb"].read_bytes()
    commands, lost = commands_of(data, version=9)
    assert lost == ["1 function", "4 stream-metadata", "1 consumer-times"]
    assert replay(server, commands) == []
    assert data_set(server.save(), 1) == data_set(data, 1)


@pytest.mark.parametrize("server", ["redis-7.0"], indirect=True)
def test_functions_are_there_after_the_commands_ran(server: Server) -> None:
    commands, _ = commands_of(FILES["redis-7.0.15-types.rdb"].read_bytes())
    assert replay(server, commands) == []
    assert [named[1] for named in server.command("FUNCTION", "LIST")] == [b"mylib"]


@pytest.mark.parametrize("server", list(SERVERS), indirect=True)
def test_large_values_arrive_whole(server: Server) -> None:
    data = FILES["redis-6.2.16-types.rdb"].read_bytes()
    commands, lost = commands_of(data, version=9, max_value=2000)
    assert lost == ["1 consumer-times"]
    assert replay(server, commands) == []
    assert data_set(server.save(), 1) == data_set(data, 1)


@pytest.mark.parametrize("server", ["redis-6.2"], indirect=True)
def test_idle_times_arrive_by_restore(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    data = FILES["redis-6.2.16-lru.rdb"].read_bytes()
    commands, _ = commands_of(data, restore=True)
    assert replay(server, commands) == []
    for record in rdbcodec.open(data):
        if isinstance(record, Entry) and record.idle is not None:
            server.command("SELECT", record.db)
            assert abs(server.command("OBJECT", "IDLETIME", record.key) - record.idle) < 60


@pytest.mark.parametrize("server", ["redis-7.0"], indirect=True)
def test_redis_cli_pipe_takes_what_dump_writes(server: Server) -> None:
    client = shutil.which("redis-cli")
    if client is None:
        pytest.skip("redis-cli is not installed")
    data = FILES["redis-7.0.15-types.rdb"].read_bytes()
    dump = [sys.executable, "-m", "rdbcodec", "dump", "--format", "resp", "-"]
    made = subprocess.run(dump, input=data, capture_output=True, check=True).stdout
    words = [client, "-s", str(server.folder / "s"), "--pipe"]
    done = subprocess.run(words, input=made, capture_output=True, check=True)
    assert b"errors: 0," in done.stdout
    assert data_set(server.save(), 2) == data_set(data, 2)
