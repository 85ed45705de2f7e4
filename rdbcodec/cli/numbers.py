"""Numbers as arguments: what argparse calls a type."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable


def number(least: int = 0, most: int | None = None) -> Callable[[str], int]:
    """Whole numbers from `least` on, up to `most` if that is given."""
    bounds = "" if most is None else f" from {least} to {most}"

    def number_of(text: str) -> int:
        is_number = text.isascii() and text.isdecimal()
        if not is_number or (
            most is not None and (len(text) > len(str(most)) or not least <= int(text) <= most)
        ):
            raise argparse.ArgumentTypeError(f"{text!r} is no number{bounds}")
        return int(text)

    return number_of


def databases(text: str) -> tuple[int, int]:
    """`3=0`: a database, and the one it becomes."""
    found = re.fullmatch(r"(\d{1,10})=(\d{1,10})", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 3=0")
    return int(found[1]), int(found[2])
