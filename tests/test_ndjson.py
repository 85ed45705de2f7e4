"""Snapshots as NDJSON and back: nothing is lost, a line is a line, errors say where and what was expected."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from typing import Any

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st
from ways import SNAPSHOTS, corpus, lzf_run, pair, plain_value, read, snapshot, string, thinned

import rdbcodec
from rdbcodec import (
    Array,
    Aux,
    Consumer,
    Cron,
    Entry,
    Function,
    Gcra,
    Group,
    Hash,
    Header,
    Json,
    List,
    ModuleAux,
    ModuleValue,
    PathHash,
    Pending,
    RawValue,
    Set,
    Stream,
    StreamEntry,
    StreamId,
    ZSet,
)
from rdbcodec.datatypes.streams import Idempotence, Producer
from rdbcodec.errors import TextError
from rdbcodec.exports import form, forms, ndjson, plain_lines, rows, tables, values
from rdbcodec.exports.build import build
from rdbcodec.exports.forms import hashes, zsets
from rdbcodec.exports.scalars import to_json
from rdbcodec.exports.values import TYPE_NAMES, form_of
from rdbcodec.folders import load, modules_of
from rdbcodec.formats import TYPES
from rdbcodec.limits import HELD_TEXT
from rdbcodec.wire import lengths
from rdbcodec.wire.long_strings import Spool
from rdbcodec.wire.module_ids import ModuleId

csv.field_size_limit(1 << 30)  # the module's own limit is 128 KiB a cell
FILES = thinned(*SNAPSHOTS, *corpus("vectors", ".rdb"))
every_file = every("data", FILES.values(), ids=FILES)


def text_of(data: bytes, *, everything: bool = False, **options: Any) -> str:
    with rdbcodec.open(data, **options) as reader:
        return "".join(ndjson.lines(reader, everything=everything))


def told(text: str) -> list[ndjson.Told]:
    return [one for _, one in ndjson.read(io.BytesIO(text.encode()))]


def keys_of(data: bytes) -> list[tuple[object, ...]]:
    """What a key is, value in order."""
    return [
        (e.db, e.key, e.type, e.encoding, e.expires_at_ms, e.idle, e.freq, e.meta, plain_value(e.value()))
        for e in rdbcodec.open(data)
        if isinstance(e, Entry)
    ]


def told_keys(text: str) -> list[tuple[object, ...]]:
    return [
        (e.db, e.key, e.type, e.encoding, e.expires_at_ms, e.idle, e.freq, e.meta, plain_value(e.value))
        for e in told(text)
        if isinstance(e, ndjson.TextEntry)
    ]


def built(text: str, **options: Any) -> bytes:
    out = io.BytesIO()
    build(io.BytesIO(text.encode()), out, **options)
    return out.getvalue()


# --- round trips ------------------------------------------------------------------------------------


@every_file
def test_every_key_of_a_server_comes_back_as_it_was(data: bytes) -> None:
    assert told_keys(text_of(data)) == keys_of(data)


@pytest.mark.once
@every_file
def test_values_that_pass_by_come_back_as_they_were(data: bytes) -> None:
    assert told_keys(text_of(data, max_value=10_000)) == keys_of(data)


def test_hashes_of_a_template_can_be_written_for_their_own_server_again() -> None:
    source = io.BytesIO()
    with rdbcodec.create(source, to="redis-8.10") as writer:
        writer.write_template([b"name", b"age"])
        writer.write("a", {"name": "Al", "age": "42"}, encoding="template-listpack-ref")
        writer.write("b", {"name": "Bo", "age": "9" * 90}, encoding="template-array-ref")
    text = text_of(source.getvalue())
    assert [json.loads(line)["encoding"] for line in text.splitlines()] == [
        "template-listpack-ref",
        "template-array-ref",
    ]
    assert [key[1:4] + key[8:] for key in keys_of(built(text, to="redis-8.10"))] == [
        (b"a", "hash", "listpack", ("Hash", [(b"age", b"42"), (b"name", b"Al")], {})),
        (b"b", "hash", "hashtable", ("Hash", [(b"age", b"9" * 90), (b"name", b"Bo")], {})),
    ]


@pytest.mark.once
@every_file
def test_what_belongs_to_no_key_comes_back_byte_for_byte(data: bytes) -> None:
    records = read(data)
    kinds = (Function, ModuleAux)
    before = [record._replace(offset=0) for record in records if isinstance(record, kinds)]
    after = [record for record in told(text_of(data)) if isinstance(record, kinds)]
    assert [type(record) for record in after] == [type(record) for record in before]
    assert [(plain_record(record)) for record in after] == [plain_record(record) for record in before]


def plain_record(record: Function | ModuleAux) -> tuple[object, ...]:
    """Without the bytes of a function record: its code may be compressed otherwise."""
    return record if isinstance(record, ModuleAux) else (record.code, record.name, record.engine)


@every_file
def test_a_snapshot_built_from_its_text_has_the_same_text(data: bytes) -> None:
    text = text_of(data, everything=True)
    again = text_of(built(text), everything=True)
    if '"encoding":"template-' in text:  # hashes by template become ordinary ones
        assert without_layouts(again) == without_layouts(text)
    else:
        assert again == text


def without_layouts(text: str) -> list[dict[str, Any]]:
    """The lines, without the layouts of hashes."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        if line.get("type") == "hash":
            del line["encoding"]
    return lines


@pytest.mark.once
@every_file
def test_the_text_of_a_snapshot_has_one_line_a_record_for_every_program(data: bytes) -> None:
    text = text_of(data)
    assert text.splitlines(keepends=True) == [line + "\n" for line in text.split("\n")[:-1]]


