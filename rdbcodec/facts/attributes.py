"""What stands before keys: eviction hints, metadata of modules; and which values are too large to hold."""

from __future__ import annotations

from rdbcodec.datatypes.modules import metas_of
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import Place, merged, place_of
from rdbcodec.records import AttributedEntry, CacheEntry, Entry


class MetaFact(Named):
    """A class of module metadata: its version, whether servers may pass it over, the keys that have it."""

    name: str
    version: int
    may_be_ignored: bool
    first: Place
    keys: int = 0

    def merge(self, other: MetaFact) -> MetaFact:
        """The keys of both."""
        return self.replace(keys=self.keys + other.keys)


class Attributes(Named):
    """How many keys have each; `places` are of the first, by the names of their opcodes."""

    idle_keys: int = 0
    freq_keys: int = 0
    meta_keys: int = 0
    large_values: int = 0
    meta_classes: dict[str, MetaFact] = made(factory=dict)
    places: dict[str, Place] = made(factory=dict)

    def merge(self, other: Attributes) -> Attributes:
        """The keys of both."""
        return Attributes(
            self.idle_keys + other.idle_keys,
            self.freq_keys + other.freq_keys,
            self.meta_keys + other.meta_keys,
            self.large_values + other.large_values,
            merged(self.meta_classes, other.meta_classes),
            merged(self.places, other.places),
        )


class AttributePass(Pass[Attributes]):
    """Counts keys with something before them, but for expiries."""

    def __init__(self) -> None:
        self.facts = Attributes()

    def batch(self, batch: Batch) -> None:
        """Look at those that have something, which in most batches is none."""
        facts = self.facts
        if batch.has_hints:
            self._add_hints(batch)
        for entry in batch.attributed:
            if entry.idle is not None:
                facts.idle_keys += 1
                self._add_place("idle", entry)
            if entry.freq is not None:
                facts.freq_keys += 1
                self._add_place("freq", entry)
            if entry.meta is not None:
                facts.meta_keys += 1
                self._add_place("key-meta", entry)
                self._add_meta(entry, entry.meta)
            facts.large_values += entry.is_large

    def _add_hints(self, batch: Batch) -> None:
        """Of those with nothing rarer."""
        for entry in batch.entries:
            if isinstance(entry, CacheEntry):
                if entry.freq is not None:
                    self.facts.freq_keys += 1
                    self._add_place("freq", entry)
                elif entry.idle is not None:
                    self.facts.idle_keys += 1
                    self._add_place("idle", entry)

    def _add_meta(self, entry: AttributedEntry, meta: bytes) -> None:
        for row in {meta.meta_class for meta in metas_of(meta)}:
            name = f"{row.name} {row.version} {row.flags}"
            if name not in self.facts.meta_classes:
                fact = MetaFact(row.name, row.version, row.may_be_ignored, place_of(entry))
                self.facts.meta_classes[name] = fact
            self.facts.meta_classes[name].keys += 1

    def _add_place(self, name: str, entry: Entry) -> None:
        if name not in self.facts.places:
            self.facts.places[name] = place_of(entry)

    def fork(self) -> AttributePass:
        """It needs to know nothing."""
        return AttributePass()

    def part(self) -> Attributes:
        """What was counted."""
        return self.facts

    def join(self, part: Attributes) -> None:
        """The keys of both."""
        self.facts = self.facts.merge(part)

    def end(self) -> Attributes:
        """What was counted."""
        return self.facts
