"""Values too large to hold, for a target that cannot take them as they are.

Elements pass by once and their number stands before them, so what was made of them waits in a temporary
file until it is known. The layout is the plain table of the type, which every server of a type loads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

from rdbcodec.datatypes.layout import Part, Passing, Text
from rdbcodec.datatypes.modules import is_held
from rdbcodec.datatypes.packed import text_encoder
from rdbcodec.datatypes.registry import layout_of, type_named
from rdbcodec.datatypes.scope import Scope
from rdbcodec.encoding.payloads import refusing, server_for, whole
from rdbcodec.encoding.transcoding import choose, copies, newest
from rdbcodec.errors import EncodeError, TextError
from rdbcodec.formats import FIRST_VALKEY, TypeRow
from rdbcodec.losses import TYPE_PREFIX, Lose
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Entry, LargeEntry
from rdbcodec.servers import Server
from rdbcodec.wire import lengths
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, Spool
from rdbcodec.wire.strings import Budget

PIECE = 256 << 10


def transcode_large(entry: Entry, server: Server, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """The value for the target in pieces, in bounded memory; None, and a loss told, when it has no such type.

    An element too large to hold is written uncompressed, whatever the server is asked to do.
    """
    if entry.type == "module" and entry.row.name in server.types:
        return _module(entry, server, lose)
    passing = type_named(entry.type).passing
    row = _table_row(entry, server) if passing is None else newest(entry.type, server)
    if row is None:
        lose(TYPE_PREFIX + entry.type)
        return None
    if passing is None:
        return row, _spooled(entry, row, server, lose)
    value = Passing(*_opened(entry, Spool()), entry.row, entry.origin)
    return row, passing(value, row, server, lose)


class Gathered(NamedTuple):
    """A value whose parts wait in a temporary file: its row, and the number that stands before them."""

    row: TypeRow
    number: int


def gather(
    values: Iterable[Any], type_: str, row: TypeRow | None, server: Server, spool: IO[bytes]
) -> Gathered | None:
    """A value in parts, in a layout asked for or in that which the server would choose; None where it must be
    held to be written, or to know what is wrong with it."""
    parts = iter(values)
    try:
        first = next(parts)
        row = choose(type_, first, server) if row is None else row  # it has too much for a compact one
        encode = None if row is None else layout_of(row).parts
        if row is None or encode is None:
            return None
        count = 0
        for size, data in encode(chain((first,), parts), server):
            count += size
            spool.write(data)
    except (EncodeError, TextError, ValueError, OverflowError):
        return None
    return Gathered(row, count)


def payload_pieces(entry: LargeEntry, version: int) -> Iterator[bytes]:
    """Entry.dump for a value too large to hold, in pieces. Raises EncodeError for what would get lost."""
    origin = entry.origin
    server = server_for(version, origin.dialect if version < FIRST_VALKEY else None)
    refuse = refusing(entry.type, server)
    if entry.meta is not None and "key-meta" not in server.opcodes:
        refuse("key-metadata")
    if copies(entry.row, origin, server):
        row, pieces = entry.row, entry.chunks()
    else:
        row, pieces = whole(transcode_large(entry, server, refuse))
    yield from wrapped_pieces((entry.meta or b"") + bytes((row.code,)), pieces, version)


def wrapped_pieces(head: bytes, pieces: Iterable[bytes], version: int) -> Iterator[bytes]:
    """A payload of a type byte, with what stands before it, and a value in pieces."""
    crc = 0
    for piece in chain((head,), pieces, (version.to_bytes(2, "little"),)):
        crc = crc64(piece, crc)
        yield piece
    yield crc.to_bytes(8, "little")


def _module(entry: Entry, server: Server, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """A module's value is copied or not at all; whose it is stands in its first bytes."""
    chunks, head = entry.chunks(), b""
    while len(head) < lengths.MAX_SIZE and (piece := next(chunks, b"")):
        head += piece
    if not is_held(head, server):
        lose("module")
        return None
    return entry.row, chain((head,), chunks)


def _table_row(entry: Entry, server: Server) -> TypeRow | None:
    """The target's table for a value: one with a place for expiries where the value's own has one."""
    rows = [row for row in server.types.values() if row.type == entry.type and layout_of(row).elements]
    fitting = [row for row in rows if entry.row.expires or not row.expires]
    return max(fitting, key=lambda row: (row.expires, row.code), default=None)


def _spooled(entry: Entry, row: TypeRow, server: Server, lose: Lose) -> Iterator[bytes]:
    layout = layout_of(row)
    encode = layout.elements
    assert encode is not None  # see _table_row
    text = _text_of(server)
    lost: set[str] = set()
    long = Spool()
    with tempfile.TemporaryFile() as spool:
        count = 0
        for batch in _batches(entry, row, lost, long):
            parts = encode(batch, text)
            spool.writelines(_written(parts) if long.living else (b"".join(parts),))  # type: ignore[arg-type]
            count += len(batch)
        for kind in sorted(lost):
            lose(kind)
        if not count:
            raise EncodeError(
                f"an empty {row.type} does not exist, and no server loads one",
                type=row.type,
                server=server.name,
            )
        yield layout.head + lengths.encode(count)
        yield from spooled(spool)


def _text_of(server: Server) -> Text:
    encode = text_encoder(server)
    return lambda text: encode(text) if isinstance(text, bytes) else text


def _written(parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, LongString):
            yield lengths.encode(len(part))
            yield from part.pieces()
        else:
            yield part


def _batches(entry: Entry, row: TypeRow, lost: set[str], long: Spool) -> Iterator[list[Any]]:
    """The elements; what the row has no place for is added to `lost`."""
    expiring_items = layout_of(entry.row).expiring_items
    if expiring_items is not None:
        for batch in expiring_items(*_opened(entry, long)):
            _lose_expiries(batch, entry, row, lost)
            yield [element for element, _ in batch]
        return
    for batch in entry.items(spool=long):
        if entry.row.expires:
            _lose_expiries(batch, entry, row, lost)
        yield batch


def _lose_expiries(batch: list[Any], entry: Entry, row: TypeRow, lost: set[str]) -> None:
    """Each element ends with its expiry."""
    expiries = [at for *_, at in batch if at is not None]
    if expiries and not row.expires:
        lost.add(type_named(entry.type).expiry_loss)
    elif row.dialect == "dragonfly" and any(at % 1000 for at in expiries):
        lost.add("sub-second-expiry")


def _opened(entry: Entry, long: Spool) -> tuple[Cursor, Scope]:
    budget = Budget(entry.max_value)
    cursor = Cursor(entry.chunks(), budget, streaming=True, held=Held(budget.limit, long.keep))
    return cursor, Scope(budget, {})


def spooled(spool: IO[bytes]) -> Iterator[bytes]:
    """All of a temporary file."""
    spool.seek(0)
    while piece := spool.read(PIECE):
        yield piece
