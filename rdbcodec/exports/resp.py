"""A snapshot as commands in RESP: what a live server takes through `redis-cli --pipe`.

Into an empty server they make the data set again, with the commands its server knows. Collections
go in batches, a large value (records.LargeEntry) in bounded memory, its string by APPEND. What has
no command of its own goes as RESTORE: types whose form (exports.form) has no `commands`, such as modules,
arrays and path hashes, and released stream entries. So does every key with `restore`, which keeps idle times
and encodings as well.

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

from rdbcodec.encoding.payloads import server_for
from rdbcodec.errors import EncodeError, LimitExceeded, RdbError
from rdbcodec.exports.form import Form, value_of
from rdbcodec.exports.resp_words import MUCH, Recipient, command, command_pieces
from rdbcodec.exports.rows import InRuns, Run, records_of, runs
from rdbcodec.exports.values import form_of, of_packed
from rdbcodec.losses import TYPE_PREFIX, Losses
from rdbcodec.module_names import types_held
from rdbcodec.records import (
    Aux,
    CacheEntry,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotInfo,
)
from rdbcodec.records.attributes import EXPIRY_SIZE
from rdbcodec.records.function import shebang_of
from rdbcodec.records.module_aux import loss_of
from rdbcodec.records.registry import kind_of
from rdbcodec.servers import Server
from rdbcodec.wire.long_strings import LongString, Spool
from rdbcodec.writing.passing import payload_pieces

OnSelect = Callable[[int], object]

_SECOND = 1000  # milliseconds
_MILLISECONDS_SINCE, _RESTORE_SINCE, _REPLACE_SINCE, _ABSOLUTE_SINCE, _FUNCTIONS_SINCE = 6, 6, 7, 9, 10


def commands(
    records: Iterable[InRuns],
    *,
    losses: Losses,
    version: int | None = None,
    to: str | Server | None = None,
    modules: Iterable[str] | None = None,
    restore: bool = False,
    now_ms: int = 0,
    db: int | None = None,
    on_select: OnSelect | None = None,
) -> Iterator[bytes]:
    """The commands, in pieces. `now_ms` is for RESTORE before version 9 only; `db` is selected already.

    `on_select` is called with each database that a command selects.
    The server is named by its RDB version, or by `to` and the modules it has besides its own.
    Raises EncodeError for one that nobody knows, and what reading the records raises.
    """
    server = _recipient(version, to, modules, losses, now_ms)
    held, size = [], 0
    try:
        for piece in _commands(records, server, restore=restore, db=db, on_select=on_select):
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
    records: Iterable[InRuns],
    server: Callable[[int], Recipient],
    *,
    restore: bool,
    db: int | None,
    on_select: OnSelect | None,
) -> Iterator[bytes]:
    source = iter(records)
    header = next(source, None)
    if header is None:
        return
    assert isinstance(header, Header), "a snapshot begins with its header"
    recipient = server(header.version)
    one_by_one = restore or recipient.version < _MILLISECONDS_SINCE  # which times cannot say is told of a key
    for record in records_of(source) if one_by_one else runs(source):
        if isinstance(record, Run):
            if record.db != db:
                db = record.db
                yield _select(db, on_select)
            yield _sets(record)
        elif isinstance(record, Entry):
            if record.db != db:
                db = record.db
                yield _select(db, on_select)
            if restore:
                yield from key_commands(record, recipient, restore=True)
                continue
            quick = _collection(record, recipient) if record.code else _string(record, recipient)
            if quick is None:
                yield from key_commands(record, recipient)
            elif isinstance(quick, bytes):
                yield quick
            else:
                yield from quick
        else:
            yield from record_commands(record, recipient)


def _select(db: int, tell: OnSelect | None) -> bytes:
    if tell is not None:
        tell(db)
    return command(b"SELECT", db)


def _recipient(
    version: int | None,
    to: str | Server | None,
    modules: Iterable[str] | None,
    losses: Losses,
    now_ms: int,
) -> Callable[[int], Recipient]:
    """The server, once the version of the snapshot is known, which is the server's unless told."""
    told = Server.of(to, modules=modules) if to is not None else None
    held = types_held((), modules) if to is None and modules is not None else None

    def recipient(own: int) -> Recipient:
        written = told or server_for(own if version is None else version)
        types = frozenset(row.type for row in written.types.values())
        return Recipient(written.version, types, now_ms, losses.add, held if told is None else told.modules)

    return recipient


