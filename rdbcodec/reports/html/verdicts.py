"""Verdicts on the page: the answer, the reasons, what to do; warnings and questions folded beneath."""

from __future__ import annotations

from collections.abc import Sequence

from rdbcodec.compat.circumstances import BY_NAME
from rdbcodec.compat.rule import Finding
from rdbcodec.compat.steps import Step
from rdbcodec.compat.verdict import Question, Verdict
from rdbcodec.reports.answers import Judged, answer_words, answers_of
from rdbcodec.reports.compat import flag_of
from rdbcodec.reports.html.markup import Markup, joined, tag
from rdbcodec.reports.remedies import place_words, steps_named
from rdbcodec.reports.words import number, plural
from rdbcodec.showing import Hiding, shell_word

_DECISIVE = ("blocker", "unknown")


def answers(judged: Sequence[Judged]) -> Markup:
    """Every answer in a line: for the top of the page."""
    several = len(judged) > 1
    lines = [
        tag(
            "li",
            tag("a", verdict.target.name, href=f"#{_id(at, verdict)}"),
            badge(verdict),
            tag("span", file.name, class_="dim") if several else None,
        )
        for at, file in enumerate(judged)
        for verdict in file.verdicts
    ]
    return tag("ul", *lines, class_="answers")


def badge(verdict: Verdict) -> Markup:
    """The answer in words, and in a colour."""
    return tag("span", answer_words(verdict), class_=f"badge {answers_of(verdict)[0]}")


def details(judged: Sequence[Judged], *, hide_keys: Hiding = False) -> Markup:
    """What stands behind the answers."""
    several = len(judged) > 1
    return joined(
        *(
            _details(at, file, verdict, several, hide_keys)
            for at, file in enumerate(judged)
            for verdict in file.verdicts
        )
    )


def _id(at: int, verdict: Verdict) -> str:
    return f"verdict-{at + 1}-{verdict.target.id}"


def _details(at: int, file: Judged, verdict: Verdict, several: bool, hide_keys: Hiding) -> Markup:
    found = [finding for finding in verdict.findings if finding.severity in _DECISIVE]
    others = [finding for finding in verdict.findings if finding.severity not in _DECISIVE]
    return tag(
        "article",
        tag("h3", verdict.target.name, f": {file.name}" if several else ""),
        tag("p", f"{verdict.target.id}", class_="note"),
        badge(verdict),
        _list("ul", [_finding(finding, hide_keys) for finding in found]),
        _steps(steps_named(verdict, file.name)),
        _folded(plural(len(others), "remark"), [_finding(finding, hide_keys) for finding in others]),
        _folded(
            f"{plural(len(verdict.questions), 'question')} whose answers could change this",
            [*map(_question, verdict.questions)],
        ),
        id=_id(at, verdict),
        class_="verdict",
    )


def _list(name: str, items: Sequence[Markup]) -> Markup | None:
    return tag(name, *(tag("li", item) for item in items)) if items else None


def _folded(says: str, items: Sequence[Markup]) -> Markup | None:
    return tag("details", tag("summary", says), _list("ul", items)) if items else None


_WORDS = {"blocker": "stands in the way", "unknown": "not known", "warning": "warning", "info": "remark"}


def _finding(finding: Finding, hide_keys: Hiding) -> Markup:
    is_header = finding.place is not None and finding.place.offset == 0  # which each file has once
    where = "" if is_header else place_words(finding.place, hide_keys=hide_keys)
    count = "" if finding.count is None or finding.count == 1 else f"{number(finding.count)} in all"
    seen = ", ".join(filter(None, (count, where)))
    return joined(
        tag("strong", f"{_WORDS[finding.severity]}: "),
        finding.says,
        f" ({seen})" if seen else "",
        tag("span", f" {finding.id}, {finding.confidence}, {finding.date}", class_="note"),
    )


def _steps(steps: Sequence[Step]) -> Markup | None:
    if not steps:
        return None
    items = [
        joined(
            step.says,
            None
            if step.command is None
            else tag("pre", tag("code", " ".join(map(shell_word, step.command)))),
        )
        for step in steps
    ]
    return joined(tag("p", tag("strong", "What to do")), _list("ol", items))


def _question(question: Question) -> Markup:
    choices = BY_NAME[question.fact].words
    return joined(
        question.asks,
        f" ({', '.join(choices)})" if choices else "",
        tag("span", f" {flag_of(question.fact)}; {', '.join(question.rules)}", class_="note"),
    )
