"""Field names that hashes of a file share (Redis 8.10).

F2  LENGTH id  LENGTH n  STRING*n

A server knows a template from its record on: a hash that stands before it ends the load, wherever the
template comes. So an entry, which may be decoded long after it was read, holds on to those that were `Known`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

Fields = tuple[bytes, ...]


class HashTemplate(NamedTuple):
    """Redis 8.10: field names that hashes of this file refer to by `id`."""

    offset: int
    raw: bytes
    id: int
    fields: Fields


class Templates(dict[int, Fields]):
    """The templates of a file, by their ids, as they come; each is defined once."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[int, int] = {}  # which came how many-th

    def __setitem__(self, id: int, fields: Fields) -> None:
        self.places[id] = len(self.places)
        super().__setitem__(id, fields)

    def known(self) -> Mapping[int, Fields]:
        """Those that are there now, whatever comes later."""
        return Known(self) if self else _NONE


class Known(Mapping[int, Fields]):
    """The first templates of a file; a view, because a file may have a million."""

    __slots__ = ("_all", "_count")

    def __init__(self, templates: Templates) -> None:
        self._all = templates
        self._count = len(templates)

    def __getitem__(self, id: int) -> Fields:
        if self._all.places[id] >= self._count:
            raise KeyError(id)
        return self._all[id]

    def __iter__(self) -> Iterator[int]:
        return islice(self._all, self._count)

    def __len__(self) -> int:
        return self._count


_NONE: Mapping[int, Fields] = {}
