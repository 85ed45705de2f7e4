"""What stands behind a snapshot: named, and never left out in silence."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import every

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.errors import TailError
from rdbcodec.tail import ROWS, Tail, measure

MARK = b"0123456789abcdef" * 2 + b"01234567"
SNAPSHOT = b"REDIS0009\x00\x01k\x01v\xff" + bytes(8)
END = len(SNAPSHOT)
COMMANDS = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"

TAILS: dict[str, tuple[bytes, Tail]] = {
    "nothing": (b"", Tail("nothing", 0)),
    "padding": (bytes(100), Tail("zero padding", 100)),
    "a mark without its line": (MARK, Tail("EOF mark", 40)),
    "a padded mark": (MARK + bytes(9), Tail("EOF mark", 49)),
    "forty-one digits are no mark": (MARK + b"8", Tail("other bytes", 41)),
    "commands": (COMMANDS, Tail("AOF commands", None)),
    "commands behind keep-alives": (b"\n\n" + COMMANDS, Tail("AOF commands", None)),
    "commands behind a mark": (MARK + COMMANDS, Tail("AOF commands", None)),
    "commands behind padding": (bytes(70) + COMMANDS, Tail("AOF commands", None)),
    "an annotation": (b"#TS:1700000000\r\n", Tail("AOF commands", None)),
    "a second snapshot": (SNAPSHOT, Tail("another snapshot", END)),
    "one behind padding": (bytes(70) + SNAPSHOT, Tail("another snapshot", 70 + END)),
    "one behind a mark": (MARK + SNAPSHOT, Tail("another snapshot", 40 + END)),
    "half a magic": (b"REDI", Tail("other bytes", 4)),
    "a star that begins no command": (b"*hello", Tail("other bytes", 6)),
    "a newline": (b"\n", Tail("other bytes", 1)),
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@every("size", [1, 7, 1 << 20])
@every("name", TAILS)
def test_the_kind_is_the_same_however_the_pieces_are_cut(name: str, size: int) -> None:
    data, tail = TAILS[name]
    assert measure(cut(data, size)) == tail


def test_every_kind_has_its_row_and_only_data_has_a_remedy() -> None:
    assert {tail.kind for _, tail in TAILS.values()} == set(ROWS)
    assert [row.kind for row in ROWS.values() if row.remedy] == [
        row.kind for row in ROWS.values() if row.is_data
    ]


def test_an_error_about_a_tail_crosses_a_border_of_processes() -> None:
    error = pickle.loads(pickle.dumps(TailError(Tail("another snapshot", 9), 22)))
    assert str(error) == "another snapshot follows the snapshot from offset 22 on (9 bytes): not read"


AOF = f"AOF commands follow the snapshot from offset {END} on: not read"
TWICE = f"another snapshot follows the snapshot from offset {END} on ({END} bytes): not read"
HINT_AOF = (
    "hint: --ignore-tail leaves it out; to keep them, let a server load the file as its append-only file "
    "and save a snapshot"
)
HINT_TWICE = "hint: --ignore-tail leaves it out; to keep both, cut the unpacked file there"
READING = (
    ["inspect"],
    ["check"],
    ["keys"],
    ["dump"],
    ["dump", "--format", "resp"],
    ["keys", "--type", "hash"],
    ["compat", "--target", "redis-7.2"],
)


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize(
    ("tail", "says"), [(COMMANDS, (AOF, HINT_AOF)), (SNAPSHOT, (TWICE, HINT_TWICE))], ids=["aof", "twice"]
)
def test_no_command_passes_over_data_behind_the_snapshot(
    command: list[str],
    tail: bytes,
    says: tuple[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(SNAPSHOT + tail)
    assert main([*command, str(path)]) == 1
    assert capfd.readouterr().err.splitlines()[-2:] == [f"{path}: {says[0]}", says[1]]
    assert main([*command, str(path), "--ignore-tail"]) == 0
    assert capfd.readouterr().err == (f"{path}: no key matches\n" if "hash" in command else "")


def test_a_dump_into_a_file_that_would_lack_commands_is_not_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "x.aof", tmp_path / "out"
    path.write_bytes(SNAPSHOT + COMMANDS)
    assert main(["dump", str(path), "-o", str(out)]) == 1
    assert capfd.readouterr().err == f"{path}: {AOF}\n{HINT_AOF}\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", [["convert", "--to", "redis-7.2"], ["filter", "--type", "string"]])
@pytest.mark.parametrize(
    ("tail", "loss"),
    [
        (COMMANDS, "aof-commands: 1 x a log of commands behind the snapshot"),
        (SNAPSHOT, "another-snapshot: 1 x another snapshot behind the snapshot"),
    ],
)
def test_a_conversion_that_would_lack_what_follows_writes_nothing(
    command: list[str], tail: bytes, loss: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "x.rdb", tmp_path / "out.rdb"
    path.write_bytes(SNAPSHOT + tail)
    assert main([*command, str(path), "-o", str(out)]) == 1
    assert f"  {loss}; first at offset {END}\n" in capfd.readouterr().err
    assert not out.exists()
    assert main([*command, str(path), "-o", str(out), "--ignore-tail"]) == 0
    with rdbcodec.open(out) as reader:
        assert [record.key for record in reader if isinstance(record, rdbcodec.Entry)] == [b"k"]
        assert reader.tail() == Tail("nothing", 0)


@pytest.mark.parametrize(
    ("tail", "hint"),
    [
        (bytes(9), "padding: 1 x zero padding behind the snapshot"),
        (MARK, "eof-mark: 1 x the mark that ends a replication"),
        (b"???", "bytes-behind: 1 x bytes of no known kind behind the snapshot"),
    ],
)
def test_a_conversion_names_what_harmless_thing_it_left_behind(
    tail: bytes, hint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "x.rdb", tmp_path / "out.rdb"
    path.write_bytes(SNAPSHOT + tail)
    assert main(["convert", str(path), "-o", str(out), "--to", "redis-7.2"]) == 0
    assert f"  hints left out: {hint}; first at offset {END}\n" in capfd.readouterr().out


def test_a_plain_copy_keeps_what_follows() -> None:
    out = io.BytesIO()
    rdbcodec.convert(SNAPSHOT + COMMANDS, out)
    assert out.getvalue() == SNAPSHOT + COMMANDS


def test_keys_names_bytes_of_no_known_kind_and_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(SNAPSHOT + b"???")
    assert main(["keys", str(path)]) == 0
    assert capfd.readouterr() == (
        "k\n",
        f"{path}: bytes of no known kind follow the snapshot from offset {END} on (3 bytes): not read\n",
    )


def test_a_limit_that_is_reached_looks_at_nothing_behind_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(SNAPSHOT + COMMANDS)
    assert main(["keys", "--limit", "1", str(path)]) == 0
    assert capfd.readouterr() == ("k\n", "")
    assert main(["keys", "--limit", "2", str(path)]) == 1
