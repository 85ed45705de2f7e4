"""One reading of a snapshot, to all a report on it shows: its facts, totals, prefixes and largest keys.

    with rdbcodec.open("dump.rdb", max_value=COUNTED_VALUE) as reader:
        found = overview(reader, "dump.rdb", now_ms=now_ms)
    found.prefixes.close(), found.expiring.close()

What stands before damage is told too, and `damage` of the profile says what ended the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rdbcodec.errors import DecodeError, LimitExceeded
from rdbcodec.facts.cliffs import CliffPass, Expiring
from rdbcodec.facts.composite import Composite, look
from rdbcodec.facts.largest import KeySize, TopPass
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.entries import Together
from rdbcodec.facts.passes import Pass, Progress, all_or_none, feed
from rdbcodec.facts.prefixes import Prefixes, PrefixPass
from rdbcodec.facts.profile import Profile, ProfilePass, cut_short
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.usage import ASPECTS, Stat, StatPass
from rdbcodec.reading.reader import Reader
from rdbcodec.records import Header, LargeEntry
from rdbcodec.servers import Server

KEYS = 200  # largest keys that are told
DEPTH = 6  # parts of a name that are told apart
_BY = tuple(aspect for aspect in ASPECTS if aspect != "prefix")  # those have a pass of their own


@dataclass(slots=True)
class Overview:
    """What is told of a file. Keys that have expired are among the largest, but not in the totals.

    `prefixes` and `expiring` have files of their own, which whoever asked for them closes; so does merging.
    """

    name: str
    profile: Profile
    stat: Stat
    keys: list[KeySize]
    prefixes: Prefixes
    expiring: Expiring

    @property
    def damage(self) -> DecodeError | None:
        """What ended the reading."""
        return self.profile.damage


class OverviewPass(Composite[tuple[Profile, list[Any]]]):
    """The profile of a snapshot and what is told of its keys."""

    looks_at_large = True

    def __init__(self, facts: Pass[Any], keys: Pass[Any]) -> None:
        self._facts, self._keys = facts, keys
        self.needs_same_hashes = facts.needs_same_hashes
        self._parts = facts, keys
        self.has_begun = False

    def begin(self, header: Header) -> None:
        """Both begin."""
        self.has_begun = True
        super().begin(header)

    def large(self, entry: LargeEntry) -> None:
        """It is kept when both look at it: it passes by once."""
        look([part for part in self._parts if part.looks_at_large], entry)

    def fork(self) -> OverviewPass | None:
        """The forks of both."""
        forks = all_or_none(part.fork() for part in self._parts)
        return None if forks is None else OverviewPass(*forks)

    def end(self) -> tuple[Profile, list[Any]]:
        """The results of both."""
        return self._facts.end(), self._keys.end()


def overview(
    reader: Reader,
    name: str,
    *,
    now_ms: int,
    server: Server | None = None,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    most: int = KEYS,
    judged: bool = False,
    reopen: Callable[[], Reader] | None = None,
    progress: Progress | None = None,
) -> Overview:
    """What there is to tell of a snapshot, of a damaged one of what stands before the damage.

    With `judged` the profile is one that verdicts need: values are looked at, keys compared, for which
    `reopen` gives a second reader. `selection` is of the keys that are told, the profile is of all. Raises
    what opening and reading raise when there is nothing before the damage, and LimitExceeded.
    """
    parts = (
        *(StatPass(now_ms=now_ms, by=_BY), TopPass(wanted=most)),
        *(PrefixPass(now_ms=now_ms, depth=DEPTH), CliffPass(now_ms=now_ms)),
    )
    keys = Together(parts, server, allocator=allocator, selection=selection)
    facts = ProfilePass(
        now_ms=now_ms,
        biggest=0,
        duplicates=judged,
        values=judged,
        memory=judged,
        reopen=reopen,
    )
    each = OverviewPass(facts, keys)
    try:
        damage = _feed(reader, each, progress)
        profile, (stat, largest, prefixes, expiring) = each.end()
    finally:
        each.close()
    if damage is not None:
        cut_short(profile, reader, damage)
    return Overview(name, profile, stat, largest, prefixes, expiring)


def _feed(reader: Reader, each: OverviewPass, progress: Progress | None) -> DecodeError | None:
    """Read all; what ended the reading, if it is not the end of the file."""
    try:
        feed(reader, [each], progress=progress, also_damaged=True)
    except DecodeError as error:
        if not each.has_begun or isinstance(error, LimitExceeded):
            raise
        return error
    return None
