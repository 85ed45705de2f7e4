"""The intset: a sorted set of integers (type 11).

Layout:

    u32 width        bytes of each member: 2, 4 or 8, little endian like everything here
    u32 count        number of members
    member*          strictly ascending

Members are two's complement:

    width 2          i16
    width 4          i32
    width 8          i64

The width may be larger than the members need, because a set keeps it when its largest member leaves.
The size is 8 + width * count, nothing follows. The set of 1, -2, 30000 and -40000:

    04 00 00 00                     | width, 4
    04 00 00 00                     | count, 4
    c0 63 ff ff                     | -40000
    fe ff ff ff                     | -2
    01 00 00 00                     | 1
    30 75 00 00                     | 30000

The rules this file keeps: the count is compared with the bytes that are there before anything is
unpacked; a set out of order is damage, because servers search it by halves and would not find members;
a violation is a CorruptStructure whose `pos` is the position in the blob, whether it came whole or in
chunks. `decode` gives decimal text, because that is what the members of a set are.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from operator import lt
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure
from rdbcodec.structures.parts import ELEMENT, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rdbcodec.wire.long_strings import Held

_HEADER = struct.Struct("<II")
_CODES = {2: "h", 4: "i", 8: "q"}  # of struct, by width
_BELOW_ALL = -(2**63) - 1
_FEW = 128  # members of an intset whose shape is remembered


def decode(blob: bytes) -> list[bytes]:
    """Give the members of an intset as decimal text, ascending; raise CorruptStructure."""
    shape = _shape(blob[:8])
    if shape is not None:  # most are small: half of the time
        size, unpack, form = shape
        if len(blob) == size:
            numbers = unpack(blob, 8)
            if all(map(lt, numbers, numbers[1:])):
                return (form % numbers).split(b",")
    width, declared = _read_header(blob)
    _check_size(len(blob), width, declared)
    members: list[bytes] = []
    take(blob, _HEADER.size, width, _BELOW_ALL, members)
    return members


def few_numbers(blob: bytes) -> tuple[int, ...] | None:
    """The members of an intset of few, ascending; None of any other, and of one that is damaged."""
    shape = _shape(blob[:8])
    if shape is None or len(blob) != shape[0]:
        return None
    numbers = shape[1](blob, 8)
    return numbers if all(map(lt, numbers, numbers[1:])) else None


@lru_cache(maxsize=3 * _FEW)
def _shape(head: bytes) -> tuple[int, Callable[[bytes, int], tuple[int, ...]], bytes] | None:
    """Of a small intset with this header: its size, what unpacks its members, what makes texts of them."""
    if len(head) < _HEADER.size:
        return None
    width, declared = _HEADER.unpack(head)
    if width not in _CODES or not 0 < declared <= _FEW:
        return None
    unpack = struct.Struct(f"<{declared}{_CODES[width]}").unpack_from
    return len(head) + width * declared, unpack, b",".join([b"%d"] * declared)


def parts(blob: bytes) -> Iterator[Part]:
    """What its bytes are; raises CorruptStructure behind the parts before the damage."""
    width, declared = _read_header(blob)
    yield Part(0, 4, "width", "u32", width)
    yield Part(4, 8, "count", "u32", declared)
    previous = _BELOW_ALL
    for pos in range(_HEADER.size, len(blob) - width + 1, width):
        member = int.from_bytes(blob[pos : pos + width], "little", signed=True)
        if member <= previous:
            break
        yield Part(pos, pos + width, ELEMENT, f"i{8 * width}", member)
        previous = member
    decode(blob)


def iter_decode(chunks: Iterable[bytes], held: Held | None = None) -> Iterator[list[bytes]]:
    """Give the members in batches, as `decode` would, from an intset that comes in chunks.

    Holds the chunk in hand. Raises CorruptStructure as soon as the damage is reached: batches given
    before it are then worth nothing.
    """
    del held  # no member is long
    buf = b""  # not taken yet; its first byte is byte `base` of the blob
    base = received = width = declared = 0
    previous = _BELOW_ALL
    for chunk in chunks:
        received += len(chunk)
        buf += chunk
        if not base:
            if len(buf) < _HEADER.size:
                continue
            width, declared = _read_header(buf)
            buf, base = buf[_HEADER.size :], _HEADER.size
        total = _HEADER.size + width * declared
        if received > total:
            raise CorruptStructure(f"intset goes on after {declared} members of {width} bytes", total)
        members: list[bytes] = []
        try:
            pos, previous = take(buf, 0, width, previous, members)
        except CorruptStructure as error:
            error.pos = base + (error.pos or 0)
            raise
        if members:
            yield members
        buf, base = buf[pos:], base + pos
    if not base:
        _read_header(buf)
    _check_size(received, width, declared)


def is_sound(blob: bytes) -> bool:
    """Whether `decode` would give members, one at least; a fifth of its time, as it writes no text."""
    known = _MEMBERS.get(len(blob))
    if known is None or known[0] != blob[: _HEADER.size]:
        width, declared = _read_header(blob)
        _check_size(len(blob), width, declared)
        if len(_MEMBERS) >= _MOST:
            _MEMBERS.clear()
        read = struct.Struct(f"<{_HEADER.size}x{declared}{_CODES[width]}").unpack
        known = _MEMBERS[len(blob)] = blob[: _HEADER.size], read
    members = known[1](blob)
    return len(members) > 0 and all(map(lt, members, members[1:]))


_MEMBERS: dict[int, tuple[bytes, Callable[[bytes], tuple[int, ...]]]] = {}  # by size: header, what reads them
_MOST = 512  # sizes that are known


def count(head: bytes) -> int:
    """Say how many members the header declares; `head` is 8 bytes or more."""
    _, declared = _read_header(head)
    return declared


def _read_header(head: bytes) -> tuple[int, int]:
    try:
        width, declared = _HEADER.unpack_from(head)
    except struct.error as error:
        raise CorruptStructure(f"intset is {len(head)} bytes, its header takes 8", 0) from error
    if width not in _CODES:
        raise CorruptStructure(f"intset width is {width}, it is 2, 4 or 8", 0)
    return width, declared


def _check_size(size: int, width: int, declared: int) -> None:
    if size != _HEADER.size + width * declared:
        message = (
            f"intset is {size} bytes, {declared} members of {width} take {_HEADER.size + width * declared}"
        )
        raise CorruptStructure(message, 4)


def take(buf: bytes, pos: int, width: int, previous: int, out: list[bytes]) -> tuple[int, int]:
    """Append the whole members from `pos` on to `out`; return where the rest begins and the last member.

    `previous` is the member before `pos`. Raises CorruptStructure.
    """
    # Unpacked, compared and formatted by loops in C: 125 ns a member, one loop in Python takes 195. Most
    # of it is formatting, which is a third faster for all members at once than for one after the other.
    there = (len(buf) - pos) // width
    if not there:
        return pos, previous
    members = struct.unpack_from(f"<{there}{_CODES[width]}", buf, pos)
    if not (previous < members[0] and all(map(lt, members, members[1:]))):
        at = next(i for i, member in enumerate(members) if member <= (members[i - 1] if i else previous))
        raise CorruptStructure("intset member is not greater than the one before", pos + width * at)
    out += (b"%d," * there % members)[:-1].split(b",")
    return pos + width * there, members[-1]


def encode(values: Iterable[int]) -> bytes:
    """Pack the values, sorted, each once, in the smallest width; raise ValueError for more than 64 bits."""
    members = sorted(set(values))
    for width, code in _CODES.items():
        limit = 1 << 8 * width - 1
        if not members or -limit <= members[0] <= members[-1] < limit:
            return struct.pack(f"<II{len(members)}{code}", width, len(members), *members)
    wanted = max(members[0].bit_length(), members[-1].bit_length()) + 1
    raise ValueError(f"intset members have 64 bits, one of these takes {wanted}")
