"""The prefixes on the page: the pictures, which the script draws, and the table that is there without it."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.reports.html.markup import Markup, tag
from rdbcodec.reports.html.subject import Subject, about_size, command
from rdbcodec.reports.html.tables import bars, percent, table
from rdbcodec.reports.html.tree import Row
from rdbcodec.reports.words import number, size

_SAYS = "What keys begin with, numbers in them folded to *. Open a prefix to see what is in it."
_SAYS_HIDDEN = "What keys begin with; their names are hidden."


def memory(subject: Subject, tree: Row) -> Markup:
    """The pictures of the prefixes, which the script draws, and the table that is there without it."""
    picks = tag(
        "div",
        _pick("Show", "picture", (("map", "Treemap"), ("flame", "Flame"), ("list", "Table"))),
        _pick("by", "measure", (("memory", "Memory"), ("disk", "Disk"), ("keys", "Keys"))),
        _pick("Colour", "colour", (("prefix", "Prefix"), ("never", "Never expires"))),
        class_="bar-of-picks js-only",
    )
    return tag(
        "section",
        tag("h2", "Where the memory goes"),
        tag("p", _SAYS if subject.hide_keys is False else _SAYS_HIDDEN, class_="note"),
        picks,
        tag("nav", tag("ol", id="crumbs", tabindex=-1), class_="crumbs js-only", aria_label="Prefix shown"),
        tag("div", id="picture", role="group", class_="picture js-only", tabindex=-1),
        tag("p", id="detail", class_="detail js-only"),
        tag("p", id="legend", class_="legend js-only"),
        tag("p", id="told", class_="away", role="status"),
        tag("div", _prefixes(tree), id="list"),
        tag(
            "p", "As a table, a tree or for other tools: ", command("prefix", subject), class_="note further"
        ),
        id="memory",
    )


def _pick(legend: str, what: str, choices: Iterable[tuple[str, str]]) -> Markup:
    buttons = [
        tag("button", says, type="button", data_set=f"{what}={value}", aria_pressed="false" if at else "true")
        for at, (value, says) in enumerate(choices)
    ]
    return tag("fieldset", tag("legend", legend), *buttons, class_="pick")


def _prefixes(tree: Row) -> Markup:
    """The first level, which the script exchanges for another."""
    head = ("#Prefix", "|Share", ">Memory", ">of all", ">On disk", ">Keys", ">Never expire")
    _, _, _, whole, _, *below = tree
    rows = [
        (
            rest_words(name) if isinstance(name, int) else name,
            bars(memory / whole if whole else 0),
            about_size(memory),
            percent(memory, whole),
            size(disk),
            number(keys),
            number(keys - expiring),
        )
        for name, keys, expiring, memory, disk, *_ in (below[0] if below else ())
    ]
    return table("Prefixes of all keys, by memory", head, rows, says="Prefixes")


def rest_words(count: int) -> str:
    """What the rest is called."""
    if not count:
        return "(no more parts)"
    return "(1 smaller prefix)" if count == 1 else f"({count:,} smaller prefixes)"
