"""Tables: what stands in their columns, as Arrow, Parquet and through SQL."""

from __future__ import annotations

import datetime as dt
import gc
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import run

import rdbcodec
from rdbcodec.facts import entry_columns
from rdbcodec.facts.slots import key_slot

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
duckdb = pytest.importorskip("duckdb")

TYPES = "fixtures/snapshots/redis-8.0.6-types.rdb"
FIELDS = "fixtures/snapshots/redis-8.0.6-hfe.rdb"


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = str(tmp_path / "small.rdb")
    with rdbcodec.create(path, to="redis-7.2") as writer:
        writer.write(b"greeting", b"hello", expires_at_ms=1_800_000_000_123)
        writer.write(b"\xff{tag}", [b"a", b"b"], idle=7)
        writer.write(b"board", rdbcodec.ZSet({b"ann": 1.5}), db=3)
        writer.write(b"h", {b"f": b"v"}, db=3)
        writer.write(b"s", {b"m"}, db=3)
    return path


def rows(source: Any, table: Any = "keys", **how: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rdbcodec.to_arrow(source, table, **how).read_all().to_pylist()
    return found


def test_a_key_is_a_row(small: str) -> None:
    first, second, *_ = rows(small)
    assert {name: first[name] for name in ("db", "key", "key_text", "type", "encoding", "elements")} == {
        "db": 0,
        "key": b"greeting",
        "key_text": "greeting",
        "type": "string",
        "encoding": "string",
        "elements": 1,
    }
    assert first["expires_at"] == dt.datetime(2027, 1, 15, 8, 0, 0, 123000, dt.timezone.utc)
    assert (first["idle_s"], first["freq"]) == (None, None)
    assert (second["key"], second["key_text"], second["idle_s"]) == (b"\xff{tag}", None, 7)
    assert second["slot"] == rows(small)[1]["slot"] == 8338


def test_slots_of_many_are_those_of_each() -> None:
    names = [b"%d" % number for number in range(300)]
    tagged = [b"a{1}", b"{}b", b"{c", b"}{d}", b"{{e}}", b""]
    for keys in (names, [*names, *tagged]):
        assert list(entry_columns.slots(keys)) == list(map(key_slot, keys))


NAMES = [b"", b"plain", "na\u00efve".encode(), "\u20ac".encode(), b"\xff", b"cut\xe2\x82", b"\xac"]


@pytest.mark.parametrize("names", [NAMES, NAMES[:4], NAMES[:2], NAMES[5:]])
def test_a_name_that_is_no_utf_8_has_no_text(names: list[bytes], tmp_path: Path) -> None:
    path = str(tmp_path / "names.rdb")
    with rdbcodec.create(path, to="redis-7.2") as writer:
        for name in names:
            writer.write(name, b"value")
    texts = {row["key"]: row["key_text"] for row in rows(path)}
    assert texts == {name: _text(name) for name in names}


def _text(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("table", ["keys", "elements"])
def test_batches_are_sound_and_import_neither_pandas_nor_compute(table: Any) -> None:
    code = f"""
import io, sys, rdbcodec
from rdbcodec.exports.columnar.parquet import write_file
batches = [*rdbcodec.to_arrow({TYPES!r}, {table!r})]
for batch in batches:
    batch.validate(full=True)
write_file(batches, io.BytesIO(), {table!r})
print([name for name in ("pandas", "pyarrow.compute", "pyarrow.dataset") if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_bytes_and_memory_are_those_of_top(small: str) -> None:
    with rdbcodec.open(small) as snapshot:
        sizes = [record.serialized_size for record in snapshot if isinstance(record, rdbcodec.Entry)]
    told = rows(small, server=rdbcodec.Server.of("redis-8.2"))
    assert [row["bytes"] for row in told] == sizes
    top = {key.key: key.memory for key in rdbcodec.top(small, server=rdbcodec.Server.of("redis-8.2"))}
    assert {row["key"]: row["memory"] for row in told} == top


def test_every_element_is_a_row(small: str) -> None:
    told = [
        {name: value for name, value in row.items() if value is not None} for row in rows(small, "elements")
    ]
    assert told == [
        {"db": 0, "key": b"greeting", "type": "string", "value": b"hello"},
        {"db": 0, "key": b"\xff{tag}", "type": "list", "index": 0, "value": b"a"},
        {"db": 0, "key": b"\xff{tag}", "type": "list", "index": 1, "value": b"b"},
        {"db": 3, "key": b"board", "type": "zset", "value": b"ann", "score": 1.5},
        {"db": 3, "key": b"h", "type": "hash", "field": b"f", "value": b"v"},
        {"db": 3, "key": b"s", "type": "set", "value": b"m"},
    ]


def test_the_tables_hold_what_the_values_hold() -> None:
    for path in (TYPES, FIELDS):
        with rdbcodec.open(path) as snapshot:
            entries = [
                (record.key, record.value()) for record in snapshot if isinstance(record, rdbcodec.Entry)
            ]
        hashes = {key: dict(value) for key, value in entries if isinstance(value, rdbcodec.Hash)}
        found: dict[bytes, dict[bytes, bytes]] = {key: {} for key in hashes}
        for row in rows(path, "elements"):
            if row["type"] == "hash":
                found[row["key"]][row["field"]] = row["value"]
        assert found == hashes
        assert len(rows(path)) == len(entries)


def test_places_of_an_array_go_up_to_64_bits() -> None:
    table = rdbcodec.to_arrow("fixtures/snapshots/redis-8.10.2-new.rdb", "elements").read_all()
    places = [row["index"] for row in table.to_pylist() if row["type"] == "array"]
    assert max(places) == 2**64 - 2


def test_fields_of_a_stream_have_the_id_of_their_entry() -> None:
    first = next(row for row in rows(TYPES, "elements") if row["type"] == "stream")
    assert first["stream_id"].count("-") == 1
    assert first["field"] is not None


def test_a_reader_that_is_given_up_closes_its_file(small: str) -> None:
    reader = rdbcodec.to_arrow(small)
    reader.read_next_batch()
    del reader
    gc.collect()  # a file that was left open is an error of the session


def test_what_reading_raises_comes_out_of_the_batches(tmp_path: Path, small: str) -> None:
    data = Path(small).read_bytes()
    with pytest.raises(rdbcodec.Truncated):
        rows(data[:-20])


# --- Parquet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["keys", "elements"])
def test_parquet_holds_the_table(small: str, table: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "t.parquet")
    assert run("dump", small, "--format", "parquet", "--table", table, "-o", out).returncode == 0
    assert pq.read_table(out).to_pylist() == rows(small, table)


def test_parquet_goes_through_a_pipe(small: str) -> None:
    done = run("dump", small, "--format", "parquet")
    assert pq.read_table(pa.BufferReader(done.stdout)).num_rows == 5


def test_a_folder_of_partitions_appears_whole_or_not_at_all(small: str, tmp_path: Path) -> None:
    out = tmp_path / "by"
    words = ("--format", "parquet", "--partition", "db,type", "-o", out)
    assert run("dump", small, *words).returncode == 0
    assert sorted(str(path.parent.relative_to(out)) for path in out.rglob("*.parquet")) == [
        "db=0/type=list",
        "db=0/type=string",
        "db=3/type=hash",
        "db=3/type=set",
        "db=3/type=zset",
    ]
    assert pq.read_table(out).num_rows == 5
    again = run("dump", small, *words)
    assert (again.returncode, again.stderr.decode()) == (4, f"{out}: exists already: give a new folder\n")
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(Path(small).read_bytes()[:-20])
    other = tmp_path / "other"
    assert run("dump", cut, *words[:-1], other).returncode == 3
    assert [path.name for path in tmp_path.iterdir() if "other" in path.name] == []


def test_a_folder_of_partitions_is_made_here(small: str) -> None:
    done = run("dump", small, "--format", "parquet", "--partition", "db", "-o", "az://c/by")
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr == b"az://c/by: a folder is written to files, not to URLs\n"
    assert not Path("az:").exists()


def test_filters_choose_and_names_can_be_hidden(small: str, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    run("dump", small, "--format", "parquet", "--db", "3", "--hide-keys", "-o", out)
    assert pq.read_table(out).column("key").to_pylist() == [b"key#1", b"key#2", b"key#3"]


def test_wrong_flags_are_said(small: str, tmp_path: Path) -> None:
    for words, says in {
        ("--table", "keys"): "--table and --partition go with --format parquet",
        ("--format", "parquet", "--partition", "db"): "--partition writes a folder: name it with -o FOLDER",
        ("--format", "parquet", "--partition", "dbs", "-o", "x"): "argument --partition: 'dbs' is no column",
    }.items():
        done = run("dump", small, *words)
        assert done.returncode == 2
        assert says in done.stderr.decode()


# --- SQL --------------------------------------------------------------------------------------------


def test_sql_asks_all_files(small: str) -> None:
    query = "select type, count(*) n, max(elements) most from keys group by 1 order by 1"
    done = run("sql", small, small, query)
    assert done.stdout.decode() == (
        "  type    n  most\n"
        "  hash    2     1\n"
        "  list    2     2\n"
        "  set     2     1\n"
        "  string  2     1\n"
        "  zset    2     1\n"
    )


def test_sql_joins_keys_and_elements(small: str) -> None:
    query = "select key_text, value from keys join elements using (key) where field = 'f'"
    assert run("sql", small, query, "--format", "csv").stdout == b"key_text,value\nh,v\n"
    assert run("sql", small, query, "--format", "ndjson").stdout == b'{"key_text": "h", "value": "v"}\n'


def test_a_wrong_query_is_a_wrong_usage_and_a_damaged_file_is_one(small: str, tmp_path: Path) -> None:
    done = run("sql", small, "selec")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Parser Error")
    cut = tmp_path / "cut.rdb"
    cut.write_bytes(Path(small).read_bytes()[:-20])
    done = run("sql", cut, "select count(*) from keys")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(f"{cut}: ".encode())


# --- the examples of the docs, and what other tools find in the tables --------------------------------

PAGE = Path(__file__).parent.parent / "docs" / "tables.md"
BLOCKS = re.findall(r"```py\n(.*?)```", PAGE.read_text(), re.DOTALL)
EXAMPLES = [code for code in BLOCKS if "import rdbcodec\n" in code]


@pytest.mark.parametrize("code", EXAMPLES, ids=["duckdb", "polars", "pandas"])
def test_examples_print_what_they_say(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("duckdb", "polars", "pandas"):
        if package in code:
            pytest.importorskip(package)
    exec(compile(code, str(PAGE), "exec"), {})  # noqa: S102 - our own page
    expected = "".join(f"{line}\n" for line in re.findall(r"^# (.*)$", code, re.MULTILINE))
    assert capsys.readouterr().out == expected


def test_duckdb_answers_as_our_own_reports_do(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.rdb")
    with rdbcodec.create(path, to="redis-7.2") as writer:
        for number in range(60):
            writer.write(
                b"user:%d" % number, b"x" * number, expires_at_ms=1_900_000_000_000 + number * DAY // 20
            )
            writer.write(b"cart:%d" % number, {b"item": b"%d" % number})
    counted = rdbcodec.stat(path, by=("prefix", "type"), now_ms=1_800_000_000_000)
    ask = duckdb.connect()
    keys = rdbcodec.to_arrow(path)
    ask.register("read_once", keys)
    ask.execute("create table keys as select * from read_once")
    for aspect, of in (("prefix", "split_part(key_text, ':', 1) || ':'"), ("type", "type::varchar")):
        columns = f"{of}, count(*), sum(elements), sum(bytes)"
        told = ask.execute(f"select {columns} from keys group by 1").fetchall()  # noqa: S608 - our own words
        assert {row[0]: tuple(map(int, row[1:])) for row in told} == {
            name: (usage.keys, usage.elements, usage.disk) for name, usage in counted.by[aspect].items()
        }
    days = "select expires_at::date, count(*) from keys where expires_at is not null group by 1 order by 1"
    assert [count for _, count in ask.execute(days).fetchall()] == [6, 20, 20, 14]
    slots = dict(ask.execute("select slot, count(*) from keys group by 1").fetchall())
    names = [b"user:%d" % n for n in range(60)] + [b"cart:%d" % n for n in range(60)]
    assert slots == Counter(map(key_slot, names))


DAY = 86_400_000
