"""What keys take in a server, while a snapshot is read: for passes that add up or pick out keys.

    measured(keys)      keys of one database, with their bytes in memory and on disk, elements, expiries

Several such passes run in one reading when they are given to `Together`, which measures each key once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rdbcodec.errors import EncodeError
from rdbcodec.facts.batches import EntryBatch
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.estimates import model_of
from rdbcodec.facts.memory.kinds import FIELD, HASH, MEMBER, SCORED, SET, ZSET, Shape
from rdbcodec.facts.memory.measuring import Measuring
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of
from rdbcodec.facts.passes import Batch, Pass, all_or_none, fit, join
from rdbcodec.facts.selection import Selection
from rdbcodec.formats import known_versions
from rdbcodec.reading.reader import Reader
from rdbcodec.records import Aux, Entry, Header, LargeEntry, Record
from rdbcodec.servers import Server

if TYPE_CHECKING:
    from typing_extensions import Self

Result = TypeVar("Result")
Mark = TypeVar("Mark", bound=Hashable)
Measure = TypeVar("Measure")
_PRODUCTS = ((b"df-ver", "dragonfly"), (b"valkey-ver", "valkey"), (b"redis-ver", "redis"))
_COUNTED = frozenset({SET, HASH, ZSET})
_ELEMENTS = frozenset({FIELD, MEMBER, SCORED})


class Measured:
    """Keys of one database, and a list of each measure, in the order of the keys.

    `memory` is without the share of a key in the tables of its database. `elements` are None where headers do
    not tell. `expiries` is None when all keys are plain: none expires, was idle, passed by. `longest` is the
    longest element of a single key that passed by, where that was told. What `batch` has of each key is found
    when somebody asks; `places` are those of these keys in it, None for all of them.
    """

    __slots__ = ("_batch", "_places", "elements", "expiries", "longest", "memory")

    def __init__(
        self,
        batch: Batch,
        memory: Sequence[float],
        *,
        elements: Sequence[int | None],
        expiries: Sequence[int | None] | None,
        longest: int | None = None,
        places: Sequence[int] | None = None,
    ) -> None:
        self._batch = batch
        self._places = places
        self.memory = memory
        self.elements = elements
        self.expiries = expiries
        self.longest = longest

    @property
    def db(self) -> int:
        """The number of their database."""
        return self._batch.db

    @property
    def entries(self) -> Sequence[Entry]:
        """The keys as entries, which are made for who asks: `entry` makes one."""
        return self._of(self._batch.entries)

    def entry(self, at: int) -> Entry:
        """One of the keys as an entry."""
        return self._batch.entry(at if self._places is None else self._places[at])

    @property
    def names(self) -> Sequence[bytes]:
        """The keys themselves."""
        return self._of(self._batch.names)

    @property
    def codes(self) -> bytes:
        """The type code of each."""
        return bytes(self._of(self._batch.codes))

    @property
    def disk(self) -> Sequence[int]:
        """The bytes of each on disk."""
        return self._of(self._batch.sizes)

    @property
    def times(self) -> Sequence[int | None]:
        """The expiry of each."""
        return [None] * len(self.memory) if self.expiries is None else self.expiries

    @property
    def offsets(self) -> Sequence[int]:
        """Where each begins in the snapshot."""
        return self._of(self._batch.offsets)

    def layouts(self, places: Mapping[str, int]) -> bytes:
        """The number below 256 that `places` has for the name of the layout of each."""
        return bytes(self._of(self._batch.layouts(places)))

    @property
    def have_hints(self) -> bool:
        """Whether the file may tell of one when it was used, or how often."""
        return not self._batch.is_brief or self._batch.has_hints

    def _of(self, column: Sequence[Measure]) -> Sequence[Measure]:
        places = self._places
        if places is None:
            return column
        return itemgetter(*places)(column) if len(places) > 1 else [column[at] for at in places]

    def only(self, wanted: Sequence[bool]) -> Measured:
        """Those of the keys that are wanted."""

        def of(measures: Sequence[Measure]) -> list[Measure]:
            return list(compress(measures, wanted))

        return Measured(
            self._batch,
            of(self.memory),
            elements=of(self.elements),
            expiries=None if self.expiries is None else of(self.expiries),
            longest=self.longest,
            places=of(range(len(wanted)) if self._places is None else self._places),
        )

    def by(self, marks: Sequence[Mark]) -> Iterator[tuple[Mark, Measured]]:
        """The keys by what each has a mark for: with C functions, as those of a mark are many mostly."""
        places: defaultdict[Mark, list[int]] = defaultdict(list)
        for at, mark in enumerate(marks):
            places[mark].append(at)
        if len(places) == 1:
            yield marks[0], self
            return
        for mark, of_mark in places.items():
            yield mark, self._at(of_mark)

    def _at(self, places: list[int]) -> Measured:
        get: Callable[[Sequence[Any]], Sequence[Any]]
        if len(places) == 1:
            (at,) = places
            get = _one_at(at)
        else:
            get = itemgetter(*places)
        return Measured(
            self._batch,
            get(self.memory),
            elements=get(self.elements),
            expiries=None if self.expiries is None else get(self.expiries),
            longest=self.longest,
            places=places if self._places is None else get(self._places),
        )

    def __len__(self) -> int:
        return len(self.memory)


def _one_at(at: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
    return lambda measures: measures[at : at + 1]


class EntryPass(Pass[Result], Generic[Result]):
    """Gives `measured` the selected keys with their bytes in a server, by default the writer of the file."""

    looks_at_large = True

    def __init__(
        self, server: Server | None, *, allocator: str = DEFAULT, selection: Selection | None = None
    ) -> None:
        self.server = server
        self.allocator = allocator
        self.selection = None if selection is None or selection.is_empty else selection
        self._model: Model | None = None
        self._measuring: Measuring | None = None
        self._version = 0
        self._producer: tuple[str, str] | None = None

    def begin(self, header: Header) -> None:
        """The version says something of the server when nothing else does."""
        self._version = header.version

    def record(self, record: Record) -> None:
        """Who wrote the file."""
        if isinstance(record, Aux) and self._model is None:
            for name, product in _PRODUCTS:
                if record.name == name:
                    self._producer = product, record.value.decode("utf-8", "backslashreplace")

    @property
    def meant(self) -> Server:
        """The server whose memory is told; who wrote the file is known when its first key comes."""
        if self.server is None:
            self.server = writer_of(self._producer, self._version)
        return self.server

    @property
    def model(self) -> Model:
        """What the server takes for each shape."""
        if self._model is None:
            self._model = model_of(self.meant, allocator=self.allocator)
        return self._model

    def batch(self, batch: Batch) -> None:
        """All keys but the large ones, which passed by."""
        keys = self._chosen(batch)
        if keys is None:
            return
        expiries = None if batch.is_plain else keys.times
        if self._measuring is None:
            self._measuring = Measuring(self.model)
        memory, elements = self._measuring.measure(keys, expiries)
        self.measured(Measured(keys, memory, elements=elements, expiries=expiries))

    def _chosen(self, batch: Batch) -> Batch | None:
        """The keys that are selected, of those that did not pass by; None when there are none."""
        if batch.is_brief and self.selection is None:
            return batch
        entries = [entry for entry in batch.entries if not entry.is_large]
        if self.selection is not None:
            entries = self.selection.chosen(entries)
        return EntryBatch(entries) if entries else None

    def large(self, entry: LargeEntry) -> None:
        """One that passes by: its elements are counted on the way."""
        if self.selection is not None and not self.selection.take(entry):
            return
        self.look(entry)
        memory, count, longest = 0.0, 0, 0
        for shapes in shapes_of(entry):
            memory += self.model.total(shapes)
            count += sum(shape[1] for shape in shapes if shape[0] in _COUNTED)
            longest = max(longest, _longest(shapes))
        elements = count or (1 if not entry.code else None)
        keys, expiries = EntryBatch([entry]), [entry.expires_at_ms]
        self.measured(
            Measured(keys, [memory], elements=[elements], expiries=expiries, longest=longest or None)
        )

    def look(self, entry: LargeEntry) -> None:
        """At a value that passes by, before it is measured."""

    def measured(self, keys: Measured) -> None:
        """Keys of one database; of those that passed by each comes alone."""
        raise NotImplementedError

    def fork(self) -> Self | None:
        """One for the server that is meant; none of chosen keys, since a selection counts what it takes."""
        return None if self.selection is not None else self.fork_for(self.meant)

    def fork_for(self, server: Server) -> Self | None:
        """One that does the same for a server."""
        del server
        return None


class Together(EntryPass[list[Any]]):
    """Several passes over the same keys in one reading, for one server; the results, in their order."""

    def __init__(
        self,
        passes: Sequence[EntryPass[Any]],
        server: Server | None = None,
        *,
        allocator: str = DEFAULT,
        selection: Selection | None = None,
    ) -> None:
        super().__init__(server, allocator=allocator, selection=selection)
        self._passes = passes
        for each in passes:
            each.server, each.allocator, each.selection = server, allocator, self.selection

    def begin(self, header: Header) -> None:
        """To each."""
        super().begin(header)
        for each in self._passes:
            each.begin(header)

    def record(self, record: Record) -> None:
        """To each."""
        super().record(record)
        for each in self._passes:
            each.record(record)

    def look(self, entry: LargeEntry) -> None:
        """To each."""
        for each in self._passes:
            each.look(entry)

    def measured(self, keys: Measured) -> None:
        """To each."""
        for one in self._passes:
            one.measured(keys)

    def fork_for(self, server: Server) -> Self | None:
        """The forks of each."""
        forks = all_or_none(each.fork_for(server) for each in self._passes)
        return None if forks is None else type(self)(forks, server, allocator=self.allocator)

    def part(self) -> list[Any] | None:
        """The parts of each."""
        return all_or_none(each.part() for each in self._passes)

    def fits(self, part: list[Any]) -> bool:
        """Whether that of each fits."""
        return fit(self._passes, part)

    def join(self, part: list[Any]) -> None:
        """To each its own."""
        join(self._passes, part)

    def after(self, reader: Reader) -> None:
        """To each."""
        for each in self._passes:
            each.after(reader)

    def end(self) -> list[Any]:
        """The results."""
        return [each.end() for each in self._passes]

    def close(self) -> None:
        """Also when reading ended in an error."""
        for each in self._passes:
            each.close()


def _longest(shapes: list[Shape]) -> int:
    return max((max(shape[1], shape[2]) for shape in shapes if shape[0] in _ELEMENTS), default=0)


def writer_of(producer: tuple[str, str] | None, version: int) -> Server:
    """The server that wrote a file, as its AUX fields tell, or the first that writes its version."""
    if producer is not None:
        product, number = producer
        try:
            return Server.of("dragonfly-1.0" if product == "dragonfly" else f"{product}-{number}")
        except EncodeError:  # a release of the future, or no number
            pass
    try:
        return Server.of(version=version)
    except EncodeError:  # a version nobody knows yet: whoever writes it is most like the newest
        return Server.of(version=known_versions("redis")[-1])
