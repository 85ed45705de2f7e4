"""Hypothesis strategies for the values of every row of the table, and the targets they are written for.

`VALUES` maps a row's name to a strategy for values that its layout can hold whole; what a layout reorders
is put in its order by `as_read`. The texts are those that servers treat specially: integers of every
width, texts that only look like integers, runs that LZF packs, sizes around every header's limit.
"""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from rdbcodec.datatypes.arrays import Array
from rdbcodec.datatypes.crons import Cron
from rdbcodec.datatypes.dragonfly import DRAGONFLY_EPOCH
from rdbcodec.datatypes.gcra import Gcra
from rdbcodec.datatypes.hashes import MAX_EXPIRY, Hash, template_of
from rdbcodec.datatypes.json_documents import Json
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.path_hashes import PathHash
from rdbcodec.datatypes.sets import Set
from rdbcodec.datatypes.sketches import RawValue
from rdbcodec.datatypes.streams import Consumer, Group, Idempotence, Pending, Producer, Stream
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.formats import Dialect, TypeRow
from rdbcodec.servers import DEFAULT_THRESHOLDS, Server, Thresholds
from rdbcodec.servers.names import release_row
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, encode_module_id

# --- targets ----------------------------------------------------------------------------------------

TINY = Thresholds(*[2] * len(Thresholds._fields))
ONE_A_NODE = TINY._replace(list_size=1, stream_bytes=1, stream_entries=1)
UNLIMITED = Thresholds(*[1 << 32] * len(Thresholds._fields))._replace(
    list_size=-5, stream_bytes=0, stream_entries=0
)

VERSIONS: tuple[tuple[Dialect, int], ...] = (
    *(("redis", version) for version in range(1, 16)),
    ("valkey", 11),
    ("valkey", 80),
    ("valkey", 81),
    ("keydb", 9),
    ("dragonfly", 9),
    ("dragonfly", 12),
)
RELEASES = ("valkey-9.0", "valkey-9.1", "redict-7.3")


def server_of(release: str, **options: Any) -> Server:
    """The server of a release, as the writer takes it."""
    row = release_row(release)
    assert row is not None
    return Server(
        row.dialect,
        row.accepts,
        name=release,
        last_type=row.last_type,
        back_length=row.back_length,
        **options,
    )


def servers_with(thresholds: Thresholds, *, compress: bool, simplest: bool) -> list[Server]:
    """Every target there is, with these options."""
    options: dict[str, Any] = {"thresholds": thresholds, "compress": compress, "simplest": simplest}
    plain = [Server(dialect, version, **options) for dialect, version in VERSIONS]
    return plain + [server_of(release, **options) for release in RELEASES]


THRESHOLDS = {"default": DEFAULT_THRESHOLDS, "tiny": TINY, "one a node": ONE_A_NODE, "no": UNLIMITED}
SERVERS = {  # by names, which is what a failing example shows
    f"{name} limits, compress={compress}, simplest={simplest}": servers_with(
        thresholds, compress=compress, simplest=simplest
    )
    for name, thresholds in THRESHOLDS.items()
    for compress in (False, True)
    for simplest in (False, True)
}
server_options = st.sampled_from(list(SERVERS))

# --- texts and numbers ------------------------------------------------------------------------------

_EDGES = [1 << bits for bits in (6, 7, 8, 12, 13, 14, 15, 16, 23, 24, 31, 32, 61, 62, 63, 64)]
_INTEGERS = sorted({sign * edge + step for edge in (0, *_EDGES) for sign in (1, -1) for step in (-1, 0, 1)})
_ODD_TEXTS = [b"", b"-", b"-0", b"+1", b"007", b" 1", b"1 ", b"1.0", b"1e5", b"nan", b"\xff", b"\x00"]
_SIZES = [11, 12, 20, 21, 31, 32, 63, 64, 65, 253, 254, 255, 4095, 4096]

