"""The table: what every type byte and opcode of every dialect is, how it is framed, and who said so.

This is the only place in the project where a format fact is written down. The walker, the reader, the
inspection and the generated page docs/format.md read it; nothing else names a code by number.

Codes are keyed by (dialect, code), never by code alone: type 22 is a pre-release hash in Redis and a
hash with field TTLs in Valkey; 30 is a template hash in Redis 8.10 and JSON in Dragonfly.

    redis        magic REDIS, versions 1-15. A type byte decides the layout, the header version does not:
                 no Redis loader compares the two (rdb-format.md, section 0)
    valkey       magic VALKEY from version 80; with magic REDIS it writes Redis 11. Its own codes exist
                 from version 80 on, so a REDIS0011 file with type 22 is refused, as Valkey does
    keydb        Redis 6.2 plus cron keys and AUX fields in unusual places
    dragonfly    header REDIS0009 whatever it holds; compressed blobs of records
    enterprise   Redis Software and its managed tiers (Azure Managed Redis): Redis plus hint opcodes

`since` and `until` are RDB versions (for the vendor dialects without a numbering of their own: those of
the header they write). Files are read leniently, because loaders compare no code with the header; what a
loader of a version knows is `writable_types` and `writable_opcodes`, and those obey both. `seen` says who stands for the row: a server release whose file or source shows
it; "third party" where nobody of ours has seen a server write it.

Framing is a small notation for where a value ends, and nothing more:

    STRING  LENGTH  TEXT_DOUBLE     the primitives of rdbcodec.wire
    U8  I64  F64  ID ...            so many bytes
    ITEMS                           module items: (opcode, data)* until opcode 0
    Repeat(name=step, ...)          a LENGTH n, then n times the steps
    Special(name)                   what no table can say (a tag chooses, or another record is needed);
                                    rdbcodec.framing has one generator for each name
    Framing(name=step, ...)         steps one after another; Framings that stand first go before them

Each step has a name, which says what its bytes are: docs/format.md shows them, and rdbcodec.framing.labels
finds them in a value. No walk looks at names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from rdbcodec.named_tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self  # in typing from Python 3.11 on

Dialect = Literal["redis", "valkey", "keydb", "dragonfly", "enterprise"]
DIALECTS: tuple[Dialect, ...] = ("redis", "valkey", "keydb", "dragonfly", "enterprise")


class Primitive(NamedTuple):
    """One of the variable-size primitives; compared by identity."""

    name: str


class Fixed(NamedTuple):
    """So many bytes, whatever is in them; the name says how they are read."""

    size: int
    name: str


class Special(NamedTuple):
    """A framing that needs code: a generator in rdbcodec.framing bears this name."""

    name: str


class Framing(tuple["Step", ...]):  # noqa: SLOT001 - a tuple of any size cannot have slots
    """Steps one after another, each with a name; equal to the tuple of the steps."""

    names: tuple[str, ...]

    def __new__(cls, *parts: Framing, **steps: Step) -> Self:
        """The steps of the parts, then those given by name."""
        named = [pair for part in parts for pair in zip(part.names, part, strict=True)] + [*steps.items()]
        framing = super().__new__(cls, (step for _, step in named))
        framing.names = tuple(name for name, _ in named)
        return framing

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Step]]:
        return (), dict(zip(self.names, self, strict=True))


class Repeat:
    """A LENGTH, then that many times the steps."""

    __slots__ = ("steps",)

    def __init__(self, *parts: Framing, **steps: Step) -> None:
        self.steps = Framing(*parts, **steps)


Step = Primitive | Fixed | Special | Repeat
Steps = tuple[Step, ...]

STRING = Primitive("string")
LENGTH = Primitive("length")
TEXT_DOUBLE = Primitive("text double")
ITEMS = Primitive("module items")
U8, U32, U64, I64, F64 = Fixed(1, "u8"), Fixed(4, "u32"), Fixed(8, "u64"), Fixed(8, "i64"), Fixed(8, "f64")
ID = Fixed(16, "stream id")


# The structure that the strings of a value hold, and thereby most of its elements.
Packed = Literal["ziplist", "listpack", "intset", "zipmap"]


class TypeRow(NamedTuple):
    """One value type of one dialect, and all that differs between types but the functions.

    `expires` says that fields or members have expiries of their own; `compact` that the simplest way to
    write, which every server there ever was can read, does without it; `refers` that it names a template
    that stands elsewhere in the file. `generation` is that of streams.
    """

    dialect: Dialect
    code: int
    name: str
    type: str
    encoding: str
    framing: Framing
    since: int
    seen: str
    until: int | None = None
    packed: Packed | None = None
    expires: bool = False
    compact: bool = False
    refers: bool = False
    generation: int = 0


class BehaviourRow(NamedTuple):
    """Something servers do, or understand, since an RDB version, and that no code in a file tells."""

    name: str
    since: int
    says: str
    seen: str


class OpcodeRow(NamedTuple):
    """One opcode of one dialect; the framing is that of its operands."""

    dialect: Dialect
    code: int
    name: str
    framing: Framing
    since: int
    seen: str
    until: int | None = None


# How a listpack writes the back-length of an element of exactly 16383, 2097151 or 268435455 bytes. Neither
# family reads the other's; "either" is a version that both kinds of server write (rdb-format.md, 4.4.3).
BackLength = Literal["classic", "new", "either"]


class VersionRow(NamedTuple):
    """One header version and the releases that write it."""

    dialect: Dialect
    version: int
    writers: str
    seen: str
    back_length: BackLength = "classic"


class ReleaseRow(NamedTuple):
    """The first release of a product that accepts headers up to a version; later ones accept it too.

    `last_type` is the highest type code it knows and `back_length` its rule, where the version does not
    tell them. `modules` are the module types every build of it has; others may be loaded into any.
    """

    product: str
    release: str
    dialect: Dialect
    accepts: int
    last_type: int | None = None
    modules: tuple[str, ...] = ()
    back_length: BackLength | None = None


FIRST_VALKEY = 80  # from here on the magic is VALKEY; below it Valkey writes that of Redis

# --- framings used by more than one row -----------------------------------------------------------

_LAST_ID = Framing(last_id_ms=LENGTH, last_id_seq=LENGTH)
_PENDING = Repeat(id=ID, delivered_at_ms=I64, deliveries=LENGTH)
_V1_CONSUMERS = Repeat(name=STRING, seen_at_ms=I64, pending=Repeat(id=ID))
_V3_CONSUMERS = Repeat(name=STRING, seen_at_ms=I64, active_at_ms=I64, pending=Repeat(id=ID))
_V1_GROUP = Framing(Framing(name=STRING), _LAST_ID, pending=_PENDING, consumers=_V1_CONSUMERS)
_GROUP_HEAD = Framing(Framing(name=STRING), _LAST_ID, entries_read=LENGTH, pending=_PENDING)
_V2_GROUP = Framing(_GROUP_HEAD, consumers=_V1_CONSUMERS)
_V3_GROUP = Framing(_GROUP_HEAD, consumers=_V3_CONSUMERS)
_V5_GROUP = Framing(_V3_GROUP, nacked=Repeat(id=ID))
_STREAM_HEAD = Framing(Framing(nodes=Repeat(master_id=STRING, listpack=STRING), length=LENGTH), _LAST_ID)
_STREAM_V2_HEAD = Framing(
    _STREAM_HEAD,
    first_id_ms=LENGTH,
    first_id_seq=LENGTH,
    max_deleted_id_ms=LENGTH,
    max_deleted_id_seq=LENGTH,
    entries_added=LENGTH,
)
_IIDS = Repeat(iid=STRING, id_ms=LENGTH, id_seq=LENGTH)
_IDEMPOTENCE = Framing(
    duration_s=LENGTH,
    max_size=LENGTH,
    producers=Repeat(id=STRING, iids=_IIDS),
    iids_added=LENGTH,
    iids_duplicates=LENGTH,
)

STREAM_V1 = Framing(_STREAM_HEAD, groups=Repeat(_V1_GROUP))
STREAM_V2 = Framing(_STREAM_V2_HEAD, groups=Repeat(_V2_GROUP))
STREAM_V3 = Framing(_STREAM_V2_HEAD, groups=Repeat(_V3_GROUP))
STREAM_V4 = Framing(STREAM_V3, _IDEMPOTENCE)
STREAM_V5 = Framing(Framing(_STREAM_V2_HEAD, groups=Repeat(_V5_GROUP)), _IDEMPOTENCE)

BLOB = Framing(value=STRING)
ZIPMAP, ZIPLIST = Framing(zipmap=STRING), Framing(ziplist=STRING)
INTSET, LISTPACK = Framing(intset=STRING), Framing(listpack=STRING)
MEMBERS = Framing(members=Repeat(member=STRING))
FIELDS = Framing(fields=Repeat(field=STRING, value=STRING))
TTL_FIELDS = Framing(fields=Repeat(ttl=LENGTH, field=STRING, value=STRING))
_BLOOM = Framing(
    options=LENGTH,
    grow_factor=F64,
    false_positives=F64,
    previous_size=LENGTH,
    current_size=LENGTH,
    max_capacity=LENGTH,
)

# KeyDB's AUX fields that are about one key: the next one, or the one before (rdb-format.md, 9.1).
NEXT_KEY_AUX = frozenset({b"mvcc-tstamp"})
LAST_KEY_AUX = frozenset({b"keydb-subexpire-key", b"keydb-subexpire-when"})

# What gives a dialect away in a file whose magic says REDIS: AUX names (rdb-format.md, 9.6) ...
TELLTALE_AUX: dict[bytes, Dialect] = {
    b"valkey-ver": "valkey",
    b"df-ver": "dragonfly",
    b"mvcc-tstamp": "keydb",
    b"keydb-subexpire-key": "keydb",
    b"keydb-subexpire-when": "keydb",
    b"repl-masters": "keydb",
}
# ... and codes that mean nothing in Redis and one thing elsewhere. Dragonfly's types 34-37 are not
# among them: the next Redis may use them.
TELLTALE_CODES: dict[int, Dialect] = {
    64: "keydb",
    107: "enterprise",
    121: "enterprise",
    **dict.fromkeys((200, 201, 202, 210, 211, 220, 223, 224), "dragonfly"),
}

# Those that have a telltale AUX field in every file in which a server names itself at all.
_NAMES_ITSELF: frozenset[Dialect] = frozenset({"dragonfly"})

# What vendors have announced and no file of ours shows: (magic, header version) -> who writes it, and
# (dialect, type) -> from which version on, and what it is. Refused by name until one is seen.
ANNOUNCED: dict[tuple[Dialect, int], str] = {
    ("redis", 16): "Redis 8.12, of which a first release candidate is out (2026-10)",
}
UNSEEN_TYPES: dict[tuple[Dialect, int], tuple[int, str]] = {
    ("redis", 33): (16, "a roaring bitmap of Redis 8.12-RC1"),
}

# --- lookups, derived once from the tables below --------------------------------------------------

# Up to which code a dialect shares the rows of `redis` (types), and from which on (opcodes).
_SHARED_TYPES: dict[Dialect, int] = {"valkey": 21, "keydb": 15, "dragonfly": 21, "enterprise": 255}
# The highest version with Redis' magic that a dialect reads (rdb-format.md, 1.2).
_LAST_VERSION: dict[Dialect, int] = {"valkey": 11, "keydb": 9, "dragonfly": 12}
_SHARED_OPCODES: dict[Dialect, int] = {"valkey": 244, "keydb": 247, "dragonfly": 244, "enterprise": 242}


@lru_cache(maxsize=64)  # asked for each file, each blob in one and each place where one may go on
def types_of(dialect: Dialect, version: int) -> Mapping[int, TypeRow]:
    """The value types that may stand in a file of this dialect and header version, by code."""
    shared = _SHARED_TYPES.get(dialect, 255)
    rows = {row.code: row for row in TYPES if row.dialect == "redis" and row.code <= shared}
    rows = {code: row for code, row in rows.items() if row.until is None or version <= row.until}
    if dialect != "redis":
        rows |= {row.code: row for row in TYPES if row.dialect == dialect and _is_valid(row, version)}
    return rows


@lru_cache(maxsize=64)
def opcodes_of(dialect: Dialect, version: int) -> Mapping[int, OpcodeRow]:
    """The opcodes that may stand in a file of this dialect and header version, by code."""
    shared = _SHARED_OPCODES.get(dialect, 0)
    rows = {row.code: row for row in OPCODES if row.dialect == "redis" and row.code >= shared}
    if dialect != "redis":
        own = (row for row in OPCODES if row.dialect == dialect and row.since <= version)
        rows |= {row.code: row for row in own}
    return rows


def unseen_type(dialect: Dialect, code: int, version: int) -> str | None:
    """What is known of a type that is announced and not read, because nobody of ours has seen one."""
    since, what = UNSEEN_TYPES.get((dialect, code), (version + 1, ""))
    return what if since <= version else None


def telltale_of(code: int, version: int, *, is_named: bool) -> Dialect | None:
    """The dialect that a code gives away, where that dialect can be. `is_named` says that an AUX field named the
    server: Dragonfly's says `df-ver` then. What only it has is a changed byte in any other file, and so is
    a code in a file of a version that its dialect has not."""
    dialect = TELLTALE_CODES.get(code)
    if dialect is None or version > _LAST_VERSION.get(dialect, version):
        return None
    return None if is_named and dialect in _NAMES_ITSELF else dialect


def announced(magic: Dialect, version: int) -> str | None:
    """The release that is said to write a header version nobody of ours has seen."""
    return ANNOUNCED.get((magic, version))


def known_versions(magic: Dialect) -> range:
    """The header versions that go with a magic ("redis" or "valkey")."""
    versions = [row.version for row in VERSIONS if row.dialect == magic]
    return range(min(versions), max(versions) + 1)


def writable_types(dialect: Dialect, version: int) -> dict[str, TypeRow]:
    """The types a loader of this dialect and version has, by name; what may be written for it.

    Dragonfly writes and reads its types under any header. Modules of version 1 load nowhere without
    the very module, and nobody can tell where they end.
    """
    rows = types_of(dialect, version).values()
    return {
        row.name: row
        for row in rows
        if (row.since <= version or dialect == "dragonfly") and row.name != "module"
    }


def writable_opcodes(dialect: Dialect, version: int) -> dict[str, OpcodeRow]:
    """The opcodes a loader of this dialect and version has, by name."""
    rows = opcodes_of(dialect, version).values()
    return {row.name: row for row in rows if _is_valid(row, version) or dialect == "dragonfly"}


def version_row(dialect: Dialect, version: int) -> VersionRow | None:
    """The row of a header version; None for one the dialect does not have."""
    own = dialect == "valkey" and version >= FIRST_VALKEY
    magic: Dialect = "valkey" if own else "redis"
    last = _LAST_VERSION.get(dialect, version)
    rows = (row for row in VERSIONS if row.dialect == magic and row.version == version)
    return next(rows, None) if own or version <= last else None


def unknown_version(dialect: Dialect, version: int) -> VersionRow:
    """The row for a version that is in no table and read all the same, at the caller's wish."""
    return VersionRow(dialect, version, "unknown", "nobody", "either")


