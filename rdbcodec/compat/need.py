"""How much memory the data will need in a target: what is certain, and a bound that is never too small.

    counted     the model of `facts.memory`, where the profile was taken with it: known to some percent
    used        what the writer used, as its file says; another engine needs more or less of it
    on disk     nothing but the size: LZF and small elements may be many times as large in memory

All files of one import are in the target together, so that their needs are added up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from rdbcodec.compat.rule import Case
from rdbcodec.compat.target import Target
from rdbcodec.errors import EncodeError
from rdbcodec.facts.memory.allocators import ALLOCATORS
from rdbcodec.facts.memory.estimates import estimate
from rdbcodec.facts.profile import Profile
from rdbcodec.formats import FIRST_VALKEY
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.showing import size

Engine = Literal["classic", "redis-8", "valkey"]
Share = tuple[float, float]

_EMPTY = 3 << 19  # bytes: what a server uses that holds nothing, at most
_KEY, _ON_DISK = 512, 96  # bytes of a key at most, and of each byte on disk: LZF packs 264 bytes into three
_DOUBTED = 1 << 30  # bytes above which a writer that used twice of what its keys need is believed
_FIRST_OF_8 = 13  # RDB versions from here on are of Redis 8 alone

# Of what one engine used, another needs from this to this share; measured from 0.61 (integers, 7.4 to
# Valkey 9) to 1.62 (the way back), the same engine within 7%.
_SAME: Share = (0.93, 1.07)
_SHARES: dict[tuple[Engine, Engine], Share] = {
    ("classic", "redis-8"): (0.6, 1.07),
    ("classic", "valkey"): (0.55, 1.07),
    ("redis-8", "classic"): (0.93, 1.4),
    ("redis-8", "valkey"): (0.8, 1.07),
    ("valkey", "classic"): (0.93, 1.65),
    ("valkey", "redis-8"): (0.93, 1.4),
}


class Need(NamedTuple):
    """Bytes that the data needs: certainly, and at most."""

    at_least: int
    at_most: int

    @property
    def words(self) -> str:
        """For a person: "9.5 to 9.7 GiB"."""
        low, high = size(self.at_least), size(self.at_most)
        if low == high:
            return low
        same = low.rpartition(" ")[2] == high.rpartition(" ")[2]
        return f"{low.rpartition(' ')[0] if same else low} to {high}"

    def fits(self, room: float) -> bool | None:
        """Whether it fits; None where that hangs on what is not known."""
        if self.at_most <= room:
            return True
        return False if self.at_least > room else None


def need_of(case: Case) -> Need:
    """What all files of the import need together."""
    needs = [_of_file(profile, case.target) for profile in (case.profile, *case.others)]
    return _sum(needs)


def _sum(needs: Iterable[Need]) -> Need:
    low, high = zip(*needs, strict=True)
    return Need(sum(low), sum(high))


def _of_file(profile: Profile, target: Target) -> Need:
    counted, used = _counted(profile, target), _used(profile, target)
    if counted is None:
        return used or _on_disk(profile)
    # Buffers of clients are among what was used; a multiple of the keys is something nobody counted.
    doubted = used is not None and used.at_least > max(2 * counted.at_most, _DOUBTED)
    return used if used is not None and doubted else counted


def _counted(profile: Profile, target: Target) -> Need | None:
    """With any allocator: which one a place was built with its vendor does not say, and it is up to 11%."""
    if profile.memory is None:
        return None
    try:
        server = Server.of(target.reads_like or target.id)
    except EncodeError:  # nobody says what it is like
        return None
    found = [estimate(profile.memory, server, allocator=name) for name in ALLOCATORS]
    least, most = min(one.at_least for one in found), max(one.at_most for one in found)
    return Need(least, most + _EMPTY)


def _used(profile: Profile, target: Target) -> Need | None:
    used = profile.used_memory
    if used is None:
        return None
    writer, reader = _writer(profile), _engine(target.reads_like)
    low, high = _SAME if writer == reader else _SHARES[writer, reader]
    return Need(math.floor(used * low), math.ceil(used * high))


def _on_disk(profile: Profile) -> Need:
    bytes_ = sum(kind.size for kind in profile.kinds.values())
    return Need(profile.memory_at_least, _ON_DISK * bytes_ + _KEY * profile.keys + _EMPTY)


def _writer(profile: Profile) -> Engine:
    """The engine that wrote a file: its own word, else what numbers only it writes."""
    words = (profile.producer or "").lower().split()
    if len(words) == 2 and words[0] in ("redis", "valkey"):
        return _engine("-".join(words))
    if profile.version >= FIRST_VALKEY:
        return "valkey"
    return "redis-8" if profile.version >= _FIRST_OF_8 else "classic"


def _engine(release: str | None) -> Engine:
    product, _, version = (release or "").partition("-")
    first = version.partition(".")[0]
    major = int(first) if first.isdecimal() else 0
    if product == "valkey" and major >= 8:
        return "valkey"
    return "redis-8" if product == "redis" and major >= 8 else "classic"
