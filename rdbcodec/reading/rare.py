"""What the loop over a window leaves to others: keys that are not whole or too large, opcodes, the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator

from rdbcodec.errors import CorruptStructure, DecodeError
from rdbcodec.formats import CRC_SINCE, OpcodeRow
from rdbcodec.framing import Walk
from rdbcodec.reading.passing import Passing
from rdbcodec.reading.window import NEED_DATA, NeedData, Records, Window
from rdbcodec.records import Attributes, End, Entry, LargeEntry, Record
from rdbcodec.records.attributed import attributed
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.records.registry import KINDS
from rdbcodec.wire import strings
from rdbcodec.wire.long_strings import Held


class Rare(ABC):
    """A window, and the records at its `pos` that take more than finding their end."""

    _window: Window
    _failure: BaseException | None
    max_value: int
    on_large: Callable[[LargeEntry], None] | None
    ended_at: int | None

    def _fail(self, error: BaseException) -> None:
        self._failure = error

    @abstractmethod
    def _nested_records(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        """The records in a record of Dragonfly's, which stands at this offset."""

    @abstractmethod
    def _check_tags(self) -> None:
        """Raise CorruptStructure when a record in interleaved pieces is not complete."""

    @property
    def _is_interleaved(self) -> bool:
        """Whether others come between the pieces of a record, so that it cannot pass by."""
        return False

    # --- keys that are not whole in the window -------------------------------------------------------

    def _split_entry(self) -> Records:
        """The key record at `pos`, whose end is not in the window yet, or whose walk met damage."""
        window = self._window
        start = yield from self._split_key()
        walk = Walk(window.types[window.buf[window.pos]].framing, window.templates)
        try:
            at = yield from window.gather(walk, start, self.max_value)
        except CorruptStructure as error:
            if error.pos is not None:  # met by the walk, and not by what brings the bytes
                self._name_key(error)
            raise
        start = strings.walk(window.buf, window.pos + 1)
        # The size decides, not how much of the value happens to be in the window.
        if at - start + walk.missing > self.max_value:
            if self._is_interleaved:
                raise Held(self.max_value).refuse("a value in interleaved pieces", at - start + walk.missing)
            yield from self._pass_by(walk, start, at)
            return
        entry = Entry()
        if window.attributes is not None:
            entry, window.attributes = attributed(window.attributes, window.context()), None
        else:
            entry._pos = window.pos if window.inside is None else 0
        self._fill(entry, start, at)
        window.pos = at
        yield entry

    def _split_key(self) -> Generator[Record | NeedData, None, int]:
        """Wait until the key is in the window; the position of the value."""
        window = self._window
        while True:
            start, missing = window.pos, 1
            try:
                start = strings.walk(window.buf, window.pos + 1)
                missing = start - len(window.buf)
            except IndexError:
                pass
            if missing <= 0:
                return start
            if start - window.pos > window.max_record:
                raise Held(window.max_record).refuse("a key", start - window.pos)
            yield from window.wait(window.pos, missing)

    def _name_key(self, error: DecodeError) -> None:
        """Say in whose value the walk failed, unless the key itself is what is damaged."""
        window = self._window
        try:
            key = window.string(window.pos + 1)[0]
        except (DecodeError, IndexError):
            return
        error.locate(key=key, type=window.types[window.buf[window.pos]].name)

    def _fill(self, entry: Entry, start: int, end: int) -> None:
        """Give an entry the record at `pos`."""
        window = self._window
        pos = window.pos
        entry._context = window.context()
        entry._record = window.buf[pos:end]
        entry._start = start - pos
        entry.code = window.buf[pos]

    def _pass_by(self, walk: Walk, start: int, at: int) -> Records:
        """A value too large to hold: its entry comes first, then its bytes, then the next record."""
        window, entry = self._window, LargeEntry()
        entry._attributes, window.attributes = window.attributes or Attributes(window.offset()), None
        entry._pos = entry._attributes.offset - window.context().base
        self._fill(entry, start, start)
        window.pos = start
        before = window.base + start
        passing = Passing(window, walk, at, locate=entry.locate, fail=self._fail)
        entry.pass_by(passing)
        if self.on_large is not None:
            self.on_large(entry)
        yield entry
        rest = passing.rest()
        if self._failure is None:
            for piece in rest.pieces():
                if not piece:
                    yield NEED_DATA
        if self._failure is not None:  # somebody caught it while reading the value; there is no way on
            raise self._failure
        entry.has_passed(window.base + window.pos - before)

    # --- opcodes -------------------------------------------------------------------------------------

    def _opcode_record(self) -> Records:
        """The record of the opcode at `pos`: waited for until it is whole, then handed out."""
        window = self._window
        row = window.opcode_row(window.buf[window.pos])
        window.opcodes.setdefault(row.name, window.offset())
        kind = KINDS[row.name]
        end, whole = 0, False
        try:
            record, end = kind.decode(window, row, window.pos + 1)
            whole = end <= len(window.buf)
        except IndexError:
            pass
        if not whole:
            walk, limit = Walk(row.framing, window.templates), kind.limit(window)
            at = yield from window.gather(walk, window.pos + 1, limit)
            if not walk.done:
                raise Held(limit).refuse(f"a {row.name} record", at - window.pos + walk.missing)
            record, end = kind.decode(window, row, window.pos + 1)
        at, raw = window.offset(), window.buf[window.pos : end]
        window.pos = end
        if record is not None:
            if window.attributes is not None and window.attributes.meta is not None:
                window.attributes.is_meta_apart = True
            window.weigh(record)
            yield record
        elif kind.holds_records:
            yield from self._nested_records(row, raw, at)

    # --- the end -------------------------------------------------------------------------------------

    def _end(self) -> Records:
        """The EOF byte at `pos` and the checksum behind it."""
        self._check_tags()
        window = self._window
        offset = window.base + window.pos
        size = CRC_SIZE if window.version >= CRC_SINCE else 0
        yield from window.wait(window.pos, 1 + size - (len(window.buf) - window.pos))
        raw = window.buf[: 1 + size]
        window.drop(1)
        window.pos = size
        end = End(offset, raw, window.base + size, window.check(raw[1:]))
        self.ended_at = end.size
        yield end
