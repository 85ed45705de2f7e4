"""What modules are called: by their makers, by MODULE LIST and by the types they write into a file.

    RediSearch        product: what documentation and cloud portals say
    search            what MODULE LIST answers
    ft_index0         a type, 9 characters, in front of its data in the file

All of them are understood wherever modules are named, in any case, and mean the module as a whole. Two
products may share a name: `bf` is valkey-bloom on Valkey and RedisBloom everywhere else; `graphdata` is
RedisGraph up to encoding version 16 and FalkorDB above. Facts: module-values.md, measured on Redis Stack
7.4 in Redis 7.4.1 and on FalkorDB 4.22.1; valkey-bloom and Tair: compat-facts.md.

`none` and `all` may stand for names. A name nobody knows is refused, with what was perhaps meant. A module
of one's own goes by its type (9 characters) or by its class of key metadata (4 characters), which are told
from slips of the pen by being like no name in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rdbcodec.errors import ModuleNameError
from rdbcodec.formats import Dialect
from rdbcodec.named_tuples import NamedTuple

LONGEST_SHOWN = 40  # characters of a wrong name in a message
NONE = "none"  # said instead of names: the server has no modules but those of every build
ALL = "all"  # or: whatever the file holds


class ModuleRow(NamedTuple):
    """A module: product, what MODULE LIST says, its types with the encoding versions it writes.

    `dialect` is that of its servers where it shares a name with one of others.
    """

    product: str
    listed: tuple[str, ...]
    types: tuple[str, ...]
    since: int = 0
    until: int = 1023
    dialect: Dialect | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everything it is called, in small letters."""
        return frozenset(name.lower() for name in (self.product, *self.listed, *self.types))

    def writes(self, type_: str, version: int) -> bool:
        """Whether a type of this encoding version is this module's."""
        return type_ in self.types and self.since <= version <= self.until


def product_of(type_: str, version: int) -> str:
    """The product a module type belongs to; the type's own name where that is not known."""
    return next((row.product for row in MODULES if row.writes(type_, version)), type_)


def modules_named(names: Iterable[str], dialect: Dialect | None = None) -> tuple[ModuleRow, ...]:
    """The modules of these names, on servers of a dialect; `none` among them adds nothing.

    Raises ModuleNameError for a name that is none.
    """
    rows = [row for name in names if name.lower() != NONE for row in _rows_named(name, dialect)]
    return tuple(dict.fromkeys(rows))


def types_named(names: Iterable[str], dialect: Dialect | None = None) -> frozenset[str]:
    """The types of the modules of these names, and the classes of key metadata among them."""
    return frozenset(type_ for row in modules_named(names, dialect) for type_ in row.types)


def types_held(
    own: Iterable[str], names: Iterable[str] | None, dialect: Dialect | None = None
) -> frozenset[str] | None:
    """The types a server holds that has some of its own and is told to load these; None for any."""
    told = [] if names is None else list(names)
    if any(name.lower() == ALL for name in told):
        return None
    return types_named(told, dialect).union(own)


def _rows_named(name: str, dialect: Dialect | None) -> list[ModuleRow]:
    rows = [row for row in MODULES if name.lower() in row.names]
    own = [row for row in rows if row.dialect is not None and row.dialect == dialect]
    rows = own or [row for row in rows if row.dialect is None] or rows
    return rows or [_of_ones_own(name)]


def _of_ones_own(name: str) -> ModuleRow:
    import difflib  # noqa: PLC0415 - for names nobody knows, and so not loaded for those of all others

    known = {known.lower(): known for row in MODULES for known in (row.product, *row.listed, *row.types)}
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.7)
    if not close and re.fullmatch(_TYPE_OR_CLASS, name):
        return ModuleRow(name, (), (name,))
    hint = (
        f"did you mean {' or '.join(known[one] for one in close)}?"
        if close
        else f"known are {', '.join(row.product for row in MODULES)}, and types of 9 characters"
    )
    # What is no name at all may be a secret behind a mistyped flag.
    shown = repr(name) if len(name) <= LONGEST_SHOWN and "://" not in name else "of a longer name"
    raise ModuleNameError(f"unknown module {shown}, {hint}")


_TYPE_OR_CLASS = r"[A-Za-z0-9_-]{9}|[A-Za-z0-9_-]{4}"

_SEARCH = ("ft_index0", "scdtype00", "trietype0", "ft_invidx", "ft_tagidx", "numericdx")
_BLOOM = ("MBbloom--", "MBbloomCF", "CMSk-TYPE", "TopK-TYPE", "TDIS-TYPE")
_LAST_REDISGRAPH = 16  # encoding version of graphdata

MODULES: tuple[ModuleRow, ...] = (
    ModuleRow("RedisJSON", ("ReJSON",), ("ReJSON-RL",)),
    ModuleRow("RediSearch", ("search", "ft"), _SEARCH),
    ModuleRow("RedisBloom", ("bf",), _BLOOM),
    ModuleRow("RedisTimeSeries", ("timeseries",), ("TSDB-TYPE",)),
    ModuleRow("RedisGraph", ("graph",), ("graphdata",), until=_LAST_REDISGRAPH),
    ModuleRow("FalkorDB", ("graph",), ("graphdata",), since=_LAST_REDISGRAPH + 1),
    ModuleRow("vectorset", (), ("vectorset",)),
    ModuleRow("valkey-bloom", ("bf",), ("bloomfltr",), dialect="valkey"),
    ModuleRow("TairString", (), ("exstrtype",)),
    ModuleRow("TairHash", (), ("tairhash-",)),
    ModuleRow("TairZset", (), ("tairzset_",)),
)
