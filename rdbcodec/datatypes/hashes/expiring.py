"""Hashes whose fields expire, as tables (rdb-format.md, 4.6 and 9.4).

22 redis    LENGTH n  (LENGTH ttl  STRING field  STRING value)*n      absolute ms, 0 = none
24          I64 min  LENGTH n  (LENGTH ttl  STRING field  STRING value)*n   0 = none, else min + ttl - 1
22 valkey   LENGTH n  (STRING field  STRING value  I64 ttl)*n         absolute ms, -1 = none
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rdbcodec.datatypes.hashes.odd import MAX_FIELD_TTL, TTL_TWICE, TWICE, in_expiring
from rdbcodec.datatypes.hashes.value import Field, Hash, check_expiries, check_expiry, fields_of, hash_of
from rdbcodec.datatypes.layout import Layout, Part, Text, count_after, count_length
from rdbcodec.datatypes.odd import Odd, Oddity
from rdbcodec.datatypes.packed import encode_table, parts_of_table
from rdbcodec.datatypes.scope import Scope, check_whole
from rdbcodec.errors import CorruptStructure, LimitExceeded
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor, Reader

_I64 = 8  # bytes


def _ttl_first_reader(scope: Scope, expiry: Callable[[int], int | None]) -> Reader[Field]:
    """(LENGTH ttl, STRING field, STRING value)*: Redis 22 and 24."""
    budget = scope.budget

    def reader(buf: bytes, pos: int, count: int, out: list[Field]) -> int:
        try:
            while count:
                ttl, end = lengths.read(buf, pos)
                field, end = strings.read(buf, end, budget)
                value, end = strings.read(buf, end, budget)
                out.append((field, value, expiry(ttl)))
                pos = end
                count -= 1
        except (IndexError, LimitExceeded):
            pass
        return pos

    return reader


def _valkey_reader(scope: Scope) -> Reader[Field]:
    """(STRING field, STRING value, I64 ttl)*: Valkey 22."""
    budget = scope.budget

    def reader(buf: bytes, pos: int, count: int, out: list[Field]) -> int:
        limit = len(buf) - _I64
        try:
            while count:
                field, end = strings.read(buf, pos, budget)
                value, end = strings.read(buf, end, budget)
                if end > limit:
                    break
                ttl = int.from_bytes(buf[end : end + _I64], "little", signed=True)
                out.append((field, value, _valkey_expiry(ttl)))
                pos = end + _I64
                count -= 1
        except (IndexError, LimitExceeded):
            pass
        return pos

    return reader


def _absolute_expiry(ttl: int) -> int | None:
    return ttl or None


def _relative_expiry(minimum: int) -> Callable[[int], int | None]:
    return lambda ttl: minimum + ttl - 1 if ttl else None


def _valkey_expiry(ttl: int) -> int | None:
    if ttl < -1:
        raise CorruptStructure(f"hash field expiry is {ttl}, expected -1 or milliseconds")
    return None if ttl == -1 else ttl


def _read_fields(raw: bytes, pos: int, reader: Reader[Field], scope: Scope) -> list[Field]:
    count, pos = lengths.read(raw, pos)
    out: list[Field] = []
    end = reader(raw, pos, count, out)
    check_whole(len(out), count, end, raw, scope.budget)
    return out


def fields_with_ttl(raw: bytes, scope: Scope) -> list[Field]:
    """Type 24, a field that is there twice included."""
    minimum = int.from_bytes(raw[:_I64], "little", signed=True)
    return _read_fields(raw, _I64, _ttl_first_reader(scope, _relative_expiry(minimum)), scope)


def fields_with_valkey_ttl(raw: bytes, scope: Scope) -> list[Field]:
    """Valkey type 22, a field that is there twice included."""
    return _read_fields(raw, 0, _valkey_reader(scope), scope)


def _slow_ttl_first(expiry: Callable[[int], int | None]) -> Callable[[Cursor], Field]:
    def slow(cursor: Cursor) -> Field:
        ttl = expiry(cursor.length())
        return cursor.element(), cursor.element(), ttl

    return slow


def decode_hash_ttl_rc(raw: bytes, scope: Scope) -> Hash:
    """Redis type 22."""
    return hash_of(_read_fields(raw, 0, _ttl_first_reader(scope, _absolute_expiry), scope))


def decode_hash_ttl(raw: bytes, scope: Scope) -> Hash:
    """Type 24."""
    return hash_of(fields_with_ttl(raw, scope))


def decode_hash_ttl_valkey(raw: bytes, scope: Scope) -> Hash:
    """Valkey type 22."""
    return hash_of(fields_with_valkey_ttl(raw, scope))


def encode_hash_ttl_rc(value: Hash, server: Server) -> bytes:
    """Redis type 22."""
    check_expiries(value)
    return encode_table(len(value), fields_of(value), _encode_ttl_first, server)


def encode_hash_ttl(value: Hash, server: Server) -> bytes:
    """Type 24."""
    check_expiries(value)
    minimum = min(value.expires_at_ms.values(), default=0)
    return minimum.to_bytes(_I64, "little", signed=True) + encode_table(
        len(value), fields_of(value), partial(_encode_ttl_first, base=minimum - 1), server
    )


def _encode_ttl_first(fields: Iterable[Field], text: Text, base: int = 0) -> Iterator[Part]:
    """The elements of types 22 and 24: milliseconds after `base`, 0 for never."""
    for field, value, at in fields:
        yield lengths.encode(0 if at is None else _checked(at) - base)
        yield text(field)
        yield text(value)


def _checked(at: int) -> int:
    check_expiry(at)
    return at


def encode_hash_ttl_valkey(value: Hash, server: Server) -> bytes:
    """Valkey type 22."""
    check_expiries(value)
    return encode_table(len(value), fields_of(value), _encode_ttl_last, server)


def _encode_ttl_last(fields: Iterable[Field], text: Text) -> Iterator[Part]:
    """The elements of Valkey's type 22."""
    for field, value, at in fields:
        yield text(field)
        yield text(value)
        yield (-1 if at is None else _checked(at)).to_bytes(_I64, "little", signed=True)