@pytest.mark.once
@every_file
def test_a_json_array_holds_the_objects_of_the_lines(data: bytes) -> None:
    text = text_of(data, everything=True)
    with rdbcodec.open(data) as reader:
        array = json.loads("".join(tables.json_array(reader, everything=True)))
    assert array == [json.loads(line) for line in text.split("\n")[:-1]]


def test_an_empty_snapshot_is_no_line_and_an_empty_array() -> None:
    assert text_of(snapshot()) == ""
    assert json.loads("".join(tables.json_array(rdbcodec.open(snapshot())))) == []


# --- values -----------------------------------------------------------------------------------------

some_bytes = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"", b"$b64", b"\xff", b"\x85"]),
)
some_times = st.integers(-(2**63), 2**63 - 1)
some_ids = st.builds(StreamId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@st.composite
def some_hashes(draw: st.DrawFn, expiring: bool = True) -> Hash:
    value = Hash(draw(st.dictionaries(some_bytes, some_bytes, max_size=6)))
    if expiring and value:
        value.expires_at_ms = draw(st.dictionaries(st.sampled_from(sorted(value)), some_times))
    return value


@st.composite
def some_sets(draw: st.DrawFn) -> Set:
    value = Set(draw(st.lists(some_bytes, max_size=6)))
    if value:
        value.expires_at_ms = draw(st.dictionaries(st.sampled_from(sorted(value)), some_times))
    return value


@st.composite
def some_groups(draw: st.DrawFn) -> Group:
    group = Group(draw(some_bytes), draw(some_ids), draw(st.none() | st.integers(0, 2**64 - 2)))
    group.consumers = [
        Consumer(name, draw(some_times), draw(st.none() | some_times))
        for name in draw(st.lists(some_bytes, max_size=3, unique=True))
    ]
    for id in draw(st.lists(some_ids, max_size=5, unique=True)):
        owner = draw(st.sampled_from([None, *group.consumers]))
        name = None if owner is None else owner.name
        group.pending[id] = Pending(id, draw(some_times), draw(st.integers(0, 2**64 - 1)), name)
        (group.nacked if owner is None else owner.pending).append(id)
    return group


@st.composite
def some_streams(draw: st.DrawFn) -> Stream:
    fields = st.lists(st.tuples(some_bytes, some_bytes), max_size=4)
    entries = draw(st.lists(st.builds(StreamEntry, some_ids, fields), max_size=4))
    stream = Stream(draw(st.integers(1, 5)), entries, draw(st.integers(0, 2**64 - 1)), draw(some_ids))
    stream.first_id = draw(st.none() | some_ids)
    stream.max_deleted_id = draw(st.none() | some_ids)
    stream.entries_added = draw(st.none() | st.integers(0, 2**64 - 1))
    stream.groups = draw(st.lists(some_groups(), max_size=2))
    stream.idempotence = draw(st.none() | some_idempotence())
    return stream


@st.composite
def some_idempotence(draw: st.DrawFn) -> Idempotence:
    value = Idempotence(draw(st.integers(0, 99)), draw(st.integers(0, 99)))
    value.added, value.duplicates = draw(st.integers(0, 99)), draw(st.integers(0, 99))
    for id in draw(st.lists(some_bytes, max_size=2)):
        producer = Producer(id)
        producer.iids = draw(st.dictionaries(some_bytes, some_ids, max_size=3))
        value.producers.append(producer)
    return value


some_modules = st.builds(
    lambda text: ModuleValue(
        ModuleId("vectorset", 0), bytes.fromhex("81bde72da2bb1eb400 05") + string(text) + b"\0"
    ),
    st.binary(max_size=30),
)
some_arrays = st.builds(
    Array,
    st.dictionaries(st.integers(0, 2**64 - 2), some_bytes, max_size=5),
    st.none() | st.integers(0, 2**64 - 2),
)
some_crons = st.builds(
    Cron,
    some_bytes,
    some_times,
    some_times,
    st.lists(some_bytes, max_size=3),
    st.lists(some_bytes, max_size=3),
)
some_raw = st.builds(RawValue, st.binary(max_size=40))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": some_bytes,
    "json": some_bytes.map(Json),
    "list": st.lists(some_bytes, max_size=6).map(List),
    "set": some_sets(),
    "zset": st.dictionaries(some_bytes, st.floats(allow_nan=False), max_size=6).map(ZSet),
    "hash": some_hashes(),
    "stream": some_streams(),
    "module": some_modules,
    "array": some_arrays,
    "path-hash": st.dictionaries(some_bytes, some_hashes(expiring=False), max_size=4).map(PathHash),
    "cron": some_crons,
    "gcra": st.integers(0, 2**64 - 1).map(Gcra),
    "bloom": some_raw,
    "cms": some_raw,
    "topk": some_raw,
    "cuckoo": some_raw,
}


def test_every_type_of_the_table_has_its_text_form_and_its_test() -> None:
    types = {row.type for row in TYPES}
    assert set(TYPE_NAMES) == types
    assert set(VALUES) == types
    named = {type_ for name in modules_of(forms) for type_ in load(forms, name).FORMS}
    assert named <= types, "a file of forms/ names no type of the table"


def test_a_type_without_a_file_is_told_as_bytes_or_as_it_stands_on_disk() -> None:
    rows = {row.name: row for row in TYPES}
    assert values._without_file(rows["string"]) is form.TEXT
    assert [form_of(type_) is form.RAW for type_ in ("bloom", "cms", "topk", "cuckoo")] == [True] * 4


