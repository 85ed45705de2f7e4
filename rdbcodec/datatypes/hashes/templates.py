"""Hashes by template, of Redis 8.10: the field names stand once (rdb-v13-15.md, 4).

29, 31   template names, then values
30, 32   a template's id, then values
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from rdbcodec.datatypes.hashes.value import (
    Field,
    Hash,
    Referring,
    check_template,
    template_of,
    text_of_element,
)
from rdbcodec.datatypes.layout import Layout, unknown_count
from rdbcodec.datatypes.odd import Odd
from rdbcodec.datatypes.packed import encode_blob, encode_listpack, encode_strings
from rdbcodec.datatypes.scope import HEADER_SIZE, Scope, blob_items, check_whole, read_blob, take_strings
from rdbcodec.errors import CorruptStructure
from rdbcodec.servers import Server
from rdbcodec.structures import listpack
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor


def _from_template(fields: Sequence[bytes], values: Sequence[bytes]) -> Hash:
    if len(values) != len(fields):
        raise CorruptStructure(f"hash has {len(values)} values, its template {len(fields)} fields")
    return Hash(zip(fields, values, strict=True))


def _values_of(blob: bytes) -> tuple[int, list[bytes]]:
    """Template id and values of types 29 and 30."""
    elements = listpack.decode_mixed(blob)
    if not elements or not isinstance(elements[0], int) or elements[0] < 0:
        raise CorruptStructure("a template hash does not begin with a template id")
    return elements[0], [text_of_element(element) for element in elements[1:]]


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
    values = ([text_of_element(element) for element in batch] for batch in chain([first], batches))
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


def encode_hash_template_listpack_ref(referring: Referring, server: Server) -> bytes:
    """Type 30."""
    template, value = referring
    return _template_blob(template, value, template_of(value), server)


def encode_hash_template_array_ref(referring: Referring, server: Server) -> bytes:
    """Type 32."""
    template, value = referring
    values = [value[field] for field in template_of(value)]
    return lengths.encode(template) + encode_strings(values, server)


def _template_blob(template: int, value: Hash, fields: Sequence[bytes], server: Server) -> bytes:
    elements: list[bytes | int] = [template, *(value[field] for field in fields)]
    return encode_blob(encode_listpack(elements, server), server)


def _count_listpack_ref(raw: bytes, scope: Scope) -> int | None:
    del scope
    elements = listpack.count(strings.peek(raw, 0, HEADER_SIZE))
    return None if elements is None else elements - 1  # the first is the template's id


_ODD = Odd(damage="template")

LAYOUTS = {
    "hash-template-listpack": Layout(
        decode_hash_template_listpack,
        hash_template_listpack_items,
        unknown_count,
        encode_hash_template_listpack,
        odd=_ODD,
    ),
    "hash-template-listpack-ref": Layout(
        decode_hash_template_listpack_ref,
        hash_template_listpack_ref_items,
        _count_listpack_ref,
        encode_hash_template_listpack_ref,
        odd=_ODD,
    ),
    "hash-template-array": Layout(
        decode_hash_template_array,
        hash_template_array_items,
        unknown_count,
        encode_hash_template_array,
        odd=_ODD,
    ),
    "hash-template-array-ref": Layout(
        decode_hash_template_array_ref,
        hash_template_array_ref_items,
        count_template_array_ref,
        encode_hash_template_array_ref,
        odd=_ODD,
    ),
}
