"""Targets: the servers, services and tiers a snapshot may be meant for, as data.

`targets.json` holds the ones we know, each with sources, date and confidence; a user's own come from a
TOML or JSON file of the same shape. Data names a release ("redis-7.2"), `formats` tells what it reads:
no RDB version, type or opcode is written down here, but for vendors whose releases have no row there.

    id, family, product, tier, version    what it is; rules apply by family, or by a pattern of ids
    reads_like      the release whose loader it has; absent: nobody says, and the verdict is "unknown"
    accepts, min_rdb, lacks, ignores      where the loader differs from that release
    documented_rdb  the highest RDB version a vendor's page speaks of, when it is lower than that
    modules, optional_modules             module products always there, and ones that may be there
    databases, sku_databases, cluster_databases, beyond_databases
    sizes, usable   GiB of memory a SKU has, and the share of them that data may fill
    gzip, import    "yes", "no" or "unknown"
    relaxed         magics it reads of other versions too, when configured with a relaxed check
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from dataclasses import fields as fields_of
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from rdbcodec.compat.documents import parse_json, parse_toml, read_text
from rdbcodec.errors import ModuleNameError, TargetError
from rdbcodec.formats import (
    DIALECTS,
    FIRST_VALKEY,
    OPCODES,
    RELEASES,
    TYPES,
    Dialect,
    ReleaseRow,
    releases_of,
    version_row,
    writable_opcodes,
    writable_types,
)
from rdbcodec.module_names import modules_named, types_named

CONFIDENCES = ("verified", "source", "documented", "inferred", "unverified", "general knowledge")


class Source(NamedTuple):
    """Who said so: a page, a program's source or a measurement, and when."""

    title: str
    date: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to load a snapshot into; None is "nobody says"."""

    id: str
    family: str
    product: str
    sources: tuple[str, ...]
    confidence: str
    tier: str | None = None
    version: str | None = None
    reads_like: str | None = None
    dialect: str | None = None
    accepts: int | None = None
    min_rdb: int = 1
    documented_rdb: int | None = None
    rdb_confidence: str = "unverified"
    lacks: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    vcs: bool = False
    modules: tuple[str, ...] = ()
    optional_modules: tuple[str, ...] = ()
    module_versions: Mapping[str, int] | None = None
    drops_modules: bool = False
    databases: int | None = None
    sku_databases: Mapping[str, int] | None = None
    cluster_databases: int | None = None
    cluster_databases_setting: str | None = None
    beyond_databases: str = "unknown"
    sizes: Mapping[str, float] | None = None
    usable: float = 1.0
    gzip: str = "unknown"
    imports: str = "unknown"
    import_formats: tuple[str, ...] = ()
    export_formats: tuple[str, ...] = ()
    erases: bool = False
    at_creation_only: bool = False
    notes: str | None = None
    date: str | None = None

    @property
    def name(self) -> str:
        """For a person: "Azure Managed Redis 7.2, Balanced"."""
        words = f"{self.product} {self.version}" if self.version else self.product
        return f"{words}, {self.tier}" if self.tier else words


class Loader(NamedTuple):
    """What a target's loader reads, all of it from the table of formats."""

    dialect: Dialect
    accepts: int
    types: frozenset[str]
    opcodes: frozenset[str]
    modules: tuple[str, ...]

    def reads_header(self, *, own_magic: bool, version: int) -> bool:
        """Whether a header is accepted; `own_magic` is for VALKEY instead of REDIS."""
        if own_magic != (version >= FIRST_VALKEY) or version > self.accepts:
            return False
        row = version_row(self.dialect, version)
        return row is not None and row.dialect == ("valkey" if own_magic else "redis")

    def magic_words(self) -> str:
        """What headers it reads: "REDIS up to 11, VALKEY 80 to 81"."""
        redis = [v for v in range(1, FIRST_VALKEY) if self.reads_header(own_magic=False, version=v)]
        words = f"REDIS up to {max(redis)}"
        return f"{words}, VALKEY {FIRST_VALKEY} to {self.accepts}" if self.accepts >= FIRST_VALKEY else words


