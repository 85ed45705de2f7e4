"""One node of a stream: a listpack of entries that share a master ID and field names (rdb-format.md, 4.7.1).

    master   count  deleted  num-fields  field * num-fields  0
    entry    flags  ms-delta  seq-delta  num-fields  (field value) * num-fields  lp-count
    entry    flags  ms-delta  seq-delta  value * master num-fields               lp-count      flag 2 set

    flags    bit 0   the entry is deleted (it stays in the listpack)
             bit 1   same fields as the master entry
    ID       master ID plus the deltas, each half modulo 2**64
    lp-count the number of listpack elements of the entry before the lp-count itself

Instance, two entries 5-0 {f: v1} and 6-3 {f: v2} under master 5-0:

    2a000000 0f00                         42 bytes, 15 elements
    0201 0001 0101 816602 0001            count 2, deleted 0, 1 field "f", terminator
    0201 0001 0001 82763103 0401          same fields, +0, +0, "v1", lp-count 4
    0201 0101 0301 82763203 0401          same fields, +1, +3, "v2", lp-count 4
    ff
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

from rdbcodec.errors import CorruptStructure
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.structures import listpack

DELETED, SAME_FIELDS = 1, 2
_HALF = (1 << 64) - 1


class StreamId(NamedTuple):
    """The ID of a stream entry; `str()` gives the form Redis shows."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


class StreamEntry(NamedTuple):
    """One entry: its ID and its field-value pairs in order (a field may occur twice)."""

    id: StreamId
    fields: list[tuple[bytes, bytes]]


class Node(NamedTuple):
    """What the entries of one node say about themselves."""

    entries: list[StreamEntry]
    deleted: int


def read_id(raw: bytes) -> StreamId:
    """The 16-byte form: two big-endian halves."""
    return StreamId(int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:16], "big"))


def moved(master: StreamId, ms: int, seq: int) -> StreamId:
    """The ID that stands this far from a master ID; `_read_entry` does the same without a call."""
    return StreamId((master.ms + ms) & _HALF, (master.seq + seq) & _HALF)


def decode(elements: Iterable[bytes | int], master: StreamId) -> Node:
    """The live entries of a node and the number of deleted ones.

    Takes the elements from rdbcodec.structures.listpack, integers as int. Raises CorruptStructure when
    they do not make up whole entries, or their counts are not those of the master entry.
    """
    elements = elements if isinstance(elements, list) else list(elements)
    usual = _usual_entries(elements, master)
    if usual is not None:
        return Node(usual, 0)
    deleted: list[int] = []
    entries = list(iter_decode(elements, master, deleted))
    return Node(entries, len(deleted))


def live(elements: list[bytes | int], master: StreamId) -> list[StreamEntry]:
    """The live entries of a node, as `decode` has them."""
    usual = _usual_entries(elements, master)
    return list(iter_decode(elements, master)) if usual is None else usual


def count_live(elements: list[bytes | int], master: StreamId) -> int:
    """How many those are, without an object for each; raises what `decode` raises."""
    if _usual_columns(elements) is not None:
        count: Any = elements[0]
        return int(count)
    return sum(1 for _ in iter_decode(elements, master))


def _usual_entries(elements: list[Any], master: StreamId) -> list[StreamEntry] | None:
    """The entries of a node in which all live and have the fields of the master entry; None for any other.

    Most nodes are such: their entries are rows of one size, and columns are checked and made at once.
    """
    usual = _usual_columns(elements)
    if usual is None:
        return None
    width, all_ms, all_seq = usual
    start = size = width + 4
    names = list(map(_text, elements[3 : 3 + width]))
    columns = [_texts(elements[start + 3 + at :: size]) for at in range(width)]
    return by_columns(master, all_ms, all_seq, names, columns)


def _usual_columns(elements: list[Any]) -> tuple[int, list[int], list[int]] | None:
    """Of such a node: how many fields entries have, and how far IDs are from its own."""
    if len(elements) < 3:
        return None
    live, dead, width = elements[:3]
    if live.__class__ is not int or width.__class__ is not int or dead != 0 or width < 0:
        return None
    start = size = width + 4
    if len(elements) != start + live * size or elements[start - 1] != 0:
        return None
    flags, all_ms, all_seq = elements[start::size], elements[start + 1 :: size], elements[start + 2 :: size]
    if flags.count(SAME_FIELDS) != live or elements[start + size - 1 :: size].count(width + 3) != live:
        return None
    try:
        sum(all_ms, sum(all_seq))  # the quickest way to ask whether all are numbers
    except TypeError:
        return None
    return width, all_ms, all_seq


def _texts(column: list[Any]) -> list[bytes]:
    """Values of a field, as texts."""
    try:
        b"".join(column)  # the quickest way to ask whether all are
    except TypeError:
        column = list(map(_text, column))
    return column


def by_columns(
    master: StreamId,
    all_ms: Sequence[int],
    all_seq: Sequence[int],
    names: list[bytes],
    columns: list[list[bytes]],
) -> list[StreamEntry]:
    """Entries of the same fields: how far their IDs are from the master's, and the values of each field."""
    ms, seq = master
    halves: Iterable[tuple[int, int]] = zip([ms + by for by in all_ms], [seq + by for by in all_seq])  # noqa: B905
    if not (_are_halves(ms, all_ms) and _are_halves(seq, all_seq)):
        halves = [(a & _HALF, b & _HALF) for a, b in halves]
    pairs = [zip(repeat(name), column) for name, column in zip(names, columns)]  # noqa: B905
    fields: Iterable[list[Any]] = map(list, zip(*pairs)) if pairs else ([] for _ in all_ms)  # noqa: B905
    # Of tuples, without the call that a class of named fields makes for each. `zip` uses its tuple again.
    ids = map(_new, repeat(StreamId), halves)
    return list(map(_new, repeat(StreamEntry), zip(ids, fields)))  # noqa: B905


