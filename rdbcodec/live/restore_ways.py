"""What a key of a snapshot becomes for a server: one RESTORE, or commands where RESTORE cannot.

    RESTORE key ttl payload [REPLACE] ABSTTL [IDLETIME seconds | FREQ n]

The payload is one of the server's own RDB version: the value's bytes as they are where the server reads them
so, else laid out anew. What no payload can hold is lost, kind by kind, as a conversion for it loses it.

Commands make a value in many steps, and a value must not be seen half made, nor be made twice over. So they
make it under a name of their own, in the slot of the key, and the last one gives it the key's name:

    MULTI   RPUSH temporary ...   PEXPIREAT temporary ...   RENAMENX temporary key   DEL temporary   EXEC

RENAMENX says whether the key was there; where keys are replaced it is RENAME. A value that is too large for
one transaction is made without one, under a name that no other run has, and renamed when all of it is known
to be there. When the run is killed within such a value, that name stays in the server.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from os import urandom
from typing import Any, Literal

from rdbcodec.encoding.payloads import wrap
from rdbcodec.encoding.transcoding import copies, transcode
from rdbcodec.errors import LimitExceeded
from rdbcodec.exports.resp import key_commands
from rdbcodec.exports.resp_words import Recipient, command
from rdbcodec.facts.slots import key_slot
from rdbcodec.formats import VersionRow
from rdbcodec.losses import Losses
from rdbcodec.records import Entry, LargeEntry
from rdbcodec.servers import Server
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.long_strings import Spool
from rdbcodec.writing.passing import transcode_large, wrapped_pieces

OnConflict = Literal["fail", "skip", "replace"]
Way = Literal["restore", "commands"]

MAX_BULK = 512 << 20  # bytes in one word of a command that servers take unless configured otherwise
LARGE = 4 << 20  # bytes of a value that commands make in more than one transaction
_FOOTER = 10  # bytes of a payload behind its value
_ABSOLUTE_SINCE = 9  # RDB version of the servers whose RESTORE takes ABSTTL, IDLETIME and FREQ


class Why(Enum):
    """Why a key goes by commands."""

    ASKED = "commands were asked for"
    FORBIDDEN = "this user may not run RESTORE, or the server does not have it"
    TOO_LONG = "its payload is longer than the server takes in one word (proto-max-bulk-len)"
    REFUSED = "the server refused the payload"


class Request:
    """What is sent for one key: whole commands, of which each is answered, or `pieces` of a large one.

    `name` is that of the value while commands make it. `doubt` says that it may have been done before: nobody
    saw the answer.
    """

    key: bytes
    way: Way
    commands: list[bytes]
    pieces: Callable[[], Iterator[bytes]] | None = None
    name = b""
    why: Why | None = None
    doubt = False

    def __init__(self, entry: Entry, db: int, way: Way, commands: list[bytes], key: bytes) -> None:
        self.entry = entry
        self.db = db
        self.way = way
        self.commands = commands
        self.key = key

    def become(self, other: Request) -> None:
        """Go the way of another request for this key."""
        self.way, self.why, self.name = other.way, other.why, other.name
        self.commands, self.pieces = other.commands, other.pieces

    @property
    def restores(self) -> bool:
        """Whether its commands are RESTORE all the same, as there are no others for its type."""
        return any(_RESTORE in one[:40] for one in self.commands)


_RESTORE = b"$7\r\nRESTORE\r\n"


class Payload:
    """A payload in pieces, its size known before the first: for a value that is too large to hold."""

    def __init__(self, head: bytes, size: int, pieces: Callable[[], Iterable[bytes]], version: int) -> None:
        self._head, self._pieces, self._version = head, pieces, version
        self.size = len(head) + size + _FOOTER

    def __len__(self) -> int:
        return self.size

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, as often as they are asked for."""
        return wrapped_pieces(self._head, self._pieces(), self._version)