@every("type_", VALUES)
@given(data=st.data())
def test_any_value_comes_back_as_it_was(type_: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[type_])
    line: dict[str, Any] = {"key": "k", "type": type_, **form_of(type_).members(value)}
    if isinstance(value, Stream):
        line["encoding"] = f"stream{value.version}"
    (one,) = told(to_json(line) + "\n")
    assert isinstance(one, ndjson.TextEntry)
    assert plain_value(one.value) == plain_value(value)


PLAIN = st.text(st.characters(codec="ascii"), max_size=4).map(str.encode)
QUICK = {
    "string": PLAIN,
    "list": st.lists(PLAIN, max_size=4).map(List),
    "set": st.lists(PLAIN, max_size=4, unique=True).map(Set),
    "zset": st.dictionaries(PLAIN, st.floats(), max_size=4).map(ZSet),
    "hash": st.dictionaries(PLAIN, PLAIN, max_size=4).map(Hash),
    "stream": st.builds(
        Stream,
        st.just(1),
        st.lists(
            st.builds(StreamEntry, st.just(StreamId(5, 6)), st.lists(st.tuples(PLAIN, PLAIN), max_size=3)),
            max_size=3,
        ),
        st.just(0),
        st.just(StreamId(5, 6)),
    ),
}


@pytest.mark.parametrize("type_", QUICK)
@given(data=st.data())
def test_the_quick_text_of_a_value_is_that_of_its_members(type_: str, data: st.DataObject) -> None:
    value = data.draw(QUICK[type_] | VALUES[type_] if type_ in VALUES else QUICK[type_])
    text = form_of(type_).text
    assert text is not None
    assert text(value) in (None, to_json(form_of(type_).members(value))[1:-1])


STRINGS = [
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"v"}',
    '{"db":15,"key":"","type":"string","encoding":"string","expires_at":77,"value":""}\r\n',
    '{"db":2147483647,"key":"k","type":"string","encoding":"string","value":"v"}\n',
    '{"db":2147483648,"key":"k","type":"string","encoding":"string","value":"v"}',
    '{"db":00,"key":"k","type":"string","encoding":"string","value":"v"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","expires_at":9223372036854775808,"value":"v"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","expires_at":-1,"value":"v"}',
    '{"db":0,"key":"a\\u0062","type":"string","encoding":"string","value":"\\"\\\\"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"\t"}',
    '{"db":0,"key":"\u00e4","type":"string","encoding":"string","value":"\x7f"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":{"$b64":"/w=="}}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"v","value":"w"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"v"} x',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"a\\u00e4\\n\u00e4"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"\\ud800"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"\\x"}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":"v","idle":5}',
    '{"db":0,"key":"k","type":"string","encoding":"string","value":""v"}',
    '{"db":0,"key":"12","type":"string","encoding":"string","expires_at":0,"value":"-7"}',
    '{"db":0,"key":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk","type":"string","encoding":"string","value":"77"}',
    '{"db":0,"key":"k","type":"json","encoding":"json","value":"{\\"a\\":1}"}',
]
HASH = '{"db":0,"key":"k","type":"hash","encoding":"listpack","value":%s}'
LIST = HASH.replace("hash", "list").replace("listpack", "quicklist")


