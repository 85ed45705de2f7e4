"""Entries whose value is too large to hold: its bytes pass by once, before the next record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, Protocol

from rdbcodec.errors import RdbError
from rdbcodec.records.attributed import AttributedEntry
from rdbcodec.wire.long_strings import Held, LongString, Spool

PASSED_BY = "the value has passed by: read it before asking for the next record, and once"


class ValueSource(Protocol):
    """Where the bytes of a large value come from, while the decoder stands inside the value."""

    def pieces(self) -> Iterator[bytes]:
        """What was not read of the value yet; raises RdbError once the next record was asked for."""

    def drain(self) -> int:
        """Walk to the end of the value; its size in bytes."""


class Kept:
    """The bytes of a large value in a temporary file."""

    __slots__ = ("_value",)

    def __init__(self, value: LongString) -> None:
        self._value = value

    def pieces(self) -> Iterator[bytes]:
        """All of it, as often as it is asked for."""
        return self._value.pieces()

    def drain(self) -> int:
        """Its size."""
        return len(self._value)


class LargeEntry(AttributedEntry):
    """An Entry whose value is not held. Its bytes pass by once, before the next record is asked for."""

    __slots__ = ("_is_open", "_passed", "_size", "_source")

    _is_open: bool  # whether somebody asked for the bytes
    _passed: int  # how many of them they took
    _size: int | None
    _source: ValueSource | None

    @property
    def raw(self) -> NoReturn:
        self._refuse()

    @property
    def is_large(self) -> bool:
        return True

    @property
    def count(self) -> int | None:
        """Not told: the header passed by with the rest."""
        return None

    @property
    def serialized_size(self) -> int:
        """Bytes of the record on disk; asking walks to the end of the value, after which it is gone."""
        if self._size is None:
            if self._source is None:
                raise RdbError(PASSED_BY)
            self._is_open = True
            self._size = self._passed + self._source.drain()
        return len(self._attributes.raw) + len(self._record) + self._size

    def value(self) -> NoReturn:
        self._refuse()

    def chunks(self) -> Iterator[bytes]:
        return self._counted(self._open())

    def _counted(self, source: ValueSource) -> Iterator[bytes]:
        for piece in source.pieces():
            self._passed += len(piece)
            yield piece

    def verify(self) -> None:
        for _ in self.items(skip_large=True):
            pass

    def keep(self) -> None:
        """Put the value into a temporary file: it can then be read as often as wanted, still before the next
        record is asked for."""
        if not isinstance(self._source, Kept):
            kept = Kept(Spool().keep(self._open().pieces()))
            self._source, self._size = kept, kept.drain()

    def pass_by(self, source: ValueSource) -> None:
        """From here its bytes come while the decoder stands in the value."""
        self._size, self._is_open, self._passed = None, False, 0
        self._source = source

    def has_passed(self, size: int) -> None:
        """The value lies behind the decoder, and had so many bytes."""
        self._size = size
        self._source = None

    def _refuse(self) -> NoReturn:
        error = Held(self._context.limit).refuse("the value", self._context.limit + 1)
        self.locate(error)
        raise error

    def _open(self) -> ValueSource:
        if self._source is None or (self._is_open and not isinstance(self._source, Kept)):
            raise RdbError(PASSED_BY)
        self._is_open = True
        return self._source
