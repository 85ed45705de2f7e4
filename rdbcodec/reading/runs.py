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
from itertools import accumulate, chain, repeat
from operator import itemgetter, sub
from struct import Struct
from typing import TYPE_CHECKING, Literal

from rdbcodec.errors import CorruptStructure
from rdbcodec.reading.key_walk import NUMBERS, walk_keys
from rdbcodec.records.attributed import CacheEntry
from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE, NEGATIVE
from rdbcodec.records.entry import Context, Entry
from rdbcodec.wire import strings
from rdbcodec.wire.strings import INT8, LZF, UNPLAIN

if TYPE_CHECKING:
    from rdbcodec.reading.window import Window

InRuns = Literal["all", "short strings"]  # which keys come as runs

_STRETCH = 32 << 10  # bytes in which short strings are looked for
_LEAST = 4 << 10  # bytes left in which it pays to look for them: making the pattern takes 2 ms
_SHORT = 0x40  # bytes: lengths below it take one
_GLANCED_AT = 4  # keys, of which one is another where they are mixed
_MANY = 64  # short strings that are worth a run of their own
_NO_HEADS: list[int] = []  # for who only makes entries

_time_at = Struct("<q").unpack_from
_expiry_at = Struct("<xq").unpack_from  # behind its opcode


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
    def expiries(self) -> list[int]:
        """The expiries of those that have something before them, where that is nothing else."""

    @abstractmethod
    def names(self) -> list[bytes]:
        """The keys."""

    @abstractmethod
    def raws(self) -> list[bytes]:
        """The value of each as on disk; nothing for one whose key is compressed or says its size oddly."""

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

    def expiries(self) -> list[int]:
        return list(chain.from_iterable(map(_expiry_at, self._records))) if self._head else []

    def names(self) -> list[bytes]:
        text = self._head + 2  # behind the type byte and the length
        return [record[text : text + record[text - 1]] for record in self._records]

    def raws(self) -> list[bytes]:
        text = self._head + 2
        return [record[text + record[text - 1] :] for record in self._records]

    def strings(self) -> list[bytes]:
        """Key, text, key, text ..., numbers as texts."""
        strings: list[bytes] = []
        add, text = strings.append, self._head + 2
        for record in self._records:
            end = text + record[text - 1]
            add(record[text:end])
            text_of_it = record[end + 1 :]
            add(
                text_of_it
                if record[end] < _SHORT
                else b"%d" % int.from_bytes(text_of_it, "little", signed=True)
            )
        return strings

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
        return Keys(self.context, self.buf, start, [start + self._head], [end], heads=_NO_HEADS).entry(0)

    def entries(self) -> list[Entry]:
        """Slots are filled here, without a call a key."""
        head, context = self._head, self.context
        entries: list[Entry] = []
        entry: Entry
        add, new, new_cache, start = entries.append, Entry, CacheEntry, self.begin
        for record in self._records:
            if head:
                entry = cached = new_cache()
                cached._head = record[:EXPIRY_SIZE]
                entry._record = record[EXPIRY_SIZE:]
            else:
                entry = new()
                entry._record = record
            entry._context = context
            entry._pos = start
            entry._start = 2 + record[head + 1]
            entry.code = 0
            add(entry)
            start += len(record)
        return entries