_new: Callable[..., Any] = tuple.__new__


def _are_halves(start: int, deltas: Sequence[int]) -> bool:
    """Whether none is beyond 64 bits, as none is that a server made."""
    return not deltas or (start + min(deltas) >= 0 and start + max(deltas) <= _HALF)


def iter_decode(
    elements: Iterable[bytes | int], master: StreamId, deleted: list[int] | None = None
) -> Iterator[StreamEntry]:
    """The live entries one by one, verified as `decode` does; bounded memory."""
    source = iter(elements)
    try:
        live, dead = _integer(next(source), "count"), _integer(next(source), "deleted count")
        names = [_text(next(source)) for _ in _times(next(source), "field count")]
        if _integer(next(source), "terminator") != 0:
            raise CorruptStructure("stream node: the master entry does not end with 0")
        for _ in range(live + dead):
            flags = _integer(next(source), "flags")
            entry = _read_entry(source, flags, master, names)
            if flags & DELETED:
                dead -= 1
                if deleted is not None:
                    deleted.append(1)
            else:
                live -= 1
                yield entry
    except StopIteration:
        raise CorruptStructure("stream node: the listpack ends inside an entry") from None
    _check_rest(source, live, dead)


def names() -> Generator[str, bytes | int, None]:
    """What each element of a node is, asked one after another: takes the element, gives the name of the next.

    Raises CorruptStructure where an element that must be a number is none.
    """
    live, dead = (
        _integer((yield "master.count"), "count"),
        _integer((yield "master.deleted"), "deleted count"),
    )
    fields = _times((yield "master.num_fields"), "field count")
    for field in fields:
        yield f"master.fields[{field}]"
    yield "master.terminator"
    for entry in range(live + dead):
        flags = _integer((yield f"entries[{entry}].flags"), "flags")
        yield f"entries[{entry}].ms"
        yield f"entries[{entry}].seq"
        if flags & SAME_FIELDS:
            for field in fields:
                yield f"entries[{entry}].values[{field}]"
        else:
            for field in _times((yield f"entries[{entry}].num_fields"), "field count"):
                yield f"entries[{entry}].fields[{field}]"
                yield f"entries[{entry}].values[{field}]"
        yield f"entries[{entry}].lp_count"


def encode(entries: Sequence[StreamEntry], *, short_backlen: bool = False) -> bytes:
    """The listpack of a node with these live entries, whose master ID is that of the first.

    `short_backlen` is that of listpack.encode. Raises ValueError without entries: no server loads that.
    """
    if not entries:
        raise ValueError("a stream node has at least one entry")
    master = entries[0]
    names = [name for name, _ in master.fields]
    elements: list[bytes | int] = [len(entries), 0, len(names), *names, 0]
    for entry in entries:
        elements += _entry_elements(entry, master.id, names)
    return listpack.encode(elements, short_backlen=short_backlen)


def _entry_elements(entry: StreamEntry, master: StreamId, names: list[bytes]) -> list[bytes | int]:
    deltas = [_signed(entry.id.ms - master.ms), _signed(entry.id.seq - master.seq)]
    values = [value for _, value in entry.fields]
    if [name for name, _ in entry.fields] == names:
        return [SAME_FIELDS, *deltas, *values, len(values) + 3]
    pairs = [text for pair in entry.fields for text in pair]
    return [0, *deltas, len(values), *pairs, 2 * len(values) + 4]


def _signed(delta: int) -> int:
    """A delta modulo 2**64, as the i64 that a listpack holds."""
    return (delta + (1 << 63)) % (1 << 64) - (1 << 63)


def _check_rest(source: Iterator[bytes | int], live: int, dead: int) -> None:
    if next(source, None) is not None:
        raise CorruptStructure("stream node: the listpack goes on after its last entry")
    if live or dead:
        raise CorruptStructure(
            f"stream node: {-live:+d} live and {-dead:+d} deleted entries against its master entry"
        )


def _read_entry(
    source: Iterator[bytes | int], flags: int, master: StreamId, names: list[bytes]
) -> StreamEntry:
    ms, seq = _integer(next(source), "ID"), _integer(next(source), "ID")
    if flags & SAME_FIELDS:
        fields = [(name, _text(next(source))) for name in names]
        count = len(names) + 3
    else:
        size = _times(next(source), "field count")
        fields = [(_text(next(source)), _text(next(source))) for _ in size]
        count = 2 * len(fields) + 4
    found = _integer(next(source), "lp-count")
    if found != count:
        raise CorruptStructure(f"stream node: an entry of {count} elements says it has {found}")
    return StreamEntry(StreamId((master.ms + ms) & _HALF, (master.seq + seq) & _HALF), fields)


def _integer(element: bytes | int, what: str) -> int:
    if isinstance(element, int):
        return element
    raise CorruptStructure(f"stream node: {what} is a string, expected an integer")


def _times(element: bytes | int, what: str) -> range:
    """A count read from the file; the elements run out long before a made-up one does."""
    count = _integer(element, what)
    if count < 0:
        raise CorruptStructure(f"stream node: {what} is {count}")
    return range(count)


def _text(element: bytes | int) -> bytes:
    return b"%d" % element if isinstance(element, int) else element
