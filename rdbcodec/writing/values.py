"""Values that are given, not copied: in the layout asked for, or in that which the server would choose."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from rdbcodec.datatypes.registry import types
from rdbcodec.encoding.transcoding import encode_as, encode_value, natural, row_named
from rdbcodec.errors import EncodeError
from rdbcodec.formats import TYPES, TypeRow
from rdbcodec.losses import Lose
from rdbcodec.wire import lengths, strings
from rdbcodec.writing.arguments import check_word
from rdbcodec.writing.attributes import AttributeWriter
from rdbcodec.writing.file import failing
from rdbcodec.writing.passing import Gathered, gather, spooled

STRING = "string"  # type and layout of the same name, which every server has as type 0
OF_STRINGS = (None, STRING)
Attributes = tuple[int | None, int | None, int | None, bytes | None]
NO_ATTRIBUTES: Attributes = (None, None, None, None)
Made = tuple[TypeRow, bytes] | None  # a value in a layout; None when the target has no such type


class ValueWriter(AttributeWriter):
    """A Writer but for whole keys."""

    @cached_property
    def _rows(self) -> dict[tuple[str, str], TypeRow | None]:
        return {}

    @failing
    def _write_string(self, key: bytes, value: bytes) -> None:
        """A key and a string that is an integer, or long enough to be compressed."""
        compress = self.server.compress
        self._put(b"\0" + strings.encode(key, compress=compress) + strings.encode(value, compress=compress))
        self._fresh.append(key)
        self.keys += 1

    @failing
    def write_decoded(
        self,
        key: bytes,
        value: Any,
        type_: str,
        encoding: str | None,
        *,
        db: int,
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> None:
        """A key whose value is as Entry.value gives it: of the class of its type, its elements bytes.

        In the layout asked for, as `Writer.write` has it, which does not take values on trust. `attributes`
        are when it expires, idle time, frequency and metadata.
        """

        def lose(kind: str) -> None:
            self._lose(kind, db=db, key=key)

        try:
            if db != self._db:
                self._check_database(db)
            row = None if encoding is None else self._row_named(type_, encoding)
            if type_ == STRING:
                made: Made = self.server.types[STRING], strings.encode(value, compress=self.server.compress)
            elif value.__class__ is Gathered:
                made = value.row, lengths.encode(value.number)
            elif row is None:
                made = encode_value(type_, value, self.server, lose)
            else:
                made = encode_as(row, value, self.server, lose, self._templates)
            head = b"" if made is None or attributes == NO_ATTRIBUTES else self._attributes(*attributes, lose)
        except EncodeError as error:
            error.locate(type=type_, server=self.server.name, db=db, key=key)
            raise
        self._put_value(key, db, head, made)

    @property
    def selected(self) -> int | None:
        """The database that keys are written to now; None before the first."""
        return self._db

    def coded_row(self, type_: str, encoding: str) -> TypeRow | None:
        """The row of a value for which this layout is asked; None where more than that is to be known."""
        row = self._row_named(type_, encoding)
        return None if row is None or row.refers or row.type == "module" else row

    @failing
    def put_records(self, records: list[bytes], keys: list[bytes]) -> None:
        """Records of keys of the selected database, made as this writer would make them."""
        self._put(b"".join(records))
        self._fresh += keys
        self.keys += len(keys)

    @failing
    def write_parts(
        self,
        key: bytes,
        values: Iterable[Any],
        type_: str,
        encoding: str | None,
        *,
        db: int,
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> bool:
        """`write_decoded` of a value that comes in parts, each a value of its type.

        False, and nothing is written, where that cannot be: who has all of it writes that.
        """
        with tempfile.TemporaryFile() as spool:
            row = None if encoding is None else self._row_named(type_, encoding)
            gathered = gather(values, type_, row, self.server, spool)
            if gathered is None:
                return False
            self.write_decoded(key, gathered, type_, encoding, db=db, attributes=attributes)
            self._pour(spooled(spool))
            return True

    def _put_value(self, key: bytes, db: int, head: bytes, made: Made) -> None:
        """A key with what stands before it; one whose value the target cannot hold is left out."""
        if made is None:
            self.dropped += 1
            return
        if db != self._db:
            self._select(db)
        row, raw = made
        shown = strings.encode(key, compress=self.server.compress)
        self._put(b"%b%c%b%b" % (head, row.code, shown, raw))
        self._fresh.append(key)
        self.keys += 1

    def _encoded(self, value: Any, type_: str | None, encoding: str | None, lose: Lose) -> Made:
        server = self.server
        if value.__class__ is bytes and type_ in OF_STRINGS and encoding in OF_STRINGS:
            return server.types[STRING], strings.encode(value, compress=server.compress)
        kind = types().get(type_) if isinstance(type_, str) else None
        own, value = (kind.name, value) if kind is not None and kind.is_named else natural(value)
        if type_ is not None and type_ != own:
            check_word("type", type_, (row.type for row in TYPES))
            raise EncodeError(f"a {own} cannot be written as a {type_}")
        found = own
        row = None if encoding is None else self._row_named(found, encoding)
        if row is None and encoding is not None:
            check_word("encoding", encoding, (row.encoding for row in TYPES))
        if row is not None:
            return encode_as(row, value, server, lose, self._templates)
        return encode_value(found, value, server, lose)

    def _row_named(self, type_: str, encoding: str) -> TypeRow | None:
        """The row, which is looked for once."""
        name = type_, encoding
        if name not in self._rows:
            self._rows[name] = row_named(type_, encoding, self.server)
        return self._rows[name]
