"""What speaks for a changed byte in a record that reads well: more than is odd about a value.

A check of a snapshot that a server wrote needs none of this; in a damaged one a byte that was changed is
likelier than a type from the future, a module whose name is one byte off that of one which is known, or a
value that its module has never written.
"""

from __future__ import annotations

from functools import cache

from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.errors import CorruptStructure, DecodeError
from rdbcodec.facts.problems import Problem, entry_problems, record_problems
from rdbcodec.module_names import MODULES
from rdbcodec.records import Entry, ModuleAux, Record
from rdbcodec.tools.module_layouts import flaw_in
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, encode_module_id

WORD = 3  # bytes of a name that is one


class Doubts:
    """What is wrong with the records of a file, and what is too unlikely to have been written.

    There are none of the second kind when a checksum vouches for every byte: `are_none`.
    """

    def __init__(self, *, are_none: bool) -> None:
        self._are_none = are_none
        self._modules: set[str] = set()  # of values before any damage

    def of_key(self, entry: Entry, *, is_behind: bool) -> list[Problem]:
        """The problems of a key; `is_behind` says that it stands behind damage, where any bytes may have been
        taken for it."""
        if self._are_none:
            return entry_problems(entry)
        try:
            refuse_unlikely(entry)
            problems = entry_problems(entry)
            is_asked = not problems and entry.type == "module" and not entry.is_large
            sign = self._sign_in(entry, is_behind) if is_asked else ""
        except DecodeError as error:
            return [Problem.of(error)]
        return [*problems, Problem("error", sign, entry.offset, entry.db, entry.key)] if sign else problems

    def of_record(self, record: Record) -> list[Problem]:
        """The same for a record that is no key: what ends a reading is an error."""
        problems = [problem for problem in record_problems(record) if problem.severity == "error"]
        sign = _sign_in_aux(record) if isinstance(record, ModuleAux) and not self._are_none else ""
        return [*problems, Problem("error", sign)] if sign else problems

    def _sign_in(self, entry: Entry, is_behind: bool) -> str:
        value = entry.value()
        if not isinstance(value, ModuleValue):
            return ""
        name = value.module.name
        if not is_behind:
            self._modules.add(name)
        elif name not in self._modules and is_of_unknown_module(entry) and not is_word(entry.key):
            return f"module {name} is not known, and its key no word, behind damage"
        return _sign_of(value.module, value.raw[lengths.read(value.raw, 0)[1] :])


def refuse_unlikely(entry: Entry) -> None:
    """Raise CorruptStructure for a type that came after files of this version, and for a number that is too
    small for the name of a module: its first letters would all be A.

    Loaders compare no type with the version; in a damaged file such a type is a byte that was changed.
    """
    version, row = entry.origin.version, entry.row
    message = ""
    if row.dialect == "redis" and row.since > version:
        message = f"type {entry.code} is of RDB {row.since}, the file is of RDB {version}"
    elif row.name == _MODULE and not entry.is_large and lengths.read(entry.raw, 0)[0] < _LEAST_ID:
        message = "the number of its module is that of no name"
    if message:
        error = CorruptStructure(message)
        error.locate(offset=entry.offset, db=entry.db, key=entry.key, type=row.name)
        raise error


def is_of_unknown_module(entry: Entry) -> bool:
    """Whether only a module understands the value, and its name is none that we know."""
    value = entry.value() if entry.row.name == _MODULE and not entry.is_large else None
    return isinstance(value, ModuleValue) and value.module.name not in _known_ids()


def is_word(name: bytes) -> bool:
    """Whether the name of a key is one that no bytes make by chance."""
    if len(name) < WORD:
        return False
    try:
        return name.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _sign_in_aux(record: ModuleAux) -> str:
    if lengths.read(record.raw, 1)[0] < _LEAST_ID:
        return "the number of its module is that of no name"
    return _sign_of(record.module, b"" if record.is_empty else record.items)


def _sign_of(module: ModuleId, items: bytes) -> str:
    known = known_beside(module.name)
    if known:
        return f"module {module.name} is {known} with a byte changed"
    flaw = flaw_in(module, items) if items else ""
    return f"{module.name} writes no such value: {flaw}" if flaw else ""


def known_beside(name: str) -> str | None:
    """The module type that this name is when one of the bytes it is written in was changed; None for a name
    that is known, or beside none."""
    ids = _known_ids()
    if name in ids:
        return None
    written = encode_module_id(ModuleId(name, 0))
    changed = ((known, written ^ number) for known, number in ids.items())
    return next((known for known, bits in changed if any(not bits & ~(0xFF << at) for at in _BYTES)), None)


_MODULE = "module-2"
_LEAST_ID = 1 << 32
_BYTES = range(0, 64, 8)
_NAME = 9  # characters; classes of metadata have fewer


@cache
def _known_ids() -> dict[str, int]:
    types = {name for row in MODULES for name in row.types if len(name) == _NAME}
    return {name: encode_module_id(ModuleId(name, 0)) for name in sorted(types)}
