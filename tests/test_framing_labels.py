"""Every byte of a value has one name, and the names are those in the framing of its row.

That it is so for all values that real servers wrote is shown in test_explain.
"""

from __future__ import annotations

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st

from rdbcodec.errors import CorruptStructure, Truncated
from rdbcodec.formats import OPCODES, TYPES, Framing, OpcodeRow, Repeat, TypeRow
from rdbcodec.framing import Span, compile_walk, labels

TEMPLATES = {0: (b"f", b"g"), 1: (b"a", b"b", b"c")}
ROWS: list[TypeRow | OpcodeRow] = [*TYPES, *OPCODES]
WALKED = [row for row in ROWS if row.name != "module"]


def row_of(name: str) -> TypeRow | OpcodeRow:
    return next(row for row in ROWS if row.name == name)


@every("row", WALKED, ids=lambda row: f"{row.dialect}-{row.name}")
@given(data=st.binary(max_size=60))
def test_labels_end_where_a_walk_ends_whatever_the_bytes(row: TypeRow | OpcodeRow, data: bytes) -> None:
    try:
        end: int | str = compile_walk(row.framing, TEMPLATES)(data, 0)
        end = end if isinstance(end, int) and end <= len(data) else "truncated"
    except IndexError:
        end = "truncated"
    except CorruptStructure:
        end = "corrupt"
    found: int | str = 0
    try:
        for span in labels(row.framing, data, TEMPLATES):
            assert span.start == found
            found = span.end
    except Truncated:
        found = "truncated"
    except CorruptStructure:
        found = "corrupt"
    # A walk may step beyond the end of the bytes before it meets what is corrupt.
    assert found == end or (end, found) == ("corrupt", "truncated")


def names_of(framing: Framing) -> list[tuple[str, ...]]:
    inner = [names for step in framing if isinstance(step, Repeat) for names in names_of(step.steps)]
    return [framing.names, *inner]


@every("row", ROWS, ids=lambda row: f"{row.dialect}-{row.name}")
def test_every_step_of_the_table_has_a_name_of_its_own(row: TypeRow | OpcodeRow) -> None:
    assert len(row.framing.names) == len(row.framing)
    for names in names_of(row.framing):
        assert len(set(names)) == len(names)


def told(name: str, data: bytes, *, pos: int = 0) -> list[tuple[str, str, bytes]]:
    spans = labels(row_of(name).framing, data, TEMPLATES, pos=pos)
    return [(span.label, span.kind, data[span.start : span.end]) for span in spans]


def test_fields_and_values_of_a_hash_are_told_apart() -> None:
    assert told("hash", b"\x02\x01f\x02v1\x01g\xc0\x05") == [
        ("fields.count", "length", b"\x02"),
        ("fields[0].field", "string", b"\x01f"),
        ("fields[0].value", "string", b"\x02v1"),
        ("fields[1].field", "string", b"\x01g"),
        ("fields[1].value", "string", b"\xc0\x05"),
    ]


def test_a_hash_with_field_expiries_begins_with_the_smallest_of_them() -> None:
    assert told("hash-ttl", b"\1\2\3\4\5\6\7\x08\x01\x00\x01f\x01v") == [
        ("min_expires_at_ms", "i64", b"\1\2\3\4\5\6\7\x08"),
        ("fields.count", "length", b"\x01"),
        ("fields[0].ttl", "length", b"\x00"),
        ("fields[0].field", "string", b"\x01f"),
        ("fields[0].value", "string", b"\x01v"),
    ]


def test_pending_entries_of_a_stream_stand_in_their_consumers_and_groups() -> None:
    node = b"\x01\x10" + bytes(16) + b"\x03abc"
    group = b"\x01g\x05\x00\x03" + b"\x01" + bytes(16) + bytes(8) + b"\x01"
    consumer = b"\x01\x01c" + bytes(8) + bytes(8) + b"\x01" + bytes(16)
    raw = node + b"\x01\x05\x00" + b"\x05\x00\x00\x00\x03" + b"\x01" + group + consumer
    assert [label for label, _, _ in told("stream-3", raw)] == [
        *("nodes.count", "nodes[0].master_id", "nodes[0].listpack", "length", "last_id_ms", "last_id_seq"),
        *("first_id_ms", "first_id_seq", "max_deleted_id_ms", "max_deleted_id_seq", "entries_added"),
        *("groups.count", "groups[0].name", "groups[0].last_id_ms", "groups[0].last_id_seq"),
        *("groups[0].entries_read", "groups[0].pending.count", "groups[0].pending[0].id"),
        *("groups[0].pending[0].delivered_at_ms", "groups[0].pending[0].deliveries"),
        *("groups[0].consumers.count", "groups[0].consumers[0].name", "groups[0].consumers[0].seen_at_ms"),
        *("groups[0].consumers[0].active_at_ms", "groups[0].consumers[0].pending.count"),
        "groups[0].consumers[0].pending[0].id",
    ]


def test_a_module_value_is_its_items_with_their_opcodes() -> None:
    assert told("module-2", b"\x05\x02\x07\x04" + bytes(8) + b"\x05\x01x\x00") == [
        ("module_id", "length", b"\x05"),
        ("items[0].opcode", "length", b"\x02"),
        ("items[0].value", "length", b"\x07"),
        ("items[1].opcode", "length", b"\x04"),
        ("items[1].value", "f64", bytes(8)),
        ("items[2].opcode", "length", b"\x05"),
        ("items[2].value", "string", b"\x01x"),
        ("items[3].opcode", "length", b"\x00"),
    ]