def releases_of(product: str) -> list[ReleaseRow]:
    """The rows of a product, oldest first; its name in any case."""
    return [row for row in RELEASES if row.product.lower() == product.lower()]


def writers_of(version: int) -> str | None:
    """The releases that write this header version, in words; None for an unknown version."""
    return next((row.writers for row in VERSIONS if row.version == version), None)


def _is_valid(row: TypeRow | OpcodeRow, version: int) -> bool:
    return row.since <= version and (row.until is None or version <= row.until)


# --- the tables -----------------------------------------------------------------------------------

# fmt: off
TYPES: tuple[TypeRow, ...] = (
    #        dialect      code name                       type         encoding                framing                since seen
    TypeRow("redis",       0, "string",                  "string",    "string",               BLOB,                    1, "redis 1.3.6 file"),
    TypeRow("redis",       1, "list",                    "list",      "linkedlist",           Framing(elements=Repeat(element=STRING)), 1, "redis 1.3.6 file"),
    TypeRow("redis",       2, "set",                     "set",       "hashtable",            MEMBERS,                 1, "redis 1.3.6 file"),
    TypeRow("redis",       3, "zset",                    "zset",      "skiplist-text",        Framing(members=Repeat(member=STRING, score=TEXT_DOUBLE)), 1, "redis 1.3.6 file"),
    TypeRow("redis",       4, "hash",                    "hash",      "hashtable",            FIELDS,                  1, "redis 2.0.5 file"),
    TypeRow("redis",       5, "zset-2",                  "zset",      "skiplist",             Framing(members=Repeat(member=STRING, score=F64)), 8, "redis 4.0.14 file", compact=True),
    TypeRow("redis",       6, "module",                  "module",    "module1",              Framing(module=Special("module_v1")), 8, "redis 4.0-rc source"),
    TypeRow("redis",       7, "module-2",                "module",    "module2",              Framing(module_id=LENGTH, items=ITEMS), 8, "redis 4.0.14 file"),
    TypeRow("redis",       9, "hash-zipmap",             "hash",      "zipmap",               ZIPMAP,                  2, "redis 2.4.18 file", packed="zipmap", compact=True),
    TypeRow("redis",      10, "list-ziplist",            "list",      "ziplist",              ZIPLIST,                 2, "redis 2.4.18 file", packed="ziplist", compact=True),
    TypeRow("redis",      11, "set-intset",              "set",       "intset",               INTSET,                  2, "redis 2.4.18 file", packed="intset", compact=True),
    TypeRow("redis",      12, "zset-ziplist",            "zset",      "ziplist",              ZIPLIST,                 2, "redis 2.4.18 file", packed="ziplist", compact=True),
    TypeRow("redis",      13, "hash-ziplist",            "hash",      "ziplist",              ZIPLIST,                 3, "redis 2.5 (rdb 3) file", packed="ziplist", compact=True),
    TypeRow("redis",      14, "list-quicklist",          "list",      "quicklist",            Framing(nodes=Repeat(ziplist=STRING)), 7, "redis 3.2.13 file", packed="ziplist", compact=True),
    TypeRow("redis",      15, "stream",                  "stream",    "stream1",              STREAM_V1,               9, "redis 5.0.14 file", packed="listpack", generation=1),
    TypeRow("redis",      16, "hash-listpack",           "hash",      "listpack",             LISTPACK,                10, "redis 7.0.15 file", packed="listpack", compact=True),
    TypeRow("redis",      17, "zset-listpack",           "zset",      "listpack",             LISTPACK,                10, "redis 7.0.15 file", packed="listpack", compact=True),
    TypeRow("redis",      18, "list-quicklist-2",        "list",      "quicklist2",           Framing(nodes=Repeat(container=LENGTH, node=STRING)), 10, "redis 7.0.15 file", packed="listpack", compact=True),
    TypeRow("redis",      19, "stream-2",                "stream",    "stream2",              STREAM_V2,              10, "redis 7.0.15 file", packed="listpack", generation=2),
    TypeRow("redis",      20, "set-listpack",            "set",       "listpack",             LISTPACK,                11, "redis 7.2.6 file", packed="listpack", compact=True),
    TypeRow("redis",      21, "stream-3",                "stream",    "stream3",              STREAM_V3,              11, "redis 7.2.6 file", packed="listpack", generation=3),
    TypeRow("redis",      22, "hash-ttl-rc",             "hash",      "hashtable-ttl-rc",     TTL_FIELDS,              12, "redis 7.4-rc2 layout, loaded by 7.4.1, 8.10.2", compact=True, expires=True),
    TypeRow("redis",      23, "hash-listpack-ttl-rc",    "hash",      "listpack-ttl-rc",      LISTPACK,                12, "redis 7.4-rc2 layout, loaded by 7.4.1", packed="listpack", compact=True, expires=True),
    TypeRow("redis",      24, "hash-ttl",                "hash",      "hashtable-ttl",        Framing(Framing(min_expires_at_ms=I64), TTL_FIELDS), 12, "redis 7.4.1 file", expires=True),
    TypeRow("redis",      25, "hash-listpack-ttl",       "hash",      "listpack-ttl",         Framing(min_expires_at_ms=I64, listpack=STRING), 12, "redis 7.4.1 file", packed="listpack", compact=True, expires=True),
    TypeRow("redis",      26, "stream-4",                "stream",    "stream4",              STREAM_V4,              13, "loaded by redis 8.8 of 2026-06, 8.10.2", packed="listpack", generation=4),
    TypeRow("redis",      27, "stream-5",                "stream",    "stream5",              STREAM_V5,              14, "redis 8.10.2 file", packed="listpack", generation=5),
    TypeRow("redis",      28, "array",                   "array",     "array",                Framing(array=Special("array")), 14, "redis 8.10.2 file"),
    TypeRow("redis",      29, "hash-template-listpack",  "hash",      "template-listpack",    Framing(hash=Special("template_listpack")), 15, "redis 8.10.2 RESTOREs of its AOF, loaded from a file", packed="listpack", compact=True),
    TypeRow("redis",      30, "hash-template-listpack-ref", "hash",   "template-listpack-ref", LISTPACK,                15, "redis 8.10.2 file", packed="listpack", compact=True, refers=True),
    TypeRow("redis",      31, "hash-template-array",     "hash",      "template-array",       Framing(hash=Special("template_array")), 15, "redis 8.10.2 RESTOREs of its AOF, loaded from a file", compact=True),
    TypeRow("redis",      32, "hash-template-array-ref", "hash",      "template-array-ref",   Framing(hash=Special("template_array_ref")), 15, "redis 8.10.2 file", compact=True, refers=True),
    TypeRow("redis",      33, "gcra",                    "gcra",      "gcra",                 Framing(microseconds=LENGTH), 15, "third party: compile-time option; redis 8.10.2 refuses it", until=15),
    TypeRow("valkey",     22, "hash-ttl-valkey",         "hash",      "hashtable-ttl",        Framing(fields=Repeat(field=STRING, value=STRING, expires_at_ms=I64)), 80, "valkey 9.1.2 file", expires=True),
    TypeRow("valkey",     23, "path-hash",               "path-hash", "path-hash",            Framing(paths=Repeat(Framing(path=STRING), FIELDS)), 81, "valkey development source of 2026-09"),
    TypeRow("keydb",      64, "cron",                    "cron",      "cron",                 Framing(script=STRING, start_ms=I64, interval_ms=I64, keys=Repeat(key=STRING), arguments=Repeat(argument=STRING)), 9, "keydb 6.3.4 source"),
    TypeRow("dragonfly",  20, "json-old",                "json",      "json",                 BLOB,                    5, "dragonfly source of 2026-08", until=9),
    TypeRow("dragonfly",  30, "json",                    "json",      "json",                 BLOB,                    5, "dragonfly source of 2026-08"),
    TypeRow("dragonfly",  31, "hash-expiry",             "hash",      "hashtable-ttl",        Framing(fields=Repeat(field=STRING, value=STRING, ttl=STRING)), 5, "dragonfly source of 2026-08", expires=True),
    TypeRow("dragonfly",  32, "set-expiry",              "set",       "hashtable-ttl",        Framing(members=Repeat(member=STRING, ttl=STRING)), 5, "dragonfly source of 2026-08", expires=True),
    TypeRow("dragonfly",  33, "sbf",                     "bloom",     "sbf",                  Framing(_BLOOM, filters=Repeat(hashes=LENGTH, bits=STRING)), 5, "dragonfly source of 2026-08"),
    TypeRow("dragonfly",  34, "sbf-2",                   "bloom",     "sbf2",                 Framing(_BLOOM, filters=Repeat(hashes=LENGTH, bits=Special("chunked"))), 5, "dragonfly source of 2026-08"),
    TypeRow("dragonfly",  35, "cms",                     "cms",       "cms",                  Framing(sketch=Special("count_min_sketch")), 5, "dragonfly source of 2026-08"),
    TypeRow("dragonfly",  36, "topk",                    "topk",      "topk",                 Framing(options=LENGTH, k=LENGTH, width=LENGTH, depth=LENGTH, decay=F64, heap=Repeat(item=STRING, count=LENGTH), counters=STRING), 5, "dragonfly source of 2026-08"),
    TypeRow("dragonfly",  37, "cuckoo",                  "cuckoo",    "cuckoo",               Framing(slots=LENGTH, max_iterations=LENGTH, expansion=LENGTH, buckets=LENGTH, items=LENGTH, deletes=LENGTH, filters=Repeat(filter=Special("chunked"))), 5, "dragonfly source of 2026-08"),
)

