"""Questions about what is odd in a snapshot: what of it the target refuses, skips, or would fall over later.

The answers are those of the table in rdbcodec.integrity.traits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.compat.rule import Answer, Case, Found, Unknown
from rdbcodec.facts.places import OddFact, Place
from rdbcodec.facts.profile import Profile
from rdbcodec.integrity.traits import TRAITS, Effect, Trait
from rdbcodec.losses import Loss, row_of
from rdbcodec.named_tuples import NamedTuple


class _Odd(NamedTuple):
    trait: Trait
    fact: OddFact
    effect: Effect


def odd_of(profile: Profile, release: str | None) -> Iterator[tuple[Trait, OddFact, Effect]]:
    """Each trait of a snapshot, and what a release ("redis-7.2"; None for nobody knows) does about it."""
    product, _, version = (release or "-").rpartition("-")
    for name, fact in (profile.oddities or {}).items():
        trait = TRAITS[name]
        yield _Odd(trait, fact, trait.effect(product, version))


def odd(effect: Effect, *, repairable: bool | None = None) -> Callable[[Case], Answer]:
    """The question for traits that the target answers with an effect."""

    def question(case: Case) -> Answer:
        found = [
            (trait, fact)
            for trait, fact, own in odd_of(case.profile, case.target.reads_like)
            if own == effect and repairable in (None, trait.repair == "rewrite")
        ]
        return Found({"what": _words(found)}, _first(found)) if found else None

    return question


def odd_unknown(case: Case) -> Answer:
    """Traits of which nobody knows what the target does about them."""
    found = [
        (trait, fact) for trait, fact, own in odd_of(case.profile, case.target.reads_like) if own == "unknown"
    ]
    if not found:
        return None
    says = f"the file has {_words(found)}; what {case.target.name} does about it is not known"
    return Unknown(says, _first(found))


def not_looked_at(case: Case) -> Answer:
    """Nobody looked at the values, or for keys that are there twice."""
    return None if case.profile.was_looked_at else Found()


def slots_imported(case: Case) -> Answer:
    """The note of a cluster node that slots were being imported, for a server that is none."""
    if "slot-import" not in case.profile.codes() or case.loader is None:
        return None
    if "slot-import" not in case.loader.opcodes or case.told("clustered"):
        return None
    place = case.profile.places["slot-import"]
    if case.told("clustered") is False:
        return Found({}, place)
    says = f"{case.target.name} ends on the record of a running slot import unless it is in cluster mode"
    return Unknown(says, place, ("clustered",))


def odd_losses(profile: Profile, release: str | None) -> Iterator[Loss]:
    """What a conversion for the release does about them."""
    for trait, fact, effect in odd_of(profile, release):
        if effect != "loads" and trait.repair != "none":
            row = row_of(trait.loss)
            place = fact.first
            yield Loss(row.kind, row.severity, row.says, fact.count, place.offset, place.db, place.key)


def _words(found: list[tuple[Trait, OddFact]]) -> str:
    return "; ".join(_odd_words(trait, fact) for trait, fact in found)


def _odd_words(trait: Trait, fact: OddFact) -> str:
    count = f" ({fact.count:,})" if fact.count > 1 else ""
    return f"{trait.says}{count}{f': {fact.detail}' if fact.detail else ''}"


def _first(found: list[tuple[Trait, OddFact]]) -> Place:
    return min((fact.first for _, fact in found), key=lambda place: place.offset)
