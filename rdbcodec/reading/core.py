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

from abc import abstractmethod
from collections.abc import Callable
from typing import NoReturn

from rdbcodec.errors import (
    CorruptStructure,
    DecodeError,
    RdbError,
)
from rdbcodec.formats import CRC_SINCE, Dialect
from rdbcodec.limits import MAX_RECORD, MAX_VALUE, MIN_VALUE
from rdbcodec.reading.rare import Rare
from rdbcodec.reading.runs import InRuns, take_run, take_short_strings
from rdbcodec.reading.window import NEED_DATA, NeedData, Records, Window, check_options
from rdbcodec.records import CacheEntry, Entry, Header, LargeEntry, Record
from rdbcodec.records.attributed import attributed
from rdbcodec.records.attributes import EXPIRETIME_MS, FREQ, IDLE, NEGATIVE, expire_at_ms, hint_end
from rdbcodec.records.header import MAGIC_SIZE, check_version, may_be_magic, read_magic
from rdbcodec.records.state import Position
from rdbcodec.wire import strings

EOF = 255
_USUAL = frozenset({EXPIRETIME_MS, FREQ, IDLE})  # what servers write before keys


class Core(Rare):
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

    def _fail_again(self) -> NoReturn:
        failure = self._failure
        if isinstance(failure, RdbError):
            raise failure.with_traceback(None)
        raise RdbError(f"reading ended before the snapshot did: {failure!r}") from failure

    @abstractmethod
    def _fetch(self, wanted: int) -> bytes | None:
        """More bytes, `wanted` of them if they can be had; b"" at the end, None when more must be fed."""

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

    def _refuse_lookalikes(self) -> None:
        """Raise BadMagic for what is plainly something else; who holds a whole file can tell."""

    # --- the loop ------------------------------------------------------------------------------------

    def _run(self, stretch: int | None = None, *, in_runs: InRuns | None = None) -> Records:
        """Every record. For a blob: every record in it, and no header and end.

        With `stretch` it ends, to be run again, when about so many bytes were handed out. With `in_runs`
        keys that have nothing odd come as Runs, which are no records, or those that are many short strings.

        One long function because its loop runs once a key: with the common string record inlined, slots
        filled without a constructor, no state on `self` and no generator inside another, small keys
        cost half of what calls to helpers would make them cost.
        """
        window = self._window
        try:
            if not self.version:
                yield from self._header()
            walk_string, new, max_value, expire = strings.walk, Entry, self.max_value, expire_at_ms
            new_cache, usual = CacheEntry, _USUAL
            buf, pos, size = window.buf, window.pos, len(window.buf)
            walks, context = window.walks, window.context()
            is_new = False  # whether the window has moved
            knows_expiries = "expiretime-ms" in window.opcodes  # else the first takes the long way
            while True:
                attributes = window.attributes
                try:
                    if attributes is None:
                        if in_runs == "all":
                            while run := take_run(window, context, pos, knows_expiries=knows_expiries):
                                yield run  # type: ignore[misc] # whoever asks for runs takes them
                                pos = run.end
                        elif is_new and (in_runs or buf[pos] == EXPIRETIME_MS):
                            # Counters that expire: 12% quicker. Asked once a window, and not in the first,
                            # so that small files are read without; for strings without expiry it is slower
                            # where they are not wanted in runs.
                            is_new = False
                            while short := take_short_strings(
                                window, context, pos, knows_expiries=knows_expiries
                            ):
                                if in_runs:
                                    yield short  # type: ignore[misc] # as above
                                else:
                                    yield from short.entries()
                                pos = short.end
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
                                elif 0xC0 <= head < 0xC3:
                                    end = start + (2, 3, 5)[head - 0xC0]
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
                                entry._pos = pos
                            else:
                                entry = attributed(attributes, context)
                                window.attributes = None
                            entry._context = context
                            entry._record = buf[pos:end]
                            entry._start = start - pos
                            entry.code = code
                            yield entry
                            pos = end
                            continue
                    elif code in usual and attributes is None:
                        # Caches have an expiry before each key, or a hint, or both: one record with the key.
                        while code in usual:
                            at = pos
                            if code == EXPIRETIME_MS:
                                if buf[pos + 8] >= NEGATIVE or not knows_expiries:
                                    knows_expiries = True
                                    break
                                at += 9
                                code = buf[at]
                            if code >= IDLE:
                                at = hint_end(window, buf, at)
                                code = buf[at]
                            head = buf[at + 1]
                            start = at + 2 + head if head < 0x40 else walk_string(buf, at + 1)
                            if code:
                                walk = walks[code]
                                if walk is None:
                                    break
                                end = walk(buf, start)
                            else:
                                head = buf[start]
                                if head < 0x40:
                                    end = start + 1 + head
                                elif head < 0x80:
                                    end = start + 2 + ((head & 0x3F) << 8 | buf[start + 1])
                                elif 0xC0 <= head < 0xC3:
                                    end = start + (2, 3, 5)[head - 0xC0]
                                else:
                                    end = walk_string(buf, start)
                            if end > size or end - start > max_value:
                                break
                            cached = new_cache()
                            cached._context = context
                            cached._pos = pos
                            cached._head = buf[pos:at]
                            cached._record = buf[at:end]
                            cached._start = start - at
                            cached.code = code
                            yield cached
                            pos = end
                            code = buf[pos]
                        else:
                            continue
                        if buf[pos] == EXPIRETIME_MS:  # of a key that is large, odd, or not whole
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
                elif not window.follow_code(buf[pos]):
                    yield from self._opcode_record()
                is_new = window.buf is not buf
                buf, pos, size = window.buf, window.pos, len(window.buf)
                walks, context = window.walks, window.context()
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, DecodeError):
                window.locate(error)
            self._failure = error
            raise
