"""What the keys of each prefix take: a table, a tree, rows for programs, lines for tools that draw flames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rdbcodec.facts.amounts import Usage, names_of
from rdbcodec.facts.folding import Folding
from rdbcodec.facts.prefixes import Node, Prefixes
from rdbcodec.reports.tables import Section
from rdbcodec.reports.usage import bar, loaded_json, loaded_rows
from rdbcodec.reports.words import number, size
from rdbcodec.showing import STAND_IN, Hiding

COLUMNS = ("prefix", "keys", "expiring", "elements", "memory", "disk", "types")
WIDTH = 80
_HEAD = ("prefix", ">keys", ">no TTL", ">memory", ">on disk")
_LEAST_NAME = 12  # characters of a prefix, however wide the rest is
_BARS = (10, 6)  # characters of a whole, the second where names are long
NO_NAME = "(no name)"
# How much of a usage a measure is: for people, a share of all keys, and for lines of a whole number.
MEASURES: dict[str, Callable[[Usage], float]] = {
    "memory": lambda usage: usage.memory,
    "disk": lambda usage: usage.disk,
    "keys": lambda usage: usage.keys,
    "elements": lambda usage: usage.elements,
    "never": lambda usage: usage.never,
}
_WHOLE = {
    "memory": "of the memory",
    "disk": "of the disk",
    "keys": "of the keys",
    "elements": "of the elements",
    "never": "of those without TTL",
}


def namer(hide_keys: Hiding) -> Callable[[bytes], str]:
    """Prefixes as words: patterns are text, and hidden ones are numbered or digests."""
    if hide_keys is False:
        return lambda name: name.decode("utf-8")
    if hide_keys is not True:
        return hide_keys.of
    numbers: dict[bytes, str] = {}
    return lambda name: numbers.setdefault(name, f"{STAND_IN}{len(numbers) + 1}")


# --- words ------------------------------------------------------------------------------------------


def prefix_sections(
    found: Prefixes, *, rows: int, by: str = "memory", least: float = 0.0, hide_keys: Hiding = False
) -> list[Section]:
    """The prefixes with the most of a measure; `least` is the least share of it that is told."""
    of, name = MEASURES[by], namer(hide_keys)
    whole = of(found.total)
    largest = found.largest(rows, by=by, least=least * whole)
    table = [(name(prefix), usage) for prefix, usage in largest.rows]
    if largest.others:
        table.append((f"({largest.others:,} more)", largest.rest))
    title = f"By prefix, of {found.depth} parts" if found.depth > 1 else "By prefix"
    return _sections(found, title, table, by)


def tree_sections(
    found: Prefixes, *, rows: int, by: str = "memory", least: float = 0.0, hide_keys: Hiding = False
) -> list[Section]:
    """The same as a tree: below each prefix those that go on from it."""
    whole = MEASURES[by](found.total)
    root, name = found.tree(nodes=rows, by=by, least=least * whole, joined=True), namer(hide_keys)
    table = list(
        _below(root, "", lambda node: name(node.part if hide_keys is False else node.name) or NO_NAME)
    )
    return _sections(found, "Prefixes", table, by)


def _sections(found: Prefixes, title: str, table: list[tuple[str, Usage]], by: str) -> list[Section]:
    head, longest = (*_HEAD, _WHOLE[by]), max((len(name) for name, _ in table), default=0)
    for width in _BARS:
        cells = [_cells(usage, found.total, by, width) for _, usage in table]
        room = max(
            _LEAST_NAME,
            WIDTH - 2 - sum(2 + max(map(len, column)) for column in zip(_words(head), *cells, strict=True)),
        )
        if longest <= room:
            break
    rows = [(_cut(name, room), *row) for (name, _), row in zip(table, cells, strict=True)]
    told = [Section("Snapshot", ("", ""), loaded_rows(found.loaded)), Section(title, head, rows)]
    return [section for section in told if section.rows]


def _words(head: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lstrip(">") for word in head[1:])


def _cells(usage: Usage, total: Usage, by: str, width: int) -> tuple[str, ...]:
    never, of = f"{usage.never / usage.keys:.0%}" if usage.keys else "", MEASURES[by]
    told = number(usage.keys), never, f"~{size(round(usage.memory))}", size(usage.disk)
    return (*told, bar(of(usage), of(total), width))


def _cut(name: str, width: int) -> str:
    """The end of a prefix says more than its middle."""
    if len(name) <= width:
        return name
    head = (width - 3) // 2
    return f"{name[:head]}...{name[len(name) - (width - 3 - head) :]}"


def _below(node: Node, stem: str, tell: Callable[[Node], str]) -> Iterator[tuple[str, Usage]]:
    """Lines of a tree."""
    rest = node.rest
    lines: list[Node | tuple[str, Usage]] = list(node.children)
    if node.hidden:
        lines.append((f"({node.hidden:,} more)", rest))
    elif rest.keys and node.children:
        lines.append(("(itself)", rest))
    for at, line in enumerate(lines):
        is_last = at == len(lines) - 1
        branch, further = ("", "") if not node.name else ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        if isinstance(line, Node):
            yield stem + branch + tell(line), line.usage
            yield from _below(line, stem + further, tell)
        else:
            yield stem + branch + line[0], line[1]


# --- programs ---------------------------------------------------------------------------------------


def prefix_rows(
    found: Prefixes, *, rows: int | None, by: str = "memory", least: float = 0.0, hide_keys: Hiding = False
) -> Iterator[dict[str, Any]]:
    """The prefixes with the most of a measure; without `rows` all of them, in the order of their names."""
    name = namer(hide_keys)
    if rows is None and not least:
        told: Any = found.rows()
    else:
        told = found.largest(_MOST if rows is None else rows, by=by, least=least * MEASURES[by](found.total))
        told = told.rows
    for prefix, usage in told:
        yield {"prefix": name(prefix), **usage_json(usage), "types": names_of(usage.types)}


_MOST = 10_000  # rows that are put in order


def usage_json(usage: Usage) -> dict[str, Any]:
    """Numbers of keys."""
    return {
        "keys": usage.keys,
        "expiring": usage.expiring,
        "elements": usage.elements,
        "memory": round(usage.memory),
        "disk": usage.disk,
    }


def prefix_json(
    found: Prefixes,
    *,
    rows: int,
    by: str = "memory",
    least: float = 0.0,
    tree: bool = False,
    hide_keys: Hiding = False,
) -> dict[str, Any]:
    """The prefixes with the most of a measure as one document; what all others take is told in `rest`."""
    whole = MEASURES[by](found.total)
    document = {
        **loaded_json(found.loaded),
        "separators": found.separators,
        "depth": found.depth,
        "total": usage_json(found.total),
        "expired": usage_json(found.expired),
    }
    if tree:
        root = found.tree(nodes=rows, by=by, least=least * whole)
        return {**document, "tree": _node_json(root, namer(hide_keys))}
    largest, name = found.largest(rows, by=by, least=least * whole), namer(hide_keys)
    told = [
        {"prefix": name(prefix), **usage_json(usage), "types": names_of(usage.types)}
        for prefix, usage in largest.rows
    ]
    return {**document, "prefixes": told, "others": largest.others, "rest": usage_json(largest.rest)}


def _node_json(node: Node, name: Callable[[bytes], str]) -> dict[str, Any]:
    return {
        "prefix": name(node.name) if node.name else "",
        **usage_json(node.usage),
        "types": names_of(node.usage.types),
        "hidden": node.hidden,
        "children": [_node_json(child, name) for child in node.children],
    }


def folded_lines(found: Prefixes, *, by: str = "memory", hide_keys: Hiding = False) -> Iterator[str]:
    """`acme;user;* 91234`, a line a prefix: what flamegraph.pl, inferno and speedscope read."""
    folding, of, name = Folding(found.separators, found.depth), MEASURES[by], namer(hide_keys)
    for prefix, usage in found.rows():
        count = round(of(usage))
        if count:
            frames, above = [], b""
            for part in folding.parts(prefix):
                above += part
                frames.append(_frame(part, found.separators) if hide_keys is False else name(above))
            yield f"{';'.join(frames)} {count}"


def _frame(part: bytes, separators: str) -> str:
    text = part.decode("utf-8")
    word = text[:-1] if text[-1:] in separators and len(text) > 1 else text
    return word.replace(";", "\\x3b") or NO_NAME
