"""What single keys take in a server, while a snapshot is read: for passes that add up or pick out keys."""

from __future__ import annotations

from typing import Generic, TypeVar

from rdbcodec.errors import EncodeError
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.memory.estimates import model_of
from rdbcodec.facts.memory.model import Model
from rdbcodec.facts.memory.shapes import shapes_of, string_shape
from rdbcodec.facts.memory.sizes import FIELD, HASH, MEMBER, SCORED, SET, ZSET, Shape
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.selection import Selection
from rdbcodec.records import Aux, Entry, Header, LargeEntry, Record
from rdbcodec.servers import Server

Result = TypeVar("Result")
_PRODUCTS = ((b"df-ver", "dragonfly"), (b"valkey-ver", "valkey"), (b"redis-ver", "redis"))
_COUNTED = frozenset({SET, HASH, ZSET})
_ELEMENTS = frozenset({FIELD, MEMBER, SCORED})


class EntryPass(Pass[Result], Generic[Result]):
    """Gives `add` each selected key with its bytes in a server, by default the one that wrote the file.

    Bytes are without the key's share of the tables of its database.
    """

    looks_at_large = True

    def __init__(
        self, server: Server | None, *, allocator: str = DEFAULT, selection: Selection | None = None
    ) -> None:
        self.server = server
        self.allocator = allocator
        self._selection = selection
        self._left = None if selection is None else selection.limit
        self._model: Model | None = None
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
        """Each key but the large ones, which passed by."""
        model, takes = self.model, self._takes
        for entry, disk in zip(batch.entries, batch.sizes, strict=True):
            if not takes(entry) or entry.is_large:
                continue
            if not entry.code:
                self.add(entry, model[string_shape(entry)], disk, None, None)
            else:
                shapes = [shape for shapes in shapes_of(entry) for shape in shapes]
                self.add(entry, model.total(shapes), disk, None, None)

    def large(self, entry: LargeEntry) -> None:
        """One that passes by: its elements are counted on the way."""
        if not self._takes(entry):
            return
        memory, count, largest = 0.0, 0, 0
        for shapes in shapes_of(entry):
            memory += self.model.total(shapes)
            count += sum(shape[1] for shape in shapes if shape[0] in _COUNTED)
            largest = max(largest, _largest(shapes))
        self.add(entry, memory, entry.serialized_size, count or None, largest or None)

    def add(self, entry: Entry, memory: float, disk: int, count: int | None, largest: int | None) -> None:
        """A key; of a large one how many elements it has and how long the longest is, where that was told."""
        raise NotImplementedError

    def _takes(self, entry: Entry) -> bool:
        if self._selection is None:
            return True
        if self._left == 0 or not self._selection.takes(entry):
            return False
        if self._left is not None:
            self._left -= 1
        return True


def _largest(shapes: list[Shape]) -> int:
    return max((max(shape[1], shape[2]) for shape in shapes if shape[0] in _ELEMENTS), default=0)


def writer_of(producer: tuple[str, str] | None, version: int) -> Server:
    """The server that wrote a file, as its AUX fields tell, or the first that writes its version."""
    if producer is not None:
        product, number = producer
        try:
            return Server.of("dragonfly-1.0" if product == "dragonfly" else f"{product}-{number}")
        except EncodeError:  # a release of the future, or no number
            pass
    return Server.of(version=version)
