"""A snapshot is cut and put together again: nothing is lost, nothing is there twice, and the parts load."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cases import every
from commands import run
from servers import Pool
from ways import DISTINCT, pair, snapshot, string

import rdbcodec
from rdbcodec import Entry, Function, ResizeDb, Selection
from rdbcodec.facts.slots import key_slot
from rdbcodec.facts.soundness import check
from rdbcodec.tools import streams
from rdbcodec.tools.diff import diff
from rdbcodec.tools.merge import Merge, merge
from rdbcodec.tools.split import MAX_PARTS, Split, split
from rdbcodec.tools.ways import nodes_of, way_of

FOLDER = Path(__file__).parent.parent / "fixtures" / "snapshots"
TYPES, CLUSTER = FOLDER / "redis-7.2.6-types.rdb", FOLDER / "redis-8.0.6-cluster.rdb"
SAMPLE = [path for path in DISTINCT if path.suffix == ".rdb"]
WAYS = ("slots:3", "db", "type", "prefix", "size:20kb", "keys:7")
LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"


def opener(path: str | Path | bytes) -> Callable[[], rdbcodec.Reader]:
    return lambda: rdbcodec.open(path)


def parts_of(source: Path, folder: Path, way: str) -> Split:
    return split(source, f"{folder}/part-{{part}}.rdb", way_of(way))


def merged(paths: Iterable[str | Path], output: Path, **how: Any) -> Merge:
    return merge([(str(path), opener(path)) for path in paths], output, **how)


def made(path: Path, keys: dict[str, Any], *, function: bytes = b"", **how: Any) -> Path:
    with rdbcodec.create(path, to="redis-7.2", **how) as writer:
        if function:
            writer.write_function(function)
        for key, value in keys.items():
            writer.write(key, *value[:1], **dict(zip(("expires_at_ms",), value[1:], strict=False)))
    return path


def values(path: Path) -> dict[bytes, Any]:
    with rdbcodec.open(path) as reader:
        return {record.key: record.value() for record in reader if isinstance(record, Entry)}


def assert_sound(path: str | Path) -> None:
    with rdbcodec.open(path) as reader:
        found = check(reader, now_ms=0)
    assert (found.verdict, found.checksum in ("ok", "absent")) == ("sound", True)
    assert [problem.message for problem in found.problems if "announced" in problem.message] == []


# --- there and back ---------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_what_is_split_and_merged_is_the_same_data(path: Path, tmp_path: Path) -> None:
    for way in WAYS:
        folder = tmp_path / way.replace(":", "-")
        folder.mkdir()
        done = parts_of(path, folder, way)
        for part in done.parts:
            assert_sound(part.path)
        whole = folder / "whole.rdb"
        one = merged([part.path for part in done.parts], whole)
        assert_sound(whole)
        assert (one.keys, one.conflicts, one.files) == (
            done.keys,
            0,
            [(part.path, part.count) for part in done.parts],
        )
        assert diff(opener(path), opener(whole)).is_equal


@pytest.mark.parametrize("way", ["db", "type", "prefix", "size:1kb", "slots:2"])
def test_what_belongs_to_no_key_is_kept_where_there_is_none(way: str, tmp_path: Path) -> None:
    source = tmp_path / "functions.rdb"
    with rdbcodec.create(source, to="redis-7.2") as writer:
        writer.write_function(b"#!lua name=a\nredis.register_function('a', print)")
    done = split(source, f"{tmp_path}/{{part}}.rdb", way_of(way))
    assert (done.keys, done.functions) == (0, 1)
    one = merged([part.path for part in done.parts], tmp_path / "whole.rdb")
    assert (one.keys, one.functions) == (0, 1)
    assert diff(opener(source), opener(tmp_path / "whole.rdb")).is_equal


def test_filters_choose_what_is_split_and_merged(tmp_path: Path) -> None:
    chosen = Selection(types="hash,zset", dbs=0)
    done = split(TYPES, f"{tmp_path}/{{type}}.rdb", way_of("type"), selection=chosen)
    assert {part.label: part.count for part in done.parts} == {"hash": 6, "zset": 4}
    assert (done.functions, done.functions_left_out) == (0, 1)
    sources = [(str(path), opener(path)) for path in (TYPES, CLUSTER)]
    one = merge(
        sources, tmp_path / "one.rdb", selection=Selection(types="hash", globs=b"hash:*"), on_conflict="first"
    )
    assert (one.keys, one.left_out["function"]) == (6, 2)


def test_there_must_be_something_to_merge(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as raised:
        merge([], tmp_path / "one.rdb")
    assert str(raised.value) == "there is no snapshot to merge"


def test_records_keep_their_bytes(tmp_path: Path) -> None:
    def raw(path: str | Path) -> set[tuple[bytes, bytes, int, bytes]]:
        with rdbcodec.open(path) as reader:
            entries = [record for record in reader if isinstance(record, Entry)]
        return {(entry.attribute_bytes, entry.name_bytes, entry.code, entry.raw) for entry in entries}

    done = parts_of(TYPES, tmp_path, "keys:10")
    assert set().union(*(raw(part.path) for part in done.parts)) == raw(TYPES)


def test_values_that_pass_by_are_split_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HELD", 4096)  # of all parts together
    done = split(lambda: rdbcodec.open(TYPES, max_value=200), f"{tmp_path}/{{part}}.rdb", way_of("slots:40"))
    one = merged([part.path for part in done.parts], tmp_path / "whole.rdb")
    assert (len(done.parts), one.keys) == (40, 94)
    assert diff(opener(TYPES), opener(tmp_path / "whole.rdb")).is_equal


# --- how a snapshot is split ------------------------------------------------------------------------


def test_each_part_has_the_slots_of_its_name_and_all_functions(tmp_path: Path) -> None:
    done = split(CLUSTER, f"{tmp_path}/part-{{slot}}.rdb", way_of("slots:0-99,100-8191,8192-"))
    names = [Path(part.path).name for part in done.parts]
    assert names == ["part-0-99.rdb", "part-100-8191.rdb", "part-8192-16383.rdb"]
    for part, (first, last) in zip(done.parts, ((0, 99), (100, 8191), (8192, 16383)), strict=True):
        with rdbcodec.open(part.path) as reader:
            records = list(reader)
        slots = {key_slot(record.key) for record in records if isinstance(record, Entry)}
        assert all(first <= slot <= last for slot in slots)
        assert len([record for record in records if isinstance(record, Function)]) == 1


def test_counts_of_keys_are_those_of_the_part(tmp_path: Path) -> None:
    done = split(TYPES, f"{tmp_path}/{{db}}.rdb", way_of("db"))
    assert {Path(part.path).name: dict(part.keys) for part in done.parts} == {
        "0.rdb": {0: 85},
        "1.rdb": {1: 3},
        "9.rdb": {9: 3},
        "15.rdb": {15: 3},
    }
    with rdbcodec.open(tmp_path / "9.rdb") as reader:
        told = [record[2:] for record in reader if isinstance(record, ResizeDb)]
    assert told == [(9, 3, 1)]


def test_a_prefix_becomes_a_name_that_every_file_system_takes(tmp_path: Path) -> None:
    keys = {
        "user:1": (b"v",),
        "user:2": (b"v",),
        "../x:1": (b"v",),
        "plain": (b"v",),
        "-:1": (b"v",),
        ":": (b"v",),
    }
    source = made(tmp_path / "in.rdb", keys)
    done = split(source, f"{tmp_path}/p-{{prefix}}.rdb", way_of("prefix"))
    assert [(Path(part.path).name, part.count) for part in done.parts] == [
        ("p-user.rdb", 2),
        ("p-..%2Fx.rdb", 1),
        ("p--.rdb", 1),
        ("p-%2D.rdb", 1),
        ("p-%.rdb", 1),
    ]
    by_slash = split(source, f"{tmp_path}/s-{{prefix}}.rdb", way_of("prefix:/"))
    assert [(part.label, part.count) for part in by_slash.parts] == [("-", 5), ("%2E%2E", 1)]


NODES = """\
07c3 10.0.0.1:6379@16379 master - 0 1 1 connected 0-5460 [5461->-e7d1]
e7d1 10.0.0.2:6379@16379,host myself,master - 0 1 2 connected 5461-10922 10925
9ab0 10.0.0.3:6379@16379 slave 07c3 0 1 3 connected
vars currentEpoch 3 lastVoteEpoch 0
"""


def test_the_slots_of_nodes_come_from_nodes_conf(tmp_path: Path) -> None:
    assert nodes_of(NODES) == [("07c3", 0, 5460), ("e7d1", 5461, 10922), ("e7d1", 10925, 10925)]
    (tmp_path / "nodes.conf").write_text(NODES)
    source = made(tmp_path / "in.rdb", {"{b}1": (b"v",), "{f}1": (b"v",)})  # slots 3300 and 3168
    done = split(source, f"{tmp_path}/{{node}}.rdb", way_of(f"nodes:{tmp_path}/nodes.conf"))
    assert [(part.label, part.count) for part in done.parts] == [("07c3", 2), ("e7d1", 0)]


def test_a_key_whose_slot_no_part_has_ends_the_split(tmp_path: Path) -> None:
    source = made(tmp_path / "in.rdb", {"{b}1": (b"v",)})
    with pytest.raises(rdbcodec.EncodeError, match=r"^slot 3300 has keys, and belongs to no part$"):
        split(source, f"{tmp_path}/{{slot}}.rdb", way_of("slots:0-99"))
    assert list(tmp_path.iterdir()) == [source]


@every(
    "way",
    [
        *("", "slot:4", "slots:", "slots:0", "slots:20000", "slots:5-3", "slots:0-9,9-12"),
        *("db:3", "size:big", "keys:0", "prefix:", "keys:-1"),
    ],
)
def test_a_way_that_is_none_is_refused(way: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no way|no range|no size|no number|two parts|separator"):
        way_of(way)


# --- whole or not at all ----------------------------------------------------------------------------


def test_all_parts_appear_or_none(tmp_path: Path) -> None:
    damaged = tmp_path / "cut.rdb"
    damaged.write_bytes(TYPES.read_bytes()[:-9])
    with pytest.raises(rdbcodec.Truncated):
        parts_of(damaged, tmp_path, "slots:3")
    assert list(tmp_path.iterdir()) == [damaged]
    (tmp_path / "part-3.rdb").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        split(TYPES, f"{tmp_path}/part-{{part}}.rdb", way_of("slots:3"), replace=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.rdb", "part-3.rdb"]
    assert (tmp_path / "part-3.rdb").read_bytes() == b"mine"


def test_the_input_is_never_a_part_of_itself(tmp_path: Path) -> None:
    source = made(tmp_path / "part-1.rdb", {"a": (b"v",)})
    before = source.read_bytes()
    done = run("split", source, "--by", "db", "-o", f"{tmp_path}/part-{{part}}.rdb", "--force")
    assert (done.returncode, done.stderr.decode()) == (
        4,
        f"{source}: is the input, which is never written over\n",
    )
    assert (source.read_bytes(), list(tmp_path.iterdir())) == (before, [source])


def test_parts_have_the_mode_of_the_input(tmp_path: Path) -> None:
    source = made(tmp_path / "in.rdb", {"a": (b"v",)})
    source.chmod(0o600)
    done = parts_of(source, tmp_path, "db")
    assert Path(done.parts[0].path).stat().st_mode & 0o777 == 0o600


def test_there_are_no_more_parts_than_slots(tmp_path: Path) -> None:
    keys = (pair(0, string(b"v"), b"%d" % at) for at in range(MAX_PARTS + 1))
    with pytest.raises(rdbcodec.EncodeError, match=r"^there would be more than 16,384 parts"):
        split(snapshot(*keys), f"{tmp_path}/{{part}}.rdb", way_of("keys:1"))
    assert list(tmp_path.iterdir()) == []


# --- merging ----------------------------------------------------------------------------------------


@pytest.fixture
def pair_of_files(tmp_path: Path) -> tuple[Path, Path]:
    first = {"a": (b"1", 5000), "only first": (b"1",), "c": (b"1",)}
    second = {"a": (b"2", 9000), "c": (b"2", 9000), "only second": (b"2",)}
    return (
        made(tmp_path / "1.rdb", first, function=LIBRARY),
        made(tmp_path / "2.rdb", second, function=LIBRARY),
    )


@pytest.mark.parametrize(
    ("on_conflict", "a", "c"), [("first", b"1", b"1"), ("last", b"2", b"2"), ("longest-ttl", b"2", b"1")]
)
def test_of_equal_keys_the_chosen_stays(
    on_conflict: str, a: bytes, c: bytes, pair_of_files: tuple[Path, Path], tmp_path: Path
) -> None:
    done = merged(pair_of_files, tmp_path / "out.rdb", on_conflict=on_conflict)
    assert values(tmp_path / "out.rdb") == {b"a": a, b"c": c, b"only first": b"1", b"only second": b"2"}
    assert (done.keys, done.conflicts, done.functions) == (4, 2, 1)
    assert_sound(tmp_path / "out.rdb")


def test_a_key_of_two_files_is_an_error_unless_it_is_said_which_stays(
    pair_of_files: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(rdbcodec.EncodeError) as caught:
        merged(pair_of_files, tmp_path / "out.rdb")
    assert str(caught.value) == (
        f"db 0, key b'a': the key is in an earlier file and in {pair_of_files[1]}, and so is 1 more key: "
        "on-conflict first, last or longest-ttl says which stays"
    )
    assert not (tmp_path / "out.rdb").exists()


def test_two_libraries_of_one_name_are_an_error(tmp_path: Path) -> None:
    files = [
        made(tmp_path / name, {name: (b"v",)}, function=LIBRARY + tail)
        for name, tail in (("1", b""), ("2", b" "))
    ]
    with pytest.raises(rdbcodec.EncodeError, match=r"two function libraries have the name 'lib'"):
        merged(files, tmp_path / "out.rdb")


def test_templates_of_one_id_keep_the_fields_of_their_hashes_apart(tmp_path: Path) -> None:
    def shard(name: bytes, fields: bytes) -> bytes:
        template = b"\xf2\x01\x01" + string(fields)
        return snapshot(template, b"\x20" + string(name) + b"\x01" + string(b"v"), magic=b"REDIS0015")

    files = [shard(b"one", b"f"), shard(b"two", b"g")]
    merge([(str(at), opener(data)) for at, data in enumerate(files)], tmp_path / "out.rdb")
    assert values(tmp_path / "out.rdb") == {b"one": {b"f": b"v"}, b"two": {b"g": b"v"}}


def test_files_of_two_versions_become_one_of_the_newest(tmp_path: Path) -> None:
    old, new = tmp_path / "old.rdb", tmp_path / "new.rdb"
    for path, to, key in ((old, "redis-6.2", b"old"), (new, "redis-7.2", b"new")):
        with rdbcodec.create(path, to=to) as writer:
            writer.write(key, rdbcodec.Hash({b"f": b"v"}))
    merged([old, new], tmp_path / "out.rdb")
    assert (tmp_path / "out.rdb").read_bytes()[:9] == b"REDIS0011"
    assert list(values(tmp_path / "out.rdb")) == [b"old", b"new"]


def test_files_of_two_dialects_need_a_server(tmp_path: Path) -> None:
    valkey = FOLDER / "valkey-9.1.2-hfe.rdb"
    with pytest.raises(rdbcodec.EncodeError, match=r"^the files are of redis and valkey: say for which"):
        merged([CLUSTER, valkey], tmp_path / "out.rdb")


# --- servers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["redis-7.0", "redis-8.10", "valkey-9.1"])
def test_parts_and_the_whole_load(name: str, pool: Pool, tmp_path: Path) -> None:
    source = made(tmp_path / "in.rdb", {f"key:{at}": (b"v%d" % at,) for at in range(100)}, function=LIBRARY)
    if name == "redis-7.0":
        rdbcodec.convert(source, tmp_path / "in10.rdb", to=name)
        source = tmp_path / "in10.rdb"
    server = pool(name)
    done = parts_of(source, tmp_path, "slots:3")
    for part in done.parts:
        server.load(Path(part.path).read_bytes())
        assert (server.command("DBSIZE"), len(server.command("FUNCTION", "LIST"))) == (part.count, 1)
    merged([part.path for part in done.parts], tmp_path / "whole.rdb")
    server.load((tmp_path / "whole.rdb").read_bytes())
    assert (server.command("DBSIZE"), server.command("GET", "key:77")) == (100, b"v77")


# --- the commands -----------------------------------------------------------------------------------


def test_the_reports_say_what_is_where(tmp_path: Path) -> None:
    done = run("split", CLUSTER, "--by", "slots:2", "-o", f"{tmp_path}/{{slot}}.rdb")
    first, second = tmp_path / "0-8191.rdb", tmp_path / "8192-16383.rdb"
    assert done.stdout.decode().splitlines()[-1] == (
        f"{CLUSTER}: 85 keys in 2 parts, 1 function library in each"
    )
    out = tmp_path / "all.rdb"
    done = run("merge", first, second, "-o", out)
    assert done.stdout.decode().splitlines() == [
        f"{out}: 85 keys of 2 files",
        "  1 function library, each once",
        "  left out: slot-info (85)",
        "  slots: 85 of 16,384 have keys, none in two files",
    ]
    told = run("split", out, "--by", "keys:50", "-o", f"{tmp_path}/k{{part}}.rdb", "--format", "json")
    assert [(part["part"], part["keys"]) for part in json.loads(told.stdout)["parts"]] == [
        ("1", 50),
        ("2", 35),
    ]
    told = run("merge", first, out, "-o", "-", "--on-conflict", "first")
    assert next(iter(rdbcodec.open(io.BytesIO(told.stdout)))).raw == b"REDIS0012"
    assert b"slots: 85 of 16,384 have keys, " in told.stderr


def test_a_pattern_without_a_field_is_a_usage_error(tmp_path: Path) -> None:
    done = run("split", TYPES, "--by", "db", "-o", tmp_path / "x.rdb")
    assert done.returncode == 2
    assert b"would be the name of every part: put {db} or {part} in it" in done.stderr


def test_hidden_keys_are_in_no_name_of_a_file(tmp_path: Path) -> None:
    words = ("split", TYPES, "--by", "prefix", "--hide-keys", "-o")
    assert run(*words, f"{tmp_path}/{{prefix}}.rdb").returncode == 2
    assert run(*words, f"{tmp_path}/{{part}}.rdb").returncode == 0
