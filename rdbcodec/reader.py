"""Reading snapshots: `rdbcodec.open`, a Decoder with a loop over a file.

    with rdbcodec.open("dump.rdb") as snapshot:
        for record in snapshot:
            if isinstance(record, rdbcodec.Entry):
                print(record.db, record.key, record.type, record.expires_at_ms)

The promise, which the tests fuzz: any bytes give records or an RdbError. Anything else is a bug. Memory
stays under `max_value` plus a few windows of 256 KiB, whatever the file says about itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from rdbcodec.containers import CHUNK, Opened, Source, open_raw
from rdbcodec.decoder import Decoder
from rdbcodec.errors import BadMagic
from rdbcodec.limits import MAX_VALUE
from rdbcodec.tail import Tail, measure

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.formats import Dialect
    from rdbcodec.records import Record


class Reader(Decoder):
    """A snapshot in a file, a pipe or memory; iterate over it once for its records.

    Any bytes give records or an RdbError; anything else is a bug. See Decoder for the parameters.
    `containers` names what the snapshot was wrapped in, outermost first.
    """

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

    def __iter__(self) -> Iterator[Record]:
        # A reader never runs dry without the end: NEED_DATA does not occur, so the decoder's own
        # generator is handed out and no second one slows the loop down.
        return self._records  # type: ignore[return-value]

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
        """The next piece; for a record that is not whole at least as much as is held of it.

        Growing by what is held keeps the copying linear in the size of a value.
        """
        size = max(CHUNK, min(max(wanted, len(self._buf) - self._pos), self._max_record))
        return self._source.read(size)

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

    def tail(self) -> Tail:
        """What follows the snapshot; to be asked after the End record. Reads to the end of the file,
        unless AOF commands follow."""
        tail = measure(self.tail_pieces())
        padding = self._source.padding  # known when all was read
        if not padding or tail.size is None:
            return tail
        return Tail("zero padding" if tail.kind == "nothing" else tail.kind, tail.size + padding)

    def tail_pieces(self) -> Iterator[bytes]:
        """The bytes that follow the snapshot, but for the mark that ends a replication stream."""
        head = self.unused or self._source.read(CHUNK)
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


def open(
    source: Source,
    *,
    dialect: Dialect | None = None,
    max_value: int = MAX_VALUE,
    max_record: int | None = None,
    verify_checksum: bool = True,
    any_version: bool = False,
) -> Reader:
    """A reader for a path, a binary file, a pipe, bytes, a memoryview or an mmap.

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
