"""The prefixes of keys as data for the pictures of the page.

The element `data` of the page is JSON, `{"schema": 1, "joined": true, "tree": ROW}`, and a ROW is a list:

    0  name       what the prefix adds to that of the row above it; of the rest an integer: how many smaller
                  prefixes are counted together, with keys that have no more parts; 0: those keys alone
    1  keys       2  keys of them that expire      3  bytes of memory      4  bytes on disk
    5  rows       of what begins with it, the largest first and the rest last; not there when there are none

The numbers of the rows of a row add up to its own. Names are printable. Where keys are hidden they are
numbers, as 2.1, or digests: then `joined` is false, and each is the whole name of its prefix.
"""

from __future__ import annotations

from typing import Any

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.prefixes import Node
from rdbcodec.reports.words import text
from rdbcodec.showing import Hiding, KeyDigest
from rdbcodec.showing import name as shown

SCHEMA = 1
MOST_PARTS = 60  # of a prefix; more are of the rest
LEAST = 0.0005  # of the prefix above; what is less of its memory and of its keys is of the rest
_LONGEST = 120  # characters of a name

Row = list[Any]


def data_of(root: Node, memory: float, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The tree, whose whole takes so much memory.

    Of several files that is the sum of what each takes, and not what all take in one server.
    """
    scale = memory / root.usage.memory if root.usage.memory else 1.0
    row = _row("", root, _Names(hide_keys), scale)
    return {"schema": SCHEMA, "joined": hide_keys is False, "tree": row}


class _Names:
    """How prefixes are called."""

    def __init__(self, hide_keys: Hiding) -> None:
        self._hide_keys = hide_keys

    def of(self, part: bytes, node: Node, above: str, number: int) -> str:
        """What a prefix adds to the one `above` it, of which it is the `number`th."""
        if self._hide_keys is True:
            return f"{above}.{number}" if above else f"prefix {number}"
        if isinstance(self._hide_keys, KeyDigest):
            return self._hide_keys.of(node.name)
        name = shown(text(part))
        return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _row(name: str, node: Node, names: _Names, scale: float) -> Row:
    row: Row = [name, *_numbers(node.usage, scale)]
    if node.children:
        row.append(_rows(name, node, names, scale))
    return row


def _rows(name: str, node: Node, names: _Names, scale: float) -> list[Row]:
    rows, rest, left = [], node.rest, node.hidden
    for number, child in enumerate(node.children, 1):
        if number <= MOST_PARTS and _is_seen(child.usage, node.usage):
            part, last = _joined(child)
            rows.append(_row(names.of(part, last, name, number), last, names, scale))
        else:
            left += 1
            rest.take(child.usage)
    if rest.keys:
        rows.append([left, *_numbers(rest, scale)])
    return rows


def _is_seen(usage: Usage, whole: Usage) -> bool:
    return usage.memory >= LEAST * whole.memory or usage.keys >= LEAST * whole.keys


def _joined(node: Node) -> tuple[bytes, Node]:
    """A prefix all of whose keys go on with the same part is shown together with it."""
    part = node.part
    while len(node.children) == 1 and node.children[0].usage.keys == node.usage.keys:
        node = node.children[0]
        part += node.part
    return part, node


def _numbers(usage: Usage, scale: float) -> list[int]:
    return [usage.keys, usage.expiring, round(scale * usage.memory), usage.disk]
