"""Path hashes: Valkey's hashes of small hashes (rdb-v13-15.md, 7.1).

23   LENGTH n  (STRING path  LENGTH m  (STRING field  STRING value)*m)*n
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.datatypes.hashes import Hash, natural_hash
from rdbcodec.datatypes.layout import DataType, Layout, count_length
from rdbcodec.datatypes.natural import text_of
from rdbcodec.datatypes.packed import encode_strings
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.scope import Scope, check_distinct
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor


class PathHash(dict[bytes, Hash]):
    """A Valkey path hash: path -> small hash."""

    __slots__ = ()


def decode_path_hash(raw: bytes, scope: Scope) -> PathHash:
    """Valkey type 23."""
    cursor = Cursor([raw], scope.budget)
    pairs = list(_paths(cursor))
    cursor.expect_end()
    value = PathHash(pairs)
    check_distinct(len(value), len(pairs), "paths")
    return value


def encode_path_hash(value: PathHash, server: Server) -> bytes:
    """Valkey type 23."""
    if not value:
        raise EncodeError("an empty path-hash does not exist, and no server loads one")
    parts = [lengths.encode(len(value))]
    for path, fields in value.items():
        if not fields:
            raise EncodeError("a path without fields, which no server loads")
        if expiries_of(fields):
            raise EncodeError("a field of a path expires, for which a path hash has no place")
        parts.append(strings.encode(path, compress=server.compress))
        parts.append(lengths.encode(len(fields)))
        parts.append(encode_strings([text for pair in fields.items() for text in pair], server))
    return b"".join(parts)


def path_hash_items(cursor: Cursor, scope: Scope) -> Iterator[list[tuple[bytes, Hash]]]:
    """Valkey type 23: (path, hash) one at a time."""
    del scope
    for pair in _paths(cursor):
        cursor.budget.refill()
        yield [pair]


def _paths(cursor: Cursor) -> Iterator[tuple[bytes, Hash]]:
    for _ in range(cursor.length()):
        path, count = cursor.needed(), cursor.length()
        if not count:
            raise CorruptStructure("a path without fields")
        value = Hash()
        for _ in range(count):
            name = cursor.needed()
            value[name] = cursor.element()
        check_distinct(len(value), count, "fields of a path")
        yield path, value


def natural_path_hash(value: Any) -> PathHash:
    """The path hash, its texts bytes."""
    changed = PathHash({text_of(path): natural_hash(fields) for path, fields in value.items()})
    if len(changed) != len(value):
        raise EncodeError("two paths of the path hash are the same bytes", value=value)
    return changed


LAYOUTS = {"path-hash": Layout(decode_path_hash, path_hash_items, count_length, encode_path_hash)}
TYPES = (DataType("path-hash", (PathHash,), natural_path_hash, empty="refused"),)
