"""A server's snapshot key by key, where it gives no replication stream: SCAN, then DUMP of each key.

    SCAN 0 COUNT 500                        the keys, some twice, in no order
    MULTI                                   so that value, expiry and use are of one moment
      OBJECT IDLETIME k | OBJECT FREQ k     what a snapshot holds under an LRU or LFU policy; before DUMP,
                                            which counts as a use where the server knows no CLIENT NO-TOUCH
      PEXPIRETIME k                         servers before 7.0: TIME, PTTL k, TIME
      DUMP k                                last, as all else stands before the value in a snapshot
    EXEC

The rules this file keeps:

* A key that is there during the whole time is in the snapshot. One that changes meanwhile is there with one
  of its values, and the expiry of that value. There is no single moment in time: of two keys, the first may
  be older than a change that the second shows. A key that comes or goes meanwhile may be there or not.
* No key is written twice: SCAN gives some twice while a server's table grows or shrinks.
* What is under way at once is bounded: the server holds a few values, and we none that is large.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from rdbcodec.encoding import payloads
from rdbcodec.facts.slots import key_slot
from rdbcodec.formats import FIRST_VALKEY, Dialect
from rdbcodec.live.connect import Live, Node
from rdbcodec.live.errors import LiveError, live_error, of_refusal
from rdbcodec.live.identity import of_info
from rdbcodec.live.link import Link, Word
from rdbcodec.live.payloads import LARGE, Passed, Taking, checked
from rdbcodec.live.replies import Lent, Refused
from rdbcodec.live.seen import Seen
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.decoder import NEED_DATA
from rdbcodec.records import Entry, Function, Record, attributes, select_db
from rdbcodec.records.kinds import CODES
from rdbcodec.servers import DEFAULT_VERSION, Server
from rdbcodec.servers.names import version_key
from rdbcodec.wire import strings
from rdbcodec.writing.output import OutputLike
from rdbcodec.writing.writer import Writer

PAGE = 500  # keys asked for by one SCAN
MOST, IN_FLIGHT = 100, 4 << 20  # keys asked for in one go, and bytes of answers that are expected of them
TRIES = 20  # to see an expiry between two looks at a clock of milliseconds
_META_TYPE = CODES["key-meta"]
_LIBRARIES = "function libraries"
_INDEXES = "indexes of RediSearch: no command tells them as a snapshot holds them"
_GONE = -2  # what PTTL and PEXPIRETIME say of a key that is not there; of one that stays, -1


@dataclass
class Scanned:
    """What was met: keys, those that went before they were asked for, those SCAN gave again; what lacks."""

    keys: int = 0
    vanished: int = 0
    again: int = 0
    lacks: list[str] = field(default_factory=list)

    def not_comparable(self) -> frozenset[Literal["ttl", "functions", "modules"]]:
        """What a comparison with a snapshot must leave out, because no command told it."""
        if any(lack.startswith(_LIBRARIES) for lack in self.lacks):
            return frozenset({"modules", "functions"})
        return frozenset({"modules"})


class Scan:
    """One reading of all keys; `found` is its account."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.found = Scanned()
        self.bytes = 0  # of payloads
        self._server: Server | None = None
        self._decoder: Taking | None = None
        self._db: int | None = None
        self._use = _use_of(live.identity.policy)
        self._is_exact = version_key(live.identity.version or "") >= (7,)
        self._in_one_go = MOST
        self._words = self._asked(b"")  # as messages name them

    @property
    def server(self) -> Server:
        """What the snapshot is written for: what the payloads are of."""
        if self._server is None:
            known = self.live.identity.server
            self._server = Server(known.dialect, known.version) if known else Server("redis", DEFAULT_VERSION)
        return self._server

    def records(self, names: Collection[bytes] | None = None) -> Iterator[Record]:
        """Libraries, then every key, or those of these names: node by node and database by database."""
        nodes = self.live.primaries()
        if not {"search", "ft"}.isdisjoint(self.live.identity.modules):
            self.found.lacks.append(_INDEXES)
        with closing(Seen()) as seen:
            for number, node in enumerate(nodes):
                with self.live.link_to(node, db=0) as link:
                    link.calls([("CLIENT", "NO-TOUCH", "ON")])  # 7.2; others count our looks as uses
                    if not number:
                        yield from self._libraries(link)
                    for db in databases_of(link):
                        link.call("SELECT", db)
                        self._db = None
                        if names is None:
                            yield from self._database(link, db, seen)
                        else:
                            yield from self._named(link, db, _served(node, names))
        if self.live.primaries() != nodes:
            raise live_error(
                self.live.url, "slots moved from node to node while they were read: keys may lack"
            )

    def steps(
        self, output: OutputLike, *, names: Collection[bytes] | None = None, **file: Any
    ) -> Iterator[None]:
        """Write it all, with a stop behind each key; `file` is `compression` and `replace`."""
        records = self.records(names)
        first = next(records, None)  # it says what the snapshot is written as
        with Writer(output, self.server, verbatim=True, duplicates="allow", **file) as writer:
            for name, value in self._remarks():
                writer.write_aux(name, value)
            if first is not None:
                _write(writer, first)
                del first  # it may be large, and would be held to the end
                yield
            for record in records:
                _write(writer, record)
                del record  # or while the next comes
                yield

    def _remarks(self) -> Iterator[tuple[str, str | int]]:
        """What a server writes about itself and the moment."""
        identity = self.live.identity
        if identity.version and identity.product in ("Redis", "Valkey"):
            yield f"{identity.product.lower()}-ver", identity.version
        yield "ctime", int(time.time())

    # --- one database -------------------------------------------------------------------------------

    def _database(self, link: Link, db: int, seen: Seen) -> Iterator[Record]:
        cursor = b"0"
        while True:
            cursor, keys = link.call("SCAN", cursor, "COUNT", PAGE)
            fresh = seen.fresh(db, keys)
            self.found.again += len(keys) - len(fresh)
            yield from self._named(link, db, fresh)
            if cursor == b"0":
                return

    def _named(self, link: Link, db: int, names: Sequence[bytes]) -> Iterator[Record]:
        at = 0
        while at < len(names):
            now = names[at : at + self._in_one_go]
            at += len(now)
            yield from self._keys(link, db, now)

    def _keys(self, link: Link, db: int, keys: Sequence[bytes]) -> Iterator[Record]:
        """Ask for them in one go; how many the next time follows from how large these are."""
        link.send(chain.from_iterable(map(self._asked, keys)))
        size = 0
        again = []
        for key in keys:
            answer = self._answer(link)
            if answer is None:
                again.append(key)
                continue
            size += answer.size
            yield from self._of_key(db, key, answer)
        self.bytes += size
        self._in_one_go = max(1, min(MOST, IN_FLIGHT * len(keys) // max(size, 1)))
        for key in again:
            yield from self._of_key(db, key, self._insisted(link, key))

    def _asked(self, key: bytes) -> list[tuple[Word, ...]]:
        use = [("OBJECT", self._use, key)] if self._use else []
        expiry: list[tuple[Word, ...]] = [("PEXPIRETIME", key)]
        if not self._is_exact:
            expiry = [("TIME",), ("PTTL", key), ("TIME",)]
        return [("MULTI",), *use, *expiry, ("DUMP", key), ("EXEC",)]

    def _answer(self, link: Link) -> _Answer | None:
        """What is said of one key; None when its expiry must be asked for again."""
        replies = link.replies(self._words, lend=LARGE)
        refused = next((reply for reply in replies if isinstance(reply, LiveError)), None)
        if refused is not None:
            raise _moved(self.live.url) if refused.code in ("MOVED", "ASK", "TRYAGAIN") else refused
        answers = replies[-1]
        for answer in answers[1 if self._use else 0 :]:
            if isinstance(answer, Refused):
                raise of_refusal(link.url, *answer, "DUMP")
        use = answers.pop(0) if self._use else None
        found: Any = answers.pop()
        size = len(found) if found else 0
        payload = Passed(found) if isinstance(found, Lent) else found
        expiry = answers[0] if self._is_exact else _expiry_between(*answers)
        if expiry is None:
            if isinstance(payload, Passed):
                payload.drop()
            return None
        return _Answer(payload, size, expiry, use if isinstance(use, int) else None)

    def _insisted(self, link: Link, key: bytes) -> _Answer:
        for _ in range(TRIES):
            link.send(self._asked(key))
            answer = self._answer(link)
            if answer is not None:
                return answer
        raise live_error(
            link.url, f"its clock moves on between two commands, {TRIES} times one after another"
        )

    # --- records ------------------------------------------------------------------------------------

    def _of_key(self, db: int, key: bytes, answer: _Answer) -> Iterator[Record]:
        payload = answer.payload
        if payload is None or answer.expires_at_ms == _GONE:
            if isinstance(payload, Passed):
                payload.drop()
            self.found.vanished += 1
            return
        if isinstance(payload, Passed) and (self._decoder is None or payload.type == _META_TYPE):
            payload = payload.whole()  # what must be known before it stands at its end, or in its midst
        if isinstance(payload, Passed):
            yield from self._passing(db, key, answer, payload)
        else:
            self._begin(checked(payload))
            meta = b""
            if payload[:1] == _META_TYPE and self.server.dialect == "redis":
                meta = payloads.decode(payload).meta or b""
            value = memoryview(payload)[len(meta) : -payloads.FOOTER]
            yield from self._decoded(
                [self._record(db, key, answer, meta=meta, code=value[:1], value=value[1:])]
            )
        self.found.keys += 1

    def _passing(self, db: int, key: bytes, answer: _Answer, payload: Passed) -> Iterator[Record]:
        """A value that is not held: it goes into the snapshot while it comes, and is judged at its end."""
        assert self._decoder is not None  # or it would have been held
        self._decoder.rest = payload.value()
        yield from self._decoded([self._record(db, key, answer, meta=b"", code=payload.type, value=b"")])
        self._begin(payload.version())

    def _record(
        self,
        db: int,
        key: bytes,
        answer: _Answer,
        *,
        meta: bytes,
        code: bytes | memoryview,
        value: bytes | memoryview,
    ) -> bytes:
        """The key as a snapshot holds it: what is known of its value stands at the end."""
        before = b"" if db == self._db else select_db.encode(db)
        self._db = db
        name = strings.encode(key, compress=False)
        return b"".join((before, self._attributes(answer), meta, code, name, value))

    def _attributes(self, answer: _Answer) -> bytes:
        data = b""
        if answer.expires_at_ms >= 0:
            data = attributes.encode_expiry(answer.expires_at_ms, self.server, _never)
        if answer.use is None:
            return data
        is_freq = self._use == "FREQ"
        return data + (attributes.encode_freq(answer.use) if is_freq else attributes.encode_idle(answer.use))

    def _libraries(self, link: Link) -> Iterator[Record]:
        """Function libraries, since 7.0."""
        (payload,) = link.calls([("FUNCTION", "DUMP")])
        if isinstance(payload, LiveError):
            if payload.code == "NOPERM":
                self.found.lacks.append(f"{_LIBRARIES}: this user may not run FUNCTION DUMP")
            return
        self._begin(int.from_bytes(payload[-payloads.FOOTER : -8], "little"))
        yield from self._decoded([payload[: -payloads.FOOTER]])

    def _begin(self, version: int) -> None:
        """The header of what the decoder is given: every payload of a server says the same version."""
        if self._decoder is not None:
            if self.server.version != version:
                words = f"a payload of RDB version {version} follows one of {self.server.version}"
                raise live_error(self.live.url, f"{words}: was the server replaced meanwhile?")
            return
        known = self.live.identity.server
        dialect: Dialect = "valkey" if version >= FIRST_VALKEY else known.dialect if known else "redis"
        self._server = Server(dialect, version)
        self._decoder = Taking(dialect)
        magic = b"VALKEY%03d" % version if version >= FIRST_VALKEY else b"REDIS%04d" % version
        for _ in self._decoded([magic]):
            raise AssertionError  # a header is no record that is wanted

    def _decoded(self, data: list[bytes]) -> Iterator[Record]:
        """The records in it, whose bytes are held nowhere else meanwhile: it is taken out of the list."""
        assert self._decoder is not None  # _begin came first
        self._decoder.feed(data.pop())
        while (record := self._decoder.next_record()) is not NEED_DATA:
            if isinstance(record, Entry | Function):
                yield record


def _write(writer: Writer, record: Record) -> None:
    if isinstance(record, Entry):
        writer.write_entry(record)
    else:
        writer.write_record(record)


class _Answer(NamedTuple):
    """Of one key: its payload, None when it is gone; -1 for no expiry; seconds idle or how often used."""

    payload: bytes | Passed | None
    size: int
    expires_at_ms: int
    use: int | None


def _use_of(policy: str | None) -> str | None:
    """What a server's own snapshot holds of the use of keys."""
    if policy is None:
        return None
    return "IDLETIME" if policy.endswith("-lru") else "FREQ" if policy.endswith("-lfu") else None


def _expiry_between(before: Sequence[bytes], ttl: int, after: Sequence[bytes]) -> int | None:
    """When a key expires, from its time to live: None unless it was told within one millisecond."""
    first, last = (int(seconds) * 1000 + int(micros) // 1000 for seconds, micros in (before, after))
    if ttl < 0:
        return ttl
    return first + ttl if first == last else None


def _served(node: Node, names: Collection[bytes]) -> Sequence[bytes]:
    """Those whose slot a node serves."""
    if node.host is None:
        return [*names]
    return [name for name in names if any(first <= key_slot(name) <= last for first, last in node.slots)]


def databases_of(link: Link) -> list[int]:
    """Those with keys, as the node itself says; else as many as it lets us select."""
    (text,) = link.calls([("INFO", "keyspace")])
    found = None if isinstance(text, LiveError) else of_info(text).databases
    if found is not None:
        return sorted(found)
    db = 0
    while not isinstance(refused := link.calls([("SELECT", db)])[0], LiveError):
        db += 1
    if not db or refused.code == "NOPERM":  # it is not known which there are: that is not none
        raise refused
    return [*range(db)]


def _moved(url: str) -> LiveError:
    return live_error(url, "slots move from node to node now: read the cluster when they have moved")


def _never(kind: str) -> None:
    raise AssertionError(kind)  # servers with DUMP have expiries in milliseconds
