"""Values too large to hold, for a target that cannot take them as they are.

Elements pass by once and their number stands before them, so what was made of them waits in a temporary
file until it is known. The layout is the plain table of the type, which every server of a type loads.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any

from rdbcodec.datatypes.hashes import check_expiry, dragonfly_text
from rdbcodec.datatypes.packed import CRITICAL, SMALLEST_CRITICAL, encode_blob, encode_listpack, has_critical
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.sets import expiring_members
from rdbcodec.datatypes.stream_versions import Lose, in_version
from rdbcodec.datatypes.streams import encode_tail, nodes_and_tail
from rdbcodec.datatypes.zsets import check_score
from rdbcodec.encoding.payloads import refusing, server_for, whole
from rdbcodec.encoding.transcoding import copies, stream_row
from rdbcodec.errors import EncodeError, LimitExceeded
from rdbcodec.formats import FIRST_VALKEY, TypeRow, VersionRow
from rdbcodec.limits import MAX_VALUE
from rdbcodec.losses import TYPE_PREFIX
from rdbcodec.records import Entry, LargeEntry
from rdbcodec.servers import Server
from rdbcodec.structures import listpack
from rdbcodec.wire import doubles, lengths, strings
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, Spool
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.wire.strings import Budget

PIECE = 256 << 10

# What an element is made of in its table: bytes as on disk, and strings too large to hold.
Parts = Sequence[bytes | LongString]
Encoder = Callable[[Any], Parts]


def transcode_large(entry: Entry, server: Server, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """The value for the target in pieces, in bounded memory; None, and a loss told, when it has no such type.

    An element too large to hold is written uncompressed, whatever the server does.
    """
    if entry.type == "module" and entry.row.name in server.types:
        return _module(entry, server, lose)
    newest = stream_row(server) if entry.row.generation else None
    if newest is not None:
        return newest, _stream(entry, newest, server, lose)
    row = _plain_row(entry, server)
    if row is None:
        lose(TYPE_PREFIX + entry.type)
        return None
    return row, _spooled(entry, row, server, lose)


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
    crc = 0
    head = (entry.meta or b"") + bytes((row.code,))
    for piece in chain((head,), pieces, (version.to_bytes(2, "little"),)):
        crc = crc64(piece, crc)
        yield piece
    yield crc.to_bytes(8, "little")


def _module(entry: Entry, server: Server, lose: Lose) -> tuple[TypeRow, Iterator[bytes]] | None:
    """A module's value is copied or not at all; whose it is stands in its first bytes."""
    chunks, head = entry.chunks(), b""
    while len(head) < lengths.MAX_SIZE and (piece := next(chunks, b"")):
        head += piece
    if server.modules is not None and decode_module_id(lengths.read(head, 0)[0]).name not in server.modules:
        lose("module")
        return None
    return entry.row, chain((head,), chunks)


def _plain_row(entry: Entry, server: Server) -> TypeRow | None:
    names = _PLAIN.get(entry.type, ())
    if entry.type == "hash" and entry.row.expires:
        names = ("hash-ttl", "hash-ttl-valkey", "hash-expiry", *names)
    return next((server.types[name] for name in names if name in server.types), None)


def _spooled(entry: Entry, row: TypeRow, server: Server, lose: Lose) -> Iterator[bytes]:
    encode = _ENCODERS[row.name](server)
    lost: set[str] = set()
    long = Spool()
    with tempfile.TemporaryFile() as spool:
        count = 0
        for batch in _batches(entry, row, lost, long):
            parts = chain.from_iterable(map(encode, batch))
            spool.writelines(_written(parts) if long.living else (b"".join(parts),))  # type: ignore[arg-type]
            count += len(batch)
        for kind in sorted(lost):
            lose(kind)
        if not count:
            raise EncodeError(
                f"an empty {row.type} does not exist, and no server loads one",
                type=row.type,
                target=server.name,
            )
        yield _HEADS.get(row.name, b"") + lengths.encode(count)
        yield from _pieces(spool)


def _written(parts: Iterable[bytes | LongString]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, LongString):
            yield lengths.encode(len(part))
            yield from part.pieces()
        else:
            yield part


def _batches(entry: Entry, row: TypeRow, lost: set[str], long: Spool) -> Iterator[list[Any]]:
    """The elements; what the row has no place for is added to `lost`."""
    if entry.row.name == "set-expiry":
        yield from _members(entry, lost, long)
        return
    for batch in entry.items(spool=long):
        if entry.type == "hash":
            expiries = [ttl for *_, ttl in batch if ttl is not None]
            if expiries and not row.expires:
                lost.add("field-ttl")
            elif row.name == "hash-expiry" and any(at % 1000 for at in expiries):
                lost.add("sub-second-expiry")
        yield batch


