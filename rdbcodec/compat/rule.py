"""What a rule is: a row with a question, and the three answers a question may give besides "no".

    Found      the rule applies: its sentence is said, with its severity
    Unknown    nobody knows: said with severity "unknown", which is never "ok"
    Missing    a circumstance nobody told would decide it: becomes a question to the user

Rows stand in `rules/`, a file for each family of targets; `rulebook` finds them there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from rdbcodec.compat.circumstances import BY_NAME, Circumstances
from rdbcodec.compat.target import Source, Target, loader_of, sources
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server

Severity = Literal["blocker", "warning", "info", "unknown"]
SEVERITIES: tuple[Severity, ...] = ("blocker", "unknown", "warning", "info")


class Case(NamedTuple):
    """What is judged: a snapshot, meant for a target, in circumstances; `others` are of the same import."""

    profile: Profile
    circumstances: Circumstances
    target: Target
    others: tuple[Profile, ...] = ()

    @property
    def loader(self) -> Server | None:
        """What the target reads; None when nobody says."""
        return loader_of(self.target)

    def told(self, name: str) -> Any:
        """A circumstance by its name, None when nobody told it."""
        return getattr(self.circumstances, name)


@dataclass(frozen=True, slots=True)
class Found:
    """The rule applies: `values` fill the sentence, `place` is where in the file, `count` how many."""

    values: Mapping[str, object] = field(default_factory=dict)
    place: Place | None = None
    count: int | None = None


class Unknown(NamedTuple):
    """Whether the rule applies, nobody knows; `facts` are circumstances that would help.

    `remedy` is for a case whose way out is not that of the rule.
    """

    says: str
    place: Place | None = None
    facts: tuple[str, ...] = ()
    remedy: str | None = None


class Missing(NamedTuple):
    """Circumstances that were not told and would decide."""

    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about loading the snapshot there.

    `convertible` is true for a blocker that `rdbcodec convert` takes away; `count` is how many keys, fields,
    files or whatever the sentence speaks of there are.
    """

    id: str
    severity: Severity
    says: str
    remedy: str | None
    source: str
    date: str
    confidence: str
    place: Place | None = None
    convertible: bool = False
    count: int | None = None


Answer = Found | Unknown | Missing | None
Operation = Literal["import", "export", "any"]


def _matches(names: Iterable[str], family: str, id: str) -> bool:
    return any(name == family or fnmatchcase(id, name) for name in names)


@cache  # a target is judged more than once: what steps make of a file is judged again
def _is_about(applies: tuple[str, ...], family: str, id: str) -> bool:
    excepted = [name[1:] for name in applies if name.startswith("!")]
    return _matches(applies, family, id) and not _matches(excepted, family, id)


class Rule(NamedTuple):
    """A row.

    `applies` are families, or patterns of target ids; "*" is all of them, "!" excepts one. `says` and
    `remedy` may hold
    the values of the answer in braces. `section` names the place in the source, `seed` the entries of
    compat-facts.md that the rule keeps. `convertible` marks a blocker that rewriting the file for the
    target takes away. `contradicts` are sources that say otherwise: nobody knows then which holds, so that
    what is found is "unknown", with the dates of both sides.
    """

    id: str
    applies: tuple[str, ...]
    severity: Severity
    question: Callable[[Case], Answer]
    says: str
    remedy: str | None
    sources: tuple[str, ...]
    section: str
    confidence: str
    seed: tuple[str, ...] = ()
    operation: Operation = "import"
    convertible: bool = False
    contradicts: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """The date of the first source."""
        return self.date_of(None)

    def date_of(self, day: str | None) -> str:
        """The date of the first source that was there on a day; None is today."""
        return sources()[known_then(self.sources, day)[0]].date

    def source_words(self) -> str:
        """Who says so: "seed: Compatibility, bullet 2"."""
        return f"{', '.join(self.sources)}: {self.section}" if self.section else ", ".join(self.sources)

    def source_rows(self) -> list[Source]:
        """The sources in full."""
        return [sources()[key] for key in self.sources]

    def doubt_words(self, day: str | None = None) -> str | None:
        """Who says so and who says otherwise, each with its date; None when nobody did on that day.

        Copies of one page are told apart by their dates alone.
        """
        others = [sources()[key] for key in known_then(self.contradicts, day)]
        if not others:
            return None
        own = sources()[known_then(self.sources, day)[0]]
        if {_page(source) for source in others} == {_page(own)}:
            pages = "that" if len(others) == 1 else "those"
            dates = " and ".join(source.date for source in others)
            return f"the page of {own.date} says so, {pages} of {dates} otherwise"
        return f"{_dated(own)} says so, {' and '.join(map(_dated, others))} otherwise"

    def is_known(self, date: str | None) -> bool:
        """Whether a source of that day or before says so; None is today."""
        return bool(known_then(self.sources, date))

    def covers(self, target: Target) -> bool:
        """Whether the rule is about this target."""
        return _is_about(self.applies, target.family, target.id)


def known_then(keys: Iterable[str], day: str | None) -> tuple[str, ...]:
    """Those of some sources that were there on a day; None is today."""
    return tuple(key for key in keys if sources()[key].was_there(day))


def _page(source: Source) -> str:
    """The title of a page, whatever state the service was in then."""
    return source.title.removesuffix(" (preview)")


def _dated(source: Source) -> str:
    return f"{source.title} ({source.date})"


def question_of(fact: str) -> str:
    """What to ask for a circumstance."""
    return BY_NAME[fact].question


def missing(case: Case, *names: str) -> Missing | None:
    """Those of the circumstances nobody told; None when all are told."""
    unknown = tuple(name for name in names if case.told(name) is None)
    return Missing(unknown) if unknown else None


def always(_: Case) -> Answer:
    """The question of rules that hold whatever the file is."""
    return Found()


def when(fact: str, *values: object) -> Callable[[Case], Answer]:
    """The question whether a circumstance has one of these values."""

    def question(case: Case) -> Answer:
        told = case.told(fact)
        if told is None:
            return Missing((fact,))
        return Found({fact: told}) if told in values else None

    return question


def when_told(fact: str, *values: object) -> Callable[[Case], Answer]:
    """The question whether a circumstance is told to have one of these values; for remarks."""
    return lambda case: Found({fact: case.told(fact)}) if case.told(fact) in values else None
