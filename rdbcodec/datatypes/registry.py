"""Which functions read and write which row of the table: name -> decode, items, count; name -> encode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from rdbcodec.datatypes import hashes, lists, modules, others, sets, streams, strings, zsets
from rdbcodec.datatypes.scope import HEADER_SIZE, Decode, Items, Scope
from rdbcodec.formats import TypeRow
from rdbcodec.servers import Server
from rdbcodec.structures import intset, listpack, ziplist, zipmap
from rdbcodec.wire import lengths
from rdbcodec.wire import strings as wire_strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held

Count = Callable[[bytes, Scope], "int | None"]
Encode = Callable[[Any, Server], bytes]  # each takes the value class its decode gives


class Codec(NamedTuple):
    """The three ways to look at a value of one type."""

    decode: Decode
    items: Items
    count_of: Count


def codec_of(row: TypeRow) -> Codec:
    """The functions for a row; every row of the table has them (a test holds this)."""
    return CODECS[row.name]


def _whole(decode: Decode) -> Items:
    """Items of a type that is only decoded whole: one batch, of the value, if it can be held."""

    def items(cursor: Cursor, scope: Scope) -> Iterator[list[Any]]:
        held, limit = b"", max(cursor.held.limit, cursor.held.needed)
        while not cursor.at_end():
            held += cursor.buf[cursor.pos :]
            cursor.pos = len(cursor.buf)
            if len(held) > limit:
                raise Held(limit).refuse("the value", len(held))
        yield [decode(held, scope)]

    return items


def _count_length(raw: bytes, scope: Scope) -> int:
    del scope
    return lengths.read(raw, 0)[0]


def _count_after(skip: int) -> Count:
    def count(raw: bytes, scope: Scope) -> int:
        del scope
        return lengths.read(raw, skip)[0]

    return count


def _count_blob(told: Callable[[bytes], int | None], width: int = 1, skip: int = 0) -> Count:
    """Elements of a packed structure by its header alone; `width` of them make one of the value's."""

    def count(raw: bytes, scope: Scope) -> int | None:
        del scope
        elements = told(wire_strings.peek(raw, skip, HEADER_SIZE))
        return None if elements is None else elements // width

    return count


def _count_template_listpack(raw: bytes, scope: Scope) -> int | None:
    del scope
    elements = listpack.count(wire_strings.peek(raw, 0, HEADER_SIZE))
    return None if elements is None else elements - 1


def _unknown(raw: bytes, scope: Scope) -> None:
    del raw, scope


_ziplist = partial(_count_blob, ziplist.count)
_listpack = partial(_count_blob, listpack.count)
_zipmap = partial(_count_blob, zipmap.count)
_intset = partial(_count_blob, intset.count)


def _stream(version: int) -> Codec:
    return Codec(
        partial(streams.decode_stream, version=version),
        partial(streams.stream_items, version=version),
        streams.count_stream,
    )


def _sketch() -> Codec:
    return Codec(others.decode_raw, others.raw_items, _unknown)


