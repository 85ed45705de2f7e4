"""What is odd about a value: its traits, found by looking at it as loaders do and further.

`oddities` looks at a value that is held, `large_oddities` at one that passes by. Neither raises for damage:
that is what they report, as the name of a trait and what was found. Most values have none.

What a loader takes whole, such as a listpack, is looked at in two steps, because most loaders check no more
than its size and its end: that is "listpack"; what is wrong between them is "listpack-inside".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from rdbcodec.datatypes import zsets
from rdbcodec.datatypes.hashes import Field, fields_with_listpack_ttl, fields_with_ttl, fields_with_valkey_ttl
from rdbcodec.datatypes.lists import PACKED, PLAIN
from rdbcodec.datatypes.registry import CODECS
from rdbcodec.datatypes.scope import Scope, check_whole, read_blob, read_strings
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.formats import TypeRow
from rdbcodec.integrity.stream_oddities import Oddity, large_stream_oddities, stream_oddities
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.records import Entry
from rdbcodec.structures import intset, listpack, ziplist, zipmap
from rdbcodec.wire import doubles, lengths, lzf, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, skip
from rdbcodec.wire.strings import LZF, Budget

MAX_FIELD_TTL = 1 << 48  # from here on no loader takes it (asked of 8.2.3 and 8.10.2)

# Above these defaults of the servers a packed value is unpacked while loading, and then checked.
HASH_ENTRIES, SET_ENTRIES, ZSET_ENTRIES, INTSET_ENTRIES, HASH_VALUE = 512, 128, 128, 512, 64

Look = Callable[[bytes, Scope], Iterable[Oddity]]


def oddities(entry: Entry) -> list[Oddity]:
    """What is odd about a value that is held, and about its key."""
    found = list(_in_key(entry))
    row = entry.row
    scope = Scope(Budget(entry.max_value), entry._context.templates)
    look = LOOKS.get(row.name)
    try:
        return found + list(
            look(entry.raw, scope) if look is not None else _undecodable(row.name, entry.raw, scope)
        )
    except LimitExceeded:
        return large_oddities(entry)  # it unpacks to more than is held, and passes by like a large one
    except CorruptStructure as error:
        return [*found, Oddity(_DAMAGED.get(row.name, "table"), error.message)]
    except IndexError:
        return [*found, Oddity(_DAMAGED.get(row.name, "table"), "the value ends inside an element")]


_code_of, _record_of = attrgetter("code"), attrgetter("_record")


def candidates(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that must be looked at: most are plain strings, which show at once that nothing is odd."""
    if not any(map(_code_of, entries)):
        joined = b"".join(map(_record_of, entries))  # a third of the time of looking at each
        if not any(head in joined for head in _UNPLAIN):
            return []
    return [
        entry
        for entry in entries
        if entry.code or entry._record[1] in _UNPLAIN or entry._record[entry._start] in _UNPLAIN
    ]


def is_plain(entry: Entry) -> bool:
    """Whether nothing can be odd about an entry: a string neither compressed nor of a length of 9 bytes."""
    record = entry._record
    return not entry.code and record[1] not in _UNPLAIN and record[entry._start] not in _UNPLAIN


# First bytes of a string that is to be looked at: nothing can be odd about any other.
_UNPLAIN = frozenset({LZF, 0x81})


def _in_key(entry: Entry) -> Iterator[Oddity]:
    head = entry._record[1]
    if head == LZF:
        try:
            strings.read(entry._record, 1, Budget(MAX_UNPACKED))
        except CorruptStructure as error:
            yield Oddity("lzf", error.message)
    elif head == 0x81:
        yield Oddity("length-64-bit", "the key's length takes 9 bytes")


# --- strings ----------------------------------------------------------------------------------------


