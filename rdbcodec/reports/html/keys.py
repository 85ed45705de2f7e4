"""Keys on the page: by time left, memory, database, layout, and the largest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.cliffs import Cliff
from rdbcodec.facts.largest import KeySize
from rdbcodec.facts.usage import FREQS, HOTTEST, LARGEST, LATER, NEVER, SIZES, TTLS, biggest_first
from rdbcodec.reports.html.markup import Markup, tag
from rdbcodec.reports.html.subject import Subject, about_size, command
from rdbcodec.reports.html.tables import Cell, Row, bars, percent, table
from rdbcodec.reports.usage import ttl_words
from rdbcodec.reports.words import moment, number, plural, shortened, size, text
from rdbcodec.showing import Hiding, KeyDigest, key_size

_KEY = 160  # bytes of a key that a table shows
EXPIRED = "expired already"


def expiry(subject: Subject) -> Markup:
    """Keys by the time they have left."""
    rows = dict(subject.by["ttl"])
    if subject.expired.keys:
        rows[EXPIRED] = subject.expired
    names = (EXPIRED, *(name for name, _ in TTLS), LATER, NEVER)
    more = "Which expire all at once, and prefixes of those that never do: ", command("ttl", subject)
    return _histogram("expiry", "Time to live", "Time left", _in_order(rows, names), *more)


def cliffs(subject: Subject) -> Markup | None:
    """Minutes and hours in which far more keys expire than in others."""
    if not subject.cliffs:
        return None
    most = max(cliff.usage.keys for cliff in subject.cliffs)
    rows = [
        (
            f"{minute_words(cliff.at_ms)}, 1 {cliff.unit}",
            bars(cliff.usage.keys / most),
            number(cliff.usage.keys),
            _prefix_words(cliff, subject.hide_keys),
            percent(cliff.usage.keys, subject.total.expiring),
            about_size(cliff.usage.memory),
        )
        for cliff in subject.cliffs
    ]
    head = ("From, UTC, within", "|", ">Keys", "#Most of them", ">Of those that expire", ">Memory")
    told = "Far more keys expire then than before and after: the server deletes them all at once."
    title = "Expiry cliffs"
    return tag(
        "section",
        tag("h2", title),
        tag("p", told, class_="note"),
        table(None, head, rows, says=title),
        id="cliffs",
    )


def minute_words(at_ms: int) -> str:
    """A moment without its seconds."""
    return moment(at_ms)[: len("2026-11-27 10:00")]


def _prefix_words(cliff: Cliff, hide_keys: Hiding) -> str:
    share = f"({cliff.share:.0%})"
    if hide_keys is True:
        return f"one prefix {share}"
    name = text(cliff.prefix) if hide_keys is False else hide_keys.of(cliff.prefix)
    return f"{name} {share}"


def sizes(subject: Subject) -> Markup:
    """Keys by the memory they take."""
    names = (*(name for name, _ in SIZES), LARGEST)
    return _histogram("sizes", "Memory of a key", "A key takes", _in_order(subject.by["size"], names))


def databases(subject: Subject) -> Markup | None:
    """Keys by database, where there are several."""
    rows = sorted(subject.by["db"].items(), key=lambda row: row[0].zfill(9))  # further ones are last
    return _histogram("databases", "Databases", "Database", rows) if len(rows) > 1 else None


def uses(subject: Subject) -> Markup | None:
    """Keys by when or how often they were used, where the server that wrote the file counted that."""
    idle = _in_order(subject.by["idle"], (*(name for name, _ in TTLS), LATER))
    often = _in_order(subject.by["freq"], (*(name for name, _ in FREQS), HOTTEST))
    found = [
        _histogram("idle", "When keys were used last", "Time since", idle) if idle else None,
        _histogram("freq", "How often keys are used", "Count of 0 to 255", often) if often else None,
    ]
    return tag("div", *found, class_="pair") if idle or often else None


def _in_order(rows: Mapping[str, Usage], names: Iterable[str]) -> list[tuple[str, Usage]]:
    return [(name, rows[name]) for name in names if name in rows]


def _histogram(
    id: str, title: str, name: str, rows: Sequence[tuple[str, Usage]], *more: str | None
) -> Markup:
    most_memory = max((usage.memory for _, usage in rows), default=0) or 1
    most_keys = max((usage.keys for _, usage in rows), default=0) or 1
    legend = tag(
        "p",
        *(tag("span", class_="swatch"), "memory"),
        *(tag("span", class_="swatch second"), "keys"),
        class_="note",
    )
    body = [
        (
            label,
            bars(usage.memory / most_memory, usage.keys / most_keys),
            about_size(usage.memory),
            number(usage.keys),
        )
        for label, usage in rows
    ]
    made = table(None, (name, "|", ">Memory", ">Keys"), body, says=title)
    further = tag("p", *more, class_="note further") if more else None
    return tag("section", tag("h2", title), legend, made, further, id=id)


def types(subject: Subject) -> Markup:
    """Keys by type and how servers lay them out."""
    total = subject.total
    rows = [
        (
            name,
            bars(usage.memory / total.memory if total.memory else 0),
            Cell(about_size(usage.memory), usage.memory),
            Cell(percent(usage.memory, total.memory), usage.memory),
            Cell(size(usage.disk), usage.disk),
            Cell(number(usage.keys), usage.keys),
            Cell(number(usage.elements), usage.elements),
            Cell(
                about_size(usage.memory / usage.keys if usage.keys else 0), usage.memory / (usage.keys or 1)
            ),
        )
        for name, usage in biggest_first(subject.by["encoding"])
    ]
    head = ("Layout", "|", ">Memory", ">Share", ">On disk", ">Keys", ">Elements", ">A key takes")
    made = table(None, head, rows, sorts=">Memory", says="Types and layouts")
    kinds = ", ".join(
        f"{name} {percent(usage.memory, total.memory)}" for name, usage in biggest_first(subject.by["type"])
    )
    return tag("section", tag("h2", "Types and layouts"), tag("p", kinds, class_="note"), made, id="types")


# --- the largest ------------------------------------------------------------------------------------


def biggest(subject: Subject) -> Markup:
    """The largest keys."""
    head = ["#Key", ">Memory", ">On disk", "Type", ">Elements", ">Longest", ">Time left", ">DB"]
    head += ["File"] if subject.is_several else []
    rows = [_key_row(number, key, file, subject) for number, (key, file) in enumerate(subject.keys, 1)]
    find = tag(
        "div",
        tag("label", "Search", for_="search"),
        tag("input", type="search", id="search", autocomplete="off", spellcheck="false"),
        tag("span", plural(len(rows), "key"), id="found", role="status", class_="note"),
        class_="find js-only",
    )
    made = table(None, head, rows, id="biggest", sorts=">Memory", says="Biggest keys")
    note = tag("p", f"The {plural(len(rows), 'key')} that take most memory.", class_="note")
    every = tag("p", tag("button", "Show all", type="button", id="every"), class_="tools js-only")
    return tag("section", tag("h2", "Biggest keys"), note, find, made, every, id="keys")


def _key_row(at: int, key: KeySize, file: str, subject: Subject) -> Row:
    left = -1 if key.expires_at_ms is None else key.expires_at_ms - subject.now_ms
    cells: list[str | Cell] = [
        _key_words(at, key.key, subject.hide_keys),
        Cell(about_size(key.memory), key.memory),
        Cell(size(key.disk), key.disk),
        key.type,
        _cell(None if key.type == "string" else key.elements, number),
        _cell(key.largest, size),
        Cell(ttl_words(key.expires_at_ms, subject.now_ms), float(1 << 62) if left == -1 else left),
        Cell(str(key.db), key.db),
    ]
    return [*cells, file] if subject.is_several else cells


def _cell(value: int | None, words: Callable[[int], str]) -> Cell:
    return Cell("" if value is None else words(value), -1 if value is None else value)


def _key_words(at: int, key: bytes, hide_keys: Hiding) -> str:
    if isinstance(hide_keys, KeyDigest):
        return hide_keys.of(key)
    return f"key {at}" if hide_keys else shortened(bytes(key), _KEY, size=key_size(key))