OPCODES: tuple[OpcodeRow, ...] = (
    #          dialect      code  name              framing                        since seen
    OpcodeRow("redis",      255, "eof",            Framing(),                      1, "redis 1.3.6 file"),
    OpcodeRow("redis",      254, "selectdb",       Framing(db=LENGTH),             1, "redis 1.3.6 file"),
    OpcodeRow("redis",      253, "expiretime",     Framing(expires_at_s=Fixed(4, "i32")), 1, "redis 1.3.6 file"),
    OpcodeRow("redis",      252, "expiretime-ms",  Framing(expires_at_ms=I64),     3, "redis 2.5 (rdb 3) file"),
    OpcodeRow("redis",      251, "resizedb",       Framing(keys=LENGTH, expires=LENGTH), 7, "redis 3.2.13 file"),
    OpcodeRow("redis",      250, "aux",            Framing(name=STRING, value=STRING), 7, "redis 3.2.13 file"),
    OpcodeRow("redis",      249, "freq",           Framing(freq=U8),               9, "redis 5.0.14 file"),
    OpcodeRow("redis",      248, "idle",           Framing(idle_s=LENGTH),         9, "redis 5.0.14 file"),
    OpcodeRow("redis",      247, "module-aux",     Framing(module_id=LENGTH, when_opcode=LENGTH, when=LENGTH, items=ITEMS), 9, "redis 6.2.16 file"),
    OpcodeRow("redis",      246, "function-pre-ga", Framing(function=Special("function_pre_ga")), 10, "redis 7.0-rc2 layout, loaded by 7.0.15; 7.2.6 refuses it", until=10),
    OpcodeRow("redis",      245, "function",       Framing(code=STRING),           10, "redis 7.0.15 file"),
    OpcodeRow("redis",      244, "slot-info",      Framing(slot=LENGTH, keys=LENGTH, expires=LENGTH), 12, "redis 8.0.6 file"),
    OpcodeRow("redis",      243, "key-meta",       Framing(classes=Repeat(class_spec=U32, items=ITEMS)), 13, "loaded by redis 8.8 of 2026-06, 8.10.2"),
    OpcodeRow("redis",      242, "hash-template",  Framing(id=LENGTH, fields=Repeat(field=STRING)), 15, "redis 8.10.2 file"),
    OpcodeRow("valkey",     243, "slot-import",    Framing(job=STRING, slots=Repeat(first=LENGTH, last=LENGTH)), 80, "valkey 9.1.2 file"),
    OpcodeRow("valkey",     242, "update",         Framing(command=Special("resp_command")), 81, "valkey development source of 2026-09"),
    OpcodeRow("enterprise", 121, "slot-number",    Framing(slot=LENGTH),           1, "third party: librdb"),
    OpcodeRow("enterprise", 107, "ram-lru",        Framing(lru=LENGTH),            1, "third party: librdb"),
    OpcodeRow("dragonfly",  200, "full-sync-end",  Framing(zeros=U64),             5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  201, "zstd-blob",      Framing(blob=STRING),           5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  202, "lz4-blob",       Framing(blob=STRING),           5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  203, "blob-end",       Framing(),                      5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  210, "journal-blob",   Framing(entries=LENGTH, blob=STRING), 5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  211, "journal-offset", Framing(offset=U64),            5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  220, "key-attributes", Framing(attributes=Special("key_attributes")), 5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  223, "search-doc-ids", Framing(shard=LENGTH, index=STRING, documents=Repeat(key=STRING, id=LENGTH)), 5, "dragonfly source of 2026-08"),
    OpcodeRow("dragonfly",  224, "tagged-chunk",   Framing(chunk=Special("tagged_chunk")), 5, "dragonfly source of 2026-08"),
)

