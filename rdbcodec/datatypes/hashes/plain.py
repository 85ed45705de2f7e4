"""Hashes whose fields do not expire (rdb-format.md, 4.3 and 4.4).

4    LENGTH n  (STRING field  STRING value)*n
9    STRING, a zipmap of field, value
13   STRING, a ziplist of field, value
16   STRING, a listpack of field, value
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rdbcodec.datatypes.hashes.odd import TWICE, look_in_pairs, look_in_zipmap
from rdbcodec.datatypes.hashes.value import Field, Hash, flat
from rdbcodec.datatypes.layout import Layout, Part, Text, count_length, count_packed, packed_layout
from rdbcodec.datatypes.odd import IN_HASH, Odd, listpack_odd, ziplist_odd
from rdbcodec.datatypes.packed import (
    encode_blob,
    encode_listpack,
    encode_strings,
    encode_ziplist,
    parts_of_strings,
)
from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    check_width,
    flat_items,
    grouped,
    read_strings,
)
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, ziplist, zipmap
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor


def _from_flat(flat: Sequence[bytes]) -> Hash:
    elements = iter(flat)
    value = Hash(zip(elements, elements))  # noqa: B905 - an odd one is found below, strict takes twice the time
    if 2 * len(value) != len(flat):
        check_width(flat, 2, "hash")
        check_distinct(len(value), len(flat) // 2, "hash fields")
    return value


def decode_hash(raw: bytes, scope: Scope) -> Hash:
    """Type 4."""
    return _from_flat(read_strings(raw, scope, 2))


def hash_in_zipmap(blob: bytes) -> Hash:
    """Type 9."""
    pairs = zipmap.decode(blob)
    value = Hash(pairs)
    check_distinct(len(value), len(pairs), "hash fields")
    return value


def hash_in_ziplist(blob: bytes) -> Hash:
    """Type 13."""
    return _from_flat(ziplist.decode(blob))


def hash_in_listpack(blob: bytes) -> Hash:
    """Type 16."""
    return _from_flat(listpack.decode(blob))


def encode_hash(value: Hash, server: Server) -> bytes:
    """Type 4."""
    return lengths.encode(len(value)) + encode_strings(flat(value), server)


def _encode_fields(fields: Iterable[Field], text: Text) -> Iterator[Part]:
    """The elements of type 4."""
    for field, value, _ in fields:
        yield text(field)
        yield text(value)


def encode_hash_zipmap(value: Hash, server: Server) -> bytes:
    """Type 9."""
    return encode_blob(zipmap.encode(value.items()), server)


def encode_hash_ziplist(value: Hash, server: Server) -> bytes:
    """Type 13."""
    return encode_blob(encode_ziplist(flat(value), server), server)


def encode_hash_listpack(value: Hash, server: Server) -> bytes:
    """Type 16."""
    return encode_blob(encode_listpack(flat(value), server), server)


def hash_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 4 in batches."""
    yield from _without_ttl(flat_items(cursor, scope, 2))


def hash_zipmap_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 9 in batches."""
    del scope
    for batch in blob_items(cursor, zipmap.decode, zipmap.iter_decode):
        yield [(field, value, None) for field, value in batch]


def hash_ziplist_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 13 in batches."""
    del scope
    yield from _without_ttl(blob_items(cursor, ziplist.decode, ziplist.iter_decode))


def hash_listpack_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 16 in batches."""
    del scope
    yield from _without_ttl(blob_items(cursor, listpack.decode, listpack.iter_decode))


def _fields(cursor: Cursor, scope: Scope) -> Iterator[tuple[list[bytes], tuple[float, ...]]]:
    """The fields of type 4 alone, whatever the batches are cut at."""
    at = 0
    for batch in flat_items(cursor, scope, 2):
        yield batch[at::2], ()
        at ^= len(batch) & 1


def _without_ttl(batches: Iterator[list[bytes]]) -> Iterator[list[Field]]:
    for batch in grouped(batches, 2, "hash"):
        yield [(field, value, None) for field, value in batch]


LAYOUTS = {
    "hash": Layout(
        decode_hash,
        hash_items,
        count_length,
        encode_hash,
        elements=_encode_fields,
        parts=parts_of_strings(flat),
        odd=Odd(look_in_pairs, twice=TWICE, is_sound=bool, columns=_fields),
    ),
    "hash-zipmap": packed_layout(
        hash_in_zipmap,
        hash_zipmap_items,
        count_packed(zipmap.count),
        encode_hash_zipmap,
        Odd(look_in_zipmap, "zipmap", twice=TWICE, is_checked=True),
    ),
    "hash-ziplist": packed_layout(
        hash_in_ziplist,
        hash_ziplist_items,
        count_packed(ziplist.count, width=2),
        encode_hash_ziplist,
        ziplist_odd(IN_HASH),
    ),
    "hash-listpack": packed_layout(
        hash_in_listpack,
        hash_listpack_items,
        count_packed(listpack.count, width=2),
        encode_hash_listpack,
        listpack_odd(IN_HASH),
    ),
}
