"""Writing snapshots from plain Python values, and what the writer refuses."""

from __future__ import annotations

import gzip
import io
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ways import plain_value

import rdbcodec
from rdbcodec.errors import EncodeError

LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
EMPTY = "Redis 2.4 to 6.0 load it, 6.2 and later drop the key; drop-empty leaves it out"
SMALLEST = bytes.fromhex("524544495330303039fe0000016b0176fff1c3f12d87e2af85")  # rdb-format.md, 3.5


def written(**options: Any) -> tuple[rdbcodec.Writer, io.BytesIO]:
    out = io.BytesIO()
    return rdbcodec.create(out, **options), out


def entries(data: bytes) -> list[rdbcodec.Entry]:
    with rdbcodec.open(data) as reader:
        return [record for record in reader if isinstance(record, rdbcodec.Entry)]


def only(value: Any, **options: Any) -> rdbcodec.Entry:
    """What a single key with this value comes back as."""
    writer, out = written(**options)
    with writer:
        writer.write(b"k", value)
    (entry,) = entries(out.getvalue())
    return entry


def refusal(value: Any, *, key: Any = b"k", options: Any = None, **told: Any) -> str:
    writer, _ = written(**(options or {}))
    with pytest.raises(EncodeError) as caught:
        writer.write(key, value, **told)
    return str(caught.value)


# --- files ------------------------------------------------------------------------------------------


def test_the_smallest_file_is_the_one_in_the_book() -> None:
    writer, out = written(version=9)
    with writer:
        writer.write("k", "v")
    assert out.getvalue() == SMALLEST


@pytest.mark.parametrize(
    ("version", "magic", "trailer"),
    [
        (1, b"REDIS0001", 0),
        (4, b"REDIS0004", 0),
        (5, b"REDIS0005", 8),
        (11, b"REDIS0011", 8),
        (80, b"VALKEY080", 8),
    ],
)
def test_an_empty_snapshot_of_each_age(version: int, magic: bytes, trailer: int) -> None:
    writer, out = written(version=version)
    writer.close()
    assert out.getvalue()[:10] == magic + b"\xff"
    assert len(out.getvalue()) == 10 + trailer
    with rdbcodec.open(out.getvalue()) as reader:
        assert [type(record).__name__ for record in reader] == ["Header", "End"]


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    with rdbcodec.create(target) as writer:
        writer.write(b"k", b"v" * 1_000_000)
        assert not target.exists()
    assert [entry.key for entry in entries(target.read_bytes())] == [b"k"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.rdb"]


def _write_with_an_error(target: Path) -> None:
    with rdbcodec.create(target) as writer:
        writer.write(b"k", b"v" * 1_000_000)
        writer.write(b"e", [])


def test_after_an_error_there_is_no_file_and_the_old_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    with pytest.raises(EncodeError):
        _write_with_an_error(target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.rdb"]


def test_after_an_error_a_file_object_has_no_end() -> None:
    writer, out = written(compress=False)
    writer.write(b"k", b"v" * 1_000_000)
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with pytest.raises(rdbcodec.Truncated):
        entries(out.getvalue())


def test_an_existing_file_is_left_alone_when_asked_to(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        rdbcodec.create(target, replace=False)
    assert target.read_bytes() == b"old"


def test_what_a_link_points_at_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real.rdb", tmp_path / "link.rdb"
    real.write_bytes(b"old")
    link.symlink_to(real)
    rdbcodec.create(link, version=9).close()
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"REDIS0009")


def test_a_device_is_written_in_place() -> None:
    with rdbcodec.create(os.devnull) as writer:
        writer.write(b"k", b"v")


def test_a_directory_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        rdbcodec.create(tmp_path)


def test_a_raw_file_that_takes_less_than_it_is_given_gets_it_all() -> None:
    class Stingy(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data[:7]))

    out = Stingy()
    with rdbcodec.create(out, version=9) as writer:
        writer.write(b"k", b"v")
    assert out.getvalue() == SMALLEST


def test_gzip_holds_no_time_and_no_name() -> None:
    first, second = (io.BytesIO(), io.BytesIO())
    for out in (first, second):
        with rdbcodec.create(out, version=9, compression="gzip") as writer:
            writer.write(b"k", b"v")
    assert first.getvalue() == second.getvalue()
    assert first.getvalue()[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert gzip.decompress(first.getvalue()) == SMALLEST


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "type_", "back"),
    [
        ("text", "string", b"text"),
        (12, "string", b"12"),
        (bytearray(b"x"), "string", b"x"),
        (["a", 1, b"b"], "list", [b"a", b"1", b"b"]),
        (("a",), "list", [b"a"]),
        ({"a", "b"}, "set", {b"a", b"b"}),
        (frozenset({1}), "set", {b"1"}),
        ({"f": 1}, "hash", {b"f": b"1"}),
        (rdbcodec.ZSet({b"m": 1.5}), "zset", {b"m": 1.5}),
    ],
)
def test_plain_values_become_the_type_they_look_like(value: object, type_: str, back: object) -> None:
    entry = only(value)
    assert entry.type == type_
    assert entry.value() == back


