"""The way out: what would make a snapshot load that does not load as it is, and what the answer is then.

A step is promised only when what it makes of the file is judged to load, by the same rules: a conversion may
end at a version nobody vouches for, and a file that was rewritten is no longer one of whole pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

from rdbcodec.compat.rewritten import rewritten
from rdbcodec.compat.rule import Case, Finding
from rdbcodec.compat.steps import Conversion as Flags
from rdbcodec.compat.steps import Step, conversion_for, kind_of, kinds_of, steps_for
from rdbcodec.compat.target import Target
from rdbcodec.facts.profile import Profile
from rdbcodec.losses import Loss
from rdbcodec.named_tuples import NamedTuple

Loads = Literal["yes", "no", "after-conversion", "unknown"]
Conversion = Callable[[Profile, Target, "tuple[str, ...] | None"], "list[Loss] | None"]
Judge = Callable[[Case], list[Finding]]

_DECISIVE = ("blocker", "unknown")
_ROUNDS = 3  # what a step brings to light is mended too: a conversion, then its size; each kind comes once


class WayOut(NamedTuple):
    """The answer, the steps, what a conversion would lose, and what is found of the file they make."""

    loads: Loads
    steps: tuple[Step, ...]
    losses: tuple[Loss, ...] | None
    more: tuple[Finding, ...] = ()


class _Plan(NamedTuple):
    """Findings that steps of ours are to take away, and what is found of the file then."""

    mended: tuple[Finding, ...]
    conversion: Flags | None
    losses: tuple[Loss, ...] | None
    later: tuple[Finding, ...]

    @property
    def is_lossy(self) -> bool:
        return any(loss.severity == "data" for loss in self.losses or ())

    @property
    def is_unsure(self) -> bool:
        """Whether nobody knows what the conversion loses."""
        return self.losses is None and "convert" in kinds_of(self.mended)


def way_out(case: Case, findings: Sequence[Finding], losses: Conversion, judge: Judge) -> WayOut:
    """Look for steps until what they make is judged to load, or there is nothing more that would help."""
    plan = _Plan(tuple(findings), None, None, tuple(findings))
    for _ in range(_ROUNDS):
        mendable = [finding for finding in plan.later if kind_of(finding) is not None]
        if not mendable or plan.is_lossy:
            break
        following = _planned(case, (*plan.mended, *_others(mendable, plan.mended)), losses, judge)
        if following.is_lossy and plan.conversion is not None:
            break  # what was known to load, if not by whom, is better than to lose something
        plan = following
    decisive = [finding for finding in plan.later if finding.severity in _DECISIVE]
    steps = steps_for(plan.mended, plan.conversion, plan.losses)
    more = tuple(finding for finding in _others(plan.later, findings) if kind_of(finding) is None)
    return WayOut(_loads(plan, findings, decisive), steps, plan.losses, more)


def _planned(case: Case, mended: tuple[Finding, ...], losses: Conversion, judge: Judge) -> _Plan:
    conversion = conversion_for(mended, case.target)
    lost = _losses(case, conversion, losses) if "convert" in kinds_of(mended) else None
    made = rewritten(case.profile, kinds_of(mended), None if conversion is None else conversion.server)
    return _Plan(mended, conversion, lost, tuple(judge(case._replace(profile=made))))


def _losses(case: Case, conversion: Flags | None, losses: Conversion) -> tuple[Loss, ...] | None:
    """What is lost on the way to the server, which may be an older one than the target is like."""
    if conversion is None:
        return None
    target, release = case.target, conversion.server.release
    if release is not None and release != target.reads_like:
        target = replace(target, reads_like=release, dialect=None, accepts=None, lacks=())
    lost = losses(case.profile, target, case.circumstances.modules)
    return None if lost is None else tuple(lost)


def _loads(plan: _Plan, findings: Sequence[Finding], decisive: Sequence[Finding]) -> Loads:
    if plan.is_lossy:
        blocks = any(finding.severity == "blocker" for finding in findings)
        return "no" if blocks else "unknown"
    if any(finding.severity == "blocker" for finding in decisive):
        return "no"
    if decisive or plan.is_unsure:
        return "unknown"
    return "after-conversion" if any(finding.severity in _DECISIVE for finding in findings) else "yes"


def _others(findings: Iterable[Finding], known: Iterable[Finding]) -> list[Finding]:
    """Findings of rules that did not speak before."""
    ids = {finding.id for finding in known}
    return [finding for finding in findings if finding.id not in ids and finding.severity != "info"]
