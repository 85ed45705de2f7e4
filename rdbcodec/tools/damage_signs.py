"""What speaks for a changed byte in a record that reads well: more than is odd about a value.

A check of a snapshot that a server wrote needs none of this; in a damaged one a byte that was changed is
likelier than a type from the future, or a module whose name is one byte off that of one which is known.
"""

from __future__ import annotations

import json
from functools import cache

from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.errors import CorruptStructure, DecodeError
from rdbcodec.facts.problems import Problem, entry_problems, record_problems
from rdbcodec.module_names import MODULES
from rdbcodec.records import Entry, ModuleAux, Record
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, encode_module_id

JSON = ModuleId("ReJSON-RL", 3)  # whose values are JSON texts, since RedisJSON 2.0


def key_problems(entry: Entry) -> list[Problem]:
    """What is wrong with a key, and what is too unlikely to have been written."""
    try:
        refuse_unlikely(entry)
        problems = entry_problems(entry)
        sign = "" if problems or entry.type != "module" or entry.is_large else _sign_in(entry.value())
    except DecodeError as error:
        return [Problem.of(error)]
    return [*problems, Problem("error", sign, entry.offset, entry.db, entry.key)] if sign else problems


def other_problems(record: Record) -> list[Problem]:
    """The same for a record that is no key: what ends a reading is an error."""
    problems = [problem for problem in record_problems(record) if problem.severity == "error"]
    sign = _sign_of(record.module) if isinstance(record, ModuleAux) else ""
    return [*problems, Problem("error", sign)] if sign else problems


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


def _sign_in(value: object) -> str:
    if not isinstance(value, ModuleValue):
        return ""
    return _sign_of(value.module) or (_sign_in_json(value) if value.module == JSON else "")


def _sign_of(module: ModuleId) -> str:
    known = known_beside(module.name)
    return f"module {module.name} is {known} with a byte changed" if known else ""


def _sign_in_json(value: ModuleValue) -> str:
    try:
        json.loads(b"".join(item for _, item in value.items() if isinstance(item, bytes)))
    except ValueError:
        return "the text of a JSON document is no JSON"
    except RecursionError:  # deeper than Python goes, which says nothing about the text
        return ""
    return ""


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
