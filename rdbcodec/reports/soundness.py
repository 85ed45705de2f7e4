"""What a check found, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.facts.problems import Problem
from rdbcodec.facts.soundness import Soundness
from rdbcodec.reports.inspection import tail_words
from rdbcodec.reports.words import json_key, plural, size
from rdbcodec.showing import Hiding


def lines(name: str, found: Soundness, *, hide_keys: Hiding = False) -> Iterator[str]:
    """The report, a line at a time: the verdict first, then every problem."""
    yield f"{name}: {_VERDICTS[found.verdict]}, {', '.join(_facts(found))}"
    for problem in found.problems:
        place = problem.place(hide_keys=hide_keys)
        yield f"  {problem.severity}: {place + ': ' if place else ''}{problem.message}"
    unlisted = found.errors + found.warnings + found.unverified - len(found.problems)
    if found.unverified:
        yield "  What is not verified is larger than this check may hold: --max-value SIZE raises that."
    if unlisted:
        yield f"  ... and {plural(unlisted, 'more problem')}"


_VERDICTS = {
    "sound": "sound",
    "not sound": "NOT SOUND",
    "not verified": "nothing wrong in what was verified",
}


def _facts(found: Soundness) -> Iterator[str]:
    if not found.complete:
        yield f"reading ended after {plural(found.keys, 'key')}"
        return
    yield plural(found.keys, "key") + (" chosen by the filters" if found.filtered else "")
    yield size(found.size)
    yield f"checksum {found.checksum}"
    if found.expired:
        yield f"{found.expired:,} expired"
    if found.tail is not None and found.tail.kind != "nothing":
        yield f"then {tail_words(found.tail)}"
    if found.errors or found.warnings:
        yield plural(found.errors, "error")
        yield plural(found.warnings, "warning")
    if found.unverified:
        yield f"{plural(found.unverified, 'value')} not verified"


def as_json(name: str, found: Soundness, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same for programs."""
    tail = found.tail
    return {
        "file": name,
        "sound": None if found.verdict == "not verified" else found.is_sound,
        "verdict": found.verdict,
        "complete": found.complete,
        "filtered": found.filtered,
        "keys": found.keys,
        "expired": found.expired,
        "size": found.size if found.complete else None,
        "checksum": found.checksum if found.complete else None,
        "tail": None if tail is None else {"kind": tail.kind, "size": tail.size},
        "errors": found.errors,
        "warnings": found.warnings,
        "unverified": found.unverified,
        "problems": [_json_problem(problem, hide_keys=hide_keys) for problem in found.problems],
    }


def _json_problem(problem: Problem, *, hide_keys: Hiding) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "message": problem.message,
        "offset": problem.offset,
        "db": problem.db,
        "key": json_key(problem.key, hide_keys),
    }
