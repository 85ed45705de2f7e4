"""Lines of NDJSON that are too long to hold: what comes of them is what comes of them when they are held."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from cases import every

import rdbcodec
from rdbcodec.datatypes.streams import Stream
from rdbcodec.errors import TextError
from rdbcodec.exports import long_lines, ndjson
from rdbcodec.exports.build import build
from rdbcodec.structures.stream_node import StreamEntry, StreamId

MANY = 600  # elements: more than any server keeps in a compact layout


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of 3,000 bytes are long, and come in parts of 700."""
    for name, size in {"CHUNK": 512, "LONG": 3000, "PIECE": 700}.items():
        monkeypatch.setattr(long_lines, name, size)


def built(lines: Iterable[bytes], **options: Any) -> bytes:
    out = io.BytesIO()
    build(lines, out, **options)
    return out.getvalue()


def held(text: bytes) -> list[bytes]:
    """Lines that somebody holds already."""
    return text.splitlines(keepends=True)


class Pipe(io.BytesIO):
    """A file that passes by once."""

    def seekable(self) -> bool:
        return False


def stream() -> Stream:
    """With fields of the same name, and a group."""
    entries = [
        StreamEntry(StreamId(number, 1), [(b"f", b"%d" % number), (b"f" if number % 3 else b"\xff", b"x")])
        for number in range(MANY)
    ]
    told = Stream(3, entries, MANY, entries[-1].id)
    told.first_id, told.max_deleted_id, told.entries_added = entries[0].id, StreamId(0, 0), MANY + 7
    return told


COLLECTIONS: dict[bytes, Any] = {
    b"list": [b"element %d" % number for number in range(MANY)],
    b"list with large elements": [b"x" * 9000, b"y", b"z" * 300, b"", b"\xff" * 40],
    b"set": {b"member %d" % number for number in range(MANY)},
    b"numbers": {b"%d" % number for number in range(MANY)},
    b"hash": {b'"%d", \\' % number: b"," if number % 7 else b"\xe2\x80\xa8 \xff" for number in range(MANY)},
    b"hash of plain texts": {b'"field %d' % number: b"," for number in range(MANY)},
    b"sorted set": rdbcodec.ZSet({b'","%d' % number: MANY - number / 2 for number in range(MANY)}),
    b"sorted set of special scores": rdbcodec.ZSet(
        {b"inf": float("inf"), **{b"m%09d" % -number: 0.5 for number in range(MANY)}, b"": float("-inf")}
    ),
    b"stream": stream(),
    b"small": {b"field": b"value"},
}


@pytest.fixture(scope="module")
def snapshot() -> bytes:
    source = io.BytesIO()
    with rdbcodec.create(source, to="redis-7.2") as writer:
        for key, value in COLLECTIONS.items():
            writer.write(key, value, expires_at_ms=5)
    return source.getvalue()


def text_of(snapshot: bytes, max_value: int) -> bytes:
    with rdbcodec.open(snapshot, max_value=max_value) as reader:
        return "".join(ndjson.lines(reader)).encode()


OBJECTS, PAIRS = 1 << 20, 300  # how collections are told: those that can be held, and others


@every(
    ("max_value", "file", "options"),
    [
        (OBJECTS, Pipe, {}),
        (PAIRS, io.BytesIO, {}),
        (OBJECTS, io.BytesIO, {"to": "redis-4.0"}),
        (PAIRS, Pipe, {"to": "valkey-9.0"}),
    ],
    ids=["objects", "pairs", "for 4.0", "for Valkey"],
)
def test_a_long_line_becomes_what_it_becomes_when_it_is_held(
    snapshot: bytes, max_value: int, file: type[io.BytesIO], options: dict[str, Any]
) -> None:
    text = text_of(snapshot, max_value)
    if options.get("to") == "redis-4.0":  # which has no streams
        text = b"".join(line for line in held(text) if b'"type":"stream"' not in line)
    assert built(file(text.rstrip(b"\n")), **options) == built(held(text), **options)


