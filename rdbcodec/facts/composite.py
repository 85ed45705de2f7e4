"""A pass that is made of others, each of which is told all that it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic

from rdbcodec.facts.passes import Batch, Pass, Result, all_or_none, fit, join
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.repeats import Ask
from rdbcodec.records import Header, LargeEntry, Record


class Composite(Pass[Result], Generic[Result]):
    """The passes are `_parts`. Who makes one says what becomes of results and of values that pass by."""

    _parts: Sequence[Pass[Any]] = ()

    def begin(self, header: Header) -> None:
        """Every part begins."""
        for part in self._parts:
            part.begin(header)

    def batch(self, batch: Batch) -> None:
        """Every part counts."""
        for part in self._parts:
            part.batch(batch)

    def record(self, record: Record) -> None:
        """Every part counts."""
        for part in self._parts:
            part.record(record)

    def after(self, reader: Reader) -> None:
        """What the reader knows of the file."""
        for part in self._parts:
            part.after(reader)

    def part(self) -> list[Any] | None:
        """What all parts counted."""
        return all_or_none(part.part() for part in self._parts)

    def fits(self, part: list[Any]) -> bool:
        """Whether what all parts counted fits."""
        return fit(self._parts, part)

    def join(self, part: list[Any]) -> None:
        """Every part joins its own."""
        join(self._parts, part)

    def finish(self, ask: Ask) -> None:
        """Every part may ask."""
        for part in self._parts:
            part.finish(ask)

    def close(self) -> None:
        """Every part gives up its files."""
        for part in self._parts:
            part.close()


def look(passes: Sequence[Pass[Any]], entry: LargeEntry) -> None:
    """Each looks at a value that passes by once: it is kept when there are two of them."""
    if len(passes) > 1:
        entry.keep()
    for each in passes:
        each.large(entry)
