"""Names of targets: a family for its newest member, and what was meant by a name that is none.

    amr-balanced      a family: its members are named so, with a version behind
    amr, premium      other names of families, as `known/names.json` has them
    amr-balanced-7.4  a member

People misspell a product less often than they give its parts another order or leave some out, so names are
compared by words; letters decide only for a word that is none.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from rdbcodec.named_tuples import NamedTuple

# What a family's name means is the best of its members: one that can be had, and stays.
_STATUSES = ("live", "retiring", "preview", "retired")
_MOST = 5


class Member(NamedTuple):
    """What names need to know of a target: `words` are all that people call it by."""

    id: str
    version: str | None
    status: str
    words: frozenset[str]

    @property
    def family(self) -> str:
        """Its id without the version."""
        return self.id.removesuffix(f"-{self.version}")


def words_of(*texts: str | None) -> frozenset[str]:
    """The words of names, versions being words as well: amr-balanced-7.4 has three."""
    return frozenset(word for text in texts if text for word in _WORD.findall(text.lower()))


_WORD = re.compile(r"\d+(?:\.(?:\d+|x))*|[a-z]+")


def newest(name: str, members: Iterable[Member], names: Mapping[str, str]) -> str | None:
    """The id that a family's name stands for; None when it is none of a family."""
    family = names.get(name, name)
    ranked = sorted((member for member in members if member.family == family), key=_rank)
    return ranked[-1].id if ranked else None


def _rank(member: Member) -> tuple[int, tuple[int, ...]]:
    return -_STATUSES.index(member.status.split()[0]), version_key(member.version or "")


def version_key(version: str) -> tuple[int, ...]:
    """A version for comparing: major and minor, (6, 0) for "6.0.20"; the x of "6.x" is the last of all."""
    parts = re.findall(r"\d+|x", version)[:2]
    return tuple(999 if part == "x" else int(part[:_DIGITS]) for part in parts)


_DIGITS = 18  # a file may say anything, and of thousands of digits Python makes no number


def close(name: str, members: Sequence[Member], names: Mapping[str, str]) -> list[str]:
    """Ids that may be meant by a name nobody knows, the best first."""
    plain = _plain(name)
    same = [member.id for member in members if _plain(member.id) == plain]
    if same:
        return same
    family = name.rpartition("-")[0]
    ids = [member.id for member in members if member.family == names.get(family, family)]
    if near := difflib.get_close_matches(name, ids, n=3, cutoff=0.5):
        return near
    return _by_words(name, members) or difflib.get_close_matches(
        name, [one.id for one in members], n=3, cutoff=0.5
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name)


def _by_words(name: str, members: Sequence[Member]) -> list[str]:
    """Those that share the most with a name; a word that few have counts more than one that all have."""
    counts = Counter(word for member in members for word in member.words)
    asked = _known_words(words_of(name), counts)
    scores = {
        member: sum(math.log(len(members) / counts[word]) for word in asked & member.words)
        for member in members
    }
    best = max(scores.values(), default=0.0)
    found = [member for member in members if best > 0 and math.isclose(scores[member], best)]
    if not any(word[0].isdigit() for word in asked):
        found = [member for member in found if newest(member.family, members, {}) == member.id]
    return [member.id for member in found][:_MOST]


def _known_words(asked: Collection[str], known: Collection[str]) -> frozenset[str]:
    near = (difflib.get_close_matches(word, known, n=1, cutoff=0.8) for word in asked)
    return frozenset(word for words in near for word in words)
