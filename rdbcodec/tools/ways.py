"""In which part a key goes when a snapshot is split.

slots:4          so many equal ranges of hash slots
slots:0-99,100-  these ranges; a range without an end goes to the last slot
nodes:FILE       the slots of each node, as nodes.conf or CLUSTER NODES tells them
db, type         databases, types
prefix, prefix:/ what stands before the first : (or another separator) of a key
size:1gb, keys:N parts of so many bytes on disk, or keys, in the order of the file
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote_from_bytes

from rdbcodec.errors import EncodeError
from rdbcodec.facts.slots import SLOTS, key_slot
from rdbcodec.limits import BYTES
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Entry

LABEL_SIZE = 100  # characters of a prefix in the name of a file, of which 255 bytes are allowed
NO_PREFIX = "-"


class Way(NamedTuple):
    """How to split: `label_of` says to which part an entry belongs.

    `field` is what stands for the label in names of files. `labels` are the parts that are there whether
    keys belong to them or not; without them a snapshot that has no key is one part, `nothing`. `slots` says
    that all keys of a slot are in one part.
    """

    field: str
    label_of: Callable[[Entry], str]
    labels: tuple[str, ...] = ()
    slots: Callable[[int], str] | None = None
    nothing: str = "none"


def way_of(text: str) -> Way:
    """The way that words ask for. Raises ValueError, which says what was expected."""
    name, colon, rest = text.partition(":")
    make = _WAYS.get(name)
    if make is None or (bool(rest) if name in ("db", "type") else name != "prefix" and not rest):
        raise ValueError(f"{text!r} is no way to split: {', '.join(_FORMS)}")
    if name == "prefix" and colon and not rest:
        raise ValueError("prefix: needs a separator, such as prefix:/")
    return make(rest)


# --- slots ------------------------------------------------------------------------------------------


def by_ranges(ranges: Sequence[tuple[str, int, int]], field: str = "slot") -> Way:
    """Parts with these labels, from a first slot to a last; a label may have several ranges.

    Raises ValueError for ranges that are none, or meet.
    """
    table: list[str | None] = [None] * SLOTS
    for label, first, last in ranges:
        if not 0 <= first <= last < SLOTS:
            raise ValueError(f"slots {first}-{last}, expected a range within 0 to {SLOTS - 1}")
        for slot in range(first, last + 1):
            if table[slot] is not None:
                raise ValueError(f"slot {slot} is in two parts")
            table[slot] = label

    def part_of(slot: int) -> str:
        label = table[slot]
        if label is None:
            raise EncodeError(f"slot {slot} has keys, and belongs to no part")
        return label

    labels = tuple(dict.fromkeys(label for label, _, _ in ranges))
    return Way(field, lambda entry: part_of(key_slot(entry.key)), labels, part_of)


def _slots(text: str) -> Way:
    if text.isdecimal() and len(text) <= _DIGITS:
        count = int(text)
        if not 0 < count <= SLOTS:
            raise ValueError(f"{count} parts, expected 1 to {SLOTS}")
        bounds = [SLOTS * at // count for at in range(count + 1)]
        return by_ranges([_range(first, end - 1) for first, end in pairwise(bounds)])
    ranges = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,5})(-(\d{0,5}))?", part, re.ASCII)
        if found is None:
            raise ValueError(f"{part!r} is no range of slots such as 0-8191")
        first = int(found[1])
        ranges.append(_range(first, first if found[2] is None else int(found[3] or SLOTS - 1)))
    return by_ranges(ranges)


def _range(first: int, last: int) -> tuple[str, int, int]:
    return f"{first}-{last}", first, last


def _nodes(path: str) -> Way:
    return by_ranges(nodes_of(Path(path).read_text("utf-8", "replace")), "node")


def nodes_of(text: str) -> list[tuple[str, int, int]]:
    """The slots of each node in the text of nodes.conf or the answer of CLUSTER NODES.

    A line is: id, address, flags, master, ping, pong, epoch, link, then slots; [93-<-id] is one on its way.
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > _NODE_WORDS and "master" in words[2]:
            for word in words[_NODE_WORDS:]:
                if not word.startswith("["):
                    first, _, last = word.partition("-")
                    if not first.isdecimal() or not (last or first).isdecimal():
                        raise ValueError(f"node {words[0]}: {word!r} is no range of slots")
                    found.append((words[0], int(first), int(last or first)))
    if not found:
        raise ValueError("no node with slots: expected lines of nodes.conf or of CLUSTER NODES")
    return found


# --- the others -------------------------------------------------------------------------------------


def _prefix(separator: str) -> Way:
    by = (separator or ":").encode("utf-8", "surrogateescape")

    def label_of(entry: Entry) -> str:
        prefix, found, _ = entry.key.partition(by)
        return _label(prefix) if found else NO_PREFIX

    return Way("prefix", label_of, nothing=NO_PREFIX)


def _label(prefix: bytes) -> str:
    """A prefix as a part of a file's name: no two have the same."""
    label = quote_from_bytes(prefix, safe="") or "%"
    if label in (NO_PREFIX, ".", ".."):
        return f"%{ord(label[0]):02X}" * len(label)
    if len(label) > LABEL_SIZE:
        return f"{label[:LABEL_SIZE]}%{blake2b(prefix, digest_size=8).hexdigest()}"
    return label


def _counted(most: int, of: Callable[[Entry], int]) -> Way:
    number, taken = 1, 0

    def label_of(entry: Entry) -> str:
        nonlocal number, taken
        size = of(entry)
        if taken and taken + size > most:
            number, taken = number + 1, 0
        taken += size
        return str(number)

    return Way("part", label_of, ("1",))


def _size(text: str) -> Way:
    found = re.fullmatch(r"(\d{1,18})([a-z]*)", text.lower(), re.ASCII)
    if found is None or found[2] not in BYTES or not int(found[1]):
        raise ValueError(f"{text!r} is no size such as 512mb; units are b, kb, mb, gb")
    return _counted(int(found[1]) * BYTES[found[2]], _bytes_of)


def _bytes_of(entry: Entry) -> int:
    if entry.is_large:
        entry.keep()  # type: ignore[attr-defined] # large ones have it: their size is known when they passed
    return entry.serialized_size


def _keys(text: str) -> Way:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{text!r} is no number of keys")
    return _counted(int(text), lambda _: 1)


_NODE_WORDS = 8  # before the slots
_DIGITS = len(str(SLOTS))
_FORMS = (
    "slots:4",
    "slots:0-8191,8192-",
    "nodes:FILE",
    "db",
    "type",
    "prefix",
    "prefix:/",
    "size:1gb",
    "keys:N",
)
_WAYS: dict[str, Callable[[str], Way]] = {
    "slots": _slots,
    "nodes": _nodes,
    "db": lambda _: Way("db", lambda entry: str(entry.db), nothing="0"),
    "type": lambda _: Way("type", lambda entry: entry.type),
    "prefix": _prefix,
    "size": _size,
    "keys": _keys,
}
