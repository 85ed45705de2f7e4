"""The top of the page: what it is about, that it is not whole where it is not, the numbers, where to look."""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.facts.memory.allocators import ALLOCATORS
from rdbcodec.facts.overview import Overview
from rdbcodec.facts.prefixes import Node
from rdbcodec.facts.usage import NEVER
from rdbcodec.reports.html.keys import minute_words
from rdbcodec.reports.html.markup import Markup, joined, tag
from rdbcodec.reports.html.subject import Subject, about_size, command, worth
from rdbcodec.reports.html.tables import percent
from rdbcodec.reports.words import moment, number, plural, size, text


def top(subject: Subject, by: str) -> Markup:
    """The name of the report, and what the reader may do with it."""
    told = tag("p", f"{_about(subject)}; read {moment(subject.now_ms)} by {by}", class_="dim")
    tools = tag(
        "div",
        tag("button", "Theme: auto", type="button", id="theme"),
        tag("button", "Print", type="button", id="print"),
        class_="tools js-only",
    )
    words = tag("div", tag("p", "Snapshot report", class_="kicker"), tag("h1", subject.title), told)
    return tag("header", words, tools)


def _about(subject: Subject) -> str:
    if subject.is_several:
        return plural(len(subject.files), "file")
    facts = subject.files[0].profile
    made = f"{facts.producer}, " if facts.producer else ""
    when = f", made {moment(facts.created_s * 1000)}" if facts.created_s is not None else ""
    return f"{made}RDB {facts.version}{when}"


def partial(subject: Subject) -> Markup | None:
    """Before all numbers: that they are not of the whole, and why."""
    damaged = [file for file in subject.files if file.damage is not None]
    if not damaged and not subject.unread:
        return None
    lines = [tag("li", _damage_words(file, subject)) for file in damaged]
    lines += [tag("li", words) for words in subject.unread]
    what = "what stands before the damage" if damaged else "the files that could be read"
    salvage = tag("p", "Next: ", tag("code", "rdbcodec salvage --resync FILE -o OUT"))
    return tag(
        "section",
        tag("h2", f"PARTIAL: this report is about {what}"),
        tag("ul", *lines, class_="hints"),
        salvage if damaged else None,
        class_="partial",
        role="alert",
    )


def _damage_words(file: Overview, subject: Subject) -> str:
    facts, damage = file.profile, file.damage
    assert damage is not None
    whole = "" if facts.file_size is None else f" of {facts.file_size:,}"
    read = f"{plural(facts.keys, 'key')} were read, up to offset {facts.size:,}{whole}"
    return f"{file.name}: {damage.text(hide_keys=subject.hide_keys)}; {read}"


def tiles(subject: Subject) -> Markup:
    """The numbers."""
    total, expired = subject.total, subject.expired
    forever = total.keys - total.expiring
    found = [
        ("Keys", number(total.keys), f"in {plural(len(subject.by['db']), 'database')}"),
        ("Memory", about_size(total.memory), worth(subject.files)),
        ("On disk", size(total.disk), "keys and values as the file has them"),
        (
            "A key takes",
            about_size(total.memory / total.keys) if total.keys else "-",
            "of memory, on average",
        ),
        ("Never expire", percent(forever, total.keys), plural(forever, "key")),
    ]
    if expired.keys:
        words = f"{percent(expired.keys, expired.keys + total.keys)} of all; not counted, servers drop them"
        found.append(("Expired already", number(expired.keys), words))
    if subject.keys:
        key = subject.keys[0][0]
        found.append(
            (
                "Largest key",
                about_size(key.memory),
                f"a {key.type}, {percent(key.memory, total.memory)} of all",
            )
        )
    boxes = [
        tag("div", tag("dt", name), tag("dd", value, class_="big"), tag("dd", note, class_="note"))
        for name, value, note in found
    ]
    return tag("dl", *boxes, class_="tiles", aria_label="The snapshot in numbers")


def hints(subject: Subject) -> Markup | None:
    """Where to look."""
    lines = [tag("li", line) for line in _hints(subject)]
    if not lines:
        return None
    return tag("section", tag("h2", "Where to look"), tag("ul", *lines, class_="hints"))


def _hints(subject: Subject) -> Iterator[str | Markup]:
    total = subject.total
    forever = subject.by["ttl"].get(NEVER)
    if forever is not None:
        held = f"{about_size(forever.memory)}, {percent(forever.memory, total.memory)} of the memory"
        words = f"{plural(forever.keys, 'key')} never expire and hold {held}{_most_of_them(subject)}. "
        yield joined(words, command("keys --ttl none", subject))
    first = [key for key, _ in subject.keys[:10]]
    held_by = sum(key.memory for key in first)
    if total.keys > 10 * len(first) and held_by >= total.memory / 20:
        words = (
            f"The {plural(len(first), 'largest key')} hold {percent(held_by, total.memory)} of the memory. "
        )
        yield joined(words, command("top", subject))
    if subject.cliffs:
        most = max(subject.cliffs, key=lambda cliff: (cliff.unit == "minute", cliff.usage.keys))
        share = percent(most.usage.keys, total.expiring)
        words = (
            f"{plural(most.usage.keys, 'key')}, {share} of those that expire, do so within one {most.unit}"
        )
        yield joined(f"{words}, from {minute_words(most.at_ms)} UTC on. ", command("ttl", subject))
    if subject.expired.keys:
        words = (
            f"{plural(subject.expired.keys, 'key')} had expired when the file was read; servers drop them. "
        )
        yield joined(words, command("keys --ttl expired", subject))


def _most_of_them(subject: Subject) -> str:
    """Which prefix keys that never expire have, where one has most of them."""
    most = max(_leaves(subject.tree), key=lambda node: node.usage.never)
    if 2 * most.usage.never < subject.tree.usage.never or subject.hide_keys is True or not most.name:
        return ""
    name = text(most.name) if subject.hide_keys is False else subject.hide_keys.of(most.name)
    return f"; {number(most.usage.never)} of them are {name}"


def _leaves(node: Node) -> Iterator[Node]:
    if not node.children:
        yield node
    for child in node.children:
        yield from _leaves(child)


def foot(subject: Subject, by: str) -> Markup:
    """What the numbers are."""
    stats = [file.stat for file in subject.files]
    allocators = ", ".join(dict.fromkeys(ALLOCATORS[stat.allocator].says for stat in stats))
    words = (
        f"Memory is an estimate of what a server uses after loading the file, with {allocators}: "
        f"{worth(subject.files)}, 4% for streams and hash field TTLs; "
        "without clients, replicas and the empty server. "
        "Numbers are of keys that had not expired."
    )
    return tag(
        "footer",
        tag("p", words, class_="note"),
        tag("p", f"Made by {by}. This page is complete: it loads nothing and sends nothing.", class_="note"),
    )
