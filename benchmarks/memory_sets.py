"""The data sets by which the memory model is judged: of no shape or size that it was made of.

Each is a function that makes the key number `at`, from a seed; all of a set are alike, few are large.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from typing import Any

from rdbcodec import Hash, Stream, StreamEntry, StreamId, ZSet
from rdbcodec.datatypes.streams import Consumer, Group, Pending

DAY_MS = 86400 * 1000
WORDS = (
    "amber",
    "brook",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
    "kestrel",
)

Pair = tuple[bytes, Any, int | None]  # key, value, expiry


class Data:
    """Keys and values of a seed, with an idea of how large they are."""

    def __init__(self, seed: str, now_ms: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = now_ms

    def size(self, least: int, most: int) -> int:
        """Few are large: each power of two is as frequent as the next."""
        ratio: float = (most / least) ** self.random.random()
        return min(most, round(least * ratio))

    def words(self, size: int) -> bytes:
        """Text that LZF packs well."""
        chosen = " ".join(self.random.choices(WORDS, k=size // 6 + 1))
        return chosen.encode()[:size].ljust(size, b".")

    def text(self, least: int, most: int) -> bytes:
        """Words, or bytes that nothing packs."""
        size = self.random.randint(least, most)
        return self.words(size) if self.random.random() < 0.6 else self.random.randbytes(size)

    def uuid(self) -> bytes:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4)).encode()

    def expiry(self, share: float) -> int | None:
        """So many of the keys expire, all of them long after this run."""
        later = self.random.randint(30 * DAY_MS, 90 * DAY_MS)
        return self.now_ms + later if self.random.random() < share else None


def sessions(data: Data, at: int) -> Pair:
    user = {"id": at, "roles": data.random.sample(WORDS, 3), "csrf": data.uuid().decode()}
    user["note"] = data.words(data.size(1, 900)).decode()
    return b"session:" + data.uuid(), json.dumps(user).encode(), data.expiry(0.95)


def pages(data: Data, at: int) -> Pair:
    path = b"/".join(data.words(data.random.randint(3, 12)) for _ in range(data.random.randint(2, 14)))
    return b"page:%d:/%b" % (at, path), data.text(1, data.size(2000, 200_000)), data.expiry(0.6)


def rates(data: Data, at: int) -> Pair:
    """Small numbers, which servers share, larger ones, and some that are none."""
    value = data.random.choice(
        (b"%d" % (at % 9000), b"-%d" % at, b"%d" % data.size(10**4, 10**18), b"%.3f" % at)
    )
    return b"rate:%d.%d.%d.%d:%d" % (*data.random.randbytes(4), at), value, data.expiry(0.7)


def profiles(data: Data, at: int) -> Pair:
    names = [b"%b_%d" % (data.random.choice(WORDS).encode(), n) for n in range(data.random.randint(3, 60))]
    longest = data.random.choice((20, 60, 120))  # of the last some are longer than a listpack takes
    fields = {
        name: b"%d" % data.size(1, 10**8) if n % 3 else data.text(0, longest) for n, name in enumerate(names)
    }
    return b"profile:{%d}" % at, Hash(fields), data.expiry(0.05)


def catalogs(data: Data, at: int) -> Pair:
    longest = data.size(10, 300)
    fields = {
        b"sku-%09d" % data.random.randrange(10**9): data.text(5, longest)
        for _ in range(data.size(600, 60_000))
    }
    return b"catalog:%d" % at, Hash(fields), None


def followers(data: Data, at: int) -> Pair:
    count, kind = data.size(1, 30_000), at % 4
    if kind == 0:
        return b"followers:%d" % at, {b"%d" % data.random.getrandbits(40) for _ in range(count)}, None
    if kind == 1:
        return b"likes:%d" % at, {data.uuid() for _ in range(min(count, 4000))}, None
    return (
        b"topics:%d" % at,
        {b"#" + data.words(1 + n % 50) + b"%d" % n for n in range(min(count, 900))},
        data.expiry(0.5),
    )


def boards(data: Data, at: int) -> Pair:
    whole, longest = at % 2, data.random.choice((0, 12, 90))
    members = {
        b"u:%d:%b" % (n, data.words(data.random.randint(0, longest))): float(
            data.random.randrange(10**6) if whole else data.random.gauss(0, 1e5)
        )
        for n in range(data.size(1, 20_000))
    }
    return b"board:%d" % at, ZSet(members), data.expiry(0.3)


def queues(data: Data, at: int) -> Pair:
    """Jobs, and now and then one that is too large for a node of others."""
    longest = data.size(20, 400)
    jobs = [b"%d" % n if n % 9 == 0 else data.text(10, longest) for n in range(data.size(1, 12_000))]
    if at % 5 == 0:
        jobs[data.random.randrange(len(jobs))] = data.text(9000, 40_000)
    return b"queue:%d" % at, jobs, None


def logs(data: Data, at: int) -> Pair:
    """Entries of one millisecond, of each, or few a minute; of the same fields, or not."""
    step, ms, seq = (
        data.random.choice((0, 1, 40, 20_000)),
        data.now_ms - data.random.randrange(300 * DAY_MS),
        0,
    )
    longest, groups = data.size(5, 200), data.random.randrange(6)
    entries = []
    for n in range(data.size(1, 8000)):
        more = data.random.randint(0, step)
        ms, seq = ms + more, 0 if more else seq + 1
        fields = [(b"level", b"info"), (b"at", b"%d" % n), (b"text", data.text(0, longest))]
        entries.append(
            StreamEntry(StreamId(ms, seq), fields if n % 7 or at % 2 else [*fields, (b"x%d" % n, b"")])
        )
    stream = Stream(2, entries, len(entries), entries[-1].id)
    stream.first_id, stream.max_deleted_id, stream.entries_added = entries[0].id, StreamId(0, 0), len(entries)
    stream.groups = [_group(data, entries, b"%b-%d" % (data.words(3 + 9 * n), n)) for n in range(groups)]
    return b"log:%d" % at, stream, None


def _group(data: Data, entries: list[StreamEntry], name: bytes) -> Group:
    group = Group(name, entries[-1].id, len(entries))
    group.consumers = [
        Consumer(b"host-%d.%b" % (n, data.words(n)), data.now_ms) for n in range(data.random.randint(1, 9))
    ]
    share = data.random.choice((0, 0.02, 0.3, 1))
    for entry in entries:
        if data.random.random() < share:
            owner = data.random.choice(group.consumers)
            group.pending[entry.id] = Pending(entry.id, data.now_ms, 1, owner.name)
            owner.pending.append(entry.id)
    return group


def carts(data: Data, at: int) -> Pair:
    """Fields that expire: at once, one a second, within an hour, within months; all or some of them."""
    count = data.size(600, 6000) if at % 8 == 0 else data.size(1, 300)
    longest, spread = data.size(3, 150), data.random.choice((1, 1000, 3_600_000, 90 * DAY_MS))
    share, start = data.random.choice((0.2, 1, 1)), data.now_ms + 100 * DAY_MS
    fields = Hash({b"item:%d" % (n * 17): data.text(1, longest) for n in range(count)})
    fields.expires_at_ms = {
        field: start + data.random.randrange(spread) for field in fields if data.random.random() < share
    }
    return b"cart:" + data.uuid(), fields, data.expiry(0.2)


def shop(data: Data, at: int) -> Pair:
    """Some of all, in several databases; most are small."""
    often = (sessions, rates, rates, profiles, sessions)
    rare = (pages, followers, boards, queues, logs, catalogs)
    return data.random.choice(often if data.random.random() < 0.995 else rare)(data, at)


SETS: dict[str, Callable[[Data, int], Pair]] = {
    "sessions": sessions,
    "pages": pages,
    "rates": rates,
    "profiles": profiles,
    "catalogs": catalogs,
    "followers": followers,
    "boards": boards,
    "queues": queues,
    "logs": logs,
    "carts": carts,
    "shop": shop,
}
LOOSE = ("logs", "carts")  # streams, and expiries of fields
DATABASES = ("rates", "shop")  # with keys in several databases
_FIELD_TTLS = ("redis-7.4", "redis-8.2", "redis-8.10", "valkey-9.1")


def loads(server: str, name: str) -> bool:
    """Whether a server has what the set is made of: fields that expire are not in all."""
    return name != "carts" or server in _FIELD_TTLS