VERSIONS: tuple[VersionRow, ...] = (
    VersionRow("redis",   1, "Redis 1.3.6 to 2.2",                         "redis 1.3.6, 2.0.5, 2.2.15 files"),
    VersionRow("redis",   2, "Redis 2.4",                                  "redis 2.4.18 file"),
    VersionRow("redis",   3, "a Redis development branch of 2011-11",      "redis 2.5 (rdb 3) file"),
    VersionRow("redis",   4, "a Redis development branch of 2012-03",      "redis 2.5 (rdb 4) file"),
    VersionRow("redis",   5, "a Redis development branch of 2012-04",      "redis 2.5 (rdb 5) file"),
    VersionRow("redis",   6, "Redis 2.6 to 3.0",                           "redis 2.6.17, 2.8.24, 3.0.7 files"),
    VersionRow("redis",   7, "Redis 3.2",                                  "redis 3.2.13 file"),
    VersionRow("redis",   8, "Redis 4.0",                                  "redis 4.0.14 file"),
    VersionRow("redis",   9, "Redis 5.0 to 6.2, KeyDB, Dragonfly",         "redis 5.0.14, 6.0.20, 6.2.16 files"),
    VersionRow("redis",  10, "Redis 7.0",                                  "redis 7.0.15 file"),
    VersionRow("redis",  11, "Redis 7.2, Valkey 7.2 to 8.1",               "redis 7.2.6, valkey 8.0.1, 8.1.8 files"),
    VersionRow("redis",  12, "Redis 7.4 to 8.4, Redict 7.3",               "redis 7.4.1, 8.0.6, 8.2.3 files"),
    VersionRow("redis",  13, "Redis 8.6",                                  "redis release notes"),
    VersionRow("redis",  14, "Redis 8.8",                                  "redis 8.8 of 2026-06 file", "new"),
    VersionRow("redis",  15, "Redis 8.10",                                 "redis 8.10.2 file", "new"),
    VersionRow("valkey", 80, "Valkey 9.0 and 9.1",                         "valkey 9.1.2 file", "either"),
    VersionRow("valkey", 81, "Valkey 9.2",                                 "valkey development source of 2026-09, released 2026-11-18", "new"),
)

