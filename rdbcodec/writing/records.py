"""Records that are no keys: those of a caller, and those of another file where the server has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rdbcodec.datatypes.hashes import template_of
from rdbcodec.datatypes.natural import text_of
from rdbcodec.datatypes.packed import encode_strings
from rdbcodec.errors import EncodeError
from rdbcodec.formats import TELLTALE_AUX
from rdbcodec.records import (
    Aux,
    End,
    Entry,
    Function,
    HashTemplate,
    Header,
    ModuleAux,
    ResizeDb,
    SelectDb,
    SlotImport,
    SlotInfo,
    Vendor,
)
from rdbcodec.records.libraries import library_name, refusal
from rdbcodec.wire import lengths, strings
from rdbcodec.writing.arguments import check_db
from rdbcodec.writing.file import CODES, FileWriter, failing

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
        if handle is None:
            raise EncodeError(f"expected a record or a key and a value, found {record.__class__.__name__}")
        handle(self, record)

    @failing
    def select_db(self, db: int, keys: int | None = None, expires: int = 0) -> None:
        """The keys that follow belong to this database; with `keys`, how many, and how many expire.

        The counts must be true: servers size their tables by them.
        """
        self._check_database(db)
        self._select(db)
        if keys is not None and "resizedb" in self.server.opcodes:
            self._put(CODES["resizedb"] + lengths.encode(keys) + lengths.encode(expires))

    def _select(self, db: int) -> None:
        self._settle()
        self._put(CODES["selectdb"] + lengths.encode(db))
        self._db = db
        self.databases = max(self.databases, db + 1)

    @failing
    def write_aux(self, name: bytes | str, value: bytes | str | int) -> None:
        """A remark; raises EncodeError for a target before Redis 3.2."""
        self._check_opcode("aux")
        encoded = [strings.encode(text_of(text), compress=self.server.compress) for text in (name, value)]
        self._put(CODES["aux"] + b"".join(encoded))

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
            raise EncodeError(reason, type="function", target=self.server.name)
        if self._is_new_library(text):
            self._put(CODES["function"] + strings.encode(text, compress=self.server.compress))

    def _is_new_library(self, code: bytes) -> bool:
        name = library_name(code)
        return self._written is None or name is None or self._written.is_new_library(name, code)

    @failing
    def write_slot_info(self, slot: int, keys: int, expires: int) -> None:
        """How many keys a slot has, before its first; raises EncodeError for a target that reads none."""
        self._check_opcode("slot-info")
        self._put(CODES["slot-info"] + b"".join(map(lengths.encode, (slot, keys, expires))))

    @failing
    def write_template(self, fields: Iterable[bytes]) -> int:
        """A template, before the hashes that shall share it; its id. Raises EncodeError before Redis 8.10."""
        self._check_opcode("hash-template")
        names = template_of(fields)
        id = max(self._template_ids, default=-1) + 1
        self._templates[names] = id
        self._template_ids.add(id)
        head = CODES["hash-template"] + lengths.encode(id) + lengths.encode(len(names))
        self._put(head + encode_strings(names, self.server))
        return id

    def _check_opcode(self, name: str) -> None:
        if name not in self.server.opcodes:
            raise EncodeError("the target has no such record", type=name, target=self.server.name)

    def _check_database(self, db: object) -> None:
        limit = self.server.databases
        if limit is not None and check_db(db) >= limit:
            raise EncodeError(f"db {db}: the target has {limit} databases; databases= says if it has more")
        check_db(db)

    def _copy(self, record: Record) -> None:
        assert not isinstance(record, Entry)
        self._put(record.raw)

    def _copy_if_known(self, record: Record) -> None:
        """A record the target has, byte for byte; else a loss of its kind."""
        opcode = _OPCODES[record.__class__]
        if self._verbatim or opcode in self.server.opcodes:
            self._copy(record)
        else:
            self._lose_opcode(opcode, record)

    def _copy_select(self, record: SelectDb) -> None:
        limit = self.server.databases
        if limit is None or record.db < limit:
            self._settle()
            self._copy(record)
            self._db = record.db
            self.databases = max(self.databases, record.db + 1)

    def _copy_resize(self, record: ResizeDb) -> None:
        if record.db == self._db:  # else its database was left out
            self._copy_if_known(record)

    def _copy_aux(self, record: Aux) -> None:
        """A remark that is not the next key's, which brings its own (see _attributes_of)."""
        if record.of_next_key:
            return
        if self._verbatim or self._holds_aux(record):
            self._copy(record)
        else:
            self.lose(_AUX_LOSSES.get(record.name.lower(), "aux"), record)

    def _holds_aux(self, record: Aux) -> bool:
        """AUX fields of another vendor would make this file look like one of that vendor's."""
        vendor = TELLTALE_AUX.get(record.name.lower())
        return "aux" in self.server.opcodes and vendor in (None, self.server.dialect)

    def _copy_function(self, record: Function) -> None:
        """The form of 7.0-rc1 and rc2, which 7.2 and later refuse, says its name beside the code."""
        text = shebang_of(record) + record.code if record.name is not None else record.code
        if not self._verbatim and "function" not in self.server.opcodes:
            self.lose("function", record)
        elif not self._verbatim and refusal(text, self.server.dialect) is not None:
            self.lose("function-refused", record)
        elif not self._is_new_library(text):
            self.lose("function-again", record)
        elif self._verbatim or record.name is None:
            self._copy(record)
        else:
            self.lose("description", record)
            self._put(CODES["function"] + strings.encode(text, compress=self.server.compress))

    def _copy_module_aux(self, record: ModuleAux) -> None:
        modules = self.server.modules
        has_module = modules is None or record.module.name in modules
        if self._verbatim or (has_module and "module-aux" in self.server.opcodes):
            self._copy(record)
        else:
            self.lose("module-aux-empty" if record.is_empty else "module-aux", record)

    def _copy_template(self, record: HashTemplate) -> None:
        templates = self._templates
        if self._verbatim:
            self._copy(record)
        elif "hash-template" in self.server.opcodes and record.id not in self._template_ids:
            templates[record.fields] = record.id
            self._template_ids.add(record.id)
            self._copy(record)

    def _copy_vendor(self, record: Vendor) -> None:
        if self._verbatim or record.name in self.server.opcodes:
            self._copy(record)
        else:
            self._lose_opcode(record.name, record)

    def _ignore(self, record: Record) -> None:
        """The header and the end of another file."""


def shebang_of(record: Function) -> bytes:
    """The first line in which libraries since 7.0 say their name; 7.0 makes the same of the old form."""
    if record.code.startswith(b"#!"):
        return b""
    return b"#!%b name=%b\n" % ((record.engine or b"lua").lower(), record.name or b"")


_OPCODES: dict[type, str] = {  # the opcode of the table
    ResizeDb: "resizedb",
    SlotInfo: "slot-info",
    SlotImport: "slot-import",
    Function: "function",
    ModuleAux: "module-aux",
}
_AUX_LOSSES = {b"lua": "cached-script", b"keydb-subexpire-when": "member-ttl"}

_COPIES: dict[type, Callable[[RecordWriter, Any], None]] = {
    Header: RecordWriter._ignore,
    End: RecordWriter._ignore,
    Aux: RecordWriter._copy_aux,
    SelectDb: RecordWriter._copy_select,
    ResizeDb: RecordWriter._copy_resize,
    SlotInfo: RecordWriter._copy_if_known,
    SlotImport: RecordWriter._copy_if_known,
    Function: RecordWriter._copy_function,
    ModuleAux: RecordWriter._copy_module_aux,
    HashTemplate: RecordWriter._copy_template,
    Vendor: RecordWriter._copy_vendor,
}
