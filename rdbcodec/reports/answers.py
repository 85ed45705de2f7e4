"""What a verdict answers, for whoever asks: a person, a pipeline, another program.

    NO          a target refuses the file, or keys would not be there         exit code  1
    UNKNOWN     nobody knows something that decides it                                  11
    after       yes, when steps of ours are taken first                                 10
    questions   yes, but something nobody told could change it                          12, with --strict
    yes         nothing known stands in the way                                          0

The order is that of weight: of several files and targets the weightiest answer is the exit code. An answer
may be two at once: "yes, after 1 step" with questions open is `after` and `questions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from rdbcodec.compat.rule import Severity
from rdbcodec.compat.verdict import Verdict
from rdbcodec.facts.profile import Profile
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reports.words import plural

Answer = Literal["no", "unknown", "after", "questions", "yes"]
# Exit codes, the weightiest answer first.
CODES: Mapping[Answer, int] = {"no": 1, "unknown": 11, "after": 10, "questions": 12, "yes": 0}
FAILING: frozenset[Answer] = frozenset({"no", "unknown", "after"})  # without --strict and --fail-on


class Judged(NamedTuple):
    """A file, what is known of it, and a verdict for each target it was judged for."""

    name: str
    profile: Profile
    verdicts: Sequence[Verdict]


def answers_of(verdict: Verdict) -> list[Answer]:
    """The answers of a verdict, the weightiest first."""
    loads: Answer = "after" if verdict.loads == "after-conversion" else verdict.loads
    found = {loads, "questions"} if verdict.questions and loads in ("yes", "after") else {loads}
    return [answer for answer in CODES if answer in found]


def answer_words(verdict: Verdict) -> str:
    """The answer in words: "YES, AFTER: 1 step; OPEN: 3 questions"; "YES" alone is a promise."""
    words = {
        "no": f"NO: {plural(_reasons(verdict, 'blocker'), 'reason')}",
        "unknown": f"UNKNOWN: {plural(_reasons(verdict, 'unknown'), 'reason')}",
        "after": f"YES, AFTER: {plural(len(verdict.steps), 'step')}",
        "questions": f"OPEN: {plural(len(verdict.questions), 'question')}",
        "yes": "YES",
    }
    answers = answers_of(verdict)
    said = "; ".join(words[answer] for answer in answers if answer != "yes" or len(answers) == 1)
    return said + ("" if answers[0] in ("no", "unknown") else not_looked_at(verdict))


def _reasons(verdict: Verdict, severity: Severity) -> int:
    return sum(finding.severity == severity for finding in verdict.findings)


def not_looked_at(verdict: Verdict) -> str:
    """What a "yes" does not promise, because nobody looked at it."""
    if not verdict.was_looked_at:
        return "; values and duplicates not looked at"
    return "; module values not looked at" if verdict.has_module_values else ""


def code_of(verdict: Verdict, failing: Iterable[Answer]) -> int:
    """The exit code of one verdict: that of the weightiest answer that counts as a failure."""
    wanted = set(failing)
    return next((CODES[answer] for answer in answers_of(verdict) if answer in wanted), 0)


def worst(codes: Iterable[int]) -> int:
    """The weightiest of exit codes of verdicts; 0 for none."""
    return min(codes, key=_WEIGHT.index, default=0)


def best(codes: Iterable[int]) -> int:
    """The lightest of exit codes of verdicts; 0 for none."""
    return max(codes, key=_WEIGHT.index, default=0)


_WEIGHT = [*CODES.values()]
