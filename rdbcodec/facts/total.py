"""Several files in one report: their profiles become one, and what only a single file has is counted.

    total_of({path: profile_of(path) for path in paths}), or Total() and `add` for one after the other

Keys are compared within each file; a key that several files have is counted in each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rdbcodec.facts.biggest import BIGGEST, BigKey
from rdbcodec.facts.named import Named, made
from rdbcodec.facts.profile import Profile


class Total(Named):
    """What several files hold together: `facts`, None while there is none.

    Of what belongs to one file, the headers (magic and version), producers, containers and checksums are
    counted; `biggest` names the file with each key.
    """

    names: list[str] = made(factory=list)
    facts: Profile | None = None
    headers: Counter[tuple[bytes, int]] = made(factory=Counter)
    producers: Counter[str | None] = made(factory=Counter)
    containers: Counter[tuple[str, ...]] = made(factory=Counter)
    checksums: Counter[str] = made(factory=Counter)
    biggest: list[tuple[BigKey, str]] = made(factory=list)

    def add(self, name: str, facts: Profile) -> None:
        """One more file."""
        self.names.append(name)
        self.headers[facts.magic, facts.version] += 1
        self.producers[facts.producer] += 1
        self.containers[facts.containers] += 1
        self.checksums[facts.checksum] += 1
        self.biggest += [(big, name) for big in facts.biggest]
        self.facts = facts if self.facts is None else self.facts.merge(facts)
        self._cut(self.facts.biggest.wanted)

    def _cut(self, wanted: int) -> None:
        """The biggest first; of equal ones that of the first file."""
        self.biggest.sort(key=lambda pair: -pair[0].size)
        del self.biggest[wanted:]

    def merge(self, other: Total) -> Total:
        """The files of both."""
        merged = Total(
            self.names + other.names,
            other.facts if self.facts is None else self.facts,
            self.headers + other.headers,
            self.producers + other.producers,
            self.containers + other.containers,
            self.checksums + other.checksums,
            self.biggest + other.biggest,
        )
        if self.facts is not None and other.facts is not None:
            merged.facts = self.facts.merge(other.facts)
        merged._cut(BIGGEST if merged.facts is None else merged.facts.biggest.wanted)
        return merged


def total_of(profiles: Mapping[str, Profile]) -> Total:
    """The profiles of several files, by their names, as one."""
    found = Total()
    for name, facts in profiles.items():
        found.add(name, facts)
    return found
