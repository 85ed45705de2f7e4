"""What became of each step of a plan that is done, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.running import Outcome
from rdbcodec.reports import azure, diff
from rdbcodec.reports.azure import filled
from rdbcodec.showing import Hiding
from rdbcodec.tools.diff import Comparison

_HEADS: Mapping[str, str] = {
    "done": "done      ",
    "differs": "DIFFERS   ",
    "there": "there     ",
    "would": "would     ",
    "printed": "to run    ",
    "by hand": "by hand   ",
}
# By exit code: why nothing was done.
STOPPED: Mapping[int, str] = {
    1: "Nothing was done: the answer is NO. --force goes on all the same.",
    11: "Nothing was done: nobody knows whether it loads. --force goes on all the same.",
}
_PLAIN = frozenset({"prepare", "container", "upload", "fetch"})  # what is done here and not by az


def lines(outcome: Outcome, plan: Plan, *, hide_keys: Hiding = False) -> Iterator[str]:
    """An outcome: what was done, where, how much and how long it took; or the commands that are left."""
    head = _HEADS[outcome.state]
    words = f"{outcome.step.kind}: {outcome.what}"
    measures = [f"{outcome.size:,} bytes"] if outcome.size is not None else []
    measures += [f"{outcome.blob} blob"] if outcome.blob is not None else []
    measures += [f"{outcome.seconds:.1f} s"] if outcome.state in ("done", "differs") else []
    yield from filled(head, f"{words} ({', '.join(measures)})" if measures else words)
    for said in outcome.said:
        yield f"  {said}"
    if outcome.compared is not None:
        yield from islice(diff.lines(("", ""), outcome.compared, hide_keys=hide_keys), 1, None)
    if outcome.state in ("printed", "by hand") or (
        outcome.state == "would" and outcome.step.kind not in _PLAIN
    ):
        yield from azure.step_lines(outcome.step, plan.shells)


def as_json(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The plan as `azure plan` gives it, and what became of it."""
    return {**azure.as_json(plan), "outcomes": [_one(outcome) for outcome in outcomes]}


def _one(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": outcome.step.kind,
        "state": outcome.state,
        "what": outcome.what,
        "size": outcome.size,
        "blob": outcome.blob,
        "seconds": round(outcome.seconds, 3),
        "said": list(outcome.said),
        "compared": None if outcome.compared is None else _counts(outcome.compared),
    }


def _counts(found: Comparison) -> dict[str, Any]:
    """The numbers; `diff --format json` has the names."""
    return {
        "keys": list(found.keys),
        "equal": found.equal,
        "missing": found.missing,
        "extra": found.extra,
        "changed": found.changed,
    }
