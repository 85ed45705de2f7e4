"""Rows of targets as JSON and TOML files have them: each cell checked, each error with its place.

The columns are the fields of `targets.Target`; `READERS` says what each may hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from rdbcodec.errors import ModuleNameError, TargetError
from rdbcodec.formats import DIALECTS, OPCODES, RELEASES, TYPES
from rdbcodec.module_names import modules_named
from rdbcodec.named_tuples import NamedTuple

CONFIDENCES = ("verified", "source", "documented", "inferred", "unverified", "general knowledge")


def rows_of(
    name: str, text: str, data: object, *, needed: Iterable[str], is_release: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """The fields of each target of a parsed file, `text` being what was parsed.

    `needed` are the columns a row cannot do without, `is_release` knows what `reads_like` may name. Raises
    TargetError naming file, line and key.
    """
    rows = data.get("targets") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows:
        raise TargetError(f"{name}: key 'targets': a list of at least one target was expected")
    file = _File(name, text)
    found: dict[str, dict[str, Any]] = {}
    for at, row in enumerate(rows):
        fields = _fields(file, at, row, needed)
        _check_release(fields.get("reads_like"), is_release, file.place(at, fields["id"], "reads_like"))
        if fields["id"] in found:
            raise TargetError(f"{file.place(at, fields['id'], 'id')}: {fields['id']!r} is there twice")
        found[fields["id"]] = fields
    return list(found.values())


class _File(NamedTuple):
    """Where a row stands, for messages."""

    name: str
    text: str

    def place(self, at: int, id: object, key: str) -> str:
        """File, line when the row's id is found there, and key."""
        mark = self.text.find(f'"{id}"') if isinstance(id, str) else -1
        found = re.compile(rf'["\s,{{]{re.escape(key)}["\s]*[=:]').search(self.text, max(mark, 0))
        pos = found.end() if found and mark >= 0 and key != "id" else mark
        line = "" if pos < 0 else f"line {self.text.count(chr(10), 0, pos) + 1}: "
        which = f"target {id!r}" if isinstance(id, str) else f"target {at + 1}"
        return f"{self.name}: {line}{which}, key {key!r}"


# Keys whose name in a file is no name in Python.
_RENAMED = {"import": "imports"}


def _fields(file: _File, at: int, row: object, needed: Iterable[str]) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise TargetError(f"{file.name}: target {at + 1}: a table was expected")
    id = row.get("id")
    cells: dict[str, object] = row
    values: dict[str, Any] = {}
    for key, value in cells.items():
        field = _RENAMED.get(key, key)
        read = READERS.get(field)
        if read is None or key == "imports":
            raise TargetError(f"{file.place(at, id, key)}: unknown, {_suggest(key)}")
        values[field] = _checked(read, value, file.place(at, id, key))
    for column in needed:
        if column not in values:
            raise TargetError(f"{file.place(at, id, column)}: missing")
    values.setdefault("rdb_confidence", values["confidence"])
    return values


def _checked(read: Callable[[Any], Any], value: object, place: str) -> Any:
    try:
        return read(value)
    except TargetError as error:
        raise TargetError(f"{place}: {error}") from None


def _check_release(reads_like: str | None, is_release: Callable[[str], bool], place: str) -> None:
    if reads_like is not None and not is_release(reads_like):
        products = sorted({row.product.lower() for row in RELEASES})
        raise TargetError(
            f"{place}: {reads_like!r} is no release known; expected was one of "
            f"{', '.join(products)} with a version, such as 'redis-7.2'"
        )


_FORMAT_NAMES = frozenset({row.name for row in TYPES} | {row.name for row in OPCODES})


def _suggest(key: str) -> str:
    known = [*(name for name in READERS if name != "imports"), "import"]
    close = difflib.get_close_matches(key, known, n=2)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(known))}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TargetError(f"{value!r}, text was expected")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TargetError(f"{value!r}, a number was expected")
    if value >> 63:
        raise TargetError("a number of more than 63 bits, a smaller one was expected")
    return value


def _numbers(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise TargetError(f"{value!r}, a list of numbers was expected")
    return tuple(map(_number, value))


def _size(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
        raise TargetError(f"{value!r}, a number above 0 was expected")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TargetError(f"{value!r}, true or false was expected")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TargetError(f"{value!r}, a list of texts was expected")
    return tuple(map(_text, value))


def _format_names(value: object) -> tuple[str, ...]:
    names = _texts(value)
    for name in names:
        if name not in _FORMAT_NAMES:
            raise TargetError(f"{name!r} is no type or opcode of the table of formats")
    return names


def _modules(value: object) -> tuple[str, ...]:
    names = _texts(value)
    try:
        return tuple(row.product for row in modules_named(names))
    except ModuleNameError as error:
        raise TargetError(str(error)) from None


def _word(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise TargetError(f"{value!r}, expected was one of {', '.join(words)}")
        return str(value)

    return read


def _table(read: Callable[[object], Any]) -> Callable[[object], Mapping[str, Any]]:
    def read_table(value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise TargetError(f"{value!r}, a table was expected")
        return {str(key): read(one) for key, one in value.items()}

    return read_table


def _ids(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", value):
        raise TargetError(f"{value!r}, small letters, digits, dots and hyphens were expected")
    return value


def _day(value: object) -> str:
    if not isinstance(value, str) or not _is_day(value):
        raise TargetError(f"{value!r}, a date such as 2026-11-26 was expected")
    return value


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _status(value: object) -> str:
    word, _, day = str(value).partition(" ")
    if value in ("live", "preview", "retired") or (word == "retiring" and _is_day(day)):
        return str(value)
    raise TargetError(f"{value!r}, expected was live, preview, retired or retiring with a date")


def _all(names: Iterable[str], read: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    return dict.fromkeys(names, read)


_YES_NO = _word("yes", "no", "unknown")
READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": _ids,
    **_all(("family", "product", "tier", "version", "reads_like", "cluster_databases_setting"), _text),
    **_all(("instead", "notes", "date", "life"), _text),
    **_all(("accepts", "min_rdb", "documented_rdb", "databases", "cluster_databases"), _number),
    "sources": _texts,
    **_all(("lacks", "ignores"), _format_names),
    **_all(("modules", "optional_modules", "doubtful_modules"), _modules),
    **_all(("import_formats", "export_formats", "relaxed", "doubtful_sizes"), _texts),
    "valkey_numbers": _numbers,
    **_all(("vcs", "drops_modules", "erases", "at_creation_only"), _flag),
    **_all(("gzip", "imports"), _YES_NO),
    **_all(("confidence", "rdb_confidence"), _word(*CONFIDENCES)),
    "dialect": _word(*DIALECTS),
    "beyond_databases": _word("refused", "dropped", "unknown"),
    "module_versions": _table(_number),
    "sku_databases": _table(_number),
    "sizes": _table(_size),
    "status": _status,
    "checked": _day,
    "usable": _size,
}
