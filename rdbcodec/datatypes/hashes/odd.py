"""What can be odd about hashes in more than one of their layouts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rdbcodec.datatypes.hashes.value import Field
from rdbcodec.datatypes.odd import HASH_ENTRIES, HASH_VALUE, Oddity
from rdbcodec.datatypes.scope import Scope, read_blob, read_strings
from rdbcodec.structures import zipmap

MAX_FIELD_TTL = 1 << 48  # from here on no loader takes it (asked of 8.2.3 and 8.10.2)
TWICE, TTL_TWICE = "hash-twice-large", "field-ttl-twice-large"
_ZIPMAP_UNCOUNTED = 254


def look_in_pairs(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    """At a table of field, value."""
    texts = read_strings(raw, scope, 2)
    if not texts:
        yield Oddity("empty", "")
    yield from _in_fields(texts[::2], texts, "hash-twice")


def _in_fields(fields: Sequence[bytes], texts: Iterable[bytes], trait: str) -> Iterator[Oddity]:
    if len(set(fields)) != len(fields):
        is_large = len(fields) > HASH_ENTRIES or max(map(len, texts)) > HASH_VALUE
        yield Oddity(f"{trait}-large" if is_large else trait, "")


def look_in_zipmap(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    """At a zipmap, which loaders read whole."""
    blob = read_blob(raw, scope)
    pairs = zipmap.decode(blob)
    if blob[0] > _ZIPMAP_UNCOUNTED:
        yield Oddity("zipmap", f"its count is {blob[0]}, 254 is the one for unknown")
    if len({field for field, _ in pairs}) != len(pairs):
        yield Oddity("zipmap", "a field is there twice")
    if not pairs:
        yield Oddity("zipmap", "it is empty")


def in_expiring(fields: Sequence[Field], over: str) -> Iterator[Oddity]:
    """In fields that may expire; `over` is the trait of one that expires later than any may."""
    if not fields:
        yield Oddity("empty", "")
    yield from _in_fields(
        [field for field, *_ in fields],
        (text for field, value, _ in fields for text in (field, value)),
        "field-ttl-twice",
    )
    expiries = [at for *_, at in fields if at is not None]
    if expiries and min(expiries) < 0:
        yield Oddity("field-ttl-negative", f"a field expires at {min(expiries)}")
    if expiries and max(expiries) >= MAX_FIELD_TTL:
        yield Oddity(over, f"a field expires at {max(expiries)}")
