"""Streams out of the JSON that most of them have: plain ASCII, the same fields in every entry.

    {"entries":[{"id":"1-0","fields":{"f":"v","g":"w"}},{"id":"1-1","fields":{"f":"x","g":"y"}}],"length":2,...}

Cut at its quotes, the text is words and marks in turn. Where the marks are those of such entries, words of
one kind stand at the same distance from each other: IDs, the values of a field.
"""

from __future__ import annotations

from rdbcodec.datatypes.streams import Stream
from rdbcodec.errors import TextError
from rdbcodec.exports.forms.streams.members import stream_of
from rdbcodec.exports.scalars import MAX_UNSIGNED, PLAIN_ASCII, parse_json
from rdbcodec.structures.stream_node import StreamEntry, StreamId

_BEGIN, _END = b'{"entries":[', b'],"length":'
_ALONE = b"]}"  # with nothing behind it, as in a part of a long line
_FIXED = 3  # words of an entry beside those of its fields: "id", its ID, "fields"


def plain_stream(text: bytes, *, encoding: str) -> Stream | None:
    """The stream of such a text; None of others."""
    end = text.rfind(_END)
    end = len(text) - len(_ALONE) if end < 0 and text.endswith(_ALONE) else end
    if end < 0 or not text.startswith(_BEGIN):
        return None
    entries = _entries_of(text[len(_BEGIN) : end])
    if entries is None:
        return None
    try:
        told = parse_json(b"{" + text[end + 1 :].removeprefix(b","))
        if "entries" in told:  # twice, then
            return None
        tail = {"length": len(entries), "last_id": str(max(entry.id for entry in entries)), **told}
        stream = stream_of(tail, encoding)
    except TextError:
        return None
    stream.entries = entries
    return stream


def _entries_of(text: bytes) -> list[StreamEntry] | None:
    parts = text.split(b'"')
    words, marks = parts[1::2], parts[::2]
    width = text[: text.find(b"}}")].count(b'"') // 2
    fields = (width - _FIXED) // 2
    number, rest = divmod(len(words), width or 1)
    if fields < 1 or rest or marks != _marks(number, fields) or text.translate(None, PLAIN_ASCII).strip(b'"'):
        return None
    names = words[_FIXED:width:2]
    if len(set(names)) < fields or any(words[at::width] != [word] * number for at, word in _same(names)):
        return None
    ids = _ids_of(words[1::width])
    if ids is None:
        return None
    columns = [zip(words[at::width], words[at + 1 :: width], strict=True) for at in range(_FIXED, width, 2)]
    return list(map(StreamEntry, ids, map(list, zip(*columns, strict=True))))


def _same(names: list[bytes]) -> list[tuple[int, bytes]]:
    """The words that are the same in each entry, and where they stand."""
    return [(0, b"id"), (2, b"fields"), *((_FIXED + 2 * at, name) for at, name in enumerate(names))]


def _marks(number: int, fields: int) -> list[bytes]:
    """What stands between words."""
    inside = [b":", b",", b":{", *[b":", b","] * (fields - 1), b":"]
    return [b"{", *([*inside, b"}},{"]) * (number - 1), *inside, b"}}"]


def _ids_of(texts: list[bytes]) -> list[StreamId] | None:
    """IDs; formatted again they must be the same texts."""
    try:
        numbers = list(map(int, b"-".join(texts).split(b"-")))
        told = b"%d-%d," * len(texts) % tuple(numbers)
    except (ValueError, TypeError):
        return None
    if told[:-1] != b",".join(texts) or max(numbers) > MAX_UNSIGNED:
        return None
    return list(map(StreamId, numbers[::2], numbers[1::2]))
