"""What the bytes of a record are: its opcodes, its key, its value, down to the elements of packed structures.

    Walker(whole).record(pos, context)      ->  Meanings; each byte of the record in exactly one

The names are those of the framings in the table. A string that holds a packed structure is its length, and
then the parts of the structure. One that is compressed as well is one Meaning, and what it unpacks to comes
behind it: those Meanings say `inside`, and count from the start of what was unpacked. So do the records in
Dragonfly's blobs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from rdbcodec.errors import CorruptStructure, DecodeError, Truncated, UnknownOpcode
from rdbcodec.formats import (
    CRC_SINCE,
    NEXT_KEY_AUX,
    STRING,
    Dialect,
    Framing,
    OpcodeRow,
    TypeRow,
    opcodes_of,
    types_of,
)
from rdbcodec.framing import labels
from rdbcodec.framing.labels import Bytes, InHand, Span
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.unpack import unpack_blob
from rdbcodec.records.attributes import KINDS as ATTRIBUTE_KINDS
from rdbcodec.records.end import CRC_SIZE
from rdbcodec.records.header import MAGIC_SIZE
from rdbcodec.records.state import FileContext
from rdbcodec.showing import kept_key
from rdbcodec.structures import intset, listpack, stream_node, ziplist, zipmap
from rdbcodec.structures.parts import ELEMENT, Part
from rdbcodec.tools.element_names import Ids, Names, names_of
from rdbcodec.tools.meanings import DAMAGED, SHOWN, Meaning, Value, value_of
from rdbcodec.wire import lengths, lzf, strings
from rdbcodec.wire.module_ids import decode_meta_class, decode_module_id

HELD = 1 << 20  # bytes of a packed structure that is looked into: servers make them of 64 KiB and less


class Walker:
    """A walk over bytes, which are a snapshot or what a blob unpacks to; `pos` is where it stands."""

    def __init__(self, whole: Bytes, *, shown: int = SHOWN, inside: str = "", record: int = 0) -> None:
        self.pos = 0
        self.is_at_end = False  # behind the EOF mark
        self._whole = _Paged(whole)
        self._shown = shown
        self._inside = inside
        self._record = record
        self._context = FileContext("redis", False, 0, 0, {})

    def header(self) -> Iterator[Meaning]:
        """The magic."""
        letters = 6 if self._whole.read_at(0, 6).isalpha() else 5
        yield self._taken(letters, "magic", "text", self._whole.read_at(0, letters))
        yield self._taken(
            MAGIC_SIZE - letters, "version", "text", int(self._whole.read_at(letters, 9 - letters))
        )

    def record(self, pos: int, context: FileContext) -> Iterator[Meaning]:
        """The record at `pos`, the attributes of a key with the key. Raises DecodeError at damage that hides
        where it ends; `pos` is then where that begins."""
        self.pos, self._context = pos, context
        if not self._inside:
            self._record = pos
        types, opcodes = _codes(context.dialect, context.version)
        is_key = False
        while (code := self._code()) not in types:
            row = opcodes.get(code)
            if row is None:
                raise UnknownOpcode(f"byte {code:#04x} begins no record", code=code, dialect=context.dialect)
            yield self._taken(1, "opcode", "u8", row.name)
            if row.name == "eof":
                yield from self._checksum()
                return
            for meaning in self._operands(row):
                is_key = is_key or _begins_key(meaning)
                yield meaning
            is_key = is_key or row.name in _ATTRIBUTES
            if not is_key:
                return
        yield self._taken(1, "type", "u8", types[code].name)._replace(note=f"db {context.db}")
        yield self._key()
        yield from self._labelled(types[code].framing, types[code])

    def _key(self) -> Meaning:
        """The name of a key, of which a report keeps more than of other texts: to show a digest of it."""
        (span,) = labels(_KEY, self._whole, pos=self.pos)
        raw = self._whole.read_at(span.start, span.end - span.start)
        try:
            key = strings.read(raw, 0, strings.Budget())[0]
        except DecodeError as error:
            error.pos = span.start
            raise
        kind = "lzf" if raw[0] == strings.LZF else "string"
        self.pos = span.end
        return self._of(span, kind, None, raw, len(key))._replace(value=kept_key(key))

    def damaged(self, error: DecodeError, end: int | None = None) -> Meaning:
        """What stands here and cannot be told, as an error says; nothing, where all was told."""
        end = self.pos if end is None else end
        raw = self._whole.read_at(self.pos, min(end - self.pos, self._shown))
        return Meaning(self._record, self.pos, end, DAMAGED, DAMAGED, error.message, raw, inside=self._inside)

    def _code(self) -> int:
        head = self._whole.read_at(self.pos, 1)
        if not head:
            raise Truncated("the bytes end where a record must stand", self.pos)
        return head[0]

    def _taken(self, size: int, label: str, kind: str, value: Value) -> Meaning:
        start, self.pos = self.pos, self.pos + size
        raw = self._whole.read_at(start, size)
        return Meaning(self._record, start, self.pos, label, kind, value, raw, inside=self._inside)

    def _checksum(self) -> Iterator[Meaning]:
        self.is_at_end = True
        if self._context.version < CRC_SINCE:
            return
        raw = self._whole.read_at(self.pos, CRC_SIZE)
        if len(raw) < CRC_SIZE:
            raise Truncated("the checksum is not whole", self.pos)
        yield self._taken(CRC_SIZE, "checksum", "u64", int.from_bytes(raw, "little"))

    # --- what a framing names ------------------------------------------------------------------------

    def _operands(self, row: OpcodeRow) -> Iterator[Meaning]:
        start = self.pos
        yield from self._labelled(row.framing, None)
        if row.name in _BLOBS:
            yield from self._blob(row.name, start)

    def _labelled(self, framing: Framing, row: TypeRow | None) -> Iterator[Meaning]:
        before: Meaning | None = None
        for span in labels(framing, self._whole, self._context.templates, pos=self.pos):
            for meaning in self._meanings(span, row, before):
                yield meaning
                before = meaning
            self.pos = span.end

    def _meanings(self, span: Span, row: TypeRow | None, before: Meaning | None) -> Iterator[Meaning]:
        if span.kind in _STRINGS:
            yield from self._string(span, row, before)
            return
        raw = self._whole.read_at(span.start, min(span.end - span.start, max(self._shown, _NUMBER)))
        value = value_of(span.kind, raw)
        yield self._of(span, span.kind, value, raw)._replace(note=self._note(span, value))

    def _note(self, span: Span, value: Value) -> str:
        if span.label == "module_id" and isinstance(value, int):
            return "{0.name}, version {0.version}".format(decode_module_id(value))
        if span.label.endswith("class_spec") and isinstance(value, int):
            return "{0.name}, version {0.version}".format(decode_meta_class(value))
        return ""

    def _of(self, span: Span, kind: str, value: Value, raw: bytes, size: int | None = None) -> Meaning:
        value = value[: self._shown] if isinstance(value, bytes) else value
        raw = raw[: self._shown]
        return Meaning(self._record, *span[:2], span.label, kind, value, raw, size, self._inside)

    # --- strings -------------------------------------------------------------------------------------

    def _string(self, span: Span, row: TypeRow | None, before: Meaning | None) -> Iterator[Meaning]:
        head = self._whole.read_at(span.start, _STRING_HEAD)
        held = _held_in(span.label, row, before)
        if head[0] == strings.LZF:
            yield from self._unpacked(span, strings.read_lzf_header(head, 0), held)
        elif head[0] > strings.LZF or head[0] in strings.INTEGER_SIZE:
            text = strings.read(head, 0, strings.Budget(0))[0]
            kind = f"i{8 * strings.INTEGER_SIZE[head[0]]}"
            yield self._of(span, kind, text, head[: span.end - span.start], len(text))
        else:
            yield from self._plain(span, lengths.read(head, 0), held)

    def _plain(self, span: Span, head: tuple[int, int], held: _Held | None) -> Iterator[Meaning]:
        size, begins = head
        start = span.start + begins
        if held is None or size > HELD:
            text = self._whole.read_at(start, min(size, self._shown))
            raw = self._whole.read_at(span.start, min(span.end - span.start, self._shown))
            note = _id_words(span, text) if held is None else _TOO_LARGE
            yield self._of(span, "string", text, raw, size)._replace(note=note)
            return
        head_span = Span(span.start, start, f"{span.label}.size", "length")
        yield self._of(head_span, "length", size, self._whole.read_at(span.start, begins))
        blob = self._whole.read_at(start, size)
        yield from self._packed(blob, start, self._inside, span.label, held)

    def _unpacked(self, span: Span, head: tuple[int, int, int], held: _Held | None) -> Iterator[Meaning]:
        packed, size, begins = head
        raw = self._whole.read_at(span.start, min(span.end - span.start, self._shown))
        meaning = self._of(span, "lzf", None, raw, size)
        block = self._whole.read_at(span.start + begins, min(packed, HELD + self._shown))
        try:
            if held is None or size > HELD:
                text = lzf.decompress_prefix(block, min(size, self._shown))
                note = "" if held is None else _TOO_LARGE
                yield meaning._replace(value=text, note=note)
                return
            blob = lzf.decompress(block, size)
        except CorruptStructure as error:
            yield meaning
            yield meaning._replace(
                start=span.end,
                kind=DAMAGED,
                value=error.message,
                raw=b"",
                size=None,
                label=f"{span.label}.block",
            )
            return
        yield meaning
        inside = f"{self._inside}.{span.label}" if self._inside else span.label
        yield from self._packed(blob, 0, inside, span.label, held)

    def _packed(self, blob: bytes, base: int, inside: str, label: str, held: _Held) -> Iterator[Meaning]:
        """The parts of a structure, which begins at `base`."""
        pos = 0
        try:
            for part in held.parts(blob):
                name = held.names.of(part.value) if part.label == ELEMENT else part.label
                size = len(part.value) if isinstance(part.value, bytes) else None
                span = Span(base + part.start, base + part.end, f"{label}.{name}", part.kind)
                meaning = self._of(span, part.kind, part.value, blob[part.start : part.end], size)
                yield meaning._replace(inside=inside, note=held.ids.note(name, part.value))
                pos = part.end
        except CorruptStructure as error:
            place = "" if error.pos is None else f"at {base + error.pos}"
            span = Span(base + pos, base + len(blob), f"{label}.rest", DAMAGED)
            yield self._of(span, DAMAGED, error.message, blob[pos:])._replace(inside=inside, note=place)

    # --- records in records --------------------------------------------------------------------------

    def _blob(self, codec: str, start: int) -> Iterator[Meaning]:
        """The records in one of Dragonfly's, which begins at `start`."""
        size, begins = lengths.read(self._whole.read_at(start, lengths.MAX_SIZE), 0)
        data = self._whole.read_at(start + begins, size)
        unpacked = bytearray()
        try:
            for piece in unpack_blob(codec, data):
                unpacked += piece
                if len(unpacked) > _BLOB_HELD:
                    error = CorruptStructure("the blob unpacks to more than is looked into")
                    yield self.damaged(error)
                    return
        except CorruptStructure as error:
            yield self.damaged(error)
            return
        inner = Walker(InHand(bytes(unpacked)), shown=self._shown, inside="blob", record=self._record)
        while inner.pos < len(unpacked):
            try:
                yield from inner.record(inner.pos, self._context)
            except DecodeError as error:
                yield inner.damaged(error, len(unpacked))
                return


