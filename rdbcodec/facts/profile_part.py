"""The facts of a part of a file, which another process reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.records import LargeEntry, Record


class ProfilePart(Pass[Any]):
    """Forks of the passes that a ProfilePass has, and those of them that look at values."""

    def __init__(self, forks: Sequence[Pass[Any]], looking: Sequence[Pass[Any]]) -> None:
        self._forks = forks
        self._looking = looking
        self.looks_at_large = bool(looking)

    def batch(self, batch: Batch) -> None:
        """Every fork counts."""
        for fork in self._forks:
            fork.batch(batch)

    def record(self, record: Record) -> None:
        """Every fork counts."""
        for fork in self._forks:
            fork.record(record)

    def large(self, entry: LargeEntry) -> None:
        """As a ProfilePass does."""
        look(self._looking, entry)

    def part(self) -> list[Any] | None:
        """The parts of all forks."""
        parts = [fork.part() for fork in self._forks]
        return None if any(part is None for part in parts) else parts


def look(passes: Sequence[Pass[Any]], entry: LargeEntry) -> None:
    """Each looks at a value that passes by once: it is kept when there are two of them."""
    if len(passes) > 1:
        entry.keep()
    for each in passes:
        each.large(entry)
