"""The prefixes of keys as data for the pictures of the page.

The element `data` of the page holds JSON, `{"schema": 1, "between": "", "tree": ROW}`, and a ROW is a list:

    0  name       what the prefix adds to that of the row above it; of the rest an integer, how many
                  smaller prefixes are counted together
    1  keys       2  keys of them that expire      3  bytes of memory      4  bytes on disk
    5  rows       of what begins with it, the largest first and the rest last; not there when there are none

The numbers of the rows of a row add up to its own. `between` stands between names where they are put
together. Names are printable; where keys are hidden they are numbers or digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rdbcodec.facts.amounts import Usage
from rdbcodec.reports.words import text
from rdbcodec.showing import Hiding, KeyDigest
from rdbcodec.showing import name as shown

SCHEMA = 1
MOST_PARTS = 40  # of a prefix; more are the rest
LEAST = 0.0005  # of the whole: what is smaller, in memory and keys, is of the rest
_LONGEST = 120  # characters of a name

Row = list[Any]


class Branch(NamedTuple):
    """A prefix: what it adds to the one above it, its keys, and what begins with it."""

    name: bytes | str
    usage: Usage
    parts: Sequence[Branch] = ()


def data_of(root: Branch, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The whole tree, cut where it is too fine to be seen."""
    between = "" if hide_keys is False else " "
    return {"schema": SCHEMA, "between": between, "tree": _row("", root, _Cut(root, hide_keys), b"")}


class _Cut:
    """How names are shown, and which prefixes are."""

    def __init__(self, root: Branch, hide_keys: Hiding) -> None:
        self._whole = root.usage
        self._hide_keys = hide_keys

    def name(self, branch: Branch, path: bytes, number: int) -> str:
        """A prefix, of which `path` is the whole name."""
        if self._hide_keys is True:
            return f"prefix {number}"
        if isinstance(self._hide_keys, KeyDigest):
            return self._hide_keys.of(path)
        name = shown(branch.name if isinstance(branch.name, str) else text(branch.name))
        return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."

    def is_shown(self, usage: Usage) -> bool:
        """Whether it is large enough."""
        whole = self._whole
        return usage.memory >= LEAST * whole.memory or usage.keys >= LEAST * whole.keys


def _row(name: str | int, branch: Branch, cut: _Cut, path: bytes) -> Row:
    row: Row = [name, *_numbers(branch.usage)]
    if branch.parts:
        row.append(_rows(branch.parts, cut, path))
    return row


def _rows(parts: Sequence[Branch], cut: _Cut, path: bytes) -> list[Row]:
    ordered = sorted(parts, key=lambda part: -part.usage.memory)
    kept = [part for part in ordered if cut.is_shown(part.usage)][:MOST_PARTS]
    rows = []
    for number, part in enumerate(kept, 1):
        whole = path + _bytes(part.name)
        rows.append(_row(cut.name(part, whole, number), part, cut, whole))
    left = {id(part) for part in ordered} - {id(part) for part in kept}
    if left:
        rest = Usage()
        for part in ordered:
            if id(part) in left:
                rest.take(part.usage)
        rows.append([len(left), *_numbers(rest)])
    return rows


def _numbers(usage: Usage) -> list[int]:
    return [usage.keys, usage.expiring, round(usage.memory), usage.disk]


def _bytes(name: bytes | str) -> bytes:
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
