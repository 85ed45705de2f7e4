"""Servers: what one reads and would write, frozen. A snapshot is written for one of them.

The counterpart of Scope: what a value needs from its surroundings to be encoded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from rdbcodec.errors import EncodeError
from rdbcodec.formats import (
    DIALECTS,
    FIRST_VALKEY,
    SINCE,
    BackLength,
    Dialect,
    OpcodeRow,
    TypeRow,
    VersionRow,
    version_row,
    writable_opcodes,
    writable_types,
)
from rdbcodec.module_names import types_held
from rdbcodec.servers.names import DEFAULT_VERSION, Named, named, of_version
from rdbcodec.servers.thresholds import DEFAULT_THRESHOLDS, SETTINGS, Thresholds, thresholds_of

__all__ = [
    "DEFAULT_THRESHOLDS",
    "DEFAULT_VERSION",
    "SETTINGS",
    "Named",
    "Server",
    "Thresholds",
    "thresholds_of",
]


class Server:
    """A server: dialect and RDB version, with everything that follows from them. It never changes.

    `name` is what messages call it, `release` whose loader it has, if one is known. `types` and `opcodes`
    are what it reads and what is written for it: without those it `lacks`, and without compact layouts
    for the `simplest` file. `modules` are the module types it has; None when nobody knows, and then modules
    are kept. `databases` is how many it has; None for enough. `gzip` says whether it takes such a file:
    "yes", "no" or "unknown"; None leaves that to who brings the file there. What was written to a file so
    far, such as its hash templates, is remembered by the Writer of that file.
    """

    __slots__ = (
        "back_length",
        "compress",
        "databases",
        "dialect",
        "gzip",
        "modules",
        "name",
        "opcodes",
        "release",
        "small_integers",
        "thresholds",
        "types",
        "version",
    )

    back_length: BackLength
    compress: bool
    databases: int | None
    dialect: Dialect
    gzip: str | None
    modules: frozenset[str] | None
    name: str
    opcodes: Mapping[str, OpcodeRow]
    release: str | None
    small_integers: bool
    thresholds: Thresholds
    types: Mapping[str, TypeRow]
    version: int

    def __init__(
        self,
        dialect: Dialect,
        version: int,
        *,
        name: str | None = None,
        release: str | None = None,
        last_type: int | None = None,
        modules: frozenset[str] | None = None,
        databases: int | None = None,
        back_length: BackLength | None = None,
        gzip: str | None = None,
        compress: bool = True,
        simplest: bool = False,
        thresholds: Thresholds = DEFAULT_THRESHOLDS,
        lacks: Collection[str] = (),
    ) -> None:
        row = _version_row(dialect, version)
        types = {
            name: row
            for name, row in writable_types(dialect, version).items()
            if (last_type is None or row.code <= last_type) and not (simplest and row.compact)
        }
        self._set(
            dialect=dialect,
            version=version,
            name=name or f"{dialect} RDB {version}",
            release=release,
            types=_without(types, lacks),
            opcodes=_without(writable_opcodes(dialect, version), lacks),
            back_length=back_length or row.back_length,
            modules=modules,
            databases=databases,
            gzip=gzip,
            compress=compress,
            thresholds=thresholds,
            small_integers=version >= SINCE["small-integers"],
        )

    @classmethod
    def of(
        cls,
        to: str | Server | None = None,
        *,
        version: int | None = None,
        dialect: Dialect | None = None,
        compress: bool = True,
        settings: Mapping[str, int] | None = None,
        simplest: bool = False,
        databases: int | None = None,
        modules: Iterable[str] | None = None,
        clustered: bool = False,
    ) -> Server:
        """The server of a name, or of an RDB version: from 80 on Valkey's numbering, Redis' below.

        `to` is a release ("redis-7.2", "Redis 7.2", and "7.2" for Redis) or a place that `compat` knows
        ("amr-balanced-7.4"), whose databases and modules count unless others are given. `modules` are those
        loaded into it besides its own, by any of their names; without it a release has its own only, and of
        a version nobody knows. `clustered` says that it runs in cluster mode: others end on the record
        of a running slot import. The other parameters are those of `create`. A Server stays as it is.
        Raises EncodeError for a server or setting nobody knows, ModuleNameError for such a module.
        """
        if isinstance(to, Server):
            return to
        if to is not None and (version is not None or dialect is not None):
            raise EncodeError("name a release or a version, not both")
        known = of_version(version, dialect) if to is None else named(to)
        if databases is None:
            databases = (known.cluster_databases if clustered else None) or known.databases
        return cls._known(
            known,
            modules=_modules(known, modules),
            databases=databases,
            compress=compress,
            thresholds=thresholds_of(settings or {}),
            simplest=simplest,
            lacks=known.lacks if clustered or to is None else (*known.lacks, "slot-import"),
        )

    @classmethod
    def reading(cls, known: Named) -> Server:
        """What a server of this description reads, in any mode it may run in."""
        return cls._known(known, modules=known.modules, databases=known.databases, lacks=known.lacks)

    @classmethod
    def _known(cls, known: Named, **options: Any) -> Server:
        return cls(
            known.dialect,
            known.version,
            name=known.name,
            release=known.release,
            last_type=known.last_type,
            back_length=known.back_length,
            gzip=known.gzip,
            **options,
        )

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Server never changes: make another instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Server never changes: {name!r} stays")

    def __reduce__(self) -> tuple[object, ...]:
        """For copies and other processes; its rows are those of the table."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values |= {"types": tuple(self.types), "opcodes": tuple(self.opcodes)}
        return _unpickled, (values,)

    def replaced(self, **values: Any) -> Server:
        """Another server, with these attributes."""
        return _remade({name: getattr(self, name) for name in self.__slots__} | values)

    def reads_header(self, *, own_magic: bool, version: int) -> bool:
        """Whether a header is accepted; `own_magic` is for VALKEY instead of REDIS."""
        if own_magic != (version >= FIRST_VALKEY) or version > self.version:
            return False
        row = version_row(self.dialect, version)
        return row is not None and row.dialect == ("valkey" if own_magic else "redis")

    def magic_words(self) -> str:
        """What headers it reads: "REDIS up to 11, VALKEY 80 to 81"."""
        redis = [v for v in range(1, FIRST_VALKEY) if self.reads_header(own_magic=False, version=v)]
        words = f"REDIS up to {max(redis)}"
        if self.version < FIRST_VALKEY:
            return words
        to = f" to {self.version}" if self.version > FIRST_VALKEY else ""
        return f"{words}, VALKEY {FIRST_VALKEY}{to}"

    @property
    def magic(self) -> bytes:
        """The first bytes of a file for it."""
        if self.version >= FIRST_VALKEY:
            return b"VALKEY%03d" % self.version
        return b"REDIS%04d" % self.version