COLLECTIONS = [
    HASH % '{"f":"v","g":"a,b:c"}',
    HASH % '{"f":"v"}' + "\r\n",
    HASH % '{"":"","x":""}',
    HASH % '{"f":"v","f":"w"}',
    HASH % '{"f":"v","g":{"$b64":"/w=="}}',
    HASH % '{"f":{"$b64":"/w=="},"g":"w"}',
    HASH % '{"f":"\\"}","g":"w"}',
    HASH % '{"f","v","g":"w"}',
    HASH % '{"f":"v":"g","w"}',
    HASH % '{"f":"v"},"field_expires_at":{"f":7}',
    HASH % '{"f":"v"},"value":{"f":"v"}',
    HASH % '{"f":"v"}}',
    (HASH % '{"f":"v"}')[:-1],
    HASH % '[["f","v"]]',
    HASH % '[["f","v"],["g","w],["]]',
    HASH % '[["f","v"],["g","w"],["f","x"]]',
    HASH % '[["f","v"],["g","w",5]]',
    HASH % '[["f","v"],["g"],["w"]]',
    HASH % '[["f"],["v","g"],["w"]]',
    HASH % '["f","v"]',
    HASH % "[[]]",
    HASH % "[]",
    HASH % "{}",
    HASH.replace('"value"', '"expires_at":5,"value"') % '{"f":"v"}',
    HASH.replace("listpack", "intset") % '{"f":"v"}',
    HASH.replace('"hash"', '"crate"') % '{"f":"v"}',
    LIST % '["","",""]',
    LIST % '[",","\u00e4"]',
    LIST % '["a",""b"]',
    LIST % '["]',
    HASH.replace("hash", "set") % '["a","b","a"]',
    HASH.replace("hash", "set") % '["a",["b",5]]',
    HASH.replace("hash", "zset") % '{"a":1.5,"b":-0.0,"c":1e+22,"d":5e-324}',
    HASH.replace("hash", "zset") % '{"a":1,"b":1.50}',
    HASH.replace("hash", "zset") % '{"a":inf}',
    HASH.replace("hash", "zset") % '{"a":1e999}',
    HASH.replace("hash", "zset") % '{"a":"inf","b":2.0}',
    HASH.replace("hash", "zset") % '{"a":1.0,"a":2.0}',
    HASH.replace("hash", "zset") % '{"\u00e4":1.0}',
    HASH.replace("hash", "zset") % '[["a",1.5],["],[",-2],["c:",3e-7]]',
    HASH.replace("hash", "zset") % '{":a":1.5,":b":2.0,"c:":3,",d":4,"e,":5}',
    HASH.replace("hash", "zset") % '[[",a",1.5],[",b",2.0],["c,",3],[":d",4],["e:",5]]',
    HASH.replace("hash", "zset") % '{"a":-0,"b":-0.0,"c":-0e+1,"d":0}',
    HASH.replace("hash", "zset") % '[["a",-0],["b",-0.0],["c",-0e+1],["d",0]]',
    HASH.replace("hash", "zset") % '[["a",1.5],["a",2]]',
    HASH.replace("hash", "zset") % '[["a",1.5],["b"]]',
    HASH.replace("hash", "zset") % '[["a",1.5,"b",2]]',
    HASH.replace("hash", "zset") % '[["a",01.5]]',
    HASH.replace("hash", "zset") % '["a",1.5]',
    HASH.replace("hash", "zset") % "[]",
    LIST.replace("list", "set").replace("quicklist", "intset") % '["1","-2","30000"]',
    LIST.replace("list", "set").replace("quicklist", "intset") % '["1","x"]',
    LIST.replace("list", "set").replace("quicklist", "intset") % '["1","1"]',
    LIST % "[]",
]
ENTRY = '{"id":"%s","fields":{"f":"%s","g":"w"}}'
STREAM = HASH.replace("hash", "stream").replace("listpack", "stream%d")
STREAM %= (1, '{"entries":[%s,' + ENTRY % ("5-6", "v") + '],"length":2,"last_id":"5-6","groups":%s}')
STREAMS = [
    STREAM % (ENTRY % ("5-1", "a"), "[]"),
    STREAM.replace("stream1", "stream4") % (ENTRY % ("5-1", "a"), "[]"),
    STREAM.replace('"length"', '"first_id":"5-1","max_deleted_id":"0-0","entries_added":2,"length"')
    % (ENTRY % ("5-1", "a"), "[]"),
    STREAM % (ENTRY % ("5-1", "a"), '[{"name":"g","last_id":"5-1"}]'),
    STREAM % (ENTRY % ("5-1", "a"), '[{"name":"g"}]'),
    STREAM % (ENTRY % ("5-1", "a"), '[],"entries":[]'),
    STREAM % (ENTRY % ("5-1", "a"), '[],"first":7'),
    STREAM.replace(',"last_id":"5-6"', "") % (ENTRY % ("5-1", "a"), "[]"),
    STREAM.replace(',"length":2,"last_id":"5-6","groups":%s', "") % (ENTRY % ("5-1", "a")),
    STREAM.replace(',"length":2,"last_id":"5-6"', "") % (ENTRY % ("5-1", "a"), "[]"),
    STREAM.replace("%s,", "") % "[]",
    STREAM.replace('"last_id":"5-6"', '"last_id":"9-9"') % (ENTRY % ("5-1", "a"), "[]"),
    STREAM.replace(":2,", ":3,") % (ENTRY % ("5-1", "a"), "[]"),
    STREAM % (ENTRY % ("5-7", "a"), "[]"),
    *(
        STREAM % (ENTRY % (id, "a"), "[]")
        for id in ("5-01", "5", "5-6-7", "5--6", "18446744073709551616-1", "x-1")
    ),
    *(
        STREAM % (ENTRY % ("5-1", text), "[]")
        for text in ("}}", '],\\"length\\":', "\u00e4", '","h":"x', '"')
    ),
    STREAM % ((ENTRY % ("5-1", "a")).replace('"f"', '"g"'), "[]"),
    STREAM % ((ENTRY % ("5-1", "a")).replace('"f"', '"h"'), "[]"),
    STREAM % ((ENTRY % ("5-1", "a")).replace('"id"', '"ID"'), "[]"),
    STREAM % ((ENTRY % ("5-1", "a")).replace("fields", "entries"), "[]"),
    STREAM % ((ENTRY % ("5-1", "a")).replace('":', '",'), "[]"),
    STREAM % ('{"id":"5-1","fields":{}}', "[]"),
    STREAM % ('{"id":"5-1","fields":[["f","v"],["f","w"]]}', "[]"),
]


@every("line", [*STRINGS, *COLLECTIONS, *STREAMS])
def test_a_line_of_plain_values_tells_what_its_json_says(line: str) -> None:
    quick = decoded(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "_plainly", lambda *_: None)
        assert (quick, repr(quick)) == (whole := decoded(line), repr(whole))  # 0.0 is -0.0, but to repr


@every(
    "server",
    [
        {},
        {"to": "redis-2.4"},
        {"to": "redis-2.8"},
        {"to": "redis-8.2"},
        {"version": 9, "dialect": "dragonfly"},
    ],
)
def test_plain_lines_are_written_as_others_are(server: dict[str, Any]) -> None:
    for line in (*STRINGS, *COLLECTIONS, *STREAMS):
        text = '{"db":0,"key":"first","type":"string","encoding":"string","value":"v"}\n' + line
        quick = written(text, **server)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain_lines, "plain_of", lambda *_: None)
            assert quick == written(text, **server)


def written(text: str, **options: Any) -> object:
    out = io.BytesIO()
    try:
        built = build(io.BytesIO(text.encode()), out, **options)
    except TextError as error:
        return str(error), error.line
    return out.getvalue(), built.writer.keys


def decoded(line: str) -> object:
    try:
        return ndjson.decode(line.encode())
    except TextError as error:
        return str(error)


def test_plain_ascii_takes_the_quick_way() -> None:
    values = (b"a", List([b"a", b"b"]), Set([b"a"]), ZSet({b"a": 1.5}), Hash({b"f": b"v"}))
    texts = [form_of(type_).text(value) for type_, value in zip(QUICK, values, strict=False)]  # type: ignore[misc]
    assert texts == [
        '"value":"a"',
        '"value":["a","b"]',
        '"value":["a"]',
        '"value":{"a":1.5}',
        '"value":{"f":"v"}',
    ]
    ways = [form_of(type_).plain for type_ in QUICK]
    again = [way and way(text[8:].encode()) for way, text in zip(ways, texts, strict=False) if text]
    assert again == [*values]


