"""A snapshot as commands in RESP: what a live server takes through `redis-cli --pipe`.

Into an empty server they make the data set again, with the commands its server knows. Collections
go in batches, a large value (records.LargeEntry) in bounded memory, its string by APPEND. What has
no command of its own (modules, arrays, released stream entries) goes as RESTORE, and so does every key
with `restore`, which keeps idle times and encodings as well.

`version` is the RDB version of the server that shall take the commands: it decides which ones there are,

    2   RPUSH, SADD, ZADD of many      9    streams, RESTORE ... ABSTTL IDLETIME FREQ
    6   PEXPIREAT, RESTORE             10   FUNCTION LOAD, XSETID and XGROUP CREATE with counters
    7   RESTORE ... REPLACE            12   HPEXPIREAT (Valkey: 80)
    8   HSET of many fields

and is that of the snapshot unless told. With `to` the modules are known too: keys of others are lost,
not sent to a server that answers "Bad data format". What cannot be expressed is counted in `losses`, kind by
kind, never left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.encoding.payloads import server_for
from rdbcodec.errors import EncodeError, LimitExceeded, RdbError
from rdbcodec.exports import resp_streams
from rdbcodec.exports.resp_words import MANY, MUCH, Target, batched, command, command_pieces
from rdbcodec.exports.values import value_of
from rdbcodec.losses import OPCODE_LOSSES, TYPE_PREFIX, Losses
from rdbcodec.module_names import types_held
from rdbcodec.records import (
    Aux,
    Entry,
    Function,
    Header,
    LargeEntry,
    ModuleAux,
    Record,
    SlotImport,
    Vendor,
)
from rdbcodec.servers import Server
from rdbcodec.wire import lengths
from rdbcodec.wire.long_strings import LongString, Spool
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.writing.passing import payload_pieces
from rdbcodec.writing.writer import shebang_of

_SECOND = 1000  # milliseconds
_VARIADIC_SINCE = 2
_MILLISECONDS_SINCE, _RESTORE_SINCE, _REPLACE_SINCE, _MANY_FIELDS_SINCE = 6, 6, 7, 8
_ABSOLUTE_SINCE, _FUNCTIONS_SINCE, _FIELD_TTL_SINCE = 9, 10, 12


def commands(
    records: Iterable[Record],
    *,
    losses: Losses,
    version: int | None = None,
    to: str | Server | None = None,
    modules: Iterable[str] | None = None,
    restore: bool = False,
    now_ms: int = 0,
) -> Iterator[bytes]:
    """The commands, in pieces. `now_ms` is for RESTORE before version 9 only.

    The server is named by its RDB version, or by `to` and the modules it has besides its own.
    Raises EncodeError for one that nobody knows, and what reading the records raises.
    """
    server = _target(version, to, modules, losses, now_ms)
    held, size = [], 0
    try:
        for piece in _commands(records, server, restore=restore):
            held.append(piece)
            size += len(piece)
            if size >= MUCH:
                yield b"".join(held)
                held, size = [], 0
    except RdbError:
        yield b"".join(held)  # of a key that is damaged in the middle, the part before may be among it
        raise
    yield b"".join(held)


def _commands(
    records: Iterable[Record], server: Callable[[int], Target], *, restore: bool
) -> Iterator[bytes]:
    db = None
    target = None
    for record in records:
        if target is None:
            assert isinstance(record, Header), "a snapshot begins with its header"
            target = server(record.version)
        if isinstance(record, Entry):
            if record.db != db:
                db = record.db
                yield command(b"SELECT", db)
            yield from _key_commands(record, target, restore=restore)
        else:
            yield from _OTHERS.get(type(record), _nothing)(record, target)


def _target(
    version: int | None,
    to: str | Server | None,
    modules: Iterable[str] | None,
    losses: Losses,
    now_ms: int,
) -> Callable[[int], Target]:
    """The server, once the version of the snapshot is known, which is the server's unless told."""
    told = Server.of(to, modules=modules) if to is not None else None
    held = types_held((), modules) if to is None and modules is not None else None

    def target(own: int) -> Target:
        written = told or server_for(own if version is None else version)
        types = frozenset(row.type for row in written.types.values())
        return Target(written.version, types, now_ms, losses.add, held if told is None else told.modules)

    return target


