"""Verdicts as SARIF 2.1.0, for code scanning: a rule a row of ours, a result a finding.

    blocker   error       info      note
    unknown   warning     question  kind "open": the rule was asked, and what it needs was not told
    warning   warning

A result's place is a byte offset, because a snapshot has no lines; the key stands beside it by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from rdbcodec import __version__
from rdbcodec.compat.rule import Finding, Severity
from rdbcodec.compat.verdict import Verdict
from rdbcodec.facts.places import Place
from rdbcodec.reports.answers import Judged, answer_words, answers_of
from rdbcodec.reports.failures import Failure
from rdbcodec.reports.known import rule_sources, rule_words
from rdbcodec.showing import Hiding, key_words, masked
from rdbcodec.showing import name as shown

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {
    "blocker": "error",
    "unknown": "warning",
    "warning": "warning",
    "info": "note",
}
_STDIN = "stdin"


def as_sarif(
    judged: Sequence[Judged], *, code: int, failures: Sequence[Failure] = (), hide_keys: Hiding = False
) -> dict[str, Any]:
    """One run over all files; `code` is the exit code of the command: 3 and 4 are no answers."""
    results = [result for file in judged for result in _results(file, hide_keys=hide_keys)]
    ids = list(dict.fromkeys(result["ruleId"] for result in results))
    for result in results:
        result["ruleIndex"] = ids.index(result["ruleId"])
    run = {
        "tool": {"driver": _driver(ids)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(code, failures)],
        "results": results,
        "properties": {"verdicts": [_verdict(file.name, one) for file in judged for one in file.verdicts]},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(ids: Iterable[str]) -> dict[str, Any]:
    return {"name": "rdbcodec", "version": __version__, "rules": [*map(_rule, ids)]}


def _rule(id: str) -> dict[str, Any]:
    sources = [
        {"title": source.title, "date": source.date, "where": source.where} for source in rule_sources(id)
    ]
    return {"id": id, "shortDescription": {"text": rule_words(id)}, "properties": {"sources": sources}}


def _invocation(code: int, failures: Sequence[Failure]) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": code not in (3, 4), "exitCode": code}
    if failures:
        invocation["toolExecutionNotifications"] = [*map(_notification, failures)]
    return invocation


def _notification(failure: Failure) -> dict[str, Any]:
    words = f"{shown(failure.name)}: {masked(failure.message)}"
    location = {"physicalLocation": {"artifactLocation": {"uri": uri(failure.name)}}}
    return {"level": "error", "message": {"text": words}, "locations": [location]}


def _verdict(name: str, verdict: Verdict) -> dict[str, Any]:
    return {"file": masked(name), "target": verdict.target.id, "answers": answers_of(verdict)}


def _results(file: Judged, *, hide_keys: Hiding) -> Iterator[dict[str, Any]]:
    for verdict in file.verdicts:
        yield _judgement(file.name, verdict)
        for finding in verdict.findings:
            yield _finding(file.name, verdict, finding, hide_keys=hide_keys)
        for question in verdict.questions:
            words = f"{verdict.target.id}: not told: {question.asks} ({question.fact})"
            yield {
                **_result(question.rules[0], verdict, "none", words),
                "kind": "open",
                "locations": [_location(file.name, None, hide_keys=hide_keys)],
            }


def _judgement(name: str, verdict: Verdict) -> dict[str, Any]:
    """The answer itself: what a file without findings is told by."""
    words = f"{verdict.target.id}: {answer_words(verdict)}"
    kinds = {"yes": "pass", "questions": "open", "unknown": "open"}
    kind = kinds.get(answers_of(verdict)[0], "informational")
    location = _location(name, None, hide_keys=True)
    return {**_result("VERDICT", verdict, "none", words), "kind": kind, "locations": [location]}


def _finding(name: str, verdict: Verdict, finding: Finding, *, hide_keys: Hiding) -> dict[str, Any]:
    words = f"{verdict.target.id}: {finding.says}"
    return {
        **_result(finding.id, verdict, _LEVELS[finding.severity], words),
        "locations": [_location(name, finding.place, hide_keys=hide_keys)],
    }


def _result(id: str, verdict: Verdict, level: str, words: str) -> dict[str, Any]:
    return {
        "ruleId": id,
        "level": level,
        "message": {"text": masked(words)},
        "properties": {"target": verdict.target.id},
    }


def _location(name: str, place: Place | None, *, hide_keys: Hiding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(name)}}
    if place is None:
        return {"physicalLocation": physical}
    physical["region"] = {"byteOffset": place.offset, "byteLength": 0}
    db = "" if place.db is None else f"db {place.db}"
    words = ", ".join(filter(None, (db, key_words(place.key, hide_keys))))
    logical = {"logicalLocations": [{"fullyQualifiedName": words}]} if words else {}
    return {"physicalLocation": physical, **logical}


def uri(name: str) -> str:
    """The name of a file as a URI: relative as it was given, percent-encoded, without secrets."""
    if name == "-":
        return _STDIN
    path = PurePath(masked(name))
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
