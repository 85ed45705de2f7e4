"""Each key once: what convert, filter and encode do with keys that are there twice, and with empty ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from ways import entries, pair, snapshot

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.errors import EncodeError, TextError
from rdbcodec.exports.build import build
from rdbcodec.writing.folding import Folding

A, B = pair(0, b"\x01a"), pair(0, b"\x01b")
IN_DB_1 = b"\xfe\x01" + pair(0, b"\x01c") + b"\xfe\x00"
TWICE = snapshot(pair(0, b"\x01x", b"l"), A, IN_DB_1, B)
EMPTY = snapshot(pair(2, b"\x00", b"s"), pair(1, b"\x00", b"l"), pair(11, b"\x08\x02" + bytes(7), b"i"), A)


def held(data: bytes) -> list[tuple[int, bytes, object]]:
    return [(entry.db, entry.key, entry.value()) for entry in entries(data)]


def converted(data: Any, **options: Any) -> tuple[list[tuple[int, bytes, object]], list[str]]:
    out = io.BytesIO()
    done = rdbcodec.convert(data, out, **options)
    return held(out.getvalue()), [loss.text() for loss in done.hints]


# --- convert and filter -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", [None, "redis-2.8", "redis-8.10", "valkey-9.1"])
def test_a_key_twice_in_the_source_is_refused_with_both_its_places(
    target: str | None, tmp_path: Path
) -> None:
    with pytest.raises(EncodeError) as caught:
        rdbcodec.convert(TWICE, tmp_path / "out.rdb", to=target)
    assert str(caught.value) == (
        f"db 0, key b'k', for {target or 'redis RDB 12'}: the key is there twice, at offsets 14 and 28, "
        "which no server loads: on-duplicate first or last keeps one"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", [None, "redis-2.8"])
def test_one_of_them_is_kept_where_it_stands(target: str | None) -> None:
    rest = [(0, b"l", b"x"), (1, b"k", b"c")]
    hint = "duplicate: 1 x a key of which another with the same name was kept; first at offset "
    first = converted(TWICE, to=target, on_duplicate="first")
    assert (sorted(first[0]), first[1]) == (sorted([*rest, (0, b"k", b"a")]), [hint + "28, db 0, key b'k'"])
    last = converted(TWICE, to=target, on_duplicate="last")
    assert (sorted(last[0]), last[1]) == (sorted([*rest, (0, b"k", b"b")]), [hint + "14, db 0, key b'k'"])
    assert [value for _, _, value in converted(TWICE, to=target, on_duplicate="allow")[0]] == [
        b"x", b"a", b"c", b"b"
    ]  # fmt: skip


def test_a_filter_that_leaves_one_of_them_has_nothing_to_refuse() -> None:
    kept, _ = converted(TWICE, keep=lambda entry: entry.value() != b"b")
    assert kept == [(0, b"l", b"x"), (0, b"k", b"a"), (1, b"k", b"c")]


def test_what_passes_by_once_is_refused_without_places_and_cannot_be_chosen_from() -> None:
    with pytest.raises(EncodeError, match=r"^db 0, key b'k', for redis-7\.2: the key is there twice, which"):
        rdbcodec.convert(rdbcodec.open(TWICE), io.BytesIO(), to="redis-7.2")
    with pytest.raises(EncodeError, match=r"the source is read twice: give a file$"):
        rdbcodec.convert(rdbcodec.open(TWICE), io.BytesIO(), on_duplicate="last")


def test_keys_that_fold_into_one_can_be_chosen_from_too() -> None:
    kept, _ = converted(TWICE, fold_databases=Folding("all:", zero=True), on_duplicate="last")
    assert kept == [(0, b"all:l", b"x"), (0, b"all:k", b"b")]
    kept, _ = converted(TWICE, fold_databases="all:", on_duplicate="last")
    assert kept == [(0, b"l", b"x"), (0, b"all:k", b"c"), (0, b"k", b"b")]


def test_counts_of_keys_do_not_outlive_a_dropped_one(tmp_path: Path) -> None:
    data = snapshot(b"\xfe\x00\xfb\x02\x00", A, B)
    rdbcodec.convert(data, tmp_path / "out.rdb", to="redis-7.2", on_duplicate="first")
    with rdbcodec.open(tmp_path / "out.rdb") as reader:
        assert [type(record).__name__ for record in reader] == ["Header", "SelectDb", "Entry", "End"]


def test_empty_keys_are_dropped_when_that_is_asked_for() -> None:
    says = "an empty key, which Redis since 6.2 drops by itself"
    hint = f"empty-dropped: 3 x {says}; first at offset 9, db 0, key b's'"
    assert converted(EMPTY, drop_empty=True) == ([(0, b"k", b"a")], [hint])
    assert converted(EMPTY, drop_empty=True, to="redis-6.2") == ([(0, b"k", b"a")], [hint])


def test_the_commands_have_the_same_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.rdb", tmp_path / "out.rdb"
    source.write_bytes(TWICE)
    for words in (["convert", "--to", "redis-7.2"], ["filter", "--key", "k"]):
        command = [words[0], str(source), "-o", str(out), *words[1:]]
        assert main(command) == 1
        assert "the key is there twice, at offsets 14 and 28" in capsys.readouterr().err
        assert main([*command, "--on-duplicate", "last"]) == 0
        assert (0, b"k", b"b") in held(out.read_bytes())
        out.unlink()
    source.write_bytes(EMPTY)
    assert main(["filter", str(source), "-o", str(out), "--drop-empty"]) == 0
    assert held(out.read_bytes()) == [(0, b"k", b"a")]


def test_more_databases_than_16_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.rdb"
    source.write_bytes(snapshot(b"\xfe\x40\x63", A))
    assert main(["convert", str(source), "-o", str(tmp_path / "out.rdb"), "--to", "redis-7.2"]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}/out.rdb: 1 key for redis-7.2\n"
        "  it loads in a server with databases 100 or more, 16 is the default\n"
    )


# --- encode -----------------------------------------------------------------------------------------


def line(key: str, value: object, **others: Any) -> bytes:
    type_ = "string" if isinstance(value, str) else "list" if isinstance(value, list) else "hash"
    return json.dumps({"db": 0, "key": key, "type": type_, "value": value} | others).encode() + b"\n"


LINES = [line("l", "x"), line("k", "a"), line("k", "c", db=1), line("k", "b")]


def built(lines: list[bytes], **options: Any) -> tuple[list[tuple[int, bytes, object]], Any]:
    out = io.BytesIO()
    done = build(lines, out, **options)
    return held(out.getvalue()), done


def test_a_key_on_two_lines_is_refused_with_both() -> None:
    with pytest.raises(TextError) as caught:
        built(LINES)
    assert str(caught.value) == (
        "line 4: db 0, key b'k', for redis RDB 11: the key is on line 2 as well, and no server loads "
        "a key twice: on-duplicate first or last keeps one"
    )


@pytest.mark.parametrize("options", [{}, {"to": "redis-6.2"}])
def test_one_of_two_lines_is_kept(options: dict[str, Any]) -> None:
    rest = [(0, b"l", b"x"), (1, b"k", b"c")]
    assert sorted(built(LINES, on_duplicate="first", **options)[0]) == sorted([*rest, (0, b"k", b"a")])
    assert sorted(built(LINES, on_duplicate="last", **options)[0]) == sorted([*rest, (0, b"k", b"b")])
    assert len(built(LINES, on_duplicate="allow", **options)[0]) == 4


def test_empty_keys_of_the_text_are_dropped_when_that_is_asked_for() -> None:
    keys, done = built([line("e", []), line("k", "a")], drop_empty=True)
    assert keys == [(0, b"k", b"a")]
    assert [loss.kind for loss in done.writer.losses.of("hint")] == ["empty-dropped"]


ARRAY = b'{"key":"a","type":"array","value":{"elements":[[0,"v"]]}}\n'
TTL = line("h", {"f": "v"}, field_expires_at={"f": 1 << 41})


@pytest.mark.parametrize(
    ("lines", "version", "lacked"),
    [
        ([line("k", "v")], 11, None),
        ([TTL], 12, "field-ttl"),
        (
            [line("k", "v"), ARRAY],
            14,
            "type-array",
        ),
        ([b'{"rdb":{"dialect":"redis","version":10}}\n', line("k", "v")], 10, None),
    ],
)
@pytest.mark.parametrize("kind", ["path", "object"])
def test_the_default_target_is_the_oldest_that_holds_everything(
    lines: list[bytes], version: int, lacked: str | None, kind: str, tmp_path: Path
) -> None:
    out: Any = tmp_path / "out.rdb" if kind == "path" else io.BytesIO()
    done = build(iter(lines), out)
    data = out.read_bytes() if kind == "path" else out.getvalue()
    assert (data[:9], done.lacked) == (b"REDIS%04d" % version, lacked)
    assert len(entries(data)) == done.writer.keys


def test_encode_says_for_whom_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.ndjson", tmp_path / "out.rdb"
    command = ["encode", str(source), "-o", str(out), "--force"]
    source.write_bytes(b"\xef\xbb\xbf" + TTL)
    assert main(command) == 0
    assert (
        capsys.readouterr().out == f"{out}: 1 key for Redis 7.4 (RDB 12), the oldest that holds field TTLs\n"
    )
    assert main([*command, "--to", "redis-7.2"]) == 1
    assert capsys.readouterr().err == (
        f"{source}: line 1: db 0, key b'h', hash, for redis-7.2: cannot be written whole: "
        "a hash whose fields would no longer expire\n"
        "with --allow-loss the rest is written all the same\n"
        "hint: --to redis-7.4 or later, or valkey-9.0, holds the expiry of fields\n"
    )
    assert main([*command, "--to", "redis-7.2", "--allow-loss"]) == 0
    assert capsys.readouterr().out == (
        f"{out}: 1 key for redis-7.2\n"
        "  lost: field-ttl: 1 x a hash whose fields would no longer expire; first, db 0, key b'h'\n"
    )


def test_a_snapshot_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.rdb"
    source.write_bytes(TWICE)
    assert main(["encode", str(source), "-o", str(tmp_path / "out.rdb")]) == 3
    message = "line 1: this is a snapshot, not NDJSON: convert is the command for it"
    assert capsys.readouterr().err == f"{source}: {message}\n"
