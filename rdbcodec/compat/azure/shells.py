"""Command lines as data, and how bash and PowerShell want them written.

A command is a tuple of words. Each is quoted for the shell that will read it, so a blob called `a b; rm`
stays one word; secrets are never words, only names of environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from rdbcodec.showing import shell_word

Shell = Literal["bash", "powershell"]
SHELLS: tuple[Shell, ...] = ("bash", "powershell")


class Variables(NamedTuple):
    """A word that stands for environment variables: as PowerShell's array, or as so many words."""

    names: tuple[str, ...]
    array: bool = False


Word = str | Variables


class Command(NamedTuple):
    """A command line. `into` is the variable that gets what it prints; `only` the shell it is for."""

    words: tuple[Word, ...]
    source: str
    into: str | None = None
    only: Shell | None = None


class Ask(NamedTuple):
    """A line that puts what the user pastes into a variable, past the history of the shell."""

    variable: str


def line(command: Command | Ask, shell: Shell) -> str:
    """A command as the shell wants it."""
    if isinstance(command, Ask):
        return _ASKS[shell].format(command.variable)
    words = " ".join(_word(word, shell) for word in command.words)
    return words if command.into is None else _ASSIGNMENTS[shell].format(command.into, words)


def _word(word: Word, shell: Shell) -> str:
    if isinstance(word, str):
        return _QUOTES[shell](word)
    variables = [_VARIABLES[shell].format(name) for name in word.names]
    return f"@({', '.join(variables)})" if word.array else " ".join(variables)


# A comma makes an array and @ splats, so only what has no meaning anywhere goes unquoted.
_SAFE_POWERSHELL = re.compile(r"[A-Za-z0-9_./:\\-]+", re.ASCII)
# PowerShell takes typographic single quotes for plain ones, inside quotes too.
_SPECIAL_POWERSHELL = re.compile('[`"$\u201c\u201d\u201e]')  # inside double quotes
_QUOTES_POWERSHELL = re.compile("['\u2018\u2019\u201a\u201b]")


def _quote_powershell(word: str) -> str:
    if _SAFE_POWERSHELL.fullmatch(word):
        return word
    if not word.isprintable():
        plain = _SPECIAL_POWERSHELL.sub("`\\g<0>", word)
        return (
            '"' + "".join(char if char.isprintable() else f"$([char]0x{ord(char):x})" for char in plain) + '"'
        )
    return "'" + _QUOTES_POWERSHELL.sub(lambda found: found[0] * 2, word) + "'"


_QUOTES: Mapping[Shell, Callable[[str], str]] = {"bash": shell_word, "powershell": _quote_powershell}
_VARIABLES: Mapping[Shell, str] = {"bash": '"${}"', "powershell": "$env:{}"}
_ASSIGNMENTS: Mapping[Shell, str] = {"bash": '{0}="$({1})"', "powershell": "$env:{0} = {1}"}
_ASKS: Mapping[Shell, str] = {"bash": "read -rsp '{0}: ' {0}", "powershell": "$env:{0} = Read-Host '{0}'"}