@every(
    ("type_", "batch"),
    [
        ("list", [b"a", b"b"]),
        ("list", [b'a"', b"b"]),
        ("list", []),
        ("hash", [(b"f", b"v", None), (b"g", b"w", None)]),
        ("hash", [(b"f", b"v", None), (b"g", b"w", 7)]),
        ("hash", [(b"f", b"\xff", None)]),
        ("zset", [(b"a", 1.5), (b"b", -0.0)]),
        ("zset", [(b"a", math.inf), (b"b", 1.0)]),
        ("zset", [(b"a", math.nan)]),
        ("zset", [(b"\\", 1.0)]),
    ],
)
def test_a_batch_of_elements_is_told_as_each_of_them(type_: str, batch: list[Any]) -> None:
    tell = {"list": form.ELEMENT, "hash": hashes.FIELD, "zset": zsets.PAIR}[type_]
    assert "".join(form.array_pieces([batch], tell, Spool())) == f"[{','.join(map(tell.text, batch))}]"


@every_file
def test_what_is_told_of_a_key_is_what_the_columns_say(data: bytes) -> None:
    entries = [record for record in read(data) if isinstance(record, Entry)]
    for entry in entries:
        head = json.loads(rows.head_of(entry) + "}")
        columns = [*rows.COLUMNS, *(c for c in rows.ATTRIBUTES if getattr(entry, c.attribute) is not None)]
        assert list(head) == [column.name for column in columns]
        assert [head[c.name] for c in columns if c.json is None] == [
            getattr(entry, c.attribute) for c in columns if c.json is None
        ]


@given(st.floats(allow_nan=False))
def test_a_score_comes_back_with_every_bit(score: float) -> None:
    (one,) = told(to_json({"key": "k", "type": "zset", **form_of("zset").members(ZSet({b"m": score}))}))
    assert isinstance(one, ndjson.TextEntry)
    assert repr(one.value[b"m"]) == repr(score)


def test_scores_that_are_no_json_numbers_have_names() -> None:
    value = ZSet({b"a": math.inf, b"b": -math.inf, b"c": math.nan, b"d": -0.0, b"e": 3.0})
    assert (
        to_json(form_of("zset").members(value))
        == '{"value":{"a":"inf","b":"-inf","c":"nan","d":-0.0,"e":3.0}}'
    )
    (one,) = told('{"key":"k","type":"zset","value":[["c","nan"]]}')
    assert isinstance(one, ndjson.TextEntry)
    assert math.isnan(one.value[b"c"])


# --- how it looks -----------------------------------------------------------------------------------


def hash_with_expiry(*fields: bytes) -> bytes:
    body = b"".join(bytes((at,)) + string(field) + string(b"v") for at, field in enumerate(fields))
    return pair(24, (1000).to_bytes(8, "little") + bytes((len(fields),)) + body)


def test_a_line_holds_what_the_file_says_and_nothing_else() -> None:
    attributes = b"\xfc" + (77).to_bytes(8, "little") + b"\xf9\x05"
    text = text_of(
        snapshot(pair(0, string(b"v")), b"\xfe\x02", attributes + pair(1, b"\x01" + string(b"\xff")))
    )
    assert text == (
        '{"db":0,"key":"k","type":"string","encoding":"string","value":"v"}\n'
        '{"db":2,"key":"k","type":"list","encoding":"linkedlist","expires_at":77,"freq":5,"value":[{"$b64":"/w=="}]}\n'
    )


def test_field_expiries_stand_beside_text_fields_and_inside_pairs_of_others() -> None:
    assert [json.loads(line) for line in text_of(snapshot(hash_with_expiry(b"a", b"b"))).splitlines()] == [
        {
            "db": 0,
            "key": "k",
            "type": "hash",
            "encoding": "hashtable-ttl",
            "value": {"a": "v", "b": "v"},
            "field_expires_at": {"b": 1000},
        }
    ]
    line = json.loads(text_of(snapshot(hash_with_expiry(b"a", b"\xfe"))))
    assert line["value"] == [["a", "v"], [{"$b64": "/g=="}, "v", 1000]]


def test_a_hash_with_a_field_named_like_the_mark_stays_a_hash() -> None:
    data = snapshot(pair(4, b"\x01" + string(b"$b64") + string(b"AA==")))
    assert json.loads(text_of(data))["value"] == {"$b64": "AA=="}
    assert told_keys(text_of(data)) == keys_of(data)


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\n", "\r", "\x1e", "\x0b"])
def test_no_line_end_of_any_alphabet_breaks_a_line(end: str) -> None:
    key = f"a{end}é".encode()
    data = snapshot(pair(0, string(key), key), pair(1, b"\x01" + string(key), key))
    text = text_of(data)
    assert len(text.splitlines()) == 2
    assert "é" in text
    assert told_keys(text) == keys_of(data)


def test_header_and_remarks_are_told_when_asked_for() -> None:
    data = snapshot(
        b"\xfa" + string(b"redis-ver") + string(b"7.4.1"), b"\xfa" + string(b"lua") + string(b"x")
    )
    assert text_of(data) == '{"aux":["lua","x"]}\n'
    assert text_of(data, everything=True) == (
        '{"rdb":{"dialect":"redis","version":12}}\n{"aux":["redis-ver","7.4.1"]}\n{"aux":["lua","x"]}\n'
    )
    records = read(built(text_of(data, everything=True)))
    assert isinstance(records[0], Header)
    assert records[0].version == 12
    assert [(record.name, record.value) for record in records if isinstance(record, Aux)] == [
        (b"redis-ver", b"7.4.1"),
        (b"lua", b"x"),
    ]


