"""Records inside records: Dragonfly's compressed blobs, and records in interleaved pieces.

Each is read by a decoder of its own, resumed where the blob or the first piece stands. What it holds has no
place in the file but that of the record around it. All decoders of a file share the records in pieces, as
pieces stand in blobs as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure, DecodeError, LimitExceeded
from rdbcodec.formats import OpcodeRow
from rdbcodec.limits import MAX_OPEN_TAGS
from rdbcodec.reading.core import Core
from rdbcodec.reading.unpack import unpack_blob
from rdbcodec.reading.window import NEED_DATA, Records, Window
from rdbcodec.records import Entry
from rdbcodec.wire import strings
from rdbcodec.wire.strings import Budget

if TYPE_CHECKING:
    from rdbcodec.records import LargeEntry, Record


class Nesting(Core):
    """A Core that reads the records inside of records."""

    _tags: Tags | None = None

    def _nested_records(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        """What the blob or piece at offset `at` holds; damage in it has its place."""
        window = self._window
        if self._tags is None:
            self._tags = Tags()
        self._tags.on_large = self.on_large
        self._is_nested = True
        try:
            if window.attributes is not None:
                raise CorruptStructure(f"a {row.name} stands between the attributes of a key and the key")
            yield from _READ[row.name](window, self._tags, row.name, raw, at)
        except DecodeError as error:
            error.locate(offset=at, db=window.db)
            raise
        self._is_nested = bool(self._tags.open)

    def _check_tags(self) -> None:
        if self._tags is not None and self._tags.open:
            raise CorruptStructure(f"{len(self._tags.open)} records in interleaved pieces are not complete")


class Inner(Nesting):
    """The records in another, which stands at `at` in the file that `outer` reads."""

    def __init__(self, outer: Window, tags: Tags, at: int, *, max_value: int) -> None:
        super().__init__(max_value=max_value, max_record=outer.max_record, verify_checksum=False)
        self._tags = tags
        self.on_large = tags.on_large
        self._window.resume(outer.file_context()._replace(is_settled=True), at)
        self._window.inside = at
        self._window.opcodes = outer.opcodes

    def records(self) -> Iterator[Record]:
        """Those that are whole so far."""
        for record in self._records:
            if record is NEED_DATA:
                return
            if isinstance(record, Entry):
                record.stand_in_another()
            yield record


class Blob(Inner):
    """The records in a compressed blob, unpacked as they are read: what it unpacks to is never held whole."""

    def __init__(self, outer: Window, tags: Tags, at: int, pieces: Iterator[bytes]) -> None:
        super().__init__(outer, tags, at, max_value=outer.max_value)
        self._pieces = pieces

    def _fetch(self, wanted: int) -> bytes:
        del wanted
        return next(self._pieces, b"")

    @property
    def db(self) -> int:
        """The database selected last."""
        return self._window.db

    @property
    def is_at_its_end(self) -> bool:
        """Whether nothing is left of it."""
        return self._window.pos >= len(self._window.buf)


class Tagged(Inner):
    """A record that comes in pieces.

    It cannot pass by, as others come between its pieces: it is held, whatever `max_value` is.
    """

    def __init__(self, outer: Window, tags: Tags, at: int) -> None:
        super().__init__(outer, tags, at, max_value=outer.max_record)
        self._fed = b""
        self.size = 0

    def feed(self, piece: bytes) -> None:
        """One more piece, when the records of those before were taken."""
        self._fed = piece

    def _fetch(self, wanted: int) -> bytes | None:
        del wanted
        piece, self._fed = self._fed, b""
        return piece or None

    @property
    def is_complete(self) -> bool:
        """Whether the pieces so far end where a record ends."""
        return self._window.is_between

    @property
    def _is_interleaved(self) -> bool:
        return True


class Tags:
    """The records of a file that came in part: by their tags, and the bytes of their pieces."""

    def __init__(self) -> None:
        self.open: dict[int, Tagged] = {}
        self.size = 0
        self.on_large: Callable[[LargeEntry], None] | None = None  # of the file: blobs hold large values too

    def tagged(self, tag: int, outer: Window, at: int) -> Tagged:
        """The decoder of a tag, a new one for a new tag."""
        if tag not in self.open:
            if len(self.open) >= MAX_OPEN_TAGS:
                wanted = len(self.open) + 1
                message = "too many records in interleaved pieces at a time"
                raise LimitExceeded(message, limit=MAX_OPEN_TAGS, wanted=wanted, unit="records")
            self.open[tag] = Tagged(outer, self, at)
        return self.open[tag]

    def add(self, tag: int, size: int, limit: int) -> None:
        """So many bytes more; all that are not complete together are no more than one record may be."""
        self.open[tag].size += size
        self.size += size
        if self.size > limit:
            message = "records in interleaved pieces are too large to hold"
            raise LimitExceeded(message, limit=limit, wanted=self.size)

    def close(self, tag: int) -> None:
        """The record is complete."""
        self.size -= self.open.pop(tag).size


def _compressed_blob(window: Window, tags: Tags, codec: str, raw: bytes, at: int) -> Iterator[Record]:
    if window.inside is not None:
        raise CorruptStructure("a compressed blob stands inside another")
    data, _ = strings.read(raw, 1, Budget(window.max_record))
    blob = Blob(window, tags, at, unpack_blob(codec, data))
    yield from blob.records()
    if not blob.is_at_its_end:
        raise CorruptStructure("a compressed blob holds an EOF mark")
    window.db = blob.db


def _tagged_chunk(window: Window, tags: Tags, codec: str, raw: bytes, at: int) -> Iterator[Record]:
    del codec
    tag = int.from_bytes(raw[1:5], "little")
    tagged = tags.tagged(tag, window, at)
    tags.add(tag, len(raw), window.max_record)
    tagged.feed(raw[9:])
    yield from tagged.records()
    if tagged.is_complete:
        tags.close(tag)


_READ: dict[str, Callable[[Window, Tags, str, bytes, int], Iterator[Record]]] = {
    "zstd-blob": _compressed_blob,
    "lz4-blob": _compressed_blob,
    "tagged-chunk": _tagged_chunk,
}
