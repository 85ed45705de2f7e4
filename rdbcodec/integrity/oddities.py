"""What is odd about a value: its traits, found by looking at it as loaders do and further.

`oddities` looks at a value that is held, `large_oddities` at one that passes by. Neither raises for damage:
that is what they report, as the name of a trait and what was found. Most values have none. How the values
of a type are looked at stands in its file, as `odd` of each layout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from rdbcodec.datatypes.odd import Columns, Look, Oddity
from rdbcodec.datatypes.registry import layout_of, type_named
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure, DecodeError, LimitExceeded
from rdbcodec.formats import TypeRow
from rdbcodec.integrity.stream_oddities import large_stream_oddities
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.reading.doubles import Doubles
from rdbcodec.records import Entry
from rdbcodec.wire import strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, skip
from rdbcodec.wire.strings import LONG_LENGTH, LZF, UNPLAIN, Budget


def oddities(entry: Entry) -> list[Oddity]:
    """What is odd about a value that is held, and about its key."""
    found = list(_in_key(entry)) if entry._record[1] in UNPLAIN else []
    row = entry.row
    scope = entry.scope()
    odd = layout_of(row).odd
    look = odd.look or _decoding(row)
    try:
        return [*found, *look(entry.raw, scope)]
    except LimitExceeded:
        return large_oddities(entry)  # it unpacks to more than is held, and passes by like a large one
    except CorruptStructure as error:
        return [*found, Oddity(odd.damage, error.message)]
    except IndexError:
        return [*found, Oddity(odd.damage, "the value ends inside an element")]


def sound_value(entry: Entry) -> Any:
    """The value, decoded, if that shows that nothing is odd about it: `oddities` would find nothing.

    None says nothing: who wants to know looks. Decoding takes no longer than the look, which takes the value
    apart as well.
    """
    is_sound = layout_of(entry.row).odd.is_sound
    if is_sound is None or entry._record[1] in UNPLAIN:
        return None
    try:
        value = entry.value()
    except (DecodeError, LimitExceeded):
        return None
    return value if is_sound(value) else None


def _decoding(row: TypeRow) -> Look:
    """The look at values that are only decoded."""

    def look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
        value = layout_of(row).decode(raw, scope)
        if hasattr(value, "__len__") and not len(value):
            yield Oddity("empty", "")

    return look


_code_of, _record_of = attrgetter("code"), attrgetter("_record")


def candidates(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that must be looked at: most are plain strings, which show at once that nothing is odd."""
    if not any(map(_code_of, entries)):
        joined = b"".join(map(_record_of, entries))  # a third of the time of looking at each
        if not any(head in joined for head in UNPLAIN):
            return []
    return [
        entry
        for entry in entries
        if entry.code or entry._record[1] in UNPLAIN or entry._record[entry._start] in UNPLAIN
    ]


def is_plain(entry: Entry) -> bool:
    """Whether nothing can be odd about an entry: a string neither compressed nor of a length of 9 bytes."""
    if entry.code:
        return False
    record = entry._record
    name, value = record[1], record[entry._start]
    return (name < LONG_LENGTH or name not in UNPLAIN) and (value < LONG_LENGTH or value not in UNPLAIN)


def has_plain_key(entry: Entry) -> bool:
    """Whether nothing can be odd about the bytes of a key."""
    return entry._record[1] not in UNPLAIN


def _in_key(entry: Entry) -> Iterator[Oddity]:
    name = entry.name_bytes
    head = name[0]
    if head == LZF:
        try:
            strings.read(name, 0, Budget(MAX_UNPACKED))
        except CorruptStructure as error:
            yield Oddity("lzf", error.message)
    elif head == LONG_LENGTH:
        yield Oddity("length-64-bit", "the key's length takes 9 bytes")


# --- values that pass by ----------------------------------------------------------------------------


def large_oddities(entry: Entry, stream_tail: bytearray | None = None) -> list[Oddity]:
    """What is odd about a value that passes by; it has passed then.

    Of a stream what follows its entries is left in `stream_tail`.
    """
    found = list(_in_key(entry))
    row = entry.row
    scope = entry.scope()
    held = Held(scope.budget.limit, skip)
    cursor = Cursor(entry.chunks(), scope.budget, streaming=True, held=held)
    try:
        if row.type == "string":
            return [*found, *_large_string(cursor)]
        if row.generation:
            return [*found, *large_stream_oddities(cursor, scope, row.generation, stream_tail)]
        return [*found, *_large_table(row, cursor, scope)]
    except CorruptStructure as error:
        odd = layout_of(row).odd
        return [*found, Oddity(odd.large_damage or odd.damage, error.message)]


def _large_string(cursor: Cursor) -> Iterator[Oddity]:
    if cursor.string_size() and cursor.buf[cursor.pos] == LZF:
        for _ in cursor.string_pieces():
            pass
    return iter(())


def _large_table(row: TypeRow, cursor: Cursor, scope: Scope) -> Iterator[Oddity]:
    odd = layout_of(row).odd
    is_score_bad = False
    with Doubles() as names:
        for batch, scores in columns_of(row)(cursor, scope):
            names.add(batch)
            is_score_bad = is_score_bad or has_nan(scores)
        cursor.expect_end()
        is_twice = names.count() > 0
    if is_score_bad and odd.nan is not None:
        yield Oddity(odd.nan, "")
    if is_twice:
        yield Oddity(odd.twice or "", "")


def columns_of(row: TypeRow) -> Columns:
    """What reads of a large value, in batches, its names, which must be there once, and its scores."""
    layout, names_of, is_scored = layout_of(row), type_named(row.type).names, row.type == "zset"

    def columns(cursor: Cursor, scope: Scope) -> Iterator[tuple[list[bytes], Sequence[float]]]:
        for batch in layout.items(cursor, scope):
            names = [] if names_of is None else names_of(batch)
            yield names, [score for _, score in batch] if is_scored else ()

    return layout.odd.columns or columns


def has_nan(scores: Sequence[float]) -> bool:
    """Whether one of the scores is not a number: few sums are none."""
    return math.isnan(sum(scores)) and any(map(math.isnan, scores))
