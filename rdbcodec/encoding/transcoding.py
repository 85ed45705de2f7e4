"""What a writer may and should write: the type and layout for a value and a target.

    natural    a plain Python value -> the value class of its Redis type
    choose     a value and a Server -> the row of the table that this server would write
    encode     a value and a row -> its bytes, with rules that no server forgives checked first
    transcode  a value as on disk -> the same for the target: as it is when the target holds it

What gets lost is told to a `Lose` function, kind by kind; a caller that must not lose anything raises in
it. A key that cannot be written at all is lost as a whole: `transcode` answers None.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rdbcodec.datatypes.hashes import Hash, template_of
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.natural import text_of, texts_of
from rdbcodec.datatypes.others import Array, Cron, Gcra, Json, PathHash
from rdbcodec.datatypes.packed import CRITICAL, SMALLEST_CRITICAL, has_critical
from rdbcodec.datatypes.registry import CODECS, ENCODERS
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.sets import Set
from rdbcodec.datatypes.stream_versions import Lose, in_version
from rdbcodec.datatypes.streams import Stream, encode_tail, end_of_nodes
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.formats import SINCE, TypeRow, VersionRow
from rdbcodec.losses import TYPE_PREFIX
from rdbcodec.servers import Server
from rdbcodec.structures.stream_node import StreamEntry
from rdbcodec.wire import lengths, lzf
from rdbcodec.wire.integers import integer_in
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.wire.strings import LZF

# --- plain values -----------------------------------------------------------------------------------


def natural(value: object) -> tuple[str, Any]:
    """The Redis type of a Python value, and the value as that type's class, all elements bytes.

    bytes, str and int are strings, list and tuple lists, set and frozenset sets (sorted, so that equal
    sets give equal bytes), dict a hash; sorted sets need ZSet. Raises EncodeError for anything else.
    """
    for kinds, type_, make in _NATURAL:
        if isinstance(value, kinds):
            return type_, make(value)
    if isinstance(value, float):
        raise EncodeError("a float has no one text: give the bytes it shall be", value=value)
    raise EncodeError(f"no Redis type for a {type(value).__name__}", value=value)


def _same(value: Any) -> Any:
    return value


def _natural_set(value: Any) -> Set:
    members = texts_of(value)
    made = Set(members if isinstance(value, Set) else sorted(members))
    made.expires_at_ms = dict(getattr(value, "expires_at_ms", {}))
    if len(made) != len(members):
        raise EncodeError("two members of the set are the same bytes", value=value)
    return made


def _natural_zset(value: Any) -> ZSet:
    made = ZSet({text_of(member): _score(score) for member, score in value.items()})
    if len(made) != len(value):
        raise EncodeError("two members of the sorted set are the same bytes", value=value)
    return made


def _score(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise EncodeError("a score is not a number") from None  # Python's own words show it


def _natural_hash(value: Any) -> Hash:
    made = Hash({text_of(field): text_of(text) for field, text in value.items()})
    if len(made) != len(value):
        raise EncodeError("two fields of the hash are the same bytes", value=value)
    expiries: Mapping[Any, int] = getattr(value, "expires_at_ms", {})
    made.expires_at_ms = {text_of(field): at for field, at in expiries.items()}
    return made


def _natural_path_hash(value: Any) -> PathHash:
    made = PathHash({text_of(path): _natural_hash(fields) for path, fields in value.items()})
    if len(made) != len(value):
        raise EncodeError("two paths of the path hash are the same bytes", value=value)
    return made


def _natural_stream(value: Any) -> Stream:
    made: Stream = copy.copy(value)
    made.entries = [
        StreamEntry(entry.id, [(text_of(name), text_of(text)) for name, text in entry.fields])
        for entry in value.entries
    ]
    return made


_NATURAL: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    (Gcra, "gcra", _same),  # before the int and the bytes that they are as well
    (Json, "json", _same),
    ((bytes, bytearray, memoryview, str, int), "string", text_of),
    ((list, tuple), "list", lambda value: List(texts_of(value))),
    ((set, frozenset, Set), "set", _natural_set),
    (ZSet, "zset", _natural_zset),
    (PathHash, "path-hash", _natural_path_hash),
    (dict, "hash", _natural_hash),
    (Stream, "stream", _natural_stream),
    (ModuleValue, "module", _same),
    (
        Array,
        "array",
        lambda value: Array(
            dict(zip(value.elements, texts_of(value.elements.values()), strict=True)), value.cursor
        ),
    ),
    (Cron, "cron", _same),
)

# --- choosing ---------------------------------------------------------------------------------------


def choose(type_: str, value: Any, server: Server) -> TypeRow | None:
    """The row the target's own server would write a value with; None when it has no such type."""
    names = _CHOICES.get(type_, _only_row_of(type_))(value, server)
    rows = (server.types.get(name) for name in names)
    return next((row for row in rows if row is not None), None)