texts = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(_ODD_TEXTS),
    st.sampled_from(_INTEGERS).map(lambda number: b"%d" % number),
    st.sampled_from(_SIZES).map(lambda size: (b"ab%d" % size * size)[:size]),
)
scores = st.one_of(
    st.floats(allow_nan=False),
    st.sampled_from([0.0, -0.0, float("inf"), float("-inf"), 1e-7, 1e-5, 123456.7890123, 5e-324, 1e308]),
    st.sampled_from(_INTEGERS).map(float),
)
u64s = st.one_of(st.integers(0, 100), st.sampled_from([0, 1 << 32, (1 << 63) - 1, (1 << 64) - 2]))
times = st.one_of(st.integers(0, 1 << 45), st.sampled_from([0, (1 << 63) - 1, -(1 << 63)]))
expiries = st.one_of(st.integers(1, 5), st.integers(1, MAX_EXPIRY), st.sampled_from([1, MAX_EXPIRY]))
whole_seconds = st.integers(DRAGONFLY_EPOCH, 1 << 40).map(lambda second: second * 1000)

# --- collections ------------------------------------------------------------------------------------

lists = st.lists(texts, min_size=1, max_size=20).map(List)
sets = st.lists(texts, min_size=1, max_size=20, unique=True).map(Set)
intsets = st.lists(
    st.one_of(st.integers(-300, 300), st.integers(-(1 << 63), (1 << 63) - 1)), min_size=1, unique=True
).map(lambda members: Set(b"%d" % member for member in members))
zsets = st.dictionaries(texts, scores, min_size=1, max_size=20).map(ZSet)
hashes = st.dictionaries(texts, texts, min_size=1, max_size=20).map(Hash)


def _expiring(value: Any, told: dict[int, int]) -> Any:
    names = list(value)
    value.expires_at_ms = {names[at]: when for at, when in sorted(told.items()) if at < len(names)}
    return value


def expiring(values: st.SearchStrategy[Any], when: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """Hashes or sets of which some names expire."""
    return st.builds(_expiring, values, st.dictionaries(st.integers(0, 20), when, max_size=6))


arrays = st.builds(
    Array,
    st.dictionaries(
        u64s,
        st.one_of(texts, st.floats(allow_nan=False, allow_infinity=False).map(lambda x: repr(x).encode())),
        min_size=1,
    ),
    st.none() | u64s,
)
path_hashes = st.dictionaries(texts, hashes, min_size=1, max_size=4).map(PathHash)
crons = st.builds(Cron, texts, times, times, st.lists(texts, max_size=3), st.lists(texts, max_size=3))
raws = st.binary(max_size=40).map(RawValue)

_MODULE = ModuleId("testmodul", 3)
_STRING_ITEM = st.binary(max_size=60).map(lambda text: b"\x05" + lengths.encode(len(text)) + text)
_ITEM = st.one_of(
    u64s.map(lambda number: b"\x02" + lengths.encode(number)),
    st.floats(width=32).map(lambda number: b"\x03" + struct.pack("<f", number)),
    st.floats().map(lambda number: b"\x04" + struct.pack("<d", number)),
    _STRING_ITEM,
)
modules = st.lists(_ITEM, max_size=6).map(
    lambda items: ModuleValue(_MODULE, lengths.encode(encode_module_id(_MODULE)) + b"".join(items) + b"\x00")
)

# --- streams ----------------------------------------------------------------------------------------

ids = st.builds(StreamId, u64s, u64s)
_FIELDS = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)
_SAME_FIELDS = st.tuples(texts, texts).map(lambda pair: [(b"f", pair[0]), (b"g", pair[1])])


@st.composite
def streams(draw: st.DrawFn, version: int) -> Stream:
    """Streams that tell everything their version tells, with groups in which everything fits."""
    found = sorted(draw(st.lists(ids, max_size=8, unique=True)))
    entries = [StreamEntry(entry, draw(st.one_of(_SAME_FIELDS, _FIELDS))) for entry in found]
    stream = Stream(version, entries, len(entries), draw(ids))
    if version >= 2:
        stream.first_id, stream.max_deleted_id, stream.entries_added = draw(ids), draw(ids), draw(u64s)
    names = draw(st.lists(texts, max_size=3, unique=True))
    stream.groups = [draw(groups(name, version)) for name in names]
    if version >= 4:
        stream.idempotence = draw(idempotences())
    return stream


