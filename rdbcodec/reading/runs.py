"""Keys that follow one another in the bytes in hand, found but not taken out.

Who counts keys needs their sizes, types and expiries, and no object for each: making those takes as long as
finding the keys. A Run makes entries when it is asked for them, those that the loop of reading.core makes.

Most keys of most large files are short plain strings. A regular expression says all their forms, a length at
a time, so that a thousand of them are found in one call.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import accumulate, repeat
from operator import sub
from struct import Struct
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure
from rdbcodec.records.attributed import CacheEntry
from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE, IDLE, NEGATIVE, hint_end
from rdbcodec.records.entry import Context, Entry
from rdbcodec.wire import strings
from rdbcodec.wire.strings import LZF

if TYPE_CHECKING:
    from rdbcodec.reading.window import Window

KEYS = 1024  # of one run at most: passes look at runs by turns, and somebody waits for progress
_STRETCH = 32 << 10  # bytes in which short strings are looked for
_LEAST = 4 << 10  # bytes left in which it pays to look for them: making the pattern takes 2 ms
_MANY = 64  # short strings that are worth a run of their own
_NUMBERS = (2, 3, 5)  # bytes of strings that are numbers: INT8, INT16, INT32

_time_at = Struct("<q").unpack_from


class Run(ABC):
    """Keys that follow one another, each with an expiry before it, an eviction hint, both, or nothing.

    None is large and none has anything rarer before it. They end at `end` of `buf`.
    """

    __slots__ = ("begin", "buf", "context", "end")

    def __init__(self, context: Context, buf: bytes, begin: int, end: int) -> None:
        self.context = context
        self.buf = buf
        self.begin = begin
        self.end = end

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def sizes(self) -> list[int]:
        """The bytes of each on disk."""

    @property
    @abstractmethod
    def codes(self) -> bytes:
        """The type byte of each."""

    @property
    @abstractmethod
    def head_sizes(self) -> set[int]:
        """How many bytes stand before keys, all sizes there are."""

    @abstractmethod
    def heads(self) -> list[bytes]:
        """What stands before those that have something before them."""

    @abstractmethod
    def names(self) -> list[bytes]:
        """The keys."""

    @abstractmethod
    def offsets(self) -> list[int]:
        """Where they begin in the snapshot."""

    @abstractmethod
    def times(self) -> list[int | None]:
        """When each expires, absolute milliseconds; None for never."""

    @abstractmethod
    def places(self) -> Iterator[tuple[bytes, int]]:
        """Bytes that have the record of each, all of it, and where its type byte stands there."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """All of the keys."""

    @abstractmethod
    def entry(self, index: int) -> Entry:
        """One of the keys."""


class ShortStrings(Run):
    """Plain strings, their keys and texts of up to 63 bytes or numbers, with an expiry before each or before
    none. Nothing can be odd about them but that a key is there twice."""

    __slots__ = ("_head", "_records")

    def __init__(self, context: Context, buf: bytes, begin: int, end: int, records: list[bytes]) -> None:
        super().__init__(context, buf, begin, end)
        self._records = records
        self._head = EXPIRY_SIZE if buf[begin] else 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def sizes(self) -> list[int]:
        return list(map(len, self._records))

    @property
    def codes(self) -> bytes:
        return bytes(len(self._records))

    @property
    def head_sizes(self) -> set[int]:
        return {self._head}

    def heads(self) -> list[bytes]:
        return [record[:EXPIRY_SIZE] for record in self._records] if self._head else []

    def names(self) -> list[bytes]:
        text = self._head + 2  # behind the type byte and the length
        return [record[text : text + record[text - 1]] for record in self._records]

    def offsets(self) -> list[int]:
        return list(accumulate(map(len, self._records[:-1]), initial=self.context.base + self.begin))

    def times(self) -> list[int | None]:
        if not self._head:
            return [None] * len(self._records)
        return [_time_at(record, 1)[0] for record in self._records]

    def places(self) -> Iterator[tuple[bytes, int]]:
        return zip(self._records, repeat(self._head))

    def entry(self, index: int) -> Entry:
        start = self.begin + sum(map(len, self._records[:index]))
        end = start + len(self._records[index])
        return Keys(self.context, self.buf, start, [start + self._head], [end]).entry(0)

    def entries(self) -> list[Entry]:
        head, context = self._head, self.context
        if head:
            starts = list(accumulate(map(len, self._records), initial=self.begin))
            return Keys(
                context, self.buf, self.begin, [start + head for start in starts[:-1]], starts[1:]
            ).entries()
        entries: list[Entry] = []
        add, new, start = entries.append, Entry, self.begin
        for record in self._records:
            entry = new()
            entry._context = context
            entry._pos = start
            entry._record = record
            entry._start = 2 + record[1]
            entry.code = 0
            add(entry)
            start += len(record)
        return entries


class Keys(Run):
    """Keys of all types: `types` has where the type byte of each stands, `ends` where each ends."""

    __slots__ = ("_ends", "_starts", "_types")

    def __init__(self, context: Context, buf: bytes, begin: int, types: list[int], ends: list[int]) -> None:
        super().__init__(context, buf, begin, ends[-1])
        self._types = types
        self._ends = ends
        self._starts = [begin, *ends]  # and one more, which nothing looks at

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def sizes(self) -> list[int]:
        return list(map(sub, self._ends, self._starts))

    @property
    def codes(self) -> bytes:
        return bytes(map(self.buf.__getitem__, self._types))

    @property
    def head_sizes(self) -> set[int]:
        return set(map(sub, self._types, self._starts))

    def heads(self) -> list[bytes]:
        buf = self.buf
        return [buf[start:at] for start, at in zip(self._starts, self._types, strict=False) if start != at]

    def names(self) -> list[bytes]:
        buf = self.buf
        return [
            buf[at + 2 : at + 2 + head] if (head := buf[at + 1]) < 0x40 else self._long_name(at)
            for at in self._types
        ]

    def _long_name(self, at: int) -> bytes:
        return self.entry(bisect_left(self._types, at)).key

    def offsets(self) -> list[int]:
        return list(map(self.context.base.__add__, self._starts[:-1]))

    def times(self) -> list[int | None]:
        buf, read = self.buf, _time_at
        return [
            None if start == at or buf[start] != EXPIRETIME_MS else read(buf, start + 1)[0]
            for start, at in zip(self._starts, self._types, strict=False)
        ]

    def places(self) -> Iterator[tuple[bytes, int]]:
        return zip(repeat(self.buf), self._types)

    def entry(self, index: int) -> Entry:
        (entry,) = self._entries(slice(index, index + 1))
        return entry

    def entries(self) -> list[Entry]:
        return self._entries(slice(None))

    def _entries(self, which: slice) -> list[Entry]:
        """Slots are filled here, too, without a call a key."""
        context, buf, walk_string = self.context, self.buf, strings.walk
        entries: list[Entry] = []
        add, new, new_cache = entries.append, Entry, CacheEntry
        for start, at, end in zip(self._starts[which], self._types[which], self._ends[which], strict=False):
            if start == at:
                entry = new()
            else:
                entry = cached = new_cache()
                cached._head = buf[start:at]
            entry._context = context
            entry._pos = start
            entry._record = record = buf[at:end]
            head = record[1]
            entry._start = 2 + head if head < 0x40 else walk_string(record, 1)
            entry.code = record[0]
            add(entry)
        return entries


def take_run(window: Window, context: Context, pos: int, *, knows_expiries: bool) -> Run | None:
    """The keys from `pos` on, up to one that is odd, large, or not whole; None when the first is."""
    buf = window.buf
    short = _short_strings(context, buf, pos, knows_expiries=knows_expiries)
    if short is not None:
        return short
    types: list[int] = []
    ends: list[int] = []
    with suppress(IndexError, CorruptStructure):  # the loop of reading.core comes there next
        _walk_keys(window, pos, types, ends, knows_expiries=knows_expiries)
    if ends and ends[-1] > len(buf):
        types.pop()
        ends.pop()
    return Keys(context, buf, pos, types, ends) if ends else None


def _short_strings(context: Context, buf: bytes, pos: int, *, knows_expiries: bool) -> ShortStrings | None:
    if pos + _LEAST > len(buf) or (buf[pos] and (buf[pos] != EXPIRETIME_MS or not knows_expiries)):
        return None
    end = min(pos + _STRETCH, len(buf))
    records = _pattern(expiring=bool(buf[pos])).findall(buf, pos, end)
    if len(records) < _MANY:
        return None
    # What begins with none is one match, to the end.
    if not _pattern(expiring=bool(buf[pos]), alone=True).fullmatch(records[-1]):
        end -= len(records.pop())
    return ShortStrings(context, buf, pos, end, records)


@cache
def _pattern(*, expiring: bool, alone: bool = False) -> re.Pattern[bytes]:
    """Matches one short plain string, or, if not `alone`, all that follows where none begins."""
    # Sizes are fixed: there is one way to match, and 3.11 need not remember where there might be others.
    keep = b"+" if sys.version_info >= (3, 11) else b""
    text = b"|".join(b"\\x%02x.{%d}%b" % (size, size, keep) if size else b"\\x00" for size in range(0x40))
    number = b"|".join(b"\\x%02x%b" % (0xC0 + kind, b"." * (size - 1)) for kind, size in enumerate(_NUMBERS))
    head = b"\\x%02x.{%d}%b[\\x00-\\x%02x]" % (EXPIRETIME_MS, EXPIRY_SIZE - 2, keep, NEGATIVE - 1)
    record = b"%b\\x00(?:%b)(?:%b|%b)" % (head if expiring else b"", text, number, text)
    return re.compile(record if alone else record + b"|.+", re.DOTALL)


def _walk_keys(window: Window, pos: int, types: list[int], ends: list[int], *, knows_expiries: bool) -> None:
    """Notes where keys stand, and end; the last may end beyond the window.

    Stops at what is none, or odd, or large, and raises what walking raises, for want of bytes mostly.
    """
    buf, walks, max_value = window.buf, window.walks, window.max_value
    walk_string, numbers, add_type, add_end = strings.walk, _NUMBERS, types.append, ends.append
    for _ in repeat(None, KEYS):
        at = pos
        code = buf[pos]
        if code == EXPIRETIME_MS:
            if buf[pos + 8] >= NEGATIVE or not knows_expiries:
                break
            at += EXPIRY_SIZE
            code = buf[at]
        if code >= IDLE:
            at = hint_end(window, buf, at)
            code = buf[at]
        head = buf[at + 1]
        start = at + 2 + head if head < 0x40 else walk_string(buf, at + 1)
        walk = walks[code]
        if walk is walk_string:
            # A string, or a collection in one: its forms inline take half of the time of a call.
            head = buf[start]
            if head < 0x40:
                pos = start + 1 + head
            elif head < 0x80:
                pos = start + 2 + ((head & 0x3F) << 8 | buf[start + 1])
            elif head == LZF and 0x40 <= buf[start + 1] < 0x80 and 0x40 <= buf[start + 3] < 0x80:
                pos = start + 5 + ((buf[start + 1] & 0x3F) << 8 | buf[start + 2])
            elif 0xC0 <= head < LZF:
                pos = start + numbers[head - 0xC0]
            else:
                pos = walk_string(buf, start)
        elif walk is None or 0x50 <= buf[start] <= 0x80:
            break  # 4,096 elements or more may not end in this window: reading.core walks them once
        else:
            pos = walk(buf, start)
        if pos - start > max_value:
            break
        add_type(at)
        add_end(pos)
