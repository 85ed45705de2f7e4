"""Text and commands in lines no wider than a terminal: sentences at words, commands so that they run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rdbcodec.showing import masked, shell_word

WIDTH = 80  # of a terminal, and of what is printed where there is none
_CUT = "..."


def paragraph(
    words: str, width: int, *, first: str = "", rest: str = "", whole_words: bool = False
) -> list[str]:
    """The words in lines; `first` and `rest` are what the first and each other line begin with.

    A word that is too long for a line is broken, but for links, which `whole_words` keeps whole.
    """
    wrapped = textwrap.wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=not whole_words,
    )
    return wrapped or [first.rstrip()]


def shortened(words: str, width: int) -> str:
    """The beginning of the words, cut behind a word; whole where they fit."""
    if len(words) <= width:
        return words
    cut = words[: width - len(_CUT)]
    at = cut.rfind(" ")
    return (cut[:at].rstrip(" ,;:(") if at > width // 2 else cut) + _CUT


def end_of(words: str, width: int) -> str:
    """The end of the words, which for a path is what tells it from others; whole where they fit."""
    return words if len(words) <= width else _CUT + words[len(words) - max(width - len(_CUT), 1) :]


# --- commands ---------------------------------------------------------------------------------------


def command_lines(argv: Sequence[str], width: int, *, indent: str = "") -> Iterator[str]:
    """A command for bash, a backslash at the end of each line but the last; it runs as it is printed."""
    line, follow = indent, indent + "    "
    for words in _with_values([*map(masked, argv)]):  # a secret broken in two would not be found any more
        shown = " ".join(map(shell_word, words))
        gap = " " if line.strip() else ""
        if len(line) + len(gap) + len(shown) + len(_GOES_ON) <= width:
            line += gap + shown
            continue
        if line.strip():
            yield line + _GOES_ON
            line = follow
        for word in words[:-1]:
            line += f"{shell_word(word)} "
        *broken, line = _broken(line, words[-1], width)
        yield from broken
    yield line


def _with_values(argv: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words, a flag together with its value: they stay on one line."""
    at = 0
    while at < len(argv):
        size = (
            2 if argv[at].startswith("-") and at + 1 < len(argv) and not argv[at + 1].startswith("-") else 1
        )
        yield argv[at : at + size]
        at += size


_GOES_ON = " \\"


def _broken(line: str, word: str, width: int) -> Iterator[str]:
    """A word behind the beginning of a line, in pieces where it is too long for one.

    To bash a backslash at the end of a line and the line end are nothing, if the next line begins at once.
    """
    while len(line) + len(shell_word(word)) + len(_GOES_ON) > width:
        room = width - len(line) - len("\\")
        size = next((size for size in range(room, 1, -1) if len(shell_word(word[:size])) <= room), 1)
        yield line + shell_word(word[:size]) + "\\"
        line, word = "", word[size:]
        if not word:
            return
    yield line + shell_word(word)
