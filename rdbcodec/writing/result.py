"""What a conversion did: how much it wrote, and what of the source is not there."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.datatypes.plain import Plain
from rdbcodec.writing.writer import Writer


class Conversion(Plain):
    """What became of a snapshot: keys written, keys and function libraries left out by the filter, losses of
    data and of hints, how many databases a server needs for it, and how many keys of which database were
    `renamed` because it was folded.

    `modules` are those whose records beside the keys a filter let through: only servers that have them load
    the file, whether keys of theirs are in it or not.
    """

    __slots__ = (
        "databases",
        "filtered",
        "filtered_functions",
        "hints",
        "keys",
        "losses",
        "modules",
        "renamed",
        "target",
    )

    def __init__(
        self, target: str, writer: Writer, filtered: int, filtered_functions: int, modules: Iterable[str] = ()
    ) -> None:
        self.renamed: dict[int, int] = {}
        self.modules = tuple(sorted(modules))
        self.target = target
        self.keys = writer.keys
        self.databases = writer.databases
        self.filtered = filtered
        self.filtered_functions = filtered_functions
        self.losses = writer.losses.of("data")
        self.hints = writer.losses.of("hint")
