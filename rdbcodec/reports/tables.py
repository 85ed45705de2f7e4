"""Sections of rows, as aligned text or as rich tables: the same rows either way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rdbcodec.named_tuples import NamedTuple

Row = Sequence[str]


class Section(NamedTuple):
    """A titled table. Columns whose head begins with ">" are numbers and stand to the right."""

    title: str
    head: Row
    rows: Sequence[Row]


def render_text(title: str, sections: Sequence[Section]) -> str:
    """Aligned plain text."""
    lines = [title]
    for section in sections:
        lines += ["", section.title, *_aligned(section)]
    return "\n".join(lines) + "\n"


def _aligned(section: Section) -> Iterator[str]:
    heads = [head.lstrip(">") for head in section.head]
    rows = [heads, *section.rows] if any(heads) else list(section.rows)
    widths = [max(len(row[at]) for row in rows) for at in range(len(section.head))] if rows else []
    right = [head.startswith(">") for head in section.head]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield ("  " + "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in cells)).rstrip()


def render_rich(title: str, sections: Sequence[Section], console: Any) -> None:
    """Rich tables on a console of the package `rich`."""
    from rich.table import Table  # noqa: PLC0415 - optional
    from rich.text import Text  # noqa: PLC0415

    console.print(Text(title, style="bold"))
    for section in sections:
        table = Table(title=Text(section.title), title_justify="left", show_header=any(section.head))
        for head in section.head:
            table.add_column(
                head.lstrip(">"), justify="right" if head.startswith(">") else "left", overflow="fold"
            )
        for row in section.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
