"""Values of any size are verified, told, copied and converted: a limit of the tool is no damage of the data.

Each kind of value is written with one element of some size, as text that LZF brings below every limit of
what is held and as random bytes that it cannot; see benchmarks/sizes.py for the sizes that take longer.
"""

from __future__ import annotations

import csv
import io
import json
import random
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
from ways import lzf_run, snapshot, string

import rdbcodec
from rdbcodec import Entry, Hash, List, Set, Stream, StreamEntry, StreamId, ZSet
from rdbcodec.cli.main import main
from rdbcodec.exports.scalars import bytes_of
from rdbcodec.limits import CHECKED_VALUE, COPIED_VALUE, HELD_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Pool, Server

SIZES = (CHECKED_VALUE + 1, 200_000, COPIED_VALUE + 1, 1 << 20)
LINE = '{"name":"Zoë","tags":["a","b"],"count":%d},'


def text(size: int) -> bytes:
    """Text that packs well and is UTF-8, its last character perhaps cut."""
    lines = "".join(LINE % number for number in range(size // 40 + 1)).encode()[:size]
    return lines.decode(errors="ignore").encode().ljust(size, b" ")


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def stream_of(field: bytes, value: bytes) -> Stream:
    entries = [StreamEntry(StreamId(at, 1), [(field, value), (b"at", b"%d" % at)]) for at in (5, 7)]
    return Stream(1, entries, 2, entries[-1].id)


CONTENTS: dict[str, Callable[[int], bytes]] = {"text": text, "random": noise}
VALUES: dict[str, Callable[[bytes], Any]] = {
    "string": lambda element: element,
    "list": lambda element: List([b"first", element, b"last", element]),
    "set": lambda element: Set([b"first", element, b"last"]),
    "zset": lambda element: ZSet({b"first": 1.0, element: 2.5, b"last": 3.0}),
    "hash field": lambda element: Hash({b"first": b"1", element: b"2", b"last": b"3"}),
    "hash value": lambda element: Hash({b"first": b"1", b"second": element, b"last": b"3"}),
    "stream": lambda element: stream_of(b"field", element),
    "stream field": lambda element: stream_of(element, b"value"),
}
every_value = pytest.mark.parametrize("kind", VALUES)
every_content = pytest.mark.parametrize("content", CONTENTS)


def write(path: Path, value: Any, *, release: str = "redis-7.0") -> Path:
    """A snapshot with the value between two others."""
    with rdbcodec.create(path, to=release) as writer:
        writer.write(b"before", b"1")
        writer.write(b"k", value, expires_at_ms=4102444800000)
        writer.write(b"after", b"2")
    return path


@pytest.mark.once
@every_content
@every_value
def test_check_calls_no_value_damaged_because_of_its_size(
    kind: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for size in SIZES:
        for release in ("redis-2.8", "redis-7.0") if "stream" not in kind else ("redis-5.0",):
            path = write(
                tmp_path / f"{size}-{release}.rdb", VALUES[kind](CONTENTS[content](size)), release=release
            )
            assert main(["check", "--format", "json", str(path)]) == 0, capsys.readouterr().out
    assert '"sound": false' not in capsys.readouterr().out


@pytest.mark.once
@every_content
@every_value
def test_every_command_takes_a_value_whatever_its_size(
    kind: str, content: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def run(*words: str) -> bytes:
        code = main(list(words))
        out, err = capsysbinary.readouterr()
        assert (code, err) == (0, b""), err
        return out

    for size in (COPIED_VALUE + 1, HELD_TEXT + 1)[: 1 + (kind == "string")]:
        value = VALUES[kind](CONTENTS[content](size))
        path, text, back = (str(tmp_path / f"{size}{name}") for name in (".rdb", ".ndjson", "-back.rdb"))
        write(Path(path), value)
        run("inspect", path)
        assert run("keys", path) == b"before\nk\nafter\n"
        run("compat", path, "--target", "redis-7.0")
        run("filter", path, "-o", str(tmp_path / f"{size}-filtered.rdb"), "--key", "k")
        assert read_back(tmp_path / f"{size}-filtered.rdb") == plain_value(value)
        for release in ("redis-6.2", "valkey-8.0"):
            run("convert", path, "-o", str(tmp_path / f"{size}-{release}.rdb"), "--to", release)
            assert read_back(tmp_path / f"{size}-{release}.rdb") == plain_value(value)
        run("dump", path, "-o", text)
        run("encode", text, "-o", back, "--to", "redis-7.0")
        assert read_back(Path(back)) == plain_value(value)
        told = [json.loads(line)["value"] for line in Path(text).read_bytes().splitlines()]
        assert [one["value"] for one in json.loads(run("dump", path, "--format", "json"))] == told
        csv.field_size_limit(1 << 30)
        rows = list(csv.reader(io.StringIO(run("dump", path, "--format", "csv").decode(), newline="")))
        assert [cell_of(row[7], one) for row, one in zip(rows[1:], told, strict=True)] == told
        assert longest(value) <= set(words_of(run("dump", path, "--format", "resp")))
        restore = words_of(run("dump", path, "--format", "resp", "--restore"))
        payload = restore[restore.index(b"k") + 2]
        assert plain_value(rdbcodec.dump.decode(payload).value()) == plain_value(value)


def value_in(path: Path) -> Any:
    with rdbcodec.open(path) as reader:
        return next(record.value() for record in reader if isinstance(record, Entry) and record.key == b"k")


def read_back(path: Path) -> Any:
    return plain_value(value_in(path))


def plain_value(value: Any) -> Any:
    """The same whatever the release: other versions of a stream fill in what it does not tell."""
    return [(one.id, one.fields) for one in value.entries] if isinstance(value, Stream) else value


def longest(value: Any) -> set[bytes]:
    """The strings in a value that may be long."""
    if isinstance(value, bytes):
        return {value}
    if isinstance(value, Stream):
        return {text for entry in value.entries for pair in entry.fields for text in pair}
    return {*value, *(value.values() if isinstance(value, Hash) else ())}


def cell_of(cell: str, told: Any) -> Any:
    """A cell of CSV: strings that are text stand in it as they are."""
    return cell if cell == told else json.loads(cell)


def words_of(commands: bytes) -> list[bytes]:
    """The words of commands in RESP; the pieces of a string that is appended to are one word."""
    words: list[bytes] = []
    for request in requests_of(commands):
        if request[0] == b"APPEND":
            words[-1] += request[2]
        else:
            words += request
    return words


def requests_of(commands: bytes) -> list[list[bytes]]:
    requests, pos = [], 0
    while pos < len(commands):
        end = commands.index(b"\r\n", pos)
        count, pos = int(commands[pos + 1 : end]), end + 2
        request = []
        for _ in range(count):
            end = commands.index(b"\r\n", pos)
            size = int(commands[pos + 1 : end])
            request.append(commands[end + 2 : end + 2 + size])
            pos = end + 4 + size
        requests.append(request)
    return requests


@pytest.mark.parametrize("size", [40_000, 300_000, HELD_TEXT + 1])
@every_content
def test_values_inside_the_blobs_and_pieces_of_dragonfly_are_allowed_what_any_value_is(
    content: str, size: int, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    element = string(CONTENTS[content](size))
    blob = b"\xca" + string(lz4.frame.compress(b"\x00\x01s" + element + b"\x04\x01h\x01\x01f" + element))
    record = b"\x00\x01t" + element
    pieces = [record[at : at + 30_000] for at in range(0, len(record), 30_000)]
    chunks = [b"\xe0" + struct.pack("<II", 7, len(piece)) + piece for piece in pieces]
    between = [b"\x00\x02%02d\x01v" % at for at in range(len(chunks))]
    path = tmp_path / "a.rdb"
    head = b"\xfa\x06df-ver\x05v1.30"
    interleaved = [part for pair in zip(chunks, between, strict=True) for part in pair]
    path.write_bytes(snapshot(head, blob, *interleaved, magic=b"REDIS0009"))
    for words in (
        ["check"],
        ["inspect"],
        ["dump"],
        ["dump", "--format", "csv"],
        ["dump", "--format", "resp"],
    ):
        assert main([*words, str(path)]) == 0, words
    capsysbinary.readouterr()
    assert main(["dump", str(path)]) == 0
    told = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    values = {one["key"]: one["value"] for one in told}
    assert bytes_of(values["s"], "s") == bytes_of(values["t"], "t") == CONTENTS[content](size)
    found = values["h"] if isinstance(values["h"], dict) else dict(values["h"])
    assert bytes_of(found["f"], "f") == CONTENTS[content](size)
    assert main(["convert", str(path), "-o", str(tmp_path / "b.rdb"), "--to", "redis-7.0"]) == 0
    with rdbcodec.open(tmp_path / "b.rdb") as reader:
        held = {one.key: one.value() for one in reader if isinstance(one, Entry) and len(one.key) == 1}
    text_ = CONTENTS[content](size)
    assert held == {b"s": text_, b"t": text_, b"h": Hash({b"f": text_})}


def test_two_members_too_large_to_hold_are_found_to_be_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    element = string(noise(300_000))
    (tmp_path / "a.rdb").write_bytes(snapshot(b"\x02\x01s\x03\x01a" + element * 2))
    assert main(["check", str(tmp_path / "a.rdb")]) == 3
    assert "1 members or fields occur more than once" in capsys.readouterr().out


def test_check_says_what_it_could_not_verify_and_that_is_no_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key has to be held; one that unpacks to more than allowed is not looked at."""
    path = tmp_path / "a.rdb"
    path.write_bytes(snapshot(b"\x00" + lzf_run(b"k", 100) + b"\x01v", b"\x00\x01k\x01v"))
    assert main(["check", str(path), "--max-value", "1kb"]) == 1
    out, err = capsys.readouterr()
    limit = "offset 9: the value unpacks to more than allowed: 26401 bytes, max_value is 1024\n"
    assert out == (
        f"{path}: nothing wrong in what was verified, 2 keys, 336 B, checksum disabled, "
        "1 value not verified\n"
        f"  not verified: {limit}"
        "  What is not verified is larger than this check may hold: --max-value SIZE raises that.\n"
    )
    assert err == f"{path}: {limit}hint: --max-value SIZE raises this limit\n"
    assert main(["check", str(path), "--max-value", "26401"]) == 0


# --- real servers -----------------------------------------------------------------------------------

WRITTEN: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
    "string": lambda element: (b"SET", b"string", element),
    "list": lambda element: (b"RPUSH", b"list", b"first", element, b"last"),
    "set": lambda element: (b"SADD", b"set", b"first", element),
    "zset": lambda element: (b"ZADD", b"zset", b"1", element, b"2", b"last"),
    "hash": lambda element: (b"HSET", b"hash", b"f", element, element, b"v"),
    "stream": lambda element: (b"XADD", b"stream", b"5-1", b"f", element, b"g", b"v"),
}
ASKED: tuple[tuple[bytes, ...], ...] = (
    (b"GET", b"string"),
    (b"LRANGE", b"list", b"0", b"-1"),
    (b"SMEMBERS", b"set"),
    (b"ZRANGE", b"zset", b"0", b"-1", b"WITHSCORES"),
    (b"HGETALL", b"hash"),
    (b"XRANGE", b"stream", b"-", b"+"),
)


@every_content
@pytest.mark.parametrize("name", ["redis-6.2", "redis-7.0", "redis-8.10", "valkey-9.1"])
def test_what_a_server_wrote_is_sound_and_comes_back_the_same(
    name: str, content: str, tmp_path: Path, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Long elements of lists stand in ziplists of Redis 6.2, in listpacks of 7.0, and by themselves later."""
    running = pool(name)
    running.command("FLUSHALL")
    for write_ in WRITTEN.values():
        running.command(*write_(CONTENTS[content](700_000)))
    expected = answers(running)
    (tmp_path / "a.rdb").write_bytes(running.save())
    assert main(["check", str(tmp_path / "a.rdb")]) == 0, capsys.readouterr().out
    assert main(["dump", str(tmp_path / "a.rdb"), "-o", str(tmp_path / "a.ndjson")]) == 0
    assert main(["encode", str(tmp_path / "a.ndjson"), "-o", str(tmp_path / "b.rdb"), "--to", name]) == 0
    running.load((tmp_path / "b.rdb").read_bytes())
    assert answers(running) == expected
    running.command("FLUSHALL")
    assert main(["dump", str(tmp_path / "a.rdb"), "--format", "resp", "-o", str(tmp_path / "a.resp")]) == 0
    running.commands(requests_of((tmp_path / "a.resp").read_bytes()))
    assert answers(running) == expected


def answers(running: Server) -> list[Any]:
    found = {words[1]: running.command(*words) for words in ASKED}
    members, fields = found.pop(b"set"), found.pop(b"hash")
    return [found, sorted(members), dict(zip(fields[::2], fields[1::2], strict=True))]
