"""Targets: the servers, services and tiers a snapshot may be meant for, as data.

Every file in `known/` holds some of those we know, each target with sources, date and confidence; they are
listed in the order of the files. A user's own come from a TOML or JSON file of the same shape. Data names a
release ("redis-7.2"), `formats` tells what it reads: no RDB version, type or opcode is written down here, but
for vendors whose releases have no row there.

    id, family, product, tier, version    what it is; rules apply by family, or by a pattern of ids
    reads_like      the release whose loader it has; absent: nobody says, and the verdict is "unknown"
    accepts, min_rdb, lacks, ignores      where the loader differs from that release
    documented_rdb  the highest RDB version a vendor's page speaks of, when it is lower than that
    valkey_numbers  numbers below those of Valkey that it takes behind VALKEY as well
    modules, optional_modules             module products always there, and ones that may be there
    doubtful_modules                      ones it has something like, whose data it may read or not
    databases, sku_databases, cluster_databases, beyond_databases
    sizes, usable   GiB of memory a SKU has, and the share of them that data may fill
    doubtful_sizes  those of the sizes that no page at hand says
    gzip, import    "yes", "no" or "unknown"
    relaxed         magics it reads of other versions too, when configured with a relaxed check
    instead         what to do when it takes no files, or nobody knows
    status, life    "live", "preview", "retiring 2028-09-30" or "retired", and what is said of that
    checked         the day on which somebody last read the sources anew
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass
from dataclasses import fields as fields_of
from datetime import date as day
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from typing import Any

from rdbcodec.compat.documents import parse_json, parse_toml, read_text
from rdbcodec.compat.target_names import Member, close, newest, words_of
from rdbcodec.compat.target_rows import rows_of
from rdbcodec.errors import EncodeError, TargetError
from rdbcodec.formats import DIALECTS, Dialect
from rdbcodec.module_names import types_named
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Named, Server
from rdbcodec.servers.names import canonical, of_release, release_row, unknown


class Source(NamedTuple):
    """Who said so: a page, a program's source or a measurement, and when.

    `date` is a day, a month or a year, as far as it is known; that of a page without one is the day on which
    it was read. As text, dates compare by their beginnings: "2026" comes before "2026-03-16". Pages change,
    and what they said on a day is another matter than what they say; a release that is out does what it does,
    whenever somebody looked: such a source is `about` a "program".
    """

    title: str
    date: str
    where: str = ""
    about: str = "page"

    def was_there(self, day: str | None) -> bool:
        """Whether it could be known on that day; None is today."""
        return day is None or self.about == "program" or self.date <= day


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
    valkey_numbers: tuple[int, ...] = ()
    vcs: bool = False
    modules: tuple[str, ...] = ()
    optional_modules: tuple[str, ...] = ()
    doubtful_modules: tuple[str, ...] = ()
    module_versions: Mapping[str, int] | None = None
    drops_modules: bool = False
    databases: int | None = None
    sku_databases: Mapping[str, int] | None = None
    cluster_databases: int | None = None
    cluster_databases_setting: str | None = None
    beyond_databases: str = "unknown"
    sizes: Mapping[str, float] | None = None
    doubtful_sizes: tuple[str, ...] = ()
    usable: float = 1.0
    gzip: str = "unknown"
    imports: str = "unknown"
    import_formats: tuple[str, ...] = ()
    export_formats: tuple[str, ...] = ()
    erases: bool = False
    at_creation_only: bool = False
    instead: str | None = None
    notes: str | None = None
    date: str | None = None
    status: str = "live"
    life: str | None = None
    checked: str | None = None

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
    says what it loads like. A family is no such name: what its newest is changes from year to year, and the
    bytes of a file for it would with it.
    """
    target = by_name(name, targets())
    if target is None:
        raise unknown(name, _close(name, targets())[:3])
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
        rows = _targets_of(name, text, data, _NEEDED_OF_OURS) if "targets" in data else []
        known |= {target.id: target for target in rows}
    return known


# What a row of ours says besides what every row has to: nothing about it may come from a default.
_NEEDED_OF_OURS = ("status", "checked")


@cache
def names() -> Mapping[str, str]:
    """Other names of families: "amr" is "amr-balanced"."""
    rows = [row for _, data in _known().values() for row in data.get("names", {}).items()]
    return dict(rows)


@cache
def _words() -> Mapping[str, str]:
    """What else people call a family of targets by: "aws" is "amazon"."""
    return dict(row for _, data in _known().values() for row in data.get("words", {}).items())


def find(name: str, known: Mapping[str, Target] | None = None) -> Target:
    """The target of a name, as `--to` takes it; the name of a family is that of its newest.

    Raises TargetError with suggestions for a name nobody knows.
    """
    rows = targets() if known is None else known
    target = by_name(name, rows) or _newest(canonical(name), rows)
    if target is None:
        likely = _close(name, rows)
        hint = f"did you mean {', '.join(likely)}?" if likely else "compat --list-targets names them all"
        raise TargetError(f"unknown target {name!r}, {hint}")
    return target


def by_name(name: str, rows: Mapping[str, Target]) -> Target | None:
    """The target of an id or of the name that people read; None when there is none."""
    wanted = canonical(name)
    of_people = (row for row in rows.values() if canonical(row.name) == wanted)
    return rows.get(wanted) or next(of_people, None)


def _newest(family: str, rows: Mapping[str, Target]) -> Target | None:
    id = newest(family, _members(rows), names())
    return None if id is None else rows[id]


def _close(name: str, rows: Mapping[str, Target]) -> list[str]:
    return close(canonical(name), _members(rows), names())


def _members(rows: Mapping[str, Target]) -> list[Member]:
    also = _words()
    return [
        Member(
            row.id,
            row.version,
            row.status,
            words_of(row.id, row.family, row.product, row.tier, also.get(row.family)),
        )
        for row in rows.values()
    ]


class FactAge(NamedTuple):
    """How many days ago somebody last read what a target's row says."""

    id: str
    checked: str
    days: int


def facts_age(today: day | None = None) -> list[FactAge]:
    """The age of all we know of targets, the oldest first."""
    now = today or datetime.now(timezone.utc).date()
    rows = [(row.id, row.checked) for row in targets().values() if row.checked is not None]
    ages = [FactAge(id, checked, (now - day.fromisoformat(checked)).days) for id, checked in rows]
    return sorted(ages, key=lambda age: -age.days)


# --- a user's own -----------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> dict[str, Target]:
    """The targets of a TOML or JSON file, `targets` being a list of tables; by id.

    Raises OSError when it cannot be read, TargetError naming file, line and key when it is wrong.
    """
    name, text = os.fspath(path), read_text(path, TargetError)
    parse = parse_json if name.endswith(".json") else parse_toml
    data = parse(name, text, TargetError)
    return {target.id: target for target in _targets_of(name, text, data)}


def _targets_of(name: str, text: str, data: object, also: Iterable[str] = ()) -> list[Target]:
    needed = [*(field.name for field in fields_of(Target) if field.default is MISSING), *also]
    rows = rows_of(name, text, data, needed=needed, is_release=lambda like: release_row(like) is not None)
    return [Target(**fields) for fields in rows]


def date_of(target: Target) -> str:
    """The date of what is known of a target: its own, or that of its newest source."""
    known = sources()
    dates = [known[key].date for key in target.sources if key in known]
    return target.date or max((date for date in dates if date[0].isdigit()), default="undated")
