"""Reading on in the middle of a snapshot, at a place that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.reading.nested import Nesting
from rdbcodec.reading.source import CHUNK

if TYPE_CHECKING:
    from rdbcodec.reading.source import Readable
    from rdbcodec.records.state import Position


class Resumed(Nesting):
    """The records from a Position on; `source` gives the bytes of the snapshot from there on.

    `next_record` gives them one after another. The checksum, which is over the whole file, is not verified.
    """

    def __init__(self, source: Readable, place: Position, *, max_value: int, max_record: int) -> None:
        super().__init__(max_value=max_value, max_record=max_record, verify_checksum=False)
        self._source = source
        self._window.resume(place.context, place.offset)

    def _fetch(self, wanted: int) -> bytes:
        return self._source.read(max(CHUNK, min(wanted, self._window.max_record)))
