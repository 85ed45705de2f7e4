"""The filters on the command line, which are the same for every command that goes through keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import run
from test_selection import NAMES, TYPES_72
from ways import snapshot

from rdbcodec.facts.selection import Selection

TO_STDOUT = ("--format", "text")


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.rdb"
    path.write_bytes(NAMES)
    return path


def keys(*words: str | Path, data: bytes = b"") -> list[str]:
    """The keys that a command line lists."""
    told = run("keys", *words, data=data)
    assert (told.returncode, told.stderr) == (0, b"")
    return told.stdout.decode().splitlines()


def test_names_and_prefixes_are_typed_with_escapes(names: Path) -> None:
    assert keys(names, "--key-is", "\\xff\\x00\\x0a") == ["\\xff\\x00\\n"]
    assert keys(names, "--prefix", "\\xff", "--prefix", "session") == ["session:1", "\\xff\\x00\\n"]
    assert keys(names, "--not-prefix", "\\xff", "--not-key-is", "") == ["user:1", "user:22", "session:1"]


def test_names_come_from_a_file_or_from_stdin(names: Path, tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_bytes(b"user:22\nother\n")
    assert keys(names, "--keys-from", listed) == ["user:22"]
    assert keys(names, "--not-keys-from", listed, "--limit", "2") == ["user:1", "session:1"]
    raw = run("keys", names, "--format", "raw0", "--not-key", "user:1", "--not-key", "\udcff*").stdout
    assert keys(names, "--keys-from", "-", data=raw) == ["user:22", "session:1", ""]


def test_a_list_of_names_that_cannot_be_read_is_named(names: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    told = run("keys", names, "--keys-from", missing)
    assert (told.returncode, told.stderr.decode()) == (4, f"{missing}: No such file or directory\n")
    told = run("keys", "-", "--keys-from", "-", data=NAMES)
    assert told.returncode == 2
    assert told.stderr == b"stdin (-) can be given once: what was read from it is gone\n"


def test_lists_have_commas_and_types_any_case() -> None:
    both = keys(TYPES_72, "--type", "HASH,stream", "--db", "0-8")
    assert both == keys(TYPES_72, "--type", "hash", "--type", "Stream", "--not-db", "9-")
    assert both


@pytest.mark.parametrize(
    ("flag", "field", "text"),
    [
        ("--size", "sizes", "1m"),
        ("--not-ttl", "ttl", "1 hour"),
        ("--elements", "elements", "many"),
        ("--slot", "slots", "0-20000"),
        ("--type", "types", "hsh"),
        ("--key-re", "patterns", "("),
    ],
)
def test_a_wrong_expression_is_answered_with_what_selection_says(
    names: Path, flag: str, field: str, text: str
) -> None:
    with pytest.raises(ValueError) as raised:
        Selection(**{field: text.encode() if field == "patterns" else text})  # type: ignore[arg-type]
    told = run("keys", names, flag, text)
    assert told.returncode == 2
    message = f"rdbcodec keys: error: argument {flag}: {raised.value}\nsee rdbcodec keys --help\n"
    assert told.stderr.decode() == message


# --- no key matches ---------------------------------------------------------------------------------

COMMANDS = [
    ("keys",),
    ("dump",),
    ("dump", "--format", "resp"),
    ("filter", "-o", "OUT"),
    ("convert", "-o", "OUT", "--to", "redis-6.2"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_that_no_key_matches_is_said_and_can_be_the_answer(
    names: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    verb, *rest = (str(tmp_path / "out.rdb") if word == "OUT" else word for word in command)
    message = f"{names}: no key matches\n"
    told = run(verb, names, *rest, "--type", "hash")
    assert (told.returncode, told.stderr.decode()) == (0, message)
    told = run(verb, names, *rest, "--type", "hash", "--fail-if-empty", *_force(rest))
    assert (told.returncode, told.stderr.decode()) == (1, message)
    told = run(verb, names, *rest, "--prefix", "user", "--fail-if-empty", *_force(rest))
    assert (told.returncode, told.stderr.decode()) == (0, "")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_snapshot_without_keys_can_be_the_answer_as_well(tmp_path: Path, command: tuple[str, ...]) -> None:
    empty = tmp_path / "empty.rdb"
    empty.write_bytes(snapshot())
    verb, *rest = (str(tmp_path / "out.rdb") if word == "OUT" else word for word in command)
    told = run(verb, empty, *rest)
    assert (told.returncode, told.stderr.decode()) == (0, "")
    told = run(verb, empty, *rest, "--fail-if-empty", *_force(rest))
    assert (told.returncode, told.stderr.decode()) == (1, f"{empty}: there is no key\n")


def _force(words: list[str]) -> list[str]:
    return ["--force"] if "-o" in words else []