def _members(entry: Entry, lost: set[str], long: Spool) -> Iterator[list[bytes]]:
    """A set whose members expire, for a target where no member does."""
    cursor, budget = _opened(entry, long)
    for batch in expiring_members(cursor, Scope(budget, {})):
        if any(at is not None for _, at in batch):
            lost.add("member-ttl")
        yield [member for member, _ in batch]


def _opened(entry: Entry, long: Spool) -> tuple[Cursor, Budget]:
    budget = Budget(entry.max_value)
    return Cursor(entry.chunks(), budget, streaming=True, held=Held(budget.limit, long.keep)), budget


def _pieces(spool: IO[bytes]) -> Iterator[bytes]:
    spool.seek(0)
    while piece := spool.read(PIECE):
        yield piece


def _stream(entry: Entry, row: TypeRow, server: Server, lose: Lose) -> Iterator[bytes]:
    """A stream in another version: its nodes as they are, then a new tail."""
    cursor, budget = _opened(entry, Spool())
    parts = nodes_and_tail(cursor, Scope(budget, {}), entry.row.generation)
    count = next(parts)
    assert isinstance(count, int)
    yield lengths.encode(count)
    first = None
    while True:
        try:
            node = next(parts)
        except StopIteration as done:
            tail, version = done.value, row.generation
            yield encode_tail(in_version(tail, version, lose, first), server, version)
            return
        assert not isinstance(node, int)
        master, blob, entries = node
        ids = [found.id for found in entries]
        first = min([*ids, *([] if first is None else [first])], default=None)
        yield encode_blob(master, server)
        if isinstance(blob, bytes):
            yield encode_blob(_node(blob, server), server)
        else:
            _check_node(blob, server, entry.origin)
            yield from _written([blob])


def _node(blob: bytes, server: Server) -> bytes:
    """A node's listpack by the target's back-length rule; it matters for three sizes of text only."""
    if len(blob) < SMALLEST_CRITICAL:
        return blob
    elements = listpack.decode_mixed(blob)
    return encode_listpack(elements, server) if has_critical(elements) else blob


def _check_node(blob: LongString, server: Server, origin: VersionRow) -> None:
    """A node too large to hold goes as it is, or not at all."""
    if server.back_length == origin.back_length:
        return
    for batch in listpack.iter_decode_mixed(blob.pieces(), Held(PIECE, Spool().keep)):
        if any(not isinstance(element, int) and len(element) in CRITICAL for element in batch):
            raise LimitExceeded(
                "a stream node to be packed anew is too large to hold",
                limit=MAX_VALUE,
                wanted=len(blob),
                name="max_value",
            )


def _string(server: Server) -> Encoder:
    text = _text(server)
    return lambda element: (text(element),)


def _text(server: Server) -> Callable[[Any], bytes | LongString]:
    compress = server.compress
    return lambda text: strings.encode(text, compress=compress) if isinstance(text, bytes) else text


def _scored(server: Server) -> Encoder:
    return _pair_with(struct.Struct("<d").pack, server)


def _text_scored(server: Server) -> Encoder:
    return _pair_with(doubles.encode_text, server)


def _pair_with(encode_score: Callable[[float], bytes], server: Server) -> Encoder:
    text = _text(server)

    def encode(pair: tuple[bytes, float]) -> Parts:
        check_score(pair[1])
        return text(pair[0]), encode_score(pair[1])

    return encode


def _field(server: Server) -> Encoder:
    text = _text(server)
    return lambda field: (text(field[0]), text(field[1]))


def _field_with_ttl(server: Server) -> Encoder:
    text = _text(server)
    return lambda field: (lengths.encode(_checked(field[2], -1) + 1), text(field[0]), text(field[1]))


def _valkey_field(server: Server) -> Encoder:
    text = _text(server)
    return lambda field: (
        text(field[0]),
        text(field[1]),
        _checked(field[2], -1).to_bytes(8, "little", signed=True),
    )


def _dragonfly_field(server: Server) -> Encoder:
    text = _text(server)
    return lambda field: (text(field[0]), text(field[1]), text(dragonfly_text(field[2])))


def _checked(at: int | None, never: int) -> int:
    if at is None:
        return never
    check_expiry(at)
    return at


_PLAIN: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "set": ("set",),
    "zset": ("zset-2", "zset"),
    "hash": ("hash",),
}
# The smallest expiry comes before the fields and is not known yet; with 0 there, each is told as it is,
# plus 1 (rdb-format.md, 4.6: measured to load).
_HEADS = {"hash-ttl": bytes(8)}
_ENCODERS: dict[str, Callable[[Server], Encoder]] = {
    "list": _string,
    "set": _string,
    "zset-2": _scored,
    "zset": _text_scored,
    "hash": _field,
    "hash-ttl": _field_with_ttl,
    "hash-ttl-valkey": _valkey_field,
    "hash-expiry": _dragonfly_field,
}