class _Paged:
    """Bytes of which a page is held: what is asked for stands close together."""

    def __init__(self, whole: Bytes) -> None:
        self.size = whole.size
        self._whole = whole
        self._base, self._page = 0, b""

    def read_at(self, pos: int, size: int, /) -> bytes:
        """Some of them."""
        at = pos - self._base
        if at < 0 or at + size > len(self._page):
            if size > _PAGE // 2:
                return self._whole.read_at(pos, size)
            self._base, self._page, at = pos, self._whole.read_at(pos, _PAGE), 0
        return self._page[at : at + size]


Parts = Callable[[bytes], Iterator[Part]]


class _Held(NamedTuple):
    """The structure in a string."""

    parts: Parts
    names: Names
    ids: Ids


def _held_in(label: str, row: TypeRow | None, before: Meaning | None) -> _Held | None:
    """What a string of this name holds; None for text."""
    name = _INDEX.sub("", label.rpartition(".")[2])
    is_text = name == "node" and before is not None and before.value == _PLAIN_NODE
    parts = _PARTS.get(name)
    if row is None or parts is None or is_text:
        return None
    return _Held(parts, Names(names_of(row, label)), Ids(_master_of(before)))


def _id_words(span: Span, text: bytes) -> str:
    """The ID that a node's text is."""
    is_id = span.label.endswith("master_id") and len(text) == _ID
    return str(stream_node.read_id(text)) if is_id else ""