def test_a_function_of_7_0_rc2_keeps_its_name_and_engine() -> None:
    record = b"\xf6" + string(b"lib") + string(b"LUA") + b"\x00" + string(b"return 1")
    data = snapshot(record, magic=b"REDIS0010")
    assert told(text_of(data)) == [Function(0, record, b"return 1", b"lib", b"LUA")]


def test_what_is_sound_is_told_before_the_damage_raises() -> None:
    data = snapshot(pair(0, string(b"v"), b"a"), pair(11, b"\x08" + bytes(8), b"b"))
    pieces: list[str] = []
    with pytest.raises(rdbcodec.CorruptStructure):
        pieces.extend(ndjson.lines(rdbcodec.open(data)))
    assert "".join(pieces) == '{"db":0,"key":"a","type":"string","encoding":"string","value":"v"}\n'


# --- large values -----------------------------------------------------------------------------------


def test_a_large_string_passes_by_in_pieces() -> None:
    data = snapshot(pair(0, string(bytes(HELD_TEXT + 200_000))))
    pieces = list(ndjson.lines(rdbcodec.open(data, max_value=1000)))
    assert max(map(len, pieces)) < 400_000
    assert told_keys("".join(pieces)) == keys_of(data)


def test_a_string_of_some_size_is_still_told_as_the_text_it_is() -> None:
    text = "\u00e9" * 100_000
    data = snapshot(pair(0, string(text.encode())))
    assert json.loads(text_of(data, max_value=1000))["value"] == text


def test_a_string_that_unpacks_to_more_than_is_held_passes_by_too() -> None:
    data = snapshot(pair(0, lzf_run(b"a", 40)))
    pieces = list(ndjson.lines(rdbcodec.open(data, max_value=1000)))
    assert json.loads("".join(pieces))["value"] == "a" * 10561


def test_a_large_array_keeps_its_cursor() -> None:
    elements = b"".join(lengths.encode(at) + b"\x00" + string(b"text %d" % at) for at in range(60))
    data = snapshot(pair(28, b"\x3c\x01\x07" + elements), magic=b"REDIS0014")
    text = text_of(data, max_value=100)
    assert text == text_of(data)
    assert told_keys(text) == keys_of(data)


def test_a_large_set_of_dragonfly_keeps_its_expiries() -> None:
    members = [(b"m%d" % at, b"%d" % (at * 10) if at % 2 else b"-1") for at in range(60)]
    body = b"".join(string(member) + string(ttl) for member, ttl in members)
    data = snapshot(pair(32, b"\x3c" + body), magic=b"REDIS0009")
    with rdbcodec.open(data, dialect="dragonfly", max_value=100) as reader:
        (one,) = told("".join(ndjson.lines(reader)))
    with rdbcodec.open(data, dialect="dragonfly") as reader:
        (entry,) = (record for record in reader if isinstance(record, Entry))
    assert isinstance(one, ndjson.TextEntry)
    assert plain_value(one.value) == plain_value(entry.value())
    assert len(one.value.expires_at_ms) == 30


def test_damage_in_a_large_value_says_where_it_is() -> None:
    data = snapshot(pair(1, b"\x03" + string(bytes(900)) + string(bytes(300)) + b"\xc3\x05\x10\xffaaaa"))
    with pytest.raises(rdbcodec.CorruptStructure, match=r"^offset 9, db 0, key b'k', type list: "):
        text_of(data, max_value=1000)


# --- errors -----------------------------------------------------------------------------------------

