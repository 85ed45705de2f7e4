"""Which keys occur twice, among any number of them, in bounded memory.

    index = KeyIndex()
    index.add(keys, offsets, db)        # as often as there is a batch of one database
    index.add_entries(entries)          # or a batch of entries
    for duplicate in index.duplicates():
        duplicate.key, duplicate.place, duplicate.first

Most files have none, so that this is what must be cheap. Of each name only Python's own hash is looked at:
64 bits, keyed for each process (see reading.repeats).

Only when a hash occurs twice are the names with that hash compared, by digests of 16 bytes: the answer is
that of the names, not of their hashes. Two different names have the same digest once in 2**64 snapshots
of four billion keys. It takes 64 MiB at most, whatever the number of keys and of duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, groupby, pairwise
from operator import attrgetter
from struct import Struct
from typing import TYPE_CHECKING, Literal

from rdbcodec.errors import DecodeError
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.key_names import Batch, Names
from rdbcodec.reading.repeats import HASH, Hashes
from rdbcodec.reading.sorted_runs import SortedRuns
from rdbcodec.records import Entry

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.reading.reader import Reader
    from rdbcodec.reading.repeats import Ask
    from rdbcodec.reading.runs import Run

BATCH = 1 << 10  # names that `note` makes a batch of
_LONG_NAME = 1 << 12  # bytes: a thousand of them are 4 MiB

Keep = Literal["first", "last"]


class Duplicate(NamedTuple):
    """A key seen at `place` that was there before, at `first`."""

    place: int
    first: int
    db: int
    key: bytes


class KeyIndex:
    """Collects keys; `duplicates` tells which of them were not new. Close it, or use it in `with`.

    `reopen` gives a second reader of the snapshot that the keys come from, for the second look. Without it
    the names are kept in a temporary file, which costs a third more time and as much space as they take.
    """

    def __init__(self, reopen: Callable[[], Reader] | None = None) -> None:
        self._hashes = Hashes()
        self._kept = Names() if reopen is None else None
        self._reopen = reopen
        self._count = 0
        self._noted: list[bytes] = []
        self._noted_places: list[int] = []
        self._noted_db = 0

    def add(self, keys: Sequence[bytes], places: Iterable[int] | None = None, db: int = 0) -> None:
        """A batch of keys of one database, and where each was seen; without places they are counted."""
        first, self._count = self._count, self._count + len(keys)
        self._hashes.add(key_hashes(keys, db))
        if self._kept is not None:
            self._kept.add(keys, range(first, self._count) if places is None else places, db)

    def note(self, key: bytes, place: int, db: int = 0) -> None:
        """One key, which waits for others to make a batch with."""
        if db != self._noted_db:
            self._add_noted()
            self._noted_db = db
        self._noted.append(key)
        self._noted_places.append(place)
        if len(self._noted) >= BATCH or len(key) > _LONG_NAME:
            self._add_noted()

    def note_all(self, keys: Sequence[bytes], places: Sequence[int], db: int = 0) -> None:
        """`note` of some keys together."""
        if db != self._noted_db:
            self._add_noted()
            self._noted_db = db
        self._noted += keys
        self._noted_places += places
        if len(self._noted) >= BATCH or max(map(len, keys), default=0) > _LONG_NAME:
            self._add_noted()

    def _add_noted(self) -> None:
        if self._noted:
            self.add(self._noted, self._noted_places, self._noted_db)
            self._noted, self._noted_places = [], []

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """The keys of a batch, each at its entry's offset. Raises DecodeError for a damaged key."""
        for db, stretch in _stretches(entries):
            places = () if self._kept is None else [entry.offset for entry in stretch]
            self.add(_keys(stretch), places, db)

    def add_run(self, run: Run) -> None:
        """The keys of a run, of which no entries were made. Raises DecodeError for a damaged key."""
        self.add(run.names(), () if self._kept is None else run.offsets(), run.context.db)

    def join(self, parts: Sequence[bytes]) -> None:
        """Keys behind those that are here, of which only the hashes are known, shared out by `spread`."""
        if self._kept is not None:
            raise ValueError("the names are kept, and hashes have none")
        self._add_noted()
        self._hashes.add_parts(parts)
        self._count += sum(map(len, parts)) // HASH

    def may_repeat(self) -> bool:
        """Whether a hash was there twice; without that no name was."""
        self._add_noted()
        return self._hashes.candidates().any

    def compare(self, ask: Ask) -> None:
        """All keys are here: others look for hashes that occur twice, each among some of them."""
        self._add_noted()
        self._hashes.compare(ask)

    def duplicates(self) -> Iterator[Duplicate]:
        """Every key after the first of its name, in the order they were added."""
        self._add_noted()
        with SortedRuns(_FOUND.size) as found:
            for _, first, record in self._repeats():
                ordinal, place = _PLACE.unpack_from(record, _DIGEST)
                found.add(_FOUND.pack(ordinal, place, _PLACE.unpack_from(first, _DIGEST)[1]))
            yield from self._named(map(_FOUND.unpack, found.merged()))

    def surplus(self, keep: Keep) -> Iterator[int]:
        """Which keys to leave out so that the first or the last of each name stays: the 0th, the 7th ...

        In rising order.
        """
        self._add_noted()
        with SortedRuns(_ORDINAL.size) as found:
            for before, _, record in self._repeats():
                ordinal, _ = _PLACE.unpack_from(record if keep == "first" else before, _DIGEST)
                found.add(_ORDINAL.pack(ordinal))
            yield from (ordinal for record in found.merged() for ordinal in _ORDINAL.unpack(record))

    def _repeats(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Digest, ordinal and place of a key, behind those of the same name before it and of the first."""
        suspects = self._hashes.candidates()
        if not suspects.any:
            return
        with SortedRuns(_DIGEST + _PLACE.size) as digests:
            ordinals = count()
            for db, keys, places in self._names():
                known = suspects.among(key_hashes(keys, db))
                for is_known, key, ordinal, place in zip(known, keys, ordinals, places, strict=False):
                    if is_known:
                        digests.add(_digest(db, key) + _PLACE.pack(ordinal, place))
            first = b""
            for before, record in pairwise(digests.merged()):
                if record[:_DIGEST] != before[:_DIGEST]:
                    continue
                if before[:_DIGEST] != first[:_DIGEST]:
                    first = before
                yield before, first, record

    def _named(self, found: Iterator[tuple[int, ...]]) -> Iterator[Duplicate]:
        """Database and name belong to the ordinals, which rise."""
        begin, wanted = 0, next(found, None)
        if wanted is None:
            return  # as nearly always: no second look
        for db, keys, _ in self._names():
            while wanted is not None and wanted[0] < begin + len(keys):
                ordinal, place, first = wanted
                yield Duplicate(place, first, db, keys[ordinal - begin])
                wanted = next(found, None)
            begin += len(keys)

    def _names(self) -> Iterator[Batch]:
        if self._kept is not None:
            yield from self._kept
        elif self._reopen is not None:
            with self._reopen() as reader:
                yield from _batches(reader)

    def close(self) -> None:
        """Give up the temporary files."""
        self._hashes.close()
        if self._kept is not None:
            self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


# --- entries ----------------------------------------------------------------------------------------

_db_of = attrgetter("db")


def _stretches(entries: Sequence[Entry]) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Entries in file order, by their databases. No context comes back once another was there, so the first
    and the last tell of all between them."""
    if entries and entries[0]._context is entries[-1]._context:
        yield entries[0].db, entries
    else:
        for db, stretch in groupby(entries, _db_of):
            yield db, list(stretch)


def _keys(entries: Sequence[Entry]) -> list[bytes]:
    """Their names; short plain ones, as nearly all are, without asking the entry."""
    return [entry._record[2 : entry._start] if entry._record[1] < _SHORT else entry.key for entry in entries]


_SHORT = 0x40  # lengths below are one byte, and what follows is the text


def hashes_of(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """The hashes of their keys, which are those of this process. Raises DecodeError for a damaged key."""
    for db, stretch in _stretches(entries):
        yield key_hashes(_keys(stretch), db)


def hashes_in(run: Run) -> list[int]:
    """The hashes of the keys of a run."""
    return key_hashes(run.names(), run.context.db)


def _batches(reader: Reader) -> Iterator[Batch]:
    """The keys of a second reading; damage was met in the first, and ends here what it ended there."""
    try:
        for record in reader:
            if isinstance(record, Entry):
                try:
                    yield record.db, [record.key], [record.offset]
                except DecodeError:
                    continue  # of the key only: reading goes on
    except DecodeError:
        return


# --- hashes -----------------------------------------------------------------------------------------


def key_hashes(keys: Iterable[bytes], db: int) -> list[int]:
    """Those of names in one database: the same name in two databases is two keys."""
    if not db:
        return list(map(hash, keys))
    salt = hash((db, "database"))
    return [value ^ salt for value in map(hash, keys)]


def _digest(db: int, key: bytes) -> bytes:
    from hashlib import blake2b  # noqa: PLC0415 - hardly any hashes of names are the same, and it takes 5 ms

    return blake2b(b"%d " % db + key, digest_size=_DIGEST).digest()


_DIGEST = 16
# Big-endian, so that records sort as their numbers do.
_PLACE = Struct(">Qq")  # ordinal, place
_FOUND = Struct(">Qqq")  # ordinal, place, place of the first
_ORDINAL = Struct(">Q")
