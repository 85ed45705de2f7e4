"""The sans-I/O core: bytes in, in any pieces; records out.

    decoder = Decoder()
    decoder.feed(data)                  # as often as there is data
    decoder.feed_eof()                  # when there will be no more
    decoder.next_record()               # a record, NEED_DATA, or None after the End record

The rules this module keeps:

* The records do not depend on how the bytes were cut: one at a time or all at once.
* Walk first. A value's end is found by its framing, its bytes are sliced, nothing is decoded.
* The window holds one record at most. A record that is not whole is walked on from where the bytes ended,
  never again from its start, and its pieces are joined once; a value larger than `max_value` is not held
  at all but passes by.
* Damage ends the reading for good: whoever asks again is told again, never that the snapshot is complete.
* Attributes (expiry, idle, freq, metadata) belong to the next key and are forgotten after it.
* The checksum runs over the window as it is dropped, so bytes after the EOF mark never enter it.
* Any bytes give records or an RdbError. Memory stays under `max_value` plus two windows.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from typing import Final, NoReturn

from rdbcodec.datatypes.hashes import check_template
from rdbcodec.errors import (
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    LimitExceeded,
    RdbError,
    Truncated,
    UnknownOpcode,
    UnknownType,
)
from rdbcodec.formats import (
    CRC_SINCE,
    DIALECTS,
    NEXT_KEY_AUX,
    TELLTALE_AUX,
    TELLTALE_CODES,
    Dialect,
    OpcodeRow,
    TypeRow,
    opcodes_of,
    types_of,
    unknown_version,
    unseen_type,
    version_row,
)
from rdbcodec.framing import Walk, WalkFunction, compile_walk
from rdbcodec.limits import (
    MAX_OPEN_TAGS,
    MAX_RECORD,
    MAX_SLOT_RANGES,
    MAX_TEMPLATE_NAMES,
    MAX_TEMPLATES,
    MAX_VALUE,
    MIN_VALUE,
)
from rdbcodec.reading.unpack import unpack_blob
from rdbcodec.records import (
    PASSED_BY,
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
from rdbcodec.records.attributes import EXPIRY_MINUS_1, EXPIRY_TWICE
from rdbcodec.records.hash_template import Templates
from rdbcodec.records.header import MAGIC_SIZE, check_version, read_magic
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.long_strings import Held
from rdbcodec.wire.module_ids import decode_module_id
from rdbcodec.wire.strings import Budget


class NeedData(enum.Enum):
    """The type of NEED_DATA."""

    NEED_DATA = "feed more"


NEED_DATA: Final = NeedData.NEED_DATA

CRC_SIZE = 8
EOF, EXPIRETIME_MS = 255, 252  # the two opcodes the main loop meets before the table is asked
EXPIRES_MS = "expiretime-ms"  # the name of the second in the table

Records = Generator["Record | NeedData", None, None]


# No opcode of a server stands here; the records before keys are small but for these.
_SLOT_IMPORT_SIZE = 20 * MAX_SLOT_RANGES  # bytes: two lengths of the longest form for each range


class Core(ABC):
    """What Decoder and Reader are: the window and the loop over it. They differ in where bytes come from."""

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
        self.dialect: Dialect = dialect or "redis"
        self.version = 0
        self.ended_at: int | None = None  # size of the snapshot, once its End record is due
        self.max_value = max(max_value, MIN_VALUE)
        # Who takes records in batches is shown here what passes by: later it is too late.
        self.on_large: Callable[[LargeEntry], None] | None = None
        self._max_record = max(max_value, MAX_RECORD) if max_record is None else max_record
        self._dialect_told = dialect is not None
        self._verify = verify_checksum
        self._any_version = any_version
        self._buf = b""
        self._pos = 0
        self._base = 0
        self._crc = 0
        self._db = 0
        self._attributes: Attributes | None = None
        self._templates = Templates()
        self._template_names = 0
        self._template_bytes = 0
        self._blob_offset: int | None = None
        self._tagged: dict[int, Decoder] = {}
        self._tagged_size = 0
        self._passing: Passing | None = None
        self._weight = 0  # bytes handed out in records since the last stretch began (see Reader.stretches)
        self._at_boundary = False  # whether the loop waits between two records
        self._failure: BaseException | None = None
        # What records were met beside keys and, by the same count, attributes of keys: name -> first offset.
        # Judging a file for a loader begins here, so that no code can be forgotten.
        self.opcodes: dict[str, int] = {}
        self._records = self._run()

    def next_record(self) -> Record | NeedData | None:
        """The next record, NEED_DATA when more must be fed first, None after the End record.

        Raises DecodeError at the place where the bytes stop making sense. There is nothing after it: the
        same error comes again, however often a record is asked for.
        """
        record = next(self._records, None)
        if record is None and self._failure is not None:
            self._fail_again()
        return record

    def _fail_again(self) -> NoReturn:
        failure = self._failure
        if isinstance(failure, RdbError):
            raise failure.with_traceback(None)
        raise RdbError(f"reading ended before the snapshot did: {failure!r}") from failure

    # --- the window ----------------------------------------------------------------------------------

    @abstractmethod
    def _fetch(self, wanted: int) -> bytes | None:
        """More bytes, `wanted` of them if they can be had; b"" at the end, None when more must be fed."""

    def _drop(self, keep: int) -> None:
        """Drop the window before `keep`: its bytes go to the checksum."""
        if self._verify:
            self._crc = crc64(memoryview(self._buf)[:keep], self._crc)
        self._base += keep
        self._weight += keep
        self._buf = self._buf[keep:]
        self._pos = 0

    def _next_bytes(self, wanted: int, held: int) -> Generator[Record | NeedData, None, bytes]:
        """At least `wanted` more bytes; `held` are there from the start of the window on."""
        pieces: list[bytes] = []
        while wanted > 0:
            data = self._fetch(wanted)
            if data is None:
                yield NEED_DATA
            elif data:
                pieces.append(data)
                wanted -= len(data)
                held += len(data)
            elif self._blob_offset is not None:
                raise CorruptStructure("a compressed blob ends inside a record")
            else:
                raise Truncated("the file ends inside a record", held)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _wait(self, keep: int, wanted: int = 1) -> Records:
        """Until `wanted` more bytes are in the window, which then begins at `keep`."""
        self._drop(keep)
        data = yield from self._next_bytes(wanted, len(self._buf))
        self._buf = self._buf + data if self._buf else data

    def _gather(self, walk: Walk, at: int, limit: int) -> Generator[Record | NeedData, None, int]:
        """Walk on from `at` until the walk is done or has gone further than `limit` bytes; where it stands.

        What it went through is in the window then, from `_pos` on. Each byte is looked at once, and
        copied once into the window however many pieces it came in.
        """
        buf, start, before = self._buf, at, 0
        pieces: list[bytes] = []
        while True:
            try:
                at = walk.advance(buf, at, start + limit - before)
            except CorruptStructure as error:
                error.pos = None if error.pos is None else error.pos + before
                raise
            if walk.done or before + at - start + walk.missing > limit:
                break
            if not pieces:
                keep = self._pos
                self._drop(keep)
                buf, start, at = self._buf, start - keep, at - keep
            pieces.append(buf[:at])
            before += at
            rest = buf[at:]
            buf = rest + (yield from self._next_bytes(walk.missing, before + len(rest)))
            at = 0
        if pieces:
            self._buf = b"".join([*pieces, buf])
        return before + at

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
            data = self._fetch(MAGIC_SIZE - len(self._buf))
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

    def _refuse_lookalikes(self) -> None:  # noqa: B027 - nothing is what others do
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
            self._templates.known(),
            limit=self.max_value,
            record_limit=self._max_record,
        )

    def _run(self, stretch: int | None = None) -> Records:
        """Every record. For a blob: every record in it, and no header and end.

        With `stretch` it ends, to be run again, when about so many bytes were handed out.

        One long function because its loop runs once a key: with the common string record inlined, slots
        filled without a constructor, no state on `self` and no generator inside another, small keys
        cost half of what calls to helpers would make them cost.
        """
        try:
            if self._blob_offset is None and not self.version:
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
                except (IndexError, CorruptStructure):
                    pass
                # Something rarer, damage, or a record that is not whole: `self` takes over.
                self._pos = pos
                if stretch is not None and self._weight + pos > stretch:
                    self._weight = -pos
                    return
                if pos >= size:
                    if not (yield from self._refill()):
                        return
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
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, DecodeError):
                self._locate(error)
            self._failure = error
            raise

    def _refill(self) -> Generator[Record | NeedData, None, bool]:
        """Go on between two records; False when a blob ends there, where a file must not."""
        self._at_boundary = self._attributes is None
        self._drop(self._pos)
        while (data := self._fetch(1)) is None:
            yield NEED_DATA
        if data:
            self._buf = data
        elif self._blob_offset is None or not self._at_boundary:
            yield from self._next_bytes(1, 0)
        self._at_boundary = False
        return bool(data)

    # --- keys that are not whole in the window -------------------------------------------------------

    def _split_entry(self) -> Records:
        """The key record at `_pos`, whose end is not in the window yet, or whose walk met damage."""
        start = yield from self._split_key()
        walk = Walk(self._types[self._buf[self._pos]].framing, self._templates)
        try:
            at = yield from self._gather(walk, start, self.max_value)
        except CorruptStructure as error:
            if error.pos is not None:  # met by the walk, and not by what brings the bytes
                self._name_key(error)
            raise
        start = strings.walk(self._buf, self._pos + 1)
        # The size decides, not how much of the value happens to be in the window.
        if at - start + walk.missing > self.max_value:
            if self._is_interleaved:
                raise Held(self.max_value).refuse("a value in interleaved pieces", at - start + walk.missing)
            yield from self._pass_by(walk, start, at)
            return
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
            yield from self._wait(self._pos, missing)

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
        self._pos = start
        before = self._base + start
        self._passing = entry._source = Passing(self, entry, walk, at)
        if self.on_large is not None:
            self.on_large(entry)
        yield entry
        entry._source = None
        if self._failure is None:
            self._passing = Passing(self, entry, walk, self._passing.at)
            for piece in self._passing.pieces():
                if not piece:
                    yield NEED_DATA
        self._passing = None
        if self._failure is not None:  # somebody caught it while reading the value; there is no way on
            raise self._failure
        entry._size = self._base + self._pos - before

    # --- opcodes -------------------------------------------------------------------------------------

    def _opcode_record(self) -> Records:
        """The record of the opcode at `_pos`: waited for until it is whole, then handed out."""
        row = self._opcode_row(self._buf[self._pos])
        self.opcodes.setdefault(row.name, self._at())
        handler = _HANDLERS.get(row.name, Core._vendor)
        end, whole = 0, False
        try:
            record, end = handler(self, row, self._pos + 1)
            whole = end <= len(self._buf)
        except IndexError:
            pass
        if not whole:
            walk, limit = Walk(row.framing, self._templates), self._limit_of(row)
            at = yield from self._gather(walk, self._pos + 1, limit)
            if not walk.done:
                raise Held(limit).refuse(f"a {row.name} record", at - self._pos + walk.missing)
            record, end = handler(self, row, self._pos + 1)
        at, raw = self._at(), self._buf[self._pos : end]
        self._pos = end
        if record is not None:
            self._weight += _unpacked_size(record)
            yield record
        elif row.name in _NESTED:
            yield from self._nested_records(row, raw, at)

    def _limit_of(self, row: OpcodeRow) -> int:
        """How many bytes of a record of this kind are held while it is not whole."""
        if row.name == "slot-import":
            return _SLOT_IMPORT_SIZE
        return self._scaled(MAX_TEMPLATES) if row.name == "hash-template" else self._max_record

    def _scaled(self, limit: int) -> int:
        """A limit that grows with what the caller allows a record to be."""
        return limit * self._max_record // MAX_RECORD

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
        if count > MAX_SLOT_RANGES:
            message = "a slot import of more ranges than there are slots"
            raise LimitExceeded(message, limit=MAX_SLOT_RANGES, wanted=count, unit="ranges")
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
        (template, count), start = self._lengths(pos, 2)
        self._check_templates(count, 0)
        fields: list[bytes] = []
        budget = Budget(self._scaled(MAX_TEMPLATES))
        end = strings.take(self._buf, start, count, fields, budget)
        if budget.failure is not None:
            raise budget.failure
        if len(fields) < count:
            raise IndexError
        size = sum(map(len, fields))
        self._check_templates(count, size)
        if template in self._templates:
            raise CorruptStructure(f"hash template {template} is defined twice", start)
        check_template(fields)
        record = HashTemplate(self._at(), self._raw(end), template, tuple(fields))
        self._templates[template] = record.fields
        self._template_names += count
        self._template_bytes += size
        return record, end

    def _check_templates(self, count: int, size: int) -> None:
        """Raise LimitExceeded when so many more names, of so many bytes, are more than can be held."""
        names, most = self._template_names + count, self._scaled(MAX_TEMPLATE_NAMES)
        if names > most:
            raise LimitExceeded("too many names of hash templates", limit=most, wanted=names, unit="names")
        wanted, limit = self._template_bytes + size, self._scaled(MAX_TEMPLATES)
        if wanted > limit:
            raise LimitExceeded("the names of hash templates are too large", limit=limit, wanted=wanted)

    # --- attributes ----------------------------------------------------------------------------------

    def _attribute(self, end: int) -> Attributes:
        """The attributes of the next key, with what stands at `_pos` up to `end` added to their bytes."""
        raw = self._raw(end)
        attributes = self._attributes
        if attributes is None:
            attributes = self._attributes = Attributes(self._at(), raw)
        elif len(attributes.raw) + len(raw) > self._max_record:
            wanted = len(attributes.raw) + len(raw)
            message = "the attributes of a key are too large to hold"
            raise LimitExceeded(message, limit=self._max_record, wanted=wanted)
        else:
            attributes.append(raw)
        return attributes

    def _expire(self, buf: bytes, pos: int) -> None:
        """EXPIRETIME_MS, called by the main loop for the one at `pos`; most keys have no other attribute."""
        self._pos = pos
        if EXPIRES_MS not in self.opcodes:
            self.opcodes[EXPIRES_MS] = self._at()
        at_ms = int.from_bytes(buf[pos + 1 : pos + 9], "little", signed=True)
        if self._attributes is not None or at_ms == -1:
            self._set_expiry(at_ms, pos + 9)
            return
        self._attributes = attributes = Attributes(self._at(), buf[pos : pos + 9])
        attributes.expires_at_ms = at_ms

    def _set_expiry(self, at_ms: int, end: int) -> None:
        attributes = self._attribute(end)
        # Asked: Redis 6.2, 7.0, 8.2 and 8.10, Valkey 8.0, 8.1 and 9.1. No server writes either.
        if attributes.expires_at_ms is not None:
            attributes.disputed = EXPIRY_TWICE
        if at_ms == -1:
            attributes.disputed = attributes.disputed or EXPIRY_MINUS_1
            attributes.expires_at_ms = None
        else:
            attributes.expires_at_ms = at_ms

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

    def _adopt(self, child: Core, at: int) -> None:
        """Make `child` decode records that stand inside one of ours and share what we know."""
        child.version, child.dialect = self.version, self.dialect
        child._dialect_told = True
        child._templates = self._templates
        child._db = self._db
        child._tagged = self._tagged
        child.opcodes = self.opcodes
        child._blob_offset = at
        child._origin, child._types, child._opcodes = self._origin, self._types, self._opcodes
        child._walks = self._walks

    def _compressed_blob(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        if self._blob_offset is not None:
            raise CorruptStructure("a compressed blob stands inside another")
        data, _ = strings.read(raw, 1, Budget(self._max_record))
        child = Blob(unpack_blob(row.name, data), max_value=self.max_value, max_record=self._max_record)
        self._adopt(child, at)
        yield from self._child_records(child)
        if child._pos < len(child._buf):
            raise CorruptStructure("a compressed blob holds an EOF mark")
        self._db = child._db

    def _tagged_chunk(self, row: OpcodeRow, raw: bytes, at: int) -> Records:
        """A piece of a large record that comes interleaved with others; each has a decoder of its own.

        Such a record cannot pass by, as others come between its pieces: it is held, whatever `max_value`
        is, and all that are not complete together are no more than one record may be.
        """
        del row
        tag = int.from_bytes(raw[1:5], "little")
        if tag not in self._tagged:
            self._open_tag(tag, at)
        child = self._tagged[tag]
        self._tagged_size += len(raw)
        if self._tagged_size > self._max_record:
            message = "records in interleaved pieces are too large to hold"
            raise LimitExceeded(message, limit=self._max_record, wanted=self._tagged_size)
        child.feed(raw[9:])
        child._weight += len(raw)
        yield from self._child_records(child)
        if child._at_boundary:
            self._tagged_size -= child._weight
            del self._tagged[tag]

    def _open_tag(self, tag: int, at: int) -> None:
        if len(self._tagged) >= MAX_OPEN_TAGS:
            wanted = len(self._tagged) + 1
            message = "too many records in interleaved pieces at a time"
            raise LimitExceeded(message, limit=MAX_OPEN_TAGS, wanted=wanted, unit="records")
        held = self._max_record
        self._tagged[tag] = Decoder(max_value=held, max_record=held, verify_checksum=False)
        self._adopt(self._tagged[tag], at)

    def _child_records(self, child: Core) -> Records:
        for record in child._records:
            if record is NEED_DATA:
                return
            if isinstance(record, Entry):
                record._pos = 0  # its place in the file is that of the blob
            yield record

    @property
    def _is_interleaved(self) -> bool:
        """Whether others come between the pieces of a record, so that it cannot pass by."""
        return False

    # --- the end -------------------------------------------------------------------------------------

    def _end(self) -> Records:
        """The EOF byte at `_pos` and the checksum behind it."""
        if self._tagged:
            raise CorruptStructure(f"{len(self._tagged)} records in interleaved pieces are not complete")
        offset = self._base + self._pos
        size = CRC_SIZE if self.version >= CRC_SINCE else 0
        yield from self._wait(self._pos, 1 + size - (len(self._buf) - self._pos))
        raw = self._buf[: 1 + size]
        self._drop(1)
        self._pos = size
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


class Decoder(Core):
    """A snapshot as it is fed.

    `dialect` overrides what magic, AUX fields and telltale codes say. `max_value` is the size in bytes
    above which a value is not held (its entry streams, see Entry.items) and to which a value may
    unpack. `max_record` is the same for what cannot stream (keys, function libraries, AUX fields), MAX_RECORD
    or `max_value` if that is more. `verify_checksum` False skips the CRC. `any_version` reads files whose
    header names a version unknown to rdbcodec, as long as everything in them is known.

    One thread at a time: a second that asks while the first is inside gets a ValueError.
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
        super().__init__(
            dialect=dialect,
            max_value=max_value,
            max_record=max_record,
            verify_checksum=verify_checksum,
            any_version=any_version,
        )
        self._fed: list[bytes] = []
        self._fed_size = 0
        self._eof = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give more of the snapshot. Raises RdbError after feed_eof, and after an error that error."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data is {type(data).__name__}, expected bytes, a bytearray or a memoryview")
        if self._failure is not None:
            self._fail_again()
        if self._eof:
            raise RdbError("feed() after feed_eof(), which said that there is no more")
        if data:
            self._fed.append(bytes(data))
            self._fed_size += len(self._fed[-1])

    def feed_eof(self) -> None:
        """Say that there is no more."""
        self._eof = True

    @property
    def unused(self) -> bytes:
        """After the End record: what was fed beyond the snapshot."""
        return self._buf[self._pos :] + b"".join(self._fed)

    def _fetch(self, wanted: int) -> bytes | None:
        if self._fed_size < wanted and not self._eof:
            return None
        data = b"".join(self._fed)
        self._fed.clear()
        self._fed_size = 0
        return data

    @property
    def _is_interleaved(self) -> bool:
        return self._blob_offset is not None


