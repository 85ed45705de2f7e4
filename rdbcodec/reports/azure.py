"""A plan for Azure in words and as JSON: the answer, what stands in the way, and then the steps."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.shells import Command, Shell, line
from rdbcodec.compat.azure.shells import lines as command_lines
from rdbcodec.compat.azure.step import RDBCODEC, Step
from rdbcodec.compat.rule import Finding
from rdbcodec.compat.target import Source, sources
from rdbcodec.compat.verdict import Question
from rdbcodec.reports.answers import answer_words
from rdbcodec.reports.remedies import remedy_of
from rdbcodec.reports.words import plural
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown

WIDTH = 80
_TOLD = ("blocker", "unknown", "warning")  # remarks are for those who ask compat
SCHEMA = 1  # of the JSON; another number when a program that reads it would have to change
# What the steps say where it happens needs not be said before them.
_SAID_BY_STEPS = frozenset({"AZ-WIPE", "AZ-OFFLINE", "AZ-15MIN", "AZ-CLI-ENT", "AZ-CLI-ACR"})
_OWN = Source("rdbcodec's own command", "this version")


def lines(plan: Plan, *, with_sources: bool = False, hide_keys: Hiding = False) -> Iterator[str]:
    """The plan, a line at a time and within 80 columns, but for words that are longer."""
    yield from before_lines(plan, hide_keys=hide_keys)
    for at, step in enumerate(plan.steps, 1):
        yield from ("", f"{at}. {step.title}")
        yield from step_lines(step, plan.shells, with_sources=with_sources)
    yield ""
    if plan.steps:
        yield from filled("", _other_ways(plan))
    else:
        yield from filled("", "No steps: the answer is NO. --force prints them all the same.")
    if with_sources:
        yield from _source_lines(plan)


def before_lines(plan: Plan, *, hide_keys: Hiding = False) -> Iterator[str]:
    """The answer, and what to know before anything is done."""
    yield from filled("", headline(plan))
    yield from _before(plan, hide_keys=hide_keys)


def _other_ways(plan: Plan) -> str:
    """What else there is than what was printed."""
    others = ", ".join(f"--channel {way}" for way in ("cli", "powershell", "portal") if way != plan.channel)
    return f"Other ways: {others}; --format sh. Where all this is from: --sources."


def headline(plan: Plan) -> str:
    """The answer in a line that can stand alone."""
    if plan.operation == "export":
        return f"Export of {plan.target.name}   {answer(plan)}"
    what = shown(plan.files[0]) if len(plan.files) == 1 else plural(len(plan.files), "file")
    return f"{what} -> {plan.target.name}   {answer(plan)}"


def answer(plan: Plan) -> str:
    """Yes or no, and how much there is to do or to learn."""
    if plan.loads == "no":
        return f"NO: {plural(len(reasons(plan)), 'reason')}"
    if plan.loads == "unknown":
        return f"UNKNOWN: {plural(len(_findings(plan, 'unknown')), 'reason')}"
    if len(plan.verdicts) == 1:
        return answer_words(next(iter(plan.verdicts.values())))
    count = sum(step.command is not None for verdict in plan.verdicts.values() for step in verdict.steps)
    says = [f"YES, AFTER: {plural(count, 'step')}"] if plan.loads == "after-conversion" else []
    if asked := questions(plan):
        says.append(f"OPEN: {plural(len(asked), 'question')}")
    return "; ".join(says) or "YES"


def reasons(plan: Plan) -> list[str]:
    """What stands in the way, a sentence each."""
    left_out = [f"{shown(name)}: {what}; {_IGNORING}" for name, what in plan.left_out.items()]
    return [*left_out, *(f"{finding.says} [{finding.id}]" for _, finding in _findings(plan, "blocker"))]


_IGNORING = "an import would leave that out, and so does a plan with --ignore-tail"


def _findings(plan: Plan, *severities: str) -> list[tuple[str, Finding]]:
    """The findings of these severities with the file they are about; those about all files once."""
    found: dict[tuple[str, str], tuple[str, Finding]] = {}
    for name, verdict in plan.verdicts.items():
        for finding in verdict.findings:
            if finding.severity in severities:
                found.setdefault((finding.id, finding.says), (name, finding))
    return list(found.values())


def questions(plan: Plan) -> list[Question]:
    """What nobody told and what could change the answer, each once."""
    asked = {asking.fact: asking for verdict in plan.verdicts.values() for asking in verdict.questions}
    return list(asked.values())


# --- text -------------------------------------------------------------------------------------------


def _before(plan: Plan, *, hide_keys: Hiding) -> Iterator[str]:
    """What stands in the way, what nobody knows, what to know, what was not told."""
    for reason in reasons(plan)[: len(plan.left_out)]:
        yield from filled("  blocker   ", reason)
    said: set[str] = set()  # remedies: a conversion takes away many findings and is told once
    for severity in _TOLD:
        for name, finding in _findings(plan, severity):
            if finding.id not in _SAID_BY_STEPS or severity == "blocker":
                yield from _finding(plan, name, finding)
                yield from _remedy(plan, name, finding, said, hide_keys=hide_keys)
    if asked := questions(plan):
        flags = ", ".join("--" + asking.fact.replace("_", "-") for asking in asked)
        yield from filled("  not told  ", f"{flags}: each could change the answer.")


def _finding(plan: Plan, name: str, finding: Finding) -> Iterator[str]:
    about = f"{shown(name)}: " if len(plan.files) > 1 else ""
    end = "; step 1 takes it away" if _is_prepared(plan, name, finding) and plan.steps else ""
    yield from filled(f"  {finding.severity:<8}  ", f"{about}{finding.says} [{finding.id}]{end}")


def _remedy(plan: Plan, name: str, finding: Finding, said: set[str], *, hide_keys: Hiding) -> Iterator[str]:
    remedy = remedy_of(name or "-", plan.verdicts[name], finding, hide_keys=hide_keys)
    if remedy is None or finding.severity == "warning" or _is_prepared(plan, name, finding) or remedy in said:
        return
    said.add(remedy)
    yield from filled("    do      ", remedy)


def _is_prepared(plan: Plan, name: str, finding: Finding) -> bool:
    """Whether a command of the first step takes it away."""
    steps = plan.verdicts[name].steps
    return any(step.command is not None and finding.id in step.rules for step in steps)


def step_lines(step: Step, shells: tuple[Shell, ...], *, with_sources: bool = False) -> Iterator[str]:
    """The commands of a step, and what to know of it."""
    differ = any(isinstance(command, Command) and command.only == shells[-1] for command in step.commands)
    blocks = [(shell, _commands(step, shell)) for shell in (shells if differ else shells[:1])]
    for shell, block in blocks:
        if block and len(blocks) > 1:
            yield f"   {shell}"
        yield from (f"     {text}" for text in block)
    for says in step.says:
        yield from filled("   - ", says)
    if with_sources:
        yield from filled("   sources: ", ", ".join(step.who_says_so()))


def _commands(step: Step, shell: Shell) -> list[str]:
    commands = (command for command in step.commands if command.is_for(shell))
    return [text for command in commands for text in command_lines(command, shell, WIDTH - 5)]


def filled(head: str, text: str) -> Iterator[str]:
    """Text in lines, the first behind a head, the others as far to the right."""
    parts = wrap(text, WIDTH - len(head), break_long_words=False, break_on_hyphens=False)
    for at, part in enumerate(parts):
        yield (" " * len(head) if at else head) + part


def _source_lines(plan: Plan) -> Iterator[str]:
    yield from ("", "Sources")
    for key in dict.fromkeys(key for step in plan.steps for key in step.who_says_so()):
        source = _source(key)
        where = f"; {source.where}" if source.where else ""
        yield from filled(f"  {key}: ", f"{source.title}, {source.date}{where}")


def _source(key: str) -> Source:
    return _OWN if key == RDBCODEC else sources()[key]


# --- JSON -------------------------------------------------------------------------------------------


def as_json(plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "schema": SCHEMA,
        "operation": plan.operation,
        "files": list(plan.files),
        "target": plan.target.id,
        "loads": plan.loads,
        "left_out": dict(plan.left_out),
        "findings": [_json_finding(name, finding) for name, finding in _findings(plan, *_TOLD)],
        "questions": [{"fact": asking.fact, "asks": asking.asks} for asking in questions(plan)],
        "steps": [_json_step(step, plan.shells) for step in plan.steps],
    }


def _json_finding(name: str, finding: Finding) -> dict[str, Any]:
    return {
        "file": name or None,
        "id": finding.id,
        "severity": finding.severity,
        "says": finding.says,
        "source": finding.source,
        "date": finding.date,
    }


def _json_step(step: Step, shells: tuple[Shell, ...]) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "title": step.title,
        "commands": {
            shell: [_json_command(command, shell) for command in step.commands if command.is_for(shell)]
            for shell in shells
        },
        "says": list(step.says),
        "sources": [_json_source(key) for key in step.who_says_so()],
    }


def _json_command(command: Any, shell: Shell) -> dict[str, Any]:
    source = command.source if isinstance(command, Command) else None
    return {"line": line(command, shell), "source": source}


def _json_source(key: str) -> dict[str, str]:
    source = _source(key)
    return {"id": key, "title": source.title, "date": source.date, "where": source.where}
