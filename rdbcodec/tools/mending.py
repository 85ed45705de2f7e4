"""One byte of a snapshot that was changed, put right: the checksum tells which it was, and what stood there.

    mend(whole).byte      the Mended byte, which `whole` has right from then on; None for none
    mend(whole).is_right  whether the checksum of the whole is right, with that byte or without one

The commonest damage, a bit that flipped on a disk or in memory, takes nothing then. That it was that, reading
proves: the checksum is right with the byte, and is not without it.
"""

from __future__ import annotations

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.source import CHUNK
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.wire.changed_byte import changed_byte
from rdbcodec.wire.crc64 import crc64


class Mended(NamedTuple):
    """At `offset` stood `found`, and `was` was written."""

    offset: int
    found: int
    was: int


class Mending(NamedTuple):
    """Whether the checksum vouches for a whole snapshot, and what had to be put right for it."""

    is_right: bool
    byte: Mended | None = None


def mend(whole: Unwrapped) -> Mending:
    """Find the byte, if the snapshot is whole but for one, and ends with a checksum; zeros may follow."""
    end = _end(whole)
    if end <= CRC_SIZE:
        return Mending(False)
    size, stored = end - CRC_SIZE, whole.read_at(end - CRC_SIZE, CRC_SIZE)
    if not any(stored):  # eight zeros: no checksum
        return Mending(False)
    computed = _checksum(whole, size)
    if computed == int.from_bytes(stored, "little"):
        return Mending(True)
    change = changed_byte(int.from_bytes(stored, "little"), computed, size)
    if change is None:
        return Mending(False)
    found = whole.read_at(change.offset, 1)[0]
    whole.mend(change.offset, found ^ change.by)
    return Mending(True, Mended(change.offset, found, found ^ change.by))


def _end(whole: Unwrapped) -> int:
    """Where a snapshot ends that nothing but padding follows: a page blob has whole pages of 512 bytes."""
    end = whole.size - len(whole.mark)
    if end % _PAGE or not end:
        return end
    last = whole.read_at(end - _PAGE, _PAGE).rstrip(b"\0")
    return end - _PAGE + len(last) if len(last) <= _PAGE - CRC_SIZE and last else end


_PAGE = 512


def _checksum(whole: Unwrapped, size: int) -> int:
    source, crc = whole.stream(0), 0
    while source.pos < size:
        crc = crc64(source.read(min(CHUNK, size - source.pos)), crc)
    return crc