class Keys(Run):
    """Keys of all types: `types` has where the type byte of each stands, `ends` where each ends, `heads`
    where what stands before a key begins and ends, of those that have something there."""

    __slots__ = ("_ends", "_heads", "_starts", "_types")

    def __init__(
        self,
        context: Context,
        buf: bytes,
        begin: int,
        types: list[int],
        ends: list[int],
        *,
        heads: list[int],
    ) -> None:
        super().__init__(context, buf, begin, ends[-1])
        self._types = types
        self._ends = ends
        self._heads = heads
        self._starts = [begin, *ends]  # and one more, which nothing looks at

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def sizes(self) -> list[int]:
        return list(map(sub, self._ends, self._starts))

    @property
    def codes(self) -> bytes:
        first, *others = self._types
        if not others:
            return self.buf[first : first + 1]
        return bytes(itemgetter(*self._types)(self.buf))

    @property
    def head_sizes(self) -> set[int]:
        heads = self._heads
        sizes = set(map(sub, heads[1::2], heads[::2]))
        if len(heads) < 2 * len(self._types):
            sizes.add(0)
        return sizes

    def heads(self) -> list[bytes]:
        return list(map(self.buf.__getitem__, map(slice, self._heads[::2], self._heads[1::2])))

    def expiries(self) -> list[int]:
        return list(chain.from_iterable(map(_expiry_at, repeat(self.buf), self._heads[::2])))

    def names(self) -> list[bytes]:
        buf = self.buf
        return [
            buf[at + 2 : at + 2 + head] if (head := buf[at + 1]) < 0x40 else self._long_name(at)
            for at in self._types
        ]

    def _long_name(self, at: int) -> bytes:
        return self.entry(bisect_left(self._types, at)).key

    def raws(self) -> list[bytes]:
        buf = self.buf
        return [
            buf[at + 2 + head : end] if (head := buf[at + 1]) < _SHORT else self._behind_long_name(at, end)
            for at, end in zip(self._types, self._ends, strict=False)
        ]

    def _behind_long_name(self, at: int, end: int) -> bytes:
        buf = self.buf
        return b"" if buf[at + 1] in UNPLAIN else buf[strings.walk(buf, at + 1) : end]

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
    short = take_short_strings(window, context, pos, knows_expiries=knows_expiries)
    if short is not None:
        return short
    types: list[int] = []
    ends: list[int] = []
    heads: list[int] = []
    with suppress(IndexError, CorruptStructure):  # the loop of reading.core comes there next
        walk_keys(window, pos, types, ends, heads, knows_expiries=knows_expiries)
    if ends and ends[-1] > len(buf):
        types.pop()
        ends.pop()
    if not ends:
        return None
    while heads and heads[-1] >= ends[-1]:  # what stands before a key that is not in the run
        heads.pop()
        heads.pop()
    return Keys(context, buf, pos, types, ends, heads=heads)


def take_short_strings(
    window: Window, context: Context, pos: int, *, knows_expiries: bool
) -> ShortStrings | None:
    """The keys from `pos` on that are short strings, when they are many."""
    buf = window.buf
    if pos + _LEAST > len(buf) or (buf[pos] and (buf[pos] != EXPIRETIME_MS or not knows_expiries)):
        return None
    if not _begins_with_short_strings(buf, pos, EXPIRY_SIZE if buf[pos] else 0):
        return None
    end = min(pos + _STRETCH, len(buf))
    records = _pattern(expiring=bool(buf[pos])).findall(buf, pos, end)
    if len(records) < _MANY:
        return None
    # What begins with none is one match, to the end.
    if not _pattern(expiring=bool(buf[pos]), alone=True).fullmatch(records[-1]):
        end -= len(records.pop())
    return ShortStrings(context, buf, pos, end, records)


def _begins_with_short_strings(buf: bytes, pos: int, head: int) -> bool:
    """A glance, before a pattern is made for nothing, and asked again in each window."""
    with suppress(IndexError, CorruptStructure):
        for _ in repeat(None, _GLANCED_AT):
            pos += head
            if buf[pos] or buf[pos + 1] >= _SHORT:
                return False
            pos += 2 + buf[pos + 1]
            if _SHORT <= buf[pos] < INT8 or buf[pos] >= LZF:
                return False
            pos = strings.walk(buf, pos)
        return True
    return False


@cache
def _pattern(*, expiring: bool, alone: bool = False) -> re.Pattern[bytes]:
    """Matches one short plain string, or, if not `alone`, all that follows where none begins."""
    # Sizes are fixed: there is one way to match, and 3.11 need not remember where there might be others.
    keep = b"+" if sys.version_info >= (3, 11) else b""
    text = b"|".join(b"\\x%02x.{%d}%b" % (size, size, keep) if size else b"\\x00" for size in range(0x40))
    number = b"|".join(b"\\x%02x%b" % (0xC0 + kind, b"." * (size - 1)) for kind, size in enumerate(NUMBERS))
    head = b"\\x%02x.{%d}%b[\\x00-\\x%02x]" % (EXPIRETIME_MS, EXPIRY_SIZE - 2, keep, NEGATIVE - 1)
    record = b"%b\\x00(?:%b)(?:%b|%b)" % (head if expiring else b"", text, number, text)
    return re.compile(record if alone else record + b"|.+", re.DOTALL)