def told_in_parts(text: bytes) -> Iterator[tuple[bytes, bool]]:
    for _, told in ndjson.read(long_lines.lines_of(io.BytesIO(text))):
        assert isinstance(told, ndjson.TextEntry)
        yield told.key, isinstance(told.value, long_lines.Parts) and bool([*told.value])


def test_no_large_collection_is_held(snapshot: bytes) -> None:
    assert dict(told_in_parts(text_of(snapshot, PAIRS))) == {key: key != b"small" for key in COLLECTIONS}


def spaced(line: str) -> str:
    return line.replace('":', '" : ').replace(',"', ' , "')


def line_of(type_: str, value: str, *, beside: str = "") -> str:
    return f'{{"key":"k","idle":7,"type":"{type_}","value":{value}{beside}}}\n'


NAMES = ",".join(f'"name {number}"' for number in range(MANY))
SCORES = ",".join(f'"name {number}":{number}' for number in range(MANY))
TEXTS = ",".join(f'"name {number}":","' for number in range(MANY))
FIELDS = ",".join(f'["name {number}","text"]' for number in range(MANY))


@every(
    "line",
    [
        line_of("set", spaced(f"[{NAMES}]")),
        line_of("set", f'["\\"",",",{NAMES},"\\\\",";,"]'),
        line_of("hash", f'[{FIELDS},["expiring","text",5]]'),
        line_of("hash", f"{{{TEXTS}}}", beside=',"freq":3'),
        line_of("hash", f"{{{TEXTS}}}", beside=',"field_expires_at":{"name 3":5}'),
        line_of("zset", f"{{{SCORES}}}"),
        line_of("string", f'"{NAMES.replace(chr(34), "")}"'),
        line_of("string", f'{{"$b64":"{"A" * 4000}"}}'),
    ],
    ids=lambda line: line[20:60],
)
def test_what_nobody_dumps_is_taken_as_well(line: str) -> None:
    text = (
        '{"key":"before","type":"list","value":["1"]}\n\n'
        + line
        + '{"key":"c","type":"string","value":"d"}\n'
    ).encode()
    assert built(io.BytesIO(text), to="redis-8.0") == built(held(text), to="redis-8.0")


@every(
    "line",
    [
        line_of("set", f'[{NAMES},"name 3"]'),
        line_of("hash", f'[{FIELDS},["name 3","text"]]'),
        line_of("hash", f'[{FIELDS},["name"]]'),
        line_of("zset", f'{{{SCORES},"name 3":3}}'),
        line_of("zset", f'{{{SCORES},"name":"x"}}'),
        line_of("zset", f"[{SCORES.replace(':', ',')}]"),
        line_of("list", f"[{NAMES},]"),
        line_of("list", f"[{NAMES}"),
        line_of("list", f"[{NAMES}]]"),
        line_of("list", f'[{NAMES},"name'),
        line_of("list", f"[{NAMES},7]"),
        line_of("list", f'[{NAMES},{{"$b64":"?"}}]'),
        line_of("list", f"[{NAMES}]", beside=',"nobody":1'),
        line_of("sting", f"[{NAMES}]"),
        line_of("zset", f'{{{SCORES},"name":"nan"}}'),
    ],
    ids=lambda line: line[30:40] + line[-30:-1],
)
def test_what_is_wrong_with_a_long_line_is_said_as_of_any_other(line: str) -> None:
    text = ('{"key":"before","type":"list","value":["1"]}\n' + line + "\n").encode()
    messages = []
    for lines in (io.BytesIO(text), Pipe(text), held(text)):
        with pytest.raises(TextError) as raised:
            built(lines, to="redis-7.2")
        messages.append(str(raised.value))
    assert messages[0].startswith("line 2: ")
    assert messages == [messages[0]] * 3