def row_named(type_: str, encoding: str, server: Server) -> TypeRow | None:
    """The target's row with this type and encoding, in the words of the table."""
    rows = (row for row in server.types.values() if row.type == type_ and row.encoding == encoding)
    return next(rows, None)


def _choose_list(value: List, server: Server) -> Iterable[str]:
    thresholds = server.thresholds
    small = _is_small(value, len(value), thresholds.list_entries, thresholds.list_value)
    return ("list-quicklist-2", "list-quicklist", *(("list-ziplist",) if small else ()), "list")


def _choose_set(value: Set, server: Server) -> Iterable[str]:
    if value.expires_at_ms:
        yield "set-expiry"
    thresholds = server.thresholds
    size, most = len(value), thresholds.set_entries
    may_be_compact = size <= max(thresholds.intset_entries, most)
    if may_be_compact and all(integer_in(member) is not None for member in value):
        # An intset that outgrows its limit becomes a table at once, whatever that of listpacks is.
        yield from (("set-intset",) if size <= thresholds.intset_entries else ())
    elif _is_small(value, size, most, thresholds.set_value) and _is_clear(value, server):
        yield "set-listpack"
    yield "set"


def _choose_zset(value: ZSet, server: Server) -> Iterable[str]:
    thresholds = server.thresholds
    if _is_small(value, len(value), thresholds.zset_entries, thresholds.zset_value):
        if _is_clear(value, server):
            yield "zset-listpack"
        yield "zset-ziplist"
    yield from ("zset-2", "zset")


def _choose_hash(value: Hash, server: Server) -> Iterable[str]:
    texts = [*value, *value.values()]
    small = _is_small(texts, len(value), server.thresholds.hash_entries, server.thresholds.hash_value)
    clear = small and _is_clear(texts, server)
    if value.expires_at_ms:
        yield from (("hash-listpack-ttl",) if clear else ())
        yield from ("hash-ttl", "hash-ttl-valkey", "hash-expiry")
    if small:
        yield from (("hash-listpack",) if clear else ())
        yield from ("hash-ziplist", "hash-zipmap")
    yield "hash"


def _only_row_of(type_: str) -> Callable[[Any, Server], Iterable[str]]:
    """For types with one layout, or with versions of it: the newest the target has."""

    def names(value: Any, server: Server) -> Iterable[str]:
        del value
        rows = [row for row in server.types.values() if row.type == type_]
        return [row.name for row in sorted(rows, key=lambda row: row.code, reverse=True)]

    return names


def _is_small(texts: Iterable[bytes], count: int, entries: int, size: int) -> bool:
    return count <= entries and max(map(len, texts), default=0) <= size


def _is_clear(texts: Iterable[bytes], server: Server) -> bool:
    """Whether no text has a size that the two kinds of server of the target's version disagree on."""
    return server.back_length != "either" or not any(len(text) in CRITICAL for text in texts)


