"""What is in a snapshot: facts, without a judgement.

    >>> from rdbcodec import facts
    >>> profile = facts.profile_of("fixtures/snapshots/redis-7.2.6-types.rdb")
    >>> profile.keys, profile.producer
    (94, 'Redis 7.2.6')

Profiles of several files become one; each file's keys are counted, also those another file has.

    >>> older = facts.profile_of("fixtures/snapshots/redis-6.2.16-types.rdb")
    >>> total = facts.total_of({"new.rdb": profile, "old.rdb": older})
    >>> total.facts.keys, dict(total.headers)
    (188, {(b'REDIS0011', 11): 1, (b'REDIS0009', 9): 1})

A `Pass` counts or looks for something while a snapshot is read once; `run` reads it for several of them. The
passes of this package stand in files of their own, by what they count.

    >>> import rdbcodec
    >>> class Names(facts.Pass[int]):
    ...     size = 0
    ...     def batch(self, batch):
    ...         self.size += sum(len(entry.key) for entry in batch.entries)
    ...     def end(self):
    ...         return self.size
    >>> with rdbcodec.open("fixtures/snapshots/redis-7.2.6-types.rdb") as snapshot:
    ...     facts.run(snapshot, [Names(), facts.ProfilePass(now_ms=0)])[0]
    33796
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as in rdbcodec/__init__.py
if TYPE_CHECKING:
    from rdbcodec.facts.amounts import Usage
    from rdbcodec.facts.largest import KeySize, top
    from rdbcodec.facts.passes import Batch, Pass, run
    from rdbcodec.facts.prefixes import Prefixes
    from rdbcodec.facts.profile import Profile, ProfilePass, profile_of
    from rdbcodec.facts.total import Total, total_of
    from rdbcodec.facts.ttls import Ttls, ttl
    from rdbcodec.facts.usage import Stat, stat

_HOME_OF = {
    "Batch": "rdbcodec.facts.passes",
    "KeySize": "rdbcodec.facts.largest",
    "Pass": "rdbcodec.facts.passes",
    "Prefixes": "rdbcodec.facts.prefixes",
    "Profile": "rdbcodec.facts.profile",
    "ProfilePass": "rdbcodec.facts.profile",
    "Total": "rdbcodec.facts.total",
    "Ttls": "rdbcodec.facts.ttls",
    "Stat": "rdbcodec.facts.usage",
    "Usage": "rdbcodec.facts.amounts",
    "profile_of": "rdbcodec.facts.profile",
    "run": "rdbcodec.facts.passes",
    "stat": "rdbcodec.facts.usage",
    "top": "rdbcodec.facts.largest",
    "total_of": "rdbcodec.facts.total",
    "ttl": "rdbcodec.facts.ttls",
}

if not TYPE_CHECKING:  # else every name there is not would be right to type checkers

    def __getattr__(name: str) -> object:
        """A public name, found when it is first used: who selects keys needs none of the passes."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Batch",
    "KeySize",
    "Pass",
    "Prefixes",
    "Profile",
    "ProfilePass",
    "Stat",
    "Total",
    "Ttls",
    "Usage",
    "profile_of",
    "run",
    "stat",
    "top",
    "total_of",
    "ttl",
]
