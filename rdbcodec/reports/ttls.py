"""When keys expire: a table with bars, the moments at which many do, what never does; rows for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.cliffs import UNITS, Cliff
from rdbcodec.facts.ttls import NAMES, FieldTtls, Ttls
from rdbcodec.reports.prefixes import namer, usage_json
from rdbcodec.reports.tables import Section
from rdbcodec.reports.usage import bar, loaded_json, loaded_rows
from rdbcodec.reports.words import moment, number, plural, size
from rdbcodec.showing import Hiding

COLUMNS = ("what", "name", "at", "keys", "memory", "disk", "prefix", "share")
_NAME, _PREFIX = 34, 20  # characters of a prefix, and of one beside a moment
CLIFFS = 5  # minutes and hours that are told


# --- words ------------------------------------------------------------------------------------------


def ttl_sections(found: Ttls, *, rows: int, hide_keys: Hiding = False) -> list[Section]:
    """The time that keys have left, the cliffs, the prefixes of keys that never expire, fields."""
    total = found.loaded.total
    histogram = [
        (name, number(usage.keys), f"~{size(round(usage.memory))}", bar(usage.keys, _all_keys(found)))
        for name, usage in found.histogram.items()
    ]
    cliffs = [cliff for unit in UNITS for cliff in found.cliffs(CLIFFS, unit=unit)]
    head = ("when, UTC", "within", ">keys", "of those that expire", "most of them")
    sections = [
        Section("Snapshot", ("", ""), [*loaded_rows(found.loaded), *_time_rows(found)]),
        Section("By time to live", ("ttl", ">keys", ">memory", "of the keys"), histogram),
        Section(
            "Cliffs: far more keys expire then than before and after",
            head,
            [_cliff_row(cliff, total.expiring, hide_keys) for cliff in cliffs],
        ),
        _never_section(found, rows, hide_keys),
        _field_section(found.fields),
    ]
    return [section for section in sections if section.rows]


def _all_keys(found: Ttls) -> int:
    return found.loaded.total.keys + found.loaded.expired.keys


def _time_rows(found: Ttls) -> Iterator[tuple[str, str]]:
    if found.written_ms is not None:
        then = plural(found.expired_then, "key")
        yield "written", f"{moment(found.written_ms)}; {then} had expired by then"
    elif found.expired_then:
        yield "written", f"{plural(found.expired_then, 'key')} had expired when their files were"
    yield "judged at", moment(found.now_ms)
    if found.first_ms is not None and found.last_ms is not None:
        yield "next to expire", moment(found.first_ms)
        yield "last to expire", moment(found.last_ms)


def _cliff_row(cliff: Cliff, expiring: int, hide_keys: Hiding) -> tuple[str, ...]:
    prefix = _cut(namer(hide_keys)(cliff.prefix), _PREFIX)
    return (
        moment(cliff.at_ms)[: len("2026-11-27 10:00")],
        f"1 {cliff.unit}",
        number(cliff.usage.keys),
        f"{cliff.usage.keys / expiring:.0%}",
        f"{prefix} ({cliff.share:.0%})",
    )


def _never_section(found: Ttls, rows: int, hide_keys: Hiding) -> Section:
    largest, name = found.never.largest(rows), namer(hide_keys)
    total = found.loaded.total
    told = [(_cut(name(prefix), _NAME), usage) for prefix, usage in largest.rows]
    if largest.others:
        told.append((f"({largest.others:,} more)", largest.rest))
    return Section(
        "Never expire, by prefix",
        ("prefix", ">keys", ">memory", "of the memory"),
        [
            (word, number(usage.keys), f"~{size(round(usage.memory))}", bar(usage.memory, total.memory))
            for word, usage in told
        ],
    )


def _field_section(fields: FieldTtls) -> Section:
    count = fields.counts.total()
    rows = [
        (name, number(fields.counts[name]), bar(fields.counts[name], count))
        for name in NAMES
        if name in fields.counts
    ]
    title = f"Fields that expire, in {plural(fields.keys, 'key')}"
    if fields.unread:
        title += f"; {fields.unread:,} could not be read"
    return Section(title, ("ttl", ">fields", "of them"), rows)


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 3] + "..."


# --- programs ---------------------------------------------------------------------------------------


def ttl_rows(found: Ttls, *, hide_keys: Hiding = False) -> Iterator[dict[str, Any]]:
    """Rows of all tables; `what` says of which: ttl, minute, hour, never, fields. Times are milliseconds."""
    whole, name = _all_keys(found), namer(hide_keys)
    for word, usage in found.histogram.items():
        yield _row("ttl", word, usage, share=usage.keys / whole)
    expiring = found.loaded.total.expiring
    for cliff in (cliff for unit in UNITS for cliff in found.cliffs(CLIFFS, unit=unit)):
        row = _row(cliff.unit, moment(cliff.at_ms), cliff.usage, share=cliff.usage.keys / expiring)
        yield {**row, "at": cliff.at_ms, "prefix": name(cliff.prefix)}
    for prefix, usage in found.never.rows():
        word = name(prefix)
        yield {**_row("never", word, usage, share=usage.keys / whole), "prefix": word}
    for word in NAMES:
        if count := found.fields.counts[word]:
            row = _row("fields", word, Usage(count), share=count / found.fields.counts.total())
            yield {**row, "memory": None, "disk": None}


def _row(what: str, name: str, usage: Usage, *, share: float) -> dict[str, Any]:
    return {
        "what": what,
        "name": name,
        "at": None,
        "keys": usage.keys,
        "memory": round(usage.memory),
        "disk": usage.disk,
        "prefix": None,
        "share": round(share, 4),
    }


def ttl_json(found: Ttls, *, rows: int, hide_keys: Hiding = False) -> dict[str, Any]:
    """All of it as one document; of the prefixes of keys that never expire the largest."""
    name, expiring = namer(hide_keys), found.loaded.total.expiring
    never, fields = found.never.largest(rows), found.fields
    return {
        **loaded_json(found.loaded),
        "written_at": found.written_ms,
        "judged_at": found.now_ms,
        "expired_when_written": found.expired_then,
        "expired": usage_json(found.loaded.expired),
        "first_expiry": found.first_ms,
        "last_expiry": found.last_ms,
        "ttl": [{"name": word, **usage_json(usage)} for word, usage in found.histogram.items()],
        "cliffs": [
            {
                "at": cliff.at_ms,
                "unit": cliff.unit,
                **usage_json(cliff.usage),
                "share": round(cliff.usage.keys / expiring, 4),
                "prefix": name(cliff.prefix),
                "prefix_share": round(cliff.share, 4),
            }
            for unit in UNITS
            for cliff in found.cliffs(CLIFFS, unit=unit)
        ],
        "never": [{"prefix": name(prefix), **usage_json(usage)} for prefix, usage in never.rows],
        "never_others": never.others,
        "never_rest": usage_json(never.rest),
        "fields": {
            "keys": fields.keys,
            "unread": fields.unread,
            "first_expiry": fields.first_ms,
            "last_expiry": fields.last_ms,
            "ttl": [{"name": word, "fields": fields.counts[word]} for word in NAMES if fields.counts[word]],
        },
    }
