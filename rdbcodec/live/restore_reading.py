"""The records of a snapshot that is restored: from its beginning, or from where a run before had come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rdbcodec.limits import MAX_RECORD, MIB
from rdbcodec.reading.containers import Opened
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.resumed import Resumed
from rdbcodec.reading.source import CHUNK, Raw, Source, open_raw

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.records import Record
    from rdbcodec.records.state import Position

HELD = 4 * MIB  # bytes of a value that go into a batch; a larger one goes alone, by way of a temporary file


class Snapshot:
    """A snapshot to be restored: `open` opens it, as `rdbcodec.open` does unless told; `name` is what it is
    called. `check` is called when it was read to its end, and may raise.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str | None = None,
        open: Callable[[], Reader] | None = None,
        max_record: int = MAX_RECORD,
        check: Callable[[Reader], object] = lambda _: None,
    ) -> None:
        self.source = source
        self.name = name or (os.fspath(source) if isinstance(source, (str, os.PathLike)) else "the snapshot")
        self.max_record = max_record
        self._open = open or (lambda: open_snapshot(source, max_value=HELD))
        self._check = check

    def reading(self, position: Position | None) -> Reading:
        """Its records; from a position on, if one is given."""
        if position is None:
            reader = self._open()
            return Reading(reader, reader, reader.close, lambda: self._check(reader))
        raw, close = open_raw(self.source)
        try:
            stream = Opened(raw)
            left = position.offset
            while left and (data := stream.read(min(CHUNK, left))):
                left -= len(data)
            rest = Resumed(stream, position, max_value=HELD, max_record=self.max_record)
        except BaseException:
            close()
            raise
        return Reading(rest, _Read(raw), close, lambda: None)


class _Read:
    """How far a source was read."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    @property
    def bytes_read(self) -> int:
        return self._raw.position


class Reading:
    """The records of a snapshot, one by one, so that the place behind each is known."""

    def __init__(
        self,
        core: Reader | Resumed,
        read: Reader | _Read,
        close: Callable[[], object],
        check: Callable[[], object],
    ) -> None:
        self._core = core
        self._read = read
        self._close = close
        self.check = check
        self.position: Callable[[], Position | None] = core.position

    def records(self) -> Iterator[Record]:
        """From here to the end."""
        return iter(self._core.next_record, None)  # type: ignore[arg-type] # NEED_DATA does not occur

    @property
    def bytes_read(self) -> int:
        """Bytes of the file, for a progress."""
        return self._read.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
