"""The sans-I/O core: bytes in, in any pieces; records out.

    decoder = Decoder()
    decoder.feed(data)                  # as often as there is data
    decoder.feed_eof()                  # when there will be no more
    decoder.next_record()               # a record, NEED_DATA, or None after the End record

The rules this module keeps:

* The records do not depend on how the bytes were cut: one at a time or all at once.
* Walk first. A value's end is found by its framing, its bytes are sliced, nothing is decoded.
* The window holds one record at most. A record that is not whole is walked on from where the bytes ended,
  never again from its start; a value larger than `max_value` is not held at all but passes by.
* Attributes (expiry, idle, freq, metadata) belong to the next key and are forgotten after it.
* The checksum runs over the window as it is dropped, so bytes after the EOF mark never enter it.
* Any bytes give records or an RdbError. Memory stays under `max_value` plus two windows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator
from typing import Final

from rdbcodec.datatypes.hashes import check_template
from rdbcodec.errors import (
    BadMagic,
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    RdbError,
    Truncated,
    UnknownOpcode,
    UnknownType,
    UnsupportedVersion,
)
from rdbcodec.formats import (
    CRC_SINCE,
    NEXT_KEY_AUX,
    TELLTALE_AUX,
    TELLTALE_CODES,
    Dialect,
    OpcodeRow,
    TypeRow,
    announced,
    known_versions,
    opcodes_of,
    types_of,
    unknown_version,
    unseen_type,
    version_row,
)
from rdbcodec.framing import Walk, WalkFunction, compile_walk
from rdbcodec.limits import MAX_RECORD, MAX_VALUE, MIN_VALUE
from rdbcodec.records import (
    AttributedEntry,
    Attributes,
    Aux,
    Checksum,
    Context,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    LargeEntry,
    ModuleAux,
    Record,
    ResizeDb,
    SelectDb,
    SlotImport,
    SlotInfo,
    Vendor,
)
from rdbcodec.unpack import unpack_blob
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.long_strings import Held
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.wire.strings import Budget


class NeedData(enum.Enum):
    """The type of NEED_DATA."""

    NEED_DATA = "feed more"


NEED_DATA: Final = NeedData.NEED_DATA

MAGIC_SIZE = 9
CRC_SIZE = 8
EOF, EXPIRETIME_MS = 255, 252  # the two opcodes the main loop meets before the table is asked
EXPIRES_MS = "expiretime-ms"  # the name of the second in the table

Records = Generator["Record | NeedData", None, None]


class Decoder:
    """A snapshot as it is fed.

    `dialect` overrides what magic, AUX fields and telltale codes say. `max_value` is the size in bytes
    above which a value is not held (its entry streams, see Entry.items) and to which a value may unpack.
    `max_record` is the same for what cannot stream (keys, function libraries, AUX fields, Dragonfly's
    blobs), MAX_RECORD or `max_value` if that is more. `verify_checksum` False skips the CRC. `any_version`
    reads files whose header names a version unknown to rdbcodec, as long as everything in them is known.
    """

    def __init__(
        self,
        *,
        dialect: Dialect | None = None,
        max_value: int = MAX_VALUE,
        max_record: int | None = None,
        verify_checksum: bool = True,
        any_version: bool = False,
    ) -> None:
        self.dialect: Dialect = dialect or "redis"
        self.version = 0
        self.ended_at: int | None = None  # size of the snapshot, once its End record is due
        self.max_value = max(max_value, MIN_VALUE)
        self._max_record = max(max_value, MAX_RECORD) if max_record is None else max_record
        self._dialect_told = dialect is not None
        self._verify = verify_checksum
        self._any_version = any_version
        self._fed: list[bytes] = []
        self._fed_size = 0
        self._eof = False
        self._buf = b""
        self._pos = 0
        self._base = 0
        self._crc = 0
        self._db = 0
        self._attributes: Attributes | None = None
        self._templates: dict[int, tuple[bytes, ...]] = {}
        self._blob_offset: int | None = None
        self._tagged: dict[int, Decoder] = {}
        self._large: tuple[Walk, int] | None = None
        self._failure: DecodeError | None = None
        # What records were met beside keys and, by the same count, attributes of keys: name -> first offset.
        # Judging a file for a loader begins here, so that no code can be forgotten.
        self.opcodes: dict[str, int] = {}
        self._records = self._run()

    # --- the caller's side ---------------------------------------------------------------------------

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give more of the snapshot."""
        if data:
            self._fed.append(bytes(data))
            self._fed_size += len(data)

    def feed_eof(self) -> None:
        """Say that there is no more."""
        self._eof = True

    def next_record(self) -> Record | NeedData | None:
        """The next record, NEED_DATA when more must be fed first, None after the End record.

        Raises DecodeError at the place where the bytes stop making sense; there is nothing after it.
        """
        return next(self._records, None)

    @property
    def unused(self) -> bytes:
        """After the End record: what was fed beyond the snapshot."""
        return self._buf[self._pos :] + b"".join(self._fed)

    # --- the window ----------------------------------------------------------------------------------

    def _fetch(self, wanted: int) -> bytes | None:
        """At least `wanted` bytes if they can be had; b"" at the end, None when more must be fed."""
        if self._fed_size < wanted and not self._eof:
            return None
        data = b"".join(self._fed)
        self._fed.clear()
        self._fed_size = 0
        return data

    def _more(self, keep: int, wanted: int) -> bool:
        """Drop the window before `keep` and append at least one byte; False when none was fed yet."""
        data = self._fetch(wanted)
        if data is None:
            return False
        if not data:
            if self._blob_offset is not None:
                raise CorruptStructure("a compressed blob ends inside a record")
            raise Truncated("the file ends inside a record", len(self._buf))
        self._drop(keep)
        self._buf = self._buf[keep:] + data
        return True

    def _drop(self, keep: int) -> None:
        if self._verify:
            self._crc = crc64(memoryview(self._buf)[:keep], self._crc)
        self._base += keep

    def _wait(self, keep: int, wanted: int = 1) -> Records:
        """Until `wanted` more bytes are in the window, which then begins at `keep`."""
        while not self._more(keep, wanted):
            yield NEED_DATA

    # --- the loop ------------------------------------------------------------------------------------

    def _locate(self, error: DecodeError) -> None:
        error.ends_reading = True
        if self._blob_offset is not None:
            error.locate(offset=self._blob_offset, db=self._db)
            return
        pos = self._pos if error.pos is None else error.pos
        error.locate(offset=self._base + pos, db=self._db)

    def _header(self) -> Records:
        while len(self._buf) < MAGIC_SIZE and not self._eof_inside_magic():
            data = self._fetch(1)
            if data is None:
                yield NEED_DATA
                continue
            if not data:
                break
            self._buf += data
        magic = self._buf[:MAGIC_SIZE]
        self._refuse_lookalikes()
        dialect, self.version = read_magic(magic)
        check_version(dialect, self.version, any_version=self._any_version)
        self._verify = self._verify and self.version >= CRC_SINCE
        if not self._dialect_told:
            self.dialect = dialect
        self._use_dialect()
        self._pos = MAGIC_SIZE
        yield Header(0, magic, dialect, self.version)

    def _refuse_lookalikes(self) -> None:
        """Raise BadMagic for what is plainly something else; who holds a whole file can tell."""

    def _eof_inside_magic(self) -> bool:
        """A file that does not even begin like a snapshot is refused without waiting for more of it."""
        head = self._buf[:5]
        return not (b"REDIS".startswith(head) or b"VALKE".startswith(head))

    def _use_dialect(self) -> None:
        self._origin = version_row(self.dialect, self.version) or unknown_version(self.dialect, self.version)
        self._types: dict[int, TypeRow] = types_of(self.dialect, self.version)
        self._opcodes: dict[int, OpcodeRow] = opcodes_of(self.dialect, self.version)
        walks: list[WalkFunction | None] = [None] * 256
        for code, row in self._types.items():
            walks[code] = compile_walk(row.framing, self._templates)
        self._walks = walks

    def _context(self) -> Context:
        base = self._base if self._blob_offset is None else self._blob_offset
        return Context(
            self._origin,
            base,
            self._db,
            self._types,
            self._templates,
            limit=self.max_value,
            record_limit=self._max_record,
        )

    def _run(self) -> Records:
        """Every record. For a blob: every record in it, and no header and end.

        One long function because its loop runs once a key: with the common string record inlined, slots
        filled without a constructor, no state on `self` and no generator inside another, small keys
        cost half of what calls to helpers would make them cost.
        """
        try:
            if self._blob_offset is None:
                yield from self._header()
            walk_string, new, max_value = strings.walk, Entry, self.max_value
            buf, pos, size = self._buf, self._pos, len(self._buf)
            walks, context = self._walks, self._context()
            while True:
                attributes = self._attributes
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
                                self._attributes = None
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
                        self._expire(buf, pos)
                        pos += 9
                        continue
                except IndexError:
                    pass
                except CorruptStructure as error:
                    self._pos = pos
                    self._name_key(error)
                    raise
                # Something rarer, or a record that is not whole: `self` takes over.
                self._pos = pos
                if pos >= size:
                    if self._blob_offset is not None and self._is_blob_done():
                        return
                    yield from self._wait(pos)
                    self._pos = 0
                elif buf[pos] == EOF and attributes is None:
                    if self._blob_offset is None:
                        yield from self._end()
                    return
                elif walks[buf[pos]] is not None:
                    yield from self._split_entry()
                elif not self._follow_telltale(buf[pos]):
                    yield from self._opcode_record()
                buf, pos, size = self._buf, self._pos, len(self._buf)
                walks, context = self._walks, self._context()
        except DecodeError as error:
            self._locate(error)
            raise

    def _is_blob_done(self) -> bool:
        return self._eof and not self._fed and self._attributes is None

    # --- keys that are not whole in the window -------------------------------------------------------

    def _split_entry(self) -> Records:
        """The key record at `_pos`, whose end is not in the window yet."""
        start = yield from self._split_key()
        code = self._buf[self._pos]
        walk = Walk(self._types[code].framing, self._templates)
        at = start
        while True:
            at = self._advance(walk, at)
            # The size decides, not how much of the value happens to be in the window.
            if at - start + walk.missing > self.max_value:
                if self._is_interleaved:
                    raise Held(self.max_value).refuse(
                        "a value in interleaved pieces", at - start + walk.missing
                    )
                yield from self._pass_by(walk, start, at)
                return
            if walk.done:
                break
            keep = self._pos
            yield from self._wait(keep, walk.missing)
            self._pos, start, at = 0, start - keep, at - keep
        entry = self._fill(Entry() if self._attributes is None else AttributedEntry(), start, at)
        self._pos = at
        yield entry

    def _split_key(self) -> Generator[Record | NeedData, None, int]:
        """Wait until the key is in the window; the position of the value."""
        while True:
            start, missing = self._pos, 1
            try:
                start = strings.walk(self._buf, self._pos + 1)
                missing = start - len(self._buf)
            except IndexError:
                pass
            if missing <= 0:
                return start
            if start - self._pos > self._max_record:
                raise Held(self._max_record).refuse("a key", start - self._pos)
            keep = self._pos
            yield from self._wait(keep, missing)
            self._pos = 0

    def _advance(self, walk: Walk, at: int) -> int:
        try:
            return walk.advance(self._buf, at)
        except CorruptStructure as error:
            error.pos = at if error.pos is None else error.pos
            self._name_key(error)
            raise

    def _name_key(self, error: DecodeError) -> None:
        """Say in whose value the walk failed, unless the key itself is what is damaged."""
        try:
            key = self._string(self._pos + 1)[0]
        except (DecodeError, IndexError):
            return
        error.locate(key=key, type=self._types[self._buf[self._pos]].name)

    def _fill(self, entry: Entry, start: int, end: int) -> Entry:
        """Give an entry the record at `_pos`, and the attributes that wait for it."""
        pos = self._pos
        entry._context = self._context()
        entry._pos = pos if self._blob_offset is None else 0
        entry._record = self._buf[pos:end]
        entry._start = start - pos
        entry.code = self._buf[pos]
        if isinstance(entry, AttributedEntry):
            entry._attributes = self._attributes or Attributes(entry._context.base + entry._pos)
            self._attributes = None
        return entry

    def _pass_by(self, walk: Walk, start: int, at: int) -> Records:
        """A value too large to hold: its entry comes first, then its bytes, then the next record."""
        entry = LargeEntry()
        self._fill(entry, start, start)
        entry._size = None
        entry._is_open, entry._passed = False, 0
        entry._source = self
        self._pos = start
        self._large = walk, at
        before = self._base + start
        yield entry
        entry._source = None
        for piece in self.pieces():
            if not piece:
                yield NEED_DATA
        if self._failure is not None:  # somebody caught it while reading the value; there is no way on
            raise self._failure
        entry._size = self._base + self._pos - before

    def pieces(self) -> Iterator[bytes]:
        """What is left of the large value the decoder stands in; b"" while more must be fed."""
        while self._large is not None:
            walk, at = self._large
            pos, self._pos = self._pos, at
            self._large = None if walk.done else (walk, at)
            if at > pos:
                yield self._buf[pos:at]
            elif not walk.done:
                yield from self._next_piece(walk)

    def _next_piece(self, walk: Walk) -> Iterator[bytes]:
        try:
            while not self._more(self._pos, 1):
                yield b""
            self._pos = 0
            self._large = walk, walk.advance(self._buf, 0)
        except DecodeError as error:
            self._locate(error)
            self._large, self._failure = None, error
            raise

    def drain(self) -> int:
        """Walk to the end of the large value; the bytes that were left of it."""
        size = 0
        for piece in self.pieces():
            if not piece:
                raise RdbError("a value that is still being fed has no size yet")
            size += len(piece)
        return size

    # --- opcodes -------------------------------------------------------------------------------------

    def _opcode_record(self) -> Records:
        """The record of the opcode at `_pos`: waited for until it is whole, then handed out."""
        row = self._opcode_row(self._buf[self._pos])
        self.opcodes.setdefault(row.name, self._at())
        handler = _HANDLERS.get(row.name, Decoder._vendor)
        while True:
            end = 0
            try:
                record, end = handler(self, row, self._pos + 1)
                if end <= len(self._buf):
                    break
            except IndexError:
                pass
            held = max(end, len(self._buf)) - self._pos
            if held > self._max_record:
                raise Held(self._max_record).refuse(f"a {row.name} record", held)
            keep = self._pos
            yield from self._wait(keep, max(1, end - len(self._buf)))
            self._pos = 0
        at, raw = self._at(), self._buf[self._pos : end]
        self._pos = end
        if record is not None:
            yield record
        elif row.name in _NESTED:
            yield from self._nested_records(row, raw, at)

    def _opcode_row(self, code: int) -> OpcodeRow:
        row = self._opcodes.get(code)
        if row is not None:
            return row
        place = f"in dialect {self.dialect} (header version {self.version})"
        unseen = unseen_type(self.dialect, code, self.version)
        if unseen is not None:
            message = f"type {code} is {unseen}, whose layout is not known yet"
            raise UnknownType(message, code=code, dialect=self.dialect)
        if code <= _LAST_TYPE or self._attributes is not None:
            raise UnknownType(f"type {code} is unknown {place}", code=code, dialect=self.dialect)
        raise UnknownOpcode(f"opcode {code} is unknown {place}", code=code, dialect=self.dialect)

    def _follow_telltale(self, code: int) -> bool:
        """Change to the one dialect that has this code, unless the dialect is known."""
        if self._dialect_told or self.dialect != "redis" or code not in TELLTALE_CODES:
            return False
        self.dialect = TELLTALE_CODES[code]
        self._use_dialect()
        return True

    # The handlers: opcode operands from `pos` on to (record, end). They raise IndexError, or answer an
    # end beyond the window, when the record is not whole; `_raw` makes sure of it before anything is
    # changed, because they are then called again.

    def _at(self) -> int:
        """The offset of what stands at `_pos`."""
        return self._base + self._pos if self._blob_offset is None else self._blob_offset

    def _raw(self, end: int) -> bytes:
        if end > len(self._buf):
            raise IndexError
        return self._buf[self._pos : end]

    def _string(self, pos: int) -> tuple[bytes, int]:
        return strings.read(self._buf, pos, Budget(self._max_record))

    def _lengths(self, pos: int, count: int) -> tuple[list[int], int]:
        values = []
        for _ in range(count):
            value, pos = lengths.read(self._buf, pos)
            values.append(value)
        return values, pos

    def _vendor(self, row: OpcodeRow, pos: int) -> Handled:
        end = compile_walk(row.framing, self._templates)(self._buf, pos)
        return Vendor(self._at(), self._raw(end), row.name), end

    def _nested(self, row: OpcodeRow, pos: int) -> Handled:
        end = compile_walk(row.framing, self._templates)(self._buf, pos)
        self._raw(end)
        return None, end

    def _eof_with_attributes(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        raise CorruptStructure("the file ends after the attributes of a key, without the key", pos - 1)

    def _select_db(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        (db,), end = self._lengths(pos, 1)
        self._db = db
        return SelectDb(self._at(), self._raw(end), db), end

    def _resize_db(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        (keys, expires), end = self._lengths(pos, 2)
        return ResizeDb(self._at(), self._raw(end), self._db, keys, expires), end

    def _slot_info(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        (slot, keys, expires), end = self._lengths(pos, 3)
        return SlotInfo(self._at(), self._raw(end), slot, keys, expires), end

    def _slot_import(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        job, pos = self._string(pos)
        count, pos = lengths.read(self._buf, pos)
        ranges = []
        for _ in range(count):
            (first, last), pos = self._lengths(pos, 2)
            ranges.append((first, last))
        return SlotImport(self._at(), self._raw(pos), job, tuple(ranges)), pos

    def _aux(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        name, pos = self._string(pos)
        value, end = self._string(pos)
        telltale = TELLTALE_AUX.get(name.lower())
        if telltale and not self._dialect_told and self.dialect == "redis":
            self.dialect = telltale
            self._use_dialect()
        of_next_key = self._attributes is not None or name.lower() in NEXT_KEY_AUX
        record = Aux(self._at(), self._raw(end), name, value, of_next_key)
        if of_next_key:
            self._attribute(end).aux.append(record)
        return record, end

    def _function(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        code, end = self._string(pos)
        return Function(self._at(), self._raw(end), code), end

    def _function_pre_ga(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        name, pos = self._string(pos)
        engine, pos = self._string(pos)
        has_description, pos = lengths.read(self._buf, pos)
        if has_description:
            _, pos = self._string(pos)
        code, end = self._string(pos)
        return Function(self._at(), self._raw(end), code, name, engine), end

    def _module_aux(self, row: OpcodeRow, pos: int) -> Handled:
        end = compile_walk(row.framing, self._templates)(self._buf, pos)
        raw = self._raw(end)
        (module, _, when), _ = self._lengths(pos, 3)
        return ModuleAux(self._at(), raw, decode_module_id(module), when), end

    def _hash_template(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        (template, count), pos = self._lengths(pos, 2)
        fields: list[bytes] = []
        end = strings.take(self._buf, pos, count, fields, Budget(self._max_record))
        if len(fields) < count:
            raise IndexError
        if template in self._templates:
            raise CorruptStructure(f"hash template {template} is defined twice", pos)
        check_template(fields)
        self._templates[template] = tuple(fields)
        return HashTemplate(self._at(), self._raw(end), template, tuple(fields)), end

    def _update(self, row: OpcodeRow, pos: int) -> Handled:
        """Valkey 9.2, replication only: one command in RESP."""
        count, end = self._resp_number(pos, b"*")
        for _ in range(count):
            size, end = self._resp_number(end, b"$")
            end += size + 2
        return Vendor(self._at(), self._raw(end), row.name), end

    def _resp_number(self, pos: int, mark: bytes) -> tuple[int, int]:
        stop = self._buf.find(b"\r\n", pos, pos + _RESP_NUMBER)
        if stop < 0 and len(self._buf) < pos + _RESP_NUMBER:
            raise IndexError
        digits = self._buf[pos + 1 : stop]
        if self._buf[pos : pos + 1] != mark or stop < 0 or not digits.isdigit():
            raise CorruptStructure("a replicated command is not in RESP form", pos)
        return int(digits), stop + 2

    # --- attributes ----------------------------------------------------------------------------------

    def _attribute(self, end: int) -> Attributes:
        """The attributes of the next key, with what stands at `_pos` up to `end` added to their bytes."""
        raw = self._raw(end)
        attributes = self._attributes
        if attributes is None:
            attributes = self._attributes = Attributes(self._at())
        attributes.raw += raw
        return attributes

    def _expire(self, buf: bytes, pos: int) -> None:
        """EXPIRETIME_MS, called by the main loop for the one at `pos`."""
        self._pos = pos
        if EXPIRES_MS not in self.opcodes:
            self.opcodes[EXPIRES_MS] = self._at()
        self._set_expiry(int.from_bytes(buf[pos + 1 : pos + 9], "little", signed=True), pos + 9)

    def _set_expiry(self, at_ms: int, end: int) -> None:
        # Redis 5.0 to 8.0 and Valkey take -1 ms for "no expiry" (rdb-format.md, 2.3).
        self._attribute(end).expires_at_ms = None if at_ms == -1 else at_ms

    def _expiretime_ms(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        self._raw(pos + 8)
        self._expire(self._buf, pos - 1)
        return None, pos + 8

    def _expiretime(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        self._raw(pos + 4)
        seconds = int.from_bytes(self._buf[pos : pos + 4], "little", signed=True)
        self._set_expiry(seconds * 1000, pos + 4)
        return None, pos + 4

    def _idle(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        (idle,), end = self._lengths(pos, 1)
        self._attribute(end).idle = idle
        return None, end

    def _freq(self, row: OpcodeRow, pos: int) -> Handled:
        del row
        freq = self._buf[pos]
        self._attribute(pos + 1).freq = freq
        return None, pos + 1

    def _key_meta(self, row: OpcodeRow, pos: int) -> Handled:
        end = compile_walk(row.framing, self._templates)(self._buf, pos)
        raw = self._raw(end)
        self._attribute(end).meta = raw
        return None, end

    def _hint(self, row: OpcodeRow, pos: int) -> Handled:
        """An attribute nobody outside its vendor can use; its bytes are kept."""
        end = compile_walk(row.framing, self._templates)(self._buf, pos)
        self._attribute(end).vendor = row.name
        return None, end

    def _key_attributes(self, row: OpcodeRow, pos: int) -> Handled:
        """Dragonfly: u32 mask, and u32 memcached flags when bit 1 is set."""
        self._raw(pos + 4)
        mask = int.from_bytes(self._buf[pos : pos + 4], "little")
        end = pos + (8 if mask & 2 else 4)
        self._attribute(end).vendor = row.name
        return None, end

    # --- records inside records (Dragonfly) ----------------------------------------------------------

    def _nested_records(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        """What the blob or chunk at offset `at` holds; damage in it has its place."""
        try:
            if self._attributes is not None:
                raise CorruptStructure(f"a {row.name} stands between the attributes of a key and the key")
            yield from _NESTED[row.name](self, row, raw, at)
        except DecodeError as error:
            error.locate(offset=at, db=self._db)
            raise

    def _child(self, at: int, *, max_value: int) -> Decoder:
        """A decoder for records that stand inside one of ours and share its dialect, database and chunks."""
        child = Decoder(
            dialect=self.dialect,
            max_value=max_value,
            max_record=self._max_record,
            verify_checksum=False,
        )
        child.version = self.version
        child._templates = self._templates
        child._db = self._db
        child._tagged = self._tagged
        child.opcodes = self.opcodes
        child._blob_offset = at
        child._use_dialect()
        return child

    def _compressed_blob(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        if self._blob_offset is not None:
            raise CorruptStructure("a compressed blob stands inside another")
        child = self._child(at, max_value=self.max_value)
        data, _ = strings.read(raw, 1, Budget(self._max_record))
        child.feed(unpack_blob(row.name, data, self._max_record))
        child.feed_eof()
        yield from self._child_records(child)
        if child._pos < len(child._buf):
            raise CorruptStructure("a compressed blob holds an EOF mark")
        self._db = child._db

    def _tagged_chunk_size(self, row: OpcodeRow, pos: int) -> Handled:
        """u32 stream id, u32 size, then so many bytes."""
        del row
        self._raw(pos + 8)
        end = pos + 8 + int.from_bytes(self._buf[pos + 4 : pos + 8], "little")
        self._raw(end)
        return None, end

    def _tagged_chunk(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        """A piece of a large record that comes interleaved with others; each has a decoder of its own."""
        del row
        tag = int.from_bytes(raw[1:5], "little")
        if tag not in self._tagged:
            # Its values are held, whatever may be held of others.
            self._tagged[tag] = self._child(at, max_value=self._max_record)
        child = self._tagged[tag]
        child.feed(raw[9:])
        yield from self._child_records(child)
        if child._pos >= len(child._buf) and child._attributes is None:
            del self._tagged[tag]

    def _child_records(self, child: Decoder) -> Records:
        for record in child._records:
            if record is NEED_DATA:
                return
            if isinstance(record, Entry):
                record._pos = 0  # its place in the file is that of the blob
            yield record

    @property
    def _is_interleaved(self) -> bool:
        """Whether others come between the pieces of a record, so that it cannot pass by; a blob is whole."""
        return self._blob_offset is not None and not self._eof

    # --- the end -------------------------------------------------------------------------------------

    def _end(self) -> Records:
        """The EOF byte at `_pos` and the checksum behind it."""
        if self._tagged:
            raise CorruptStructure(f"{len(self._tagged)} records in interleaved pieces are not complete")
        offset = self._base + self._pos
        size = CRC_SIZE if self.version >= CRC_SINCE else 0
        while len(self._buf) - self._pos < 1 + size:
            keep = self._pos
            yield from self._wait(keep, 1 + size - (len(self._buf) - keep))
            self._pos = 0
        after = self._pos + 1
        raw = self._buf[self._pos : after + size]
        self._drop(after)
        self._buf, self._pos = self._buf[after:], size
        end = End(offset, raw, self._base + size, self._check(raw[1:]))
        self.ended_at = end.size
        yield end

    def _check(self, trailer: bytes) -> Checksum:
        if not trailer:
            return "absent"
        expected = int.from_bytes(trailer, "little")
        if not expected:
            return "disabled"
        if not self._verify:
            return "not verified"
        if expected != self._crc:
            raise ChecksumMismatch(expected, self._crc)
        return "ok"


Handled = tuple["Record | None", int]

_LAST_TYPE = 99  # codes up to here can only be meant as types; no dialect has an opcode below 100
_RESP_NUMBER = 24  # bytes: a mark, 20 digits, CR LF


def read_magic(magic: bytes) -> tuple[Dialect, int]:
    """Dialect and version in the first nine bytes; raises BadMagic."""
    for word, dialect in ((b"REDIS", "redis"), (b"VALKEY", "valkey")):
        digits = magic[len(word) :]
        if magic.startswith(word) and len(magic) == MAGIC_SIZE and digits.isdigit():
            return ("redis" if dialect == "redis" else "valkey"), int(digits)
    if not magic:
        raise BadMagic("the file is empty", 0)
    raise BadMagic(f"expected REDIS and 4 digits or VALKEY and 3 digits, found {magic!r}", 0)


def check_version(magic: Dialect, version: int, *, any_version: bool) -> None:
    """Raise UnsupportedVersion unless a known server writes this header, or any is allowed."""
    known = known_versions(magic)
    if version in known or (any_version and version > 0):
        return
    writer = announced(magic, version)
    by = f", said to be that of {writer}," if writer else ""
    raise UnsupportedVersion(
        f"version {version} of {magic}{by} is unknown: known are {known.start} to {known.stop - 1}", 5
    )


_HANDLERS: dict[str, Callable[[Decoder, OpcodeRow, int], Handled]] = {
    "eof": Decoder._eof_with_attributes,
    "selectdb": Decoder._select_db,
    "expiretime": Decoder._expiretime,
    "expiretime-ms": Decoder._expiretime_ms,
    "resizedb": Decoder._resize_db,
    "aux": Decoder._aux,
    "freq": Decoder._freq,
    "idle": Decoder._idle,
    "module-aux": Decoder._module_aux,
    "function-pre-ga": Decoder._function_pre_ga,
    "function": Decoder._function,
    "slot-info": Decoder._slot_info,
    "key-meta": Decoder._key_meta,
    "hash-template": Decoder._hash_template,
    "slot-import": Decoder._slot_import,
    "update": Decoder._update,
    "ram-lru": Decoder._hint,
    "key-attributes": Decoder._key_attributes,
    "zstd-blob": Decoder._nested,
    "lz4-blob": Decoder._nested,
    "tagged-chunk": Decoder._tagged_chunk_size,
}

_NESTED: dict[str, Callable[[Decoder, OpcodeRow, bytes, int], Records]] = {
    "zstd-blob": Decoder._compressed_blob,
    "lz4-blob": Decoder._compressed_blob,
    "tagged-chunk": Decoder._tagged_chunk,
}
