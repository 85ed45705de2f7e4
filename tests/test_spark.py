"""The data source of Spark without Spark: what it is given, what it pushes down, what comes out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rdbcodec

pytest.importorskip("pyarrow")


@dataclass(frozen=True)
class Filter:
    """What pyspark 4.3 gives: a column as a tuple of names, and a value."""

    attribute: tuple[str, ...]
    value: Any


class EqualTo(Filter):
    pass


class In(Filter):
    pass


class StringStartsWith(Filter):
    pass


class GreaterThan(Filter):
    pass


class DataSource:
    def __init__(self, options: dict[str, str]) -> None:
        self.options = options


class DataSourceReader:
    pass


@dataclass
class InputPartition:
    value: Any


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """rdbcodec.spark, with the classes of pyspark that it builds on."""
    module = ModuleType("pyspark.sql.datasource")
    for kind in (DataSource, DataSourceReader, EqualTo, In, InputPartition, StringStartsWith):
        setattr(module, kind.__name__, kind)
    for name in ("pyspark", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "pyspark.sql.datasource", module)
    monkeypatch.delitem(sys.modules, "rdbcodec.spark", raising=False)
    from rdbcodec import spark  # noqa: PLC0415 - only where its base classes are

    yield spark
    sys.modules.pop("rdbcodec.spark", None)


@pytest.fixture
def shards(tmp_path: Path) -> str:
    for number in range(2):
        with rdbcodec.create(tmp_path / f"shard{number}.rdb", to="redis-7.2") as writer:
            writer.write(b"user:%d" % number, b"x", expires_at_ms=1_800_000_000_000)
            writer.write(b"cart:%d" % number, {b"f": b"v"}, freq=3)
    return str(tmp_path / "shard*.rdb")


def rows(reader: Any) -> list[dict[str, Any]]:
    return [row for part in reader.partitions() for batch in reader.read(part) for row in batch.to_pylist()]


def test_a_file_is_a_partition_and_its_name_a_column(spark: Any, shards: str) -> None:
    reader = spark.RdbDataSource({"path": shards}).reader(None)
    found = rows(reader)
    assert [Path(row["file"]).name for row in found] == ["shard0.rdb"] * 2 + ["shard1.rdb"] * 2
    assert [row["key_text"] for row in found] == ["user:0", "cart:0", "user:1", "cart:1"]
    assert found[1]["freq"] == 3


def test_the_schema_is_that_of_the_columns_asked_for(spark: Any, shards: str) -> None:
    source = spark.RdbDataSource({"path": shards, "table": "elements", "columns": "key, field,value"})
    assert source.schema() == "file string, key binary, field binary, value binary"
    assert [row["field"] for row in rows(source.reader(None))] == [None, b"f", None, b"f"]
    assert "expires_at timestamp" in spark.RdbDataSource({"path": shards}).schema()


def test_a_column_that_is_none_is_said(spark: Any, shards: str) -> None:
    with pytest.raises(ValueError, match="'score' is no column of this table: db, key, key_text"):
        spark.RdbDataSource({"path": shards, "columns": "score"}).schema()


def test_the_extra_is_named_where_pyarrow_is_not(
    spark: Any, shards: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"^tables need the extra arrow"):
        spark.RdbDataSource({"path": shards}).schema()


def test_filters_become_those_of_the_reader(spark: Any, shards: str) -> None:
    assert not hasattr(spark.RdbDataSource({"path": shards}).reader(None), "pushFilters")
    reader = spark.RdbDataSource({"path": shards, "pushFilters": "true"}).reader(None)
    begins = StringStartsWith(("key_text",), "cart:")
    left = [GreaterThan(("memory",), 1), EqualTo(("db",), None), EqualTo(("type", "x"), "hash")]
    told = [EqualTo(("type",), "hash"), In(("db",), (0, 1)), begins, *left]
    assert list(reader.pushFilters(told)) == [begins, *left]
    assert reader.filters == {"types": ["hash"], "dbs": [0, 1], "prefixes": [b"cart:"]}
    assert [row["key"] for row in rows(reader)] == [b"cart:0", b"cart:1"]


def test_a_file_that_cannot_be_read_ends_the_query_or_is_left_out(
    spark: Any, shards: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Path(shards.replace("*", "1"))
    bad.write_bytes(bad.read_bytes()[:-20])
    with pytest.raises(rdbcodec.RdbError, match=r"shard1\.rdb: offset .*: the file ends inside a record"):
        rows(spark.RdbDataSource({"path": shards}).reader(None))
    found = rows(spark.RdbDataSource({"path": shards, "badFiles": "skip"}).reader(None))
    assert [row["key_text"] for row in found][:2] == ["user:0", "cart:0"]
    assert f"{bad}: left out from here on: offset" in caplog.text
    with pytest.raises(ValueError, match="badFiles is 'ignore', expected fail or skip"):
        spark.RdbDataSource({"path": shards, "badFiles": "ignore"}).reader(None)