def release_of(name: str) -> ReleaseRow | None:
    """The row of formats.RELEASES that "redis-6.2" reads like: the newest that is not newer; or None."""
    product, _, version = name.rpartition("-")
    rows = [row for row in releases_of(product) if version_key(row.release) <= version_key(version)]
    return rows[-1] if rows else None


@cache
def _loader(reads_like: str, dialect: Dialect | None, accepts: int | None, lacks: tuple[str, ...]) -> Loader:
    row = release_of(reads_like)
    if row is None:
        raise TargetError(f"no release {reads_like!r} in the table of formats")
    return loader_of_release(row, dialect, accepts, lacks)


def loader_of_release(
    row: ReleaseRow, dialect: Dialect | None = None, accepts: int | None = None, lacks: tuple[str, ...] = ()
) -> Loader:
    """What a release reads; a fork or service may have its own dialect and version, and lack something."""
    own, last = dialect or row.dialect, row.accepts if accepts is None else accepts
    highest = 255 if row.last_type is None else row.last_type
    types = {name for name, told in writable_types(own, last).items() if told.code <= highest}
    opcodes = set(writable_opcodes(own, last))
    return Loader(
        own, last, frozenset(types.difference(lacks)), frozenset(opcodes.difference(lacks)), row.modules
    )


def loader_of(target: Target) -> Loader | None:
    """What the target reads; None when nobody says which release it is like."""
    if target.reads_like is None:
        return None
    dialect = next((name for name in DIALECTS if name == target.dialect), None)
    return _loader(target.reads_like, dialect, target.accepts, target.lacks)


def module_types_of(target: Target, told: Iterable[str] | None = None) -> frozenset[str]:
    """The module types an instance of the target has, with the modules told; can have, if none were."""
    loader = loader_of(target)
    own = loader.modules if loader is not None else ()
    products = (*target.modules, *(target.optional_modules if told is None else told))
    return types_named(products, None if loader is None else loader.dialect).union(own)


def version_key(version: str) -> tuple[int, ...]:
    """A version for comparing: major and minor, (6, 0) for "6.0.20"; the x of "6.x" is the last of all."""
    parts = re.findall(r"\d+|x", version)[:2]
    return tuple(999 if part == "x" else int(part) for part in parts)


# --- the ones we know -------------------------------------------------------------------------------


