"""NDJSON, the lossless text form of a snapshot: one key a line, both ways.

    {"db":0,"key":"k","type":"hash","encoding":"listpack","expires_at":1700000000000,"value":{"f":"v"}}

    db, key, type, encoding      always
    expires_at                   absolute milliseconds, if the key expires
    idle, freq                   seconds and LFU counter, if the file has them
    meta                         module metadata of the key as on disk (Redis 8.6)
    value                        see values; what stands beside it as well

What belongs to the data set and to no key has lines of its own, in file order: functions, data of modules,
records of one dialect, and AUX fields with scripts of Redis 4.0 to 6.2 or field expiries of KeyDB. With
`everything` two more, from which a snapshot with the same header and remarks can be made: its header as the
first line, and all its AUX fields. `records` has their forms.

Hints are not told: counts (resizedb, slot-info) follow from the keys, hash templates stand resolved in the
hashes. `lines` yields pieces of text, so that neither a large value nor a file is ever held whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from rdbcodec.datatypes.registry import layout_of
from rdbcodec.errors import RdbError, TextError
from rdbcodec.exports import records as record_forms
from rdbcodec.exports.rows import BATCH, BATCH_SIZE, NAMES, InRuns, Run, head_of, runs, texts_of_run
from rdbcodec.exports.scalars import (
    MAX_SIGNED,
    PLAIN_ASCII,
    bytes_of,
    escape_line_ends,
    integer_of,
    known_names,
    object_of,
    parse_json,
    quoted_bytes,
    to_json,
    unknown_word,
)
from rdbcodec.exports.values import TYPE_NAMES, form_of, large_pieces, text_of
from rdbcodec.formats import TELLTALE_AUX, TYPES, Dialect
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.runs import ShortStrings
from rdbcodec.records import Aux, CacheEntry, Entry, Header, Record

if TYPE_CHECKING:
    from rdbcodec.exports.long_lines import Line, LongLine, Parts

MAX_DB = (1 << 31) - 1


class TextEntry(NamedTuple):
    """A key as a line tells it: what a writer needs. `encoding` is the word of formats.TYPES, or None."""

    db: int
    key: bytes
    type: str
    encoding: str | None
    value: Any
    expires_at_ms: int | None = None
    idle: int | None = None
    freq: int | None = None
    meta: bytes | None = None


Told = TextEntry | record_forms.Told


# --- to text ----------------------------------------------------------------------------------------


def lines(records: Iterable[InRuns], *, everything: bool = False) -> Iterator[str]:
    """A snapshot as NDJSON, in pieces of text cut anywhere; `everything` tells header and remarks too.

    Raises what reading the records raises; the lines of those before have been yielded then.
    """
    return joined(records, first="", before="", after="\n", everything=everything)


def joined(
    records: Iterable[InRuns], *, first: str, before: str, after: str, everything: bool = False
) -> Iterator[str]:
    """The objects of records with text around each; `first` stands instead of the first `before`."""
    for batch in batches(records, everything=everything):
        if isinstance(batch, list):
            yield escape_line_ends(first + (after + before).join(batch) + after)
        else:
            yield first
            yield from map(escape_line_ends, batch)
            yield after
        first = before


def batches(records: Iterable[InRuns], *, everything: bool) -> Iterator[list[str] | Iterator[str]]:
    """The objects of records in lists, and the pieces of one that is too large to hold."""
    batch: list[str] = []
    size = 0
    try:
        for item in runs(_with_dialect(records) if everything else records):
            kind = item.__class__
            if kind is Run:
                batch += _short_strings(item)  # type: ignore[arg-type] # as the class says
                text: str | None = ""
            elif kind is Entry or kind is CacheEntry:  # nearly all
                told = text_of(item)  # type: ignore[arg-type]
                text = None if told is None else f"{head_of(item)},{told}}}"  # type: ignore[arg-type]
            else:
                text = _object(item, everything=everything)  # type: ignore[arg-type] # it is no run
            if text:
                batch.append(text)
                size += len(text)
            elif text is None:
                assert isinstance(item, Entry)
                if batch:
                    yield batch
                    batch, size = [], 0
                yield _large_object(item)
            if len(batch) >= BATCH or size >= BATCH_SIZE:
                yield batch
                batch, size = [], 0
    except RdbError:
        if batch:  # what was read before the damage is sound
            yield batch
        raise
    if batch:
        yield batch


def _short_strings(run: Run) -> list[str]:
    plain = texts_of_run(run.parts, PLAIN_ASCII)
    quote = "" if plain is None else '"'
    texts = iter(map(quoted_bytes, run.parts) if plain is None else plain)
    begin, kind = f'{{"db":{run.db},"key":{quote}', f'{quote},"type":"string","encoding":"string",'
    value, end = f'"value":{quote}', f"{quote}}}"
    if not run.times:
        middle = kind + value
        return [f"{begin}{key}{middle}{text}{end}" for key, text in zip(texts, texts, strict=True)]
    kind, value = f'{kind}"expires_at":', f",{value}"
    return [
        f"{begin}{key}{kind}{at_ms}{value}{text}{end}"
        for key, text, at_ms in zip(texts, texts, run.times, strict=True)
    ]


def _with_dialect(records: Iterable[InRuns]) -> Iterator[InRuns]:
    """The records, the header with the dialect that an AUX field before the first key gives away."""
    source, first = iter(records), []
    failure: RdbError | None = None
    try:
        for record in source:
            first.append(record)
            if isinstance(record, (Entry, ShortStrings)) or _telltale(record) is not None:
                break
    except RdbError as error:
        failure = error
    dialect = _telltale(first[-1]) if first else None
    for record in first:
        yield record._replace(dialect=dialect) if dialect and isinstance(record, Header) else record
    if failure is not None:
        raise failure
    yield from source


def _telltale(record: InRuns) -> Dialect | None:
    return TELLTALE_AUX.get(record.name.lower()) if isinstance(record, Aux) else None


def _object(record: Record, *, everything: bool) -> str | None:
    """The object of a record; empty for one that has none, None for a key whose value cannot be held."""
    if isinstance(record, Entry):
        text = None if record.is_large else text_of(record)
        return None if text is None else f"{head_of(record)},{text}}}"
    members = record_forms.members_of(record, everything=everything)
    return "" if members is None else to_json(members)


def _large_object(entry: Entry) -> Iterator[str]:
    yield head_of(entry) + ',"value":'
    yield from large_pieces(entry)
    yield "}"


# --- from text --------------------------------------------------------------------------------------


def read(source: Iterable[Line]) -> Iterator[tuple[int, Told]]:
    """What the lines of NDJSON tell, with the line's number; empty lines tell nothing.

    The value of a long line may be Parts.
    Raises TextError, with the number, for a line that is not what the form says.
    """
    yield from read_numbered(enumerate(source, 1))


def read_numbered(source: Iterable[tuple[int, Line]]) -> Iterator[tuple[int, Told]]:
    """The same of some of the lines, with their numbers."""
    from rdbcodec.exports.long_lines import LongLine  # noqa: PLC0415 - who writes text has no need of it

    for number, line in source:
        try:
            if line.__class__ is LongLine:
                yield number, _decode_long(line)
            elif line and not line.isspace():  # type: ignore[union-attr] # that is what bytes have
                yield number, decode(line)  # type: ignore[arg-type]
        except TextError as error:
            error.line = number
            raise


def decode(line: bytes) -> Told:
    """What one line tells. Raises TextError."""
    frame = frames().fullmatch(line)
    told = None if frame is None or frame[1] is None else _plainly(frame)
    if told is not None:
        return told
    members = object_of(parse_json(line), "a line")
    for name, from_text in _FROM_TEXT.items():
        if name in members:
            return from_text(members)
    raise TextError(f"a line has none of the members {', '.join(_FROM_TEXT)}")


@cache
def frames() -> re.Pattern[bytes]:
    """What `lines` makes around a value, with a key of plain ASCII, as most have: no JSON is read for it.

    Any other line is found as well, and has empty groups. Numbers have few enough digits to be below MAX_DB
    and MAX_SIGNED. Made when needed, as it takes a while.
    """
    return re.compile(
        rb'\{"db":(0|[1-9][0-9]{0,8}),"key":"([ !#-\[\]-~]*)","type":"([a-z-]+)","encoding":"([0-9a-z-]+)"'
        rb'(?:,"expires_at":(0|[1-9][0-9]{0,17}))?,"value":(.*)\}\r*(?:\n|\Z)|.*\n'
    )


def plain_of(type_: str, encoding: str) -> Callable[[bytes], Any] | None:
    """What makes a value of the text of a plain one."""
    if encoding not in _ENCODINGS.get(type_, ()):
        return None
    form = form_of(type_)
    return form.plain if form.plain_in is None else form.plain_in(encoding)


def _plainly(frame: re.Match[bytes]) -> TextEntry | None:
    """The key of a plain value, as the `text` of its form makes them; None of others."""
    db, key, type_, encoding, expires_at_ms, text = frame.groups()
    kind, layout = type_.decode("ascii"), encoding.decode("ascii")
    plain = plain_of(kind, layout)
    value = None if plain is None else plain(text)
    if value is None:
        return None
    return TextEntry(int(db), key, kind, layout, value, None if expires_at_ms is None else int(expires_at_ms))


def _decode_long(line: LongLine) -> Told:
    """What a long line tells; of a collection the value comes in parts, if nothing is unusual about it."""
    from rdbcodec.exports.long_lines import OPENING, Parts  # noqa: PLC0415 - as above

    def whole() -> Told:
        return decode(b"".join(line.pieces()))

    value = OPENING.search(line.begin)
    if value is None:
        return whole()
    try:
        members = object_of(parse_json(line.begin[: value.start()] + b"}"), "a line") | {"value": None}
        if not _comes_in_parts(members):
            return whole()
        opening, start = value[1], value.end()

        def parts(type_: str) -> Parts:
            decode_part = _part_of(type_, members)
            return Parts(line, opening, start, type_=type_, decode=decode_part, whole=whole)

        return _entry_from_text(members, parts)
    except TextError:
        return whole()  # which says what is wrong, in the words of all lines


def _comes_in_parts(members: dict[str, Any]) -> bool:
    return "key" in members and any(
        layout_of(row).parts is not None for row in TYPES if row.type == members.get("type")
    )


def _part_of(type_: str, members: dict[str, Any]) -> Callable[[bytes], Any]:
    """What makes a value of JSON text of "value" alone; the members are those before it."""
    form = form_of(type_)
    encoding = members.get("encoding")
    plain = plain_of(type_, encoding) if isinstance(encoding, str) else form.plain

    def decode_part(text: bytes) -> Any:
        value = None if plain is None else plain(text)
        return form.value(members | {"value": parse_json(text)}) if value is None else value

    return decode_part


def _entry_from_text(members: dict[str, Any], long_value: Callable[[str], Parts] | None = None) -> TextEntry:
    type_ = members.get("type")
    if not isinstance(type_, str) or type_ not in TYPE_NAMES:
        raise unknown_word("type", type_, TYPE_NAMES)
    if not members.keys() <= _members_of(type_).keys():
        known_names(members, _members_of(type_), f"a line of type {type_}")
    if "value" not in members:
        raise TextError("a line has no 'value'")
    return TextEntry(
        integer_of(members.get("db", 0), "db", 0, MAX_DB),
        bytes_of(members["key"], "key"),
        type_,
        _encoding_of(members, type_),
        form_of(type_).value(members) if long_value is None else long_value(type_),
        *_attributes_of(members),
    )


@cache
def _members_of(type_: str) -> dict[str, None]:
    """The members of a line, in the order in which messages name them."""
    return dict.fromkeys((*NAMES, "value", *form_of(type_).beside))


def _encoding_of(members: dict[str, Any], type_: str) -> str | None:
    if "encoding" not in members:
        return None
    encoding = members["encoding"]
    if not isinstance(encoding, str) or encoding not in _ENCODINGS[type_]:
        raise unknown_word("encoding", encoding, _ENCODINGS[type_])
    return encoding


def _attributes_of(members: dict[str, Any]) -> Iterator[Any]:
    for name, (low, high) in _RANGES.items():
        yield integer_of(members[name], name, low, high) if name in members else None
    yield record_forms.raw_of({"raw": members["meta"]}, "key-meta") if "meta" in members else None


_RANGES = {"expires_at": (-MAX_SIGNED - 1, MAX_SIGNED), "idle": (0, MAX_SIGNED), "freq": (0, 255)}
_ENCODINGS = {
    type_: dict.fromkeys(row.encoding for row in TYPES if row.type == type_) for type_ in TYPE_NAMES
}
_FROM_TEXT: dict[str, Callable[[dict[str, Any]], Told]] = {
    "key": _entry_from_text,
    **record_forms.FROM_TEXT,
}
