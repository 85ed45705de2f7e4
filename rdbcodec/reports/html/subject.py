"""What the page is about: the files, and their sums."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.cliffs import UNITS, Cliff, Expiring
from rdbcodec.facts.largest import KeySize
from rdbcodec.facts.memory.estimates import match_of
from rdbcodec.facts.overview import KEYS, Overview
from rdbcodec.facts.prefixes import Node, Prefixes
from rdbcodec.facts.usage import Stat
from rdbcodec.reports.html.markup import Markup, tag
from rdbcodec.reports.words import plural, size
from rdbcodec.showing import Hiding, path_word

CLIFFS = 5  # minutes and hours each
NODES = 1500  # of the tree of prefixes: more are too small to be seen, and the page stays small


@dataclass(slots=True)
class Subject:
    """The files that were added, and what they hold together. `now_ms` is when expiry was judged.

    `unread` says of which files nothing can be told, and why.
    """

    title: str
    now_ms: int
    most: int
    hide_keys: Hiding = False
    files: list[Overview] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    total: Usage = field(default_factory=Usage)
    expired: Usage = field(default_factory=Usage)
    by: dict[str, dict[str, Usage]] = field(default_factory=dict)
    keys: list[tuple[KeySize, str]] = field(default_factory=list)
    cliffs: list[Cliff] = field(default_factory=list)
    tree: Node = field(default_factory=lambda: Node(b"", b"", Usage()))

    @classmethod
    def of(
        cls,
        title: str,
        files: Iterable[Overview],
        *,
        now_ms: int,
        most: int = KEYS,
        hide_keys: Hiding = False,
    ) -> Subject:
        """Files as they are read, each of which gives up what it holds to the whole."""
        made = cls(title, now_ms, most, hide_keys)
        prefixes: Prefixes | None = None
        expiring: Expiring | None = None
        try:
            for file in files:
                made.add(file)
                prefixes = file.prefixes if prefixes is None else prefixes.merge(file.prefixes)
                expiring = file.expiring if expiring is None else expiring.merge(file.expiring)
            if prefixes is not None and expiring is not None:
                made.tree = prefixes.tree(nodes=NODES)
                made.cliffs = [cliff for unit in UNITS for cliff in expiring.cliffs(CLIFFS, unit=unit)]
        finally:
            if prefixes is not None:
                prefixes.close()
            if expiring is not None:
                expiring.close()
        return made

    def add(self, file: Overview) -> None:
        """One more file, of whose keys those are kept that are among the largest of all."""
        self.files.append(file)
        self._take(file.stat)
        found = [*self.keys, *((key, file.name) for key in file.keys)]
        self.keys = heapq.nlargest(self.most, found, key=lambda item: item[0].memory)
        file.keys = []

    def _take(self, stat: Stat) -> None:
        self.total.take(stat.total)
        self.expired.take(stat.expired)
        for aspect, rows in stat.by.items():
            sums = self.by.setdefault(aspect, {})
            for name, usage in rows.items():
                sums.setdefault(name, Usage()).take(usage)

    @property
    def is_several(self) -> bool:
        """Whether there is more than one file."""
        return len(self.files) > 1


def about_size(memory: float) -> str:
    """An estimate."""
    return f"~{size(round(memory))}"


def worth(files: Sequence[Overview]) -> str:
    """For which servers the memory is, and how good it is."""
    names = dict.fromkeys(file.stat.server.name for file in files)
    worst = max(match_of(file.stat.server).tolerance for file in files)
    server = next(iter(names)) if len(names) == 1 else plural(len(names), "server")
    return f"in {server}, within {worst:.0%}"


def command(words: str, subject: Subject) -> Markup:
    """A command that tells more; of one file its name is in it."""
    name = "FILE" if subject.is_several else path_word(subject.files[0].name)
    return tag("code", f"rdbcodec {words} {name}")