def _remade(values: Mapping[str, Any]) -> Server:
    server = Server.__new__(Server)
    mappings = {name: MappingProxyType(values[name]) for name in ("opcodes", "types")}
    server._set(**(dict(values) | mappings))  # noqa: SLF001 - of its own class
    return server


def _unpickled(values: Mapping[str, Any]) -> Server:
    dialect, version = values["dialect"], values["version"]
    types, opcodes = writable_types(dialect, version), writable_opcodes(dialect, version)
    rows = {
        "types": {name: types[name] for name in values["types"]},
        "opcodes": {name: opcodes[name] for name in values["opcodes"]},
    }
    return _remade(dict(values) | rows)


def _without(rows: Mapping[str, Any], lacks: Collection[str]) -> Mapping[str, Any]:
    return MappingProxyType({name: row for name, row in rows.items() if name not in lacks})


def _modules(known: Named, loaded: Iterable[str] | None) -> frozenset[str] | None:
    """Its own and those loaded; None when nobody says what it has."""
    if known.modules is None and loaded is None:
        return None
    return types_held(known.modules or (), loaded, known.dialect)


def _version_row(dialect: Dialect, version: int) -> VersionRow:
    if dialect not in DIALECTS:
        raise EncodeError(f"unknown dialect {dialect!r}; known are {', '.join(DIALECTS)}")
    row = version_row(dialect, version)
    if row is None:
        raise EncodeError(f"no {dialect} server reads RDB version {version}")
    return row