@given(st.dictionaries(st.binary(), st.binary(max_size=100), min_size=1, max_size=30), st.booleans())
def test_any_keys_with_any_strings_come_back(values: dict[bytes, bytes], compress: bool) -> None:
    writer, out = written(compress=compress)
    with writer:
        for key, value in values.items():
            writer.write(key, value)
    assert {entry.key: entry.value() for entry in entries(out.getvalue())} == values


@pytest.mark.parametrize("compress", [True, False])
@given(values=st.dictionaries(st.binary(min_size=1), st.binary() | st.just(b"a" * 99) | st.just(b"-7")))
def test_a_string_is_written_the_same_whether_it_goes_the_quick_way(
    values: dict[bytes, bytes], compress: bool
) -> None:
    quick, general = io.BytesIO(), io.BytesIO()
    with rdbcodec.create(quick, version=9, compress=compress) as writer:
        for key, value in values.items():
            writer.write(key, value, type="string", encoding="string")
    with rdbcodec.create(general, version=9, compress=compress) as writer:
        for key, value in values.items():
            writer.write(bytearray(key), memoryview(value))
    assert quick.getvalue() == general.getvalue()


def test_everything_about_a_key_is_written_in_the_order_old_servers_need() -> None:
    writer, out = written(version=14, checksum=False)
    meta = bytes.fromhex("f3 01 09f5c428 02 2a 00")
    with writer:
        writer.write(b"k", b"v", db=3, expires_at_ms=5, idle=7, meta=meta)
        writer.write(b"l", b"v", db=3, freq=255)
    assert out.getvalue() == (
        b"REDIS0014\xfe\x03\xfc\x05\0\0\0\0\0\0\0\xf8\x07"
        + meta
        + b"\0\x01k\x01v\xf9\xff\0\x01l\x01v\xff"
        + bytes(8)
    )


def test_a_set_is_written_in_the_same_order_every_time() -> None:
    members = {f"member {number}" for number in range(20)}
    assert list(only(members).value_as(rdbcodec.Set)) == sorted(member.encode() for member in members)


def test_settings_are_those_of_the_servers() -> None:
    value = {b"a": b"1", b"b": b"2"}
    assert only(value).encoding == "listpack"
    assert only(value, settings={"hash-max-listpack-entries": 1}).encoding == "hashtable"
    assert only(value, settings={"hash-max-ziplist-entries": 1}).encoding == "hashtable"
    with pytest.raises(
        EncodeError, match=r"^unknown setting 'hash-max', known are hash-max-listpack-entries, "
    ):
        written(settings={"hash-max": 1})


def test_the_simplest_form_uses_types_0_to_4_only() -> None:
    values = ([b"a"], {b"1"}, {b"f": b"v"}, rdbcodec.ZSet({b"m": 1.0}), b"s")
    assert [only(value, simplest=True).code for value in values] == [1, 2, 4, 3, 0]


def test_losses_are_counted_when_they_are_allowed() -> None:
    fields = rdbcodec.Hash({b"f": b"v"})
    fields.expires_at_ms = {b"f": 1 << 42}
    writer, out = written(to="redis-6.2", allow_loss=True)
    with writer:
        writer.write(b"h", fields, db=1)
        writer.write(b"a", rdbcodec.Array({0: b"x"}))
    assert [(entry.key, entry.value()) for entry in entries(out.getvalue())] == [(b"h", {b"f": b"v"})]
    assert (writer.keys, writer.dropped) == (1, 1)
    assert [str(loss) for loss in writer.losses.of("data")] == [
        "field-ttl: 1 x a hash whose fields would no longer expire; first, db 1, key b'h'",
        "type-array: 1 x a key of type array, which the target does not have; first, db 0, key b'a'",
    ]


