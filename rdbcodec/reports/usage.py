"""Where the memory goes, and the largest keys: tables for people, JSON, NDJSON and CSV for programs.

The CSV of keys has the columns of redis-rdb-tools, so that what reads those goes on working.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.largest import ORDERS, KeySize
from rdbcodec.facts.memory.allocators import ALLOCATORS
from rdbcodec.facts.memory.estimates import match_of
from rdbcodec.facts.usage import FREQS, HOTTEST, LARGEST, LATER, NEVER, SIZES, TTLS, Stat, biggest_first
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import json_key, moment, number, plural, size, text
from rdbcodec.servers import Server
from rdbcodec.showing import Hiding

BAR = 10  # characters of a whole
ROWS = 12  # of an aspect, in words
_NAME, _KEY = 24, 27  # characters of a name, of a key
_ORDERED = {
    "ttl": (*(name for name, _ in TTLS), LATER, NEVER),
    "size": (*(name for name, _ in SIZES), LARGEST),
    "idle": (*(name for name, _ in TTLS), LATER),
    "freq": (*(name for name, _ in FREQS), HOTTEST),
}
_TITLES = {
    "type": "By type",
    "encoding": "By encoding",
    "db": "By database",
    "ttl": "By time to live",
    "size": "By memory of a key",
    "prefix": "By prefix",
    "idle": "By time since last use",
    "freq": "By use counter, which is logarithmic: 0 to 255",
}
CSV_KEYS = (
    "database",
    "type",
    "key",
    "size_in_bytes",
    "encoding",
    "num_elements",
    "len_largest_element",
    "expiry",
)
CSV_USAGE = ("by", "name", "keys", "expiring", "elements", "memory", "disk")


def worth(server: Server, allocator: str) -> list[tuple[str, str]]:
    """For which server the memory is, and how good the estimate is."""
    match = match_of(server)
    rows = [("estimated for", f"{server.name}, with {ALLOCATORS[allocator].says}")]
    if not match.is_measured:
        rows.append(("measured with", f"{match.column.release}, the nearest that was measured"))
    return [
        *rows,
        (
            "within",
            f"{match.tolerance:.0%}; 4% for streams and hash field TTLs"
            if match.is_measured
            else f"{match.tolerance:.0%}",
        ),
    ]


def stat_sections(stat: Stat, *, hide_keys: Hiding = False) -> list[Section]:
    """The totals, and a table for each aspect."""
    total = stat.total
    rows = [
        ("keys", f"{number(total.keys)}, {number(total.expiring)} of them expire"),
        ("memory", f"~{size(round(total.memory))}"),
        *worth(stat.server, stat.allocator),
        ("on disk", size(total.disk)),
    ]
    if stat.expired.keys:
        rows.append(
            ("expired already", f"{plural(stat.expired.keys, 'key')}, not counted: servers drop them")
        )
    if {"idle", "freq"} <= stat.by.keys() and not stat.by["idle"] and not stat.by["freq"]:
        rows.append(("use", "not told: the file has no idle times (LRU) or counters (LFU)"))
    found = [Section("Snapshot", ("", ""), rows)]
    for aspect, usages in stat.by.items():
        if hide_keys is not False and aspect == "prefix":
            continue
        head = (aspect, ">keys", ">elements", ">memory", ">on disk", "of the memory")
        found.append(Section(_TITLES[aspect], head, list(_usage_rows(aspect, usages, total))))
    found.append(Section("Where to look", ("",), [(line,) for line in _hints(stat)]))
    return [section for section in found if section.rows]


def _usage_rows(aspect: str, usages: dict[str, Usage], total: Usage) -> Iterator[tuple[str, ...]]:
    ordered = _ORDERED.get(aspect)
    rows = (
        biggest_first(usages)
        if ordered is None
        else [(name, usages[name]) for name in ordered if name in usages]
    )
    for name, usage in rows[:ROWS]:
        yield (_cut(name), *_cells(usage), bar(usage.memory, total.memory))
    if len(rows) > ROWS:
        rest = Usage()
        for _, usage in rows[ROWS:]:
            rest.take(usage)
        yield (f"({len(rows) - ROWS:,} more)", *_cells(rest), bar(rest.memory, total.memory))


def _cells(usage: Usage) -> tuple[str, str, str, str]:
    return number(usage.keys), number(usage.elements), f"~{size(round(usage.memory))}", size(usage.disk)


def _cut(name: str, width: int = _NAME) -> str:
    return name if len(name) <= width else name[: width - 3] + "..."


def bar(part: float, whole: float) -> str:
    """A share as a bar and in percent."""
    share = part / whole if whole else 0.0
    return f"{'█' * round(BAR * share)} {share:.0%}".strip()


def _hints(stat: Stat) -> Iterator[str]:
    total = stat.total
    forever = total.keys - total.expiring
    if forever and total.keys:
        share = forever / total.keys
        yield f"{plural(forever, 'key')} never expire ({share:.0%}): rdbcodec keys --ttl none FILE"
    large = stat.by.get("size", {}).get(LARGEST)
    if large is not None:
        verb = "holds" if large.keys == 1 else "hold"
        share = large.memory / total.memory
        yield f"{plural(large.keys, 'key')} over 10 MiB {verb} {share:.0%} of the memory: rdbcodec top FILE"
    if stat.expired.keys:
        yield f"{plural(stat.expired.keys, 'key')} expired already: rdbcodec keys --ttl expired FILE"


def stat_rows(stat: Stat, *, hide_keys: Hiding = False) -> Iterator[dict[str, Any]]:
    """A row for the total, one for what has expired, and one for each name of each aspect."""
    yield _usage_json("total", "", stat.total)
    yield _usage_json("expired", "", stat.expired)
    for aspect, usages in stat.by.items():
        if hide_keys is False or aspect != "prefix":
            for name, usage in biggest_first(usages):
                yield _usage_json(aspect, name, usage)


def _usage_json(aspect: str, name: str, usage: Usage) -> dict[str, Any]:
    return {
        "by": aspect,
        "name": name,
        "keys": usage.keys,
        "expiring": usage.expiring,
        "elements": usage.elements,
        "memory": round(usage.memory),
        "disk": usage.disk,
    }


def stat_json(name: str, stat: Stat, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """All of it as one document."""
    match = match_of(stat.server)
    return {
        "file": name,
        "server": stat.server.name,
        "like": match.column.release,
        "allocator": stat.allocator,
        "tolerance": match.tolerance,
        "rows": list(stat_rows(stat, hide_keys=hide_keys)),
    }


# --- keys -------------------------------------------------------------------------------------------


def top_section(
    keys: Sequence[KeySize], *, now_ms: int, order: str = ORDERS[0], hide_keys: Hiding = False
) -> Section:
    """The largest keys as a table; the length of the longest element where the order is that."""
    third = "longest" if order == "largest-element" else "elements"
    head = (">memory", ">on disk", f">{third}", "type", "ttl", "key")
    rows = [_key_row(key, third, now_ms, hide_keys) for key in keys]
    return Section(f"Largest keys, by {order.replace('-', ' ')}", head, rows)


def _key_row(key: KeySize, third: str, now_ms: int, hide_keys: Hiding) -> tuple[str, ...]:
    longest = "" if key.largest is None else size(key.largest)
    count = "" if key.elements is None or key.type == "string" else number(key.elements)
    return (
        f"~{size(key.memory)}",
        size(key.disk),
        longest if third == "longest" else count,
        key.type,
        ttl_words(key.expires_at_ms, now_ms),
        _cut(_key_text(key.key, hide_keys), _KEY),
    )


def _key_text(key: bytes, hide_keys: Hiding) -> str:
    if hide_keys is False:
        return text(key)
    return HIDDEN if hide_keys is True else hide_keys.of(key)


HIDDEN = "(hidden)"


def ttl_words(at_ms: int | None, now_ms: int) -> str:
    """The time left in its largest unit."""
    if at_ms is None:
        return "never"
    left = (at_ms - now_ms) // 1000
    if left < 0:
        return "expired"
    unit, name = next(((unit, name) for unit, name in _UNITS if left >= unit), (1, "s"))
    return f"{left // unit}{name}"


_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def key_json(key: KeySize, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """A key for programs."""
    return {
        "db": key.db,
        "key": json_key(key.key, hide_keys),
        "type": key.type,
        "encoding": key.encoding,
        "memory": key.memory,
        "disk": key.disk,
        "elements": key.elements,
        "largest": key.largest,
        "expires_at": key.expires_at_ms,
        "offset": key.offset,
    }


def csv_key(key: KeySize, *, hide_keys: Hiding = False) -> tuple[Any, ...]:
    """A key in the columns of redis-rdb-tools; its expiry as it has it, UTC and without a zone."""
    at = "" if key.expires_at_ms is None else moment(key.expires_at_ms).removesuffix(" UTC").replace(" ", "T")
    name = _key_text(key.key, hide_keys)
    return (key.db, key.type, name, key.memory, key.encoding, key.elements, key.largest, at)


def csv_usage(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of `stat_rows` in their columns."""
    for row in rows:
        yield tuple(row[name] for name in CSV_USAGE)
