"""Will a snapshot load there? Judged from the file alone: no server is asked, nothing leaves the machine.

    >>> from rdbcodec import compat
    >>> verdict = compat.check("fixtures/snapshots/redis-7.4.1-hfe.rdb", "redis-7.0")
    >>> verdict.loads
    'no'
    >>> for finding in verdict.findings[:1]:
    ...     print(f"{finding.severity}: {finding.says}; {finding.id}, {finding.confidence}")
    blocker: the file is RDB 12; Redis 7.0 reads REDIS up to 10; G-VERSION, verified

`targets()` are the places known, by their names; a `Profile` is what a file says of itself, which may be
taken where the file is and judged elsewhere; `Circumstances` are what the file cannot tell.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as in rdbcodec/__init__.py
if TYPE_CHECKING:
    from rdbcodec.compat.circumstances import Circumstances
    from rdbcodec.compat.target import Target, find, targets
    from rdbcodec.compat.verdict import Verdict, check
    from rdbcodec.facts.profile import Profile

_HOME_OF = {
    "Circumstances": "rdbcodec.compat.circumstances",
    "Profile": "rdbcodec.facts.profile",
    "Target": "rdbcodec.compat.target",
    "Verdict": "rdbcodec.compat.verdict",
    "check": "rdbcodec.compat.verdict",
    "find": "rdbcodec.compat.target",
    "targets": "rdbcodec.compat.target",
}

if not TYPE_CHECKING:  # else every name there is not would be right to type checkers

    def __getattr__(name: str) -> object:
        """A public name, found when it is first used: commands that judge nothing need none of the rules."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = ["Circumstances", "Profile", "Target", "Verdict", "check", "find", "targets"]