_CHOICES: dict[str, Callable[[Any, Server], Iterable[str]]] = {
    "list": _choose_list,
    "set": _choose_set,
    "zset": _choose_zset,
    "hash": _choose_hash,
}

# --- encoding ---------------------------------------------------------------------------------------


def encode(row: TypeRow, value: Any, server: Server) -> bytes:
    """A value in the layout of a row of the target. Raises EncodeError when no server loads it."""
    try:
        _check_size(row, value)
        _check_place(row, value)
        return ENCODERS[row.name](value, server)
    except EncodeError as error:
        error.locate(type=row.type, target=server.name)
        raise
    except (ValueError, OverflowError) as error:  # a number or a size its field cannot hold
        raise EncodeError(str(error), value=value, type=row.type, target=server.name) from error


def _check_size(row: TypeRow, value: Any) -> None:
    if row.type not in NEVER_EMPTY or (value.elements if isinstance(value, Array) else value):
        return
    if row.type in ("array", "path-hash"):
        raise EncodeError(f"an empty {row.type} does not exist, and no server loads one")
    raise EncodeError(
        f"an empty {row.type}: Redis 2.4 to 6.0 load it, 6.2 and later drop the key; drop-empty leaves it out"
    )


def _check_place(row: TypeRow, value: Any) -> None:
    if not row.expires and getattr(value, "expires_at_ms", None):
        raise EncodeError(f"a {row.type} in the layout {row.encoding!r} has no place for its expiries")


NEVER_EMPTY = frozenset({"list", "set", "zset", "hash", "array", "path-hash"})


def encode_value(type_: str, value: Any, server: Server, lose: Lose) -> tuple[TypeRow, bytes] | None:
    """A decoded value for the target; None, and a loss told, when it has no such type."""
    if type_ == "module" and _lacks_module(value, server):
        lose("module")
        return None
    value = _ADAPT.get(type_, _as_it_is)(value, server, lose)
    row = choose(type_, value, server)
    if row is None:
        lose(TYPE_PREFIX + type_)
        return None
    return row, encode(row, value, server)


def encode_as(row: TypeRow, value: Any, server: Server, lose: Lose) -> tuple[TypeRow, bytes] | None:
    """A decoded value in a layout asked for; in the target's choice when that one cannot hold all of it.

    A reference to a template cannot when none with these field names was written before.
    """
    if row.type == "module":
        return encode_value(row.type, value, server, lose)
    expiries = getattr(value, "expires_at_ms", {})
    lacks_template = row.refers and template_of(value) not in server.templates
    if lacks_template or (expiries and not row.expires):
        return encode_value(row.type, value, server, lose)
    lose_fractions(expiries.values(), server, lose)
    if row.generation:
        value = in_version(value, row.generation, lose)
    return row, encode(row, value, server)


def _lacks_module(value: ModuleValue, server: Server) -> bool:
    return server.modules is not None and value.module.name not in server.modules


def _as_it_is(value: Any, server: Server, lose: Lose) -> Any:
    del server, lose
    return value


def _adapt_hash(value: Hash, server: Server, lose: Lose) -> Hash:
    if not value.expires_at_ms:
        return value
    if _holds_expiries("hash", server):
        lose_fractions(value.expires_at_ms.values(), server, lose)
        return value
    lose("field-ttl")
    return Hash(value)


def _adapt_set(value: Set, server: Server, lose: Lose) -> Set:
    if not value.expires_at_ms:
        return value
    if _holds_expiries("set", server):
        lose_fractions(value.expires_at_ms.values(), server, lose)
        return value
    lose("member-ttl")
    return Set(value)


def lose_fractions(expiries: Iterable[int], server: Server, lose: Lose) -> None:
    """Tell of times that Dragonfly, which counts seconds, cannot hold whole."""
    if server.dialect == "dragonfly" and any(at % 1000 for at in expiries):
        lose("sub-second-expiry")