class Blob(Core):
    """The records in a compressed blob, unpacked as they are read: what it unpacks to is never held whole."""

    def __init__(self, pieces: Iterator[bytes], *, max_value: int, max_record: int) -> None:
        super().__init__(max_value=max_value, max_record=max_record, verify_checksum=False)
        self._pieces = pieces

    def _fetch(self, wanted: int) -> bytes:
        del wanted
        return next(self._pieces, b"")


class Passing:
    """A value too large to hold, while the decoder stands inside it: a ValueSource.

    The decoder knows one at a time. When the next record is asked for it makes another for what is left,
    and whoever still holds the first is told so.
    """

    __slots__ = ("_core", "_done", "_entry", "_walk", "at")

    def __init__(self, core: Core, entry: LargeEntry, walk: Walk, at: int) -> None:
        self._core = core
        self._entry = entry
        self._walk = walk
        self._done = walk.done and at == core._pos
        self.at = at  # how far the walk has come in the window

    def pieces(self) -> Iterator[bytes]:
        """What is left of the value; b"" while more must be fed. RdbError once the next record came."""
        core = self._core
        while not self._done:
            if core._passing is not self:
                raise RdbError(PASSED_BY)
            pos = core._pos
            if self.at > pos:
                core._pos, self._done = self.at, self._walk.done
                yield core._buf[pos : self.at]
            else:
                yield from self._advance()

    def _advance(self) -> Iterator[bytes]:
        core = self._core
        try:
            self.at = self._walk.advance(core._buf, core._pos)
            if self.at == core._pos and not self._walk.done:
                for _ in core._wait(core._pos):
                    yield b""
                self.at = self._walk.advance(core._buf, 0)
            self._done = self._walk.done and self.at == core._pos
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, DecodeError):
                core._locate(error)
            if isinstance(error, CorruptStructure) and error.pos is not None:
                self._entry._locate(error)
            core._failure, self._done = error, True
            raise

    def drain(self) -> int:
        """Walk to the end of the value; the bytes that were left of it."""
        size = 0
        for piece in self.pieces():
            if not piece:
                raise RdbError("a value that is still being fed has no size yet")
            size += len(piece)
        return size


