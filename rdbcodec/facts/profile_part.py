"""The facts of a part of a file, which another process reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rdbcodec.facts.composite import Composite, look
from rdbcodec.facts.passes import Pass
from rdbcodec.records import LargeEntry


class ProfilePart(Composite[Any]):
    """Forks of the passes that a ProfilePass has, and those of them that look at values."""

    def __init__(self, forks: Sequence[Pass[Any]], looking: Sequence[Pass[Any]]) -> None:
        self._parts = forks
        self._looking = looking
        self.looks_at_large = bool(looking)

    def large(self, entry: LargeEntry) -> None:
        """As a ProfilePass does."""
        look(self._looking, entry)
