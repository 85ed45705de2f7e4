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
from typing import IO, Any

from rdbcodec.errors import LimitExceeded, RdbError
from rdbcodec.limits import MAX_ELEMENT, MAX_RECORD
from rdbcodec.named_tuples import NamedTuple

PIECE = 64 << 10  # bytes handed on at a time
DIGEST = 16  # bytes
FULL = 16 << 20  # bytes: a temporary file as long as this takes no more strings


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
    from hashlib import blake2b  # noqa: PLC0415 - hardly any reading skips strings, and it takes 5 ms

    told = blake2b(digest_size=DIGEST)
    for piece in pieces:
        told.update(piece)
    return Skipped(told.digest())


class LongString:
    """A string in a temporary file, which lasts as long as anybody has the string."""

    __slots__ = ("_at", "_file", "_size", "_spool", "is_text")

    def __init__(self, spool: Spool, file: _File, at: int, *, is_text: bool) -> None:
        self._spool = spool
        self._file = file
        self._at = at
        self._size = file.end - at
        self.is_text = is_text  # whether it is valid UTF-8
        spool.living += 1

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, as often as they are asked for."""
        pos, end = self._at, self._at + self._size
        while pos < end:
            piece = self._file.read(pos, min(PIECE, end - pos))
            pos += len(piece)
            yield piece

    def __del__(self) -> None:
        self._spool.living -= 1

    def __repr__(self) -> str:
        return f"<LongString of {self._size} bytes>"


class Spool:
    """Keeps long strings, `living` of them at the moment, in as much room as those take."""

    __slots__ = ("_file", "living")

    def __init__(self) -> None:
        self._file: _File | None = None
        self.living = 0

    def keep(self, pieces: Iterable[bytes]) -> LongString:
        """A string that comes in pieces."""
        # A file full of strings that are gone is given up, not written over: some of it may be in use.
        if self._file is None or self._file.end >= FULL:
            self._file = _File()
        file, text = self._file, _Text()
        start = file.end
        for piece in pieces:
            if not piece:  # a Decoder says this: the rest was not fed yet
                raise RdbError("a value that is still being fed cannot be kept yet")
            file.write(piece)
            text.add(piece)
        file.flush()
        return LongString(self, file, start, is_text=text.ends())


class _File:
    """A temporary file that is gone when nobody has it any more."""

    __slots__ = ("_file", "end")

    def __init__(self) -> None:
        import tempfile  # noqa: PLC0415 - hardly any snapshot has such strings, and it takes 5 ms

        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __del__
        self.end = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.end += len(piece)

    def flush(self) -> None:
        self._file.flush()

    def read(self, pos: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, pos)

    def __del__(self) -> None:
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
