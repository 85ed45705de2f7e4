"""Names of keys in a file: one a line, or with a NUL byte behind each, as `keys --format raw0` writes them.

A name with a NUL byte in it cannot be listed, nor one with a line end in a list of lines.

A list may have millions of names. Up to HELD bytes they are held as they are; of more their digests, two
numbers each, which are sorted on disk first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from struct import Struct
from typing import IO

from rdbcodec.errors import LimitExceeded
from rdbcodec.limits import MAX_LISTED, MAX_RECORD
from rdbcodec.reading.sorted_runs import SortedRuns

HELD = 4 << 20  # bytes of names, each of which takes some 100 more
_NAME = 100
_DIGEST = Struct(">QQ")
_PIECE = 1 << 16
_TOO_MANY = "the list of keys is too long: give it in parts"


class KeyList:
    """The names that a file lists; `name in keys`."""

    def __init__(self, file: IO[bytes], *, held: int = HELD) -> None:
        self._names: set[bytes] = set()
        self._first, self._second = array("Q"), array("Q")
        names = _names(file)
        size = 0
        for name in names:
            self._names.add(name)
            size += _NAME + len(name)
            if size > held:
                self._digest(names)
                break

    def _digest(self, names: Iterator[bytes]) -> None:
        """All names, as digests."""
        with SortedRuns(_DIGEST.size) as runs:
            for count, name in enumerate(chain(self._names, names), 1):
                if count > MAX_LISTED:
                    raise LimitExceeded(_TOO_MANY, limit=MAX_LISTED, wanted=count, unit="keys")
                runs.add(_digest_of(name))
            self._names.clear()
            before = b""
            for digest in runs.merged():
                if digest != before:
                    first, second = _DIGEST.unpack(digest)
                    self._first.append(first)
                    self._second.append(second)
                before = digest

    def __contains__(self, name: object) -> bool:
        if not self._first:
            return name in self._names
        assert isinstance(name, bytes)
        first, second = _DIGEST.unpack(_digest_of(name))
        at = bisect_left(self._first, first)
        while at < len(self._first) and self._first[at] == first:
            if self._second[at] == second:
                return True
            at += 1
        return False

    def __len__(self) -> int:
        return len(self._first) or len(self._names)


def _digest_of(name: bytes) -> bytes:
    from hashlib import blake2b  # noqa: PLC0415 - hardly any command is given such a list, and it takes 5 ms

    return blake2b(name, digest_size=_DIGEST.size).digest()


def _names(file: IO[bytes]) -> Iterator[bytes]:
    """A NUL byte among the first tells that names end with one; lines may end with CR LF."""
    piece = file.read(_PIECE)
    end = b"\0" if b"\0" in piece else b"\n"
    rest = b""
    while piece:
        *whole, rest = (rest + piece).split(end)
        yield from whole if end == b"\0" else _lines(whole)
        if len(rest) > MAX_RECORD:
            raise LimitExceeded("a name in the list of keys is too long", limit=MAX_RECORD, wanted=len(rest))
        piece = file.read(_PIECE)
    if rest:
        yield from (rest,) if end == b"\0" else _lines([rest])


def _lines(lines: list[bytes]) -> Iterator[bytes]:
    return (line.removesuffix(b"\r") for line in lines if line not in (b"", b"\r"))
