"""dump, keys and encode as a user runs them: what is printed, where it goes, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import commands
import pytest
from ways import SNAPSHOTS, pair, read, snapshot, string

import rdbcodec
from rdbcodec.exports import ndjson, resp
from rdbcodec.exports.values import TYPE_NAMES
from rdbcodec.losses import Losses

ROOT = Path(__file__).parent.parent
FILES = {path.name: path for path in SNAPSHOTS}
TYPES_72 = FILES["redis-7.2.6-types.rdb"]

SMALL = snapshot(
    pair(0, string(b"v"), b"user:1"),
    b"\xfc" + (2**41).to_bytes(8, "little") + pair(1, b"\x01" + string(b"e"), b"list\n"),
    b"\xfe\x02",
    pair(0, string(b"\xff"), b"\xfe"),
)
LINES = (
    '{"db":0,"key":"user:1","type":"string","encoding":"string","value":"v"}\n'
    '{"db":0,"key":"list\\n","type":"list","encoding":"linkedlist","expires_at":2199023255552,"value":["e"]}\n'
    '{"db":2,"key":{"$b64":"/g=="},"type":"string","encoding":"string","value":{"$b64":"/w=="}}\n'
)
DAMAGED = SMALL[:-9] + pair(0, b"\xf0")


def run(*words: str | Path, data: bytes = b"", code: int = 0) -> tuple[str, str]:
    """stdout and stderr of a run that ends with this exit code."""
    done = commands.run(*words, data=data)
    assert done.returncode == code, done.stderr
    return done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode()


# --- dump -------------------------------------------------------------------------------------------


def test_dump_writes_ndjson_unless_told_otherwise() -> None:
    assert run("dump", "-", data=SMALL) == (LINES, "")
    assert run("dump", "-", "--format", "ndjson", data=SMALL) == (LINES, "")


def test_dump_writes_one_json_array() -> None:
    out, err = run("dump", "--format", "json", "-", data=SMALL)
    assert (json.loads(out), err) == ([json.loads(line) for line in LINES.splitlines()], "")


def test_dump_writes_csv() -> None:
    out, err = run("dump", "--format", "csv", "-", data=SMALL)
    assert err == ""
    assert out == (
        "db,key,type,encoding,expires_at,idle,freq,value\r\n"
        "0,user:1,string,string,,,,v\r\n"
        '0,"list\n",list,linkedlist,2199023255552,,,"[""e""]"\r\n'
        '2,"{""$b64"":""/g==""}",string,string,,,,"{""$b64"":""/w==""}"\r\n'
    )


def test_dump_writes_commands() -> None:
    data = snapshot(pair(0, string(b"v")))
    assert run("dump", "--format", "resp", "-", data=data) == (
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
        "",
    )


def test_dump_writes_the_header_too_when_asked() -> None:
    out, _ = run("dump", "--records", "-", data=SMALL)
    assert out == '{"rdb":{"dialect":"redis","version":12}}\n' + LINES


def test_commands_that_cannot_say_everything_end_with_1_and_the_list_of_losses() -> None:
    data = snapshot(b"\xf5" + string(b"#!lua name=f"), pair(1, b"\x00", b"e"), pair(1, b"\x00", b"f"))
    out, err = run("dump", "--format", "resp", "--to-version", "9", "-", data=data, code=1)
    assert out == "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    assert err == (
        "-: function: 1 x a function library; first at offset 9\n"
        "-: empty: 2 x an empty key, which no command makes; first at offset 23, db 0, key b'e'\n"
    )
    _, hidden = run("dump", "--format", "resp", "--hide-keys", "-", data=data, code=1)
    assert hidden == "-: empty: 2 x an empty key, which no command makes; first at offset 23, db 0\n"


def test_lost_hints_are_told_and_no_failure() -> None:
    data = snapshot(b"\xf8\x05" + pair(0, string(b"v")))
    _, err = run("dump", "--format", "resp", "-", data=data)
    assert err == "-: idle: 1 x a key without its idle time; first at offset 9, db 0, key b'k'\n"
    out, err = run("dump", "--format", "resp", "--restore", "-", data=data)
    assert "IDLETIME" in out
    assert err == ""


def test_dump_of_a_fixture_is_what_the_library_gives() -> None:
    out, err = run("dump", TYPES_72)
    assert (out, err) == ("".join(ndjson.lines(read(TYPES_72))), "")
    expected = b"".join(resp.commands(read(TYPES_72), losses=Losses(), restore=True))
    done = commands.run("dump", "--format", "resp", "--restore", TYPES_72)
    assert (done.returncode, done.stdout) == (0, expected)


def test_dump_takes_the_filters() -> None:
    assert run("dump", "--db", "2", "-", data=SMALL)[0] == LINES.splitlines(keepends=True)[2]
    assert run("dump", "--ttl", ">1s", "--now", "5", "-", data=SMALL)[0] == LINES.splitlines(keepends=True)[1]
    assert run("dump", "--limit", "1", "-", data=DAMAGED)[0] == LINES.splitlines(keepends=True)[0]


def test_dump_of_a_damaged_file_gives_what_came_before_and_says_that_it_is_incomplete() -> None:
    at = len(SMALL) - 9 + 3
    out, err = run("dump", "-", data=DAMAGED, code=3)
    assert out == LINES
    assert err == (
        "-: the output is incomplete\n"
        f"-: offset {at}, db 2, key b'k', type string: expected a string, found encoding byte 0xf0\n"
        "hint: `salvage --resync` saves what stands before and behind the damage\n"
    )


@pytest.mark.parametrize("format", ["json", "csv", "resp"])
def test_every_format_says_that_it_is_incomplete(format: str) -> None:
    out, err = run("dump", "--format", format, "-", data=DAMAGED, code=3)
    assert "user:1" in out
    assert err.splitlines()[0] == "-: the output is incomplete"


def test_dump_into_a_file_leaves_no_file_when_the_snapshot_is_damaged(tmp_path: Path) -> None:
    _, err = run("dump", "-", "-o", tmp_path / "out", data=DAMAGED, code=3)
    assert err.startswith("-: offset ")
    assert list(tmp_path.iterdir()) == []


def test_dump_writes_over_no_file_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    assert run("dump", "-", "-o", out, data=SMALL) == ("", "")
    assert out.read_text() == LINES
    _, err = run("dump", "-", "-o", out, data=snapshot(), code=4)
    assert err == f"{out}: exists already, --force writes over it\n"
    assert out.read_text() == LINES
    run("dump", "-", "-o", out, "--force", data=snapshot())
    assert out.read_text() == ""


@pytest.mark.process
def test_a_closed_pipe_is_quiet() -> None:
    command = [sys.executable, "-m", "rdbcodec", "dump", str(TYPES_72)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


# --- keys -------------------------------------------------------------------------------------------


def test_keys_are_listed_one_a_line_and_escaped() -> None:
    assert run("keys", "-", data=SMALL) == ("user:1\nlist\\n\n\\xfe\n", "")


def test_keys_are_listed_with_what_they_are() -> None:
    out, _ = run("keys", "--format", "ndjson", "-", data=SMALL)
    whole: list[dict[str, Any]] = [json.loads(line) for line in LINES.splitlines()]
    for line in whole:
        del line["value"]
    assert [json.loads(line) for line in out.splitlines()] == whole


def test_keys_for_other_programs_are_separated_by_nul_and_otherwise_as_they_are() -> None:
    done = commands.run("keys", "--format", "raw0", "-", data=SMALL)
    assert done.stdout == b"user:1\0list\n\0\xfe\0"


def test_keys_takes_the_filters() -> None:
    assert run("keys", "--key", "user:*", "-", data=SMALL)[0] == "user:1\n"
    assert run("keys", "--not-key-re", "^u", "--type", "string", "-", data=SMALL)[0] == "\\xfe\n"
    assert run("keys", "--size", ">1gb", "-", data=SMALL)[0] == ""


def test_keys_of_a_damaged_file_are_listed_as_far_as_it_goes() -> None:
    out, err = run("keys", "-", data=TYPES_72.read_bytes()[:20000], code=3)
    assert out.splitlines()[0] == "notint:9223372036854775808"
    assert err == (
        "-: the output is incomplete\n-: offset 20000: the file ends inside a record\n"
        "hint: the file is cut: `salvage` saves what stands before the cut\n"
    )


# --- encode -----------------------------------------------------------------------------------------


def test_encode_makes_the_snapshot_that_was_dumped(tmp_path: Path) -> None:
    lines, made = tmp_path / "lines", tmp_path / "made.rdb"
    run("dump", "--records", TYPES_72, "-o", lines)
    assert run("encode", lines, "-o", made) == (f"{made}: 94 keys for redis RDB 11\n", "")
    assert run("dump", "--records", made)[0] == lines.read_text()
    assert run("check", made)[0].startswith(f"{made}: sound, ")


def test_encode_makes_a_snapshot_for_the_server_that_is_named(tmp_path: Path) -> None:
    for at, (words, magic) in enumerate(
        [
            ((), b"REDIS0011"),
            (("--rdb-version", "6"), b"REDIS0006"),
            (("--to", "redis-6.2"), b"REDIS0009"),
            (("--to", "valkey-9.0"), b"VALKEY080"),
            (("--rdb-version", "9", "--dialect", "keydb"), b"REDIS0009"),
        ]
    ):
        made = tmp_path / f"{at}.rdb"
        run("encode", "-", "-o", made, *words, data=LINES.encode())
        header = made.read_bytes()[:9]
        assert header == magic
        assert run("dump", made)[0].splitlines()[0] == LINES.splitlines()[0]


def test_encode_reads_a_pipe_and_writes_one() -> None:
    done = commands.run("encode", "-", "-o", "-", data=LINES.encode())
    assert [record.key for record in read(done.stdout) if isinstance(record, rdbcodec.Entry)] == [
        b"user:1",
        b"list\n",
        b"\xfe",
    ]


def test_encode_wraps_the_file_as_its_suffix_says(tmp_path: Path) -> None:
    for name, container in (("a.rdb.gz", ("gzip",)), ("a.rdb.lz4", ("lz4",)), ("a.rdb", ())):
        made = tmp_path / name
        run("encode", "-", "-o", made, data=LINES.encode())
        with rdbcodec.open(made) as reader:
            assert reader.containers == container
            assert len([record for record in reader if isinstance(record, rdbcodec.Entry)]) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"key":"k","type":"set","value":{}}', "line 4: a set is an object, expected an array"),
        (
            '{"key":"k","type":"zset","value":{"m":"nan"}}',
            "line 4: db 0, key b'k', zset, for redis RDB 11: a score is not a number, which no server loads",
        ),
    ],
)
def test_encode_of_a_wrong_line_names_it_and_leaves_no_file(line: str, message: str, tmp_path: Path) -> None:
    made = tmp_path / "made.rdb"
    assert run("encode", "-", "-o", made, data=(LINES + line).encode(), code=3) == ("", f"-: {message}\n")
    assert list(tmp_path.iterdir()) == []
    assert run("encode", "-", "-o", "-", data=(LINES + line).encode(), code=3) == ("", f"-: {message}\n")


def test_encode_writes_over_no_file_unless_forced(tmp_path: Path) -> None:
    made = tmp_path / "made.rdb"
    made.write_bytes(b"precious")
    _, err = run("encode", "-", "-o", made, data=LINES.encode(), code=4)
    assert str(made) in err
    assert made.read_bytes() == b"precious"
    run("encode", "-", "-o", made, "--force", data=LINES.encode())
    assert made.read_bytes()[:5] == b"REDIS"


# --- usage ------------------------------------------------------------------------------------------


OF_RESP = "--restore, --to, --to-version and --modules go with --format resp"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dump - --restore", OF_RESP),
        ("dump - --to-version 9", OF_RESP),
        ("dump - --csv-safe", "--csv-safe goes with --format csv"),
        ("dump - --format csv --records", "--records goes with --format ndjson or json"),
        (
            "keys - --type hsh",
            f"argument --type: no type 'hsh', known are {', '.join(TYPE_NAMES)}",
        ),
        (
            "encode - -o x --to redis-6.2 --rdb-version 9",
            "--to says what --rdb-version and --dialect would: give one or the other",
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_was_expected(words: str, message: str) -> None:
    _, err = run(*words.split(), code=2)
    command = words.split(maxsplit=1)[0]
    assert err.splitlines()[0] == f"rdbcodec {command}: error: {message}"


def test_a_file_that_is_not_there_is_an_io_error() -> None:
    assert run("dump", "nowhere.rdb", code=4) == ("", "nowhere.rdb: No such file or directory\n")
    assert run("encode", "nowhere", "-o", "x", code=4) == ("", "nowhere: No such file or directory\n")
