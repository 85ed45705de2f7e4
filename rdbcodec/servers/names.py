"""What a name says of a server: which release it loads like, and what is its own.

    redis-7.2   Redis 7.2   7.2          a release, in any case; a bare number means Redis
    amr-balanced-7.4                     a place: `compat` knows those, and is asked when no release fits

Releases lie between those of the table: "redis-7.3" loads what the newest release that is not newer does.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable

from rdbcodec.errors import EncodeError
from rdbcodec.formats import FIRST_VALKEY, RELEASES, BackLength, Dialect, ReleaseRow, releases_of
from rdbcodec.named_tuples import NamedTuple

DEFAULT_VERSION = 11  # what Redis 7.2 and later and every Valkey read


class Named(NamedTuple):
    """What is known of a server by its name; None is "nobody says".

    `modules` are the types it has by itself, `lacks` the types and opcodes it ends on although its release
    knows them. `gzip` is "yes", "no" or "unknown" of a place, None of a release: how a file gets to it is
    its user's choice.
    """

    dialect: Dialect
    version: int
    name: str | None = None
    release: str | None = None
    last_type: int | None = None
    back_length: BackLength | None = None
    modules: frozenset[str] | None = None
    lacks: tuple[str, ...] = ()
    databases: int | None = None
    cluster_databases: int | None = None
    gzip: str | None = None


def canonical(name: str) -> str:
    """The one spelling of a name: small letters, hyphens; a bare version is one of Redis."""
    words = "-".join(name.lower().split())
    return f"redis-{words}" if words[:1].isdecimal() else words


def named(name: str) -> Named:
    """What is known of the server of a name; raises EncodeError for a name nobody knows."""
    row = release_row(name)
    if row is not None and len(releases_of(row.product)) > 1:
        return of_release(row, canonical(name))
    # Above this floor: found by its name, when no row is of this release, as whoever asks for a place
    # needs the table of places. That knows more of the releases of Dragonfly and KeyDB than their one row.
    try:
        place: Named = importlib.import_module(_PLACES).named(name)
    except EncodeError:
        if row is None:
            raise
        return of_release(row, canonical(name))
    return place


_PLACES = "rdbcodec.compat.target"


def of_version(version: int | None, dialect: Dialect | None) -> Named:
    """A server of which only this is known."""
    version = DEFAULT_VERSION if version is None else version
    return Named(dialect or ("valkey" if version >= FIRST_VALKEY else "redis"), version)


def of_release(row: ReleaseRow, name: str) -> Named:
    """A release, under the name it was asked for."""
    return Named(
        row.dialect,
        row.accepts,
        name,
        release=name,
        last_type=row.last_type,
        back_length=row.back_length,
        modules=frozenset(row.modules),
    )


def release_row(name: str) -> ReleaseRow | None:
    """The row of a release such as "redis-6.2": the newest that is not newer; None for none of a product.

    The first number of a release is one of those known: what a Redis 99 would load, nobody can say.
    """
    product, _, release = canonical(name).rpartition("-")
    rows, wanted = releases_of(product), version_key(release)
    older = [row for row in rows if wanted and version_key(row.release) <= wanted]
    if not older or (len(rows) > 1 and wanted[0] > version_key(rows[-1].release)[0]):
        return None
    return older[-1]


def version_key(version: str) -> tuple[int, ...]:
    """A version for comparing: (6, 0, 20) for "6.0.20", () for none; the x of "6.x" is the last of all."""
    parts = version.split(".")
    if not all(re.fullmatch(_PART, part, re.ASCII) for part in parts):
        return ()
    return tuple(_LAST if part == "x" else int(part) for part in parts)


_PART, _LAST = r"\d{1,4}|x", 9999


def unknown(name: str, close: Iterable[str]) -> EncodeError:
    """The error for a name nobody knows, with those close to it; else with all releases."""
    if close := list(close):
        return EncodeError(f"unknown server {name!r}, did you mean {' or '.join(close)}?")
    known = ", ".join(f"{row.product.lower()}-{row.release}" for row in RELEASES)
    return EncodeError(
        f"unknown server {name!r}; known are {known}, those between, and what compat --list-targets names"
    )
