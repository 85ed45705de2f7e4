"""Targets: the servers, services and tiers a snapshot may be meant for, as data.

Every file in `known/` holds some of those we know, each target with sources, date and confidence; they are
listed in the order of the files. A user's own come from a TOML or JSON file of the same shape. Data names a
release ("redis-7.2"), `formats` tells what it reads: no RDB version, type or opcode is written down here, but
for vendors whose releases have no row there.

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
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass
from dataclasses import fields as fields_of
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from rdbcodec.compat.documents import parse_json, parse_toml, read_text
from rdbcodec.compat.target_rows import rows_of
from rdbcodec.errors import TargetError
from rdbcodec.formats import (
    DIALECTS,
    FIRST_VALKEY,
    Dialect,
    ReleaseRow,
    releases_of,
    version_row,
    writable_opcodes,
    writable_types,
)
from rdbcodec.module_names import types_named


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
def _known() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every file of the folder: its text and what it holds, by its name."""
    folder = files("rdbcodec.compat").joinpath("known")
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".json")}
    return {name: (texts[name], json.loads(texts[name])) for name in sorted(texts)}


@cache
def sources() -> Mapping[str, Source]:
    """Who said what our targets and rules say, by key."""
    rows = [row for _, data in _known().values() for row in data.get("sources", {}).items()]
    return {key: Source(**row) for key, row in rows}


@cache
def targets() -> Mapping[str, Target]:
    """The targets we know, by id."""
    known: dict[str, Target] = {}
    for name, (text, data) in _known().items():
        rows = _targets_of(name, text, data) if "targets" in data else []
        known |= {target.id: target for target in rows}
    return known


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
    return {target.id: target for target in _targets_of(name, text, data)}


def _targets_of(name: str, text: str, data: object) -> list[Target]:
    needed = [field.name for field in fields_of(Target) if field.default is MISSING]
    rows = rows_of(name, text, data, needed=needed, is_release=lambda like: release_of(like) is not None)
    return [Target(**fields) for fields in rows]


def date_of(target: Target) -> str:
    """The date of what is known of a target: its own, or that of its newest source."""
    known = sources()
    dates = [known[key].date for key in target.sources if key in known]
    return target.date or max((date for date in dates if date[0].isdigit()), default="undated")