LISTPACK = b"\x0d\x0d\x00\x00\x00\x02\x00\x81f\x02\x81g\x02\xff"


@every(
    ("name", "parts"),
    [
        (
            "array",
            [
                ("array.count", "length", b"\x02"),
                ("array.has_cursor", "length", b"\x01"),
                ("array.cursor", "length", b"\x09"),
                ("array.elements[0].index", "length", b"\x04"),
                ("array.elements[0].tag", "length", b"\x00"),
                ("array.elements[0].value", "string", b"\x01x"),
                ("array.elements[1].index", "length", b"\x05"),
                ("array.elements[1].tag", "length", b"\x01"),
                ("array.elements[1].value", "i64", bytes(8)),
            ],
        ),
        (
            "hash-template-listpack",
            [
                ("hash.fields_format", "length", b"\x00"),
                ("hash.fields_listpack", "template names", LISTPACK),
                ("hash.values_listpack", "string", b"\x03abc"),
            ],
        ),
        (
            "hash-template-array",
            [
                ("hash.fields_format", "length", b"\x01"),
                ("hash.fields.count", "length", b"\x02"),
                ("hash.fields[0]", "string", b"\x01f"),
                ("hash.fields[1]", "string", b"\x01g"),
                ("hash.values[0]", "string", b"\x01v"),
                ("hash.values[1]", "string", b"\x01w"),
            ],
        ),
        (
            "hash-template-array-ref",
            [
                ("hash.template_id", "length", b"\x00"),
                ("hash.values[0]", "string", b"\x01v"),
                ("hash.values[1]", "string", b"\x01w"),
            ],
        ),
        (
            "sbf-2",
            [
                ("options", "length", b"\x00"),
                ("grow_factor", "f64", bytes(8)),
                ("false_positives", "f64", bytes(8)),
                ("previous_size", "length", b"\x01"),
                ("current_size", "length", b"\x02"),
                ("max_capacity", "length", b"\x03"),
                ("filters.count", "length", b"\x01"),
                ("filters[0].hashes", "length", b"\x04"),
                ("filters[0].bits.total", "length", b"\x03"),
                ("filters[0].bits.chunks[0].size", "length", b"\x02"),
                ("filters[0].bits.chunks[0].bytes", "bytes", b"ab"),
                ("filters[0].bits.chunks[1].size", "length", b"\x01"),
                ("filters[0].bits.chunks[1].bytes", "bytes", b"c"),
            ],
        ),
        (
            "cms",
            [
                ("sketch.width", "length", b"\x02"),
                ("sketch.depth", "length", b"\x01"),
                ("sketch.total", "length", b"\x05"),
                ("sketch.counters", "bytes", bytes(16)),
            ],
        ),
        (
            "function-pre-ga",
            [
                ("function.name", "string", b"\x01l"),
                ("function.engine", "string", b"\x03LUA"),
                ("function.has_description", "length", b"\x01"),
                ("function.description", "string", b"\x01d"),
                ("function.code", "string", b"\x01c"),
            ],
        ),
        (
            "key-attributes",
            [
                ("attributes.mask", "u32 number", b"\x02\x00\x00\x00"),
                ("attributes.memcached_flags", "bytes", b"\x07\x00\x00\x00"),
            ],
        ),
        (
            "tagged-chunk",
            [
                ("chunk.stream_id", "u32 number", b"\x01\x00\x00\x00"),
                ("chunk.size", "u32 number", b"\x02\x00\x00\x00"),
                ("chunk.bytes", "bytes", b"xy"),
            ],
        ),
        (
            "update",
            [
                ("command.count", "resp count", b"*2\r\n"),
                ("command.words[0].size", "resp size", b"$4\r\n"),
                ("command.words[0].text", "bytes", b"PING\r\n"),
                ("command.words[1].size", "resp size", b"$1\r\n"),
                ("command.words[1].text", "bytes", b"x\r\n"),
            ],
        ),
        (
            "slot-import",
            [
                ("job", "string", b"\x03job"),
                ("slots.count", "length", b"\x01"),
                ("slots[0].first", "length", b"\x01"),
                ("slots[0].last", "length", b"\x02"),
            ],
        ),
    ],
)
def test_what_only_code_can_walk_has_labels_too(name: str, parts: list[tuple[str, str, bytes]]) -> None:
    data = b"".join(part for _, _, part in parts)
    assert told(name, b"\xaa" + data, pos=1) == parts


def test_an_empty_chunk_of_counters_is_no_span() -> None:
    assert told("cms", b"\x00\x05\x00")[-1] == ("sketch.total", "length", b"\x00")


def test_a_value_that_is_cut_says_inside_what() -> None:
    spans = labels(row_of("hash").framing, b"\x01\x01f\x05val")
    assert next(spans) == Span(0, 1, "fields.count", "length")
    assert next(spans) == Span(1, 3, "fields[0].field", "string")
    with pytest.raises(Truncated) as error:
        next(spans)
    assert (error.value.message, error.value.pos) == ("the value ends inside fields[0].value", 3)


def test_a_made_up_count_is_not_believed() -> None:
    data = b"\x01\x81" + b"\xff" * 8 + b"\x01f"
    with pytest.raises(Truncated, match=r"^the value ends inside hash.fields\[1\]"):
        list(labels(row_of("hash-template-array").framing, data))


def test_a_value_that_contradicts_itself_says_where() -> None:
    with pytest.raises(CorruptStructure) as error:
        list(labels(row_of("array").framing, b"\x01\x00\x00\x04"))
    assert (error.value.message, error.value.pos) == ("array element tag is 4, expected 0 to 3", 4)
