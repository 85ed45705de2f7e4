"""Hashes: plain, zipmap, ziplist, listpack, with field TTLs in five layouts, and by template.

    4             LENGTH n  (STRING field  STRING value)*n
    9, 13, 16     STRING, a zipmap, ziplist or listpack of field, value
    22 redis      LENGTH n  (LENGTH ttl  STRING field  STRING value)*n      absolute ms, 0 = none
    23            STRING, a listpack of field, value, ttl                   absolute ms, 0 = none
    24            I64 min  LENGTH n  (LENGTH ttl  STRING field  STRING value)*n   0 = none, else min + ttl - 1
    25            I64 min  STRING, a listpack of field, value, ttl          absolute ms; min may be stale
    22 valkey     LENGTH n  (STRING field  STRING value  I64 ttl)*n         absolute ms, -1 = none
    29, 31        template names, then values; 30, 32: a template id, then values
    dragonfly 31  LENGTH n  (STRING field  STRING value  STRING ttl)*n      seconds since 2023-02-01, or -1

Facts: rdb-format.md 4.3, 4.6, 9.2, 9.4; rdb-v13-15.md 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise

from rdbcodec.datatypes.packed import encode_blob, encode_listpack, encode_strings, encode_ziplist
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.scope import (
    Scope,
    blob_items,
    check_distinct,
    check_whole,
    check_width,
    grouped,
    read_blob,
    read_strings,
    take_strings,
)
from rdbcodec.errors import CorruptStructure, EncodeError, LimitExceeded
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, ziplist, zipmap
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor, Reader

# field, value, and when the field expires: absolute milliseconds, None for never
Field = tuple[bytes, bytes, int | None]

DRAGONFLY_EPOCH = 1675209600  # seconds; 2023-02-01T00:00:00Z, dragonfly source of 2026-08
_I64 = 8  # bytes before the body of types 24 and 25
MAX_EXPIRY = (1 << 48) - 1  # milliseconds; what Redis takes for a field (rdb-format.md, 4.6)


class Hash(dict[bytes, bytes]):
    """A Redis hash, field -> value, in file order.

    `expires_at_ms` holds the fields that expire: field -> absolute milliseconds. They count: a hash equals
    another with the same fields, values and expiries, and a plain dict when none of its fields expires.
    """

    __slots__ = ("expires_at_ms",)
    __hash__ = None  # mutable, as every dict

    def __init__(self, fields: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(fields)
        self.expires_at_ms: dict[bytes, int] = {}

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self, other) is True and expiries_of(other) == self.expires_at_ms

    def __ne__(self, other: object) -> bool:
        return not self == other

    def copy(self) -> Hash:
        """Another hash with the same fields and expiries."""
        made = Hash(self)
        made.expires_at_ms = dict(self.expires_at_ms)
        return made


# --- without field TTLs -----------------------------------------------------------------------------


def _from_flat(flat: Sequence[bytes]) -> Hash:
    check_width(flat, 2, "hash")
    value = Hash(zip(flat[0::2], flat[1::2], strict=True))
    check_distinct(len(value), len(flat) // 2, "hash fields")
    return value


def decode_hash(raw: bytes, scope: Scope) -> Hash:
    """Type 4."""
    return _from_flat(read_strings(raw, scope, 2))


def decode_hash_zipmap(raw: bytes, scope: Scope) -> Hash:
    """Type 9."""
    pairs = zipmap.decode(read_blob(raw, scope))
    value = Hash(pairs)
    check_distinct(len(value), len(pairs), "hash fields")
    return value


def decode_hash_ziplist(raw: bytes, scope: Scope) -> Hash:
    """Type 13."""
    return _from_flat(ziplist.decode(read_blob(raw, scope)))


def decode_hash_listpack(raw: bytes, scope: Scope) -> Hash:
    """Type 16."""
    return _from_flat(listpack.decode(read_blob(raw, scope)))


def encode_hash(value: Hash, server: Server) -> bytes:
    """Type 4."""
    return lengths.encode(len(value)) + encode_strings(_flat(value), server)


def encode_hash_zipmap(value: Hash, server: Server) -> bytes:
    """Type 9."""
    return encode_blob(zipmap.encode(value.items()), server)


def encode_hash_ziplist(value: Hash, server: Server) -> bytes:
    """Type 13."""
    return encode_blob(encode_ziplist(_flat(value), server), server)


def encode_hash_listpack(value: Hash, server: Server) -> bytes:
    """Type 16."""
    return encode_blob(encode_listpack(_flat(value), server), server)


def _flat(value: Mapping[bytes, bytes]) -> list[bytes]:
    return [text for pair in value.items() for text in pair]


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


def flat_items(cursor: Cursor, scope: Scope, width: int) -> Iterator[list[bytes]]:
    """LENGTH n, STRING * n * width, in batches cut anywhere."""
    yield from cursor.batches(take_strings(scope), Cursor.element, cursor.length() * width)


def _without_ttl(batches: Iterator[list[bytes]]) -> Iterator[list[Field]]:
    for batch in grouped(batches, 2, "hash"):
        yield [(field, value, None) for field, value in batch]


# --- with field TTLs, as tables ---------------------------------------------------------------------


def _from_fields(fields: Sequence[Field]) -> Hash:
    value = Hash((field, text) for field, text, _ in fields)
    check_distinct(len(value), len(fields), "hash fields")
    value.expires_at_ms = {field: expiry for field, _, expiry in fields if expiry is not None}
    return value


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
    return _from_fields(_read_fields(raw, 0, _ttl_first_reader(scope, _absolute_expiry), scope))


def decode_hash_ttl(raw: bytes, scope: Scope) -> Hash:
    """Type 24."""
    return _from_fields(fields_with_ttl(raw, scope))


def decode_hash_ttl_valkey(raw: bytes, scope: Scope) -> Hash:
    """Valkey type 22."""
    return _from_fields(fields_with_valkey_ttl(raw, scope))


def encode_hash_ttl_rc(value: Hash, server: Server) -> bytes:
    """Redis type 22."""
    check_expiries(value)
    return _ttl_first_table(value, server, 0)


def encode_hash_ttl(value: Hash, server: Server) -> bytes:
    """Type 24."""
    check_expiries(value)
    minimum = min(value.expires_at_ms.values(), default=0)
    return minimum.to_bytes(_I64, "little", signed=True) + _ttl_first_table(value, server, minimum - 1)


def _ttl_first_table(value: Hash, server: Server, base: int) -> bytes:
    told = value.expires_at_ms
    parts = [lengths.encode(len(value))]
    for field, text in value.items():
        parts.append(lengths.encode(told[field] - base if field in told else 0))
        parts.append(strings.encode(field, compress=server.compress))
        parts.append(strings.encode(text, compress=server.compress))
    return b"".join(parts)


def check_expiries(value: Hash | Mapping[bytes, bytes]) -> None:
    """Raise EncodeError for a time Redis does not take, or one of a field that is not there."""
    told = getattr(value, "expires_at_ms", {})
    if not told.keys() <= value.keys():
        raise EncodeError("an expiry is that of a field the hash does not have")
    for at in told.values():
        check_expiry(at)


def check_expiry(at: int) -> None:
    """Raise EncodeError for a time Redis does not take for a field."""
    if not 0 < at <= MAX_EXPIRY:
        raise EncodeError(f"a field expires at {at} ms, expected 1 to {MAX_EXPIRY}")


def encode_hash_ttl_valkey(value: Hash, server: Server) -> bytes:
    """Valkey type 22."""
    check_expiries(value)
    parts = [lengths.encode(len(value))]
    for field, text in value.items():
        parts.append(strings.encode(field, compress=server.compress))
        parts.append(strings.encode(text, compress=server.compress))
        parts.append(value.expires_at_ms.get(field, -1).to_bytes(_I64, "little", signed=True))
    return b"".join(parts)


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


# --- with field TTLs, in a listpack -----------------------------------------------------------------


def fields_with_listpack_ttl(blob: bytes) -> list[Field]:
    """The listpack of types 23 and 25, a field that is there twice included."""
    flat = listpack.decode_mixed(blob)
    check_width(flat, 3, "hash with field TTLs")
    return _fields_of(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))


def _from_triples(blob: bytes) -> Hash:
    return _from_fields(fields_with_listpack_ttl(blob))


def _fields_of(triples: Iterable[Sequence[bytes | int]]) -> list[Field]:
    return [(_text(field), _text(value), _listpack_expiry(ttl)) for field, value, ttl in triples]


def _text(element: bytes | int) -> bytes:
    return b"%d" % element if isinstance(element, int) else element


def _listpack_expiry(ttl: bytes | int) -> int | None:
    if not isinstance(ttl, int):
        raise CorruptStructure("hash field expiry is a string, expected an integer")
    return ttl or None


def decode_hash_listpack_ttl_rc(raw: bytes, scope: Scope) -> Hash:
    """Type 23."""
    return _from_triples(read_blob(raw, scope))


def decode_hash_listpack_ttl(raw: bytes, scope: Scope) -> Hash:
    """Type 25; the minimum in front may be stale and says nothing (rdb-format.md, 4.6)."""
    return _from_triples(read_blob(raw, scope, _I64))


def encode_hash_listpack_ttl_rc(value: Hash, server: Server) -> bytes:
    """Type 23."""
    check_expiries(value)
    told = value.expires_at_ms
    # Active expiry relies on this order: the soonest first, fields without an expiry last.
    fields = sorted(value, key=lambda field: told.get(field, MAX_EXPIRY + 1))
    flat: list[bytes | int] = [part for field in fields for part in (field, value[field], told.get(field, 0))]
    return encode_blob(encode_listpack(flat, server), server)


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


# --- Dragonfly --------------------------------------------------------------------------------------


def decode_hash_expiry(raw: bytes, scope: Scope) -> Hash:
    """Dragonfly type 31."""
    flat = read_strings(raw, scope, 3)
    value = Hash(zip(flat[0::3], flat[1::3], strict=True))
    check_distinct(len(value), len(flat) // 3, "hash fields")
    value.expires_at_ms = dragonfly_expiries(zip(flat[0::3], flat[2::3], strict=True))
    return value


def encode_hash_expiry(value: Hash, server: Server) -> bytes:
    """Dragonfly type 31; expiries are rounded up to seconds."""
    told = value.expires_at_ms
    flat = [part for field, text in value.items() for part in (field, text, dragonfly_text(told.get(field)))]
    return lengths.encode(len(value)) + encode_strings(flat, server)


def dragonfly_text(at_ms: int | None) -> bytes:
    """An expiry as the decimal text Dragonfly writes."""
    if at_ms is None:
        return b"-1"
    seconds = -(-at_ms // 1000) - DRAGONFLY_EPOCH
    if seconds < 0:
        raise EncodeError(f"an expiry at {at_ms} ms is before 2023-02-01, where Dragonfly begins to count")
    return b"%d" % seconds


def hash_expiry_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Dragonfly type 31 in batches."""
    for batch in grouped(flat_items(cursor, scope, 3), 3, "hash with expiry"):
        yield [(field, value, _dragonfly_expiry(ttl)) for field, value, ttl in batch]


