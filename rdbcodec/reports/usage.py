"""Where the memory goes, and the largest keys: tables for people, JSON, NDJSON and CSV for programs.

The CSV of keys has the columns of redis-rdb-tools, so that what reads those goes on working.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.largest import USES, KeySize, LargestKeys
from rdbcodec.facts.loaded import Loaded
from rdbcodec.facts.memory.allocators import ALLOCATORS
from rdbcodec.facts.memory.estimates import match_of
from rdbcodec.facts.usage import FREQS, HOTTEST, LARGEST, LATER, NEVER, SIZES, TTLS, Stat, biggest_first
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import json_key, moment, number, plural, size, text
from rdbcodec.servers import Server
from rdbcodec.showing import Hiding

BAR = 10  # characters of a whole
ROWS = 12  # of an aspect, in words
_NAME, _KEY, _SHORT_KEY = 24, 27, 17  # characters of a name, of a key, of one beside the name of its file
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
_USES = {"idle": "idle times (LRU)", "freq": "counters (LFU)"}
CSV_USAGE = ("by", "name", "keys", "expiring", "elements", "memory", "disk")


def worth(servers: Sequence[Server], allocator: str) -> list[tuple[str, str]]:
    """For which server the memory is, and how good the estimate is."""
    says = ALLOCATORS[allocator].says
    if len(servers) > 1:
        names = ", ".join(server.name for server in servers[:3]) + ("" if len(servers) <= 3 else ", ...")
        return [("estimated for", f"the server that wrote each file: {names}"), ("", f"with {says}")]
    match = match_of(servers[0])
    rows = [("estimated for", f"{servers[0].name}, with {says}")]
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


def no_use(*asked: str) -> str:
    """What a file does not tell whose server had another policy of eviction, or none."""
    return f"not told: the file has no {' or '.join(_USES[use] for use in asked)}"


def loaded_rows(loaded: Loaded) -> list[tuple[str, str]]:
    """All keys that a server loads."""
    total, expired = loaded.total, loaded.expired
    rows = [
        ("keys", f"{number(total.keys)}, {number(total.expiring)} of them expire"),
        ("memory", f"~{size(round(total.memory))}"),
        *worth(loaded.servers, loaded.allocator),
        ("on disk", size(total.disk)),
    ]
    if expired.keys:
        rows.append(("expired already", f"{plural(expired.keys, 'key')}, not counted: servers drop them"))
    return rows


def loaded_json(loaded: Loaded) -> dict[str, Any]:
    """For which server memory is, and how good the estimate is: the worst of several."""
    matches = [match_of(server) for server in loaded.servers]
    several = len(matches) > 1
    return {
        "server": None if several else loaded.servers[0].name,
        **({"servers": [server.name for server in loaded.servers]} if several else {}),
        "like": None if several else matches[0].column.release,
        "allocator": loaded.allocator,
        "tolerance": max(match.tolerance for match in matches),
    }


def stat_sections(stat: Stat, *, hide_keys: Hiding = False) -> list[Section]:
    """The totals, and a table for each aspect."""
    total, rows = stat.total, loaded_rows(stat.loaded)
    asked = [aspect for aspect in _USES if aspect in stat.by]
    if asked and not any(stat.by[aspect] for aspect in asked):
        rows.append(("use", no_use(*asked)))
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


def bar(part: float, whole: float, width: int = BAR) -> str:
    """A share as a bar and in percent."""
    share = part / whole if whole else 0.0
    return f"{'█' * round(width * share)} {share:.0%}".strip()


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


def stat_json(stat: Stat, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """All of it as one document."""
    return {**loaded_json(stat.loaded), "rows": list(stat_rows(stat, hide_keys=hide_keys))}


# --- keys -------------------------------------------------------------------------------------------


def top_sections(keys: LargestKeys, *, now_ms: int, hide_keys: Hiding = False) -> list[Section]:
    """The largest keys as a table; of several files together each says of which it is."""
    files = keys.files > 1
    rows = worth(keys.servers, keys.allocator)
    if not keys:
        rows.append(("use", no_use(keys.order)) if keys.order in USES else ("keys", "none"))
    third = _THIRDS.get(keys.order, "elements")
    head = (">memory", ">on disk", f">{third}", "type", *(("key", "file") if files else ("ttl", "key")))
    table = [_key_row(key, third, now_ms, hide_keys=hide_keys, files=files) for key in keys]
    title = _ORDER_TITLES.get(keys.order, f"Largest keys, by {keys.order.replace('-', ' ')}")
    found = [Section("Memory", ("", ""), rows), Section(title, head, table)]
    return [section for section in found if section.rows]


_THIRDS = {"largest-element": "longest", "idle": "idle", "freq": "counter"}
_ORDER_TITLES = {
    "idle": "Keys that nobody used for longest",
    "freq": "Keys used most, by their counters, which are logarithmic: 0 to 255",
}


def _key_row(key: KeySize, third: str, now_ms: int, *, hide_keys: Hiding, files: bool) -> tuple[str, ...]:
    count = "" if key.elements is None or key.type == "string" else number(key.elements)
    told = {
        "elements": count,
        "longest": "" if key.largest is None else size(key.largest),
        "idle": "" if key.idle is None else span(key.idle),
        "counter": str(key.freq),
    }
    name = _key_text(key.key, hide_keys)
    whose = (
        (_cut(name, _SHORT_KEY), _end_of(key.file or "", _SHORT_KEY))
        if files
        else (ttl_words(key.expires_at_ms, now_ms), _cut(name, _KEY))
    )
    return (f"~{size(key.memory)}", size(key.disk), told[third], key.type, *whose)


def _end_of(name: str, width: int) -> str:
    return name if len(name) <= width else "..." + name[3 - width :]


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
    return "expired" if left < 0 else span(left)


def span(seconds: int) -> str:
    """A time in its largest unit."""
    unit, name = next(((unit, name) for unit, name in _UNITS if seconds >= unit), (1, "s"))
    return f"{seconds // unit}{name}"


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
        "idle": key.idle,
        "freq": key.freq,
        **({} if key.file is None else {"file": key.file}),
    }


def csv_key(key: KeySize, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """A key in the columns of redis-rdb-tools; its expiry as it has it, UTC and without a zone."""
    at = "" if key.expires_at_ms is None else moment(key.expires_at_ms).removesuffix(" UTC").replace(" ", "T")
    name = _key_text(key.key, hide_keys)
    row = (key.db, key.type, name, key.memory, key.encoding, key.elements, key.largest, at)
    return dict(zip(CSV_KEYS, row, strict=True))
