"""Which slots of a cluster the files of a report cover, and which of them more than one does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rdbcodec.facts.slots import SLOTS, Coverage, ranges
from rdbcodec.reports.tables import Section

_RANGES = 8  # of slots that are shown
_ROWS, _ROW_RANGES = 3, 3  # of slots that several files have


def slot_words(slots: Iterable[int], most: int = _RANGES) -> str:
    """Slots as ranges, the first of many."""
    found = ranges(slots)
    words = [str(first) if first == last else f"{first}-{last}" for first, last in found[:most]]
    more = f" and {len(found) - most:,} more ranges" if len(found) > most else ""
    return ", ".join(words) + more


def slot_sections(coverage: Coverage) -> list[Section]:
    """A table, for what may be the shards of a cluster: most of their slots are in one file alone."""
    covered, twice = coverage.covered, coverage.twice
    if not covered or len(coverage.files) < 2 or 2 * len(twice) > len(covered):
        return []
    rows = [("with keys", f"{len(covered):,} of {SLOTS:,}")]
    if coverage.missing:
        rows.append(("without keys", slot_words(coverage.missing)))
    shared = list(coverage.shared())
    rows.append(("in several files", f"{len(twice):,}" if twice else "none"))
    rows += [("", f"{slot_words(s.slots, _ROW_RANGES)}: {', '.join(s.files)}") for s in shared[:_ROWS]]
    if len(shared) > _ROWS:
        rows.append(("", f"and {len(shared) - _ROWS:,} more groups of files"))
    return [Section("Slots of a cluster", ("", ""), rows)]


def slots_json(coverage: Coverage) -> dict[str, Any]:
    """The same for programs, whatever files they are: ranges are pairs, the last slot included."""
    return {
        "covered": len(coverage.covered),
        "missing": ranges(coverage.missing),
        "twice": [{"slots": ranges(shared.slots), "files": shared.files} for shared in coverage.shared()],
    }
