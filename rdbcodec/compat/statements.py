"""The statements of the page this module began with, each with the rules, steps and tests that carry it.

They are data in `known/statements.json`; docs/compat.md shows them, and a test holds them to what is there.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from rdbcodec.named_tuples import NamedTuple

Status = Literal["OK", "PART", "MISSING"]


class Statement(NamedTuple):
    """One thing the page says. `tests` are on both sides of it: a function, or the rule of a row of SIDES."""

    number: int
    says: str
    where: str
    status: Status
    rules: tuple[str, ...] = ()
    step: str | None = None
    tests: tuple[str, ...] = ()
    lacks: str | None = None


@cache
def statements() -> tuple[Statement, ...]:
    """All of them, in the order of the page."""
    text = files("rdbcodec.compat").joinpath("known").joinpath("statements.json").read_text("utf-8")
    return tuple(_statement(row) for row in json.loads(text)["statements"])


def _statement(row: dict[str, Any]) -> Statement:
    lists = {name: tuple(row.get(name, ())) for name in ("rules", "tests")}
    return Statement(**{**row, **lists})