def dragonfly_expiries(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """The members or fields that expire, from their decimal texts."""
    expiries = ((name, _dragonfly_expiry(ttl)) for name, ttl in pairs)
    return {name: expiry for name, expiry in expiries if expiry is not None}


def _dragonfly_expiry(text: bytes) -> int | None:
    if text == b"-1":
        return None
    if not isinstance(text, bytes) or not text.isdigit():  # a LongString is no number either
        raise CorruptStructure("an expiry is not a number of seconds")
    return (DRAGONFLY_EPOCH + int(text[:20])) * 1000


# --- templates (Redis 8.10) -------------------------------------------------------------------------


def check_template(fields: Sequence[bytes]) -> None:
    """Raise CorruptStructure unless names ascend strictly, shorter ones first, as the server demands."""
    order = [(len(field), field) for field in fields]
    if not order:
        raise CorruptStructure("a hash template has no fields")
    if any(left >= right for left, right in pairwise(order)):
        raise CorruptStructure("the fields of a hash template do not ascend")


def _from_template(fields: Sequence[bytes], values: Sequence[bytes]) -> Hash:
    if len(values) != len(fields):
        raise CorruptStructure(f"hash has {len(values)} values, its template {len(fields)} fields")
    return Hash(zip(fields, values, strict=True))


def _values_of(blob: bytes) -> tuple[int, list[bytes]]:
    """Template id and values of types 29 and 30."""
    elements = listpack.decode_mixed(blob)
    if not elements or not isinstance(elements[0], int) or elements[0] < 0:
        raise CorruptStructure("a template hash does not begin with a template id")
    return elements[0], [_text(element) for element in elements[1:]]


def _fields_by_id(template: int, scope: Scope) -> Sequence[bytes]:
    fields = scope.templates.get(template)
    if fields is None:
        raise CorruptStructure(f"hash refers to template {template}, which the file has not defined")
    return fields


def _own_fields(raw: bytes, scope: Scope) -> tuple[list[bytes], int]:
    """The field names that types 29 and 31 bring along, and where the values begin."""
    form, pos = lengths.read(raw, 0)
    if form > 1:
        raise CorruptStructure(f"template field format is {form}, expected 0 or 1")
    if form == 0:
        blob, pos = strings.read(raw, pos, scope.budget)
        fields = listpack.decode(blob)
    else:
        count, pos = lengths.read(raw, pos)
        fields = []
        pos = strings.take(raw, pos, count, fields, scope.budget)
    check_template(fields)
    return fields, pos


def _array_values(raw: bytes, pos: int, count: int, scope: Scope) -> list[bytes]:
    values: list[bytes] = []
    end = strings.take(raw, pos, count, values, scope.budget)
    check_whole(len(values), count, end, raw, scope.budget)
    return values


def decode_hash_template_listpack(raw: bytes, scope: Scope) -> Hash:
    """Type 29; the template id among the values is the writer's own and means nothing here."""
    fields, pos = _own_fields(raw, scope)
    return _from_template(fields, _values_of(read_blob(raw, scope, pos))[1])


def decode_hash_template_listpack_ref(raw: bytes, scope: Scope) -> Hash:
    """Type 30."""
    template, values = _values_of(read_blob(raw, scope))
    return _from_template(_fields_by_id(template, scope), values)


def decode_hash_template_array(raw: bytes, scope: Scope) -> Hash:
    """Type 31."""
    fields, pos = _own_fields(raw, scope)
    return _from_template(fields, _array_values(raw, pos, len(fields), scope))


def decode_hash_template_array_ref(raw: bytes, scope: Scope) -> Hash:
    """Type 32."""
    template, pos = lengths.read(raw, 0)
    fields = _fields_by_id(template, scope)
    return _from_template(fields, _array_values(raw, pos, len(fields), scope))


def count_template_array_ref(raw: bytes, scope: Scope) -> int | None:
    """As many as the template has fields."""
    fields = scope.templates.get(lengths.read(raw, 0)[0])
    return None if fields is None else len(fields)


def hash_template_listpack_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 29 in batches."""
    del scope
    fields = _own_fields_of(cursor)
    yield from _named(_template_elements(cursor), lambda _: fields)


def hash_template_listpack_ref_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 30 in batches."""
    yield from _named(_template_elements(cursor), lambda template: _fields_by_id(template, scope))


def hash_template_array_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 31 in batches."""
    fields = _own_fields_of(cursor)
    yield from _with_names(cursor.batches(take_strings(scope), Cursor.element, len(fields)), fields)


def hash_template_array_ref_items(cursor: Cursor, scope: Scope) -> Iterator[list[Field]]:
    """Type 32 in batches."""
    fields = _fields_by_id(cursor.length(), scope)
    yield from _with_names(cursor.batches(take_strings(scope), Cursor.element, len(fields)), fields)


def _own_fields_of(cursor: Cursor) -> Sequence[bytes]:
    """What `_own_fields` reads, of a value that passes by: names are held, as those in templates are."""
    form = cursor.length()
    if form > 1:
        raise CorruptStructure(f"template field format is {form}, expected 0 or 1")
    if form:
        fields = [cursor.needed() for _ in range(cursor.length())]
    else:
        fields = listpack.decode(cursor.needed())
    check_template(fields)
    return fields


def _template_elements(cursor: Cursor) -> Iterator[list[bytes | int]]:
    return blob_items(cursor, listpack.decode_mixed, listpack.iter_decode_mixed)


def _named(
    batches: Iterator[list[bytes | int]], fields_of: Callable[[int], Sequence[bytes]]
) -> Iterator[list[Field]]:
    """The fields of types 29 and 30, whose first element is the template's id."""
    template, *first = next(filter(None, batches), [b""])  # not popped: whoever made the batch counts it
    if not isinstance(template, int) or template < 0:
        raise CorruptStructure("a template hash does not begin with a template id")
    values = ([_text(element) for element in batch] for batch in chain([first], batches))
    yield from _with_names(values, fields_of(template))


def _with_names(batches: Iterator[list[bytes]], fields: Sequence[bytes]) -> Iterator[list[Field]]:
    count = 0
    for batch in batches:
        names = fields[count : count + len(batch)]
        count += len(batch)
        if count > len(fields):
            break
        yield [(field, value, None) for field, value in zip(names, batch, strict=True)]
    if count != len(fields):
        raise CorruptStructure(f"hash has {count} values or more, its template {len(fields)} fields")


def template_of(fields: Iterable[bytes]) -> tuple[bytes, ...]:
    """The field names in the order of a template: shorter ones first."""
    return tuple(sorted(fields, key=lambda field: (len(field), field)))


def encode_hash_template_listpack(value: Hash, server: Server) -> bytes:
    """Type 29, its names in a listpack; the id among the values means nothing and is 0."""
    fields = template_of(value)
    return _names(fields, server) + _template_blob(0, value, fields, server)


def encode_hash_template_array(value: Hash, server: Server) -> bytes:
    """Type 31, its names in a listpack."""
    fields = template_of(value)
    return _names(fields, server) + encode_strings([value[field] for field in fields], server)


def _names(fields: Sequence[bytes], server: Server) -> bytes:
    return lengths.encode(0) + encode_blob(encode_listpack(fields, server), server)


def encode_hash_template_listpack_ref(value: Hash, server: Server) -> bytes:
    """Type 30; its template must have been written before."""
    fields = template_of(value)
    return _template_blob(_written(fields, server), value, fields, server)


def encode_hash_template_array_ref(value: Hash, server: Server) -> bytes:
    """Type 32; its template must have been written before."""
    fields = template_of(value)
    return lengths.encode(_written(fields, server)) + encode_strings(
        [value[field] for field in fields], server
    )


def _written(fields: tuple[bytes, ...], server: Server) -> int:
    template = server.templates.get(fields)
    if template is None:
        raise EncodeError("the hash's template was not written before it")
    return template


def _template_blob(template: int, value: Hash, fields: Sequence[bytes], server: Server) -> bytes:
    elements: list[bytes | int] = [template, *(value[field] for field in fields)]
    return encode_blob(encode_listpack(elements, server), server)
