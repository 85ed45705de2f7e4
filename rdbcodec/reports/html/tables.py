"""Tables of the page, with bars in them: the picture and what can be read aloud are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reports.html.markup import Markup, joined, tag


class Cell(NamedTuple):
    """What a cell shows, and what it sorts by."""

    shown: str
    value: float


Row = Sequence["str | Cell"]


def table(
    caption: str | None,
    head: Sequence[str],
    rows: Iterable[Row],
    *,
    id: str | None = None,
    sorts: str | None = None,
    says: str | None = None,
) -> Markup:
    """A table, whose first column names the rows. Heads begin with ">" for numbers, "|" bars, "#" keys.

    With `sorts` its heads sort it, and this is the one it is sorted by. `says` names it without a caption.
    """
    heads = [
        tag(
            "th",
            name.lstrip(">|#"),
            scope="col",
            class_=_class(name, cell=False),
            aria_sort="descending" if sorts == name else None,
        )
        for name in head
    ]
    body = [
        tag("tr", *(_cell(name, cell, at) for at, (name, cell) in enumerate(zip(head, row, strict=True))))
        for row in rows
    ]
    made = tag(
        "table",
        None if caption is None else tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        id=id,
        data_sorts=sorts is not None,
    )
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=says or caption)


def _class(name: str, *, cell: bool = True) -> str | None:
    return {">": "n", "|": "bars", "#": "key" if cell else None}.get(name[:1])


def _cell(name: str, cell: str | Cell, at: int) -> Markup:
    shown, value = cell if isinstance(cell, Cell) else (cell, None)
    if at == 0:
        return tag("th", shown, scope="row", class_=_class(name), data_value=value)
    return tag("td", shown, class_=_class(name), data_value=value)


def bars(*shares: float) -> Markup:
    """A bar for each share of the longest, beneath one another."""
    return joined(
        *(
            tag(
                "svg",
                tag("rect", width=f"{100 * share:.2f}", height=1),
                viewBox="0 0 100 1",
                preserveAspectRatio="none",
                aria_hidden="true",
            )
            for share in shares
        )
    )


def percent(part: float, whole: float) -> str:
    """A share in whole percent; what is less than one says so."""
    share = 100 * part / whole if whole else 0.0
    return "<1%" if 0 < share < 1 else f"{share:.0f}%"