def test_a_layout_may_be_asked_for() -> None:
    writer, out = written()
    with writer:
        writer.write(b"a", {b"f": b"v"}, encoding="hashtable")
        writer.write(b"b", {b"f": b"v"}, encoding="ziplist")
        writer.write(b"c", {b"f": b"v"}, encoding="stream5")  # not this type's: chosen as ever
    assert [entry.encoding for entry in entries(out.getvalue())] == ["hashtable", "ziplist", "listpack"]


def test_a_layout_that_cannot_hold_all_of_a_value_is_not_taken() -> None:
    fields = rdbcodec.Hash({b"f": b"v"})
    fields.expires_at_ms = {b"f": 1 << 42}
    writer, out = written(version=12)
    with writer:
        writer.write(b"h", fields, encoding="hashtable")
    assert [
        (entry.encoding, entry.value_as(rdbcodec.Hash).expires_at_ms) for entry in entries(out.getvalue())
    ] == [("listpack-ttl", {b"f": 1 << 42})]


def test_records_beside_keys() -> None:
    writer, out = written(version=12, aux={"redis-ver": "7.4.1", b"ctime": 1})
    with writer:
        writer.write_function(LIBRARY)
        writer.select_db(2, keys=1, expires=0)
        writer.write_slot_info(5, 1, 0)
        writer.write(b"k", b"v", db=2)
    with rdbcodec.open(out.getvalue()) as reader:
        told = [type(record).__name__ for record in reader]
    assert told == ["Header", "Aux", "Aux", "Function", "SelectDb", "ResizeDb", "SlotInfo", "Entry", "End"]


def test_templates_are_written_once_and_shared() -> None:
    writer, out = written(version=15)
    with writer:
        assert writer.write_template([b"name", b"age"]) == 0
        writer.write(b"a", {b"name": b"Al", b"age": b"42"}, encoding="template-listpack-ref")
        writer.write(b"b", {b"name": b"Bo", b"age": b"43"}, encoding="template-array-ref")
    assert [(entry.code, entry.value()) for entry in entries(out.getvalue())] == [
        (30, {b"age": b"42", b"name": b"Al"}),
        (32, {b"age": b"43", b"name": b"Bo"}),
    ]


def test_records_of_another_snapshot_can_be_written_among_keys() -> None:
    source, copied = written(version=11)
    with source:
        source.write(b"h", {b"f": b"v"}, expires_at_ms=1 << 42)
    writer, out = written(version=9)
    with writer:
        writer.write(b"own", b"v")
        with rdbcodec.open(copied.getvalue()) as reader:
            for record in reader:
                writer.write(record)
    assert [(entry.key, entry.encoding, entry.expires_at_ms) for entry in entries(out.getvalue())] == [
        (b"own", "string", None),
        (b"h", "ziplist", 1 << 42),
    ]


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            [],
            f"db 0, key b'k', list, for redis RDB 11: an empty list: {EMPTY}",
        ),
        (
            set(),
            f"db 0, key b'k', set, for redis RDB 11: an empty set: {EMPTY}",
        ),
        (
            {},
            f"db 0, key b'k', hash, for redis RDB 11: an empty hash: {EMPTY}",
        ),
        (
            rdbcodec.ZSet({b"m": math.nan}),
            "db 0, key b'k', zset, for redis RDB 11: a score is not a number, which no server loads",
        ),
        (1.5, "db 0, key b'k', value, for redis RDB 11: a float has no one text: give the bytes it shall be"),
        ([1.5], "db 0, key b'k', value, for redis RDB 11: expected bytes, str or int, found float"),
        (True, "db 0, key b'k', value, for redis RDB 11: expected bytes, str or int, found bool"),
        (None, "db 0, key b'k', value, for redis RDB 11: no Redis type for a NoneType"),
        (
            {b"1": b"", "1": b""},
            "db 0, key b'k', value, for redis RDB 11: two fields of the hash are the same bytes",
        ),
    ],
)
def test_a_refusal_names_key_type_target_and_rule(value: object, message: str) -> None:
    assert refusal(value) == message


