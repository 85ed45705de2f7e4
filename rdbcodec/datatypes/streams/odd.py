"""What is odd about a stream: nodes, length, groups, pending entries, consumers.

The parts are read without making the objects of a Stream, and on after most oddities, so that each is told.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams.value import ID_SIZE, MAX_DURATION_S, MAX_IIDS, UNKNOWN
from rdbcodec.errors import CorruptStructure
from rdbcodec.structures import listpack, stream_node
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.strings import Budget

_TIME = 8


def look_in_stream(raw: bytes, scope: Scope, version: int) -> Iterator[Oddity]:
    """What is odd about a stream that is held."""
    cursor = Cursor([raw], scope.budget)
    nodes = cursor.length()
    live: int | None = 0  # None when damage hides it
    masters = []
    for _ in range(nodes):
        master, blob = cursor.string(), cursor.string()
        entries = yield from _node(master, blob)
        live = None if live is None or entries is None else live + entries
        masters.append(master)
    if len(set(masters)) != nodes:
        yield Oddity("stream-node-twice", "")
    elif masters != sorted(masters):
        yield Oddity("stream-node-order", "")
    yield from oddities_of_tail(cursor, version, nodes, live)


def are_clear(raws: Sequence[bytes], limit: int, version: int) -> list[bool]:
    """Streams of nodes in order that count right, without groups: see datatypes/clear.py."""
    return [_is_clear(raw, limit, version) for raw in raws] if version < _IDEMPOTENT else [False] * len(raws)


def _is_clear(raw: bytes, limit: int, version: int) -> bool:
    budget = Budget(limit)
    nodes, pos = lengths.read(raw, 0)
    live, last = 0, b""
    for _ in range(nodes):
        at = pos + 1 + ID_SIZE
        master = raw[pos + 1 : at]
        if raw[pos] != ID_SIZE or master <= last:
            return False
        blob, pos = strings.read(raw, at, budget)
        entries = stream_node.count_live(listpack.decode_mixed(blob), stream_node.read_id(master))
        if not entries:
            return False
        live, last = live + entries, master
    length, pos = lengths.read(raw, pos)
    added = length
    for _ in range(7 if version >= 2 else 2):  # IDs, and behind them how many entries were added
        added, pos = lengths.read(raw, pos)
    return live == length > 0 and (version < 2 or added >= live) and raw[pos:] == _NO_GROUP


_IDEMPOTENT = 4  # version in which more stands behind the groups
_NO_GROUP = b"\0"


def _node(master: bytes, blob: bytes) -> Generator[Oddity, None, int | None]:
    """Looks at a node and returns how many live entries it has; None when damage hides it."""
    if len(master) != ID_SIZE:
        yield Oddity("stream-node", f"the key of a node is {len(master)} bytes, expected {ID_SIZE}")
        return None
    if len(blob) < 8 or int.from_bytes(blob[:4], "little") != len(blob) or blob[-1] != 0xFF:
        yield Oddity(
            "stream-node", f"a node is {len(blob)} bytes and says {int.from_bytes(blob[:4], 'little')}"
        )
        return None
    try:
        entries = stream_node.count_live(listpack.decode_mixed(blob), stream_node.read_id(master))
    except CorruptStructure as error:
        yield Oddity("stream-node-inside", error.message)
        return None
    if not entries:
        yield Oddity("stream-node-empty", "")
    return entries


def oddities_of_tail(cursor: Cursor, version: int, nodes: int, live: int | None) -> Iterator[Oddity]:
    """What is odd about what follows so many nodes with so many live entries; None when damage hides them."""
    length = cursor.length()
    if length and not nodes:
        yield Oddity("stream-length-empty", f"the stream says it has {length} entries, it has none")
    elif live is not None and length != live:
        yield Oddity("stream-length", f"the stream says it has {length} entries, it has {live}")
    _lengths(cursor, 2)
    added = None
    if version >= 2:
        _lengths(cursor, 4)
        added = cursor.length()
        if live is not None and added < live:
            yield Oddity("stream-added", f"the stream says {added} entries were added, it has {live}")
    yield from _groups(cursor, version, added)
    if version >= 4:
        yield from _idempotence(cursor)
    cursor.expect_end()


def _groups(cursor: Cursor, version: int, added: int | None) -> Iterator[Oddity]:
    count = cursor.length()
    names = set()
    for _ in range(count):
        names.add(cursor.string())
        _lengths(cursor, 2)
        read = cursor.length() if version >= 2 else UNKNOWN
        if added is not None and added < read != UNKNOWN:
            yield Oddity("stream-entries-read", f"a group has read {read} entries, {added} were added")
        yield from _pending(cursor, version)
    if len(names) != count:
        yield Oddity("stream-group-twice", "")


def _pending(cursor: Cursor, version: int) -> Iterator[Oddity]:
    """The entries that are pending in a group, and to whom they belong."""
    count = cursor.length()
    pending = set()
    for _ in range(count):
        pending.add(cursor.fixed(ID_SIZE))
        cursor.fixed(_TIME)
        cursor.length()
    if len(pending) != count:
        yield Oddity("stream-pending-twice", "")
    owned: set[bytes] = set()
    yield from _consumers(cursor, version, pending, owned)
    nacked = [cursor.fixed(ID_SIZE) for _ in range(cursor.length())] if version >= 5 else []
    if any(entry in owned or entry not in pending for entry in nacked):
        yield Oddity("stream-nacked", "")
    elif pending - owned - set(nacked):
        yield Oddity("stream-pending-unowned", "")


def _consumers(cursor: Cursor, version: int, pending: set[bytes], owned: set[bytes]) -> Iterator[Oddity]:
    count = cursor.length()
    names = set()
    for _ in range(count):
        names.add(cursor.string())
        cursor.fixed(_TIME if version < 3 else 2 * _TIME)
        own = [cursor.fixed(ID_SIZE) for _ in range(cursor.length())]
        if not pending.issuperset(own):
            yield Oddity("stream-pending-alone", "")
        if len(set(own)) != len(own):
            yield Oddity("stream-pending-alone", "an entry is pending twice for one consumer")
        elif not owned.isdisjoint(own):
            yield Oddity("stream-pending-of-two", "")
        owned.update(own)
    if len(names) != count:
        yield Oddity("stream-consumer-twice", "")


def _idempotence(cursor: Cursor) -> Iterator[Oddity]:
    duration, most = cursor.length(), cursor.length()
    if not (0 < duration <= MAX_DURATION_S and 0 < most <= MAX_IIDS):
        yield Oddity("stream-tail", f"idempotence of {duration} s and {most} ids")
    for _ in range(cursor.length()):
        cursor.string()
        for _ in range(cursor.length()):
            cursor.string()
            _lengths(cursor, 2)
    _lengths(cursor, 2)


def _lengths(cursor: Cursor, count: int) -> None:
    for _ in range(count):
        cursor.length()
