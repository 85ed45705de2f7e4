"""Parts of a snapshot that is split by slots load in the nodes of a cluster: no key of them is dropped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import Server, program

import rdbcodec
from rdbcodec import Entry, Hash
from rdbcodec.facts.slots import key_slot
from rdbcodec.tools.split import split
from rdbcodec.tools.ways import way_of

FIRST, LAST = 0, 8191


@contextmanager
def node(name: str, folder: Path) -> Iterator[Server]:
    running = Server(program(name), folder, "--cluster-enabled", "yes")
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("name", ["redis-7.0", "redis-8.2", "valkey-9.1"])
def test_a_node_keeps_all_keys_of_the_part_with_its_slots(name: str, tmp_path: Path) -> None:
    """Keys in the slots of another node are importing for Redis 7.0; Valkey 9.1 deletes them."""
    whole = tmp_path / "whole.rdb"
    with rdbcodec.create(whole, to="redis-7.0") as writer:
        writer.write_function(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        for number in range(2000):
            key = b"{user:%d}:%d" % (number % 50, number) if number % 3 else b"k:%d" % number
            writer.write(key, b"v" if number % 2 else Hash({b"f": b"v"}))
    part, other = split(whole, f"{tmp_path}/{{slot}}.rdb", way_of(f"slots:{FIRST}-{LAST},{LAST + 1}-")).parts
    assert part.count + other.count == 2000
    folder = tmp_path / "node"
    folder.mkdir()
    with node(name, folder) as empty:
        assert empty.command("CLUSTER", "ADDSLOTSRANGE", FIRST, LAST) == b"OK"
    shutil.copy(part.path, folder / "dump.rdb")
    with node(name, folder) as loaded, rdbcodec.open(part.path) as reader:
        keys = [record.key for record in reader if isinstance(record, Entry)]
        assert loaded.command("DBSIZE") == part.count == len(keys)
        slots = sorted(set(map(key_slot, keys)))
        there = loaded.commands([("CLUSTER", "GETKEYSINSLOT", slot, 1000) for slot in slots])
        assert sorted(key for some in there for key in some) == sorted(keys)
        assert len(loaded.command("FUNCTION", "LIST")) == 1
        assert "I have keys for" not in loaded.log.read_text(errors="replace")
