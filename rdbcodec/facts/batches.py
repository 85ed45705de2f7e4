"""Entries by the hundred, for passes (see passes.py), and what several of those ask of them, computed once.

Most batches are a Run, of which entries are made when somebody asks for them: to count keys, types, bytes and
expiries takes none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import repeat
from operator import add, attrgetter

from rdbcodec.facts import entry_columns
from rdbcodec.facts.entry_columns import BRIEF, times_in
from rdbcodec.reading.runs import Run, ShortStrings
from rdbcodec.records import AttributedEntry, Entry
from rdbcodec.records.attributes import EXPIRY_SIZE
from rdbcodec.records.entry import Context

_record_of = attrgetter("_record")
_code_of = attrgetter("code")
_head_of = attrgetter("_head")
_PLAIN = {Entry}
_WITHOUT_HINTS = {EXPIRY_SIZE, 0}  # bytes before keys: no hint makes them so many


class Batch(ABC):
    """Entries of one database, as they follow one another.

    `is_plain`: none of them expires, was idle or is large, so that nobody need look at each for that.
    `is_brief`: none is large, and none has anything odd before it.
    """

    __slots__ = ("_codes", "_expiries", "_kinds", "_names", "_sizes", "is_brief", "is_plain")

    def __init__(self, *, is_plain: bool, is_brief: bool) -> None:
        self.is_plain = is_plain
        self.is_brief = is_brief
        self._sizes: list[int] | None = None
        self._codes: bytes | None = None
        self._kinds: tuple[int, ...] | None = None
        self._names: list[bytes] | None = None
        self._expiries: list[int] | None = [] if is_plain else None

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def db(self) -> int:
        """The number of their database."""

    @property
    @abstractmethod
    def entries(self) -> list[Entry]:
        """The entries."""

    @abstractmethod
    def entry(self, index: int) -> Entry:
        """One of the entries."""

    @property
    def weight(self) -> int:
        """The bytes of all entries on disk."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """The bytes of each entry on disk."""
        if self._sizes is None:
            self._sizes = self._find_sizes()
        return self._sizes

    @abstractmethod
    def _find_sizes(self) -> list[int]: ...

    @property
    def codes(self) -> bytes:
        """The type code of each entry."""
        if self._codes is None:
            self._codes = self._find_codes()
        return self._codes

    @property
    def kinds(self) -> tuple[int, ...]:
        """The type codes there are, in the order they are met: one in many batches."""
        if self._kinds is None:
            codes = self.codes
            is_one = codes.count(codes[0]) == len(codes)
            self._kinds = (codes[0],) if is_one else tuple(sorted(set(codes), key=codes.index))
        return self._kinds

    @abstractmethod
    def _find_codes(self) -> bytes: ...

    @property
    def expiries(self) -> list[int]:
        """The expiries of those that expire, in milliseconds."""
        if self._expiries is None:
            self._expiries = self._find_expiries()
        return self._expiries

    @abstractmethod
    def _find_expiries(self) -> list[int]: ...

    @property
    @abstractmethod
    def times(self) -> list[int | None]:
        """When each expires, absolute milliseconds; None for never."""

    @property
    def names(self) -> list[bytes]:
        """The keys themselves."""
        if self._names is None:
            self._names = self._find_names()
        return self._names

    @abstractmethod
    def _find_names(self) -> list[bytes]: ...

    @property
    @abstractmethod
    def offsets(self) -> list[int]:
        """Where each begins in the snapshot."""

    @property
    @abstractmethod
    def places(self) -> Iterator[tuple[bytes, int]]:
        """Bytes that have the record of each, and where its type byte stands there; of none that is large."""

    @abstractmethod
    def layouts(self, places: Mapping[str, int]) -> bytes:
        """The number below 256 that `places` has for the name of the layout of each."""

    @property
    @abstractmethod
    def has_hints(self) -> bool:
        """Whether idle time or frequency stands before one, of those that have nothing rarer."""

    @property
    @abstractmethod
    def raws(self) -> list[bytes]:
        """The value of each as on disk, of none that is large; nothing for one whose key is compressed or
        says its size oddly."""

    @property
    @abstractmethod
    def context(self) -> Context | None:
        """What all of them share; None when it changes among them."""

    @property
    def run(self) -> Run | None:
        """The keys as they were found, when no entries were made."""
        return None

    @property
    def short_strings(self) -> ShortStrings | None:
        """The keys, where all are strings about which nothing can be odd."""
        return None

    @property
    @abstractmethod
    def attributed(self) -> list[AttributedEntry]:
        """Those with something rarer before them, and large ones."""


class EntryBatch(Batch):
    """Entries as they are; `kinds` are their classes, if they are known."""

    __slots__ = ("_attributed", "_entries", "_heads")

    def __init__(self, entries: list[Entry], kinds: set[type] | None = None) -> None:
        kinds = set(map(type, entries)) if kinds is None else kinds
        super().__init__(is_plain=kinds == _PLAIN, is_brief=kinds <= BRIEF)
        self._entries = entries
        self._attributed: list[AttributedEntry] | None = [] if self.is_brief else None
        self._heads: list[bytes] | None = [] if self.is_plain else None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def db(self) -> int:
        return self._entries[0].db

    @property
    def entries(self) -> list[Entry]:
        return self._entries

    def entry(self, index: int) -> Entry:
        return self._entries[index]

    def _find_sizes(self) -> list[int]:
        if not self.is_brief:
            return [entry.serialized_size for entry in self._entries]
        sizes = list(map(len, map(_record_of, self._entries)))
        return sizes if self.is_plain else list(map(add, sizes, map(len, map(_head_of, self._entries))))

    def _find_codes(self) -> bytes:
        return bytes(map(_code_of, self._entries))

    def _find_expiries(self) -> list[int]:
        if self.is_brief:
            return times_in(self._kept_heads())
        return [time for time in self.times if time is not None]

    @property
    def times(self) -> list[int | None]:
        return entry_columns.expiries(self._entries)

    def _find_names(self) -> list[bytes]:
        return entry_columns.names(self._entries)

    @property
    def offsets(self) -> list[int]:
        return entry_columns.offsets(self._entries)

    @property
    def places(self) -> Iterator[tuple[bytes, int]]:
        return zip(map(_record_of, self._entries), repeat(0))

    def layouts(self, places: Mapping[str, int]) -> bytes:
        return entry_columns.layouts(self._entries, places)

    @property
    def raws(self) -> list[bytes]:
        return entry_columns.raws(self._entries)

    @property
    def context(self) -> Context | None:
        return entry_columns.context(self._entries)

    @property
    def has_hints(self) -> bool:
        return not _WITHOUT_HINTS.issuperset(map(len, self._kept_heads()))

    def _kept_heads(self) -> list[bytes]:
        """What stands before those of which it is only kept."""
        if self._heads is None:
            self._heads = list(filter(None, map(_head_of, self._entries)))
        return self._heads

    @property
    def attributed(self) -> list[AttributedEntry]:
        if self._attributed is None:
            self._attributed = [entry for entry in self._entries if isinstance(entry, AttributedEntry)]
        return self._attributed


class RunBatch(Batch):
    """The keys of a Run."""

    __slots__ = ("_entries", "_head_sizes", "_run")

    def __init__(self, run: Run) -> None:
        self._head_sizes = run.head_sizes
        super().__init__(is_plain=self._head_sizes == {0}, is_brief=True)
        self._run = run
        self._entries: list[Entry] | None = None

    def __len__(self) -> int:
        return len(self._run)

    @property
    def db(self) -> int:
        return self._run.context.db

    @property
    def entries(self) -> list[Entry]:
        if self._entries is None:
            self._entries = self._run.entries()
        return self._entries

    def entry(self, index: int) -> Entry:
        return self._run.entry(index)

    @property
    def raws(self) -> list[bytes]:
        return self._run.raws()

    @property
    def context(self) -> Context:
        return self._run.context

    @property
    def run(self) -> Run:
        return self._run

    @property
    def short_strings(self) -> ShortStrings | None:
        return self._run if isinstance(self._run, ShortStrings) else None

    @property
    def weight(self) -> int:
        return self._run.end - self._run.begin

    def _find_sizes(self) -> list[int]:
        return self._run.sizes

    def _find_codes(self) -> bytes:
        return self._run.codes

    def _find_expiries(self) -> list[int]:
        if self._head_sizes <= _WITHOUT_HINTS:
            return self._run.expiries()
        return times_in(self._run.heads())

    @property
    def times(self) -> list[int | None]:
        return self._run.times()

    def _find_names(self) -> list[bytes]:
        return self._run.names()

    @property
    def offsets(self) -> list[int]:
        return self._run.offsets()

    @property
    def places(self) -> Iterator[tuple[bytes, int]]:
        return self._run.places()

    def layouts(self, places: Mapping[str, int]) -> bytes:
        return self.codes.translate(entry_columns.layout_table(self._run.context, places))

    @property
    def has_hints(self) -> bool:
        return not self._head_sizes <= _WITHOUT_HINTS

    @property
    def attributed(self) -> list[AttributedEntry]:
        return []