BEHAVIOURS: tuple[BehaviourRow, ...] = (
    #            name                 since what                                                                seen
    BehaviourRow("checksum",            5, "eight bytes of CRC-64 follow the EOF byte",                         "redis 2.5 (rdb 5) file"),
    BehaviourRow("small-integers",      6, "ziplists hold 24-bit, 8-bit and immediate integers",                "redis 2.6.17 file"),
    BehaviourRow("long-lengths",        8, "lengths of 64 bits",                                                "redis 4.0.14 file; 2.8.24 and 3.2.13 refuse them"),
    BehaviourRow("wide-whole-scores",  10, "whole scores in packed sorted sets are integers up to 2^62, before up to 2^52", "redis 7.0.15, valkey 8.0.1 answers"),
    BehaviourRow("short-scores",       11, "scores in packed sorted sets have as few digits as read back the same, before 17", "valkey 8.0.1 answers"),
    BehaviourRow("plain-nodes",        12, "any list element larger than a node stands alone, before those of 1 GiB (Valkey: since 8.0, version 11)", "redis 7.4.1, valkey 8.0.1 files"),
)

# Oldest first within a product. Source: rdb-format.md 1.2 (measured where it says so), 9.1, 9.2, 9.5; the
# modules of Redis 8: compat-facts.md, 5.3 (vectorset measured on 8.0.6).
RELEASES: tuple[ReleaseRow, ...] = (
    ReleaseRow("Redis",  "2.0",  "redis",   1),
    ReleaseRow("Redis",  "2.4",  "redis",   2),
    ReleaseRow("Redis",  "2.6",  "redis",   6),
    ReleaseRow("Redis",  "3.2",  "redis",   7),
    ReleaseRow("Redis",  "4.0",  "redis",   8),
    ReleaseRow("Redis",  "5.0",  "redis",   9),
    ReleaseRow("Redis",  "7.0",  "redis",  10),
    ReleaseRow("Redis",  "7.2",  "redis",  11),
    ReleaseRow("Redis",  "7.4",  "redis",  12),
    ReleaseRow("Redis",  "8.0",  "redis",  12, modules=("vectorset",)),
    ReleaseRow("Redis",  "8.6",  "redis",  13, modules=("vectorset",)),
    ReleaseRow("Redis",  "8.8",  "redis",  14, modules=("vectorset",)),
    ReleaseRow("Redis",  "8.10", "redis",  15, last_type=32, modules=("vectorset",)),
    ReleaseRow("Valkey", "7.2",  "valkey", 11),
    ReleaseRow("Valkey", "9.0",  "valkey", 80, back_length="classic"),
    ReleaseRow("Valkey", "9.1",  "valkey", 80, back_length="new"),
    ReleaseRow("Valkey", "9.2",  "valkey", 81),
    ReleaseRow("KeyDB",  "5.0",  "keydb",   9),
    ReleaseRow("Redict", "7.3",  "redis",  12, last_type=21),
    ReleaseRow("Dragonfly", "1.0", "dragonfly", 12),
)
# fmt: on

# Since which version servers do each of the behaviours.
SINCE = {row.name: row.since for row in BEHAVIOURS}
CRC_SINCE = SINCE["checksum"]