def hash_ttl_rc_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Redis type 22 in batches."""
    reader = _ttl_first_reader(scope, _absolute_expiry)
    yield from cursor.batches(reader, _slow_ttl_first(_absolute_expiry), cursor.length())


def hash_ttl_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 24 in batches."""
    expiry = _relative_expiry(cursor.signed())
    yield from cursor.batches(_ttl_first_reader(scope, expiry), _slow_ttl_first(expiry), cursor.length())


def hash_ttl_valkey_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Valkey type 22 in batches."""
    yield from cursor.batches(_valkey_reader(scope), _slow_valkey, cursor.length())


def _slow_valkey(cursor: Cursor) -> Field:
    return cursor.element(), cursor.element(), _valkey_expiry(cursor.signed())


def _look(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    if int.from_bytes(raw[:_I64], "little", signed=True) < 0:
        yield Oddity("field-ttl-negative", "the minimum is below 0")
        return
    yield from in_expiring(fields_with_ttl(raw, scope), "field-ttl-over")


def _look_in_valkey(raw: bytes, scope: Scope) -> Iterator[Oddity]:
    fields = fields_with_valkey_ttl(raw, scope)
    if not fields:
        yield Oddity("empty", "")
    if len({field for field, *_ in fields}) != len(fields):
        yield Oddity(TTL_TWICE, "")
    wrong = [at for *_, at in fields if at is not None and not 0 < at < MAX_FIELD_TTL]
    if wrong:
        yield Oddity("field-ttl-valkey", f"a field expires at {wrong[0]}")


LAYOUTS = {
    "hash-ttl-rc": Layout(
        decode_hash_ttl_rc,
        hash_ttl_rc_items,
        count_length,
        encode_hash_ttl_rc,
        elements=_encode_ttl_first,
        parts=parts_of_table(fields_of, _encode_ttl_first, expires=True),
        odd=Odd(damage="undecodable", twice=TWICE),
    ),
    # The smallest expiry comes before the fields, and of those passing by it is not known yet; with 0 there,
    # each is told as it is, plus 1 (rdb-format.md, 4.6: measured to load).
    "hash-ttl": Layout(
        decode_hash_ttl,
        hash_ttl_items,
        count_after(_I64),
        encode_hash_ttl,
        elements=partial(_encode_ttl_first, base=-1),
        head=bytes(_I64),
        odd=Odd(_look, twice=TTL_TWICE, is_checked=True),
    ),
    "hash-ttl-valkey": Layout(
        decode_hash_ttl_valkey,
        hash_ttl_valkey_items,
        count_length,
        encode_hash_ttl_valkey,
        elements=_encode_ttl_last,
        parts=parts_of_table(fields_of, _encode_ttl_last, expires=True),
        odd=Odd(_look_in_valkey, twice=TTL_TWICE, is_checked=True),
    ),
}