# fmt: off
# ruff: noqa: E501 - one case, one line
WRONG = [
    ("{", "column 2 is not JSON: Expecting property name enclosed in double quotes"),
    ("[]", "a line is an array, expected an object"),
    ("{}", "a line has none of the members key, function, module_aux, aux, vendor, rdb"),
    ('{"key":"k"}', f"type is null, expected one of {', '.join(TYPE_NAMES)}"),
    ('{"key":"k","type":"sting","value":""}', f"type is 'sting', expected one of {', '.join(TYPE_NAMES)}"),
    ('{"key":"k","type":"string"}', "a line has no 'value'"),
    ('{"key":1,"type":"string","value":""}', 'key is a number, expected text or {"$b64": ...}'),
    ('{"key":{"$b64":"?"},"type":"string","value":""}', "key is not base64"),
    ('{"key":"\\ud800","type":"string","value":""}', 'key has half a surrogate pair, expected text or {"$b64": ...}'),
    ('{"key":"k","type":"string","value":7}', 'the value is a number, expected text or {"$b64": ...}'),
    (
        '{"key":"k","type":"string","expire_at":1,"value":""}',
        "a line of type string has a member 'expire_at', known are db, key, type, encoding, expires_at, idle, freq, meta, value",
    ),
    (
        '{"key":"k","type":"set","encoding":"ziplist","value":[]}',
        "encoding is 'ziplist', expected one of hashtable, intset, listpack, hashtable-ttl",
    ),
    ('{"db":-1,"key":"k","type":"string","value":""}', "db is out of range, expected 0 to 2147483647"),
    ('{"key":"k","type":"string","freq":256,"value":""}', "freq is out of range, expected 0 to 255"),
    ('{"key":"k","type":"string","idle":true,"value":""}', "idle is true or false, expected an integer"),
    ('{"key":"k","type":"string","meta":"x","value":""}', "raw is no record 'key-meta' as on disk"),
    ('{"key":"k","type":"list","value":{}}', "a list is an object, expected an array"),
    ('{"key":"k","type":"set","value":["a","a"]}', "set members are not unique: 2, of which 1 distinct"),
    ('{"key":"k","type":"hash","value":{"a":"1","a":"2"}}', "the members of an object are not unique: 2, of which 1 distinct"),
    ('{"key":"k","type":"hash","value":[["a","1"],["a","2"]]}', "hash fields are not unique: 2, of which 1 distinct"),
    (
        '{"key":"k","type":"hash","value":[["a"]]}',
        "a field of a hash is an array of 1, expected [field, value, milliseconds]",
    ),
    (
        '{"key":"k","type":"hash","value":{"a":"1"},"field_expires_at":{"b":1}}',
        "field_expires_at names a field that the hash has not",
    ),
    ('{"key":"k","type":"hash","value":7}', "a hash is a number, expected an object or an array of pairs"),
    ('{"key":"k","type":"zset","value":[[1,2]]}', 'a name of a sorted set is a number, expected text or {"$b64": ...}'),
    ('{"key":"k","type":"zset","value":null}', "a sorted set is null, expected an object or an array of pairs"),
    ('{"key":"k","type":"zset","value":{"m":"1"}}', 'a score is text, expected a number, "inf", "-inf" or "nan"'),
    ('{"key":"k","type":"zset","value":{"m":1e999}}', "a score is a number that no double can hold"),
    ('{"key":"k","type":"zset","value":{"m":NaN}}', "NaN is not JSON"),
    ('{"key":"k","type":"zset","value":{"m":%s}}' % ("9" * 5000), "an integer has 5000 digits, expected at most 20"),
    ("[" * 100_000, "JSON is nested too deeply"),
    (
        '{"key":"k","type":"stream","value":{"entries":[{"id":"5","fields":{}}]}}',
        'the ID of an entry is text, expected a stream ID such as "1600000000000-0"',
    ),
    ('{"key":"k","type":"stream","value":{"entries":[{"id":"5-0"}]}}', "a stream entry has no 'fields'"),
    (
        '{"key":"k","type":"module","value":{"module":"vectorset","version":0,"raw":"x"}}',
        "raw is no module value: the value ends inside a string or a length",
    ),
    (
        '{"key":"k","type":"module","value":{"module":"vectorset","version":1,"raw":{"$b64":"gb3nLaK7HrQAAA=="}}}',
        "the module id in raw is not the one that module and version name",
    ),
    ('{"aux":["a"]}', "aux is an array of 1, expected [name, value]"),
    ('{"rdb":{"dialect":"mysql","version":5}}', "dialect is 'mysql', expected one of redis, valkey, keydb, dragonfly, enterprise"),
    ('{"module_aux":"vectorset","version":0,"when":1,"raw":"x"}', "raw is no record 'module-aux' as on disk"),
]
# fmt: on


@every(("line", "message"), WRONG, ids=[line[:40] for line, _ in WRONG])
def test_a_line_that_is_wrong_names_its_number_and_what_was_expected(line: str, message: str) -> None:
    good = '{"key":"g","type":"string","value":"secret"}\n\n'
    with pytest.raises(TextError) as raised:
        told(good + line + "\n")
    assert str(raised.value) == f"line 3: {message}"
    assert raised.value.line == 3


