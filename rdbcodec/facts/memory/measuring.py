"""The bytes and the elements of entries that are held: of most by a look at two or three headers.

A string takes as much as any other of the same length, a number apart; `looks` says the same of other values.
All else goes the way of `shapes`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain, repeat

from rdbcodec.errors import DecodeError
from rdbcodec.facts.memory.element_sizes import size_at
from rdbcodec.facts.memory.kinds import KEY, STRING
from rdbcodec.facts.memory.looks import Costs, Look, look_of
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of, string_shape
from rdbcodec.records import Entry
from rdbcodec.wire.integers import I64_DIGITS

Expiries = Sequence[int | None]

_NUMERALS, _LAST_DIGIT = b"-0123456789", ord("9")
_SHORT, _LONG = 0x40, 0x80  # lengths below 0x40 are their own byte; from there to 0x80 begin those of two


class Measuring:
    """Tells what entries take in a server, by its model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._strings = Costs(lambda n: model[STRING, n >> 1 & 0x3F, n >> 7, n & 1])
        self._keys = Costs(lambda n: model[KEY, n >> 1, 0, n & 1])
        self._looks: dict[int, Look | None] = {}

    def measure(
        self, entries: Sequence[Entry], expiries: Expiries | None
    ) -> tuple[list[float], list[int | None]]:
        """The bytes of each in memory, and its elements, None where its headers do not tell.

        Without `expiries` none of them expires. None may be large. This is the loop that all keys of a
        snapshot go through, so what most of them need is done in place.
        """
        memory: list[float] = []
        elements: list[int | None] = []
        short, keys, looks = self._strings, self._keys, self._looks
        for entry, at in zip(entries, repeat(None) if expiries is None else expiries, strict=False):
            code, record, start = entry.code, entry._record, entry._start
            key = record[1]
            expires = at is not None  # as a number, in what follows
            if not code:
                size = record[start]
                elements.append(1)
                if key >= _SHORT or (
                    size <= I64_DIGITS
                    and size
                    and record[start + 1] <= _LAST_DIGIT
                    and not record[start + 1 :].lstrip(_NUMERALS)
                ):
                    memory.append(self._model[string_shape(entry)])
                elif size < _SHORT:
                    memory.append(short[size << 7 | key << 1 | expires])
                elif size < _LONG:
                    memory.append(short[(size << 8 & 0x3F00 | record[start + 1]) << 7 | key << 1 | expires])
                else:
                    memory.append(self._model[string_shape(entry)])
                continue
            try:
                look = looks[code]
            except KeyError:
                look = looks[code] = look_of(entry.row, self._model)
            try:
                found = None if look is None else look(record, start)
            except (DecodeError, IndexError, struct.error):
                found = None  # a damaged header, of which more is said there
            if found is None:
                memory.append(self._model.total(chain.from_iterable(shapes_of(entry))))
                elements.append(elements_of(entry))
            else:
                if key >= _SHORT:
                    key = size_at(record, 1)
                cost, count = found
                memory.append(keys[key << 1 | expires] + cost)
                elements.append(count)
        return memory, elements


def elements_of(entry: Entry) -> int | None:
    """How many elements its headers tell; None when they do not, or the value is damaged."""
    if not entry.code:
        return 1
    try:
        return None if entry.is_large else entry.count
    except (DecodeError, IndexError):
        return None
