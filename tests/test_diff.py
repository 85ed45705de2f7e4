"""Two snapshots hold the same data, or it is said what does not: whatever version, layout and order."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cases import every
from ways import DISTINCT, SNAPSHOTS

import rdbcodec
from rdbcodec import Hash, List, Selection, Set, Stream, StreamEntry, StreamId, ZSet
from rdbcodec.cli.main import main
from rdbcodec.tools.changes import Change
from rdbcodec.tools.diff import Comparison, Difference, Terms, diff

FIXTURES = Path(__file__).parent.parent / "fixtures"
TARGETS = ("redis-2.8", "redis-6.2", "redis-7.2", "redis-8.2", "redis-8.10", "valkey-9.1")
# Losses after which a key is not there, is there and not the same, or something beside the keys is not.
LOST = {"module", "database"}
CHANGED = {"field-ttl", "nacked", "idempotence"}
BESIDE = {"function", "module-aux"}
NOT_COMPARED = {"stream-metadata", "consumer-active-time"}  # reading a stream changes them

Keys = Iterable[tuple[Any, ...]]  # key, value and perhaps database and expiry


def snapshot(keys: Keys, **how: Any) -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, duplicates="allow", **how) as writer:
        for key, value, *rest in keys:
            writer.write(key, value, **dict(zip(("db", "expires_at_ms"), rest, strict=False)))
    return out.getvalue()


def compared(
    before: bytes, after: bytes, *, max_value: int = 1 << 20, most: int = 20, **terms: Any
) -> Comparison:
    def opener(data: bytes) -> Callable[[], rdbcodec.Reader]:
        return lambda: rdbcodec.open(data, max_value=max_value)

    return diff(opener(before), opener(after), Terms(**terms), most=most)


# --- equal ------------------------------------------------------------------------------------------

STREAM = Stream(3, [StreamEntry(StreamId(5, 0), [(b"f", b"v")])], 1, StreamId(5, 0))
EXPIRING = Hash({b"f%d" % at: b"v" for at in range(9)})
EXPIRING.expires_at_ms = {b"f3": 1893456000000}
DATA: list[tuple[Any, ...]] = [
    (b"string", b"text", 0, 1893456000000),
    (b"number", b"12345"),
    (b"list", List([b"b", b"a", b"b"])),
    (b"set", Set([b"1", b"2", b"3"])),
    (b"words", Set([b"%d words" % at for at in range(200)])),
    (b"zset", ZSet({b"a": 1.5, b"b": float("-inf"), b"c": 0.0})),
    (b"hash", Hash({b"f": b"v", b"g": b"w" * 100})),
    (b"stream", STREAM),
    (b"string", b"of another database", 3),
]


def other_way_round(value: Any) -> Any:
    if isinstance(value, (Set, ZSet, Hash)):
        pairs = list(value.items()) if isinstance(value, dict) else list(value)
        return type(value)(pairs[::-1])  # type: ignore[arg-type]
    return value


@pytest.mark.parametrize("release", ["redis-5.0", "redis-6.2", "redis-7.0", "redis-8.10", "valkey-9.1"])
def test_version_layout_and_order_do_not_count(release: str) -> None:
    there = [(key, other_way_round(value), *rest) for key, value, *rest in DATA[::-1]]
    found = compared(snapshot(DATA, to="redis-7.2"), snapshot(there, to=release, simplest=True))
    assert (found.is_equal, found.keys, found.equal, found.differences) == (True, (9, 9), 9, [])


def test_the_distinct_snapshots_have_every_type_and_record_of_all() -> None:
    def names(path: Path) -> set[tuple[str, str]]:
        with rdbcodec.open(path) as reader:
            types = {record.row.name for record in reader if isinstance(record, rdbcodec.Entry)}
            return {(reader.dialect, name) for name in (*types, *reader.opcodes)}

    assert set().union(*map(names, DISTINCT)) == set().union(*map(names, SNAPSHOTS))


@pytest.mark.once
@every("target", TARGETS)
@every("path", DISTINCT, ids=lambda path: path.name)
def test_a_conversion_differs_by_the_losses_it_reports(path: Path, target: str, tmp_path: Path) -> None:
    """Keys that are lost are missing, those that lost something are changed, and there is nothing else."""
    out = tmp_path / "out.rdb"
    done = rdbcodec.convert(path, out, to=target, allow_loss=True, ignore_tail=True)
    found = diff(lambda: rdbcodec.open(path), lambda: rdbcodec.open(out), most=1000)
    losses = {loss.kind: loss.times for loss in done.losses}
    lost = {kind for kind in losses if kind.startswith("type-")} | LOST & losses.keys()
    assert losses.keys() <= lost | CHANGED | BESIDE | NOT_COMPARED
    assert (found.missing, found.extra) == (sum(losses[kind] for kind in lost), 0)
    assert found.changed == sum(losses.get(kind, 0) for kind in CHANGED)
    assert len(found.functions) == losses.get("function", 0)
    assert bool(found.modules) is ("module-aux" in losses)
    assert len(found.differences) == found.missing + found.changed


def test_what_modules_saved_beside_the_keys_is_compared_where_all_keys_are() -> None:
    path = next(path for path in DISTINCT if path.name == "redis-7.2.6-modules.rdb")
    data = path.read_bytes()
    damaged = data.replace(b"before-aux", b"changed-it")
    assert damaged != data

    def opener(raw: bytes) -> Callable[[], rdbcodec.Reader]:
        return lambda: rdbcodec.open(raw, verify_checksum=False)

    found = diff(opener(data), opener(damaged))
    assert (found.is_equal, found.modules, found.changed) == (False, ["test__rdb"], 0)
    assert diff(opener(data), opener(damaged), Terms(ignore=frozenset({"modules"}))).is_equal
    assert diff(opener(data), opener(damaged), Terms(selection=Selection(dbs=">=0"))).is_equal


@pytest.mark.parametrize("max_value", [1 << 20, 600])
def test_values_that_pass_by_compare_as_those_that_are_held(max_value: int) -> None:
    many = [b"element %d" % at for at in range(300)]
    entries = [StreamEntry(StreamId(at, 1), [(b"field", b"%d" % at * 9)]) for at in range(1, 90)]
    expiring = Hash(dict.fromkeys(many, b"v"))
    expiring.expires_at_ms = {many[7]: 1893456000000}
    keys: Keys = [
        (b"list", List(many)),
        (b"set", Set(many)),
        (b"zset", ZSet({name: float(at) for at, name in enumerate(many)})),
        (b"hash", Hash(dict.fromkeys(many, b"v"))),
        (b"expiring", expiring),
        (b"stream", Stream(3, entries, len(entries), entries[-1].id)),
        (b"string", os.urandom(2000)),
    ]
    here = snapshot(keys, to="redis-8.2")
    there = snapshot([(key, other_way_round(value)) for key, value in keys if value is not expiring])
    apart = compared(here, there, max_value=max_value)
    assert [(one.kind, one.key) for one in apart.differences] == [("missing", b"expiring")]
    expiring.expires_at_ms[many[7]] += 1
    there = snapshot(keys, to="redis-8.2")
    apart = compared(here, there, max_value=max_value)
    assert [(one.key, one.what) for one in apart.differences] == [(b"expiring", ("ttl",))]
    assert compared(here, there, max_value=max_value, ttl_tolerance_ms=1).is_equal


# --- not equal --------------------------------------------------------------------------------------


def test_one_changed_byte_of_one_element_is_found() -> None:
    fields = {b"field %d" % at: b"value" for at in range(1000)}
    before = [(b"key %d" % at, b"value") for at in range(5000)]
    here = snapshot([*before, (b"hash", Hash(fields))])
    there = snapshot([(b"hash", Hash({**fields, b"field 777": b"valuf"})), *before])
    (one,) = compared(here, there).differences
    assert one == Difference(
        "changed", 0, b"hash", "hash", ("value",), (Change("field", b"field 777", b"value", b"valuf"),)
    )


CHANGES: dict[str, tuple[Any, Any, list[Change]]] = {
    "string": (b"a", b"b", [Change("value", "", b"a", b"b")]),
    "list": (
        List([b"a", b"b", b"c"]),
        List([b"a", b"x"]),
        [Change("length", "", 3, 2), Change("element", 1, b"b", b"x")],
    ),
    "set": (
        Set([b"a", b"b"]),
        Set([b"a", b"c"]),
        [Change("member", b"b", b"", None), Change("member", b"c", None, b"")],
    ),
    "zset": (ZSet({b"a": 1.0}), ZSet({b"a": 2.0}), [Change("member", b"a", 1.0, 2.0)]),
    "stream": (
        STREAM,
        Stream(3, [StreamEntry(StreamId(5, 0), [(b"f", b"w")])], 1, StreamId(6, 0)),
        [
            Change("entry", "5-0", [(b"f", b"v")], [(b"f", b"w")]),
            Change("last ID", "", "5-0", "6-0"),
        ],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_inside_is_told(name: str) -> None:
    before, after, inside = CHANGES[name]
    (one,) = compared(snapshot([(b"k", before)]), snapshot([(b"k", after)])).differences
    assert (one.type, one.what, list(one.inside or ())) == (name, ("value",), inside)


def test_missing_extra_and_changed_keys_come_in_the_order_of_the_files() -> None:
    here = snapshot([(b"z", b"1"), (b"same", b"s"), (b"a", List([b"1"])), (b"m", b"1", 2)])
    there = snapshot([(b"new", b"1"), (b"a", b"1"), (b"same", b"s"), (b"m", b"1", 3), (b"z", b"2")])
    found = compared(here, there)
    assert [(one.kind, one.db, one.key, one.what) for one in found.differences] == [
        ("changed", 0, b"z", ("value",)),
        ("changed", 0, b"a", ("type",)),
        ("missing", 2, b"m", ()),
        ("extra", 0, b"new", ()),
        ("extra", 3, b"m", ()),
    ]
    assert (found.equal, found.missing, found.extra, found.changed) == (1, 1, 2, 2)
    assert len(compared(here, there, most=2).differences) == 2


def test_a_key_that_is_there_twice_is_extra_once() -> None:
    found = compared(snapshot([(b"k", b"1")]), snapshot([(b"k", b"1"), (b"k", b"1")]))
    assert (found.equal, found.extra) == (1, 1)


def test_expiries_within_the_tolerance_are_the_same() -> None:
    here, there = (snapshot([(b"k", b"v", 0, at_ms)]) for at_ms in (5000, 7000))
    assert compared(here, there).differences[0].expires_at_ms == (5000, 7000)
    assert not compared(here, there, ttl_tolerance_ms=1999).is_equal
    assert compared(here, there, ttl_tolerance_ms=2000).is_equal
    assert not compared(here, snapshot([(b"k", b"v")]), ttl_tolerance_ms=1 << 62).is_equal
    assert compared(here, snapshot([(b"k", b"v")]), ignore=frozenset({"ttl"})).is_equal


def test_a_field_that_no_longer_expires_is_a_difference() -> None:
    here = snapshot([(b"h", EXPIRING)], to="redis-8.2")
    there = snapshot([(b"h", Hash(EXPIRING))], to="redis-8.2")
    (one,) = compared(here, there).differences
    assert (one.what, one.inside) == (("ttl",), (Change("expiry of", b"f3", 1893456000000, None),))
    assert compared(here, there, ignore=frozenset({"ttl"})).is_equal


def test_what_has_expired_is_no_difference() -> None:
    here = snapshot([(b"gone", b"v", 0, 1000), (b"k", b"v")])
    found = compared(here, snapshot([(b"k", b"v")]), now_ms=1000)
    assert (found.is_equal, found.missing, found.missing_expired) == (True, 1, 1)
    assert not compared(here, snapshot([(b"k", b"v")]), now_ms=999).is_equal
    assert compared(snapshot([(b"k", b"v")]), here, now_ms=1000).is_equal


def test_databases_and_names_of_the_first_may_be_others_in_the_second() -> None:
    here = snapshot([(b"k", b"v", 3), (b"l", b"w")])
    there = snapshot([(b"3:k", b"v"), (b"l", b"w")])
    assert compared(
        here, there, map_db={3: 0}, rename=lambda db, key: b"3:" + key if db == 3 else key
    ).is_equal


def test_function_libraries_count_unless_they_are_ignored() -> None:
    code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.0") as writer:
        writer.write_function(code)
    empty = snapshot([], to="redis-7.0")
    assert compared(out.getvalue(), empty).functions == [b"lib"]
    assert compared(out.getvalue(), empty, ignore=frozenset({"functions"})).is_equal
    with pytest.raises(ValueError, match="ignore is 'functoins', expected ttl or functions"):
        compared(empty, empty, ignore=frozenset({"functoins"}))


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.rdb").write_bytes(
        snapshot([(b"user:1", Hash({b"plan": b"free"})), (b"old", b"v", 0, 1000), (b"k", b"v")])
    )
    Path("b.rdb").write_bytes(snapshot([(b"k", b"v"), (b"user:1", Hash({b"plan": b"pro"}))]))
    return tmp_path


def test_the_report_says_where_and_not_what(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "a.rdb", "b.rdb"]) == 1
    assert capsys.readouterr().out == (
        "NOT EQUAL: a.rdb, b.rdb\n"
        "  compared  3 keys and 2 keys\n"
        "  equal     1 key\n"
        "  missing   1 key, all expired by now\n"
        "  changed   1 key\n"
        "  ~ db 0 key b'user:1' (hash): value\n"
        "      field plan changed\n"
        "  - db 0 key b'old' (string)\n"
    )


def test_values_are_shown_on_request_and_keys_hidden(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "a.rdb", "b.rdb", "--show-values"]) == 1
    assert "      field plan: free -> pro\n" in capsys.readouterr().out
    assert main(["diff", "a.rdb", "b.rdb", "--show-values", "--hide-keys"]) == 1
    shown = capsys.readouterr().out
    assert "  ~ db 0 (hash): value\n" in shown
    assert not {"user", "plan", "free"} & set(shown.replace(":", " ").split())


def test_equal_snapshots_are_an_exit_code_of_0(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "a.rdb", "b.rdb", "--key", "k"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "EQUAL: a.rdb, b.rdb"


def test_programs_get_one_document(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "a.rdb", "b.rdb", "--format", "json", "-n", "1", "--show-values"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "first": "a.rdb",
        "second": "b.rdb",
        "equal": False,
        "keys": [3, 2],
        "same": 1,
        "missing": 1,
        "missing_expired": 1,
        "extra": 0,
        "extra_expired": 0,
        "changed": 1,
        "functions": [],
        "modules": [],
        "differences": [
            {
                "kind": "changed",
                "db": 0,
                "key": "user:1",
                "type": "hash",
                "what": ["value"],
                "expires_at": [None, None],
                "inside": [{"what": "field", "name": "plan", "before": "free", "after": "pro"}],
            }
        ],
    }


def test_names_and_databases_are_mapped_on_the_command_line(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.rdb").write_bytes(snapshot([(b"k", b"v", 3)]))
    Path("d.rdb").write_bytes(snapshot([(b"three:k", b"v")]))
    assert main(["diff", "c.rdb", "d.rdb", "--map-db", "3=0", "--rename", "^(.*)$=three:\\1"]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["diff", "c.rdb", "d.rdb", "--rename", "(=x"])
    assert "argument --rename: '(' is not a regular expression" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("second", "code", "says"),
    [
        ("-", 2, "diff needs files: what differs is read a second time, and a pipe is read once"),
        ("none.rdb", 4, "none.rdb: No such file or directory"),
        ("cut.rdb", 3, "cut.rdb: offset 9: the file ends inside a record"),
    ],
)
def test_what_cannot_be_compared_is_said(
    second: str, code: int, says: str, pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cut.rdb").write_bytes(Path("a.rdb").read_bytes()[:9])
    assert main(["diff", "a.rdb", second]) == code
    assert says in capsys.readouterr().err


def test_data_behind_a_snapshot_is_not_taken_for_compared(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("twice.rdb").write_bytes(Path("a.rdb").read_bytes() * 2)
    assert main(["diff", "a.rdb", "twice.rdb"]) == 1
    assert "another snapshot" in capsys.readouterr().err
    assert main(["diff", "a.rdb", "twice.rdb", "--ignore-tail"]) == 0