# --- keys -------------------------------------------------------------------------------------------


def _sets(run: Run) -> bytes:
    """The commands of a run of strings."""
    raws = iter(run.parts)
    if not run.times:
        told = [_SET % (len(key), key, len(value), value) for key, value in zip(raws, raws, strict=True)]
        return b"".join(told)
    times = map(b"%d".__mod__, run.times)
    return b"".join(
        [
            _SET_AND_EXPIRE % (len(key), key, len(value), value, len(key), key, len(expires), expires)
            for key, value, expires in zip(raws, raws, times, strict=True)
        ]
    )


def _string(entry: Entry, recipient: Recipient) -> bytes | None:
    """What makes a string with nothing beside it but an expiry, as caches are full of; None of others."""
    if entry.__class__ is Entry:
        key, value = entry.key, value_of(entry)
        return None if value is None else _SET % (len(key), key, len(value), value)
    expires = _only_expires(entry, recipient)
    value = None if expires is None else value_of(entry)
    if expires is None or value is None:
        return None
    key = entry.key
    return _SET_AND_EXPIRE % (len(key), key, len(value), value, len(key), key, len(expires), expires)


def _collection(entry: Entry, recipient: Recipient) -> bytes | Iterator[bytes] | None:
    """The same of a collection, which mostly takes one command; those that take more are not read again."""
    row = entry._context.types[entry.code]  # noqa: SLF001 - `row`, without a call
    form = form_of(row.type)
    if form.command is None or entry.is_large:
        return None
    packed, made = form.packed_command.get(row.name), None
    if packed is not None:
        made = of_packed(entry, lambda blob: packed(entry.key, blob, recipient))
    if made is None:
        value = value_of(entry)
        made = None if value is None else form.command(entry, value, recipient)
        if made is None:
            return key_commands(entry, recipient, value=value)
    if entry.__class__ is Entry:
        return made
    expires = _only_expires(entry, recipient)
    if expires is None:
        return chain((made,), _attributes(entry, recipient, expires=True))
    key = entry.key
    return made + _EXPIRE % (len(key), key, len(expires), expires)


def _only_expires(entry: Entry, recipient: Recipient) -> bytes | None:
    """When the key expires, if nothing else is told beside its value and PEXPIREAT can say it."""
    if entry.__class__ is not CacheEntry or len(entry.attribute_bytes) != EXPIRY_SIZE:
        return None
    at_ms = entry.expires_at_ms
    return None if at_ms is None or recipient.version < _MILLISECONDS_SINCE else b"%d" % at_ms


_BULK = b"$%d\r\n%b\r\n"
_SET = b"*3\r\n$3\r\nSET\r\n" + _BULK * 2
_EXPIRE = b"*3\r\n$9\r\nPEXPIREAT\r\n" + _BULK * 2
_SET_AND_EXPIRE = _SET + _EXPIRE


def key_commands(
    entry: Entry, recipient: Recipient, *, restore: bool = False, expires: bool = True, value: Any = None
) -> Iterator[bytes]:
    """What makes one key, in pieces; nothing, and a loss counted, for one that the server cannot have.

    Without `expires` it is made to last. `value` is that of the entry, if it has been read.
    """
    form = form_of(entry.type)
    if isinstance(entry, LargeEntry) and (restore or form.commands is None or form.only_restore is not None):
        entry.keep()  # it is looked at more than once
    if form.is_taken is not None and not form.is_taken(entry, recipient):
        return
    read = None if restore or form.commands is None else _read(entry, form, value)
    if read is None or read[0]:
        payload = _payload(entry, recipient)
        if payload is not None:
            yield from _restore(entry, payload, recipient, entry.expires_at_ms if expires else None)
            return
    if form.commands is None or entry.type not in recipient.types:
        recipient.lose("too-large" if entry.is_large else TYPE_PREFIX + entry.type, entry)
        return
    _, made_of = _read(entry, form, value) if read is None else read
    made = None if form.command is None or made_of is None else form.command(entry, made_of, recipient)
    yield from form.commands(entry, recipient, made_of) if made is None else (made,)
    if entry.__class__ is not Entry:  # others may have attributes
        yield from _attributes(entry, recipient, expires=expires)


