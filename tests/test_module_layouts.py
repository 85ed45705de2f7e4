"""What known modules write: no value of a real server has a flaw, one with a changed number has."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ways import SNAPSHOTS, string

import rdbcodec
from rdbcodec import Entry
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.records import ModuleAux
from rdbcodec.tools.module_layouts import flaw_in
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId

OF_MODULES = [path for path in SNAPSHOTS if path.stem.endswith(("bloom", "json", "stack", "series", "vset"))]


def items_of(*items: float | bytes) -> bytes:
    """As modules write them: an integer, a double or a string each, and the mark of the end."""
    return b"".join(map(item_of, items)) + b"\0"


def item_of(item: float | bytes) -> bytes:
    if isinstance(item, bytes):
        return b"\x05" + string(item)
    return b"\x04" + struct.pack("<d", item) if isinstance(item, float) else b"\x02" + lengths.encode(item)


@pytest.mark.parametrize("path", OF_MODULES, ids=lambda path: path.stem)
def test_what_modules_of_real_servers_wrote_has_no_flaw(path: Path) -> None:
    asked = 0
    with rdbcodec.open(path) as reader:
        for record in reader:
            value = record.value() if isinstance(record, Entry) else record
            if isinstance(value, ModuleValue):
                items = value.raw[lengths.read(value.raw, 0)[1] :]
            elif isinstance(value, ModuleAux) and not value.is_empty:
                items = value.items
            else:
                continue
            asked += 1
            assert flaw_in(value.module, items) == "", value.module
    assert asked


def vectors(config: int = 4097, second: tuple[int, ...] = (2, 1 << 24, 1, 32, 1, 0, 0)) -> bytes:
    """Two elements of three dimensions, of 8 bits each, which are linked."""
    first = (1, 1 << 24, 1, 32, 2, 0, 0)
    return items_of(3, 2, config, 0, b"a", b"xyz", len(first), *first, b"b", b"xyz", len(second), *second)


def series(*chunk: int | bytes, policy: int = 0) -> bytes:
    return items_of(b"ts", 0, 48, 2, 1000, 1.5, 1, policy, 0, 0, 0.0, 1, b"a", b"b", 0, 1, *chunk)


VECTORS = ModuleId("vectorset", 0)
SERIES = ModuleId("TSDB-TYPE", 8)
FILTERS = ModuleId("MBbloom--", 4)
DOCUMENT = ModuleId("ReJSON-RL", 3)
CHUNK = (48, 1, 0, 5, 1000, 1000, 0, 5, 32, 32, bytes(48))
BLOOM = (10, 0.005, 8, 11.0, 128, 0, bytes(16), 1)


@pytest.mark.parametrize(
    ("module", "items", "flaw"),
    [
        (VECTORS, vectors(), ""),
        (VECTORS, vectors(4099), "quantization is 3"),
        (VECTORS, vectors(4096), "a vector has 3 bytes, expected 12"),
        (VECTORS, vectors(1 + 256 * 4097), "M is 4097"),
        (VECTORS, vectors(second=(1, 1 << 24, 1, 32, 1, 0, 0)), "node 1 is there twice"),
        (
            VECTORS,
            vectors(second=(2, 1 << 24, 1, 32, 3, 0, 0)),
            "links between nodes are not mutual",
        ),
        (
            VECTORS,
            vectors(second=(2, 1 << 24, 1, 32, 1, 1, 0)),
            "the worst link is none of the links",
        ),
        (
            VECTORS,
            vectors(second=(2, 1 << 24, 2, 32, 1, 1, 0, 0)),
            "node 2 is linked twice to the same, or to itself",
        ),
        (VECTORS, vectors(second=(2, 1 << 24, 1, 0, 1, 0, 0)), "the room for links is 0"),
        (
            VECTORS,
            vectors(second=(2, 2 << 24, 1, 32, 1, 0, 0)),
            "the level of a node is 0, in version 2",
        ),
        (VECTORS, vectors(second=(2, 0, 1, 32, 1, 0)), ""),  # as Redis 8.0 wrote its nodes
        (VECTORS, vectors()[:-1] + b"\x02\x00\x00", "more items follow its last"),
        (SERIES, series(*CHUNK), ""),
        (SERIES, series(*CHUNK, policy=7), "the duplicate policy is 7"),
        (SERIES, series(*CHUNK[:-1], b"x"), "a chunk has 1 bytes, expected 48"),
        (SERIES, series(48, 1, 385, *CHUNK[3:]), "the count of bits is 385"),
        (
            SERIES,
            series(*CHUNK[:3]),
            "where the value of a chunk belongs stands its end, expected a number",
        ),
        (FILTERS, items_of(1, 1, 5, 2, *BLOOM), ""),
        (
            FILTERS,
            items_of(1, 1, 5, 2, *BLOOM[:4], 129, *BLOOM[5:]),
            "a filter of 129 bits has 16 bytes",
        ),
        (FILTERS, items_of(1, 1, 5, 2, 10, 1.5, *BLOOM[2:]), "an error rate is 1.5"),
        (
            ModuleId("CMSk-TYPE", 0),
            items_of(2, 2, 5, bytes(12)),
            "the counter array has 12 bytes, expected 16",
        ),
        (
            ModuleId("scdtype00", 1),
            items_of(1, b"names", 0),
            "the name of a dictionary has no zero byte at its end",
        ),
        (
            DOCUMENT,
            items_of(7),
            "where the document belongs stands a number, expected a string",
        ),
        (ModuleId("ReJSON-RL", 2), items_of(7), ""),  # of other versions nothing is known
    ],
)
def test_a_number_that_a_byte_changed_is_told(module: ModuleId, items: bytes, flaw: str) -> None:
    assert flaw_in(module, items) == flaw
