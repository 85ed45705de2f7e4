"""The table: how each structure of a data set lies in memory, by groups of versions that do it alike.

Rows are structures, columns the releases that were measured: each stands for those that follow it up to the
next one. Numbers are bytes that the allocator is asked for, but where it says otherwise.

    key             "apart": an entry, the text and the object of a key are blocks of their own
                    "entry": the text lies in the entry (Valkey 8.0)
                    "object": the text lies in the object, and there is no entry
    embeds          a string lies in the block of its key when that has at most so many bytes
    spares          bytes of the object that a string in the same block makes up for: the pointer to it
    table           "dict": buckets of a pointer; "hashtable": Valkey's buckets of seven entries
    entry           bytes of a dict's entry
    key_entries, set_entries, score_entries
                    "each" key, member or score has an entry; "chained": those that share a bucket; "none"
    dict            the header of a table of its own
    node            the header of a node of a list
    short_list      1 where a list of one node is that node alone
    listpack        1 where ziplists become listpacks when they are loaded
    small_set       1 where small sets are listpacks, 0 where those become tables
    joins           a field and its value lie in one block of at most so many bytes; 0: in two, and an entry
    holds_member    1 where a member of a sorted set lies in its node of the skiplist
    expiries        "none": fields do not expire; how they are found: by "segments" of sixteen, by "windows"
    ttl_field       bytes before a field that expires
    ttl_listpack    the header of a small hash whose fields expire
    ttl_dict        bytes that the header of a table with such fields has more
    ttl_share       bytes allocated for such a hash in the index of its database, on the average
    tree            the header of a radix tree
    leaf            the node at the end of a key, 0 where there is none
    stream, group, consumer, pending
                    a stream, what it has for each of these, and for each entry that is pending in a group
    references      1 where each pending entry has a list of the groups it is pending in

All were measured against `used_memory` of servers that had loaded a snapshot: benchmarks/memory_model.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdbcodec.named_tuples import NamedTuple


class Column(NamedTuple):
    """How a group of versions keeps what it holds: a column of the table."""

    release: str
    key: str
    embeds: int
    spares: int
    table: str
    entry: int
    key_entries: str
    set_entries: str
    score_entries: str
    dict: int
    node: int
    short_list: int
    listpack: int
    small_set: int
    joins: int
    holds_member: int
    expiries: str
    ttl_field: int
    ttl_listpack: int
    ttl_dict: int
    ttl_share: int
    tree: int
    leaf: int
    stream: int
    group: int
    consumer: int
    pending: int
    references: int


_E, _C, _N = "each", "chained", "none"
_A, _O, _B = "apart", "object", "entry"
_D, _H = "dict", "hashtable"
_X, _S, _W = "none", "segments", "windows"

# fmt: off
_RELEASES = ("redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "redis-8.2", "redis-8.10",
             "valkey-8.0", "valkey-8.1", "valkey-9.1")
_ROWS: dict[str, tuple[Any, ...]] = {  # of one kind in a row
    #                Redis                                      Valkey
    #                6.2   7.0   7.2   7.4   8.2   8.10         8.0   8.1   9.1
    "key":          (_A,   _A,   _A,   _A,   _O,   _O,          _B,   _O,   _O),
    "embeds":       (0,    0,    0,    0,    64,   64,          0,    64,   128),
    "spares":       (0,    0,    0,    0,    0,    0,           0,    0,    8),
    "table":        (_D,   _D,   _D,   _D,   _D,   _D,          _D,   _H,   _H),
    "entry":        (24,   24,   24,   24,   24,   24,          24,   0,    0),
    "key_entries":  (_E,   _E,   _E,   _E,   _C,   _C,          _N,   _N,   _N),
    "set_entries":  (_E,   _E,   _C,   _C,   _C,   _C,          _C,   _N,   _N),
    "score_entries":(_E,   _E,   _E,   _E,   _E,   _C,          _E,   _N,   _N),
    "dict":         (96,   56,   56,   56,   56,   56,          56,   80,   80),
    "node":         (32,   40,   40,   40,   40,   40,          40,   40,   40),
    "short_list":   (0,    0,    1,    1,    1,    1,           1,    1,    1),
    "listpack":     (0,    1,    1,    1,    1,    1,           1,    1,    1),
    "small_set":    (0,    0,    1,    1,    1,    1,           1,    1,    1),
    "joins":        (0,    0,    0,    0,    0,    128,         0,    128,  128),
    "holds_member": (0,    0,    0,    0,    0,    1,           0,    0,    1),
    "expiries":     (_X,   _X,   _X,   _S,   _S,   _S,          _X,   _X,   _W),
    "ttl_field":    (0,    0,    0,    18,   18,   16,          0,    0,    8),
    "ttl_listpack": (0,    0,    0,    32,   24,   24,          0,    0,    0),
    "ttl_dict":     (0,    0,    0,    32,   24,   24,          0,    0,    0),
    "ttl_share":    (0,    0,    0,    5,    5,    5,           0,    0,    14),
    "tree":         (24,   24,   24,   24,   24,   40,          32,   32,   32),
    "leaf":         (16,   16,   16,   16,   16,   0,           16,   16,   16),
    "stream":       (40,   80,   80,   80,   112,  160,         80,   80,   80),
    "group":        (32,   40,   40,   40,   40,   64,          40,   40,   40),
    "consumer":     (24,   24,   32,   32,   32,   32,          32,   32,   32),
    "pending":      (24,   24,   24,   24,   32,   64,          24,   24,   24),
    "references":   (0,    0,    0,    0,    1,    1,           0,    0,    0),
}
# fmt: on

COLUMNS: Mapping[str, Column] = {
    release: Column(release, **{name: row[place] for name, row in _ROWS.items()})
    for place, release in enumerate(_RELEASES)
}