def test_a_type_the_target_does_not_have_is_refused() -> None:
    stream = rdbcodec.Stream(1, [], 0, rdbcodec.StreamId(0, 0))
    assert refusal(stream, options={"to": "redis-4.0"}) == (
        "db 0, key b'k', value, for redis-4.0: "
        "cannot be written whole: a key of type stream, which the target does not have"
    )


def test_losing_data_is_refused_and_hints_are_left_out() -> None:
    assert refusal(b"v", expires_at_ms=1, options={"version": 2}) == (
        "db 0, key b'k', value, for redis RDB 2: "
        "cannot be written whole: an expiry rounded up to a whole second"
    )
    writer, out = written(version=8)
    with writer:
        writer.write(b"k", b"v", idle=7)
    assert [entry.idle for entry in entries(out.getvalue())] == [None]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda writer: writer.write_function(b""),
            "function, for redis RDB 6: the target has no such record",
        ),
        (lambda writer: writer.write_aux(b"a", b"b"), "aux, for redis RDB 6: the target has no such record"),
        (
            lambda writer: writer.write_slot_info(1, 1, 0),
            "slot-info, for redis RDB 6: the target has no such record",
        ),
        (lambda writer: writer.write(object()), "expected a record or a key and a value, found object"),
    ],
)
def test_records_the_target_does_not_have_are_refused(write: Any, message: str) -> None:
    writer, _ = written(version=6)
    with pytest.raises(EncodeError) as caught:
        write(writer)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"version": 16}, "no redis server reads RDB version 16"),
        ({"version": 0}, "no redis server reads RDB version 0"),
        ({"version": 12, "dialect": "valkey"}, "no valkey server reads RDB version 12"),
        ({"version": 9, "to": "redis-6.2"}, "name a release or a version, not both"),
    ],
)
def test_targets_that_do_not_exist_are_refused(target: Any, message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        rdbcodec.create(io.BytesIO(), **target)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "release", ["redis-99", "redis", "redis-x", "mysql-8.0", "valkey-1.0", "valkey-10.0"]
)
def test_a_release_nobody_knows_is_refused(release: str) -> None:
    with pytest.raises(EncodeError, match=f"^unknown server '{release}'(, did you mean |; known are )"):
        rdbcodec.Server.of(release)


@pytest.mark.parametrize(
    ("release", "dialect", "version"),
    [
        ("redis-2.2", "redis", 1),
        ("redis-2.8", "redis", 6),
        ("redis-6.2", "redis", 9),
        ("Redis-8.4", "redis", 12),
        ("redis-8.10", "redis", 15),
        ("valkey-8.1", "valkey", 11),
        ("valkey-9.1", "valkey", 80),
        ("keydb-6.3", "keydb", 9),
        ("redict-7.3", "redis", 12),
    ],
)
def test_releases_are_found_by_name(release: str, dialect: str, version: int) -> None:
    server = rdbcodec.Server.of(release)
    assert (server.dialect, server.version) == (dialect, version)


def test_streams_come_back_whole() -> None:
    stream = rdbcodec.Stream(3, [], 0, rdbcodec.StreamId(5, 0))
    stream.entries = [
        rdbcodec.StreamEntry(rdbcodec.StreamId(5, seq), [(b"f", b"%d" % seq)]) for seq in range(300)
    ]
    stream.length, stream.last_id = 300, rdbcodec.StreamId(5, 299)
    stream.first_id, stream.max_deleted_id, stream.entries_added = (
        rdbcodec.StreamId(5, 0),
        rdbcodec.StreamId(0, 0),
        300,
    )
    assert plain_value(only(stream).value()) == plain_value(stream)


def test_keys_with_an_expiry_and_hints_are_told_apart_by_their_names() -> None:
    """They are copied with what stands before them: their names do not begin where those of others do."""
    data = (
        b"REDIS0011"
        + b"".join(b"\xf9\x05\x00\x02%b\x01v" % name for name in (b"ab", b"ac"))
        + b"\xff"
        + bytes(8)
    )
    out = io.BytesIO()
    assert rdbcodec.convert(data, out, to="redis-7.2").keys == 2
    assert out.getvalue()[:-8].endswith(data[-19:-8])
