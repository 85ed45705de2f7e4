"""What each byte of a snapshot is: every byte once, down to the elements, and damage where it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from cases import every
from commands import run
from ways import SNAPSHOTS, corpus, pair, snapshot, string

import rdbcodec
from rdbcodec import Entry, Meaning, explain
from rdbcodec.formats import opcodes_of
from rdbcodec.framing.labels import InHand
from rdbcodec.records.state import FileContext
from rdbcodec.structures import intset, listpack, ziplist, zipmap
from rdbcodec.structures.parts import Part
from rdbcodec.tools.anatomy import Walker

TYPES = corpus("snapshots", ".rdb")[0].parent / "redis-7.2.6-types.rdb"


# --- every byte once --------------------------------------------------------------------------------

Case = tuple[bytes, FileContext]


@cache
def records() -> dict[str, list[Case]]:
    """The distinct records of the fixtures by row, each with what must be known to read it."""
    found: dict[str, dict[bytes, FileContext]] = {}
    for path in [*SNAPSHOTS, *corpus("vectors", ".rdb")]:
        templates = {}
        with rdbcodec.open(path.read_bytes()) as reader:
            for record in reader:
                if isinstance(record, rdbcodec.HashTemplate):
                    templates[record.id] = record.fields
                if isinstance(record, Entry):
                    raw = bytes((record.code,)) + b"\x01k" + record.raw
                    name = record.row.name
                elif isinstance(record, rdbcodec.Header):
                    continue
                else:
                    raw, name = record.raw, opcodes_of(reader.dialect, reader.version)[record.raw[0]].name
                context = FileContext(reader.dialect, True, reader.version, 0, templates)
                found.setdefault(name, {})[raw] = context
    return {name: list(raws.items()) for name, raws in found.items()}


def spaces_of(meanings: Iterable[Meaning]) -> dict[tuple[str, int], int]:
    """How far each space goes: what stands in the file, and what each string of it unpacks to."""
    ends: dict[tuple[str, int], int] = {("", 0): 0}
    sizes: dict[tuple[str, int], int | None] = {}
    space = "", 0
    for meaning in meanings:
        if meaning.inside != space[0]:
            space = meaning.inside, meaning.start if meaning.inside else 0
        assert meaning.start == ends.get(space, 0), meaning
        assert meaning.start < meaning.end, meaning
        assert meaning.kind != "damaged", meaning
        ends[space] = meaning.end
        if meaning.kind == "lzf" and not meaning.inside:
            sizes[meaning.label, 0] = meaning.size
    assert all(ends[space] == sizes[space] for space in ends if space in sizes)
    return ends


@every("name", sorted(records()))
def test_every_byte_of_every_record_real_servers_wrote_is_explained_once(name: str) -> None:
    for raw, context in records()[name]:
        meanings = list(Walker(InHand(raw)).record(0, context))
        assert spaces_of(meanings)["", 0] == len(raw)
        named = {(meaning.inside, meaning.label) for meaning in meanings}
        assert len(named) == len(meanings) or name in ("lz4-blob", "zstd-blob")


@pytest.mark.parametrize("name", ["redis-8.10.2-tmpl", "redis-2.6.17-types"])
def test_the_records_of_a_file_follow_each_other_from_the_magic_to_the_checksum(name: str) -> None:
    data = (TYPES.parent / f"{name}.rdb").read_bytes()
    meanings = [meaning for meaning in explain(data) if not meaning.inside]
    assert [meaning.start for meaning in meanings] == [0, *(meaning.end for meaning in meanings[:-1])]
    assert meanings[-1].end == len(data)
    assert (meanings[0].label, meanings[-1].label) == ("magic", "checksum")


# --- what it says -----------------------------------------------------------------------------------


def told(data: bytes, **options: object) -> list[tuple[str, object]]:
    return [(meaning.label, meaning.value) for meaning in explain(data, **options)]  # type: ignore[arg-type] # by name


def test_a_listpack_is_told_down_to_its_elements() -> None:
    blob = listpack.encode([b"f", b"v", b"n", 5])
    data = snapshot(pair(16, string(blob)))
    assert told(data, key=b"k") == [
        ("type", "hash-listpack"),
        ("key", b"k"),
        ("listpack.size", len(blob)),
        ("listpack.total", len(blob)),
        ("listpack.count", 4),
        ("listpack.fields[0].field", b"f"),
        ("listpack.fields[0].value", b"v"),
        ("listpack.fields[1].field", b"n"),
        ("listpack.fields[1].value", 5),
        ("listpack.terminator", 255),
    ]


def test_the_parts_of_a_structure_are_those_in_its_module_text() -> None:
    assert list(zipmap.parts(b"\x02\x01f\x01\x00v\x01g\x02\x02hi!!\xff")) == [
        Part(0, 1, "count", "u8", 2),
        Part(1, 3, "element", "string", b"f"),
        Part(3, 6, "element", "string", b"v"),
        Part(6, 8, "element", "string", b"g"),
        Part(8, 14, "element", "string", b"hi"),
        Part(14, 15, "terminator", "u8", 255),
    ]
    assert list(intset.parts(intset.encode([1, -2]))) == [
        Part(0, 4, "width", "u32", 2),
        Part(4, 8, "count", "u32", 2),
        Part(8, 10, "element", "i16", -2),
        Part(10, 12, "element", "i16", 1),
    ]
    numbers = [0, 127, 128, 4095, -4096, 30000, -70000, 1 << 30, 1 << 40]
    texts = [b"", b"x" * 63, b"x" * 64, b"x" * 4095, b"x" * 4096, b"x" * 20000]
    for parts, blob in (
        (listpack.parts, listpack.encode([*numbers, *texts])),
        (ziplist.parts, ziplist.encode([*numbers, *texts])),
    ):
        found = [part for part in parts(blob) if part.label == "element"]
        assert [part.value for part in found] == [*numbers, *texts]
        assert [part.start for part in found[1:]] == [part.end for part in found[:-1]]
        assert found[-1].end == len(blob) - 1


def test_an_offset_is_that_of_any_byte_of_a_record() -> None:
    first, second = pair(0, string(b"one"), b"a"), b"\xfc" + bytes(8) + pair(0, string(b"two"), b"b")
    data = snapshot(first, second)
    start = 9 + len(first)
    for offset in (start, start + 5, start + len(second) - 1):
        assert [label for label, _ in told(data, offset=offset)] == [
            "opcode",
            "expires_at_ms",
            "type",
            "key",
            "value",
        ]
    assert told(data, offset=9)[1] == ("key", b"a")
    assert told(data, offset=3) == [("magic", b"REDIS"), ("version", 12)]
    assert told(data, offset=len(data) - 1) == [("opcode", "eof"), ("checksum", 0)]
    assert told(data, offset=len(data)) == []


def test_a_key_is_told_in_each_database_or_in_one() -> None:
    data = snapshot(pair(0, string(b"one")), b"\xfe\x03", pair(0, string(b"two")))
    assert [value for label, value in told(data, key=b"k") if label == "value"] == [b"one", b"two"]
    assert [value for label, value in told(data, key=b"k", db=3) if label == "value"] == [b"two"]
    assert told(data, key=b"none") == []


def test_what_is_wrong_with_a_value_is_told_where_it_is() -> None:
    blob = bytearray(listpack.encode([b"f", b"v", b"g", b"w"]))
    blob[14] = 0x70  # the back-length of "g"
    data = snapshot(pair(16, string(bytes(blob))), pair(0, string(b"sound"), b"next"))
    damaged = next(meaning for meaning in explain(data) if meaning.kind == "damaged")
    assert damaged.value == listpack_damage(bytes(blob))
    assert (damaged.start, damaged.end, damaged.label) == (13 + 12, 13 + len(blob), "listpack.rest")
    assert ("key", b"next") in told(data)


def listpack_damage(blob: bytes) -> str:
    with pytest.raises(rdbcodec.CorruptStructure) as found:
        listpack.decode(blob)
    return found.value.message


def test_what_servers_would_refuse_is_told_though_every_byte_means_something() -> None:
    data = snapshot(pair(16, string(listpack.encode([b"f"]))))
    *_, last = explain(data, key=b"k")
    with pytest.raises(rdbcodec.DecodeError) as found:
        next(record for record in rdbcodec.open(data) if isinstance(record, Entry)).value()
    assert (last.kind, last.value) == ("damaged", found.value.message)


def test_damage_that_hides_where_a_record_ends_is_raised_behind_what_stands_before_it() -> None:
    data = snapshot(pair(4, b"\x02" + string(b"f") + string(b"v") + string(b"g") + b"\xf0"))
    seen: list[Meaning] = []
    with pytest.raises(rdbcodec.CorruptStructure) as found:
        seen.extend(explain(data, offset=12))
    with pytest.raises(rdbcodec.CorruptStructure) as read:
        list(rdbcodec.open(data))
    assert str(found.value) == str(read.value)


def test_a_file_that_is_cut_is_told_up_to_there() -> None:
    data = snapshot(pair(0, string(b"one"), b"a"), pair(0, string(b"two"), b"b"))[:-11]
    seen: list[Meaning] = []
    with pytest.raises(rdbcodec.Truncated):
        seen.extend(explain(data))
    assert [(meaning.label, meaning.value) for meaning in seen[-4:]] == [
        ("value", b"one"),
        ("type", "string"),
        ("key", b"b"),
        ("damaged", "the value ends inside value"),
    ]


# --- the command ------------------------------------------------------------------------------------


def test_the_command_shows_bytes_on_the_left_and_meanings_on_the_right(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot(b"\xfc" + (1732000000000).to_bytes(8, "little"), pair(0, b"\xc0\x05")))
    done = run("explain", path, "--key", "k")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        "offset 9 (0x9)",
        "00000009  fc                       opcode: 252, expiretime-ms, RDB 3 on",
        "0000000a  00 a8 3e 43 93 01 00 00  expires_at_ms: 2024-11-19 07:06:40 UTC",
        "00000012  00                       type: 0, string, RDB 1 on, db 0",
        '00000013  01 6b                    key: "k"',
        '00000015  c0 05                    value: "5" (i8)',
    ]


def test_lines_are_no_wider_than_a_terminal_and_full_ones_have_all_bytes(tmp_path: Path) -> None:
    shown = run("explain", TYPES, "--all").stdout.decode()
    assert max(map(len, shown.splitlines())) == 80
    full = run("explain", TYPES, "--key", "notint:9223372036854775808", "--full").stdout.decode()
    assert full.splitlines()[2:6] == [
        '000000b4  1a 6e 6f 74 69 6e 74 3a  key: "notint:9223372036854775808"',
        "          39 32 32 33 33 37 32 30",
        "          33 36 38 35 34 37 37 35",
        "          38 30 38",
    ]


def test_json_has_the_same(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot(pair(0, string(b"\xff"))))
    assert json.loads(run("explain", path, "--offset", "0xb", "--json").stdout)[-1] == {
        "record": 9,
        "start": 12,
        "end": 14,
        "label": "value",
        "kind": "string",
        "value": {"$b64": "/w=="},
        "size": 1,
        "hex": "01ff",
        "inside": None,
        "note": None,
    }


def test_an_index_finds_the_same_at_once(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(TYPES.read_bytes())
    words = ("explain", path, "--key", "stream:same")
    before = run(*words)
    assert run("index", path).returncode == 0
    assert run(*words).stdout == before.stdout
    path.write_bytes(TYPES.read_bytes() + b"\0")
    stale = run(*words)
    assert stale.returncode == 4
    assert stale.stderr.decode().endswith("rdbcodec index --force, or explain --no-index\n")


def test_hidden_keys_are_neither_in_words_nor_in_hex(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot(pair(0, string(b"v"), b"secret")))
    for words in ((), ("--json",), ("--full",)):
        shown = run("explain", path, "--all", "--hide-keys", *words).stdout
        assert b"secret" not in shown
        assert b"secret".hex(" ").encode() not in shown
        assert b"secret".hex().encode() not in shown
    assert b"key: 6 bytes, (hidden)" in run("explain", path, "--all", "--hide-keys").stdout


def test_damage_is_exit_code_3_and_nothing_found_is_1(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot(pair(16, string(listpack.encode([b"f"])))))
    done = run("explain", path, "--key", "k")
    assert done.returncode == 3
    assert done.stderr.decode().startswith(f"{path}: offset 9: ")
    assert run("explain", path, "--key", "none").stderr == b"there is no key b'none'\n"
    beyond = run("explain", path, "--offset", "9999")
    assert (beyond.returncode, beyond.stderr) == (1, b"offset 9999 is behind the end of the snapshot\n")
    assert run("explain", path, "--offset", "x").returncode == 2


def test_what_is_compressed_or_piped_has_the_same_offsets() -> None:
    data = TYPES.read_bytes()
    plain = run("explain", "-", "--offset", "179", data=data).stdout
    assert run("explain", "-", "--offset", "179", data=gzip.compress(data)).stdout == plain
    assert plain.startswith(b"offset 179 (0xb3)\n")
