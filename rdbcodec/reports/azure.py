"""A plan for Azure in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.compat.azure.plan import OWN, Note, Plan, Step
from rdbcodec.compat.azure.shells import Ask, Command, Shell, line
from rdbcodec.reports.words import plural


def lines(plan: Plan) -> Iterator[str]:
    """The plan, a line at a time: what to know, what to do, what will happen."""
    yield f"Import of {plural(len(plan.files), 'file')} into {plan.target.name}"
    yield from _notes("Before", plan.notes)
    for at, step in enumerate(plan.steps, 1):
        yield from ("", f"{at}. {step.title}")
        yield from _step(step, plan.shells)
    if not plan.steps:
        yield from ("", "No steps: what is named a blocker above would make them useless.")
    yield from _notes("What the import does", plan.consequences)


def _notes(title: str, notes: tuple[Note, ...]) -> Iterator[str]:
    if not notes:
        return
    yield from ("", title)
    for note in notes:
        yield f"  {note.severity:<8} {note.says}  [{note.id}; {note.source}]"


def _step(step: Step, shells: tuple[Shell, ...]) -> Iterator[str]:
    blocks = [(shell, _commands(step, shell)) for shell in shells]
    if len({tuple(block) for _, block in blocks}) == 1:  # both shells write it the same way
        blocks = [(shells[0], blocks[0][1])]
    for shell, block in blocks:
        if block and len(blocks) > 1:
            yield f"   {shell}"
        yield from (f"     {command}" for command in block)
    for note in _notes_of(step):
        yield f"   - {note}"


def _commands(step: Step, shell: Shell) -> list[str]:
    return [line(command, shell) for command in step.commands if _is_for(command, shell)]


def _is_for(command: Command | Ask, shell: Shell) -> bool:
    return isinstance(command, Ask) or command.only in (None, shell)


def _notes_of(step: Step) -> Iterator[str]:
    yield from step.notes
    if any(isinstance(command, Command) and command.source == OWN for command in step.commands):
        yield "our sources do not give the parameters of this command: compare them with its --help"


def as_json(plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "files": list(plan.files),
        "target": plan.target.id,
        "possible": plan.is_possible,
        "notes": [note._asdict() for note in plan.notes],
        "steps": [_json_step(step, plan.shells) for step in plan.steps],
        "consequences": [note._asdict() for note in plan.consequences],
    }


def _json_step(step: Step, shells: tuple[Shell, ...]) -> dict[str, Any]:
    return {
        "title": step.title,
        "commands": {shell: _commands(step, shell) for shell in shells},
        "sources": sorted({one.source for one in step.commands if isinstance(one, Command)}),
        "notes": list(step.notes),
    }
