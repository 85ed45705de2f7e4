"""The nodes of one stream, whose entries often look alike: rows of one size, which C takes apart by columns.

Entries with the fields of the master entry often differ from their neighbours in nothing but what stands in
them: texts are as long, integers of the same forms. Here three of one field, 12 bytes each:

    0201 0101 0001 82 6f6e 03 0401        flags, ID, ID, "on", lp-count; each with its back-length
    0201 0901 0001 82 7570 03 0401
    0201 1a01 0001 82 6f6e 03 0401

The form of the first says where the others must have the same byte (flags, sizes, back-lengths), and where
one of some (an integer of 7 bits). Each such place of all rows is one slice: a comparison a place, where a
decoder of elements takes several for each. What does not look so, damage included, is left to
`stream_node.live`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node
from rdbcodec.structures.back_length import back_length
from rdbcodec.structures.stream_node import SAME_FIELDS, StreamEntry, StreamId

_MANY_NODES = 8  # for which it pays to learn how they look
_MOST_MISSES = 3  # nodes one after another that do not look so, until no further one is tried
_MOST_FORMS = 64  # of rows; a stream of more does not look so
_LONG_RUN = 256  # rows that are looked at together: one that ends early costs no more than that
_FEW_RUNS, _SHORT_RUN = 4, 8  # more runs, of fewer rows on average, take as long as elements
_WIDEST = 64  # fields of an entry: lp-count is then a byte

_COUNT_AT = 6  # in the blob, behind the header
_U7, _I13, _I16, _I24, _I32, _I64 = 0x00, 0xC0, 0xF1, 0xF2, 0xF3, 0xF4
_CODES = {_I16: "h", _I24: "i", _I32: "i", _I64: "q"}  # of 24 bits the byte before them is read, too
_HEADS = {_U7: bytes(range(0x80)), _I13: bytes(range(0xC0, 0xE0))}  # integers that begin with one of some

Form = tuple[int, ...]  # the first byte of each element, _U7 and _I13 for those; of longer texts two bytes


def reader(nodes: int) -> Callable[[bytes, StreamId], list[StreamEntry]]:
    """What gives the live entries of each node, of so many; it raises what the decoders raise."""
    return Rows().live if nodes >= _MANY_NODES else _by_elements


def _by_elements(blob: bytes, master: StreamId) -> list[StreamEntry]:
    return stream_node.live(listpack.decode_mixed(blob), master)


class Rows:
    """Decodes the nodes of one stream in their order, and learns how they look."""

    __slots__ = ("_cuts", "_master", "_misses", "_names")

    def __init__(self) -> None:
        self._master = b""  # of a node: what follows the count of its entries, up to the first of them
        self._names: list[bytes] = []
        self._cuts: dict[Form, Cut | None] = {}
        self._misses = 0

    def live(self, blob: bytes, master: StreamId) -> list[StreamEntry]:
        """The live entries of the next node, as `stream_node.live` has them."""
        if self._master:
            columns = self._columns(blob)
            if columns is not None:
                self._misses = 0
                return stream_node.by_columns(master, columns[0], columns[1], self._names, columns[2:])
        elements = listpack.decode_mixed(blob)
        entries = stream_node.live(elements, master)
        if self._misses < _MOST_MISSES:
            self._learn(elements)
        return entries

    def _learn(self, elements: list[Any]) -> None:
        """From a sound node: what the next one begins with, if it is like this."""
        self._misses += 1
        self._master = b""
        width = elements[2]
        if width <= _WIDEST and self._misses < _MOST_MISSES:
            names = elements[3 : 3 + width]
            self._names = [name if isinstance(name, bytes) else b"%d" % name for name in names]
            self._master = listpack.encode([0, width, *names, 0])[_COUNT_AT:-1]

    def _columns(self, blob: bytes) -> list[list[Any]] | None:
        """Halves of IDs, and values, of all entries; None for a node that is not rows under such a master."""
        elements, end = len(self._names) + 4, len(blob) - 1
        is_framed = int.from_bytes(blob[:4], "little") == len(blob) and blob.endswith(b"\xff")
        left, pos = _count(blob)
        if not (is_framed and pos and blob.startswith(self._master, pos)):
            return None
        if listpack.count(blob) != (left + 1) * elements:
            return None
        pos += len(self._master)
        columns: list[list[Any]] = [[] for _ in range(elements - 2)]
        most_runs = _FEW_RUNS + left // _SHORT_RUN
        while left and most_runs:
            cut = self._cut(blob, pos, elements)
            if cut is None:
                return None
            run = cut.count(blob, pos, min(left, (end - pos) // cut.size, _LONG_RUN))
            stop = pos + run * cut.size
            found = cut.columns(blob, pos, stop) if run > 1 else _row(blob[pos:stop], elements)
            if not found:
                return None
            for column, part in zip(columns, found, strict=True):
                column += part
            left, pos, most_runs = left - run, stop, most_runs - 1
        return columns if pos == end and not left else None

    def _cut(self, blob: bytes, pos: int, elements: int) -> Cut | None:
        """What takes rows of the form that one has here; None where no such row is."""
        form = form_of(blob, pos, elements)
        if form in self._cuts:
            return self._cuts[form]
        if len(self._cuts) >= _MOST_FORMS:
            self._misses, self._master = _MOST_MISSES, b""
            return None
        is_usual = form[:1] + form[-1:] == (_U7, _U7) and not any(map(_is_text, form[1:3]))
        return self._cuts.setdefault(form, Cut(form) if is_usual else None)


def _count(blob: bytes) -> tuple[int, int]:
    """How many entries live, and where what follows stands; (0, 0) when it is no small number."""
    head, second, third = blob[_COUNT_AT : _COUNT_AT + 3].ljust(3, b"\xff")
    if head < 0x80 and second == 1:
        return head, _COUNT_AT + 2
    if 0xC0 <= head < 0xD0 and third == 2:  # of 13 bits, and not negative
        return (head & 0x0F) << 8 | second, _COUNT_AT + 3
    return 0, 0


def _row(raw: bytes, elements: int) -> list[tuple[Any]]:
    """What `Cut.columns` gives, of one row by its elements, which is quicker; [] for what is none."""
    found: list[Any] = []
    try:
        listpack.take(raw, 0, len(raw), found, listpack.NUMBERS)
    except CorruptStructure:
        return []
    if len(found) != elements or found[0] != SAME_FIELDS or found[-1] != elements - 1:
        return []
    ms, seq, *values = found[1:-1]
    return [(ms,), (seq,), *((value if isinstance(value, bytes) else b"%d" % value,) for value in values)]


def form_of(blob: bytes, pos: int, elements: int) -> Form:
    """The form of so many elements; () when one is a text of 4096 bytes or more, or there are fewer."""
    form = []
    try:
        for _ in range(elements):
            head = blob[pos]
            if head < 0x80:
                head = _U7
            elif 0xC0 <= head < 0xE0:
                head = _I13
            elif 0xE0 <= head < 0xF0:
                head = head << 8 | blob[pos + 1]
            elif head >= 0xF0 and head not in _CODES:
                return ()
            form.append(head)
            before, inside, after = _frame(head)
            pos += len(before) + inside + len(after)
    except IndexError:
        return ()
    return tuple(form)


@cache  # of 4,200 heads at most
def _frame(head: int) -> tuple[bytes, int, bytes]:
    """Of an element: the bytes before what differs, the size of that, and the back-length."""
    if head > 0xFF:
        size = head & 0x0FFF
        return head.to_bytes(2, "big"), size, back_length(size + 2)
    if head in _HEADS:
        size = 1 if head == _U7 else 2
        return b"", size, b"%c" % size
    size = struct.calcsize(_CODES[head]) if head in _CODES else head & 0x3F
    size -= head == _I24
    return b"%c" % head, size, b"%c" % (size + 1)


def _is_text(head: int) -> bool:
    return head not in _HEADS and head not in _CODES


class Cut:
    """Takes rows of one form apart."""

    __slots__ = ("_fixed", "_heads", "_places", "_unpack", "size")

    def __init__(self, form: Form) -> None:
        self.size = 0
        self._fixed: list[tuple[int, bytes]] = []  # places where all rows have this byte
        self._heads: list[tuple[int, bytes]] = []  # and where one of these
        self._places: list[tuple[int, int]] = []  # of columns: what they are, and where in a row or a struct
        code, done, found = "<", 0, 0
        for at, head in enumerate(form):
            before, inside, after = _frame(head)
            start = self.size + len(before)
            self._fix(self.size, before)
            self._fix(start + inside, after)
            self.size = start + inside + len(after)
            if at in (0, len(form) - 1):  # flags and lp-count
                self._fix(start, b"%c" % (SAME_FIELDS if not at else len(form) - 1))
            elif head in _HEADS:
                self._heads.append((start, _HEADS[head]))
                self._places.append((head, start))
            else:
                start -= head == _I24
                code += f"{start - done}x" + _CODES.get(head, f"{inside}s")
                done = start + inside + (head == _I24)
                self._places.append((head, found))
                found += 1
        self._fixed.sort(key=lambda place: not place[1] > b"\x7f")  # sizes and forms first: these differ
        self._unpack = struct.Struct(f"{code}{self.size - done}x").iter_unpack

    def _fix(self, start: int, text: bytes) -> None:
        self._fixed += ((start + at, b"%c" % byte) for at, byte in enumerate(text))

    def count(self, blob: bytes, pos: int, most: int) -> int:
        """How many rows of this form stand from `pos` on, up to `most`; of 0 or 1 it is not sure."""
        size = self.size
        for at, byte in self._fixed:
            found = blob[pos + at : pos + most * size : size]
            if found != byte * most:
                most -= len(found.lstrip(byte))
                if most < 2:
                    return most
        for at, some in self._heads:
            most -= len(blob[pos + at : pos + most * size : size].lstrip(some))
        return most

    def columns(self, blob: bytes, pos: int, stop: int) -> list[Iterable[Any]]:
        """What stands in the rows: halves of IDs as numbers, values as texts."""
        size = self.size
        taken = list(zip(*self._unpack(blob[pos:stop])))  # noqa: B905 - strict
        columns: list[Iterable[Any]] = []
        for at, (head, place) in enumerate(self._places):
            is_id = at < 2
            column: Sequence[Any]
            if head == _U7:
                column = blob[pos + place : stop : size]
                columns.append(column if is_id else map(_TEXTS.__getitem__, column))
            elif head == _I13:
                numbers: Sequence[Any] = _NUMBERS if is_id else _TEXTS
                pairs = zip(blob[pos + place : stop : size], blob[pos + place + 1 : stop : size])  # noqa: B905
                columns.append([numbers[(high << 8 | low) - 0xC000] for high, low in pairs])
            elif head in _CODES:
                column = [number >> 8 for number in taken[place]] if head == _I24 else taken[place]
                columns.append(column if is_id else [b"%d" % number for number in column])
            else:
                columns.append(taken[place])
        return columns


_NUMBERS, _TEXTS = listpack.SMALL, listpack.TEXTS[0]