@cache
def _shipped() -> dict[str, Any]:
    text = files("rdbcodec.compat").joinpath("targets.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@cache
def sources() -> Mapping[str, Source]:
    """Who said what our targets and rules say, by key."""
    return {key: Source(**row) for key, row in _shipped()["sources"].items()}


@cache
def targets() -> Mapping[str, Target]:
    """The targets we know, by id."""
    rows = _rows("targets.json", "", _shipped())
    return {target.id: target for target in rows}


def find(name: str, known: Mapping[str, Target] | None = None) -> Target:
    """The target of a name; TargetError with suggestions for one nobody knows."""
    rows = targets() if known is None else known
    if name.lower() in rows:
        return rows[name.lower()]
    inside = [id for id in rows if name.lower() in id][:5]
    close = list(dict.fromkeys([*inside, *difflib.get_close_matches(name.lower(), rows, n=3, cutoff=0.5)]))
    hint = f"did you mean {', '.join(close)}?" if close else "compat --list-targets names them all"
    raise TargetError(f"unknown target {name!r}, {hint}")


# --- a user's own -----------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> dict[str, Target]:
    """The targets of a TOML or JSON file, `targets` being a list of tables; by id.

    Raises OSError when it cannot be read, TargetError naming file, line and key when it is wrong.
    """
    name, text = os.fspath(path), read_text(path, TargetError)
    parse = parse_json if name.endswith(".json") else parse_toml
    data = parse(name, text, TargetError)
    rows = _rows(name, text, data)
    return {target.id: target for target in rows}


def _rows(name: str, text: str, data: object) -> list[Target]:
    rows = data.get("targets") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows:
        raise TargetError(f"{name}: key 'targets': a list of at least one target was expected")
    found: dict[str, Target] = {}
    for at, row in enumerate(rows):
        target = _target(_File(name, text), at, row)
        if target.id in found:
            raise TargetError(f"{_File(name, text).place(at, target.id, 'id')}: {target.id!r} is there twice")
        found[target.id] = target
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


def _target(file: _File, at: int, row: object) -> Target:
    if not isinstance(row, dict):
        raise TargetError(f"{file.name}: target {at + 1}: a table was expected")
    id = row.get("id")
    cells: dict[str, object] = row
    values: dict[str, Any] = {}
    for key, value in cells.items():
        field = _RENAMED.get(key, key)
        read = _READERS.get(field)
        if read is None or key == "imports":
            raise TargetError(f"{file.place(at, id, key)}: unknown, {_suggest(key)}")
        values[field] = _checked(read, value, file.place(at, id, key))
    for needed in _NEEDED:
        if needed not in values:
            raise TargetError(f"{file.place(at, id, needed)}: missing")
    values.setdefault("rdb_confidence", values["confidence"])
    return _consistent(Target(**values), lambda key: file.place(at, id, key))


def _checked(read: Callable[[Any], Any], value: object, place: str) -> Any:
    try:
        return read(value)
    except TargetError as error:
        raise TargetError(f"{place}: {error}") from None


def _consistent(target: Target, place: Callable[[str], str]) -> Target:
    if target.reads_like is not None and release_of(target.reads_like) is None:
        products = sorted({row.product.lower() for row in RELEASES})
        raise TargetError(
            f"{place('reads_like')}: {target.reads_like!r} is no release known; expected was one of "
            f"{', '.join(products)} with a version, such as 'redis-7.2'"
        )
    for key, names in (("lacks", target.lacks), ("ignores", target.ignores)):
        for name in names:
            if name not in _FORMAT_NAMES:
                raise TargetError(f"{place(key)}: {name!r} is no type or opcode of the table of formats")
    return target


_FORMAT_NAMES = frozenset({row.name for row in TYPES} | {row.name for row in OPCODES})


def _suggest(key: str) -> str:
    known = [*(name for name in _READERS if name != "imports"), "import"]
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


def _all(names: Iterable[str], read: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    return dict.fromkeys(names, read)


_YES_NO = _word("yes", "no", "unknown")
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": _ids,
    **_all(("family", "product", "tier", "version", "reads_like", "cluster_databases_setting"), _text),
    **_all(("notes", "date"), _text),
    **_all(("accepts", "min_rdb", "documented_rdb", "databases", "cluster_databases"), _number),
    **_all(("lacks", "ignores", "sources"), _texts),
    **_all(("modules", "optional_modules"), _modules),
    **_all(("import_formats", "export_formats", "relaxed"), _texts),
    **_all(("vcs", "drops_modules", "erases", "at_creation_only"), _flag),
    **_all(("gzip", "imports"), _YES_NO),
    **_all(("confidence", "rdb_confidence"), _word(*CONFIDENCES)),
    "dialect": _word(*DIALECTS),
    "beyond_databases": _word("refused", "dropped", "unknown"),
    "module_versions": _table(_number),
    "sku_databases": _table(_number),
    "sizes": _table(_size),
    "usable": _size,
}
_NEEDED = tuple(field.name for field in fields_of(Target) if field.default is MISSING)


def date_of(target: Target) -> str:
    """The date of what is known of a target: its own, or that of its newest source."""
    known = sources()
    dates = [known[key].date for key in target.sources if key in known]
    return target.date or max((date for date in dates if date[0].isdigit()), default="undated")
