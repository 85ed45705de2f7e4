"""What is odd about values and records, as loaders would find it, and what old servers would lose of values.

This looks at every value that is more than a plain string, which costs more than all that is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams import Stream, tail_in, tail_of
from rdbcodec.datatypes.streams.versions import losable
from rdbcodec.errors import DecodeError
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import OddFact, Place, count_at, merged, place_of
from rdbcodec.integrity.oddities import candidates, large_oddities, oddities
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.records import Entry, Function, LargeEntry, Record
from rdbcodec.wire.strings import Budget


class ValueFacts(Named):
    """By trait what is odd, by kind of loss what old servers cannot keep; streams nobody knows that of."""

    oddities: dict[str, OddFact] = made(factory=dict)
    losable: dict[str, OddFact] = made(factory=dict)
    streams_unread: int = 0

    def merge(self, other: ValueFacts) -> ValueFacts:
        """What is in both."""
        return ValueFacts(
            merged(self.oddities, other.oddities),
            merged(self.losable, other.losable),
            self.streams_unread + other.streams_unread,
        )


class ValuePass(Pass[ValueFacts]):
    """Looks at every value and record."""

    looks_at_large = True

    def __init__(self) -> None:
        self.facts = ValueFacts()
        self._libraries: Counter[bytes] = Counter()
        self._first_library: Place | None = None

    def batch(self, batch: Batch) -> None:
        """Look at those that may be odd; a large one was looked at while it passed by."""
        if batch.short_strings is not None:
            return
        for attributed in batch.attributed:
            self._add_oddities(attributed, attribute_oddities(attributed))
        held = batch.entries if batch.is_brief else [e for e in batch.entries if not e.is_large]
        for entry in candidates(held):
            self._add_oddities(entry, oddities(entry))
            if entry.type == "stream":
                self._add_stream(entry, entry.raw, tail_of)
            elif entry.row.expires and _has_expiries(entry):
                self._add_member_ttl(entry)

    def large(self, entry: LargeEntry) -> None:
        """Look at a value that passes by."""
        tail = bytearray()
        self._add_oddities(entry, large_oddities(entry, tail))
        if entry.type == "stream":
            self._add_stream(entry, bytes(tail), tail_in)
        elif entry.row.expires:
            self._add_member_ttl(entry)  # it has passed by, and mostly they do expire

    def record(self, record: Record) -> None:
        """Look at a record; libraries are compared by their names."""
        self._add_oddities(record, record_oddities(record))
        if isinstance(record, Function):
            self._first_library = self._first_library or Place(record.offset)
            if record.library is not None:
                self._libraries[record.library] += 1

    def _add_member_ttl(self, entry: Entry) -> None:
        count_at(self.facts.losable, "field-ttl" if entry.type == "hash" else "member-ttl", entry)

    def _add_stream(self, entry: Entry, data: bytes, read: Callable[[bytes, Scope, int], Stream]) -> None:
        """What a stream remembers that not every version of streams can keep."""
        try:
            tail = read(data, Scope(Budget(max(entry.max_value, len(data))), {}), int(entry.encoding[-1]))
        except (DecodeError, IndexError):  # oddities tell of it
            self.facts.streams_unread += 1
            return
        for kind in losable(tail):
            count_at(self.facts.losable, kind, entry)

    def _add_oddities(self, record: Record, found: Iterable[Oddity]) -> None:
        odd = self.facts.oddities
        for trait, detail in found:
            if trait not in odd:
                place = place_of(record) if isinstance(record, Entry) else Place(record.offset)
                odd[trait] = OddFact(place, 0, detail)
            odd[trait].count += 1

    def fork(self) -> ValuePass:
        """Libraries are compared in the end."""
        return ValuePass()

    def part(self) -> tuple[ValueFacts, Counter[bytes], Place | None]:
        """What was found, and the libraries."""
        return self.facts, self._libraries, self._first_library

    def join(self, part: tuple[ValueFacts, Counter[bytes], Place | None]) -> None:
        """What was found in both."""
        facts, libraries, first = part
        self.facts = self.facts.merge(facts)
        self._libraries += libraries
        self._first_library = self._first_library or first

    def end(self) -> ValueFacts:
        """What was found, libraries that are there twice among it."""
        twice = sum(count - 1 for count in self._libraries.values())
        if twice and self._first_library is not None:
            self.facts.oddities["function-twice"] = OddFact(self._first_library, twice)
        return self.facts


def _has_expiries(entry: Entry) -> bool:
    """Whether a member has an expiry; a value that was made to have them may have lost the last one."""
    try:
        value: Any = entry.value()
        return bool(value.expires_at_ms)
    except DecodeError:  # oddities tell of it
        return True
