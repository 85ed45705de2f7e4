"""Batches of names of keys, in the order they came, in a temporary file: for a second look at them."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

Batch = tuple[int, Sequence[bytes], Sequence[int]]  # database, keys, places
_SPOOL = 1 << 20  # bytes of names for which there is no need of a file
_NUMBER = 8  # bytes, of a size and a place


class Names:
    """Batches of names and places, in the order they came: for the second look."""

    def __init__(self) -> None:
        from tempfile import SpooledTemporaryFile  # noqa: PLC0415 - takes 5 ms

        self._file = SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - closed with the names

    def add(self, keys: Sequence[bytes], places: Iterable[int], db: int) -> None:
        names = marshal.dumps([*keys], _FORM)  # a third of the time of joining them and telling their sizes
        # Places that only count need not be written: where they begin is enough.
        counted = places.start if isinstance(places, range) else _LISTED
        self._file.write(_BATCH.pack(db, len(keys), len(names), counted))
        if counted == _LISTED:
            self._file.write(array("q", places).tobytes())
        self._file.write(names)

    def __iter__(self) -> Iterator[Batch]:
        self._file.seek(0)
        while head := self._file.read(_BATCH.size):
            db, number, size, counted = _BATCH.unpack(head)
            places: Sequence[int] = range(counted, counted + number)
            if counted == _LISTED:
                places = array("q", self._file.read(number * _NUMBER))
            yield db, marshal.loads(self._file.read(size)), places  # noqa: S302 - we wrote it

    def close(self) -> None:
        self._file.close()


_FORM = 2  # of marshal: the last that does not look for what it has written before
_BATCH = Struct("<QQQq")  # database, number of names, bytes of all names, first place or _LISTED
_LISTED = -1