MEMBERS = [
    *("key", "type", "value", "encoding", "db", "expires_at", "meta", "field_expires_at", "$b64", "raw"),
    *(
        "function",
        "name",
        "engine",
        "module_aux",
        "module",
        "version",
        "when",
        "aux",
        "vendor",
        "rdb",
        "dialect",
    ),
    *(
        "entries",
        "id",
        "fields",
        "groups",
        "last_id",
        "pending",
        "consumers",
        "nacked",
        "idempotence",
        "producers",
    ),
    *("iids", "cursor", "elements", "script", "start_ms", "interval_ms", "keys", "arguments"),
]
WORDS = [*TYPE_NAMES, "AA==", "1-0", "inf", "redis", "stream3", "slot-import", "update", "vectorset", ""]
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(MEMBERS), any_json, max_size=6),
    st.none() | st.sampled_from(list(TYPE_NAMES)),
    any_json,
)
def test_any_json_is_a_line_or_an_error_of_its_line(
    members: dict[str, Any], type_: str | None, value: Any
) -> None:
    if type_ is not None:
        members |= {"key": "k", "type": type_, "value": value}
    answers_or_raises(json.dumps(members).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_or_an_error_of_their_line(line: bytes) -> None:
    answers_or_raises(line.replace(b"\n", b" "))


def answers_or_raises(line: bytes) -> None:
    numbers: list[int | None]
    try:
        numbers = [number for number, _ in ndjson.read([line])]
    except TextError as error:
        numbers = [error.line]
    assert numbers in ([1], [])  # white space tells nothing


def test_bytes_that_are_no_text_are_an_error_of_their_line() -> None:
    with pytest.raises(TextError, match=r"^line 1: byte 9 is not UTF-8$"):
        list(ndjson.read([b'{"key":"\xff"}']))


def test_what_the_target_cannot_hold_is_an_error_of_its_line_and_leaves_no_end_mark() -> None:
    out = io.BytesIO()
    lines = [b'{"key":"a","type":"string","value":"v"}\n', b'{"key":"b","type":"list","value":[]}\n']
    with pytest.raises(TextError) as raised:
        build(lines, out)
    assert str(raised.value) == (
        "line 2: db 0, key b'b', list, for redis RDB 11: an empty list: Redis 2.4 to 6.0 load it, "
        "6.2 and later drop the key; drop-empty leaves it out"
    )
    with pytest.raises(rdbcodec.DecodeError):
        read(out.getvalue())


def test_a_hand_written_line_needs_a_key_a_type_and_a_value_only() -> None:
    data = built('{"key":"k","type":"zset","value":{"m":1}}\n', version=9)
    assert keys_of(data) == [
        (0, b"k", "zset", "ziplist", None, None, None, None, ("ZSet", [(b"m", 1.0)])),
    ]


def test_the_target_asked_for_counts_before_the_one_the_text_names() -> None:
    text = '{"rdb":{"dialect":"redis","version":12}}\n{"key":"k","type":"string","value":"v"}\n'
    assert built(text)[:9] == b"REDIS0012"
    assert built(text, version=9)[:9] == b"REDIS0009"
    assert built(text, to="valkey-9.0")[:9] == b"VALKEY080"
    assert built(text.split("\n")[1])[:9] == b"REDIS0011"


# --- CSV --------------------------------------------------------------------------------------------


def rows_of(data: bytes, **options: Any) -> list[list[str]]:
    text = "".join(tables.csv_rows(rdbcodec.open(data, **options)))
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@every_file
def test_csv_tells_the_same_keys_and_values_as_the_lines(data: bytes) -> None:
    head, *rows = rows_of(data)
    assert head == list(tables.COLUMNS)
    lines = [one for one in map(json.loads, text_of(data).splitlines()) if "key" in one]
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        attributes = [
            "" if line.get(name) is None else str(line[name]) for name in ("expires_at", "idle", "freq")
        ]
        assert row[:-1] == [str(line["db"]), cell(line["key"]), line["type"], line["encoding"], *attributes]
        if line["type"] == "string":
            assert row[-1] == cell(line["value"])
        elif "field_expires_at" not in line:
            assert json.loads(row[-1]) == line["value"]


def cell(value: Any) -> str:
    """A string as CSV has it, from its JSON form."""
    if isinstance(value, str) and "\0" not in value:
        return value
    return to_json({"$b64": base64.b64encode(value.encode()).decode()} if isinstance(value, str) else value)


@pytest.mark.once
@every_file
def test_csv_tells_values_that_pass_by_whole(data: bytes) -> None:
    large, held = rows_of(data, max_value=10_000), rows_of(data)
    assert [row[:-1] for row in large] == [row[:-1] for row in held]
    for one, other in zip(large[1:], held[1:], strict=True):
        assert value_of_row(one) == value_of_row(other)


def value_of_row(row: list[str]) -> tuple[object, ...]:
    is_text = row[2] == "string" and not row[-1].startswith('{"$b64"')
    value = row[-1] if is_text else json.loads(row[-1])
    line = {"key": "k", "type": row[2], "encoding": row[3], "value": value}
    (one,) = told(to_json(line))
    assert isinstance(one, ndjson.TextEntry)
    return plain_value(one.value)


def test_csv_is_lossless_unless_it_is_for_a_spreadsheet() -> None:
    keys = [b"=1+1", b"+1", b"-1", b"@SUM(A1)", b"\t=1", b"\r=1", "\uff1d1".encode(), b"a=1", b"'=1", b"1"]
    data = snapshot(*(pair(0, string(b"v"), key) for key in keys))
    plain = [row[1].encode() for row in rows_of(data)[1:]]
    assert plain == keys
    text = "".join(tables.csv_rows(rdbcodec.open(data), safe=True))
    safe = [row[1].encode() for row in csv.reader(io.StringIO(text, newline=""), strict=True)][1:]
    assert safe == [b"'" + key for key in keys[:7]] + keys[7:]


def test_csv_of_values_is_as_safe() -> None:
    data = snapshot(pair(0, string(b"=cmd|'/c calc'!A1")), pair(0, string(b"-5"), b"n"))
    text = "".join(tables.csv_rows(rdbcodec.open(data), safe=True))
    assert [row[-1] for row in csv.reader(io.StringIO(text))] == ["value", "'=cmd|'/c calc'!A1", "'-5"]


def test_csv_of_values_that_pass_by_is_as_safe() -> None:
    data = snapshot(pair(0, string(b"=" * 20_000), b"=k"))
    held, passing = (
        "".join(tables.csv_rows(rdbcodec.open(data, max_value=size), safe=True)) for size in (1 << 20, 10_000)
    )
    assert list(csv.reader(passing.splitlines())) == list(csv.reader(held.splitlines()))
    assert held.endswith(",'" + "=" * 20_000 + "\r\n")


def test_csv_quotes_keys_as_rfc_4180_says_and_keeps_field_expiries() -> None:
    data = snapshot(
        pair(0, string(b'"'), b'a,"b"\n'),
        pair(0, string(b"v"), b'{"$b64"'),
        pair(0, string(b'{"uid": 1}\r\n'), b"json"),
        pair(0, string(b'{"$b64":"eA=="}'), b"mark"),
        pair(0, string(b"a\0b"), b"nul"),
        hash_with_expiry(b"a", b"b"),
    )
    assert "".join(tables.csv_rows(rdbcodec.open(data))) == (
        "db,key,type,encoding,expires_at,idle,freq,value\r\n"
        '0,"a,""b""\n",string,string,,,,""""\r\n'
        '0,"{""$b64"":""eyIkYjY0Ig==""}",string,string,,,,v\r\n'
        '0,json,string,string,,,,"{""uid"": 1}\r\n"\r\n'
        '0,mark,string,string,,,,"{""$b64"":""eyIkYjY0IjoiZUE9PSJ9""}"\r\n'
        '0,nul,string,string,,,,"{""$b64"":""YQBi""}"\r\n'
        '0,k,hash,hashtable-ttl,,,,"[[""a"",""v""],[""b"",""v"",1000]]"\r\n'
    )
