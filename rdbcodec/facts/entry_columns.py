"""What entries have, a column at a time: with C functions where most of them are alike."""

from __future__ import annotations

import binascii
import sys
from array import array
from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import add, attrgetter
from struct import unpack

from rdbcodec.facts.slots import SLOTS, hashed_part
from rdbcodec.records import CacheEntry, Entry
from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE
from rdbcodec.records.entry import Context
from rdbcodec.wire.strings import UNPLAIN

BRIEF = {Entry, CacheEntry}  # those that have nothing but what `_head` holds before them
_SHORT = 0x40  # lengths below are their own byte
_UPPER_BYTES = slice(sys.byteorder == "little", None, 2)
_OF_SLOTS = bytes(byte % (SLOTS >> 8) for byte in range(256))

_head_of = attrgetter("_head")
_context_of = attrgetter("_context")
_base_of = attrgetter("_context.base")
_position_of = attrgetter("_pos")
_code_of = attrgetter("code")


def names(entries: Sequence[Entry]) -> list[bytes]:
    """Their keys; the loop is that of `Entry.key`, in place."""
    return [
        record[2 : entry._start] if (record := entry._record)[1] < _SHORT else entry.key  # noqa: SLF001
        for entry in entries
    ]


def raws(entries: Sequence[Entry]) -> list[bytes]:
    """Their values as on disk; nothing for one whose key is compressed or says its size oddly."""
    return [
        b"" if (record := entry._record)[1] in UNPLAIN else record[entry._start :]  # noqa: SLF001
        for entry in entries
    ]


def context(entries: Sequence[Entry]) -> Context | None:
    """What all of them share, or None. No context comes back once another was there: two tell of all."""
    first = _context_of(entries[0])
    return first if first is _context_of(entries[-1]) else None


def layouts(entries: Sequence[Entry], places: Mapping[str, int]) -> bytes:
    """The number below 256 that `places` has for the layout of each."""
    contexts = {id(context.types): context for context in {*map(_context_of, entries)}}
    if len(contexts) > 1:
        return bytes(places[entry.row.name] for entry in entries)
    return bytes(map(_code_of, entries)).translate(layout_table(contexts.popitem()[1], places))


def layout_table(context: Context, places: Mapping[str, int]) -> bytes:
    """The number that `places` has for the layout of each type code."""
    table = bytearray(256)
    for code, row in context.types.items():
        table[code] = places[row.name]
    return bytes(table)


def offsets(entries: Sequence[Entry]) -> list[int]:
    """Where they begin in the snapshot."""
    return list(map(add, map(_base_of, entries), map(_position_of, entries)))


def slots(keys: Sequence[bytes]) -> array[int]:
    """The slot of each key in a cluster."""
    if b"{" in b"".join(keys):
        keys = [key if b"{" not in key else hashed_part(key) for key in keys]
    crcs = array("H", map(binascii.crc_hqx, keys, repeat(0)))
    held = bytearray(crcs.tobytes())
    held[_UPPER_BYTES] = held[_UPPER_BYTES].translate(_OF_SLOTS)  # modulo SLOTS, of all in one call
    return array("H", bytes(held))


def expiries(entries: Sequence[Entry]) -> list[int | None]:
    """When each expires, absolute milliseconds; None for never."""
    if not set(map(type, entries)) <= BRIEF:
        return [entry.expires_at_ms for entry in entries]
    heads = list(map(_head_of, entries))
    if set(map(len, heads)) <= _NO_HINT:
        times = iter(times_in(list(filter(None, heads))))
        return [next(times) if head else None for head in heads]
    return [int.from_bytes(head[1:EXPIRY_SIZE], "little") if head[:1] == _EXPIRES else None for head in heads]


def times_in(heads: list[bytes]) -> list[int]:
    """The expiries in what stands before keys, of those that have one."""
    if set(map(len, heads)) == {EXPIRY_SIZE}:  # nothing else has this size
        return list(unpack("<" + "xq" * len(heads), b"".join(heads)))
    return [int.from_bytes(head[1:EXPIRY_SIZE], "little") for head in heads if head[0] == EXPIRETIME_MS]


_NO_HINT = {0, EXPIRY_SIZE}
_EXPIRES = bytes((EXPIRETIME_MS,))
