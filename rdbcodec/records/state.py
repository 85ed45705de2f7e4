"""What a record's decoder sees of the file, and may change: the bytes in hand and what earlier records said.

A decoder (`decode` of a RecordKind) gets the position behind the opcode, and answers the record and where it
ends. When the record is not whole it raises IndexError, or answers an end beyond the bytes: it is called
again when there are more. So nothing may be changed before `raw` has made sure that all of it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from rdbcodec.errors import LimitExceeded, UnknownOpcode, UnknownType
from rdbcodec.formats import (
    Dialect,
    OpcodeRow,
    TypeRow,
    opcodes_of,
    telltale_of,
    types_of,
    unknown_version,
    unseen_type,
    version_row,
)
from rdbcodec.framing import WalkFunction, asks_templates, compile_walk
from rdbcodec.limits import MAX_RECORD
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.attributes import Attributes
from rdbcodec.records.entry import Context
from rdbcodec.records.hash_template import Templates
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.strings import Budget

if TYPE_CHECKING:
    from rdbcodec.formats import VersionRow

_LAST_TYPE = 99  # codes up to here can only be meant as types; no dialect has an opcode below 100


class FileContext(NamedTuple):
    """What must be known of a file to read on between two of its records.

    `is_settled` says that nothing in the file changes the dialect any more: the caller named it. `is_named`
    that the server which wrote it said who it is.
    """

    dialect: Dialect
    is_settled: bool
    version: int
    db: int
    templates: Mapping[int, tuple[bytes, ...]]
    is_named: bool = False


class Position(NamedTuple):
    """A place between two records: bytes from the start of the snapshot, and what is known there."""

    offset: int
    context: FileContext


class State:
    """The bytes in hand (`buf`, of which `pos` is the record's first) and what earlier records said.

    `base` is the offset of the first byte in hand. `inside` is that of the blob that holds them, if one does:
    what stands in it has no place of its own. `opcodes` has the first offset of each opcode that was met.
    """

    __slots__ = (
        "attributes",
        "base",
        "buf",
        "db",
        "dialect",
        "inside",
        "is_named",
        "is_settled",
        "max_record",
        "max_value",
        "opcode_rows",
        "opcodes",
        "origin",
        "pos",
        "template_bytes",
        "template_names",
        "templates",
        "types",
        "version",
        "walks",
    )

    def __init__(self, dialect: Dialect | None, *, max_value: int, max_record: int) -> None:
        self.buf = b""
        self.pos = 0
        self.base = 0
        self.inside: int | None = None
        self.dialect: Dialect = dialect or "redis"
        self.is_settled = dialect is not None
        self.is_named = False
        self.version = 0
        self.db = 0
        self.attributes: Attributes | None = None
        self.templates = Templates()
        self.template_names = 0
        self.template_bytes = 0
        self.max_value = max_value
        self.max_record = max_record
        self.opcodes: dict[str, int] = {}
        self.origin: VersionRow = unknown_version(self.dialect, 0)
        self.types: Mapping[int, TypeRow] = {}
        self.opcode_rows: Mapping[int, OpcodeRow] = {}
        self.walks: list[WalkFunction | None] = []

    # --- what earlier records said -------------------------------------------------------------------

    def use_dialect(self, dialect: Dialect) -> None:
        """Read types and opcodes as this dialect has them."""
        self.dialect = dialect
        self.origin = version_row(dialect, self.version) or unknown_version(dialect, self.version)
        self.types = types_of(dialect, self.version)
        self.opcode_rows = opcodes_of(dialect, self.version)
        walks, of_templates = _walks_of(dialect, self.version)
        self.walks = list(walks)
        for code in of_templates:
            self.walks[code] = compile_walk(self.types[code].framing, self.templates)

    def follow(self, telltale: Dialect | None) -> bool:
        """Change to the dialect that something in the file gives away, unless the dialect is known."""
        if telltale is None or self.is_settled or self.dialect != "redis":
            return False
        self.use_dialect(telltale)
        return True

    def follow_code(self, code: int) -> bool:
        """The same for a code that only one dialect has."""
        return self.follow(telltale_of(code, self.version, is_named=self.is_named))

    def opcode_row(self, code: int) -> OpcodeRow:
        """The row of an opcode; raises UnknownOpcode, or UnknownType for what can only be meant as one."""
        row = self.opcode_rows.get(code)
        if row is not None:
            return row
        dialect, version = self.dialect, self.version
        place = f"in dialect {dialect} (header version {version})"
        unseen = unseen_type(dialect, code, version)
        if unseen is not None:
            message = f"type {code} is {unseen}, whose layout is not known yet"
            raise UnknownType(message, code=code, dialect=dialect)
        if code <= _LAST_TYPE or self.attributes is not None:
            raise UnknownType(f"type {code} is unknown {place}", code=code, dialect=dialect)
        raise UnknownOpcode(f"opcode {code} is unknown {place}", code=code, dialect=dialect)

    def context(self) -> Context:
        """What the entries of the bytes in hand share."""
        return Context(
            self.origin,
            self.base if self.inside is None else self.inside,
            self.db,
            self.types,
            self.templates.known(),
            limit=self.max_value,
            record_limit=self.max_record,
        )

    def file_context(self) -> FileContext:
        """What must be known to read on from here; it stays as it is when more is read."""
        templates = self.templates.known()
        return FileContext(self.dialect, self.is_settled, self.version, self.db, templates, self.is_named)

    def resume(self, context: FileContext, offset: int) -> None:
        """Stand at this offset of a file, with what is known there."""
        self.base, self.db, self.version = offset, context.db, context.version
        self.is_settled, self.is_named = context.is_settled, context.is_named
        for id, fields in context.templates.items():
            self.add_template(id, fields)
        self.use_dialect(context.dialect)

    def add_template(self, id: int, fields: tuple[bytes, ...]) -> None:
        """A hash template that values behind it may refer to."""
        self.templates[id] = fields
        self.template_names += len(fields)
        self.template_bytes += sum(map(len, fields))

    def scaled(self, limit: int) -> int:
        """A limit that grows with what the caller allows a record to be."""
        return limit * self.max_record // MAX_RECORD

    # --- the bytes in hand ---------------------------------------------------------------------------

    def offset(self) -> int:
        """The offset of the record at `pos`."""
        return self.base + self.pos if self.inside is None else self.inside

    def raw(self, end: int) -> bytes:
        """The record at `pos` up to `end`, opcode included; IndexError when it is not whole."""
        if end > len(self.buf):
            raise IndexError
        return self.buf[self.pos : end]

    def framed(self, row: OpcodeRow, pos: int) -> int:
        """Where the operands at `pos` end by their framing."""
        return compile_walk(row.framing, self.templates)(self.buf, pos)

    def string(self, pos: int) -> tuple[bytes, int]:
        """The STRING at `pos`, and its end."""
        return strings.read(self.buf, pos, Budget(self.max_record))

    def lengths(self, pos: int, count: int) -> tuple[list[int], int]:
        """So many LENGTHs from `pos` on, and the end of the last."""
        values = []
        for _ in range(count):
            value, pos = lengths.read(self.buf, pos)
            values.append(value)
        return values, pos

    def attribute(self, end: int) -> Attributes:
        """The attributes of the next key, with what stands at `pos` up to `end` added to their bytes."""
        raw = self.raw(end)
        attributes = self.attributes
        if attributes is None:
            attributes = self.attributes = Attributes(self.offset(), raw)
        elif len(attributes.raw) + len(raw) > self.max_record:
            wanted = len(attributes.raw) + len(raw)
            message = "the attributes of a key are too large to hold"
            raise LimitExceeded(message, limit=self.max_record, wanted=wanted)
        else:
            attributes.append(raw)
        return attributes


@lru_cache(maxsize=64)
def _walks_of(dialect: Dialect, version: int) -> tuple[list[WalkFunction | None], list[int]]:
    """The walk of each type by its code, but for the types whose walk is one for each file."""
    walks: list[WalkFunction | None] = [None] * 256
    of_templates = []
    for code, row in types_of(dialect, version).items():
        if asks_templates(row.framing):
            of_templates.append(code)
        else:
            walks[code] = compile_walk(row.framing, {})
    return walks, of_templates
