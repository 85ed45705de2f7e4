"""Verdicts for programs: the objects that docs/verdict-schema.json describes.

SCHEMA grows by one when a field goes or changes its meaning, and stays when one is added.
"""

from __future__ import annotations

from typing import Any

from rdbcodec.compat.circumstances import BY_NAME
from rdbcodec.compat.rule import Finding
from rdbcodec.compat.steps import Step
from rdbcodec.compat.verdict import Question, Verdict
from rdbcodec.facts.places import Place
from rdbcodec.reports.answers import Judged, answers_of
from rdbcodec.reports.compat import flag_of
from rdbcodec.reports.known import rule_sources
from rdbcodec.reports.remedies import remedy_of, steps_named
from rdbcodec.reports.words import json_key
from rdbcodec.showing import Hiding, masked, shell_word

SCHEMA = 1


def as_json(judged: Judged, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The verdicts on one file."""
    profile = judged.profile
    return {
        "schema": SCHEMA,
        "file": masked(judged.name),
        "rdb_version": profile.version,
        "producer": profile.producer or None,
        "keys": None if profile.is_header else profile.keys,
        "verdicts": [_verdict(judged.name, verdict, hide_keys=hide_keys) for verdict in judged.verdicts],
    }


def _verdict(name: str, verdict: Verdict, *, hide_keys: Hiding) -> dict[str, Any]:
    losses = verdict.losses
    return {
        "target": verdict.target.id,
        "target_name": verdict.target.name,
        "target_status": verdict.target.status,
        "answers": answers_of(verdict),
        "loads": verdict.loads,
        "looked_at": verdict.was_looked_at,
        "has_module_values": verdict.has_module_values,
        "findings": [_finding(name, verdict, finding, hide_keys=hide_keys) for finding in verdict.findings],
        "steps": [_step(step) for step in steps_named(verdict, name)],
        "questions": [*map(_question, verdict.questions)],
        "losses": None if losses is None else [masked(loss.text(hide_keys=hide_keys)) for loss in losses],
    }


def _step(step: Step) -> dict[str, Any]:
    command = None if step.command is None else [*map(masked, step.command)]
    line = None if command is None else " ".join(map(shell_word, command))
    words = {"kind": step.kind, "says": masked(step.says), "command": command, "line": line}
    return {**words, "rules": list(step.rules)}


def _question(question: Question) -> dict[str, Any]:
    words = {"fact": question.fact, "asks": question.asks, "flag": flag_of(question.fact)}
    return {**words, "choices": list(BY_NAME[question.fact].words), "rules": list(question.rules)}


def _finding(name: str, verdict: Verdict, finding: Finding, *, hide_keys: Hiding) -> dict[str, Any]:
    remedy = remedy_of(name, verdict, finding, hide_keys=hide_keys)
    return {
        "id": finding.id,
        "severity": finding.severity,
        "says": masked(finding.says),
        "count": finding.count,
        "remedy": None if remedy is None else masked(remedy),
        "source": finding.source,
        "sources": [
            {"title": source.title, "date": source.date, "where": source.where}
            for source in rule_sources(finding.id)
        ],
        "date": finding.date,
        "confidence": finding.confidence,
        "place": _place(finding.place, hide_keys=hide_keys),
    }


def _place(place: Place | None, *, hide_keys: Hiding) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"offset": place.offset, "db": place.db, "key": json_key(place.key, hide_keys)}
