"""Whether a snapshot can be restored into a server: what `compat` says of one of its release.

What stands in the way of a file only (its version, its layouts, its wrapping) is no matter: keys go one by
one, laid out anew where they must be. So "after conversion" is a yes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import Target, find
from rdbcodec.compat.verdict import Verdict, check
from rdbcodec.errors import ModuleNameError, TargetError
from rdbcodec.facts.profile import Profile
from rdbcodec.live.connect import Live
from rdbcodec.live.errors import LiveError
from rdbcodec.live.restore_terms import configured
from rdbcodec.module_names import modules_named
from rdbcodec.named_tuples import NamedTuple


class Memory(NamedTuple):
    """Of all primaries: what maxmemory allows, and what is used of it."""

    most: int
    used: int

    @property
    def free(self) -> int:
        """What is left."""
        return max(self.most - self.used, 0)


def target_of(live: Live) -> Target | None:
    """The target that a server is; None where none is known."""
    version = (live.identity.version or "").split(".")[:2]
    try:
        return find(f"{live.identity.product.lower()}-{'.'.join(version)}")
    except TargetError:
        return None


def memory_of(live: Live) -> Memory | None:
    """None when there is no limit, or nobody may ask for it."""
    most = used = 0
    for node in live.primaries():
        with live.link_to(node) as link:
            own = configured(link, "maxmemory")
            if not own:
                return None
            try:
                told = link.call("INFO", "memory")
            except LiveError as error:
                if error.code is None:
                    raise
                return None
            most, used = most + own, used + _used(told)
    return Memory(most, used)


def _used(info: bytes) -> int:
    lines = dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)
    return int(lines.get(b"used_memory", b"0"))


def judge(profiles: Sequence[Profile], live: Live, target: Target, memory: Memory | None) -> list[Verdict]:
    """A verdict for each snapshot, all of which are to be there together."""
    told = Circumstances(
        memory_bytes=None if memory is None else memory.free,
        eviction_policy=live.identity.policy,
        modules=_known_modules(live.identity.modules),
        clustered=live.is_cluster,
        target_exists=True,
    )
    return [check(profile, target, told, files=profiles) for profile in profiles]


def _known_modules(names: Sequence[str]) -> tuple[str, ...]:
    """Those that rules can be asked about."""
    known = []
    for name in names:
        try:
            modules_named([name])
        except ModuleNameError:
            continue
        known.append(name)
    return tuple(known)


def databases_beyond(profile: Profile, map_db: Mapping[int, int]) -> list[int]:
    """Those whose keys would not be in database 0."""
    return sorted(db for db, fact in profile.databases.items() if fact.keys and map_db.get(db, db))
