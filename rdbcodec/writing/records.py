"""Records that are no keys: those of a caller, and those of another file where the server has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rdbcodec.datatypes.hashes import template_of
from rdbcodec.datatypes.natural import text_of
from rdbcodec.errors import EncodeError
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    ResizeDb,
    SelectDb,
    aux_field,
    function,
    hash_template,
    resize_db,
    select_db,
    slot_info,
)
from rdbcodec.records.libraries import library_name, refusal
from rdbcodec.records.registry import kind_of
from rdbcodec.writing.arguments import check_db
from rdbcodec.writing.file import FileWriter, failing

if TYPE_CHECKING:
    from rdbcodec.records import Record


class RecordWriter(FileWriter):
    """A Writer but for keys. `_verbatim` copies whatever comes; templates are those of this file."""

    _verbatim: bool
    _templates: dict[tuple[bytes, ...], int]  # those written so far
    _template_ids: set[int]

    @failing
    def write_record(self, record: Record) -> None:
        """Any record of a reader; the header and the end of its file are this file's own."""
        handle = _COPIES.get(record.__class__)
        if handle is not None:
            handle(self, record)
        elif kind_of(record) is not None:
            self._copy_adapted(record)
        else:
            raise EncodeError(f"expected a record or a key and a value, found {record.__class__.__name__}")

    @failing
    def select_db(self, db: int, keys: int | None = None, expires: int = 0) -> None:
        """The keys that follow belong to this database; with `keys`, how many, and how many expire.

        The counts must be true: servers size their tables by them.
        """
        self._check_database(db)
        self._select(db)
        if keys is not None and "resizedb" in self.server.opcodes:
            self._put(resize_db.encode(keys, expires))

    def _select(self, db: int) -> None:
        self._settle()
        self._put(select_db.encode(db))
        self._db = db
        self.databases = max(self.databases, db + 1)

    @failing
    def write_aux(self, name: bytes | str, value: bytes | str | int) -> None:
        """A remark; raises EncodeError for a target before Redis 3.2."""
        self._check_opcode("aux")
        self._put(aux_field.encode(text_of(name), text_of(value), compress=self.server.compress))

    @failing
    def write_function(self, code: bytes | str) -> None:
        """A function library, its complete text; one that is there already is not written again.

        Raises EncodeError for a library the target's servers refuse, and for one that has the name of
        another; for a target before Redis 7.0.
        """
        self._check_opcode("function")
        text = text_of(code)
        reason = refusal(text, self.server.dialect)
        if reason is not None:
            raise EncodeError(reason, type="function", server=self.server.name)
        if self._is_new_library(text):
            self._put(function.encode(text, compress=self.server.compress))

    def _is_new_library(self, code: bytes) -> bool:
        name = library_name(code)
        return self._written is None or name is None or self._written.is_new_library(name, code)

    @failing
    def write_slot_info(self, slot: int, keys: int, expires: int) -> None:
        """How many keys a slot has, before its first; raises EncodeError for a target that reads none."""
        self._check_opcode("slot-info")
        self._put(slot_info.encode(slot, keys, expires))

    @failing
    def write_template(self, fields: Iterable[bytes]) -> int:
        """A template, before the hashes that shall share it; its id. Raises EncodeError before Redis 8.10."""
        self._check_opcode("hash-template")
        names = template_of(fields)
        id = max(self._template_ids, default=-1) + 1
        self._templates[names] = id
        self._template_ids.add(id)
        self._put(hash_template.encode(id, names, self.server))
        return id

    def _check_opcode(self, name: str) -> None:
        if name not in self.server.opcodes:
            raise EncodeError("the target has no such record", type=name, server=self.server.name)

    def _check_database(self, db: object) -> None:
        limit = self.server.databases
        if limit is not None and check_db(db) >= limit:
            raise EncodeError(f"db {db}: the target has {limit} databases; databases= says if it has more")
        check_db(db)

    def _copy(self, record: Record) -> None:
        assert not isinstance(record, Entry)
        self._put(record.raw)

    def _copy_adapted(self, record: Record) -> None:
        """A record as the server reads it; what it cannot hold is a loss of its kind."""
        kind = kind_of(record)
        assert kind is not None
        if self._verbatim:
            self._copy(record)
        else:
            self._put(kind.adapted(record, self.server, lambda loss: self.lose(loss, record)))

    def _copy_select(self, record: SelectDb) -> None:
        limit = self.server.databases
        if limit is None or record.db < limit:
            self._settle()
            self._copy(record)
            self._db = record.db
            self.databases = max(self.databases, record.db + 1)

    def _copy_resize(self, record: ResizeDb) -> None:
        if record.db == self._db:  # else its database was left out
            self._copy_adapted(record)

    def _copy_aux(self, record: Aux) -> None:
        """A remark that is not the next key's, which brings its own (see _attributes_of)."""
        if record.of_next_key:
            return
        self._copy_adapted(record)

    def _copy_function(self, record: Function) -> None:
        """Of two with one name the first is enough, and only if both are the same."""
        is_held = self._verbatim or function.is_held(record, self.server)
        if is_held and not self._is_new_library(function.text_of(record)):
            self.lose("function-again", record)
        else:
            self._copy_adapted(record)

    def _copy_template(self, record: HashTemplate) -> None:
        templates = self._templates
        if self._verbatim:
            self._copy(record)
        elif "hash-template" in self.server.opcodes and record.id not in self._template_ids:
            templates[record.fields] = record.id
            self._template_ids.add(record.id)
            self._copy(record)

    def _ignore(self, record: Record) -> None:
        """The header and the end of another file."""


# Those that hang on what was written before; all others are copied as their own files say.
_COPIES: dict[type, Callable[[RecordWriter, Any], None]] = {
    Header: RecordWriter._ignore,
    End: RecordWriter._ignore,
    Aux: RecordWriter._copy_aux,
    SelectDb: RecordWriter._copy_select,
    ResizeDb: RecordWriter._copy_resize,
    Function: RecordWriter._copy_function,
    HashTemplate: RecordWriter._copy_template,
}
