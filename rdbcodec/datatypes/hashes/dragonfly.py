"""Hashes of Dragonfly whose fields expire (rdb-format.md, 9.2).

31   LENGTH n  (STRING field  STRING value  STRING ttl)*n
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rdbcodec.datatypes.dragonfly import expiries_in, expiry_of, expiry_text
from rdbcodec.datatypes.hashes.odd import TWICE
from rdbcodec.datatypes.hashes.value import Field, Hash, fields_of
from rdbcodec.datatypes.layout import Layout, Part, Text, count_length
from rdbcodec.datatypes.odd import Odd
from rdbcodec.datatypes.packed import encode_table
from rdbcodec.datatypes.scope import Scope, check_distinct, flat_items, grouped, read_strings
from rdbcodec.servers import Server
from rdbcodec.wire.cursor import Cursor


def decode_hash_expiry(raw: bytes, scope: Scope) -> Hash:
    """Dragonfly type 31."""
    texts = read_strings(raw, scope, 3)
    value = Hash(zip(texts[0::3], texts[1::3], strict=True))
    check_distinct(len(value), len(texts) // 3, "hash fields")
    value.expires_at_ms = expiries_in(zip(texts[0::3], texts[2::3], strict=True))
    return value


def encode_hash_expiry(value: Hash, server: Server) -> bytes:
    """Dragonfly type 31; expiries are rounded up to seconds."""
    return encode_table(len(value), fields_of(value), _encode_expiring, server)


def _encode_expiring(fields: Iterable[Field], text: Text) -> Iterator[Part]:
    for field, value, at in fields:
        yield text(field)
        yield text(value)
        yield text(expiry_text(at))


def hash_expiry_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Dragonfly type 31 in batches."""
    for batch in grouped(flat_items(cursor, scope, 3), 3, "hash with expiry"):
        yield [(field, value, expiry_of(ttl)) for field, value, ttl in batch]


LAYOUTS = {
    "hash-expiry": Layout(
        decode_hash_expiry,
        hash_expiry_items,
        count_length,
        encode_hash_expiry,
        elements=_encode_expiring,
        odd=Odd(damage="undecodable", twice=TWICE),
    ),
}
