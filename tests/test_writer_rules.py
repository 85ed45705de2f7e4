"""What a Writer refuses because no server loads it, and how it ends.

Facts about function libraries were asked of Redis 7.0.15, 8.2.3 and 8.10.2, Valkey 8.0.1, 8.1.8 and
9.1.2 with FUNCTION LOAD, which checks what a load from a file checks.
"""

from __future__ import annotations

import datetime as dt
import gc
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import every
from ways import entries, pair, snapshot, string

import rdbcodec
from rdbcodec.errors import EncodeError
from rdbcodec.records import libraries as functions
from rdbcodec.writing.attributes import KEEP

LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"
OTHER = LIBRARY.replace(b"return 1", b"return 2")
AS_AN_INT = "int(moment.timestamp() * 1000)"
REGISTER = b"\nredis.register_function('f', function() return 1 end)"


def raising(do: Callable[[], object]) -> str:
    with pytest.raises(EncodeError) as caught:
        do()
    return str(caught.value)


def written(**options: Any) -> tuple[rdbcodec.Writer, io.BytesIO]:
    out = io.BytesIO()
    return rdbcodec.create(out, **options), out


# --- arguments --------------------------------------------------------------------------------------


@every(
    ("arguments", "message"),
    [
        ({"db": -1}, "db: expected 0 to 2147483646, found -1"),
        ({"db": True}, "db: expected an int, found bool"),
        ({"db": "0"}, "db: expected an int, found str"),
        ({"db": 16}, "db 16: the target has 16 databases; databases= says if it has more"),
        ({"expires_at_ms": -1}, "expires_at_ms: expected 1 to 9223372036854775807, found -1"),
        ({"expires_at_ms": 0}, "expires_at_ms: expected 1 to 9223372036854775807, found 0"),
        ({"expires_at_ms": 1 << 70}, f"expires_at_ms: expected 1 to 9223372036854775807, found {1 << 70}"),
        ({"expires_at_ms": 1.5}, "expires_at_ms: expected milliseconds since 1970 as an int, found float"),
        (
            {"expires_at_ms": dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)},
            "expires_at_ms: expected milliseconds since 1970 as an int, found a datetime: " + AS_AN_INT,
        ),
        ({"freq": 300}, "freq: expected 0 to 255, found 300"),
        ({"freq": -1}, "freq: expected 0 to 255, found -1"),
        ({"idle": -1}, "idle: expected 0 to 4294967295, found -1"),
        ({"idle": 0.5}, "idle: expected seconds as an int, found float"),
        ({"meta": b"x"}, "meta: expected bytes that begin with opcode 243, as those of Entry.meta"),
        ({"type": "hash"}, "a string cannot be written as a hash"),
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_is_refused_by_its_name(arguments: dict[str, Any], message: str) -> None:
    writer, _ = written()
    told = raising(lambda: writer.write(b"k", b"v", **arguments))
    assert told.endswith(f"for redis RDB 11: {message}")


@pytest.mark.parametrize(
    ("type_", "value"), [("hash", ["a"]), ("list", b"v"), ("set", {"a": 1}), ("zset", {"a"})]
)
def test_a_type_that_the_value_is_not_is_refused(type_: str, value: Any) -> None:
    writer, _ = written()
    assert f" cannot be written as a {type_}" in raising(lambda: writer.write(b"k", value, type=type_))


@pytest.mark.parametrize(
    ("options", "arguments", "start"),
    [
        ({"dialect": "vlkey"}, {}, "unknown dialect 'vlkey'; known are redis, valkey, keydb"),
        ({"duplicates": "yes"}, {}, "duplicates: unknown 'yes'; known are allow, error"),
        ({}, {"type": "strng"}, "db 0, key b'k', strng, for redis RDB 11: type: unknown 'strng'; known"),
        ({}, {"type": [1]}, "db 0, key b'k', [1], for redis RDB 11: type: unknown [1]; known are"),
        ({}, {"encoding": "no"}, "db 0, key b'k', value, for redis RDB 11: encoding: unknown 'no'; known"),
    ],
)
def test_a_word_nobody_knows_is_refused(options: Any, arguments: Any, start: str) -> None:
    assert raising(lambda: written(**options)[0].write(b"k", b"v", **arguments)).startswith(start)


@pytest.mark.parametrize(
    "write", [lambda writer: writer.write("\ud800", b"v"), lambda writer: writer.write("k", ["\ud800"])]
)
def test_half_a_surrogate_pair_is_no_text(write: Callable[[rdbcodec.Writer], None]) -> None:
    message = "character 0 of 1 is half of a surrogate pair, which UTF-8 does not have: give bytes"
    assert raising(lambda: write(written()[0])).endswith(message)


def test_more_databases_are_a_thing_to_say() -> None:
    writer, out = written(databases=100)
    with writer:
        writer.write(b"k", b"v", db=99)
    assert [entry.db for entry in entries(out.getvalue())] == [99]


# --- records with arguments -------------------------------------------------------------------------


SOURCE = snapshot(
    pair(0, b"\x01v", b"a"), b"\xfc" + (1 << 41).to_bytes(8, "little") + pair(0, b"\x01v", b"b")
)


def places(data: bytes) -> list[tuple[int, bytes, int | None]]:
    return [(entry.db, entry.key, entry.expires_at_ms) for entry in entries(data)]


def test_an_entry_goes_where_it_is_told_and_expires_when_it_is_told() -> None:
    first, second = entries(SOURCE)
    writer, out = written()
    with writer:
        writer.write(first, db=3)
        writer.write(second, expires_at_ms=1 << 42)
        writer.write_entry(first, key=b"c", expires_at_ms=1 << 40)
        writer.write_entry(second, key=b"d", expires_at_ms=None)
        writer.write_entry(second, key=b"e", expires_at_ms=KEEP)
    assert places(out.getvalue()) == [
        (3, b"a", None),
        (0, b"b", 1 << 42),
        (0, b"c", 1 << 40),
        (0, b"d", None),
        (0, b"e", 1 << 41),
    ]


@pytest.mark.parametrize(
    ("record", "arguments", "message"),
    [
        (
            entries(SOURCE)[0],
            {"freq": 1},
            "idle, freq, meta, type and encoding go with a key and a value, not with a record",
        ),
        (rdbcodec.Aux(0, b"", b"a", b"b"), {"db": 1}, "db and expires_at_ms are for keys, found Aux"),
    ],
)
def test_what_does_not_fit_a_record_is_refused(record: Any, arguments: Any, message: str) -> None:
    assert raising(lambda: written()[0].write(record, **arguments)) == message


# --- endings ----------------------------------------------------------------------------------------


def test_closing_twice_and_inside_the_block_is_fine(tmp_path: Path) -> None:
    with rdbcodec.create(tmp_path / "out.rdb") as writer:
        writer.write(b"k", b"v")
        writer.close()
        writer.close()
    writer.close()
    assert writer.closed
    assert places((tmp_path / "out.rdb").read_bytes()) == [(0, b"k", None)]
    message = "the snapshot is closed: nothing can be written to it any more"
    assert raising(lambda: writer.write(b"l", b"v")) == message
    assert places((tmp_path / "out.rdb").read_bytes()) == [(0, b"k", None)]


FAILURES: dict[str, Callable[[rdbcodec.Writer], object]] = {
    "a value": lambda writer: writer.write(b"k", 1.5),  # type: ignore[call-overload]  # on purpose
    "a database": lambda writer: writer.select_db(-1),
    "a library": lambda writer: writer.write_function(b"x"),
    "a record": lambda writer: writer.write_record(None),  # type: ignore[arg-type]
    "an entry": lambda writer: writer.write_entry(entries(SOURCE)[0], db=-1),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_after_an_error_there_is_no_snapshot_whatever_the_caller_does(failure: str, tmp_path: Path) -> None:
    writer = rdbcodec.create(tmp_path / "out.rdb")
    raising(lambda: FAILURES[failure](writer))
    message = "the writer has failed before: there will be no snapshot"
    assert raising(lambda: writer.write(b"k", b"v")) == message
    assert raising(lambda: writer.write_aux(b"k", b"v")) == message
    assert raising(writer.close) == message
    assert (writer.closed, list(tmp_path.iterdir())) == (False, [])


def test_an_error_that_is_swallowed_in_the_block_comes_again_at_its_end(tmp_path: Path) -> None:
    def swallow() -> None:
        with rdbcodec.create(tmp_path / "out.rdb") as writer:
            raising(lambda: writer.write(b"k", 1.5))  # type: ignore[call-overload]  # on purpose

    assert raising(swallow) == "the writer has failed before: there will be no snapshot"
    assert list(tmp_path.iterdir()) == []


def test_a_dropped_writer_leaves_no_file(tmp_path: Path) -> None:
    writer = rdbcodec.create(tmp_path / "out.rdb")
    writer.write(b"k", b"v")
    del writer
    gc.collect()
    assert list(tmp_path.iterdir()) == []


# --- twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"w", [b"w"]])
def test_a_key_twice_in_a_database_is_refused(value: Any, tmp_path: Path) -> None:
    def write() -> None:
        with rdbcodec.create(tmp_path / "out.rdb") as writer:
            writer.write(b"k", b"v")
            writer.write(b"k", b"v", db=1)
            writer.write(b"l", b"v", db=1)
            writer.write(b"k", value)

    assert raising(write) == (
        "db 0, key b'k', for redis RDB 11: the key was written twice, as number 1 and number 4, "
        "and no server loads that"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_same_name_in_another_form_is_the_same_key() -> None:
    numbers = snapshot(pair(0, b"\x01v", b"12"), b"\x00\xc0\x0c\x01v")  # a text and an integer of one byte
    writer, _ = written()
    for entry in entries(numbers):
        writer.write(entry)
    assert raising(writer.close).startswith("db 0, key b'12', for redis RDB 11: the key was written twice")


def test_who_knows_may_write_a_key_twice() -> None:
    writer, out = written(duplicates="allow")
    with writer:
        writer.write(b"k", b"v")
        writer.write(b"k", b"w")
    assert places(out.getvalue()) == [(0, b"k", None)] * 2


def test_shards_that_carry_the_same_library_merge_and_it_is_written_once() -> None:
    shards = [snapshot(b"\xf5" + string(LIBRARY), pair(0, b"\x01v", key)) for key in (b"a", b"b")]
    writer, out = written()
    with writer:
        for shard in shards:
            with rdbcodec.open(shard) as reader:
                for record in reader:
                    writer.write(record)
        writer.write_function(LIBRARY)
    with rdbcodec.open(out.getvalue()) as reader:
        assert [record.code for record in reader if isinstance(record, rdbcodec.Function)] == [LIBRARY]
    assert [loss.kind for loss in writer.losses.of("hint")] == ["function-again"]


def test_two_libraries_of_one_name_are_refused() -> None:
    writer, _ = written()
    writer.write_function(LIBRARY)
    assert (
        raising(lambda: writer.write_function(OTHER))
        == "two function libraries have the name 'lib' and different text"
    )


# --- function libraries -----------------------------------------------------------------------------

HEAD = "a function library begins with a line of its own: #!lua name=..."
ARGUMENT = "the first line of a function library has an argument no server knows: "
NAME = "the name of a function library is letters, digits and underscores, not "


@every(
    ("code", "reason"),
    [
        (LIBRARY, None),
        (b"#!LUA NAME=lib" + REGISTER, None),
        (b"#!lua\tname=_1 \r" + REGISTER, None),
        (b'#!lua "name=lib"' + REGISTER, None),
        (b"#!lua 'name=lib'" + REGISTER, None),
        (b'#!lua name="l\\x69b"' + REGISTER, None),
        (b"#!lua name=" + b"a" * 5000 + REGISTER, None),
        (b"", HEAD),
        (b"local x=1", HEAD),
        (b"#!lua name=lib", HEAD),
        (b"#!lua" + REGISTER, "the first line of a function library names it not at all"),
        (b"#!lua name=a name=a" + REGISTER, "the first line of a function library names it twice"),
        (b"#!lua name=a b" + REGISTER, ARGUMENT + "'b'"),
        (b"#! lua name=a" + REGISTER, ARGUMENT + "'lua'"),
        (b"#!lua name=a-b" + REGISTER, NAME + "'a-b'"),
        (b"#!lua name=" + REGISTER, NAME + "''"),
        ("#!lua name=ä".encode() + REGISTER, NAME + "'ä'"),
        (b"#!lua name=a\0b" + REGISTER, NAME + r"'a\x00b'"),
        (b'#!lua name="a' + REGISTER, "the first line of a function library has an open quote"),
        (b"#!js name=a" + REGISTER, "no server has the engine 'js', only lua"),
        (b"#!lua name=a\nlocal x = 1", "a function library that registers no function"),
        (
            b"#!lua name=a\nserver.register_function('f', function() return 1 end)",
            "a function library for Valkey: Redis has redis.register_function, not server.",
        ),
        (b"#!lua name=a\nlocal server = redis\nserver.register_function('f', function() return 1 end)", None),
        (b"#!lua name=a\n-- server.register_function\nredis.register_function('f', function() end)", None),
        (b"#!lua name=a\nlocal s = [[server.register_function]] redis.register_function('f', g)", None),
    ],
)
def test_libraries_are_judged_as_servers_judge_them(code: bytes, reason: str | None) -> None:
    assert functions.refusal(code, "redis") == reason
    if reason is not None:
        told = raising(lambda: written()[0].write_function(code))
        assert told == f"function, for redis RDB 11: {reason}"


def test_valkey_knows_the_global_server_and_engines_out_of_modules() -> None:
    code = b"#!lua name=a\nserver.register_function('f', function() return 1 end)"
    for text in (code, b"#!js name=a\nx"):
        writer, out = written(to="valkey-8.1")
        with writer:
            writer.write_function(text)
        with rdbcodec.open(out.getvalue()) as reader:
            assert [record.library for record in reader if isinstance(record, rdbcodec.Function)] == [b"a"]


def test_a_library_the_target_refuses_is_lost_by_a_conversion() -> None:
    valkey = snapshot(b"\xf5" + string(LIBRARY.replace(b"redis.", b"server.")), magic=b"REDIS0011")
    out = io.BytesIO()
    done = rdbcodec.convert(valkey, out, to="redis-8.2", allow_loss=True)
    (loss,) = done.losses
    assert (loss.kind, loss.times, loss.offset) == ("function-refused", 1, 9)
    assert rdbcodec.convert(valkey, io.BytesIO(), to="valkey-9.1").losses == []


# --- lengths ----------------------------------------------------------------------------------------


def long(size: int) -> bytes:
    """A length in the form of 64 bits, which Redis before 4.0 does not know."""
    return b"\x81" + size.to_bytes(8, "big")


@pytest.mark.parametrize(
    "record",
    [
        b"\x00" + long(1) + b"k\x01v",
        b"\x00\x01k" + long(1) + b"v",
        b"\x01\x01k" + long(2) + b"\x01a\x01b",
        b"\x02\x01k\x02\x01a" + long(1) + b"b",
        b"\x04\x01k\x01" + long(1) + b"f\x01v",
        b"\x00\x01k\x02\x81\x81",
    ],
)
def test_small_lengths_of_64_bits_are_written_short_for_servers_that_know_no_others(record: bytes) -> None:
    source = snapshot(record, magic=b"REDIS0009")
    values = [entry.value() for entry in entries(source)]
    for release in ("redis-2.8", "redis-3.2"):
        out = io.BytesIO()
        rdbcodec.convert(source, out, to=release)
        assert [entry.value() for entry in entries(out.getvalue())] == values
        assert long(1)[:8] not in out.getvalue()
    out = io.BytesIO()
    rdbcodec.convert(source, out, to="redis-5.0")
    assert record in out.getvalue()