def _adapt_stream(value: Stream, server: Server, lose: Lose) -> Stream:
    row = stream_row(server)
    return value if row is None else in_version(value, row.generation, lose)


def stream_row(server: Server) -> TypeRow | None:
    """The row of the newest streams that a target has; None when it has none."""
    row = max(server.types.values(), key=lambda row: row.generation)
    return row if row.generation else None


def _holds_expiries(type_: str, server: Server) -> bool:
    return any(row.expires and row.type == type_ for row in server.types.values())


_ADAPT: dict[str, Callable[[Any, Server, Lose], Any]] = {
    "hash": _adapt_hash,
    "set": _adapt_set,
    "stream": _adapt_stream,
}

# --- from one form to another -----------------------------------------------------------------------


def copies(row: TypeRow, origin: VersionRow, server: Server) -> bool:
    """Whether any value of a row, out of a file of this version, is the target's as it is."""
    if server.types.get(row.name) is not row:
        return False
    if row.packed == "ziplist" and origin.version >= SINCE["small-integers"] and not server.small_integers:
        return False
    if row.packed == "listpack" and origin.back_length != server.back_length:
        return False
    if row.type == "module" and server.modules is not None:
        return False
    return not row.refers


def copies_this(row: TypeRow, raw: bytes, origin: VersionRow, server: Server) -> bool:
    """`copies`, for one value: most listpacks hold nothing the rules differ on."""
    if copies(row, origin, server):
        return True
    if server.types.get(row.name) is not row or row.refers:
        return False
    if row.type == "module":
        return _has_module(raw, server)
    return row.packed == "listpack" and not _may_be_critical(raw)


def transcode(
    row: TypeRow, raw: bytes, scope: Scope, origin: VersionRow, *, server: Server, lose: Lose
) -> tuple[TypeRow, bytes] | None:
    """A value as on disk for the target; byte for byte where the target reads it so."""
    if copies_this(row, raw, origin, server):
        return row, raw
    if row.type == "module" and row.name in server.types:
        lose("module")
        return None
    if not any(have.type == row.type for have in server.types.values()):
        lose(TYPE_PREFIX + row.type)
        return None
    value = _decoded(row, raw, scope)
    alike = origin.back_length == server.back_length or not _may_be_critical(raw) or not _is_critical(value)
    if alike and server.types.get(row.name) is row and row.packed == "listpack" and not row.refers:
        return row, raw
    newest = stream_row(server) if row.generation else None
    if alike and newest is not None:
        return _retailed(value, raw, newest, server, lose)
    return encode_value(row.type, value, server, lose)


def _decoded(row: TypeRow, raw: bytes, scope: Scope) -> Any:
    try:
        return CODECS[row.name].decode(raw, scope)
    except IndexError:
        raise CorruptStructure("the value ends inside an element") from None


def _retailed(value: Stream, raw: bytes, row: TypeRow, server: Server, lose: Lose) -> tuple[TypeRow, bytes]:
    """A stream in another version: its nodes as they are, only what follows them written anew."""
    tail = encode_tail(in_version(value, row.generation, lose), server, row.generation)
    return row, raw[: end_of_nodes(raw)] + tail


def _has_module(raw: bytes, server: Server) -> bool:
    name = decode_module_id(lengths.read(raw, 0)[0]).name
    return server.modules is not None and name in server.modules


def _may_be_critical(raw: bytes) -> bool:
    """Whether an element of a critical size may be in it; False costs no decoding."""
    if len(raw) * lzf.MAX_EXPANSION < SMALLEST_CRITICAL:
        return False
    return len(raw) >= SMALLEST_CRITICAL or LZF in raw


def _is_critical(value: Any) -> bool:
    """Whether a decoded value has a text of a size that the two back-length rules differ on."""
    if isinstance(value, Stream):
        texts = (text for entry in value.entries for pair in entry.fields for text in pair)
        return has_critical(texts)
    return has_critical(value) or (isinstance(value, Hash) and has_critical(value.values()))
