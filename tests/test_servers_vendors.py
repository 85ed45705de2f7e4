"""Real servers agree with the verdicts on records of vendors and modules, as they are and converted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from odd import ODD
from servers import SERVERS, module, program
from test_compat_servers import keys_loaded
from ways import pair, snapshot, string

import rdbcodec
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import Verdict, check
from rdbcodec.facts.profile import profile

KEY = pair(0, b"\x01v")
SCDTYPE = bytes.fromhex("f781b1c76dca97b4d001020100"), bytes.fromhex("f781b1c76dca97b4d0010202020000")
FT_INDEX = bytes.fromhex("f7817edfe29dd7b1d0170201020000")
# What Redis Stack 7.4 without an index writes around the keys, under a header that 7.0 reads as well.
STACK = snapshot(SCDTYPE[0], FT_INDEX, KEY, SCDTYPE[1], magic=b"REDIS0010")
CODE = b"redis.register_function('f', function() return 1 end)"
PRE_GA = snapshot(b"\xf6" + string(b"lib") + string(b"LUA") + b"\x00" + string(CODE), KEY, magic=b"REDIS0010")
ENTERPRISE = snapshot(b"\x79\x05", b"\x6b\x05", KEY, magic=b"REDIS0009")


def verdict_of(data: bytes, name: str, told: dict[str, Any]) -> Verdict:
    with rdbcodec.open(data) as reader:
        facts = profile(reader, now_ms=0, duplicates=True, values=True)
    return check(facts, find(name), Circumstances(**told))


def converted(data: bytes, name: str) -> bytes:
    made = io.BytesIO()
    rdbcodec.convert(data, made, to=name)
    return made.getvalue()


def expect(name: str, data: bytes, loads: str, folder: Path, *options: str, **told: Any) -> None:
    """The verdict, and what the server does with the file and with what a conversion makes of it."""
    program(name)  # a skip comes before the first start
    assert verdict_of(data, name, told).loads == loads
    assert keys_loaded(name, data, folder / "as-is", *options) == (1 if loads == "yes" else None)
    if loads == "after-conversion":
        assert keys_loaded(name, converted(data, name), folder / "converted", *options) == 1


@pytest.mark.parametrize("name", SERVERS)
def test_opcodes_of_redis_enterprise_load_nowhere_else(name: str, tmp_path: Path) -> None:
    expect(name, ENTERPRISE, "after-conversion", tmp_path)


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "redis-6.2"])
def test_functions_of_a_release_candidate_load_in_7_0_only(name: str, tmp_path: Path) -> None:
    expect(name, PRE_GA, "yes" if name == "redis-7.0" else "after-conversion", tmp_path)


@pytest.mark.parametrize("name", ["redis-7.0", "redis-7.4", "valkey-8.0", "valkey-9.1"])
def test_empty_records_of_redisearch_need_it_and_nobody_misses_them(name: str, tmp_path: Path) -> None:
    expect(name, STACK, "after-conversion", tmp_path, modules=())


@pytest.mark.parametrize("name", ["redis-7.4", "redis-8.2", "redis-8.10"])
def test_they_load_where_redisearch_is(name: str, tmp_path: Path) -> None:
    expect(name, STACK, "yes", tmp_path, "--loadmodule", module("redisearch"), modules=("search",))


@pytest.mark.parametrize("name", ["redis-8.2", "redis-8.10"])
def test_and_not_where_it_is_not(name: str, tmp_path: Path) -> None:
    expect(name, STACK, "after-conversion", tmp_path, modules=())


def test_a_running_slot_import_ends_a_server_that_is_no_cluster_node(tmp_path: Path) -> None:
    expect("valkey-9.1", ODD["slot import"], "after-conversion", tmp_path, clustered=False)


def test_a_cluster_node_loads_it(tmp_path: Path) -> None:
    expect("valkey-9.1", ODD["slot import"], "yes", tmp_path, "--cluster-enabled", "yes", clustered=True)


def test_metadata_that_may_not_be_passed_over_is_refused_without_its_class(tmp_path: Path) -> None:
    expect("redis-8.10", ODD["meta not ignorable"], "no", tmp_path)
    expect("redis-8.10", ODD["meta ignorable"], "yes", tmp_path / "ignorable")


def test_type_33_is_refused_by_the_newest_release(tmp_path: Path) -> None:
    expect("redis-8.10", snapshot(pair(33, b"\x05"), magic=b"REDIS0015"), "no", tmp_path)
