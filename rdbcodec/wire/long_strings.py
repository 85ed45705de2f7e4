"""Strings too large to hold: what becomes of one that stands inside a value.

Who reads a value in pieces says with `Held` up to which size a string is held, and what is done with a
longer one, which comes as pieces of its bytes:

    Held(limit)                     refused: LimitExceeded
    Held(limit, skip)               read to its end, so that it is verified; a Skipped stands for it
    Held(limit, Spool().keep)       written to a temporary file; a LongString stands for it

Elements are typed as bytes everywhere. Only who asks for the second or the third kind meets the others.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import IO, Any, NamedTuple

from rdbcodec.errors import LimitExceeded
from rdbcodec.limits import MAX_ELEMENT, MAX_RECORD

PIECE = 64 << 10  # bytes handed on at a time
DIGEST = 16  # bytes


class Held(NamedTuple):
    """Strings of up to `limit` bytes are held, longer ones are what `keep` makes of their pieces."""

    limit: int = MAX_ELEMENT
    keep: Callable[[Iterator[bytes]], Any] | None = None
    needed: int = MAX_RECORD  # the limit for names, which have no use in pieces

    def refuse(self, what: str, wanted: int) -> LimitExceeded:
        """The error for a string that is longer, when nothing is to be made of it."""
        return LimitExceeded(
            f"{what} is too large to hold", limit=self.limit, wanted=wanted, name="max_value"
        )


HELD = Held()


class Skipped(bytes):
    """Stands for a string that was verified and not kept: the digest of its bytes."""


def skip(pieces: Iterable[bytes]) -> Skipped:
    """Read a string to its end. Equal ones have equal digests, others once in 2**64 snapshots of millions."""
    told = blake2b(digest_size=DIGEST)
    for piece in pieces:
        told.update(piece)
    return Skipped(told.digest())


class LongString:
    """A string in a temporary file, which lasts as long as anybody has the string."""

    __slots__ = ("_at", "_size", "_spool", "is_text")

    def __init__(self, spool: Spool, at: int, size: int, *, is_text: bool) -> None:
        self._spool = spool
        self._at = at
        self._size = size
        self.is_text = is_text  # whether it is valid UTF-8
        spool.living += 1

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, as often as they are asked for."""
        pos, end = self._at, self._at + self._size
        while pos < end:
            piece = self._spool.read(pos, min(PIECE, end - pos))
            pos += len(piece)
            yield piece

    def __del__(self) -> None:
        self._spool.living -= 1

    def __repr__(self) -> str:
        return f"<LongString of {self._size} bytes>"


class Spool:
    """The temporary file of long strings. Its room is used again once none of them is left."""

    __slots__ = ("_end", "_file", "living")

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0
        self.living = 0

    def keep(self, pieces: Iterable[bytes]) -> LongString:
        """A string that comes in pieces."""
        file = self._opened()
        if not self.living:
            self._end = file.seek(0)
            file.truncate()
        start, text = self._end, _Text()
        for piece in pieces:
            file.write(piece)
            text.add(piece)
            self._end += len(piece)
        file.flush()
        return LongString(self, start, self._end - start, is_text=text.ends())

    def read(self, pos: int, size: int) -> bytes:
        """Some bytes of the file: at least one of those that were written."""
        return os.pread(self._opened().fileno(), size, pos)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            import tempfile  # noqa: PLC0415 - hardly any snapshot has such strings, and it takes 5 ms

            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the last string is gone
        return self._file

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()


class _Text:
    """Whether bytes that come in pieces are UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def add(self, piece: bytes, *, final: bool = False) -> None:
        if self._is_text:
            try:
                self._decoder.decode(piece, final)
            except UnicodeDecodeError:
                self._is_text = False

    def ends(self) -> bool:
        self.add(b"", final=True)
        return self._is_text
