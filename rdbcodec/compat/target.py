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
from rdbcodec.errors import EncodeError, TargetError
from rdbcodec.formats import DIALECTS, Dialect
from rdbcodec.module_names import types_named
from rdbcodec.servers import Named, Server
from rdbcodec.servers.names import canonical, of_release, release_row, unknown


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


def loader_of(target: Target) -> Server | None:
    """What the target reads; None when nobody says which release it is like."""
    if target.reads_like is None:
        return None
    dialect = next((name for name in DIALECTS if name == target.dialect), None)
    return _loader(target.reads_like, dialect, target.accepts, target.lacks)


@cache
def _loader(reads_like: str, dialect: Dialect | None, accepts: int | None, lacks: tuple[str, ...]) -> Server:
    known = _like(reads_like, accepts, lacks)
    return Server.reading(known if dialect is None else known._replace(dialect=dialect))


def _like(reads_like: str, accepts: int | None, lacks: tuple[str, ...]) -> Named:
    """What a release reads; a fork or service may read another version, and lack something."""
    row = release_row(reads_like)
    if row is None:
        raise TargetError(f"no release {reads_like!r} in the table of formats")
    known = of_release(row, reads_like)
    return known._replace(version=known.version if accepts is None else accepts, lacks=lacks)


def named(name: str) -> Named:
    """What a file for the target of a name is written for: the release it loads like, in its version.

    A service that reads records of its own reads those of that release as well, and servers write them.
    Raises EncodeError for a name that is neither a release nor a target, and for a target of which nobody
    says what it loads like.
    """
    target = by_name(name, targets())
    if target is None:
        raise unknown(name, _close(name, targets()))
    if target.reads_like is None:
        raise EncodeError(f"nobody says which release {target.name} loads like: name a release instead")
    known = _like(target.reads_like, target.accepts, target.lacks)
    return known._replace(
        name=target.id,
        modules=module_types_of(target, ()),
        databases=target.databases,
        cluster_databases=target.cluster_databases,
        gzip=target.gzip,
    )


def module_types_of(target: Target, told: Iterable[str] | None = None) -> frozenset[str]:
    """The module types an instance of the target has, with the modules told; can have, if none were."""
    loader = loader_of(target)
    own = loader.modules or () if loader is not None else ()
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
    """The target of a name, as `--to` takes it; TargetError with suggestions for one nobody knows."""
    rows = targets() if known is None else known
    target = by_name(name, rows)
    if target is None:
        close = _close(name, rows)
        hint = f"did you mean {', '.join(close)}?" if close else "compat --list-targets names them all"
        raise TargetError(f"unknown target {name!r}, {hint}")
    return target


def by_name(name: str, rows: Mapping[str, Target]) -> Target | None:
    """The target of an id or of the name that people read; None when there is none."""
    wanted = canonical(name)
    of_people = (row for row in rows.values() if canonical(row.name) == wanted)
    return rows.get(wanted) or next(of_people, None)


def _close(name: str, rows: Mapping[str, Target]) -> list[str]:
    wanted = canonical(name)
    inside = [id for id in rows if wanted in id][:5]
    return list(dict.fromkeys([*inside, *difflib.get_close_matches(wanted, rows, n=3, cutoff=0.5)]))


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
    rows = rows_of(name, text, data, needed=needed, is_release=lambda like: release_row(like) is not None)
    return [Target(**fields) for fields in rows]


def date_of(target: Target) -> str:
    """The date of what is known of a target: its own, or that of its newest source."""
    known = sources()
    dates = [known[key].date for key in target.sources if key in known]
    return target.date or max((date for date in dates if date[0].isdigit()), default="undated")
