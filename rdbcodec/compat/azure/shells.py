"""Command lines as data, and how bash and PowerShell want them written.

    Command(words) -> one line, or lines of a width with the shell's sign of continuation
                   -> with names as variables, as a script has them

The rules this file keeps:

* A command is a tuple of words. Each is quoted for the shell that will read it, so a blob called `a b; rm`
  stays one word, and no word is ever broken in two.
* Secrets are never words, only names of environment variables.
* A name nobody told is a placeholder in angle brackets; a script asks its environment for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal
from urllib.parse import quote

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.showing import shell_word

Shell = Literal["bash", "powershell"]
SHELLS: tuple[Shell, ...] = ("bash", "powershell")


class Variables(NamedTuple):
    """A word that stands for environment variables: as PowerShell's array, or as so many words."""

    names: tuple[str, ...]
    array: bool = False


class Name(NamedTuple):
    """What something of the user's is called: a script's variable, the name if it was told, what it is."""

    variable: str
    value: str | None
    what: str

    def __str__(self) -> str:
        """The name, or a placeholder."""
        return f"<{self.what.replace(' ', '-')}>" if self.value is None else self.value


class Address(NamedTuple):
    """A word that is a URL: text as a URL has it, and names to be put into it."""

    parts: tuple[str | Name, ...]

    def __str__(self) -> str:
        """The URL; a placeholder in it stays one."""
        return "".join(map(_in_url, self.parts))


def _in_url(part: str | Name) -> str:
    return part if isinstance(part, str) else str(part) if part.value is None else quote(part.value)


class Array(NamedTuple):
    """Words as PowerShell's array."""

    words: tuple[str | Name | Address, ...]


Word = str | Variables | Name | Address | Array


class Command(NamedTuple):
    """A command line.

    `into` is the variable that gets what it prints, behind `prefix`; `only` the shell it is for; `source` is
    who says that it has these parameters.
    """

    words: tuple[Word, ...]
    source: str
    into: str | None = None
    only: Shell | None = None
    prefix: Address | None = None

    def is_for(self, shell: Shell) -> bool:
        """Whether the shell is to run it."""
        return self.only in (None, shell)


class Ask(NamedTuple):
    """A line that puts what the user pastes into a variable, past the history of the shell."""

    variable: str

    def is_for(self, _: Shell) -> bool:
        """Every shell can ask."""
        return True


def line(command: Command | Ask, shell: Shell, *, script: bool = False) -> str:
    """A command as the shell wants it, on one line."""
    return " ".join(_chunks(command, shell, script=script))


def lines(command: Command | Ask, shell: Shell, width: int, *, script: bool = False) -> Iterator[str]:
    """The same on lines of a width, those behind the first indented; a flag stays with its value."""
    last = ""
    for group in _groups(_chunks(command, shell, script=script)):
        if last and len(last) + len(group) + 3 > width:
            yield f"{last} {_CONTINUED[shell]}"
            last = f"  {group}"
        else:
            last = f"{last} {group}" if last else group
    yield last


def _groups(chunks: list[str]) -> Iterator[str]:
    """Chunks that stay on one line: a flag and what follows it."""
    group = ""
    for chunk in chunks:
        if group and (not group.startswith("-") or " " in group or chunk.startswith("-")):
            yield group
            group = chunk
        else:
            group = f"{group} {chunk}" if group else chunk
    yield group


def _chunks(command: Command | Ask, shell: Shell, *, script: bool) -> list[str]:
    if isinstance(command, Ask):
        return [_ASKS[shell].format(command.variable)]
    chunks = [_word(word, shell, script=script) for word in command.words]
    if command.into is not None:
        before, after = _ASSIGNMENTS[shell](command.into, command.prefix, script)
        chunks[0], chunks[-1] = before + chunks[0], chunks[-1] + after
    return chunks


def _word(word: Word, shell: Shell, *, script: bool) -> str:
    if isinstance(word, Variables):
        variables = [_VARIABLES[shell].format(name) for name in word.names]
        return f"@({', '.join(variables)})" if word.array else " ".join(variables)
    if isinstance(word, Array):
        return f"@({', '.join(_word(one, shell, script=script) for one in word.words)})"
    if script and isinstance(word, Name):
        return _VARIABLES[shell].format(word.variable)
    if script and isinstance(word, Address):
        return f'"{_address_in_script(word)}"'
    return _QUOTES[shell](str(word))


def _address_in_script(address: Address) -> str:
    """Inside double quotes; what a URL may hold has no meaning there but for `$`, which is quoted in one."""
    parts = (f"${{{part.variable}}}" if isinstance(part, Name) else part for part in address.parts)
    return "".join(parts)


def _assignment_bash(variable: str, prefix: Address | None, script: bool) -> tuple[str, str]:
    if prefix is None:
        return f'{variable}="$(', ')"'
    before = f'"{_address_in_script(prefix)}' if script else f'{shell_word(str(prefix))}"'
    return f"{variable}={before}$(", ')"'


def _assignment_powershell(variable: str, prefix: Address | None, _: bool) -> tuple[str, str]:
    if prefix is None:
        return f"$env:{variable} = ", ""
    return f"$env:{variable} = {_quote_powershell(str(prefix))} + $(", ")"


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
_CONTINUED: Mapping[Shell, str] = {"bash": "\\", "powershell": "`"}
_ASSIGNMENTS: Mapping[Shell, Callable[[str, Address | None, bool], tuple[str, str]]] = {
    "bash": _assignment_bash,
    "powershell": _assignment_powershell,
}
_ASKS: Mapping[Shell, str] = {"bash": "read -rsp '{0}: ' {0}", "powershell": "$env:{0} = Read-Host '{0}'"}
