"""A plan for Azure as a script for bash: names at the top, then each step.

The rules this file keeps:

* What was not told comes from the environment, or the script ends before it has done anything.
* It computes the times of a SAS when it makes it, so that it can be run on another day.
* It asks before an import deletes what is in the cache, unless it is told CONFIRM=yes.
* An answer of NO is a script that says so and ends with 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rdbcodec.compat.azure.plan import Plan
from rdbcodec.compat.azure.shells import Ask, Command, Name, Variables, Word, lines
from rdbcodec.compat.azure.step import Step
from rdbcodec.reports import azure
from rdbcodec.showing import shell_word

_WIDTH = 80


def script(plan: Plan) -> Iterator[str]:
    """The script, a line at a time."""
    yield "#!/usr/bin/env bash"
    yield from _comment(azure.headline(plan))
    if plan.steps:
        yield from _comment("It needs az, signed in (az login), and redis-cli for the last step.")
    yield from ("set -euo pipefail", "")
    if not plan.steps:
        yield from _refusal(plan)
        return
    yield from _names(plan)
    for at, step in enumerate(plan.steps, 1):
        yield from ("", f"# --- {at}. {step.title}")
        yield from _step(step)


def _refusal(plan: Plan) -> Iterator[str]:
    for text in (azure.headline(plan), *azure.reasons(plan)):
        yield f"echo {shell_word(text)} >&2"
    yield "exit 1"


def _comment(text: str) -> Iterator[str]:
    yield from wrap(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


# --- names ------------------------------------------------------------------------------------------


def _names(plan: Plan) -> Iterator[str]:
    words = [word for step in plan.steps for command in _commands(step) for word in _words(command)]
    used = {part.variable for part in words if isinstance(part, Name)}
    yield from _comment("Names. What is not known yet is taken from the environment.")
    for name in plan.names:
        if name.variable in used:
            known = f"{name.variable}={shell_word(name.value)}" if name.value is not None else _asked(name)
            yield known
    made = {command.into for step in plan.steps for command in _commands(step) if command.into}
    asked = {ask.variable for step in plan.steps for ask in step.commands if isinstance(ask, Ask)}
    for variable in _variables(words):
        if variable not in made | asked:
            yield f': "${{{variable}:?holds a SAS URI}}"'


def _asked(name: Name) -> str:
    return f'{name.variable}="${{{name.variable}:?is not set: the {name.what}}}"'


def _commands(step: Step) -> list[Command]:
    return [command for command in step.commands if isinstance(command, Command) and command.is_for("bash")]


def _words(command: Command) -> Iterator[Word]:
    words = (*command.words, command.prefix) if command.prefix else command.words
    for word in words:
        yield from getattr(word, "parts", (word,))


def _variables(words: list[Word]) -> list[str]:
    return list(dict.fromkeys(name for word in words if isinstance(word, Variables) for name in word.names))


# --- steps ------------------------------------------------------------------------------------------


def _step(step: Step) -> Iterator[str]:
    for says in step.says:
        yield from _comment(says)
    if any(command.into and "--expiry" in command.words for command in _commands(step)):
        yield from _TIMES
    if step.kind == "import":
        yield from _CONFIRMATION
    for command in step.commands:
        if command.is_for("bash"):
            yield from lines(command, "bash", _WIDTH, script=True)
    if not step.commands and step.kind != "next":
        yield "read -rp 'Press Enter when that is done: '"


_FORMAT = "'%(%Y-%m-%dT%H:%MZ)T'"
_TIMES = (
    "now=$(date +%s)",
    f'SAS_START=$(TZ=UTC printf {_FORMAT} "$((now - 30 * 60))")',
    f'SAS_EXPIRY=$(TZ=UTC printf {_FORMAT} "$((now + 24 * 60 * 60))")',
)
_CONFIRMATION = (
    'if [[ "${CONFIRM:-}" != yes ]]; then',
    '  read -rp "This deletes what is in $CACHE_NAME. Type yes to go on: " CONFIRM',
    '  [[ "$CONFIRM" == yes ]] || exit 1',
    "fi",
)
