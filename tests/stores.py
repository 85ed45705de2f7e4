"""A scripted server that has keys: it answers SCAN, and in a transaction DUMP and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scripted import Answer, Scripted, bulk, info

from rdbcodec.encoding import payloads

VERSION = 11


def array(*items: bytes) -> bytes:
    return b"*%d\r\n%s" % (len(items), b"".join(items))


class Store(Scripted):
    """Keys of one database with a value and an expiry; `pages` are what SCAN gives, one after another.

    `gone` keys are those SCAN gives and DUMP does not find.
    """

    def __init__(
        self,
        keys: Mapping[bytes, tuple[object, int]],
        pages: Sequence[Sequence[bytes]] | None = None,
        answers: Mapping[str, Answer] | None = None,
        *,
        lines: Sequence[str] = (),
    ) -> None:
        self._keys = keys
        self._pages = [list(keys)] if pages is None else pages
        self._queued: list[list[bytes]] | None = None
        lines = (*lines, "# Keyspace", f"db0:keys={len(keys)},expires=0,avg_ttl=0")
        known: dict[str, Answer] = {
            "INFO": info(*lines),
            "SCAN": self._scan,
            "MULTI": self._multi,
            "EXEC": self._exec,
            "DUMP": self._queue,
            "PEXPIRETIME": self._queue,
            "PTTL": self._queue,
            "TIME": self._queue,
            "OBJECT": self._queue,
        }
        super().__init__({**known, **(answers or {})})

    def _scan(self, words: list[bytes]) -> bytes:
        at = int(words[1])
        cursor = b"%d" % (at + 1 if at + 1 < len(self._pages) else 0)
        return array(bulk(cursor), array(*map(bulk, self._pages[at])))

    def _multi(self, words: list[bytes]) -> bytes:
        del words
        self._queued = []
        return b"+OK\r\n"

    def _queue(self, words: list[bytes]) -> bytes:
        assert self._queued is not None
        self._queued.append(words)
        return b"+QUEUED\r\n"

    def _exec(self, words: list[bytes]) -> bytes:
        del words
        assert self._queued is not None
        return array(*map(self._of, self._queued))

    def _of(self, words: list[bytes]) -> bytes:
        name, key = words[0], words[-1]
        value, expires = self._keys.get(key, (None, -2))
        if name == b"DUMP":
            return b"$-1\r\n" if value is None else bulk(payloads.encode(value, version=VERSION))
        if name == b"TIME":
            return array(bulk(b"1700000000"), bulk(b"123456"))
        if name == b"PTTL":
            return b":%d\r\n" % (expires if expires < 0 else expires - 1700000000123)
        return b":%d\r\n" % (7 if name == b"OBJECT" else expires)