class Ways:
    """How keys are made on a server of this kind. `losses` counts what it cannot hold."""

    def __init__(
        self, server: Server, *, on_conflict: OnConflict, most_bulk: int = MAX_BULK, now_ms: int = 0
    ) -> None:
        self.server = server
        self.most_bulk = most_bulk
        self._run = urandom(8)  # so that what another run left behind is never gone on with
        self.losses = Losses()
        self.on_conflict = on_conflict
        self.now_ms = now_ms
        self.keep_expired = False  # whether keys that have no time left are made to last
        self._types = frozenset(row.type for row in server.types.values())
        self._is_absolute = server.version >= _ABSOLUTE_SINCE
        self._tail = [b"REPLACE"] * (on_conflict == "replace") + [b"ABSTTL"] * self._is_absolute
        self._plain_tail, self._plain_form = _tail_of(self._tail), _form_of(self._tail)
        self._words = 4 + len(self._tail)
        self._footer = server.version.to_bytes(2, "little")
        self._origin: VersionRow | None = None
        self._copies: dict[int, bool] = {}  # by type bytes of that file

    def lose(self, kind: str, record: Any) -> None:
        """Count what is lost of a record."""
        entry = record if isinstance(record, Entry) else None
        db, key = (None, None) if entry is None else (entry.db, entry.key)
        self.losses.add(kind, offset=record.offset, db=db, key=key)

    @contextmanager
    def counting(self, losses: Losses) -> Iterator[Losses]:
        """Count what is lost meanwhile there."""
        before, self.losses = self.losses, losses
        try:
            yield losses
        finally:
            self.losses = before

    # --- RESTORE --------------------------------------------------------------------------------------

    def payload(self, entry: Entry) -> bytes | Payload | None:
        """What RESTORE takes; None, and a loss counted, when the server has no such type or module.

        Raises DecodeError for a value that is damaged.
        """

        def lose(kind: str) -> None:
            self.lose(kind, entry)

        server = self.server
        meta = b""
        if entry.meta is not None:
            if "key-meta" in server.opcodes:
                meta = entry.meta
            else:
                lose("key-metadata")
        if isinstance(entry, LargeEntry):
            return self._large(entry, meta)
        try:
            made = transcode(entry.row, entry.raw, entry.scope(), entry.origin, server=server, lose=lose)
        except LimitExceeded:  # it unpacks to more than is held
            return self._anew(entry, meta)
        return None if made is None else wrap(made[0].code, made[1], server.version, meta)

    def _large(self, entry: LargeEntry, meta: bytes) -> Payload | None:
        """It waits in a temporary file, as its size comes first and it may be sent more than once."""
        if not copies(entry.row, entry.origin, self.server):
            return self._anew(entry, meta)
        entry.keep()
        size = sum(map(len, entry.chunks()))
        return Payload(meta + bytes((entry.code,)), size, entry.chunks, self.server.version)

    def _anew(self, entry: Entry, meta: bytes) -> Payload | None:
        if isinstance(entry, LargeEntry):
            entry.keep()
        made = transcode_large(entry, self.server, lambda kind: self.lose(kind, entry))
        if made is None:
            return None
        row, pieces = made
        kept = Spool().keep(pieces)
        return Payload(meta + bytes((row.code,)), len(kept), kept.pieces, self.server.version)

    def restoring(self, entry: Entry, payload: bytes | Payload) -> Iterator[bytes]:
        """The command, in pieces where the payload is in pieces."""
        tail = self._tail
        expires = self._expiry(entry)
        if entry.idle is not None or entry.freq is not None:
            tail = [*tail, *self._hints(entry)]
        elif isinstance(payload, bytes):
            key, ttl = entry.key, b"%d" % self._ttl(expires)
            yield (
                self._plain_form
                % (
                    len(key),
                    key,
                    len(ttl),
                    ttl,
                    len(payload),
                    payload,
                )
                + self._plain_tail
            )
            return
        key, ttl = entry.key, b"%d" % self._ttl(expires)
        head = _form_of(tail)[: -len(_BULK)] % (len(key), key, len(ttl), ttl) + b"$%d\r\n" % len(payload)
        yield head
        yield from (payload,) if isinstance(payload, bytes) else payload.pieces()
        yield b"\r\n" + _tail_of(tail)

    def _expiry(self, entry: Entry) -> int | None:
        expires = entry.expires_at_ms
        return None if expires is None or (self.keep_expired and expires <= self.now_ms) else expires

    def _ttl(self, expires_at_ms: int | None) -> int:
        if expires_at_ms is None:
            return 0
        return max(1, expires_at_ms if self._is_absolute else expires_at_ms - self.now_ms)

    def _hints(self, entry: Entry) -> list[bytes]:
        """How long it was idle or how often used; the command takes one of them."""
        if not self._is_absolute:
            return []
        if entry.idle is not None:
            if entry.freq is not None:
                self.lose("freq", entry)
            return [b"IDLETIME", b"%d" % entry.idle]
        return [b"FREQ", b"%d" % (entry.freq or 0)]

    # --- commands -------------------------------------------------------------------------------------

    def making(self, entry: Entry, name: bytes, losses: Losses) -> Iterator[bytes]:
        """The commands that make it under a name, in pieces; none, and a loss counted, where none can."""
        other = copy.copy(entry)
        other.rename(name)
        expires = self._expiry(entry) is not None
        recipient = Recipient(
            self.server.version,
            self._types,
            self.now_ms,
            lambda kind, **_: losses.add(kind, offset=entry.offset, db=entry.db, key=entry.key),
            self.server.modules,
        )
        pieces = key_commands(other, recipient, expires=expires)
        first = next(pieces, None)
        if first is None:
            return
        yield first
        yield from pieces

    def request(self, entry: Entry, db: int, why: Why | None) -> Request | None:
        """What is sent for a key; by commands if there is a reason. None when the server cannot have it.

        Raises DecodeError for a value that is damaged, EncodeError for one that no server takes.
        """
        if why is None:
            # Most keys: no expiry, and bytes that the server reads as they are. A third of the general way.
            if entry.__class__ is Entry and self._is_copied(entry):
                raw = entry.raw
                if len(raw) < LARGE:
                    return self._copied(entry, db, raw)
            payload = self.payload(entry)
            if payload is None:
                return None
            if len(payload) <= self.most_bulk:
                return self._restored(entry, db, payload)
            why = Why.TOO_LONG
        request = Request(entry, db, "commands", [], entry.key)
        request.why = why
        if isinstance(entry, LargeEntry) or len(entry.raw) > LARGE:
            if isinstance(entry, LargeEntry):
                entry.keep()
            request.name = temporary_name(entry.key, self._run)
            request.pieces = partial(self._made_large, request, [self.losses])
            return request
        request.name = temporary_name(entry.key)
        commands = split(self.making(entry, request.name, self.losses))
        if not commands:
            return None
        words = naming(request.name, entry.key, replaces=self.on_conflict == "replace")
        request.commands = [_MULTI, *commands, *(command(*one) for one in words), _EXEC]
        return request

    def _is_copied(self, entry: Entry) -> bool:
        """Whether any value of its layout goes out as it is; looked up once for each file and layout."""
        origin = entry.origin
        if origin is not self._origin:
            self._origin, self._copies = origin, {}
        known = self._copies.get(entry.code)
        if known is None:
            known = self._copies[entry.code] = copies(entry.row, origin, self.server)
        return known

    def _copied(self, entry: Entry, db: int, raw: bytes) -> Request:
        body = b"%c%b%b" % (entry.code, raw, self._footer)
        key = entry.key
        size = len(body) + 8
        words = _COPIED % (self._words, len(key), key, size, body, crc64(body).to_bytes(8, "little"))
        return Request(entry, db, "restore", [words + self._plain_tail], key)

    def _restored(self, entry: Entry, db: int, payload: bytes | Payload) -> Request:
        if isinstance(payload, bytes):
            return Request(entry, db, "restore", [b"".join(self.restoring(entry, payload))], entry.key)
        request = Request(entry, db, "restore", [], entry.key)
        request.pieces = partial(self.restoring, entry, payload)
        return request

    def _made_large(self, request: Request, counting: list[Losses]) -> Iterator[bytes]:
        """However often it is sent, what is lost is counted once."""
        losses = counting.pop() if counting else Losses()
        pieces = self.making(request.entry, request.name, losses)
        first = next(pieces, None)
        if first is None:
            return
        yield command(b"DEL", request.name)
        yield first
        yield from pieces


