"""The loop over a window: bytes in, in any pieces; records out.

The rules this module keeps:

* The records do not depend on how the bytes were cut: one at a time or all at once.
* Walk first. A value's end is found by its framing, its bytes are sliced, nothing is decoded.
* A record that is not whole is walked on from where the bytes ended, never again from its start, and its
  pieces are joined once; a value larger than `max_value` is not held at all but passes by.
* Damage ends the reading for good: whoever asks again is told again, never that the snapshot is complete.
* Attributes (expiry, idle, freq, metadata) belong to the next key and are forgotten after it.
* Any bytes give records or an RdbError. Memory stays under `max_value` plus two windows.

What a record is, and how it is decoded, stands in its file in rdbcodec.records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import NoReturn

from rdbcodec.errors import (
    CorruptStructure,
    DecodeError,
    RdbError,
)
from rdbcodec.formats import CRC_SINCE, TELLTALE_CODES, Dialect, OpcodeRow
from rdbcodec.framing import Walk
from rdbcodec.limits import MAX_RECORD, MAX_VALUE, MIN_VALUE
from rdbcodec.reading.passing import Passing
from rdbcodec.reading.window import NEED_DATA, NeedData, Records, Window, check_options
from rdbcodec.records import AttributedEntry, Attributes, End, Entry, Header, LargeEntry, Record
from rdbcodec.records.attributes import expire_at_ms
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.records.header import MAGIC_SIZE, check_version, may_be_magic, read_magic
from rdbcodec.records.registry import KINDS
from rdbcodec.records.state import Position
from rdbcodec.wire import strings
from rdbcodec.wire.long_strings import Held

EOF, EXPIRETIME_MS = 255, 252  # the two opcodes the loop meets before the table is asked


class Core(ABC):
    """What Decoder and Reader are: a window and the loop over it. They differ in where bytes come from."""

    def __init__(
        self,
        *,
        dialect: Dialect | None = None,
        max_value: int = MAX_VALUE,
        max_record: int | None = None,
        verify_checksum: bool = True,
        any_version: bool = False,
    ) -> None:
        check_options(dialect, max_value)
        self.ended_at: int | None = None  # size of the snapshot, once its End record is due
        self.max_value = max(max_value, MIN_VALUE)
        # Who takes records in batches is shown here what passes by: later it is too late.
        self.on_large: Callable[[LargeEntry], None] | None = None
        self._any_version = any_version
        self._window = Window(
            dialect,
            max_value=self.max_value,
            max_record=max(max_value, MAX_RECORD) if max_record is None else max_record,
            verify=verify_checksum,
            fetch=self._fetch,
        )
        self._last: Record | None = None  # that next_record gave; what an iterator gives is not noted
        self._is_paused = False  # between two stretches
        self._is_nested = False  # whether what is read stands in another record
        self._failure: BaseException | None = None
        self._records = self._run()

    @property
    def dialect(self) -> Dialect:
        """The dialect, as far as the records so far gave it away."""
        return self._window.dialect

    @property
    def version(self) -> int:
        """The version in the header; 0 before it was read."""
        return self._window.version

    @property
    def opcodes(self) -> dict[str, int]:
        """What records were met beside keys and, by the same count, attributes of keys: name -> first offset.

        Judging a file for a loader begins here, so that no code can be forgotten.
        """
        return self._window.opcodes

    def position(self) -> Position | None:
        """Where Decoder.resume can take up reading: behind the record that `next_record` gave last.

        None where that is no place between two records: before the header, among the attributes of a key, in
        a value that passes by, in what Dragonfly compressed or interleaved, after the End record or an error.
        """
        window, last = self._window, self._last
        is_known = window.version and self.ended_at is None and self._failure is None
        if not is_known or self._is_nested or window.attributes is not None or isinstance(last, LargeEntry):
            return None
        offset = window.base + window.pos
        if isinstance(last, Entry):  # the loop stands where it began this stretch of keys
            offset = last.offset + last.serialized_size
        return Position(offset, window.file_context())

    def next_record(self) -> Record | NeedData | None:
        """The next record, NEED_DATA when more must be fed first, None after the End record.

        Raises DecodeError at the place where the bytes stop making sense. There is nothing after it: the
        same error comes again, however often a record is asked for.
        """
        record = next(self._records, None)
        if record is None and self._failure is not None:
            self._fail_again()
        if record is not NEED_DATA:
            self._last = record
        return record

    def _fail(self, error: BaseException) -> None:
        self._failure = error

    def _fail_again(self) -> NoReturn:
        failure = self._failure
        if isinstance(failure, RdbError):
            raise failure.with_traceback(None)
        raise RdbError(f"reading ended before the snapshot did: {failure!r}") from failure

    @abstractmethod
    def _fetch(self, wanted: int) -> bytes | None:
        """More bytes, `wanted` of them if they can be had; b"" at the end, None when more must be fed."""

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

    # --- the header ----------------------------------------------------------------------------------

    def _header(self) -> Records:
        window = self._window
        while len(window.buf) < MAGIC_SIZE and may_be_magic(window.buf):
            data = self._fetch(MAGIC_SIZE - len(window.buf))
            if data is None:
                yield NEED_DATA
                continue
            if not data:
                break
            window.buf += data
        magic = window.buf[:MAGIC_SIZE]
        self._refuse_lookalikes()
        dialect, version = read_magic(magic)
        window.version = version
        check_version(dialect, version, any_version=self._any_version)
        window.verify = window.verify and version >= CRC_SINCE
        window.use_dialect(window.dialect if window.is_settled else dialect)
        window.pos = MAGIC_SIZE
        yield Header(0, magic, dialect, version)

    def _refuse_lookalikes(self) -> None:  # noqa: B027 - nothing is what others do
        """Raise BadMagic for what is plainly something else; who holds a whole file can tell."""

    # --- the loop ------------------------------------------------------------------------------------

    def _run(self, stretch: int | None = None) -> Records:
        """Every record. For a blob: every record in it, and no header and end.

        With `stretch` it ends, to be run again, when about so many bytes were handed out.

        One long function because its loop runs once a key: with the common string record inlined, slots
        filled without a constructor, no state on `self` and no generator inside another, small keys
        cost half of what calls to helpers would make them cost.
        """
        window = self._window
        try:
            if not self.version:
                yield from self._header()
            walk_string, new, max_value, expire = strings.walk, Entry, self.max_value, expire_at_ms
            buf, pos, size = window.buf, window.pos, len(window.buf)
            walks, context = window.walks, window.context()
            while True:
                attributes = window.attributes
                try:
                    if attributes is None:
                        # Type 0, a plain string, without attributes: most records of most large files.
                        while not buf[pos]:
                            head = buf[pos + 1]
                            start = pos + 2 + head if head < 0x40 else walk_string(buf, pos + 1)
                            head = buf[start]
                            if head < 0x40:
                                end = start + 1 + head
                            else:
                                if head < 0x80:
                                    end = start + 2 + ((head & 0x3F) << 8 | buf[start + 1])
                                else:
                                    end = walk_string(buf, start)
                                if end - start > max_value:
                                    break
                            if end > size:
                                break
                            entry = new()
                            entry._context = context
                            entry._pos = pos
                            entry._record = buf[pos:end]
                            entry._start = start - pos
                            entry.code = 0
                            yield entry
                            pos = end
                    code = buf[pos]
                    walk = walks[code]
                    if walk is not None:
                        head = buf[pos + 1]
                        start = pos + 2 + head if head < 0x40 else walk_string(buf, pos + 1)
                        head = buf[start]
                        end = walk(buf, start)
                        if end <= size and end - start <= max_value:
                            if attributes is None:
                                entry = new()
                            else:
                                entry = AttributedEntry()
                                entry._attributes = attributes
                                window.attributes = None
                            entry._context = context
                            entry._pos = pos
                            entry._record = buf[pos:end]
                            entry._start = start - pos
                            entry.code = code
                            yield entry
                            pos = end
                            continue
                    elif code == EXPIRETIME_MS and pos + 9 <= size:
                        # Caches have one before each key.
                        expire(window, buf, pos)
                        pos += 9
                        continue
                except (IndexError, CorruptStructure):
                    pass
                # Something rarer, damage, or a record that is not whole: the window takes over.
                window.pos = pos
                if stretch is not None and window.weight + pos > stretch:
                    window.weight, self._is_paused = -pos, True
                    return
                if pos >= size:
                    if not (yield from window.refill()):
                        return
                elif buf[pos] == EOF and attributes is None:
                    if window.inside is None:
                        yield from self._end()
                    return
                elif walks[buf[pos]] is not None:
                    yield from self._split_entry()
                elif not window.follow(TELLTALE_CODES.get(buf[pos])):
                    yield from self._opcode_record()
                buf, pos, size = window.buf, window.pos, len(window.buf)
                walks, context = window.walks, window.context()
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, DecodeError):
                window.locate(error)
            self._failure = error
            raise

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
        entry = self._fill(Entry() if window.attributes is None else AttributedEntry(), start, at)
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

    def _fill(self, entry: Entry, start: int, end: int) -> Entry:
        """Give an entry the record at `pos`, and the attributes that wait for it."""
        window = self._window
        pos = window.pos
        entry._context = window.context()
        entry._pos = pos if window.inside is None else 0
        entry._record = window.buf[pos:end]
        entry._start = start - pos
        entry.code = window.buf[pos]
        if isinstance(entry, AttributedEntry):
            entry._attributes = window.attributes or Attributes(entry._context.base + entry._pos)
            window.attributes = None
        return entry

    def _pass_by(self, walk: Walk, start: int, at: int) -> Records:
        """A value too large to hold: its entry comes first, then its bytes, then the next record."""
        window, entry = self._window, LargeEntry()
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
