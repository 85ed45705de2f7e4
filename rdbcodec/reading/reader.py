"""Reading snapshots: `rdbcodec.open`, a Decoder with a loop over a file.

    with rdbcodec.open("dump.rdb") as snapshot:
        for record in snapshot:
            if isinstance(record, rdbcodec.Entry):
                print(record.db, record.key, record.type, record.expires_at_ms)

The promise, which the tests fuzz: any bytes give records or an RdbError. Anything else is a bug. Memory
stays under `max_value` plus a few windows of 256 KiB, whatever the file says about itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from rdbcodec.errors import BadMagic, DamagedContainer, RdbError
from rdbcodec.limits import MAX_VALUE
from rdbcodec.reading.containers import Opened
from rdbcodec.reading.nested import Nesting
from rdbcodec.reading.source import CHUNK, Source, open_raw
from rdbcodec.tail import Tail, measure

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.formats import Dialect
    from rdbcodec.reading.runs import InRuns, Run, ShortStrings
    from rdbcodec.records import Record
    from rdbcodec.records.state import Position


class Reader(Nesting):
    """A snapshot in a file, a pipe or memory; iterate over it once for its records.

    Any bytes give records or an RdbError; anything else is a bug. See Decoder for the parameters.
    `containers` names what the snapshot was wrapped in, outermost first. Iterating again goes on where
    the last loop was left; once the End record or an error came, it raises. One thread at a time: a
    second that asks while the first is inside gets a ValueError.
    """

    # How it does a reading.parallel.scan.Work, calling a progress, when others help it with that.
    in_parts: Callable[[Any, Callable[[], Any] | None], None] | None = None

    def __init__(
        self,
        source: Source,
        *,
        dialect: Dialect | None = None,
        max_value: int = MAX_VALUE,
        max_record: int | None = None,
        verify_checksum: bool = True,
        any_version: bool = False,
    ) -> None:
        super().__init__(
            dialect=dialect,
            max_value=max_value,
            max_record=max_record,
            verify_checksum=verify_checksum,
            any_version=any_version,
        )
        raw, self._close = open_raw(source)
        try:
            self._source = Opened(raw)
            self._resemblance = self._source.resemblance()
        except BaseException:
            self._close()
            raise
        self.containers = tuple(self._source.containers)
        # A reader never runs dry without the end: NEED_DATA does not occur, so the core's own generator
        # is handed out and no second one slows the loop down. A generator that raised says from then on
        # that it is exhausted, which must not be taken for the end of the snapshot.
        self._is_iterated = self._is_stretched = False
        self._iterator: Iterator[Record] = chain(self._records, Afterwards(self))  # type: ignore[arg-type]

    def position(self) -> Position | None:
        """Where a Decoder can take up reading (Decoder.resume): behind the record that `next_record` gave
        last, or between two stretches. Whoever iterates is ahead of what a reader knows: that is an RdbError.
        """
        if self._is_iterated or (self._is_stretched and not self._is_paused):
            raise RdbError("a reader knows its position after next_record() and between two stretches")
        return super().position()

    def __iter__(self) -> Iterator[Record]:
        if self._failure is not None:
            self._fail_again()
        if self.ended_at is not None:
            raise RdbError("the snapshot was read to its end: open it again to read it again")
        self._is_iterated = True
        return self._iterator

    def stretches(self, size: int, *, in_runs: InRuns | None = None) -> Iterator[Iterator[Record]]:
        """The records in iterators one after another: for who collects records before he looks at them.

        The records of one are about `size` bytes and one record more, whatever the file holds. It takes
        no time, as it is where the window moves that an iterator ends.
        """
        if self.version:
            raise RdbError("stretches() begins with the first record, and some were read before")
        while self.ended_at is None:
            if self._failure is not None:
                self._fail_again()
            self._records, self._is_stretched = self._run(size, in_runs=in_runs), True
            yield self._records  # type: ignore[misc] # NEED_DATA does not occur

    def runs(self, size: int) -> Iterator[Iterator[Record | Run]]:
        """As `stretches`, but keys that have nothing odd come as Runs, which are no records yet."""
        return self.stretches(size, in_runs="all")

    def short_runs(self, size: int) -> Iterator[Iterator[Record | ShortStrings]]:
        """The same of those keys alone that are short strings, and many."""
        return self.stretches(size, in_runs="short strings")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if the reader opened it."""
        self._close()

    def _fetch(self, wanted: int) -> bytes:
        return self._source.read(max(CHUNK, min(wanted, self._window.max_record)))

    def _refuse_lookalikes(self) -> None:
        if self._resemblance is not None:
            error = BadMagic(self._resemblance.message, 0)
            error.next_step = self._resemblance.next_step
            raise error

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far (compressed ones, if it is compressed)."""
        return self._source.raw.position

    @property
    def size(self) -> int | None:
        """Bytes of the file, None when that is not known (a pipe)."""
        return self._source.raw.size

    @property
    def name(self) -> str | None:
        """The path, or the name that the source gives itself; None for memory and what has none."""
        return self._source.raw.name

    def tail(self) -> Tail:
        """What follows the snapshot; raises RdbError before the End record. Reads to the end of the file,
        unless AOF commands follow."""
        try:
            tail = measure(self.tail_pieces())
        except DamagedContainer as error:
            error.locate(offset=self.ended_at)
            raise
        padding = self._source.padding  # known when all was read
        if not padding or tail.size is None:
            return tail
        return Tail("zero padding" if tail.kind == "nothing" else tail.kind, tail.size + padding)

    def tail_pieces(self) -> Iterator[bytes]:
        """The bytes that follow the snapshot, but for the mark that ends a replication stream."""
        if self.ended_at is None:
            raise RdbError("what follows the snapshot is known after its End record: read that first")
        head = self._window.buf[self._window.pos :] or self._source.read(CHUNK)
        mark = self._source.mark
        while mark and 0 < len(head) < len(mark) and mark.startswith(head):
            more = self._source.read(CHUNK)
            if not more:
                break
            head += more
        if mark and head.startswith(mark):
            head = head[len(mark) :]
        while head:
            yield head
            head = self._source.read(CHUNK)


class Afterwards:
    """What a reader's iterator gives when its records are over: nothing, or the error that ended them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> NoReturn:
        if self._reader._failure is not None:
            self._reader._fail_again()
        raise StopIteration


def open(
    source: Source,
    *,
    dialect: Dialect | None = None,
    max_value: int = MAX_VALUE,
    max_record: int | None = None,
    verify_checksum: bool = True,
    any_version: bool = False,
) -> Reader:
    """A reader for a path, bytes, a memoryview, an mmap, or whatever has `read(size)`: files, pipes.

    gzip, LZ4 and zstd are recognised and undone. The parameters are those of Decoder. Raises OSError
    when the file cannot be opened, ContainerError when its wrapping is damaged.
    """
    return Reader(
        source,
        dialect=dialect,
        max_value=max_value,
        max_record=max_record,
        verify_checksum=verify_checksum,
        any_version=any_version,
    )