def naming(name: bytes, key: bytes, *, replaces: bool) -> tuple[tuple[bytes, ...], ...]:
    """How a value gets the name of its key, and nothing stays under its own."""
    return (b"RENAME" if replaces else b"RENAMENX", name, key), (b"DEL", name)


_MULTI, _EXEC = command(b"MULTI"), command(b"EXEC")
_BULK = b"$%d\r\n%b\r\n"
_COPIED = b"*%d\r\n$7\r\nRESTORE\r\n" + _BULK + b"$1\r\n0\r\n" + b"$%d\r\n%b%b\r\n"


def _form_of(tail: list[bytes]) -> bytes:
    """RESTORE key ttl payload and what follows, as a form for %."""
    return b"*%d\r\n$7\r\nRESTORE\r\n" % (4 + len(tail)) + 3 * _BULK


def _tail_of(words: list[bytes]) -> bytes:
    return b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def temporary_name(key: bytes, run: bytes = b"") -> bytes:
    """A name in the slot of the key, the same whenever a run asks for it."""
    digest = blake2b(key, digest_size=16, key=run).hexdigest().encode()
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    tag = key[begin + 1 : end] if begin >= 0 and end > begin + 1 else key
    name = b"{%b}:rdbcodec:%b" % (tag, digest)
    number = 0
    while key_slot(name) != key_slot(key):  # a key with a brace but without a tag cannot be one
        name = b"rdbcodec:%b:%d" % (digest, number)
        number += 1
    return name


class Counter:
    """How many commands are in RESP that comes in pieces; `ends` are where they end in the last piece."""

    def __init__(self) -> None:
        self.commands = 0
        self._words = self._skip = 0

    def add(self, piece: bytes) -> list[int]:
        """One more piece; lines of lengths do not go from one piece into the next."""
        ends: list[int] = []
        pos, size = 0, len(piece)
        while pos < size:
            if self._skip:
                step = min(self._skip, size - pos)
                self._skip -= step
                pos += step
                if not self._skip:
                    self._words -= 1
                    if not self._words:
                        self.commands += 1
                        ends.append(pos)
                continue
            end = piece.index(b"\r\n", pos)
            number = int(piece[pos + 1 : end])
            pos = end + 2
            if self._words:
                self._skip = number + 2
            else:
                self._words = number
        return ends


def split(pieces: Iterable[bytes]) -> list[bytes]:
    """Pieces as whole commands, one by one."""
    data, counter = b"".join(pieces), Counter()
    starts = [0, *counter.add(data)]
    return [data[start:end] for start, end in pairwise(starts)]