def _master_of(before: Meaning | None) -> bytes:
    """The bytes of the ID before a node; none before other structures."""
    value = None if before is None or not before.label.endswith("master_id") else before.value
    return value if isinstance(value, bytes) else b""


def _begins_key(meaning: Meaning) -> bool:
    """Whether it is the name of a remark that belongs to the key behind it."""
    value = meaning.value
    return meaning.label == "name" and isinstance(value, bytes) and value.lower() in NEXT_KEY_AUX


@cache
def _codes(dialect: Dialect, version: int) -> tuple[Mapping[int, TypeRow], Mapping[int, OpcodeRow]]:
    return types_of(dialect, version), opcodes_of(dialect, version)


_INDEX = re.compile(r"\[\d+\]")
_KEY = Framing(key=STRING)
_ATTRIBUTES = {kind.opcode for kind in ATTRIBUTE_KINDS}
_BLOBS = ("zstd-blob", "lz4-blob")
_BLOB_HELD = 16 << 20  # bytes that a blob of Dragonfly unpacks to: it makes them of some 100 KiB
_PAGE = 64 << 10
_NUMBER = 24  # bytes of the longest thing that is a number
_STRING_HEAD = 24  # bytes: an encoding and two lengths
_ID = 16
_PLAIN_NODE = 1
_TOO_LARGE = "too large to be looked into"
_STRINGS = ("string", "template names")
_PARTS: dict[str, Parts] = {
    "listpack": listpack.parts,
    "fields_listpack": listpack.parts,
    "values_listpack": listpack.parts,
    "node": listpack.parts,
    "ziplist": ziplist.parts,
    "intset": intset.parts,
    "zipmap": zipmap.parts,
}
