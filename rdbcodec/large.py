"""Values too large to hold, for a target that cannot take them as they are.

Elements pass by once and their number stands before them, so what was made of them waits in a temporary
file until it is known. The layout is the plain table of the type, which every server of a type loads.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from typing import IO, Any

from rdbcodec.datatypes.form import Form
from rdbcodec.datatypes.packed import encode_blob
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.stream_versions import Lose, in_version
from rdbcodec.datatypes.streams import encode_tail, nodes_and_tail
from rdbcodec.encodings import STREAM_VERSIONS, stream_row
from rdbcodec.errors import EncodeError
from rdbcodec.formats import TypeRow
from rdbcodec.losses import TYPE_PREFIX
from rdbcodec.records import Entry
from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.wire.strings import Budget

PIECE = 256 << 10

Encoder = Callable[[Any], bytes]


def transcode_large(entry: Entry, form: Form, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """The value for the target in pieces, in bounded memory; None, and a loss told, when it has no such type.

    Raises LimitExceeded for a single element larger than the reader's `max_value`.
    """
    if entry.type == "module" and entry.row.name in form.types:
        return _module(entry, form, lose)
    if entry.type == "stream" and "stream" in form.types:
        return stream_row(form)[1], _stream(entry, form, lose)
    row = _plain_row(entry, form)
    if row is None:
        lose(TYPE_PREFIX + entry.type)
        return None
    return row, _spooled(entry, row, form, lose)


def _module(entry: Entry, form: Form, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """A module's value is copied or not at all; whose it is stands in its first bytes."""
    chunks, head = entry.chunks(), b""
    while len(head) < lengths.MAX_SIZE and (piece := next(chunks, b"")):
        head += piece
    if form.modules is not None and decode_module_id(lengths.read(head, 0)[0]).name not in form.modules:
        lose("module")
        return None
    return entry.row, chain((head,), chunks)


def _plain_row(entry: Entry, form: Form) -> TypeRow | None:
    names = _PLAIN.get(entry.type, ())
    if entry.type == "hash" and entry.row.name in _WITH_TTLS:
        names = (*_TTL_TABLES, *names)
    return next((form.types[name] for name in names if name in form.types), None)


def _spooled(entry: Entry, row: TypeRow, form: Form, lose: Lose) -> Iterator[bytes]:
    encode = _ENCODERS[row.name](form)
    expiring = False
    with tempfile.TemporaryFile() as spool:
        count = 0
        for batch in entry.items():
            spool.write(b"".join(map(encode, batch)))
            count += len(batch)
            expiring = expiring or (entry.type == "hash" and any(ttl is not None for *_, ttl in batch))
        if expiring and row.name not in _TTL_TABLES:
            lose("field-ttl")
        if not count:
            raise EncodeError(f"an empty {row.type} does not exist", type=row.type, target=form.name)
        yield _HEADS.get(row.name, b"") + lengths.encode(count)
        yield from _pieces(spool)


def _pieces(spool: IO[bytes]) -> Iterator[bytes]:
    spool.seek(0)
    while piece := spool.read(PIECE):
        yield piece


def _stream(entry: Entry, form: Form, lose: Lose) -> Iterator[bytes]:
    """A stream in another version: its nodes as they are, then a new tail."""
    budget = Budget(entry.max_value)
    cursor = Cursor(entry.chunks(), budget, streaming=True)
    parts = nodes_and_tail(cursor, Scope(budget, {}), STREAM_VERSIONS[entry.row.name])
    count = next(parts)
    assert isinstance(count, int)
    yield lengths.encode(count)
    first = None
    while True:
        try:
            node = next(parts)
        except StopIteration as done:
            tail, version = done.value, stream_row(form)[0]
            yield encode_tail(in_version(tail, version, lose, first), form, version)
            return
        assert not isinstance(node, int)
        master, blob, entries = node
        ids = [found.id for found in entries]
        first = min([*ids, *([] if first is None else [first])], default=None)
        yield encode_blob(master, form) + encode_blob(blob, form)


def _string(form: Form) -> Encoder:
    return lambda text: strings.encode(text, compress=form.compress)


def _scored(form: Form) -> Encoder:
    pack = struct.Struct("<d").pack
    return lambda pair: strings.encode(pair[0], compress=form.compress) + pack(pair[1])


def _text_scored(form: Form) -> Encoder:
    return lambda pair: strings.encode(pair[0], compress=form.compress) + doubles.encode_text(pair[1])


def _field(form: Form) -> Encoder:
    string = _string(form)
    return lambda field: string(field[0]) + string(field[1])


def _field_with_ttl(form: Form) -> Encoder:
    string = _string(form)
    return lambda field: (
        lengths.encode(0 if field[2] is None else field[2] + 1) + string(field[0]) + string(field[1])
    )


def _valkey_field(form: Form) -> Encoder:
    string = _string(form)
    return lambda field: (
        string(field[0])
        + string(field[1])
        + (-1 if field[2] is None else field[2]).to_bytes(8, "little", signed=True)
    )


_PLAIN: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "set": ("set",),
    "zset": ("zset-2", "zset"),
    "hash": ("hash",),
}
_TTL_TABLES = ("hash-ttl", "hash-ttl-valkey")
_WITH_TTLS = frozenset(
    {"hash-ttl-rc", "hash-listpack-ttl-rc", "hash-ttl", "hash-listpack-ttl", "hash-ttl-valkey"}
)
# The smallest expiry comes before the fields and is not known yet; with 0 there, each is told as it is,
# plus 1 (rdb-format.md, 4.6: measured to load).
_HEADS = {"hash-ttl": bytes(8)}
_ENCODERS: dict[str, Callable[[Form], Encoder]] = {
    "list": _string,
    "set": _string,
    "zset-2": _scored,
    "zset": _text_scored,
    "hash": _field,
    "hash-ttl": _field_with_ttl,
    "hash-ttl-valkey": _valkey_field,
}
