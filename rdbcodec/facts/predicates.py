"""What each filter of a selection asks of an entry; `FILTERS` is all of them.

    make(values, now_ms)  ->  predicates, all of which must hold

Made of the values of one filter; of none it makes nothing. What cannot be understood raises ValueError, which
says what was expected. Opposites are made of the same predicates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rdbcodec.facts.globs import glob_pattern
from rdbcodec.facts.key_lists import KeyList
from rdbcodec.facts.ranges import (
    DATABASE,
    ELEMENTS,
    FREQUENCY,
    IDLE,
    NO_END,
    SIZE,
    SLOT,
    TTL,
    Measure,
    Range,
    contains,
)
from rdbcodec.facts.slots import key_slot
from rdbcodec.formats import TYPES
from rdbcodec.records import Entry, LargeEntry

Predicate = Callable[[Entry], bool]


def predicates(filters: dict[str, Any], now_ms: int) -> list[Predicate]:
    """Of the filters that are given, the cheap ones first."""
    for name in filters:
        if name.removeprefix("not_") not in _FILTERS:
            raise TypeError(f"{name!r} is no filter, expected {', '.join(_FILTERS)}, or not_ before one")
    found: list[Predicate] = []
    for name, make in _FILTERS.items():
        found += make(_each(filters.get(name, ())), now_ms)
        found += map(_opposite, make(_each(filters.get(f"not_{name}", ())), now_ms))
    return found


def _each(values: Any) -> list[Any]:
    """One value, or several."""
    return [values] if isinstance(values, str | bytes | int | KeyList) else list(values)


def _opposite(predicate: Predicate) -> Predicate:
    return lambda entry: not predicate(entry)


def _dbs(values: list[Any], _: int) -> Iterator[Predicate]:
    if values:
        is_in = contains(_ranges(DATABASE, values))
        yield lambda entry: is_in(entry.db)


def _types(values: list[str], _: int) -> Iterator[Predicate]:
    if values:
        wanted = _words("type", values)
        yield lambda entry: entry.type in wanted


def _encodings(values: list[str], _: int) -> Iterator[Predicate]:
    if values:
        wanted = _words("encoding", values)
        yield lambda entry: entry.encoding in wanted


def _words(column: str, values: list[str]) -> frozenset[str]:
    """Types or encodings, in any case."""
    known = {getattr(row, column).lower(): getattr(row, column) for row in TYPES}
    words = [word.strip() for value in values for word in value.split(",")]
    for word in words:
        if word.lower() not in known:
            raise ValueError(f"no {column} {word!r}, known are {', '.join(known.values())}")
    return frozenset(known[word.lower()] for word in words)


def _ttls(values: list[str], now_ms: int) -> Iterator[Predicate]:
    tests = [_ttl(part.strip(), now_ms) for value in values for part in value.split(",")]
    if tests:
        yield _any_of(tests)


def _ttl(text: str, now_ms: int) -> Predicate:
    word = text.lower()
    if word == "expired":
        return lambda entry: entry.expires_at_ms is not None and entry.expires_at_ms <= now_ms
    if word in ("none", "any"):
        return lambda entry: (entry.expires_at_ms is None) is (word == "none")
    low, high = TTL.ranges(text)[0]
    first, last = now_ms + max(low, 1), now_ms + high
    return lambda entry: entry.expires_at_ms is not None and first <= entry.expires_at_ms <= last


def _idle(values: list[str], _: int) -> Iterator[Predicate]:
    for value in values:
        yield _compared(IDLE, value, lambda entry: None if entry.idle is None else entry.idle * 1000)


def _freq(values: list[Any], _: int) -> Iterator[Predicate]:
    for value in values:
        yield _compared(FREQUENCY, value, lambda entry: entry.freq)


def _keys(values: list[bytes], _: int) -> Iterator[Predicate]:
    if values:
        wanted = frozenset(values)
        yield lambda entry: entry.key in wanted


def _listed(values: list[KeyList], _: int) -> Iterator[Predicate]:
    if values:
        yield lambda entry: any(entry.key in keys for keys in values)


def _prefixes(values: list[bytes], _: int) -> Iterator[Predicate]:
    if values:
        wanted = tuple(values)
        yield lambda entry: entry.key.startswith(wanted)


def _globs(values: list[bytes], _: int) -> Iterator[Predicate]:
    return _found([re.compile(glob_pattern(glob)) for glob in values])


def _patterns(values: list[bytes], _: int) -> Iterator[Predicate]:
    return _found([_compiled(pattern) for pattern in values])


def _found(patterns: list[re.Pattern[bytes]]) -> Iterator[Predicate]:
    """Whether any of the patterns is found in the key."""
    if len(patterns) == 1:
        search = patterns[0].search
        yield lambda entry: search(entry.key) is not None
    elif patterns:
        yield lambda entry: any(one.search(entry.key) for one in patterns)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _slots(values: list[Any], _: int) -> Iterator[Predicate]:
    if values:
        is_in = contains(_ranges(SLOT, values))
        yield lambda entry: is_in(key_slot(entry.key))


def _sizes(values: list[str], _: int) -> Iterator[Predicate]:
    for value in values:
        yield _size(SIZE.ranges(value))


def _size(ranges: list[Range]) -> Predicate:
    is_in = contains(ranges)
    bounds = [bound for one in ranges for bound in one if bound < NO_END]

    def is_of_size(entry: Entry) -> bool:
        if isinstance(entry, LargeEntry):
            least = entry.max_value + 1
            if all(bound < least for bound in bounds):  # so that the answer is the same for all it may be
                return is_in(least)
            entry.keep()
        return is_in(entry.serialized_size)

    return is_of_size


def _elements(values: list[Any], _: int) -> Iterator[Predicate]:
    for value in values:
        yield _compared(ELEMENTS, value, _count_of)


def _count_of(entry: Entry) -> int | None:
    """How many elements a value has: as its headers tell, else they are counted."""
    if entry.type == "string":
        return 1
    count = entry.count
    if count is None and entry.type in _COUNTABLE:
        if isinstance(entry, LargeEntry):
            entry.keep()
        count = sum(map(len, entry.items(skip_large=True)))
    return count


def _compared(measure: Measure, value: object, of: Callable[[Entry], int | None]) -> Predicate:
    """Whether a number that not every entry has is one of those."""
    is_in = contains(_ranges(measure, [value]))

    def is_chosen(entry: Entry) -> bool:
        number = of(entry)
        return number is not None and is_in(number)

    return is_chosen


def _any_of(predicates: Sequence[Predicate]) -> Predicate:
    return predicates[0] if len(predicates) == 1 else lambda entry: any(one(entry) for one in predicates)


def _ranges(measure: Measure, values: list[Any]) -> list[Range]:
    """Numbers, pairs of first and last, and expressions."""
    ranges: list[Range] = []
    for value in values:
        ranges += measure.ranges("-".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return ranges


_COUNTABLE = frozenset({"list", "set", "zset", "hash", "stream"})
# In the order in which they are asked: attributes, then the name, then what a value's header tells.
_FILTERS: dict[str, Callable[[list[Any], int], Iterable[Predicate]]] = {
    "dbs": _dbs,
    "types": _types,
    "encodings": _encodings,
    "ttl": _ttls,
    "idle": _idle,
    "freq": _freq,
    "keys": _keys,
    "listed": _listed,
    "prefixes": _prefixes,
    "globs": _globs,
    "patterns": _patterns,
    "slots": _slots,
    "sizes": _sizes,
    "elements": _elements,
}
