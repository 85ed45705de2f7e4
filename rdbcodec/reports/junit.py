"""Verdicts as JUnit XML: a suite a file, a case a target.

A case fails when its answer makes the exit code another than 0, so that both say the same; with --all, where
one target that takes the file is enough, the others are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

from rdbcodec.compat.verdict import Verdict
from rdbcodec.reports.answers import Judged, answer_words, answers_of, not_looked_at
from rdbcodec.reports.failures import Failure
from rdbcodec.reports.remedies import place_words
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown

Code = Callable[[Verdict], int]


def as_junit(
    judged: Sequence[Judged],
    *,
    code_of: Code,
    is_enough: bool,
    failures: Sequence[Failure] = (),
    hide_keys: Hiding = False,
) -> str:
    """The document; `is_enough` when one target that takes a file is."""
    root = ET.Element("testsuites", name="rdbcodec compat")
    for file in judged:
        _suite(root, file, code_of, is_enough=is_enough, hide_keys=hide_keys)
    for failure in failures:
        suite = _element(
            root, "testsuite", name=failure.name, tests="1", failures="0", errors="1", skipped="0"
        )
        case = _element(suite, "testcase", classname=failure.name, name="read")
        _element(case, "error", message=failure.message)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)


def _suite(root: ET.Element, file: Judged, code_of: Code, *, is_enough: bool, hide_keys: Hiding) -> None:
    codes = [code_of(verdict) for verdict in file.verdicts]
    passes = is_enough and 0 in codes
    failures = 0 if passes else sum(map(bool, codes))
    counts = {"failures": failures, "errors": 0, "skipped": sum(map(bool, codes)) - failures}
    words = {name: str(count) for name, count in counts.items()}
    suite = _element(root, "testsuite", name=file.name, tests=str(len(codes)), **words)
    for verdict, code in zip(file.verdicts, codes, strict=True):
        case = _element(suite, "testcase", classname=file.name, name=verdict.target.id)
        if code:
            words = {"message": f"{verdict.target.name}: {answer_words(verdict)}"}
            kind = {} if passes else {"type": answers_of(verdict)[0]}
            outcome = _element(case, "skipped" if passes else "failure", **words, **kind)
            outcome.text = _reasons(verdict, hide_keys=hide_keys)
        notes = [note] if (note := not_looked_at(verdict).lstrip("; ")) else []
        notes += [f"not told: {question.asks} ({question.fact})" for question in verdict.questions]
        if notes:
            _element(case, "system-out").text = "\n".join(map(shown, notes))


def _reasons(verdict: Verdict, *, hide_keys: Hiding) -> str:
    decisive = [finding for finding in verdict.findings if finding.severity in ("blocker", "unknown")]
    lines = []
    for finding in decisive:
        where = place_words(finding.place, hide_keys=hide_keys)
        lines.append(f"{finding.id}: {finding.says}{f' ({where})' if where else ''}")
    return "\n".join(map(shown, lines))


def _element(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    """XML knows no control characters, not even escaped: they are shown as everywhere."""
    return ET.SubElement(parent, tag, {name: shown(value) for name, value in attributes.items()})