def _read(entry: Entry, form: Form, value: Any) -> tuple[bool, Any]:
    """Whether only RESTORE makes the key, and what commands make it of."""
    value = value_of(entry) if value is None else value
    return (False, value) if form.only_restore is None else form.only_restore(entry, value)


def _attributes(entry: Entry, recipient: Recipient, *, expires: bool) -> Iterator[bytes]:
    """What is told beside the value."""
    if expires and entry.expires_at_ms is not None:
        yield _expiry(entry, entry.expires_at_ms, recipient)
    for kind in ("idle", "freq"):
        if getattr(entry, kind) is not None:
            recipient.lose(kind, entry)
    if entry.meta is not None:
        recipient.lose("key-metadata", entry)


def _expiry(entry: Entry, at_ms: int, recipient: Recipient) -> bytes:
    """Servers before Redis 2.6 count seconds; rounded up, so that no key expires early."""
    if recipient.version >= _MILLISECONDS_SINCE:
        return command(b"PEXPIREAT", entry.key, at_ms)
    if at_ms % _SECOND:
        recipient.lose("sub-second-expiry", entry)
    return command(b"EXPIREAT", entry.key, -(-at_ms // _SECOND))


def _payload(entry: Entry, recipient: Recipient) -> bytes | LongString | None:
    """What RESTORE takes; None when the server has no RESTORE or no payload can hold the value whole."""
    if recipient.version < _RESTORE_SINCE:
        return None
    try:
        if isinstance(entry, LargeEntry):
            return Spool().keep(payload_pieces(entry, recipient.version))
        return entry.dump(recipient.version)
    except (EncodeError, LimitExceeded):
        return None  # what commands cannot express either they count


def _restore(
    entry: Entry, payload: bytes | LongString, recipient: Recipient, expires: int | None
) -> Iterator[bytes]:
    words: list[bytes | int] = [b"REPLACE"] if recipient.version >= _REPLACE_SINCE else []
    if recipient.version >= _ABSOLUTE_SINCE:
        words += [b"ABSTTL"]
        words += [] if entry.idle is None else [b"IDLETIME", entry.idle]
        words += [] if entry.freq is None else [b"FREQ", entry.freq]
        ttl = 0 if expires is None else max(1, expires)  # 0 is "never"
    else:
        ttl = 0 if expires is None else max(1, expires - recipient.now_ms)
    return command_pieces(b"RESTORE", entry.key, ttl, payload, *words)


# --- what belongs to no key -------------------------------------------------------------------------


def record_commands(record: Record, recipient: Recipient) -> Iterator[bytes]:
    """What a record that is no key takes: mostly nothing; what is lost with it is counted."""
    return _OTHERS.get(type(record), _lost)(record, recipient)


def _nothing(record: Any, recipient: Recipient) -> Iterator[bytes]:
    """Hints, and what says where keys belong: commands need none of it."""
    del record, recipient
    yield from ()


def _function(record: Function, recipient: Recipient) -> Iterator[bytes]:
    if recipient.version < _FUNCTIONS_SINCE:
        recipient.lose("function", record)
        return
    yield command(b"FUNCTION", b"LOAD", b"REPLACE", shebang_of(record) + record.code)


def _aux(record: Aux, recipient: Recipient) -> Iterator[bytes]:
    name = record.name.lower()
    if name == b"lua":
        yield command(b"SCRIPT", b"LOAD", record.value)
    elif name == b"keydb-subexpire-when":
        recipient.lose("member-ttl", record)


def _module_aux(record: ModuleAux, recipient: Recipient) -> Iterator[bytes]:
    recipient.lose(loss_of(record), record)
    yield from ()


def _lost(record: Any, recipient: Recipient) -> Iterator[bytes]:
    """A record for which there is no command."""
    kind = kind_of(record)
    if kind is not None and kind.loss is not None:
        recipient.lose(kind.loss, record)
    yield from ()


_OTHERS: dict[type, Callable[[Any, Recipient], Iterator[bytes]]] = {
    Aux: _aux,
    Function: _function,
    ModuleAux: _module_aux,
    End: _nothing,
    HashTemplate: _nothing,
    Header: _nothing,
    ResizeDb: _nothing,
    SelectDb: _nothing,
    SlotInfo: _nothing,
}
