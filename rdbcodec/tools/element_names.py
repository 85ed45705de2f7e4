"""What the elements of a packed structure are to their key: fields and values, members and scores."""

from __future__ import annotations

from collections.abc import Generator
from itertools import count

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import TypeRow
from rdbcodec.structures import stream_node

Naming = Generator[str, bytes | int, None]  # gives the name of the next element, takes the element


class Names:
    """The name of each element, in their order; what stands where nothing can is called by its number."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._number = 0
        self._next = next(naming, None)

    def of(self, element: bytes | int) -> str:
        """The name of the next one."""
        name = f"elements[{self._number}]" if self._next is None else self._next
        self._number += 1
        try:
            self._next = None if self._next is None else self._naming.send(element)
        except (StopIteration, CorruptStructure):
            self._next = None
        return name


class Ids:
    """The IDs of stream entries, from the ID that stands before their node."""

    def __init__(self, master: bytes) -> None:
        self._master = stream_node.read_id(master) if len(master) == _ID else None
        self._ms = 0

    def note(self, name: str, value: bytes | int) -> str:
        """The ID of an entry, at the second half of it."""
        if self._master is None or not isinstance(value, int):
            return ""
        if name.endswith("].ms"):
            self._ms = value
        if not name.endswith("].seq"):
            return ""
        return str(stream_node.moved(self._master, self._ms, value))


_ID = 16  # bytes


def names_of(row: TypeRow, label: str) -> Naming:
    """The names in a structure that is called `label` in the framing of this row."""
    if label.endswith("fields_listpack"):
        return _each("fields")
    if row.type == "stream":
        return stream_node.names()
    if row.refers or label.endswith("values_listpack"):
        return _values()
    if row.type == "hash":
        return _each("fields", ".field", ".value", *((".ttl",) if row.expires else ()))
    if row.type == "zset":
        return _each("members", ".member", ".score")
    return _each("members" if row.type == "set" else "elements")


def _values() -> Naming:
    yield "template_id"
    yield from _each("values")


def _each(what: str, *roles: str) -> Naming:
    for number in count():
        for role in roles or ("",):
            yield f"{what}[{number}]{role}"