Handled = tuple["Record | None", int]

_LAST_TYPE = 99  # codes up to here can only be meant as types; no dialect has an opcode below 100


def _unpacked_size(record: Record) -> int:
    """Bytes that a record holds beside those it has on disk."""
    parts = () if isinstance(record, Entry) else record[2:]
    return sum(len(part) for part in parts if isinstance(part, bytes))


def check_options(dialect: object, max_value: object) -> None:
    """Raise TypeError or ValueError, which name the parameter, for what cannot be meant."""
    if not isinstance(max_value, int) or isinstance(max_value, bool):
        raise TypeError(f"max_value is {type(max_value).__name__}, expected a number of bytes")
    if dialect is not None and dialect not in DIALECTS:
        raise ValueError(f"dialect is {dialect!r}, expected None or one of {', '.join(DIALECTS)}")


_HANDLERS: dict[str, Callable[[Core, OpcodeRow, int], Handled]] = {
    "eof": Core._eof_with_attributes,
    "selectdb": Core._select_db,
    "expiretime": Core._expiretime,
    "expiretime-ms": Core._expiretime_ms,
    "resizedb": Core._resize_db,
    "aux": Core._aux,
    "freq": Core._freq,
    "idle": Core._idle,
    "module-aux": Core._module_aux,
    "function-pre-ga": Core._function_pre_ga,
    "function": Core._function,
    "slot-info": Core._slot_info,
    "key-meta": Core._key_meta,
    "hash-template": Core._hash_template,
    "slot-import": Core._slot_import,
    "ram-lru": Core._hint,
    "key-attributes": Core._hint,
    "zstd-blob": Core._nested,
    "lz4-blob": Core._nested,
    "tagged-chunk": Core._nested,
}

_NESTED: dict[str, Callable[[Core, OpcodeRow, bytes, int], Records]] = {
    "zstd-blob": Core._compressed_blob,
    "lz4-blob": Core._compressed_blob,
    "tagged-chunk": Core._tagged_chunk,
}
