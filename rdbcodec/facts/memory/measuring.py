"""The bytes and the elements of entries that are held: of most by a look at two or three headers.

A string takes as much as any other of the same length, a number apart; `looks` says the same of other values.
All else goes the way of `shapes`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain, repeat

from rdbcodec.errors import DecodeError
from rdbcodec.facts.batches import Batch
from rdbcodec.facts.memory.element_sizes import size_at
from rdbcodec.facts.memory.kinds import KEY, STRING
from rdbcodec.facts.memory.looks import Costs, Glance, glance_of, remembered
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of, string_size
from rdbcodec.records import Entry
from rdbcodec.wire import strings
from rdbcodec.wire.integers import I64_DIGITS
from rdbcodec.wire.strings import LAST_DIGIT, MINUS

Times = Sequence[int | None]

_SHORT, _LONG = 0x40, 0x80  # lengths below 0x40 are their own byte; from there to 0x80 begin those of two


class Measuring:
    """Tells what entries take in a server, by its model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._strings = Costs(lambda n: model[STRING, n >> 1 & 0x3F, n >> 7, n & 1])
        self._keys = Costs(lambda n: model[KEY, n >> 1, 0, n & 1])
        self._looks: dict[int, Glance] = {}

    def measure(self, keys: Batch, times: Times | None) -> tuple[list[float], list[int | None]]:
        """The bytes of each in memory, and its elements, None where its headers do not tell.

        `times` are their expiries, None for none of all. No key may be large. This is the loop that all keys
        of a snapshot go through, so what most of them need is done in place, and no entry is made for it.
        """
        memory: list[float] = []
        elements: list[int | None] = []
        add, count = memory.append, elements.append
        short, named, looks = self._strings, self._keys, self._looks
        for (buf, pos), time in zip(keys.places, repeat(None) if times is None else times, strict=False):
            code, key = buf[pos], buf[pos + 1]
            if key < _SHORT:
                start = pos + 2 + key
            else:
                start, key = strings.walk(buf, pos + 1), size_at(buf, pos + 1)
            if not code:
                size = buf[start]
                count(1)
                if size < _LONG:
                    start += 1
                    if size >= _SHORT:
                        size = size << 8 & 0x3F00 | buf[start]
                    elif (
                        size <= I64_DIGITS
                        and size
                        and buf[start] <= LAST_DIGIT
                        and (buf[start : start + size].isdigit() or buf[start] == MINUS)
                    ):
                        size = string_size(buf, start - 1)
                else:
                    size = string_size(buf, start)
                if size >= 0 and key < _SHORT:
                    add(short[size << 7 | key << 1 | (time is not None)])
                else:
                    add(self._model[STRING, key, size, time is not None])
                continue
            try:
                look, at, head_sizes, seen = looks[code]
            except KeyError:
                look, at, head_sizes, seen = looks[code] = glance_of(keys.entry(len(memory)).row, self._model)
            try:
                head = buf[start : start + head_sizes[buf[start + at]]]
                found = seen.get(head)
                if found is None:
                    found = (remembered(look, head, seen) if head else None) or look(buf, start)
            except (DecodeError, IndexError, struct.error):
                found = None  # a damaged header, of which more is said there
            if found is None:
                entry = keys.entry(len(memory))
                add(self._model.total(chain.from_iterable(shapes_of(entry))))
                count(elements_of(entry))
            else:
                cost, number = found
                add(named[key << 1 | (time is not None)] + cost)
                count(number)
        return memory, elements


def elements_of(entry: Entry) -> int | None:
    """How many elements its headers tell; None when they do not, or the value is damaged."""
    if not entry.code:
        return 1
    try:
        return None if entry.is_large else entry.count
    except (DecodeError, IndexError):
        return None
