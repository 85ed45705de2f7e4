"""The verdict: does this snapshot load in that target, what speaks against it, and what would help?

    yes                 nothing known stands in the way of a single key
    after-conversion    only what rewriting the file takes away stands in the way, and no data is lost by it
    no                  the target refuses the file, or keys would not be there
    unknown             nobody knows something that decides it

Circumstances nobody told are questions: they do not turn a "yes" into "unknown", because the file is not
to blame, but they are listed with every verdict they could change. One profile is judged for any number of
targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.feasibility import conversion_losses
from rdbcodec.compat.loaders import BUILT_IN
from rdbcodec.compat.rule import (
    SEVERITIES,
    Case,
    Finding,
    Found,
    Missing,
    Rule,
    Severity,
    Unknown,
    question_of,
)
from rdbcodec.compat.rulebook import rules_of, sas_findings
from rdbcodec.compat.steps import Step, named_steps
from rdbcodec.compat.target import Target, find, module_types_of
from rdbcodec.compat.way_out import Conversion, Loads, way_out
from rdbcodec.facts.profile import Profile, profile_of
from rdbcodec.losses import Loss
from rdbcodec.module_names import product_of
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.source import Source

__all__ = [
    "Conversion",
    "Loads",
    "Question",
    "Step",
    "Verdict",
    "check",
    "check_import",
    "steps_of",
    "with_modules",
]


class Question(NamedTuple):
    """A circumstance nobody told, and the rules whose answer hangs on it."""

    fact: str
    asks: str
    rules: tuple[str, ...]


class Verdict(NamedTuple):
    """The answer for one target; findings with the weightiest first.

    `losses` is what a conversion for the target would lose; None when that is not known. `was_looked_at`
    is False when nobody looked at values and for duplicate keys, either of which may end a load;
    `has_module_values` is True when there are values of modules, which nobody but the module can look at.
    `steps` are what to do so that it loads; `steps_of` names a file in them.
    """

    target: Target
    loads: Loads
    findings: tuple[Finding, ...]
    questions: tuple[Question, ...]
    losses: tuple[Loss, ...] | None = None
    was_looked_at: bool = True
    has_module_values: bool = False
    steps: tuple[Step, ...] = ()


def check(
    snapshot: Profile | Source,
    target: Target | str,
    circumstances: Circumstances | None = None,
    *,
    files: Sequence[Profile] = (),
    losses: Conversion = conversion_losses,
) -> Verdict:
    """Judge a snapshot, or its profile, for a target or the name of one.

    `files` are the profiles of all files of one import, which are in the target together.

    For a profile it is pure, and the same for one that was saved and loaded. A snapshot is read whole, its
    values looked at and its keys compared; whoever judges it for several targets does better to take its
    profile once. Raises TargetError for a name nobody knows, and what reading raises.
    """
    profile = snapshot if isinstance(snapshot, Profile) else profile_of(snapshot)
    target = find(target) if isinstance(target, str) else target
    others = tuple(other for other in files if other is not profile)
    case = Case(profile, circumstances or Circumstances(), target, others)
    findings, asked = _judged(case)
    way = way_out(case, findings, losses, lambda later: _judged(later)[0])
    shown = sorted([*findings, *way.more], key=lambda finding: SEVERITIES.index(finding.severity))
    # Whatever else is told, a "no" stays one.
    open_ = {} if way.loads == "no" else asked
    return Verdict(
        target,
        way.loads,
        tuple(shown),
        tuple(Question(fact, question_of(fact), tuple(rules)) for fact, rules in open_.items()),
        way.losses,
        profile.was_looked_at,
        profile.has_module_values,
        way.steps,
    )


def check_import(
    profiles: Sequence[Profile], target: Target | str, circumstances: Circumstances | None = None
) -> list[Verdict]:
    """Judge all files of one import, each with the others beside it."""
    return [check(profile, target, circumstances, files=profiles) for profile in profiles]


def steps_of(verdict: Verdict, name: str) -> tuple[Step, ...]:
    """The steps of a verdict with the name of the file in them, ready to be run."""
    return named_steps(verdict.steps, name, verdict.target.id)


def _judged(case: Case) -> tuple[list[Finding], dict[str, list[str]]]:
    """What all rules find, and what they ask for: each circumstance with the rules that want it."""
    findings: list[Finding] = []
    asked: dict[str, list[str]] = {}
    for rule in rules_of(case.target, case.circumstances.operation or "import", case.circumstances.as_of):
        _ask(rule, case, findings, asked)
    return [*findings, *sas_findings(case)], asked


def _ask(rule: Rule, case: Case, findings: list[Finding], asked: dict[str, list[str]]) -> None:
    answer = rule.question(case)
    if isinstance(answer, Found):
        findings.append(_finding(rule, case, answer))
    elif isinstance(answer, Unknown):
        findings.append(_unknown(rule, case, answer))
    # A warning or a remark changes no verdict, so nobody is asked for it.
    if isinstance(answer, Missing | Unknown) and rule.severity in ("blocker", "unknown"):
        for fact in answer.facts:
            asked.setdefault(fact, []).append(rule.id)


def _finding(rule: Rule, case: Case, answer: Found) -> Finding:
    says = rule.says.format_map({**answer.values, "target": case.target.name})
    day = case.circumstances.as_of
    doubt = rule.doubt_words(day) if rule.severity != "info" else None
    severity: Severity = rule.severity if doubt is None else "unknown"
    return Finding(
        rule.id,
        severity,
        says if doubt is None else f"{says}; {doubt}",
        _remedy(rule, case, answer.values),
        rule.source_words(),
        rule.date_of(day),
        rule.confidence if doubt is None else "unverified",
        answer.place,
        rule.convertible and severity == "blocker",
        answer.count,
    )


def _remedy(rule: Rule, case: Case, values: Mapping[str, object] | None = None) -> str | None:
    """With the modules of the file that the target has: a conversion for a bare release drops them."""
    remedy = rule.remedy
    if remedy is None:
        return None
    for name, value in (values or {}).items():
        remedy = remedy.replace(f"<{name}>", str(value))
    return with_modules(remedy, case)


def with_modules(remedy: str, case: Case) -> str:
    """The remedy with the modules of the file that the target can have, and whether it is a cluster."""
    can_have = module_types_of(case.target, case.circumstances.modules)
    modules = [module for module in case.profile.modules.values() if module.name in can_have - BUILT_IN]
    have = sorted({product_of(module.name, module.version) for module in modules})
    words = f" --modules {','.join(have)}" if have else ""
    if case.told("clustered") and "slot-import" in case.profile.codes():
        words += " --clustered"
    return remedy.replace("{modules}", words)


def _unknown(rule: Rule, case: Case, answer: Unknown) -> Finding:
    return Finding(
        rule.id,
        "unknown",
        answer.says,
        _remedy(rule, case) if answer.remedy is None else with_modules(answer.remedy, case),
        rule.source_words(),
        rule.date,
        "unverified",
        answer.place,
    )
