"""Streams, generations 1 to 5: entries, IDs, groups, pending entries, consumers.

Facts: rdb-format.md 4.7; rdb-v13-15.md 3 and 5.

nodes     LENGTH n  (STRING master ID, 16 bytes  STRING listpack)*n      see structures/stream_node
length    LENGTH live entries
last ID   LENGTH ms  LENGTH seq
v2+       first ID, max deleted ID (LENGTH LENGTH each), LENGTH entries added
groups    LENGTH n, each: STRING name, last delivered ID, v2+ LENGTH entries read (2**64-1 = unknown),
          pending    LENGTH n  (ID16  I64 delivery time  LENGTH delivery count)*n
          consumers  LENGTH n  (STRING name  I64 seen  v3+ I64 active, -1 = never  LENGTH n  ID16*n)*n
          v5         LENGTH n  ID16*n     nacked: pending without an owner, in order of release
v4+       LENGTH duration s  LENGTH max  LENGTH n producers (STRING id  LENGTH n (STRING iid  ID)*n)*n
          LENGTH iids added  LENGTH duplicates
"""

from __future__ import annotations

import copy
from functools import partial

from rdbcodec.datatypes.layout import DataType, Layout
from rdbcodec.datatypes.natural import are_bytes, text_of
from rdbcodec.datatypes.odd import Odd
from rdbcodec.datatypes.streams.odd import are_clear, look_in_stream
from rdbcodec.datatypes.streams.passing import passing
from rdbcodec.datatypes.streams.reading import (
    count_in_nodes,
    count_stream,
    decode_stream,
    end_of_nodes,
    read_tail,
    stream_items,
    stream_parts,
    tail_in,
    tail_of,
)
from rdbcodec.datatypes.streams.value import (
    NO_ID,
    Consumer,
    Group,
    Idempotence,
    Pending,
    Producer,
    Stream,
    encode_id,
)
from rdbcodec.datatypes.streams.versions import in_version, is_of_version
from rdbcodec.datatypes.streams.writing import encode_stream, encode_tail, parts_of_stream
from rdbcodec.formats import TypeRow
from rdbcodec.losses import Lose
from rdbcodec.servers import Server
from rdbcodec.structures.stream_node import StreamEntry

__all__ = [
    "NO_ID",
    "Consumer",
    "Group",
    "Idempotence",
    "Pending",
    "Producer",
    "Stream",
    "count_in_nodes",
    "decode_stream",
    "encode_id",
    "encode_tail",
    "end_of_nodes",
    "read_tail",
    "stream_parts",
    "tail_in",
    "tail_of",
]


def natural_stream(value: Stream) -> Stream:
    """The stream, its fields and their values bytes."""
    if are_bytes(*(pair for entry in value.entries for pair in entry.fields)):
        return value
    changed = copy.copy(value)
    changed.entries = [
        StreamEntry(entry.id, [(text_of(name), text_of(text)) for name, text in entry.fields])
        for entry in value.entries
    ]
    return changed


def _adapt(value: Stream, row: TypeRow, server: Server, lose: Lose) -> Stream:
    del server
    if is_of_version(value, row.generation):
        return value
    return in_version(value, row.generation, lose)


def _retail(value: Stream, raw: bytes, row: TypeRow, server: Server, lose: Lose) -> bytes:
    """The nodes as they are, only what follows them written anew."""
    tail = encode_tail(in_version(value, row.generation, lose), server, row.generation)
    return raw[: end_of_nodes(raw)] + tail


def _layout(generation: int) -> Layout:
    return Layout(
        partial(decode_stream, version=generation),
        partial(stream_items, version=generation),
        count_stream,
        partial(encode_stream, version=generation),
        parts=partial(parts_of_stream, version=generation),
        odd=Odd(
            partial(look_in_stream, version=generation),
            "stream-tail",
            "undecodable",
            is_checked=True,
            are_clear=partial(are_clear, version=generation),
        ),
    )


LAYOUTS = {
    "stream": _layout(1),
    "stream-2": _layout(2),
    "stream-3": _layout(3),
    "stream-4": _layout(4),
    "stream-5": _layout(5),
}
TYPES = (
    DataType(
        "stream",
        (Stream,),
        natural_stream,
        adapt=_adapt,
        texts=lambda value: [text for entry in value.entries for pair in entry.fields for text in pair],
        rewrite=_retail,
        passing=passing,
    ),
)
