"""How keys are restored: what is asked for, how fast, and what the server allows."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rdbcodec.exports.scalars import json_bytes
from rdbcodec.live.errors import LiveError, live_error
from rdbcodec.live.restore_ways import MAX_BULK, OnConflict
from rdbcodec.servers import Server

if TYPE_CHECKING:
    from rdbcodec.facts.selection import Selection
    from rdbcodec.live.connect import Live
    from rdbcodec.live.link import Link

_ROOM = 1 << 20  # of a client's buffer, for what stands beside the word
_TURNS = 10  # batches a second where a rate is given: it is kept from moment to moment


@dataclass(slots=True)
class Terms:
    """How keys are restored.

    `on_conflict` says what becomes of a key that the server has already: the restore ends ("fail"), the
    server's stays ("skip") or is replaced. `map_db` puts databases into others. `selection` chooses keys.
    `by_commands` sends no RESTORE. `keep_expired` restores keys that have no time left, to last.
    `keys_per_second` and `bytes_per_second` (of commands) are not exceeded. `fail_fast` ends at the first key
    that fails. `patience` is how many seconds a server that loads, or is not reached, is waited for. `to` is
    the release it is like, for one that does not say. `now_ms` judges expiry; the clock does unless given.
    `name` is how a key is told in the file of failures, `words` are the filters, which a state remembers.
    """

    on_conflict: OnConflict = "fail"
    map_db: Mapping[int, int] = field(default_factory=dict)
    selection: Selection | None = None
    by_commands: bool = False
    keep_expired: bool = False
    keys_per_second: float | None = None
    bytes_per_second: float | None = None
    fail_fast: bool = False
    patience: float = 60.0
    to: str | Server | None = None
    now_ms: int | None = None
    name: Callable[[bytes], Any] = json_bytes
    words: str = ""

    def told(self) -> dict[str, Any]:
        """What a run that goes on must have in common with the one before."""
        return {"map_db": {str(db): to for db, to in sorted(self.map_db.items())}, "filters": self.words}


class Pace:
    """So many keys and bytes a second, and not more."""

    def __init__(self, keys: float | None, size: float | None) -> None:
        self._rates = (keys, size)
        self._begun: float | None = None
        self._done = (0, 0)

    def most(self, keys: int, size: int) -> tuple[int, int]:
        """Keys and bytes in a batch."""
        most_keys, most_size = (
            most if rate is None else max(1, min(most, int(rate / _TURNS)))
            for most, rate in zip((keys, size), self._rates, strict=True)
        )
        return most_keys, most_size

    def wait(self, keys: int, size: int) -> None:
        """Until so many more may have been sent."""
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        self._done = (self._done[0] + keys, self._done[1] + size)
        due = max(
            (done / rate for done, rate in zip(self._done, self._rates, strict=True) if rate), default=0.0
        )
        if self._begun + due > now:
            time.sleep(self._begun + due - now)


def server_of(live: Live, to: str | Server | None = None) -> Server:
    """What payloads are made for. LiveError for a server of which nobody knows what it reads."""
    if to is not None:
        return Server.of(to, clustered=live.is_cluster)
    if live.identity.server is None:
        words = f"nobody knows what {live.identity} reads: name the release it is like (--to redis-7.2)"
        raise live_error(live.url, words, errno.ENOSYS)
    return live.identity.server


def most_bulk(live: Live) -> int:
    """How long one word of a command may be."""
    asked = [configured(live.link, name) for name in ("proto-max-bulk-len", "client-query-buffer-limit")]
    word, buffer = asked
    most = word or MAX_BULK
    return most if not buffer else min(most, max(buffer - _ROOM, _ROOM))


def configured(link: Link, name: str) -> int | None:
    """A number of the configuration; None where nobody may ask, or there is none."""
    try:
        told = link.call("CONFIG", "GET", name)
    except LiveError as error:
        if error.code is None:
            raise
        return None
    return int(told[1]) if told and bytes(told[1]).isdigit() else None