# --- keys -------------------------------------------------------------------------------------------


def _key_commands(entry: Entry, target: Target, *, restore: bool) -> Iterator[bytes]:
    build = _BUILD.get(entry.type)
    if isinstance(entry, LargeEntry) and (restore or build is None or entry.type == "stream"):
        entry.keep()  # it is looked at more than once
    if entry.type == "module" and not _takes_module(entry, target):
        return
    if restore or build is None or (entry.type == "stream" and resp_streams.only_restore(entry)):
        payload = _payload(entry, target)
        if payload is not None:
            yield from _restore(entry, payload, target)
            return
    if build is None or entry.type not in target.types:
        target.lose("too-large" if entry.is_large else TYPE_PREFIX + entry.type, entry)
        return
    yield from build(entry, target)
    if entry.expires_at_ms is not None:
        yield _expiry(entry, entry.expires_at_ms, target)
    for kind in ("idle", "freq"):
        if getattr(entry, kind) is not None:
            target.lose(kind, entry)
    if entry.meta is not None:
        target.lose("key-metadata", entry)


def _takes_module(entry: Entry, target: Target) -> bool:
    """Whether the server has the module of a key, or nobody says so; told either way."""
    head = next(iter(entry.chunks())) if entry.is_large else entry.raw
    name = decode_module_id(lengths.read(head, 0)[0]).name
    if target.modules is None:
        target.lose("module-needed", entry)
    elif name not in target.modules:
        target.lose("module", entry)
    return target.modules is None or name in target.modules


