"""Servers: what one reads and would write, frozen. A snapshot is written for one of them.

The counterpart of Scope: what a value needs from its surroundings to be encoded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from rdbcodec.errors import EncodeError
from rdbcodec.formats import (
    DIALECTS,
    FIRST_VALKEY,
    RELEASES,
    SINCE,
    BackLength,
    Dialect,
    OpcodeRow,
    ReleaseRow,
    TypeRow,
    VersionRow,
    releases_of,
    version_row,
    writable_opcodes,
    writable_types,
)
from rdbcodec.module_names import types_held

DEFAULT_VERSION = 11  # what Redis 7.2 and later and every Valkey read


class Thresholds(NamedTuple):
    """Up to which size a server keeps a value compact; the defaults of every server (rdb-format.md, 6.2).

    Entries are counted, values measured in bytes. `list_size` is that of quicklist nodes: elements when
    positive, -1 to -5 for 4 to 64 KiB. `list_entries` and `list_value` are for servers before 3.2.
    """

    hash_entries: int = 512
    hash_value: int = 64
    zset_entries: int = 128
    zset_value: int = 64
    intset_entries: int = 512
    set_entries: int = 128
    set_value: int = 64
    list_size: int = -2
    list_entries: int = 512
    list_value: int = 64
    stream_bytes: int = 4096
    stream_entries: int = 100


DEFAULT_THRESHOLDS = Thresholds()

# The servers' own names of the thresholds, old and new.
SETTINGS: dict[str, str] = {
    "hash-max-listpack-entries": "hash_entries",
    "hash-max-listpack-value": "hash_value",
    "hash-max-ziplist-entries": "hash_entries",
    "hash-max-ziplist-value": "hash_value",
    "hash-max-zipmap-entries": "hash_entries",
    "hash-max-zipmap-value": "hash_value",
    "zset-max-listpack-entries": "zset_entries",
    "zset-max-listpack-value": "zset_value",
    "zset-max-ziplist-entries": "zset_entries",
    "zset-max-ziplist-value": "zset_value",
    "set-max-intset-entries": "intset_entries",
    "set-max-listpack-entries": "set_entries",
    "set-max-listpack-value": "set_value",
    "list-max-listpack-size": "list_size",
    "list-max-ziplist-size": "list_size",
    "list-max-ziplist-entries": "list_entries",
    "list-max-ziplist-value": "list_value",
    "stream-node-max-bytes": "stream_bytes",
    "stream-node-max-entries": "stream_entries",
}


class Server:
    """A server: dialect and RDB version, with everything that follows from them. It never changes.

    `name` is what messages call it. `modules` are the module types it has; None when nobody knows, and
    then modules are kept. `databases` is how many it has; None for enough. `lacks` are opcodes it ends on
    although its release knows them. `simplest` leaves out the
    compact layouts. `templates` maps field names to the ids of the hash templates that a file of this
    server has: it is empty but for the Writer that writes them (see replaced).
    """

    __slots__ = (
        "back_length",
        "compress",
        "databases",
        "dialect",
        "modules",
        "name",
        "opcodes",
        "small_integers",
        "templates",
        "thresholds",
        "types",
        "version",
    )

    back_length: BackLength
    compress: bool
    databases: int | None
    dialect: Dialect
    thresholds: Thresholds
    modules: frozenset[str] | None
    name: str
    opcodes: Mapping[str, OpcodeRow]
    small_integers: bool
    templates: Mapping[tuple[bytes, ...], int]
    types: Mapping[str, TypeRow]
    version: int

    def __init__(
        self,
        dialect: Dialect,
        version: int,
        *,
        name: str | None = None,
        last_type: int | None = None,
        modules: frozenset[str] | None = None,
        databases: int | None = None,
        back_length: BackLength | None = None,
        compress: bool = True,
        simplest: bool = False,
        thresholds: Thresholds = DEFAULT_THRESHOLDS,
        lacks: Collection[str] = (),
    ) -> None:
        row = _version_row(dialect, version)
        opcodes = writable_opcodes(dialect, version)
        types = {
            name: row
            for name, row in writable_types(dialect, version).items()
            if (last_type is None or row.code <= last_type) and not (simplest and row.compact)
        }
        self._set(
            dialect=dialect,
            version=version,
            name=name or f"{dialect} RDB {version}",
            types=MappingProxyType(types),
            opcodes=MappingProxyType({name: row for name, row in opcodes.items() if name not in lacks}),
            back_length=back_length or row.back_length,
            modules=modules,
            databases=databases,
            compress=compress,
            thresholds=thresholds,
            small_integers=version >= SINCE["small-integers"],
            templates=_NO_TEMPLATES,
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

        `modules` are those loaded into it besides its own, by any of their names; without it a release
        has its own only, and of a version nobody knows. `clustered` says that the server of a release runs
        in cluster mode: others end on the record of a running slot import. The other parameters are those
        of `create`. A Server stays as it is. Raises EncodeError for a server or setting nobody knows,
        ModuleNameError for such a module.
        """
        if isinstance(to, Server):
            return to
        row, dialect, version = _asked(to, version, dialect)
        own = () if row is None else row.modules
        is_known = row is not None or modules is not None
        return cls(
            dialect,
            version,
            name=to,
            last_type=None if row is None else row.last_type,
            modules=types_held(own, modules, dialect) if is_known else None,
            databases=databases,
            back_length=None if row is None else row.back_length,
            compress=compress,
            thresholds=thresholds_of(settings or {}),
            simplest=simplest,
            lacks=() if clustered or row is None else ("slot-import",),
        )

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Server never changes: make another instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Server never changes: {name!r} stays")

    def __reduce__(self) -> tuple[object, ...]:
        """For copies and other processes; the templates of a file stay with its Writer."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values |= {"types": dict(self.types), "opcodes": dict(self.opcodes), "templates": {}}
        return _remade, (values,)

    def replaced(self, **values: Any) -> Server:
        """Another server, with these attributes; with `templates` for one file, whose Writer fills them."""
        return _remade({name: getattr(self, name) for name in self.__slots__} | values)

    @property
    def magic(self) -> bytes:
        """The first bytes of a file for it."""
        if self.version >= FIRST_VALKEY:
            return b"VALKEY%03d" % self.version
        return b"REDIS%04d" % self.version


def _remade(values: Mapping[str, Any]) -> Server:
    server = Server.__new__(Server)
    mappings = {name: MappingProxyType(values[name]) for name in ("opcodes", "templates", "types")}
    server._set(**(dict(values) | mappings))  # noqa: SLF001 - of its own class
    return server


def _asked(
    release: str | None, version: int | None, dialect: Dialect | None
) -> tuple[ReleaseRow | None, Dialect, int]:
    """The row of a release, dialect and version."""
    if release is None:
        version = DEFAULT_VERSION if version is None else version
        return None, dialect or ("valkey" if version >= FIRST_VALKEY else "redis"), version
    if version is not None or dialect is not None:
        raise EncodeError("name a release or a version, not both")
    row = release_row(release)
    return row, row.dialect, row.accepts


def _version_row(dialect: Dialect, version: int) -> VersionRow:
    if dialect not in DIALECTS:
        raise EncodeError(f"unknown dialect {dialect!r}; known are {', '.join(DIALECTS)}")
    row = version_row(dialect, version)
    if row is None:
        raise EncodeError(f"no {dialect} server reads RDB version {version}")
    return row


_NO_TEMPLATES: Mapping[tuple[bytes, ...], int] = MappingProxyType({})


def thresholds_of(settings: Mapping[str, int]) -> Thresholds:
    """Limits from settings under the servers' names; raises EncodeError for a name that is none."""
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise EncodeError(f"unknown setting {unknown[0]!r}, known are {', '.join(SETTINGS)}")
    return Thresholds(**{SETTINGS[name]: value for name, value in settings.items()})


def release_row(text: str) -> ReleaseRow:
    """The row of a release such as "redis-6.2": the newest that is not newer.

    Raises EncodeError for a product or release that is not known.
    """
    product, _, release = text.partition("-")
    rows = releases_of(product)
    wanted = _numbers(release)
    older = [row for row in rows if wanted and _numbers(row.release) <= wanted]
    if not older or (len(rows) > 1 and wanted[0] > _numbers(rows[-1].release)[0]):
        known = ", ".join(f"{row.product.lower()}-{row.release}" for row in rows or RELEASES)
        raise EncodeError(f"unknown release {text!r}; known are {known}, and those between")
    return older[-1]


def _numbers(release: str) -> tuple[int, ...]:
    parts = release.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
