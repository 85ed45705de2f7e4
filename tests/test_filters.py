"""The filters on the command line, which are the same for every command that goes through keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import run
from test_selection import NAMES, TYPES_72, key
from ways import pair, snapshot, string

import rdbcodec
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
        ("--size", "sizes", "5"),
        ("--db", "dbs", "one"),
        ("--slot", "slots", "5-x"),
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
    ("inspect",),
    ("check",),
    ("stat",),
    ("top",),
    ("top", "--all"),
    ("keys",),
    ("dump",),
    ("dump", "--format", "resp"),
    ("filter", "-o", "OUT"),
    ("convert", "-o", "OUT", "--to", "redis-6.2"),
    ("split", "-o", "OUT{part}", "--by", "type"),
    ("merge", "-o", "OUT"),
    ("salvage", "-o", "OUT"),
    ("mask", "-o", "OUT"),
    ("prefix",),
    ("ttl",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_that_no_key_matches_is_said_and_can_be_the_answer(
    names: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    verb, *rest = (word.replace("OUT", str(tmp_path / "out")) for word in command)
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
    verb, *rest = (word.replace("OUT", str(tmp_path / "out")) for word in command)
    told = run(verb, empty, *rest)
    assert (told.returncode, told.stderr.decode()) == (0, "")
    told = run(verb, empty, *rest, "--fail-if-empty", *_force(rest))
    assert (told.returncode, told.stderr.decode()) == (1, f"{empty}: there is no key\n")


def _force(words: list[str]) -> list[str]:
    return ["--force"] if "-o" in words else []


def test_diff_says_that_no_key_of_either_matches(names: Path) -> None:
    told = run("diff", names, names, "--type", "hash", "--fail-if-empty")
    assert (told.returncode, told.stderr.decode()) == (1, f"{names} and {names}: no key matches\n")
    told = run("diff", names, names, "--prefix", "user:", "--fail-if-empty")
    assert (told.returncode, told.stderr) == (0, b"")


# --- reports on the keys that are chosen ------------------------------------------------------------


def test_inspect_tells_of_the_chosen_keys_and_says_so() -> None:
    words = ("--type", "hash,set", "--db", "0-8")
    facts = json.loads(run("inspect", TYPES_72, "--format", "json", *words).stdout)
    assert (facts["keys"], facts["filtered"], facts["functions"]) == (len(keys(TYPES_72, *words)), True, [])
    told = run("inspect", TYPES_72, "--type", "hash").stdout.decode().splitlines()
    assert "  keys           6, chosen by the filters" in told
    assert json.loads(run("inspect", TYPES_72, "--format", "json").stdout)["filtered"] is False


def test_check_verifies_the_chosen_keys_only(tmp_path: Path) -> None:
    path = tmp_path / "damaged.rdb"
    path.write_bytes(snapshot(b"\xfb\x02\x00", key(b"good"), pair(16, string(b"no listpack"), b"bad")))
    assert run("check", path).returncode == 3
    told = run("check", path, "--not-key-is", "bad")
    size = path.stat().st_size
    words = f"{path}: sound, 1 key chosen by the filters, {size} B, checksum disabled\n"
    assert (told.returncode, told.stdout.decode()) == (0, words)
    assert json.loads(run("check", path, "--type", "string", "--format", "json").stdout)["filtered"] is True


def test_split_leaves_the_functions_out_and_says_so(tmp_path: Path) -> None:
    words = (
        "split",
        TYPES_72,
        "--by",
        "type",
        "-o",
        tmp_path / "{type}.rdb",
        "--type",
        "hash,zset",
        "--db",
        0,
    )
    told = run(*map(str, words))
    assert told.stdout.decode().splitlines()[-2:] == [
        f"{TYPES_72}: 10 keys in 2 parts",
        "  1 function library left out: filters choose keys, --functions keeps functions too",
    ]
    assert keys(tmp_path / "hash.rdb") == keys(TYPES_72, "--type", "hash", "--db", "0")


def test_salvage_saves_the_chosen_keys_and_accounts_for_the_others(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.rdb"
    records = (
        b"\xfb\x04\x00",
        key(b"a:1"),
        pair(16, string(b"no listpack"), b"a:2"),
        key(b"b:1"),
        key(b"a:3"),
    )
    damaged.write_bytes(snapshot(*records))
    told = run("salvage", damaged, "-o", tmp_path / "out.rdb", "--prefix", "a:", "--format", "json")
    document = json.loads(told.stdout)
    assert (told.returncode, document["kept"]["keys"], document["filtered"]) == (1, 2, {"0": 1})
    assert (document["lost"]["left_out"], document["lost"]["missing"]) == ({"0": 1}, {})
    assert keys(tmp_path / "out.rdb") == ["a:1", "a:3"]
    lines = run("salvage", damaged, "-o", tmp_path / "2.rdb", "--key", "b*").stdout.decode().splitlines()
    assert "  filtered 3 keys that the filters did not choose" in lines


def test_mask_writes_the_chosen_keys_and_no_remark_on_all_of_them(tmp_path: Path) -> None:
    out = tmp_path / "out.rdb"
    told = run("mask", TYPES_72, "-o", out, "--type", "hash")
    assert (told.returncode, keys(out)) == (0, keys(TYPES_72, "--type", "hash"))
    with rdbcodec.open(out) as reader:
        names = [record.name for record in reader if isinstance(record, rdbcodec.Aux)]
    assert b"redis-ver" in names
    assert b"used-mem" not in names
    words = "1 function library: filters choose keys, --functions keeps functions too"
    assert words in told.stdout.decode()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_limit_of_0_takes_no_key(names: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    verb, *rest = (word.replace("OUT", str(tmp_path / "out")) for word in command)
    told = run(verb, names, *rest, "--limit", "0")
    assert (told.returncode, told.stderr.decode()) == (0, f"{names}: no key matches\n")