@st.composite
def groups(draw: st.DrawFn, name: bytes, version: int) -> Group:
    """A group whose pending entries each have an owner, or (version 5) were released."""
    group = Group(name, draw(ids), draw(st.none() | u64s) if version >= 2 else None)
    for consumer in draw(st.lists(texts, max_size=3, unique=True)):
        active = draw(st.none() | st.integers(0, 1 << 62)) if version >= 3 else None
        group.consumers.append(Consumer(consumer, draw(times), active))
    owners = [*group.consumers, *([None] if version >= 5 else [])]
    for entry in draw(st.lists(ids, max_size=6, unique=True)) if owners else []:
        owner = draw(st.sampled_from(owners))
        told = Pending(entry, draw(times), draw(u64s), None if owner is None else owner.name)
        group.pending[entry] = told
        (group.nacked if owner is None else owner.pending).append(entry)
    return group


@st.composite
def idempotences(draw: st.DrawFn) -> Idempotence:
    """Settings in range, producers of which some have no ids left."""
    told = Idempotence(draw(st.integers(1, 86400)), draw(st.integers(1, 10000)))
    for name in draw(st.lists(texts, max_size=3, unique=True)):
        producer = Producer(name)
        producer.iids = draw(st.dictionaries(texts, ids, max_size=3))
        told.producers.append(producer)
    told.added, told.duplicates = draw(u64s), draw(u64s)
    return told


# --- all of them ------------------------------------------------------------------------------------

# fmt: off
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string":                     texts,
    "list":                       lists,
    "list-ziplist":               lists,
    "list-quicklist":             lists,
    "list-quicklist-2":           lists,
    "set":                        sets,
    "set-intset":                 intsets,
    "set-listpack":               sets,
    "set-expiry":                 expiring(sets, whole_seconds),
    "zset":                       zsets,
    "zset-2":                     zsets,
    "zset-ziplist":               zsets,
    "zset-listpack":              zsets,
    "hash":                       hashes,
    "hash-zipmap":                hashes,
    "hash-ziplist":               hashes,
    "hash-listpack":              hashes,
    "hash-ttl-rc":                expiring(hashes, expiries),
    "hash-listpack-ttl-rc":       expiring(hashes, expiries),
    "hash-ttl":                   expiring(hashes, expiries),
    "hash-listpack-ttl":          expiring(hashes, expiries),
    "hash-ttl-valkey":            expiring(hashes, expiries),
    "hash-expiry":                expiring(hashes, whole_seconds),
    "hash-template-listpack":     hashes,
    "hash-template-listpack-ref": hashes,
    "hash-template-array":        hashes,
    "hash-template-array-ref":    hashes,
    "module-2":                   modules,
    "array":                      arrays,
    "path-hash":                  path_hashes,
    "gcra":                       u64s.map(Gcra),
    "cron":                       crons,
    "json":                       texts.map(Json),
    "json-old":                   texts.map(Json),
    "stream":                     streams(1),
    "stream-2":                   streams(2),
    "stream-3":                   streams(3),
    "stream-4":                   streams(4),
    "stream-5":                   streams(5),
    "sbf":                        raws,
    "sbf-2":                      raws,
    "cms":                        raws,
    "topk":                       raws,
    "cuckoo":                     raws,
}
# fmt: on


def as_read(row: TypeRow, value: Any) -> Any:
    """The value in the order in which its layout has it: the same elements, complete."""
    if row.name == "zset":
        return value
    if row.name == "zset-2":
        return ZSet(sorted(value.items(), key=_by_score, reverse=True))
    if row.type == "zset":
        return ZSet(sorted(value.items(), key=_by_score))
    if row.name == "set-intset":
        return Set(sorted(value, key=int))
    if row.name.startswith("hash-listpack-ttl"):
        return _reordered(value, sorted(value, key=lambda name: value.expires_at_ms.get(name, 1 << 64)))
    if row.name.startswith("hash-template"):
        return _reordered(value, template_of(value))
    if row.name == "array":
        return Array(dict(sorted(value.elements.items())), value.cursor)
    return value


def _by_score(pair: tuple[bytes, float]) -> tuple[float, bytes]:
    return pair[1], pair[0]


def _reordered(value: Hash, names: Any) -> Hash:
    made = Hash((name, value[name]) for name in names)
    made.expires_at_ms = dict(value.expires_at_ms)
    return made
