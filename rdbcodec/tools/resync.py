"""Where the next record begins behind damage that hides it.

    place = find(whole, context, offset)      ->  the first place from `offset` on that reads as records

A place is taken when several records in a row decode there: their framing, their names, each of which is
another, and their values. Records whose names are words are believed sooner than those of a byte or two,
because zeros and small numbers, of which packed values are full, make such records by chance. Fewer are
enough where the end of the file follows them.

A hash whose fields may expire is written as a zero, a name and a value for each field that does not, which is
also how plain strings are written. So behind such a hash as many strings as it has fields are passed over.

Nearly all bytes are no such place, so each is asked the cheapest question first: is it a code, does a record
of that code end, does another code stand there?
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure, DecodeError, Truncated
from rdbcodec.formats import opcodes_of, types_of
from rdbcodec.framing import WalkFunction, compile_walk
from rdbcodec.reading.decoder import Decoder
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records import End, Entry, SelectDb
from rdbcodec.records.state import FileContext, Position
from rdbcodec.tools.damage_signs import is_of_unknown_module, is_word, refuse_unlikely
from rdbcodec.wire import strings
from rdbcodec.wire.strings import Budget

IN_A_ROW = 3  # records that decode
ODD_IN_A_ROW = 12  # that do when their names are short, or no words
PIECE = 256 << 10  # bytes searched at a time
NEAR, FAR = 256 << 10, 8 << 20  # bytes in which the records stand; the second when the first are too few
LAST_EXPIRY = 10**15  # milliseconds: the year 33658
LAST_DB = 1 << 14

Answer = Literal["yes", "no", "needs more"]


def find(whole: Unwrapped, context: FileContext, damaged: int, stop: int | None = None) -> Position | None:
    """The first place behind the start of a damaged record where records can be read; None for none.

    With `stop` it is looked for up to there.
    """
    search = _Search(whole, context, damaged)
    start, stop = damaged + 1, whole.size if stop is None else stop
    while start < stop:
        place = search.within(start, min(start + PIECE, stop))
        if place is not None and search.is_passed_over(place):
            start = place + 1
            continue
        if place is not None:
            return Position(place, context)
        start += PIECE
    return None


class _Search:
    def __init__(self, whole: Unwrapped, context: FileContext, damaged: int) -> None:
        self._whole = whole
        self._context = context
        self._types = types = types_of(context.dialect, context.version)
        self._opcodes = opcodes = opcodes_of(context.dialect, context.version)
        self._walks: Mapping[int, WalkFunction] = {
            code: compile_walk(row.framing, dict(context.templates)) for code, row in types.items()
        }
        self._codes = frozenset((*types, *opcodes))
        begins = sorted(code for code in self._codes if code not in opcodes or opcodes[code].name != "eof")
        self._begin = re.compile(b"[%b]" % b"".join(re.escape(bytes((code,))) for code in begins))
        # Strings that may be its fields.
        self._strings_left = self._fields_of(whole.read_at(damaged, NEAR))

    def _fields_of(self, buf: bytes) -> int:
        """How many fields a hash has of which some may expire; 0 for any other record."""
        pos = 0
        try:
            while (opcode := self._opcodes.get(buf[pos])) is not None:  # its attributes
                pos = compile_walk(opcode.framing, {})(buf, pos + 1)
            row = self._types.get(buf[pos])
            if row is None or not row.expires or row.packed is not None:
                return 0
            raw = buf[strings.walk(buf, pos + 1) :]
            return layout_of(row).count_of(raw, Scope(Budget(FAR), {})) or 0
        except (IndexError, DecodeError):
            return 0

    def is_passed_over(self, place: int) -> bool:
        """Whether what was found may be a field of the damaged hash."""
        if not self._strings_left or self._whole.read_at(place, 1) != b"\0":
            return False
        self._strings_left -= 1
        return True

    def within(self, start: int, end: int) -> int | None:
        """The first such place in this stretch of the file."""
        buf = self._whole.read_at(start, end - start + NEAR)
        for found in self._begin.finditer(buf, 0, end - start):
            pos = found.start()
            if not self._may_begin(buf, pos):
                continue
            answer = self._answer(buf[pos : pos + NEAR], start + pos)
            if answer == "needs more":
                answer = self._answer(self._whole.read_at(start + pos, FAR), start + pos)
            if answer == "yes":
                return start + pos
        return None

    def _may_begin(self, buf: bytes, pos: int) -> bool:
        """Whether a record seems to end where another begins; most places need no closer look."""
        walk = self._walks.get(buf[pos])
        if walk is None:
            return True
        try:
            end = walk(buf, strings.walk(buf, pos + 1))
            return end >= len(buf) or buf[end] in self._codes
        except CorruptStructure:
            return False
        except IndexError:
            return True

    def _answer(self, data: bytes, offset: int) -> Answer:
        """Whether these bytes, which stand there, begin with as many sound records as it takes."""
        decoder = Decoder.resume(self._context, offset, max_value=len(data))
        decoder.feed(data)
        decoder.feed_eof()
        names: set[tuple[int, bytes]] = set()
        try:
            while True:
                record = decoder.next_record()
                if isinstance(record, End):
                    return "yes" if names and are_words(names) and self._is_last(record) else "no"
                if isinstance(record, SelectDb) and record.db > LAST_DB:
                    return "no"
                if not isinstance(record, Entry):
                    continue
                verify(record)
                name = record.db, record.key
                if not record.key and not names:  # zeros, of which times are full, read as nothing else
                    return "no"
                if not is_word(record.key) and is_of_unknown_module(record):  # any number is the name of one
                    return "no"
                if name in names or not 0 <= (record.expires_at_ms or 0) < LAST_EXPIRY:
                    return "no"
                names.add(name)
                if len(names) >= (IN_A_ROW if are_words(names) else ODD_IN_A_ROW):
                    return "yes"
        except Truncated:
            return "needs more" if offset + len(data) < self._whole.size and len(data) < FAR else "no"
        except DecodeError:
            return "no"

    def _is_last(self, end: End) -> bool:
        return ends_file(self._whole, end.size)


def ends_file(whole: Unwrapped, size: int) -> bool:
    """Whether nothing of a snapshot stands behind so many bytes: padding, or the end of a replication."""
    if whole.size - size > FAR:
        return not whole.read_at(size, NEAR).strip(b"\0")
    return not whole.read_at(size, FAR).strip(b"\0").removeprefix(whole.mark)


def verify(entry: Entry) -> None:
    """Raise what is wrong with a key."""
    refuse_unlikely(entry)
    entry.verify()


def are_words(names: set[tuple[int, bytes]]) -> bool:
    """Whether all names of keys, each with its database, are such as no bytes make by chance."""
    return all(is_word(key) for _, key in names)
