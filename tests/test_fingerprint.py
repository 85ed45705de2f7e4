"""A few digests say whether two snapshots hold the same data, and if not, in which database and prefix."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from commands import run
from test_diff import DATA, EXPIRING, other_way_round, snapshot
from ways import FIXTURES

import rdbcodec
from rdbcodec import Hash, List, Selection, Set
from rdbcodec.tools.fingerprint import Fingerprint, Place

TYPES_72 = FIXTURES / "snapshots" / "redis-7.2.6-types.rdb"


def of(keys: Any, to: str = "redis-7.2", **how: Any) -> Fingerprint:
    return rdbcodec.fingerprint(snapshot(keys, to=to), **how)


def test_version_layout_and_order_do_not_count() -> None:
    here = of(DATA)
    there = of([(key, other_way_round(value), *rest) for key, value, *rest in DATA[::-1]], to="redis-5.0")
    assert here.databases == there.databases
    assert (here.digest, here.keys, here.differences(there)) == (there.digest, 9, [])


@pytest.mark.parametrize("release", ["redis-7.0", "redis-8.10", "valkey-9.1"])
def test_a_fingerprint_survives_a_conversion_and_any_container(release: str, tmp_path: Path) -> None:
    out = tmp_path / "out.rdb.gz"
    done = rdbcodec.convert(TYPES_72, out, to=release, allow_loss=True)
    assert {loss.kind for loss in done.losses} <= {"consumer-active-time"}
    assert rdbcodec.fingerprint(out) == rdbcodec.fingerprint(TYPES_72)


@pytest.mark.parametrize("max_value", [1 << 20, 64])
def test_values_that_pass_by_have_the_same_digests(max_value: int) -> None:
    keys = [
        (b"hash", EXPIRING),
        (b"list", List([b"element %d" % at for at in range(99)])),
        (b"s", b"v" * 500),
    ]
    with rdbcodec.open(snapshot(keys, to="redis-7.4"), max_value=max_value) as reader:
        assert rdbcodec.fingerprint(reader) == of(keys, to="valkey-9.1")


ONE = (b"user:1", b"value", 0, 1893456000000)


@pytest.mark.parametrize(
    "other",
    [
        (b"user:2", b"value", 0, 1893456000000),
        (b"user:1", b"valuf", 0, 1893456000000),
        (b"user:1", List([b"value"]), 0, 1893456000000),
        (b"user:1", b"value", 0, 1893456000001),
        (b"user:1", b"value", 0),
        (b"user:1", b"value", 1, 1893456000000),
    ],
)
def test_name_value_type_expiry_and_database_count(other: tuple[Any, ...]) -> None:
    assert of([ONE]).digest != of([other]).digest


def test_expiries_of_fields_count_and_all_of_them_can_be_ignored() -> None:
    later = Hash(EXPIRING)
    later.expires_at_ms = {b"f3": 1893456000001}
    assert of([(b"h", EXPIRING)], to="redis-7.4").digest != of([(b"h", later)], to="redis-7.4").digest
    without = of([(b"h", EXPIRING), ONE], to="redis-7.4", ignore={"ttl"})
    assert without.databases == of([(b"h", Hash(EXPIRING)), ONE[:2]], ignore={"ttl"}).databases


def test_a_key_that_is_there_twice_counts_twice() -> None:
    assert of([ONE, ONE]).databases[0].keys == 2
    assert of([ONE, ONE]).digest != of([ONE]).digest


def test_a_database_has_one_digest_whatever_its_number() -> None:
    assert of([(b"k", b"v", 0)]).databases[0] == of([(b"k", b"v", 7)]).databases[7]


def test_prefixes_add_up_to_their_database_and_have_identifiers_folded() -> None:
    found = of([(b"user:%d:cart" % at, b"v") for at in range(5)] + [(b"job", Set([b"m"])), (b"user:9", b"v")])
    assert found.prefixes is not None
    assert {place: one.keys for place, one in found.prefixes.items()} == {
        Place(0, b"job"): 1,
        Place(0, b"user:"): 6,
    }
    first, second = found.prefixes.values()
    assert found.databases == {0: first + second}
    deeper = of([(b"user:%d:cart" % at, b"v") for at in range(5)], depth=9).prefixes
    assert list(deeper or ()) == [Place(0, b"user:*:cart")]
    assert of([ONE], depth=0).prefixes is None


def test_where_two_are_not_the_same_is_told_by_database_and_prefix() -> None:
    keys = [(b"user:%d" % at, b"v") for at in range(5)] + [(b"job:1", b"v"), (b"job:2", b"v", 3)]
    here, there = of(keys), of([*keys[:-2], (b"job:1", b"w"), (b"job:2", b"v", 3), (b"new:1", b"", 3)])
    places = [(place, mine.keys, its.keys) for place, mine, its in here.differences(there)]
    assert places == [
        (Place(0), 6, 6),
        (Place(0, b"job:"), 1, 1),
        (Place(3), 1, 2),
        (Place(3, b"new:"), 0, 1),
    ]


def test_more_prefixes_than_are_told_apart_leave_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [(b"%c:" % letter, b"v") for letter in b"abcdef"]
    whole = of(keys)
    monkeypatch.setattr("rdbcodec.tools.fingerprint.MAX_TOLD_PREFIXES", 5)
    found = of(keys[::-1])
    assert (found.prefixes, found.digest, found.differences(whole)) == (None, whole.digest, [])


def test_filters_choose_what_is_compared_and_are_part_of_how_it_was_made() -> None:
    chosen = of([*DATA, ONE], selection=Selection(not_prefixes=b"user:"))
    assert chosen.databases == of(DATA).databases
    with pytest.raises(ValueError) as raised:
        chosen.differences(of(DATA))
    assert str(raised.value) == "they were made in different ways: filters, ignore, separators, depth"


def test_what_cannot_be_ignored_is_refused() -> None:
    with pytest.raises(ValueError) as raised:
        of(DATA, ignore={"encoding"})
    assert str(raised.value) == "ignore is 'encoding', expected ttl or functions"


def test_function_libraries_count_by_their_text() -> None:
    def with_library(code: bytes, **how: Any) -> Fingerprint:
        out = io.BytesIO()
        with rdbcodec.create(out, to="redis-7.2") as writer:
            writer.write_function(code)
        return rdbcodec.fingerprint(out.getvalue(), **how)

    here = with_library(b"#!lua name=a\nredis.register_function('a', print)")
    there = with_library(b"#!lua name=a\nredis.register_function('b', print)")
    assert here.functions != there.functions
    assert here.digest != there.digest
    assert here.databases == there.databases == {}


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    here, there = tmp_path / "here.rdb", tmp_path / "there.rdb"
    here.write_bytes(snapshot([ONE, (b"job:1", b"v", 3)]))
    there.write_bytes(snapshot([ONE, (b"job:1", b"w", 3), (b"job:2", b"w", 3)]))
    return here, there


def test_the_command_prints_a_digest_a_database_and_prefix(files: tuple[Path, Path]) -> None:
    found = rdbcodec.fingerprint(files[0])
    one, three = found.databases[0].digest, found.databases[3].digest
    told = run("diff", "--fingerprint", files[0])
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout.decode().splitlines() == [
        str(files[0]),
        "",
        "Snapshot",
        "  digest                            keys",
        f"  {found.digest}     2",
        "",
        "Databases and prefixes",
        "  digest                            keys  db  prefix",
        f"  {one}     1   0  (all keys)",
        f"  {one}     1   0  user:",
        f"  {three}     1   3  (all keys)",
        f"  {three}     1   3  job:",
        "",
    ]
    hidden = run("diff", "--fingerprint", files[0], "--hide-keys").stdout.decode()
    assert ("user:" in hidden, one in hidden) == (False, True)


def test_the_command_says_where_two_files_differ(files: tuple[Path, Path]) -> None:
    told = run("diff", "--fingerprint", *files)
    assert told.returncode == 1
    lines = told.stdout.decode().splitlines()
    assert lines[0] == f"NOT EQUAL: {files[0]}, {files[1]}"
    assert lines[7:] == [
        "Not the same",
        "  db  prefix      keys in first  in second",
        "   3  (all keys)              1          2",
        "   3  job:                    1          2",
        "",
    ]
    told = run("diff", "--fingerprint", *files, "--db", "0")
    assert (told.returncode, told.stdout.decode().splitlines()[0]) == (0, f"EQUAL: {files[0]}, {files[1]}")


def test_a_fingerprint_in_json_stands_for_the_snapshot_it_is_of(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    here, there = files
    written = tmp_path / "here.json"
    written.write_bytes(run("diff", "--fingerprint", "-", "--format", "json", data=here.read_bytes()).stdout)
    assert run("diff", "--fingerprint", written, here).returncode == 0
    told = run("diff", "--fingerprint", written, there, "--format", "json")
    document = json.loads(told.stdout)
    places = [(one["db"], one["prefix"], one["keys"]) for one in document["differences"]]
    assert (told.returncode, document["equal"], document["keys"]) == (1, False, [2, 3])
    assert places == [(3, None, [1, 2]), (3, "job:", [1, 2])]
    told = run("diff", "--fingerprint", written, there, "--ignore", "ttl")
    assert told.returncode == 2
    assert told.stderr.decode() == (
        "the fingerprints were made in different ways: give the same --ignore, --separators, --depth and "
        "filters for both\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is no fingerprint: expected a snapshot, or JSON of diff --fingerprint"),
        ("{", "is no fingerprint: Expecting property name enclosed in double quotes"),
        ('{"form": "rdbcodec fingerprint 1"}', "is no whole fingerprint: KeyError('ignore')"),
    ],
)
def test_json_that_is_no_fingerprint_is_refused(
    files: tuple[Path, Path], tmp_path: Path, text: str, message: str
) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)
    told = run("diff", "--fingerprint", files[0], other)
    words, _, _ = told.stderr.decode().strip().partition(": line 1")
    assert (told.returncode, words) == (3, f"{other}: {message}")


def test_without_a_fingerprint_two_files_are_compared(files: tuple[Path, Path]) -> None:
    told = run("diff", files[0])
    assert told.returncode == 2
    assert told.stderr.decode().splitlines()[0] == (
        "rdbcodec diff: error: the following arguments are required: B, or --fingerprint"
    )


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(TYPES_72.read_bytes()))
    writer.start()
    done = run("diff", "--fingerprint", pipe, "--format", "json")
    writer.join()
    assert done.returncode == 0
    assert json.loads(done.stdout)["digest"] == rdbcodec.fingerprint(TYPES_72).digest
