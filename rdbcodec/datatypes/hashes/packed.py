"""Hashes whose fields expire, in a listpack (rdb-format.md, 4.6).

23   STRING, a listpack of field, value, ttl            absolute ms
25   I64 min  STRING, a listpack of field, value, ttl   absolute ms; min may be stale
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rdbcodec.datatypes.hashes.odd import TTL_TWICE, TWICE, in_expiring
from rdbcodec.datatypes.hashes.value import MAX_EXPIRY, Field, Hash, check_expiries, hash_of, text_of_element
from rdbcodec.datatypes.layout import count_packed, packed_layout
from rdbcodec.datatypes.odd import HASH_ENTRIES, Odd, Oddity, Packing, elements_of
from rdbcodec.datatypes.packed import encode_blob, encode_listpack
from rdbcodec.datatypes.scope import Scope, blob_items, check_width, grouped, read_blob
from rdbcodec.errors import CorruptStructure
from rdbcodec.servers import Server
from rdbcodec.structures import listpack
from rdbcodec.wire.cursor import Cursor

_I64 = 8  # bytes


def fields_with_listpack_ttl(blob: bytes) -> list[Field]:
    """The listpack of types 23 and 25, a field that is there twice included."""
    flat = listpack.decode_mixed(blob)
    check_width(flat, 3, "hash with field TTLs")
    return _fields_of(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))


def hash_in_triples(blob: bytes) -> Hash:
    """Types 23 and 25; the minimum in front of 25 may be stale and says nothing (rdb-format.md, 4.6)."""
    return hash_of(fields_with_listpack_ttl(blob))


def _fields_of(triples: Iterable[Sequence[bytes | int]]) -> list[Field]:
    return [
        (text_of_element(field), text_of_element(value), _listpack_expiry(ttl))
        for field, value, ttl in triples
    ]


def _listpack_expiry(ttl: bytes | int) -> int | None:
    if not isinstance(ttl, int):
        raise CorruptStructure("hash field expiry is a string, expected an integer")
    return ttl or None


def encode_hash_listpack_ttl_rc(value: Hash, server: Server) -> bytes:
    """Type 23."""
    check_expiries(value)
    expiries = value.expires_at_ms
    # Active expiry relies on this order: the soonest first, fields without an expiry last.
    fields = sorted(value, key=lambda field: expiries.get(field, MAX_EXPIRY + 1))
    elements = [part for field in fields for part in (field, value[field], expiries.get(field, 0))]
    return encode_blob(encode_listpack(elements, server), server)


def encode_hash_listpack_ttl(value: Hash, server: Server) -> bytes:
    """Type 25."""
    triples = encode_hash_listpack_ttl_rc(value, server)
    minimum = min(value.expires_at_ms.values(), default=0)
    return minimum.to_bytes(_I64, "little", signed=True) + triples


def hash_listpack_ttl_rc_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 23 in batches."""
    del scope
    flat = blob_items(cursor, listpack.decode_mixed, listpack.iter_decode_mixed)
    for batch in grouped(flat, 3, "hash with field TTLs"):
        yield _fields_of(batch)


def hash_listpack_ttl_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 25 in batches."""
    cursor.signed()
    yield from hash_listpack_ttl_rc_items(cursor, scope)


def _look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    blob = read_blob(raw, scope, _I64)
    # Loaders read its last expiry at once, and end or go on as the place of the damage has it.
    elements = yield from elements_of("listpack", blob, Packing(3, HASH_ENTRIES), "listpack-ttl-inside")
    if elements is None:
        return
    try:
        fields = fields_with_listpack_ttl(blob)
    except CorruptStructure as error:
        yield Oddity("table" if len(elements) % 3 == 0 else "listpack-ttl-inside", error.message)
        return
    yield from in_expiring(fields, "field-ttl-over-listpack")
    expiries = [math.inf if at is None else at for *_, at in fields]
    if expiries != sorted(expiries):
        yield Oddity("field-ttl-order", "")


LAYOUTS = {
    "hash-listpack-ttl-rc": packed_layout(
        hash_in_triples,
        hash_listpack_ttl_rc_items,
        count_packed(listpack.count, width=3),
        encode_hash_listpack_ttl_rc,
        Odd(damage="undecodable", twice=TWICE),
    ),
    "hash-listpack-ttl": packed_layout(
        hash_in_triples,
        hash_listpack_ttl_items,
        count_packed(listpack.count, width=3, skip=_I64),
        encode_hash_listpack_ttl,
        Odd(_look, "lzf", "undecodable", TTL_TWICE, is_checked=True),
        at=_I64,
    ),
}
