"""Colours of a terminal: where there is one, and nobody said NO_COLOR."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping

from rdbcodec.reports.compat import Line, Style
from rdbcodec.reports.wrapping import WIDTH

_NARROWEST = 40  # columns; with less nothing could be read, and lines are broken by the terminal
_CODES: Mapping[Style, str] = {
    "yes": "1;32",
    "after": "1;33",
    "questions": "1;36",
    "unknown": "1;35",
    "no": "1;31",
    "warning": "33",
    "question": "36",
    "command": "1",
    "quiet": "2",
}


def has_colours() -> bool:
    """Whether stdout is a terminal that shows them, and its user wants them (no-color.org)."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def width() -> int:
    """Columns of the terminal, never more than WIDTH; WIDTH where there is none."""
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return max(min(columns, WIDTH), _NARROWEST)


def print_styled(lines: Iterable[Line]) -> None:
    """The lines of a report, which are masked and printable already."""
    coloured = has_colours()
    for line in lines:
        print(line.text if line.style is None or not coloured else _coloured(line, _CODES[line.style]))


def _coloured(line: Line, code: str) -> str:
    end = len(line.text) if line.end is None else line.end
    before, part, behind = line.text[: line.start], line.text[line.start : end], line.text[end:]
    return f"{before}\x1b[{code}m{part}\x1b[0m{behind}"
