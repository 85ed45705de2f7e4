"""Field names that hashes of a file share (Redis 8.10).

F2  LENGTH id  LENGTH n  STRING*n

A server knows a template from its record on: a hash that stands before it ends the load, wherever the
template comes. So an entry, which may be decoded long after it was read, holds on to those that were `Known`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from rdbcodec.datatypes.hashes import check_template
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.limits import MAX_TEMPLATE_NAMES, MAX_TEMPLATES
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import CODES, RecordKind
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.strings import Budget

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server

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

    def __reduce__(self) -> tuple[object, ...]:
        """Elsewhere nothing comes later."""
        return dict, (dict(self),)


_NONE: Mapping[int, Fields] = {}


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A template, which hashes behind it may refer to; all of a file together are bounded."""
    del row
    (id, count), start = state.lengths(pos, 2)
    _check_room(state, count, 0)
    fields: list[bytes] = []
    budget = Budget(state.scaled(MAX_TEMPLATES))
    end = strings.take(state.buf, start, count, fields, budget)
    if budget.failure is not None:
        raise budget.failure
    if len(fields) < count:
        raise IndexError
    _check_room(state, count, sum(map(len, fields)))
    if id in state.templates:
        raise CorruptStructure(f"hash template {id} is defined twice", start)
    check_template(fields)
    record = HashTemplate(state.offset(), state.raw(end), id, tuple(fields))
    state.add_template(id, record.fields)
    return record, end


def _check_room(state: State, count: int, size: int) -> None:
    """Raise LimitExceeded when so many more names, of so many bytes, are more than can be held."""
    names, most = state.template_names + count, state.scaled(MAX_TEMPLATE_NAMES)
    if names > most:
        raise LimitExceeded("too many names of hash templates", limit=most, wanted=names, unit="names")
    wanted, limit = state.template_bytes + size, state.scaled(MAX_TEMPLATES)
    if wanted > limit:
        raise LimitExceeded("the names of hash templates are too large", limit=limit, wanted=wanted)


def encode(id: int, fields: Fields, server: Server) -> bytes:
    """The record that defines a template."""
    head = CODES["hash-template"] + lengths.encode(id) + lengths.encode(len(fields))
    from rdbcodec.datatypes.packed import encode_strings  # noqa: PLC0415 - who reads needs no encoders

    return head + encode_strings(fields, server)


def _most(state: State) -> int:
    return state.scaled(MAX_TEMPLATES)


# Nothing is lost with it: the hashes that refer to it are written with their own field names.
KINDS = (RecordKind("hash-template", decode, loss=None, record=HashTemplate, limit=_most),)