# fmt: off
# ruff: noqa: E501 - one row, one line
CODECS: dict[str, Codec] = {
    "string":                 Codec(strings.decode_string, strings.string_items, strings.count_string),
    "list":                   Codec(lists.decode_list, lists.list_items, _count_length),
    "list-ziplist":           Codec(lists.decode_list_ziplist, lists.list_ziplist_items, _ziplist()),
    "list-quicklist":         Codec(lists.decode_quicklist, lists.quicklist_items, lists.count_quicklist),
    "list-quicklist-2":       Codec(lists.decode_quicklist_2, lists.quicklist_2_items, lists.count_quicklist_2),
    "set":                    Codec(sets.decode_set, sets.set_items, _count_length),
    "set-intset":             Codec(sets.decode_set_intset, sets.set_intset_items, _intset()),
    "set-listpack":           Codec(sets.decode_set_listpack, sets.set_listpack_items, _listpack()),
    "set-expiry":             Codec(sets.decode_set_expiry, sets.set_expiry_items, _count_length),
    "zset":                   Codec(zsets.decode_zset, zsets.zset_items, _count_length),
    "zset-2":                 Codec(zsets.decode_zset_2, zsets.zset_2_items, _count_length),
    "zset-ziplist":           Codec(zsets.decode_zset_ziplist, zsets.zset_ziplist_items, _ziplist(width=2)),
    "zset-listpack":          Codec(zsets.decode_zset_listpack, zsets.zset_listpack_items, _listpack(width=2)),
    "hash":                   Codec(hashes.decode_hash, hashes.hash_items, _count_length),
    "hash-zipmap":            Codec(hashes.decode_hash_zipmap, hashes.hash_zipmap_items, _zipmap()),
    "hash-ziplist":           Codec(hashes.decode_hash_ziplist, hashes.hash_ziplist_items, _ziplist(width=2)),
    "hash-listpack":          Codec(hashes.decode_hash_listpack, hashes.hash_listpack_items, _listpack(width=2)),
    "hash-ttl-rc":            Codec(hashes.decode_hash_ttl_rc, hashes.hash_ttl_rc_items, _count_length),
    "hash-listpack-ttl-rc":   Codec(hashes.decode_hash_listpack_ttl_rc, hashes.hash_listpack_ttl_rc_items,
                                    _listpack(width=3)),
    "hash-ttl":               Codec(hashes.decode_hash_ttl, hashes.hash_ttl_items, _count_after(8)),
    "hash-listpack-ttl":      Codec(hashes.decode_hash_listpack_ttl, hashes.hash_listpack_ttl_items,
                                    _listpack(width=3, skip=8)),
    "hash-ttl-valkey":        Codec(hashes.decode_hash_ttl_valkey, hashes.hash_ttl_valkey_items, _count_length),
    "hash-expiry":            Codec(hashes.decode_hash_expiry, hashes.hash_expiry_items, _count_length),
    "hash-template-listpack": Codec(hashes.decode_hash_template_listpack,
                                    hashes.hash_template_listpack_items, _unknown),
    "hash-template-listpack-ref": Codec(hashes.decode_hash_template_listpack_ref,
                                        hashes.hash_template_listpack_ref_items,
                                        _count_template_listpack),
    "hash-template-array":    Codec(hashes.decode_hash_template_array,
                                    hashes.hash_template_array_items, _unknown),
    "hash-template-array-ref": Codec(hashes.decode_hash_template_array_ref,
                                     hashes.hash_template_array_ref_items, hashes.count_template_array_ref),
    "stream":                 _stream(1),
    "stream-2":               _stream(2),
    "stream-3":               _stream(3),
    "stream-4":               _stream(4),
    "stream-5":               _stream(5),
    "module":                 _sketch(),  # never reached: such a value has no framing to walk by
    "module-2":               Codec(modules.decode_module, modules.module_items, _unknown),
    "array":                  Codec(others.decode_array, others.array_items, _count_length),
    "path-hash":              Codec(others.decode_path_hash, others.path_hash_items, _count_length),
    "gcra":                   Codec(others.decode_gcra, _whole(others.decode_gcra), _unknown),
    "cron":                   Codec(others.decode_cron, _whole(others.decode_cron), _unknown),
    "json":                   Codec(others.decode_json, strings.string_items, strings.count_string),
    "json-old":               Codec(others.decode_json, strings.string_items, strings.count_string),
    "sbf":                    _sketch(),
    "sbf-2":                  _sketch(),
    "cms":                    _sketch(),
    "topk":                   _sketch(),
    "cuckoo":                 _sketch(),
}

# The other direction. Type 6 has none: nobody can write what only its module understands.
ENCODERS: dict[str, Encode] = {
    "string":                     strings.encode_string,
    "list":                       lists.encode_list,
    "list-ziplist":               lists.encode_list_ziplist,
    "list-quicklist":             lists.encode_quicklist,
    "list-quicklist-2":           lists.encode_quicklist_2,
    "set":                        sets.encode_set,
    "set-intset":                 sets.encode_set_intset,
    "set-listpack":               sets.encode_set_listpack,
    "set-expiry":                 sets.encode_set_expiry,
    "zset":                       zsets.encode_zset,
    "zset-2":                     zsets.encode_zset_2,
    "zset-ziplist":               zsets.encode_zset_ziplist,
    "zset-listpack":              zsets.encode_zset_listpack,
    "hash":                       hashes.encode_hash,
    "hash-zipmap":                hashes.encode_hash_zipmap,
    "hash-ziplist":               hashes.encode_hash_ziplist,
    "hash-listpack":              hashes.encode_hash_listpack,
    "hash-ttl-rc":                hashes.encode_hash_ttl_rc,
    "hash-listpack-ttl-rc":       hashes.encode_hash_listpack_ttl_rc,
    "hash-ttl":                   hashes.encode_hash_ttl,
    "hash-listpack-ttl":          hashes.encode_hash_listpack_ttl,
    "hash-ttl-valkey":            hashes.encode_hash_ttl_valkey,
    "hash-expiry":                hashes.encode_hash_expiry,
    "hash-template-listpack":     hashes.encode_hash_template_listpack,
    "hash-template-listpack-ref": hashes.encode_hash_template_listpack_ref,
    "hash-template-array":        hashes.encode_hash_template_array,
    "hash-template-array-ref":    hashes.encode_hash_template_array_ref,
    "module-2":                   modules.encode_module,
    "array":                      others.encode_array,
    "path-hash":                  others.encode_path_hash,
    "gcra":                       others.encode_gcra,
    "cron":                       others.encode_cron,
    "json":                       strings.encode_string,
    "json-old":                   strings.encode_string,
    "stream":                     partial(streams.encode_stream, version=1),
    "stream-2":                   partial(streams.encode_stream, version=2),
    "stream-3":                   partial(streams.encode_stream, version=3),
    "stream-4":                   partial(streams.encode_stream, version=4),
    "stream-5":                   partial(streams.encode_stream, version=5),
    "sbf":                        others.encode_raw,
    "sbf-2":                      others.encode_raw,
    "cms":                        others.encode_raw,
    "topk":                       others.encode_raw,
    "cuckoo":                     others.encode_raw,
}
# fmt: on