def _string(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    del scope
    head = raw[0]
    if head == 0x81:
        yield Oddity("length-64-bit", "the length of the string takes 9 bytes")
    elif head == LZF:
        packed, size, start = strings.read_lzf_header(raw, 0)
        if not packed and not size:
            yield Oddity("lzf-empty", "the LZF block is empty")
        else:
            lzf.verify(raw[start : start + packed], size)


# --- packed structures ------------------------------------------------------------------------------


class _Packed(NamedTuple):
    """What a value keeps in a packed structure: elements each, and how many until it is unpacked."""

    width: int
    limit: float
    unique: bool = True
    scored: bool = False


_LIST = _Packed(1, math.inf, unique=False)
_SET, _HASH = _Packed(1, SET_ENTRIES), _Packed(2, HASH_ENTRIES)
_ZSET = _Packed(2, ZSET_ENTRIES, scored=True)


def _listpack(raw: bytes, scope: Scope, kind: _Packed) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    elements = yield from _elements("listpack", blob, kind)
    if elements is not None:
        yield from _in_elements("listpack", elements, kind)


def _ziplist(raw: bytes, scope: Scope, kind: _Packed) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    elements = yield from _elements("ziplist", blob, kind)
    if elements is not None:
        yield from _in_elements("ziplist", elements, kind)


def _elements(name: str, blob: bytes, kind: _Packed, inside: str | None = None) -> Any:
    """The elements; None when they cannot be had, and what is odd about that is told.

    `inside` is the trait of damage between frame and end where it has one of its own.
    """
    structure, header = _STRUCTURES[name]
    try:
        return structure.decode(blob)
    except CorruptStructure as error:
        if not is_framed(name, blob):
            yield Oddity(name, error.message)
        else:
            count = structure.count(blob[:header])
            is_large = count is None or count > kind.limit * kind.width
            yield Oddity(inside or _large(f"{name}-inside", is_large), error.message)
        return None


def is_framed(name: str, blob: bytes) -> bool:
    """Whether size and end are right, which is all that most loaders look at."""
    _, header = _STRUCTURES[name]
    size = int.from_bytes(blob[:4], "little")
    if len(blob) <= header or size != len(blob) or blob[-1] != 0xFF:
        return False
    return name == "listpack" or int.from_bytes(blob[4:8], "little") < size


def _in_elements(name: str, elements: Sequence[bytes], kind: _Packed) -> Iterator[Oddity]:
    count = len(elements) // kind.width
    is_large = count > kind.limit
    if not elements:
        yield Oddity("empty", "")
    elif len(elements) % kind.width:
        yield Oddity(_large(f"{name}-inside", is_large), f"{len(elements)} elements are no pairs")
        return
    if kind.unique and len(set(elements[:: kind.width])) != count:
        yield Oddity(_large(f"{name}-twice", is_large), "")
    if kind.scored:
        yield from _in_scores(elements, is_large)


def _large(trait: str, is_large: bool) -> str:
    """Loaders of 7.0 and later look at each entry of a ziplist anyway."""
    return f"{trait}-large" if is_large and trait.startswith("listpack") else trait


def _in_scores(elements: Sequence[bytes], is_large: bool) -> Iterator[Oddity]:
    texts = elements[1::2]
    try:
        scores = list(map(doubles.parse, texts))
    except CorruptStructure as error:
        yield Oddity("score-text", error.message)
        is_nan = any(map(_is_nan, texts))  # servers take what their strtod makes of the beginning
        scores = []
    else:
        is_nan = any(map(math.isnan, scores))
    if is_nan:
        yield Oddity("score-packed-large" if is_large else "score-packed", "")
    elif any(map(_descends, scores, elements[::2], scores[1:], elements[2::2])):
        yield Oddity("score-order", "")


_is_nan = re.compile(rb"\s*[+-]?nan", re.IGNORECASE).match


def _descends(score: float, member: bytes, next_score: float, next_member: bytes) -> bool:
    return (score, member) > (next_score, next_member)


def _intset(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    try:
        members = intset.decode(blob)
    except CorruptStructure as error:
        if len(blob) < 8 or error.pos in (0, 4):
            yield Oddity("intset", error.message)
        else:
            is_large = intset.count(blob[:8]) > INTSET_ENTRIES
            yield Oddity("intset-order-large" if is_large else "intset-order", error.message)
        return
    if not members:
        yield Oddity("intset-empty", "")


def _zipmap(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    blob = read_blob(raw, scope)
    pairs = zipmap.decode(blob)
    if blob[0] > _ZIPMAP_UNCOUNTED:
        yield Oddity("zipmap", f"its count is {blob[0]}, 254 is the one for unknown")
    if len({field for field, _ in pairs}) != len(pairs):
        yield Oddity("zipmap", "a field is there twice")
    if not pairs:
        yield Oddity("zipmap", "it is empty")


_ZIPMAP_UNCOUNTED = 254

_STRUCTURES: dict[str, tuple[Any, int]] = {"listpack": (listpack, 6), "ziplist": (ziplist, 10)}

# --- lists ------------------------------------------------------------------------------------------


def _quicklist(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    found = 0
    for node in read_strings(raw, scope):
        elements = yield from _elements("ziplist", node, _LIST)
        found += elements is None or len(elements)
    if not found:
        yield Oddity("empty", "")


def _quicklist_2(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    count, pos = lengths.read(raw, 0)
    found = 0
    for _ in range(count):
        container, pos = lengths.read(raw, pos)
        node, pos = strings.read(raw, pos, scope.budget)
        if container == PACKED:
            elements = yield from _elements("listpack", node, _LIST)
            found += elements is None or len(elements)
        else:
            found += 1
            if container != PLAIN:
                yield Oddity("list-node", f"a node is of kind {container}, expected 1 or 2")
            elif not node:
                yield Oddity("list-node", "a plain node holds nothing")
    if not found:
        yield Oddity("empty", "")


# --- tables -----------------------------------------------------------------------------------------


def _members(raw: bytes, scope: Scope, trait: str | None) -> Iterator[Oddity]:
    members = read_strings(raw, scope)
    if not members:
        yield Oddity("empty", "")
    if trait is not None and len(set(members)) != len(members):
        yield Oddity(trait, "")


def _pairs(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    flat = read_strings(raw, scope, 2)
    if not flat:
        yield Oddity("empty", "")
    yield from _in_fields(flat[::2], flat, "hash-twice")


def _in_fields(fields: Sequence[bytes], texts: Iterable[bytes], trait: str) -> Iterator[Oddity]:
    if len(set(fields)) != len(fields):
        is_large = len(fields) > HASH_ENTRIES or max(map(len, texts)) > HASH_VALUE
        yield Oddity(f"{trait}-large" if is_large else trait, "")


def _scored(raw: bytes, scope: Scope, take: Callable[..., int]) -> Iterator[Oddity]:
    count, pos = lengths.read(raw, 0)
    pairs: list[zsets.Scored] = []
    end = take(raw, pos, count, pairs, scope.budget)
    check_whole(len(pairs), count, end, raw, scope.budget)
    if not pairs:
        yield Oddity("empty", "")
    if len(dict(pairs)) != len(pairs):
        yield Oddity("zset-twice", "")
    if any(math.isnan(score) for _, score in pairs):
        yield Oddity("score", "")


# --- hashes whose fields expire ---------------------------------------------------------------------


def _ttl(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    if int.from_bytes(raw[:8], "little", signed=True) < 0:
        yield Oddity("field-ttl-negative", "the minimum is below 0")
        return
    fields = fields_with_ttl(raw, scope)
    yield from _in_expiring(fields, "field-ttl-over")


def _listpack_ttl(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    blob = read_blob(raw, scope, 8)
    # Loaders read its last expiry at once, and end or go on as the place of the damage has it.
    elements = yield from _elements("listpack", blob, _Packed(3, HASH_ENTRIES), "listpack-ttl-inside")
    if elements is None:
        return
    try:
        fields = fields_with_listpack_ttl(blob)
    except CorruptStructure as error:
        yield Oddity("table" if len(elements) % 3 == 0 else "listpack-ttl-inside", error.message)
        return
    yield from _in_expiring(fields, "field-ttl-over-listpack")
    expiries = [math.inf if at is None else at for *_, at in fields]
    if expiries != sorted(expiries):
        yield Oddity("field-ttl-order", "")


def _valkey_ttl(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    fields = fields_with_valkey_ttl(raw, scope)
    if not fields:
        yield Oddity("empty", "")
    if len({field for field, *_ in fields}) != len(fields):
        yield Oddity("field-ttl-twice-large", "")
    odd = [at for *_, at in fields if at is not None and not 0 < at < MAX_FIELD_TTL]
    if odd:
        yield Oddity("field-ttl-valkey", f"a field expires at {odd[0]}")


def _in_expiring(fields: Sequence[Field], over: str) -> Iterator[Oddity]:
    if not fields:
        yield Oddity("empty", "")
    yield from _in_fields(
        [field for field, *_ in fields],
        (text for field, value, _ in fields for text in (field, value)),
        "field-ttl-twice",
    )
    expiries = [at for *_, at in fields if at is not None]
    if expiries and min(expiries) < 0:
        yield Oddity("field-ttl-negative", f"a field expires at {min(expiries)}")
    if expiries and max(expiries) >= MAX_FIELD_TTL:
        yield Oddity(over, f"a field expires at {max(expiries)}")


# --- the rest ---------------------------------------------------------------------------------------


def _undecodable(name: str, raw: bytes, scope: Scope) -> Iterator[Oddity]:
    value = CODECS[name].decode(raw, scope)
    if hasattr(value, "__len__") and not len(value):
        yield Oddity("empty", "")


# fmt: off
LOOKS: dict[str, Look] = {
    "string":            _string,
    "list":              partial(_members, trait=None),
    "set":               partial(_members, trait="set-twice"),
    "hash":              _pairs,
    "zset":              partial(_scored, take=zsets.take_text_scored),
    "zset-2":            partial(_scored, take=zsets.take_scored),
    "hash-zipmap":       _zipmap,
    "list-ziplist":      partial(_ziplist, kind=_LIST),
    "list-quicklist":    _quicklist,
    "list-quicklist-2":  _quicklist_2,
    "set-intset":        _intset,
    "set-listpack":      partial(_listpack, kind=_SET),
    "zset-ziplist":      partial(_ziplist, kind=_ZSET),
    "zset-listpack":     partial(_listpack, kind=_ZSET),
    "hash-ziplist":      partial(_ziplist, kind=_HASH),
    "hash-listpack":     partial(_listpack, kind=_HASH),
    "hash-ttl":          _ttl,
    "hash-listpack-ttl": _listpack_ttl,
    "hash-ttl-valkey":   _valkey_ttl,
    "stream":            partial(stream_oddities, version=1),
    "stream-2":          partial(stream_oddities, version=2),
    "stream-3":          partial(stream_oddities, version=3),
    "stream-4":          partial(stream_oddities, version=4),
    "stream-5":          partial(stream_oddities, version=5),
}
# fmt: on

# What it is called that a value cannot be read at all, where "table" does not fit.
_DAMAGED = {
    "string": "lzf",
    "hash-zipmap": "zipmap",
    "array": "array",
    **dict.fromkeys(
        ("list-ziplist", "set-intset", "zset-ziplist", "hash-ziplist", "set-listpack", "zset-listpack"), "lzf"
    ),
    **dict.fromkeys(("hash-listpack", "hash-listpack-ttl"), "lzf"),
    **dict.fromkeys(("stream", "stream-2", "stream-3", "stream-4", "stream-5"), "stream-tail"),
    **dict.fromkeys(
        (
            "hash-template-listpack",
            "hash-template-listpack-ref",
            "hash-template-array",
            "hash-template-array-ref",
        ),
        "template",
    ),
    **dict.fromkeys(
        ("module-2", "path-hash", "cron", "json", "json-old", "sbf", "sbf-2", "cms"), "undecodable"
    ),
    **dict.fromkeys(("topk", "cuckoo", "hash-expiry", "set-expiry"), "undecodable"),
    **dict.fromkeys(("hash-ttl-rc", "hash-listpack-ttl-rc"), "undecodable"),
}

# --- values that pass by ----------------------------------------------------------------------------


def large_oddities(entry: Entry, stream_tail: bytearray | None = None) -> list[Oddity]:
    """What is odd about a value that passes by; it has passed then.

    Of a stream what follows its entries is left in `stream_tail`.
    """
    found = list(_in_key(entry))
    row = entry.row
    budget = Budget(entry.max_value)
    cursor = Cursor(entry.chunks(), budget, streaming=True, held=Held(budget.limit, skip))
    scope = Scope(budget, entry._context.templates)
    try:
        if row.type == "string":
            return [*found, *_large_string(cursor)]
        if row.generation:
            return [*found, *large_stream_oddities(cursor, scope, row.generation, stream_tail)]
        return [*found, *_large_table(row, cursor, scope)]
    except CorruptStructure as error:
        trait = _LARGE_DAMAGED.get(row.name, _DAMAGED.get(row.name, "table"))
        return [*found, Oddity(trait, error.message)]


def _large_string(cursor: Cursor) -> Iterator[Oddity]:
    if cursor.string_size() and cursor.buf[cursor.pos] == LZF:
        for _ in cursor.string_pieces():
            pass
    return iter(())


def _large_table(row: TypeRow, cursor: Cursor, scope: Scope) -> Iterator[Oddity]:
    type_, name = row.type, row.name
    unique = type_ in ("set", "zset", "hash")
    is_score_bad = False
    with KeyIndex() as names:
        for batch in CODECS[name].items(cursor, scope):
            if unique:
                members = batch if type_ == "set" else [item[0] for item in batch]
                names.add(members)
            if type_ == "zset":
                is_score_bad = is_score_bad or any(math.isnan(score) for _, score in batch)
        cursor.expect_end()
        is_twice = next(names.duplicates(), None) is not None
    if is_score_bad:
        yield Oddity("score-packed-large" if row.packed else "score", "")
    if is_twice:
        yield Oddity(
            _LARGE_TWICE.get(name, f"{type_}-twice-large" if type_ == "hash" else f"{type_}-twice"), ""
        )


_LARGE_TWICE = {
    "hash-listpack": "listpack-twice-large",
    "set-listpack": "listpack-twice-large",
    "zset-listpack": "listpack-twice-large",
    "hash-ziplist": "ziplist-twice",
    "zset-ziplist": "ziplist-twice",
    "hash-ttl": "field-ttl-twice-large",
    "hash-listpack-ttl": "field-ttl-twice-large",
    "hash-ttl-valkey": "field-ttl-twice-large",
}
# Whether it is the frame or the inside is not known of what passes by.
_LARGE_DAMAGED = dict.fromkeys(
    (
        *("list-ziplist", "list-quicklist", "list-quicklist-2", "set-intset", "set-listpack", "zset-ziplist"),
        *("zset-listpack", "hash-ziplist", "hash-listpack", "hash-listpack-ttl"),
        *("stream", "stream-2", "stream-3", "stream-4", "stream-5"),
    ),
    "undecodable",
)
