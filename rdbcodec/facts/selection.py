"""Which keys: the filters every command shares.

    Selection(types="hash,set", ttl="1h..7d", prefixes=[b"user:"]).takes(entry)

Each filter that is given must hold, and each has its opposite: `not_types`, `not_ttl`. Of several values for
one filter any may; of `sizes`, `elements`, `idle` and `freq` and of every `not_` all must. What is not given
costs nothing, and what a key's header tells is asked before anything is decoded.

    dbs         databases: 3, "0,3,8-15", ">0"
    types       "hash,set", in any case; `encodings` are layouts on disk
    ttl         none, any, expired, or the time left: <1h, >=30d, 1h..7d; ms, s, m, h, d, w are the units.
                What has expired has no time left
    idle        time since the key was used, where an LRU policy had it written: >1d
    freq        how often it is used, 0 to 255 on a logarithmic scale, where an LFU policy had it written
    keys        whole names; `listed` are those of a KeyList
    prefixes    what names begin with
    globs       Redis globs on the bytes of the key: * ? [a-z] [^a] and \\ before any of them. They match
                what KEYS of a server matches: `[` alone opens a class without members and matches
                nothing, `\\[` is the character
    patterns    regular expressions, found anywhere in the key
    slots       hash slots of a cluster: "0-8191", (0, 8191)
    sizes       bytes of the record on disk: <100, >1mb, 1kb..1mb; kb, mb, gb are powers of 1024
    elements    fields, members, entries: >1000, 10..20. A string has one; of values of modules nobody knows
    limit       how many keys are taken at most
    functions   function libraries, too: they are no keys, and left out where keys are filtered

Values larger than the reader holds pass by once. That they are larger than its `max_value` is known; to be
compared with more than that, or counted, they are kept in a temporary file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from rdbcodec.facts.key_lists import KeyList
from rdbcodec.facts.predicates import predicates
from rdbcodec.records import Aux, Entry, Function, Record

if TYPE_CHECKING:
    from typing_extensions import Unpack

Words = str | Sequence[str]
Numbers = int | str | Iterable[int | str | tuple[int, int]]
Names = bytes | Iterable[bytes]


class Filters(TypedDict, total=False):
    """The filters by name; the essay above says what they mean."""

    dbs: Numbers
    not_dbs: Numbers
    types: Words
    not_types: Words
    encodings: Words
    not_encodings: Words
    ttl: Words
    not_ttl: Words
    idle: Words
    not_idle: Words
    freq: Numbers
    not_freq: Numbers
    keys: Names
    not_keys: Names
    listed: KeyList | Sequence[KeyList]
    not_listed: KeyList | Sequence[KeyList]
    prefixes: Names
    not_prefixes: Names
    globs: Names
    not_globs: Names
    patterns: Names
    not_patterns: Names
    slots: Numbers
    not_slots: Numbers
    sizes: Words
    not_sizes: Words
    elements: Numbers
    not_elements: Numbers


class Selection:
    """The filters, compiled once. Raises ValueError for one that cannot be understood: what was expected.

    `now_ms` is when time left is judged, by default now. `taken` counts the keys that `take`, `chosen` and
    `select` let through. A selection can be pickled; the copy has taken none.
    """

    def __init__(
        self,
        *,
        limit: int | None = None,
        functions: bool = False,
        now_ms: int | None = None,
        **filters: Unpack[Filters],
    ) -> None:
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        self._how = {"limit": limit, "functions": functions, "now_ms": now_ms, **filters}
        self.limit = limit
        self.taken = 0
        self._functions = functions
        self._predicates = predicates(dict(filters), now_ms)

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (self._how,)

    @property
    def is_empty(self) -> bool:
        """Whether it takes every key."""
        return not self._predicates and self.limit is None

    @property
    def takes_functions(self) -> bool:
        """Whether it takes function libraries."""
        return self._functions or self.is_empty

    def takes(self, entry: Entry) -> bool:
        """Whether every filter lets the key through, the limit apart."""
        for predicate in self._predicates:  # noqa: SIM110 - all() of a generator takes twice as long
            if not predicate(entry):
                return False
        return True

    def take(self, entry: Entry) -> bool:
        """Whether the filters and the limit let the key through; if so it is counted."""
        if self.taken == self.limit or not self.takes(entry):
            return False
        self.taken += 1
        return True

    def chosen(self, entries: list[Entry]) -> list[Entry]:
        """Those of a batch that are let through; counted."""
        for predicate in self._predicates:
            entries = list(filter(predicate, entries))
        if self.limit is not None:
            entries = entries[: self.limit - self.taken]
        self.taken += len(entries)
        return entries

    def select(self, records: Iterable[Record], left_out: Counter[str] | None = None) -> Iterator[Record]:
        """The records without the keys that are not taken and the remarks about them; ends with the limit.

        `left_out` counts the function libraries, under "function". Other records are no filter's matter
        and stay.
        """
        self.taken = 0
        is_taken = True
        remarks: list[Record] = []  # about the next key
        for record in records:
            if isinstance(record, Entry):
                is_taken = self.take(record)
                if is_taken:
                    yield from remarks
                    yield record
                remarks.clear()
                # Remarks on the members of the last one may follow, so only another key ends these.
                if self.taken == self.limit and not (is_taken and record.type in ("set", "hash")):
                    return
            elif isinstance(record, Aux) and record.of_next_key:
                remarks.append(record)
            elif isinstance(record, Function) and not self.takes_functions:
                if left_out is not None:
                    left_out["function"] += 1
            elif is_taken or not (isinstance(record, Aux) and record.of_last_key):
                yield record


def _made(how: dict[str, Any]) -> Selection:
    return Selection(**how)