def _expiry(entry: Entry, at_ms: int, target: Target) -> bytes:
    """Servers before Redis 2.6 count seconds; rounded up, so that no key expires early."""
    if target.version >= _MILLISECONDS_SINCE:
        return command(b"PEXPIREAT", entry.key, at_ms)
    if at_ms % _SECOND:
        target.lose("sub-second-expiry", entry)
    return command(b"EXPIREAT", entry.key, -(-at_ms // _SECOND))


def _payload(entry: Entry, target: Target) -> bytes | LongString | None:
    """What RESTORE takes; None when the server has no RESTORE or no payload can hold the value whole."""
    if target.version < _RESTORE_SINCE:
        return None
    try:
        if isinstance(entry, LargeEntry):
            return Spool().keep(payload_pieces(entry, target.version))
        return entry.dump(target.version)
    except (EncodeError, LimitExceeded):
        return None  # what commands cannot express either they count


def _restore(entry: Entry, payload: bytes | LongString, target: Target) -> Iterator[bytes]:
    expires = entry.expires_at_ms
    words: list[bytes | int] = [b"REPLACE"] if target.version >= _REPLACE_SINCE else []
    if target.version >= _ABSOLUTE_SINCE:
        words += [b"ABSTTL"]
        words += [] if entry.idle is None else [b"IDLETIME", entry.idle]
        words += [] if entry.freq is None else [b"FREQ", entry.freq]
        ttl = 0 if expires is None else max(1, expires)  # 0 is "never"
    else:
        ttl = 0 if expires is None else max(1, expires - target.now_ms)
    return command_pieces(b"RESTORE", entry.key, ttl, payload, *words)


def _string(entry: Entry, target: Target) -> Iterator[bytes]:
    del target
    value = value_of(entry)
    if value is not None:
        yield command(b"SET", entry.key, value)
        return
    name = b"SET"
    for batch in entry.items():
        for piece in batch:
            yield command(name, entry.key, piece)
            name = b"APPEND"


def _elements(entry: Entry) -> Iterator[Any]:
    """The elements, as `items` tells them."""
    value = value_of(entry)
    if value is None:
        return chain.from_iterable(entry.items(spool=Spool()))
    if isinstance(value, Hash):
        expires = value.expires_at_ms
        return ((field, text, expires.get(field)) for field, text in value.items())
    return iter(value.items() if isinstance(value, ZSet) else value)


def _list(entry: Entry, target: Target) -> Iterator[bytes]:
    return _pushed(b"RPUSH", entry, target)


def _set(entry: Entry, target: Target) -> Iterator[bytes]:
    if entry.row.name == "set-expiry":
        target.lose("member-ttl", entry)
    return _pushed(b"SADD", entry, target)


def _pushed(name: bytes, entry: Entry, target: Target) -> Iterator[bytes]:
    count = 0
    for batch in batched(((element,) for element in _elements(entry)), many=_many(target)):
        count += len(batch)
        yield from command_pieces(name, entry.key, *(element for (element,) in batch))
    _expect_some(count, entry, target)


def _many(target: Target) -> int:
    """Elements in one command; servers up to Redis 2.2 take one."""
    return MANY if target.version >= _VARIADIC_SINCE else 1


def _expect_some(count: int, entry: Entry, target: Target) -> None:
    if not count:
        target.lose("empty", entry)


def _zset(entry: Entry, target: Target) -> Iterator[bytes]:
    count, lacks = 0, False
    for batch in batched(_elements(entry), many=_many(target)):
        count += len(batch)
        pairs = [(repr(score), member) for member, score in batch if score == score]  # noqa: PLR0124 - NaN is not
        lacks = lacks or len(pairs) < len(batch)
        if pairs:
            yield from command_pieces(b"ZADD", entry.key, *(word for pair in pairs for word in pair))
    if lacks:
        target.lose("score-nan", entry)
    _expect_some(count, entry, target)


def _hash(entry: Entry, target: Target) -> Iterator[bytes]:
    name = b"HSET" if target.version >= _MANY_FIELDS_SINCE else b"HMSET"
    count, lacks = 0, False
    for batch in batched(_elements(entry)):
        count += len(batch)
        texts = (text for field, value, _ in batch for text in (field, value))
        yield from command_pieces(name, entry.key, *texts)
        expiring = _by_expiry(batch)
        if target.version >= _FIELD_TTL_SINCE:
            for at_ms, fields in expiring.items():
                head = (b"HPEXPIREAT", entry.key, at_ms, b"FIELDS", len(fields))
                yield from command_pieces(*head, *fields)
        lacks = lacks or bool(expiring)
    if lacks and target.version < _FIELD_TTL_SINCE:
        target.lose("field-ttl", entry)
    _expect_some(count, entry, target)


def _by_expiry(batch: Iterable[Any]) -> dict[int, list[bytes]]:
    expiring: dict[int, list[bytes]] = {}
    for field, _, at_ms in batch:
        if at_ms is not None:
            expiring.setdefault(at_ms, []).append(field)
    return expiring


_BUILD: dict[str, Callable[[Entry, Target], Iterator[bytes]]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "hash": _hash,
    "stream": resp_streams.commands,
}


# --- what belongs to no key -------------------------------------------------------------------------


def _nothing(record: Any, target: Target) -> Iterator[bytes]:
    """Hints, and what says where keys belong: commands need none of it."""
    del record, target
    yield from ()


def _function(record: Function, target: Target) -> Iterator[bytes]:
    if target.version < _FUNCTIONS_SINCE:
        target.lose("function", record)
        return
    yield command(b"FUNCTION", b"LOAD", b"REPLACE", shebang_of(record) + record.code)


def _aux(record: Aux, target: Target) -> Iterator[bytes]:
    name = record.name.lower()
    if name == b"lua":
        yield command(b"SCRIPT", b"LOAD", record.value)
    elif name == b"keydb-subexpire-when":
        target.lose("member-ttl", record)


def _lost(kind: str) -> Callable[[Any, Target], Iterator[bytes]]:
    def lose(record: Record, target: Target) -> Iterator[bytes]:
        target.lose(kind, record)
        yield from ()

    return lose


def _module_aux(record: ModuleAux, target: Target) -> Iterator[bytes]:
    target.lose("module-aux-empty" if record.is_empty else "module-aux", record)
    yield from ()


def _vendor(record: Vendor, target: Target) -> Iterator[bytes]:
    kind = OPCODE_LOSSES[record.name]
    if kind is not None:
        target.lose(kind, record)
    yield from ()


_OTHERS: dict[type, Callable[[Any, Target], Iterator[bytes]]] = {
    Aux: _aux,
    Function: _function,
    ModuleAux: _module_aux,
    SlotImport: _lost("slot-import"),
    Vendor: _vendor,
}
